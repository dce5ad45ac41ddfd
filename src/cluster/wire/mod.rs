//! The payloads that nodes send each other, version 1: datagrams and frames of a sync stream.
//!
//! Numbers are varints (seven bits a byte, the lowest first), origins and digests eight bytes.
//! What a later version may add is skipped: groups of items by their length, fields behind those
//! known, frames of unknown type. Not here: sealing, sockets. Invariant: any bytes decode to a
//! message or to [`Malformed`], and decoding allocates in proportion to the bytes that arrived,
//! never to a number in them.

mod datagram;
mod frame;
mod group;
mod input;
mod output;
mod share;
#[cfg(test)]
mod tests;

use std::fmt;

pub use datagram::{Beat, Delta, Gone, Message, Nack, Span, State, Vector, VectorEntry};
pub use frame::Frame;
pub use group::{Pack, Versioned, pack, pack_chunk};

/// Payload bytes of a datagram: 1,200 less 22 of header and 16 of tag, so that tunnels on the way
/// need not cut it.
pub const PAYLOAD_BYTES_MAX: usize = 1_162;

/// Bytes of a sync frame before sealing: with its length and tag it stays within 64 KiB.
pub const FRAME_BYTES_MAX: usize = 65_000;

/// Highest number of a datagram of one origin; at a million a second it lasts nine years.
pub const DSEQ_MAX: u64 = (1 << 48) - 1;

/// Spans in one NACK: what is missing beyond them is asked for next time.
pub const SPANS_MAX: usize = 64;

/// Origins that a node knows at once, and that a vector may name.
pub const ORIGINS_MAX: usize = 4_096;

/// Version of the payloads; a reader also takes the one before.
pub const PROTO: u8 = 1;

/// What a datagram is: the low half of the envelope's first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Membership's own bytes; never seen here.
    Membership,
    /// Changed counts.
    Delta,
    /// "I am here, and this is the last delta."
    Beat,
    /// "These deltas did not arrive."
    Nack,
    /// "Those deltas I no longer have."
    Gone,
    /// "So far I hold what each origin said."
    Vector,
}

impl Kind {
    /// Every kind, in the order of its codes.
    pub const ALL: [Kind; 6] =
        [Kind::Membership, Kind::Delta, Kind::Beat, Kind::Nack, Kind::Gone, Kind::Vector];

    /// The number in the envelope.
    pub const fn code(self) -> u8 {
        match self {
            Kind::Membership => 0,
            Kind::Delta => 1,
            Kind::Beat => 2,
            Kind::Nack => 3,
            Kind::Gone => 4,
            Kind::Vector => 5,
        }
    }

    /// The kind of a number; `None` for one that a later version may use.
    pub fn from_code(code: u8) -> Option<Kind> {
        Kind::ALL.get(usize::from(code)).copied()
    }
}

/// Bytes that are no message of this protocol; nothing of them was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a message of this protocol")
    }
}

impl std::error::Error for Malformed {}
