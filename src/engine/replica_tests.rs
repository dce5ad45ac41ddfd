//! Replication below the network: engines that hand each other their items.

use proptest::prelude::*;

use super::*;
use crate::config::MemoryPolicy;
use crate::engine::{Charge, Hit, Options};
use crate::limiter::gcra::Quota;
use crate::limiter::{Kind, Scale};

#[path = "urgent_tests.rs"]
mod urgent;

const NOW: u64 = 1_790_000_000_123;
const LIVE: Freshness = Freshness::Live { sent_ms: NOW, behind_ms: 0 };

fn engine(node: u64) -> Engine {
    let engine = Engine::new(Options {
        // Table seeds differ between nodes, as in a cluster.
        seed: node * 77,
        stamp_tag: u16::try_from(node).unwrap(),
        memory_limit_bytes: u64::MAX,
        policy: MemoryPolicy::NoEviction,
        track_changes: true,
    });
    engine.replicate(Origin(node), 0);
    engine
}

fn series(kind: Kind, ms: u64) -> Series {
    Series { kind, scale: Scale::new(ms).unwrap() }
}

fn minute() -> Series {
    series(Kind::Fixed, 60_000)
}

fn hit(engine: &Engine, key: &str, n: u64) -> u64 {
    let charge = Charge { series: minute(), increment: n, limit: 100 };
    let verdict = engine.hit(&mut engine.reader(), NOW, key.as_bytes(), &charge, Hit::Always);
    verdict.unwrap().count
}

fn get(engine: &Engine, key: &str) -> u64 {
    engine.get(&mut engine.reader(), NOW, key.as_bytes(), minute())
}

fn changes(engine: &Engine) -> Vec<Item> {
    let mut items = Vec::new();
    while engine.publish(NOW, false, usize::MAX, &mut |item| items.push(item)) {}
    items
}

/// Hands over what `from` has to say, as datagram `dseq`.
fn tell(from: &Engine, to: &[&Engine], dseq: u64) -> Vec<Item> {
    let items = changes(from);
    from.carried(dseq, &items);
    for to in to {
        for item in &items {
            to.merge(NOW, from.origin(), dseq, item, LIVE);
        }
    }
    items
}

/// All that `from` holds, newer than nothing.
fn sync(from: &Engine, to: &Engine) {
    let me = to.origin();
    let wants = |origin: Origin| (origin != me).then_some(0);
    let mut place = None;
    loop {
        place = from.scan_since(&wants, place, 100, &mut |origin, version, item| {
            to.merge(NOW, origin, version, &item, Freshness::Bulk);
        });
        if place.is_none() {
            return;
        }
    }
}

#[test]
fn what_one_node_counts_others_add_once_however_often_they_hear_it() {
    let (a, b) = (engine(1), engine(2));
    hit(&a, "k", 5);
    hit(&b, "k", 2);
    let items = tell(&a, &[&b, &b], 1);
    assert_eq!(items.len(), 1);
    assert_eq!(b.merge(NOW, a.origin(), 1, &items[0], LIVE), Merged::Known);
    assert_eq!(hit(&b, "k", 1), 8);
    tell(&b, &[&a], 1);
    assert_eq!(get(&a, "k"), 8);
    assert_eq!(changes(&a), [], "what was merged is not sent on");
}

#[test]
fn a_key_hit_elsewhere_only_is_a_key_here() {
    let (a, b) = (engine(1), engine(2));
    hit(&a, "k", 5);
    tell(&a, &[&b], 1);
    let reader = &mut b.reader();
    assert!(b.is_counted(reader, NOW, b"k", &b.series(NOW)));
    assert_eq!(b.key_count(NOW), 1);
    assert_eq!(b.scan(NOW, &mut b.whole(NOW), 0, 10).keys, [b"k".to_vec()]);
}

#[test]
fn refunds_merge_and_are_given_back_by_whoever_sees_the_count() {
    let (a, b) = (engine(1), engine(2));
    hit(&a, "k", 5);
    tell(&a, &[&b], 1);
    assert_eq!(b.refund(&mut b.reader(), NOW, b"k", minute(), 4), 1);
    tell(&b, &[&a], 1);
    assert_eq!((get(&a, "k"), hit(&a, "k", 1)), (1, 2));
    tell(&a, &[&b], 2);
    assert_eq!(get(&b, "k"), 2);
}

#[test]
fn a_set_or_reset_wins_over_what_was_counted_before_it() {
    let (a, b) = (engine(1), engine(2));
    hit(&a, "k", 5);
    hit(&b, "k", 7);
    let old = changes(&b);
    a.set(&mut a.reader(), NOW, b"k", minute(), 3).unwrap();
    tell(&a, &[&b], 1);
    // The old hits arrive after the SET that overtook them.
    a.merge(NOW, b.origin(), 1, &old[0], LIVE);
    assert_eq!((get(&a, "k"), get(&b, "k")), (3, 3));
    hit(&b, "k", 1);
    tell(&b, &[&a], 2);
    assert_eq!((get(&a, "k"), get(&b, "k")), (4, 4));
    assert_eq!(b.reset(&mut b.reader(), NOW, b"k", [minute()]), 1);
    tell(&b, &[&a], 3);
    assert_eq!((get(&a, "k"), a.key_count(NOW)), (0, 0));
}

#[test]
fn a_set_of_a_counter_that_is_not_here_yet_still_wins() {
    for count in [0, 7] {
        let (a, b) = (engine(1), engine(2));
        hit(&a, "k", 5);
        let earlier = changes(&a);
        b.set(&mut b.reader(), NOW + 1, b"k", minute(), count).unwrap();
        tell(&b, &[&a], 1);
        for item in &earlier {
            b.merge(NOW, a.origin(), 1, item, LIVE);
        }
        assert_eq!((get(&a, "k"), get(&b, "k")), (count, count));
        hit(&a, "k", 2);
        tell(&a, &[&b], 2);
        assert_eq!((get(&a, "k"), get(&b, "k")), (count + 2, count + 2));
    }
}

#[test]
fn a_reset_of_a_counter_that_is_not_here_yet_still_wins() {
    let (a, b) = (engine(1), engine(2));
    hit(&a, "k", 5);
    let late = changes(&a);
    b.reset(&mut b.reader(), NOW, b"k", [minute()]);
    tell(&b, &[&a], 1);
    b.merge(NOW, a.origin(), 1, &late[0], LIVE);
    assert_eq!((get(&a, "k"), get(&b, "k")), (0, 0));
    assert_eq!(hit(&b, "k", 2), 2);
    tell(&b, &[&a], 2);
    assert_eq!(get(&a, "k"), 2);
}

#[test]
fn a_reset_of_all_scales_reaches_series_that_are_learned_of_later() {
    let (a, b) = (engine(1), engine(2));
    hit(&a, "k", 5);
    let late = changes(&a);
    b.increment(&mut b.reader(), NOW, b"other", minute(), 1).unwrap();
    b.reset_all(&mut b.reader(), NOW + 1, b"k");
    b.merge(NOW, a.origin(), 1, &late[0], LIVE);
    assert_eq!(get(&b, "k"), 0);
    tell(&b, &[&a], 1);
    assert_eq!(get(&a, "k"), 0);
    assert_eq!(hit(&a, "k", 1), 1);
}

#[test]
fn windows_out_of_bounds_are_refused() {
    let (a, b) = (engine(1), engine(2));
    hit(&a, "k", 5);
    let item = &changes(&a)[0];
    let end = (NOW / 60_000 + 1) * 60_000;
    let start = end - 60_000;
    for (now, merged) in [
        (start - CLOCKS_APART_MS - 1, Merged::Ended),
        (start - CLOCKS_APART_MS, Merged::Refused { until_ms: end }),
        (start - AHEAD_MS - 1, Merged::Refused { until_ms: end }),
        (start - AHEAD_MS, Merged::Raised),
        (end + LATE_MS - 1, Merged::Known),
        (end + LATE_MS, Merged::Ended),
    ] {
        assert_eq!(b.merge(now, a.origin(), 1, item, LIVE), merged, "at {now}");
    }
}

#[test]
fn a_node_without_memory_says_until_when_it_is_incomplete() {
    let (a, b) = (engine(1), engine(2));
    hit(&a, "k", 5);
    b.set_memory_limit(0);
    let until_ms = (NOW / 60_000 + 1) * 60_000;
    let item = &changes(&a)[0];
    assert_eq!(b.merge(NOW, a.origin(), 1, item, LIVE), Merged::Refused { until_ms });
}

#[test]
fn a_new_life_keeps_the_old_ones_counts_apart() {
    let (a, b) = (engine(1), engine(2));
    hit(&a, "k", 5);
    tell(&a, &[&b], 1);
    hit(&a, "k", 2);
    a.renew(NOW, Origin(11));
    assert_eq!(get(&a, "k"), 7);
    hit(&a, "k", 1);
    tell(&a, &[&b], 1);
    assert_eq!(get(&b, "k"), 6, "two hits of the old life were never told");
    sync(&a, &b);
    assert_eq!((get(&a, "k"), get(&b, "k")), (8, 8));
    assert_eq!(a.digest(Origin(1), NOW), b.digest(Origin(1), NOW));
}

#[test]
fn a_new_life_leaves_what_was_reset_as_it_was_told() {
    let (a, b) = (engine(1), engine(2));
    hit(&a, "k", 5);
    a.reset(&mut a.reader(), NOW, b"k", [minute()]);
    tell(&a, &[&b], 1);
    a.renew(NOW, Origin(11));
    assert_ne!(b.digest(Origin(1), NOW), 0);
    assert_eq!(a.digest(Origin(1), NOW), b.digest(Origin(1), NOW));
}

#[test]
fn a_flush_here_asks_for_a_new_life_and_a_flush_elsewhere_empties() {
    let (a, b) = (engine(1), engine(2));
    hit(&a, "k", 5);
    tell(&a, &[&b], 1);
    assert!(!a.take_fallen());
    a.flush(NOW);
    assert!(a.take_fallen() && !a.take_fallen());
    a.renew(NOW, Origin(11));
    assert_eq!(changes(&a), []);
    b.flush_by(NOW, a.flush_stamp());
    assert_eq!((get(&b, "k"), b.flush_stamp()), (0, a.flush_stamp()));
}

#[test]
fn cells_are_charged_once_by_fresh_news_and_only_raised_by_old() {
    let quota = Quota::cell(9, 1, 1).unwrap();
    let ns = NOW * 1_000_000;
    let (a, b) = (engine(1), engine(2));
    let remaining = |engine: &Engine| engine.throttle(ns, b"k", &quota, 0).unwrap().remaining;
    a.throttle(ns, b"k", &quota, 2).unwrap();
    tell(&a, &[&b], 1);
    assert_eq!(remaining(&b), 8, "first sight raises to what was sent");
    b.throttle(ns, b"k", &quota, 1).unwrap();
    a.throttle(ns, b"k", &quota, 3).unwrap();
    let items = tell(&a, &[&b, &b], 2);
    assert_eq!(remaining(&b), 4, "10 less 2, 1 and 3");
    // A late copy of the same, and a bulk one: nothing more.
    b.merge(NOW, a.origin(), 2, &items[0], Freshness::Bulk);
    assert_eq!(remaining(&b), 4);
    tell(&b, &[&a], 1);
    assert_eq!(remaining(&a), 4, "b's time is raised to at first sight");
}

#[test]
fn a_clock_that_is_behind_makes_no_charge_old() {
    let quota = Quota::cell(9, 1, 1).unwrap();
    let (b, lagging) = (engine(1), engine(2));
    let (sent_ms, ns) = (NOW - 2_000, NOW * 1_000_000);
    let live = |behind_ms| Freshness::Live { sent_ms, behind_ms };
    let steps = [(3, 0, 9), (1, 2_000, 6), (1, 0, 6)];
    for (charge, behind_ms, remaining) in steps {
        lagging.throttle(sent_ms * 1_000_000, b"k", &quota, charge).unwrap();
        for item in changes(&lagging) {
            b.merge(NOW, lagging.origin(), 1, &item, live(behind_ms));
        }
        let left = b.throttle(ns, b"k", &quota, 0).unwrap().remaining;
        assert_eq!(left, remaining, "{charge} {behind_ms}");
        if remaining == 9 {
            b.throttle(ns, b"k", &quota, 2).unwrap();
        }
    }
}

#[test]
fn a_split_or_a_join_locks_no_key_out() {
    let quota = Quota::cell(9, 1, 1).unwrap();
    let (a, b) = (engine(1), engine(2));
    // 600 s at one a second on each side of a split.
    for second in 0..600 {
        let ns = (NOW + second * 1000) * 1_000_000;
        a.throttle(ns, b"k", &quota, 1).unwrap();
        b.throttle(ns, b"k", &quota, 1).unwrap();
    }
    let healed = NOW + 600_000;
    let mut items = Vec::new();
    a.publish(healed, false, usize::MAX, &mut |item| items.push(item));
    for item in &items {
        b.merge(healed, a.origin(), 1, item, Freshness::Bulk);
    }
    assert!(!b.throttle(healed * 1_000_000, b"k", &quota, 1).unwrap().limited);
}

#[derive(Clone, Debug)]
enum Step {
    Hit(usize, u8, u64),
    Refund(usize, u8, u64),
    Tell(usize, usize),
    Sync(usize, usize),
    Renew(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3_usize, 0..5_u8, 1..9_u64).prop_map(|(n, k, i)| Step::Hit(n, k, i)),
        2 => (0..3_usize, 0..5_u8, 1..9_u64).prop_map(|(n, k, i)| Step::Refund(n, k, i)),
        4 => (0..3_usize, 0..3_usize).prop_map(|(a, b)| Step::Tell(a, b)),
        1 => (0..3_usize, 0..3_usize).prop_map(|(a, b)| Step::Sync(a, b)),
        1 => (0..3_usize).prop_map(Step::Renew),
    ]
}

proptest! {
    /// Whatever is lost, repeated or reordered: views never exceed the truth, and are equal once
    /// everybody has synced with everybody.
    #[test]
    fn views_never_exceed_the_truth_and_end_equal(steps in proptest::collection::vec(any_step(), 1..120)) {
        let nodes = [engine(1), engine(2), engine(3)];
        let (mut dseq, mut lives) = (0, 100);
        // Two sides of a split may give the same hits back: then more is given back than was
        // counted, and the count is 0.
        let (mut counted, mut refunded) = ([0_u64; 5], [0_u64; 5]);
        for step in steps {
            dseq += 1;
            match step {
                Step::Hit(n, k, i) => {
                    hit(&nodes[n], &k.to_string(), i);
                    counted[usize::from(k)] += i;
                }
                Step::Refund(n, k, i) => {
                    let key = k.to_string();
                    let before = get(&nodes[n], &key);
                    let after = nodes[n].refund(&mut nodes[n].reader(), NOW, key.as_bytes(), minute(), i);
                    refunded[usize::from(k)] += before - after;
                }
                // Told to one only: lost for the other until a sync.
                Step::Tell(a, b) => drop(tell(&nodes[a], &[&nodes[b]], dseq)),
                Step::Sync(a, b) => if a != b { sync(&nodes[a], &nodes[b]) },
                Step::Renew(n) => {
                    lives += 1;
                    nodes[n].renew(NOW, Origin(lives));
                }
            }
        }
        for node in &nodes {
            dseq += 1;
            node.carried(dseq, &changes(node));
        }
        for _ in 0..2 {
            for a in 0..3 {
                for b in (0..3).filter(|b| *b != a) {
                    sync(&nodes[a], &nodes[b]);
                }
            }
        }
        for k in 0..5 {
            for node in &nodes {
                let truth = counted[k].saturating_sub(refunded[k]);
                prop_assert_eq!(get(node, &k.to_string()), truth, "key {}", k);
            }
        }
        let ended = |origin: &Origin| nodes.iter().all(|node| node.origin() != *origin);
        for origin in nodes[0].origins().into_iter().filter(ended) {
            prop_assert_eq!(nodes[0].digest(origin, NOW), nodes[1].digest(origin, NOW));
            prop_assert_eq!(nodes[1].digest(origin, NOW), nodes[2].digest(origin, NOW));
        }
    }
}

#[path = "shares_tests.rs"]
mod shares;
