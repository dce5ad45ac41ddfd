//! Hashes changed and taken back, small and large.

use std::hash::BuildHasher;

use proptest::prelude::*;

use super::super::{Step as AnyStep, Steps};
use super::*;

fn seed() -> SeedableRandomState {
    SeedableRandomState::fixed()
}

fn hash_of(count: usize) -> Hash {
    let mut hash = Hash::empty(&seed());
    let mut edit = Edit::new(&mut hash, None);
    for number in 0..count {
        edit.set(number.to_string().as_bytes(), b"value");
    }
    hash
}

fn fields(hash: &Hash) -> Vec<(Vec<u8>, Vec<u8>)> {
    hash.iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect()
}

fn take_all_back(hash: &mut Hash, steps: Steps) {
    for step in steps.back() {
        let AnyStep::Hash(step) = step else { panic!("a step of another kind") };
        hash.take_back(step);
    }
}

proptest! {
    #[test]
    fn taken_back_a_hash_is_what_it_was_with_its_order(
        count in prop_oneof![0..9_usize, 505..520_usize],
        acts in prop::collection::vec((any::<bool>(), 0..530_usize), 0..60),
    ) {
        let mut hash = hash_of(count);
        let (was, bytes) = (fields(&hash), hash.bytes);
        let mut steps = Steps::default();
        let mut edit = Edit::new(&mut hash, Some(&mut steps));
        for (sets, number) in acts {
            let field = number.to_string();
            if sets {
                edit.set(field.as_bytes(), b"another value");
            } else {
                edit.remove(field.as_bytes());
            }
        }
        let held: usize = hash.iter().map(|(field, value)| cost(field, value)).sum();
        prop_assert_eq!(hash.bytes, held);
        take_all_back(&mut hash, steps);
        prop_assert_eq!(fields(&hash), was);
        prop_assert_eq!(hash.bytes, bytes);
    }

    #[test]
    fn a_walk_downwards_misses_no_field_that_stays(
        removed in prop::collection::vec(0..600_usize, 0..300),
        pages in 1..40_usize,
    ) {
        let mut hash = hash_of(600);
        let mut seen = std::collections::HashSet::new();
        let mut removals = removed.iter();
        let mut end = hash.len();
        while end > 0 {
            let start = end.saturating_sub(600 / pages);
            seen.extend(hash.range(start..end).map(|(field, _)| field.to_vec()));
            let mut edit = Edit::new(&mut hash, None);
            for number in removals.by_ref().take(1 + removed.len() / pages) {
                edit.remove(number.to_string().as_bytes());
            }
            edit.set(format!("new {end}").as_bytes(), b"");
            end = start.min(hash.len());
        }
        for number in (0..600).filter(|number| !removed.contains(number)) {
            prop_assert!(seen.contains(number.to_string().as_bytes()), "{number}");
        }
    }
}

#[test]
fn a_small_hash_keeps_the_order_in_which_its_fields_came() {
    let mut hash = hash_of(ORDERED_FIELDS_MAX);
    let mut edit = Edit::new(&mut hash, None);
    assert!(edit.remove(b"3"));
    assert!(!edit.remove(b"3"));
    assert!(!edit.set(b"2", b"changed"));
    assert!(edit.set(b"3", b"new"));
    let names: Vec<_> = hash.iter().map(|(field, _)| field.to_vec()).collect();
    let mut expected: Vec<_> = (0..ORDERED_FIELDS_MAX).map(|n| n.to_string().into()).collect();
    let third: Vec<u8> = expected.remove(3);
    expected.push(third);
    assert_eq!(names, expected);
    assert_eq!(hash.at(2), Some((&b"2"[..], &b"changed"[..])));
}

#[test]
fn removing_from_a_large_hash_moves_one_field() {
    let mut hash = hash_of(ORDERED_FIELDS_MAX + 2);
    Edit::new(&mut hash, None).remove(b"3");
    let last = (ORDERED_FIELDS_MAX + 1).to_string();
    assert_eq!(hash.at(3).map(|(field, _)| field), Some(last.as_bytes()));
    assert_eq!(hash.at(4).map(|(field, _)| field), Some(&b"4"[..]));
}

#[test]
fn a_hash_that_was_large_gives_its_places_back() {
    let mut hash = hash_of(20_000);
    let mut edit = Edit::new(&mut hash, None);
    (10..20_000).for_each(|number| assert!(edit.remove(number.to_string().as_bytes())));
    assert!(hash.fields.capacity() <= 2 * PLACES_FEW, "{}", hash.fields.capacity());
    assert_eq!(hash.len(), 10);
}

#[test]
fn the_same_fields_are_the_same_hash_whatever_their_order_and_seed() {
    let mut other = Hash::empty(&SeedableRandomState::random());
    let mut edit = Edit::new(&mut other, None);
    edit.set(b"1", b"value");
    edit.set(b"0", b"value");
    assert_ne!(seed().hash_one(1), SeedableRandomState::random().hash_one(1));
    assert_eq!(hash_of(2), other);
    assert_ne!(hash_of(3), other);
}
