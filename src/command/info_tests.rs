use super::super::fake::Fake;

fn sections(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("# ")).collect()
}

const ALL: [&str; 13] = [
    "Server",
    "Clients",
    "Memory",
    "Persistence",
    "Stats",
    "Replication",
    "CPU",
    "Commandstats",
    "Errorstats",
    "Latencystats",
    "Cluster",
    "Ratelimit",
    "Keyspace",
];

#[test]
fn sections_come_in_redis_order_whatever_the_request() {
    let mut fake = Fake::new();
    assert_eq!(sections(&fake.text("INFO all")), ALL);
    assert_eq!(sections(&fake.text("INFO everything")), ALL);
    let default: Vec<_> =
        ALL.into_iter().filter(|name| !["Commandstats", "Latencystats"].contains(name)).collect();
    assert_eq!(sections(&fake.text("INFO")), default);
    assert_eq!(sections(&fake.text("INFO default")), default);
    assert_eq!(sections(&fake.text("INFO stats SERVER")), ["Server", "Stats"]);
    assert_eq!(fake.text("INFO nosuch"), "");
}

#[test]
fn every_line_is_a_field_a_title_or_empty() {
    let text = Fake::new().text("INFO all");
    assert!(text.ends_with("\r\n"));
    for line in text.split_terminator("\r\n") {
        assert!(line.is_empty() || line.starts_with("# ") || line.contains(':'), "{line}");
        assert!(!line.contains('\n'), "{line}");
    }
}

#[test]
fn what_tools_read_is_there() {
    let fake = &mut Fake::new();
    fake.host.report.lock().clients = 3;
    let text = fake.text("INFO");
    for field in [
        "redis_version:7.4.0",
        "server_name:ratel",
        "redis_mode:standalone",
        "uptime_in_seconds:",
        "uptime_in_days:",
        "connected_clients:3",
        "blocked_clients:0",
        "used_memory:",
        "used_memory_human:",
        "used_memory_rss:",
        "maxmemory:",
        "maxmemory_policy:noeviction",
        "number_of_cached_scripts:",
        "loading:0",
        "total_connections_received:",
        "total_commands_processed:",
        "instantaneous_ops_per_sec:",
        "instantaneous_input_kbps:0.00",
        "instantaneous_output_kbps:0.00",
        "total_net_input_bytes:",
        "total_net_output_bytes:",
        "keyspace_hits:",
        "keyspace_misses:",
        "expired_keys:",
        "evicted_keys:0",
        "role:master",
        "connected_slaves:0",
        "used_cpu_sys:0.000000",
    ] {
        assert!(text.contains(&format!("\r\n{field}")), "{field}");
    }
    assert!(!text.contains("loading:1"));
}

#[test]
fn an_empty_server_shows_no_database() {
    assert_eq!(Fake::new().text("INFO keyspace"), "# Keyspace\r\n");
}

#[test]
fn statistics_are_summed_over_the_workers() {
    let mut fake = Fake::new();
    let other = std::sync::Arc::new(crate::command::Stats::default());
    fake.host.stats.lock().push(other.clone());
    let ping = crate::command::lookup(b"ping").unwrap();
    fake.stats.record(ping, 1, 3_000);
    other.record(ping, 3, 3_000);
    other.verdicts(5, 2);
    fake.ask("ECHO");
    let text = fake.text("INFO all");
    for line in [
        "cmdstat_ping:calls=4,usec=6,usec_per_call=1.50,rejected_calls=0,failed_calls=0",
        "cmdstat_echo:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0",
        "errorstat_ERR:count=1",
        "keyspace_hits:5",
        "keyspace_misses:2",
        "hits_total:7",
    ] {
        assert!(text.contains(&format!("\r\n{line}\r\n")), "{line} in {text}");
    }
    assert!(text.contains("latency_percentiles_usec_ping:p50="));
    assert!(!text.contains("cmdstat_select"));
}

#[test]
fn every_named_bound_is_told() {
    let text = Fake::new().text("INFO ratelimit");
    for line in ["limit_key_bytes:1024", "limit_distinct_scales:1024", "limit_mhit_limits:64"] {
        assert!(text.contains(&format!("\r\n{line}\r\n")), "{line}");
    }
}
