//! The door out of a script: `redis.call` and the functions that share its way to the server.
//!
//! They are made once in a state and find the server of the run under way through a slot of the
//! thread, which [`open`] fills: making a function anew for each run costs more than a small script.
//! Not here: commands. Invariant: a script that was stopped gets no further call through.

use std::rc::Rc;

use mlua::{Error, FromLua, Lua, MultiValue, Result, Table, Value};
use scoped_tls_hkt::scoped_thread_local;

use super::calls::{Calls, LogLevel};
use super::fault::Fault;
use super::interpreter::Shared;
use super::number::{ARGUMENT_DIGITS, general, truncated};
use super::request::Request;
use super::to_lua::ToLua;
use crate::resp::{Frame, Reply};

scoped_thread_local!(static mut CALLS: for<'a> &'a mut (dyn Calls + 'a));

/// Runs `body`; what scripts call in it goes to `calls`.
pub(super) fn open<R>(calls: &mut dyn Calls, body: impl FnOnce() -> R) -> R {
    CALLS.set(calls, body)
}

const NO_WORDS: &str = "ERR Please specify at least one argument for this redis lib call";
const BAD_WORDS: &str = "ERR Lua redis lib command arguments must be strings or integers";

/// An argument that may not be there, which differs from nil.
#[derive(Default)]
struct Argument(Option<Value>);

impl FromLua for Argument {
    fn from_lua(value: Value, _: &Lua) -> Result<Self> {
        Ok(Argument(Some(value)))
    }

    /// mlua asks this way where there is no argument.
    fn from_lua_arg(value: Value, _: usize, _: Option<&str>, _: &Lua) -> Result<Self> {
        Ok(Argument((!value.is_nil()).then_some(value)))
    }
}

/// The arguments of a call: the first ones, as many as limiters' commands have, without a heap
/// allocation for all of them.
type Arguments = (Argument, Argument, Argument, Argument, Argument, MultiValue);

const FIRST: usize = 5;

fn gather(arguments: Arguments) -> ([Argument; FIRST], MultiValue) {
    let (a, b, c, d, e, rest) = arguments;
    ([a, b, c, d, e], rest)
}

fn each<'v>(first: &'v [Argument; FIRST], rest: &'v MultiValue) -> impl Iterator<Item = &'v Value> {
    first.iter().map_while(|argument| argument.0.as_ref()).chain(rest)
}

/// Appends `value` as a word of a command; false where it is none.
fn push(request: &mut Request, value: &Value) -> bool {
    /// From here on `%.17g` writes an exponent.
    const PLAIN_BELOW: u64 = 100_000_000_000_000_000;
    match value {
        Value::String(text) => request.push(|out| out.extend_from_slice(&text.as_bytes())),
        Value::Integer(number) if number.unsigned_abs() < PLAIN_BELOW => {
            request.push(|out| out.extend_from_slice(number.to_string().as_bytes()));
        }
        #[allow(clippy::cast_precision_loss, reason = "it came from a double")]
        Value::Integer(number) => push_float(request, *number as f64),
        Value::Number(number) => push_float(request, *number),
        _ => return false,
    }
    true
}

fn push_float(request: &mut Request, number: f64) {
    request.push(|out| out.extend_from_slice(general(number, ARGUMENT_DIGITS).as_bytes()));
}

/// Makes `values` the words of `request`.
fn fill<'v>(
    request: &mut Request,
    mut values: impl Iterator<Item = &'v Value>,
) -> std::result::Result<(), &'static str> {
    request.clear();
    if !values.all(|value| push(request, value)) {
        return Err(BAD_WORDS);
    }
    if request.spans().is_empty() { Err(NO_WORDS) } else { Ok(()) }
}

/// Adds `call`, `pcall`, `log` and `acl_check_cmd` to the table `redis`.
pub(super) fn add(lua: &Lua, shared: &Rc<Shared>, redis: &Table) -> Result<()> {
    let (raising, catching) = (Rc::clone(shared), Rc::clone(shared));
    let (logging, asking) = (Rc::clone(shared), Rc::clone(shared));
    redis
        .raw_set("call", lua.create_function(move |lua, args| call(lua, &raising, args, true))?)?;
    redis.raw_set(
        "pcall",
        lua.create_function(move |lua, args| call(lua, &catching, args, false))?,
    )?;
    redis.raw_set("log", lua.create_function(move |_, args| log(&logging, &args))?)?;
    redis.raw_set("acl_check_cmd", lua.create_function(move |_, args| may(&asking, &args))?)
}

/// `redis.call`, which raises errors, or `redis.pcall`, which returns them.
fn call(lua: &Lua, shared: &Shared, arguments: Arguments, raises: bool) -> Result<Value> {
    let now_ns = shared.watch.look()?;
    let (first, rest) = gather(arguments);
    let mut request = shared.request.borrow_mut();
    match fill(&mut request, each(&first, &rest)) {
        Ok(()) => {}
        Err(text) if raises => return Err(reply(text)),
        Err(text) => return to_lua(lua, shared).error(text),
    }
    let answer = CALLS.with(|calls| calls.call(&request, shared.protocol.get(), now_ns));
    let answer = match answer.map_err(|stop| shared.watch.stop(stop))? {
        Reply::Integer(number) => return Ok(Value::Integer(number)),
        Reply::Frame(Frame::SimpleError { data, .. }) => Reply::Error(data.to_string().into()),
        other => other,
    };
    if let (Reply::Error(text), true) = (&answer, raises) {
        return Err(reply(text));
    }
    // The reply is in memory already: the limit holds again before the script goes on.
    lua.set_memory_limit(0)?;
    let value = match answer {
        Reply::Error(text) => to_lua(lua, shared).call_error(&text),
        answer => to_lua(lua, shared).reply(answer),
    };
    lua.set_memory_limit(shared.memory_bytes.get())?;
    value
}

fn to_lua<'s>(lua: &'s Lua, shared: &'s Shared) -> ToLua<'s> {
    ToLua { lua, shapes: &shared.shapes, protocol: shared.protocol.get() }
}

fn reply(text: &str) -> Error {
    Fault::Reply(text.to_owned()).into()
}

fn may(shared: &Shared, values: &MultiValue) -> Result<Value> {
    shared.watch.check()?;
    let mut request = shared.request.borrow_mut();
    fill(&mut request, values.iter()).map_err(reply)?;
    match CALLS.with(|calls| calls.may(&request)) {
        Some(allowed) => Ok(Value::Boolean(allowed)),
        None => Err(reply("ERR Invalid command passed to redis.acl_check_cmd()")),
    }
}

fn log(shared: &Shared, values: &MultiValue) -> Result<Value> {
    shared.watch.check()?;
    let mut values = values.iter();
    let level = values.next();
    let mut texts = values.peekable();
    if texts.peek().is_none() {
        return Err(reply("ERR redis.log() requires two arguments or more."));
    }
    let level = match level {
        Some(Value::Integer(level)) => *level,
        Some(Value::Number(level)) => truncated(*level),
        _ => return Err(reply("ERR First argument must be a number (log level).")),
    };
    let level = match level {
        0 => LogLevel::Debug,
        1 => LogLevel::Verbose,
        2 => LogLevel::Notice,
        3 => LogLevel::Warning,
        _ => return Err(reply("ERR Invalid debug level.")),
    };
    let mut request = shared.request.borrow_mut();
    request.clear();
    for text in texts {
        push(&mut request, text);
    }
    let line = request.words().collect::<Vec<_>>().join(&b' ');
    CALLS.with(|calls| calls.log(level, &line));
    Ok(Value::Nil)
}
