use proptest::prelude::*;

use super::*;

fn at(ms: u64) -> u64 {
    ms << 16
}

fn told(to: &mut Shares, origin: u64, from: &Shares) {
    if let Some(said) = from.said() {
        to.merge(Origin(origin), &said, 1);
    }
}

#[test]
fn a_counter_of_one_node_is_what_it_would_be_without_shares() {
    let mut key = Shares::default();
    assert_eq!(key.count(10), None);
    assert_eq!(key.add(10, at(10), 5), Ok(5));
    assert_eq!(key.add(11, at(11), -7), Ok(-2));
    key.set_deadline(12, at(12), 100);
    assert_eq!((key.count(99), key.deadline_ms(99), key.count(100)), (Some(-2), 100, None));
    assert_eq!(key.add(100, at(100), 1), Ok(1));
    assert_eq!(key.deadline_ms(100), NEVER_MS);
    key.set(101, at(101), 7, 200);
    assert_eq!((key.count(101), key.deadline_ms(101)), (Some(7), 200));
    key.set_deadline(102, at(102), NEVER_MS);
    assert_eq!(key.deadline_ms(102), NEVER_MS);
    key.erase(103, at(103));
    assert_eq!((key.count(103), key.ends_ms()), (None, 103 + TOMBSTONE_MS));
}

#[test]
fn an_overflow_changes_nothing_and_a_full_side_goes_on_as_a_new_birth() {
    let mut key = Shares::default();
    assert_eq!(key.add(1, at(1), i64::MAX), Ok(i64::MAX));
    let before = key.clone();
    assert_eq!(key.add(1, at(1), 1), Err(CountOverflow));
    assert_eq!(key, before);
    for _ in 0..5 {
        assert_eq!(key.add(1, at(1), -i64::MAX), Ok(0));
        assert_eq!(key.add(1, at(1), i64::MAX), Ok(i64::MAX));
    }
    let mut other = Shares::default();
    told(&mut other, 1, &key);
    assert_eq!(other.count(1), Some(i64::MAX));
}

#[test]
fn concurrent_creators_add_up_and_end_each_at_its_own_time() {
    let (mut a, mut b) = (Shares::default(), Shares::default());
    a.set(10, at(10), 3, 70);
    b.set(12, at(12), 4, 72);
    told(&mut a, 2, &b);
    told(&mut b, 1, &a);
    assert_eq!((a.count(20), b.count(20)), (Some(7), Some(7)));
    assert_eq!((a.deadline_ms(20), a.count(71), b.count(71)), (72, Some(4), Some(4)));
    assert_eq!((a.count(72), b.count(72)), (None, None));
}

#[test]
fn what_is_added_to_a_living_key_ends_with_it() {
    let (mut a, mut b) = (Shares::default(), Shares::default());
    assert_eq!(a.add(10, at(10), 1), Ok(1));
    a.set_deadline(10, at(10), 70);
    told(&mut b, 1, &a);
    assert_eq!((b.add(20, at(20), 1), b.deadline_ms(20)), (Ok(2), 70));
    told(&mut a, 2, &b);
    assert_eq!((a.count(69), a.count(70)), (Some(2), None));
}

#[test]
fn a_deadline_that_was_not_known_yet_still_ends_what_was_added() {
    let (mut a, mut b) = (Shares::default(), Shares::default());
    assert_eq!(a.add(10, at(10), 1), Ok(1));
    told(&mut b, 1, &a);
    a.set_deadline(10, at(10) + 1, 70);
    // Two, so that the client leaves the deadline alone.
    assert_eq!(b.add(12, at(12), 1), Ok(2));
    assert_eq!(b.deadline_ms(12), NEVER_MS);
    told(&mut b, 1, &a);
    told(&mut a, 2, &b);
    assert_eq!((a.deadline_ms(13), b.deadline_ms(13)), (70, 70));
    assert_eq!((a.count(70), b.count(70)), (None, None));
}

#[test]
fn an_erasure_wins_over_what_was_added_before_it() {
    let (mut a, mut b) = (Shares::default(), Shares::default());
    a.set(10, at(10), 5, NEVER_MS);
    told(&mut b, 1, &a);
    assert_eq!(b.add(11, at(11), 1), Ok(6));
    b.erase(12, at(12));
    assert_eq!(b.count(12), None);
    // Not heard of yet: it goes on, and is void all the same.
    assert_eq!(a.add(11, at(11), 1), Ok(6));
    told(&mut a, 2, &b);
    told(&mut b, 1, &a);
    assert_eq!((a.count(13), b.count(13)), (None, None));
    assert_eq!(a.add(14, at(14), 1), Ok(1));
    told(&mut b, 1, &a);
    assert_eq!(b.count(14), Some(1));
}

#[test]
fn the_old_life_of_a_key_does_not_end_or_revive_the_new() {
    let (mut a, mut b) = (Shares::default(), Shares::default());
    a.set(10, at(10), 9, 70);
    told(&mut b, 1, &a);
    assert_eq!(b.add(20, at(20), 1), Ok(10));
    // 70 has passed here, not yet where the clock lags: what it adds belongs to the old life.
    assert_eq!(a.add(71, at(71), 1), Ok(1));
    a.set_deadline(71, at(71), 131);
    assert_eq!(b.add(69, at(69), 1), Ok(11));
    told(&mut a, 2, &b);
    assert_eq!((a.count(71), a.deadline_ms(71)), (Some(1), 131));
    told(&mut b, 1, &a);
    assert_eq!((b.count(70), b.deadline_ms(70)), (Some(1), 131));
}

#[test]
fn who_lags_moves_no_end_that_has_passed_where_it_is_told() {
    // Its clock is 20 behind: when it says 60 the end is past where it says 80.
    let lagging = |now_ms: u64, behind_ms: u64| {
        let (mut a, mut b) = (Shares::default(), Shares::default());
        a.set(10, at(10), 5, 70);
        told(&mut b, 1, &a);
        assert_eq!(b.add(now_ms, at(now_ms), 1), Ok(6));
        b.set_deadline(now_ms, at(now_ms), now_ms + 60);
        let said = b.said().unwrap();
        let is_kept = a.keep_ended(now_ms + 20, at(now_ms + 20), &said, behind_ms);
        a.merge(Origin(2), &said, 1);
        (a, b, is_kept)
    };
    let (mut a, mut b, is_kept) = lagging(60, 20);
    assert_eq!((is_kept, a.count(80)), (true, None));
    told(&mut b, 1, &a);
    assert_eq!((b.count(61), b.add(61, at(61), 1)), (None, Ok(1)));
    told(&mut a, 2, &b);
    assert_eq!((a.count(81), a.deadline_ms(81)), (Some(1), b.deadline_ms(61)));
    // Just in time, and late on its way from a clock that is right.
    for (now_ms, behind_ms) in [(49, 20), (60, 0), (60, 9)] {
        let (a, b, is_kept) = lagging(now_ms, behind_ms);
        assert_eq!((is_kept, a.count(now_ms + 20)), (false, Some(6)), "{now_ms} {behind_ms}");
        assert_eq!(a.deadline_ms(now_ms + 20), b.deadline_ms(now_ms));
    }
}

#[test]
fn a_deadline_counts_where_the_one_before_it_was_lost() {
    let (mut a, mut b) = (Shares::default(), Shares::default());
    a.set(1, at(1), 2, 10);
    told(&mut b, 1, &a);
    b.set_deadline(5, at(5), 60);
    b.set_deadline(30, at(30), 90);
    told(&mut a, 2, &b);
    assert_eq!((a.count(31), a.deadline_ms(31)), (Some(2), 90));
    assert_eq!((b.count(31), b.deadline_ms(31)), (Some(2), 90));
}

#[test]
fn the_deadline_of_an_erased_life_drops_nothing_of_the_next() {
    let (mut a, mut b) = (Shares::default(), Shares::default());
    assert_eq!(a.add(1, at(1), 5), Ok(5));
    a.set_deadline(2, at(2), 100);
    a.erase(3, at(3));
    told(&mut b, 1, &a);
    assert_eq!(b.add(4, at(4), 7), Ok(7));
    told(&mut a, 2, &b);
    a.prune(200);
    assert_eq!((a.count(200), b.count(200)), (Some(7), Some(7)));
}

#[test]
fn an_ended_life_is_inherited_once() {
    let (mut a, mut b) = (Shares::default(), Shares::default());
    assert_eq!(a.add(1, at(1), 5), Ok(5));
    told(&mut b, 1, &a);
    a.bequeath(Origin(1));
    assert_eq!(a.add(2, at(2), 1), Ok(6));
    told(&mut b, 7, &a);
    assert_eq!((a.count(3), b.count(3)), (Some(6), Some(6)));
}

#[derive(Clone, Debug)]
enum Step {
    Add(usize, i64),
    Set(usize, i64, Option<u64>),
    Expire(usize, Option<u64>),
    Erase(usize),
    /// What a node says is on its way from now on; it may arrive often, late, or never.
    Say(usize),
    Hear(usize, usize),
    Pass(u64),
}

const NODES: usize = 3;

fn step() -> impl Strategy<Value = Step> {
    let node = 0..NODES;
    let life = proptest::option::weighted(0.8, 1_u64..60);
    prop_oneof![
        5 => (node.clone(), -3..9_i64).prop_map(|(node, by)| Step::Add(node, by)),
        1 => (node.clone(), -3..9_i64, life.clone()).prop_map(|(n, to, life)| Step::Set(n, to, life)),
        2 => (node.clone(), life).prop_map(|(node, life)| Step::Expire(node, life)),
        1 => node.clone().prop_map(Step::Erase),
        5 => node.clone().prop_map(Step::Say),
        6 => (node, 0..64_usize).prop_map(|(node, which)| Step::Hear(node, which)),
        3 => (1_u64..20).prop_map(Step::Pass),
    ]
}

/// What is held, without who holds it.
fn view(node: usize, key: &Shares) -> Vec<(usize, Share)> {
    let who = |origin: Option<Origin>| {
        origin.map_or(node, |origin| usize::try_from(origin.0).expect("a node's number"))
    };
    let mut all: Vec<_> = key.each().map(|(origin, _, said)| (who(origin), said.share)).collect();
    all.retain(|(_, share)| share.holds);
    all.sort_by_key(|(who, _)| *who);
    all
}

proptest! {
    /// L1, L3: nodes that have heard the last of each other see the same, now and at each later
    /// time, whatever was lost, repeated or late on the way.
    #[test]
    fn nodes_that_have_heard_each_other_agree(steps in proptest::collection::vec(step(), 1..60)) {
        let mut nodes = vec![Shares::default(); NODES];
        let mut said: Vec<(usize, ShareSaid)> = Vec::new();
        let mut now_ms = 1_000;
        let mut stamp = at(now_ms);
        for step in steps {
            stamp = (stamp + 1).max(at(now_ms));
            let exists = |node: &Shares| node.count(now_ms).is_some();
            let until = |life: Option<u64>| life.map_or(NEVER_MS, |life| now_ms + life);
            match step {
                Step::Add(node, by) => {
                    let before = nodes[node].count(now_ms).unwrap_or(0);
                    prop_assert_eq!(nodes[node].add(now_ms, stamp, by), Ok(before + by));
                    prop_assert_eq!(nodes[node].count(now_ms), Some(before + by));
                }
                Step::Set(node, to, life) => {
                    nodes[node].set(now_ms, stamp, to, until(life));
                    prop_assert_eq!(nodes[node].count(now_ms), Some(to));
                    prop_assert_eq!(nodes[node].deadline_ms(now_ms), until(life));
                }
                Step::Expire(node, life) if exists(&nodes[node]) => {
                    let before = nodes[node].count(now_ms);
                    nodes[node].set_deadline(now_ms, stamp, until(life));
                    prop_assert_eq!(nodes[node].count(now_ms), before);
                    prop_assert_eq!(nodes[node].deadline_ms(now_ms), until(life));
                }
                Step::Erase(node) if exists(&nodes[node]) => {
                    nodes[node].erase(now_ms, stamp);
                    prop_assert_eq!(nodes[node].count(now_ms), None);
                }
                Step::Expire(..) | Step::Erase(_) => {}
                Step::Say(node) => said.extend(nodes[node].said().map(|words| (node, words))),
                Step::Hear(node, which) => {
                    if let Some((from, words)) = said.get(which % said.len().max(1)).copied()
                        && from != node
                    {
                        nodes[node].merge(Origin(from as u64), &words, 1);
                    }
                }
                Step::Pass(ms) => now_ms += ms,
            }
        }
        // What is heard last may make an owner speak again.
        for _ in 0..3 {
            let words: Vec<_> = nodes.iter().map(Shares::said).collect();
            for (to, node) in nodes.iter_mut().enumerate() {
                for (from, words) in words.iter().enumerate().filter(|(from, _)| *from != to) {
                    words.iter().for_each(|words| {
                        node.merge(Origin(from as u64), words, 1);
                    });
                }
            }
        }
        for (number, node) in nodes.iter().enumerate() {
            prop_assert_eq!(view(number, node), view(0, &nodes[0]));
            for later_ms in now_ms..now_ms + 80 {
                prop_assert_eq!(node.count(later_ms), nodes[0].count(later_ms));
                let deadlines = (node.deadline_ms(later_ms), nodes[0].deadline_ms(later_ms));
                prop_assert_eq!(deadlines.0, deadlines.1);
            }
        }
    }
}
