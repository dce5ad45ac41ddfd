//! One counter and what can be done to it: count, count if, give back, set, forget.
//!
//! Counting takes no lock while the entry has no override; with one it takes the shard's lock, so
//! that count, stamp and census change together. A count may race with the first override: it looks
//! at the flag again afterwards and then settles under the lock.
//!
//! Invariant: the own word only rises between two stamps; a counter exists if its count is above 0.

use super::entry::Entry;
use super::merge::void;
use super::shard::{Override, Shard};
use super::table::{Probe, Supply, View};
use crate::limiter::COUNT_MAX;

/// A counter that has an entry.
#[derive(Clone, Copy, Debug)]
pub struct Counter<'v> {
    view: &'v View,
    probe: Probe<'v>,
    offset: u32,
    supply: &'v Supply,
}

impl<'v> Counter<'v> {
    /// The counter of `probe`, whose entry in `view` is at `offset`.
    #[inline]
    pub fn new(view: &'v View, probe: Probe<'v>, offset: u32, supply: &'v Supply) -> Counter<'v> {
        Counter { view, probe, offset, supply }
    }

    #[inline]
    fn entry(&self) -> Entry<'v> {
        self.view.entry(self.offset)
    }

    /// The count: own and foreign, less what was given back.
    pub fn count(&self) -> u64 {
        let entry = self.entry();
        let count = entry.own() + entry.foreign();
        // Looked at afterwards: what an override changes must be read under its lock.
        if entry.is_overridden() {
            let shard = self.view.shard(&self.probe).lock();
            let changed = shard.override_of(self.offset).unwrap_or_default();
            return counted(entry, entry.own(), changed);
        }
        count
    }

    /// Counts `increment` and returns the count after it.
    #[inline]
    pub fn add(&self, increment: u64) -> u64 {
        let entry = self.entry();
        if entry.is_overridden() {
            return self.settle(|| entry.add_own(increment));
        }
        let own = entry.add_own(increment);
        self.note_change();
        if entry.is_overridden() {
            return self.settle(|| own);
        }
        own + entry.foreign()
    }

    /// Counts `increment` only if `admit` accepts the count that would result.
    ///
    /// # Errors
    /// The count as it stands, if it was not admitted.
    pub fn add_if(&self, increment: u64, admit: impl Fn(u64) -> bool) -> Result<u64, u64> {
        let entry = self.entry();
        loop {
            let seen = entry.own_word();
            if entry.is_overridden() {
                return self.add_if_settled(increment, admit);
            }
            let now = seen.min(COUNT_MAX) + entry.foreign();
            let then = now.saturating_add(increment);
            if !admit(then) {
                return Err(now);
            }
            if let Ok(own) = entry.try_add_own(seen, increment) {
                self.note_change();
                if entry.is_overridden() {
                    return Ok(self.settle(|| own));
                }
                return Ok(then);
            }
        }
    }

    /// [`Counter::add_if`] of an overridden entry: the same own count can stand for different
    /// counts, so the lock is held from the look to the add.
    #[cold]
    fn add_if_settled(&self, increment: u64, admit: impl Fn(u64) -> bool) -> Result<u64, u64> {
        let entry = self.entry();
        let mut shard = self.view.shard(&self.probe).lock();
        loop {
            let seen = entry.own_word();
            let changed = shard.override_of(self.offset).unwrap_or_default();
            let now = counted(entry, seen.min(COUNT_MAX), changed);
            if !admit(now.saturating_add(increment)) {
                return Err(now);
            }
            // Fails only for a count that began before the first override.
            if let Ok(own) = entry.try_add_own(seen, increment) {
                self.note_change_in(&mut shard);
                return Ok(self.settle_in(&mut shard, own));
            }
        }
    }

    /// Gives back at most `amount` and at most the count; returns the count after it. A saturated
    /// count gives nothing back: it is a lower bound, and could not rise again.
    pub fn refund(&self, amount: u64) -> u64 {
        self.revise(|entry, changed| {
            let amount = if entry.own() < COUNT_MAX { amount } else { 0 };
            changed.refunded += amount.min(counted(entry, entry.own(), *changed));
        })
    }

    /// Sets the count (at most [`COUNT_MAX`]), forgetting what was counted under earlier stamps.
    /// Returns the count before.
    pub fn replace(&self, count: u64, stamp: u64) -> u64 {
        let mut before = 0;
        self.revise_in(
            |shard| void(self.view, shard, self.offset, self.supply),
            |entry, changed| {
                let own = entry.replace_own(count.min(COUNT_MAX)).min(COUNT_MAX);
                before = counted(entry, own, *changed);
                entry.replace_foreign(0);
                // Two changes in one millisecond: the later one must have the higher stamp.
                changed.stamp = stamp.max(changed.stamp.saturating_add(1));
                (changed.refunded, changed.foreign_refunded) = (0, 0);
            },
        );
        before
    }

    /// Forgets what was counted under stamps below `stamp`, on behalf of another node's reset.
    pub fn void_below(&self, stamp: u64) {
        let shard = self.view.shard(&self.probe).lock();
        let known = shard.override_of(self.offset).map_or(0, |changed| changed.stamp);
        drop(shard);
        if known < stamp {
            self.replace(0, stamp);
        }
    }

    /// Changes the override under the lock and returns the count that results.
    fn revise(&self, change: impl FnOnce(Entry<'v>, &mut Override)) -> u64 {
        self.revise_in(|_| {}, change)
    }

    /// [`Counter::revise`] that first does something to the shard.
    fn revise_in(
        &self,
        first: impl FnOnce(&mut Shard),
        change: impl FnOnce(Entry<'v>, &mut Override),
    ) -> u64 {
        let entry = self.entry();
        let mut shard = self.view.shard(&self.probe).lock();
        first(&mut shard);
        // Before the counts: whoever adds after them must see it and settle.
        entry.set_overridden();
        change(entry, shard.override_mut(self.offset, &self.supply.account));
        self.note_change_in(&mut shard);
        self.settle_in(&mut shard, entry.own())
    }

    /// The count of an overridden entry whose own count `own` yields, census put right.
    #[cold]
    fn settle(&self, own: impl FnOnce() -> u64) -> u64 {
        let mut shard = self.view.shard(&self.probe).lock();
        let own = own();
        self.note_change_in(&mut shard);
        self.settle_in(&mut shard, own)
    }

    fn settle_in(&self, shard: &mut Shard, own: u64) -> u64 {
        let entry = self.entry();
        let changed = shard.override_mut(self.offset, &self.supply.account);
        let live = counted(entry, entry.own(), *changed) > 0;
        let count = counted(entry, own, *changed);
        let was_live = std::mem::replace(&mut changed.counted, live);
        match (was_live, live) {
            (false, true) => shard.census.born(self.probe.series),
            (true, false) => shard.census.gone(self.probe.series),
            _ => {}
        }
        count
    }

    /// Has others told soon if what they do not know of this counter could matter: `count` is what
    /// the verdict compared with `limit`. Each of `nodes` nodes may be as far ahead as this one, and
    /// half of what is left is theirs to use (cluster protocol, urgent lane). True if it is newly so.
    #[inline]
    pub fn note_urgency(&self, count: u64, limit: u64, nodes: u64) -> bool {
        let unpublished = self.entry().unpublished();
        // Once all know that the limit is passed, further hits change no verdict.
        let known = count.saturating_sub(unpublished) > limit;
        let left = limit.saturating_sub(count);
        let near = !known && unpublished.saturating_mul(2 * nodes) >= left;
        if !near || !self.entry().set_urgent() {
            return false;
        }
        self.view.shard(&self.probe).lock().urgent.push(self.offset);
        true
    }

    #[inline]
    fn note_change(&self) {
        if self.supply.track_changes && self.entry().set_changed() {
            self.view.shard(&self.probe).lock().changed.push(self.offset);
            self.view.table().set_changed();
        }
    }

    fn note_change_in(&self, shard: &mut Shard) {
        if self.supply.track_changes && self.entry().set_changed() {
            shard.changed.push(self.offset);
            self.view.table().set_changed();
        }
    }
}

/// The count of an entry whose own count is `own`.
pub(super) fn counted(entry: Entry<'_>, own: u64, changed: Override) -> u64 {
    (own + entry.foreign())
        .saturating_sub(changed.refunded.saturating_add(changed.foreign_refunded))
}
