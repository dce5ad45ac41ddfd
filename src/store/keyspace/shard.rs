//! One shard of the map: slots found by a hash that the caller computed once.
//!
//! Not here: locks, memory, deadlines. Invariant: a key has at most one slot.

use hashbrown::HashTable;
use hashbrown::hash_table::OccupiedEntry;

use super::Value;
use super::deadlines::Key;
use super::shared::Record;

/// Deadline of a key that has none.
pub(super) const NEVER: u64 = u64::MAX;
/// Deadline of a slot that is kept for its record alone: no key is seen there.
pub(super) const HIDDEN: u64 = 0;
/// Slots for which a shard keeps its room whatever it holds.
const SHRINK_FROM: usize = 64;

/// A key and what it holds.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) key: Key,
    pub(super) value: Value,
    /// When it ends, [`NEVER`] = not by itself.
    pub(super) deadline_ms: u64,
    /// The index bucket that it stands in, 0 = in none. It may outlast the deadline that put it
    /// there.
    pub(super) bucket_ms: u64,
    /// What nodes have added to it, where it is a counter that they share. The value is then the
    /// sum, and the deadline the time until which it holds.
    pub(super) record: Option<Box<Record>>,
}

impl Slot {
    /// True if a live key is seen here.
    pub(super) fn is_live(&self, now_ms: u64) -> bool {
        self.deadline_ms > now_ms
            || self.record.as_ref().is_some_and(|record| record.shares.count(now_ms).is_some())
    }

    /// True if it is kept for its record alone.
    pub(super) fn is_hidden(&self) -> bool {
        self.deadline_ms == HIDDEN
    }

    /// True if it is a key that ends by itself.
    pub(super) fn ends(&self) -> bool {
        self.deadline_ms != NEVER && !self.is_hidden()
    }

    /// True if the value is the sum of its record; a string that is no integer hides that.
    pub(super) fn shows_record(&self) -> bool {
        self.record.is_some() && matches!(self.value, Value::Counter(_))
    }

    /// Bytes that it is charged for, its place in the index not included.
    pub(super) fn bytes(&self) -> u64 {
        let record = self.record.as_ref().map_or(0, |record| record.bytes());
        super::slot_bytes(&self.key, &self.value) + record
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Shard {
    slots: HashTable<Slot>,
}

impl Shard {
    /// The slot of `key`, to be changed or taken out.
    #[inline]
    pub(super) fn find(&mut self, hash: u64, key: &[u8]) -> Option<OccupiedEntry<'_, Slot>> {
        self.slots.find_entry(hash, |slot| *slot.key == *key).ok()
    }

    /// Adds the slot of a key that has none.
    pub(super) fn insert(
        &mut self,
        hash: u64,
        slot: Slot,
        rehash: impl Fn(&[u8]) -> u64,
    ) -> &mut Slot {
        self.slots.insert_unique(hash, slot, |slot| rehash(&slot.key)).into_mut()
    }

    /// Gives room back: a table keeps it, and one that was full once would stay as large.
    pub(super) fn shrink(&mut self, rehash: impl Fn(&[u8]) -> u64) {
        let (len, room) = (self.slots.len(), self.slots.capacity());
        if room >= SHRINK_FROM && len < room / 4 {
            self.slots.shrink_to(len * 2, |slot| rehash(&slot.key));
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.slots.iter_mut()
    }

    /// Takes everything out.
    pub(super) fn take(&mut self) -> HashTable<Slot> {
        std::mem::take(&mut self.slots)
    }
}
