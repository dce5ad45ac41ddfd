//! MessagePack as values of Lua.
//!
//! Not here: writing it. Invariants: arrays and maps within others wait on a stack of our own, and
//! the time goes with the bytes that are there, not with the lengths they declare.

use mlua::{Error, Lua, Table, Value};

use super::fault::Fault;
use super::watch::Watch;

/// Arrays and maps within others; lua-cmsgpack stops where Lua's stack does.
const DEPTH_MAX: usize = 1000;

/// Why there is no value.
pub(super) enum Broken {
    /// The text ends before the value does.
    Short,
    /// No such type, or too deep.
    Malformed,
    /// An error of Lua.
    Raised(Error),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Broken::Raised(error)
    }
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Broken::Raised(fault.into())
    }
}

type Read<T> = Result<T, Broken>;

/// An array or map that is being read.
struct Open {
    table: Table,
    left_count: u64,
    is_map: bool,
    next: i64,
    key: Option<Value>,
}

/// What a tag says.
enum Begun {
    Value(Value),
    Array(u64),
    Map(u64),
}

/// Reads values one after the other.
pub(super) struct Unpacker<'a> {
    lua: &'a Lua,
    watch: &'a Watch,
    rest: &'a [u8],
}

impl<'a> Unpacker<'a> {
    pub(super) fn new(lua: &'a Lua, watch: &'a Watch, text: &'a [u8]) -> Self {
        Unpacker { lua, watch, rest: text }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn left_bytes(&self) -> usize {
        self.rest.len()
    }

    /// The next value, whole.
    pub(super) fn value(&mut self) -> Read<Value> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            self.watch.charge(1)?;
            let (count, is_map) = match self.begin()? {
                Begun::Value(value) => match close(&mut open, value)? {
                    Some(value) => return Ok(value),
                    None => continue,
                },
                Begun::Array(count) => (count, false),
                Begun::Map(count) => (count, true),
            };
            if open.len() >= DEPTH_MAX {
                return Err(Broken::Malformed);
            }
            let table = self.lua.create_table()?;
            if count > 0 {
                open.push(Open { table, left_count: count, is_map, next: 1, key: None });
            } else if let Some(value) = close(&mut open, Value::Table(table))? {
                return Ok(value);
            }
        }
    }

    fn take<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Broken::Short)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// An unsigned number of `bytes` bytes, at most 8.
    fn number(&mut self, bytes: usize) -> Read<u64> {
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(Broken::Short)?;
        self.rest = rest;
        Ok(taken.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    fn string(&mut self, bytes: u64) -> Read<Begun> {
        let bytes = usize::try_from(bytes).map_err(|_| Broken::Short)?;
        let (taken, rest) = self.rest.split_at_checked(bytes).ok_or(Broken::Short)?;
        self.rest = rest;
        Ok(Begun::Value(Value::String(self.lua.create_string(taken)?)))
    }

    fn begin(&mut self) -> Read<Begun> {
        let [tag] = self.take::<1>()?;
        #[allow(clippy::cast_precision_loss, reason = "Lua's numbers are doubles")]
        let value = match tag {
            0x00..=0x7f => Value::Integer(tag.into()),
            0xe0..=0xff => Value::Integer(tag.cast_signed().into()),
            0x80..=0x8f => return Ok(Begun::Map((tag & 0x0f).into())),
            0x90..=0x9f => return Ok(Begun::Array((tag & 0x0f).into())),
            0xa0..=0xbf => return self.string((tag & 0x1f).into()),
            0xc0 => Value::Nil,
            0xc2 => Value::Boolean(false),
            0xc3 => Value::Boolean(true),
            0xca => Value::Number(f32::from_be_bytes(self.take()?).into()),
            0xcb => Value::Number(f64::from_be_bytes(self.take()?)),
            0xcc..=0xcf => Value::Number(self.number(1 << (tag - 0xcc))? as f64),
            0xd0 => Value::Integer(i8::from_be_bytes(self.take()?).into()),
            0xd1 => Value::Integer(i16::from_be_bytes(self.take()?).into()),
            0xd2 => Value::Integer(i32::from_be_bytes(self.take()?).into()),
            0xd3 => Value::Integer(i64::from_be_bytes(self.take()?)),
            0xd9..=0xdb => {
                let bytes = self.number(1 << (tag - 0xd9))?;
                return self.string(bytes);
            }
            0xdc | 0xdd => return Ok(Begun::Array(self.number(2 << (tag - 0xdc))?)),
            0xde | 0xdf => return Ok(Begun::Map(self.number(2 << (tag - 0xde))?)),
            _ => return Err(Broken::Malformed),
        };
        Ok(Begun::Value(value))
    }
}

/// Puts a value where it belongs, and what is full by that where it belongs: the outermost value,
/// once that is full.
fn close(open: &mut Vec<Open>, mut value: Value) -> Read<Option<Value>> {
    while let Some(mut last) = open.pop() {
        match last.key.take() {
            None if last.is_map => {
                last.key = Some(usable(value)?);
                open.push(last);
                return Ok(None);
            }
            None => last.table.raw_set(last.next, value)?,
            Some(key) => last.table.raw_set(key, value)?,
        }
        last.next += 1;
        last.left_count -= 1;
        if last.left_count > 0 {
            open.push(last);
            return Ok(None);
        }
        value = Value::Table(last.table);
    }
    Ok(Some(value))
}

/// A key, unless Lua has none such.
fn usable(key: Value) -> Read<Value> {
    let why = match &key {
        Value::Nil => "table index is nil",
        Value::Number(number) if number.is_nan() => "table index is NaN",
        _ => return Ok(key),
    };
    Err(Fault::Text(why.to_owned()).into())
}
