//! A sorted set: members by score, then by their bytes.
//!
//! ```text
//! Ordered  all members in their order, in chunks: by rank, by score; cheap at both ends
//! Index    members by hash, where they are many: their scores, and the order of a walk
//! ```
//! Made for a small log per client, appended to at the end and trimmed in front at every hit. Not
//! here: what commands mean, how scores are read and written. Invariants: a member stands in it
//! once, in the index too where there is one; no score is NaN or -0.0; `bytes` is what its members
//! hold.

mod index;
mod ordered;
mod ranges;
#[cfg(test)]
mod tests;

use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::Arc;

use foldhash::quality::SeedableRandomState;

use self::index::Index;
use self::ordered::{Entry, Ordered};
pub use self::ranges::LexBound;
use super::{Collection, Edit};
use crate::store::Value;

/// Bytes that a member takes beside its own: its entry with the room ahead of it, its counts of
/// owners, and what the allocator adds.
const MEMBER_COST_BYTES: usize = 58;
/// Bytes that a member takes in the index.
const INDEX_COST_BYTES: usize = 56;
/// Members up to which each is compared with the one sought: that costs less than an index.
const UNINDEXED_MEMBERS: usize = 64;
/// Members down to which an index is kept, so that none is made and dropped again and again.
const INDEXED_MEMBERS_MIN: usize = 32;
/// Members up to which a walk sees all of them at once, as it does in Redis.
const WALKED_AT_ONCE: usize = 128;

type Member = Arc<[u8]>;

/// See the module.
#[derive(Clone, Debug)]
pub struct Sorted {
    ordered: Ordered,
    index: Option<Index>,
    bytes: usize,
    seed: SeedableRandomState,
}

/// What takes a change of a sorted set back.
#[derive(Debug)]
pub enum Step {
    /// Give this member this score, whether it is there or not.
    Set(Member, f64),
    /// Remove this member.
    Remove(Member),
    /// Put these members back.
    Restore(Vec<Entry>),
}

impl PartialEq for Sorted {
    fn eq(&self, other: &Sorted) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

fn cost(member: &[u8]) -> usize {
    MEMBER_COST_BYTES + member.len()
}

impl Sorted {
    /// A member's score.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.find(member).map(|(_, score)| score)
    }

    /// How many members stand before this one.
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        let (_, score) = self.find(member)?;
        Some(self.ordered.rank_where(|entry| entry.is_before(score, member)))
    }

    /// Members with their scores, rising.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&[u8], f64)> + Clone {
        self.range(0..self.len())
    }

    /// The members of these ranks, rising; ranks that there are none of are left out.
    pub fn range(
        &self,
        ranks: Range<usize>,
    ) -> impl DoubleEndedIterator<Item = (&[u8], f64)> + Clone {
        self.ordered.range(ranks).map(|entry| (&*entry.member, entry.score))
    }

    /// About `count` members from `cursor` on, 0 at first, with the cursor of the rest, 0 at last;
    /// all of a small set at once. Whoever is in the set from the first of a walk's calls to the
    /// last is seen by one of them.
    pub fn walk(&self, cursor: u64, count: usize) -> (u64, Vec<(&[u8], f64)>) {
        match &self.index {
            Some(index) if self.len() > WALKED_AT_ONCE => index.walk(cursor, count),
            _ => (0, self.iter().collect()),
        }
    }

    /// Most bytes that adding a member of `length` bytes takes.
    pub fn insert_bytes(length: usize) -> u64 {
        (MEMBER_COST_BYTES + INDEX_COST_BYTES + length) as u64
    }

    fn find(&self, member: &[u8]) -> Option<(&Member, f64)> {
        match &self.index {
            Some(index) => index.find(self.seed.hash_one(member), member),
            None => {
                let found = self.ordered.iter().find(|entry| *entry.member == *member)?;
                Some((&found.member, found.score))
            }
        }
    }

    /// Gives a member a score; returns it with the one that it had.
    fn set(&mut self, member: &[u8], score: f64) -> (Member, Option<f64>) {
        debug_assert!(!score.is_nan(), "a score without a place");
        // -0.0 becomes 0.0.
        let score = score + 0.0;
        let Some((found, old)) = self.find(member).map(|(found, old)| (found.clone(), old)) else {
            let member: Member = member.into();
            self.put(Entry { score, member: member.clone() });
            return (member, None);
        };
        if old != score {
            self.ordered.remove(old, member);
            self.ordered.insert(Entry { score, member: found.clone() });
            self.note(&found, score);
        }
        (found, Some(old))
    }

    /// Keeps the index of what stands at its place.
    fn note(&mut self, member: &Member, score: f64) {
        let Sorted { ordered, index, seed, .. } = self;
        if let Some(index) = index {
            index.set(seed.hash_one(&**member), member, score);
        } else if ordered.len() > UNINDEXED_MEMBERS {
            let index = index.insert(Index::default());
            for entry in ordered.iter() {
                index.set(seed.hash_one(&*entry.member), &entry.member, entry.score);
            }
        }
    }

    /// Adds a member that is not there.
    fn put(&mut self, entry: Entry) {
        let Entry { score, member } = entry.clone();
        self.bytes += cost(&member);
        self.ordered.insert(entry);
        self.note(&member, score);
    }

    fn unset(&mut self, member: &[u8]) -> Option<(Member, f64)> {
        let (_, score) = self.find(member)?;
        let entry = self.ordered.remove(score, member)?;
        self.drop_notes(std::slice::from_ref(&entry));
        Some((entry.member, score))
    }

    fn unset_range(&mut self, ranks: Range<usize>) -> Vec<Entry> {
        let removed = self.ordered.remove_range(ranks);
        self.drop_notes(&removed);
        removed
    }

    /// Keeps the index and the bytes of what has left its place.
    fn drop_notes(&mut self, removed: &[Entry]) {
        self.bytes -= removed.iter().map(|entry| cost(&entry.member)).sum::<usize>();
        if self.ordered.len() < INDEXED_MEMBERS_MIN {
            self.index = None;
        }
        if let Some(index) = &mut self.index {
            for entry in removed {
                index.remove(self.seed.hash_one(&*entry.member), &entry.member);
            }
        }
    }
}

impl Edit<'_, Sorted> {
    /// Gives a member a score, which is not NaN; returns the one it had.
    pub fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        self.change(|sorted| {
            let (member, old) = sorted.set(member, score);
            let step = match old {
                Some(old) if old == score => None,
                Some(old) => Some(Step::Set(member, old)),
                None => Some(Step::Remove(member)),
            };
            (old, step)
        })
    }

    /// Removes a member; returns the score it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        self.change(|sorted| match sorted.unset(member) {
            Some((member, score)) => (Some(score), Some(Step::Set(member, score))),
            None => (None, None),
        })
    }

    /// Removes the members of these ranks; returns how many there were.
    pub fn remove_range(&mut self, ranks: Range<usize>) -> usize {
        self.change(|sorted| {
            let removed = sorted.unset_range(ranks);
            let count = removed.len();
            (count, (count > 0).then_some(Step::Restore(removed)))
        })
    }
}

impl Collection for Sorted {
    type Step = Step;

    fn empty(seed: &SeedableRandomState) -> Sorted {
        Sorted { ordered: Ordered::default(), index: None, bytes: 0, seed: seed.clone() }
    }

    fn len(&self) -> usize {
        self.ordered.len()
    }

    fn heap_bytes(&self) -> u64 {
        let indexed = if self.index.is_some() { INDEX_COST_BYTES * self.len() } else { 0 };
        (size_of::<Sorted>() + self.bytes + indexed) as u64
    }

    fn take_back(&mut self, step: Step) {
        match step {
            Step::Set(member, score) => drop(self.set(&member, score)),
            Step::Remove(member) => drop(self.unset(&member)),
            Step::Restore(entries) => entries.into_iter().for_each(|entry| self.put(entry)),
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

    fn step_bytes(step: &Step) -> usize {
        match step {
            Step::Set(member, _) | Step::Remove(member) => cost(member),
            Step::Restore(entries) => entries.iter().map(|entry| cost(&entry.member)).sum(),
        }
    }

    fn wrap(step: Step) -> super::Step {
        super::Step::Sorted(step)
    }
}
