//! INFO: which sections, in which order.
//!
//! Not here: what stands in them (`info_sections.rs`). Invariant: names of sections and fields are
//! Redis's wherever Redis has them, since tools read them by name.

use super::info_sections as sections;
use super::scripts::ScriptFigures;
use super::stats::Totals;
use super::{Args, ClusterReport, Context, Host, Report};
use crate::config::Config;
use crate::engine::EngineReport;
use crate::resp::{self, Reply};

/// Everything that the sections read, gathered once.
pub(super) struct Figures {
    pub(super) config: std::sync::Arc<Config>,
    pub(super) report: Report,
    pub(super) engine: EngineReport,
    pub(super) totals: Totals,
    pub(super) cluster: Option<std::sync::Arc<ClusterReport>>,
    pub(super) scripts: ScriptFigures,
    pub(super) blocked_clients: usize,
    pub(super) pubsub_clients: usize,
    pub(super) pubsub_channels: usize,
    pub(super) pubsub_patterns: usize,
    pub(super) loading: bool,
    pub(super) now_ns: u64,
}

/// One section.
struct Section {
    name: &'static str,
    /// Shown where no section is named.
    by_default: bool,
    write: fn(&Figures, &mut String),
}

const fn section(
    name: &'static str,
    by_default: bool,
    write: fn(&Figures, &mut String),
) -> Section {
    Section { name, by_default, write }
}

const SECTIONS: &[Section] = &[
    section("Server", true, sections::server),
    section("Clients", true, sections::clients),
    section("Memory", true, sections::memory),
    section("Persistence", true, sections::persistence),
    section("Stats", true, sections::stats),
    section("Replication", true, sections::replication),
    section("CPU", true, sections::cpu),
    section("Commandstats", false, sections::command_stats),
    section("Errorstats", true, sections::error_stats),
    section("Latencystats", false, sections::latency_stats),
    section("Cluster", true, sections::cluster),
    section("Ratelimit", true, sections::rate_limit),
    section("Keyspace", true, sections::keyspace),
];

/// The statistics of all workers together.
pub(super) fn totals(host: &dyn Host) -> Totals {
    let mut sum = Totals::zero();
    for stats in host.stats() {
        sum.add(&stats.totals());
    }
    sum
}

pub(super) fn info(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let asked = |section: &&Section| {
        args.len() == 1 && section.by_default
            || (1..args.len()).any(|at| {
                args.is(at, section.name)
                    || args.is(at, "all")
                    || args.is(at, "everything")
                    || (args.is(at, "default") && section.by_default)
            })
    };
    let figures = Figures {
        config: context.host.config(),
        report: context.host.report(),
        engine: context.engine.report(context.now_ms),
        totals: totals(context.host),
        cluster: context.host.cluster(),
        scripts: context.scripts.figures(),
        blocked_clients: context.engine.waiters(),
        pubsub_clients: context.channels.subscriber_count(),
        pubsub_channels: context.channels.channel_count(),
        pubsub_patterns: context.channels.pattern_count(),
        loading: context.loading,
        now_ns: context.now_ns,
    };
    let mut text = String::new();
    for section in SECTIONS.iter().filter(asked) {
        if !text.is_empty() {
            text.push_str("\r\n");
        }
        text.push_str(&format!("# {}\r\n", section.name));
        (section.write)(&figures, &mut text);
    }
    Reply::Frame(resp::verbatim(&text))
}

#[cfg(test)]
#[path = "info_tests.rs"]
mod tests;
