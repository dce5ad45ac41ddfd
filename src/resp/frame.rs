//! Constructors of the general reply frames, so that a handler names the shape and nothing else.

use bytes::Bytes;

use super::Frame;

/// A bulk string.
pub fn bulk(data: impl Into<Bytes>) -> Frame {
    Frame::BlobString {
        data: data.into(),
        attributes: None,
    }
}

/// A bulk string of text.
pub fn text(data: &str) -> Frame {
    bulk(Bytes::copy_from_slice(data.as_bytes()))
}

/// A simple string.
pub fn simple(data: &str) -> Frame {
    Frame::SimpleString {
        data: Bytes::copy_from_slice(data.as_bytes()),
        attributes: None,
    }
}

/// An integer.
pub fn integer(data: i64) -> Frame {
    Frame::Number {
        data,
        attributes: None,
    }
}

/// An array.
pub fn array(data: Vec<Frame>) -> Frame {
    Frame::Array {
        data,
        attributes: None,
    }
}

/// A map; RESP2 clients get a flat array.
pub fn map(data: Vec<(Frame, Frame)>) -> Frame {
    Frame::Map {
        data: data.into_iter().collect(),
        attributes: None,
    }
}

/// A set; RESP2 clients get an array.
pub fn set(data: Vec<Frame>) -> Frame {
    Frame::Set {
        data: data.into_iter().collect(),
        attributes: None,
    }
}

/// Nil.
pub fn null() -> Frame {
    Frame::Null
}
