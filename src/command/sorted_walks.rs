//! Sorted sets seen bit by bit: ZSCAN, ZRANDMEMBER.
//!
//! Not here: SCAN over keys (`keys.rs`).

use super::collection_walks::{Draws, Walk, draw_place};
use super::collections::{Elements, REPLY_BYTES_MAX, TOO_LARGE};
use super::keys::{is_packed, read_cursor};
use super::score::walked_frame;
use super::sorted_sets::{Scores, rows, view};
use super::strings::{Answer, answer};
use super::{Args, Context, ErrorText};
use crate::engine::{Collection, Held, Sorted};
use crate::resp::{Reply, array, bulk, text};

/// Members that a large set is walked by at once: the bytes of the reply are looked at in between.
const STEP_MEMBERS: usize = 16;

pub(super) fn zscan(_context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut scan = || -> Answer {
        let cursor = read_cursor(args.get(2)).ok_or(ErrorText::Borrowed("ERR invalid cursor"))?;
        let Some(set) = view(held, args.get(1))? else {
            return Ok(Reply::Frame(array(vec![text("0"), array(Vec::new())])));
        };
        let walk = Walk::parse(args)?;
        let is_packed = is_packed(set);
        let (mut next, mut left, mut bytes, mut rows) = (cursor, walk.count, 0_usize, Vec::new());
        loop {
            let page;
            (next, page) = set.walk(next, left.min(STEP_MEMBERS));
            left = left.saturating_sub(page.len());
            for (member, score) in page.into_iter().filter(|(member, _)| walk.takes(member)) {
                bytes = bytes.saturating_add(2 * Elements::cost(member));
                rows.extend([bulk(member.to_vec()), walked_frame(score, is_packed)]);
            }
            // A small set is one step and has no place to go on from.
            if bytes > REPLY_BYTES_MAX && rows.len() == 2 * set.len() {
                return Err(TOO_LARGE.into());
            }
            if next == 0 || left == 0 || bytes > REPLY_BYTES_MAX {
                break;
            }
        }
        Ok(Reply::Frame(array(vec![text(&next.to_string()), array(rows)])))
    };
    answer(scan())
}

/// The member of a rank.
fn at(set: &Sorted, rank: usize) -> Option<(&[u8], f64)> {
    set.range(rank..rank.saturating_add(1)).next()
}

pub(super) fn zrandmember(
    context: &mut Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
) -> Reply {
    let mut find = || -> Answer {
        let draws = Draws::parse(args, "WITHSCORES")?;
        let draw = held.draws();
        let set = view(held, args.get(1))?;
        let Some(draws) = draws else {
            let member = set.and_then(|set| at(set, draw_place(draw(), set.len())));
            return Ok(member.map_or(Reply::Null, |(member, _)| Reply::Bulk(member.to_vec())));
        };
        let protocol = context.session.protocol;
        let scores = if draws.paired { Scores::asked(protocol) } else { Scores::Absent };
        let Some(set) = set else { return Ok(Reply::Frame(array(Vec::new()))) };
        match draws.places(set.len(), draw) {
            Some(ranks) => rows(ranks.filter_map(|rank| at(set, rank)), scores, protocol),
            // Redis begins at the highest.
            None => rows(set.iter().rev(), scores, protocol),
        }
    };
    answer(find())
}
