//! CLIENT LIST and CLIENT INFO: the lines about clients.
//!
//! Invariant: one line a client, its fields in Redis 7's order, so that tools split it as they
//! always did.

use std::sync::atomic::Ordering::Relaxed;

use super::args::{ErrorText, parse_integer};
use super::argument::{Argument, integer, one_of, word};
use super::table::{TABLE, failure};
use super::{Args, ClientRecord, Context};
use crate::resp::{self, Reply};

pub(super) const TYPES: &[Argument] = &[
    word("normal", "NORMAL"),
    word("master", "MASTER"),
    word("replica", "REPLICA"),
    word("pubsub", "PUBSUB"),
];

pub(super) const LIST_ARGUMENTS: &[Argument] = &[
    one_of("client-type", TYPES).token("TYPE").optional(),
    integer("client-id").token("ID").optional().multiple(),
];

/// A client's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientType {
    /// An ordinary client.
    Normal,
    /// One that listens to a channel or pattern.
    Subscriber,
    /// A replica or a master, of which there are none here.
    Other,
}

impl ClientType {
    /// A client's.
    pub(super) fn of(record: &ClientRecord) -> ClientType {
        if record.is_subscribed() { ClientType::Subscriber } else { ClientType::Normal }
    }

    /// The type of that name, or Redis's error.
    pub(super) fn parse(name: &[u8]) -> Result<Self, ErrorText> {
        let others: [&[u8]; 3] = [b"master", b"slave", b"replica"];
        if name.eq_ignore_ascii_case(b"normal") {
            return Ok(ClientType::Normal);
        }
        if name.eq_ignore_ascii_case(b"pubsub") {
            return Ok(ClientType::Subscriber);
        }
        if others.iter().any(|other| name.eq_ignore_ascii_case(other)) {
            return Ok(ClientType::Other);
        }
        let name = String::from_utf8_lossy(name);
        Err(format!("ERR Unknown client type '{name}'").into())
    }
}

pub(super) fn info(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    let mut lines = String::new();
    line(&context.session.record, context.now_ms, &mut lines);
    Reply::Frame(resp::verbatim(&lines))
}

pub(super) fn list(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let chosen: Box<dyn Fn(&ClientRecord) -> bool> = if args.len() == 2 {
        Box::new(|_| true)
    } else if args.is(2, "type") && args.len() == 4 {
        match ClientType::parse(args.get(3)) {
            Ok(chosen) => Box::new(move |record| chosen == ClientType::of(record)),
            Err(text) => return Reply::Error(text),
        }
    } else if args.is(2, "id") && args.len() > 3 {
        let ids: Option<Vec<u64>> = args.tail(3).iter().map(client_id).collect();
        let Some(mut ids) = ids else {
            return failure("ERR Invalid client ID");
        };
        ids.sort_unstable();
        Box::new(move |record| ids.binary_search(&record.id).is_ok())
    } else {
        return failure("ERR syntax error");
    };
    let mut lines = String::new();
    for record in context.host.clients().iter().filter(|record| chosen(record)) {
        line(record, context.now_ms, &mut lines);
    }
    Reply::Frame(resp::verbatim(&lines))
}

/// A client's number, as an argument.
pub(super) fn client_id(word: &[u8]) -> Option<u64> {
    u64::try_from(parse_integer(word)?).ok().filter(|id| *id > 0)
}

fn line(record: &ClientRecord, now_ms: u64, out: &mut String) {
    use std::fmt::Write as _;

    let since = |ms: u64| now_ms.saturating_sub(ms) / 1_000;
    let identity = record.identity.lock().clone();
    let queued_bytes = record.queued_bytes.load(Relaxed);
    let query_bytes = record.query_bytes.load(Relaxed);
    let output_bytes = record.output_bytes.load(Relaxed);
    let command = usize::try_from(record.last_command.load(Relaxed))
        .ok()
        .and_then(|number| TABLE.get(number.checked_sub(1)?))
        .map_or("NULL", |spec| spec.name);
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db=0 sub={} psub={} ssub=0 \
         multi={} qbuf={query_bytes} qbuf-free=0 argv-mem=0 multi-mem={queued_bytes} rbs=0 rbp=0 \
         obl={output_bytes} oll=0 omem=0 tot-mem={} events=r cmd={command} user=default redir=-1 \
         resp={} lib-name={} lib-ver={}",
        record.id,
        record.addr,
        record.laddr,
        record.fd,
        String::from_utf8_lossy(&identity.name),
        since(record.created_ms),
        since(record.active_ms.load(Relaxed)),
        flags(record),
        record.channels.load(Relaxed),
        record.patterns.load(Relaxed),
        i64::try_from(record.queued.load(Relaxed)).unwrap_or(i64::MAX).saturating_sub(1),
        query_bytes
            .saturating_add(output_bytes)
            .saturating_add(queued_bytes)
            .saturating_add(record.subscribed_bytes.load(Relaxed)),
        if record.resp3.load(Relaxed) { 3 } else { 2 },
        String::from_utf8_lossy(&identity.lib_name),
        String::from_utf8_lossy(&identity.lib_ver),
    );
}

fn flags(record: &ClientRecord) -> String {
    let letters = [
        (record.is_subscribed(), 'P'),
        (record.queued.load(Relaxed) > 0, 'x'),
        (record.is_blocked(), 'b'),
        (record.unix, 'U'),
        (record.no_evict.load(Relaxed), 'e'),
        (record.no_touch.load(Relaxed), 'T'),
    ];
    let flags: String = letters.iter().filter(|(set, _)| *set).map(|(_, letter)| letter).collect();
    if flags.is_empty() { "N".to_owned() } else { flags }
}
