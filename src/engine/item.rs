//! What nodes tell each other of the counting, and what became of it.
//!
//! Not here: telling and merging (`replica.rs`), bytes (cluster/wire). Invariant: an item is absolute;
//! saying it twice, late or out of order changes nothing.

use crate::store::{Series, ShareSaid};

/// What one origin says of one thing. Saying it twice, late or out of order changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A window counter: under `stamp` the origin has counted `count` and given back `refunded`;
    /// both only rise. A higher stamp wins and starts both anew.
    Window {
        /// Kind and scale.
        series: Series,
        /// Number of the window.
        index: u64,
        /// The user's key.
        key: Vec<u8>,
        /// Stamp of the last SET or RESET, 0 = none.
        stamp: u64,
        /// Counted under the stamp.
        count: u64,
        /// Given back under the stamp.
        refunded: u64,
    },
    /// A GCRA cell: since `birth` (a stamp) the origin has charged `charged_ns`; its theoretical
    /// arrival time is `tat_ns`.
    Cell {
        /// The user's key.
        key: Vec<u8>,
        /// Stamp of the contribution's beginning; a higher one wins and starts from 0.
        birth: u64,
        /// Charged since then, nanoseconds.
        charged_ns: u64,
        /// Arrival time, ns since the epoch.
        tat_ns: u64,
    },
    /// RESET without a scale, or DEL: counters and cell of the key under lower stamps are void,
    /// also those of series that are learned of until `until_ms`.
    Reset {
        /// The user's key.
        key: Vec<u8>,
        /// Counts under lower stamps are void.
        stamp: u64,
        /// End of the last window then open, ms since the epoch.
        until_ms: u64,
    },
    /// A counter of the keyspace: what the origin has added to it.
    Share {
        /// The user's key, at most [`super::SHARED_KEY_BYTES_MAX`] bytes.
        key: Vec<u8>,
        /// Its share, and what it knows of the key.
        said: ShareSaid,
    },
}

impl Item {
    /// The user's key.
    pub fn key(&self) -> &[u8] {
        match self {
            Item::Window { key, .. }
            | Item::Cell { key, .. }
            | Item::Reset { key, .. }
            | Item::Share { key, .. } => key,
        }
    }
}

/// Where an item comes from: whether a cell may be charged by the difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// A gapless stream, at most a second old.
    Live {
        /// When it was sent, ms since the epoch.
        sent_ms: u64,
        /// How far the sender's clock is behind, ms; 0 if it is not.
        behind_ms: u64,
    },
    /// A sync, or a stream with gaps: cells are only raised to the sent arrival time.
    Bulk,
}

/// Where a scan goes on.
#[derive(Clone, Debug)]
pub enum ScanPlace {
    /// In the keyspace.
    Shares {
        /// The shard to go on with.
        shard: usize,
    },
    /// Among the windows.
    Windows(crate::store::ScanPlace),
}

/// What merging an item did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// Something rose.
    Raised,
    /// Nothing new.
    Known,
    /// Of a window that has ended, or that no clock can have begun.
    Ended,
    /// Not held, for want of memory, series or origins, or because only the peer's clock has begun the
    /// window: the origin is incomplete here until then.
    Refused {
        /// End of the window, ms since the epoch.
        until_ms: u64,
    },
}
