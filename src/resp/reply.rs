//! Replies and their encoding.
//!
//! Not here: what to answer. The hot replies are written by hand, all else by redis-protocol.
//! Invariant: every reply but `Nothing` and `Pushes` appends exactly one RESP value.

use std::borrow::Cow;

use redis_protocol::resp2::types::Resp2Frame;
use redis_protocol::resp3::types::Resp3Frame;
use redis_protocol::{error::RedisProtocolError, resp2, resp3};

use super::digits::{LINE_BYTES_MAX, put_line_before};
use super::double;
use super::lower::{lower, one_text_line, without_breaks};

/// The general reply: redis-protocol's RESP3 frame, lowered to RESP2 where the client speaks that.
pub type Frame = redis_protocol::resp3::types::BytesFrame;

/// The protocol version that a connection has chosen by HELLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Protocol {
    /// RESP2, the default.
    #[default]
    Resp2,
    /// RESP3.
    Resp3,
}

/// What a handler returns.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// `+text`; line breaks become blanks.
    Simple(&'static str),
    /// `-text`, with its code (`ERR ...`); line breaks become blanks.
    Error(Cow<'static, str>),
    /// `:n`
    Integer(i64),
    /// A bulk string of any bytes.
    Bulk(Vec<u8>),
    /// A bulk string of an integer's decimal digits.
    BulkInteger(i64),
    /// Nothing: `_` in RESP3, `$-1` in RESP2.
    Null,
    /// No array: `_` in RESP3, `*-1` in RESP2.
    NullArray,
    /// One RESP value that is encoded already: it was made in the protocol of its time.
    Encoded(Vec<u8>),
    /// An array of five integers: the verdicts. Same bytes in RESP2 and RESP3, written by hand.
    Five([i64; 5]),
    /// Anything else.
    Frame(Frame),
    /// Any number of RESP values, encoded already, that are sent whatever CLIENT REPLY says: the
    /// confirmations of SUBSCRIBE.
    Pushes(Vec<u8>),
    /// Nothing is written (CLIENT REPLY OFF, a blocked client).
    Nothing,
}

impl Reply {
    /// Appends the reply's bytes to `out`.
    #[inline]
    pub fn encode(&self, protocol: Protocol, out: &mut Vec<u8>) {
        match self {
            Reply::Five(numbers) => encode_five(out, *numbers),
            Reply::Integer(number) => encode_integer(out, *number),
            Reply::Bulk(data) => encode_bulk(out, data),
            Reply::BulkInteger(number) => encode_bulk_integer(out, *number),
            Reply::Null => out.extend_from_slice(match protocol {
                Protocol::Resp2 => b"$-1\r\n",
                Protocol::Resp3 => b"_\r\n",
            }),
            Reply::NullArray => out.extend_from_slice(match protocol {
                Protocol::Resp2 => b"*-1\r\n",
                Protocol::Resp3 => b"_\r\n",
            }),
            Reply::Encoded(bytes) | Reply::Pushes(bytes) => out.extend_from_slice(bytes),
            Reply::Simple(text) => encode_line(out, b'+', text),
            Reply::Error(text) => encode_line(out, b'-', text),
            Reply::Frame(frame) => encode_frame(out, frame, protocol),
            Reply::Nothing => {}
        }
    }
}

const FIVE_HEAD: &[u8; 4] = b"*5\r\n";
const FIVE_BYTES_MAX: usize = FIVE_HEAD.len() + 5 * LINE_BYTES_MAX;

/// Appends an array of five integers, as [`Reply::Five`] does.
#[inline]
pub fn encode_five(out: &mut Vec<u8>, numbers: [i64; 5]) {
    let mut buffer = [0; FIVE_BYTES_MAX];
    let mut at = FIVE_BYTES_MAX;
    for number in numbers.into_iter().rev() {
        at = put_line_before(&mut buffer, at, number);
    }
    at -= FIVE_HEAD.len();
    buffer[at..at + FIVE_HEAD.len()].copy_from_slice(FIVE_HEAD);
    out.extend_from_slice(&buffer[at..]);
}

/// Appends an integer, as [`Reply::Integer`] does.
#[inline]
pub fn encode_integer(out: &mut Vec<u8>, number: i64) {
    let mut buffer = [0; LINE_BYTES_MAX];
    let at = put_line_before(&mut buffer, LINE_BYTES_MAX, number);
    out.extend_from_slice(&buffer[at..]);
}

/// Appends a bulk string, as [`Reply::Bulk`] does.
#[inline]
pub fn encode_bulk(out: &mut Vec<u8>, data: &[u8]) {
    out.reserve(data.len() + LINE_BYTES_MAX + 2);
    encode_length(out, data.len());
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

#[inline]
fn encode_bulk_integer(out: &mut Vec<u8>, number: i64) {
    let mut buffer = [0; LINE_BYTES_MAX];
    let at = put_line_before(&mut buffer, LINE_BYTES_MAX, number);
    // The line without its type byte: the digits and their end.
    let digits = &buffer[at + 1..];
    encode_length(out, digits.len() - 2);
    out.extend_from_slice(digits);
}

#[inline]
fn encode_length(out: &mut Vec<u8>, length: usize) {
    let mut buffer = [0; LINE_BYTES_MAX];
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let at = put_line_before(&mut buffer, LINE_BYTES_MAX, length);
    buffer[at] = b'$';
    out.extend_from_slice(&buffer[at..]);
}

/// Appends the head of an array of `length` values, which must follow.
pub fn encode_array_head(out: &mut Vec<u8>, length: usize) {
    encode_aggregate_head(out, b'*', length);
}

/// The same of another kind of aggregate.
pub(super) fn encode_aggregate_head(out: &mut Vec<u8>, kind: u8, length: usize) {
    let mut buffer = [0; LINE_BYTES_MAX];
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let at = put_line_before(&mut buffer, LINE_BYTES_MAX, length);
    buffer[at] = kind;
    out.extend_from_slice(&buffer[at..]);
}

fn encode_line(out: &mut Vec<u8>, kind: u8, text: &str) {
    let text = one_text_line(text);
    out.reserve(text.len() + 3);
    out.push(kind);
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// What replies are mostly made of is written by hand: the encoder would first copy all of it.
fn encode_frame(out: &mut Vec<u8>, frame: &Frame, protocol: Protocol) {
    match frame {
        Frame::Array { data, attributes: None } => {
            encode_array_head(out, data.len());
            data.iter().for_each(|frame| encode_frame(out, frame, protocol));
        }
        Frame::Number { data, attributes: None } => encode_integer(out, *data),
        Frame::BlobString { data, attributes: None } => encode_bulk(out, data),
        Frame::Double { data, attributes: None } => match protocol {
            Protocol::Resp2 => encode_bulk(out, double::text(*data).as_bytes()),
            Protocol::Resp3 => encode_line(out, b',', &double::text(*data)),
        },
        Frame::Null => Reply::Null.encode(protocol, out),
        other => encode_by_library(out, other, protocol),
    }
}

fn encode_by_library(out: &mut Vec<u8>, frame: &Frame, protocol: Protocol) {
    let start = out.len();
    let written = match protocol {
        Protocol::Resp3 => {
            let frame = without_breaks(frame);
            let room = tail(out, frame.encode_len(false));
            resp3::encode::complete::encode_bytes(room, &frame, false)
        }
        Protocol::Resp2 => {
            let frame = lower(frame);
            let room = tail(out, frame.encode_len(false));
            resp2::encode::encode_bytes(room, &frame, false)
        }
    };
    finish(out, start, written);
}

/// Grows `out` by `bytes` and gives the new part.
fn tail(out: &mut Vec<u8>, bytes: usize) -> &mut [u8] {
    let start = out.len();
    out.resize(start + bytes, 0);
    &mut out[start..]
}

/// Keeps what was written; where the encoder failed, an error takes the reply's place, since a
/// reply that is missing would shift all later ones.
fn finish(out: &mut Vec<u8>, start: usize, written: Result<usize, RedisProtocolError>) {
    match written {
        Ok(bytes) => out.truncate(start + bytes),
        Err(_) => {
            out.truncate(start);
            encode_line(out, b'-', "ERR the reply cannot be encoded");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::*;

    fn both(reply: &Reply) -> (String, String) {
        let encode = |protocol| {
            let mut out = b"before".to_vec();
            reply.encode(protocol, &mut out);
            String::from_utf8(out).unwrap().strip_prefix("before").unwrap().to_owned()
        };
        (encode(Protocol::Resp2), encode(Protocol::Resp3))
    }

    fn frames(frame: Frame) -> (String, String) {
        both(&Reply::Frame(frame))
    }

    fn pair(resp2: &str, resp3: &str) -> (String, String) {
        (resp2.to_owned(), resp3.to_owned())
    }

    fn same(bytes: &str) -> (String, String) {
        pair(bytes, bytes)
    }

    #[test]
    fn hot_replies_are_the_same_in_both_protocols() {
        assert_eq!(both(&Reply::Simple("OK")), same("+OK\r\n"));
        assert_eq!(both(&Reply::Integer(i64::MIN)), same(":-9223372036854775808\r\n"));
        assert_eq!(both(&Reply::Nothing), same(""));
        assert_eq!(both(&Reply::Bulk(b"a\r\nb".to_vec())), same("$4\r\na\r\nb\r\n"));
        assert_eq!(both(&Reply::Bulk(Vec::new())), same("$0\r\n\r\n"));
        assert_eq!(both(&Reply::BulkInteger(-10)), same("$3\r\n-10\r\n"));
        assert_eq!(both(&Reply::Null), pair("$-1\r\n", "_\r\n"));
        assert_eq!(both(&Reply::NullArray), pair("*-1\r\n", "_\r\n"));
        assert_eq!(both(&Reply::Encoded(b"*0\r\n".to_vec())), same("*0\r\n"));
        assert_eq!(
            both(&Reply::Five([1, i64::MAX, 0, -1, i64::MIN])),
            same("*5\r\n:1\r\n:9223372036854775807\r\n:0\r\n:-1\r\n:-9223372036854775808\r\n")
        );
    }

    #[test]
    fn line_breaks_never_leave_a_line() {
        assert_eq!(both(&Reply::Error("ERR a\r\n+b".into())), same("-ERR a  +b\r\n"));
        assert_eq!(both(&Reply::Simple("a\nb")), same("+a b\r\n"));
        let frame = array(vec![
            simple("a\r\nb"),
            error("ERR c\nd"),
            map(vec![(simple("k\n"), set(vec![simple("\re")]))]),
        ]);
        assert_eq!(
            frames(frame),
            pair(
                "*3\r\n+a  b\r\n-ERR c d\r\n*2\r\n+k \r\n*1\r\n+ e\r\n",
                "*3\r\n+a  b\r\n-ERR c d\r\n%1\r\n+k \r\n~1\r\n+ e\r\n"
            )
        );
        let blob = Frame::BlobError { data: "ERR x\r\ny".into(), attributes: None };
        assert_eq!(frames(blob), pair("-ERR x  y\r\n", "!8\r\nERR x\r\ny\r\n"));
        let big = Frame::BigNumber { data: "1\r\n2".into(), attributes: None };
        assert_eq!(frames(big), pair("$4\r\n1\r\n2\r\n", "(1  2\r\n"));
        let push = Frame::Push { data: vec![simple("a\n")], attributes: None };
        assert_eq!(frames(push), pair("*1\r\n+a \r\n", ">1\r\n+a \r\n"));
    }

    #[test]
    fn each_type_has_its_form_in_either_protocol() {
        assert_eq!(frames(null()), pair("$-1\r\n", "_\r\n"));
        assert_eq!(frames(array(vec![null()])), pair("*1\r\n$-1\r\n", "*1\r\n_\r\n"));
        assert_eq!(frames(boolean(true)), pair(":1\r\n", "#t\r\n"));
        assert_eq!(frames(boolean(false)), pair(":0\r\n", "#f\r\n"));
        assert_eq!(frames(double(1.5)), pair("$3\r\n1.5\r\n", ",1.5\r\n"));
        assert_eq!(frames(text("")), same("$0\r\n\r\n"));
        assert_eq!(frames(bulk(vec![b'\r', b'\n'])), same("$2\r\n\r\n\r\n"));
        assert_eq!(frames(simple("OK")), same("+OK\r\n"));
        assert_eq!(frames(error("ERR no")), same("-ERR no\r\n"));
        assert_eq!(frames(integer(-7)), same(":-7\r\n"));
        assert_eq!(frames(verbatim("a b")), pair("$3\r\na b\r\n", "=7\r\ntxt:a b\r\n"));
        assert_eq!(
            frames(map(vec![(text("a"), integer(1)), (text("b"), integer(2))])),
            pair(
                "*4\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n:2\r\n",
                "%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n:2\r\n"
            )
        );
        assert_eq!(frames(set(vec![simple("x")])), pair("*1\r\n+x\r\n", "~1\r\n+x\r\n"));
        assert_eq!(frames(array(vec![])), same("*0\r\n"));
    }
}
