//! Where counters live: a skiplist of window buckets, in each an append-only table of atomic
//! counters; beside it the keyspace of values with a deadline.
//!
//! ```text
//! Windows  SkipMap<end, Bucket>      expiry pops the front; a few hundred buckets at most
//! Bucket   newest View, swapped      a reader takes the view, then needs no lock
//! View     256 slot arrays           slot = tag | offset; found by probing, grown one at a time
//! Table    Arena + 256 Shards        entries never move; a shard's lock guards what is added
//! Entry    header, own, foreign, key one counter, 24 bytes and the key
//! ```
//! Not here: verdicts, clocks. Invariant: nothing live is evicted; a counter exists until its
//! window ends, and ends with its whole bucket.

mod account;
mod arena;
mod breakdown;
mod census;
mod changes;
mod collection;
mod counter;
mod entry;
mod graveyard;
mod keyspace;
mod ledger;
mod merge;
#[cfg(all(test, shuttle))]
mod model;
mod origins;
mod pool;
mod reader;
mod registry;
mod resets;
mod scan;
mod series;
mod shard;
mod share;
mod shares;

mod slots;
mod sync;
mod table;
#[cfg(test)]
mod tests;
mod windows;

pub use account::{Account, Full};
pub use breakdown::{Breakdown, OriginCount};
pub use changes::{Change, Which};
pub use collection::{Collection, Edit, End, Hash, LexBound, List, Sorted};
pub use counter::Counter;
pub use entry::{Entry, KEY_BYTES_MAX};
pub use keyspace::{
    AddError, EditError, Held, HeldShare, KeptShare, Keyspace, Mailbox, SharesHeld, TOMBSTONES_MAX,
    Value, Wait, Waited, Watch, Whole, WrongType, parse_integer,
};
pub use merge::{Merged, Said};
pub use origins::{ORIGINS_MAX, Origin};
pub use pool::{CHUNK_WORDS, TRIM_PERIOD_MS};
pub use reader::{Hint, Name, Reader};
pub use registry::{SERIES_MAX, TooManyScales};
pub use resets::Reset;
pub use scan::{Kept, ScanPlace};
pub use series::Series;
pub use share::{LATE_MS, Moved, NEVER_MS, SHARED_KEY_BYTES_MAX, Share, ShareSaid, TOMBSTONE_MS};
pub use shares::{CountOverflow, Shares, SharesMerged};

pub use table::{Refusal, SHARDS};
pub use windows::{ID_MAX, Windows};

/// Bytes that one counter takes: its entry and, at the average fill, its slot.
pub fn counter_bytes(key_bytes: usize) -> u64 {
    8 * entry::words_of(key_bytes) as u64 + 12
}
