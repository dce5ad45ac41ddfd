//! A reply as a tree, with every type of RESP2 and RESP3 apart from every other.

use std::fmt;
use std::io::{self, BufRead, Read};

use crate::request::quoted;

/// A reply. Two are equal only where a client could not tell them apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reply {
    Simple(Vec<u8>),
    Error(Vec<u8>),
    Integer(i64),
    Bulk(Vec<u8>),
    /// RESP2 has two of them, RESP3 a third.
    NullBulk,
    NullArray,
    Null,
    Array(Vec<Reply>),
    /// As text: its digits count.
    Double(Vec<u8>),
    Boolean(bool),
    BigNumber(Vec<u8>),
    Verbatim(Vec<u8>),
    BlobError(Vec<u8>),
    Map(Vec<(Reply, Reply)>),
    Set(Vec<Reply>),
    Push(Vec<Reply>),
    /// No reply: the connection ended, stalled, or made no sense.
    Lost(String),
}

impl Reply {
    /// The next reply of a connection.
    pub(crate) fn read(from: &mut impl BufRead) -> Reply {
        Reply::try_read(from).unwrap_or_else(|error| Reply::Lost(error.to_string()))
    }

    fn try_read(from: &mut impl BufRead) -> io::Result<Reply> {
        let mut line = Vec::new();
        from.read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\r\n") {
            return Err(io::Error::other("the connection ended"));
        }
        line.truncate(line.len() - 2);
        let rest = line.split_off(1);
        Ok(match line[0] {
            b'+' => Reply::Simple(rest),
            b'-' => Reply::Error(rest),
            b':' => Reply::Integer(number(&rest)?),
            b'$' if rest == b"-1" => Reply::NullBulk,
            b'*' if rest == b"-1" => Reply::NullArray,
            b'_' => Reply::Null,
            b'$' => Reply::Bulk(bulk(from, &rest)?),
            b'=' => Reply::Verbatim(bulk(from, &rest)?),
            b'!' => Reply::BlobError(bulk(from, &rest)?),
            b',' => Reply::Double(rest),
            b'(' => Reply::BigNumber(rest),
            b'#' => Reply::Boolean(rest == b"t"),
            b'*' => Reply::Array(many(from, &rest, 1)?),
            b'~' => Reply::Set(many(from, &rest, 1)?),
            b'>' => Reply::Push(many(from, &rest, 1)?),
            b'%' => {
                let mut flat = many(from, &rest, 2)?.into_iter();
                let mut pairs = Vec::new();
                while let (Some(key), Some(value)) = (flat.next(), flat.next()) {
                    pairs.push((key, value));
                }
                Reply::Map(pairs)
            }
            _ => return Err(io::Error::other(format!("no reply begins with {}", quoted(&line)))),
        })
    }

    /// What it says if it is an error.
    pub(crate) fn as_error(&self) -> Option<&[u8]> {
        match self {
            Reply::Error(text) | Reply::BlobError(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it says that a command waits for EXEC.
    pub(crate) fn is_queued(&self) -> bool {
        *self == Reply::Simple(b"QUEUED".to_vec())
    }

    /// Whether it holds no value.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Reply::NullBulk | Reply::NullArray | Reply::Null)
    }
}

fn number(digits: &[u8]) -> io::Result<i64> {
    let text = String::from_utf8_lossy(digits);
    text.parse().map_err(|_| io::Error::other(format!("no number: {text:?}")))
}

fn bulk(from: &mut impl Read, length: &[u8]) -> io::Result<Vec<u8>> {
    let length = usize::try_from(number(length)?).map_err(io::Error::other)?;
    let mut bytes = vec![0; length + 2];
    from.read_exact(&mut bytes)?;
    if !bytes.ends_with(b"\r\n") {
        return Err(io::Error::other("a string goes on behind its length"));
    }
    bytes.truncate(length);
    Ok(bytes)
}

fn many(from: &mut impl BufRead, count: &[u8], each: i64) -> io::Result<Vec<Reply>> {
    (0..number(count)? * each).map(|_| Reply::try_read(from)).collect()
}

impl fmt::Display for Reply {
    /// On one line, every type by the sign it has on the wire.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |out: &mut fmt::Formatter<'_>, sign: char, items: &[Reply]| {
            let items: Vec<String> = items.iter().map(Reply::to_string).collect();
            write!(out, "{sign}[{}]", items.join(", "))
        };
        match self {
            Reply::Simple(text) => write!(out, "+{}", text.escape_ascii()),
            Reply::Error(text) => write!(out, "-{}", text.escape_ascii()),
            Reply::Integer(number) => write!(out, ":{number}"),
            Reply::Bulk(bytes) => write!(out, "${}", cut(bytes)),
            Reply::NullBulk => write!(out, "$-1"),
            Reply::NullArray => write!(out, "*-1"),
            Reply::Null => write!(out, "_"),
            Reply::Array(items) => list(out, '*', items),
            Reply::Set(items) => list(out, '~', items),
            Reply::Push(items) => list(out, '>', items),
            Reply::Double(text) => write!(out, ",{}", text.escape_ascii()),
            Reply::Boolean(truth) => write!(out, "#{truth}"),
            Reply::BigNumber(text) => write!(out, "({}", text.escape_ascii()),
            Reply::Verbatim(bytes) => write!(out, "={}", cut(bytes)),
            Reply::BlobError(bytes) => write!(out, "!{}", cut(bytes)),
            Reply::Map(pairs) => {
                let pairs: Vec<String> = pairs.iter().map(|(k, v)| format!("{k}: {v}")).collect();
                write!(out, "%{{{}}}", pairs.join(", "))
            }
            Reply::Lost(why) => write!(out, "(no reply: {why})"),
        }
    }
}

/// Bytes quoted, the middle of a long string left out.
fn cut(bytes: &[u8]) -> String {
    const SHOWN_BYTES: usize = 400;
    match bytes.get(..SHOWN_BYTES) {
        Some(start) if bytes.len() > 2 * SHOWN_BYTES => {
            format!("{}... ({} bytes)", quoted(start), bytes.len())
        }
        _ => quoted(bytes),
    }
}
