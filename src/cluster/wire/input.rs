//! Bytes that arrived, read from the front.
//!
//! Invariant: every read is checked against what is left, and a failed one ends the decoding.

use super::Malformed;
use crate::engine::{KEY_BYTES_MAX, Origin};

/// What is left of a payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Input<'a> {
        Input { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*first)
    }

    /// A number in its shortest form; a longer form is malformed, so that a message has one.
    pub(super) fn number(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if shift == 63 && bits > 1 || byte == 0 && shift > 0 {
                return Err(Malformed);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    /// A number that may be at most `max`.
    pub(super) fn at_most(&mut self, max: u64) -> Result<u64, Malformed> {
        self.number().and_then(|value| if value <= max { Ok(value) } else { Err(Malformed) })
    }

    /// A length, which what is left must hold.
    pub(super) fn length(&mut self) -> Result<usize, Malformed> {
        let length = usize::try_from(self.number()?).map_err(|_| Malformed)?;
        if length <= self.rest.len() { Ok(length) } else { Err(Malformed) }
    }

    pub(super) fn eight(&mut self) -> Result<u64, Malformed> {
        let bytes = self.take(8)?.try_into().map_err(|_| Malformed)?;
        Ok(u64::from_le_bytes(bytes))
    }

    pub(super) fn origin(&mut self) -> Result<Origin, Malformed> {
        self.eight().map(Origin)
    }

    pub(super) fn key(&mut self) -> Result<Vec<u8>, Malformed> {
        let length = self.length()?;
        if length > KEY_BYTES_MAX {
            return Err(Malformed);
        }
        Ok(self.take(length)?.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::wire::output;

    #[test]
    fn numbers_have_one_form() {
        for value in [0, 1, 127, 128, 16_383, 16_384, 1 << 50, u64::MAX - 1, u64::MAX] {
            let mut bytes = Vec::new();
            output::number(&mut bytes, value);
            assert_eq!(bytes.len(), output::number_bytes(value));
            let mut input = Input::new(&bytes);
            assert_eq!(input.number(), Ok(value));
            assert!(input.is_empty());
        }
        for bytes in [&[][..], &[0x80], &[0x80, 0], &[0xFF; 10], &[0xFF; 11], &[0x81, 0x80, 0]] {
            assert_eq!(Input::new(bytes).number(), Err(Malformed), "{bytes:?}");
        }
    }

    #[test]
    fn a_length_beyond_the_bytes_is_malformed() {
        assert_eq!(Input::new(&[3, 1, 2]).length(), Err(Malformed));
        assert_eq!(Input::new(&[2, 1, 2]).key(), Ok(vec![1, 2]));
        assert_eq!(Input::new(&[1, 2, 3, 4, 5, 6, 7]).eight(), Err(Malformed));
    }

    #[test]
    fn a_key_is_at_most_as_long_as_clients_may_send() {
        let mut bytes = Vec::new();
        output::key(&mut bytes, &[7; KEY_BYTES_MAX]);
        assert_eq!(Input::new(&bytes).key().map(|key| key.len()), Ok(KEY_BYTES_MAX));
        let mut bytes = Vec::new();
        output::key(&mut bytes, &[7; KEY_BYTES_MAX + 1]);
        assert_eq!(Input::new(&bytes).key(), Err(Malformed));
    }
}
