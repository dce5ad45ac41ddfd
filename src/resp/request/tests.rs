//! Every edge of the parser, each fed whole, in every two parts, and byte by byte.

use super::*;

const LIMITS: Limits = Limits {
    bulk_bytes_max: 1024 * 1024,
    args_max: 65_536,
    line_bytes_max: 64 * 1024,
    unauthenticated: false,
};
const UNAUTHENTICATED: Limits = Limits { unauthenticated: true, ..LIMITS };

type Outcome = Result<(usize, Vec<Vec<u8>>), String>;

/// Feeds prefixes of `input` of the given lengths until something comes out; `None` if nothing
/// does.
fn feed(input: &[u8], lengths: impl Iterator<Item = usize>, limits: &Limits) -> Option<Outcome> {
    let mut parser = Parser::default();
    for length in lengths {
        // A fresh copy each time: the bytes may move between calls.
        let mut bytes = input[..length].to_vec();
        match parser.parse(&mut bytes, limits) {
            Ok(Parsed::Incomplete) => {}
            Ok(Parsed::Request { used_bytes }) => {
                let args = parser.args().iter().map(|span| span.of(&bytes).to_vec()).collect();
                return Some(Ok((used_bytes, args)));
            }
            Err(ProtocolError(text)) => {
                assert!(parser.args().is_empty());
                return Some(Err(text.strip_prefix("Protocol error: ").unwrap().to_owned()));
            }
        }
    }
    None
}

/// The outcome of `input`, however it is cut.
fn outcome(input: &[u8], limits: &Limits) -> Option<Outcome> {
    let whole = feed(input, std::iter::once(input.len()), limits);
    assert_eq!(feed(input, 0..=input.len(), limits), whole, "byte by byte: {input:?}");
    let step = (input.len() / 300).max(1);
    for cut in (0..input.len()).step_by(step) {
        let parts = [cut, input.len()].into_iter();
        assert_eq!(feed(input, parts, limits), whole, "cut at {cut}: {input:?}");
    }
    whole
}

fn request(used_bytes: usize, args: &[&[u8]]) -> Option<Outcome> {
    Some(Ok((used_bytes, args.iter().map(|arg| arg.to_vec()).collect())))
}

fn error(text: &str) -> Option<Outcome> {
    Some(Err(text.to_owned()))
}

#[test]
fn whole_requests_are_read() {
    for (input, expected) in [
        (&b"*1\r\n$4\r\nPING\r\n"[..], request(14, &[b"PING"])),
        (b"*2\r\n$1\r\na\r\n$0\r\n\r\n*1", request(17, &[b"a", b""])),
        (b"*1\r\n$4\r\na\r\nb\r\n", request(14, &[b"a\r\nb"])),
        (b"*0\r\n*1\r\n", request(4, &[])),
        (b"*-1\r\n", request(5, &[])),
        (b"*-9223372036854775808\r\n", request(23, &[])),
        (b"\r\nPING\r\n", request(2, &[])),
        (b"\n", request(1, &[])),
        (b"  \t \r\n", request(6, &[])),
        (b"PING\r\n", request(6, &[b"PING"])),
        (b"PING\n", request(5, &[b"PING"])),
        (b"GET \"a\\x0a\" 'b'\r\nrest", request(17, &[b"GET", b"a\n", b"b"])),
        (b"+OK\r\n", request(5, &[b"+OK"])),
        (b"$4\r\n", request(4, &[b"$4"])),
        // As in Redis the byte behind the CR of a header is not looked at.
        (b"*1\rx$1\rxa\r\n", request(11, &[b"a"])),
    ] {
        assert_eq!(outcome(input, &LIMITS), expected, "{input:?}");
    }
}

#[test]
fn unfinished_requests_wait() {
    for input in [
        &b""[..],
        b"*",
        b"*1",
        b"*1\r",
        b"*1\r\n",
        b"*1\r\n$",
        b"*1\r\n$1\r",
        b"*1\r\n$1\r\n",
        b"*1\r\n$1\r\na",
        b"*1\r\n$1\r\na\r",
        b"*2\r\n$1\r\na\r\n",
        b"PING",
        b"PING \"",
        b"PING\r",
        b"*x",
        b"*1\r\n$x",
    ] {
        assert_eq!(outcome(input, &LIMITS), None, "{input:?}");
    }
}

#[test]
fn errors_have_the_texts_of_redis() {
    let invalid_count = error("invalid multibulk length");
    let invalid_bulk = error("invalid bulk length");
    for (input, expected) in [
        (&b"*\r\n"[..], &invalid_count),
        (b"*x\r\n", &invalid_count),
        (b"*01\r\n", &invalid_count),
        (b"*00\r\n", &invalid_count),
        (b"*-0\r\n", &invalid_count),
        (b"*+1\r\n", &invalid_count),
        (b"* 1\r\n", &invalid_count),
        (b"*-\r\n", &invalid_count),
        (b"*1\n\r\n", &invalid_count),
        (b"*65537\r\n", &invalid_count),
        (b"*2147483648\r\n", &invalid_count),
        (b"*9223372036854775808\r\n", &invalid_count),
        (b"*-9223372036854775809\r\n", &invalid_count),
        (b"*000000000000000000001\r\n", &invalid_count),
        (b"*1\r\n$\r\n", &invalid_bulk),
        (b"*1\r\n$-1\r\n", &invalid_bulk),
        (b"*1\r\n$-2\r\n", &invalid_bulk),
        (b"*1\r\n$x\r\n", &invalid_bulk),
        (b"*1\r\n$01\r\n", &invalid_bulk),
        (b"*1\r\n$1048577\r\n", &invalid_bulk),
        (b"*1\r\n$9000000000000000000\r\n", &invalid_bulk),
        (b"*1\r\n$18446744073709551615\r\n", &invalid_bulk),
        (b"*1\r\n$1\r\naXY", &invalid_bulk),
        (b"*1\r\n$1\r\na\rX", &invalid_bulk),
        (b"*1\r\n$1\r\na\n\n", &invalid_bulk),
        (b"*1\r\n*1\r\n", &error("expected '$', got '*'")),
        (b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n", &error("expected '$', got 'f'")),
        (b"*1\r\n\r\n", &error("expected '$', got ' '")),
        (b"*1\r\n\0", &error("expected '$', got ' '")),
        (b"*1\r\n\xff", &error("expected '$', got ' '")),
        (b"*1\r\n\x1b", &error("expected '$', got ' '")),
        (b"GET \"a\r\n", &error("unbalanced quotes in request")),
        (b"GET \"a\"b\r\n", &error("unbalanced quotes in request")),
    ] {
        assert_eq!(&outcome(input, &LIMITS), expected, "{input:?}");
    }
}

#[test]
fn a_client_that_has_not_authenticated_gets_less() {
    let count = error("unauthenticated multibulk length");
    let bulk = error("unauthenticated bulk length");
    for (input, authenticated, unauthenticated) in [
        (&b"*10\r\n"[..], &None, &None),
        (b"*11\r\n", &None, &count),
        (b"*65536\r\n", &None, &count),
        (b"*1\r\n$16384\r\n", &None, &None),
        (b"*1\r\n$16385\r\n", &None, &bulk),
        (b"*1\r\n$1048576\r\n", &None, &bulk),
    ] {
        assert_eq!(&outcome(input, &LIMITS), authenticated);
        assert_eq!(&outcome(input, &UNAUTHENTICATED), unauthenticated);
    }
    assert_eq!(outcome(b"*65537\r\n", &UNAUTHENTICATED), error("invalid multibulk length"));
}

#[test]
fn lines_end_within_their_bound() {
    let limits = Limits { line_bytes_max: 30, ..LIMITS };
    let inline = |bytes: usize| [vec![b'a'; bytes], b"\n".to_vec()].concat();
    assert_eq!(outcome(&inline(30), &limits), request(31, &[&[b'a'; 30]]));
    assert_eq!(outcome(&inline(31), &limits), error("too big inline request"));
    assert_eq!(outcome(&[b'a'; 30], &limits), None);
    assert_eq!(outcome(&[b'a'; 31], &limits), error("too big inline request"));
    let count = |bytes: usize| [b"*".to_vec(), vec![b'1'; bytes]].concat();
    assert_eq!(outcome(&count(29), &limits), None);
    assert_eq!(outcome(&count(30), &limits), error("too big mbulk count string"));
    let bulk = |bytes: usize| [b"*1\r\n$".to_vec(), vec![b'1'; bytes]].concat();
    assert_eq!(outcome(&bulk(29), &limits), None);
    assert_eq!(outcome(&bulk(30), &limits), error("too big bulk count string"));
}

#[test]
fn limits_of_arrays_and_bulks_are_inclusive() {
    let limits = Limits { args_max: 2, bulk_bytes_max: 3, ..LIMITS };
    assert_eq!(
        outcome(b"*2\r\n$3\r\nabc\r\n$3\r\ndef\r\n", &limits),
        request(22, &[b"abc", b"def"])
    );
    assert_eq!(outcome(b"*3\r\n", &limits), error("invalid multibulk length"));
    assert_eq!(outcome(b"*1\r\n$4\r\n", &limits), error("invalid bulk length"));
}

#[test]
fn a_request_leaves_no_trace_in_the_next() {
    let mut parser = Parser::default();
    let pipeline = b"*2\r\n$1\r\na\r\n$1\r\nb\r\n*0\r\nPING x\r\n*-1\r\n\r\n*1\r\n$1\r\nc\r\n";
    for chunk in 1..=pipeline.len() {
        let (mut from, mut to, mut seen) = (0, 0, Vec::new());
        while from < pipeline.len() {
            let mut bytes = pipeline[from..to].to_vec();
            match parser.parse(&mut bytes, &LIMITS).unwrap() {
                Parsed::Incomplete => to = (to + chunk).min(pipeline.len()),
                Parsed::Request { used_bytes } => {
                    from += used_bytes;
                    seen.push(parser.args().len());
                }
            }
        }
        assert_eq!(seen, [2, 0, 2, 0, 0, 1], "in chunks of {chunk}");
    }
}

#[test]
fn memory_follows_what_arrived_and_is_given_back() {
    let mut parser = Parser::default();
    let mut announced = b"*65536\r\n$1048576\r\n".to_vec();
    assert_eq!(parser.parse(&mut announced, &LIMITS), Ok(Parsed::Incomplete));
    assert_eq!(parser.spans.capacity(), 0);

    let mut parser = Parser::default();
    let mut many = [b"*1000\r\n".to_vec(), b"$1\r\na\r\n".repeat(1000)].concat();
    let used_bytes = many.len();
    assert_eq!(parser.parse(&mut many, &LIMITS), Ok(Parsed::Request { used_bytes }));
    assert_eq!(parser.args().len(), 1000);
    assert_eq!(parser.parse(&mut [], &LIMITS), Ok(Parsed::Incomplete));
    assert!(parser.spans.capacity() <= SPANS_KEPT);
}

/// Drips `input` in chunks and gives the number of bytes that the parser looked at.
fn examined(input: &[u8], chunk: usize) -> usize {
    let mut parser = Parser::default();
    let mut bytes = input.to_vec();
    for length in (1..input.len()).step_by(chunk) {
        assert_eq!(parser.parse(&mut bytes[..length], &LIMITS), Ok(Parsed::Incomplete));
    }
    let used_bytes = input.len();
    assert_eq!(parser.parse(&mut bytes, &LIMITS), Ok(Parsed::Request { used_bytes }));
    parser.examined
}

#[test]
fn a_dripped_line_is_looked_at_twice_at_most() {
    // Once for its end, once to split it.
    let line = [vec![b'a'; 64 * 1024 - 2], b"\r\n".to_vec()].concat();
    let seen = examined(&line, 1);
    assert!(seen >= line.len() && seen <= 2 * line.len() + 2, "{seen}");
}

#[test]
fn a_dripped_bulk_is_skipped_by_its_length() {
    let bulk = [&b"*1\r\n$1048576\r\n"[..], &vec![b'a'; 1_048_576], b"\r\n"].concat();
    let seen = examined(&bulk, 1);
    assert!(seen > 0 && seen < 64, "{seen}");
}

#[test]
fn many_dripped_bulks_cost_their_headers() {
    let bulks = [b"*1000\r\n".to_vec(), b"$1\r\na\r\n".repeat(1000)].concat();
    let seen = examined(&bulks, 1);
    assert!(seen > 1000 && seen <= 3 * bulks.len(), "{seen}");
}
