//! The counters that changed since the last drain, for replication.
//!
//! Invariant: a change is either in a list or has been handed out with a count at least as new:
//! the flag is cleared before the count is read.

use super::series::Series;
use super::shard::Shard;
use super::table::View;
use super::windows::Windows;

/// One changed counter, as it is when it is drained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Kind and scale.
    pub series: Series,
    /// The bucket: with the series it names the window.
    pub bucket_ms: u64,
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
    /// Hands out every change since the last drain. Nothing is listed unless the windows were
    /// made to track changes.
    pub fn drain_changes(&self, mut take: impl FnMut(Change)) {
        for view in self.views_from(0) {
            let Some(view) = view.as_deref() else {
                continue;
            };
            for shard in view.table().take_changed() {
                drain_shard(view, &mut shard.lock(), &mut take);
            }
        }
    }
}

fn drain_shard(view: &View, shard: &mut Shard, take: &mut impl FnMut(Change)) {
    for offset in std::mem::take(&mut shard.changed) {
        let entry = view.entry(offset);
        entry.clear_changed();
        let Some(series) = entry.series() else {
            continue;
        };
        let changed = shard.override_of(offset).unwrap_or_default();
        let mut key = Vec::new();
        entry.key_into(&mut key);
        take(Change {
            series,
            bucket_ms: view.table().end_ms,
            key,
            own: entry.own(),
            refunded: changed.refunded,
            stamp: changed.stamp,
        });
    }
}
