//! The command table and the way every request takes through it.
//!
//! Not here: what a command does. Invariant: one reply a request; what is refused here changed
//! nothing.

use super::session::{Effect, Replies};
use super::spec::{Flags, Handler, Spec};
use super::{Args, Context, ErrorText, transaction};
use crate::config::DebugCommand;
use crate::engine::{Held, Whole};
use crate::resp::Reply;

/// The families, each in the file of its handlers.
const FAMILIES: &[&[Spec]] = &[
    super::acl::ROWS,
    super::blocking::ROWS,
    super::client::ROWS,
    super::cluster::ROWS,
    super::docs_hashes::ROWS,
    super::docs_keys::ROWS,
    super::docs_lists::ROWS,
    super::docs_ratelimit::ROWS,
    super::docs_sorted_sets::ROWS,
    super::docs_strings::ROWS,
    super::introspect::ROWS,
    super::connection::ROWS,
    super::latency::ROWS,
    super::pubsub::ROWS,
    super::server::ROWS,
    super::settings::ROWS,
    super::scripting::ROWS,
    super::slowlog::ROWS,
    super::transaction::ROWS,
];

const fn count(families: &[&[Spec]]) -> usize {
    let (mut family, mut rows) = (0, 0);
    while family < families.len() {
        rows += families[family].len();
        family += 1;
    }
    rows
}

const ROWS: usize = count(FAMILIES);

/// Every command and subcommand, sorted by name. A command's number, as statistics and
/// [`ClientRecord::last_command`](super::ClientRecord) keep it, is its index here.
pub static TABLE: [&Spec; ROWS] = sorted(FAMILIES);

const fn sorted(families: &'static [&'static [Spec]]) -> [&'static Spec; ROWS] {
    let mut table: [&Spec; ROWS] = [&families[0][0]; ROWS];
    let (mut family, mut filled) = (0, 0);
    while family < families.len() {
        let mut row = 0;
        while row < families[family].len() {
            let spec = &families[family][row];
            let mut at = filled;
            while at > 0 && before(spec.name.as_bytes(), table[at - 1].name.as_bytes()) {
                table[at] = table[at - 1];
                at -= 1;
            }
            table[at] = spec;
            filled += 1;
            row += 1;
        }
        family += 1;
    }
    table
}

const fn before(left: &[u8], right: &[u8]) -> bool {
    let mut at = 0;
    while at < left.len() && at < right.len() {
        if left[at] != right[at] {
            return left[at] < right[at];
        }
        at += 1;
    }
    left.len() < right.len()
}

/// Slots of the hash table over [`TABLE`]; at least twice the rows, so that probes stay short.
const SLOTS: usize = 1024;
const _: () = assert!(ROWS * 2 <= SLOTS);
/// An empty slot.
const EMPTY: u16 = u16::MAX;
/// Longest name of a command looked up: longer ones are unknown at once.
const NAME_BYTES_MAX: usize = 32;

static SLOT: [u16; SLOTS] = slots();

const fn slots() -> [u16; SLOTS] {
    let mut slots = [EMPTY; SLOTS];
    let mut row = 0u16;
    while (row as usize) < ROWS {
        let name = TABLE[row as usize].name.as_bytes();
        assert!(name.len() <= NAME_BYTES_MAX);
        let mut slot = hash(HASH_START, name) % SLOTS;
        while slots[slot] != EMPTY {
            slot = (slot + 1) % SLOTS;
        }
        slots[slot] = row;
        row += 1;
    }
    slots
}

const HASH_START: u32 = 0x811c_9dc5;

/// FNV-1a over lower-cased bytes; the table is fixed, so nobody can choose collisions.
const fn hash(start: u32, name: &[u8]) -> usize {
    hash_state(start, name) as usize
}

const fn hash_state(start: u32, name: &[u8]) -> u32 {
    let (mut state, mut at) = (start, 0);
    while at < name.len() {
        state = (state ^ name[at].to_ascii_lowercase() as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    state
}

/// The row of a command, in any case; a subcommand as `container|subcommand`.
pub fn lookup(name: &[u8]) -> Option<usize> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    probe(hash(HASH_START, name), |row| row.eq_ignore_ascii_case(name))
}

/// The row of a subcommand, in any case.
fn lookup_subcommand(container: &str, subcommand: &[u8]) -> Option<usize> {
    if subcommand.len() > NAME_BYTES_MAX {
        return None;
    }
    let state = hash_state(hash_state(HASH_START, container.as_bytes()), b"|");
    probe(hash(state, subcommand), |row| {
        row.strip_prefix(container.as_bytes())
            .and_then(|row| row.strip_prefix(b"|"))
            .is_some_and(|row| row.eq_ignore_ascii_case(subcommand))
    })
}

fn probe(hash: usize, same: impl Fn(&[u8]) -> bool) -> Option<usize> {
    let mut slot = hash % SLOTS;
    loop {
        let row = SLOT[slot];
        if row == EMPTY {
            return None;
        }
        let row = usize::from(row);
        if same(TABLE[row].name.as_bytes()) {
            return Some(row);
        }
        slot = (slot + 1) % SLOTS;
    }
}

/// The subcommands of a container, sorted.
pub(super) fn subcommands(container: &str) -> impl Iterator<Item = &'static Spec> {
    let within = move |row: &&Spec| {
        row.name.strip_prefix(container).is_some_and(|rest| rest.starts_with('|'))
    };
    TABLE.iter().copied().filter(within)
}

/// The row that serves a request, or the error that Redis gives.
pub fn resolve(args: &Args<'_>) -> Result<usize, ErrorText> {
    let row = lookup(args.get(0)).filter(|row| !TABLE[*row].name.contains('|'));
    let Some(row) = row else {
        return Err(unknown_command(args));
    };
    let spec = TABLE[row];
    if !spec.container || args.len() < 2 {
        return Ok(row);
    }
    lookup_subcommand(spec.name, args.get(1)).ok_or_else(|| unknown_subcommand(spec, args.get(1)))
}

/// Most bytes of an unknown name, and of its arguments, that are shown back.
const SHOWN_BYTES_MAX: usize = 128;
/// What a node that is still joining answers; clients know it by its first word, as Redis's own.
const LOADING: &str = "LOADING ratel is joining its cluster and does not have all counts yet";

fn unknown_command(args: &Args<'_>) -> ErrorText {
    let name = shown(args.get(0), SHOWN_BYTES_MAX);
    let mut shown_args = String::new();
    for arg in args.iter().skip(1) {
        if shown_args.len() >= SHOWN_BYTES_MAX {
            break;
        }
        let room = SHOWN_BYTES_MAX - shown_args.len();
        shown_args.push_str(&format!("'{}' ", shown(arg, room)));
    }
    format!("ERR unknown command '{name}', with args beginning with: {shown_args}").into()
}

fn unknown_subcommand(container: &Spec, name: &[u8]) -> ErrorText {
    let name = shown(name, SHOWN_BYTES_MAX);
    let container = container.name.to_ascii_uppercase();
    format!("ERR unknown subcommand '{name}'. Try {container} HELP.").into()
}

/// The start of a word as an error shows it: like Redis's, up to the first zero byte.
pub(super) fn shown(word: &[u8], bytes_max: usize) -> String {
    let word = c_string(word);
    String::from_utf8_lossy(word.get(..bytes_max).unwrap_or(word)).into_owned()
}

/// What C takes the word for: it ends at the first zero byte.
pub(super) fn c_string(word: &[u8]) -> &[u8] {
    word.split(|byte| *byte == 0).next().unwrap_or(word)
}

/// Redis's text for a command on a key of another type.
pub(super) const WRONG_TYPE: &str =
    "WRONGTYPE Operation against a key holding the wrong kind of value";

/// An error reply of a text made up at run time.
pub(super) fn error(text: String) -> Reply {
    Reply::Error(text.into())
}

/// An error reply.
pub(super) fn failure(text: &'static str) -> Reply {
    Reply::Error(text.into())
}

/// Serves one request: finds its row, checks that it may run, holds its keys, runs it, notes what
/// failed.
///
/// The row's number is left in [`ClientRecord::last_command`](super::ClientRecord) and returned if
/// the command ran; time and calls are the caller's to note, since it has the clock.
pub fn execute(context: &mut Context<'_>, args: &Args<'_>) -> (Reply, Option<usize>) {
    let before = context.session.replies;
    let (reply, ran) = match admit(context, args) {
        Ok(row) if is_queued(context, row) => (transaction::queue(context, row, args), None),
        Ok(row) => (run(context, row, args), Some(row)),
        Err(reply) => (reply, None),
    };
    match (before, context.session.replies) {
        (Replies::SkipNext, Replies::SkipNext) if matches!(reply, Reply::Pushes(_)) => {
            context.session.replies = Replies::On;
            (reply, ran)
        }
        (_, Replies::Off) if matches!(reply, Reply::Pushes(_)) => (reply, ran),
        (_, Replies::Off) => (Reply::Nothing, ran),
        // Another CLIENT REPLY SKIP, which alone has no reply at all: its next is still to come.
        (Replies::SkipNext, Replies::SkipNext)
            if matches!(reply, Reply::Nothing) && context.session.blocked.is_none() =>
        {
            (reply, ran)
        }
        (Replies::SkipNext, Replies::SkipNext) => {
            context.session.replies = Replies::On;
            (Reply::Nothing, ran)
        }
        _ => (reply, ran),
    }
}

/// True if the request waits for EXEC.
fn is_queued(context: &Context<'_>, row: usize) -> bool {
    context.session.transaction.is_some() && !TABLE[row].flags.contains(Flags::NOT_QUEUED)
}

/// The row of a request that may run, or what it is answered instead.
#[expect(clippy::result_large_err, reason = "consumed by its one caller at once")]
pub(super) fn admit(context: &mut Context<'_>, args: &Args<'_>) -> Result<usize, Reply> {
    match resolve(args) {
        Ok(row) => match may_run(context, TABLE[row], args) {
            Ok(()) => Ok(row),
            Err(text) => Err(rejected(context, Some(row), text)),
        },
        Err(_) if is_cross_protocol(args.get(0)) => {
            context.session.effect = Effect::Close;
            Err(Reply::Nothing)
        }
        Err(text) => Err(rejected(context, None, text)),
    }
}

fn run(context: &mut Context<'_>, row: usize, args: &Args<'_>) -> Reply {
    let number = u64::try_from(row + 1).unwrap_or(u64::MAX);
    context.session.record.last_command.store(number, std::sync::atomic::Ordering::Relaxed);
    let (engine, now_ms) = (context.engine, context.now_ms);
    let reply = match TABLE[row].handler {
        Handler::Plain(handler) => handler(context, args),
        Handler::Keyed(handler) if TABLE[row].keys.is_one() => {
            handler(context, &mut engine.hold_one(now_ms, args.get(1)), args)
        }
        Handler::Keyed(handler) => {
            // Without legal positions the handler refuses before it looks at any key.
            let positions = TABLE[row].keys.positions(args).unwrap_or_default();
            let keys = positions.iter().map(|at| args.get(*at));
            handler(context, &mut engine.hold(now_ms, keys), args)
        }
        Handler::Whole(handler) => handler(context, &mut engine.whole(now_ms), args),
        Handler::Script(handler) => handler(context, None, args),
    };
    note_failure(context, row, reply)
}

/// Runs a request of this row, already admitted, under a hold of all its keys: of every key for a
/// row on the whole keyspace.
pub fn run_held(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    row: usize,
    args: &Args<'_>,
) -> Reply {
    let was_held = std::mem::replace(&mut context.is_held, true);
    let reply = match TABLE[row].handler {
        Handler::Plain(handler) => handler(context, args),
        Handler::Keyed(handler) => handler(context, held, args),
        Handler::Whole(handler) => handler(context, &mut Whole::Held(held), args),
        Handler::Script(handler) => handler(context, Some(held), args),
    };
    context.is_held = was_held;
    note_failure(context, row, reply)
}

/// True if a request of this row may run under the hold.
pub fn is_covered(held: &Held<'_>, row: usize, args: &Args<'_>) -> bool {
    match TABLE[row].handler {
        Handler::Plain(_) => true,
        Handler::Keyed(_) if TABLE[row].keys.is_one() => held.covers(std::iter::once(args.get(1))),
        Handler::Keyed(_) => {
            let positions = TABLE[row].keys.positions(args).unwrap_or_default();
            held.covers(positions.iter().map(|at| args.get(*at)))
        }
        Handler::Whole(_) | Handler::Script(_) => held.is_all(),
    }
}

fn note_failure(context: &Context<'_>, row: usize, reply: Reply) -> Reply {
    if let Reply::Error(text) = &reply {
        context.stats.fail(row, text.as_ref());
    }
    reply
}

fn rejected(context: &mut Context<'_>, row: Option<usize>, text: ErrorText) -> Reply {
    let text = transaction::refused(context, row, text);
    context.stats.reject(row, &text);
    Reply::Error(text)
}

/// A browser that was tricked into speaking to us begins with one of these.
fn is_cross_protocol(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

fn may_run(context: &Context<'_>, spec: &Spec, args: &Args<'_>) -> Result<(), ErrorText> {
    if !spec.takes(args.len()) {
        let name = spec.name;
        return Err(format!("ERR wrong number of arguments for '{name}' command").into());
    }
    if !context.session.authenticated && !spec.flags.contains(Flags::NO_AUTH) {
        return Err("NOAUTH Authentication required.".into());
    }
    if context.session.transaction.is_some() && spec.flags.contains(Flags::NO_MULTI) {
        return Err("ERR Command not allowed inside a transaction".into());
    }
    if spec.flags.contains(Flags::PROTECTED) && !debug_allowed(context) {
        return Err("ERR DEBUG command not allowed. If the enable-debug-command option is set to \
             \"local\", you can run it from a local connection, otherwise you need to set this \
             option in the configuration file, and then restart the server."
            .into());
    }
    if context.session.is_listening_only() && !spec.flags.contains(Flags::WHILE_SUBSCRIBED) {
        let name = spec.name;
        return Err(format!(
            "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
             RESET are allowed in this context"
        )
        .into());
    }
    // Last, as Redis does: what is wrong with a request is told before that it comes too early.
    if context.loading && !spec.flags.contains(Flags::LOADING) {
        return Err(LOADING.into());
    }
    Ok(())
}

fn debug_allowed(context: &Context<'_>) -> bool {
    match context.host.config().enable_debug_command {
        DebugCommand::No => false,
        DebugCommand::Local => context.session.local,
        DebugCommand::Yes => true,
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
