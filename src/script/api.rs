//! `redis.*`: the calls out of a script, and the functions that need no server.
//!
//! Not here: commands. Invariant: a script that was stopped gets no further call through.

use std::rc::Rc;

use mlua::{Error, LightUserData, Lua, MultiValue, Result, Table, Value};

use super::arguments::Arguments;
use super::calls::{Calls, LogLevel};
use super::digest::sha1_hex;
use super::fault::Fault;
use super::interpreter::Shared;
use super::number::{ARGUMENT_DIGITS, general, truncated};
use super::sandbox::{function, library};
use super::to_lua::ToLua;
use crate::resp::{Frame, Protocol, Reply};

/// Which of the functions that go through `redis.call` is meant: values that no script can make.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Call,
    Pcall,
    Log,
    Acl,
}

impl Entry {
    const TOKENS: [(Entry, usize); 3] = [(Entry::Pcall, 1), (Entry::Log, 2), (Entry::Acl, 3)];

    /// What the sandbox puts before the arguments.
    pub(super) fn token(self) -> Value {
        let address = Self::TOKENS.iter().find(|(entry, _)| *entry == self).map_or(0, |row| row.1);
        Value::LightUserData(LightUserData(std::ptr::without_provenance_mut(address)))
    }

    fn of(value: Option<&Value>) -> Entry {
        let Some(Value::LightUserData(LightUserData(pointer))) = value else {
            return Entry::Call;
        };
        let row = Self::TOKENS.iter().find(|(_, address)| *address == pointer.addr());
        row.map_or(Entry::Call, |(entry, _)| *entry)
    }
}

const NO_WORDS: &str = "ERR Please specify at least one argument for this redis lib call";
const BAD_WORDS: &str = "ERR Lua redis lib command arguments must be strings or integers";
const REPLICATION_FLAGS_MAX: i64 = 3;

/// The way from one run's script to its [`Calls`].
pub(super) struct Door<'a> {
    pub(super) calls: &'a mut dyn Calls,
    pub(super) shared: &'a Rc<Shared>,
}

/// A word of a command, as it is sent.
enum Word {
    Text(mlua::LuaString),
    Number(String),
}

impl Door<'_> {
    /// `redis.call` and those that share its way.
    pub(super) fn enter(&mut self, lua: &Lua, values: &MultiValue) -> Result<Value> {
        self.shared.watch.check()?;
        let entry = Entry::of(values.front());
        let skip = usize::from(entry != Entry::Call);
        if entry == Entry::Log {
            return self.log(values.iter().skip(skip));
        }
        let words = match words(values.iter().skip(skip)) {
            Ok(words) => words,
            Err(text) if entry == Entry::Pcall => return self.to_lua(lua).error(text),
            Err(text) => return Err(Fault::Reply(text.to_owned()).into()),
        };
        let borrowed: Vec<_> = words
            .iter()
            .map(|word| match word {
                Word::Text(text) => Borrowed::Lua(text.as_bytes()),
                Word::Number(text) => Borrowed::Own(text.as_bytes()),
            })
            .collect();
        let slices: Vec<&[u8]> = borrowed.iter().map(Borrowed::bytes).collect();
        if entry == Entry::Acl {
            return match self.calls.may(&slices) {
                Some(allowed) => Ok(Value::Boolean(allowed)),
                None => Err(reply("ERR Invalid command passed to redis.acl_check_cmd()")),
            };
        }
        let reply = self.calls.call(&slices, self.shared.protocol.get());
        self.answer(lua, entry, reply.map_err(|stop| self.shared.watch.stop(stop))?)
    }

    fn answer(&self, lua: &Lua, entry: Entry, reply: Reply) -> Result<Value> {
        let reply = match reply {
            Reply::Integer(number) => return Ok(Value::Integer(number)),
            Reply::Frame(Frame::SimpleError { data, .. }) => Reply::Error(data.to_string().into()),
            other => other,
        };
        match reply {
            Reply::Error(text) if entry == Entry::Call => {
                Err(Fault::Reply(text.into_owned()).into())
            }
            // The reply is in memory already: the limit holds again before the script goes on.
            reply => {
                lua.set_memory_limit(0)?;
                let value = match reply {
                    Reply::Error(text) => self.to_lua(lua).call_error(&text),
                    reply => self.to_lua(lua).reply(reply),
                };
                lua.set_memory_limit(self.shared.memory_bytes.get())?;
                value
            }
        }
    }

    fn to_lua<'s>(&'s self, lua: &'s Lua) -> ToLua<'s> {
        ToLua { lua, shapes: &self.shared.shapes, protocol: self.shared.protocol.get() }
    }

    fn log<'v>(&mut self, mut values: impl Iterator<Item = &'v Value>) -> Result<Value> {
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
        let mut line = Vec::new();
        for text in texts.filter_map(word) {
            if !line.is_empty() {
                line.push(b' ');
            }
            match &text {
                Word::Text(text) => line.extend_from_slice(&text.as_bytes()),
                Word::Number(text) => line.extend_from_slice(text.as_bytes()),
            }
        }
        self.calls.log(level, &line);
        Ok(Value::Nil)
    }
}

/// A word while the command runs.
enum Borrowed<'w> {
    Lua(mlua::BorrowedBytes),
    Own(&'w [u8]),
}

impl Borrowed<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Borrowed::Lua(bytes) => bytes,
            Borrowed::Own(bytes) => bytes,
        }
    }
}

fn words<'v>(
    values: impl Iterator<Item = &'v Value>,
) -> std::result::Result<Vec<Word>, &'static str> {
    let mut words = Vec::with_capacity(values.size_hint().0);
    for value in values {
        words.push(word(value).ok_or(BAD_WORDS)?);
    }
    if words.is_empty() { Err(NO_WORDS) } else { Ok(words) }
}

fn word(value: &Value) -> Option<Word> {
    /// From here on `%.17g` writes an exponent.
    const PLAIN_BELOW: u64 = 100_000_000_000_000_000;
    match value {
        Value::String(text) => Some(Word::Text(text.clone())),
        Value::Integer(number) if number.unsigned_abs() < PLAIN_BELOW => {
            Some(Word::Number(number.to_string()))
        }
        #[allow(clippy::cast_precision_loss, reason = "it came from a double")]
        Value::Integer(number) => Some(Word::Number(general(*number as f64, ARGUMENT_DIGITS))),
        Value::Number(number) => Some(Word::Number(general(*number, ARGUMENT_DIGITS))),
        _ => None,
    }
}

fn reply(text: &str) -> Error {
    Fault::Reply(text.to_owned()).into()
}

/// The table `redis`, but for what goes through `redis.call`.
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
