//! Deadlines of keys: EXPIRE and its kin, PERSIST.
//!
//! A key that has only window counters or a GCRA cell ends by itself: these commands answer as if
//! it did not exist. Not here: TTL and its kin (`keys.rs`). Invariant: a time that has passed
//! removes the key.

use super::lifetime::{Unit, invalid};
use super::strings::{Answer, answer};
use super::table::shown;
use super::{Args, Context, ErrorText};
use crate::engine::{Held, Value};
use crate::resp::Reply;

/// When EXPIRE may act.
#[derive(Default)]
struct Conditions {
    absent: bool,
    present: bool,
    greater: bool,
    less: bool,
}

impl Conditions {
    fn parse(args: &Args<'_>) -> Result<Self, ErrorText> {
        let mut conditions = Conditions::default();
        for at in 3..args.len() {
            let condition = match args.get(at) {
                word if word.eq_ignore_ascii_case(b"nx") => &mut conditions.absent,
                word if word.eq_ignore_ascii_case(b"xx") => &mut conditions.present,
                word if word.eq_ignore_ascii_case(b"gt") => &mut conditions.greater,
                word if word.eq_ignore_ascii_case(b"lt") => &mut conditions.less,
                word => {
                    let word = shown(word, word.len());
                    return Err(format!("ERR Unsupported option {word}").into());
                }
            };
            *condition = true;
        }
        if conditions.absent && (conditions.present || conditions.greater || conditions.less) {
            return Err(
                "ERR NX and XX, GT or LT options at the same time are not compatible".into()
            );
        }
        if conditions.greater && conditions.less {
            return Err("ERR GT and LT options at the same time are not compatible".into());
        }
        Ok(conditions)
    }

    /// True if a key with this deadline may get that one; no deadline counts as the latest.
    fn hold(&self, deadline_ms: Option<u64>, moment_ms: i64) -> bool {
        let current_ms = deadline_ms.map_or(i64::MAX, |ms| i64::try_from(ms).unwrap_or(i64::MAX));
        !(self.absent && deadline_ms.is_some()
            || self.present && deadline_ms.is_none()
            || self.greater && (deadline_ms.is_none() || moment_ms <= current_ms)
            || self.less && deadline_ms.is_some() && moment_ms >= current_ms)
    }
}

/// The deadline of a string; `None` if the key holds none.
fn deadline_of(held: &mut Held<'_>, key: &[u8]) -> Option<Option<u64>> {
    match held.look(key)? {
        (Value::Cell { .. }, _) => None,
        (_, deadline_ms) => Some(deadline_ms),
    }
}

fn end_at(held: &mut Held<'_>, args: &Args<'_>, command: &str, unit: Unit) -> Answer {
    let conditions = Conditions::parse(args)?;
    let time = args.integer(2)?;
    let moment_ms = unit.moment_ms(time, held.now_ms()).ok_or_else(|| invalid(command))?;
    let key = args.get(1);
    let Some(deadline_ms) = deadline_of(held, key) else { return Ok(Reply::Integer(0)) };
    if !conditions.hold(deadline_ms, moment_ms) {
        return Ok(Reply::Integer(0));
    }
    // Before the epoch is as past as its beginning.
    held.set_deadline(key, Some(u64::try_from(moment_ms).unwrap_or(0)));
    Ok(Reply::Integer(1))
}

pub(super) fn expire(_context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(end_at(held, args, "expire", Unit::Seconds))
}

pub(super) fn pexpire(_context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(end_at(held, args, "pexpire", Unit::Millis))
}

pub(super) fn expireat(_context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(end_at(held, args, "expireat", Unit::AtSeconds))
}

pub(super) fn pexpireat(_context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(end_at(held, args, "pexpireat", Unit::AtMillis))
}

pub(super) fn persist(_context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let key = args.get(1);
    let ends = matches!(deadline_of(held, key), Some(Some(_)));
    Reply::Integer(i64::from(ends && held.set_deadline(key, None)))
}
