//! Strings: SET, GET and their kin.
//!
//! Not here: integers counted up and down (`counters.rs`), what the table tells about these
//! commands (`docs_strings.rs`). Invariant: an error has changed nothing.

use super::lifetime::Lifetime;
use super::table::WRONG_TYPE;
use super::{Args, Context, ErrorText};
use crate::engine::{Full, Held, Value};
use crate::resp::Reply;

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
        Some(Value::Cell { .. }) => Err(WRONG_TYPE.into()),
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
