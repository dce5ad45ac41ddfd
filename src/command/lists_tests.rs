//! Lists at their ends, and where memory ends.

use crate::command::collections::{Elements, REPLY_BYTES_MAX, TOO_LARGE};
use crate::command::fake::Fake;
use crate::resp::{Frame, Reply, array, text};

fn elements(texts: &[&str]) -> Reply {
    Reply::Frame(array(texts.iter().map(|element| text(element)).collect()))
}

#[test]
fn what_is_pushed_is_taken_from_either_end() {
    let mut fake = Fake::new();
    assert_eq!(fake.ask("RPUSH l a b"), Reply::Integer(2));
    assert_eq!(fake.ask("LPUSH l x y"), Reply::Integer(4));
    assert_eq!(fake.ask("LRANGE l 0 -1"), elements(&["y", "x", "a", "b"]));
    assert_eq!(fake.ask("LRANGE l -3 1"), elements(&["x"]));
    assert_eq!(fake.ask("LINDEX l -1"), Reply::Bulk(b"b".to_vec()));
    assert_eq!(fake.ask("LPOP l"), Reply::Bulk(b"y".to_vec()));
    assert_eq!(fake.ask("RPOP l 2"), elements(&["b", "a"]));
    assert_eq!(fake.ask("LPOP l 0"), elements(&[]));
    assert_eq!(fake.ask("RPOP l 9"), elements(&["x"]));
    assert_eq!(fake.ask("EXISTS l"), Reply::Integer(0));
    assert_eq!(fake.ask("RPOP l"), Reply::Null);
    assert_eq!(fake.ask("RPOP l 0"), Reply::NullArray);
    assert_eq!(fake.ask("RPUSHX l a"), Reply::Integer(0));
    assert_eq!(fake.ask("LLEN l"), Reply::Integer(0));
}

#[test]
fn an_element_is_moved_within_a_list_and_between_lists() {
    let mut fake = Fake::new();
    fake.ask("RPUSH l a b c");
    assert_eq!(fake.ask("RPOPLPUSH l l"), Reply::Bulk(b"c".to_vec()));
    assert_eq!(fake.ask("LMOVE l m RIGHT LEFT"), Reply::Bulk(b"b".to_vec()));
    assert_eq!(fake.ask("LMOVE l m left right"), Reply::Bulk(b"c".to_vec()));
    assert_eq!(fake.ask("LRANGE m 0 -1"), elements(&["b", "c"]));
    assert_eq!(fake.ask("LMOVE l m LEFT LEFT"), Reply::Bulk(b"a".to_vec()));
    assert_eq!(fake.ask("EXISTS l"), Reply::Integer(0));
    assert_eq!(fake.ask("LMOVE l m LEFT LEFT"), Reply::Null);
    fake.ask("RPUSH one x");
    assert_eq!(fake.ask("RPOPLPUSH one one"), Reply::Bulk(b"x".to_vec()));
    assert_eq!(fake.ask("LLEN one"), Reply::Integer(1));
    fake.ask("SET s 1");
    assert!(fake.error("RPOPLPUSH m s").starts_with("WRONGTYPE"));
    assert!(fake.error("RPOPLPUSH s m").starts_with("WRONGTYPE"));
    assert_eq!(fake.ask("RPOPLPUSH l s"), Reply::Null);
    assert_eq!(fake.ask("LLEN m"), Reply::Integer(3));
    assert_eq!(fake.error("LMOVE l m LEFT UP"), "ERR syntax error");
}

#[test]
fn a_reply_that_would_be_too_large_is_refused_and_nothing_is_taken() {
    let mut fake = Fake::new();
    let element = "x".repeat(1 << 20);
    let count = REPLY_BYTES_MAX / Elements::cost(element.as_bytes()) + 1;
    for _ in 0..count {
        fake.ask_words(&["RPUSH", "l", &element]);
    }
    for request in ["LRANGE l 0 -1", "LPOP l 1000000", "RPOP l 1000000"] {
        assert_eq!(fake.error(request), TOO_LARGE);
    }
    let length = i64::try_from(count).unwrap();
    assert_eq!(fake.ask("LLEN l"), Reply::Integer(length));
    let Reply::Frame(Frame::Array { data, .. }) = fake.ask("LPOP l 2") else { panic!() };
    assert_eq!(data.len(), 2);
}

#[test]
fn where_memory_ends_pushes_are_refused_and_elements_are_still_taken() {
    let mut fake = Fake::new();
    fake.ask("RPUSH l a b c d");
    fake.ask("HSET h f 1 g 2");
    fake.engine.set_memory_limit(1);
    for request in
        ["RPUSH l x", "LSET l 0 x", "LINSERT l BEFORE a x", "RPOPLPUSH l m", "HSET h f 2"]
    {
        assert!(fake.error(request).starts_with("OOM"), "{request}");
    }
    assert_eq!(fake.ask("LRANGE l 0 -1"), elements(&["a", "b", "c", "d"]));
    assert_eq!(fake.ask("LPOP l"), Reply::Bulk(b"a".to_vec()));
    assert_eq!(fake.ask("LTRIM l 0 1"), Reply::Simple("OK"));
    assert_eq!(fake.ask("LREM l 0 b"), Reply::Integer(1));
    assert_eq!(fake.ask("RPOPLPUSH l l"), Reply::Bulk(b"c".to_vec()));
    assert_eq!(fake.ask("HDEL h f"), Reply::Integer(1));
    assert_eq!(fake.ask("LPOP none"), Reply::Null);
    assert_eq!(fake.ask("HDEL none f"), Reply::Integer(0));
}

#[test]
fn a_list_keeps_its_deadline_while_elements_come_and_go() {
    let mut fake = Fake::new();
    fake.ask("RPUSH l a b");
    fake.ask("PEXPIRE l 5000");
    fake.ask("RPUSH l c");
    fake.ask("LPOP l");
    assert_eq!(fake.ask("PTTL l"), Reply::Integer(5000));
    fake.ask("RPOPLPUSH l m");
    assert_eq!(fake.ask("PTTL m"), Reply::Integer(-1));
}
