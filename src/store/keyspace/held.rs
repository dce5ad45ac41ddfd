//! Some shards of the keyspace, locked, at one frozen time: the way to every value.
//!
//! Its methods are a small vocabulary of what happens to a key. Each sees only what is alive,
//! charges memory before it takes it, notes what was before where an undo log is kept, and tells
//! who watches. Not here: what values mean to commands. Invariant: shards are locked in their order
//! and all at once, so that no two holders wait for each other; who holds any takes no more.

use std::sync::Arc;

use hashbrown::hash_table::OccupiedEntry;

use super::super::account::Full;
use super::super::sync::MutexGuard;
use super::shard::{HIDDEN, NEVER, Shard, Slot};
use super::undo::{State, Undo};
use super::{Keyspace, Value, shard_of, slot_bytes};

/// See the module.
#[derive(Debug)]
pub struct Held<'k> {
    keyspace: &'k Keyspace,
    now_ms: u64,
    shards: Shards<'k>,
    /// A key with its hash: the one that the shard was found by.
    hashed: Option<(&'k [u8], u64)>,
    undo: Option<Undo>,
    lasting: bool,
}

/// The shards that are held.
#[derive(Debug)]
enum Shards<'k> {
    One(usize, MutexGuard<'k, Shard>),
    /// Each with its number, rising.
    Some(Vec<(usize, MutexGuard<'k, Shard>)>),
    All(Vec<MutexGuard<'k, Shard>>),
}

/// Why [`Held::add`] did not add; the key is as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddError {
    /// The sum is beyond an `i64`.
    Overflow,
    /// The key holds a string that is no integer.
    NotInteger,
    /// The key holds something that is no string.
    WrongType,
    /// The key would be new and there is no memory for it.
    Full,
}

impl From<Full> for AddError {
    fn from(_: Full) -> AddError {
        AddError::Full
    }
}

impl<'k> Shards<'k> {
    #[inline]
    fn get(&mut self, number: usize) -> Option<&mut Shard> {
        match self {
            Shards::One(held, shard) => (*held == number).then_some(&mut **shard),
            Shards::Some(shards) => {
                let at = shards.binary_search_by_key(&number, |(held, _)| *held).ok()?;
                Some(&mut *shards[at].1)
            }
            Shards::All(shards) => shards.get_mut(number).map(|shard| &mut **shard),
        }
    }
}

/// The live slot of a key among what is held; one that has ended is freed on the way.
#[inline]
fn live<'s>(
    keyspace: &Keyspace,
    now_ms: u64,
    shards: &'s mut Shards<'_>,
    hash: u64,
    key: &[u8],
) -> Option<OccupiedEntry<'s, Slot>> {
    let shard = shards.get(shard_of(hash));
    debug_assert!(shard.is_some(), "a key whose shard is not held");
    let mut found = shard?.find(hash, key)?;
    if found.get().deadline_ms > now_ms {
        return Some(found);
    }
    if found.get().record.is_some() {
        // Its sum holds no longer, or it is kept for its record alone.
        return keyspace.show(now_ms, found.get_mut()).then_some(found);
    }
    let (slot, _) = found.remove();
    keyspace.drop_slot(&slot);
    keyspace.holdings.note_expired();
    None
}

fn public(deadline_ms: u64) -> Option<u64> {
    (deadline_ms != NEVER).then_some(deadline_ms)
}

impl Keyspace {
    /// Holds the shard of one key.
    #[inline]
    pub fn hold_one<'k>(&'k self, now_ms: u64, key: &'k [u8]) -> Held<'k> {
        let hash = self.hash(key);
        let number = shard_of(hash);
        let shards = Shards::One(number, self.shards[number].lock());
        Held { hashed: Some((key, hash)), ..self.held(now_ms, shards) }
    }

    /// Holds the shards of several keys.
    pub fn hold<'k, 'a>(&'k self, now_ms: u64, keys: impl Iterator<Item = &'a [u8]>) -> Held<'k> {
        let mut numbers: Vec<usize> = keys.map(|key| shard_of(self.hash(key))).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let lock = |number: usize| (number, self.shards[number].lock());
        self.held(now_ms, Shards::Some(numbers.into_iter().map(lock).collect()))
    }

    /// Holds every shard.
    pub fn hold_all(&self, now_ms: u64) -> Held<'_> {
        self.held(now_ms, Shards::All(self.shards.iter().map(|shard| shard.lock()).collect()))
    }

    fn held<'k>(&'k self, now_ms: u64, shards: Shards<'k>) -> Held<'k> {
        Held { keyspace: self, now_ms, shards, hashed: None, undo: None, lasting: false }
    }
}

/// Looking.
impl<'k> Held<'k> {
    /// The time at which everything under this hold happens, ms since the epoch.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// True if the shards of all these keys are held.
    pub fn covers<'a>(&self, mut keys: impl Iterator<Item = &'a [u8]>) -> bool {
        match &self.shards {
            Shards::All(_) => true,
            Shards::One(held, _) => keys.all(|key| shard_of(self.hash_of(key)) == *held),
            Shards::Some(shards) => keys.all(|key| {
                let number = shard_of(self.hash_of(key));
                shards.binary_search_by_key(&number, |(held, _)| *held).is_ok()
            }),
        }
    }

    /// True if every shard is held.
    pub fn is_all(&self) -> bool {
        matches!(self.shards, Shards::All(_))
    }

    /// The live value of `key`.
    #[inline]
    pub fn get(&mut self, key: &[u8]) -> Option<&Value> {
        self.look(key).map(|(value, _)| value)
    }

    /// The live value of `key` and its deadline, ms since the epoch (`None` = it has no end).
    #[inline]
    pub fn look(&mut self, key: &[u8]) -> Option<(&Value, Option<u64>)> {
        let hash = self.hash_of(key);
        let slot = live(self.keyspace, self.now_ms, &mut self.shards, hash, key)?.into_mut();
        let shown = slot.record.as_ref().filter(|_| slot.shows_record());
        let deadline_ms = match shown {
            Some(record) => record.shares.deadline_ms(self.now_ms),
            None => slot.deadline_ms,
        };
        Some((&slot.value, public(deadline_ms)))
    }

    /// Bytes that `key` and its value are charged for; `None` if it does not exist.
    pub fn bytes(&mut self, key: &[u8]) -> Option<u64> {
        let hash = self.hash_of(key);
        let slot = live(self.keyspace, self.now_ms, &mut self.shards, hash, key)?.into_mut();
        Some(slot.bytes())
    }

    pub(super) fn keyspace(&self) -> &'k Keyspace {
        self.keyspace
    }

    pub(super) fn shard(&mut self, number: usize) -> Option<&mut Shard> {
        self.shards.get(number)
    }

    #[inline]
    pub(super) fn hash_of(&self, key: &[u8]) -> u64 {
        match self.hashed {
            // The same bytes in the same place, and borrowed as long as this lives.
            Some((hashed, hash)) if std::ptr::eq(hashed, key) => hash,
            _ => self.keyspace.hash(key),
        }
    }
}

/// Changing.
impl Held<'_> {
    /// Replaces what `key` holds, its deadline too (SET).
    ///
    /// # Errors
    /// [`Full`] if it would be new or larger and there is no memory; nothing has changed.
    pub fn put(&mut self, key: &[u8], value: Value, deadline_ms: Option<u64>) -> Result<(), Full> {
        let hash = self.hash_of(key);
        let deadline_ms = deadline_ms.unwrap_or(NEVER);
        if deadline_ms <= self.now_ms {
            self.remove(key);
            return Ok(());
        }
        let Held { keyspace, now_ms, shards, undo, .. } = self;
        match live(keyspace, *now_ms, shards, hash, key) {
            Some(found) => {
                let slot = found.into_mut();
                keyspace.holdings.resize(slot.value.heap_bytes(), value.heap_bytes())?;
                if let Some(undo) = undo {
                    undo.changes(hash, slot);
                }
                keyspace.assign(*now_ms, slot, value, deadline_ms);
            }
            None => self.create(hash, key, value, Some(deadline_ms))?,
        }
        self.changed(hash, key);
        Ok(())
    }

    /// Gives several keys values without deadlines: all of them or, for want of memory, none
    /// (MSET).
    ///
    /// # Errors
    /// [`Full`]; nothing has changed.
    pub fn put_many<'a>(
        &mut self,
        pairs: impl Iterator<Item = (&'a [u8], Value)> + Clone,
    ) -> Result<(), Full> {
        let mut growth = 0_u64;
        for (key, value) in pairs.clone() {
            let held = self.bytes(key).unwrap_or(0);
            growth = growth.saturating_add(slot_bytes(key, &value).saturating_sub(held));
        }
        let keyspace = self.keyspace;
        keyspace.holdings.charge(growth)?;
        for (key, value) in pairs {
            let hash = self.hash_of(key);
            self.store_anyway(hash, key, value, NEVER);
        }
        keyspace.holdings.release(growth);
        Ok(())
    }

    /// Appends to the string of `key`, which begins empty without a deadline; returns its length.
    /// Something else than a string is left as it is.
    ///
    /// # Errors
    /// [`Full`]; nothing has changed.
    pub fn append(&mut self, key: &[u8], more: &[u8]) -> Result<usize, Full> {
        let hash = self.hash_of(key);
        let Held { keyspace, now_ms, shards, undo, .. } = self;
        let length = match live(keyspace, *now_ms, shards, hash, key) {
            Some(found) => {
                let slot = found.into_mut();
                let (before, was_sum) = (slot.value.heap_bytes(), slot.shows_record());
                let Some(room_bytes) = slot.value.room_for(more.len()) else { return Ok(0) };
                keyspace.holdings.resize(before, room_bytes)?;
                if let Some(undo) = undo {
                    undo.changes(hash, slot);
                }
                let length = slot.value.append(more, room_bytes);
                keyspace.holdings.resize_anyway(room_bytes, slot.value.heap_bytes());
                keyspace.reassign(*now_ms, slot, was_sum);
                length
            }
            None => {
                self.create(hash, key, Value::string(more), Some(NEVER))?;
                more.len()
            }
        };
        self.changed(hash, key);
        Ok(length)
    }

    /// Moves what `from` holds, its deadline too, to `to`, which is replaced. Memory for a longer
    /// name is taken whatever the limit. False if `from` does not exist or is `to`.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> bool {
        if from == to {
            return false;
        }
        let Some((value, deadline_ms)) = self.look(from) else { return false };
        let (value, deadline_ms) = (value.clone(), deadline_ms.unwrap_or(NEVER));
        self.remove(from);
        let hash = self.hash_of(to);
        self.remove(to);
        self.store_anyway(hash, to, value, deadline_ms);
        true
    }

    /// Replaces what `key` holds and leaves its deadline; a new key has none (SET KEEPTTL).
    ///
    /// # Errors
    /// As [`Held::put`].
    pub fn replace(&mut self, key: &[u8], value: Value) -> Result<(), Full> {
        let deadline_ms = self.look(key).and_then(|(_, deadline_ms)| deadline_ms);
        self.put(key, value, deadline_ms)
    }

    /// Adds to the integer of `key`, which begins at 0 without a deadline (INCR); returns the sum.
    ///
    /// # Errors
    /// An [`AddError`]; nothing has changed.
    #[inline]
    pub fn add(&mut self, key: &[u8], delta: i64) -> Result<i64, AddError> {
        let hash = self.hash_of(key);
        let Held { keyspace, now_ms, shards, undo, .. } = self;
        let sum = match live(keyspace, *now_ms, shards, hash, key) {
            Some(found) => {
                let slot = found.into_mut();
                let sum = match slot.value {
                    Value::Counter(count) => count.checked_add(delta).ok_or(AddError::Overflow)?,
                    Value::Text(_) => return Err(AddError::NotInteger),
                    Value::Cell { .. } => return Err(AddError::WrongType),
                };
                if let Some(undo) = undo {
                    undo.changes(hash, slot);
                }
                if slot.record.is_some() {
                    keyspace.add_share(*now_ms, slot, delta)?;
                } else {
                    slot.value = Value::Counter(sum);
                }
                match slot.value {
                    Value::Counter(shown) => shown,
                    _ => sum,
                }
            }
            None => {
                self.create(hash, key, Value::Counter(delta), None)?;
                delta
            }
        };
        self.changed(hash, key);
        Ok(sum)
    }

    /// Gives `key` another deadline, ms since the epoch, or none; one that has passed removes it.
    /// False if it does not exist.
    pub fn set_deadline(&mut self, key: &[u8], deadline_ms: Option<u64>) -> bool {
        let deadline_ms = deadline_ms.unwrap_or(NEVER);
        if deadline_ms <= self.now_ms {
            return self.remove(key);
        }
        let hash = self.hash_of(key);
        let Held { keyspace, now_ms, shards, undo, .. } = self;
        let Some(found) = live(keyspace, *now_ms, shards, hash, key) else {
            return false;
        };
        let slot = found.into_mut();
        if let Some(undo) = undo {
            undo.changes(hash, slot);
        }
        keyspace.move_deadline(*now_ms, slot, deadline_ms);
        self.changed(hash, key);
        true
    }

    /// Removes `key`; true if it existed.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let hash = self.hash_of(key);
        let Held { keyspace, now_ms, shards, undo, .. } = self;
        let Some(mut found) = live(keyspace, *now_ms, shards, hash, key) else {
            return false;
        };
        if found.get().record.is_some() {
            // Others must hear of it: it is kept for that.
            if let Some(undo) = undo {
                undo.changes(hash, found.get());
            }
            keyspace.erase_share(*now_ms, found.get_mut());
            self.changed(hash, key);
            return true;
        }
        let (slot, _) = found.remove();
        keyspace.drop_slot(&slot);
        if let Some(undo) = undo {
            undo.went(hash, slot);
        }
        if let Some(shard) = self.shards.get(shard_of(hash)) {
            shard.shrink(|key| keyspace.hash(key));
        }
        self.changed(hash, key);
        true
    }

    /// Replaces what `key` holds, whatever the memory limit.
    fn store_anyway(&mut self, hash: u64, key: &[u8], value: Value, deadline_ms: u64) {
        let Held { keyspace, now_ms, shards, undo, .. } = self;
        if let Some(found) = live(keyspace, *now_ms, shards, hash, key) {
            let slot = found.into_mut();
            if let Some(undo) = undo {
                undo.changes(hash, slot);
            }
            keyspace.holdings.resize_anyway(slot.value.heap_bytes(), value.heap_bytes());
            keyspace.assign(*now_ms, slot, value, deadline_ms);
        } else {
            keyspace.holdings.charge_anyway(slot_bytes(key, &value));
            self.insert(hash, key, value, Some(deadline_ms));
        }
        self.changed(hash, key);
    }

    /// Makes a key that does not exist. `deadline_ms`: `None` where nothing was said of it, which
    /// is no deadline too.
    fn create(
        &mut self,
        hash: u64,
        key: &[u8],
        value: Value,
        deadline_ms: Option<u64>,
    ) -> Result<(), Full> {
        self.keyspace.holdings.charge(slot_bytes(key, &value))?;
        self.insert(hash, key, value, deadline_ms);
        Ok(())
    }

    /// Makes a key that does not exist and is charged for.
    fn insert(&mut self, hash: u64, key: &[u8], value: Value, deadline_ms: Option<u64>) {
        let Held { keyspace, now_ms, shards, undo, .. } = self;
        let bytes = slot_bytes(key, &value);
        let Some(shard) = shards.get(shard_of(hash)) else {
            // Not held, so never looked for: nothing is stored.
            return keyspace.holdings.release(bytes);
        };
        if keyspace.shares_counters()
            && let Some(mut hidden) = shard.find(hash, key)
        {
            // It is kept for its record, and charged for.
            keyspace.holdings.release(bytes - value.heap_bytes());
            let slot = hidden.get_mut();
            if let Some(undo) = undo {
                undo.changes(hash, slot);
            }
            return keyspace.come(*now_ms, slot, value, deadline_ms);
        }
        let key: Arc<[u8]> = key.into();
        if let Some(undo) = undo {
            undo.came(hash, &key);
        }
        let empty = Value::Counter(0);
        let slot = Slot { key, value: empty, deadline_ms: HIDDEN, bucket_ms: 0, record: None };
        let slot = shard.insert(hash, slot, |key| keyspace.hash(key));
        keyspace.come(*now_ms, slot, value, deadline_ms);
    }

    /// What everything does that changed a key.
    #[inline]
    fn changed(&self, hash: u64, key: &[u8]) {
        // What may still be undone is told at its end.
        if self.undo.is_none() && self.keyspace.watches.any() {
            self.keyspace.watches.changed(hash, key);
        }
    }
}

/// Undoing.
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
