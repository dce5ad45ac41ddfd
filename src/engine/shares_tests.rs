//! Counters of the keyspace on several nodes.

use super::*;
use crate::store::{SHARED_KEY_BYTES_MAX, Value as Stored};

/// What a key holds at a time: its integer and its deadline.
fn look(engine: &Engine, now_ms: u64, key: &str) -> Option<(i64, Option<u64>)> {
    let mut held = engine.hold_one(now_ms, key.as_bytes());
    held.look(key.as_bytes()).map(|(value, deadline_ms)| match value {
        Stored::Counter(count) => (*count, deadline_ms),
        other => panic!("{other:?}"),
    })
}

fn add(engine: &Engine, now_ms: u64, key: &str, delta: i64) -> i64 {
    engine.hold_one(now_ms, key.as_bytes()).add(key.as_bytes(), delta).unwrap()
}

fn expire(engine: &Engine, now_ms: u64, key: &str, deadline_ms: u64) {
    let done = engine.hold_one(now_ms, key.as_bytes());
    assert!({ done }.set_deadline(key.as_bytes(), Some(deadline_ms)));
}

fn put(engine: &Engine, now_ms: u64, key: &str, text: &str, deadline_ms: Option<u64>) {
    let value = Stored::string(text.as_bytes());
    engine.hold_one(now_ms, key.as_bytes()).put(key.as_bytes(), value, deadline_ms).unwrap();
}

#[test]
fn a_counter_and_its_deadline_are_seen_on_other_nodes() {
    let (a, b) = (engine(1), engine(2));
    assert_eq!(add(&a, NOW, "k", 1), 1);
    expire(&a, NOW, "k", NOW + 60_000);
    tell(&a, &[&b], 1);
    assert_eq!(look(&b, NOW, "k"), Some((1, Some(NOW + 60_000))));
    assert_eq!((add(&b, NOW + 1, "k", 1), b.key_count(NOW)), (2, 1));
    tell(&b, &[&a], 1);
    assert_eq!(look(&a, NOW + 2, "k"), Some((2, Some(NOW + 60_000))));
    for node in [&a, &b] {
        assert_eq!(look(node, NOW + 59_999, "k"), Some((2, Some(NOW + 60_000))));
        assert_eq!(look(node, NOW + 60_000, "k"), None);
    }
}

#[test]
fn creators_at_the_same_time_add_up_and_a_removal_wins() {
    let (a, b, c) = (engine(1), engine(2), engine(3));
    put(&a, NOW, "k", "5", Some(NOW + 100));
    put(&b, NOW, "k", "7", Some(NOW + 110));
    tell(&a, &[&b, &c], 1);
    tell(&b, &[&a, &c], 1);
    for node in [&a, &b, &c] {
        assert_eq!(look(node, NOW, "k"), Some((12, Some(NOW + 110))));
        assert_eq!(look(node, NOW + 100, "k"), Some((7, Some(NOW + 110))));
    }
    let (a, b) = (engine(1), engine(2));
    add(&a, NOW, "k", 5);
    tell(&a, &[&b], 1);
    assert!(b.hold_one(NOW + 1, b"k").remove(b"k"));
    assert_eq!((look(&b, NOW + 1, "k"), b.key_count(NOW + 1)), (None, 0));
    add(&a, NOW + 1, "k", 1);
    tell(&b, &[&a], 1);
    tell(&a, &[&b], 2);
    assert_eq!((look(&a, NOW + 2, "k"), look(&b, NOW + 2, "k")), (None, None));
    assert_eq!((a.key_count(NOW + 2), b.key_count(NOW + 2)), (0, 0));
    assert_eq!(add(&b, NOW + 3, "k", 2), 2);
    tell(&b, &[&a], 2);
    assert_eq!(look(&a, NOW + 3, "k"), Some((2, None)));
}

#[test]
fn a_node_that_lags_brings_no_ended_counter_back_by_moving_its_end() {
    let (a, lagging, b) = (engine(1), engine(2), engine(3));
    put(&a, NOW, "k", "5", Some(NOW + 1_000));
    tell(&a, &[&lagging, &b], 1);
    // Two seconds behind: half a second is left there, and it is over here.
    assert_eq!(add(&lagging, NOW + 500, "k", 1), 6);
    expire(&lagging, NOW + 500, "k", NOW + 1_500);
    let freshness = Freshness::Live { sent_ms: NOW + 500, behind_ms: 2_000 };
    for item in changes(&lagging) {
        a.merge(NOW + 2_500, lagging.origin(), 1, &item, freshness);
    }
    assert_eq!((look(&a, NOW + 2_500, "k"), a.key_count(NOW + 2_500)), (None, 0));
    tell(&a, &[&lagging, &b], 2);
    assert_eq!((look(&lagging, NOW + 501, "k"), look(&b, NOW + 501, "k")), (None, None));
    assert_eq!(add(&lagging, NOW + 502, "k", 1), 1);
    tell(&lagging, &[&a, &b], 2);
    for node in [&a, &b] {
        assert_eq!(look(node, NOW + 2_502, "k"), Some((1, None)));
    }
}

#[test]
fn a_string_hides_the_counter_here_and_ends_it_elsewhere() {
    let (a, b) = (engine(1), engine(2));
    add(&a, NOW, "k", 5);
    tell(&a, &[&b], 1);
    put(&b, NOW + 1, "k", "text", None);
    tell(&b, &[&a], 1);
    assert_eq!(look(&a, NOW + 1, "k"), None);
    add(&a, NOW + 2, "k", 3);
    tell(&a, &[&b], 2);
    let text = Stored::string(b"text");
    assert_eq!(b.hold_one(NOW + 2, b"k").get(b"k"), Some(&text));
    assert!(b.hold_one(NOW + 2, b"k").remove(b"k"));
}

#[test]
fn what_was_rolled_back_is_told_to_nobody() {
    let (a, b) = (engine(1), engine(2));
    add(&a, NOW, "old", 5);
    tell(&a, &[&b], 1);
    let keys: [&[u8]; 3] = [b"old", b"new", b"gone"];
    let mut held = a.hold(NOW + 1, keys.into_iter());
    held.keep_undo();
    held.add(b"old", 10).unwrap();
    held.add(b"new", 1).unwrap();
    assert!(held.remove(b"old"));
    held.add(b"old", 1).unwrap();
    held.roll_back();
    drop(held);
    tell(&a, &[&b], 2);
    for node in [&a, &b] {
        assert_eq!(
            (look(node, NOW + 1, "old"), look(node, NOW + 1, "new")),
            (Some((5, None)), None)
        );
    }
    assert_eq!(add(&a, NOW + 2, "old", 1), 6);
    tell(&a, &[&b], 3);
    assert_eq!(look(&b, NOW + 2, "old"), Some((6, None)));
}

#[test]
fn a_joiner_gets_everything_and_a_restart_doubles_nothing() {
    let (a, b, c) = (engine(1), engine(2), engine(3));
    for number in 0..500 {
        add(&a, NOW, &format!("k{number}"), number + 1);
    }
    expire(&a, NOW, "k7", NOW + 50);
    assert!(a.hold_one(NOW, b"k9").remove(b"k9"));
    tell(&a, &[&b], 1);
    sync(&b, &c);
    for node in [&b, &c] {
        assert_eq!(look(node, NOW, "k499"), Some((500, None)));
        assert_eq!(look(node, NOW, "k7"), Some((8, Some(NOW + 50))));
        assert_eq!((look(node, NOW, "k9"), node.key_count(NOW)), (None, 499));
        assert_eq!(node.origins(), [Origin(1)]);
        assert_eq!(node.digest(Origin(1), NOW), a.digest(Origin(1), NOW));
    }
    a.renew(NOW, Origin(9));
    assert_eq!(add(&a, NOW, "k1", 1), 3);
    tell(&a, &[&b], 1);
    sync(&a, &c);
    assert_eq!((look(&b, NOW, "k1"), look(&c, NOW, "k1")), (Some((3, None)), Some((3, None))));
}

#[test]
fn a_new_life_holds_what_the_old_one_counted_and_all_memory_comes_back() {
    let engine = engine(1);
    put(&engine, NOW, "k", "5", Some(NOW + 1_000));
    let told_bytes = engine.used_bytes();
    engine.renew(NOW, Origin(9));
    assert!(engine.used_bytes() > told_bytes, "the heir's share takes memory");
    while engine.expire(NOW + 10_000) {}
    while engine.expire(NOW + 20_000) {}
    assert_eq!(engine.used_bytes(), 0);
}

/// Stamps run ahead of a node's clock where another's was ahead: what is above them is the same again
/// after the key was forgotten.
#[test]
fn a_node_that_forgot_a_key_begins_anew_under_the_same_stamp() {
    let (ahead, a, b) = (engine(3), engine(1), engine(2));
    put(&ahead, NOW + 30_000, "k", "1", Some(NOW + 30_100));
    let old = changes(&ahead);
    let hear = |node: &Engine, version| node.merge(NOW, Origin(3), version, &old[0], LIVE);
    hear(&a, 1);
    hear(&b, 1);
    add(&a, NOW, "k", 7);
    tell(&a, &[&b], 1);
    let later = NOW + 60_000;
    while a.expire(later) {}
    a.merge(NOW, Origin(3), 1, &old[0], LIVE);
    add(&a, NOW + 1, "k", 2);
    tell(&a, &[&b], 2);
    assert_eq!(look(&b, NOW + 1, "k"), look(&a, NOW + 1, "k"));
    assert_eq!(look(&b, NOW + 1, "k").map(|(count, _)| count), Some(3));
}

#[test]
fn a_flush_empties_and_an_ended_counter_leaves_nothing() {
    let (a, b) = (engine(1), engine(2));
    put(&a, NOW, "k", "5", Some(NOW + 1_000));
    tell(&a, &[&b], 1);
    let held_bytes = b.used_bytes();
    assert!(held_bytes > 0);
    // The bucket's rounding and the time for what is late.
    while b.expire(NOW + 10_000) {}
    while b.expire(NOW + 20_000) {}
    assert_eq!((b.used_bytes(), b.key_count(NOW + 20_000)), (0, 0));
    add(&b, NOW, "x", 1);
    tell(&b, &[&a], 1);
    a.flush(NOW);
    assert_eq!((look(&a, NOW, "x"), look(&a, NOW, "k"), a.key_count(NOW)), (None, None, 0));
}

#[test]
fn a_stamp_from_far_ahead_is_refused_and_memory_that_is_full_takes_no_new_share() {
    let (a, b) = (engine(1), engine(2));
    add(&a, NOW + 3_600_000, "k", 5);
    let items = changes(&a);
    assert_eq!(b.merge(NOW, Origin(1), 1, &items[0], LIVE), Merged::Ended);
    assert_eq!((look(&b, NOW, "k"), b.used_bytes()), (None, 0));
    let full = engine(3);
    full.set_memory_limit(1);
    let (c, now) = (engine(4), NOW);
    add(&c, now, "k", 5);
    let merged = full.merge(now, Origin(4), 1, &changes(&c)[0], LIVE);
    assert!(matches!(merged, Merged::Refused { .. }), "{merged:?}");
}

#[test]
fn a_long_key_is_each_nodes_own() {
    let (a, b) = (engine(1), engine(2));
    let key = "k".repeat(SHARED_KEY_BYTES_MAX + 1);
    add(&a, NOW, &key, 5);
    assert_eq!(tell(&a, &[&b], 1), []);
    assert_eq!(look(&a, NOW, &key), Some((5, None)));
}

#[test]
fn what_is_kept_for_a_member_that_is_away_is_looked_at_now_and_then() {
    let node = engine(1);
    add(&node, NOW, "k", 5);
    assert!(node.hold_one(NOW, b"k").remove(b"k"));
    node.wait_for_members(true);
    let mut now = NOW + 2 * crate::store::TOMBSTONE_MS;
    while node.expire(now) {}
    for _ in 0..5 {
        assert_eq!(node.report(now).tombstones, 1);
        // Not again at the very next moment.
        assert!(!node.expire(now + 1) && !node.expire(now + 1_000));
        now += 60_000;
        while node.expire(now) {}
    }
    node.wait_for_members(false);
    now += 60_000;
    while node.expire(now) {}
    assert_eq!((node.report(now).tombstones, node.used_bytes()), (0, 0));
}
