//! Collections of the keyspace: looked at and changed under a hold.
//!
//! Not here: what they are made of (`collection/`). Invariants: a key holds no empty collection;
//! memory is charged before it is taken.

use super::super::account::Full;
use super::super::collection::{Collection, Edit};
use super::held::live;
use super::undo::Undo;
use super::{Held, slot_bytes};

/// Why [`Held::edit`] changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EditError {
    /// The key holds something of another type.
    WrongType,
    /// There is no memory for what it may grow by.
    Full,
}

impl From<Full> for EditError {
    fn from(_: Full) -> EditError {
        EditError::Full
    }
}

/// A key holds something of another type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongType;

impl Held<'_> {
    /// The collection of `key`; `None` if it does not exist.
    ///
    /// # Errors
    /// [`WrongType`].
    pub fn view<C: Collection>(&mut self, key: &[u8]) -> Result<Option<&C>, WrongType> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => C::of(value).map(Some).ok_or(WrongType),
        }
    }

    /// Changes the collection of `key`: a new one, without a deadline, if it does not exist; one
    /// left empty is removed. `growth_bytes`: most that the change takes of memory.
    ///
    /// # Errors
    /// An [`EditError`]; nothing has changed, and `change` was not called.
    pub fn edit<C: Collection, R>(
        &mut self,
        key: &[u8],
        growth_bytes: u64,
        change: impl FnOnce(&mut Edit<'_, C>) -> R,
    ) -> Result<R, EditError> {
        let hash = self.hash_of(key);
        let Held { keyspace, now_ms, shards, undo, .. } = self;
        let Some(found) = live(keyspace, *now_ms, shards, hash, key) else {
            return self.begin(hash, key, growth_bytes, change);
        };
        let slot = found.into_mut();
        if C::of(&slot.value).is_none() {
            return Err(EditError::WrongType);
        }
        if growth_bytes > 0 {
            // What needs nothing is not refused where a lower limit has left too much.
            keyspace.holdings.charge(growth_bytes)?;
        }
        let noted = undo.as_ref().map_or(0, Undo::len);
        let steps = undo.as_mut().and_then(|undo| undo.edits(hash, slot));
        let before = slot.value.heap_bytes();
        let Some(collection) = C::of_mut(&mut slot.value) else {
            return Err(EditError::WrongType);
        };
        let mut edit = Edit::new(collection, steps);
        let result = change(&mut edit);
        let (changed, empty) = (edit.has_changed(), edit.is_empty());
        let after = slot.value.heap_bytes();
        keyspace.holdings.resize_anyway(before.saturating_add(growth_bytes), after);
        if empty {
            self.remove(key);
        } else if changed {
            self.changed(hash, key);
        } else if let Some(undo) = undo {
            undo.truncate(noted);
        }
        Ok(result)
    }

    /// The same for a key that does not exist.
    fn begin<C: Collection, R>(
        &mut self,
        hash: u64,
        key: &[u8],
        growth_bytes: u64,
        change: impl FnOnce(&mut Edit<'_, C>) -> R,
    ) -> Result<R, EditError> {
        let mut collection = C::empty(&self.keyspace.hasher);
        let most = slot_bytes(key, &C::empty(&self.keyspace.hasher).into_value());
        let most = most.saturating_add(growth_bytes);
        self.keyspace.holdings.charge(most)?;
        let result = change(&mut Edit::new(&mut collection, None));
        if collection.is_empty() {
            self.keyspace.holdings.release(most);
            return Ok(result);
        }
        let value = collection.into_value();
        self.keyspace.holdings.resize_anyway(most, slot_bytes(key, &value));
        self.insert(hash, key, value, None);
        self.changed(hash, key);
        Ok(result)
    }
}
