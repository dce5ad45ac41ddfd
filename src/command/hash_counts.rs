//! Numbers in the fields of a hash, counted up and down: HINCRBY, HINCRBYFLOAT.
//!
//! Not here: the numbers of HINCRBYFLOAT (`extended.rs`). Invariant: an error has changed nothing.

use super::collections::refused;
use super::counters::NOT_FLOAT;
use super::extended::Extended;
use super::hashes::hash;
use super::strings::{Answer, answer};
use super::{Args, Context, ErrorText, parse_integer};
use crate::engine::{Edit, Hash, Held};
use crate::resp::Reply;

/// Gives the field in word 2 this value.
fn set(
    context: &Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
    value: &[u8],
) -> Result<(), ErrorText> {
    let field = args.get(2);
    let growth_bytes = Hash::set_bytes(field, value);
    let set = held.edit(args.get(1), growth_bytes, |hash: &mut Edit<'_, Hash>| {
        hash.set(field, value);
    });
    set.map_err(|why| refused(context, why))
}

pub(super) fn hincrby(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut add = || -> Answer {
        let delta = args.integer(3)?;
        let count = match hash(context, held, args)?.and_then(|hash| hash.get(args.get(2))) {
            Some(value) => parse_integer(value)
                .ok_or(ErrorText::Borrowed("ERR hash value is not an integer"))?,
            None => 0,
        };
        let sum = count.checked_add(delta);
        let sum = sum.ok_or(ErrorText::Borrowed("ERR increment or decrement would overflow"))?;
        set(context, held, args, sum.to_string().as_bytes())?;
        Ok(Reply::Integer(sum))
    };
    answer(add())
}

pub(super) fn hincrbyfloat(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
) -> Reply {
    let mut add = || -> Answer {
        let increment = Extended::parse(args.get(3)).ok_or(ErrorText::Borrowed(NOT_FLOAT))?;
        if increment.is_infinite() {
            return Err("ERR value is NaN or Infinity".into());
        }
        let number = match hash(context, held, args)?.and_then(|hash| hash.get(args.get(2))) {
            Some(value) => Extended::parse(value)
                .ok_or(ErrorText::Borrowed("ERR hash value is not a float"))?,
            None => Extended::ZERO,
        };
        let sum = number.plus(increment).filter(|sum| !sum.is_infinite());
        let sum = sum.ok_or(ErrorText::Borrowed("ERR increment would produce NaN or Infinity"))?;
        let text = sum.print().into_bytes();
        set(context, held, args, &text)?;
        Ok(Reply::Bulk(text))
    };
    answer(add())
}
