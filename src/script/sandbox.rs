//! How a Lua state is made: which of Lua's libraries are in it, which are our own.
//!
//! Not here: what scripts see of them, which `prelude.lua` says. Invariant: `io`, `os`, `package`,
//! `debug`, `print`, `dofile`, `loadfile`, `getfenv`, `setfenv`, `newproxy`, `string.dump` and byte
//! code are in no reach of a script (CVE-2022-0543).

use std::rc::Rc;

use mlua::chunk::ChunkMode;
use mlua::{
    Error, Function, HookTriggers, IntoLuaMulti, Lua, LuaOptions, MultiValue, Result, StdLib,
    Table, Value, VmState,
};

use super::arguments::Arguments;
use super::fault::{self, Fault, PRELUDE};
use super::handed::Outcome;
use super::interpreter::{CHUNK_BYTES_MAX, MEMORY_BYTES_MAX, Options, Raised, Shared};
use super::number::{LUA_DIGITS, general};
use super::to_lua::ToLua;
use super::watch::KillSwitch;
use super::{api, bits, json_library, msgpack_library, random, structs, text};
use crate::resp::Protocol;

/// Instructions between two looks at the clock: a quarter of a microsecond of plain code, to which
/// the look adds about a quarter, and few enough that as many copies of the longest string that a
/// state can hold end within the budget's second half.
const HOOK_INSTRUCTIONS: u32 = 64;
/// What `unpack` gives at most; Lua's own bound on a C function's stack.
const UNPACK_COUNT_MAX: i64 = 8000;
/// A table that a script returns is handed over element by element up to here.
const LIST_COUNT_MAX: i64 = 16;
/// Up to here `table.sort` is Lua's own, whose worst case is then still short.
const NATIVE_SORT_COUNT_MAX: i64 = 64;
/// Coroutines that run one inside the other; each may use 200 levels of C calls.
const NESTED_COROUTINES_MAX: i64 = 4;

/// A state that is ready to run scripts.
pub(super) struct Sandbox {
    pub(super) lua: Lua,
    pub(super) globals: Table,
    pub(super) run: Function,
    pub(super) shared: Rc<Shared>,
}

/// A function of a library.
pub(super) type Plain = fn(&Lua, &Arguments<'_>) -> Result<Value>;

/// A function of Lua that checks its arguments under `name`.
pub(super) fn function<R: IntoLuaMulti>(
    lua: &Lua,
    name: &'static str,
    body: impl Fn(&Lua, &Arguments<'_>) -> Result<R> + 'static,
) -> Result<Function> {
    lua.create_function(move |lua, values: MultiValue| {
        body(lua, &Arguments::new(lua, name, values))
    })
}

/// A table of functions.
pub(super) fn library(lua: &Lua, functions: &[(&'static str, Plain)]) -> Result<Table> {
    let table = lua.create_table_with_capacity(0, functions.len())?;
    for (name, body) in functions {
        table.raw_set(*name, function(lua, name, *body)?)?;
    }
    Ok(table)
}

/// Makes a state.
pub(super) fn build(options: &Options, kill: KillSwitch) -> Result<Sandbox> {
    let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH;
    let lua = Lua::new_with(libraries, LuaOptions::new().catch_rust_panics(false))?;
    let shared = Rc::new(Shared::new(&lua, options.seed, kill)?);
    let redis = api::build(&lua, &shared, options.redis_version)?;
    let server = server(&lua, &shared, &redis)?;
    let chunk = lua.load(include_str!("prelude.lua")).set_name(PRELUDE).set_mode(ChunkMode::Text);
    let (globals, run): (Table, Function) = chunk.call((lua.globals(), &server))?;
    server.raw_set("loadstring", loadstring(&lua, globals.clone())?)?;
    let hooked = Rc::clone(&shared);
    let triggers = HookTriggers::new().every_nth_instruction(HOOK_INSTRUCTIONS);
    lua.set_global_hook(triggers, move |_, _| {
        hooked.watch.check().map(|()| VmState::Continue).map_err(Error::from)
    })?;
    Ok(Sandbox { lua, globals, run, shared })
}

/// What the prelude builds on.
fn server(lua: &Lua, shared: &Rc<Shared>, redis: &Table) -> Result<Table> {
    let server = library(
        lua,
        &[
            ("collectgarbage", collectgarbage),
            ("gcinfo", |lua, _| Ok(Value::Integer(super::number::truncated(used_kib(lua))))),
        ],
    )?;
    for (name, number) in [
        ("raised", Outcome::RAISED),
        ("list", Outcome::LIST),
        ("value", Outcome::VALUE),
        ("list_max", LIST_COUNT_MAX),
        ("unpack_max", UNPACK_COUNT_MAX),
        ("native_sort_max", NATIVE_SORT_COUNT_MAX),
        ("nested_coroutines_max", NESTED_COROUTINES_MAX),
        ("chunk_bytes_max", i64::try_from(CHUNK_BYTES_MAX).unwrap_or(i64::MAX)),
    ] {
        server.raw_set(name, number)?;
    }
    server.raw_set("redis", redis)?;
    server.raw_set("bit", bits::build(lua)?)?;
    server.raw_set("struct", structs::build(lua, shared)?)?;
    server.raw_set("cjson", json_library::build(lua, shared)?)?;
    server.raw_set("cmsgpack", msgpack_library::build(lua, shared)?)?;
    text::add(lua, shared, &server)?;
    random::add(lua, shared, &server)?;
    add_catching(lua, shared, &server)?;
    Ok(server)
}

/// The functions by which the prelude turns errors into what scripts may see.
fn add_catching(lua: &Lua, shared: &Rc<Shared>, server: &Table) -> Result<()> {
    let (any, as_text, report) = (Rc::clone(shared), Rc::clone(shared), Rc::clone(shared));
    let caught = lua.create_function(move |lua, value| caught(lua, &any, value))?;
    let caught_as_text = lua.create_function(move |lua, value| {
        let value = self::caught(lua, &as_text, value)?;
        let Value::Table(table) = &value else {
            return Ok(value);
        };
        // Redis's own pcall gives the text of an error reply.
        match table.raw_get(&as_text.shapes.err)? {
            text @ (Value::String(_) | Value::Integer(_) | Value::Number(_)) => Ok(text),
            _ => Ok(value),
        }
    })?;
    let report = lua.create_function(move |lua, value: Value| {
        *report.raised.borrow_mut() =
            Some(Raised { text: raised_text(&report, &value), place: script_place(lua) });
        Ok(())
    })?;
    let (stopped, look) = (Rc::clone(shared), Rc::clone(shared));
    let stopped = lua.create_function(move |_, ()| Ok(stopped.watch.stopped().is_some()))?;
    let look = lua.create_function(move |_, ()| look.watch.check().map_err(Error::from))?;
    server.raw_set("stopped", stopped)?;
    server.raw_set("look", look)?;
    server.raw_set("caught", caught)?;
    server.raw_set("caught_as_text", caught_as_text)?;
    server.raw_set("report", report)
}

/// The value that a script gets for what it caught; raised on where the script was stopped.
fn caught(lua: &Lua, shared: &Shared, value: Value) -> Result<Value> {
    if shared.watch.stopped().is_some() {
        return Err(Fault::Stopped.into());
    }
    match fault::unwrap(&value) {
        None => Ok(value),
        Some(Fault::Text(text)) => lua.create_string(text).map(Value::String),
        Some(Fault::Reply(text)) => {
            let shapes = &shared.shapes;
            ToLua { lua, shapes, protocol: Protocol::Resp2 }.call_error(&text)
        }
        Some(Fault::Stopped) => Err(Fault::Stopped.into()),
    }
}

/// The error reply for a value that ended a script.
fn raised_text(shared: &Shared, value: &Value) -> String {
    let text = match (fault::unwrap(value), value) {
        (Some(Fault::Reply(text)), _) => return text,
        (Some(other), _) => other.to_string(),
        (None, Value::Table(table)) => {
            return match table.raw_get(&shared.shapes.err) {
                Ok(Value::String(text)) => text.to_string_lossy(),
                _ => "ERR unknown error".to_owned(),
            };
        }
        (None, Value::String(text)) => text.to_string_lossy(),
        (None, Value::Integer(number)) => number.to_string(),
        (None, Value::Number(number)) => general(*number, LUA_DIGITS),
        (None, Value::Boolean(truth)) => truth.to_string(),
        (None, other) => other.type_name().to_owned(),
    };
    format!("ERR {text}")
}

/// The innermost place of a script that is running.
fn script_place(lua: &Lua) -> Option<(String, usize)> {
    for level in 1.. {
        let place = lua.inspect_stack(level, |frame| {
            let name = frame.source().source.filter(|name| *name != PRELUDE);
            name.map(|name| name.into_owned()).zip(frame.current_line())
        })?;
        if place.is_some() {
            return place;
        }
    }
    None
}

/// A text that Lua compiles.
pub(super) struct Chunk<'a> {
    pub(super) code: &'a [u8],
    pub(super) name: &'a str,
    pub(super) globals: &'a Table,
}

impl Chunk<'_> {
    /// The compiled chunk, which sees the sandbox's globals. Byte code is a syntax error.
    pub(super) fn compile(&self, lua: &Lua) -> Result<Function> {
        let chunk = lua.load(self.code).set_name(self.name).set_mode(ChunkMode::Text);
        chunk.set_environment(self.globals.clone()).into_function()
    }
}

/// Lua's own message.
pub(super) fn compile_error(error: &Error) -> String {
    match error {
        Error::SyntaxError { message, .. } => message.clone(),
        other => other.to_string(),
    }
}

/// `loadstring`: nil and the reason where the text does not compile.
fn loadstring(lua: &Lua, globals: Table) -> Result<Function> {
    function(lua, "loadstring", move |lua, args| {
        let code = args.string(1)?;
        let code = code.as_bytes();
        let name = if args.is_absent(2) { args.string(1)? } else { args.string(2)? };
        let name = name.as_bytes();
        // As a C string, and no longer than messages show of it.
        let name =
            name.iter().take(256).take_while(|byte| **byte != 0).copied().collect::<Vec<_>>();
        let name = String::from_utf8_lossy(&name);
        if code.len() > CHUNK_BYTES_MAX {
            return Ok((Value::Nil, Some("chunk too long".to_owned())));
        }
        if code.first() == Some(&0x1b) {
            let text = "bytecode is not allowed";
            return Ok((Value::Nil, Some(text.to_owned())));
        }
        let chunk = Chunk { code: &code, name: &name, globals: &globals };
        match chunk.compile(lua) {
            Ok(compiled) => Ok((Value::Function(compiled), None)),
            Err(Error::MemoryError(text)) => Err(Error::MemoryError(text)),
            Err(error) => Ok((Value::Nil, Some(compile_error(&error)))),
        }
    })
}

/// `count` as in Lua. What would change how the state collects is accepted and does nothing, since
/// it would last beyond the script.
fn collectgarbage(lua: &Lua, args: &Arguments<'_>) -> Result<Value> {
    const OPTIONS: [&str; 7] =
        ["collect", "stop", "restart", "count", "step", "setpause", "setstepmul"];
    if args.is_absent(1) {
        return Ok(Value::Integer(0));
    }
    let option = args.string(1)?.to_string_lossy();
    match option.as_str() {
        "count" => Ok(Value::Number(used_kib(lua))),
        known if OPTIONS.contains(&known) => Ok(Value::Integer(0)),
        other => Err(args.bad(1, &format!("invalid option '{other}'")).into()),
    }
}

#[allow(clippy::cast_precision_loss, reason = "a state holds some MiB")]
fn used_kib(lua: &Lua) -> f64 {
    lua.used_memory().min(2 * MEMORY_BYTES_MAX) as f64 / 1024.0
}
