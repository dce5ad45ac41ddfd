//! Keys moved, copied and drawn: RENAME, RENAMENX, COPY, RANDOMKEY.
//!
//! A key that has only window counters or a GCRA cell cannot be moved or copied: to RENAME and
//! COPY it does not exist. Not here: which keys exist (`keys.rs`). Invariant: a key keeps its
//! deadline wherever it goes.

use super::strings::{Answer, answer, full};
use super::table::failure;
use super::{Args, Context, ErrorText};
use crate::engine::{Held, Value, Whole};
use crate::resp::Reply;

/// True if the key holds a value that can be moved.
fn is_value(held: &mut Held<'_>, key: &[u8]) -> bool {
    held.get(key).is_some_and(|value| !matches!(value, Value::Cell { .. }))
}

pub(super) fn rename(_context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    if !is_value(held, args.get(1)) {
        return failure("ERR no such key");
    }
    held.rename(args.get(1), args.get(2));
    Reply::Simple("OK")
}

pub(super) fn renamenx(_context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    if !is_value(held, args.get(1)) {
        return failure("ERR no such key");
    }
    let free = held.get(args.get(2)).is_none();
    Reply::Integer(i64::from(free && held.rename(args.get(1), args.get(2))))
}

pub(super) fn copy(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let (from, to) = (args.get(1), args.get(2));
    let mut copy = || -> Answer {
        let replace = copy_replaces(args)?;
        if from == to {
            return Err("ERR source and destination objects are the same".into());
        }
        if !is_value(held, from) || (!replace && held.get(to).is_some()) {
            return Ok(Reply::Integer(0));
        }
        let Some((value, deadline_ms)) = held.look(from) else { return Ok(Reply::Integer(0)) };
        let value = value.clone();
        let put = held.put(to, value, deadline_ms);
        put.map(|()| Reply::Integer(1)).map_err(|why| full(context, why))
    };
    answer(copy())
}

/// Reads `[DB 0] [REPLACE]`; there is one database.
fn copy_replaces(args: &Args<'_>) -> Result<bool, ErrorText> {
    let (mut replace, mut at) = (false, 3);
    while at < args.len() {
        if args.is(at, "REPLACE") {
            replace = true;
        } else if args.is(at, "DB") && at + 1 < args.len() {
            if args.integer(at + 1)? != 0 {
                return Err("ERR DB index is out of range".into());
            }
            at += 1;
        } else {
            return Err("ERR syntax error".into());
        }
        at += 1;
    }
    Ok(replace)
}

pub(super) fn randomkey(
    context: &mut Context<'_>,
    whole: &mut Whole<'_, '_>,
    _args: &Args<'_>,
) -> Reply {
    context.engine.random_key(context.now_ms, whole).map_or(Reply::Null, Reply::Bulk)
}
