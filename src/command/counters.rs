//! Integers counted up and down: INCR and its kin.
//!
//! Not here: windows (RL.*), bounds (`increx.rs`). Invariant: an error has changed nothing.

use super::strings::{Answer, answer, full};
use super::table::WRONG_TYPE;
use super::{Args, Context, ErrorText};
use crate::engine::{AddError, Full, Held};
use crate::resp::Reply;

pub(super) const NOT_INTEGER: &str = "ERR value is not an integer or out of range";

/// Adds to the integer of the key in word 1.
fn add(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>, delta: i64) -> Reply {
    match held.add(args.get(1), delta) {
        Ok(sum) => Reply::Integer(sum),
        Err(why) => Reply::Error(refusal(context, why)),
    }
}

/// The text for what was not added.
pub(super) fn refusal(context: &Context<'_>, why: AddError) -> ErrorText {
    match why {
        AddError::Overflow => "ERR increment or decrement would overflow".into(),
        AddError::NotInteger => NOT_INTEGER.into(),
        AddError::WrongType => WRONG_TYPE.into(),
        AddError::Full => full(context, Full),
    }
}

pub(super) fn incr(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    add(context, held, args, 1)
}

pub(super) fn decr(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    add(context, held, args, -1)
}

pub(super) fn incrby(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    match args.integer(2) {
        Ok(delta) => add(context, held, args, delta),
        Err(text) => Reply::Error(text),
    }
}

pub(super) fn decrby(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut decrement = || -> Answer {
        let delta = args.integer(2)?.checked_neg();
        let delta = delta.ok_or(ErrorText::Borrowed("ERR decrement would overflow"))?;
        Ok(add(context, held, args, delta))
    };
    answer(decrement())
}
