//! `cjson`, as lua-cjson 2.1 does it.
//!
//! Not here: the two directions ([`super::json_encode`], [`super::json_decode`]). Invariant: neither
//! recurses, so no depth of data can use up the thread's stack (CVE-2022-24834 and its like).

use std::rc::Rc;

use mlua::{Function, Lua, MultiValue, Result, Table, Value};

use super::arguments::Arguments;
use super::interpreter::Shared;
use super::json_decode::Decoder;
use super::json_encode::Encoder;
use super::json_settings::SETTERS;
use super::sandbox::function;

/// The library.
pub(super) fn build(lua: &Lua, shared: &Rc<Shared>) -> Result<Table> {
    let table = lua.create_table()?;
    let next: Function = lua.globals().raw_get("next")?;
    let (encodes, decodes, renews) = (Rc::clone(shared), Rc::clone(shared), Rc::clone(shared));
    table.raw_set(
        "encode",
        function(lua, "encode", move |lua, args| {
            single(args)?;
            let encoder = Encoder::new(&encodes, args, &next);
            lua.create_string(encoder.encode(args.get(1))?).map(Value::String)
        })?,
    )?;
    table.raw_set(
        "decode",
        function(lua, "decode", move |lua, args| {
            single(args)?;
            let text = args.string(1)?;
            let text = text.as_bytes();
            Decoder::new(lua, &decodes, args, &text).decode()
        })?,
    )?;
    for (name, setter) in SETTERS {
        let shared = Rc::clone(shared);
        let set = move |lua: &Lua, args: &Arguments<'_>| {
            setter(lua, &shared.json, args).map(MultiValue::from_vec)
        };
        table.raw_set(name, function(lua, name, set)?)?;
    }
    table.raw_set("new", function(lua, "new", move |lua, _| build(lua, &renews))?)?;
    table.raw_set("null", Value::NULL)?;
    table.raw_set("_NAME", "cjson")?;
    table.raw_set("_VERSION", "2.1.0")?;
    Ok(table)
}

fn single(args: &Arguments<'_>) -> Result<()> {
    if args.len() == 1 { Ok(()) } else { Err(args.bad(1, "expected 1 argument").into()) }
}
