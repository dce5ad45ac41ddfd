//! A list: elements by place, taken and added at both ends at once.
//!
//! Not here: who waits for an element. Invariants: `bytes` is what its elements hold; no more than
//! four times the places that it needs are reserved.

use std::collections::VecDeque;
use std::mem::take;
use std::ops::Range;

use foldhash::quality::SeedableRandomState;

use super::{Collection, Edit, boxed_bytes};
use crate::store::Value;

/// Bytes of an element's place: 16, and half as many for those reserved ahead.
const PLACE_BYTES: usize = 24;
/// Places that are not worth giving back.
const PLACES_FEW: usize = 64;

type Element = Box<[u8]>;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    elements: VecDeque<Element>,
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
    Push(End, Element),
    /// Put this element in place of the one there.
    Set(usize, Element),
    /// Remove the element there.
    Remove(usize),
    /// Add these elements so that they are at these places, which rise.
    Insert(Vec<(usize, Element)>),
    /// Add the former elements at the left and the latter at the right.
    Extend(Vec<Element>, Vec<Element>),
}

fn cost(element: &[u8]) -> usize {
    PLACE_BYTES + boxed_bytes(element.len())
}

impl List {
    /// The element at a place from the left.
    pub fn get(&self, place: usize) -> Option<&[u8]> {
        self.elements.get(place).map(|element| &**element)
    }

    /// The elements from the left.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> + DoubleEndedIterator {
        self.elements.iter().map(|element| &**element)
    }

    /// The elements at these places, which must be there.
    pub fn range(&self, places: Range<usize>) -> impl ExactSizeIterator<Item = &[u8]> {
        self.elements.range(places).map(|element| &**element)
    }

    /// Most bytes that pushing an element of `length` bytes takes, or inserting it, or setting a
    /// place to it.
    pub fn push_bytes(length: usize) -> u64 {
        (PLACE_BYTES + boxed_bytes(length)) as u64
    }

    fn push(&mut self, end: End, element: Element) {
        self.bytes += cost(&element);
        match end {
            End::Left => self.elements.push_front(element),
            End::Right => self.elements.push_back(element),
        }
    }

    fn pop(&mut self, end: End) -> Option<Element> {
        let element = match end {
            End::Left => self.elements.pop_front(),
            End::Right => self.elements.pop_back(),
        }?;
        self.bytes -= cost(&element);
        self.shrink();
        Some(element)
    }

    fn set(&mut self, place: usize, element: Element) -> Option<Element> {
        let slot = self.elements.get_mut(place)?;
        self.bytes += cost(&element);
        let old = std::mem::replace(slot, element);
        self.bytes -= cost(&old);
        Some(old)
    }

    fn insert(&mut self, place: usize, element: Element) {
        self.bytes += cost(&element);
        self.elements.insert(place.min(self.elements.len()), element);
    }

    /// Takes out what is at these places, which rise.
    fn remove(&mut self, places: &[usize]) -> Vec<(usize, Element)> {
        let mut removed = Vec::with_capacity(places.len());
        if let [place] = places {
            removed.extend(self.elements.remove(*place).map(|element| (*place, element)));
        } else {
            let mut at = 0;
            self.elements.retain_mut(|element| {
                let goes = places.get(removed.len()) == Some(&at);
                if goes {
                    removed.push((at, take(element)));
                }
                at += 1;
                !goes
            });
        }
        self.bytes -= removed.iter().map(|(_, element)| cost(element)).sum::<usize>();
        self.shrink();
        removed
    }

    /// The opposite of `remove`: one pass, however many they are.
    fn insert_many(&mut self, elements: Vec<(usize, Element)>) {
        if elements.len() == 1 {
            elements.into_iter().for_each(|(place, element)| self.insert(place, element));
            return;
        }
        let mut others = take(&mut self.elements).into_iter();
        self.elements.reserve(others.len() + elements.len());
        for (place, element) in elements {
            let before = place.saturating_sub(self.elements.len());
            self.elements.extend(others.by_ref().take(before));
            self.bytes += cost(&element);
            self.elements.push_back(element);
        }
        self.elements.extend(others);
    }

    /// Takes out what is not at these places.
    fn trim(&mut self, places: Range<usize>) -> (Vec<Element>, Vec<Element>) {
        let end = places.end.min(self.elements.len());
        let right: Vec<Element> = self.elements.drain(end..).collect();
        let left: Vec<Element> = self.elements.drain(..places.start.min(end)).collect();
        self.bytes -= left.iter().chain(&right).map(|element| cost(element)).sum::<usize>();
        self.shrink();
        (left, right)
    }

    /// Gives places back that a longer list needed. Not at once all of them: a list that grows and
    /// shrinks is not moved each time.
    fn shrink(&mut self) {
        let length = self.elements.len();
        if self.elements.capacity() > PLACES_FEW.max(length.saturating_mul(4)) {
            self.elements.shrink_to(length.saturating_mul(2));
        }
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
        let is_undoable = self.steps.is_some();
        self.change(|list| {
            let element = list.pop(end);
            // A queue is emptied one by one: no copy that nobody will ask for.
            let kept =
                |element: &Element| if is_undoable { element.clone() } else { Element::default() };
            let step = element.as_ref().map(|element| Step::Push(end, kept(element)));
            (element, step)
        })
    }

    /// Replaces the element at a place; false if there is none.
    pub fn set(&mut self, place: usize, element: &[u8]) -> bool {
        self.change(|list| {
            let old = list.set(place, element.into());
            (old.is_some(), old.map(|old| Step::Set(place, old)))
        })
    }

    /// Adds an element so that it is at this place, or the last one if the list is shorter.
    pub fn insert(&mut self, place: usize, element: &[u8]) {
        self.change(|list| {
            let place = place.min(list.len());
            list.insert(place, element.into());
            ((), Some(Step::Remove(place)))
        });
    }

    /// Removes the elements at these places, which rise; returns how many there were.
    pub fn remove(&mut self, places: &[usize]) -> usize {
        self.change(|list| {
            let removed = list.remove(places);
            (removed.len(), (!removed.is_empty()).then_some(Step::Insert(removed)))
        })
    }

    /// Removes all elements but those at these places.
    pub fn trim(&mut self, places: Range<usize>) {
        self.change(|list| {
            let (left, right) = list.trim(places);
            let changed = !left.is_empty() || !right.is_empty();
            ((), changed.then_some(Step::Extend(left, right)))
        });
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
        (boxed_bytes(size_of::<List>()) + self.bytes) as u64
    }

    fn take_back(&mut self, step: Step) {
        match step {
            Step::Pop(end) => drop(self.pop(end)),
            Step::Push(end, element) => self.push(end, element),
            Step::Set(place, element) => drop(self.set(place, element)),
            Step::Remove(place) => drop(self.remove(&[place])),
            Step::Insert(elements) => self.insert_many(elements),
            Step::Extend(left, right) => {
                left.into_iter().rev().for_each(|element| self.push(End::Left, element));
                right.into_iter().for_each(|element| self.push(End::Right, element));
            }
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

    fn step_bytes(step: &Step) -> usize {
        match step {
            Step::Pop(_) | Step::Remove(_) => 0,
            Step::Push(_, element) | Step::Set(_, element) => boxed_bytes(element.len()),
            Step::Insert(elements) => {
                elements.iter().map(|(_, element)| size_of::<usize>() + cost(element)).sum()
            }
            Step::Extend(left, right) => {
                left.iter().chain(right).map(|element| cost(element)).sum()
            }
        }
    }

    fn wrap(step: Step) -> super::Step {
        super::Step::List(step)
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
