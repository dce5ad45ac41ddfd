//! What may happen to a key that is held: the vocabulary of changes.
//!
//! Not here: what commands mean by them; putting back what was changed (`undo.rs`). Invariant: each
//! charges memory before it takes it, notes what was before where an undo log is kept, has the
//! record of a shared counter follow, and tells who watches.

use std::sync::Arc;

use super::super::account::Full;
use super::held::{AddError, live};
use super::shard::{HIDDEN, NEVER, Slot};
use super::{Held, Value, shard_of, slot_bytes};

impl Held<'_> {
    /// Replaces what `key` holds, its deadline too (SET).
    ///
    /// # Errors
    /// [`Full`] if it would be new or larger and there is no memory; nothing has changed.
    pub fn put(&mut self, key: &[u8], value: Value, deadline_ms: Option<u64>) -> Result<(), Full> {
        let hash = self.hash_of(key);
        let deadline_ms = deadline_ms.unwrap_or(NEVER);
        if deadline_ms <= self.now_ms {
            if !self.remove(key) {
                // It came and went: who watches it is told, as by Redis.
                if let Some(undo) = &mut self.undo {
                    undo.came(hash, &key.into());
                }
                self.changed(hash, key);
            }
            return Ok(());
        }
        let Held { keyspace, now_ms, shards, undo, .. } = self;
        match live(keyspace, *now_ms, shards, hash, key) {
            Some(found) => {
                let slot = found.into_mut();
                keyspace.holdings.resize(slot.value.heap_bytes(), value.heap_bytes())?;
                if let Some(undo) = undo {
                    undo.replaces(hash, slot);
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
        let Some((_, deadline_ms)) = self.look(from) else { return false };
        let deadline_ms = deadline_ms.unwrap_or(NEVER);
        let Some(value) = self.take_or_copy(from) else { return false };
        self.remove(from);
        let hash = self.hash_of(to);
        self.remove(to);
        self.store_anyway(hash, to, value, deadline_ms);
        true
    }

    /// The value of a live key that is removed next; a copy of it where it may have to come back.
    fn take_or_copy(&mut self, key: &[u8]) -> Option<Value> {
        let hash = self.hash_of(key);
        let Held { keyspace, now_ms, shards, undo, .. } = self;
        let slot = live(keyspace, *now_ms, shards, hash, key)?.into_mut();
        if undo.is_some() || slot.value.elements().is_none() {
            return Some(slot.value.clone());
        }
        keyspace.holdings.release(slot.value.heap_bytes());
        Some(std::mem::replace(&mut slot.value, Value::Counter(0)))
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
                    _ => return Err(AddError::WrongType),
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
            let slot = found.get_mut();
            if let Some(undo) = undo {
                let before = slot.value.heap_bytes();
                undo.replaces(hash, slot);
                keyspace.holdings.resize_anyway(before, slot.value.heap_bytes());
            }
            keyspace.erase_share(*now_ms, slot);
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
    pub(super) fn store_anyway(&mut self, hash: u64, key: &[u8], value: Value, deadline_ms: u64) {
        let Held { keyspace, now_ms, shards, undo, .. } = self;
        if let Some(found) = live(keyspace, *now_ms, shards, hash, key) {
            let slot = found.into_mut();
            keyspace.holdings.resize_anyway(slot.value.heap_bytes(), value.heap_bytes());
            if let Some(undo) = undo {
                undo.replaces(hash, slot);
            }
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
    pub(super) fn insert(&mut self, hash: u64, key: &[u8], value: Value, deadline_ms: Option<u64>) {
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
    pub(super) fn changed(&mut self, hash: u64, key: &[u8]) {
        if self.keyspace.waits.any() {
            self.note_waited(hash, key);
        }
        // What may still be undone is told at its end.
        if self.undo.is_none() && self.keyspace.watches.any() {
            self.keyspace.watches.changed(hash, key);
        }
    }
}
