//! A hash: fields by name, in the order in which they came.
//!
//! Invariant: `bytes` is what its fields hold.

use foldhash::quality::SeedableRandomState;
use indexmap::IndexMap;

use super::{Collection, Edit};
use crate::store::Value;

/// Bytes that a field takes beside its name and value: its entry, its place in the index, and what
/// the allocator adds.
const FIELD_COST_BYTES: usize = 96;

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
    /// Give this field this value.
    Set(Bytes, Bytes),
    /// Add this field at this place.
    Insert(usize, Bytes, Bytes),
    /// Remove this field, the last one.
    Remove(Bytes),
}

impl PartialEq for Hash {
    fn eq(&self, other: &Hash) -> bool {
        self.fields == other.fields
    }
}

fn cost(field: &[u8], value: &[u8]) -> usize {
    FIELD_COST_BYTES + field.len() + value.len()
}

impl Hash {
    /// A field's value.
    pub fn get(&self, field: &[u8]) -> Option<&[u8]> {
        self.fields.get(field).map(|value| &**value)
    }

    /// All fields with their values, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|(field, value)| (&**field, &**value))
    }

    /// Most bytes that setting a field takes, `length` bytes of name and value together.
    pub fn set_bytes(length: usize) -> u64 {
        (FIELD_COST_BYTES + length) as u64
    }
}

impl Edit<'_, Hash> {
    /// Sets a field; true if it is new.
    pub fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        self.change(|hash| {
            if let Some(slot) = hash.fields.get_mut(field) {
                let old = std::mem::replace(slot, value.into());
                hash.bytes = hash.bytes + value.len() - old.len();
                return (false, Some(Step::Set(field.into(), old)));
            }
            hash.bytes += cost(field, value);
            hash.fields.insert(field.into(), value.into());
            (true, Some(Step::Remove(field.into())))
        })
    }

    /// Removes a field; true if it existed.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        self.change(|hash| {
            let Some((place, field, value)) = hash.fields.shift_remove_full(field) else {
                return (false, None);
            };
            hash.bytes -= cost(&field, &value);
            (true, Some(Step::Insert(place, field, value)))
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
        (size_of::<Hash>() + self.bytes) as u64
    }

    fn take_back(&mut self, step: Step) {
        match step {
            Step::Set(field, value) => {
                if let Some(slot) = self.fields.get_mut(&field) {
                    self.bytes = self.bytes + value.len() - slot.len();
                    *slot = value;
                }
            }
            Step::Insert(place, field, value) => {
                self.bytes += cost(&field, &value);
                self.fields.shift_insert(place.min(self.fields.len()), field, value);
            }
            Step::Remove(field) => {
                if let Some((field, value)) = self.fields.shift_remove_entry(&field) {
                    self.bytes -= cost(&field, &value);
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

    fn wrap(step: Step) -> super::Step {
        super::Step::Hash(step)
    }
}
