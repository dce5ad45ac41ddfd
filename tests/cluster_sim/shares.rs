//! What clients do to counters of the keyspace: INCRBY, SET, EXPIRE, PERSIST and DEL as the commands
//! do them, one at a time or several under one hold that is committed or rolled back.
//!
//! Not here: what must hold of them (`shares_checks.rs`). Invariant: what was rolled back is noted
//! nowhere, so that it is missed or found by the checks of what was done.

use ratel::engine::{Held, Value};

use super::settings::Rng;
use super::watched::Watched;
use super::world::World;

/// Counters that all nodes use.
pub(crate) const COUNTERS: u64 = 5;
/// A deadline that no run reaches, ms.
pub(crate) const LONG_MS: u64 = 600_000;

/// Name of the `n`-th counter.
pub(crate) fn counter(n: u64) -> Vec<u8> {
    format!("counter:{n}").into_bytes()
}

/// How counters are used in a seed: of a thousand operations so many are of each kind, the rest adds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shares {
    /// Operations at a node in a step.
    ops_per_step: u64,
    sets: u64,
    removes: u64,
    expires: u64,
    persists: u64,
    /// Operations that are several under one hold, half of which are rolled back.
    batches: u64,
    /// Deadlines are of these lengths, ms.
    short_ms: Option<u64>,
    /// Every key is given a deadline when it is made, and none is taken away.
    pub(crate) always_ends: bool,
    /// Now and then so much is added that both sides of a share fill up.
    huge: bool,
}

/// What the operations under one hold have added, by counter.
type Added = [i128; COUNTERS as usize];

impl Shares {
    pub(crate) fn of(seed: u64) -> Shares {
        let mut rng = Rng(seed ^ 0x5AA5_0F0F_3C3C);
        let only_adds = rng.one_in(3);
        let always_ends = rng.one_in(4);
        let mut rate = |most: &[u64]| if only_adds { 0 } else { rng.pick(most) };
        let (sets, removes) = (rate(&[0, 20, 100]), rate(&[0, 10, 50]));
        let shortest = rate(&[0, 100, 1_000, 4_000]);
        let persists = rate(&[0, 50]);
        Shares {
            ops_per_step: rng.between(1, 4),
            sets,
            removes,
            expires: rng.pick(&[0, 50, 200]),
            persists: if always_ends { 0 } else { persists },
            batches: rng.pick(&[0, 100, 300]),
            short_ms: (shortest > 0).then_some(shortest),
            always_ends,
            huge: rng.one_in(8),
        }
    }

    /// Nothing ends or is set, so that what clients did can be added up.
    pub(crate) fn only_adds(&self) -> bool {
        self.sets == 0 && self.removes == 0 && self.short_ms.is_none()
    }

    /// What clients do in a step.
    pub(crate) fn operate(&self, world: &mut World, rng: &mut Rng) {
        for at in world.living() {
            for _ in 0..self.ops_per_step {
                world.client(at, |tally, now_ms| match rng.permille(self.batches) {
                    true => self.batch(tally, now_ms, rng),
                    false => self.single(tally, now_ms, rng),
                });
            }
        }
    }

    fn single(&self, tally: &Watched, now_ms: u64, rng: &mut Rng) {
        let n = rng.below(COUNTERS).min(rng.below(COUNTERS));
        let key = counter(n);
        let added = self.one(&mut tally.engine.hold_one(now_ms, &key), n, rng);
        tally.note_added(n, added);
    }

    /// A transaction or a script: several operations, all or none.
    fn batch(&self, tally: &Watched, now_ms: u64, rng: &mut Rng) {
        let keys: Vec<Vec<u8>> = (0..COUNTERS).map(counter).collect();
        let mut held = tally.engine.hold(now_ms, keys.iter().map(Vec::as_slice));
        let before: Vec<_> = keys.iter().map(|key| look(&mut held, key)).collect();
        held.keep_undo();
        let mut added = Added::default();
        for _ in 0..rng.between(1, 5) {
            let n = rng.below(COUNTERS);
            added[n as usize] += self.one(&mut held, n, rng);
        }
        if rng.one_in(2) {
            held.roll_back();
            let after: Vec<_> = keys.iter().map(|key| look(&mut held, key)).collect();
            assert_eq!(after, before, "rolled back");
            return;
        }
        held.commit();
        drop(held);
        (0..).zip(added).for_each(|(n, added)| tally.note_added(n, added));
    }

    /// One operation; returns what it has added.
    fn one(&self, held: &mut Held<'_>, n: u64, rng: &mut Rng) -> i128 {
        let (key, dice) = (counter(n), rng.below(1_000));
        let deadline_ms = held.now_ms() + self.length_ms(rng);
        let ranges = [self.sets, self.removes, self.expires, self.persists];
        let mut from = 0;
        let kind = ranges.iter().position(|rate| {
            from += rate;
            dice < from
        });
        match kind {
            Some(0) => self.set(held, &key, deadline_ms, rng),
            Some(1) => drop(held.remove(&key)),
            Some(2) => drop(held.set_deadline(&key, Some(deadline_ms))),
            Some(3) => {
                if held.look(&key).is_some_and(|(_, deadline_ms)| deadline_ms.is_some()) {
                    held.set_deadline(&key, None);
                }
            }
            _ => return self.add(held, &key, deadline_ms, rng),
        }
        0
    }

    fn length_ms(&self, rng: &mut Rng) -> u64 {
        match self.short_ms {
            Some(short_ms) if !rng.one_in(3) => rng.between(short_ms / 2, 2 * short_ms),
            _ => LONG_MS + rng.below(1_000),
        }
    }

    /// SET, with a deadline or without one, or leaving what the key has.
    fn set(&self, held: &mut Held<'_>, key: &[u8], deadline_ms: u64, rng: &mut Rng) {
        let value = Value::Counter(rng.below(100) as i64 - 20);
        let exists = held.get(key).is_some();
        match rng.below(3) {
            0 if exists || !self.always_ends => held.replace(key, value).unwrap(),
            1 if !self.always_ends => held.put(key, value, None).unwrap(),
            _ => held.put(key, value, Some(deadline_ms)).unwrap(),
        }
    }

    /// INCRBY or DECRBY; and EXPIRE with it where that has made the key.
    fn add(&self, held: &mut Held<'_>, key: &[u8], deadline_ms: u64, rng: &mut Rng) -> i128 {
        let size = match self.huge && rng.one_in(4) {
            true => i64::MAX / 2,
            false => rng.between(1, 5) as i64,
        };
        let delta = if rng.one_in(4) { -size } else { size };
        let is_new = held.get(key).is_none();
        let Ok(_) = held.add(key, delta) else { return 0 };
        if is_new && self.always_ends {
            assert!(held.set_deadline(key, Some(deadline_ms)));
        }
        i128::from(delta)
    }
}

/// What a key holds and when it ends, ms since the epoch.
pub(crate) fn look(held: &mut Held<'_>, key: &[u8]) -> Option<(i64, Option<u64>)> {
    held.look(key).map(|(value, deadline_ms)| match value {
        Value::Counter(count) => (*count, deadline_ms),
        other => panic!("{other:?}"),
    })
}
