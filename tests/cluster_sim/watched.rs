//! A node's engine, whose every published and merged item is checked, and what clients do to it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use ratel::cluster::replication::Tally;
use ratel::config::MemoryPolicy;
use ratel::engine::{
    Charge, Engine, Freshness, Hit, Item, Merged, Options, Origin, ScanPlace, Series,
};
use ratel::limiter::Window;
use ratel::limiter::gcra::Quota;

use super::settings::Mutant;
use super::shares::counter;
use super::truth::{Life, Subject, Truth, parts, window};

/// Nanoseconds of a millisecond.
pub(crate) const MS_NS: u64 = 1_000_000;

/// The engine of one life of a node.
pub(crate) struct Watched {
    pub(crate) engine: Engine,
    pub(crate) life: Life,
    truth: Rc<RefCell<Truth>>,
    held: RefCell<BTreeMap<(Subject, Origin, u64), u64>>,
    mutant: Mutant,
}

impl Watched {
    /// `table_seed` is that of its tables: every life has another.
    pub(crate) fn new(
        life: Life,
        origin: Origin,
        table_seed: u64,
        truth: Rc<RefCell<Truth>>,
        mutant: Mutant,
    ) -> Watched {
        let engine = Engine::new(Options {
            seed: table_seed,
            stamp_tag: life.0 as u16 + 1,
            memory_limit_bytes: u64::MAX,
            policy: MemoryPolicy::NoEviction,
            track_changes: true,
        });
        engine.replicate(origin, 0);
        truth.borrow_mut().born.insert(origin, 0);
        Watched { engine, life, truth, held: RefCell::default(), mutant }
    }

    /// A hit as a client sends it; under a limit or without one.
    pub(crate) fn hit(&self, now_ms: u64, key: &[u8], series: Series, by: u64, limit: Option<u64>) {
        let mut reader = self.engine.reader();
        match limit {
            Some(limit) => {
                let charge = Charge { series, increment: by, limit };
                self.engine.hit(&mut reader, now_ms, key, &charge, Hit::Always).unwrap();
            }
            None => drop(self.engine.increment(&mut reader, now_ms, key, series, by).unwrap()),
        }
        self.truth.borrow_mut().note(self.life, &window(series, now_ms, key), by, 0);
    }

    pub(crate) fn refund(&self, now_ms: u64, key: &[u8], series: Series, amount: u64) {
        let before = self.get(now_ms, key, series);
        self.engine.refund(&mut self.engine.reader(), now_ms, key, series, amount);
        let given = before - self.get(now_ms, key, series);
        self.truth.borrow_mut().note(self.life, &window(series, now_ms, key), 0, given);
    }

    pub(crate) fn set(&self, now_ms: u64, key: &[u8], series: Series, count: u64) {
        self.engine.set(&mut self.engine.reader(), now_ms, key, series, count).unwrap();
    }

    /// RESET of one series, or of all.
    pub(crate) fn reset(&self, now_ms: u64, key: &[u8], series: Option<Series>) {
        let mut reader = self.engine.reader();
        match series {
            Some(series) => drop(self.engine.reset(&mut reader, now_ms, key, [series])),
            None => drop(self.engine.reset_all(&mut reader, now_ms, key)),
        }
    }

    /// True if the call was allowed.
    pub(crate) fn throttle(&self, now_ms: u64, key: &[u8], quota: &Quota) -> bool {
        !self.engine.throttle(now_ms * MS_NS, key, quota, 1).unwrap().limited
    }

    /// How far a cell is filled ahead of now, ns; nothing is written.
    pub(crate) fn ahead_ns(&self, now_ms: u64, key: &[u8]) -> u64 {
        // So wide that nothing is clamped, and asked for more than it ever grants.
        const BURST: i64 = 1_000_000_000;
        let wide = Quota::cell(BURST, 1_000, 1).unwrap();
        let decision = self.engine.throttle(now_ms * MS_NS, key, &wide, BURST + 2).unwrap();
        assert!(decision.limited && decision.new_tat_ns.is_none());
        decision.ttl_ns as u64
    }

    pub(crate) fn get(&self, now_ms: u64, key: &[u8], series: Series) -> u64 {
        self.engine.count_in_window(&mut self.engine.reader(), now_ms, key, series)
    }

    pub(crate) fn expire(&self, now_ms: u64) {
        self.engine.expire(now_ms);
        self.engine.reclaim(now_ms);
    }

    /// Clients have added to the `n`-th counter of the keyspace.
    pub(crate) fn note_added(&self, n: u64, added: i128) {
        if added != 0 {
            *self.truth.borrow_mut().added.entry(n).or_default() += added;
        }
    }

    /// All that is held of the `n`-th counter of the keyspace.
    pub(crate) fn shares_of(&self, n: u64) -> Vec<String> {
        let mut held = Vec::new();
        let mut place = None;
        loop {
            place = self.engine.scan_since(&|_| Some(0), place, 1 << 20, &mut |of, _, item| {
                if matches!(item, Item::Share { .. }) && item.key() == counter(n) {
                    held.push(format!("{of:?} {item:?}"));
                }
            });
            if place.is_none() {
                return held;
            }
        }
    }

    /// The clock was set: what it took for ended was dropped, and may come back as an older word.
    pub(crate) fn clock_was_set(&self) {
        self.held.take();
    }

    /// Everything held is true and has not fallen since the last look, but for windows that have ended:
    /// a late datagram may bring an older word of one that was dropped.
    pub(crate) fn check(&self, now_ms: u64) {
        let own = self.engine.origin();
        let mut held = BTreeMap::new();
        let mut look = |origin, _, item: Item| {
            if origin != own && ends_ms(&item) > now_ms {
                self.truth.borrow().check(origin, &item);
            }
            let (subject, stamp, part) = parts(&item);
            if ends_ms(&item) > now_ms {
                held.insert((subject, origin, stamp), part[0]);
            }
        };
        let mut place = None;
        loop {
            place = self.engine.scan_since(&|_| Some(0), place, 1 << 20, &mut look);
            if place.is_none() {
                break;
            }
        }
        for (what, first) in self.held.replace(held.clone()) {
            if let Some(now) = held.get(&what) {
                assert!(*now >= first, "{what:?} fell from {first} to {now}");
            }
        }
    }
}

impl Watched {
    /// What is held of an origin in windows that all have begun, and in counters of the keyspace, that
    /// end later. (A clock that was ahead has counted alone in windows that others' clocks have not
    /// begun.)
    pub(crate) fn held_of(&self, origin: Origin, horizon_ms: u64) -> Vec<String> {
        let mut held = Vec::new();
        let wants = |of| (of == origin).then_some(0);
        let mut place = None;
        loop {
            place = self.engine.scan_since(&wants, place, 1 << 20, &mut |_, _, item| {
                let has_begun = match &item {
                    Item::Window { series, index, .. } => {
                        index * series.scale.ms() + 3_000 < horizon_ms
                    }
                    Item::Share { said, .. } => said.share.holds,
                    _ => false,
                };
                if has_begun && ends_ms(&item) > horizon_ms {
                    held.push(format!("{item:?}"));
                }
            });
            if place.is_none() {
                held.sort_unstable();
                return held;
            }
        }
    }
}

/// When a window ends or a cell has drained, ms since the epoch.
fn ends_ms(item: &Item) -> u64 {
    match item {
        Item::Window { series, index, .. } => {
            series.expires_ms(Window { scale: series.scale, index: *index })
        }
        Item::Cell { tat_ns, .. } => tat_ns / MS_NS,
        Item::Reset { .. } => u64::MAX,
        Item::Share { said, .. } => said.share.until_ms,
    }
}

impl Tally for Watched {
    type Place = ScanPlace;

    fn origin(&self) -> Origin {
        self.engine.origin()
    }

    fn flush_stamp(&self) -> u64 {
        self.engine.flush_stamp()
    }

    fn publish(
        &self,
        now_ms: u64,
        urgent_only: bool,
        bytes: usize,
        take: &mut dyn FnMut(Item),
    ) -> bool {
        let origin = self.engine.origin();
        let mut items = Vec::new();
        let more = self.engine.publish(now_ms, urgent_only, bytes, &mut |item| {
            self.truth.borrow_mut().publish(origin, &item);
            items.push(item);
        });
        // The engine hands some out in no order; the same seed must leave the same trace.
        items.sort_by_cached_key(parts);
        items.into_iter().for_each(take);
        more
    }

    fn carried(&self, dseq: u64, items: &[Item]) {
        self.engine.carried(dseq, items);
    }

    fn merge(
        &self,
        now_ms: u64,
        origin: Origin,
        version: u64,
        item: &Item,
        freshness: Freshness,
    ) -> Merged {
        assert_ne!(origin, self.engine.origin(), "told of itself");
        self.truth.borrow().check(origin, item);
        self.engine.merge(now_ms, origin, version, item, freshness)
    }

    fn flush_by(&self, now_ms: u64, flush_stamp: u64) {
        self.engine.flush_by(now_ms, flush_stamp);
    }

    fn renew(&self, now_ms: u64, origin: Origin) {
        // What the old life leaves behind, it has said: a cell that has drained is not published.
        let own = self.engine.origin();
        let wants = |of| (of == own).then_some(0);
        self.engine.scan_since(&wants, None, usize::MAX, &mut |_, _, item| {
            self.truth.borrow_mut().publish(own, &item);
        });
        self.engine.renew(now_ms, origin);
        // A share that nobody was told of yet is the old life's from here on.
        let wants = |of| (of == own).then_some(0);
        self.engine.scan_since(&wants, None, usize::MAX, &mut |_, _, item| {
            self.truth.borrow_mut().publish(own, &item);
        });
        self.truth.borrow_mut().born.insert(origin, self.engine.flush_stamp());
    }

    fn scan(
        &self,
        _now_ms: u64,
        wants: &dyn Fn(Origin) -> Option<u64>,
        from: Option<ScanPlace>,
        bytes: usize,
        take: &mut dyn FnMut(Origin, u64, Item),
    ) -> Option<ScanPlace> {
        let own = self.engine.origin();
        // A few shards a call, so that a scan is overtaken by deltas.
        let mut found = Vec::new();
        let place =
            self.engine.scan_since(wants, from, bytes.min(256), &mut |of, version, item| {
                // A scan may tell what the next flush would have.
                if of == own {
                    self.truth.borrow_mut().publish(of, &item);
                }
                found.push((of, version, item));
            });
        found.sort_by_cached_key(|(of, version, item)| (*of, *version, parts(item)));
        found.into_iter().for_each(|(of, version, item)| take(of, version, item));
        place
    }

    fn digest(&self, origin: Origin, horizon_ms: u64) -> u64 {
        match self.mutant {
            Mutant::NoDigests => 0,
            _ => self.engine.digest(origin, horizon_ms),
        }
    }

    fn forget_origin(&self, origin: Origin) {
        Tally::forget_origin(&self.engine, origin);
    }

    fn origins(&self) -> Vec<Origin> {
        self.engine.origins()
    }
}
