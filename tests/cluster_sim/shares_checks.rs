//! What must hold of the counters that nodes share, once all is quiet.
//!
//! Not here: that a share is never above what its origin said, which `watched.rs` checks of every
//! item that is told or held.

use super::clock::EPOCH_MS;
use super::shares::{COUNTERS, LONG_MS, counter, look};
use super::story::Story;
use super::watched::Watched;
use super::world::World;

/// After this all that was ever counted, erased or set has ended and is forgotten, ms.
const ALL_ENDED_MS: u64 = 3 * 3_600_000;
/// Later looks in quiet, each so long after the one before, us.
const LATER_US: [u64; 3] = [500_000, 1_500_000, 4_000_000];

/// What a node sees of a counter: its count and its deadline, if it exists.
type Seen = Option<(i64, Option<u64>)>;

impl World {
    /// What all nodes see of a counter at a time.
    fn seen(&self, n: u64, now_ms: u64) -> Vec<Seen> {
        let key = counter(n);
        let engines = self.living().into_iter().map(|at| &self.nodes[at].tally.engine);
        engines.map(|engine| look(&mut engine.hold_one(now_ms, &key), &key)).collect()
    }

    /// The first counter that nodes see differently at a time; `None` if all agree, or need not.
    pub(crate) fn shares_difference(&self, now_ms: u64) -> Option<String> {
        if self.clocks_apart {
            return None;
        }
        (0..COUNTERS).find_map(|n| {
            let seen = self.seen(n, now_ms);
            let differs = seen.iter().any(|it| *it != seen[0]);
            differs.then(|| {
                let items: Vec<_> =
                    self.living().iter().map(|at| self.nodes[*at].tally.shares_of(n)).collect();
                format!("counter {n} at {now_ms} is seen as {seen:?}, held as {items:#?}")
            })
        })
    }

    /// The true time, ms since the epoch.
    pub(crate) fn true_ms(&self) -> u64 {
        EPOCH_MS + self.now_us / 1_000
    }
}

impl Story {
    /// The counters' part of a look in the midst of everything: what is kept for others to hear of
    /// is bounded by the keys there ever were.
    pub(super) fn look_at_shares(&self, world: &mut World) {
        for at in world.living() {
            let now_ms = world.now(at).wall_ms;
            let report = world.nodes[at].tally.engine.report(now_ms);
            assert!(report.tombstones <= COUNTERS, "{} tombstones", report.tombstones);
        }
    }

    /// In quiet: what all see is what clients did, and nothing is without end that was always given one.
    pub(super) fn agree_on_shares(&self, world: &World) -> Result<(), String> {
        if world.clocks_apart {
            return Ok(());
        }
        let exact = self.shares.only_adds() && !self.flushes;
        for n in 0..COUNTERS {
            let seen = world.seen(n, world.true_ms());
            if self.shares.always_ends && seen.iter().flatten().any(|(_, end)| end.is_none()) {
                return Err(format!("counter {n} has no end: {seen:?}"));
            }
            let truth = world.truth.borrow();
            if exact && truth.crashed.is_empty() {
                let added = truth.added.get(&n).copied().unwrap_or_default();
                let added = added.clamp(i64::MIN.into(), i64::MAX.into());
                let count = |seen: &Seen| seen.map_or(0, |(count, _)| i128::from(count));
                if seen.iter().any(|it| count(it) != added) {
                    return Err(format!("counter {n} is {seen:?}, clients added {added:?}"));
                }
            }
        }
        Ok(())
    }

    /// All see the same at later times too; and when all has ended nothing is left of it.
    pub(super) fn end_shares(&self, world: &mut World) -> Result<(), String> {
        for later_us in LATER_US {
            world.run_for(later_us);
            self.expire(world);
            world.shares_difference(world.true_ms()).map_or(Ok(()), Err)?;
        }
        let begin_ms = world.true_ms();
        for later_ms in [60_000, LONG_MS - 60_000, LONG_MS + 130_000] {
            world.shares_difference(begin_ms + later_ms).map_or(Ok(()), Err)?;
        }
        for at in world.living() {
            let tally = &world.nodes[at].tally;
            (0..COUNTERS).map(counter).for_each(|key| {
                tally.engine.hold_one(begin_ms + 2 * LONG_MS, &key).remove(&key);
            });
            tally.end_all(begin_ms + ALL_ENDED_MS);
            let report = tally.engine.report(begin_ms + ALL_ENDED_MS);
            let left = (report.memory_keyspace_bytes, report.cells, report.tombstones);
            if left != (0, 0, 0) {
                return Err(format!(
                    "node {at} holds {left:?} (bytes, keys, tombstones) when all has ended"
                ));
            }
        }
        Ok(())
    }
}

impl Watched {
    /// Ends everything that has a deadline before `now_ms`, and what is kept for an unreachable
    /// member's sake.
    fn end_all(&self, now_ms: u64) {
        self.engine.wait_for_members(false);
        while self.engine.expire(now_ms) {}
        while self.engine.reclaim(now_ms) {}
    }
}
