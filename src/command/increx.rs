//! INCREX, as Redis 8.8 has it: a counter with bounds and an end in one step.
//!
//! Not here: windows (RL.HIT). Invariant: a result beyond the bounds changes nothing, neither the
//! value nor its end, unless SATURATE moves it onto the bound.

use std::cmp::Ordering;

use super::counters::{NOT_INTEGER, number_of, refusal};
use super::extended::Extended;
use super::lifetime::Lifetime;
use super::strings::{Answer, answer, full};
use super::table::WRONG_TYPE;
use super::{Args, Context, ErrorText};
use crate::engine::{Held, Value, parse_integer};
use crate::resp::{Protocol, Reply, array, bulk, double, integer};

const SYNTAX: ErrorText = ErrorText::Borrowed("ERR syntax error");

/// The words of a request, unread.
#[derive(Default)]
struct Options<'a> {
    increment: Option<&'a [u8]>,
    float: bool,
    lower: Option<&'a [u8]>,
    upper: Option<&'a [u8]>,
    saturate: bool,
    lifetime: Lifetime<'a>,
    if_endless: bool,
}

/// What has become of a value: the new one and what was added; nothing if it was out of bounds.
type Sum<N> = Option<(N, N)>;

impl<'a> Options<'a> {
    fn parse(args: &Args<'a>) -> Result<Self, ErrorText> {
        let mut options = Options::default();
        let mut at = 2;
        while at < args.len() {
            at += options.take(args, at).ok_or(SYNTAX)?;
        }
        if options.if_endless && options.lifetime == Lifetime::Persist {
            return Err(SYNTAX);
        }
        if options.if_endless && options.lifetime == Lifetime::Unsaid {
            return Err("ERR ENX flag requires an expiration".into());
        }
        Ok(options)
    }

    /// Takes the option at `at`; how many words it is. `None` for one that is unknown, repeated or
    /// without its value.
    fn take(&mut self, args: &Args<'a>, at: usize) -> Option<usize> {
        let flag = if args.is(at, "SATURATE") {
            Some(&mut self.saturate)
        } else if args.is(at, "ENX") {
            Some(&mut self.if_endless)
        } else {
            None
        };
        if let Some(flag) = flag {
            return (!std::mem::replace(flag, true)).then_some(1);
        }
        let value = if args.is(at, "BYINT") || args.is(at, "BYFLOAT") {
            self.float = args.is(at, "BYFLOAT");
            Some(&mut self.increment)
        } else if args.is(at, "LBOUND") {
            Some(&mut self.lower)
        } else if args.is(at, "UBOUND") {
            Some(&mut self.upper)
        } else {
            None
        };
        if let Some(value) = value {
            let fresh = value.is_none() && at + 1 < args.len();
            return fresh.then(|| *value = Some(args.get(at + 1))).map(|()| 2);
        }
        if self.lifetime != Lifetime::Unsaid {
            return None;
        }
        self.lifetime.take(args, at, ("PERSIST", Lifetime::Persist))
    }
}

/// The bounds, in order.
fn bounds<N>(
    lower: Option<N>,
    upper: Option<N>,
    range: (N, N),
    compare: impl Fn(&N, &N) -> Ordering,
) -> Result<(N, N), ErrorText> {
    let (lower, upper) = (lower.unwrap_or(range.0), upper.unwrap_or(range.1));
    if compare(&lower, &upper) == Ordering::Greater {
        return Err("ERR LBOUND can't be greater than UBOUND".into());
    }
    Ok((lower, upper))
}

fn integer_option(word: Option<&[u8]>, name: &str) -> Result<Option<i64>, ErrorText> {
    let read = |word: &[u8]| {
        let text = || format!("ERR {name} is not an integer or out of range").into();
        parse_integer(word).ok_or_else(text)
    };
    word.map(read).transpose()
}

fn float_option(word: Option<&[u8]>, name: &str) -> Result<Option<Extended>, ErrorText> {
    let read = |word: &[u8]| {
        Extended::parse(word).ok_or_else(|| format!("ERR {name} is not a valid float").into())
    };
    word.map(read).transpose()
}

/// Adds integers within bounds.
fn add_integer(
    current: i64,
    increment: i64,
    (lower, upper): (i64, i64),
    saturate: bool,
) -> Result<Sum<i64>, ErrorText> {
    let sum = i128::from(current) + i128::from(increment);
    let kept = sum.clamp(i128::from(lower), i128::from(upper));
    if kept != sum && !saturate {
        return Ok(None);
    }
    let kept = i64::try_from(kept).unwrap_or(current);
    let applied = kept.checked_sub(current);
    applied
        .map(|applied| Some((kept, applied)))
        .ok_or("ERR applied increment would overflow".into())
}

/// Adds numbers within bounds; the increment is finite, the bounds may be infinite.
fn add_float(
    current: Extended,
    increment: Extended,
    (lower, upper): (Extended, Extended),
    saturate: bool,
) -> Result<Sum<Extended>, ErrorText> {
    let sum = current.plus(increment).unwrap_or(Extended::ZERO);
    let kept = if sum.compare(lower) == Ordering::Less {
        Some(lower)
    } else {
        (sum.compare(upper) == Ordering::Greater).then_some(upper)
    };
    let Some(kept) = kept else { return Ok(Some((sum, increment))) };
    if !saturate {
        return Ok(None);
    }
    let applied = kept.plus(current.negated()).filter(|applied| !applied.is_infinite());
    applied
        .map(|applied| Some((kept, applied)))
        .ok_or("ERR applied increment would be Infinity".into())
}

pub(super) fn increx(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut add = || -> Answer {
        let options = Options::parse(args)?;
        if options.float {
            by_float(context, held, args, &options)
        } else {
            by_integer(context, held, args, &options)
        }
    };
    answer(add())
}

fn by_integer(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
    options: &Options<'_>,
) -> Answer {
    let key = args.get(1);
    let increment = integer_option(options.increment, "Increment")?.unwrap_or(1);
    let lower = integer_option(options.lower, "LBOUND")?;
    let upper = integer_option(options.upper, "UBOUND")?;
    let bounds = bounds(lower, upper, (i64::MIN, i64::MAX), i64::cmp)?;
    let deadline_ms = options.lifetime.deadline_ms("increx", context.now_ms)?;
    let current = match held.get(key) {
        None => 0,
        Some(Value::Counter(count)) => *count,
        Some(Value::Text(_)) => return Err(NOT_INTEGER.into()),
        Some(_) => return Err(WRONG_TYPE.into()),
    };
    let pair = |value, applied| Reply::Frame(array(vec![integer(value), integer(applied)]));
    let Some((value, applied)) = add_integer(current, increment, bounds, options.saturate)? else {
        return Ok(pair(current, 0));
    };
    held.add(key, applied).map_err(|why| refusal(context, why))?;
    end(held, key, options, deadline_ms);
    Ok(pair(value, applied))
}

fn by_float(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
    options: &Options<'_>,
) -> Answer {
    let key = args.get(1);
    let increment = float_option(options.increment, "Increment")?.unwrap_or(Extended::ZERO);
    if increment.is_infinite() {
        return Err("ERR BYFLOAT increment cannot be Infinity".into());
    }
    let lower = float_option(options.lower, "LBOUND")?;
    let upper = float_option(options.upper, "UBOUND")?;
    let range = (Extended::MAX.negated(), Extended::MAX);
    let bounds = bounds(lower, upper, range, |a, b| a.compare(*b))?;
    let deadline_ms = options.lifetime.deadline_ms("increx", context.now_ms)?;
    let current = number_of(held.get(key))?;
    if current.is_infinite() {
        return Err("ERR value cannot be Infinity".into());
    }
    let protocol = context.session.protocol;
    let pair = |value: Extended, applied: Extended| {
        Reply::Frame(array([value, applied].map(|number| frame(number, protocol)).into()))
    };
    let Some((value, applied)) = add_float(current, increment, bounds, options.saturate)? else {
        return Ok(pair(current, Extended::ZERO));
    };
    let text = value.print().into_bytes();
    held.replace(key, Value::owned(text)).map_err(|why| full(context, why))?;
    end(held, key, options, deadline_ms);
    Ok(pair(value, applied))
}

/// A number as Redis shows it: its exact text in RESP2, a double in RESP3.
fn frame(number: Extended, protocol: Protocol) -> crate::resp::Frame {
    let text = number.print();
    match protocol {
        Protocol::Resp2 => bulk(text),
        Protocol::Resp3 => double(text.parse().unwrap_or(f64::NAN)),
    }
}

/// Gives the key the end that the options say.
fn end(held: &mut Held<'_>, key: &[u8], options: &Options<'_>, deadline_ms: Option<u64>) {
    let ends = held.look(key).is_some_and(|(_, deadline_ms)| deadline_ms.is_some());
    if options.lifetime == Lifetime::Persist {
        if ends {
            held.set_deadline(key, None);
        }
    } else if deadline_ms.is_some() && !(options.if_endless && ends) {
        held.set_deadline(key, deadline_ms);
    }
}

#[cfg(test)]
#[path = "increx_tests.rs"]
mod tests;
