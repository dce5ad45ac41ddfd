//! Ranges of sorted sets: ZRANGE and its older kin, counting and removing by range.
//!
//! Not here: members by name (`sorted_sets.rs`). Invariant: what is wrong with a request is told
//! before its key is looked at.

use std::ops::{Bound, Range};

use super::collections::{count_reply, places_of};
use super::score::{parse_bounds, parse_lex_bounds};
use super::sorted_sets::{Scores, rows, shrink, view};
use super::strings::{Answer, answer};
use super::{Args, Context, ErrorText};
use crate::engine::{Collection, Held, LexBound, Sorted};
use crate::resp::{Reply, array};

/// What the ends of a range are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

/// A range as it was asked for.
#[derive(Clone, Copy, Debug)]
enum Ends<'a> {
    /// The first and the last place, negative ones counted from the end.
    Ranks(i64, i64),
    Scores(Bound<f64>, Bound<f64>),
    Members(LexBound<'a>, LexBound<'a>),
}

impl<'a> Ends<'a> {
    fn parse(by: By, args: &Args<'a>, min_at: usize, max_at: usize) -> Result<Self, ErrorText> {
        Ok(match by {
            By::Rank => Ends::Ranks(args.integer(min_at)?, args.integer(max_at)?),
            By::Score => {
                let (min, max) = parse_bounds(args.get(min_at), args.get(max_at))?;
                Ends::Scores(min, max)
            }
            By::Lex => {
                let (min, max) = parse_lex_bounds(args.get(min_at), args.get(max_at))?;
                Ends::Members(min, max)
            }
        })
    }

    /// The ranks of this range, which runs from the highest on where it is `reversed`.
    fn ranks(self, set: &Sorted, reversed: bool) -> Range<usize> {
        match self {
            Ends::Ranks(first, last) => {
                let places = places_of(first, last, set.len());
                if reversed { set.len() - places.end..set.len() - places.start } else { places }
            }
            Ends::Scores(min, max) => set.ranks_of_scores(min, max),
            Ends::Members(min, max) if reversed => set.ranks_of_members_back(min, max),
            Ends::Members(min, max) => set.ranks_of_members(min, max),
        }
    }
}

/// A range with the options of ZRANGE.
struct Asked {
    by: By,
    reversed: bool,
    with_scores: bool,
    offset: i64,
    /// Negative: all.
    limit: i64,
}

impl Asked {
    /// Reads the options from word 4 on: `by` and `reversed` too where they are not given.
    fn parse(
        args: &Args<'_>,
        mut by: Option<By>,
        mut reversed: Option<bool>,
    ) -> Result<Self, ErrorText> {
        let (mut with_scores, mut offset, mut limit) = (false, 0, -1);
        let mut at = 4;
        while at < args.len() {
            if args.is(at, "WITHSCORES") {
                with_scores = true;
            } else if args.is(at, "LIMIT") && at + 2 < args.len() {
                (offset, limit) = (args.integer(at + 1)?, args.integer(at + 2)?);
                at += 2;
            } else if reversed.is_none() && args.is(at, "REV") {
                reversed = Some(true);
            } else if by.is_none() && args.is(at, "BYLEX") {
                by = Some(By::Lex);
            } else if by.is_none() && args.is(at, "BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err("ERR syntax error".into());
            }
            at += 1;
        }
        let (by, reversed) = (by.unwrap_or(By::Rank), reversed.unwrap_or(false));
        let asked = Asked { by, reversed, with_scores, offset, limit };
        asked.check()?;
        Ok(asked)
    }

    fn check(&self) -> Result<(), ErrorText> {
        if self.limit != -1 && self.by == By::Rank {
            return Err("ERR syntax error, LIMIT is only supported in combination with either \
                 BYSCORE or BYLEX"
                .into());
        }
        if self.with_scores && self.by == By::Lex {
            return Err(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX".into()
            );
        }
        Ok(())
    }

    /// What LIMIT leaves of these ranks.
    fn limited(&self, ranks: Range<usize>) -> Range<usize> {
        // A negative offset is behind all of them, as in Redis.
        let skipped = usize::try_from(self.offset).unwrap_or(usize::MAX).min(ranks.len());
        let left = ranks.len() - skipped;
        let taken = usize::try_from(self.limit).unwrap_or(usize::MAX).min(left);
        if self.reversed {
            let end = ranks.end - skipped;
            end - taken..end
        } else {
            let start = ranks.start + skipped;
            start..start + taken
        }
    }
}

/// `name key min max [options]`, `max min` where an option or the name turns it round.
fn range(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
    by: Option<By>,
    reversed: Option<bool>,
) -> Answer {
    let asked = Asked::parse(args, by, reversed)?;
    let swapped = asked.reversed && asked.by != By::Rank;
    let (min_at, max_at) = if swapped { (3, 2) } else { (2, 3) };
    let ends = Ends::parse(asked.by, args, min_at, max_at)?;
    let Some(set) = view(held, args.get(1))? else { return Ok(Reply::Frame(array(Vec::new()))) };
    let mut ranks = ends.ranks(set, asked.reversed);
    if asked.by != By::Rank {
        ranks = asked.limited(ranks);
    }
    let protocol = context.session.protocol;
    let scores = if asked.with_scores { Scores::asked(protocol) } else { Scores::Absent };
    let members = set.range(ranks);
    if asked.reversed {
        rows(members.rev(), scores, protocol)
    } else {
        rows(members, scores, protocol)
    }
}

pub(super) fn zrange(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(range(context, held, args, None, None))
}

pub(super) fn zrevrange(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(range(context, held, args, Some(By::Rank), Some(true)))
}

pub(super) fn zrangebyscore(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
) -> Reply {
    answer(range(context, held, args, Some(By::Score), Some(false)))
}

pub(super) fn zrevrangebyscore(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
) -> Reply {
    answer(range(context, held, args, Some(By::Score), Some(true)))
}

pub(super) fn zrangebylex(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
) -> Reply {
    answer(range(context, held, args, Some(By::Lex), Some(false)))
}

pub(super) fn zrevrangebylex(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
) -> Reply {
    answer(range(context, held, args, Some(By::Lex), Some(true)))
}

/// `name key min max`: how many there are.
fn count(held: &mut Held<'_>, args: &Args<'_>, by: By) -> Answer {
    let ends = Ends::parse(by, args, 2, 3)?;
    let set = view(held, args.get(1))?;
    Ok(count_reply(set.map_or(0, |set| ends.ranks(set, false).len())))
}

pub(super) fn zcount(_context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(count(held, args, By::Score))
}

pub(super) fn zlexcount(_context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(count(held, args, By::Lex))
}

/// `name key min max`: removes them.
fn remove(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>, by: By) -> Answer {
    let ends = Ends::parse(by, args, 2, 3)?;
    let removed = shrink(context, held, args.get(1), |set| {
        let ranks = ends.ranks(set, false);
        set.remove_range(ranks)
    });
    removed.map(count_reply)
}

pub(super) fn zremrangebyrank(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
) -> Reply {
    answer(remove(context, held, args, By::Rank))
}

pub(super) fn zremrangebyscore(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
) -> Reply {
    answer(remove(context, held, args, By::Score))
}

pub(super) fn zremrangebylex(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
) -> Reply {
    answer(remove(context, held, args, By::Lex))
}
