//! What the keys of a [`Held`](super::Held) were before it changed them.
//!
//! Invariants: of each key the first state is kept, whatever comes later: of a collection that is
//! changed in place, the steps that lead back to it, until they take more than it does; what was
//! neither committed nor rolled back when its hold ends, as where a command panics, is rolled back.

use hashbrown::HashTable;

use super::super::collection::Steps;
use super::deadlines::Key;
use super::shard::Slot;
use super::shared::Record;
use super::value::Value;
use super::{Held, shard_of};

/// Keys among which one is found without an index: what scripts and transactions usually change.
const UNINDEXED_KEYS: usize = 8;
/// Bytes of steps back that are kept of a collection however small it is.
const STEPS_BYTES_FEW: u64 = 16 * 1024;

/// A key and what it held.
#[derive(Debug)]
pub(super) struct Before {
    pub(super) hash: u64,
    pub(super) key: Key,
    /// What it held; `None`: there was no slot.
    held: Option<State>,
}

/// What a slot held.
#[derive(Debug)]
struct State {
    value: Was,
    deadline_ms: u64,
    record: Option<Box<Record>>,
}

/// What a value was.
#[derive(Debug)]
enum Was {
    /// This.
    Value(Value),
    /// What the collection in the slot becomes by these steps.
    Back(Steps),
}

impl Was {
    /// What it was. `now`: what the slot holds now.
    fn value(self, now: impl FnOnce() -> Value) -> Value {
        match self {
            Was::Value(value) => value,
            Was::Back(steps) => {
                let mut value = now();
                value.take_back(steps);
                value
            }
        }
    }

    /// The same, where the slot is about to hold something else.
    fn settle(&mut self, now: impl FnOnce() -> Value) {
        let was = std::mem::replace(self, Was::Back(Steps::default()));
        *self = Was::Value(was.value(now));
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Undo {
    keys: Vec<Before>,
    /// Places in `keys`, once they are many.
    index: HashTable<usize>,
}

impl Undo {
    fn find(&mut self, hash: u64, key: &Key) -> Option<&mut Before> {
        let same = |before: &Before| before.hash == hash && before.key == *key;
        let place = if self.keys.len() <= UNINDEXED_KEYS {
            self.keys.iter().position(same)
        } else {
            self.index.find(hash, |place| same(&self.keys[*place])).copied()
        };
        self.keys.get_mut(place?)
    }

    fn note(&mut self, hash: u64, key: Key, held: Option<State>) -> &mut Before {
        let place = self.keys.len();
        self.keys.push(Before { hash, key, held });
        let keys = &self.keys;
        let unindexed = match place {
            ..UNINDEXED_KEYS => 0..0,
            UNINDEXED_KEYS => 0..place + 1,
            _ => place..place + 1,
        };
        for place in unindexed {
            self.index.insert_unique(keys[place].hash, place, |place| keys[*place].hash);
        }
        &mut self.keys[place]
    }

    /// The key is about to change; a collection that it holds stays there.
    pub(super) fn changes(&mut self, hash: u64, slot: &Slot) {
        if self.find(hash, &slot.key).is_some() {
            return;
        }
        let value = match slot.value.elements() {
            Some(_) => Was::Back(Steps::default()),
            None => Was::Value(slot.value.clone()),
        };
        let Slot { deadline_ms, ref record, .. } = *slot;
        self.note(
            hash,
            slot.key.clone(),
            Some(State { value, deadline_ms, record: record.clone() }),
        );
    }

    /// The key's value is about to be replaced; a collection is taken out of the slot, which then
    /// holds 0.
    pub(super) fn replaces(&mut self, hash: u64, slot: &mut Slot) {
        self.changes(hash, slot);
        if slot.value.elements().is_some() {
            let value = std::mem::replace(&mut slot.value, Value::Counter(0));
            if let Some(State { value: was, .. }) = self.state(hash, &slot.key) {
                was.settle(|| value);
            }
        }
    }

    /// The key's collection is about to change: where the steps back are to be added, `None` if
    /// nobody needs them.
    pub(super) fn edits(&mut self, hash: u64, slot: &Slot) -> Option<&mut Steps> {
        self.changes(hash, slot);
        let State { value, .. } = self.state(hash, &slot.key)?;
        let few = STEPS_BYTES_FEW.max(slot.value.heap_bytes());
        if matches!(value, Was::Back(steps) if steps.bytes() > few) {
            // A copy costs less than the steps since, and bounds them.
            value.settle(|| slot.value.clone());
        }
        match value {
            Was::Back(steps) => Some(steps),
            Was::Value(_) => None,
        }
    }

    /// How many keys have changed.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// What was noted beyond `len` keys came to nothing.
    pub(super) fn truncate(&mut self, len: usize) {
        if len <= UNINDEXED_KEYS {
            self.index.clear();
        } else {
            for (place, before) in self.keys.iter().enumerate().skip(len) {
                if let Ok(found) = self.index.find_entry(before.hash, |held| *held == place) {
                    found.remove();
                }
            }
        }
        self.keys.truncate(len);
    }

    fn state(&mut self, hash: u64, key: &Key) -> Option<&mut State> {
        self.find(hash, key)?.held.as_mut()
    }

    /// The key has come to be.
    pub(super) fn came(&mut self, hash: u64, key: &Key) {
        if self.find(hash, key).is_none() {
            self.note(hash, key.clone(), None);
        }
    }

    /// The key is gone.
    pub(super) fn went(&mut self, hash: u64, slot: Slot) {
        let Slot { key, value, deadline_ms, record, .. } = slot;
        match self.find(hash, &key) {
            None => {
                let held = State { value: Was::Value(value), deadline_ms, record };
                self.note(hash, key, Some(held));
            }
            Some(Before { held: Some(state), .. }) => state.value.settle(|| value),
            Some(_) => {}
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Before> {
        self.keys.iter()
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
        for before in undo.keys {
            self.put_back(before);
        }
    }

    fn put_back(&mut self, before: Before) {
        let Before { hash, key, held } = before;
        let Held { keyspace, now_ms, shards, .. } = self;
        let Some(shard) = shards.get(shard_of(hash)) else { return };
        let mut now = Value::Counter(0);
        if let Some(found) = shard.find(hash, &key) {
            let (slot, _) = found.remove();
            keyspace.drop_slot(&slot);
            now = slot.value;
        }
        let Some(State { value, deadline_ms, record }) = held else { return };
        let slot = Slot { key, value: value.value(|| now), deadline_ms, bucket_ms: 0, record };
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

#[cfg(test)]
impl Held<'_> {
    /// Bytes of all steps back that are kept.
    pub(in super::super) fn step_bytes(&self) -> u64 {
        let states = self.undo.iter().flat_map(|undo| &undo.keys).flat_map(|key| &key.held);
        let bytes = states.map(|state| match &state.value {
            Was::Back(steps) => steps.bytes(),
            Was::Value(_) => 0,
        });
        bytes.sum()
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.roll_back();
        match self.waited.is_empty() {
            true => {}
            // A second panic would end the process; who waits is served by the next change.
            false if std::thread::panicking() => self.forget_waits(),
            false => self.serve_waits(),
        }
    }
}
