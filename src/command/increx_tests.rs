//! INCREX against the rules of Redis 8.8, which no Redis installed here knows.

use crate::command::fake::Fake;
use crate::resp::{Protocol, Reply, double_text};

fn bytes(fake: &mut Fake, request: &str) -> String {
    let reply = fake.ask(request);
    let mut out = Vec::new();
    reply.encode(fake.session.protocol, &mut out);
    String::from_utf8(out).unwrap()
}

/// Sets the key (`-`: removes it), asks, and compares the pair of integers and what is left.
fn check(fake: &mut Fake, before: &str, options: &str, pair: [i64; 2], after: &str) {
    fake.ask(&if before == "-" { "DEL k".to_owned() } else { format!("SET k {before}") });
    let expected = format!("*2\r\n:{}\r\n:{}\r\n", pair[0], pair[1]);
    assert_eq!(bytes(fake, &format!("INCREX k{options}")), expected, "{before}{options}");
    let left = bytes(fake, "GET k");
    let expected = if after == "-" {
        "$-1\r\n".to_owned()
    } else {
        format!("${}\r\n{after}\r\n", after.len())
    };
    assert_eq!(left, expected, "after {before}{options}");
}

const MAX: i64 = i64::MAX;
const MIN: i64 = i64::MIN;

#[test]
fn a_result_within_its_bounds_is_kept_and_one_beyond_changes_nothing() {
    let mut fake = Fake::new();
    for (before, options, pair, after) in [
        ("-", "", [1, 1], "1"),
        ("10", "", [11, 1], "11"),
        ("10", " BYINT -25", [-15, -25], "-15"),
        ("10", " BYINT 0", [10, 0], "10"),
        ("10", " byint 5 ubound 15", [15, 5], "15"),
        ("10", " UBOUND 14 BYINT 5", [10, 0], "10"),
        ("10", " BYINT -5 LBOUND 5", [5, -5], "5"),
        ("10", " BYINT -5 LBOUND 6", [10, 0], "10"),
        ("50", " BYINT 5 UBOUND 30", [50, 0], "50"),
        ("50", " BYINT -25 UBOUND 30", [25, -25], "25"),
        ("10", " BYINT 5 LBOUND 20", [10, 0], "10"),
        ("10", " BYINT 5 LBOUND 10 UBOUND 10", [10, 0], "10"),
        ("-", " UBOUND 0", [0, 0], "-"),
        ("-", " LBOUND 5", [0, 0], "-"),
        ("9223372036854775807", "", [MAX, 0], "9223372036854775807"),
        ("-9223372036854775808", " BYINT -1", [MIN, 0], "-9223372036854775808"),
    ] {
        check(&mut fake, before, options, pair, after);
    }
}

#[test]
fn saturate_moves_onto_the_bound_from_either_side() {
    let mut fake = Fake::new();
    for (before, options, pair, after) in [
        ("10", " BYINT 5 UBOUND 12 SATURATE", [12, 2], "12"),
        ("10", " BYINT 5 UBOUND 5 SATURATE", [5, -5], "5"),
        ("10", " BYINT -5 LBOUND 20 SATURATE", [20, 10], "20"),
        ("10", " SATURATE", [11, 1], "11"),
        ("-", " UBOUND 0 SATURATE", [0, 0], "0"),
        ("-", " LBOUND 5 SATURATE", [5, 5], "5"),
        ("9223372036854775800", " BYINT 10 SATURATE", [MAX, 7], "9223372036854775807"),
        ("-9223372036854775800", " BYINT -10 SATURATE", [MIN, -8], "-9223372036854775808"),
        ("10", " BYINT 9223372036854775807 UBOUND 100 SATURATE", [100, 90], "100"),
    ] {
        check(&mut fake, before, options, pair, after);
    }
    fake.ask("SET k 9223372036854775800");
    assert_eq!(
        fake.error("INCREX k SATURATE UBOUND -9223372036854775808"),
        "ERR applied increment would overflow"
    );
    assert_eq!(fake.ask("GET k"), Reply::BulkInteger(9_223_372_036_854_775_800));
}

#[test]
fn floats_are_texts_in_resp2_and_doubles_in_resp3() {
    let mut fake = Fake::new();
    let mut ask = |before: &str, options: &str| {
        fake.ask(&if before == "-" { "DEL k".to_owned() } else { format!("SET k {before}") });
        let request = format!("INCREX k BYFLOAT {options}");
        let pair = bytes(&mut fake, &request);
        fake.ask(&if before == "-" { "DEL k".to_owned() } else { format!("SET k {before}") });
        fake.session.protocol = Protocol::Resp3;
        let doubles = bytes(&mut fake, &request);
        fake.session.protocol = Protocol::Resp2;
        (pair, doubles)
    };
    for (before, options, value, applied) in [
        ("0.1", "0.2", "0.3", "0.2"),
        ("10", "2.5 LBOUND 5.0 UBOUND 15.0", "12.5", "2.5"),
        ("10", "5.5 UBOUND 12.5", "10", "0"),
        ("10", "5.5 UBOUND 12.5 SATURATE", "12.5", "2.5"),
        ("50.5", "5.5 UBOUND 30 SATURATE", "30", "-20.5"),
        ("-", "-0.5 UBOUND -1.5", "0", "0"),
        ("-", "5.5 UBOUND 10", "5.5", "5.5"),
        ("10", "1.0 UBOUND inf LBOUND -inf", "11", "1"),
        ("10", "1.0 LBOUND inf UBOUND +inf", "10", "0"),
        ("10", "1e4932 UBOUND 100", "10", "0"),
        ("10", "-1e4932 LBOUND -100 SATURATE", "-100", "-110"),
    ] {
        let (pair, doubles) = ask(before, options);
        let (v, a) = (value.len(), applied.len());
        assert_eq!(pair, format!("*2\r\n${v}\r\n{value}\r\n${a}\r\n{applied}\r\n"), "{options}");
        let double = |text: &str| double_text(text.parse().unwrap());
        let expected = format!("*2\r\n,{}\r\n,{}\r\n", double(value), double(applied));
        assert_eq!(doubles, expected, "{options}");
    }
    for (before, options, error) in [
        ("10", "inf", "ERR BYFLOAT increment cannot be Infinity"),
        ("inf", "1", "ERR value cannot be Infinity"),
        ("10", "1 LBOUND inf", "ERR LBOUND can't be greater than UBOUND"),
        ("10", "1 UBOUND -inf", "ERR LBOUND can't be greater than UBOUND"),
        ("10", "1 LBOUND inf UBOUND inf SATURATE", "ERR applied increment would be Infinity"),
        ("abc", "1", "ERR value is not a valid float"),
    ] {
        fake.ask(&format!("SET k {before}"));
        assert_eq!(fake.error(&format!("INCREX k BYFLOAT {options}")), error);
    }
}

#[test]
fn an_end_is_set_kept_or_lost_as_the_options_say_and_only_with_the_value() {
    let mut fake = Fake::new();
    for (before, options, ttl) in [
        ("SET k 10", "", -1),
        ("SET k 10 EX 500", "", 500),
        ("SET k 10", " EX 100", 100),
        ("SET k 10 EX 500", " EX 100", 100),
        ("SET k 10 EX 500", " PX 100000 ENX", 500),
        ("SET k 10", " ENX EX 100", 100),
        ("DEL k", " EX 100 ENX", 100),
        ("SET k 10 EX 500", " PERSIST", -1),
        ("DEL k", " PERSIST", -1),
        ("SET k 10", " EXAT 100", -2),
        ("SET k 10", " EXAT 100 ENX", -2),
        ("SET k 10 EX 500", " EXAT 100 ENX", 500),
        ("SET k 10", " UBOUND 5 EX 100", -1),
        ("SET k 10 EX 500", " UBOUND 5 EX 100", 500),
        ("SET k 10 EX 500", " UBOUND 5 PERSIST", 500),
        ("SET k 10", " BYINT 5 UBOUND 12 SATURATE EX 100", 100),
        ("SET k 10 EX 500", " BYFLOAT 0.5", 500),
        ("SET k 10", " BYFLOAT 0.5 PX 100000", 100),
    ] {
        fake.ask(before);
        assert!(matches!(fake.ask(&format!("INCREX k{options}")), Reply::Frame(_)), "{options}");
        assert_eq!(fake.ask("TTL k"), Reply::Integer(ttl), "{before}{options}");
    }
}

#[test]
fn what_is_wrong_is_named_and_changes_nothing() {
    let mut fake = Fake::new();
    const SYNTAX: &str = "ERR syntax error";
    for (options, error) in [
        ("BYINT 1 BYINT 2", SYNTAX),
        ("BYINT 1 BYFLOAT 2", SYNTAX),
        ("LBOUND 0 LBOUND 1", SYNTAX),
        ("UBOUND 0 UBOUND 1", SYNTAX),
        ("SATURATE SATURATE", SYNTAX),
        ("SAT", SYNTAX),
        ("ENX ENX EX 10", SYNTAX),
        ("PERSIST PERSIST", SYNTAX),
        ("EX 10 EX 20", SYNTAX),
        ("EX 10 PX 20", SYNTAX),
        ("EX 10 PERSIST", SYNTAX),
        ("PERSIST EX 10", SYNTAX),
        ("PERSIST ENX", SYNTAX),
        ("ENX PERSIST", SYNTAX),
        ("BYINT", SYNTAX),
        ("LBOUND", SYNTAX),
        ("EX", SYNTAX),
        ("KEEPTTL", SYNTAX),
        ("ENX", "ERR ENX flag requires an expiration"),
        ("BYINT 1.5", "ERR Increment is not an integer or out of range"),
        ("BYFLOAT abc", "ERR Increment is not a valid float"),
        ("UBOUND 1.5", "ERR UBOUND is not an integer or out of range"),
        ("LBOUND inf", "ERR LBOUND is not an integer or out of range"),
        ("BYFLOAT 1 UBOUND abc", "ERR UBOUND is not a valid float"),
        ("BYFLOAT 1 LBOUND abc", "ERR LBOUND is not a valid float"),
        ("LBOUND 10 UBOUND 5", "ERR LBOUND can't be greater than UBOUND"),
        ("LBOUND 10 UBOUND 5 SATURATE", "ERR LBOUND can't be greater than UBOUND"),
        ("EX 0", "ERR invalid expire time in 'increx' command"),
        ("PX -1", "ERR invalid expire time in 'increx' command"),
        ("EX abc", "ERR value is not an integer or out of range"),
    ] {
        fake.ask("SET k 10");
        assert_eq!(fake.error(&format!("INCREX k {options}")), error, "{options}");
        assert_eq!(fake.ask("GET k"), Reply::BulkInteger(10));
        assert_eq!(fake.ask("TTL k"), Reply::Integer(-1));
    }
    fake.ask("SET k 1.5");
    assert_eq!(fake.error("INCREX k"), "ERR value is not an integer or out of range");
}
