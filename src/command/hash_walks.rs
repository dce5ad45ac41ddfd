//! Hashes as a whole, field by field, or by chance: HGETALL, HKEYS, HVALS, HSCAN, HRANDFIELD.
//!
//! Invariant: a walk by HSCAN returns every field that is there from its beginning to its end.

use super::collection_walks::{Draws, Walk, draw_place};
use super::collections::{Elements, REPLY_BYTES_MAX};
use super::hashes::hash;
use super::keys::read_cursor;
use super::strings::{Answer, answer};
use super::{Args, Context, ErrorText};
use crate::engine::{Collection, Hash, Held};
use crate::resp::{Protocol, Reply, array, bulk, map, text};

/// A field and its value.
type Field<'h> = (&'h [u8], &'h [u8]);

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
    part: fn(Field<'_>) -> &[u8],
) -> Answer {
    let mut parts = Elements::default();
    let mut fields = hash(context, held, args)?.into_iter().flat_map(Hash::iter);
    fields.try_for_each(|field| parts.push(part(field)))?;
    Ok(parts.reply())
}

pub(super) fn hkeys(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(all(context, held, args, |(field, _)| field))
}

pub(super) fn hvals(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(all(context, held, args, |(_, value)| value))
}

pub(super) fn hscan(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut scan = || -> Answer {
        let cursor = read_cursor(args.get(2)).ok_or(ErrorText::Borrowed("ERR invalid cursor"))?;
        let Some(hash) = hash(context, held, args)? else {
            return Ok(Reply::Frame(array(vec![text("0"), array(Vec::new())])));
        };
        let walk = Walk::parse(args)?;
        // The cursor is how many fields are still to come: the first ones.
        let end = match usize::try_from(cursor).unwrap_or(usize::MAX) {
            0 => hash.len(),
            rest => rest.min(hash.len()),
        };
        let start = page_start(hash, end, walk.count);
        let mut frames = Vec::new();
        for (field, value) in hash.range(start..end) {
            if walk.takes(field) {
                frames.extend([bulk(field.to_vec()), bulk(value.to_vec())]);
            }
        }
        Ok(Reply::Frame(array(vec![text(&start.to_string()), array(frames)])))
    };
    answer(scan())
}

/// Where the page before `end` begins. A small hash is one page, as in Redis.
fn page_start(hash: &Hash, end: usize, count: usize) -> usize {
    let count = if hash.is_ordered() { end } else { count };
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

pub(super) fn hrandfield(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut find = || -> Answer {
        let draws = Draws::parse(args, "WITHVALUES")?;
        let draw = held.draws();
        let hash = hash(context, held, args)?;
        let Some(draws) = draws else {
            let field = hash.and_then(|hash| hash.at(draw_place(draw(), hash.len())));
            return Ok(field.map_or(Reply::Null, |(field, _)| Reply::Bulk(field.to_vec())));
        };
        let pairs = draws.paired && context.session.protocol == Protocol::Resp3;
        let mut found = Drawn { elements: Elements::default(), paired: draws.paired, pairs };
        let Some(hash) = hash else { return Ok(found.elements.reply()) };
        match draws.places(hash.len(), draw) {
            Some(places) => {
                places
                    .filter_map(|place| hash.at(place))
                    .try_for_each(|field| found.push(field))?;
            }
            None => hash.iter().try_for_each(|field| found.push(field))?,
        }
        Ok(found.elements.reply())
    };
    answer(find())
}

/// A reply of HRANDFIELD under way.
struct Drawn {
    elements: Elements,
    /// Each field with its value.
    paired: bool,
    /// In an array of the two.
    pairs: bool,
}

impl Drawn {
    fn push(&mut self, (field, value): Field<'_>) -> Result<(), ErrorText> {
        if self.pairs {
            let bytes = Elements::cost(field).saturating_add(Elements::cost(value));
            let pair = array(vec![bulk(field.to_vec()), bulk(value.to_vec())]);
            return self.elements.push_frame(pair, bytes);
        }
        self.elements.push(field)?;
        if self.paired { self.elements.push(value) } else { Ok(()) }
    }
}

#[cfg(test)]
#[path = "hash_walks_tests.rs"]
mod tests;
