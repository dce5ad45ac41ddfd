//! Sorted sets against a model: whatever is done, all that can be asked is the same.

use std::collections::BTreeMap;
use std::ops::Bound;

use proptest::prelude::*;

use super::super::Steps;
use super::*;

fn empty() -> Sorted {
    Sorted::empty(&SeedableRandomState::fixed())
}

fn edit<R>(sorted: &mut Sorted, act: impl FnOnce(&mut Edit<'_, Sorted>) -> R) -> R {
    act(&mut Edit::new(sorted, None))
}

fn name(number: u16) -> Vec<u8> {
    number.to_string().into_bytes()
}

/// A member's bytes and its score.
type Model = BTreeMap<Vec<u8>, f64>;

fn rising(model: &Model) -> Vec<(&[u8], f64)> {
    let mut all: Vec<_> = model.iter().map(|(member, score)| (&**member, *score)).collect();
    all.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap().then(a.0.cmp(b.0)));
    all
}

#[derive(Clone, Debug)]
enum Act {
    Insert(u16, f64),
    Append(u16),
    Remove(u16),
    RemoveRange(usize, usize),
    TrimTo(usize),
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => (-20..20_i8).prop_map(f64::from),
        4 => any::<i32>().prop_map(f64::from),
        1 => Just(-0.0),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        20 => (0..3000_u16, score()).prop_map(|(number, score)| Act::Insert(number, score)),
        20 => (0..3000_u16).prop_map(Act::Append),
        10 => (0..3000_u16).prop_map(Act::Remove),
        1 => (0..2000_usize, 0..700_usize).prop_map(|(at, count)| Act::RemoveRange(at, count)),
        1 => (0..300_usize).prop_map(Act::TrimTo),
    ]
}

fn run(sorted: &mut Edit<'_, Sorted>, model: &mut Model, clock: &mut f64, act: &Act) {
    match *act {
        Act::Insert(number, score) => {
            let old = sorted.insert(&name(number), score);
            assert_eq!(old, model.insert(name(number), score));
        }
        Act::Append(number) => {
            *clock += 1.0;
            assert_eq!(sorted.insert(&name(number), *clock), model.insert(name(number), *clock));
        }
        Act::Remove(number) => {
            assert_eq!(sorted.remove(&name(number)), model.remove(&name(number)));
        }
        Act::RemoveRange(at, count) => remove(sorted, model, at..at + count),
        Act::TrimTo(count) => remove(sorted, model, 0..sorted.len().saturating_sub(count)),
    }
}

fn remove(sorted: &mut Edit<'_, Sorted>, model: &mut Model, ranks: Range<usize>) {
    let all: Vec<Vec<u8>> = rising(model).into_iter().map(|(member, _)| member.to_vec()).collect();
    let ranks = ranks.start.min(all.len())..ranks.end.min(all.len());
    assert_eq!(sorted.remove_range(ranks.clone()), ranks.len());
    all[ranks].iter().for_each(|member| assert!(model.remove(member).is_some()));
}

/// Compares what the set tells with what the model says.
fn check(sorted: &Sorted, model: &Model) {
    let all = rising(model);
    assert_eq!(sorted.len(), all.len());
    assert_eq!(sorted.iter().collect::<Vec<_>>(), all);
    assert!(sorted.iter().rev().eq(all.iter().rev().copied()));
    for (rank, (member, score)) in all.iter().enumerate() {
        assert_eq!((sorted.rank(member), sorted.score(member)), (Some(rank), Some(*score)));
    }
    assert_eq!((sorted.rank(b"none"), sorted.score(b"none")), (None, None));
    for (from, to) in [(0, 1), (3, 9), (500, 520), (0, 5000), (700, 3), (9000, 9001)] {
        let ranks = from..to;
        let within = all.get(ranks.start..ranks.end.min(all.len())).unwrap_or_default();
        assert_eq!(sorted.range(ranks.clone()).collect::<Vec<_>>(), within);
        assert!(sorted.range(ranks).rev().eq(within.iter().rev().copied()));
    }
    for (min, max) in [(-3.0, 4.0), (0.0, 0.0), (f64::NEG_INFINITY, 1e3), (5.0, -5.0)] {
        let from = all.partition_point(|(_, score)| *score < min);
        let past = all.partition_point(|(_, score)| *score <= max).max(from);
        let ranks = sorted.ranks_of_scores(Bound::Included(min), Bound::Included(max));
        assert_eq!(ranks, from..past);
        let inner = all.iter().filter(|(_, score)| *score > min && *score < max).count();
        let ranks = sorted.ranks_of_scores(Bound::Excluded(min), Bound::Excluded(max));
        assert_eq!(ranks.len(), inner);
    }
    let bytes: usize = all.iter().map(|(member, _)| cost(member)).sum();
    assert_eq!(sorted.bytes, bytes);
    assert_eq!(sorted.ordered.iter().count(), sorted.ordered.len());
    let walked = walk(sorted, 10);
    assert_eq!(walked, all.iter().map(|(member, score)| (member.to_vec(), *score)).collect());
}

fn walk(sorted: &Sorted, count: usize) -> Model {
    let (mut cursor, mut seen) = (0, Model::new());
    loop {
        let (next, page) = sorted.walk(cursor, count);
        seen.extend(page.into_iter().map(|(member, score)| (member.to_vec(), score)));
        cursor = next;
        if cursor == 0 {
            return seen;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_set_tells_what_a_sorted_map_tells_and_steps_lead_back(
        before in prop::collection::vec(act(), 0..1500),
        undone in prop::collection::vec(act(), 0..300),
    ) {
        let (mut sorted, mut model, mut clock) = (empty(), Model::new(), 0.0);
        for act in &before {
            edit(&mut sorted, |sorted| run(sorted, &mut model, &mut clock, act));
        }
        check(&sorted, &model);
        let (was, mut after) = (model.clone(), model.clone());
        let mut steps = Steps::default();
        for act in &undone {
            run(&mut Edit::new(&mut sorted, Some(&mut steps)), &mut after, &mut clock, act);
        }
        check(&sorted, &after);
        for step in steps.back() {
            let super::super::Step::Sorted(step) = step else { panic!("another kind") };
            sorted.take_back(step);
        }
        check(&sorted, &was);
    }

    #[test]
    fn members_of_one_score_lie_between_two_as_each_compared_says(
        numbers in prop::collection::btree_set(0..400_u16, 0..200),
        low in 0..400_u16, high in 0..400_u16, is_beside: (bool, bool),
    ) {
        let mut sorted = empty();
        for number in &numbers {
            edit(&mut sorted, |sorted| sorted.insert(&name(*number), 1.0));
        }
        let (low, high) = (name(low), name(high));
        let min = if is_beside.0 { LexBound::Beside(&low) } else { LexBound::At(&low) };
        let max = if is_beside.1 { LexBound::Beside(&high) } else { LexBound::At(&high) };
        let is_within = |member: &[u8]| {
            (member > &*low || !is_beside.0 && member == &*low)
                && (member < &*high || !is_beside.1 && member == &*high)
        };
        let expected: Vec<&[u8]> =
            sorted.iter().map(|(member, _)| member).filter(|member| is_within(member)).collect();
        for ranks in [sorted.ranks_of_members(min, max), sorted.ranks_of_members_back(min, max)] {
            let found: Vec<&[u8]> = sorted.range(ranks).map(|(member, _)| member).collect();
            prop_assert_eq!(&found, &expected);
        }
        let all = sorted.ranks_of_members(LexBound::Least, LexBound::Greatest);
        prop_assert_eq!(all.len(), numbers.len());
        prop_assert!(sorted.ranks_of_members(LexBound::Greatest, LexBound::Least).is_empty());
    }
}

#[test]
fn zeros_are_one_score_and_infinities_stand_at_the_ends() {
    let mut sorted = empty();
    for (member, score) in
        [(b"c", -0.0), (b"b", 0.0), (b"z", f64::NEG_INFINITY), (b"a", f64::INFINITY)]
    {
        edit(&mut sorted, |sorted| sorted.insert(member, score));
    }
    let members: Vec<&[u8]> = sorted.iter().map(|(member, _)| member).collect();
    assert_eq!(members, [b"z", b"b", b"c", b"a"]);
    assert!(sorted.score(b"c").unwrap().is_sign_positive());
}

#[test]
fn a_log_that_is_trimmed_at_every_hit_stays_small_and_in_few_chunks() {
    let mut sorted = empty();
    let mut most = 0;
    for hit in 0..20_000_u32 {
        let (len, member) = (sorted.len(), format!("{hit}"));
        edit(&mut sorted, |sorted| {
            sorted.remove_range(0..len.saturating_sub(99));
            sorted.insert(member.as_bytes(), f64::from(hit))
        });
        most = most.max(sorted.ordered.room());
    }
    assert_eq!(sorted.len(), 100);
    assert!(most <= 300, "room for {most} entries");
}

#[test]
fn random_removals_leave_no_crowd_of_small_chunks() {
    let mut sorted = empty();
    for number in 0..20_000_u16 {
        edit(&mut sorted, |sorted| sorted.insert(&name(number), f64::from(number)));
    }
    for number in (0..20_000_u16).filter(|number| number % 50 != 0) {
        edit(&mut sorted, |sorted| sorted.remove(&name(number)));
    }
    assert_eq!(sorted.len(), 400);
    assert!(sorted.ordered.room() <= 1200, "room for {}", sorted.ordered.room());
}

#[test]
fn chunks_that_are_cut_down_one_after_another_are_joined() {
    const CHUNK: u16 = 512;
    let mut sorted = empty();
    for number in 0..40 * CHUNK {
        edit(&mut sorted, |sorted| sorted.insert(&name(number), f64::from(number)));
    }
    // All but the first of each, from the front: the next one is still full each time.
    for kept in 0..40 {
        let ranks = kept + 1..kept + usize::from(CHUNK);
        edit(&mut sorted, |sorted| sorted.remove_range(ranks));
    }
    assert_eq!(sorted.len(), 40);
    assert_eq!(sorted.ordered.chunk_count(), 1);
}
