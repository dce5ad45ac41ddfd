//! The members of a sorted set in their order, in chunks.
//!
//! A small set is one chunk; taking from the front and adding at the end moves nothing. A large one
//! costs, for each change, a search over its chunks and moving part of one of them. Not here: members
//! by their name. Invariants: no chunk is empty or holds more than [`CHUNK_ENTRIES_MAX`]; entries
//! rise, and no two are the same; `len` counts them.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::ops::Range;

use super::Member;

/// Most entries of a chunk: moving half of so many costs less than finding the place.
const CHUNK_ENTRIES_MAX: usize = 512;

/// A member with its score.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(super) score: f64,
    pub(super) member: Member,
}

impl Entry {
    /// True if it stands before this member with this score.
    pub(super) fn is_before(&self, score: f64, member: &[u8]) -> bool {
        match self.score.partial_cmp(&score) {
            Some(Ordering::Less) => true,
            Some(Ordering::Equal) => *self.member < *member,
            _ => false,
        }
    }
}

type Chunk = VecDeque<Entry>;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Ordered {
    chunks: VecDeque<Chunk>,
    len: usize,
}

impl Ordered {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> + Clone {
        self.chunks.iter().flatten()
    }

    /// Entries that there is room for, those there are included.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.chunks.iter().map(VecDeque::capacity).sum()
    }

    /// How many chunks there are.
    #[cfg(test)]
    pub(super) fn chunk_count(&self) -> usize {
        self.chunks.len()
    }

    /// The chunk and the place in it behind all entries that are `before`, as the first of all are;
    /// beyond the last chunk if all are.
    fn place_where(&self, before: impl Fn(&Entry) -> bool) -> (usize, usize) {
        let is_past = |chunk: &Chunk| chunk.back().is_some_and(&before);
        let at = self.chunks.partition_point(is_past);
        let within = self.chunks.get(at).map_or(0, |chunk| chunk.partition_point(before));
        (at, within)
    }

    /// How many entries are `before`, as the first of all are.
    pub(super) fn rank_where(&self, before: impl Fn(&Entry) -> bool) -> usize {
        let (at, within) = self.place_where(before);
        self.chunks.range(..at).map(VecDeque::len).sum::<usize>() + within
    }

    /// Adds an entry, whose member is not there.
    pub(super) fn insert(&mut self, entry: Entry) {
        let (mut at, mut within) =
            self.place_where(|other| other.is_before(entry.score, &entry.member));
        self.len += 1;
        if at == self.chunks.len() {
            if self.chunks.back().is_none_or(|last| last.len() == CHUNK_ENTRIES_MAX) {
                // Behind a full chunk, which stays full: most sets only grow at their end.
                add_place(&mut self.chunks);
                self.chunks.push_back(Chunk::new());
            }
            at = self.chunks.len() - 1;
            within = self.chunks[at].len();
        } else if self.chunks[at].len() == CHUNK_ENTRIES_MAX {
            let upper = self.chunks[at].split_off(CHUNK_ENTRIES_MAX / 2);
            let beyond = within.checked_sub(CHUNK_ENTRIES_MAX / 2);
            add_place(&mut self.chunks);
            self.chunks.insert(at + 1, upper);
            (at, within) = beyond.map_or((at, within), |within| (at + 1, within));
        }
        let chunk = &mut self.chunks[at];
        add_place(chunk);
        chunk.insert(within, entry);
    }

    /// Takes the entry of this member, which has this score.
    pub(super) fn remove(&mut self, score: f64, member: &[u8]) -> Option<Entry> {
        let (at, within) = self.place_where(|other| other.is_before(score, member));
        let entry = self.chunks.get_mut(at)?.remove(within)?;
        debug_assert!(*entry.member == *member, "a member with another score");
        self.len -= 1;
        self.tidy(at);
        Some(entry)
    }

    /// The chunks that hold these ranks, each with its number and the ranks' places in it.
    fn parts(&self, ranks: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
        let mut first = 0;
        let spans = self.chunks.iter().enumerate().map(move |(at, chunk)| {
            let start = first;
            first += chunk.len();
            let within = |rank: usize| rank.saturating_sub(start).min(chunk.len());
            (at, within(ranks.start)..within(ranks.end))
        });
        spans.skip_while(|(_, part)| part.is_empty()).take_while(|(_, part)| !part.is_empty())
    }

    /// The entries of these ranks, as far as there are so many.
    pub(super) fn range(
        &self,
        ranks: Range<usize>,
    ) -> impl DoubleEndedIterator<Item = &Entry> + Clone {
        let mut parts = self.parts(ranks);
        let (first, head) = parts.next().unwrap_or((0, 0..0));
        let (last, tail) = parts.last().unwrap_or((first, head.clone()));
        let chunks = self.chunks.iter().enumerate().take(last + 1).skip(first);
        chunks.flat_map(move |(at, chunk)| {
            let start = if at == first { head.start } else { 0 };
            let end = if at == last { tail.end } else { chunk.len() };
            chunk.range(start.min(end)..end)
        })
    }

    /// Takes the entries of these ranks, as far as there are so many.
    pub(super) fn remove_range(&mut self, ranks: Range<usize>) -> Vec<Entry> {
        let parts: Vec<(usize, Range<usize>)> = self.parts(ranks).collect();
        let mut removed = Vec::new();
        for (at, part) in &parts {
            removed.extend(self.chunks[*at].drain(part.clone()));
        }
        self.len -= removed.len();
        let (Some((first, _)), Some((last, _))) = (parts.first(), parts.last()) else {
            return removed;
        };
        // Those between are empty; the two at the ends may be small.
        self.chunks.drain((first + 1).min(*last)..*last);
        self.tidy(*first + usize::from(last > first));
        self.tidy(*first);
        removed
    }

    /// Keeps a chunk that has shrunk in order: none is empty, no two neighbours are small, none holds much room
    /// for nothing.
    fn tidy(&mut self, at: usize) {
        let Some(chunk) = self.chunks.get_mut(at) else { return };
        if chunk.is_empty() {
            self.chunks.remove(at);
            return;
        }
        let len = chunk.len();
        if chunk.capacity() > 2 * len + 2 * ROOM_ENTRIES_MIN {
            chunk.shrink_to(len + len / 4);
        }
        self.merge(at);
        if let Some(before) = at.checked_sub(1) {
            self.merge(before);
        }
    }

    /// Joins a chunk with the next one where both together are half a chunk at most, so that it is
    /// not split again at once.
    fn merge(&mut self, at: usize) {
        let (Some(chunk), Some(next)) = (self.chunks.get(at), self.chunks.get(at + 1)) else {
            return;
        };
        if chunk.len() + next.len() <= CHUNK_ENTRIES_MAX / 2
            && let Some(mut next) = self.chunks.remove(at + 1)
        {
            self.chunks[at].append(&mut next);
        }
    }
}

/// Entries that a chunk without room gets room for at least.
const ROOM_ENTRIES_MIN: usize = 4;

/// Makes room for one more, and for few beyond it: most sets are small, and many.
fn add_place<T>(places: &mut VecDeque<T>) {
    if places.len() == places.capacity() {
        let ahead = if places.is_empty() { 1 } else { ROOM_ENTRIES_MIN.max(places.len() / 4) };
        places.reserve_exact(ahead);
    }
}
