//! What the keys of a [`Held`](super::Held) were before it changed them.
//!
//! Not here: putting it back (`held.rs`). Invariant: of each key the first state is kept, whatever
//! comes later.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::deadlines::Key;
use super::shard::Slot;
use super::shared::Record;
use super::value::Value;

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
