//! RESP3 frames made fit for the wire: lowered to RESP2, or freed of line breaks.
//!
//! Not here: encoding. Invariant: no line type (simple string, error, big number) leaves here with
//! a CR or LF in it, so no text that came from a client can forge a reply (CVE-2025-67733).

use std::borrow::Cow;

use bytes::Bytes;
use redis_protocol::resp2::types::BytesFrame as Lowered;

use super::{Frame, array, double};

/// The RESP2 form: maps and sets become arrays, booleans 0 and 1, doubles, big numbers and
/// verbatim strings bulk strings, nulls `$-1`, blob errors errors. Attributes are dropped.
pub(super) fn lower(frame: &Frame) -> Lowered {
    match frame {
        Frame::BlobString { data, .. }
        | Frame::BigNumber { data, .. }
        | Frame::VerbatimString { data, .. }
        | Frame::ChunkedString(data) => Lowered::BulkString(data.clone()),
        Frame::SimpleString { data, .. } => Lowered::SimpleString(one_line(data)),
        Frame::SimpleError { data, .. } => Lowered::Error(one_text_line(data).into_owned().into()),
        Frame::BlobError { data, .. } => {
            Lowered::Error(one_text_line(&String::from_utf8_lossy(data)).into_owned().into())
        }
        Frame::Boolean { data, .. } => Lowered::Integer(i64::from(*data)),
        Frame::Number { data, .. } => Lowered::Integer(*data),
        Frame::Double { data, .. } => Lowered::BulkString(double::text(*data).into()),
        Frame::Array { data, .. } | Frame::Push { data, .. } => {
            Lowered::Array(data.iter().map(lower).collect())
        }
        Frame::Set { data, .. } => Lowered::Array(data.iter().map(lower).collect()),
        Frame::Map { data, .. } => Lowered::Array(
            data.iter().flat_map(|(key, value)| [lower(key), lower(value)]).collect(),
        ),
        // HELLO is a request; as a reply it says nothing.
        Frame::Null | Frame::Hello { .. } => Lowered::Null,
    }
}

/// The frame itself, or a copy whose line types hold no line break.
pub(super) fn without_breaks(frame: &Frame) -> Cow<'_, Frame> {
    if has_break(frame) { Cow::Owned(mended(frame)) } else { Cow::Borrowed(frame) }
}

fn has_break(frame: &Frame) -> bool {
    match frame {
        Frame::SimpleString { data, .. } | Frame::BigNumber { data, .. } => breaks(data),
        Frame::SimpleError { data, .. } => breaks(data.as_bytes()),
        Frame::Array { data, .. } | Frame::Push { data, .. } => data.iter().any(has_break),
        Frame::Set { data, .. } => data.iter().any(has_break),
        Frame::Map { data, .. } => data.iter().any(|(k, v)| has_break(k) || has_break(v)),
        _ => false,
    }
}

fn mended(frame: &Frame) -> Frame {
    match frame {
        Frame::SimpleString { data, .. } => {
            Frame::SimpleString { data: one_line(data), attributes: None }
        }
        Frame::BigNumber { data, .. } => {
            Frame::BigNumber { data: one_line(data), attributes: None }
        }
        Frame::SimpleError { data, .. } => {
            let data = one_text_line(data).into_owned().into();
            Frame::SimpleError { data, attributes: None }
        }
        Frame::Array { data, .. } => array(data.iter().map(mended).collect()),
        Frame::Push { data, .. } => {
            Frame::Push { data: data.iter().map(mended).collect(), attributes: None }
        }
        Frame::Set { data, .. } => {
            Frame::Set { data: data.iter().map(mended).collect(), attributes: None }
        }
        Frame::Map { data, .. } => {
            let data = data.iter().map(|(key, value)| (mended(key), mended(value))).collect();
            Frame::Map { data, attributes: None }
        }
        other => other.clone(),
    }
}

fn breaks(data: &[u8]) -> bool {
    memchr::memchr2(b'\r', b'\n', data).is_some()
}

fn one_line(data: &Bytes) -> Bytes {
    if !breaks(data) {
        return data.clone();
    }
    data.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }).collect()
}

/// `text` with a blank for each CR and LF.
pub(super) fn one_text_line(text: &str) -> Cow<'_, str> {
    if breaks(text.as_bytes()) {
        Cow::Owned(text.replace(['\r', '\n'], " "))
    } else {
        Cow::Borrowed(text)
    }
}
