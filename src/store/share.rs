//! What one origin says of a counter of the keyspace.
//!
//! Not here: what the sayings of all come to (`shares.rs`). Invariant: of two sayings of an origin
//! [`Share::join`] gives the same whichever came first.

use std::cmp::Ordering;

/// No deadline.
pub const NEVER_MS: u64 = u64::MAX;
/// How long an erasure is remembered, ms: a node that was away for less does not bring back what
/// was erased meanwhile.
pub const TOMBSTONE_MS: u64 = 3_600_000;
/// How long a record outlives its last share, ms: a datagram that is asked for again may still
/// bring a share as it was before its deadline was known.
pub const LATE_MS: u64 = 5_000;

/// Longest key of a counter that is shared, bytes: with all that can be said of it, it fits into
/// one datagram. Longer keys are each node's own.
pub const SHARED_KEY_BYTES_MAX: usize = 960;

/// What one origin has added to a counter since `birth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Stamp of its beginning; of two births of an origin the later replaces the earlier, under one
    /// stamp that with the later `born_ms`.
    pub birth: u64,
    /// Time where and when it began, ms since the epoch.
    pub born_ms: u64,
    /// Added since then.
    pub up: u64,
    /// Taken away since then.
    pub down: u64,
    /// The key exists by it; else it only tells of an erasure or a deadline.
    pub holds: bool,
    /// When it ends, ms since the epoch, or [`NEVER_MS`].
    pub until_ms: u64,
    /// Stamp of what said so; 0 where nothing has.
    pub until_stamp: u64,
}

/// The last EXPIRE or PERSIST.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moved {
    /// Its stamp; the higher wins.
    pub stamp: u64,
    /// The end that it gave, ms since the epoch, or [`NEVER_MS`].
    pub until_ms: u64,
    /// When it was made, ms since the epoch: what was alive then is moved.
    pub at_ms: u64,
    /// Stamp of the first of those that followed each other while the key lived, this one the last.
    pub first_stamp: u64,
    /// When the first was made, ms since the epoch.
    pub first_ms: u64,
}

/// What an origin says of a key: its share, and what it knows of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareSaid {
    /// Its share.
    pub share: Share,
    /// Shares born up to this stamp are void, since the key was erased.
    pub erased: u64,
    /// Shares born up to this stamp are void, since they had ended.
    pub ended: u64,
    /// The last EXPIRE or PERSIST.
    pub moved: Moved,
}

impl Moved {
    /// True if it gives the share its end.
    ///
    /// The share must have been alive at the time, or when the first of an unbroken row was made. A
    /// share that began later, where this was not known yet, is of the same life of the key if it
    /// began before the end: else a node that counted on would leave a share without any.
    pub(super) fn moves(&self, share: &Share) -> bool {
        // Its own SET may have given it an end within the row; any other end is the row's.
        let is_of_the_row =
            share.until_stamp < self.first_stamp || share.until_stamp != share.birth;
        let was_alive =
            share.until_ms > self.at_ms || (is_of_the_row && share.until_ms > self.first_ms);
        let is_of_this_life = share.birth < self.stamp || share.born_ms < self.until_ms;
        self.stamp > share.until_stamp && was_alive && is_of_this_life
    }
}

impl Share {
    pub(super) fn net(&self) -> i128 {
        i128::from(self.up) - i128::from(self.down)
    }

    /// Both sides of a share that begins with `net`.
    pub(super) fn sides(net: i64) -> (u64, u64) {
        if net < 0 { (0, net.unsigned_abs()) } else { (net.unsigned_abs(), 0) }
    }

    /// What two sayings of one origin come to.
    pub(super) fn join(self, other: Share) -> Share {
        // Where stamps are ahead of its clock, an origin that has forgotten the key may come to the
        // same birth again, at a later time.
        match (self.birth, self.born_ms).cmp(&(other.birth, other.born_ms)) {
            Ordering::Greater => self,
            Ordering::Less => other,
            Ordering::Equal => {
                let end = |share: &Share| (share.until_stamp, share.until_ms);
                let (until_stamp, until_ms) = end(&self).max(end(&other));
                let (up, down) = (self.up.max(other.up), self.down.max(other.down));
                Share { up, down, until_ms, until_stamp, ..self }
            }
        }
    }
}
