//! The server as a whole: INFO, TIME, ROLE, SHUTDOWN, DEBUG, MODULE, CLUSTER, LOLWUT.
//!
//! Not here: the text of INFO (`info.rs`). Invariant: nothing here waits; what takes time is asked
//! of the edge as an [`Effect`].

use super::argument::{double, integer, text, word};
use super::session::Effect;
use super::spec::{Categories, Flags, Plain, Spec};
use super::table::{error, failure};
use super::{Args, Context, ShutdownMode, acl, help, info};
use crate::resp::{self, Reply};

/// Longest DEBUG SLEEP: it holds one connection only, and a mistyped number should end one day.
const SLEEP_S_MAX: f64 = 3_600.0;

const LOOSE: Flags = Flags::LOADING.with(Flags::STALE);
const ADMIN: Flags = Flags::ADMIN.with(Flags::NOSCRIPT).with(LOOSE);

const fn row(
    name: &'static str,
    arity: i32,
    handler: Plain,
    since: &'static str,
    summary: &'static str,
) -> Spec {
    Spec::new(name, arity, handler).docs("server", since, summary)
}

pub(super) const ROWS: &[Spec] = &[
    row("info", -1, info::info, "1.0.0", "Get information and statistics about the server")
        .flags(LOOSE)
        .categories(Categories::DANGEROUS)
        .arguments(&[text("section").optional().multiple()]),
    row("time", 1, time, "2.6.0", "Return the current server time").flags(LOOSE.with(Flags::FAST)),
    row("role", 1, role, "2.8.12", "Return the role of the instance: always master")
        .flags(Flags::NOSCRIPT.with(LOOSE).with(Flags::FAST))
        .categories(Categories::ADMIN.with(Categories::DANGEROUS)),
    row("shutdown", -1, shutdown, "1.0.0", "Stop the server, open requests answered first")
        .flags(ADMIN.with(Flags::NO_MULTI))
        .arguments(&[
            super::argument::one_of(
                "nosave_save",
                &[word("nosave", "NOSAVE"), word("save", "SAVE")],
            )
            .optional(),
            word("now", "NOW").optional(),
            word("force", "FORCE").optional(),
            word("abort", "ABORT").optional(),
        ]),
    row("debug", -2, debug, "1.0.0", "Sleep or panic on purpose, to test clients and the server")
        .flags(ADMIN.with(Flags::PROTECTED))
        .arguments(&[super::argument::one_of(
            "action",
            &[double("seconds").token("SLEEP"), word("panic", "PANIC"), word("help", "HELP")],
        )]),
    row("lolwut", -1, acl::lolwut, "5.0.0", "Tell what answers here")
        .flags(Flags::READONLY.with(Flags::FAST))
        .arguments(&[integer("version").token("VERSION").optional()]),
    row("module", -2, modules, "4.0.0", "A container for module commands").container(),
    row("module|list", 2, modules, "4.0.0", "List all modules loaded: there are none")
        .flags(Flags::ADMIN.with(Flags::NOSCRIPT)),
    help::row("module|help", "server", "5.0.0"),
    Spec::new("cluster", -2, cluster_info).container().docs(
        "cluster",
        "3.0.0",
        "A container for Redis Cluster commands, which do not apply here",
    ),
    Spec::new("cluster|info", 2, cluster_info).flags(Flags::STALE).docs(
        "cluster",
        "3.0.0",
        "Answer that Redis Cluster is disabled",
    ),
    help::row("cluster|help", "cluster", "5.0.0"),
];

fn time(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    let micros = context.now_ns / 1_000;
    let part = |value: u64| resp::text(&value.to_string());
    Reply::Frame(resp::array(vec![part(micros / 1_000_000), part(micros % 1_000_000)]))
}

fn role(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    Reply::Frame(resp::array(vec![resp::text("master"), resp::integer(0), resp::array(Vec::new())]))
}

fn shutdown(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let (mut save, mut nosave, mut now, mut force, mut abort) = (0, 0, 0, 0, 0);
    for at in 1..args.len() {
        let seen = match args.get(at).to_ascii_lowercase().as_slice() {
            b"save" => &mut save,
            b"nosave" => &mut nosave,
            b"now" => &mut now,
            b"force" => &mut force,
            b"abort" => &mut abort,
            _ => return failure("ERR syntax error"),
        };
        *seen += 1;
    }
    let asked = save + nosave + now + force;
    if (save > 0 && nosave > 0) || (abort > 0 && asked > 0) {
        return failure("ERR syntax error");
    }
    if abort > 0 {
        return match context.host.abort_shutdown() {
            true => Reply::Simple("OK"),
            false => failure("ERR No shutdown in progress."),
        };
    }
    let mode = if now > 0 { ShutdownMode::Now } else { ShutdownMode::Graceful };
    context.session.effect = Effect::Shutdown(mode);
    Reply::Nothing
}

fn debug(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    if args.is(1, "sleep") && args.len() == 3 {
        return sleep(context, args);
    }
    if args.is(1, "panic") && args.len() == 2 {
        panic!("DEBUG PANIC was asked for");
    }
    if args.is(1, "help") && args.len() == 2 {
        let lines = [
            "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
            "PANIC",
            "    Panic in the handler, which ends this connection only.",
            "SLEEP <seconds>",
            "    Serve this connection's next request only after <seconds>, decimals allowed.",
            "HELP",
            "    Print this help.",
        ];
        return Reply::Frame(resp::array(lines.into_iter().map(resp::simple).collect()));
    }
    let name = String::from_utf8_lossy(args.get(1)).into_owned();
    error(format!(
        "ERR unknown subcommand or wrong number of arguments for '{name}'. Try DEBUG HELP."
    ))
}

fn sleep(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let seconds = std::str::from_utf8(args.get(2)).ok().and_then(|word| word.parse::<f64>().ok());
    let Some(seconds) = seconds.filter(|seconds| (0.0..=SLEEP_S_MAX).contains(seconds)) else {
        return failure("ERR value is not a valid float");
    };
    let duration = std::time::Duration::from_secs_f64(seconds);
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    context.session.effect = Effect::Sleep { ms };
    Reply::Simple("OK")
}

fn modules(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    Reply::Frame(resp::array(Vec::new()))
}

fn cluster_info(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    failure("ERR This instance has cluster support disabled")
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
