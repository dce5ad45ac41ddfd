//! A hash: fields by name, in the order in which they came as long as they are few.
//!
//! Invariants: `bytes` is what its fields hold; a field below a place of a walk stays below it or
//! goes, so that a walk downwards misses none that stays; no more than four times the places that
//! it needs are reserved.

use std::ops::Range;

use foldhash::quality::SeedableRandomState;
use indexmap::IndexMap;

use super::{Collection, Edit, boxed_bytes};
use crate::store::Value;

/// Bytes that a field takes beside its name and value: its entry, 40, and its place in the index,
/// 9, with what is reserved ahead of both.
const ENTRY_BYTES: usize = 72;
/// Most fields among which the order in which they came outlives a removal, which then costs a pass
/// over them: as many as Redis keeps in order.
const ORDERED_FIELDS_MAX: usize = 512;
/// Places that are not worth giving back.
const PLACES_FEW: usize = 64;

type Bytes = Box<[u8]>;

/// See the module.
#[derive(Clone, Debug)]
pub struct Hash {
    fields: IndexMap<Bytes, Bytes, SeedableRandomState>,
    bytes: usize,
}

/// What takes a change of a hash back.
#[derive(Debug)]
pub enum Step {
    /// Give the field at this place this value.
    Set(usize, Bytes),
    /// Add this field at this place.
    Insert(usize, Bytes, Bytes),
    /// Add this field at this place, and the one there at the end.
    Swap(usize, Bytes, Bytes),
    /// Remove the last field.
    Pop,
}

impl PartialEq for Hash {
    fn eq(&self, other: &Hash) -> bool {
        self.fields == other.fields
    }
}

fn cost(field: &[u8], value: &[u8]) -> usize {
    ENTRY_BYTES + boxed_bytes(field.len()) + boxed_bytes(value.len())
}

impl Hash {
    /// A field's value.
    pub fn get(&self, field: &[u8]) -> Option<&[u8]> {
        self.fields.get(field).map(|value| &**value)
    }

    /// The field at a place, with its value.
    pub fn at(&self, place: usize) -> Option<(&[u8], &[u8])> {
        self.fields.get_index(place).map(|(field, value)| (&**field, &**value))
    }

    /// All fields with their values, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|(field, value)| (&**field, &**value))
    }

    /// The fields at these places with their values; none where one of them is not there.
    pub fn range(
        &self,
        places: Range<usize>,
    ) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> + DoubleEndedIterator {
        let fields = self.fields.get_range(places).unwrap_or_default();
        fields.iter().map(|(field, value)| (&**field, &**value))
    }

    /// True if its fields are in the order in which they came, whatever was removed.
    pub fn is_ordered(&self) -> bool {
        self.fields.len() <= ORDERED_FIELDS_MAX
    }

    /// Most bytes that giving a field a value takes.
    pub fn set_bytes(field: &[u8], value: &[u8]) -> u64 {
        cost(field, value) as u64
    }

    /// Removes a field; returns what puts it back.
    fn remove(&mut self, field: &[u8]) -> Option<Step> {
        let ordered = self.is_ordered();
        let (place, field, value) = if ordered {
            self.fields.shift_remove_full(field)
        } else {
            self.fields.swap_remove_full(field)
        }?;
        self.lost(&field, &value);
        let step = if ordered { Step::Insert } else { Step::Swap };
        Some(step(place, field, value))
    }

    /// A field is gone. Gives places back that a larger hash needed, not at once all of them: one
    /// that grows and shrinks is not moved each time.
    fn lost(&mut self, field: &[u8], value: &[u8]) {
        self.bytes -= cost(field, value);
        let length = self.fields.len();
        if self.fields.capacity() > PLACES_FEW.max(length.saturating_mul(4)) {
            self.fields.shrink_to(length.saturating_mul(2));
        }
    }
}

impl Edit<'_, Hash> {
    /// Sets a field; true if it is new.
    pub fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        self.change(|hash| {
            hash.bytes += cost(field, value);
            if let Some((place, _, slot)) = hash.fields.get_full_mut(field) {
                let old = std::mem::replace(slot, value.into());
                hash.bytes -= cost(field, &old);
                return (false, Some(Step::Set(place, old)));
            }
            hash.fields.insert(field.into(), value.into());
            (true, Some(Step::Pop))
        })
    }

    /// Removes a field; true if it existed.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        self.change(|hash| {
            let step = hash.remove(field);
            (step.is_some(), step)
        })
    }
}

impl Collection for Hash {
    type Step = Step;

    fn empty(seed: &SeedableRandomState) -> Hash {
        Hash { fields: IndexMap::with_hasher(seed.clone()), bytes: 0 }
    }

    fn len(&self) -> usize {
        self.fields.len()
    }

    fn heap_bytes(&self) -> u64 {
        (boxed_bytes(size_of::<Hash>()) + self.bytes) as u64
    }

    fn take_back(&mut self, step: Step) {
        match step {
            Step::Set(place, value) => {
                if let Some((field, slot)) = self.fields.get_index_mut(place) {
                    self.bytes += cost(field, &value);
                    self.bytes -= cost(field, slot);
                    *slot = value;
                }
            }
            Step::Insert(place, field, value) => {
                self.bytes += cost(&field, &value);
                self.fields.shift_insert(place.min(self.fields.len()), field, value);
            }
            Step::Swap(place, field, value) => {
                self.bytes += cost(&field, &value);
                let (last, _) = self.fields.insert_full(field, value);
                self.fields.swap_indices(place.min(last), last);
            }
            Step::Pop => {
                if let Some((field, value)) = self.fields.pop() {
                    self.lost(&field, &value);
                }
            }
        }
    }

    fn into_value(self) -> Value {
        Value::Hash(Box::new(self))
    }

    fn of(value: &Value) -> Option<&Hash> {
        if let Value::Hash(hash) = value { Some(hash) } else { None }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Hash> {
        if let Value::Hash(hash) = value { Some(hash) } else { None }
    }

    fn step_bytes(step: &Step) -> usize {
        match step {
            Step::Pop => 0,
            Step::Set(_, value) => boxed_bytes(value.len()),
            Step::Insert(_, field, value) | Step::Swap(_, field, value) => {
                boxed_bytes(field.len()) + boxed_bytes(value.len())
            }
        }
    }

    fn wrap(step: Step) -> super::Step {
        super::Step::Hash(step)
    }
}

#[cfg(test)]
#[path = "hash_tests.rs"]
mod tests;
