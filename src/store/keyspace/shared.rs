//! Counters that nodes share: the record beside a slot, and the slot as a view of it.
//!
//! A slot with a record shows the sum of its live shares, and holds it until the first of them
//! ends; without a live share it is hidden, and kept while others may still have to hear of an
//! erasure. A string that is no integer hides the record and is this node's own. Not here: what
//! shares are (`shares.rs`), what travels between nodes (`exchange.rs`). Invariant: where nodes
//! share, every integer under a key of at most [`SHARED_KEY_BYTES_MAX`] bytes has a record.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;

use super::super::origins::Origin;
use super::super::share::{LATE_MS, NEVER_MS, SHARED_KEY_BYTES_MAX};
use super::super::shares::{CountOverflow, Shares};
use super::super::sync::{AtomicBool, AtomicU64, Mutex};
use super::deadlines::Key;
use super::held::AddError;
use super::shard::{HIDDEN, Slot};
use super::{Keyspace, SHARDS, Value};

/// Bytes charged for a record before its shares: the allocation, and its share of the lists.
const RECORD_COST_BYTES: u64 = 16 + size_of::<Record>() as u64;
/// Most slots that are kept for their records alone while a member cannot be reached; beyond it an
/// erasure is forgotten after its hour whether all have heard of it or not.
pub const TOMBSTONES_MAX: u64 = 1_000_000;

/// What nodes have added to a counter.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) shares: Shares,
    /// It stands in the list of changes.
    pub(super) is_listed: bool,
}

/// Of whom shares are held: found by looking at one shard after another, over and over.
#[derive(Debug, Default)]
pub(super) struct Census {
    /// Seen in the last whole round, or heard of since.
    pub(super) known: BTreeSet<Origin>,
    /// Seen in this round so far.
    round: BTreeSet<Origin>,
    /// The shard to look at next.
    pub(super) next: usize,
    /// Keys of this node's own, as of the last whole round.
    pub(super) local_keys: u64,
    round_local_keys: u64,
}

impl Census {
    /// A share of it has come to be held.
    pub(super) fn note(&mut self, origin: Origin) {
        self.known.insert(origin);
        self.round.insert(origin);
    }

    /// A shard was looked at.
    pub(super) fn counted(&mut self, number: usize, origins: BTreeSet<Origin>, local_keys: u64) {
        self.round.extend(origins);
        self.round_local_keys += local_keys;
        self.next = (number + 1) % SHARDS;
        if self.next == 0 {
            self.known = std::mem::take(&mut self.round);
            self.local_keys = std::mem::take(&mut self.round_local_keys);
        }
    }
}

/// What a keyspace keeps of sharing as a whole.
#[derive(Debug, Default)]
pub(super) struct Sharing {
    /// Tells stamps of this node from others of the same time; `None`: the node is alone.
    pub(super) tag: Option<u16>,
    /// Keys whose own share others have not been told of.
    pub(super) changes: Mutex<Vec<Key>>,
    pub(super) census: Mutex<Census>,
    /// Slots kept for their records alone.
    pub(super) hidden: AtomicU64,
    /// A known member cannot be reached: erasures are kept until it has heard of them.
    pub(super) is_waiting: AtomicBool,
}

impl Record {
    /// Bytes that it is charged for.
    pub(super) fn bytes(&self) -> u64 {
        RECORD_COST_BYTES + self.shares.heap_bytes()
    }
}

impl Keyspace {
    /// The same as one of several nodes that share counters; `tag` tells its stamps from others' of
    /// the same millisecond.
    pub fn shared(mut self, tag: u16) -> Keyspace {
        self.sharing.tag = Some(tag);
        self
    }

    pub(super) fn shares_counters(&self) -> bool {
        self.sharing.tag.is_some()
    }

    fn shares(&self, key: &[u8]) -> bool {
        self.shares_counters() && key.len() <= SHARED_KEY_BYTES_MAX
    }

    fn stamp(&self, now_ms: u64) -> u64 {
        now_ms << 16 | u64::from(self.sharing.tag.unwrap_or_default())
    }

    /// Lists a key whose own share has changed.
    pub(super) fn list_change(&self, slot: &mut Slot) {
        if let Some(record) = slot.record.as_mut()
            && !std::mem::replace(&mut record.is_listed, true)
        {
            self.sharing.changes.lock().push(slot.key.clone());
        }
    }

    /// Changes a record, made where there is none, and charges what it has grown by, whatever the
    /// limit: a counter that exists goes on counting.
    pub(super) fn with_record<R>(
        &self,
        now_ms: u64,
        slot: &mut Slot,
        change: impl FnOnce(&mut Shares, u64) -> R,
    ) -> R {
        let before = slot.record.as_ref().map_or(0, |record| record.bytes());
        let record = slot.record.get_or_insert_default();
        let result = change(&mut record.shares, self.stamp(now_ms));
        let after = record.bytes();
        if after >= before {
            self.holdings.charge_anyway(after - before);
        } else {
            self.holdings.release(before - after);
        }
        result
    }

    /// Makes the slot show what its record comes to; false if that is no key.
    pub(super) fn show(&self, now_ms: u64, slot: &mut Slot) -> bool {
        self.with_record(now_ms, slot, |shares, _| shares.prune(now_ms.saturating_sub(LATE_MS)));
        let shares = slot.record.as_ref().map(|record| &record.shares);
        let shown = shares.and_then(|shares| Some((shares.count(now_ms)?, shares)));
        let Some((count, shares)) = shown else {
            if !slot.is_hidden() {
                self.holdings.note_expired();
            }
            self.hide(now_ms, slot);
            return false;
        };
        let until_ms = shares.first_end_ms(now_ms);
        self.holdings.release(slot.value.heap_bytes());
        slot.value = Value::Counter(count);
        self.unhide(slot);
        self.settle(now_ms, slot, until_ms);
        true
    }

    /// Keeps a slot for its record alone.
    fn hide(&self, now_ms: u64, slot: &mut Slot) {
        self.holdings.release(slot.value.heap_bytes());
        slot.value = Value::Counter(0);
        if !slot.is_hidden() {
            self.holdings.ends(slot.ends(), false);
            slot.deadline_ms = HIDDEN;
            self.holdings.went(1);
            self.sharing.hidden.fetch_add(1, Relaxed);
        }
        let ends_ms = slot.record.as_ref().map_or(0, |record| record.shares.ends_ms());
        self.await_time(now_ms, slot, ends_ms.clamp(now_ms.saturating_add(LATE_MS), NEVER_MS - 1));
    }

    /// Counts a slot that was hidden, or is new, as a key.
    fn unhide(&self, slot: &mut Slot) {
        if slot.is_hidden() {
            self.holdings.came();
            if slot.record.is_some() {
                self.sharing.hidden.fetch_sub(1, Relaxed);
            }
        }
    }

    /// True if a hidden slot must be kept for its record; it has its place in the index then.
    pub(super) fn keeps_hidden(&self, now_ms: u64, slot: &mut Slot) -> bool {
        let Some(record) = slot.record.as_ref() else { return false };
        let is_needed = record.shares.ends_ms() > now_ms
            || (self.sharing.is_waiting.load(Relaxed)
                && record.shares.is_erased()
                && self.sharing.hidden.load(Relaxed) <= TOMBSTONES_MAX);
        if is_needed {
            let again_ms = record.shares.ends_ms().max(now_ms.saturating_add(LATE_MS));
            self.await_time(now_ms, slot, again_ms.min(NEVER_MS - 1));
        }
        is_needed
    }

    /// Replaces what a live slot shows (SET). Memory for the value is charged already.
    pub(super) fn assign(&self, now_ms: u64, slot: &mut Slot, value: Value, deadline_ms: u64) {
        match value {
            Value::Counter(count) if self.shares(&slot.key) => {
                slot.value = value;
                self.with_record(now_ms, slot, |shares, stamp| {
                    shares.set(now_ms, stamp, count, deadline_ms);
                });
                self.list_change(slot);
                self.show(now_ms, slot);
            }
            _ => {
                if slot.record.as_ref().is_some_and(|record| record.shares.count(now_ms).is_some())
                {
                    self.with_record(now_ms, slot, |shares, stamp| shares.erase(now_ms, stamp));
                    self.list_change(slot);
                }
                slot.value = value;
                self.settle(now_ms, slot, deadline_ms);
            }
        }
    }

    /// What a live slot shows was changed in place: its record follows, its deadline stays.
    /// `was_sum`: it showed its record before.
    pub(super) fn reassign(&self, now_ms: u64, slot: &mut Slot, was_sum: bool) {
        if !self.shares_counters() {
            return;
        }
        let record = slot.record.as_ref().filter(|_| was_sum);
        let deadline_ms =
            record.map_or(slot.deadline_ms, |record| record.shares.deadline_ms(now_ms));
        let value = std::mem::replace(&mut slot.value, Value::Counter(0));
        self.assign(now_ms, slot, value, deadline_ms);
    }

    /// Makes a hidden or new slot a key. Memory for the value is charged already.
    pub(super) fn come(
        &self,
        now_ms: u64,
        slot: &mut Slot,
        value: Value,
        deadline_ms: Option<u64>,
    ) {
        self.unhide(slot);
        // Not hidden from here on, whatever it shows in the end.
        slot.deadline_ms = NEVER_MS;
        match (&value, deadline_ms) {
            (Value::Counter(count), None) if self.shares(&slot.key) => {
                let added = self
                    .with_record(now_ms, slot, |shares, stamp| shares.add(now_ms, stamp, *count));
                debug_assert!(added.is_ok(), "a new count cannot overflow");
                self.list_change(slot);
                self.show(now_ms, slot);
            }
            _ => self.assign(now_ms, slot, value, deadline_ms.unwrap_or(NEVER_MS)),
        }
    }

    /// A slot is as it was before something that was undone.
    pub(super) fn come_back(&self, now_ms: u64, slot: &mut Slot) {
        if slot.is_hidden() {
            self.sharing.hidden.fetch_add(1, Relaxed);
            let ends_ms = slot.record.as_ref().map_or(0, |record| record.shares.ends_ms());
            return self.await_time(
                now_ms,
                slot,
                ends_ms.clamp(now_ms.saturating_add(LATE_MS), NEVER_MS - 1),
            );
        }
        self.holdings.came();
        let deadline_ms = std::mem::replace(&mut slot.deadline_ms, NEVER_MS);
        self.settle(now_ms, slot, deadline_ms);
        if let Some(record) = slot.record.as_mut() {
            // Whether it still stands in the list is not known: twice does no harm.
            record.is_listed = false;
        }
        self.list_change(slot);
    }

    /// Adds to the record of a live slot, if it has one.
    pub(super) fn add_share(
        &self,
        now_ms: u64,
        slot: &mut Slot,
        delta: i64,
    ) -> Result<(), AddError> {
        if slot.record.is_some() {
            let (count, until_ms) = self
                .with_record(now_ms, slot, |shares, stamp| {
                    let count = shares.add(now_ms, stamp, delta)?;
                    Ok((count, shares.first_end_ms(now_ms)))
                })
                .map_err(|_: CountOverflow| AddError::Overflow)?;
            slot.value = Value::Counter(count);
            self.list_change(slot);
            // A share that begins here may end before those that the sum was made of.
            if until_ms < slot.deadline_ms {
                self.settle(now_ms, slot, until_ms);
            }
        }
        Ok(())
    }

    /// Gives a live slot another deadline.
    pub(super) fn move_deadline(&self, now_ms: u64, slot: &mut Slot, deadline_ms: u64) {
        if !slot.shows_record() {
            return self.settle(now_ms, slot, deadline_ms);
        }
        self.with_record(now_ms, slot, |shares, stamp| {
            shares.set_deadline(now_ms, stamp, deadline_ms);
        });
        self.list_change(slot);
        self.show(now_ms, slot);
    }

    /// Ends a live key that has a record.
    pub(super) fn erase_share(&self, now_ms: u64, slot: &mut Slot) {
        self.with_record(now_ms, slot, |shares, stamp| shares.erase(now_ms, stamp));
        self.list_change(slot);
        self.hide(now_ms, slot);
    }
}
