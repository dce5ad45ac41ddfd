//! The frames of one direction of a stream.
//!
//! ```text
//! | length of text and tag 4 | text | tag 16 |
//! ```
//! It is neither end of a stream: [`super::stream`] derives the keys and says which lane goes where.
//! Invariant: each lane has a key of its own and counts its frames; the count is the nonce, so a
//! frame that is left out, repeated, moved or altered does not open.

use std::fmt;

use super::{ClusterName, nonce};
use crate::cluster::crypto::{AeadKey, TAG_BYTES};

/// Bytes in front of a frame's text.
const LENGTH_BYTES: usize = 4;
/// Longest frame, bytes: it bounds what a receiver holds before it can know that a frame is authentic.
pub const FRAME_BYTES_MAX: usize = 65_536;
/// Longest text of a frame, bytes.
pub const FRAME_PAYLOAD_BYTES_MAX: usize = FRAME_BYTES_MAX - LENGTH_BYTES - TAG_BYTES;

/// What a buffer begins with.
#[derive(Debug, PartialEq, Eq)]
pub enum Received<'a> {
    /// Not yet a whole frame. Nothing was changed: call again with more behind the same bytes.
    Incomplete,
    /// A frame.
    Frame {
        /// What was sealed.
        payload: &'a [u8],
        /// How many bytes of the buffer it took.
        used_bytes: usize,
    },
    /// Not a frame of the other end. The stream is over: close it, say nothing.
    Broken,
}

/// One direction of a stream, at either end.
#[derive(Debug)]
pub(super) struct Lane {
    key: AeadKey,
    name: ClusterName,
    /// Number of the next frame.
    next: u64,
}

impl Lane {
    pub(super) fn new(key: AeadKey, name: &ClusterName) -> Self {
        Self { key, name: name.clone(), next: 0 }
    }

    /// Appends `prelude` in clear and a frame of the joined `parts` to `out`.
    pub(super) fn seal(
        &mut self,
        prelude: &[u8],
        parts: &[&[u8]],
        out: &mut Vec<u8>,
    ) -> Result<(), FrameError> {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        if bytes > FRAME_PAYLOAD_BYTES_MAX {
            return Err(FrameError::TooLong { bytes });
        }
        let after = self.next.checked_add(1).ok_or(FrameError::UsedUp)?;
        let length = u32::try_from(bytes + TAG_BYTES).expect("at most 64 KiB").to_be_bytes();
        out.extend_from_slice(prelude);
        out.extend_from_slice(&length);
        let begin = out.len();
        parts.iter().for_each(|part| out.extend_from_slice(part));
        let aad = self.associated_data(prelude, length);
        let tag = self.key.seal(nonce(self.next), &aad, &mut out[begin..]);
        out.extend_from_slice(&tag);
        self.next = after;
        Ok(())
    }

    /// Opens the frame behind the first `prelude_bytes` of `buffer`, in place.
    pub(super) fn open<'a>(&mut self, prelude_bytes: usize, buffer: &'a mut [u8]) -> Received<'a> {
        let Some((prelude, rest)) = buffer.split_at_mut_checked(prelude_bytes) else {
            return Received::Incomplete;
        };
        let Some((length, rest)) = rest.split_first_chunk_mut::<LENGTH_BYTES>() else {
            return Received::Incomplete;
        };
        let sealed_bytes = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if !(TAG_BYTES..=FRAME_BYTES_MAX - LENGTH_BYTES).contains(&sealed_bytes) {
            return Received::Broken;
        }
        let Some((sealed, _)) = rest.split_at_mut_checked(sealed_bytes) else {
            return Received::Incomplete;
        };
        let aad = self.associated_data(prelude, *length);
        let used_bytes = prelude_bytes + LENGTH_BYTES + sealed_bytes;
        let Some(after) = self.next.checked_add(1) else {
            return Received::Broken;
        };
        match self.key.open(nonce(self.next), &aad, sealed) {
            Some(payload) => {
                self.next = after;
                Received::Frame { payload, used_bytes }
            }
            None => Received::Broken,
        }
    }

    fn associated_data(&self, prelude: &[u8], length: [u8; LENGTH_BYTES]) -> Vec<u8> {
        [prelude, &length, self.name.as_bytes()].concat()
    }
}

/// Why a frame was not sealed; nothing was appended and no number spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The payload is longer than what fits.
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The lane has sealed 2^64 - 1 frames.
    UsedUp,
    /// The server has not answered yet, so there is no key to seal under.
    Unanswered,
}

impl fmt::Display for FrameError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => {
                write!(formatter, "a frame of {bytes} bytes, at most {FRAME_PAYLOAD_BYTES_MAX} fit")
            }
            Self::UsedUp => formatter.write_str("the stream has used up its numbers"),
            Self::Unanswered => formatter.write_str("the server has not answered yet"),
        }
    }
}

impl std::error::Error for FrameError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::crypto::Root;

    fn lane() -> Lane {
        Lane::new(Root::new(&[1; 32]).key(&[b"lane"]), &ClusterName::new("ratel").unwrap())
    }

    #[test]
    fn frames_open_in_their_order_only() {
        let (mut sealing, mut frames) = (lane(), Vec::new());
        for payload in [&b"one"[..], b"", b"three"] {
            let mut frame = Vec::new();
            sealing.seal(b"", &[payload], &mut frame).unwrap();
            frames.push(frame);
        }
        let mut opening = lane();
        assert_eq!(opening.open(0, &mut frames[1].clone()), Received::Broken);
        for (frame, payload) in frames.iter().zip([&b"one"[..], b"", b"three"]) {
            let used_bytes = frame.len();
            assert_eq!(
                opening.open(0, &mut [&frame[..], b"more"].concat()),
                Received::Frame { payload, used_bytes }
            );
            assert_eq!(opening.open(0, &mut frame.clone()), Received::Broken, "repeated");
        }
    }

    #[test]
    fn the_longest_frame_has_64_kib_and_a_longer_one_is_refused_at_both_ends() {
        let (mut lane_a, mut frame) = (lane(), Vec::new());
        lane_a.seal(b"", &[&[7; 500], &[7; FRAME_PAYLOAD_BYTES_MAX - 500]], &mut frame).unwrap();
        assert_eq!(frame.len(), FRAME_BYTES_MAX);
        assert!(matches!(lane().open(0, &mut frame), Received::Frame { .. }));
        let bytes = FRAME_PAYLOAD_BYTES_MAX + 1;
        let refused = lane_a.seal(b"", &[&vec![7; bytes]], &mut frame);
        assert_eq!(refused, Err(FrameError::TooLong { bytes }));
        assert_eq!((frame.len(), lane_a.next), (FRAME_BYTES_MAX, 1));
        for length in [0_u32, 15, 65_533, u32::MAX] {
            assert_eq!(lane().open(0, &mut length.to_be_bytes()), Received::Broken, "{length}");
        }
        for length in [16_u32, 65_532] {
            assert_eq!(lane().open(0, &mut length.to_be_bytes()), Received::Incomplete);
        }
    }

    #[test]
    fn a_lane_at_its_last_number_seals_nothing() {
        let mut lane = lane();
        lane.next = u64::MAX;
        let mut out = Vec::new();
        assert_eq!(lane.seal(b"", &[b"x"], &mut out), Err(FrameError::UsedUp));
        assert!(out.is_empty());
    }
}
