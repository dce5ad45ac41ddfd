//! `redis.*`: the functions that need no server, and the constants.
//!
//! Not here: the calls out of a script (`door.rs`). Invariant: what a script chooses here holds for
//! its own run.

use std::rc::Rc;

use mlua::{Error, Lua, Result, Table, Value};

use super::arguments::Arguments;
use super::digest::sha1_hex;
use super::door;
use super::fault::Fault;
use super::interpreter::Shared;
use super::sandbox::{function, library};
use crate::resp::Protocol;

const REPLICATION_FLAGS_MAX: i64 = 3;

fn reply(text: &str) -> Error {
    Fault::Reply(text.to_owned()).into()
}

/// The table `redis`.
pub(super) fn build(lua: &Lua, shared: &Rc<Shared>, version: &str) -> Result<Table> {
    let table = library(
        lua,
        &[
            ("error_reply", |lua, args| single(lua, args, "err")),
            ("status_reply", |lua, args| single(lua, args, "ok")),
            ("sha1hex", sha1hex),
            ("replicate_commands", |_, _| Ok(Value::Boolean(true))),
            ("set_repl", set_repl),
            ("breakpoint", |_, _| Ok(Value::Boolean(false))),
            ("debug", |_, _| Ok(Value::Nil)),
        ],
    )?;
    door::add(lua, shared, &table)?;
    let setresp = Rc::clone(shared);
    table.raw_set(
        "setresp",
        function(lua, "setresp", move |_, args| set_protocol(&setresp, args))?,
    )?;
    for (name, number) in [
        ("LOG_DEBUG", 0),
        ("LOG_VERBOSE", 1),
        ("LOG_NOTICE", 2),
        ("LOG_WARNING", 3),
        ("REPL_NONE", 0),
        ("REPL_AOF", 1),
        ("REPL_SLAVE", 2),
        ("REPL_REPLICA", 2),
        ("REPL_ALL", REPLICATION_FLAGS_MAX),
    ] {
        table.raw_set(name, number)?;
    }
    table.raw_set("REDIS_VERSION", version)?;
    table.raw_set("REDIS_VERSION_NUM", version_number(version))?;
    Ok(table)
}

/// `7.4.0` as 0x070400.
fn version_number(version: &str) -> u32 {
    version.split('.').fold(0, |number, part| (number << 8) | (part.parse().unwrap_or(0) & 0xff))
}

/// A table with one field, as `redis.error_reply` and `redis.status_reply` make it.
fn single(lua: &Lua, args: &Arguments<'_>, field: &str) -> Result<Value> {
    let table = lua.create_table()?;
    match args.get(1) {
        Value::String(text) if args.len() == 1 && field == "err" => {
            table.raw_set(field, error_text(&text.to_string_lossy()))?;
        }
        Value::String(text) if args.len() == 1 => table.raw_set(field, text)?,
        _ => table.raw_set("err", "ERR wrong number or type of arguments")?,
    }
    Ok(Value::Table(table))
}

/// The text of an error reply with its code. Redis puts `ERR` before every single word; here a
/// word that is a code itself stays one, since libraries compare with it.
fn error_text(text: &str) -> String {
    let text = text.strip_prefix('-').unwrap_or(text);
    let is_code = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if text.contains(' ') || (!text.is_empty() && text.bytes().all(is_code)) {
        text.to_owned()
    } else {
        format!("ERR {text}")
    }
}

fn sha1hex(lua: &Lua, args: &Arguments<'_>) -> Result<Value> {
    if args.len() != 1 {
        return Err(reply("ERR wrong number of arguments"));
    }
    let hex = match args.string(1) {
        Ok(text) => sha1_hex(&text.as_bytes()),
        Err(_) => sha1_hex(b""),
    };
    lua.create_string(hex).map(Value::String)
}

fn set_repl(_: &Lua, args: &Arguments<'_>) -> Result<Value> {
    if args.len() != 1 {
        return Err(reply("ERR redis.set_repl() requires two arguments."));
    }
    let flags = args.integer(1).unwrap_or(0);
    if (0..=REPLICATION_FLAGS_MAX).contains(&flags) {
        return Ok(Value::Nil);
    }
    Err(reply("ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE."))
}

fn set_protocol(shared: &Shared, args: &Arguments<'_>) -> Result<Value> {
    if args.len() != 1 {
        return Err(reply("ERR redis.setresp() requires one argument."));
    }
    match args.integer(1) {
        Ok(2) => shared.protocol.set(Protocol::Resp2),
        Ok(3) => shared.protocol.set(Protocol::Resp3),
        _ => return Err(reply("ERR RESP version must be 2 or 3.")),
    }
    Ok(Value::Nil)
}
