//! Hashes as a whole and by chance.

use std::collections::{BTreeMap, BTreeSet};

use redis_protocol::resp3::types::Resp3Frame;

use crate::command::fake::Fake;
use crate::resp::{Frame, Protocol, Reply, array, map, text};

fn strings(frames: &[Frame]) -> Vec<String> {
    let string = |frame: &Frame| frame.as_str().expect("a string").to_owned();
    frames.iter().map(string).collect()
}

fn items(reply: Reply) -> Vec<Frame> {
    let Reply::Frame(Frame::Array { data, .. }) = reply else { panic!("no array: {reply:?}") };
    data
}

fn hash_of(count: usize) -> Fake {
    let mut fake = Fake::new();
    for number in 0..count {
        fake.ask(&format!("HSET h f{number} v{number}"));
    }
    fake
}

/// One page of HSCAN: its cursor and its fields.
fn page(fake: &mut Fake, cursor: &str, options: &str) -> (String, Vec<String>) {
    let parts = items(fake.ask(&format!("HSCAN h {cursor} {options}")));
    let [cursor, Frame::Array { data, .. }] = parts.as_slice() else { panic!("{parts:?}") };
    (cursor.as_str().unwrap().to_owned(), strings(data))
}

#[test]
fn all_fields_come_in_their_order() {
    let mut fake = hash_of(3);
    let pairs = (0..3).map(|n| (text(&format!("f{n}")), text(&format!("v{n}"))));
    assert_eq!(fake.ask("HGETALL h"), Reply::Frame(map(pairs.collect())));
    assert_eq!(strings(&items(fake.ask("HKEYS h"))), ["f0", "f1", "f2"]);
    assert_eq!(strings(&items(fake.ask("HVALS h"))), ["v0", "v1", "v2"]);
    assert_eq!(fake.ask("HGETALL none"), Reply::Frame(map(Vec::new())));
    assert_eq!(fake.ask("HKEYS none"), Reply::Frame(array(Vec::new())));
}

#[test]
fn a_small_hash_is_one_page_and_a_large_one_many_of_about_count() {
    let mut fake = hash_of(20);
    let (cursor, fields) = page(&mut fake, "0", "COUNT 1");
    assert_eq!((cursor.as_str(), fields.len()), ("0", 40));
    assert_eq!(page(&mut fake, "0", "MATCH f1?").1.len(), 20);
    let mut fake = hash_of(1_000);
    let (mut cursor, mut seen, mut pages) = ("0".to_owned(), BTreeSet::new(), 0);
    loop {
        let (next, fields) = page(&mut fake, &cursor, "COUNT 30");
        assert!(fields.len() <= 60, "{}", fields.len());
        seen.extend(fields.chunks(2).map(|pair| pair[0].clone()));
        pages += 1;
        cursor = next;
        if cursor == "0" {
            break;
        }
    }
    assert_eq!((seen.len(), pages), (1_000, 34));
    assert_eq!(page(&mut fake, "99999999999", "COUNT 5000").1.len(), 2_000);
    assert_eq!(fake.error("HSCAN h x"), "ERR invalid cursor");
    assert_eq!(fake.error("HSCAN h 0 COUNT 0"), "ERR syntax error");
    assert_eq!(fake.error("HSCAN h 0 TYPE hash"), "ERR syntax error");
    let empty = array(vec![text("0"), array(Vec::new())]);
    assert_eq!(fake.ask("HSCAN none 0 NOPE"), Reply::Frame(empty));
}

#[test]
fn fields_drawn_are_different_unless_the_count_is_negative() {
    let mut fake = hash_of(20);
    let drawn = strings(&items(fake.ask("HRANDFIELD h 15")));
    assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), 15);
    assert_eq!(items(fake.ask("HRANDFIELD h 99")).len(), 20);
    let repeated = strings(&items(fake.ask("HRANDFIELD h -99")));
    assert_eq!(repeated.len(), 99);
    assert!(repeated.iter().all(|field| field.starts_with('f')));
    let flat = strings(&items(fake.ask("HRANDFIELD h 3 WITHVALUES")));
    assert!(flat.chunks(2).all(|pair| pair[0][1..] == pair[1][1..]), "{flat:?}");
    fake.session.protocol = Protocol::Resp3;
    for pair in items(fake.ask("HRANDFIELD h -3 withvalues")) {
        let Frame::Array { data, .. } = pair else { panic!() };
        let pair = strings(&data);
        assert_eq!(pair[0][1..], pair[1][1..]);
    }
    assert_eq!(fake.ask("HRANDFIELD none"), Reply::Null);
    assert_eq!(items(fake.ask("HRANDFIELD none -5 WITHVALUES")), []);
    assert_eq!(
        fake.error("HRANDFIELD h -4611686018427387904 WITHVALUES"),
        "ERR value is out of range"
    );
    let text = fake.error("HRANDFIELD h -9223372036854775807");
    assert_eq!(text, "ERR too many elements for one reply, ask for fewer");
}

#[test]
fn every_field_is_drawn_about_as_often() {
    let mut fake = hash_of(8);
    let mut counts = BTreeMap::<String, usize>::new();
    for _ in 0..1_000 {
        for field in strings(&items(fake.ask("HRANDFIELD h 3"))) {
            *counts.entry(field).or_default() += 1;
        }
    }
    // 375 each, with a deviation of 15.
    assert!(counts.values().all(|count| (275..475).contains(count)), "{counts:?}");
    assert_eq!(counts.len(), 8);
}
