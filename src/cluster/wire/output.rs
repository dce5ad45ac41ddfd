//! Bytes to send, written at the end.
//!
//! Invariant: what is written here is what [`Input`](super::input::Input) reads.

use crate::engine::Origin;

/// Longest form of a number.
pub(super) const NUMBER_BYTES_MAX: usize = 10;

pub(super) fn number(out: &mut Vec<u8>, value: u64) {
    let mut rest = value;
    loop {
        let bits = rest.to_le_bytes()[0] & 0x7F;
        rest >>= 7;
        if rest == 0 {
            out.push(bits);
            return;
        }
        out.push(bits | 0x80);
    }
}

/// Bytes that [`number`] writes.
#[cfg(test)]
pub(super) fn number_bytes(value: u64) -> usize {
    usize::try_from(value.max(1).ilog2() / 7 + 1).unwrap_or(NUMBER_BYTES_MAX)
}

/// A length or count.
pub(super) fn length(out: &mut Vec<u8>, length: usize) {
    number(out, u64::try_from(length).unwrap_or(u64::MAX));
}

pub(super) fn origin(out: &mut Vec<u8>, origin: Origin) {
    out.extend(origin.0.to_le_bytes());
}

pub(super) fn key(out: &mut Vec<u8>, key: &[u8]) {
    length(out, key.len());
    out.extend(key);
}
