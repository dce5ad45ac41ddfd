//! CLIENT KILL: closing connections, one's own included; CLIENT UNBLOCK.
//!
//! Invariant: the reply of a client that kills itself is written before it is closed.

use super::args::{ErrorText, parse_integer};
use super::argument::{Argument, integer, one_of, text, word};
use super::client_list::{ClientType, TYPES, client_id};
use super::session::Effect;
use super::table::failure;
use super::{Args, ClientRecord, Context};
use crate::resp::Reply;

pub(super) const KILL_ARGUMENTS: &[Argument] = &[one_of(
    "filter",
    &[
        text("ip:port"),
        one_of(
            "new-format",
            &[
                integer("client-id").token("ID"),
                one_of("client-type", TYPES).token("TYPE"),
                text("username").token("USER"),
                text("ip:port").token("ADDR"),
                text("ip:port").token("LADDR"),
                one_of("yes/no", &[word("yes", "YES"), word("no", "NO")]).token("SKIPME"),
                integer("maxage").token("MAXAGE"),
            ],
        )
        .multiple(),
    ],
)];

/// Which clients to close; a filter that is `None` lets all pass.
#[derive(Default)]
struct Filters<'a> {
    id: Option<u64>,
    addr: Option<&'a [u8]>,
    laddr: Option<&'a [u8]>,
    client_type: Option<ClientType>,
    age_s_min: Option<u64>,
    spare_me: bool,
}

impl Filters<'_> {
    fn pass(&self, record: &ClientRecord, me: u64, now_ms: u64) -> bool {
        let age_s = now_ms.saturating_sub(record.created_ms) / 1_000;
        self.id.is_none_or(|id| id == record.id)
            && self.addr.is_none_or(|addr| addr == record.addr.as_bytes())
            && self.laddr.is_none_or(|laddr| laddr == record.laddr.as_bytes())
            && self.client_type.is_none_or(|chosen| chosen == ClientType::of(record))
            && self.age_s_min.is_none_or(|age_s_min| age_s >= age_s_min)
            && !(self.spare_me && record.id == me)
    }
}

pub(super) fn kill(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    if args.len() == 3 {
        let filters = Filters { addr: Some(args.get(2)), ..Filters::default() };
        return match close(context, &filters) {
            0 => failure("ERR No such client"),
            _ => Reply::Simple("OK"),
        };
    }
    match read_filters(args) {
        Ok(filters) => Reply::Integer(close(context, &filters)),
        Err(text) => Reply::Error(text),
    }
}

fn read_filters<'a>(args: &Args<'a>) -> Result<Filters<'a>, ErrorText> {
    let mut filters = Filters { spare_me: true, ..Filters::default() };
    if !args.len().is_multiple_of(2) {
        return Err("ERR syntax error".into());
    }
    for at in (2..args.len()).step_by(2) {
        let value = args.get(at + 1);
        if args.is(at, "id") {
            let id = client_id(value);
            filters.id = Some(id.ok_or("ERR client-id should be greater than 0")?);
        } else if args.is(at, "type") {
            filters.client_type = Some(ClientType::parse(value)?);
        } else if args.is(at, "addr") {
            filters.addr = Some(value);
        } else if args.is(at, "laddr") {
            filters.laddr = Some(value);
        } else if args.is(at, "user") {
            if value != b"default" {
                let user = String::from_utf8_lossy(value);
                return Err(format!("ERR No such user '{user}'").into());
            }
        } else if args.is(at, "maxage") {
            let age = parse_integer(value).and_then(|age| u64::try_from(age).ok());
            let text = "ERR maxage is not an integer or out of range";
            filters.age_s_min = Some(age.ok_or(text)?);
        } else if args.is(at, "skipme") && value.eq_ignore_ascii_case(b"yes") {
            filters.spare_me = true;
        } else if args.is(at, "skipme") && value.eq_ignore_ascii_case(b"no") {
            filters.spare_me = false;
        } else {
            return Err("ERR syntax error".into());
        }
    }
    Ok(filters)
}

/// Closes all that pass and tells how many.
fn close(context: &mut Context<'_>, filters: &Filters<'_>) -> i64 {
    let me = context.session.record.id;
    let mut closed = 0;
    for record in context.host.clients() {
        if !filters.pass(&record, me, context.now_ms) {
            continue;
        }
        if record.id == me {
            context.session.effect = Effect::Close;
            closed += 1;
        } else if context.host.kill(record.id) {
            closed += 1;
        }
    }
    closed
}

pub(super) fn unblock(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let with_error = match args.len() {
        3 => false,
        4 if args.is(3, "timeout") => false,
        4 if args.is(3, "error") => true,
        4 => return failure("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"),
        _ => {
            return failure(
                "ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT \
                 HELP.",
            );
        }
    };
    let id = match args.integer(2) {
        Ok(id) => u64::try_from(id).unwrap_or(0),
        Err(text) => return Reply::Error(text),
    };
    let clients = context.host.clients();
    let client = clients.iter().find(|record| record.id == id);
    let mailbox = client.and_then(|record| record.blocked.lock().clone());
    Reply::Integer(i64::from(mailbox.is_some_and(|mailbox| mailbox.end(with_error))))
}
