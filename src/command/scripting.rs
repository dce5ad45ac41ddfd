//! EVAL, EVALSHA, their read-only forms, and SCRIPT.
//!
//! A script runs under a hold of its declared keys, at one time. One that reaches another key, or
//! must be stopped, is rolled back; the former then begins again under every key, and does so at
//! once from then on. Not here: Lua (`script/`), what its calls do (`script_calls.rs`).
//! Invariant: a script that was stopped has left nothing but what cannot be undone: charges of
//! GCRA cells that other nodes heard of, windows that were set, reset or refunded, and a flush.

use std::sync::Arc;

use smallvec::SmallVec;

use super::argument::{Argument, integer, key, one_of, text, word};
use super::script_calls::ScriptCalls;
use super::scripts::Tools;
use super::spec::{Categories, Flags, Keys, Plain, Scripted, Spec};
use super::table::{error, failure};
use super::{Args, Context, ErrorText, help};
use crate::engine::Held;
use crate::resp::{self, Reply};
use crate::script::{Run, Script, Stop};

const GROUP: &str = "scripting";
const RUNS: Flags =
    Flags::NOSCRIPT.with(Flags::STALE).with(Flags::SKIP_MONITOR).with(Flags::NO_MANDATORY_KEYS);
const READS: Flags = RUNS.with(Flags::READONLY);
const COST: &str = "Depends on the script that is executed";
const SOURCE: Argument = text("script");
const SHA: Argument = text("sha1");
const NUMKEYS: Argument = integer("numkeys");
const KEY: Argument = key("key").optional().multiple();
const ARG: Argument = text("arg").optional().multiple();

const fn evaluating(
    name: &'static str,
    since: &'static str,
    handler: Scripted,
    flags: Flags,
    access: &'static [&'static str],
) -> Spec {
    Spec::script(name, -3, handler)
        .flags(flags)
        .categories(Categories::SCRIPTING)
        .keys(Keys::Counted { count_at: 2, step: 1, access })
        .docs(GROUP, since, "Execute a Lua script server side")
        .complexity(COST)
}

const fn managing(name: &'static str, arity: i32, handler: Plain, summary: &'static str) -> Spec {
    Spec::new(name, arity, handler)
        .flags(Flags::NOSCRIPT)
        .categories(Categories::SCRIPTING)
        .docs(GROUP, "2.6.0", summary)
}

const WRITTEN: &[&str] = &["RW", "access", "update"];
const READ: &[&str] = &["RO", "access"];

pub(super) const ROWS: &[Spec] = &[
    evaluating("eval", "2.6.0", eval, RUNS, WRITTEN).arguments(&[SOURCE, NUMKEYS, KEY, ARG]),
    evaluating("evalsha", "2.6.0", evalsha, RUNS, WRITTEN).arguments(&[SHA, NUMKEYS, KEY, ARG]),
    evaluating("eval_ro", "7.0.0", eval_ro, READS, READ).arguments(&[SOURCE, NUMKEYS, KEY, ARG]),
    evaluating("evalsha_ro", "7.0.0", evalsha_ro, READS, READ).arguments(&[SHA, NUMKEYS, KEY, ARG]),
    Spec::new("script", -2, exists).container().docs(
        GROUP,
        "2.6.0",
        "A container for Lua scripts management commands",
    ),
    managing("script|load", 3, load, "Load a Lua script into the script cache")
        .flags(Flags::NOSCRIPT.with(Flags::STALE))
        .complexity("O(N) where N is the length of the script")
        .arguments(&[SOURCE]),
    managing("script|exists", -3, exists, "Check which scripts are in the script cache")
        .complexity("O(N) where N is the number of scripts to check")
        .arguments(&[SHA.multiple()]),
    managing("script|flush", -2, flush, "Remove all the scripts from the script cache")
        .complexity("O(N) where N is the number of scripts in the cache")
        .arguments(&[
            one_of("flush-type", &[word("async", "ASYNC"), word("sync", "SYNC")]).optional()
        ]),
    managing("script|kill", 2, kill, "Stop the scripts that run now, undoing what they did"),
    help::row("script|help", GROUP, "5.0.0"),
];

/// Keys and arguments that need no heap allocation: more than a limiter's script has.
const WORDS_IN_PLACE: usize = 8;

/// How a script is named.
#[derive(Clone, Copy)]
enum By {
    Source,
    Sha,
}

fn eval(context: &mut Context<'_>, held: Option<&mut Held<'_>>, args: &Args<'_>) -> Reply {
    evaluate(context, held, args, By::Source, false)
}

fn evalsha(context: &mut Context<'_>, held: Option<&mut Held<'_>>, args: &Args<'_>) -> Reply {
    evaluate(context, held, args, By::Sha, false)
}

fn eval_ro(context: &mut Context<'_>, held: Option<&mut Held<'_>>, args: &Args<'_>) -> Reply {
    evaluate(context, held, args, By::Source, true)
}

fn evalsha_ro(context: &mut Context<'_>, held: Option<&mut Held<'_>>, args: &Args<'_>) -> Reply {
    evaluate(context, held, args, By::Sha, true)
}

fn evaluate(
    context: &mut Context<'_>,
    held: Option<&mut Held<'_>>,
    args: &Args<'_>,
    by: By,
    read_only: bool,
) -> Reply {
    let words: SmallVec<[&[u8]; WORDS_IN_PLACE]> = args.iter().skip(3).collect();
    let key_count = match key_count(args) {
        Ok(key_count) => key_count,
        Err(text) => return Reply::Error(text),
    };
    let (keys, argv) = words.split_at(key_count.min(words.len()));
    let mut tools = match context.bench.take(context.scripts, context.now_ns) {
        Ok(tools) => tools,
        Err(text) => return error(format!("ERR {text}")),
    };
    let reply = match known(context, &mut tools, args.get(1), by) {
        Ok(script) => {
            let runner = Runner { script: &script, keys, argv, read_only };
            runner.serve(context, &mut tools, held).unwrap_or_else(Reply::Error)
        }
        Err(text) => Reply::Error(text),
    };
    context.bench.give_back(tools);
    reply
}

/// How many of the words are keys, in Redis's order of refusals.
fn key_count(args: &Args<'_>) -> Result<usize, ErrorText> {
    let count = args.integer(2)?;
    let most = i64::try_from(args.len() - 3).unwrap_or(i64::MAX);
    if count > most {
        return Err("ERR Number of keys can't be greater than number of args".into());
    }
    usize::try_from(count).map_err(|_| "ERR Number of keys can't be negative".into())
}

fn known(
    context: &Context<'_>,
    tools: &mut Tools,
    name: &[u8],
    by: By,
) -> Result<Arc<Script>, ErrorText> {
    let cache = &context.scripts.cache;
    match by {
        By::Source => tools.interpreter.learn(cache, name, false).map_err(ErrorText::Owned),
        By::Sha => tools
            .interpreter
            .find(cache, name)
            .ok_or(ErrorText::Borrowed("NOSCRIPT No matching script. Please use EVAL.")),
    }
}

/// One call of a script.
struct Runner<'r> {
    script: &'r Arc<Script>,
    keys: &'r [&'r [u8]],
    argv: &'r [&'r [u8]],
    read_only: bool,
}

/// Why a run has no reply.
enum Failed {
    /// It was stopped.
    Stopped(Stop),
    /// It reached this command's key after a change that cannot be undone.
    Late(String),
}

impl Runner<'_> {
    fn serve(
        &self,
        context: &mut Context<'_>,
        tools: &mut Tools,
        held: Option<&mut Held<'_>>,
    ) -> Result<Reply, ErrorText> {
        let flags = self.script.flags();
        if self.read_only && flags.declared && !flags.no_writes {
            return Err("ERR Can not execute a script with write flag using *_ro command.".into());
        }
        let (engine, now_ms) = (context.engine, context.now_ms);
        let busy = tools.runs.begin();
        let mut ran = match (held, self.keys) {
            (Some(held), _) => self.run(context, tools, held),
            _ if self.script.needs_all() => self.run(context, tools, &mut engine.hold_all(now_ms)),
            (None, [key]) => self.run(context, tools, &mut engine.hold_one(now_ms, key)),
            (None, keys) => {
                self.run(context, tools, &mut engine.hold(now_ms, keys.iter().copied()))
            }
        };
        if let Err(Failed::Stopped(Stop::Restart)) = ran {
            self.script.note_needs_all();
            tools.runs.note_restarted();
            ran = self.run(context, tools, &mut engine.hold_all(now_ms));
        }
        drop(busy);
        ran.map_err(|failed| self.tell(context, tools, &failed))
    }

    /// Runs it under this hold. If it does not come to its end all is as before, but for what
    /// cannot be undone.
    fn run(
        &self,
        context: &mut Context<'_>,
        tools: &mut Tools,
        held: &mut Held<'_>,
    ) -> Result<Reply, Failed> {
        let run = Run {
            script: self.script,
            keys: self.keys,
            argv: self.argv,
            budget_ns: context.config.busy_reply_threshold_ms.saturating_mul(1_000_000),
            ticker: context.ticker,
        };
        let read_only = self.read_only || self.script.flags().no_writes;
        tools.interpreter.limit_memory(context.config.lua_memory_limit);
        held.keep_undo();
        context.trail = Some(Default::default());
        let mut calls = ScriptCalls { context: &mut *context, held, read_only, beyond: None };
        let outcome = tools.interpreter.run(&run, &mut calls);
        let beyond = calls.beyond.take();
        let trail = context.trail.take().unwrap_or_default();
        match outcome {
            Ok(reply) => {
                held.commit();
                trail.publish(context);
                Ok(reply)
            }
            Err(stop) => {
                let lasting = trail.is_lasting() || held.is_lasting();
                held.roll_back();
                trail.undo(context);
                match beyond {
                    Some(command) if lasting => Err(Failed::Late(command)),
                    _ => Err(Failed::Stopped(stop)),
                }
            }
        }
    }

    /// The error for a run that has no reply.
    fn tell(&self, context: &Context<'_>, tools: &Tools, failed: &Failed) -> ErrorText {
        let sha = self.script.sha();
        match failed {
            Failed::Stopped(Stop::Budget) => {
                tools.runs.note_stopped();
                let budget_ms = context.config.busy_reply_threshold_ms;
                format!(
                    "ERR Error running script {sha}: it exceeded its budget of {budget_ms} ms \
                     (busy-reply-threshold) and was rolled back"
                )
            }
            Failed::Stopped(Stop::Killed) => {
                tools.runs.note_killed();
                format!("ERR Script killed by user with SCRIPT KILL. script: {sha}, rolled back")
            }
            Failed::Stopped(Stop::Restart) => {
                format!("ERR Error running script {sha}: it reached a key that is not held")
            }
            Failed::Late(command) => {
                // Its next run begins under all keys and needs no restart.
                self.script.note_needs_all();
                format!(
                    "ERR Error running script {sha}: {command} reached a key that KEYS does not \
                     declare after a change that cannot be undone (CL.THROTTLE in a cluster, RL.SET, \
                     RL.RESET, RL.REFUND, FLUSHALL, or DEL of a counter), so it was stopped; declare \
                     all its keys"
                )
            }
        }
        .into()
    }
}

fn load(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let mut tools = match context.bench.take(context.scripts, context.now_ns) {
        Ok(tools) => tools,
        Err(text) => return error(format!("ERR {text}")),
    };
    let learned = tools.interpreter.learn(&context.scripts.cache, args.get(2), true);
    context.bench.give_back(tools);
    match learned {
        Ok(script) => Reply::Bulk(script.sha().as_bytes().to_vec()),
        Err(text) => error(text),
    }
}

fn exists(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let cache = &context.scripts.cache;
    let known = args.iter().skip(2).map(|sha| resp::integer(i64::from(cache.contains(sha))));
    Reply::Frame(resp::array(known.collect()))
}

fn flush(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    if args.len() > 3 || (args.len() == 3 && !args.is(2, "ASYNC") && !args.is(2, "SYNC")) {
        return failure("ERR SCRIPT FLUSH only support SYNC|ASYNC option");
    }
    context.scripts.cache.flush();
    Reply::Simple("OK")
}

fn kill(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    if context.scripts.kill() {
        Reply::Simple("OK")
    } else {
        failure("NOTBUSY No scripts in execution right now.")
    }
}

#[cfg(test)]
#[path = "scripting_tests.rs"]
mod tests;
