//! Strings looked into and changed in part: APPEND, STRLEN, GETRANGE, SETRANGE.
//!
//! Not here: whole strings (`strings.rs`). Invariant: no string grows beyond `proto-max-bulk-len`,
//! and an error has changed nothing.

use super::strings::{Answer, answer, full};
use super::table::WRONG_TYPE;
use super::{Args, Context, ErrorText};
use crate::engine::{Held, Value};
use crate::resp::Reply;

/// The bytes of the string of a key, empty where there is none.
fn bytes_of(held: &mut Held<'_>, key: &[u8]) -> Result<Vec<u8>, ErrorText> {
    match held.get(key) {
        None => Ok(Vec::new()),
        Some(Value::Counter(count)) => Ok(count.to_string().into_bytes()),
        Some(Value::Text(text)) => Ok(text.clone()),
        Some(_) => Err(WRONG_TYPE.into()),
    }
}

/// The length of the string of a key, 0 where there is none.
fn length_of(held: &mut Held<'_>, key: &[u8]) -> Result<usize, ErrorText> {
    match held.get(key) {
        None => Ok(0),
        Some(Value::Counter(count)) => Ok(count.to_string().len()),
        Some(Value::Text(text)) => Ok(text.len()),
        Some(_) => Err(WRONG_TYPE.into()),
    }
}

fn integer(length: usize) -> Reply {
    Reply::Integer(i64::try_from(length).unwrap_or(i64::MAX))
}

/// Refuses a string of `length` bytes and `more`, where that is too long.
fn bounded(context: &Context<'_>, length: usize, more: usize) -> Result<(), ErrorText> {
    if length.saturating_add(more) <= context.config.proto_max_bulk_len {
        return Ok(());
    }
    Err("ERR string exceeds maximum allowed size (proto-max-bulk-len)".into())
}

pub(super) fn strlen(_context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(length_of(held, args.get(1)).map(integer))
}

pub(super) fn append(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let (key, more) = (args.get(1), args.get(2));
    let mut append = || -> Answer {
        bounded(context, length_of(held, key)?, more.len())?;
        held.append(key, more).map(integer).map_err(|why| full(context, why))
    };
    answer(append())
}

/// The bytes between two places that may be counted from the end, both included.
fn range(bytes: &[u8], start: i64, end: i64) -> &[u8] {
    if start < 0 && end < 0 && start > end {
        return &[];
    }
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let place = |place: i64| if place < 0 { length.saturating_add(place).max(0) } else { place };
    let (start, end) = (place(start), place(end).min(length - 1));
    match (usize::try_from(start), usize::try_from(end)) {
        (Ok(start), Ok(end)) if start <= end => bytes.get(start..=end).unwrap_or_default(),
        _ => &[],
    }
}

pub(super) fn getrange(_context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut get = || -> Answer {
        let (start, end) = (args.integer(2)?, args.integer(3)?);
        let bytes = match held.get(args.get(1)) {
            Some(Value::Text(text)) => range(text, start, end).to_vec(),
            _ => range(&bytes_of(held, args.get(1))?, start, end).to_vec(),
        };
        Ok(Reply::Bulk(bytes))
    };
    answer(get())
}

pub(super) fn setrange(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let (key, part) = (args.get(1), args.get(3));
    let mut set = || -> Answer {
        let offset = usize::try_from(args.integer(2)?)
            .map_err(|_| ErrorText::Borrowed("ERR offset is out of range"))?;
        let length = length_of(held, key)?;
        if part.is_empty() {
            return Ok(integer(length));
        }
        bounded(context, offset, part.len())?;
        let mut bytes = bytes_of(held, key)?;
        let end = offset + part.len();
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[offset..end].copy_from_slice(part);
        let length = bytes.len();
        let put = held.replace(key, Value::owned(bytes));
        put.map(|()| integer(length)).map_err(|why| full(context, why))
    };
    answer(set())
}
