//! The slots of one shard: an open-addressed index from a key's tag to its entry.
//!
//! A slot is `tag << 32 | offset`, 0 = empty; linear probing from `tag * len >> 32`, so that slots
//! lie almost in the order of their tags: a rebuild reads no key, and a scan can resume by tag
//! however the array has grown since. Invariant: slots are only ever filled, by one writer at a
//! time (under the shard's lock); at least one slot in eight is empty, so a probe ends.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::sync::AtomicU64;

/// Slots of a shard that has any.
const LEN_MIN: usize = 8;
/// Up to this length the array doubles, beyond it grows by half: less memory, same amortized cost.
const DOUBLE_UP_TO: usize = 64;

/// One shard's slots, shared with the readers of a view.
pub(super) type Slots = Arc<[AtomicU64]>;

/// What [`next`] found.
pub(super) enum Probe {
    /// An entry with this tag; probe on from `resume` if its key is another.
    Candidate {
        /// Word offset of the entry.
        offset: u32,
        /// Where to go on.
        resume: usize,
    },
    /// No further entry has this tag.
    Miss,
}

/// Where the probe for `tag` begins.
#[inline]
pub(super) fn home(slots: &[AtomicU64], tag: u32) -> usize {
    ((u64::from(tag) * slots.len() as u64) >> 32) as usize
}

/// The next entry of `tag` at or after slot `at`.
#[inline]
pub(super) fn next(slots: &[AtomicU64], tag: u32, mut at: usize) -> Probe {
    while let Some(slot) = slots.get(at) {
        let slot = slot.load(Acquire);
        if slot == 0 {
            return Probe::Miss;
        }
        at = if at + 1 == slots.len() { 0 } else { at + 1 };
        if slot >> 32 == u64::from(tag) {
            return Probe::Candidate { offset: offset_of(slot), resume: at };
        }
    }
    Probe::Miss
}

/// The low half of a slot.
#[inline]
fn offset_of(slot: u64) -> u32 {
    (slot & 0xffff_ffff) as u32
}

/// True if one more entry beside `used` ones asks for a longer array first.
pub(super) fn is_crowded(slots: &[AtomicU64], used: usize) -> bool {
    // 0.85: a miss then reads 22 slots (three cache lines) on average.
    (used + 1) * 20 > slots.len() * 17
}

/// How long the next array is.
pub(super) fn grown_len(slots: &[AtomicU64]) -> usize {
    match slots.len() {
        0 => LEN_MIN,
        len if len < DOUBLE_UP_TO => len * 2,
        len => len + len / 2,
    }
}

/// A copy of `slots` in an array of `len` slots.
pub(super) fn rebuilt(slots: &[AtomicU64], len: usize) -> Slots {
    let new: Slots = (0..len).map(|_| AtomicU64::new(0)).collect();
    for slot in slots {
        let slot = slot.load(Relaxed);
        if slot != 0 {
            publish(&new, (slot >> 32) as u32, offset_of(slot));
        }
    }
    new
}

/// Makes an entry findable; the caller holds the shard's lock and has written the entry.
pub(super) fn publish(slots: &[AtomicU64], tag: u32, offset: u32) {
    let (before, after) = slots.split_at(home(slots, tag));
    let empty = after.iter().chain(before).find(|slot| slot.load(Relaxed) == 0);
    if let Some(slot) = empty {
        slot.store(u64::from(tag) << 32 | u64::from(offset), Release);
    }
}

/// Calls `visit` with the offset of each entry at or after `place` (the upper 24 bits of a tag),
/// until it has been called `count` times and a place is reached at which the walk can be
/// resumed. Returns that place, `None` at the end. Entries that stay are visited at least once.
pub(super) fn walk(
    slots: &[AtomicU64],
    place: u32,
    count: usize,
    mut visit: impl FnMut(u32),
) -> Option<u32> {
    let from = place << 8;
    let mut visited = 0;
    for at in home(slots, from)..slots.len() * 2 {
        let slot = slots[at % slots.len()].load(Acquire);
        if slot != 0 {
            if (slot >> 32) as u32 >= from {
                visit(offset_of(slot));
                visited += 1;
            }
            continue;
        }
        if at + 1 >= slots.len() {
            // An empty slot at or behind the end: no run of slots wraps around beyond it.
            return None;
        }
        // An empty slot: every tag at home before it has been visited.
        let resume = ((at as u64 + 1) << 32).div_ceil(slots.len() as u64) >> 8;
        if visited >= count && resume > u64::from(place) {
            return u32::try_from(resume).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn filled(tags: &[u32]) -> Slots {
        let mut slots = rebuilt(&[], LEN_MIN);
        for (used, tag) in tags.iter().enumerate() {
            if is_crowded(&slots, used) {
                slots = rebuilt(&slots, grown_len(&slots));
            }
            publish(&slots, *tag, used as u32 + 1);
        }
        slots
    }

    fn offsets_of(slots: &[AtomicU64], tag: u32) -> BTreeSet<u32> {
        let mut at = home(slots, tag);
        let mut found = BTreeSet::new();
        while let Probe::Candidate { offset, resume } = next(slots, tag, at) {
            found.insert(offset);
            at = resume;
        }
        found
    }

    /// Tags that collide at the ends of the array as well as spread ones.
    fn any_tags() -> impl Strategy<Value = Vec<u32>> {
        let tag = prop_oneof![any::<u32>(), 0_u32..4, u32::MAX - 4..=u32::MAX];
        proptest::collection::vec(tag, 0..300)
    }

    proptest! {
        #[test]
        fn every_published_entry_is_found_and_no_other(tags in any_tags()) {
            let slots = filled(&tags);
            for tag in &tags {
                let expected = (1..).zip(&tags).filter(|(_, t)| *t == tag).map(|(o, _)| o).collect();
                prop_assert_eq!(offsets_of(&slots, *tag), expected);
            }
        }

        #[test]
        fn a_walk_in_steps_visits_everything_even_when_the_array_grows_between(
            tags in any_tags(), later in any_tags(), count in 1_usize..20,
        ) {
            let mut slots = filled(&tags);
            let mut seen = BTreeSet::new();
            let mut from = Some(0);
            let mut steps = 0;
            while let Some(tag) = from {
                from = walk(&slots, tag, count, |offset| { seen.insert(offset); });
                steps += 1;
                prop_assert!(steps < 1000, "the walk does not advance");
                if steps == 2 {
                    let mut all = tags.clone();
                    all.extend(&later);
                    slots = filled(&all);
                }
            }
            for offset in 1..=tags.len() as u32 {
                prop_assert!(seen.contains(&offset), "entry {offset} was skipped");
            }
        }
    }

    #[test]
    fn an_array_without_slots_misses() {
        assert!(matches!(next(&[], 7, home(&[], 7)), Probe::Miss));
        assert_eq!(walk(&[], 0, 10, |_| panic!("nothing to visit")), None);
    }
}
