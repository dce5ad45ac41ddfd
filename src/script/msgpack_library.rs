//! `cmsgpack`, as lua-cmsgpack 0.4.0 does it.
//!
//! Not here: the two directions ([`super::msgpack_pack`], [`super::msgpack_unpack`]). Invariant: no
//! length in a text makes memory be reserved.

use std::rc::Rc;

use mlua::{Lua, MultiValue, Result, Table, Value};

use super::arguments::Arguments;
use super::interpreter::Shared;
use super::msgpack_pack::Packer;
use super::msgpack_unpack::{Broken, Unpacker};
use super::sandbox::function;

/// What one call gives at most: Lua's own bound on a C function's stack.
const VALUES_MAX: usize = 7000;

/// Reads how many values are asked for, and from where.
type Bounds = fn(&Arguments<'_>) -> Result<(i64, i64)>;

/// The library.
pub(super) fn build(lua: &Lua, shared: &Rc<Shared>) -> Result<Table> {
    let table = lua.create_table()?;
    let packs = Rc::clone(shared);
    table.raw_set(
        "pack",
        function(lua, "pack", move |lua, args| {
            if args.len() == 0 {
                return Err(args.bad(0, "MessagePack pack needs input.").into());
            }
            let mut packer = Packer::new(&packs.watch);
            for value in args.iter() {
                packer.value(value, 0)?;
            }
            lua.create_string(packer.finish()).map(Value::String)
        })?,
    )?;
    let readers: [(&'static str, Bounds); 3] = [
        ("unpack", |_| Ok((0, 0))),
        ("unpack_one", |args| Ok((1, args.integer_or(2, 0)?))),
        ("unpack_limit", |args| Ok((args.integer(2)?, args.integer_or(3, 0)?))),
    ];
    for (name, bounds) in readers {
        let shared = Rc::clone(shared);
        table.raw_set(
            name,
            function(lua, name, move |lua, args| {
                let text = args.string(1)?;
                let (limit, offset) = bounds(args)?;
                unpack(lua, &shared, args, &text.as_bytes(), (limit, offset))
            })?,
        )?;
    }
    table.raw_set("_NAME", "cmsgpack")?;
    table.raw_set("_VERSION", "lua-cmsgpack 0.4.0")?;
    table.raw_set("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo")?;
    table.raw_set("_DESCRIPTION", "MessagePack C implementation for Lua")?;
    Ok(table)
}

/// Up to `limit` values from `offset` on, behind the offset of the next one (-1 at the end). All of
/// them, and no offset, where both are 0.
fn unpack(
    lua: &Lua,
    shared: &Shared,
    args: &Arguments<'_>,
    text: &[u8],
    (limit, offset): (i64, i64),
) -> Result<MultiValue> {
    let bytes = text.len();
    let (Ok(most), Ok(start)) = (usize::try_from(limit), usize::try_from(offset)) else {
        let why =
            format!("Invalid request to unpack with offset of {offset} and limit of {bytes}.");
        return Err(args.fail(&why).into());
    };
    let Some(rest) = text.get(start..) else {
        let why = format!("Start offset {start} greater than input length {bytes}.");
        return Err(args.fail(&why).into());
    };
    let all = most == 0 && start == 0;
    let mut unpacker = Unpacker::new(lua, &shared.watch, rest);
    let mut values = Vec::new();
    while !unpacker.is_at_end() && (all || values.len() < most) {
        if values.len() >= VALUES_MAX {
            let why = "too many return values at once; use unpack_one or unpack_limit instead.";
            return Err(args.fail(&format!("stack overflow ({why})")).into());
        }
        values.push(unpacker.value().map_err(|broken| match broken {
            Broken::Short => args.fail("Missing bytes in input.").into(),
            Broken::Malformed => args.fail("Bad data format in input.").into(),
            Broken::Raised(error) => error,
        })?);
    }
    if !all {
        let next = if unpacker.is_at_end() { None } else { Some(bytes - unpacker.left_bytes()) };
        let next = next.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1);
        values.insert(0, Value::Integer(next));
    }
    Ok(MultiValue::from_vec(values))
}
