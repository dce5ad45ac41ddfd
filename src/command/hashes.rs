//! Hashes: fields set, read and removed by name.
//!
//! Not here: fields counted (`hash_counts.rs`), all fields, or those that come up in a walk or at
//! random (`hash_walks.rs`), what the table tells about these commands (`docs_hashes.rs`).
//! Invariant: an error has changed nothing.

use super::collections::{Elements, count_reply, refused, wrong_words};
use super::strings::{Answer, answer};
use super::{Args, Context, ErrorText};
use crate::engine::{Collection, Edit, Hash, Held};
use crate::resp::{Reply, null};

/// The hash of the key in word 1.
pub(super) fn hash<'h>(
    context: &Context<'_>,
    held: &'h mut Held<'_>,
    args: &Args<'_>,
) -> Result<Option<&'h Hash>, ErrorText> {
    held.view::<Hash>(args.get(1)).map_err(|why| refused(context, why))
}

/// The fields and values of `name key field value [field value ...]`.
fn pairs<'a>(args: &Args<'a>) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone + use<'a> {
    let args = *args;
    (2..args.len()).step_by(2).map(move |at| (args.get(at), args.get(at + 1)))
}

/// Sets fields; how many of them are new.
fn set_pairs(
    context: &Context<'_>,
    held: &mut Held<'_>,
    args: &Args<'_>,
    name: &str,
) -> Result<usize, ErrorText> {
    if args.len() % 2 == 1 {
        return Err(wrong_words(name));
    }
    let growth_bytes = pairs(args).map(|(field, value)| Hash::set_bytes(field, value)).sum();
    let set = held.edit(args.get(1), growth_bytes, |hash: &mut Edit<'_, Hash>| {
        pairs(args).filter(|(field, value)| hash.set(field, value)).count()
    });
    set.map_err(|why| refused(context, why))
}

pub(super) fn hset(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(set_pairs(context, held, args, "hset").map(count_reply))
}

pub(super) fn hmset(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(set_pairs(context, held, args, "hmset").map(|_| Reply::Simple("OK")))
}

pub(super) fn hsetnx(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut set = || -> Answer {
        let field = args.get(2);
        if hash(context, held, args)?.is_some_and(|hash| hash.get(field).is_some()) {
            return Ok(Reply::Integer(0));
        }
        set_pairs(context, held, args, "hsetnx").map(count_reply)
    };
    answer(set())
}

/// A field's value as a reply, nothing if there is none.
pub(super) fn value_reply(value: Option<&[u8]>) -> Reply {
    value.map_or(Reply::Null, |value| Reply::Bulk(value.to_vec()))
}

pub(super) fn hget(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let hash = hash(context, held, args);
    answer(hash.map(|hash| value_reply(hash.and_then(|hash| hash.get(args.get(2))))))
}

pub(super) fn hmget(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut get = || -> Answer {
        let hash = hash(context, held, args)?;
        let mut values = Elements::default();
        for field in args.tail(2).iter() {
            match hash.and_then(|hash| hash.get(field)) {
                Some(value) => values.push(value)?,
                None => values.push_frame(null(), 0)?,
            }
        }
        Ok(values.reply())
    };
    answer(get())
}

pub(super) fn hdel(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let mut remove = || -> Answer {
        if hash(context, held, args)?.is_none() {
            return Ok(Reply::Integer(0));
        }
        let removed = held.edit(args.get(1), 0, |hash: &mut Edit<'_, Hash>| {
            args.tail(2).iter().filter(|field| hash.remove(field)).count()
        });
        removed.map(count_reply).map_err(|why| refused(context, why))
    };
    answer(remove())
}

pub(super) fn hexists(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let found = |hash: Option<&Hash>| hash.is_some_and(|hash| hash.get(args.get(2)).is_some());
    answer(hash(context, held, args).map(|hash| Reply::Integer(i64::from(found(hash)))))
}

pub(super) fn hlen(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    answer(hash(context, held, args).map(|hash| count_reply(hash.map_or(0, Hash::len))))
}

pub(super) fn hstrlen(context: &mut Context<'_>, held: &mut Held<'_>, args: &Args<'_>) -> Reply {
    let length = |hash: &Hash| hash.get(args.get(2)).map(<[u8]>::len);
    let hash = hash(context, held, args);
    answer(hash.map(|hash| count_reply(hash.and_then(length).unwrap_or(0))))
}

#[cfg(test)]
#[path = "hashes_tests.rs"]
mod tests;
