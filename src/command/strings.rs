//! Strings: SET, GET and their kin.
//!
//! Not here: integers counted up and down (`counters.rs`), what the table tells about these
//! commands (`docs_strings.rs`). Invariant: an error has changed nothing.

use super::lifetime::{Lifetime, Unit};
use super::table::{WRONG_TYPE, failure};
use super::{Args, Context, ErrorText};
use crate::engine::{Full, Held, Value};
use crate::resp::{Reply, array, bulk, null};

const SYNTAX: ErrorText = ErrorText::Borrowed("ERR syntax error");

/// A reply, or the text of an error.
pub(super) type Answer = Result<Reply, ErrorText>;

/// Makes a reply of what a handler found out.
pub(super) fn answer(answer: Answer) -> Reply {
    answer.unwrap_or_else(Reply::Error)
}

/// The error for a change that memory has no room for; counted.
pub(super) fn full(context: &Context<'_>, full: Full) -> ErrorText {
    super::ratelimit::refusal(context.engine.refuse_growth(full))
}

/// A string's bytes as a reply, nothing if there is no value.
pub(super) fn value_reply(value: Option<&Value>) -> Answer {
    match value {
        None => Ok(Reply::Null),
        Some(Value::Counter(count)) => Ok(Reply::BulkInteger(*count)),
        Some(Value::Text(text)) => Ok(Reply::Bulk(text.clone())),
        Some(_) => Err(WRONG_TYPE.into()),
    }
}

pub(super) fn get(_context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(value_reply(held.get(args.get(1))))
}

/// The options of SET.
#[derive(Default)]
struct SetOptions<'a> {
    lifetime: Lifetime<'a>,
    if_absent: bool,
    if_present: bool,
    get: bool,
}

impl<'a> SetOptions<'a> {
    fn parse(args: &Args<'a>) -> Result<Self, ErrorText> {
        let mut options = SetOptions::default();
        let mut at = 3;
        while at < args.len() {
            if args.is(at, "NX") && !options.if_present {
                options.if_absent = true;
            } else if args.is(at, "XX") && !options.if_absent {
                options.if_present = true;
            } else if args.is(at, "GET") {
                options.get = true;
            } else {
                let taken = options.lifetime.take(args, at, ("KEEPTTL", Lifetime::Keep));
                at += taken.ok_or(SYNTAX)? - 1;
            }
            at += 1;
        }
        Ok(options)
    }
}

pub(super) fn set(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    if args.len() == 3 {
        return match held.put(args.get(1), Value::string(args.get(2)), None) {
            Ok(()) => Reply::Simple("OK"),
            Err(why) => Reply::Error(full(context, why)),
        };
    }
    answer(set_with_options(context, held, args))
}

fn set_with_options(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Answer {
    let (key, value) = (args.get(1), args.get(2));
    let options = SetOptions::parse(args)?;
    let deadline_ms = options.lifetime.deadline_ms("set", context.now_ms)?;
    let old = held.get(key);
    let found = old.is_some();
    let old = if options.get { value_reply(old)? } else { Reply::Null };
    if (options.if_absent && found) || (options.if_present && !found) {
        return Ok(old);
    }
    let put = if options.lifetime == Lifetime::Keep {
        held.replace(key, Value::string(value))
    } else {
        held.put(key, Value::string(value), deadline_ms)
    };
    put.map_err(|why| full(context, why))?;
    Ok(if options.get { old } else { Reply::Simple("OK") })
}

pub(super) fn setnx(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let key = args.get(1);
    if held.get(key).is_some() {
        return Reply::Integer(0);
    }
    match held.put(key, Value::string(args.get(2)), None) {
        Ok(()) => Reply::Integer(1),
        Err(why) => Reply::Error(full(context, why)),
    }
}

/// `name key time value`.
fn set_ending(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
    name: &str,
    unit: Unit,
) -> Answer {
    let deadline_ms = Lifetime::Until(unit, args.get(2)).deadline_ms(name, context.now_ms)?;
    let put = held.put(args.get(1), Value::string(args.get(3)), deadline_ms);
    put.map(|()| Reply::Simple("OK")).map_err(|why| full(context, why))
}

pub(super) fn setex(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(set_ending(context, held, args, "setex", Unit::Seconds))
}

pub(super) fn psetex(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(set_ending(context, held, args, "psetex", Unit::Millis))
}

pub(super) fn getset(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let key = args.get(1);
    let mut exchange = || -> Answer {
        let old = value_reply(held.get(key))?;
        let put = held.put(key, Value::string(args.get(2)), None);
        put.map(|()| old).map_err(|why| full(context, why))
    };
    answer(exchange())
}

pub(super) fn getdel(_context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let key = args.get(1);
    let old = value_reply(held.get(key));
    if old.is_ok() {
        held.remove(key);
    }
    answer(old)
}

pub(super) fn getex(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let key = args.get(1);
    let mut get = || -> Answer {
        let mut lifetime = Lifetime::default();
        let mut at = 2;
        while at < args.len() {
            at += lifetime.take(args, at, ("PERSIST", Lifetime::Persist)).ok_or(SYNTAX)?;
        }
        let value = held.get(key);
        let found = value.is_some();
        let reply = value_reply(value)?;
        if !found {
            // A time that is none is no error where there is no key.
            return Ok(reply);
        }
        match lifetime.deadline_ms("getex", context.now_ms)? {
            Some(deadline_ms) => held.set_deadline(key, Some(deadline_ms)),
            None if lifetime == Lifetime::Persist => {
                let ends = held.look(key).is_some_and(|(_, deadline_ms)| deadline_ms.is_some());
                ends && held.set_deadline(key, None)
            }
            None => false,
        };
        Ok(reply)
    };
    answer(get())
}

/// Most bytes of the values in one reply of MGET: a client that names a long value over and over
/// must not make a reply that fills the memory.
const MGET_BYTES_MAX: usize = 64 * 1024 * 1024;

pub(super) fn mget(_context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut values = Vec::with_capacity(args.len() - 1);
    let mut bytes = 0_usize;
    for key in args.iter().skip(1) {
        values.push(match held.get(key) {
            Some(Value::Counter(count)) => bulk(count.to_string()),
            Some(Value::Text(text)) => {
                bytes = bytes.saturating_add(text.len());
                if bytes > MGET_BYTES_MAX {
                    return failure("ERR the values are too long for one reply, ask for fewer");
                }
                bulk(text.clone())
            }
            None | Some(_) => null(),
        });
    }
    Reply::Frame(array(values))
}

/// The keys and values of `name key value [key value ...]`.
fn pairs<'a>(args: &Args<'a>) -> impl Iterator<Item = (&'a [u8], Value)> + Clone + use<'a> {
    let args = *args;
    (1..args.len()).step_by(2).map(move |at| (args.get(at), Value::string(args.get(at + 1))))
}

/// The error of a value without a key or the other way round.
fn odd(args: &Args<'_>, name: &str) -> Result<(), ErrorText> {
    if args.len() % 2 == 1 {
        return Ok(());
    }
    Err(format!("ERR wrong number of arguments for '{name}' command").into())
}

pub(super) fn mset(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut set = || -> Answer {
        odd(args, "mset")?;
        let put = held.put_many(pairs(args));
        put.map(|()| Reply::Simple("OK")).map_err(|why| full(context, why))
    };
    answer(set())
}

pub(super) fn msetnx(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut set = || -> Answer {
        odd(args, "msetnx")?;
        if args.iter().skip(1).step_by(2).any(|key| held.get(key).is_some()) {
            return Ok(Reply::Integer(0));
        }
        let put = held.put_many(pairs(args));
        put.map(|()| Reply::Integer(1)).map_err(|why| full(context, why))
    };
    answer(set())
}
