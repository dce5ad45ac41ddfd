//! What a script returned as a reply: Redis's conversion table.
//!
//! Not here: encoding. Invariants: metamethods are never called; depth, size and time of the
//! conversion are bounded, since a table may hold itself.

use bytes::Bytes;
use mlua::{MultiValue, Table, Value};
use redis_protocol::resp3::types::VerbatimStringFormat;

use super::number::truncated;
use super::to_lua::Shapes;
use super::watch::Watch;
use crate::resp::{
    Frame, Protocol, Reply, array, boolean, bulk, double, encode_array_head, encode_bulk,
    encode_integer, error, integer, map, null, set, simple,
};

/// Tables within tables. Redis bounds it by Lua's C stack; here it bounds the encoder's recursion.
pub(super) const DEPTH_MAX: usize = 128;
/// The bytes of one reply: a state cannot hold more, but may return one string many times.
pub(super) const REPLY_BYTES_MAX: usize = 16 << 20;
/// Room for a flat array at first, bytes: ten numbers, or a word and some.
const FLAT_BYTES: usize = 64;
/// What an element costs besides its bytes.
const ELEMENT_BYTES: usize = 64;

const TOO_DEEP: &str = "ERR reached lua stack limit";
const TOO_LARGE: &str = "ERR the reply of the script is too large";

/// One conversion.
pub(super) struct ToReply<'a> {
    shapes: &'a Shapes,
    watch: &'a Watch,
    resp3: bool,
    room_bytes: usize,
}

/// Why there is no reply.
enum Refusal {
    /// An error takes its place.
    Error(String),
    /// The time is used up.
    Stopped,
}

impl From<mlua::Error> for Refusal {
    fn from(error: mlua::Error) -> Self {
        Refusal::Error(format!("ERR {error}"))
    }
}

type Made<T> = Result<T, Refusal>;

impl<'a> ToReply<'a> {
    pub(super) fn new(shapes: &'a Shapes, watch: &'a Watch, protocol: Protocol) -> Self {
        let resp3 = protocol == Protocol::Resp3;
        ToReply { shapes, watch, resp3, room_bytes: REPLY_BYTES_MAX }
    }

    /// The reply for what a script returned; nothing if the time was used up over it.
    pub(super) fn reply(mut self, value: &Value) -> Option<Reply> {
        let made = match value {
            Value::Integer(number) => return Some(Reply::Integer(*number)),
            Value::Table(table) => self.table(table, 0),
            other => self.frame(other, 0),
        };
        Self::told(made)
    }

    /// The array of the elements of a table, up to the first nil; nothing if the time was used up
    /// over it.
    pub(super) fn list(mut self, values: &MultiValue) -> Option<Reply> {
        let room_bytes = self.room_bytes;
        match self.flat(values) {
            Ok(Some(bytes)) => return Some(Reply::Encoded(bytes)),
            Ok(None) => self.room_bytes = room_bytes,
            Err(refusal) => return Self::told(Err(refusal)),
        }
        let elements = values.iter().take_while(|value| !value.is_nil());
        let frames = elements.map(|value| self.frame(value, 1)).collect::<Made<Vec<_>>>();
        Self::told(frames.map(array))
    }

    fn told(made: Made<Frame>) -> Option<Reply> {
        match made {
            Ok(Frame::SimpleError { data, .. }) => Some(Reply::Error(data.to_string().into())),
            Ok(frame) => Some(Reply::Frame(frame)),
            Err(Refusal::Error(text)) => Some(Reply::Error(text.into())),
            Err(Refusal::Stopped) => None,
        }
    }

    fn charge(&mut self, bytes: usize) -> Made<()> {
        self.watch.charge(1).map_err(|_| Refusal::Stopped)?;
        let cost_bytes = bytes.saturating_add(ELEMENT_BYTES);
        match self.room_bytes.checked_sub(cost_bytes) {
            Some(room_bytes) => self.room_bytes = room_bytes,
            None => return Err(Refusal::Error(TOO_LARGE.to_owned())),
        }
        Ok(())
    }

    fn frame(&mut self, value: &Value, depth: usize) -> Made<Frame> {
        match value {
            Value::String(data) => self.bytes(&data.as_bytes()).map(bulk),
            other => {
                self.charge(0)?;
                match other {
                    Value::Integer(number) => Ok(integer(*number)),
                    Value::Number(number) => Ok(integer(truncated(*number))),
                    Value::Boolean(truth) if self.resp3 => Ok(boolean(*truth)),
                    Value::Boolean(true) => Ok(integer(1)),
                    Value::Table(table) => self.table(table, depth),
                    _ => Ok(null()),
                }
            }
        }
    }

    fn bytes(&mut self, data: &[u8]) -> Made<Bytes> {
        self.charge(data.len())?;
        Ok(Bytes::copy_from_slice(data))
    }

    /// Numbers and strings, encoded; nothing where there is anything else.
    fn flat(&mut self, values: &MultiValue) -> Made<Option<Vec<u8>>> {
        let mut out = Vec::with_capacity(FLAT_BYTES);
        encode_array_head(&mut out, values.len());
        for value in values {
            match value {
                Value::Integer(number) => {
                    self.charge(0)?;
                    encode_integer(&mut out, *number);
                }
                Value::Number(number) => {
                    self.charge(0)?;
                    encode_integer(&mut out, truncated(*number));
                }
                Value::String(data) => {
                    let data = data.as_bytes();
                    self.charge(data.len())?;
                    encode_bulk(&mut out, &data);
                }
                _ => return Ok(None),
            }
        }
        Ok(Some(out))
    }

    /// The tables with one telling key, in Redis's order, else an array.
    fn table(&mut self, table: &Table, depth: usize) -> Made<Frame> {
        if depth >= DEPTH_MAX {
            return Err(Refusal::Error(TOO_DEEP.to_owned()));
        }
        let shapes = self.shapes;
        if let Value::String(data) = table.raw_get(&shapes.err)? {
            return Ok(error(&self.lossy(&data)?));
        }
        if let Value::String(data) = table.raw_get(&shapes.ok)? {
            return Ok(simple(&self.lossy(&data)?));
        }
        match table.raw_get(&shapes.double)? {
            Value::Number(number) => return Ok(double(number)),
            #[allow(clippy::cast_precision_loss, reason = "it came from a double")]
            Value::Integer(number) => return Ok(double(number as f64)),
            _ => {}
        }
        if let Value::Table(pairs) = table.raw_get(&shapes.map)? {
            return self.map(&pairs, depth);
        }
        if let Value::Table(elements) = table.raw_get(&shapes.set)? {
            return self.set(&elements, depth);
        }
        if let Value::String(digits) = table.raw_get(&shapes.big_number)? {
            self.charge(digits.as_bytes().len())?;
            let breaks = |byte: &u8| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte };
            let data = digits.as_bytes().iter().map(breaks).collect();
            return Ok(Frame::BigNumber { data, attributes: None });
        }
        if let Value::Table(parts) = table.raw_get(&shapes.verbatim_string)?
            && let Some(frame) = self.verbatim(&parts)?
        {
            return Ok(frame);
        }
        self.array(table, depth)
    }

    fn lossy(&mut self, data: &mlua::LuaString) -> Made<String> {
        self.charge(data.as_bytes().len())?;
        Ok(data.to_string_lossy())
    }

    /// Up to the first nil.
    fn array(&mut self, table: &Table, depth: usize) -> Made<Frame> {
        let mut frames = Vec::new();
        for at in 1_usize.. {
            match table.raw_get(at)? {
                Value::Nil => break,
                value => frames.push(self.frame(&value, depth + 1)?),
            }
        }
        Ok(array(frames))
    }

    fn map(&mut self, pairs: &Table, depth: usize) -> Made<Frame> {
        let mut frames = Vec::new();
        for pair in pairs.pairs::<Value, Value>() {
            let (key, value) = pair?;
            frames.push((self.frame(&key, depth + 1)?, self.frame(&value, depth + 1)?));
        }
        Ok(map(frames))
    }

    /// The keys of the table are the elements.
    fn set(&mut self, elements: &Table, depth: usize) -> Made<Frame> {
        let mut frames = Vec::new();
        for pair in elements.pairs::<Value, Value>() {
            frames.push(self.frame(&pair?.0, depth + 1)?);
        }
        Ok(set(frames))
    }

    /// redis-protocol knows two formats; any other is told as plain text.
    fn verbatim(&mut self, parts: &Table) -> Made<Option<Frame>> {
        let format: Value = parts.raw_get(&self.shapes.format)?;
        let (Value::String(format), Value::String(data)) =
            (format, parts.raw_get(&self.shapes.string)?)
        else {
            return Ok(None);
        };
        let format = match &*format.as_bytes() {
            b"mkd" => VerbatimStringFormat::Markdown,
            _ => VerbatimStringFormat::Text,
        };
        let data = self.bytes(&data.as_bytes())?;
        Ok(Some(Frame::VerbatimString { data, format, attributes: None }))
    }
}

/// The error reply for what a script raised: Redis 7's text, with the script and the line.
pub(super) fn raised(text: &str, sha: &str, place: Option<(&str, usize)>) -> Reply {
    let mut reply = text.to_owned();
    if let Some((source, line)) = place {
        reply.push_str(&format!(" script: {sha}, on {source}:{line}."));
    }
    Reply::Error(reply.into())
}
