//! Lists: elements pushed, taken and read.
//!
//! Not here: elements changed or found in the middle (`list_edits.rs`), clients that wait for one,
//! what the table tells about these commands (`docs_lists.rs`). Invariant: an error has changed
//! nothing.

use super::collections::{
    Elements, REPLY_BYTES_MAX, TOO_LARGE, count_reply, place_of, places_of, refused, wrong_words,
};
use super::strings::{Answer, answer};
use super::{Args, Context, ErrorText};
use crate::engine::{Collection, Edit, End, Held, List};
use crate::resp::{Reply, array};

/// Pushes the words from the third on, only onto a list that is there if so wanted.
fn push(
    context: &Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
    end: End,
    if_present: bool,
) -> Reply {
    let key = args.get(1);
    let mut push = || -> Answer {
        if if_present {
            let list = held.view::<List>(key).map_err(|why| refused(context, why))?;
            if list.is_none() {
                return Ok(Reply::Integer(0));
            }
        }
        let elements = args.tail(2);
        let growth_bytes = elements.iter().map(|element| List::push_bytes(element.len())).sum();
        let pushed = held.edit(key, growth_bytes, |list: &mut Edit<'_, List>| {
            elements.iter().for_each(|element| list.push(end, element));
            list.len()
        });
        pushed.map(count_reply).map_err(|why| refused(context, why))
    };
    answer(push())
}

pub(super) fn lpush(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    push(context, held, args, End::Left, false)
}

pub(super) fn rpush(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    push(context, held, args, End::Right, false)
}

pub(super) fn lpushx(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    push(context, held, args, End::Left, true)
}

pub(super) fn rpushx(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    push(context, held, args, End::Right, true)
}

/// How many elements a pop is to take; `None`: one, by itself.
fn count_to_pop(args: &Args<'_>, name: &str) -> Result<Option<usize>, ErrorText> {
    match args.len() {
        2 => Ok(None),
        3 => {
            const NOT_POSITIVE: &str = "ERR value is out of range, must be positive";
            let count = usize::try_from(args.integer_or(2, NOT_POSITIVE)?);
            count.map(Some).map_err(|_| NOT_POSITIVE.into())
        }
        _ => Err(wrong_words(name)),
    }
}

/// Bytes that the first `count` elements from an end take in a reply.
fn reply_bytes(list: &List, end: End, count: usize) -> usize {
    let cost = |bytes: usize, element: &[u8]| bytes.saturating_add(Elements::cost(element));
    match end {
        End::Left => list.iter().take(count).fold(0, cost),
        End::Right => list.iter().rev().take(count).fold(0, cost),
    }
}

fn pop(
    context: &Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
    end: End,
    name: &str,
) -> Answer {
    let key = args.get(1);
    let count = count_to_pop(args, name)?;
    let Some(list) = held.view::<List>(key).map_err(|why| refused(context, why))? else {
        return Ok(if count.is_some() { Reply::NullArray } else { Reply::Null });
    };
    let Some(count) = count else {
        let popped = held.edit(key, 0, |list: &mut Edit<'_, List>| list.pop(end));
        let element = popped.map_err(|why| refused(context, why))?;
        return Ok(element.map_or(Reply::Null, |element| Reply::Bulk(element.into_vec())));
    };
    let count = count.min(list.len());
    if count == 0 {
        return Ok(Reply::Frame(array(Vec::new())));
    }
    if reply_bytes(list, end, count) > REPLY_BYTES_MAX {
        return Err(TOO_LARGE.into());
    }
    let popped = held.edit(key, 0, |list: &mut Edit<'_, List>| {
        let mut elements = Elements::default();
        let mut popped = (0..count).map_while(|_| list.pop(end));
        popped.try_for_each(|element| elements.push(&element)).map(|()| elements.reply())
    });
    popped.map_err(|why| refused(context, why))?
}

pub(super) fn lpop(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(pop(context, held, args, End::Left, "lpop"))
}

pub(super) fn rpop(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(pop(context, held, args, End::Right, "rpop"))
}

pub(super) fn llen(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    match held.view::<List>(args.get(1)) {
        Ok(list) => count_reply(list.map_or(0, List::len)),
        Err(why) => Reply::Error(refused(context, why)),
    }
}

pub(super) fn lindex(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut find = || -> Answer {
        let list = held.view::<List>(args.get(1)).map_err(|why| refused(context, why))?;
        // A place that is none is no error where there is no list.
        let Some(list) = list else { return Ok(Reply::Null) };
        let place = place_of(args.integer(2)?, list.len());
        let element = place.and_then(|place| list.get(place));
        Ok(element.map_or(Reply::Null, |element| Reply::Bulk(element.to_vec())))
    };
    answer(find())
}

pub(super) fn lrange(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut find = || -> Answer {
        let (start, stop) = (args.integer(2)?, args.integer(3)?);
        let mut elements = Elements::default();
        if let Some(list) = held.view::<List>(args.get(1)).map_err(|why| refused(context, why))? {
            let places = places_of(start, stop, list.len());
            list.range(places).try_for_each(|element| elements.push(element))?;
        }
        Ok(elements.reply())
    };
    answer(find())
}

/// The end that a word names.
fn end_of(args: &Args<'_>, index: usize) -> Result<End, ErrorText> {
    if args.is(index, "LEFT") {
        Ok(End::Left)
    } else if args.is(index, "RIGHT") {
        Ok(End::Right)
    } else {
        Err("ERR syntax error".into())
    }
}

/// Takes an element from an end of one list to an end of another or of the same.
fn shift(
    context: &Context<'_>,
    held: &mut Held<'_>,
    (source, from): (&[u8], End),
    (destination, to): (&[u8], End),
) -> Answer {
    let refused = |why| refused(context, why);
    if held.view::<List>(source).map_err(|why| refused(why.into()))?.is_none() {
        return Ok(Reply::Null);
    }
    if source == destination {
        let moved = held.edit(source, 0, |list: &mut Edit<'_, List>| {
            let element = list.pop(from);
            element.iter().for_each(|element| list.push(to, element));
            element
        });
        let moved = moved.map_err(refused)?;
        return Ok(moved.map_or(Reply::Null, |element| Reply::Bulk(element.into_vec())));
    }
    let list = held.view::<List>(source).map_err(|why| refused(why.into()))?;
    let place = |list: &List| if from == End::Left { 0 } else { list.len() - 1 };
    let element = list.and_then(|list| list.get(place(list))).unwrap_or_default().to_vec();
    // The push first: it alone can be refused.
    let growth_bytes = List::push_bytes(element.len());
    let pushed = held.edit(destination, growth_bytes, |list: &mut Edit<'_, List>| {
        list.push(to, &element);
    });
    pushed.map_err(refused)?;
    held.edit(source, 0, |list: &mut Edit<'_, List>| drop(list.pop(from))).map_err(refused)?;
    Ok(Reply::Bulk(element))
}

pub(super) fn lmove(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut shift = || -> Answer {
        let (from, to) = (end_of(args, 3)?, end_of(args, 4)?);
        shift(context, held, (args.get(1), from), (args.get(2), to))
    };
    answer(shift())
}

pub(super) fn rpoplpush(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(shift(context, held, (args.get(1), End::Right), (args.get(2), End::Left)))
}

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;
