//! What a script may choose about `cjson`, as lua-cjson 2.1 names it.
//!
//! Not here: encoding and decoding. Invariant: each run begins with the defaults; in Redis one
//! script's choice also holds for all later ones.

use std::cell::Cell;

use mlua::{Lua, Result, Value};

use super::arguments::Arguments;
use super::fault::Fault;

const DEPTH_MAX: i64 = 1000;
const DIGITS_MAX: i64 = 14;
const INT_MAX: i64 = 2_147_483_647;

/// What is written for a number that is none, or infinite.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum InvalidNumbers {
    /// An error.
    Refuse,
    /// C's word for it.
    Write,
    /// `null`.
    Null,
}

/// The settings of one state.
pub(super) struct JsonSettings {
    pub(super) encode_depth: Cell<i64>,
    pub(super) decode_depth: Cell<i64>,
    pub(super) digits: Cell<i64>,
    pub(super) convert_sparse: Cell<bool>,
    pub(super) sparse_ratio: Cell<i64>,
    pub(super) sparse_safe: Cell<i64>,
    pub(super) encode_invalid: Cell<InvalidNumbers>,
    pub(super) decode_invalid: Cell<bool>,
    keep_buffer: Cell<bool>,
}

impl Default for JsonSettings {
    fn default() -> Self {
        JsonSettings {
            encode_depth: Cell::new(DEPTH_MAX),
            decode_depth: Cell::new(DEPTH_MAX),
            digits: Cell::new(DIGITS_MAX),
            convert_sparse: Cell::new(false),
            sparse_ratio: Cell::new(2),
            sparse_safe: Cell::new(10),
            encode_invalid: Cell::new(InvalidNumbers::Refuse),
            decode_invalid: Cell::new(true),
            keep_buffer: Cell::new(true),
        }
    }
}

impl JsonSettings {
    /// Back to the defaults.
    pub(super) fn reset(&self) {
        self.encode_depth.set(DEPTH_MAX);
        self.decode_depth.set(DEPTH_MAX);
        self.digits.set(DIGITS_MAX);
        self.convert_sparse.set(false);
        self.sparse_ratio.set(2);
        self.sparse_safe.set(10);
        self.encode_invalid.set(InvalidNumbers::Refuse);
        self.decode_invalid.set(true);
        self.keep_buffer.set(true);
    }
}

/// A function that sets something where it is given something, and gives what holds.
pub(super) type Setter = fn(&Lua, &JsonSettings, &Arguments<'_>) -> Result<Vec<Value>>;

/// All of them.
pub(super) const SETTERS: [(&str, Setter); 7] = [
    ("encode_max_depth", |_, all, args| {
        one(args, |args| number(args, 1, &all.encode_depth, 1, INT_MAX))
    }),
    ("decode_max_depth", |_, all, args| {
        one(args, |args| number(args, 1, &all.decode_depth, 1, INT_MAX))
    }),
    ("encode_number_precision", |_, all, args| {
        one(args, |args| number(args, 1, &all.digits, 1, DIGITS_MAX))
    }),
    ("encode_keep_buffer", |_, all, args| one(args, |args| switch(args, 1, &all.keep_buffer))),
    ("decode_invalid_numbers", |_, all, args| {
        one(args, |args| switch(args, 1, &all.decode_invalid))
    }),
    ("encode_invalid_numbers", |lua, all, args| {
        at_most(args, 1)?;
        Ok(vec![invalid_numbers(lua, all, args)?])
    }),
    ("encode_sparse_array", |_, all, args| {
        at_most(args, 3)?;
        Ok(vec![
            switch(args, 1, &all.convert_sparse)?,
            number(args, 2, &all.sparse_ratio, 0, INT_MAX)?,
            number(args, 3, &all.sparse_safe, 0, INT_MAX)?,
        ])
    }),
];

type Checked<T> = std::result::Result<T, Fault>;

fn one(args: &Arguments<'_>, set: impl Fn(&Arguments<'_>) -> Checked<Value>) -> Result<Vec<Value>> {
    at_most(args, 1)?;
    Ok(vec![set(args)?])
}

fn at_most(args: &Arguments<'_>, count: usize) -> Checked<()> {
    if args.len() <= count {
        return Ok(());
    }
    Err(args.bad(count + 1, "found too many arguments"))
}

fn number(
    args: &Arguments<'_>,
    index: usize,
    cell: &Cell<i64>,
    least: i64,
    most: i64,
) -> Checked<Value> {
    if !args.is_absent(index) {
        let number = args.integer(index)?;
        if !(least..=most).contains(&number) {
            let text = format!("expected integer between {least} and {most}");
            return Err(args.bad(index, &text));
        }
        cell.set(number);
    }
    Ok(Value::Integer(cell.get()))
}

fn switch(args: &Arguments<'_>, index: usize, cell: &Cell<bool>) -> Checked<Value> {
    match args.get(index) {
        Value::Nil => {}
        Value::Boolean(on) => cell.set(*on),
        _ => cell.set(option(args, index, &["off", "on"])? == 1),
    }
    Ok(Value::Boolean(cell.get()))
}

fn invalid_numbers(lua: &Lua, all: &JsonSettings, args: &Arguments<'_>) -> Result<Value> {
    match args.get(1) {
        Value::Nil => {}
        Value::Boolean(false) => all.encode_invalid.set(InvalidNumbers::Refuse),
        Value::Boolean(true) => all.encode_invalid.set(InvalidNumbers::Write),
        _ => all.encode_invalid.set(match option(args, 1, &["off", "on", "null"])? {
            0 => InvalidNumbers::Refuse,
            1 => InvalidNumbers::Write,
            _ => InvalidNumbers::Null,
        }),
    }
    match all.encode_invalid.get() {
        InvalidNumbers::Null => lua.create_string("null").map(Value::String),
        other => Ok(Value::Boolean(other == InvalidNumbers::Write)),
    }
}

fn option(args: &Arguments<'_>, index: usize, names: &[&str]) -> Checked<usize> {
    let word = args.string(index)?.to_string_lossy();
    names
        .iter()
        .position(|name| *name == word)
        .ok_or_else(|| args.bad(index, &format!("invalid option '{word}'")))
}
