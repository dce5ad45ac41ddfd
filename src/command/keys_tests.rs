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

#[test]
fn a_string_hides_the_counters_of_its_name_and_a_deletion_takes_both() {
    let mut fake = Fake::new();
    fake.ask("RL.HIT a 1h 9");
    for request in ["EXPIRE a 100", "PERSIST a", "COPY a b", "RENAMENX b a"] {
        let reply = fake.ask(request);
        let missing = Reply::Error("ERR no such key".into());
        assert!(reply == Reply::Integer(0) || reply == missing, "{request}: {reply:?}");
    }
    assert_eq!(fake.error("RENAME a b"), "ERR no such key");
    assert_eq!(fake.ask("GET a"), Reply::Null);
    assert_eq!(fake.ask("SET a 5 NX"), Reply::Simple("OK"));
    assert_eq!(fake.ask("TYPE a"), Reply::Simple("string"));
    assert_eq!(fake.ask("TTL a"), Reply::Integer(-1));
    assert_eq!(fake.ask("INCR a"), Reply::Integer(6));
    assert_eq!(fake.ask("RL.GET a 1h"), Reply::Integer(1));
    assert_eq!(fake.ask("DEL a"), Reply::Integer(1));
    assert_eq!(fake.ask("EXISTS a"), Reply::Integer(0));
    assert_eq!(fake.ask("RL.GET a 1h"), Reply::Integer(0));
}

#[test]
fn a_cell_is_no_string_until_one_is_set_over_it() {
    let mut fake = Fake::new();
    const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";
    fake.ask("CL.THROTTLE c 1 1 3600");
    for request in [
        "GET c",
        "GETSET c 1",
        "GETDEL c",
        "GETEX c",
        "SET c 1 GET",
        "STRLEN c",
        "APPEND c 1",
        "GETRANGE c 0 1",
        "SETRANGE c 0 x",
        "INCR c",
        "INCRBYFLOAT c 1",
        "INCREX c",
        "INCREX c BYFLOAT 1",
    ] {
        assert_eq!(fake.error(request), WRONG_TYPE, "{request}");
    }
    assert_eq!(fake.error("RENAME c d"), "ERR no such key");
    for request in ["SETNX c 1", "EXPIRE c 1", "PERSIST c", "COPY c d", "MSETNX c 1"] {
        assert_eq!(fake.ask(request), Reply::Integer(0), "{request}");
    }
    assert_eq!(fake.ask("MGET c"), Reply::Frame(array(vec![crate::resp::null()])));
    assert_eq!(fake.ask("PTTL c"), Reply::Integer(3_600_000));
    assert_eq!(fake.ask("SET c 1"), Reply::Simple("OK"));
    assert_eq!(fake.error("CL.THROTTLE c 1 1 3600"), WRONG_TYPE);
    assert_eq!(fake.ask("GET c"), Reply::BulkInteger(1));
}

#[test]
fn scan_tells_strings_from_limits_and_a_random_key_is_any_of_them() {
    let mut fake = Fake::new();
    fake.ask("RL.HIT window 1h 9");
    fake.ask("CL.THROTTLE cell 1 1 3600");
    fake.ask("SET text x");
    let page = |names: &[&str]| {
        let names = names.iter().map(|name| text(name)).collect();
        Reply::Frame(array(vec![text("0"), array(names)]))
    };
    for (of, names) in [
        ("", ["cell", "text", "window"].as_slice()),
        (" TYPE string", &["text"]),
        (" TYPE ratelimit", &["cell", "window"]),
        (" TYPE list", &[]),
    ] {
        assert_eq!(fake.ask(&format!("SCAN 0 COUNT 100{of}")), page(names), "{of}");
    }
    let mut drawn = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let Reply::Bulk(key) = fake.ask("RANDOMKEY") else { panic!("no key") };
        drawn.insert(String::from_utf8(key).unwrap());
    }
    assert_eq!(drawn.into_iter().collect::<Vec<_>>(), ["cell", "text", "window"]);
    fake.ask("FLUSHALL");
    assert_eq!(fake.ask("RANDOMKEY"), Reply::Null);
}
