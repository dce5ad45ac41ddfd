//! RL.EXPLAIN by its words: shapes in both protocols, errors, and what the sentence says.

use std::sync::Arc;

use super::super::OriginReport;
use super::super::fake::{Fake, NOW_MS};
use super::*;
use crate::engine::{Freshness, Item, Origin};
use crate::limiter::Scale;
use crate::resp::Protocol;

const RESET_MS: u64 = 60_000 - NOW_MS % 60_000;

fn fields(frame: Frame) -> Vec<(String, Frame)> {
    let Frame::Map { data, .. } = frame else { panic!("no map: {frame:?}") };
    data.into_iter().map(|(key, value)| (bulk(&key), value)).collect()
}

fn bulk(frame: &Frame) -> String {
    let Frame::BlobString { data, .. } = frame else { panic!("no bulk string: {frame:?}") };
    String::from_utf8(data.to_vec()).unwrap()
}

fn explained(fake: &mut Fake, request: &str) -> Vec<(String, Frame)> {
    match fake.ask(request) {
        Reply::Frame(frame) => fields(frame),
        other => panic!("{request}: {other:?}"),
    }
}

fn field<'a>(fields: &'a [(String, Frame)], name: &str) -> &'a Frame {
    &fields.iter().find(|(field, _)| field == name).unwrap_or_else(|| panic!("no {name}")).1
}

fn integer(fields: &[(String, Frame)], name: &str) -> i64 {
    match field(fields, name) {
        Frame::Number { data, .. } => *data,
        other => panic!("{name} is {other:?}"),
    }
}

fn text(fields: &[(String, Frame)], name: &str) -> String {
    bulk(field(fields, name))
}

fn origins(told: &[(String, Frame)]) -> Vec<Vec<(String, Frame)>> {
    let Frame::Array { data, .. } = field(told, "origins") else { panic!("no array") };
    data.iter().cloned().map(fields).collect()
}

fn names(fields: &[(String, Frame)]) -> Vec<&str> {
    fields.iter().map(|(name, _)| name.as_str()).collect()
}

/// Another node's count of `k`, as its datagram brings it.
fn merge(fake: &Fake, origin: u64, count: u64) {
    let series = Series { kind: Kind::Fixed, scale: Scale::new(60_000).unwrap() };
    let (index, key) = (NOW_MS / 60_000, b"k".to_vec());
    let item = Item::Window { series, index, key, stamp: 0, count, refunded: 0 };
    fake.engine.merge(NOW_MS, Origin(origin), 1, &item, Freshness::Bulk);
}

/// Four other nodes: well, silent, down and gone; and one life that no node leads any more.
fn in_a_cluster() -> Fake {
    let fake = Fake::new();
    fake.engine.replicate(Origin(1), 0);
    let node = |last: u8, state, epoch| NodeReport {
        address: format!("10.0.0.{last}:7946"),
        state,
        epoch,
        lag_ms: Some(0),
        ..Default::default()
    };
    let heard = |epoch, ago_ms| OriginReport {
        epoch,
        heard_at_ms: Some(NOW_MS - ago_ms),
        incomplete_until_ms: None,
    };
    let incomplete_until_ms = Some(NOW_MS + 1);
    *fake.host.cluster.lock() = Some(Arc::new(ClusterReport {
        nodes: vec![
            node(1, "myself", 1),
            node(2, "ready", 2),
            node(3, "suspect", 3),
            node(4, "down", 4),
            node(5, "left", 5),
        ],
        origins: vec![
            heard(2, 40),
            heard(3, 4_200),
            heard(4, 9_000),
            heard(5, 9_000),
            OriginReport { epoch: 255, incomplete_until_ms, ..Default::default() },
        ],
        ..Default::default()
    }));
    fake
}

#[test]
fn a_node_alone_explains_its_own_count() {
    let mut fake = Fake::new();
    for _ in 0..12 {
        fake.ask("RL.HIT k 60000 10");
    }
    fake.ask("RL.REFUND k 60000 1");
    let told = explained(&mut fake, "RL.EXPLAIN k 1m 10");
    let expected = "allowed count remaining retry_after_ms reset_after_ms kind scale_ms limit \
                    window window_start_ms window_end_ms own own_refunded stamp origins why";
    assert_eq!(names(&told), expected.split_whitespace().collect::<Vec<_>>());
    let reset_ms = i64::try_from(RESET_MS).unwrap();
    for (name, value) in [
        ("allowed", 0),
        ("count", 11),
        ("remaining", 0),
        ("retry_after_ms", reset_ms),
        ("reset_after_ms", reset_ms),
        ("scale_ms", 60_000),
        ("limit", 10),
        ("own", 12),
        ("own_refunded", 1),
        ("stamp", 0),
    ] {
        assert_eq!(integer(&told, name), value, "{name}");
    }
    let start_ms = integer(&told, "window") * 60_000;
    assert_eq!(integer(&told, "window_start_ms"), start_ms);
    assert_eq!(integer(&told, "window_end_ms"), start_ms + 60_000);
    assert_eq!(text(&told, "kind"), "fixed");
    let [myself] = &origins(&told)[..] else { panic!("one origin") };
    assert_eq!(
        names(myself),
        ["epoch", "node", "state", "count", "refunded", "last_heard_ms", "incomplete"]
    );
    assert_eq!((text(myself, "state"), field(myself, "node")), ("myself".into(), &resp::null()));
    assert_eq!((integer(myself, "count"), integer(myself, "last_heard_ms")), (12, 0));
    assert_eq!(
        text(&told, "why"),
        format!(
            "denied: 11 counted of 10; a hit passes again in {RESET_MS} ms, when the window ends; \
             1 of what was counted were given back"
        )
    );
}

#[test]
fn the_sentence_tells_when_a_hit_passes_next() {
    let mut fake = Fake::new();
    fake.ask("RL.HIT k 60000 10 3");
    let mut why = |request: &str| text(&explained(&mut fake, request), "why");
    assert_eq!(
        why("RL.EXPLAIN k 60000 10"),
        format!("allowed: 3 counted of 10; 7 remain, and the window ends in {RESET_MS} ms")
    );
    assert_eq!(
        why("RL.EXPLAIN k 60000 3"),
        format!(
            "denied: 3 counted of 3; a hit passes again in {RESET_MS} ms, when the window ends"
        )
    );
    assert_eq!(why("RL.EXPLAIN k 60000 0"), "denied: 3 counted of 0; no hit passes a limit of 0");
}

#[test]
fn a_sliding_counter_tells_its_two_windows() {
    let mut fake = Fake::new();
    fake.ask("RL.HIT k 60000 10 2 SLIDING");
    let told = explained(&mut fake, "RL.EXPLAIN k 60000 10 sliding");
    assert_eq!((text(&told, "kind"), integer(&told, "current")), ("sliding".into(), 2));
    assert_eq!((integer(&told, "previous"), integer(&told, "previous_weighted")), (0, 0));
    let [myself] = &origins(&told)[..] else { panic!("one origin") };
    assert_eq!(integer(myself, "previous") + integer(myself, "previous_refunded"), 0);
    assert!(text(&told, "why").starts_with(
        "allowed: 2 counted of 10, 2 in this window and 0 left of 0 in the one before; 8 remain"
    ));
    let fixed = explained(&mut fake, "RL.EXPLAIN k 60000 10");
    assert_eq!(integer(&fixed, "count"), 0, "it is a counter of its own");
}

#[test]
fn in_a_cluster_each_origin_is_told_with_its_node_its_count_and_when_it_was_heard() {
    let mut fake = in_a_cluster();
    for (origin, count) in [(3, 30), (4, 40), (255, 7)] {
        merge(&fake, origin, count);
    }
    fake.ask("RL.HIT k 60000 50");
    let told = explained(&mut fake, "RL.EXPLAIN k 60000 50");
    let origins = origins(&told);
    let rows: Vec<_> = origins
        .iter()
        .map(|origin| {
            let node = match field(origin, "node") {
                Frame::Null => "none".to_owned(),
                _ => text(origin, "node"),
            };
            let (count, heard) = (integer(origin, "count"), integer(origin, "last_heard_ms"));
            format!("{} {node} {} {count} {heard}", text(origin, "epoch"), text(origin, "state"))
        })
        .collect();
    assert_eq!(
        rows,
        [
            "0000000000000001 10.0.0.1:7946 myself 1 0",
            "0000000000000002 10.0.0.2:7946 ready 0 40",
            "0000000000000003 10.0.0.3:7946 suspect 30 4200",
            "0000000000000004 10.0.0.4:7946 departed 40 9000",
            "00000000000000ff none departed 7 -1",
        ]
    );
    let sum: i64 = origins.iter().map(|origin| integer(origin, "count")).sum();
    assert_eq!((sum, integer(&told, "count")), (78, 78));
    let incomplete = origins.iter().map(|origin| integer(origin, "incomplete"));
    assert_eq!(incomplete.collect::<Vec<_>>(), [0, 0, 0, 0, 1]);
    assert_eq!(
        text(&told, "why"),
        format!(
            "denied: 78 counted of 50; a hit passes again in {RESET_MS} ms, when the window ends; \
             47 were counted by nodes that have departed, and stay; \
             this node has not heard 10.0.0.3:7946 for 4200 ms: its hits since then are missing \
             here; \
             this node has not heard 10.0.0.4:7946 for 9000 ms: its hits since then, if any, are \
             missing here; \
             memory refused counts of epoch 00000000000000ff: the count may be too low"
        )
    );
}

#[test]
fn a_reset_is_told_with_its_age_and_many_silent_nodes_are_not_all_named() {
    let mut fake = in_a_cluster();
    fake.ask("RL.SET k 60000 4");
    let told = explained(&mut fake, "RL.EXPLAIN k 60000 50");
    assert_eq!(integer(&told, "stamp") >> 16, 0, "a new counter that is set has nothing to end");
    fake.ask("RL.SET k 60000 2");
    let told = explained(&mut fake, "RL.EXPLAIN k 60000 50");
    assert_eq!(u64::try_from(integer(&told, "stamp") >> 16).unwrap(), NOW_MS);
    assert!(text(&told, "why").contains("; it was set or reset 0 ms ago, which ended what was"));
    let node = |last: u64| NodeReport {
        address: format!("10.0.1.{last}:7946"),
        state: "alive",
        epoch: 100 + last,
        ..Default::default()
    };
    let nodes = (0..20).map(node).collect();
    *fake.host.cluster.lock() = Some(Arc::new(ClusterReport { nodes, ..Default::default() }));
    let why = text(&explained(&mut fake, "RL.EXPLAIN k 60000 50"), "why");
    assert_eq!(why.matches("has never heard 10.0.1.").count(), 8);
    assert!(why.ends_with("; and so of 12 more"), "{why}");
}

#[test]
fn it_is_a_map_in_resp3_and_flat_in_resp2() {
    let mut fake = Fake::new();
    let Reply::Frame(frame) = fake.ask("RL.EXPLAIN k 60000 5") else { panic!("no frame") };
    let encoded = |protocol| {
        let mut out = Vec::new();
        Reply::Frame(frame.clone()).encode(protocol, &mut out);
        String::from_utf8(out).unwrap()
    };
    let (flat, map) = (encoded(Protocol::Resp2), encoded(Protocol::Resp3));
    assert!(flat.starts_with("*32\r\n$7\r\nallowed\r\n:1\r\n$5\r\ncount\r\n:0\r\n"), "{flat}");
    assert!(flat.contains("$7\r\norigins\r\n*1\r\n*14\r\n$5\r\nepoch\r\n$16\r\n0000000000000000"));
    assert!(flat.contains("$4\r\nnode\r\n$-1\r\n"), "{flat}");
    assert!(map.starts_with("%16\r\n$7\r\nallowed\r\n:1\r\n"), "{map}");
    assert!(map.contains("$7\r\norigins\r\n*1\r\n%7\r\n$5\r\nepoch\r\n"), "{map}");
    assert!(map.contains("$4\r\nnode\r\n_\r\n"), "{map}");
}

#[test]
fn wrong_words_are_named_and_nothing_is_counted() {
    let mut fake = Fake::new();
    for (request, text) in [
        ("RL.EXPLAIN k 60000", "ERR wrong number of arguments for 'rl.explain' command"),
        ("RL.EXPLAIN k 0 5", "ERR scale is not a number of milliseconds"),
        ("RL.EXPLAIN k 60000 x", "ERR value is not an integer or out of range"),
        ("RL.EXPLAIN k 60000 -1", "ERR value is out of range, must be positive"),
        ("RL.EXPLAIN k 60000 5 1", "ERR syntax error"),
        ("RL.EXPLAIN k 60000 5 NOCOUNT", "ERR syntax error"),
        ("RL.EXPLAIN k 60000 5 SLIDING SLIDING", "ERR syntax error"),
    ] {
        let error = fake.error(request);
        assert!(error.starts_with(text), "{request}: {error}");
    }
    let long = "k".repeat(1025);
    assert!(fake.error(&format!("RL.EXPLAIN {long} 60000 5")).starts_with("ERR key is too long"));
    explained(&mut fake, "RL.EXPLAIN k 60000 5 SLIDING");
    assert_eq!(fake.ask("DBSIZE"), Reply::Integer(0));
    let totals = fake.stats.totals();
    assert_eq!(totals.allowed + totals.denied, 0, "it is no verdict on a hit");
}
