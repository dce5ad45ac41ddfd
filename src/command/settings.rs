//! CONFIG: the settings in force, read and changed while running.
//!
//! Not here: which settings there are (`config::schema`) and their ranges (`Host::configure`).
//! Invariant: CONFIG SET changes all it names or nothing.

use super::argument::{block, pattern, text};
use super::glob;
use super::spec::{Flags, Plain, Spec};
use super::table::{error, failure};
use super::{Args, Context, help};
use crate::config::schema;
use crate::resp::{self, Reply};

const FLAGS: Flags = Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE);

const fn row(name: &'static str, arity: i32, handler: Plain, summary: &'static str) -> Spec {
    Spec::new(name, arity, handler).flags(FLAGS).docs("server", "2.0.0", summary)
}

pub(super) const ROWS: &[Spec] = &[
    Spec::new("config", -2, reset_stat).container().docs(
        "server",
        "2.0.0",
        "A container for server configuration commands",
    ),
    row("config|get", -3, get, "Get the values of settings")
        .complexity("O(N) where N is the number of settings")
        .arguments(&[pattern("parameter").multiple()]),
    row("config|set", -4, set, "Change settings, all of those named or none")
        .complexity("O(N) where N is the number of settings named")
        .arguments(&[block("parameter_value", &[text("parameter"), text("value")]).multiple()]),
    row("config|resetstat", 2, reset_stat, "Reset the statistics that INFO shows"),
    row("config|rewrite", 2, rewrite, "Rewrite the configuration file"),
    help::row("config|help", "server", "5.0.0"),
];

fn get(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let config = context.host.config();
    let chosen = |name: &&str| {
        args.tail(2).iter().any(|pattern| glob::matches_nocase(pattern, name.as_bytes()))
    };
    let pairs = schema::names().filter(chosen).filter_map(|name| {
        let value = schema::get(&config, name)?;
        Some((resp::text(name), resp::bulk(value)))
    });
    Reply::Frame(resp::map(pairs.collect()))
}

fn set(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    if !args.len().is_multiple_of(2) {
        return failure("ERR syntax error");
    }
    let text = |at| String::from_utf8(args.get(at).to_vec());
    let mut changes: Vec<(String, String)> = Vec::new();
    for at in (2..args.len()).step_by(2) {
        let (Ok(name), Ok(value)) = (text(at), text(at + 1)) else {
            return failure("ERR CONFIG SET failed - names and values must be UTF-8 text");
        };
        changes.push((name, value));
    }
    match context.host.configure(&changes) {
        Ok(()) => {
            let track = context.host.config().latency_tracking;
            context.host.stats().iter().for_each(|stats| stats.track_latency(track));
            Reply::Simple("OK")
        }
        Err(text) => error(format!("ERR {text}")),
    }
}

fn reset_stat(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    context.host.stats().iter().for_each(|stats| stats.reset());
    context.host.reset_stats();
    Reply::Simple("OK")
}

fn rewrite(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    failure("ERR The server is running without a config file")
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
