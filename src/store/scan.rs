//! Scanning for a sync: everything held of some origins, the latest windows first; and digests.
//!
//! Invariant: a slot that is held throughout a scan and is newer than asked for is handed out.

use super::ledger::{Slot, digest};
use super::origins::{Origin, OriginId, SELF};
use super::series::Series;
use super::shard::Shard;
use super::table::View;
use super::windows::Windows;

/// What is held of one origin and counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Whose; `None` = this node's own.
    pub origin: Option<Origin>,
    /// The datagram that last carried it.
    pub version: u64,
    /// Kind and scale.
    pub series: Series,
    /// Number of the window.
    pub index: u64,
    /// The user's key.
    pub key: Vec<u8>,
    /// Stamp that the counts follow.
    pub stamp: u64,
    /// Counted under the stamp.
    pub count: u64,
    /// Given back under the stamp.
    pub refunded: u64,
}

/// Where a scan goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanPlace {
    bucket_ms: u64,
    shard: usize,
}

impl Windows {
    /// Hands out what is held of the origins for which `wants` (`None` = this node) gives a cursor,
    /// where its version is above that cursor. Stops after a shard once `bytes` of keys and
    /// numbers are handed out; returns where to go on, `None` at the end.
    pub fn scan(
        &self,
        wants: &dyn Fn(Option<Origin>) -> Option<u64>,
        from: Option<ScanPlace>,
        bytes: usize,
        take: &mut dyn FnMut(Kept),
    ) -> Option<ScanPlace> {
        let cursors: Vec<(OriginId, Option<Origin>, u64)> = std::iter::once((None, SELF))
            .chain(self.origins.all().into_iter().map(|(origin, id)| (Some(origin), id)))
            .filter_map(|(origin, id)| wants(origin).map(|cursor| (id, origin, cursor)))
            .collect();
        let mut taken = 0;
        for view in self.views_latest_first() {
            let Some(view) = view.as_deref() else { continue };
            let bucket_ms = view.table().end_ms;
            if from.is_some_and(|from| bucket_ms > from.bucket_ms) {
                continue;
            }
            let first =
                from.filter(|from| from.bucket_ms == bucket_ms).map_or(0, |from| from.shard);
            for (at, shard) in view.table().shards().iter().enumerate().skip(first) {
                if taken >= bytes {
                    return Some(ScanPlace { bucket_ms, shard: at });
                }
                scan_shard(view, &shard.lock(), &cursors, &mut |held| {
                    taken += held.key.len() + 24;
                    take(held);
                });
            }
        }
        None
    }

    /// The digest of what is held of an origin in buckets that end after `horizon_ms`.
    pub fn digest(&self, origin: Origin, horizon_ms: u64) -> u64 {
        let Some(id) = self.origins.id_of(origin) else { return 0 };
        let views = self.views_latest_first();
        let late = views
            .iter()
            .filter_map(|view| view.as_deref())
            .filter(|view| view.table().end_ms > horizon_ms);
        late.filter_map(|view| view.table().digests.lock().get(&id).copied())
            .fold(0, u64::wrapping_add)
    }

    /// The digest that others have of what this node has told them, once they hold all of it.
    pub fn own_digest(&self, horizon_ms: u64) -> u64 {
        let mut sum = 0_u64;
        for view in self.views_latest_first() {
            let late = view.as_deref().filter(|view| view.table().end_ms > horizon_ms);
            for shard in late.iter().flat_map(|view| view.table().shards()) {
                let Some(view) = late else { continue };
                sum = sum.wrapping_add(own_digest(view, &shard.lock()));
            }
        }
        sum
    }

    /// The origins that have slots here, this node excluded.
    pub fn origins(&self) -> Vec<Origin> {
        self.origins.all().into_iter().map(|(origin, _)| origin).collect()
    }
}

fn own_digest(view: &View, shard: &Shard) -> u64 {
    let Some(ledger) = &shard.ledger else { return 0 };
    let told = ledger.iter().filter(|(_, id, _)| *id == SELF).map(|(offset, _, slot)| {
        let entry = view.entry(offset);
        let changed = shard.override_of(offset).unwrap_or_default();
        let slot = Slot { count: entry.own(), refunded: changed.refunded, ..slot };
        let mut key = Vec::new();
        entry.key_into(&mut key);
        digest(view.table().end_ms, entry.identity(), &key, changed.stamp, &slot)
    });
    told.fold(0, u64::wrapping_add)
}

fn scan_shard(
    view: &View,
    shard: &Shard,
    cursors: &[(OriginId, Option<Origin>, u64)],
    take: &mut dyn FnMut(Kept),
) {
    let Some(ledger) = &shard.ledger else { return };
    for (offset, id, slot) in ledger.iter() {
        let wanted = cursors.iter().find(|(wanted, ..)| *wanted == id);
        let Some((_, origin, _)) = wanted.filter(|(.., cursor)| slot.version > *cursor) else {
            continue;
        };
        let entry = view.entry(offset);
        let Some(series) = entry.series() else { continue };
        let changed = shard.override_of(offset).unwrap_or_default();
        let (count, refunded) = match origin {
            Some(_) => (slot.count, slot.refunded),
            None => (entry.own(), changed.refunded),
        };
        let mut key = Vec::new();
        entry.key_into(&mut key);
        take(Kept {
            origin: *origin,
            version: slot.version,
            series,
            index: series.index_in_bucket(view.table().end_ms),
            key,
            stamp: changed.stamp,
            count,
            refunded,
        });
    }
}
