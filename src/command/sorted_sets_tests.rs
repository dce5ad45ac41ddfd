//! Sorted sets by their commands: what the comparison with redis-server does not reach, and its
//! shapes of replies.

use crate::command::fake::Fake;
use crate::resp::{Protocol, Reply};

fn bytes(fake: &mut Fake, request: &str) -> String {
    let reply = fake.ask(request);
    let mut out = Vec::new();
    reply.encode(fake.session.protocol, &mut out);
    String::from_utf8(out).unwrap().replace("\r\n", " ")
}

#[test]
fn scores_are_texts_in_resp2_and_doubles_beside_their_members_in_resp3() {
    let mut fake = Fake::new();
    assert_eq!(bytes(&mut fake, "ZADD k 0.1 a inf b"), ":2 ");
    assert_eq!(bytes(&mut fake, "ZSCORE k a"), "$19 0.10000000000000001 ");
    assert_eq!(
        bytes(&mut fake, "ZRANGE k 0 -1 WITHSCORES"),
        "*4 $1 a $19 0.10000000000000001 $1 b $3 inf "
    );
    fake.session.protocol = Protocol::Resp3;
    assert_eq!(bytes(&mut fake, "ZSCORE k a"), ",0.10000000000000001 ");
    assert_eq!(
        bytes(&mut fake, "ZRANGE k 0 -1 WITHSCORES"),
        "*2 *2 $1 a ,0.10000000000000001 *2 $1 b ,inf "
    );
    assert_eq!(bytes(&mut fake, "ZMSCORE k b c"), "*2 ,inf _ ");
    assert_eq!(bytes(&mut fake, "ZADD k INCR 1 c"), ",1 ");
    assert_eq!(bytes(&mut fake, "ZADD k XX INCR 1 d"), "_ ");
    assert_eq!(bytes(&mut fake, "ZPOPMIN k"), "*2 $1 a ,0.10000000000000001 ");
    assert_eq!(bytes(&mut fake, "ZPOPMAX k 1"), "*1 *2 $1 b ,inf ");
    assert_eq!(bytes(&mut fake, "ZSCAN k 0"), "*2 $1 0 *2 $1 c $1 1 ");
}

#[test]
fn a_limiters_log_is_counted_trimmed_and_ends_with_its_last_member() {
    let mut fake = Fake::new();
    for hit in 1..=5 {
        assert_eq!(bytes(&mut fake, &format!("ZADD log {hit}00 hit-{hit}")), ":1 ");
    }
    assert_eq!(bytes(&mut fake, "ZREMRANGEBYSCORE log 0 200"), ":2 ");
    assert_eq!(bytes(&mut fake, "ZCARD log"), ":3 ");
    assert_eq!(bytes(&mut fake, "ZRANGE log 0 0"), "*1 $5 hit-3 ");
    assert_eq!(bytes(&mut fake, "ZRANGE log -1 -1"), "*1 $5 hit-5 ");
    assert_eq!(bytes(&mut fake, "ZCOUNT log (300 +inf"), ":2 ");
    assert_eq!(bytes(&mut fake, "ZREMRANGEBYRANK log 0 -2"), ":2 ");
    assert_eq!(bytes(&mut fake, "ZREM log hit-5"), ":1 ");
    assert_eq!(bytes(&mut fake, "EXISTS log"), ":0 ");
}

#[test]
fn what_would_be_nan_is_refused_and_changes_nothing() {
    let mut fake = Fake::new();
    fake.ask("ZADD k inf a");
    let text = "ERR resulting score is not a number (NaN)";
    assert_eq!(fake.error("ZINCRBY k -inf a"), text);
    assert_eq!(fake.error("ZADD k INCR -inf a"), text);
    assert_eq!(fake.error("ZADD k 1 b nan c"), "ERR value is not a valid float");
    assert_eq!(bytes(&mut fake, "ZRANGE k 0 -1"), "*1 $1 a ");
}

#[test]
fn a_set_that_is_too_large_for_one_reply_is_still_served_in_parts() {
    let mut fake = Fake::new();
    let long = "x".repeat(900_000);
    for number in 0..160 {
        fake.ask(&format!("ZADD k {number} {number}{long}"));
    }
    let text = "ERR too many elements for one reply, ask for fewer";
    assert_eq!(fake.error("ZRANGE k 0 -1"), text);
    assert_eq!(fake.error("ZPOPMIN k 160"), text);
    assert_eq!(fake.error("ZRANDMEMBER k -1000000000"), text);
    assert_eq!(bytes(&mut fake, "ZCARD k"), ":160 ");
    assert!(matches!(fake.ask("ZRANGE k 0 50"), Reply::Frame(_)));
}

#[test]
fn members_that_are_drawn_are_members_and_each_at_most_once() {
    let mut fake = Fake::new();
    for number in 0..50 {
        fake.ask(&format!("ZADD k {number} m{number}"));
    }
    let draw = |fake: &mut Fake, request: &str| -> Vec<String> {
        let reply = bytes(fake, request);
        reply.split(' ').filter(|word| word.starts_with('m')).map(str::to_owned).collect()
    };
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let drawn = draw(&mut fake, "ZRANDMEMBER k 7");
        let distinct: std::collections::BTreeSet<_> = drawn.iter().cloned().collect();
        assert_eq!((drawn.len(), distinct.len()), (7, 7));
        seen.extend(distinct);
    }
    assert_eq!(seen.len(), 50, "every member is drawn at some time");
    assert_eq!(draw(&mut fake, "ZRANDMEMBER k -60").len(), 60);
    assert_eq!(draw(&mut fake, "ZRANDMEMBER k").len(), 1);
    assert_eq!(draw(&mut fake, "ZRANDMEMBER k 60 WITHSCORES").len(), 50);
}

#[test]
fn a_walk_over_a_large_set_sees_every_member_once() {
    let mut fake = Fake::new();
    for number in 0..1000 {
        fake.ask(&format!("ZADD k {} m{number}", number % 3));
    }
    let (mut cursor, mut seen, mut calls) = ("0".to_owned(), Vec::new(), 0);
    loop {
        let reply = bytes(&mut fake, &format!("ZSCAN k {cursor} COUNT 50"));
        let words: Vec<&str> = reply.split(' ').collect();
        seen.extend(
            words.iter().filter(|word| word.starts_with('m')).map(|word| (*word).to_owned()),
        );
        calls += 1;
        cursor = words[2].to_owned();
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(calls, 20);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 1000);
}

#[test]
fn scripts_read_scores_as_texts_and_as_doubles_where_they_ask_for_resp3() {
    let mut fake = Fake::new();
    fake.ask("ZADD k 0.5 a");
    let eval = |fake: &mut Fake, script: &str| {
        let reply = fake.ask_words(&["EVAL", script, "1", "k"]);
        let mut out = Vec::new();
        reply.encode(Protocol::Resp2, &mut out);
        String::from_utf8(out).unwrap().replace("\r\n", " ")
    };
    let text = eval(&mut fake, "return redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')");
    assert_eq!(text, "*2 $1 a $3 0.5 ");
    let script = "redis.setresp(3) local r = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES') \
                  return {r[1][1], tostring(r[1][2].double)}";
    assert_eq!(eval(&mut fake, script), "*2 $1 a $3 0.5 ");
}
