//! Redis's generic commands on keys: a name with a live counter or a GCRA cell is a key of type
//! `ratelimit`.
//!
//! Not here: what the table tells about these commands (`docs_keys.rs`). Invariant: all of them
//! agree on which keys exist.

use super::table::failure;
use super::{Args, Context, ErrorText, glob, parse_integer};
use crate::engine::{LOOKS_MAX, Series};
use crate::resp::{Reply, array, bulk, null, text};

/// The type of every key here: a value of its own kind, so that tools skip it rather than read it
/// as a string.
const TYPE: &str = "ratelimit";
/// Names looked at in one step of SCAN unless COUNT says otherwise (Redis's figure).
const SCAN_COUNT: usize = 10;
/// Most names that KEYS returns: a reply of some megabytes; beyond it SCAN is the way.
const KEYS_MAX: usize = 100_000;

fn integer_reply(value: u64) -> Reply {
    Reply::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

pub(super) fn dbsize(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    integer_reply(context.engine.key_count(context.now_ms))
}

/// What SCAN and KEYS let through.
struct Filter<'a> {
    pattern: Option<&'a [u8]>,
    type_fits: bool,
}

impl Filter<'_> {
    fn takes(&self, key: &[u8]) -> bool {
        self.type_fits && self.pattern.is_none_or(|pattern| glob::matches(pattern, key))
    }
}

pub(super) fn scan(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let cursor = std::str::from_utf8(args.get(1)).ok().and_then(|cursor| cursor.parse().ok());
    let Some(cursor) = cursor else { return failure("ERR invalid cursor") };
    let mut filter = Filter { pattern: None, type_fits: true };
    let mut count = SCAN_COUNT;
    for at in (2..args.len()).step_by(2) {
        if at + 1 >= args.len() {
            return failure("ERR syntax error");
        }
        if args.is(at, "MATCH") {
            filter.pattern = Some(args.get(at + 1));
        } else if args.is(at, "COUNT") {
            match args.integer(at + 1) {
                Ok(asked) if asked < 1 => return failure("ERR syntax error"),
                Ok(asked) => count = usize::try_from(asked).unwrap_or(usize::MAX),
                Err(text) => return Reply::Error(text),
            }
        } else if args.is(at, "TYPE") {
            filter.type_fits = args.is(at + 1, TYPE);
        } else {
            return failure("ERR syntax error");
        }
    }
    let page = context.engine.scan(context.now_ms, cursor, count);
    let names = page.keys.into_iter().filter(|key| filter.takes(key)).map(bulk).collect();
    Reply::Frame(array(vec![text(&page.cursor.to_string()), array(names)]))
}

pub(super) fn keys(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let filter = Filter { pattern: Some(args.get(1)), type_fits: true };
    let mut names = std::collections::BTreeSet::new();
    let mut cursor = 0;
    loop {
        let page = context.engine.scan(context.now_ms, cursor, 1000);
        names.extend(page.keys.into_iter().filter(|key| filter.takes(key)));
        if names.len() > KEYS_MAX {
            return failure("ERR too many keys match, use SCAN");
        }
        cursor = page.cursor;
        if cursor == 0 {
            return Reply::Frame(array(names.into_iter().map(bulk).collect()));
        }
    }
}

pub(super) fn key_type(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    Reply::Simple(if exists_one(context, args.get(1)) { TYPE } else { "none" })
}

fn exists_one(context: &mut Context<'_>, key: &[u8]) -> bool {
    let series = context.engine.series(context.now_ms);
    context.engine.exists(&mut context.reader, context.now_ms, key, &series)
}

/// The live series, if looking the command's keys up in all of them is not too much at once.
fn series_for_keys(context: &Context<'_>, args: &Args<'_>) -> Result<Vec<Series>, ErrorText> {
    let series = context.engine.series(context.now_ms);
    let looks = series.len().saturating_mul(args.len() - 1);
    if looks > LOOKS_MAX {
        return Err("ERR too many keys for the number of scales in use, send fewer at once".into());
    }
    Ok(series)
}

fn left_ms(context: &mut Context<'_>, key: &[u8]) -> Option<u64> {
    let (engine, reader) = (context.engine, &mut context.reader);
    let series = engine.series(context.now_ms);
    let end_ms = engine.key_expires_at_ms(reader, context.now_ms, key, &series)?;
    Some(end_ms.saturating_sub(context.now_ms))
}

pub(super) fn ttl(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    // Rounded to the nearest second, as Redis does.
    let seconds = left_ms(context, args.get(1)).map(|ms| (ms + 500) / 1000);
    seconds.map_or(Reply::Integer(-2), integer_reply)
}

pub(super) fn pttl(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    left_ms(context, args.get(1)).map_or(Reply::Integer(-2), integer_reply)
}

pub(super) fn exists(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let series = match series_for_keys(context, args) {
        Ok(series) => series,
        Err(text) => return Reply::Error(text),
    };
    let (engine, reader) = (context.engine, &mut context.reader);
    let exists = |key: &&[u8]| engine.exists(reader, context.now_ms, key, &series);
    let found = args.iter().skip(1).filter(exists);
    integer_reply(found.count() as u64)
}

pub(super) fn del(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    if let Err(text) = series_for_keys(context, args) {
        return Reply::Error(text);
    }
    let (engine, reader) = (context.engine, &mut context.reader);
    let delete = |key: &&[u8]| engine.delete(reader, context.now_ms, key);
    let deleted = args.iter().skip(1).filter(delete);
    integer_reply(deleted.count() as u64)
}

pub(super) fn unlink(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    del(context, args)
}

pub(super) fn flushall(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    // Memory is always freed behind the scenes, so both words are true.
    if args.len() > 2 || (args.len() == 2 && !args.is(1, "ASYNC") && !args.is(1, "SYNC")) {
        return failure("ERR syntax error");
    }
    context.engine.flush(context.now_ms);
    context.reader.forget();
    Reply::Simple("OK")
}

pub(super) fn flushdb(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    flushall(context, args)
}

/// A container command without a subcommand; the table's arity keeps requests from getting here.
pub(super) fn container(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    failure("ERR syntax error")
}

pub(super) fn object(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let key = args.get(2);
    if !exists_one(context, key) {
        return Reply::Frame(null());
    }
    if args.is(1, "ENCODING") {
        return Reply::Frame(text("window"));
    }
    if args.is(1, "REFCOUNT") {
        return Reply::Integer(1);
    }
    if args.is(1, "IDLETIME") {
        return failure(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Idle times \
             are not tracked either.",
        );
    }
    failure(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note \
         that when switching between policies at runtime LRU and LFU data will take some time to \
         adjust.",
    )
}

pub(super) fn memory_usage(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    if args.len() == 5 && args.is(3, "SAMPLES") {
        if parse_integer(args.get(4)).is_none_or(|samples| samples < 0) {
            return failure("ERR value is not an integer or out of range");
        }
    } else if args.len() != 3 {
        return failure("ERR syntax error");
    }
    let (engine, reader) = (context.engine, &mut context.reader);
    let series = engine.series(context.now_ms);
    match engine.memory_of(reader, context.now_ms, args.get(2), &series) {
        Some(bytes) => integer_reply(bytes),
        None => Reply::Frame(null()),
    }
}

pub(super) fn memory_doctor(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    Reply::Frame(text("Nothing to report: memory is bounded by maxmemory, see INFO ratelimit"))
}

pub(super) fn memory_stats(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    let figures = context.engine.report(context.now_ms);
    let keys = figures.counters + figures.cells;
    let number = |value: u64| crate::resp::integer(i64::try_from(value).unwrap_or(i64::MAX));
    Reply::Frame(crate::resp::map(vec![
        (text("peak.allocated"), number(figures.memory_peak_bytes)),
        (text("total.allocated"), number(figures.memory_used_bytes)),
        (text("keys.count"), number(keys)),
        (
            text("keys.bytes-per-key"),
            number(figures.memory_used_bytes.checked_div(keys).unwrap_or_default()),
        ),
        (
            text("dataset.bytes"),
            number(figures.memory_tables_bytes + figures.memory_keyspace_bytes),
        ),
    ]))
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
