//! A sorted set: members by score, then by their bytes.
//!
//! Invariant: a member stands in it once; `bytes` is what its members hold.

use foldhash::quality::SeedableRandomState;

use super::{Collection, Edit};
use crate::store::Value;

/// Bytes that a member takes beside its own: its entry, and what the allocator adds.
const MEMBER_COST_BYTES: usize = 48;

type Member = Box<[u8]>;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sorted {
    /// Rising by score, then by bytes.
    entries: Vec<(f64, Member)>,
    bytes: usize,
}

/// What takes a change of a sorted set back.
#[derive(Debug)]
pub enum Step {
    /// Give this member this score, whether it is there or not.
    Set(Member, f64),
    /// Remove this member.
    Remove(Member),
}

fn cost(member: &[u8]) -> usize {
    MEMBER_COST_BYTES + member.len()
}

impl Sorted {
    /// A member's score.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.entries.iter().find(|(_, held)| **held == *member).map(|(score, _)| *score)
    }

    /// Members with their scores, rising.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], f64)> + DoubleEndedIterator {
        self.entries.iter().map(|(score, member)| (&**member, *score))
    }

    /// Most bytes that adding a member of `length` bytes takes.
    pub fn insert_bytes(length: usize) -> u64 {
        (MEMBER_COST_BYTES + length) as u64
    }

    fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let old = self.remove(member);
        let before = |entry: &(f64, Member)| {
            entry.0.total_cmp(&score).then_with(|| (*entry.1).cmp(member)).is_lt()
        };
        let place = self.entries.partition_point(before);
        self.entries.insert(place, (score, member.into()));
        self.bytes += cost(member);
        old
    }

    fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let place = self.entries.iter().position(|(_, held)| **held == *member)?;
        let (score, member) = self.entries.remove(place);
        self.bytes -= cost(&member);
        Some(score)
    }
}

impl Edit<'_, Sorted> {
    /// Gives a member a score; returns the one it had.
    pub fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        self.change(|sorted| {
            let old = sorted.insert(member, score);
            let step = match old {
                Some(old) if old == score => None,
                Some(old) => Some(Step::Set(member.into(), old)),
                None => Some(Step::Remove(member.into())),
            };
            (old, step)
        })
    }

    /// Removes a member; returns the score it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        self.change(|sorted| {
            let old = sorted.remove(member);
            (old, old.map(|score| Step::Set(member.into(), score)))
        })
    }
}

impl Collection for Sorted {
    type Step = Step;

    fn empty(_seed: &SeedableRandomState) -> Sorted {
        Sorted::default()
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn heap_bytes(&self) -> u64 {
        (size_of::<Sorted>() + self.bytes) as u64
    }

    fn take_back(&mut self, step: Step) {
        match step {
            Step::Set(member, score) => drop(self.insert(&member, score)),
            Step::Remove(member) => drop(self.remove(&member)),
        }
    }

    fn into_value(self) -> Value {
        Value::Sorted(Box::new(self))
    }

    fn of(value: &Value) -> Option<&Sorted> {
        if let Value::Sorted(sorted) = value { Some(sorted) } else { None }
    }

    fn of_mut(value: &mut Value) -> Option<&mut Sorted> {
        if let Value::Sorted(sorted) = value { Some(sorted) } else { None }
    }

    fn wrap(step: Step) -> super::Step {
        super::Step::Sorted(step)
    }
}
