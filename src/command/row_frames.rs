//! One row of the table as the frames of COMMAND INFO and COMMAND DOCS.
//!
//! Invariant: names of types and flags are simple strings, texts are bulk strings, and what a row
//! does not have is left out (redis-cli 7 ends itself at a nil or at the other string type).

use super::argument::{Argument, Kind};
use super::spec::{Keys, Spec};
use super::table;
use crate::resp::{Frame, frame};

/// The ten fields of COMMAND INFO.
pub(super) fn info_frame(spec: &Spec) -> Frame {
    let (first, last, step) = match spec.keys {
        Keys::Range {
            first, last, step, ..
        } => (number(first), i64::from(last), number(step)),
        Keys::None | Keys::Counted { .. } => (0, 0, 0),
    };
    let movable = matches!(spec.keys, Keys::Counted { .. }).then_some("movablekeys");
    let flags = spec
        .flags
        .names()
        .chain(movable)
        .map(frame::simple)
        .collect();
    let categories = spec.all_categories().names();
    let categories = categories
        .map(|name| frame::simple(&format!("@{name}")))
        .collect();
    let subcommands = match spec.container {
        true => table::subcommands(spec.name).map(info_frame).collect(),
        false => Vec::new(),
    };
    frame::array(vec![
        frame::text(spec.name),
        frame::integer(i64::from(spec.arity)),
        frame::set(flags),
        frame::integer(first),
        frame::integer(last),
        frame::integer(step),
        frame::set(categories),
        frame::set(Vec::new()),
        frame::set(key_specs(spec.keys)),
        // Redis prints a set where there is none and an array where there is one.
        if spec.container {
            frame::array(subcommands)
        } else {
            frame::set(subcommands)
        },
    ])
}

fn number(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn key_specs(keys: Keys) -> Vec<Frame> {
    let field = |name: &str, value: i64| (frame::text(name), frame::integer(value));
    let (begin, how, find) = match keys {
        Keys::None => return Vec::new(),
        Keys::Range {
            first, last, step, ..
        } => {
            // Redis counts the last key from the first one, unless it counts from the end.
            let last = if last < 0 {
                i64::from(last)
            } else {
                i64::from(last) - number(first)
            };
            let step = number(step);
            (
                first,
                "range",
                vec![
                    field("lastkey", last),
                    field("keystep", step),
                    field("limit", 0),
                ],
            )
        }
        Keys::Counted { count_at, step, .. } => {
            let step = number(step);
            let find = vec![
                field("keynumidx", 0),
                field("firstkey", 1),
                field("keystep", step),
            ];
            (count_at, "keynum", find)
        }
    };
    let section = |how: &str, spec: Vec<(Frame, Frame)>| {
        frame::map(vec![
            (frame::text("type"), frame::text(how)),
            (frame::text("spec"), frame::map(spec)),
        ])
    };
    let flags = keys
        .access()
        .iter()
        .map(|word| frame::simple(word))
        .collect();
    vec![frame::map(vec![
        (frame::text("flags"), frame::set(flags)),
        (
            frame::text("begin_search"),
            section("index", vec![field("index", number(begin))]),
        ),
        (frame::text("find_keys"), section(how, find)),
    ])]
}

/// The documentation of one command, with its subcommands.
pub(super) fn docs_frame(spec: &Spec) -> Frame {
    let mut fields = vec![
        (frame::text("summary"), frame::text(spec.summary)),
        (frame::text("since"), frame::text(spec.since)),
        (frame::text("group"), frame::text(spec.group)),
        (frame::text("complexity"), frame::text(spec.complexity)),
    ];
    if !spec.arguments.is_empty() {
        let arguments = spec.arguments.iter().map(argument_frame).collect();
        fields.push((frame::text("arguments"), frame::array(arguments)));
    }
    if spec.container {
        let rows = table::subcommands(spec.name);
        let rows = rows
            .map(|row| (frame::text(row.name), docs_frame(row)))
            .collect();
        fields.push((frame::text("subcommands"), frame::map(rows)));
    }
    frame::map(fields)
}

fn argument_frame(argument: &Argument) -> Frame {
    let mut fields = vec![
        (frame::text("name"), frame::text(argument.name)),
        (frame::text("type"), frame::text(argument.kind.name())),
    ];
    if argument.arguments.is_empty() {
        // What redis-cli from 7.2 on shows.
        fields.push((frame::text("display_text"), frame::text(argument.name)));
    }
    if argument.kind == Kind::Key {
        fields.push((frame::text("key_spec_index"), frame::integer(0)));
    }
    if let Some(token) = argument.token {
        fields.push((frame::text("token"), frame::text(token)));
    }
    let flags = [
        (argument.optional, "optional"),
        (argument.multiple, "multiple"),
    ];
    let flags: Vec<Frame> = flags
        .iter()
        .filter(|(set, _)| *set)
        .map(|(_, name)| frame::simple(name))
        .collect();
    if !flags.is_empty() {
        fields.push((frame::text("flags"), frame::set(flags)));
    }
    if !argument.arguments.is_empty() {
        let nested = argument.arguments.iter().map(argument_frame).collect();
        fields.push((frame::text("arguments"), frame::array(nested)));
    }
    frame::map(fields)
}
