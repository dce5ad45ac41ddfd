//! Lists changed and searched in the middle: LSET, LINSERT, LREM, LTRIM, LPOS.
//!
//! Not here: their ends (`lists.rs`). Invariant: an error has changed nothing.

use super::collections::{Elements, count_reply, place_of, places_of, refused};
use super::strings::{Answer, answer};
use super::{Args, Context, ErrorText};
use crate::engine::{Collection, Edit, Held, List};
use crate::resp::{Reply, integer};

pub(super) fn lset(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let (key, element) = (args.get(1), args.get(3));
    let mut set = || -> Answer {
        let list = held.view::<List>(key).map_err(|why| refused(context, why))?;
        let list = list.ok_or(ErrorText::Borrowed("ERR no such key"))?;
        let place = place_of(args.integer(2)?, list.len());
        let place = place.ok_or(ErrorText::Borrowed("ERR index out of range"))?;
        let growth_bytes = List::push_bytes(element.len());
        let set = held.edit(key, growth_bytes, |list: &mut Edit<'_, List>| {
            list.set(place, element);
        });
        set.map(|()| Reply::Simple("OK")).map_err(|why| refused(context, why))
    };
    answer(set())
}

pub(super) fn linsert(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let (key, pivot, element) = (args.get(1), args.get(3), args.get(4));
    let mut insert = || -> Answer {
        let behind = match () {
            () if args.is(2, "BEFORE") => 0,
            () if args.is(2, "AFTER") => 1,
            () => return Err("ERR syntax error".into()),
        };
        let Some(list) = held.view::<List>(key).map_err(|why| refused(context, why))? else {
            return Ok(Reply::Integer(0));
        };
        let Some(place) = list.iter().position(|element| element == pivot) else {
            return Ok(Reply::Integer(-1));
        };
        let growth_bytes = List::push_bytes(element.len());
        let inserted = held.edit(key, growth_bytes, |list: &mut Edit<'_, List>| {
            list.insert(place + behind, element);
            list.len()
        });
        inserted.map(count_reply).map_err(|why| refused(context, why))
    };
    answer(insert())
}

/// The places of up to `most` elements equal to `element`, rising; counted from the right where
/// `count` is negative, all where it is 0.
fn places_to_remove(list: &List, element: &[u8], count: i64) -> Vec<usize> {
    let most = match usize::try_from(count.unsigned_abs()) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(most) => most,
    };
    let equal = |(place, held): (usize, &[u8])| (held == element).then_some(place);
    if count >= 0 {
        return list.iter().enumerate().filter_map(equal).take(most).collect();
    }
    let mut places: Vec<usize> =
        list.iter().enumerate().rev().filter_map(equal).take(most).collect();
    places.reverse();
    places
}

pub(super) fn lrem(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let key = args.get(1);
    let mut remove = || -> Answer {
        let count = args.integer(2)?;
        let Some(list) = held.view::<List>(key).map_err(|why| refused(context, why))? else {
            return Ok(Reply::Integer(0));
        };
        let places = places_to_remove(list, args.get(3), count);
        let removed = held.edit(key, 0, |list: &mut Edit<'_, List>| list.remove(&places));
        removed.map(count_reply).map_err(|why| refused(context, why))
    };
    answer(remove())
}

pub(super) fn ltrim(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let key = args.get(1);
    let mut trim = || -> Answer {
        let (start, stop) = (args.integer(2)?, args.integer(3)?);
        let Some(list) = held.view::<List>(key).map_err(|why| refused(context, why))? else {
            return Ok(Reply::Simple("OK"));
        };
        let places = places_of(start, stop, list.len());
        let trimmed = held.edit(key, 0, |list: &mut Edit<'_, List>| list.trim(places));
        trimmed.map(|()| Reply::Simple("OK")).map_err(|why| refused(context, why))
    };
    answer(trim())
}

/// The options of LPOS.
struct Search {
    /// Matches to pass over, from the right where so.
    passed: usize,
    from_right: bool,
    /// Matches wanted; `None`: one, by itself.
    count: Option<usize>,
    /// Elements to look at.
    looked: usize,
}

impl Search {
    fn parse(args: &Args<'_>) -> Result<Search, ErrorText> {
        let mut search = Search { passed: 0, from_right: false, count: None, looked: usize::MAX };
        for at in (3..args.len()).step_by(2) {
            let valued = at + 1 < args.len();
            if args.is(at, "RANK") && valued {
                let rank = args.integer(at + 1)?;
                if rank == 0 {
                    return Err(RANK_ZERO.into());
                }
                search.from_right = rank < 0;
                // The least integer has no opposite: Redis passes over nothing.
                let passed = rank.checked_abs().map_or(0, |rank| rank - 1);
                search.passed = usize::try_from(passed).unwrap_or(usize::MAX);
            } else if args.is(at, "COUNT") && valued {
                search.count = Some(all_or(args, at + 1, "ERR COUNT can't be negative")?);
            } else if args.is(at, "MAXLEN") && valued {
                search.looked = all_or(args, at + 1, "ERR MAXLEN can't be negative")?;
            } else {
                return Err("ERR syntax error".into());
            }
        }
        Ok(search)
    }

    /// The places of what it finds.
    fn places<'l>(
        &self,
        list: &'l List,
        element: &'l [u8],
    ) -> Box<dyn Iterator<Item = usize> + 'l> {
        let equal = move |(place, held): (usize, &[u8])| (held == element).then_some(place);
        let elements = list.iter().enumerate();
        if self.from_right {
            Box::new(elements.rev().take(self.looked).filter_map(equal).skip(self.passed))
        } else {
            Box::new(elements.take(self.looked).filter_map(equal).skip(self.passed))
        }
    }
}

const RANK_ZERO: &str = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the \
                         second ... or use negative to start from the end of the list";

/// Word `index` as a number of which 0 means no bound.
fn all_or(args: &Args<'_>, index: usize, negative: &'static str) -> Result<usize, ErrorText> {
    match args.integer_or(index, negative)? {
        0 => Ok(usize::MAX),
        number => usize::try_from(number).map_err(|_| negative.into()),
    }
}

pub(super) fn lpos(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut find = || -> Answer {
        let search = Search::parse(args)?;
        let list = held.view::<List>(args.get(1)).map_err(|why| refused(context, why))?;
        let mut places = list.into_iter().flat_map(|list| search.places(list, args.get(2)));
        let Some(count) = search.count else {
            return Ok(places.next().map_or(Reply::Null, count_reply));
        };
        let mut found = Elements::default();
        for place in places.take(count) {
            found.push_frame(integer(i64::try_from(place).unwrap_or(i64::MAX)), 0)?;
        }
        Ok(found.reply())
    };
    answer(find())
}

#[cfg(test)]
#[path = "list_edits_tests.rs"]
mod tests;
