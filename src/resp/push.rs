//! Messages that no request asked for: pushes in RESP3, arrays in RESP2.
//!
//! Not here: who gets them. Invariant: one call appends one RESP value.

use super::Protocol;
use super::reply::{Reply, encode_aggregate_head, encode_bulk};

/// One part of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// A bulk string of any bytes.
    Bulk(&'a [u8]),
    /// An integer.
    Integer(i64),
    /// Nothing.
    Null,
}

/// Appends a message of these parts.
pub fn encode_push(out: &mut Vec<u8>, protocol: Protocol, parts: &[Part<'_>]) {
    let kind = match protocol {
        Protocol::Resp2 => b'*',
        Protocol::Resp3 => b'>',
    };
    encode_aggregate_head(out, kind, parts.len());
    for part in parts {
        match part {
            Part::Bulk(bytes) => encode_bulk(out, bytes),
            Part::Integer(number) => Reply::Integer(*number).encode(protocol, out),
            Part::Null => Reply::Null.encode(protocol, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_an_array_in_resp2_and_a_push_in_resp3() {
        let encode = |protocol| {
            let mut out = Vec::new();
            encode_push(
                &mut out,
                protocol,
                &[Part::Bulk(b"a\r\nb"), Part::Null, Part::Integer(-1)],
            );
            String::from_utf8(out).unwrap()
        };
        assert_eq!(encode(Protocol::Resp2), "*3\r\n$4\r\na\r\nb\r\n$-1\r\n:-1\r\n");
        assert_eq!(encode(Protocol::Resp3), ">3\r\n$4\r\na\r\nb\r\n_\r\n:-1\r\n");
    }
}
