//! The counters that changed since the last drain, for replication; those near a limit can be had
//! first.
//!
//! Invariant: a change is either in a list or has been handed out with a count at least as new:
//! the flag is cleared before the count is read.

use super::series::Series;
use super::shard::Shard;
use super::sync::Mutex;
use super::table::View;
use super::windows::Windows;

/// Which changes a drain hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those near a limit.
    Urgent,
}

/// One changed counter, as it is when it is drained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Kind and scale.
    pub series: Series,
    /// Number of the window.
    pub index: u64,
    /// The user's key.
    pub key: Vec<u8>,
    /// This node's count under the stamp.
    pub own: u64,
    /// Given back by this node under the stamp.
    pub refunded: u64,
    /// Stamp of the last SET or RESET, 0 = none.
    pub stamp: u64,
}

impl Windows {
    /// Hands out changes since the last drain, the latest windows first, until `bytes` of keys and
    /// numbers are reached; true if more wait. Nothing is listed unless the windows were made to
    /// track changes.
    pub fn drain_changes(&self, which: Which, bytes: usize, mut take: impl FnMut(Change)) -> bool {
        // Both kinds of drain empty the urgent lists.
        let is_urgent = self.take_urgent();
        if which == Which::Urgent && !is_urgent {
            return false;
        }
        let mut taken = 0;
        let mut take = |change: Change| {
            taken += change.key.len() + 24;
            take(change);
            taken
        };
        for view in self.views_latest_first() {
            let Some(view) = view.as_deref() else { continue };
            if !view.table().take_changed() {
                continue;
            }
            for shard in view.table().shards() {
                if drain_shard(view, shard, which, &mut take) >= bytes {
                    view.table().set_changed();
                    if is_urgent {
                        self.set_urgent();
                    }
                    return true;
                }
            }
            if which == Which::Urgent {
                view.table().set_changed();
            }
        }
        false
    }
}

/// Hands a shard's changes out; returns what the last `take` did, 0 if there was none.
fn drain_shard(
    view: &View,
    shard: &Mutex<Shard>,
    which: Which,
    take: &mut impl FnMut(Change) -> usize,
) -> usize {
    let mut shard = shard.lock();
    let urgent = std::mem::take(&mut shard.urgent);
    let listed = match which {
        Which::Urgent => urgent,
        Which::All => std::mem::take(&mut shard.changed),
    };
    let mut taken = 0;
    for offset in listed {
        let entry = view.entry(offset);
        // An urgent one stays in the other list, and is then found unchanged.
        if !entry.clear_changed() {
            continue;
        }
        let Some(series) = entry.series() else { continue };
        let changed = shard.override_of(offset).unwrap_or_default();
        let own = entry.own();
        entry.set_published(own);
        if own == 0 && changed.refunded == 0 && changed.stamp == 0 {
            continue;
        }
        let mut key = Vec::new();
        entry.key_into(&mut key);
        taken = take(Change {
            series,
            index: series.index_in_bucket(view.table().end_ms),
            key,
            own,
            refunded: changed.refunded,
            stamp: changed.stamp,
        });
    }
    taken
}
