//! What the keys of a [`Held`](super::Held) were before it changed them.
//!
//! Invariants: of each key the first state is kept, whatever comes later; what was neither committed
//! nor rolled back when its hold ends, as where a command panics, is rolled back.

use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::deadlines::Key;
use super::shard::Slot;
use super::shared::Record;
use super::value::Value;
use super::{Held, shard_of};

/// A key and what it held.
#[derive(Debug)]
pub(super) struct Before {
    pub(super) hash: u64,
    pub(super) key: Key,
    /// What it held; `None`: there was no slot.
    pub(super) held: Option<State>,
}

/// What a slot held.
#[derive(Debug)]
pub(super) struct State {
    pub(super) value: Value,
    pub(super) deadline_ms: u64,
    pub(super) record: Option<Box<Record>>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Undo {
    keys: HashTable<Before>,
}

impl Undo {
    fn note(&mut self, hash: u64, key: &Key, held: impl FnOnce() -> Option<State>) {
        let same = |before: &Before| before.key == *key;
        if let Entry::Vacant(entry) = self.keys.entry(hash, same, |before| before.hash) {
            entry.insert(Before { hash, key: key.clone(), held: held() });
        }
    }

    /// The key is about to change.
    pub(super) fn changes(&mut self, hash: u64, slot: &Slot) {
        let state = || State {
            value: slot.value.clone(),
            deadline_ms: slot.deadline_ms,
            record: slot.record.clone(),
        };
        self.note(hash, &slot.key, || Some(state()));
    }

    /// The key has come to be.
    pub(super) fn came(&mut self, hash: u64, key: &Key) {
        self.note(hash, key, || None);
    }

    /// The key is gone.
    pub(super) fn went(&mut self, hash: u64, slot: Slot) {
        let Slot { key, value, deadline_ms, record, .. } = slot;
        self.note(hash, &key, || Some(State { value, deadline_ms, record }));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Before> {
        self.keys.iter()
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = Before> {
        self.keys.into_iter()
    }
}

impl Held<'_> {
    /// Keeps from now on what was before each change, until [`Held::commit`] or
    /// [`Held::roll_back`].
    pub fn keep_undo(&mut self) {
        self.undo.get_or_insert_default();
    }

    /// Lets the changes stand and tells who watches their keys.
    pub fn commit(&mut self) {
        let Some(undo) = self.undo.take() else { return };
        if self.keyspace.watches.any() {
            undo.iter().for_each(|before| self.changed(before.hash, &before.key));
        }
    }

    /// Puts back what the keys were. Memory that they need is taken whatever the limit.
    pub fn roll_back(&mut self) {
        let Some(undo) = self.undo.take() else { return };
        for before in undo.into_iter() {
            self.put_back(before.hash, before.key, before.held);
        }
    }

    fn put_back(&mut self, hash: u64, key: Arc<[u8]>, held: Option<State>) {
        let Held { keyspace, now_ms, shards, .. } = self;
        let Some(shard) = shards.get(shard_of(hash)) else { return };
        if let Some(found) = shard.find(hash, &key) {
            keyspace.drop_slot(&found.remove().0);
        }
        let Some(State { value, deadline_ms, record }) = held else { return };
        let slot = Slot { key, value, deadline_ms, bucket_ms: 0, record };
        keyspace.holdings.charge_anyway(slot.bytes());
        let slot = shard.insert(hash, slot, |key| keyspace.hash(key));
        keyspace.come_back(*now_ms, slot);
    }

    /// What was changed so far can no longer be put back.
    pub(super) fn forget_undo(&mut self) {
        if let Some(undo) = &mut self.undo {
            *undo = Undo::default();
        }
    }

    /// True if something was changed that cannot be rolled back, in the keyspace or beside it.
    pub fn is_lasting(&self) -> bool {
        self.lasting
    }

    /// Notes that something was changed that cannot be rolled back: a GCRA cell's charge, a window
    /// that was set or reset.
    pub fn note_lasting(&mut self) {
        self.lasting = true;
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.roll_back();
    }
}
