//! Redis's generic commands on keys: a name with a live counter or a GCRA cell, and no string, is a
//! key of type `ratelimit`.
//!
//! Not here: what the table tells about these commands (`docs_keys.rs`). Invariant: all of them
//! agree on which keys exist.

use super::table::{c_string, failure};
use super::{Args, Context, ErrorText, glob};
use crate::engine::{Collection, Hash, Held, LOOKS_MAX, Names, Series, Sorted, Value, Whole};
use crate::resp::{Reply, array, bulk, text};

/// The type of strings.
const STRING: &str = "string";
const LIST: &str = "list";
const HASH: &str = "hash";
const SORTED_SET: &str = "zset";
/// The type of a key that only limits: of its own kind, so that tools skip it rather than read it as
/// a string.
const RATELIMIT: &str = "ratelimit";
/// Names looked at in one step of SCAN unless COUNT says otherwise (Redis's figure).
pub(super) const SCAN_COUNT: usize = 10;
/// Most names that KEYS returns: a reply of some megabytes; beyond it SCAN is the way.
const KEYS_MAX: usize = 100_000;
/// Most bytes of the names that KEYS returns, where they are long.
const KEYS_BYTES_MAX: usize = 64 * 1024 * 1024;

fn integer_reply(value: u64) -> Reply {
    Reply::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

pub(super) fn dbsize(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    integer_reply(context.engine.key_count(context.now_ms))
}

/// What SCAN and KEYS let through.
struct Filter<'a> {
    pattern: Option<&'a [u8]>,
    names: Names,
}

impl Filter<'_> {
    fn takes(&self, key: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, key))
    }
}

/// Reads a cursor as C's `strtoul`, with which Redis does: signs wrap, and nothing at all is 0.
pub(super) fn read_cursor(word: &[u8]) -> Option<u64> {
    let (negative, digits) = match c_string(word) {
        [] => return Some(0),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let cursor: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(if negative { cursor.wrapping_neg() } else { cursor })
}

/// What SCAN's TYPE is for.
fn names_of_type(word: &[u8]) -> Names {
    const TYPES: [(&str, Names); 5] = [
        (STRING, Names::Strings),
        (LIST, Names::Lists),
        (HASH, Names::Hashes),
        (SORTED_SET, Names::SortedSets),
        (RATELIMIT, Names::Limits),
    ];
    let found = TYPES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
    found.map_or(Names::None, |(_, names)| *names)
}

pub(super) fn scan(context: &mut Context<'_>, whole: &mut Whole<'_, '_>, args: &Args<'_>) -> Reply {
    let Some(cursor) = read_cursor(args.get(1)) else { return failure("ERR invalid cursor") };
    let mut filter = Filter { pattern: None, names: Names::All };
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
            filter.names = names_of_type(args.get(at + 1));
        } else {
            return failure("ERR syntax error");
        }
    }
    let page = context.engine.scan_names(context.now_ms, whole, cursor, count, filter.names);
    let names = page.keys.into_iter().filter(|key| filter.takes(key)).map(bulk).collect();
    Reply::Frame(array(vec![text(&page.cursor.to_string()), array(names)]))
}

pub(super) fn keys(context: &mut Context<'_>, whole: &mut Whole<'_, '_>, args: &Args<'_>) -> Reply {
    let filter = Filter { pattern: Some(args.get(1)), names: Names::All };
    let mut names = std::collections::BTreeSet::new();
    let (mut cursor, mut bytes) = (0, 0);
    loop {
        let page = context.engine.scan(context.now_ms, whole, cursor, 1000);
        for key in page.keys.into_iter().filter(|key| filter.takes(key)) {
            bytes += key.len();
            names.insert(key);
        }
        if names.len() > KEYS_MAX || bytes > KEYS_BYTES_MAX {
            return failure("ERR too many keys match, use SCAN");
        }
        cursor = page.cursor;
        if cursor == 0 {
            return Reply::Frame(array(names.into_iter().map(bulk).collect()));
        }
    }
}

/// The live series, found out when they are first needed: a key with a value needs none.
struct Scales(Option<Vec<Series>>);

impl Scales {
    fn get(&mut self, context: &Context<'_>) -> &[Series] {
        self.0.get_or_insert_with(|| context.engine.series(context.now_ms))
    }
}

pub(super) fn key_type(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let key = args.get(1);
    Reply::Simple(match held.get(key) {
        Some(Value::Counter(_) | Value::Text(_)) => STRING,
        Some(Value::Cell { .. }) => RATELIMIT,
        Some(Value::List(_)) => LIST,
        Some(Value::Hash(_)) => HASH,
        Some(Value::Sorted(_)) => SORTED_SET,
        None if is_counted(context, &mut Scales(None), key) => RATELIMIT,
        None => "none",
    })
}

fn is_counted(context: &mut Context<'_>, scales: &mut Scales, key: &[u8]) -> bool {
    let series = scales.get(context);
    context.engine.is_counted(&mut context.reader, context.now_ms, key, series)
}

/// The live series, if looking the command's keys up in all of them is not too much at once.
fn scales_for_keys(context: &Context<'_>, args: &Args<'_>) -> Result<Scales, ErrorText> {
    let series = context.engine.series(context.now_ms);
    let looks = series.len().saturating_mul(args.len() - 1);
    if looks > LOOKS_MAX {
        return Err("ERR too many keys for the number of scales in use, send fewer at once".into());
    }
    Ok(Scales(Some(series)))
}

/// When a key ends: a string by its own deadline, the rest with the last of its counters and cell.
enum End {
    Missing,
    Never,
    At(u64),
}

fn end_of(context: &mut Context<'_>, held: &mut Held<'_>, key: &[u8]) -> End {
    let cell_ms = match held.look(key) {
        Some((Value::Cell { .. }, deadline_ms)) => deadline_ms,
        Some((_, None)) => return End::Never,
        Some((_, Some(deadline_ms))) => return End::At(deadline_ms),
        None => None,
    };
    let (engine, reader) = (context.engine, &mut context.reader);
    let series = engine.series(context.now_ms);
    let counted_ms = engine.counted_until_ms(reader, context.now_ms, key, &series);
    cell_ms.max(counted_ms).map_or(End::Missing, End::At)
}

/// Tells what is left of a key, or when it ends, made of a time in ms by `tell`.
fn tell_end(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
    tell: fn(end_ms: u64, now_ms: u64) -> u64,
) -> Reply {
    match end_of(context, held, args.get(1)) {
        End::Missing => Reply::Integer(-2),
        End::Never => Reply::Integer(-1),
        End::At(end_ms) => integer_reply(tell(end_ms, context.now_ms)),
    }
}

pub(super) fn ttl(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    // Rounded to the nearest second, as Redis does.
    tell_end(context, held, args, |end_ms, now_ms| (end_ms.saturating_sub(now_ms) + 500) / 1000)
}

pub(super) fn pttl(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    tell_end(context, held, args, u64::saturating_sub)
}

pub(super) fn expiretime(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    tell_end(context, held, args, |end_ms, _| end_ms.saturating_add(500) / 1000)
}

pub(super) fn pexpiretime(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
) -> Reply {
    tell_end(context, held, args, |end_ms, _| end_ms)
}

pub(super) fn exists(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut scales = match scales_for_keys(context, args) {
        Ok(scales) => scales,
        Err(text) => return Reply::Error(text),
    };
    let mut exists = |key: &&[u8]| held.get(key).is_some() || is_counted(context, &mut scales, key);
    integer_reply(args.iter().skip(1).filter(|key| exists(key)).count() as u64)
}

pub(super) fn touch(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    exists(context, held, args)
}

pub(super) fn del(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    if let Err(text) = scales_for_keys(context, args) {
        return Reply::Error(text);
    }
    let (engine, reader) = (context.engine, &mut context.reader);
    let deleted = args.iter().skip(1).filter(|key| engine.delete(reader, held, key));
    integer_reply(deleted.count() as u64)
}

pub(super) fn unlink(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    del(context, held, args)
}

pub(super) fn flushall(
    context: &mut Context<'_>,
    whole: &mut Whole<'_, '_>,
    args: &Args<'_>,
) -> Reply {
    // Memory is always freed behind the scenes, so both words are true.
    if args.len() > 2 || (args.len() == 2 && !args.is(1, "ASYNC") && !args.is(1, "SYNC")) {
        return failure("ERR syntax error");
    }
    context.engine.flush_whole(context.now_ms, whole);
    context.reader.forget();
    Reply::Simple("OK")
}

pub(super) fn flushdb(
    context: &mut Context<'_>,
    whole: &mut Whole<'_, '_>,
    args: &Args<'_>,
) -> Reply {
    flushall(context, whole, args)
}

/// A container command without a subcommand; the table's arity keeps requests from getting here.
pub(super) fn container(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    failure("ERR syntax error")
}

/// Longest string that Redis keeps in one piece with its header (`embstr`), bytes.
const EMBEDDED_BYTES_MAX: usize = 44;
/// Redis shares the integers below this one, and calls their reference count endless.
const SHARED_INTEGERS: i64 = 10_000;

/// Longest element, bytes, of what Redis keeps in one piece.
const PACKED_BYTES_MAX: usize = 64;
/// Most fields of a hash that Redis keeps in one piece.
const PACKED_FIELDS_MAX: usize = 512;
/// Most members of a sorted set that Redis keeps in one piece.
const PACKED_MEMBERS_MAX: usize = 128;

fn hash_encoding(hash: &Hash) -> &'static str {
    let short = |(field, value): (&[u8], &[u8])| field.len().max(value.len()) <= PACKED_BYTES_MAX;
    if hash.len() <= PACKED_FIELDS_MAX && hash.iter().all(short) { "listpack" } else { "hashtable" }
}

fn sorted_encoding(sorted: &Sorted) -> &'static str {
    let short = |(member, _): (&[u8], f64)| member.len() <= PACKED_BYTES_MAX;
    if sorted.len() <= PACKED_MEMBERS_MAX && sorted.iter().all(short) {
        "listpack"
    } else {
        "skiplist"
    }
}

/// How Redis would keep a value and how many refer to it; `None` if the key does not exist.
fn encoding(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    key: &[u8],
) -> Option<(&'static str, i64)> {
    match held.get(key) {
        Some(Value::Counter(0..SHARED_INTEGERS)) => Some(("int", i64::from(i32::MAX))),
        Some(Value::Counter(_)) => Some(("int", 1)),
        Some(Value::Text(text)) if text.len() <= EMBEDDED_BYTES_MAX => Some(("embstr", 1)),
        Some(Value::Text(_)) => Some(("raw", 1)),
        Some(Value::Cell { .. }) => Some(("cell", 1)),
        Some(Value::List(_)) => Some(("quicklist", 1)),
        Some(Value::Hash(hash)) => Some((hash_encoding(hash), 1)),
        Some(Value::Sorted(sorted)) => Some((sorted_encoding(sorted), 1)),
        None => is_counted(context, &mut Scales(None), key).then_some(("window", 1)),
    }
}

pub(super) fn object(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let Some((encoding, references)) = encoding(context, held, args.get(2)) else {
        return Reply::Null;
    };
    if args.is(1, "ENCODING") {
        return Reply::Frame(text(encoding));
    }
    if args.is(1, "REFCOUNT") {
        return Reply::Integer(references);
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

pub(super) fn memory_usage(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
) -> Reply {
    for at in (3..args.len()).step_by(2) {
        if !args.is(at, "SAMPLES") || at + 1 == args.len() {
            return failure("ERR syntax error");
        }
        match args.integer(at + 1) {
            Ok(count) if count < 0 => return failure("ERR syntax error"),
            Ok(_) => {}
            Err(text) => return Reply::Error(text),
        }
    }
    let key = args.get(2);
    let (engine, reader) = (context.engine, &mut context.reader);
    let series = engine.series(context.now_ms);
    let counters = engine.counted_bytes(reader, context.now_ms, key, &series);
    match held.bytes(key).unwrap_or_default() + counters {
        0 => Reply::Null,
        bytes => integer_reply(bytes),
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
