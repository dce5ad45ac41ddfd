//! Which ranks lie between two scores, or between two members of one score.
//!
//! Invariant: what is empty is an empty range, whatever its bounds.

use std::ops::{Bound, Range};

use super::{Collection, Sorted, WALKED_AT_ONCE};

/// One end of a range of members that have one score. Every member lies between the first two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexBound<'b> {
    /// Before every member.
    Least,
    /// Behind every member.
    Greatest,
    /// At this member, which is in the range.
    At(&'b [u8]),
    /// At this member, which is not.
    Beside(&'b [u8]),
}

impl LexBound<'_> {
    /// True if a member is not before this lower end.
    fn is_under(self, member: &[u8]) -> bool {
        match self {
            LexBound::Least => true,
            LexBound::Greatest => false,
            LexBound::At(bound) => member >= bound,
            LexBound::Beside(bound) => member > bound,
        }
    }

    /// True if a member is not behind this upper end.
    fn is_over(self, member: &[u8]) -> bool {
        match self {
            LexBound::Least => false,
            LexBound::Greatest => true,
            LexBound::At(bound) => member <= bound,
            LexBound::Beside(bound) => member < bound,
        }
    }
}

impl Sorted {
    /// The ranks of the scores between these two.
    pub fn ranks_of_scores(&self, min: Bound<f64>, max: Bound<f64>) -> Range<usize> {
        let start = match min {
            Bound::Unbounded => 0,
            Bound::Included(min) => self.ordered.rank_where(|entry| entry.score < min),
            Bound::Excluded(min) => self.ordered.rank_where(|entry| entry.score <= min),
        };
        let end = match max {
            Bound::Unbounded => self.len(),
            Bound::Included(max) => self.ordered.rank_where(|entry| entry.score <= max),
            Bound::Excluded(max) => self.ordered.rank_where(|entry| entry.score < max),
        };
        start..end.max(start)
    }

    /// The ranks of the members between these two, where all scores are the same. Where they are
    /// not, the range begins with the first that is not below it and ends before the first
    /// behind that which is above it.
    pub fn ranks_of_members(&self, min: LexBound<'_>, max: LexBound<'_>) -> Range<usize> {
        if !self.may_hold(min, max) {
            return 0..0;
        }
        if self.is_searched() {
            let start = self.ordered.rank_where(|entry| !min.is_under(&entry.member));
            let end = self.ordered.rank_where(|entry| max.is_over(&entry.member));
            return start..end.max(start);
        }
        let start = self.iter().take_while(|(member, _)| !min.is_under(member)).count();
        let within = self.range(start..self.len()).take_while(|(member, _)| max.is_over(member));
        start..start + within.count()
    }

    /// The same as seen from the end: where scores differ, the range ends with the last that is
    /// not above it and begins behind the last before that which is below it.
    pub fn ranks_of_members_back(&self, min: LexBound<'_>, max: LexBound<'_>) -> Range<usize> {
        if self.is_searched() || !self.may_hold(min, max) {
            return self.ranks_of_members(min, max);
        }
        let above = self.iter().rev().take_while(|(member, _)| !max.is_over(member)).count();
        let end = self.len() - above;
        let within = self.range(0..end).rev().take_while(|(member, _)| min.is_under(member));
        end - within.count()..end
    }

    /// True if the ends are the right way round, and the set reaches to both.
    fn may_hold(&self, min: LexBound<'_>, max: LexBound<'_>) -> bool {
        use LexBound::{At, Beside, Greatest, Least};
        let is_empty = match (min, max) {
            (Least, Least) | (Greatest, Greatest) => true,
            (Greatest, _) | (_, Least) => true,
            (Least, _) | (_, Greatest) => false,
            (At(min), At(max)) => min > max,
            (At(min) | Beside(min), At(max) | Beside(max)) => min >= max,
        };
        let ends = self.iter().next().zip(self.iter().next_back());
        let reaches = |((first, _), (last, _))| min.is_under(last) && max.is_over(first);
        !is_empty && ends.is_some_and(reaches)
    }

    /// True where a place may be searched for: all scores are the same, or there are too many to
    /// look at each, which nobody should ask for.
    fn is_searched(&self) -> bool {
        let ends = self.iter().next().zip(self.iter().next_back());
        self.len() > WALKED_AT_ONCE || ends.is_some_and(|((_, first), (_, last))| first == last)
    }
}
