//! COMMAND: the table, told to clients.
//!
//! Not here: the frames of one row (`row_frames.rs`). Invariant: a type in COMMAND DOCS is exactly
//! Redis's, since redis-cli ends itself at a wrong one.

use bytes::Bytes;

use super::argument::{Argument, one_of, pattern, text};
use super::glob;
use super::row_frames::{docs_frame, info_frame};
use super::spec::{Categories, Flags, Plain, Spec};
use super::table::{self, TABLE, failure};
use super::{Args, Context, ErrorText, help};
use crate::resp::{self, Frame, Reply};

const LOOSE: Flags = Flags::LOADING.with(Flags::STALE);
const NAMES: &[Argument] = &[text("command-name").optional().multiple()];
const REQUEST: &[Argument] = &[text("command"), text("arg").multiple()];

const fn row(name: &'static str, arity: i32, handler: Plain, summary: &'static str) -> Spec {
    Spec::new(name, arity, handler)
        .categories(Categories::CONNECTION)
        .flags(LOOSE)
        .docs("server", "2.8.13", summary)
        .complexity("O(N) where N is the number of commands to look up")
}

pub(super) const ROWS: &[Spec] = &[
    row("command", -1, bare, "Get an array of command details").container(),
    row("command|count", 2, count, "Get the total number of commands").complexity("O(1)"),
    row("command|info", -2, info, "Get details of commands").arguments(NAMES),
    row("command|docs", -2, docs, "Get the documentation of commands").arguments(NAMES),
    row("command|list", -2, list, "Get the names of commands").arguments(&[one_of(
        "filterby",
        &[
            text("module-name").token("MODULE"),
            text("category").token("ACLCAT"),
            pattern("pattern").token("PATTERN"),
        ],
    )
    .token("FILTERBY")
    .optional()]),
    row("command|getkeys", -4, get_keys, "Extract the keys of a whole request").arguments(REQUEST),
    row(
        "command|getkeysandflags",
        -4,
        get_keys_and_flags,
        "Extract the keys and what is done to them",
    )
    .arguments(REQUEST),
    help::row("command|help", "server", "5.0.0"),
];

fn top_level() -> impl Iterator<Item = &'static Spec> {
    TABLE.iter().copied().filter(|spec| !spec.name.contains('|'))
}

fn bare(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    Reply::Frame(resp::array(top_level().map(info_frame).collect()))
}

fn count(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    Reply::Integer(i64::try_from(top_level().count()).unwrap_or(i64::MAX))
}

fn info(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    if args.len() == 2 {
        return bare(context, args);
    }
    let rows = args.tail(2).iter().map(|name| match table::lookup(name) {
        Some(row) => info_frame(TABLE[row]),
        None => Frame::Null,
    });
    Reply::Frame(resp::array(rows.collect()))
}

fn docs(_context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let pair = |spec: &Spec| (resp::text(spec.name), docs_frame(spec));
    let rows = if args.len() == 2 {
        top_level().map(pair).collect()
    } else {
        args.tail(2).iter().filter_map(table::lookup).map(|row| pair(TABLE[row])).collect()
    };
    Reply::Frame(resp::map(rows))
}

fn list(_context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let names = |chosen: &dyn Fn(&Spec) -> bool| {
        let names = TABLE.iter().filter(|spec| chosen(spec)).map(|spec| resp::text(spec.name));
        Reply::Frame(resp::array(names.collect()))
    };
    match args.len() {
        2 => names(&|_| true),
        5 if args.is(2, "filterby") && args.is(3, "module") => names(&|_| false),
        5 if args.is(2, "filterby") && args.is(3, "aclcat") => {
            let category = Categories::named(args.get(4));
            names(&|spec| category.is_some_and(|one| spec.all_categories().contains(one)))
        }
        5 if args.is(2, "filterby") && args.is(3, "pattern") => {
            names(&|spec| glob::matches_nocase(args.get(4), spec.name.as_bytes()))
        }
        _ => failure("ERR syntax error"),
    }
}

fn get_keys(_context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    match keys_of(&args.tail(2)) {
        Ok((keys, _)) => Reply::Frame(resp::array(keys.into_iter().map(resp::bulk).collect())),
        Err(text) => Reply::Error(text),
    }
}

fn get_keys_and_flags(_context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    match keys_of(&args.tail(2)) {
        Ok((keys, access)) => {
            let flags = || resp::set(access.iter().map(|word| resp::simple(word)).collect());
            let pair = |key| resp::array(vec![resp::bulk(key), flags()]);
            Reply::Frame(resp::array(keys.into_iter().map(pair).collect()))
        }
        Err(text) => Reply::Error(text),
    }
}

type KeysAndAccess = (Vec<Bytes>, &'static [&'static str]);

fn keys_of(request: &Args<'_>) -> Result<KeysAndAccess, ErrorText> {
    let row = table::resolve(request).map_err(|_| "ERR Invalid command specified")?;
    let spec = TABLE[row];
    if spec.keys == super::spec::Keys::None {
        return Err("ERR The command has no key arguments".into());
    }
    if !spec.takes(request.len()) {
        return Err("ERR Invalid number of arguments specified for command".into());
    }
    let positions = spec.keys.positions(request);
    let positions = positions.ok_or("ERR Invalid arguments specified for command")?;
    let keys = positions.into_iter().map(|at| Bytes::copy_from_slice(request.get(at))).collect();
    Ok((keys, spec.keys.access()))
}

#[cfg(test)]
#[path = "introspect_tests.rs"]
mod tests;
