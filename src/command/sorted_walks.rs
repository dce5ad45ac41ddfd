//! Sorted sets seen bit by bit: ZSCAN, ZRANDMEMBER.
//!
//! Not here: SCAN over keys (`keys.rs`).

use std::collections::BTreeSet;

use super::keys::{SCAN_COUNT, is_packed, read_cursor};
use super::score::walked_frame;
use super::sorted_sets::{Scores, rows, view};
use super::strings::{Answer, answer};
use super::{Args, Context, ErrorText, glob};
use crate::engine::{Collection, Held, Sorted};
use crate::resp::{Reply, array, bulk, text};

/// Most members that one call of ZSCAN looks at, whatever COUNT says: more only make it slower.
const WALK_MEMBERS_MAX: usize = 10_000;

/// What ZSCAN asks for: a pattern, and how many at once.
fn walk_options<'a>(args: &Args<'a>) -> Result<(Option<&'a [u8]>, usize), ErrorText> {
    const SYNTAX: ErrorText = ErrorText::Borrowed("ERR syntax error");
    let (mut pattern, mut count) = (None, SCAN_COUNT);
    for at in (3..args.len()).step_by(2) {
        if at + 1 >= args.len() {
            return Err(SYNTAX);
        }
        if args.is(at, "MATCH") {
            pattern = Some(args.get(at + 1));
        } else if args.is(at, "COUNT") {
            let asked = args.integer(at + 1)?;
            if asked < 1 {
                return Err(SYNTAX);
            }
            count = usize::try_from(asked).unwrap_or(usize::MAX);
        } else {
            return Err(SYNTAX);
        }
    }
    Ok((pattern, count.min(WALK_MEMBERS_MAX)))
}

pub(super) fn zscan(_context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut scan = || -> Answer {
        let cursor = read_cursor(args.get(2)).ok_or(ErrorText::Borrowed("ERR invalid cursor"))?;
        let Some(set) = view(held, args.get(1))? else {
            return Ok(Reply::Frame(array(vec![text("0"), array(Vec::new())])));
        };
        let (pattern, count) = walk_options(args)?;
        let is_packed = is_packed(set);
        let (next, page) = set.walk(cursor, count);
        let takes = |member: &[u8]| pattern.is_none_or(|pattern| glob::matches(pattern, member));
        let seen = page.into_iter().filter(|(member, _)| takes(member));
        let rows = seen
            .flat_map(|(member, score)| [bulk(member.to_vec()), walked_frame(score, is_packed)]);
        Ok(Reply::Frame(array(vec![text(&next.to_string()), array(rows.collect())])))
    };
    answer(scan())
}

/// Ranks drawn from a set of `len`: each at most once where `count` is not negative, all of them
/// where it is as large as the set.
fn draw(count: i64, len: usize, mut random: impl FnMut() -> u64) -> Drawn {
    let mut below = |bound: usize| {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(random() % bound).unwrap_or(0)
    };
    let Ok(count) = usize::try_from(count) else {
        let count = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        return Drawn::Repeated(count);
    };
    if count >= len {
        return Drawn::All;
    }
    // Floyd's way: each subset is as likely as every other.
    let mut drawn = BTreeSet::new();
    for last in len - count..len {
        let rank = below(last + 1);
        if !drawn.insert(rank) {
            drawn.insert(last);
        }
    }
    Drawn::Once(drawn)
}

/// What ZRANDMEMBER is to return.
enum Drawn {
    /// Every member.
    All,
    /// The members of these ranks.
    Once(BTreeSet<usize>),
    /// So many, each drawn for itself.
    Repeated(usize),
}

/// The member of a rank.
fn at(set: &Sorted, rank: usize) -> Option<(&[u8], f64)> {
    set.range(rank..rank.saturating_add(1)).next()
}

/// `ZRANDMEMBER key count [WITHSCORES]`
fn draw_many(context: &Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Answer {
    let (count, protocol) = (args.integer(2)?, context.session.protocol);
    if count == i64::MIN {
        return Err("ERR value is out of range, value must between -9223372036854775807 and \
             9223372036854775807"
            .into());
    }
    let mut scores = Scores::Absent;
    if args.len() > 3 {
        if args.len() > 4 || !args.is(3, "WITHSCORES") {
            return Err("ERR syntax error".into());
        }
        if count.abs() > i64::MAX / 2 {
            return Err("ERR value is out of range".into());
        }
        scores = Scores::asked(protocol);
    }
    // A few numbers that nobody can foretell begin a row of numbers.
    let mut state = held.draw();
    let mut random = move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    };
    let Some(set) = view(held, args.get(1))? else { return Ok(Reply::Frame(array(Vec::new()))) };
    let len = set.len();
    match draw(count, len, &mut random) {
        // Redis begins at the highest.
        Drawn::All => rows(set.iter().rev(), scores, protocol),
        Drawn::Once(ranks) => {
            rows(ranks.into_iter().filter_map(|rank| at(set, rank)), scores, protocol)
        }
        Drawn::Repeated(count) => {
            let len = u64::try_from(len.max(1)).unwrap_or(u64::MAX);
            let rank = || usize::try_from(random() % len).unwrap_or(0);
            let ranks = std::iter::repeat_with(rank).take(count);
            rows(ranks.filter_map(|rank| at(set, rank)), scores, protocol)
        }
    }
}

pub(super) fn zrandmember(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
) -> Reply {
    if args.len() > 2 {
        return answer(draw_many(context, held, args));
    }
    let random = held.draw();
    let drawn = view(held, args.get(1)).map(|set| {
        let set = set?;
        let rank = random % u64::try_from(set.len()).unwrap_or(1).max(1);
        at(set, usize::try_from(rank).unwrap_or(0))
    });
    answer(drawn.map(|drawn| drawn.map_or(Reply::Null, |(member, _)| Reply::Bulk(member.to_vec()))))
}
