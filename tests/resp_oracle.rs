//! The parser and the encoder against redis-protocol, on random input.

#![allow(clippy::unwrap_used, reason = "a helper of a test ends the test")]

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use ratel::resp::{
    Frame, Limits, Parsed, Parser, Protocol, ProtocolError, Reply, array, boolean, bulk, double,
    error, integer, map, null, set, simple, verbatim,
};
use redis_protocol::resp2::types::OwnedFrame as Resp2;
use redis_protocol::{resp2, resp3};

const LIMITS: Limits = Limits {
    bulk_bytes_max: 1024 * 1024,
    args_max: 65_536,
    line_bytes_max: 64 * 1024,
    unauthenticated: false,
};

type Args = Vec<Vec<u8>>;

/// Arguments of one request; lengths on both sides of what the quick path reads.
fn request() -> impl Strategy<Value = Args> {
    let short = vec(any::<u8>(), 0..24);
    let breaks = vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'$'), Just(b'*')], 0..8);
    let long = vec(any::<u8>(), 900..1100);
    vec(prop_oneof![8 => short, 2 => breaks, 1 => long], 1..12)
}

fn encoded(args: &Args) -> Vec<u8> {
    let mut out = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// All requests of `input` as redis-protocol reads them.
fn by_redis_protocol(mut input: &[u8]) -> Vec<Result<Args, ProtocolError>> {
    let mut requests = Vec::new();
    while !input.is_empty() {
        let (frame, used_bytes) = resp2::decode::decode(input).unwrap().unwrap();
        let Resp2::Array(frames) = frame else { panic!("not an array") };
        let args = frames.into_iter().map(|frame| match frame {
            Resp2::BulkString(data) => data,
            other => panic!("not a bulk: {other:?}"),
        });
        requests.push(Ok(args.collect()));
        input = &input[used_bytes..];
    }
    requests
}

/// What our parser makes of `input` when it arrives up to each of `cuts`: requests, and the error
/// that ends them.
fn by_ratel(input: &[u8], cuts: &[usize]) -> Vec<Result<Args, ProtocolError>> {
    let (mut parser, mut seen, mut from) = (Parser::default(), Vec::new(), 0);
    for cut in cuts.iter().copied().chain([input.len()]) {
        loop {
            let mut bytes = input[from.min(cut)..cut].to_vec();
            match parser.parse(&mut bytes, &LIMITS) {
                Ok(Parsed::Incomplete) => break,
                Ok(Parsed::Request { used_bytes }) => {
                    assert!(used_bytes > 0);
                    let args = parser.args().iter().map(|span| span.of(&bytes).to_vec());
                    seen.push(Ok(args.collect()));
                    from += used_bytes;
                }
                Err(problem) => {
                    seen.push(Err(problem));
                    return seen;
                }
            }
        }
    }
    seen
}

fn sorted_cuts(cuts: &[prop::sample::Index], input: &[u8]) -> Vec<usize> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len() + 1)).collect();
    cuts.sort_unstable();
    cuts
}

fn hashable() -> impl Strategy<Value = Frame> {
    prop_oneof![
        vec(any::<u8>(), 0..20).prop_map(bulk),
        "[ -~]{0,12}".prop_map(|text| simple(&text)),
        any::<i64>().prop_map(integer),
    ]
}

fn frame() -> impl Strategy<Value = Frame> {
    let leaf = prop_oneof![
        4 => hashable(),
        1 => "[A-Z]{1,6} [ -~]{0,20}".prop_map(|text| error(&text)),
        1 => any::<f64>().prop_map(double),
        1 => any::<bool>().prop_map(boolean),
        1 => Just(null()),
        1 => "\\PC{0,20}".prop_map(|text| verbatim(&text)),
        1 => "-?[1-9][0-9]{0,30}".prop_map(|digits| Frame::BigNumber {
            data: Bytes::from(digits),
            attributes: None,
        }),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(array),
            vec((hashable(), inner.clone()), 0..6).prop_map(map),
            vec(hashable(), 0..6).prop_map(set),
            vec(inner, 0..4).prop_map(|data| Frame::Push { data, attributes: None }),
        ]
    })
}

fn children(frame: &Frame) -> Option<Vec<&Frame>> {
    match frame {
        Frame::Array { data, .. } | Frame::Push { data, .. } => Some(data.iter().collect()),
        Frame::Set { data, .. } => Some(data.iter().collect()),
        Frame::Map { data, .. } => Some(data.iter().flat_map(|(k, v)| [k, v]).collect()),
        _ => None,
    }
}

/// Whether `seen` is what a RESP2 client should get for `frame`.
fn is_lowered(seen: &Resp2, frame: &Frame) -> bool {
    if let Some(children) = children(frame) {
        let Resp2::Array(seen) = seen else {
            return false;
        };
        return seen.len() == children.len()
            && seen.iter().zip(children).all(|(seen, child)| is_lowered(seen, child));
    }
    match (seen, frame) {
        (Resp2::BulkString(seen), Frame::BlobString { data, .. })
        | (Resp2::BulkString(seen), Frame::VerbatimString { data, .. })
        | (Resp2::BulkString(seen), Frame::BigNumber { data, .. })
        | (Resp2::SimpleString(seen), Frame::SimpleString { data, .. }) => seen == data,
        (Resp2::BulkString(seen), Frame::Double { data, .. }) => {
            // Any text that reads back to the same number; its form has tests of its own.
            let seen: f64 = std::str::from_utf8(seen).unwrap().parse().unwrap();
            seen.to_bits() == data.to_bits() || (seen.is_nan() && data.is_nan())
        }
        (Resp2::Error(seen), Frame::SimpleError { data, .. }) => **seen == **data,
        (Resp2::Integer(seen), Frame::Number { data, .. }) => seen == data,
        (Resp2::Integer(seen), Frame::Boolean { data, .. }) => (*seen == 1) == *data,
        (Resp2::Null, Frame::Null) => true,
        _ => false,
    }
}

fn holds_double(frame: &Frame) -> bool {
    matches!(frame, Frame::Double { .. })
        || children(frame).is_some_and(|children| children.into_iter().any(holds_double))
}

fn bytes_of(reply: &Reply, protocol: Protocol) -> Vec<u8> {
    let mut out = Vec::new();
    reply.encode(protocol, &mut out);
    out
}

proptest! {
    #[test]
    fn pipelines_parse_as_redis_protocol_parses_them(
        requests in vec(request(), 1..8),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let input: Vec<u8> = requests.iter().flat_map(encoded).collect();
        let seen = by_ratel(&input, &sorted_cuts(&cuts, &input));
        prop_assert_eq!(&seen, &by_redis_protocol(&input));
        prop_assert_eq!(seen, requests.into_iter().map(Ok).collect::<Vec<_>>());
    }

    #[test]
    fn any_bytes_parse_the_same_however_they_are_cut(
        input in vec(prop_oneof![
            3 => prop::sample::select(b"**$$11230\r\n\r\n\"'\\x a-".to_vec()),
            1 => any::<u8>(),
        ], 0..80),
        cuts in vec(any::<prop::sample::Index>(), 0..8),
    ) {
        prop_assert_eq!(by_ratel(&input, &sorted_cuts(&cuts, &input)), by_ratel(&input, &[]));
    }

    #[test]
    fn resp3_frames_encode_as_redis_protocol_encodes_them(frame in frame()) {
        // A double's text is Redis's, not that crate's.
        prop_assume!(!holds_double(&frame));
        let mut expected = vec![0; 1 << 16];
        let length = resp3::encode::complete::encode_bytes(&mut expected, &frame, false).unwrap();
        expected.truncate(length);
        prop_assert_eq!(bytes_of(&Reply::Frame(frame), Protocol::Resp3), expected);
    }

    #[test]
    fn resp3_doubles_read_back_to_the_same_number(number: f64) {
        let bytes = bytes_of(&Reply::Frame(double(number)), Protocol::Resp3);
        let (seen, used_bytes) = resp3::decode::complete::decode(&bytes).unwrap().unwrap();
        prop_assert_eq!(used_bytes, bytes.len());
        let resp3::types::OwnedFrame::Double { data, .. } = seen else { panic!("{seen:?}") };
        prop_assert!(data.to_bits() == number.to_bits() || (data.is_nan() && number.is_nan()));
    }

    #[test]
    fn resp2_frames_decode_to_their_lowered_form(frame in frame()) {
        let bytes = bytes_of(&Reply::Frame(frame.clone()), Protocol::Resp2);
        let (seen, used_bytes) = resp2::decode::decode(&bytes).unwrap().unwrap();
        prop_assert_eq!(used_bytes, bytes.len());
        prop_assert!(is_lowered(&seen, &frame), "{:?}", seen);
    }

    #[test]
    fn hot_replies_equal_the_general_path(numbers in any::<[i64; 5]>(), shift in 0_u32..64) {
        let numbers = numbers.map(|number| number >> shift);
        let five = Reply::Frame(array(numbers.map(integer).to_vec()));
        let one = Reply::Frame(integer(numbers[0]));
        let ok = Reply::Frame(simple("OK"));
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            prop_assert_eq!(bytes_of(&Reply::Five(numbers), protocol), bytes_of(&five, protocol));
            let integer = Reply::Integer(numbers[0]);
            prop_assert_eq!(bytes_of(&integer, protocol), bytes_of(&one, protocol));
            prop_assert_eq!(bytes_of(&Reply::Simple("OK"), protocol), bytes_of(&ok, protocol));
        }
    }
}
