//! What nodes tell each other of their counts.
//!
//! Not here: bytes, sockets. Invariant: an item is absolute, so that telling it twice, late or out
//! of order changes nothing.

use super::Series;

/// A random number that names one life of a node: from its start, or from the last fall of its own
/// counts, to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(pub u64);

/// What one origin says of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A window counter: under `stamp`, the origin has counted `count` and given back `refunded`;
    /// both only rise. A higher stamp wins and starts both anew.
    Window {
        /// Kind and scale.
        series: Series,
        /// The window's number.
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
    /// A GCRA cell.
    Cell {
        /// The user's key.
        key: Vec<u8>,
        /// Stamp of the origin's first charge.
        birth: u64,
        /// Charged by the origin since the birth, nanoseconds.
        charged_ns: u64,
        /// The cell's theoretical arrival time, nanoseconds since the epoch.
        tat_ns: u64,
    },
    /// RESET without a scale, or DEL: every window counter and cell of the key with a lower stamp
    /// is forgotten, also those of series that the receiver learns of until `until_ms`.
    Reset {
        /// The user's key.
        key: Vec<u8>,
        /// Stamp of the reset.
        stamp: u64,
        /// When it ceases to matter, ms since the epoch.
        until_ms: u64,
    },
}

/// How fresh an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// From a live stream without a gap older than 1 s: cells may charge by difference.
    Live {
        /// When the origin took the item, ms since the epoch by its clock.
        sent_ms: u64,
    },
    /// Anything else: cells are only raised.
    Bulk,
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// It said something new.
    Raised,
    /// It was known.
    Known,
    /// Its window is over or too far ahead.
    Ended,
    /// No room: what is held of the origin is incomplete until `until_ms`.
    Refused {
        /// When the item's window has ended, ms since the epoch.
        until_ms: u64,
    },
}
