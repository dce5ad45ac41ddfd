//! The sections of INFO.
//!
//! Fields that Redis has and that cannot exist here (forks, AOF, replication) are shown as a Redis
//! without them shows them, where a tool is known to read them, and left out otherwise.

use std::fmt::Write as _;

use super::info::Figures;
use super::table::TABLE;
use super::{REDIS_VERSION, Report};
use crate::config::schema;
use crate::{engine, limiter};

/// Appends `name:value` lines.
macro_rules! fields {
    ($out:expr, $($name:literal: $value:expr),+ $(,)?) => {
        // Writing to a String cannot fail.
        $( let _ = write!($out, concat!($name, ":{}\r\n"), $value); )+
    };
}

pub(super) fn server(figures: &Figures, out: &mut String) {
    let report = &figures.report;
    fields!(out,
        "redis_version": REDIS_VERSION,
        "server_name": "ratel",
        "ratel_version": env!("CARGO_PKG_VERSION"),
        "redis_mode": "standalone",
        "os": report.os,
        "arch_bits": usize::BITS,
        "multiplexing_api": "epoll",
        "process_id": report.pid,
        "process_supervised": "no",
        "run_id": report.run_id,
        "tcp_port": report.port,
        "server_time_usec": figures.now_ns / 1_000,
        "uptime_in_seconds": report.uptime_s,
        "uptime_in_days": report.uptime_s / 86_400,
        "executable": report.executable,
        "config_file": "",
        "io_threads_active": u8::from(report.io_threads > 1),
        "io_threads": report.io_threads,
        "open_files_max": report.open_files_max,
    );
}

pub(super) fn clients(figures: &Figures, out: &mut String) {
    let report = &figures.report;
    fields!(out,
        "connected_clients": report.clients,
        "cluster_connections": 0,
        "maxclients": figures.config.maxclients,
        "client_recent_max_input_buffer": report.client_query_bytes_max,
        "client_recent_max_output_buffer": report.client_output_bytes_max,
        "blocked_clients": figures.blocked_clients,
        "tracking_clients": 0,
        "pubsub_clients": figures.pubsub_clients,
        "clients_in_timeout_table": 0,
    );
}

pub(super) fn memory(figures: &Figures, out: &mut String) {
    let (report, engine, scripts) = (&figures.report, &figures.engine, &figures.scripts);
    let used_bytes = engine.memory_used_bytes.saturating_add(report.client_bytes);
    let peak_bytes = engine.memory_peak_bytes.max(used_bytes);
    let policy = schema::get(&figures.config, "maxmemory-policy").unwrap_or_default();
    fields!(out,
        "used_memory": used_bytes,
        "used_memory_human": human(used_bytes),
        "used_memory_rss": report.rss_bytes,
        "used_memory_rss_human": human(report.rss_bytes),
        "used_memory_rss_peak": report.rss_peak_bytes,
        "used_memory_peak": peak_bytes,
        "used_memory_peak_human": human(peak_bytes),
        "used_memory_peak_perc": format!("{:.2}%", 100.0 * ratio(used_bytes, peak_bytes)),
        "used_memory_dataset": engine.memory_used_bytes,
        "used_memory_dataset_perc":
            format!("{:.2}%", 100.0 * ratio(engine.memory_used_bytes, used_bytes)),
        "total_system_memory": report.system_memory_bytes,
        "total_system_memory_human": human(report.system_memory_bytes),
        "used_memory_lua": scripts.memory_bytes,
        "used_memory_vm_eval": scripts.memory_bytes,
        "used_memory_lua_human": human(scripts.memory_bytes),
        "used_memory_scripts_eval": scripts.source_bytes,
        "number_of_cached_scripts": scripts.cached,
        "number_of_functions": 0,
        "number_of_libraries": 0,
        "used_memory_vm_functions": 0,
        "used_memory_vm_total": scripts.memory_bytes,
        "used_memory_vm_total_human": human(scripts.memory_bytes),
        "used_memory_functions": 0,
        "used_memory_scripts": scripts.source_bytes,
        "used_memory_scripts_human": human(scripts.source_bytes),
        "maxmemory": report.maxmemory_bytes,
        "maxmemory_human": human(report.maxmemory_bytes),
        "maxmemory_policy": policy,
        "mem_fragmentation_ratio": format!("{:.2}", ratio(report.rss_bytes, used_bytes)),
        "mem_clients_normal": report.client_bytes,
        "mem_allocator": "libc",
        "lazyfree_pending_objects": 0,
    );
}

pub(super) fn persistence(figures: &Figures, out: &mut String) {
    fields!(out,
        "loading": u8::from(figures.loading),
        "async_loading": 0,
        "rdb_changes_since_last_save": 0,
        "rdb_bgsave_in_progress": 0,
        "rdb_last_bgsave_status": "ok",
        "aof_enabled": 0,
        "aof_rewrite_in_progress": 0,
        "aof_last_bgrewrite_status": "ok",
        "aof_last_write_status": "ok",
    );
}

pub(super) fn stats(figures: &Figures, out: &mut String) {
    let (report, totals) = (&figures.report, &figures.totals);
    fields!(out,
        "total_connections_received": report.connections_total,
        "total_commands_processed": totals.commands,
        "instantaneous_ops_per_sec": report.ops_per_sec,
        "total_net_input_bytes": report.net_input_bytes,
        "total_net_output_bytes": report.net_output_bytes,
        "instantaneous_input_kbps": format!("{:.2}", report.input_kbps),
        "instantaneous_output_kbps": format!("{:.2}", report.output_kbps),
        "rejected_connections": report.rejected_connections,
        "sync_full": 0,
        "sync_partial_ok": 0,
        "sync_partial_err": 0,
        "expired_keys": figures.engine.expired_counters,
        "evicted_keys": 0,
        "evicted_clients": evicted_clients(report),
        "evicted_scripts": figures.scripts.evicted,
        "scripts_run": figures.scripts.run,
        "scripts_restarted_under_all_keys": figures.scripts.restarted,
        "scripts_stopped_by_budget": figures.scripts.stopped,
        "scripts_killed": figures.scripts.killed,
        "keyspace_hits": totals.allowed,
        "keyspace_misses": totals.denied,
        "pubsub_channels": figures.pubsub_channels,
        "pubsub_patterns": figures.pubsub_patterns,
        "latest_fork_usec": 0,
        "total_forks": 0,
        "total_error_replies": totals.errors.values().sum::<u64>(),
        "accept_errors": report.accept_errors,
        "protected_mode_refusals": report.protected_mode_refusals,
        "connection_panics": report.connection_panics,
    );
    for (limit, clients) in &report.closed_by {
        let _ = write!(out, "clients_closed_{}:{clients}\r\n", limit.replace('-', "_"));
    }
}

pub(super) fn cluster(figures: &Figures, out: &mut String) {
    super::cluster::write(figures.cluster.as_deref(), out);
}

pub(super) fn replication(_figures: &Figures, out: &mut String) {
    fields!(out,
        "role": "master",
        "connected_slaves": 0,
        "master_failover_state": "no-failover",
        "master_repl_offset": 0,
        "second_repl_offset": -1,
        "repl_backlog_active": 0,
        "repl_backlog_size": 0,
        "repl_backlog_first_byte_offset": 0,
        "repl_backlog_histlen": 0,
    );
}

/// Clients closed because all buffers together passed `maxmemory-clients`: Redis's client eviction.
fn evicted_clients(report: &Report) -> u64 {
    let closed = report.closed_by.iter().find(|(limit, _)| *limit == "maxmemory_clients");
    closed.map_or(0, |(_, clients)| *clients)
}

pub(super) fn cpu(figures: &Figures, out: &mut String) {
    let seconds = |seconds: f64| format!("{seconds:.6}");
    fields!(out,
        "used_cpu_sys": seconds(figures.report.cpu_sys_s),
        "used_cpu_user": seconds(figures.report.cpu_user_s),
        "used_cpu_sys_children": seconds(0.0),
        "used_cpu_user_children": seconds(0.0),
    );
}

pub(super) fn command_stats(figures: &Figures, out: &mut String) {
    for (spec, row) in TABLE.iter().zip(&figures.totals.rows) {
        if row.calls == 0 && row.rejected == 0 && row.failed == 0 {
            continue;
        }
        let each = ratio(row.nanos, row.calls) / 1_000.0;
        let _ = write!(
            out,
            "cmdstat_{}:calls={},usec={},usec_per_call={each:.2},rejected_calls={},\
             failed_calls={}\r\n",
            spec.name,
            row.calls,
            row.nanos / 1_000,
            row.rejected,
            row.failed,
        );
    }
}

pub(super) fn error_stats(figures: &Figures, out: &mut String) {
    for (code, count) in &figures.totals.errors {
        let _ = write!(out, "errorstat_{code}:count={count}\r\n");
    }
}

pub(super) fn latency_stats(figures: &Figures, out: &mut String) {
    for (spec, row) in TABLE.iter().zip(&figures.totals.rows) {
        if row.histogram.iter().all(|runs| *runs == 0) {
            continue;
        }
        let micros = |per_mille| {
            let ns = row.percentile_ns(per_mille);
            format!("{}.{:03}", ns / 1_000, ns % 1_000)
        };
        let _ = write!(
            out,
            "latency_percentiles_usec_{}:p50={},p99={},p99.9={}\r\n",
            spec.name,
            micros(500),
            micros(990),
            micros(999),
        );
    }
}

pub(super) fn rate_limit(figures: &Figures, out: &mut String) {
    let (engine, totals) = (&figures.engine, &figures.totals);
    fields!(out,
        "hits_total": totals.allowed.saturating_add(totals.denied),
        "allowed_total": totals.allowed,
        "denied_total": totals.denied,
        "new_refused_oom": engine.refused_new_oom,
        "new_allowed_uncounted": engine.allowed_new_uncounted,
        "new_denied_uncounted": engine.denied_new_uncounted,
        "counters": engine.counters,
        "cells": engine.cells,
        "local_keys": engine.local_keys,
        "tombstones": engine.tombstones,
        "shares_unsent": engine.shares_unsent,
        "expired_counters": engine.expired_counters,
        "tables": engine.tables,
        "scales": engine.scales,
        "scales_refused": engine.scales_refused,
        "memory_used_bytes": engine.memory_used_bytes,
        "memory_max_bytes": engine.memory_max_bytes,
        "memory_peak_bytes": engine.memory_peak_bytes,
        "memory_tables_bytes": engine.memory_tables_bytes,
        "memory_keyspace_bytes": engine.memory_keyspace_bytes,
        "memory_reclaiming_bytes": engine.memory_reclaiming_bytes,
    );
    bounds(figures, out);
}

/// Every named bound in force, so that a reader of INFO need not know the defaults.
fn bounds(figures: &Figures, out: &mut String) {
    let config = &figures.config;
    fields!(out,
        "limit_maxclients": config.maxclients,
        "limit_open_files": figures.report.open_files_max,
        "limit_proto_max_bulk_len_bytes": config.proto_max_bulk_len,
        "limit_client_query_buffer_bytes": config.client_query_buffer_limit,
        "limit_maxmemory_clients_bytes": config.maxmemory_clients,
        "limit_key_bytes": engine::KEY_BYTES_MAX,
        "limit_shared_key_bytes": engine::SHARED_KEY_BYTES_MAX,
        "limit_tombstones_waiting": engine::TOMBSTONES_MAX,
        "limit_distinct_scales": engine::SERIES_MAX,
        "limit_mhit_limits": engine::MANY_MAX,
        "limit_increment": limiter::INCREMENT_MAX,
        "limit_count": limiter::COUNT_MAX,
        "limit_scale_ms": limiter::SCALE_MAX_MS,
        "limit_slice_requests": super::REQUESTS_MAX,
        "limit_slice_reply_bytes": super::REPLY_BYTES_MAX,
        "limit_transaction_commands": super::transaction::QUEUED_COUNT_MAX,
        "limit_transaction_bytes": super::transaction::QUEUED_BYTES_MAX,
        "limit_transaction_reply_bytes": super::transaction::EXEC_REPLY_BYTES_MAX,
        "limit_transaction_ms": super::transaction::EXEC_NS_MAX / 1_000_000,
        "limit_watched_keys": super::transaction::WATCHED_COUNT_MAX,
        "limit_watched_bytes": super::transaction::WATCHED_BYTES_MAX,
        "limit_script_ms": config.busy_reply_threshold_ms,
        "limit_script_memory_bytes": config.lua_memory_limit,
        "limit_pattern_bytes": super::glob::PATTERN_BYTES_MAX,
        "limit_error_codes": super::stats::ERROR_CODES_MAX,
        "limit_slowlog_entries": config.slowlog_max_len,
        "limit_timeout_s": config.timeout_s,
        "limit_handshake_timeout_s": config.handshake_timeout_s,
        "limit_output_stall_timeout_s": config.output_stall_timeout_s,
        "limit_shutdown_timeout_s": config.shutdown_timeout_s,
    );
}

/// Each live counter or keyspace value is one key; a Redis without keys shows no line.
pub(super) fn keyspace(figures: &Figures, out: &mut String) {
    let keys = figures.engine.counters.saturating_add(figures.engine.cells);
    if keys > 0 {
        let expires = keys.saturating_sub(figures.engine.endless);
        let _ = write!(out, "db0:keys={keys},expires={expires},avg_ttl=0\r\n");
    }
}

/// `part / whole` for people to read; 0 for an empty whole.
#[expect(clippy::cast_precision_loss, reason = "a percentage is shown with two decimals")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Bytes as Redis prints them for people: `1.49M`.
#[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
fn human(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["K", "M", "G", "T", "P"];
    if bytes < 1_024 {
        return format!("{bytes}B");
    }
    let mut value = bytes as f64 / 1_024.0;
    let mut unit = 0;
    while value >= 1_024.0 && unit + 1 < UNITS.len() {
        value /= 1_024.0;
        unit += 1;
    }
    format!("{value:.2}{}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_in_redis() {
        for (bytes, shown) in
            [(0, "0B"), (1_023, "1023B"), (1_559_160, "1.49M"), (25_276_063_744, "23.54G")]
        {
            assert_eq!(human(bytes), shown);
        }
    }
}
