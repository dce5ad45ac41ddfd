//! What replication needs of the engine.
//!
//! A trait, so that the state machine runs over a plain model as well and the two can be compared.

use crate::engine::{Engine, Freshness, Item, Merged, Origin, ScanPlace};

/// Counts that nodes share.
pub trait Tally {
    /// Where a scan goes on.
    type Place;

    /// This life's epoch.
    fn origin(&self) -> Origin;

    /// Stamp of the last FLUSHALL, here or heard of; 0 = none.
    fn flush_stamp(&self) -> u64;

    /// Hands out own changes since the last call, at most about `bytes` of keys and numbers; true
    /// if more wait. `urgent_only`: only keys near a limit.
    fn publish(
        &self,
        now_ms: u64,
        urgent_only: bool,
        bytes: usize,
        take: &mut dyn FnMut(Item),
    ) -> bool;

    /// Notes that own items were carried by delta `dseq`.
    fn carried(&self, dseq: u64, items: &[Item]);

    /// Takes over what `origin` says.
    fn merge(
        &self,
        now_ms: u64,
        origin: Origin,
        version: u64,
        item: &Item,
        freshness: Freshness,
    ) -> Merged;

    /// Forgets everything: a FLUSHALL of this stamp was heard of. The caller then renews the epoch.
    fn flush_by(&self, now_ms: u64, flush_stamp: u64);

    /// Begins a new epoch; live own counts stay, as said by the old one.
    fn renew(&self, now_ms: u64, origin: Origin);

    /// Hands out what is held of the origins for which `wants` gives a cursor, as far as its
    /// version is above it; resumable, at most about `bytes` a call. `None` = complete.
    fn scan(
        &self,
        now_ms: u64,
        wants: &dyn Fn(Origin) -> Option<u64>,
        from: Option<Self::Place>,
        bytes: usize,
        take: &mut dyn FnMut(Origin, u64, Item),
    ) -> Option<Self::Place>;

    /// Digest of what is held of an origin in windows that end after `horizon_ms`.
    fn digest(&self, origin: Origin, horizon_ms: u64) -> u64;

    /// Forgets an origin of which nothing live is held.
    fn forget_origin(&self, origin: Origin);

    /// The origins of which something live is held, without this life's own.
    fn origins(&self) -> Vec<Origin>;
}

impl Tally for Engine {
    type Place = ScanPlace;

    fn origin(&self) -> Origin {
        Engine::origin(self)
    }

    fn flush_stamp(&self) -> u64 {
        Engine::flush_stamp(self)
    }

    fn publish(
        &self,
        now_ms: u64,
        urgent_only: bool,
        bytes: usize,
        take: &mut dyn FnMut(Item),
    ) -> bool {
        Engine::publish(self, now_ms, urgent_only, bytes, take)
    }

    fn carried(&self, dseq: u64, items: &[Item]) {
        Engine::carried(self, dseq, items);
    }

    fn merge(
        &self,
        now_ms: u64,
        origin: Origin,
        version: u64,
        item: &Item,
        freshness: Freshness,
    ) -> Merged {
        Engine::merge(self, now_ms, origin, version, item, freshness)
    }

    fn flush_by(&self, now_ms: u64, flush_stamp: u64) {
        Engine::flush_by(self, now_ms, flush_stamp);
    }

    fn renew(&self, now_ms: u64, origin: Origin) {
        Engine::renew(self, now_ms, origin);
    }

    fn scan(
        &self,
        _now_ms: u64,
        wants: &dyn Fn(Origin) -> Option<u64>,
        from: Option<ScanPlace>,
        bytes: usize,
        take: &mut dyn FnMut(Origin, u64, Item),
    ) -> Option<ScanPlace> {
        self.scan_since(wants, from, bytes, take)
    }

    fn digest(&self, origin: Origin, horizon_ms: u64) -> u64 {
        Engine::digest(self, origin, horizon_ms)
    }

    /// Nothing: the store lets go of an origin with the last bucket that holds something of it.
    fn forget_origin(&self, _origin: Origin) {}

    fn origins(&self) -> Vec<Origin> {
        Engine::origins(self)
    }
}
