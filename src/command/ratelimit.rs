//! RL.*: Hammer's counters as commands.
//!
//! Not here: counting (engine), what the table tells about these commands (`docs_ratelimit.rs`).
//! Invariant: a denial is a reply, never an error; an error has changed nothing.

use super::{Args, Context, ErrorText};
use crate::engine::{Charge, Hit, KEY_BYTES_MAX, MANY_MAX, Refusal, Series};
use crate::limiter::{COUNT_MAX, INCREMENT_MAX, Kind, Scale, Verdict};
use crate::resp::{Reply, array, integer};

const SYNTAX: &str = "ERR syntax error";
const NOT_POSITIVE: &str = "ERR value is out of range, must be positive";
const BAD_SCALE: &str = "ERR scale is not a number of milliseconds (or with a unit: ms, s, m, h, d) \
                         from 1 ms to 10 years";
const BAD_INCREMENT: &str = "ERR increment is out of range, must be at most 2^48";
const NEGATIVE_INCREMENT: &str = "ERR increment must not be negative, RL.REFUND gives back";
const BAD_COUNT: &str = "ERR count is out of range, must be at most 2^50";
const LONG_KEY: &str = "ERR key is too long, must be at most 1024 bytes";
const BAD_LIMITS: &str = "ERR number of limits is out of range, must be from 1 to 64";
const _: () = assert!(KEY_BYTES_MAX == 1024 && MANY_MAX == 64);

/// The error text of a refusal.
pub(super) fn refusal(refusal: Refusal) -> ErrorText {
    ErrorText::Borrowed(match refusal {
        Refusal::OutOfMemory => "OOM command not allowed when used memory > 'maxmemory'.",
        Refusal::TooManyScales => "ERR too many distinct scales",
    })
}

/// The words behind the fixed ones: an increment where the command has one, then options.
#[derive(Clone, Copy)]
struct Options {
    increment: u64,
    sliding: bool,
    nocount: bool,
}

/// What a command takes behind its fixed words.
#[derive(Clone, Copy, PartialEq)]
enum Takes {
    Sliding,
    IncrementAndSliding,
    IncrementSlidingNocount,
}

fn options(args: &Args<'_>, from: usize, takes: Takes) -> Result<Options, ErrorText> {
    let mut options = Options { increment: 1, sliding: false, nocount: false };
    let mut at = from;
    let is_number = |word: &[u8]| matches!(word.first(), Some(b'0'..=b'9' | b'-' | b'+'));
    if takes != Takes::Sliding && is_number(args.get(at)) {
        options.increment = increment(args, at)?;
        at += 1;
    }
    for at in at..args.len() {
        let option = if args.is(at, "SLIDING") {
            &mut options.sliding
        } else if args.is(at, "NOCOUNT") && takes == Takes::IncrementSlidingNocount {
            &mut options.nocount
        } else {
            return Err(ErrorText::Borrowed(SYNTAX));
        };
        if std::mem::replace(option, true) {
            return Err(ErrorText::Borrowed(SYNTAX));
        }
    }
    Ok(options)
}

fn increment(args: &Args<'_>, at: usize) -> Result<u64, ErrorText> {
    match args.integer(at)? {
        negative if negative < 0 => Err(ErrorText::Borrowed(NEGATIVE_INCREMENT)),
        value => at_most(value, INCREMENT_MAX, BAD_INCREMENT),
    }
}

fn at_most(value: i64, max: u64, error: &'static str) -> Result<u64, ErrorText> {
    let value = u64::try_from(value).map_err(|_| ErrorText::Borrowed(NOT_POSITIVE))?;
    if value <= max { Ok(value) } else { Err(ErrorText::Borrowed(error)) }
}

fn limit(args: &Args<'_>, at: usize) -> Result<u64, ErrorText> {
    u64::try_from(args.integer(at)?).map_err(|_| ErrorText::Borrowed(NOT_POSITIVE))
}

/// Word `at` as a key, or the error for one that is too long.
pub(super) fn key<'a>(args: &Args<'a>, at: usize) -> Result<&'a [u8], ErrorText> {
    let key = args.get(at);
    if key.len() <= KEY_BYTES_MAX { Ok(key) } else { Err(ErrorText::Borrowed(LONG_KEY)) }
}

fn scale(args: &Args<'_>, at: usize) -> Result<Scale, ErrorText> {
    Scale::parse(args.get(at)).ok_or(ErrorText::Borrowed(BAD_SCALE))
}

fn series(scale: Scale, sliding: bool) -> Series {
    Series { kind: if sliding { Kind::Sliding } else { Kind::Fixed }, scale }
}

/// The counter and charge of `key scale limit [increment] [option ...]`.
fn charge<'a>(args: &Args<'a>, takes: Takes) -> Result<(&'a [u8], Charge, Options), ErrorText> {
    let (key, scale, limit) = (key(args, 1)?, scale(args, 2)?, limit(args, 3)?);
    let options = options(args, 4, takes)?;
    let charge =
        Charge { series: series(scale, options.sliding), increment: options.increment, limit };
    Ok((key, charge, options))
}

/// The counter and the limit of `key scale limit [SLIDING]`.
pub(super) fn limited<'a>(args: &Args<'a>) -> Result<(&'a [u8], Series, u64), ErrorText> {
    charge(args, Takes::Sliding).map(|(key, charge, _)| (key, charge.series, charge.limit))
}

/// The charge of a hit of the plain form, `RL.HIT key scale limit`, which the slice looks up ahead.
pub(super) fn plain_charge(args: &Args<'_>) -> Option<Charge> {
    if args.len() != 4 || !args.get(0).eq_ignore_ascii_case(b"rl.hit") {
        return None;
    }
    key(args, 1).ok()?;
    let series = series(scale(args, 2).ok()?, false);
    Some(Charge { series, increment: 1, limit: limit(args, 3).ok()? })
}

/// Tells a running script's trail that something is changed for good.
fn note_lasting(context: &mut Context<'_>) {
    if let Some(trail) = &mut context.trail {
        trail.note_lasting();
    }
}

/// Makes a reply of what a handler found out.
pub(super) fn answer(result: Result<Reply, ErrorText>) -> Reply {
    result.unwrap_or_else(Reply::Error)
}

fn integer_reply(value: u64) -> Reply {
    Reply::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

/// The reply of a verdict, counted.
pub(super) fn verdict_reply(context: &Context<'_>, verdict: &Verdict) -> Reply {
    let allowed = u64::from(verdict.allowed);
    context.stats.verdicts(allowed, 1 - allowed);
    Reply::Five(verdict.to_reply())
}

pub(super) fn hit(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    answer(charge(args, Takes::IncrementSlidingNocount).and_then(|(key, charge, options)| {
        let mode = if options.nocount { Hit::IfAllowed } else { Hit::Always };
        context
            .engine
            .hit(&mut context.reader, context.now_ms, key, &charge, mode)
            .map(|verdict| {
                if let Some(trail) = &mut context.trail
                    && (mode == Hit::Always || verdict.allowed)
                {
                    trail.note_charge(key, charge.series, charge.increment);
                }
                verdict_reply(context, &verdict)
            })
            .map_err(refusal)
    }))
}

pub(super) fn check(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    answer(charge(args, Takes::IncrementAndSliding).map(|(key, charge, _)| {
        let verdict = context.engine.check(&mut context.reader, context.now_ms, key, &charge);
        Reply::Five(verdict.to_reply())
    }))
}

pub(super) fn mhit(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    answer(mhit_charges(args).and_then(|charges| {
        let many = context
            .engine
            .hit_many(&mut context.reader, context.now_ms, &charges)
            .map_err(refusal)?;
        let passed = many.denied_by.is_none();
        if let Some(trail) = context.trail.as_mut().filter(|_| passed) {
            for (key, charge) in &charges {
                trail.note_charge(key, charge.series, charge.increment);
            }
        }
        context.stats.verdicts(u64::from(passed), u64::from(!passed));
        let denied_by = many.denied_by.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1);
        let mut frames = vec![integer(i64::from(passed)), integer(denied_by)];
        frames.extend(
            many.verdicts
                .iter()
                .map(|verdict| array(verdict.to_reply().into_iter().map(integer).collect())),
        );
        Ok(Reply::Frame(array(frames)))
    }))
}

fn mhit_charges<'a>(args: &Args<'a>) -> Result<Vec<(&'a [u8], Charge)>, ErrorText> {
    let count = usize::try_from(args.integer(1)?).map_err(|_| ErrorText::Borrowed(BAD_LIMITS))?;
    if !(1..=MANY_MAX).contains(&count) {
        return Err(ErrorText::Borrowed(BAD_LIMITS));
    }
    let end = 2 + 4 * count;
    if args.len() < end {
        return Err(ErrorText::Borrowed(SYNTAX));
    }
    let sliding = options(args, end, Takes::Sliding)?.sliding;
    (2..end)
        .step_by(4)
        .map(|at| {
            let series = series(scale(args, at + 1)?, sliding);
            let (limit, increment) = (limit(args, at + 2)?, increment(args, at + 3)?);
            Ok((key(args, at)?, Charge { series, increment, limit }))
        })
        .collect()
}

pub(super) fn inc(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    answer((|| {
        let (key, scale) = (key(args, 1)?, scale(args, 2)?);
        let options = options(args, 3, Takes::IncrementAndSliding)?;
        let series = series(scale, options.sliding);
        let (engine, reader) = (context.engine, &mut context.reader);
        let counted = engine
            .increment(reader, context.now_ms, key, series, options.increment)
            .map_err(refusal)?;
        if let Some(trail) = &mut context.trail {
            trail.note_charge(key, series, options.increment);
        }
        Ok(integer_reply(counted))
    })())
}

/// The counter of `key scale` and, from word `options_at` on, `[SLIDING]`.
fn counter<'a>(args: &Args<'a>, options_at: usize) -> Result<(&'a [u8], Series), ErrorText> {
    let (key, scale) = (key(args, 1)?, scale(args, 2)?);
    Ok((key, series(scale, options(args, options_at, Takes::Sliding)?.sliding)))
}

pub(super) fn get(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    answer(counter(args, 3).map(|(key, series)| {
        integer_reply(context.engine.get(&mut context.reader, context.now_ms, key, series))
    }))
}

pub(super) fn set(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    answer(counter(args, 4).and_then(|(key, series)| {
        let count = at_most(args.integer(3)?, COUNT_MAX, BAD_COUNT)?;
        note_lasting(context);
        context
            .engine
            .set(&mut context.reader, context.now_ms, key, series, count)
            .map(|()| integer_reply(count))
            .map_err(refusal)
    }))
}

pub(super) fn expires_at(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    answer(counter(args, 3).map(|(key, series)| {
        let (engine, reader) = (context.engine, &mut context.reader);
        integer_reply(engine.expires_at_ms(reader, context.now_ms, key, series))
    }))
}

pub(super) fn refund(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    answer(counter(args, 4).and_then(|(key, series)| {
        let amount =
            u64::try_from(args.integer(3)?).map_err(|_| ErrorText::Borrowed(NOT_POSITIVE))?;
        note_lasting(context);
        let (engine, reader) = (context.engine, &mut context.reader);
        Ok(integer_reply(engine.refund(reader, context.now_ms, key, series, amount)))
    }))
}

pub(super) fn reset(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    answer((|| {
        let key = key(args, 1)?;
        let named: Vec<Series> = (2..args.len())
            .map(|at| scale(args, at).map(|scale| [series(scale, false), series(scale, true)]))
            .collect::<Result<Vec<_>, _>>()?
            .concat();
        note_lasting(context);
        let (engine, reader) = (context.engine, &mut context.reader);
        Ok(integer_reply(match named.as_slice() {
            [] => engine.reset_all(reader, context.now_ms, key),
            _ => engine.reset(reader, context.now_ms, key, named),
        }))
    })())
}

#[cfg(test)]
#[path = "ratelimit_tests.rs"]
mod tests;
