//! The table's laws, over every row.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

/// Each setting with values that it takes (as CONFIG GET prints them) and values that it refuses.
const EDGES: &[(&str, &[&str], &[&str])] = &[
    ("port", &["0", "65535"], &["-1", "65536", "", "tcp://1.2.3.4:6379"]),
    ("bind", &["* -::*", "10.0.0.1", "::1 -fe80::1"], &["", "nonsense", "-"]),
    ("unixsocket", &["", "/run/ratel.sock"], &[]),
    ("unixsocketperm", &["0", "777"], &["778", "1000", "-1", ""]),
    ("tcp-backlog", &["0", "2147483647"], &["-1", "2147483648"]),
    ("tcp-keepalive", &["0", "32767"], &["-1", "32768", "5.5"]),
    ("maxclients", &["1", "4294967295"], &["0", "4294967296", "abc"]),
    ("timeout", &["0", "2147483647"], &["-1", "2147483648"]),
    ("handshake-timeout", &["0", "2147483647"], &["-1", "2147483648"]),
    ("output-stall-timeout", &["0", "2147483647"], &["-1", "2147483648"]),
    ("proto-max-bulk-len", &["131072", "536870912"], &["131071", "536870913", "1tb"]),
    ("client-query-buffer-limit", &["131072", "1073741824"], &["131071", "1073741825"]),
    ("maxmemory-clients", &["1048576", "9223372036854775807"], &["1048575", "5%"]),
    (
        "client-output-buffer-limit",
        &["normal 0 0 0 slave 0 0 0 pubsub 0 0 0", "normal 0 0 0 slave 0 0 0 pubsub 2048 1 9"],
        &["", "pubsub 1 1", "pubsub -1 0 0", "pubsub 1 1 -1", "other 1 1 1"],
    ),
    ("maxmemory", &["0", "9223372036854775807"], &["-1", "1zb", "9223372036854775808"]),
    ("maxmemory-policy", &["noeviction", "allow-new", "deny-new"], &["allkeys-lru", ""]),
    ("lua-memory-limit", &["4194304", "67108864"], &["4194303", "67108865"]),
    ("requirepass", &["", "s3cret with blanks", "abc\0def"], &[]),
    ("protected-mode", &["yes", "no"], &["", "1", "true"]),
    ("enable-debug-command", &["no", "local", "yes"], &["", "maybe"]),
    ("io-threads", &["0", "128"], &["-1", "129"]),
    ("busy-reply-threshold", &["1", "5000"], &["0", "5001", "-1"]),
    ("shutdown-timeout", &["0", "2147483647"], &["-1", "2147483648"]),
    ("loglevel", &["debug", "verbose", "notice", "warning"], &["nothing", ""]),
    ("slowlog-log-slower-than", &["-1", "9223372036854775807"], &["-2", "9223372036854775808"]),
    ("slowlog-max-len", &["0", "10000"], &["-1", "10001"]),
    ("latency-tracking", &["yes", "no"], &["on"]),
    ("cluster-port", &["0", "65535"], &["-1", "65536"]),
    ("cluster-bind", &["0.0.0.0", "::"], &[]),
    ("cluster-advertise", &["", "10.0.0.1:7946"], &[]),
    ("cluster-name", &["", "blue"], &[]),
    ("cluster-secret-file", &["", "/etc/ratel/secret"], &[]),
    ("cluster-insecure", &["yes", "no"], &["on"]),
    ("join", &["", "ratel:7946 srv:_gossip._udp.ratel"], &[]),
];

#[test]
fn every_setting_has_edges_here() {
    let tested: Vec<_> = EDGES.iter().map(|(name, ..)| *name).collect();
    let settings: Vec<_> = SETTINGS.iter().map(|setting| setting.name).collect();
    let missing: Vec<_> = settings.iter().filter(|name| !tested.contains(name)).collect();
    assert!(missing.is_empty(), "without edges: {missing:?}");
    assert_eq!(tested.len(), settings.len());
}

#[test]
fn redis_former_names_are_known_too() {
    let mut config = Config::default();
    assert_eq!(set_live(&mut config, "LUA-TIME-LIMIT", "70"), Ok(()));
    assert_eq!(get(&config, "lua-time-limit").as_deref(), Some("70"));
    assert_eq!(config.busy_reply_threshold_ms, 70);
    for (alias, name) in ALIASES {
        assert!(find(name).is_some() && SETTINGS.iter().all(|s| s.name != *alias), "{alias}");
    }
}

#[test]
fn values_at_the_edges_are_taken_and_printed_as_given() {
    for (name, good, _) in EDGES {
        for text in *good {
            let mut config = Config::default();
            assert_eq!(set(&mut config, name, text), Ok(()), "{name} {text:?}");
            assert_eq!(get(&config, name).as_deref(), Some(*text), "{name}");
        }
    }
}

#[test]
fn values_beyond_the_edges_are_refused_and_change_nothing() {
    for (name, _, bad) in EDGES {
        for text in *bad {
            let mut config = Config::default();
            let error = set(&mut config, name, text).expect_err(name);
            assert!(!error.is_empty());
            assert_eq!(config, Config::default(), "{name} {text:?}");
        }
    }
}

#[test]
fn texts_have_a_longest_length() {
    for (name, bytes_max) in
        [("requirepass", TEXT_BYTES_MAX), ("unixsocket", 107), ("cluster-name", 64)]
    {
        let mut config = Config::default();
        assert_eq!(set(&mut config, name, &"x".repeat(bytes_max)), Ok(()));
        let error = set(&mut config, name, &"x".repeat(bytes_max + 1)).unwrap_err();
        assert!(error.contains(&bytes_max.to_string()), "{error}");
    }
}

/// Changing a setting's text changes that setting's text and no other's: so no two rows share a
/// field, and none writes a field that it does not read.
#[test]
fn a_row_reads_and_writes_its_own_field() {
    let default = Config::default();
    for (name, good, _) in EDGES {
        let before = get(&default, name);
        let other = good.iter().find(|text| Some(**text) != before.as_deref()).expect(name);
        let mut config = default.clone();
        set(&mut config, name, other).expect(name);
        for setting in SETTINGS.iter().filter(|setting| setting.name != *name) {
            assert_eq!(setting.get(&config), setting.get(&default), "{name} {}", setting.name);
        }
    }
}

/// `Config`'s own debug text names its fields, so that a field without a row is found.
#[test]
fn every_field_has_a_row() {
    let fields = format!("{:#?}", Config::default());
    let count = fields.lines().filter(|line| line.starts_with("    ") && line.contains(": "));
    let top = count.filter(|line| !line.starts_with("     ")).count();
    assert_eq!(top, SETTINGS.len(), "{fields}");
}

#[test]
fn names_are_unique_kebab_case_and_documented() {
    let mut seen = HashSet::new();
    for name in names() {
        assert!(seen.insert(name), "{name} twice");
        let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        assert!(plain, "{name}");
        assert!(get(&Config::default(), name).is_some(), "{name}");
    }
    for setting in SETTINGS {
        assert!(setting.help.ends_with('.') && setting.help.len() > 20, "{}", setting.name);
    }
}

#[test]
fn groups_are_not_torn_apart() {
    let mut groups: Vec<_> = SETTINGS.iter().map(|setting| setting.group.title()).collect();
    groups.dedup();
    let once: HashSet<_> = groups.iter().collect();
    assert_eq!(once.len(), groups.len(), "{groups:?}");
}

#[test]
fn names_are_found_in_any_case() {
    let mut config = Config::default();
    assert_eq!(set(&mut config, "MaxMemory", "1GB"), Ok(()));
    assert_eq!(get(&config, "MAXMEMORY").as_deref(), Some("1073741824"));
    assert_eq!(get(&config, "DataBases").as_deref(), Some("1"));
    assert_eq!(get(&config, "nosuch"), None);
}

#[test]
fn config_set_answers_in_rediss_words() {
    let mut config = Config::default();
    for (name, text, expected) in [
        ("nosuch", "1", "Unknown option or number of arguments for CONFIG SET - 'nosuch'"),
        (
            "port",
            "1",
            "CONFIG SET failed (possibly related to argument 'port') - can't set immutable config",
        ),
        (
            "databases",
            "3",
            "CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config",
        ),
        (
            "maxclients",
            "abc",
            "CONFIG SET failed (possibly related to argument 'maxclients') - argument couldn't be parsed into an integer",
        ),
        (
            "maxclients",
            "0",
            "CONFIG SET failed (possibly related to argument 'maxclients') - argument must be between 1 and 4294967295 inclusive",
        ),
        (
            "maxmemory",
            "1zb",
            "CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value",
        ),
        (
            "protected-mode",
            "x",
            "CONFIG SET failed (possibly related to argument 'protected-mode') - argument must be 'yes' or 'no'",
        ),
        (
            "loglevel",
            "foo",
            "CONFIG SET failed (possibly related to argument 'loglevel') - argument(s) must be one of the following: debug, verbose, notice, warning",
        ),
    ] {
        assert_eq!(set_live(&mut config, name, text).unwrap_err(), expected);
    }
    assert_eq!(config, Config::default());
}

#[test]
fn config_set_of_several_changes_all_or_none() {
    let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        list.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    };
    let before = Config::default();
    let after = change(&before, &pairs(&[("timeout", "5"), ("maxmemory", "1gb")])).unwrap();
    assert_eq!((after.timeout_s, after.maxmemory), (5, 1 << 30));
    for (list, expected) in [
        (&[("timeout", "x"), ("nosuch", "1")][..], "'nosuch'"),
        (&[("timeout", "x"), ("port", "1")], "'port') - can't set immutable config"),
        (&[("timeout", "5"), ("TIMEOUT", "6")], "duplicate parameter"),
        (&[("timeout", "5"), ("maxclients", "0")], "between 1 and"),
    ] {
        let error = change(&before, &pairs(list)).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

proptest! {
    /// Whatever text a setting takes, what it then prints is taken again and means the same.
    #[test]
    fn what_is_printed_reads_back(row in 0..SETTINGS.len(), text in "[-+0-9a-zA-Z:.* %]{0,12}") {
        let setting = &SETTINGS[row];
        let mut config = Config::default();
        if setting.set(&mut config, &text).is_ok() {
            let mut again = Config::default();
            prop_assert_eq!(setting.set(&mut again, &setting.get(&config)), Ok(()));
            prop_assert_eq!(again, config);
        } else {
            prop_assert_eq!(config, Config::default());
        }
    }

    #[test]
    fn numbers_print_as_they_are(row in 0..SETTINGS.len(), number: i64) {
        let setting = &SETTINGS[row];
        if let Value::Number { min, max, .. } | Value::Bytes { min, max, .. } = setting.value {
            let mut config = Config::default();
            let result = setting.set(&mut config, &number.to_string());
            prop_assert_eq!(result.is_ok(), (min..=max).contains(&number));
            if result.is_ok() {
                prop_assert_eq!(setting.get(&config), number.to_string());
            }
        }
    }
}
