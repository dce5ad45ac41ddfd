//! A list: elements by place, taken and added at both ends at once.
//!
//! Not here: who waits for an element. Invariant: `bytes` is what its elements hold.

use std::collections::VecDeque;

use foldhash::quality::SeedableRandomState;

use super::{Collection, Edit};
use crate::store::Value;

/// Bytes that an element takes beside its own: its place, and what the allocator adds.
const ELEMENT_COST_BYTES: usize = 32;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    elements: VecDeque<Box<[u8]>>,
    bytes: usize,
}

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The first element's.
    Left,
    /// The last element's.
    Right,
}

/// What takes a change of a list back.
#[derive(Debug)]
pub enum Step {
    /// Remove the element at this end.
    Pop(End),
    /// Add this element at this end.
    Push(End, Box<[u8]>),
}

fn cost(element: &[u8]) -> usize {
    ELEMENT_COST_BYTES + element.len()
}

impl List {
    /// The element at a place from the left.
    pub fn get(&self, place: usize) -> Option<&[u8]> {
        self.elements.get(place).map(|element| &**element)
    }

    /// The elements from the left.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.elements.iter().map(|element| &**element)
    }

    /// Most bytes that pushing an element of `length` bytes takes.
    pub fn push_bytes(length: usize) -> u64 {
        (ELEMENT_COST_BYTES + length) as u64
    }

    fn push(&mut self, end: End, element: Box<[u8]>) {
        self.bytes += cost(&element);
        match end {
            End::Left => self.elements.push_front(element),
            End::Right => self.elements.push_back(element),
        }
    }

    fn pop(&mut self, end: End) -> Option<Box<[u8]>> {
        let element = match end {
            End::Left => self.elements.pop_front(),
            End::Right => self.elements.pop_back(),
        }?;
        self.bytes -= cost(&element);
        Some(element)
    }
}

impl Edit<'_, List> {
    /// Adds an element at an end.
    pub fn push(&mut self, end: End, element: &[u8]) {
        self.change(|list| {
            list.push(end, element.into());
            ((), Some(Step::Pop(end)))
        });
    }

    /// Takes the element at an end.
    pub fn pop(&mut self, end: End) -> Option<Box<[u8]>> {
        self.change(|list| {
            let element = list.pop(end);
            let step = element.as_ref().map(|element| Step::Push(end, element.clone()));
            (element, step)
        })
    }
}

impl Collection for List {
    type Step = Step;

    fn empty(_seed: &SeedableRandomState) -> List {
        List::default()
    }

    fn len(&self) -> usize {
        self.elements.len()
    }

    fn heap_bytes(&self) -> u64 {
        (size_of::<List>() + self.bytes) as u64
    }

    fn take_back(&mut self, step: Step) {
        match step {
            Step::Pop(end) => drop(self.pop(end)),
            Step::Push(end, element) => self.push(end, element),
        }
    }

    fn into_value(self) -> Value {
        Value::List(Box::new(self))
    }

    fn of(value: &Value) -> Option<&List> {
        if let Value::List(list) = value { Some(list) } else { None }
    }

    fn of_mut(value: &mut Value) -> Option<&mut List> {
        if let Value::List(list) = value { Some(list) } else { None }
    }

    fn wrap(step: Step) -> super::Step {
        super::Step::List(step)
    }
}
