//! A command's reply as a script sees it: Redis's conversion table, in RESP2 or RESP3.
//!
//! Not here: errors at the top, which raise. Invariant: what the script sees depends on the protocol
//! that it chose, never on the client's.

use mlua::{Lua, LuaString, Result, Table, Value};
use redis_protocol::resp3::types::VerbatimStringFormat;

use crate::resp::{Frame, Protocol, Reply, double_text};

/// The keys of the tables that stand for replies, made once for each Lua state.
pub(super) struct Shapes {
    pub(super) err: LuaString,
    pub(super) ok: LuaString,
    pub(super) double: LuaString,
    pub(super) map: LuaString,
    pub(super) set: LuaString,
    pub(super) big_number: LuaString,
    pub(super) verbatim_string: LuaString,
    pub(super) string: LuaString,
    pub(super) format: LuaString,
}

impl Shapes {
    pub(super) fn new(lua: &Lua) -> Result<Self> {
        Ok(Shapes {
            err: lua.create_string("err")?,
            ok: lua.create_string("ok")?,
            double: lua.create_string("double")?,
            map: lua.create_string("map")?,
            set: lua.create_string("set")?,
            big_number: lua.create_string("big_number")?,
            verbatim_string: lua.create_string("verbatim_string")?,
            string: lua.create_string("string")?,
            format: lua.create_string("format")?,
        })
    }
}

/// What a script holds while replies are made for it.
pub(super) struct ToLua<'a> {
    pub(super) lua: &'a Lua,
    pub(super) shapes: &'a Shapes,
    pub(super) protocol: Protocol,
}

impl ToLua<'_> {
    /// `reply` as a value of Lua; an error becomes a table with `err`.
    pub(super) fn reply(&self, reply: Reply) -> Result<Value> {
        match reply {
            Reply::Integer(number) => self.integer(number),
            Reply::Simple(text) => self.tagged(&self.shapes.ok, self.string(text.as_bytes())?),
            Reply::Error(text) => self.error(&text),
            Reply::Five(numbers) => Ok(Value::Table(self.lua.create_sequence_from(numbers)?)),
            Reply::Bulk(data) => self.string(&data),
            Reply::BulkInteger(number) => self.string(number.to_string().as_bytes()),
            Reply::Frame(frame) => self.frame(&frame),
            // What is encoded already answers a transaction or SUBSCRIBE, which no script may call.
            Reply::Null
            | Reply::NullArray
            | Reply::Encoded(_)
            | Reply::Pushes(_)
            | Reply::Nothing => Ok(self.null()),
        }
    }

    /// The table of an error reply.
    pub(super) fn error(&self, text: &str) -> Result<Value> {
        self.tagged(&self.shapes.err, self.string(text.as_bytes())?)
    }

    /// The table of an error that a call gave or raised. Redis marks it as counted already.
    pub(super) fn call_error(&self, text: &str) -> Result<Value> {
        let table = self.error(text)?;
        if let Value::Table(table) = &table {
            table.raw_set("ignore_error_stats_update", true)?;
        }
        Ok(table)
    }

    fn frame(&self, frame: &Frame) -> Result<Value> {
        let resp3 = self.protocol == Protocol::Resp3;
        match frame {
            Frame::BlobString { data, .. } | Frame::ChunkedString(data) => self.string(data),
            Frame::Number { data, .. } => self.integer(*data),
            Frame::SimpleString { data, .. } => self.tagged(&self.shapes.ok, self.string(data)?),
            Frame::SimpleError { data, .. } => self.error(data),
            Frame::BlobError { data, .. } => self.error(&String::from_utf8_lossy(data)),
            Frame::Null | Frame::Hello { .. } => Ok(self.null()),
            Frame::Array { data, .. } | Frame::Push { data, .. } => self.array(data),
            Frame::Boolean { data, .. } if resp3 => Ok(Value::Boolean(*data)),
            // RESP2 has an integer in its place, and that is what a script sees of it.
            Frame::Boolean { data, .. } => self.integer(i64::from(*data)),
            Frame::Double { data, .. } if resp3 => {
                self.tagged(&self.shapes.double, Value::Number(*data))
            }
            Frame::Double { data, .. } => self.string(double_text(*data).as_bytes()),
            Frame::BigNumber { data, .. } if resp3 => {
                self.tagged(&self.shapes.big_number, self.string(data)?)
            }
            Frame::BigNumber { data, .. } => self.string(data),
            Frame::VerbatimString { data, format, .. } if resp3 => self.verbatim(data, format),
            Frame::VerbatimString { data, .. } => self.string(data),
            Frame::Map { data, .. } if resp3 => {
                let table = self.lua.create_table_with_capacity(0, data.len())?;
                for (key, value) in data {
                    self.put(&table, self.frame(key)?, self.frame(value)?)?;
                }
                self.tagged(&self.shapes.map, Value::Table(table))
            }
            Frame::Map { data, .. } => self.array(data.iter().flat_map(|(k, v)| [k, v])),
            Frame::Set { data, .. } if resp3 => {
                let table = self.lua.create_table_with_capacity(0, data.len())?;
                for element in data {
                    self.put(&table, self.frame(element)?, Value::Boolean(true))?;
                }
                self.tagged(&self.shapes.set, Value::Table(table))
            }
            Frame::Set { data, .. } => self.array(data),
        }
    }

    /// A nil in RESP3 leaves a gap, as in Redis.
    fn array<'f>(&self, frames: impl IntoIterator<Item = &'f Frame>) -> Result<Value> {
        let table = self.lua.create_table()?;
        for (at, frame) in frames.into_iter().enumerate() {
            let value = self.frame(frame)?;
            if !value.is_nil() {
                table.raw_set(at.saturating_add(1), value)?;
            }
        }
        Ok(Value::Table(table))
    }

    /// A key that Lua cannot hold is left out.
    fn put(&self, table: &Table, key: Value, value: Value) -> Result<()> {
        let usable = match &key {
            Value::Nil => false,
            Value::Number(number) => !number.is_nan(),
            _ => true,
        };
        if usable { table.raw_set(key, value) } else { Ok(()) }
    }

    fn verbatim(&self, data: &[u8], format: &VerbatimStringFormat) -> Result<Value> {
        let format = match format {
            VerbatimStringFormat::Markdown => "mkd",
            VerbatimStringFormat::Text => "txt",
        };
        let table = self.lua.create_table_with_capacity(0, 2)?;
        table.raw_set(&self.shapes.string, self.string(data)?)?;
        table.raw_set(&self.shapes.format, self.string(format.as_bytes())?)?;
        self.tagged(&self.shapes.verbatim_string, Value::Table(table))
    }

    fn tagged(&self, tag: &LuaString, value: Value) -> Result<Value> {
        let table = self.lua.create_table_with_capacity(0, 1)?;
        table.raw_set(tag, value)?;
        Ok(Value::Table(table))
    }

    fn string(&self, data: &[u8]) -> Result<Value> {
        Ok(Value::String(self.lua.create_string(data)?))
    }

    /// Lua's numbers are doubles: beyond 2^53 the nearest one, as in Redis.
    fn integer(&self, number: i64) -> Result<Value> {
        Ok(Value::Integer(number))
    }

    fn null(&self) -> Value {
        match self.protocol {
            Protocol::Resp2 => Value::Boolean(false),
            Protocol::Resp3 => Value::Nil,
        }
    }
}
