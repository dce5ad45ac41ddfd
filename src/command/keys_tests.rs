//! Generic commands on names that have counters or cells.

use crate::command::fake::Fake;
use crate::engine::LOOKS_MAX;
use crate::resp::{Reply, array, bulk, text};

#[test]
fn a_name_with_a_counter_or_a_cell_is_a_key() {
    let mut fake = Fake::new();
    fake.ask("RL.HIT a 1h 9");
    fake.ask("RL.HIT a 1m 9");
    fake.ask("CL.THROTTLE b 1 1 3600");
    assert_eq!(fake.ask("DBSIZE"), Reply::Integer(3));
    assert_eq!(fake.ask("EXISTS a b c a"), Reply::Integer(3));
    assert_eq!(fake.ask("TYPE a"), Reply::Simple("ratelimit"));
    assert_eq!(fake.ask("TYPE b"), Reply::Simple("ratelimit"));
    assert_eq!(fake.ask("TYPE c"), Reply::Simple("none"));
    assert_eq!(fake.ask("PTTL b"), Reply::Integer(3_600_000));
    assert_eq!(fake.ask("TTL c"), Reply::Integer(-2));
    let names = array(vec![bulk("a"), bulk("b")]);
    assert_eq!(fake.ask("KEYS *"), Reply::Frame(names.clone()));
    assert_eq!(fake.ask("SCAN 0 COUNT 100"), Reply::Frame(array(vec![text("0"), names])));
    assert_eq!(fake.ask("DEL a c"), Reply::Integer(1));
    assert_eq!(fake.ask("UNLINK b"), Reply::Integer(1));
    assert_eq!(fake.ask("DBSIZE"), Reply::Integer(0));
    assert_eq!(fake.ask("OBJECT ENCODING a"), Reply::Null);
    assert_eq!(fake.ask("MEMORY USAGE a"), Reply::Null);
}

#[test]
fn a_ttl_is_that_of_the_latest_window() {
    let mut fake = Fake::new();
    fake.ask("RL.HIT a 1s 9");
    let Reply::Integer(short) = fake.ask("PTTL a") else { panic!() };
    assert!((1..=1000).contains(&short));
    fake.ask("RL.HIT a 1m 9");
    let Reply::Integer(long) = fake.ask("PTTL a") else { panic!() };
    assert!((1001..=60_000).contains(&long), "{long}");
    fake.ask("CL.THROTTLE a 1 1 3600");
    assert_eq!(fake.ask("PTTL a"), Reply::Integer(3_600_000));
    fake.ask("RL.HIT a 7d 9");
    let Reply::Integer(longest) = fake.ask("PTTL a") else { panic!() };
    assert!(longest > 3_600_000, "{longest}");
}

#[test]
fn looking_many_keys_up_under_many_scales_is_refused_rather_than_stall_the_thread() {
    let mut fake = Fake::new();
    for scale in 1..=1024 {
        fake.ask(&format!("RL.HIT k {} 9", 600_000 + scale));
    }
    let keys = vec!["k"; LOOKS_MAX / 1024 + 1].join(" ");
    for command in ["EXISTS", "DEL", "UNLINK"] {
        let text = fake.error(&format!("{command} {keys}"));
        assert!(text.starts_with("ERR too many keys for the number of scales"), "{text}");
    }
    assert_eq!(fake.ask("EXISTS k k"), Reply::Integer(2));
}

#[test]
fn scan_names_its_errors() {
    let mut fake = Fake::new();
    assert_eq!(fake.error("SCAN x"), "ERR invalid cursor");
    for request in ["SCAN 0 MATCH", "SCAN 0 WHAT 1", "SCAN 0 COUNT 0"] {
        assert_eq!(fake.error(request), "ERR syntax error", "{request}");
    }
    assert_eq!(fake.error("FLUSHALL NOW"), "ERR syntax error");
}
