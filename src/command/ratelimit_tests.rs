//! RL.* by its words: what is taken, what is refused and with which text.

use crate::command::fake::{Fake, NOW_MS};
use crate::resp::{Reply, array, integer};

const RESET: i64 = (60_000 - NOW_MS % 60_000) as i64;

#[test]
fn hits_give_the_five_numbers_of_the_verdict() {
    let mut fake = Fake::new();
    assert_eq!(fake.ask("RL.HIT k 60000 2"), Reply::Five([1, 1, 1, 0, RESET]));
    assert_eq!(fake.ask("rl.hit k 1m 2 1"), Reply::Five([1, 2, 0, 0, RESET]));
    assert_eq!(fake.ask("RL.CHECK k 60s 2"), Reply::Five([0, 3, 0, RESET, RESET]));
    assert_eq!(fake.ask("RL.HIT k 60000 2 NOCOUNT"), Reply::Five([0, 2, 0, RESET, RESET]));
    assert_eq!(fake.ask("RL.HIT k 60000 2"), Reply::Five([0, 3, 0, RESET, RESET]));
    assert_eq!(fake.ask("RL.HIT k 60000 2 3"), Reply::Five([0, 6, 0, -1, RESET]));
    assert_eq!(fake.ask("RL.HIT k 60000 0 0"), Reply::Five([0, 6, 0, RESET, RESET]));
}

#[test]
fn options_come_in_any_order_and_once() {
    let mut fake = Fake::new();
    for request in [
        "RL.HIT k 1s 9 2 SLIDING NOCOUNT",
        "RL.HIT k 1s 9 nocount sliding",
        "RL.CHECK k 1s 9 2 SLIDING",
        "RL.INC k 1s SLIDING",
        "RL.GET k 1s SLIDING",
        "RL.SET k 1s 3 SLIDING",
        "RL.EXPIRESAT k 1s SLIDING",
        "RL.REFUND k 1s 1 SLIDING",
        "RL.MHIT 1 k 1s 9 1 SLIDING",
    ] {
        assert!(!matches!(fake.ask(request), Reply::Error(_)), "{request}");
    }
    for request in [
        "RL.HIT k 1s 9 SLIDING SLIDING",
        "RL.HIT k 1s 9 1 1",
        "RL.HIT k 1s 9 SLIDING 1",
        "RL.HIT k 1s 9 WHAT",
        "RL.CHECK k 1s 9 NOCOUNT",
        "RL.GET k 1s 1",
        "RL.SET k 1s 3 NOCOUNT",
        "RL.MHIT 1 k 1s 9 1 NOCOUNT",
        "RL.MHIT 2 k 1s 9 1",
    ] {
        assert_eq!(fake.error(request), "ERR syntax error", "{request}");
    }
}

#[test]
fn numbers_out_of_range_are_named() {
    let mut fake = Fake::new();
    const INTEGER: &str = "ERR value is not an integer or out of range";
    for (request, text) in [
        ("RL.HIT k 60000 x", INTEGER),
        ("RL.HIT k 60000 9223372036854775808", INTEGER),
        ("RL.HIT k 60000 5 +1", INTEGER),
        ("RL.HIT k 60000 -1", super::NOT_POSITIVE),
        ("RL.HIT k 60000 5 -1", super::NEGATIVE_INCREMENT),
        ("RL.HIT k 60000 5 281474976710657", super::BAD_INCREMENT),
        ("RL.SET k 60000 1125899906842625", super::BAD_COUNT),
        ("RL.SET k 60000 -1", super::NOT_POSITIVE),
        ("RL.REFUND k 60000 -1", super::NOT_POSITIVE),
        ("RL.MHIT 0 k 1s 9 1", super::BAD_LIMITS),
        ("RL.MHIT 65 k 1s 9 1", super::BAD_LIMITS),
        ("RL.MHIT x k 1s 9 1", INTEGER),
    ] {
        assert_eq!(fake.error(request), text, "{request}");
    }
    for scale in ["0", "-1", "1.5", "1w", "s", "3700d", "99999999999999999999", "+5"] {
        assert_eq!(fake.error(&format!("RL.HIT k {scale} 5")), super::BAD_SCALE, "{scale}");
    }
    assert_eq!(fake.ask("RL.HIT k 60000 5 281474976710656"), {
        Reply::Five([0, 1 << 48, 0, -1, RESET])
    });
    let long = "k".repeat(1025);
    assert_eq!(fake.error(&format!("RL.HIT {long} 60000 5")), super::LONG_KEY);
    assert!(!matches!(fake.ask(&format!("RL.HIT {} 60000 5", &long[1..])), Reply::Error(_)));
}

#[test]
fn several_limits_answer_whether_all_passed_and_each_verdict() {
    let mut fake = Fake::new();
    let v = |numbers: [i64; 5]| array(numbers.into_iter().map(integer).collect());
    let passed =
        array(vec![integer(1), integer(-1), v([1, 1, 4, 0, RESET]), v([1, 2, 0, 0, RESET])]);
    assert_eq!(fake.ask("RL.MHIT 2 ip 1m 5 1 user 1m 2 2"), Reply::Frame(passed));
    let denied =
        array(vec![integer(0), integer(1), v([1, 2, 3, 0, RESET]), v([0, 3, 0, RESET, RESET])]);
    assert_eq!(fake.ask("RL.MHIT 2 ip 1m 5 1 user 1m 2 1"), Reply::Frame(denied));
    assert_eq!(fake.ask("RL.GET ip 1m"), Reply::Integer(1));
}

#[test]
fn the_rest_of_the_family_answers_integers() {
    let mut fake = Fake::new();
    let end = i64::try_from(NOW_MS).unwrap() + RESET;
    for (request, reply) in [
        ("RL.GET k 1m", 0),
        ("RL.EXPIRESAT k 1m", 0),
        ("RL.REFUND k 1m 5", 0),
        ("RL.RESET k", 0),
        ("RL.INC k 1m", 1),
        ("RL.INC k 1m 4", 5),
        ("RL.EXPIRESAT k 1m", end),
        ("RL.REFUND k 1m 2", 3),
        ("RL.SET k 1m 7", 7),
        ("RL.GET k 1m", 7),
        ("RL.GET k 1h", 0),
        ("RL.INC k 1h", 1),
        ("RL.RESET k 1s", 0),
        ("RL.RESET k 1m 1s", 1),
        ("RL.RESET k", 1),
        ("RL.SET k 1m 0", 0),
        ("EXISTS k", 0),
    ] {
        assert_eq!(fake.ask(request), Reply::Integer(reply), "{request}");
    }
}

#[test]
fn throttle_replies_and_errors_are_those_of_the_servers_it_stands_in_for() {
    let mut fake = Fake::new();
    assert_eq!(fake.ask("CL.THROTTLE a 15 30 60"), Reply::Five([0, 16, 15, -1, 2]));
    assert_eq!(fake.ask("RL.THROTTLE a 15 30 60 15"), Reply::Five([0, 16, 0, -1, 32]));
    assert_eq!(fake.ask("CL.THROTTLE a 15 30 60"), Reply::Five([1, 16, 0, 2, 32]));
    assert_eq!(fake.ask("CL.THROTTLE a 15 30 60 17"), Reply::Five([1, 16, 0, -1, 32]));
    assert_eq!(fake.ask("THROTTLE b 10 10 60").first_number(), 1);
    for (request, text) in [
        ("CL.THROTTLE", super::super::throttle::USAGE),
        ("CL.THROTTLE a 1 2 3 4 5", super::super::throttle::USAGE),
        ("CL.THROTTLE a x 2 3", "Cell error: Store error: Couldn't parse as integer: x"),
        ("CL.THROTTLE a 1 0 3", "Cell error: Store error: Zero rates are not supported"),
        ("RL.THROTTLE a x 2 3", "ERR value is not an integer or out of range"),
        ("RL.THROTTLE a 1 2 3 4 5", "ERR syntax error"),
        ("THROTTLE a x 2 3", "ERR invalid max_burst"),
        ("THROTTLE a 1 2 3 4 5", "ERR wrong number of arguments for 'throttle' command"),
        ("THROTTLE a 0 2 3", "ERR Rate limit check failed: invalid rate limit parameters"),
    ] {
        assert_eq!(fake.error(request), text, "{request}");
    }
}

trait FirstNumber {
    fn first_number(&self) -> i64;
}

impl FirstNumber for Reply {
    fn first_number(&self) -> i64 {
        match self {
            Reply::Five(numbers) => numbers[0],
            other => panic!("{other:?}"),
        }
    }
}
