//! What a key holds.
//!
//! Not here: what commands make of it. Invariant: a string whose bytes are the canonical decimal
//! of an `i64` is a [`Value::Counter`], any other string a [`Value::Text`], so that two equal
//! strings are equal values; no collection is empty.

use super::super::collection::{Collection, Hash, List, Sorted};

/// Most bytes of room that a growing string is given ahead of its need.
const AHEAD_BYTES_MAX: usize = 1024 * 1024;
/// Most digits of an integer, its sign included.
const INTEGER_BYTES_MAX: usize = 20;

/// A value of the keyspace.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A GCRA cell: its theoretical arrival time, ns since the epoch.
    Cell {
        /// Theoretical arrival time.
        tat_ns: u64,
    },
    /// A string that is the canonical decimal of an integer.
    Counter(i64),
    /// Any other string. Made by [`Value::string`] alone.
    Text(Vec<u8>),
    /// A list.
    List(Box<List>),
    /// A hash.
    Hash(Box<Hash>),
    /// A sorted set.
    Sorted(Box<Sorted>),
}

impl Value {
    /// The string of these bytes.
    pub fn string(bytes: &[u8]) -> Value {
        parse_integer(bytes).map_or_else(|| Value::Text(bytes.to_vec()), Value::Counter)
    }

    /// The string of these bytes, which are not copied.
    pub fn owned(bytes: Vec<u8>) -> Value {
        match parse_integer(&bytes) {
            Some(integer) => Value::Counter(integer),
            None => Value::Text(bytes),
        }
    }

    /// Bytes that its text needs room for to take `more`; `None` if it is no string.
    pub(super) fn room_for(&self, more: usize) -> Option<u64> {
        let (length, room) = match self {
            Value::Counter(_) => (INTEGER_BYTES_MAX, 0),
            Value::Text(text) => (text.len(), text.capacity()),
            _ => return None,
        };
        let needed = length.saturating_add(more);
        if needed <= room {
            return Some(room as u64);
        }
        // Ahead of what is needed, so that a string that grows bit by bit is seldom moved.
        let ahead = room.saturating_add(room.min(AHEAD_BYTES_MAX));
        Some(needed.max(ahead) as u64)
    }

    /// Appends to a string that has room for it within `room_bytes`; returns its length.
    pub(super) fn append(&mut self, more: &[u8], room_bytes: u64) -> usize {
        let mut text = match std::mem::replace(self, Value::Counter(0)) {
            Value::Text(text) => text,
            Value::Counter(count) => count.to_string().into_bytes(),
            other => {
                *self = other;
                return 0;
            }
        };
        let room = usize::try_from(room_bytes).unwrap_or(usize::MAX);
        if text.len().saturating_add(more.len()) > text.capacity() {
            text.reserve_exact(room.saturating_sub(text.len()));
        }
        text.extend_from_slice(more);
        let length = text.len();
        *self = Value::owned(text);
        length
    }

    /// Bytes held beyond the value's own size.
    pub(super) fn heap_bytes(&self) -> u64 {
        match self {
            Value::Cell { .. } | Value::Counter(_) => 0,
            Value::Text(text) => text.capacity() as u64,
            Value::List(list) => list.heap_bytes(),
            Value::Hash(hash) => hash.heap_bytes(),
            Value::Sorted(sorted) => sorted.heap_bytes(),
        }
    }
}

/// Reads an integer as strictly as Redis does: no space, no plus sign, no leading zero, no `-0`.
pub fn parse_integer(word: &[u8]) -> Option<i64> {
    let (negative, digits) = match word {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits == b"0" {
        return (!negative).then_some(0);
    }
    if !matches!(digits.first(), Some(b'1'..=b'9')) {
        return None;
    }
    digits
        .iter()
        .try_fold(0i64, |value, byte| {
            let digit = i64::from(byte.wrapping_sub(b'0'));
            if digit > 9 {
                return None;
            }
            // Built up on the negative side, which reaches one further than the positive.
            value.checked_mul(10)?.checked_sub(digit)
        })
        .and_then(|value| if negative { Some(value) } else { value.checked_neg() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_strictly_as_redis_reads_them() {
        for (word, value) in [
            ("0", 0),
            ("7", 7),
            ("-7", -7),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(parse_integer(word.as_bytes()), Some(value), "{word}");
            assert_eq!(Value::string(word.as_bytes()), Value::Counter(value));
            assert_eq!(Value::owned(word.into()), Value::Counter(value));
        }
        for word in [
            "",
            "-",
            "-0",
            "+1",
            "01",
            " 1",
            "1 ",
            "1a",
            "9223372036854775808",
            "-9223372036854775809",
        ] {
            assert_eq!(parse_integer(word.as_bytes()), None, "{word}");
            assert_eq!(Value::string(word.as_bytes()), Value::Text(word.into()));
        }
    }
}
