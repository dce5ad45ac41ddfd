//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//!
//! EXEC holds every key of every queued command at once and runs them at one time. Not here: which
//! keys have changed (store). Invariants: what is queued was admitted; the queue is bounded; a
//! transaction whose request was refused runs nothing.

use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

use super::argument::key;
use super::slice::record;
use super::spec::{Categories, Flags, Handler, Keys, Plain, Spec};
use super::table::{TABLE, error, failure, run_held};
use super::{Args, Context, ErrorText, Session, Words};
use crate::engine::{Engine, Held, Watch};
use crate::resp::{Reply, encode_array_head};

/// Most commands of a transaction: limiters send about ten, and EXEC runs all of them before others
/// on its thread, and who needs its keys on any thread, get their turn.
pub(super) const QUEUED_COUNT_MAX: usize = 16_384;
/// Most bytes of the words of a transaction's commands, each word's place included.
pub(super) const QUEUED_BYTES_MAX: usize = 8 << 20;
/// Once the replies of EXEC take so many bytes, an error takes the place of each later one.
pub(super) const EXEC_REPLY_BYTES_MAX: usize = 64 << 20;
/// Once EXEC has run for so long, an error takes the place of each later command: it holds keys, and
/// who needs one waits. Far above what limiters queue; the bounds above allow whole minutes.
pub(super) const EXEC_NS_MAX: u64 = 1_000_000_000;
/// Most keys that one connection watches.
pub(super) const WATCHED_COUNT_MAX: usize = 1_024;
/// Most bytes of their names.
pub(super) const WATCHED_BYTES_MAX: usize = 1 << 20;

const GROUP: &str = "transactions";
const LOOSE: Flags = Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE);
const FAST: Flags = LOOSE.with(Flags::FAST);

const fn row(name: &'static str, handler: Plain) -> Spec {
    Spec::new(name, 1, handler).categories(Categories::TRANSACTION)
}

pub(super) const ROWS: &[Spec] = &[
    row("multi", multi).flags(FAST.with(Flags::NOT_QUEUED)).docs(
        GROUP,
        "1.2.0",
        "Start a transaction",
    ),
    row("exec", exec)
        .flags(LOOSE.with(Flags::SKIP_SLOWLOG).with(Flags::NOT_QUEUED))
        .docs(
            GROUP,
            "1.2.0",
            "Execute all commands of the transaction, none of others between them",
        )
        .complexity("Depends on the commands of the transaction"),
    row("discard", discard)
        .flags(FAST.with(Flags::NOT_QUEUED))
        .docs(GROUP, "2.0.0", "Forget the commands of the transaction and the watched keys")
        .complexity("O(N) where N is the number of commands queued"),
    row("unwatch", unwatch).flags(FAST).docs(
        GROUP,
        "2.2.0",
        "Forget the watched keys of the connection",
    ),
    Spec::keyed("watch", -2, watch)
        .categories(Categories::TRANSACTION)
        .flags(FAST.with(Flags::NOT_QUEUED))
        .keys(Keys::all(&["RO"]))
        .docs(GROUP, "2.2.0", "Have the next EXEC run only if none of the keys changes before it")
        .complexity("O(1) for every key")
        .arguments(&[key("key").multiple()]),
];

/// The commands between MULTI and EXEC.
#[derive(Debug, Default)]
pub struct Transaction {
    words: Words,
    queued: Vec<Queued>,
    broken: bool,
}

/// A command of the queue: its row and which of the words are its own.
#[derive(Debug)]
struct Queued {
    row: usize,
    words: Range<usize>,
}

impl Transaction {
    /// Bytes that the queue holds.
    pub fn bytes(&self) -> usize {
        let queued = self.queued.capacity().saturating_mul(size_of::<Queued>());
        self.words.held_bytes().saturating_add(queued)
    }

    /// Commands in the queue.
    pub fn len(&self) -> usize {
        self.queued.len()
    }

    /// True if nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }

    /// True if a queued command may change data.
    pub(super) fn may_write(&self) -> bool {
        self.queued.iter().any(|queued| TABLE[queued.row].may_write())
    }

    fn push(&mut self, row: usize, args: &Args<'_>) -> Result<(), ErrorText> {
        if self.queued.len() >= QUEUED_COUNT_MAX {
            return Err(format!(
                "ERR transaction is too long, must be at most {QUEUED_COUNT_MAX} commands"
            )
            .into());
        }
        if self.words.cost_bytes().saturating_add(Words::cost_of(args)) > QUEUED_BYTES_MAX {
            return Err(format!(
                "ERR transaction is too large, must be at most {QUEUED_BYTES_MAX} bytes"
            )
            .into());
        }
        let words = self.words.extend(args.iter());
        self.queued.push(Queued { row, words });
        Ok(())
    }

    fn requests(&self) -> impl Iterator<Item = (usize, Args<'_>)> {
        self.queued.iter().map(|queued| (queued.row, self.words.args(queued.words.clone())))
    }

    /// Holds whatever its commands and the watched keys need.
    fn hold<'e>(&self, engine: &'e Engine, now_ms: u64, watch: Option<&Watch>) -> Held<'e> {
        let reaches_all = |queued: &Queued| {
            matches!(TABLE[queued.row].handler, Handler::Whole(_) | Handler::Script(_))
        };
        if self.queued.iter().any(reaches_all) {
            return engine.hold_all(now_ms);
        }
        let keyed =
            self.requests().filter(|(row, _)| matches!(TABLE[*row].handler, Handler::Keyed(_)));
        let mut keys: Vec<&[u8]> = watch.into_iter().flat_map(Watch::keys).collect();
        for (row, args) in keyed {
            // Without legal positions the handler refuses before it looks at any key.
            let positions = TABLE[row].keys.positions(&args).unwrap_or_default();
            keys.extend(positions.into_iter().map(|at| args.get(at)));
        }
        engine.hold(now_ms, keys.into_iter())
    }
}

/// Queues a request that was admitted.
pub(super) fn queue(context: &mut Context<'_>, row: usize, args: &Args<'_>) -> Reply {
    let Some(transaction) = &mut context.session.transaction else { return Reply::Nothing };
    match transaction.push(row, args) {
        Ok(()) => {
            show(context.session);
            Reply::Simple("QUEUED")
        }
        Err(text) => {
            transaction.broken = true;
            context.stats.reject(Some(row), &text);
            Reply::Error(text)
        }
    }
}

/// What a refused request does to a transaction: it cannot be executed any more. The text to answer.
pub(super) fn refused(context: &mut Context<'_>, row: Option<usize>, text: ErrorText) -> ErrorText {
    if row.is_some_and(|row| TABLE[row].name == "exec") {
        forget(context);
        let text = text.strip_prefix("ERR ").unwrap_or(&text);
        return format!("EXECABORT Transaction discarded because of: {text}").into();
    }
    if let Some(transaction) = &mut context.session.transaction {
        transaction.broken = true;
    }
    text
}

/// Ends transaction and watch, as DISCARD and RESET do.
pub(super) fn forget(context: &mut Context<'_>) {
    context.session.transaction = None;
    context.session.watch = None;
    show(context.session);
}

/// Shows CLIENT LIST what is queued.
fn show(session: &Session) {
    let transaction = session.transaction.as_ref();
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let queued = transaction.map_or(0, |transaction| count(transaction.len()).saturating_add(1));
    session.record.queued.store(queued, Relaxed);
    session.record.queued_bytes.store(count(session.queued_bytes()), Relaxed);
}

fn multi(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    if context.session.transaction.is_some() {
        return failure("ERR MULTI calls can not be nested");
    }
    context.session.transaction = Some(Box::default());
    show(context.session);
    Reply::Simple("OK")
}

fn discard(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    if context.session.transaction.is_none() {
        return failure("ERR DISCARD without MULTI");
    }
    forget(context);
    Reply::Simple("OK")
}

fn exec(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    let Some(transaction) = context.session.transaction.take() else {
        return failure("ERR EXEC without MULTI");
    };
    show(context.session);
    let watch = context.session.watch.take();
    if transaction.broken {
        return failure("EXECABORT Transaction discarded because of previous errors.");
    }
    let (engine, now_ms) = (context.engine, context.now_ms);
    let mut held = transaction.hold(engine, now_ms, watch.as_ref());
    if watch.is_some_and(|watch| watch.is_broken(now_ms)) {
        return Reply::NullArray;
    }
    let mut replies = Vec::new();
    encode_array_head(&mut replies, transaction.len());
    let start_ns = (context.ticker)();
    let mut mark_ns = start_ns;
    for (row, args) in transaction.requests() {
        let effect = context.session.effect;
        let reply = match mark_ns.saturating_sub(start_ns) {
            0..EXEC_NS_MAX => run_held(context, &mut held, row, &args),
            _ => failure("ERR the transaction has run for a second: this command was not executed"),
        };
        if effect != super::Effect::None {
            // The first one stands.
            context.session.effect = effect;
        }
        append(context, reply, &mut replies);
        let now_ns = (context.ticker)();
        record(context, row, &args, now_ns.saturating_sub(mark_ns));
        mark_ns = now_ns;
    }
    Reply::Encoded(replies)
}

/// Appends one reply of a transaction, in the protocol of this moment.
fn append(context: &Context<'_>, reply: Reply, replies: &mut Vec<u8>) {
    let protocol = context.session.protocol;
    let reply = if replies.len() > EXEC_REPLY_BYTES_MAX {
        error(format!(
            "ERR the replies of the transaction take more than {EXEC_REPLY_BYTES_MAX} bytes"
        ))
    } else {
        reply
    };
    match reply {
        // An array must have as many values as its head says.
        Reply::Nothing => Reply::Null.encode(protocol, replies),
        reply => reply.encode(protocol, replies),
    }
}

fn watch(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    if context.session.transaction.is_some() {
        return failure("ERR WATCH inside MULTI is not allowed");
    }
    let watched = context.session.watch.iter().flat_map(Watch::keys);
    let (mut count, mut bytes) = (0_usize, 0_usize);
    for key in watched.chain(args.iter().skip(1)) {
        (count, bytes) = (count + 1, bytes.saturating_add(key.len()));
    }
    if count > WATCHED_COUNT_MAX || bytes > WATCHED_BYTES_MAX {
        return error(format!(
            "ERR too many watched keys, must be at most {WATCHED_COUNT_MAX} of \
             {WATCHED_BYTES_MAX} bytes together"
        ));
    }
    for key in args.iter().skip(1) {
        if let Err(full) = held.watch(&mut context.session.watch, key) {
            return Reply::Error(super::strings::full(context, full));
        }
    }
    Reply::Simple("OK")
}

fn unwatch(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    context.session.watch = None;
    Reply::Simple("OK")
}

#[cfg(test)]
#[path = "transaction_tests.rs"]
mod tests;
