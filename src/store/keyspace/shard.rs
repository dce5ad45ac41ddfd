//! One shard of the map: slots found by a hash that the caller computed once.
//!
//! Not here: locks, memory, deadlines. Invariant: a key has at most one slot.

use hashbrown::HashTable;
use hashbrown::hash_table::OccupiedEntry;

use super::Value;
use super::deadlines::Key;

/// Deadline of a key that has none.
pub(super) const NEVER: u64 = u64::MAX;
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

    /// Takes everything out.
    pub(super) fn take(&mut self) -> HashTable<Slot> {
        std::mem::take(&mut self.slots)
    }
}
