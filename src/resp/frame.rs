//! Short names for building the frames that handlers return.
//!
//! Not here: encoding. Invariant: none of them panics, whatever it is given.

use bytes::Bytes;
use redis_protocol::resp3::types::{Resp3Frame, VerbatimStringFormat};

use super::Frame;

/// A bulk string of any bytes.
pub fn bulk(data: impl Into<Bytes>) -> Frame {
    Frame::BlobString { data: data.into(), attributes: None }
}

/// A bulk string of a text.
pub fn text(data: &str) -> Frame {
    bulk(Bytes::copy_from_slice(data.as_bytes()))
}

/// A simple string; it stays one in RESP2 and RESP3. Line breaks become blanks when it is encoded.
pub fn simple(data: &str) -> Frame {
    Frame::SimpleString { data: Bytes::copy_from_slice(data.as_bytes()), attributes: None }
}

/// An error inside another reply, with its code; line breaks become blanks when it is encoded.
pub fn error(data: &str) -> Frame {
    Frame::SimpleError { data: data.to_owned().into(), attributes: None }
}

/// A text for people (INFO): a verbatim string in RESP3, a bulk string in RESP2.
pub fn verbatim(data: &str) -> Frame {
    let data = Bytes::copy_from_slice(data.as_bytes());
    Frame::VerbatimString { data, format: VerbatimStringFormat::Text, attributes: None }
}

/// An integer.
pub fn integer(data: i64) -> Frame {
    Frame::Number { data, attributes: None }
}

/// A boolean in RESP3, 0 or 1 in RESP2.
pub fn boolean(data: bool) -> Frame {
    Frame::Boolean { data, attributes: None }
}

/// A double in RESP3, a bulk string in RESP2.
pub fn double(data: f64) -> Frame {
    Frame::Double { data, attributes: None }
}

/// Nothing: `_` in RESP3, `$-1` in RESP2.
pub fn null() -> Frame {
    Frame::Null
}

/// An array.
pub fn array(data: Vec<Frame>) -> Frame {
    Frame::Array { data, attributes: None }
}

/// A map in RESP3, a flat array of keys and values in RESP2, both in the order given. A key that
/// comes again replaces the value of the first. Where a key is itself an array, map or set, which
/// redis-protocol cannot hash, the whole is a flat array in RESP3 too.
pub fn map(pairs: Vec<(Frame, Frame)>) -> Frame {
    if pairs.iter().all(|(key, _)| key.kind().can_hash()) {
        Frame::Map { data: pairs.into_iter().collect(), attributes: None }
    } else {
        array(pairs.into_iter().flat_map(|(key, value)| [key, value]).collect())
    }
}

/// A set in RESP3, an array in RESP2, both in the order given and without repetitions. Where an
/// element is itself an array, map or set, which redis-protocol cannot hash, the whole is an array
/// in RESP3 too.
pub fn set(elements: Vec<Frame>) -> Frame {
    if elements.iter().all(|element| element.kind().can_hash()) {
        Frame::Set { data: elements.into_iter().collect(), attributes: None }
    } else {
        array(elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_keeps_the_order_of_its_keys() {
        let keys: Vec<String> = (0..50).map(|n| format!("key{}", n * 7 % 50)).collect();
        let frame = map(keys.iter().map(|key| (text(key), null())).collect());
        let Frame::Map { data, .. } = frame else { panic!("no map") };
        assert_eq!(
            data.into_keys().collect::<Vec<_>>(),
            keys.iter().map(|k| text(k)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn what_cannot_be_hashed_becomes_an_array() {
        let inner = map(vec![(text("a"), integer(1))]);
        assert_eq!(set(vec![inner.clone()]), array(vec![inner.clone()]));
        assert_eq!(map(vec![(inner.clone(), null())]), array(vec![inner, null()]));
    }
}
