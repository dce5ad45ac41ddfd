//! Sorted sets by member: ZADD, ZSCORE and their kin, and what is popped.
//!
//! Not here: ranges (`sorted_ranges.rs`), walks and draws (`sorted_walks.rs`), what the table tells
//! (`docs_sorted_sets.rs`). Invariant: an error has changed nothing.

use super::collections::{Elements, count_reply, refused};
use super::score::{parse_score, score_frame, score_reply};
use super::strings::{Answer, answer};
use super::table::WRONG_TYPE;
use super::{Args, Context, ErrorText};
use crate::engine::{Collection, Edit, Held, Sorted};
use crate::resp::{Protocol, Reply, array, bulk, null};

const SYNTAX: &str = "ERR syntax error";
/// What a score takes in a reply beside its frame.
const SCORE_BYTES_MAX: usize = 32;

/// The set of a key, `None` if there is none.
///
/// # Errors
/// The key holds something of another type.
pub(super) fn view<'h>(
    held: &'h mut Held<'_>,
    key: &[u8],
) -> Result<Option<&'h Sorted>, ErrorText> {
    held.view::<Sorted>(key).map_err(|_| WRONG_TYPE.into())
}

/// Takes members away from the set of a key; 0 if there is none.
///
/// # Errors
/// The key holds something of another type, or `take` says so; nothing has changed.
pub(super) fn shrink(
    context: &Context<'_>,
    held: &mut Held<'_>,
    key: &[u8],
    take: impl FnOnce(&mut Edit<'_, Sorted>) -> usize,
) -> Result<usize, ErrorText> {
    if view(held, key)?.is_none() {
        return Ok(0);
    }
    held.edit(key, 0, take).map_err(|why| refused(context, why))
}

/// How scores stand in a reply of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scores {
    /// They do not.
    Absent,
    /// Each behind its member.
    Flat,
    /// Each in an array with its member.
    Paired,
}

impl Scores {
    /// How they stand where they were asked for.
    pub(super) fn asked(protocol: Protocol) -> Scores {
        if protocol == Protocol::Resp3 { Scores::Paired } else { Scores::Flat }
    }
}

/// A reply of members.
///
/// # Errors
/// They are too many for one reply.
pub(super) fn rows<'m>(
    members: impl Iterator<Item = (&'m [u8], f64)>,
    scores: Scores,
    protocol: Protocol,
) -> Answer {
    let mut rows = Elements::default();
    for (member, score) in members {
        let score = || score_frame(score, protocol);
        match scores {
            Scores::Absent => rows.push(member)?,
            Scores::Flat => {
                rows.push(member)?;
                rows.push_frame(score(), SCORE_BYTES_MAX)?;
            }
            Scores::Paired => {
                let pair = array(vec![bulk(member.to_vec()), score()]);
                rows.push_frame(pair, Elements::cost(member) + SCORE_BYTES_MAX)?;
            }
        }
    }
    Ok(rows.reply())
}

/// The options of ZADD.
#[derive(Clone, Copy, Default)]
struct AddOptions {
    if_absent: bool,
    if_present: bool,
    if_greater: bool,
    if_less: bool,
    counts_changes: bool,
    increments: bool,
}

/// What adding a member did: nothing where it has no score.
#[derive(Clone, Copy, Default)]
struct Added {
    is_new: bool,
    is_changed: bool,
    score: Option<f64>,
}

impl AddOptions {
    /// Takes the options from word 2 on; where the first score stands.
    fn take(&mut self, args: &Args<'_>) -> usize {
        let mut at = 2;
        while at < args.len() {
            let option = match () {
                () if args.is(at, "NX") => &mut self.if_absent,
                () if args.is(at, "XX") => &mut self.if_present,
                () if args.is(at, "GT") => &mut self.if_greater,
                () if args.is(at, "LT") => &mut self.if_less,
                () if args.is(at, "CH") => &mut self.counts_changes,
                () if args.is(at, "INCR") => &mut self.increments,
                () => break,
            };
            *option = true;
            at += 1;
        }
        at
    }

    fn check(&self, pairs: usize) -> Result<(), ErrorText> {
        if self.if_absent && self.if_present {
            return Err("ERR XX and NX options at the same time are not compatible".into());
        }
        let compared = [self.if_absent, self.if_greater, self.if_less];
        if compared.into_iter().filter(|is_set| *is_set).count() > 1 {
            return Err("ERR GT, LT, and/or NX options at the same time are not compatible".into());
        }
        if self.increments && pairs > 1 {
            return Err("ERR INCR option supports a single increment-element pair".into());
        }
        Ok(())
    }

    /// Adds one member, or changes its score.
    fn add(
        &self,
        set: &mut Edit<'_, Sorted>,
        score: f64,
        member: &[u8],
    ) -> Result<Added, ErrorText> {
        let is_plain = !(self.if_absent || self.if_present || self.if_greater || self.if_less);
        if is_plain && !self.increments {
            let old = set.insert(member, score);
            let is_changed = old.is_some_and(|old| old != score);
            return Ok(Added { is_new: old.is_none(), is_changed, score: Some(score) });
        }
        let Some(old) = set.score(member) else {
            if self.if_present {
                return Ok(Added::default());
            }
            set.insert(member, score);
            return Ok(Added { is_new: true, is_changed: false, score: Some(score) });
        };
        let score = if self.increments { old + score } else { score };
        if score.is_nan() {
            return Err("ERR resulting score is not a number (NaN)".into());
        }
        let is_kept = self.if_less && score >= old || self.if_greater && score <= old;
        if self.if_absent || is_kept {
            return Ok(Added::default());
        }
        set.insert(member, score);
        Ok(Added { is_new: false, is_changed: old != score, score: Some(score) })
    }
}

fn add(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
    mut options: AddOptions,
) -> Answer {
    let first = options.take(args);
    let words = args.tail(first);
    if words.is_empty() || words.len() % 2 == 1 {
        return Err(SYNTAX.into());
    }
    options.check(words.len() / 2)?;
    let mut pairs = Vec::with_capacity(words.len() / 2);
    let mut growth_bytes = 0_u64;
    for at in (0..words.len()).step_by(2) {
        let member = words.get(at + 1);
        pairs.push((parse_score(words.get(at))?, member));
        growth_bytes = growth_bytes.saturating_add(Sorted::insert_bytes(member.len()));
    }
    let key = args.get(1);
    if options.if_present && view(held, key)?.is_none() {
        return Ok(if options.increments { Reply::Null } else { Reply::Integer(0) });
    }
    let add_all = |set: &mut Edit<'_, Sorted>| -> Result<(usize, Option<f64>), ErrorText> {
        let (mut count, mut last) = (0, None);
        for (score, member) in pairs {
            let added = options.add(set, score, member)?;
            let counts = added.is_new || options.counts_changes && added.is_changed;
            count += usize::from(counts);
            last = added.score;
        }
        Ok((count, last))
    };
    let (count, last) =
        held.edit(key, growth_bytes, add_all).map_err(|why| refused(context, why))??;
    Ok(match last {
        _ if !options.increments => count_reply(count),
        Some(score) => score_reply(score, context.session.protocol),
        None => Reply::Null,
    })
}

pub(super) fn zadd(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(add(context, held, args, AddOptions::default()))
}

pub(super) fn zincrby(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(add(context, held, args, AddOptions { increments: true, ..AddOptions::default() }))
}

pub(super) fn zrem(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let members = args.tail(2);
    let removed = shrink(context, held, args.get(1), |set| {
        members.iter().filter(|member| set.remove(member).is_some()).count()
    });
    answer(removed.map(count_reply))
}

pub(super) fn zcard(_context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(view(held, args.get(1)).map(|set| count_reply(set.map_or(0, Sorted::len))))
}

pub(super) fn zscore(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let score = view(held, args.get(1)).map(|set| set.and_then(|set| set.score(args.get(2))));
    let reply = |score| score_reply(score, context.session.protocol);
    answer(score.map(|score| score.map_or(Reply::Null, reply)))
}

pub(super) fn zmscore(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let protocol = context.session.protocol;
    let scores = view(held, args.get(1)).map(|set| {
        let score = |member| set.and_then(|set| set.score(member));
        let frame = |member| score(member).map_or(null(), |score| score_frame(score, protocol));
        Reply::Frame(array(args.tail(2).iter().map(frame).collect()))
    });
    answer(scores)
}

/// The rank of the member in word 2, as `from` counts it in a set of so many.
fn rank(held: &mut Held<'_>, args: &Args<'_>, from: fn(usize, usize) -> usize) -> Answer {
    let set = view(held, args.get(1))?;
    let rank = set.and_then(|set| Some(from(set.rank(args.get(2))?, set.len())));
    Ok(rank.map_or(Reply::Null, count_reply))
}

pub(super) fn zrank(_context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(rank(held, args, |rank, _| rank))
}

pub(super) fn zrevrank(_context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(rank(held, args, |rank, len| len - 1 - rank))
}

/// `name key [count]`: takes members from one end.
fn pop(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>, is_last: bool) -> Answer {
    if args.len() > 3 {
        return Err(SYNTAX.into());
    }
    let (key, protocol) = (args.get(1), context.session.protocol);
    let (count, scores) = if args.len() == 3 {
        let count = args.integer_or(2, OUT_OF_RANGE)?;
        (usize::try_from(count).map_err(|_| OUT_OF_RANGE)?, Scores::asked(protocol))
    } else {
        (1, Scores::Flat)
    };
    let Some(set) = view(held, key)? else { return Ok(Reply::Frame(array(Vec::new()))) };
    let count = count.min(set.len());
    let ranks = if is_last { set.len() - count..set.len() } else { 0..count };
    let reply = if is_last {
        rows(set.range(ranks.clone()).rev(), scores, protocol)?
    } else {
        rows(set.range(ranks.clone()), scores, protocol)?
    };
    shrink(context, held, key, |set| set.remove_range(ranks))?;
    Ok(reply)
}

const OUT_OF_RANGE: &str = "ERR value is out of range, must be positive";

pub(super) fn zpopmin(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(pop(context, held, args, false))
}

pub(super) fn zpopmax(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(pop(context, held, args, true))
}

#[cfg(test)]
#[path = "sorted_sets_tests.rs"]
mod tests;
