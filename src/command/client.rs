//! A client as CLIENT LIST shows it, and the CLIENT command.
//!
//! Not here: LIST and KILL, which look at other clients (`client_list.rs`, `client_kill.rs`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use parking_lot::Mutex;

use super::argument::{Argument, integer, one_of, text, word};
use super::client_kill::{KILL_ARGUMENTS, kill, unblock};
use super::client_list::{LIST_ARGUMENTS, info, list};
use super::session::{Replies, Session};
use super::spec::{Categories, Flags, Plain, Spec};
use super::table::{error, failure};
use super::{Args, Context, PauseMode, help};
use crate::engine::Mailbox;
use crate::resp::{self, Protocol, Reply};

/// One connection's public row. Its worker writes it, any connection may read it.
#[derive(Debug)]
pub struct ClientRecord {
    /// Unique in the life of the process, from 1.
    pub id: u64,
    /// The peer, `ip:port` or `path:0` for a Unix socket.
    pub addr: String,
    /// The local address.
    pub laddr: String,
    /// File descriptor number, for CLIENT LIST only.
    pub fd: i32,
    /// Connected through the Unix socket.
    pub unix: bool,
    /// When it connected, ms since the epoch.
    pub created_ms: u64,
    /// Last slice served, ms since the epoch.
    pub active_ms: AtomicU64,
    /// Row of its last command in the command table plus one; 0 = none yet.
    pub last_command: AtomicU64,
    /// Commands served.
    pub commands: AtomicU64,
    /// Bytes read from it.
    pub read_bytes: AtomicU64,
    /// Bytes written to it.
    pub written_bytes: AtomicU64,
    /// Bytes of an unfinished request now held (qbuf).
    pub query_bytes: AtomicU64,
    /// Bytes of replies that the socket has not taken yet (obl).
    pub output_bytes: AtomicU64,
    /// Commands queued between MULTI and EXEC plus one; 0 = no transaction (multi).
    pub queued: AtomicU64,
    /// Bytes that their queue holds (multi-mem).
    pub queued_bytes: AtomicU64,
    /// Channels that it listens to (sub).
    pub channels: AtomicU64,
    /// Patterns that it listens to (psub).
    pub patterns: AtomicU64,
    /// Bytes that its subscriptions take.
    pub subscribed_bytes: AtomicU64,
    /// Where its wait can be ended, while it waits.
    pub blocked: Mutex<Option<Arc<Mailbox>>>,
    /// Speaks RESP3.
    pub resp3: AtomicBool,
    /// CLIENT NO-EVICT ON.
    pub no_evict: AtomicBool,
    /// CLIENT NO-TOUCH ON.
    pub no_touch: AtomicBool,
    /// What it told about itself.
    pub identity: Mutex<Identity>,
}

impl ClientRecord {
    /// True if it listens to a channel or pattern.
    pub fn is_subscribed(&self) -> bool {
        self.channels.load(Relaxed) > 0 || self.patterns.load(Relaxed) > 0
    }

    /// True if a request of it waits.
    pub fn is_blocked(&self) -> bool {
        self.blocked.lock().is_some()
    }
}

/// What a client told about itself.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// CLIENT SETNAME, HELLO SETNAME.
    pub name: Bytes,
    /// CLIENT SETINFO LIB-NAME.
    pub lib_name: Bytes,
    /// CLIENT SETINFO LIB-VER.
    pub lib_ver: Bytes,
}

const GROUP: &str = "connection";
const LOOSE: Flags = Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE);
const ADMIN: Flags = LOOSE.with(Flags::ADMIN);
const ON_OFF: &[Argument] = &[one_of("enabled", &[word("on", "ON"), word("off", "OFF")])];

const fn row(name: &'static str, arity: i32, handler: Plain) -> Spec {
    Spec::new(name, arity, handler).categories(Categories::CONNECTION).flags(LOOSE)
}

pub(super) const ROWS: &[Spec] = &[
    Spec::new("client", -2, id).container().docs(
        GROUP,
        "2.4.0",
        "A container for client connection commands",
    ),
    row("client|id", 2, id).docs(GROUP, "5.0.0", "Return the ID of the current connection"),
    row("client|info", 2, info).docs(
        GROUP,
        "6.2.0",
        "Return the line of CLIENT LIST about oneself",
    ),
    row("client|list", -2, list)
        .flags(ADMIN)
        .docs(GROUP, "2.4.0", "Get the list of client connections")
        .complexity("O(N) where N is the number of client connections")
        .arguments(LIST_ARGUMENTS),
    row("client|kill", -3, kill)
        .flags(ADMIN)
        .docs(GROUP, "2.4.0", "Kill the connection of a client")
        .complexity("O(N) where N is the number of client connections")
        .arguments(KILL_ARGUMENTS),
    row("client|setname", 3, set_name)
        .docs(GROUP, "2.6.9", "Set the current connection name")
        .arguments(&[text("connection-name")]),
    row("client|getname", 2, get_name).docs(GROUP, "2.6.9", "Get the current connection name"),
    row("client|setinfo", 4, set_info)
        .docs(GROUP, "7.2.0", "Tell the name or the version of the client library")
        .arguments(&[one_of(
            "attr",
            &[text("libname").token("LIB-NAME"), text("libver").token("LIB-VER")],
        )]),
    row("client|no-evict", 3, no_evict)
        .flags(ADMIN)
        .docs(GROUP, "7.0.0", "Mark the connection as one to spare; no client is evicted here")
        .arguments(ON_OFF),
    row("client|no-touch", 3, no_touch)
        .docs(GROUP, "7.2.0", "Mark the connection as one whose reads leave no trace")
        .arguments(ON_OFF),
    row("client|pause", -3, pause)
        .flags(ADMIN)
        .docs(GROUP, "3.0.0", "Hold back the commands of all clients for some time")
        .arguments(&[
            integer("timeout"),
            one_of("mode", &[word("write", "WRITE"), word("all", "ALL")]).optional(),
        ]),
    row("client|unblock", -3, unblock)
        .flags(ADMIN)
        .docs(GROUP, "5.0.0", "End the wait of a client, with an error or like its time-out")
        .complexity("O(N) where N is the number of client connections")
        .arguments(&[
            integer("client-id"),
            one_of("unblock-type", &[word("timeout", "TIMEOUT"), word("error", "ERROR")])
                .optional(),
        ]),
    row("client|unpause", 2, unpause).flags(ADMIN).docs(GROUP, "6.2.0", "End CLIENT PAUSE"),
    // A transaction's replies are one array, which must not lose elements.
    row("client|reply", 3, reply)
        .flags(LOOSE.with(Flags::NO_MULTI))
        .docs(GROUP, "3.2.0", "Tell the server whether to reply")
        .arguments(&[one_of(
            "on_off_skip",
            &[word("on", "ON"), word("off", "OFF"), word("skip", "SKIP")],
        )]),
    row("client|getredir", 2, get_redirection).docs(
        GROUP,
        "6.0.0",
        "Get the client to which tracking notices go; there is no tracking here",
    ),
    row("client|trackinginfo", 2, tracking_info).docs(
        GROUP,
        "6.2.0",
        "Return what is tracked for the connection; there is no tracking here",
    ),
    help::row("client|help", GROUP, "5.0.0"),
];

/// True if a name can stand in a line of CLIENT LIST: printable ASCII without spaces.
pub(super) fn valid_name(name: &[u8]) -> bool {
    name.len() <= NAME_BYTES_MAX && name.iter().all(u8::is_ascii_graphic)
}

/// Longest name or library description of a client: each connection may hold three of them.
const NAME_BYTES_MAX: usize = 1_024;

pub(super) const BAD_NAME: &str =
    "ERR Client names cannot contain spaces, newlines or special characters.";

/// Gives the client a valid name.
pub(super) fn rename(record: &ClientRecord, name: &[u8]) {
    record.identity.lock().name = Bytes::copy_from_slice(name);
}

/// What RESET takes back; the library's name stays, as in Redis.
pub(super) fn forget(record: &ClientRecord) {
    record.identity.lock().name = Bytes::new();
    record.no_evict.store(false, Relaxed);
    record.no_touch.store(false, Relaxed);
}

/// Changes the protocol of the replies that follow, this one included.
pub(super) fn set_protocol(session: &mut Session, protocol: Protocol) {
    session.protocol = protocol;
    session.record.resp3.store(protocol == Protocol::Resp3, Relaxed);
}

fn id(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    Reply::Integer(i64::try_from(context.session.record.id).unwrap_or(i64::MAX))
}

fn set_name(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    if !valid_name(args.get(2)) {
        return failure(BAD_NAME);
    }
    rename(&context.session.record, args.get(2));
    Reply::Simple("OK")
}

fn get_name(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    let name = context.session.record.identity.lock().name.clone();
    Reply::Frame(if name.is_empty() { resp::null() } else { resp::bulk(name) })
}

fn set_info(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let option = String::from_utf8_lossy(args.get(2)).into_owned();
    let version = args.is(2, "lib-ver");
    if !version && !args.is(2, "lib-name") {
        return error(format!("ERR Unrecognized option '{option}'"));
    }
    if !valid_name(args.get(3)) {
        return error(format!(
            "ERR {option} cannot contain spaces, newlines or special characters."
        ));
    }
    let value = Bytes::copy_from_slice(args.get(3));
    let mut identity = context.session.record.identity.lock();
    if version {
        identity.lib_ver = value;
    } else {
        identity.lib_name = value;
    }
    Reply::Simple("OK")
}

fn switch(flag: &AtomicBool, args: &Args<'_>) -> Reply {
    if args.is(2, "on") {
        flag.store(true, Relaxed);
    } else if args.is(2, "off") {
        flag.store(false, Relaxed);
    } else {
        return failure("ERR syntax error");
    }
    Reply::Simple("OK")
}

fn no_evict(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    switch(&context.session.record.no_evict, args)
}

fn no_touch(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    switch(&context.session.record.no_touch, args)
}

fn pause(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let mode = match args.len() {
        3 => PauseMode::All,
        4 if args.is(3, "all") => PauseMode::All,
        4 if args.is(3, "write") => PauseMode::Write,
        4 => return failure("ERR CLIENT PAUSE mode must be WRITE or ALL"),
        _ => return failure("ERR syntax error"),
    };
    let timeout = match args.integer_or(2, "ERR timeout is not an integer or out of range") {
        Ok(timeout) => timeout,
        Err(text) => return Reply::Error(text),
    };
    let Ok(timeout_ms) = u64::try_from(timeout) else {
        return failure("ERR timeout is negative");
    };
    context.host.pause(mode, context.now_ms.saturating_add(timeout_ms));
    Reply::Simple("OK")
}

fn unpause(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    context.host.unpause();
    Reply::Simple("OK")
}

fn reply(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let replies = &mut context.session.replies;
    if args.is(2, "on") {
        *replies = Replies::On;
        return Reply::Simple("OK");
    }
    if args.is(2, "off") {
        *replies = Replies::Off;
    } else if !args.is(2, "skip") {
        return failure("ERR syntax error");
    } else if *replies == Replies::On {
        *replies = Replies::SkipNext;
    }
    Reply::Nothing
}

fn get_redirection(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    Reply::Integer(-1)
}

fn tracking_info(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    Reply::Frame(resp::map(vec![
        (resp::text("flags"), resp::set(vec![resp::text("off")])),
        (resp::text("redirect"), resp::integer(-1)),
        (resp::text("prefixes"), resp::array(Vec::new())),
    ]))
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
