//! One row of the table as the frames of COMMAND INFO and COMMAND DOCS.
//!
//! Invariant: names of types and flags are simple strings, texts are bulk strings, and what a row
//! does not have is left out (redis-cli 7 ends itself at a nil or at the other string type).

use super::argument::{Argument, Kind};
use super::spec::{Keys, Spec};
use super::table;
use crate::resp::{self, Frame};

/// The ten fields of COMMAND INFO.
pub(super) fn info_frame(spec: &Spec) -> Frame {
    let (first, last, step) = match spec.keys {
        Keys::Range { first, last, step, .. } => (number(first), i64::from(last), number(step)),
        Keys::None | Keys::Counted { .. } => (0, 0, 0),
    };
    let movable = matches!(spec.keys, Keys::Counted { .. }).then_some("movablekeys");
    let flags = spec.flags.names().chain(movable).map(resp::simple).collect();
    let categories = spec.all_categories().names();
    let categories = categories.map(|name| resp::simple(&format!("@{name}"))).collect();
    let subcommands = match spec.container {
        true => table::subcommands(spec.name).map(info_frame).collect(),
        false => Vec::new(),
    };
    resp::array(vec![
        resp::text(spec.name),
        resp::integer(i64::from(spec.arity)),
        resp::set(flags),
        resp::integer(first),
        resp::integer(last),
        resp::integer(step),
        resp::set(categories),
        resp::set(Vec::new()),
        resp::set(key_specs(spec.keys)),
        // Redis prints a set where there is none and an array where there is one.
        if spec.container { resp::array(subcommands) } else { resp::set(subcommands) },
    ])
}

fn number(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn key_specs(keys: Keys) -> Vec<Frame> {
    let (begin, how, find) = match keys {
        Keys::None => return Vec::new(),
        Keys::Range { first, last, step, .. } => {
            // Redis counts the last key from the first one, unless it counts from the end.
            let last = if last < 0 { i64::from(last) } else { i64::from(last) - number(first) };
            let find = [("lastkey", last), ("keystep", number(step)), ("limit", 0)];
            (first, "range", find)
        }
        Keys::Counted { count_at, step, .. } => {
            let find = [("keynumidx", 0), ("firstkey", 1), ("keystep", number(step))];
            (count_at, "keynum", find)
        }
    };
    let flags = keys.access().iter().map(|word| resp::simple(word)).collect();
    vec![resp::map(vec![
        (resp::text("flags"), resp::set(flags)),
        (resp::text("begin_search"), search("index", &[("index", number(begin))])),
        (resp::text("find_keys"), search(how, &find)),
    ])]
}

/// One of the two steps by which Redis finds keys: its type and its numbers.
fn search(how: &str, numbers: &[(&str, i64)]) -> Frame {
    let numbers = numbers.iter().map(|(name, value)| (resp::text(name), resp::integer(*value)));
    resp::map(vec![
        (resp::text("type"), resp::text(how)),
        (resp::text("spec"), resp::map(numbers.collect())),
    ])
}

/// The documentation of one command, with its subcommands.
pub(super) fn docs_frame(spec: &Spec) -> Frame {
    let mut fields = vec![
        (resp::text("summary"), resp::text(spec.summary)),
        (resp::text("since"), resp::text(spec.since)),
        (resp::text("group"), resp::text(spec.group)),
        (resp::text("complexity"), resp::text(spec.complexity)),
    ];
    if !spec.arguments.is_empty() {
        let arguments = spec.arguments.iter().map(argument_frame).collect();
        fields.push((resp::text("arguments"), resp::array(arguments)));
    }
    if spec.container {
        let rows = table::subcommands(spec.name);
        let rows = rows.map(|row| (resp::text(row.name), docs_frame(row))).collect();
        fields.push((resp::text("subcommands"), resp::map(rows)));
    }
    resp::map(fields)
}

fn argument_frame(argument: &Argument) -> Frame {
    let mut fields = vec![
        (resp::text("name"), resp::text(argument.name)),
        (resp::text("type"), resp::text(argument.kind.name())),
    ];
    if argument.arguments.is_empty() {
        // What redis-cli from 7.2 on shows.
        fields.push((resp::text("display_text"), resp::text(argument.name)));
    }
    if argument.kind == Kind::Key {
        fields.push((resp::text("key_spec_index"), resp::integer(0)));
    }
    if let Some(token) = argument.token {
        fields.push((resp::text("token"), resp::text(token)));
    }
    let flags = [(argument.optional, "optional"), (argument.multiple, "multiple")];
    let flags: Vec<Frame> =
        flags.iter().filter(|(set, _)| *set).map(|(_, name)| resp::simple(name)).collect();
    if !flags.is_empty() {
        fields.push((resp::text("flags"), resp::set(flags)));
    }
    if !argument.arguments.is_empty() {
        let nested = argument.arguments.iter().map(argument_frame).collect();
        fields.push((resp::text("arguments"), resp::array(nested)));
    }
    resp::map(fields)
}
