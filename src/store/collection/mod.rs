//! Values of many elements: lists, hashes, sorted sets.
//!
//! ```text
//! Collection  what the keyspace must know of them all: size, emptiness, how to take a step back
//! Edit        one being changed under a hold; each change leaves the step that takes it back
//! List        elements by place        Hash  fields by name        Sorted  members by score
//! ```
//! They are local to a node. Not here: keys, deadlines, memory (keyspace), what commands mean.
//! Invariant: the steps of an edit, taken back in the opposite order, make the collection equal to
//! what it was, so that a script is undone at the cost of what it did and not of what it looked at.

mod hash;
mod list;
mod sorted;

use std::fmt::Debug;

pub use hash::Hash;
pub use list::{End, List};
pub use sorted::{LexBound, Sorted};

use super::keyspace::Value;

/// Bytes that the heap gives for `length` bytes of their own: in steps of 16, 8 of them the
/// allocator's, at least 32; nothing for nothing.
fn boxed_bytes(length: usize) -> usize {
    if length == 0 { 0 } else { length.saturating_add(8).next_multiple_of(16).max(32) }
}

/// A value of many elements.
pub trait Collection: Clone + Debug + PartialEq + Sized {
    /// One change, as what takes it back.
    type Step: Debug;

    /// One without elements. `seed` makes hashes of elements unpredictable to clients.
    fn empty(seed: &foldhash::quality::SeedableRandomState) -> Self;

    /// Elements.
    fn len(&self) -> usize;

    /// True without elements. The keyspace keeps no such collection.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held, its own size included; asked at each change, so kept and not counted.
    fn heap_bytes(&self) -> u64;

    /// Takes back the last change that was not taken back yet.
    fn take_back(&mut self, step: Self::Step);

    /// It as a value.
    fn into_value(self) -> Value;

    /// The collection of this kind that a value is.
    fn of(value: &Value) -> Option<&Self>;

    /// The same, to be changed.
    fn of_mut(value: &mut Value) -> Option<&mut Self>;

    /// A step of this kind among those of all kinds.
    fn wrap(step: Self::Step) -> Step;

    /// Bytes that a step holds beyond its own size.
    fn step_bytes(step: &Self::Step) -> usize;
}

/// Changes of one collection, as what takes them back.
#[derive(Debug, Default)]
pub(super) struct Steps {
    steps: Vec<Step>,
    bytes: usize,
}

impl Steps {
    /// Bytes that they hold.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes as u64
    }

    /// The last one first.
    fn back(self) -> impl Iterator<Item = Step> {
        self.steps.into_iter().rev()
    }

    fn push<C: Collection>(&mut self, step: C::Step) {
        self.bytes = self.bytes.saturating_add(size_of::<Step>() + C::step_bytes(&step));
        self.steps.push(C::wrap(step));
    }
}

/// One change of a collection of any kind, as what takes it back.
#[derive(Debug)]
pub enum Step {
    /// Of a list.
    List(list::Step),
    /// Of a hash.
    Hash(hash::Step),
    /// Of a sorted set.
    Sorted(sorted::Step),
}

impl Value {
    /// Takes changes back, the last one first; a step of another kind does nothing.
    pub(super) fn take_back(&mut self, steps: Steps) {
        for step in steps.back() {
            match (&mut *self, step) {
                (Value::List(list), Step::List(step)) => list.take_back(step),
                (Value::Hash(hash), Step::Hash(step)) => hash.take_back(step),
                (Value::Sorted(sorted), Step::Sorted(step)) => sorted.take_back(step),
                _ => debug_assert!(false, "a step of another kind"),
            }
        }
    }

    /// Elements, if it is a collection.
    pub(super) fn elements(&self) -> Option<usize> {
        match self {
            Value::List(list) => Some(list.len()),
            Value::Hash(hash) => Some(hash.len()),
            Value::Sorted(sorted) => Some(sorted.len()),
            Value::Cell { .. } | Value::Counter(_) | Value::Text(_) => None,
        }
    }
}

/// A collection being changed. Reading goes through it as through the collection itself.
#[derive(Debug)]
pub struct Edit<'e, C: Collection> {
    collection: &'e mut C,
    /// Steps kept so far; `None`: nobody will ask for them.
    steps: Option<&'e mut Steps>,
    changed: bool,
}

impl<'e, C: Collection> Edit<'e, C> {
    pub(super) fn new(collection: &'e mut C, steps: Option<&'e mut Steps>) -> Self {
        Edit { collection, steps, changed: false }
    }

    /// True once something was changed.
    pub(super) fn has_changed(&self) -> bool {
        self.changed
    }

    /// Changes it by `act`, which says what takes the change back, `None` if it changed nothing.
    fn change<R>(&mut self, act: impl FnOnce(&mut C) -> (R, Option<C::Step>)) -> R {
        let (result, step) = act(self.collection);
        if let Some(step) = step {
            self.changed = true;
            if let Some(steps) = &mut self.steps {
                steps.push::<C>(step);
            }
        }
        result
    }
}

impl<C: Collection> std::ops::Deref for Edit<'_, C> {
    type Target = C;

    fn deref(&self) -> &C {
        self.collection
    }
}
