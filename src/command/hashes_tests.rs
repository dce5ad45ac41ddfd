//! Fields set, read, counted and removed.

use crate::command::fake::Fake;
use crate::resp::{Reply, array, null, text};

#[test]
fn fields_are_set_read_and_removed() {
    let mut fake = Fake::new();
    assert_eq!(fake.ask("HSET h a 1 b 2 a 3"), Reply::Integer(2));
    assert_eq!(fake.ask("HMSET h b 4 c 5"), Reply::Simple("OK"));
    assert_eq!(fake.ask("HSETNX h a 9"), Reply::Integer(0));
    assert_eq!(fake.ask("HSETNX h d 9"), Reply::Integer(1));
    assert_eq!(fake.ask("HGET h a"), Reply::Bulk(b"3".to_vec()));
    assert_eq!(fake.ask("HGET h x"), Reply::Null);
    let values = array(vec![text("4"), null(), text("9")]);
    assert_eq!(fake.ask("HMGET h b x d"), Reply::Frame(values));
    assert_eq!(fake.ask("HEXISTS h c"), Reply::Integer(1));
    assert_eq!(fake.ask("HSTRLEN h c"), Reply::Integer(1));
    assert_eq!(fake.ask("HSTRLEN h x"), Reply::Integer(0));
    assert_eq!(fake.ask("HDEL h a x a b"), Reply::Integer(2));
    assert_eq!(fake.ask("HLEN h"), Reply::Integer(2));
    assert_eq!(fake.ask("HDEL h c d"), Reply::Integer(2));
    assert_eq!(fake.ask("EXISTS h"), Reply::Integer(0));
    assert_eq!(fake.error("HSET h a 1 b"), "ERR wrong number of arguments for 'hset' command");
    assert_eq!(fake.error("HMSET h a 1 b"), "ERR wrong number of arguments for 'hmset' command");
}

#[test]
fn numbers_in_fields_are_counted_in_their_bounds() {
    let mut fake = Fake::new();
    assert_eq!(fake.ask("HINCRBY h n 5"), Reply::Integer(5));
    assert_eq!(fake.ask("HINCRBY h n -7"), Reply::Integer(-2));
    assert_eq!(fake.ask("HINCRBYFLOAT h n 0.1"), Reply::Bulk(b"-1.9".to_vec()));
    assert_eq!(fake.error("HINCRBY h n 1"), "ERR hash value is not an integer");
    fake.ask("HSET h max 9223372036854775807 text x");
    assert_eq!(fake.error("HINCRBY h max 1"), "ERR increment or decrement would overflow");
    assert_eq!(fake.error("HINCRBYFLOAT h text 1"), "ERR hash value is not a float");
    assert_eq!(fake.error("HINCRBYFLOAT h n nan"), "ERR value is not a valid float");
    assert_eq!(fake.error("HINCRBYFLOAT h n -inf"), "ERR value is NaN or Infinity");
    fake.ask("HSET h inf inf");
    let text = fake.error("HINCRBYFLOAT h inf 1");
    assert_eq!(text, "ERR increment would produce NaN or Infinity");
    fake.error("HINCRBY new n x");
    assert_eq!(fake.ask("EXISTS new"), Reply::Integer(0));
}

#[test]
fn a_key_of_another_type_is_refused_by_every_command_and_stays() {
    let mut fake = Fake::new();
    fake.ask("SET s text");
    for request in [
        "HSET s f v",
        "HSETNX s f v",
        "HGET s f",
        "HMGET s f",
        "HGETALL s",
        "HDEL s f",
        "HEXISTS s f",
        "HLEN s",
        "HSTRLEN s f",
        "HKEYS s",
        "HVALS s",
        "HINCRBY s f 1",
        "HINCRBYFLOAT s f 1",
        "HRANDFIELD s",
        "HSCAN s 0",
        "LPUSH s v",
        "LPUSHX s v",
        "LPOP s",
        "LLEN s",
        "LINDEX s 0",
        "LRANGE s 0 1",
        "LSET s 0 v",
        "LTRIM s 0 1",
        "LREM s 0 v",
        "LINSERT s BEFORE a b",
        "LPOS s a",
    ] {
        assert!(fake.error(request).starts_with("WRONGTYPE"), "{request}");
    }
    assert_eq!(fake.ask("GET s"), Reply::Bulk(b"text".to_vec()));
}
