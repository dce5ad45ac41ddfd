//! Every shard after another: walks, flushes.
//!
//! Not here: names of window counters, which a scan shows too (engine). Invariant: where shards
//! are not held, at most one is locked at a time, so a walk stops nobody for long.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::BuildHasher;
use std::sync::atomic::Ordering::Relaxed;

use super::shard::{Shard, Slot};
use super::{Held, Keyspace, SHARDS, Value, place_bytes};

/// Bits of a hash in a walk's place; the shard's number is above them.
const HASH_BITS: u32 = 23;
const HASH_MASK: u64 = (1 << HASH_BITS) - 1;

/// The whole keyspace: as it comes, or held by a script or transaction.
#[derive(Debug)]
pub enum Whole<'h, 'k> {
    /// Nothing is held: each shard is locked for as long as it is looked at.
    Free {
        /// The keyspace.
        keyspace: &'k Keyspace,
        /// The time to look at, ms since the epoch.
        now_ms: u64,
    },
    /// Every shard is held.
    Held(&'h mut Held<'k>),
}

impl Keyspace {
    /// All of it, nothing held.
    pub fn whole(&self, now_ms: u64) -> Whole<'_, '_> {
        Whole::Free { keyspace: self, now_ms }
    }

    fn draw(&self) -> u64 {
        self.hasher.hash_one(self.draws.fetch_add(1, Relaxed))
    }
}

impl<'k> Held<'k> {
    /// Numbers as by [`Whole::draw`], also while a value is looked at.
    pub fn draws(&self) -> impl Fn() -> u64 + use<'k> {
        let keyspace = self.keyspace();
        move || keyspace.draw()
    }
}

impl Whole<'_, '_> {
    fn keyspace(&self) -> &Keyspace {
        match self {
            Whole::Free { keyspace, .. } => keyspace,
            Whole::Held(held) => held.keyspace(),
        }
    }

    fn now_ms(&self) -> u64 {
        match self {
            Whole::Free { now_ms, .. } => *now_ms,
            Whole::Held(held) => held.now_ms(),
        }
    }

    /// `None` where there is no such shard, or it is not held.
    fn with<R>(
        &mut self,
        number: usize,
        act: impl FnOnce(&Keyspace, &mut Shard) -> R,
    ) -> Option<R> {
        match self {
            Whole::Free { keyspace, .. } => {
                let mut shard = keyspace.shards.get(number)?.lock();
                Some(act(keyspace, &mut shard))
            }
            Whole::Held(held) => {
                let keyspace = held.keyspace();
                held.shard(number).map(|shard| act(keyspace, shard))
            }
        }
    }

    /// Visits about `count` live keys from `place` on (0 = the beginning) in an order that does not
    /// change as keys come and go, fewer where `visit` says that it has enough; returns the place to
    /// go on from, `None` at the end.
    pub fn walk(
        &mut self,
        place: u64,
        count: usize,
        mut visit: impl FnMut(&[u8], &Value) -> bool,
    ) -> Option<u64> {
        // A place is the shard (8 bits) and 23 bits of the hash.
        let mut number = usize::try_from(place >> HASH_BITS).ok()?;
        let mut from = place & HASH_MASK;
        let mut rest = count.max(1);
        let now_ms = self.now_ms();
        while number < SHARDS {
            let next = self.with(number, |keyspace, shard| {
                smallest(keyspace, shard, now_ms, from, &mut rest, &mut visit)
            })?;
            if let Some(next) = next {
                return Some((number as u64) << HASH_BITS | next);
            }
            number += 1;
            from = 0;
            if rest == 0 {
                break;
            }
        }
        (number < SHARDS).then_some((number as u64) << HASH_BITS)
    }

    /// Another number each time, that nobody without the hash's seed can foretell.
    pub fn draw(&self) -> u64 {
        self.keyspace().draw()
    }

    /// Removes everything.
    pub fn flush(&mut self) {
        let now_ms = self.now_ms();
        // The index first: a key that comes meanwhile must not lose its place in it, and a place
        // without a key does no harm.
        let keyspace = self.keyspace();
        keyspace.deadlines.clear(|key| keyspace.holdings.release(place_bytes(key)));
        for number in 0..SHARDS {
            self.with(number, |keyspace, shard| flush_shard(keyspace, shard, number, now_ms));
        }
        if let Whole::Held(held) = self {
            // Other nodes follow: what went cannot come back, nor a part of it.
            held.note_lasting();
            held.forget_undo();
        }
    }
}

fn flush_shard(keyspace: &Keyspace, shard: &mut Shard, number: usize, now_ms: u64) {
    if keyspace.watches.any() {
        keyspace.watches.all_changed(|hash, key| {
            super::shard_of(hash) == number
                && shard.find(hash, key).is_some_and(|slot| slot.get().is_live(now_ms))
        });
    }
    let slots = shard.take();
    keyspace.holdings.release(slots.iter().map(Slot::bytes).sum());
    let hidden = slots.iter().filter(|slot| slot.is_hidden()).count() as u64;
    keyspace.sharing.hidden.fetch_sub(hidden, Relaxed);
    keyspace.holdings.went(slots.len() as u64 - hidden);
    slots.iter().for_each(|slot| keyspace.holdings.ends(slot.ends(), false));
}

/// Visits the keys of a shard with the smallest hashes at or above `from`, at least `rest` if
/// there are so many; returns the hash to go on from.
fn smallest(
    keyspace: &Keyspace,
    shard: &Shard,
    now_ms: u64,
    from: u64,
    rest: &mut usize,
    visit: &mut impl FnMut(&[u8], &Value) -> bool,
) -> Option<u64> {
    let live: Vec<(u64, &Slot)> = shard
        .iter()
        .filter(|slot| slot.is_live(now_ms))
        .map(|slot| (keyspace.hash(&slot.key) & HASH_MASK, slot))
        .filter(|(hash, _)| *hash >= from)
        .collect();
    let order = live.iter().enumerate().map(|(at, (hash, _))| Reverse((*hash, at)));
    let mut heap: BinaryHeap<_> = order.collect();
    while let Some(Reverse((hash, at))) = heap.pop() {
        let slot = live[at].1;
        let more = visit(&slot.key, &slot.value);
        *rest = if more { rest.saturating_sub(1) } else { 0 };
        // Keys of one hash go together: a place cannot tell them apart.
        let next = heap.peek().map(|Reverse((next, _))| *next);
        if *rest == 0 && next.is_some_and(|next| next > hash) {
            return next;
        }
    }
    None
}
