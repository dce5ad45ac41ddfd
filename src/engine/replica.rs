//! What the cluster asks of the counting: publish this node's counts, merge others', answer a sync.
//!
//! Not here: datagrams, members, when to send (cluster/). Invariants: what is published is absolute
//! and only rises under its stamp; merging is by maximum, so it may be repeated, late or out of
//! order; a node's own counts rise only by its own clients.

use std::sync::atomic::Ordering::Relaxed;
use std::task::Waker;

use super::Engine;
use super::item::{Freshness, Item, Merged, ScanPlace};
use crate::limiter::{COUNT_MAX, Window};
use crate::store::{
    Change, Counter, HeldShare, Kept, KeptShare, Name, Origin, Said, Series, ShareSaid,
    TOMBSTONE_MS, Value, Which,
};

/// How far ahead of this node's clock a window may begin that a peer counts in, ms.
const AHEAD_MS: u64 = 5_000;
/// How far apart the clocks of nodes that hear each other can be, ms: what is sealed by one that is
/// further off is not opened.
const CLOCKS_APART_MS: u64 = 30_000;
/// How long after its end a window's counts are still taken, ms.
const LATE_MS: u64 = 2_000;

impl Engine {
    /// This life's origin.
    pub fn origin(&self) -> Origin {
        Origin(self.life.origin.load(Relaxed))
    }

    /// Stamp of the last FLUSHALL that this life began under; 0 = none.
    pub fn flush_stamp(&self) -> u64 {
        self.life.flush_stamp.load(Relaxed)
    }

    /// Gives the first origin, and how many nodes there are.
    pub fn replicate(&self, origin: Origin, flush_stamp: u64) {
        self.life.origin.store(origin.0, Relaxed);
        self.life.flush_stamp.store(flush_stamp, Relaxed);
        self.life.born_under.store(flush_stamp, Relaxed);
    }

    /// How many nodes there are, this one included: near a limit others are told sooner.
    pub fn set_nodes(&self, nodes: usize) {
        self.life.nodes.store(nodes.max(1) as u64, Relaxed);
    }

    /// Whether a known node cannot be reached: erasures are remembered until it has heard of them.
    pub fn wait_for_members(&self, is_waiting: bool) {
        self.keyspace.wait_for_members(is_waiting);
    }

    /// Has other nodes told soon of a counter that was just counted and is near its limit;
    /// `weighed` is the count that verdicts compare.
    #[inline]
    pub(super) fn note_urgency(
        &self,
        counter: &Counter<'_>,
        limit: u64,
        weighed: impl FnOnce() -> u64,
    ) {
        if self.replicates()
            && counter.note_urgency(weighed(), limit, self.life.nodes.load(Relaxed))
            && self.windows.set_urgent()
            && let Some(waker) = self.life.urgent.get()
        {
            waker.wake_by_ref();
        }
    }

    /// Has `waker` woken when there is something for [`Engine::publish`] that is urgent, after there
    /// was nothing; the first call counts.
    pub fn wake_when_urgent(&self, waker: Waker) {
        self.life.urgent.get_or_init(|| waker);
    }

    /// True once after something made own counts fall (a flush): the cluster then gives a new
    /// origin.
    pub fn take_fallen(&self) -> bool {
        self.life.fallen.load(Relaxed) && self.life.fallen.swap(false, Relaxed)
    }

    /// Begins a new life: live own counts become those of the old origin, which has ended.
    ///
    /// After a flush there is nothing to inherit: what has been counted since is the new life's.
    pub fn renew(&self, now_ms: u64, origin: Origin) {
        let old = Origin(self.life.origin.swap(origin.0, Relaxed));
        if !self.is_flushed() {
            self.windows.bequeath(old);
            self.cells.bequeath(old);
            self.keyspace.bequeath_shares(now_ms, old);
        }
        self.life.born_under.store(self.flush_stamp(), Relaxed);
    }

    /// True between a flush and the new life that must follow it.
    fn is_flushed(&self) -> bool {
        self.life.born_under.load(Relaxed) != self.flush_stamp()
    }

    /// Empties this node because another's flush of `flush_stamp` was heard of; the caller then
    /// gives it a new origin by [`Engine::renew`].
    pub fn flush_by(&self, now_ms: u64, flush_stamp: u64) {
        self.life.flush_stamp.fetch_max(flush_stamp, Relaxed);
        self.forget(&mut self.whole(now_ms));
    }

    /// Hands out own changes since the last call until about `bytes` of keys and numbers; true if
    /// more wait. `urgent_only`: those near a limit.
    pub fn publish(
        &self,
        now_ms: u64,
        urgent_only: bool,
        bytes: usize,
        take: &mut dyn FnMut(Item),
    ) -> bool {
        if self.is_flushed() {
            return false;
        }
        if urgent_only {
            return self.windows.drain_changes(Which::Urgent, bytes, |change| take(window(change)));
        }
        for (key, reset) in self.windows.supply().resets.take_own() {
            take(Item::Reset { key: key.into(), stamp: reset.stamp, until_ms: reset.until_ms });
        }
        let tat_ns = |key: &[u8]| match self.hold_one(now_ms, key).get(key) {
            Some(Value::Cell { tat_ns }) => Some(*tat_ns),
            _ => None,
        };
        self.cells.publish(tat_ns, take);
        let waiting = self.keyspace.publish_shares(bytes, &mut |key, said| {
            take(Item::Share { key: key.to_vec(), said });
        });
        self.windows.drain_changes(Which::All, bytes, |change| take(window(change))) || waiting
    }

    /// Notes that own items were carried by datagram `dseq`.
    pub fn carried(&self, dseq: u64, items: &[Item]) {
        for item in items {
            match item {
                Item::Window { series, index, key, .. } => {
                    self.windows.carried(&name(*series, *index, key), dseq);
                }
                Item::Cell { key, birth, .. } => self.cells.carried(key, *birth, dseq),
                Item::Share { key, said } => self.keyspace.share_carried(key, said, dseq),
                Item::Reset { key, stamp, .. } => {
                    self.windows.supply().resets.carried(key, *stamp, self.origin(), dseq);
                }
            }
        }
    }

    /// Merges what `origin` says in its datagram `version`.
    pub fn merge(
        &self,
        now_ms: u64,
        origin: Origin,
        version: u64,
        item: &Item,
        freshness: Freshness,
    ) -> Merged {
        if origin == self.origin() {
            // An echo: counting it would count everything twice.
            return Merged::Known;
        }
        match item {
            Item::Window { series, index, key, stamp, count, refunded } => {
                let said = Said {
                    origin,
                    version,
                    stamp: *stamp,
                    count: (*count).min(COUNT_MAX),
                    refunded: (*refunded).min(COUNT_MAX),
                };
                self.merge_window(now_ms, &name(*series, *index, key), &said)
            }
            Item::Cell { key, birth, charged_ns, tat_ns } => {
                let said = super::cells::Said {
                    birth: *birth,
                    charged_ns: *charged_ns,
                    tat_ns: *tat_ns,
                    version,
                };
                self.merge_cell(now_ms, origin, key, &said, freshness)
            }
            Item::Share { key, said } => {
                let behind_ms = match freshness {
                    Freshness::Live { behind_ms, .. } => behind_ms,
                    Freshness::Bulk => 0,
                };
                self.merge_share(now_ms, origin, version, key, said, behind_ms)
            }
            Item::Reset { key, stamp, until_ms } => {
                self.merge_reset(now_ms, origin, version, key, *stamp, *until_ms)
            }
        }
    }

    fn merge_window(&self, now_ms: u64, name: &Name<'_>, said: &Said) -> Merged {
        let until_ms = name.series.expires_ms(name.window);
        let ahead_ms = name.window.start_ms().saturating_sub(now_ms);
        if ahead_ms > CLOCKS_APART_MS || now_ms >= until_ms.saturating_add(LATE_MS) {
            return Merged::Ended;
        }
        if ahead_ms > AHEAD_MS {
            // It will begin here too, and then this node must not claim to hold it.
            return Merged::Refused { until_ms };
        }
        match self.windows.merge(name, said) {
            crate::store::Merged::Raised => Merged::Raised,
            crate::store::Merged::Known => Merged::Known,
            crate::store::Merged::Refused => Merged::Refused { until_ms },
        }
    }

    fn merge_share(
        &self,
        now_ms: u64,
        origin: Origin,
        version: u64,
        key: &[u8],
        said: &ShareSaid,
        behind_ms: u64,
    ) -> Merged {
        match self.keyspace.merge_share(now_ms, origin, version, key, said, behind_ms) {
            HeldShare::News => Merged::Raised,
            HeldShare::Known => Merged::Known,
            HeldShare::Ended => Merged::Ended,
            HeldShare::Refused => {
                let until_ms = said.share.until_ms.min(now_ms.saturating_add(TOMBSTONE_MS));
                Merged::Refused { until_ms }
            }
        }
    }

    fn merge_reset(
        &self,
        now_ms: u64,
        origin: Origin,
        version: u64,
        key: &[u8],
        stamp: u64,
        until_ms: u64,
    ) -> Merged {
        let reset =
            crate::store::Reset { stamp, until_ms, carried: Some((origin, version)), told: true };
        if !self.windows.supply().resets.keep(key, reset) {
            return Merged::Known;
        }
        let mut reader = self.reader();
        for series in self.series(now_ms) {
            for name in self.live_windows(now_ms, key, series) {
                if let Some(counter) = reader.find(&name) {
                    counter.void_below(stamp);
                }
            }
        }
        self.cells.void_below(key, stamp);
        self.remove_cell(now_ms, key);
        Merged::Raised
    }

    /// Hands out what is held of the origins for which `wants` gives a cursor, where it is newer
    /// than that, the keyspace first, then the latest windows, until about `bytes`; returns where to
    /// go on.
    pub fn scan_since(
        &self,
        wants: &dyn Fn(Origin) -> Option<u64>,
        from: Option<ScanPlace>,
        bytes: usize,
        take: &mut dyn FnMut(Origin, u64, Item),
    ) -> Option<ScanPlace> {
        let own = self.origin();
        let (shard, windows) = match from {
            None => {
                self.scan_resets(wants, take);
                self.cells.scan(own, wants, take);
                (Some(0), None)
            }
            Some(ScanPlace::Shares { shard }) => (Some(shard), None),
            Some(ScanPlace::Windows(place)) => (None, Some(place)),
        };
        let wants = |origin: Option<Origin>| wants(origin.unwrap_or(own));
        if let Some(shard) = shard {
            let next = self.keyspace.scan_shares(&wants, shard, bytes, &mut |key, kept| {
                let KeptShare { origin, version, said } = kept;
                take(origin.unwrap_or(own), version, Item::Share { key: key.to_vec(), said });
            });
            if let Some(shard) = next {
                return Some(ScanPlace::Shares { shard });
            }
        }
        let place = self.windows.scan(&wants, windows, bytes, &mut |held: Kept| {
            let Kept { origin, version, series, index, key, stamp, count, refunded } = held;
            let item = Item::Window { series, index, key, stamp, count, refunded };
            take(origin.unwrap_or(own), version, item);
        });
        place.map(ScanPlace::Windows)
    }

    fn scan_resets(
        &self,
        wants: &dyn Fn(Origin) -> Option<u64>,
        take: &mut dyn FnMut(Origin, u64, Item),
    ) {
        for (key, reset) in self.windows.supply().resets.all() {
            let Some((origin, version)) = reset.carried else { continue };
            if wants(origin).is_some_and(|cursor| version > cursor) {
                let (stamp, until_ms) = (reset.stamp, reset.until_ms);
                take(origin, version, Item::Reset { key: key.into(), stamp, until_ms });
            }
        }
    }

    /// Digest of what is held of an origin in buckets that end after `horizon_ms`: the same on
    /// every node that holds the same.
    pub fn digest(&self, origin: Origin, horizon_ms: u64) -> u64 {
        let is_own = origin == self.origin();
        let shares = self.keyspace.shares_digest((!is_own).then_some(origin), horizon_ms);
        let windows = match is_own {
            true => self.windows.own_digest(horizon_ms),
            false => self.windows.digest(origin, horizon_ms),
        };
        windows.wrapping_add(shares)
    }

    /// The origins of which something is held, this life excluded.
    pub fn origins(&self) -> Vec<Origin> {
        let mut all = self.windows.origins();
        all.extend(self.cells.origins());
        all.extend(self.keyspace.share_origins());
        all.sort_unstable();
        all.dedup();
        all
    }
}

fn window(change: Change) -> Item {
    let Change { series, index, key, own, refunded, stamp } = change;
    Item::Window { series, index, key, stamp, count: own, refunded }
}

fn name(series: Series, index: u64, key: &[u8]) -> Name<'_> {
    Name { series, window: Window { scale: series.scale, index }, key }
}

#[cfg(test)]
#[path = "replica_tests.rs"]
mod tests;
