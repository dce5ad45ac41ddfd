//! Hashes as a whole, field by field, or by chance: HGETALL, HKEYS, HVALS, HSCAN, HRANDFIELD.
//!
//! Invariant: a walk by HSCAN returns every field that is there from its beginning to its end.

use std::collections::BTreeSet;

use super::collections::{Elements, REPLY_BYTES_MAX};
use super::hashes::hash;
use super::keys::{SCAN_COUNT, read_cursor};
use super::strings::{Answer, answer};
use super::{Args, Context, ErrorText, glob};
use crate::engine::{Collection, Hash, Held};
use crate::resp::{Protocol, Reply, array, bulk, map, text};

/// Most fields that one HSCAN looks at, whatever its COUNT: a shard is held meanwhile.
const SCANNED_MAX: usize = 10_000;

pub(super) fn hgetall(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut get = || -> Answer {
        let mut all = Elements::default();
        for (field, value) in hash(context, held, args)?.into_iter().flat_map(Hash::iter) {
            all.push(field)?;
            all.push(value)?;
        }
        let mut frames = all.frames().into_iter();
        let pairs = std::iter::from_fn(|| Some((frames.next()?, frames.next()?)));
        Ok(Reply::Frame(map(pairs.collect())))
    };
    answer(get())
}

/// One part of every field.
fn all(
    context: &Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
    part: for<'h> fn((&'h [u8], &'h [u8])) -> &'h [u8],
) -> Answer {
    let mut parts = Elements::default();
    let fields = hash(context, held, args)?.into_iter().flat_map(Hash::iter);
    fields.map(part).try_for_each(|part| parts.push(part))?;
    Ok(parts.reply())
}

pub(super) fn hkeys(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(all(context, held, args, |(field, _)| field))
}

pub(super) fn hvals(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(all(context, held, args, |(_, value)| value))
}

/// The options of HSCAN: a pattern and how many fields to look at.
fn scan_options<'a>(args: &Args<'a>) -> Result<(Option<&'a [u8]>, usize), ErrorText> {
    let (mut pattern, mut count) = (None, SCAN_COUNT);
    for at in (3..args.len()).step_by(2) {
        let valued = at + 1 < args.len();
        if args.is(at, "COUNT") && valued {
            count = match args.integer(at + 1)? {
                ..1 => return Err("ERR syntax error".into()),
                asked => usize::try_from(asked).unwrap_or(usize::MAX),
            };
        } else if args.is(at, "MATCH") && valued {
            pattern = Some(args.get(at + 1));
        } else {
            return Err("ERR syntax error".into());
        }
    }
    Ok((pattern, count))
}

pub(super) fn hscan(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut scan = || -> Answer {
        let cursor = read_cursor(args.get(2)).ok_or(ErrorText::Borrowed("ERR invalid cursor"))?;
        let Some(hash) = hash(context, held, args)? else {
            return Ok(Reply::Frame(array(vec![text("0"), array(Vec::new())])));
        };
        let (pattern, count) = scan_options(args)?;
        // The cursor is how many fields are still to come: the first ones.
        let end = match usize::try_from(cursor).unwrap_or(usize::MAX) {
            0 => hash.len(),
            rest => rest.min(hash.len()),
        };
        let start = page_start(hash, end, count);
        let mut frames = Vec::new();
        for (field, value) in hash.range(start..end) {
            if pattern.is_none_or(|pattern| glob::matches(pattern, field)) {
                frames.extend([bulk(field.to_vec()), bulk(value.to_vec())]);
            }
        }
        Ok(Reply::Frame(array(vec![text(&start.to_string()), array(frames)])))
    };
    answer(scan())
}

/// Where the page before `end` begins. A small hash is one page, as in Redis.
fn page_start(hash: &Hash, end: usize, count: usize) -> usize {
    let count = if hash.is_ordered() { end } else { count.min(SCANNED_MAX) };
    let least = end.saturating_sub(count);
    let (mut start, mut bytes) = (end, 0_usize);
    for (field, value) in hash.range(least..end).rev() {
        bytes = bytes.saturating_add(Elements::cost(field)).saturating_add(Elements::cost(value));
        if bytes > REPLY_BYTES_MAX && start < end {
            break;
        }
        start -= 1;
    }
    start
}

/// What HRANDFIELD is to return.
struct Draws {
    count: usize,
    /// The same field may come again.
    repeated: bool,
    with_values: bool,
}

impl Draws {
    /// `None`: one field, by itself.
    fn parse(args: &Args<'_>) -> Result<Option<Draws>, ErrorText> {
        if args.len() < 3 {
            return Ok(None);
        }
        let count = args.integer(2)?;
        if count == i64::MIN {
            let (least, most) = (-i64::MAX, i64::MAX);
            let text = format!("ERR value is out of range, value must between {least} and {most}");
            return Err(text.into());
        }
        let with_values = args.len() > 3;
        if args.len() > 4 || with_values && !args.is(3, "WITHVALUES") {
            return Err("ERR syntax error".into());
        }
        if with_values && count.unsigned_abs() > i64::MAX.unsigned_abs() / 2 {
            return Err("ERR value is out of range".into());
        }
        let (repeated, count) = (count < 0, count.unsigned_abs());
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(Some(Draws { count, repeated, with_values }))
    }
}

/// A place below `length`, each as likely.
fn draw_place(random: u64, length: usize) -> usize {
    let place = (u128::from(random) * length as u128) >> u64::BITS;
    usize::try_from(place).unwrap_or(0)
}

/// `count` different places below `length`, which is more; each choice is as likely (Floyd).
fn draw_places(draw: impl Fn() -> u64, count: usize, length: usize) -> BTreeSet<usize> {
    let mut places = BTreeSet::new();
    for most in length - count..length {
        let place = draw_place(draw(), most + 1);
        if !places.insert(place) {
            places.insert(most);
        }
    }
    places
}

pub(super) fn hrandfield(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut find = || -> Answer {
        let draws = Draws::parse(args)?;
        let draw = held.draws();
        let hash = hash(context, held, args)?;
        let Some(draws) = draws else {
            let field = hash.and_then(|hash| hash.at(draw_place(draw(), hash.len())));
            return Ok(field.map_or(Reply::Null, |(field, _)| Reply::Bulk(field.to_vec())));
        };
        let pairs = draws.with_values && context.session.protocol == Protocol::Resp3;
        let mut found = Drawn { elements: Elements::default(), pairs, draws };
        if let Some(hash) = hash {
            found.fill(hash, draw)?;
        }
        Ok(found.elements.reply())
    };
    answer(find())
}

/// A reply of HRANDFIELD under way.
struct Drawn {
    elements: Elements,
    /// Each field is in an array with its value.
    pairs: bool,
    draws: Draws,
}

impl Drawn {
    fn fill(&mut self, hash: &Hash, draw: impl Fn() -> u64) -> Result<(), ErrorText> {
        let (count, length) = (self.draws.count, hash.len());
        if self.draws.repeated {
            (0..count).try_for_each(|_| self.push(hash.at(draw_place(draw(), length))))
        } else if count >= length {
            hash.iter().try_for_each(|field| self.push(Some(field)))
        } else {
            let places = draw_places(draw, count, length);
            places.into_iter().try_for_each(|place| self.push(hash.at(place)))
        }
    }

    fn push(&mut self, field: Option<(&[u8], &[u8])>) -> Result<(), ErrorText> {
        let Some((field, value)) = field else { return Ok(()) };
        if self.pairs {
            let bytes = Elements::cost(field).saturating_add(Elements::cost(value));
            let pair = array(vec![bulk(field.to_vec()), bulk(value.to_vec())]);
            return self.elements.push_frame(pair, bytes);
        }
        self.elements.push(field)?;
        if self.draws.with_values { self.elements.push(value) } else { Ok(()) }
    }
}

#[cfg(test)]
#[path = "hash_walks_tests.rs"]
mod tests;
