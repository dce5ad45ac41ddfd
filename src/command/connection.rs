//! The connection itself: PING, ECHO, QUIT, RESET, SELECT, AUTH, HELLO.
//!
//! Not here: what CLIENT shows and does. Invariant: a password is compared in a time that tells
//! nothing about it, and a HELLO that fails has changed nothing.

use bytes::Bytes;
use subtle::ConstantTimeEq;

use super::argument::{block, integer, text};
use super::client::{self, valid_name};
use super::session::{Effect, Replies};
use super::spec::{Categories, Flags, Plain, Spec};
use super::table::failure;
use super::{Args, Context, ErrorText, REDIS_VERSION};
use crate::config::TEXT_BYTES_MAX;
use crate::resp::{self, Protocol, Reply};

const LOOSE: Flags = Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE).with(Flags::FAST);
const BEFORE_AUTH: Flags = LOOSE.with(Flags::NO_AUTH);
const ALWAYS: Flags = BEFORE_AUTH.with(Flags::NOT_QUEUED).with(Flags::WHILE_SUBSCRIBED);

const fn row(name: &'static str, arity: i32, handler: Plain) -> Spec {
    Spec::new(name, arity, handler).categories(Categories::CONNECTION)
}

pub(super) const ROWS: &[Spec] = &[
    row("ping", -1, ping)
        .flags(Flags::FAST.with(Flags::WHILE_SUBSCRIBED))
        .docs("connection", "1.0.0", "Ping the server")
        .arguments(&[text("message").optional()]),
    row("echo", 2, echo)
        .flags(Flags::LOADING.with(Flags::STALE).with(Flags::FAST))
        .docs("connection", "1.0.0", "Echo the given string")
        .arguments(&[text("message")]),
    row("quit", -1, quit).flags(ALWAYS).docs("connection", "1.0.0", "Close the connection"),
    row("reset", 1, reset).flags(ALWAYS).docs(
        "connection",
        "6.2.0",
        "Reset the connection to the state of a new one",
    ),
    row("select", 2, select)
        .flags(Flags::LOADING.with(Flags::STALE).with(Flags::FAST))
        .docs("connection", "1.0.0", "Choose the database; there is only database 0")
        .arguments(&[integer("index")]),
    row("auth", -2, auth)
        .flags(BEFORE_AUTH)
        .docs("connection", "1.0.0", "Authenticate to the server")
        .arguments(&[text("username").optional(), text("password")]),
    row("hello", -1, hello)
        .flags(BEFORE_AUTH)
        .docs("connection", "6.0.0", "Choose the protocol, authenticate and name the connection")
        .arguments(&[block(
            "arguments",
            &[
                integer("protover"),
                block("username_password", &[text("username"), text("password")])
                    .token("AUTH")
                    .optional(),
                text("clientname").token("SETNAME").optional(),
            ],
        )
        .optional()]),
];

fn ping(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    match args.len() {
        1 | 2 if context.session.is_listening_only() => {
            Reply::Frame(resp::array(vec![resp::text("pong"), resp::bulk(args.get(1).to_vec())]))
        }
        1 => Reply::Simple("PONG"),
        2 => bulk(args.get(1)),
        _ => failure("ERR wrong number of arguments for 'ping' command"),
    }
}

fn echo(_context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    bulk(args.get(1))
}

fn bulk(word: &[u8]) -> Reply {
    Reply::Frame(resp::bulk(Bytes::copy_from_slice(word)))
}

fn quit(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    context.session.effect = Effect::Close;
    Reply::Simple("OK")
}

fn reset(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    context.session.replies = Replies::On;
    context.session.authenticated = context.host.config().requirepass.is_empty();
    super::transaction::forget(context);
    context.session.subscriber = None;
    client::set_protocol(context.session, Protocol::Resp2);
    client::forget(&context.session.record);
    Reply::Simple("RESET")
}

fn select(_context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    match args.integer(1) {
        Ok(0) => Reply::Simple("OK"),
        Ok(_) => failure("ERR DB index is out of range"),
        Err(text) => Reply::Error(text),
    }
}

fn auth(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let required = !context.host.config().requirepass.is_empty();
    let (user, password) = match args.len() {
        2 if !required => {
            return failure(
                "ERR AUTH <password> called without any password configured for the default \
                 user. Are you sure your configuration is correct?",
            );
        }
        2 => (b"default".as_slice(), args.get(1)),
        3 => (args.get(1), args.get(2)),
        _ => return failure("ERR syntax error"),
    };
    if !may_enter(context, user, password) {
        return wrong_password();
    }
    context.session.authenticated = true;
    Reply::Simple("OK")
}

fn wrong_password() -> Reply {
    failure("WRONGPASS invalid username-password pair or user is disabled.")
}

/// True if the pair opens the server: the only user is `default`, and without a configured
/// password any will do, as in Redis.
fn may_enter(context: &Context<'_>, user: &[u8], password: &[u8]) -> bool {
    let config = context.host.config();
    let expected = config.requirepass.as_bytes();
    let same = same_password(expected, password);
    user == b"default" && (expected.is_empty() || same)
}

/// Compares over the longest password that there can be, so that the time tells neither content
/// nor length. A longer one matches nothing.
fn same_password(expected: &[u8], given: &[u8]) -> bool {
    let padded = |word: &[u8]| {
        let mut padded = [0; TEXT_BYTES_MAX];
        padded.get_mut(..word.len())?.copy_from_slice(word);
        Some(padded)
    };
    let (Some(expected_padded), Some(given_padded)) = (padded(expected), padded(given)) else {
        return false;
    };
    let same_length = expected.len().ct_eq(&given.len());
    (same_length & expected_padded.ct_eq(&given_padded)).into()
}

/// What HELLO asks for, read whole before anything is changed.
#[derive(Default)]
struct Greeting<'a> {
    protocol: Option<Protocol>,
    auth: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

fn hello(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let greeting = match read_greeting(args) {
        Ok(greeting) => greeting,
        Err(text) => return Reply::Error(text),
    };
    if let Some((user, password)) = greeting.auth {
        if !may_enter(context, user, password) {
            return wrong_password();
        }
        context.session.authenticated = true;
    }
    if !context.session.authenticated {
        return failure(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
             HELLO AUTH <user> <pass> option can be used to authenticate the client and \
             select the RESP protocol version at the same time",
        );
    }
    if let Some(name) = greeting.name {
        client::rename(&context.session.record, name);
    }
    if let Some(protocol) = greeting.protocol {
        client::set_protocol(context.session, protocol);
    }
    Reply::Frame(server_card(context))
}

fn read_greeting<'a>(args: &Args<'a>) -> Result<Greeting<'a>, ErrorText> {
    let mut greeting = Greeting::default();
    if args.len() == 1 {
        return Ok(greeting);
    }
    let text = "ERR Protocol version is not an integer or out of range";
    greeting.protocol = match args.integer_or(1, text)? {
        2 => Some(Protocol::Resp2),
        3 => Some(Protocol::Resp3),
        _ => return Err("NOPROTO unsupported protocol version".into()),
    };
    let mut at = 2;
    while at < args.len() {
        let more = args.len() - at - 1;
        if args.is(at, "auth") && more >= 2 {
            greeting.auth = Some((args.get(at + 1), args.get(at + 2)));
            at += 3;
        } else if args.is(at, "setname") && more >= 1 {
            let name = args.get(at + 1);
            if !valid_name(name) {
                return Err(client::BAD_NAME.into());
            }
            greeting.name = Some(name);
            at += 2;
        } else {
            let option = String::from_utf8_lossy(args.get(at));
            return Err(format!("ERR Syntax error in HELLO option '{option}'").into());
        }
    }
    Ok(greeting)
}

fn server_card(context: &Context<'_>) -> crate::resp::Frame {
    let number = match context.session.protocol {
        Protocol::Resp2 => 2,
        Protocol::Resp3 => 3,
    };
    let id = i64::try_from(context.session.record.id).unwrap_or(i64::MAX);
    resp::map(vec![
        (resp::text("server"), resp::text("redis")),
        (resp::text("version"), resp::text(REDIS_VERSION)),
        (resp::text("proto"), resp::integer(number)),
        (resp::text("id"), resp::integer(id)),
        (resp::text("mode"), resp::text("standalone")),
        (resp::text("role"), resp::text("master")),
        (resp::text("modules"), resp::array(Vec::new())),
    ])
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
