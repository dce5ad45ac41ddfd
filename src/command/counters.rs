//! Integers counted up and down: INCR and its kin.
//!
//! Not here: windows (RL.*), bounds (`increx.rs`). Invariant: an error has changed nothing.

use super::extended::Extended;
use super::strings::{Answer, answer, full};
use super::table::WRONG_TYPE;
use super::{Args, Context, ErrorText};
use crate::engine::{AddError, Full, Held, Value};
use crate::resp::Reply;

pub(super) const NOT_INTEGER: &str = "ERR value is not an integer or out of range";
pub(super) const NOT_FLOAT: &str = "ERR value is not a valid float";

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

/// The number that a string is, 0 where there is none, or the error for one that is none.
pub(super) fn number_of(value: Option<&Value>) -> Result<Extended, ErrorText> {
    match value {
        None => Ok(Extended::ZERO),
        Some(Value::Counter(count)) => Ok(Extended::from_integer(*count)),
        Some(Value::Text(text)) => Extended::parse(text).ok_or(NOT_FLOAT.into()),
        Some(_) => Err(WRONG_TYPE.into()),
    }
}

pub(super) fn incrbyfloat(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
) -> Reply {
    let key = args.get(1);
    let mut add = || -> Answer {
        let value = number_of(held.get(key))?;
        let increment = Extended::parse(args.get(2)).ok_or(ErrorText::Borrowed(NOT_FLOAT))?;
        let sum = value.plus(increment).filter(|sum| !sum.is_infinite());
        let sum = sum.ok_or(ErrorText::Borrowed("ERR increment would produce NaN or Infinity"))?;
        let text = sum.print().into_bytes();
        let put = held.replace(key, Value::string(&text));
        put.map(|()| Reply::Bulk(text)).map_err(|why| full(context, why))
    };
    answer(add())
}
