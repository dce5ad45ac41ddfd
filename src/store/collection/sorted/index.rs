//! The members of a sorted set by hash: their scores, and an order that no change of others moves.
//!
//! A tree rather than a table: it never stops to grow, no choice of members makes it slow, and a
//! walk in the order of hashes goes on wherever it was left. Not here: hashing. Invariant: a member
//! stands in it once; in `collided` only if another member of its hash came first.

use std::collections::BTreeMap;

use super::Member;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    by_hash: BTreeMap<u64, (Member, f64)>,
    /// Members whose hash was taken: of 64 bits and a seed, that is hardly ever any.
    collided: Vec<(Member, f64)>,
}

impl Index {
    pub(super) fn find(&self, hash: u64, member: &[u8]) -> Option<(&Member, f64)> {
        let is_it = |held: &&(Member, f64)| *held.0 == *member;
        let found = self.by_hash.get(&hash).filter(is_it);
        let found = found.or_else(|| self.collided.iter().find(is_it))?;
        Some((&found.0, found.1))
    }

    /// Gives a member a score, whether it is there or not.
    pub(super) fn set(&mut self, hash: u64, member: &Member, score: f64) {
        if let Some(held) = self.collided.iter_mut().find(|held| held.0 == *member) {
            held.1 = score;
            return;
        }
        let held = self.by_hash.entry(hash).or_insert_with(|| (member.clone(), score));
        if held.0 == *member {
            held.1 = score;
        } else {
            self.collided.push((member.clone(), score));
        }
    }

    pub(super) fn remove(&mut self, hash: u64, member: &[u8]) {
        if self.by_hash.get(&hash).is_some_and(|held| *held.0 == *member) {
            self.by_hash.remove(&hash);
        } else {
            self.collided.retain(|held| *held.0 != *member);
        }
    }

    /// See [`Sorted::walk`](super::Sorted::walk); the cursor is the least hash not yet seen.
    pub(super) fn walk(&self, cursor: u64, count: usize) -> (u64, Vec<(&[u8], f64)>) {
        fn shown(held: &(Member, f64)) -> (&[u8], f64) {
            (&held.0, held.1)
        }
        let mut rest = self.by_hash.range(cursor..);
        let mut page: Vec<_> = rest.by_ref().take(count).map(|(_, held)| shown(held)).collect();
        // 0 would begin anew: the member of this hash, if any, was in the first page.
        let next = rest.next().map_or(0, |(hash, _)| *hash);
        if next == 0 {
            page.extend(self.collided.iter().map(shown));
        }
        (next, page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str) -> Member {
        name.as_bytes().into()
    }

    #[test]
    fn members_of_one_hash_are_told_apart() {
        let mut index = Index::default();
        for (name, score) in [("a", 1.0), ("b", 2.0), ("c", 3.0), ("b", 4.0), ("a", 5.0)] {
            index.set(7, &member(name), score);
        }
        let scores = |index: &Index| {
            ["a", "b", "c"].map(|name| index.find(7, name.as_bytes()).map(|(_, score)| score))
        };
        assert_eq!(scores(&index), [Some(5.0), Some(4.0), Some(3.0)]);
        assert_eq!(index.walk(0, 10).1.len(), 3);
        index.remove(7, b"a");
        assert_eq!(scores(&index), [None, Some(4.0), Some(3.0)]);
        index.set(7, &member("c"), 6.0);
        index.set(7, &member("a"), 7.0);
        assert_eq!(scores(&index), [Some(7.0), Some(4.0), Some(6.0)]);
        index.remove(7, b"b");
        index.remove(7, b"c");
        assert_eq!(scores(&index), [Some(7.0), None, None]);
        assert_eq!(index.walk(0, 10), (0, vec![(&b"a"[..], 7.0)]));
    }

    #[test]
    fn a_walk_goes_on_whatever_was_added_and_removed_behind_it() {
        let mut index = Index::default();
        let name = |n: u64| member(&n.to_string());
        (0..100).for_each(|n| index.set(n * 10, &name(n), 0.0));
        let (mut cursor, mut seen) = (0, Vec::new());
        loop {
            let (next, page) = index.walk(cursor, 7);
            seen.extend(page.into_iter().map(|(member, _)| member.to_vec()));
            if next == 0 {
                break;
            }
            (0..next / 10 / 2).for_each(|n| index.remove(n * 10, &name(n)));
            index.set(next - 1, &name(1000 + next), 0.0);
            cursor = next;
        }
        let expected: Vec<Vec<u8>> = (0..100).map(|n| name(n).to_vec()).collect();
        assert_eq!(seen, expected);
    }
}
