//! Lists in the middle.

use crate::command::fake::Fake;
use crate::resp::{Reply, array, integer, text};

fn whole(fake: &mut Fake) -> Reply {
    fake.ask("LRANGE l 0 -1")
}

fn elements(texts: &str) -> Reply {
    Reply::Frame(array(texts.split_whitespace().map(text).collect()))
}

fn list(elements: &str) -> Fake {
    let mut fake = Fake::new();
    fake.ask(&format!("RPUSH l {elements}"));
    fake
}

#[test]
fn elements_are_replaced_and_inserted() {
    let mut fake = list("a b c");
    assert_eq!(fake.ask("LSET l -1 z"), Reply::Simple("OK"));
    assert_eq!(fake.error("LSET l 3 x"), "ERR index out of range");
    assert_eq!(fake.error("LSET no x x"), "ERR no such key");
    assert_eq!(fake.ask("LINSERT l before b 1"), Reply::Integer(4));
    assert_eq!(fake.ask("LINSERT l AFTER z 2"), Reply::Integer(5));
    assert_eq!(fake.ask("LINSERT l AFTER nope 3"), Reply::Integer(-1));
    assert_eq!(fake.ask("LINSERT no AFTER a 3"), Reply::Integer(0));
    assert_eq!(whole(&mut fake), elements("a 1 b z 2"));
}

#[test]
fn elements_are_removed_by_value_from_either_end_or_all() {
    for (request, count, left) in [
        ("LREM l 0 a", 3, "b c"),
        ("LREM l 1 a", 1, "b a c a"),
        ("LREM l -1 a", 1, "a b a c"),
        ("LREM l -2 a", 2, "a b c"),
        ("LREM l 9 a", 3, "b c"),
        ("LREM l -9223372036854775808 a", 3, "b c"),
        ("LREM l 0 x", 0, "a b a c a"),
    ] {
        let mut fake = list("a b a c a");
        assert_eq!(fake.ask(request), Reply::Integer(count), "{request}");
        assert_eq!(whole(&mut fake), elements(left), "{request}");
    }
    let mut fake = list("a a");
    fake.ask("LREM l 0 a");
    assert_eq!(fake.ask("EXISTS l"), Reply::Integer(0));
}

#[test]
fn a_trimmed_list_keeps_what_was_asked_for() {
    for (request, left) in [
        ("LTRIM l 1 -2", "b c"),
        ("LTRIM l 0 -1", "a b c d"),
        ("LTRIM l -100 100", "a b c d"),
        ("LTRIM l 2 1", ""),
        ("LTRIM l 4 9", ""),
    ] {
        let mut fake = list("a b c d");
        assert_eq!(fake.ask(request), Reply::Simple("OK"));
        assert_eq!(whole(&mut fake), elements(left), "{request}");
        assert_eq!(fake.ask("EXISTS l"), Reply::Integer(i64::from(!left.is_empty())));
    }
}

#[test]
fn places_are_found_by_rank_count_and_as_far_as_maxlen() {
    let mut fake = list("a b a c a");
    for (request, place) in [
        ("LPOS l a", Some(0)),
        ("LPOS l a RANK 2", Some(2)),
        ("LPOS l a RANK -1", Some(4)),
        ("LPOS l a RANK -3", Some(0)),
        ("LPOS l a RANK 4", None),
        ("LPOS l c MAXLEN 3", None),
        ("LPOS l a RANK -9223372036854775808", Some(4)),
        ("LPOS l x", None),
    ] {
        let expected = place.map_or(Reply::Null, Reply::Integer);
        assert_eq!(fake.ask(request), expected, "{request}");
    }
    let places = |places: &[i64]| Reply::Frame(array(places.iter().map(|p| integer(*p)).collect()));
    assert_eq!(fake.ask("LPOS l a COUNT 0"), places(&[0, 2, 4]));
    assert_eq!(fake.ask("LPOS l a COUNT 2 RANK -1"), places(&[4, 2]));
    assert_eq!(fake.ask("LPOS l a COUNT 0 MAXLEN 3"), places(&[0, 2]));
    assert_eq!(fake.ask("LPOS no a COUNT 0"), places(&[]));
    assert!(fake.error("LPOS l a RANK 0").starts_with("ERR RANK can't be zero"));
    assert_eq!(fake.error("LPOS l a COUNT -1"), "ERR COUNT can't be negative");
    assert_eq!(fake.error("LPOS l a MAXLEN x"), "ERR MAXLEN can't be negative");
    assert_eq!(fake.error("LPOS l a MAXLEN"), "ERR syntax error");
}
