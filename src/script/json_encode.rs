//! Values of Lua as JSON text.
//!
//! Not here: settings. Invariants: the text is that of lua-cjson 2.1; tables within tables wait on
//! a stack of our own.

use mlua::{Function, Result, Table, Value};

use super::arguments::{Arguments, kind};
use super::fault::Fault;
use super::interpreter::{MEMORY_BYTES_MAX, Shared};
use super::json_settings::InvalidNumbers;
use super::number::general;

/// A table that is being written.
enum Open {
    Array { table: Table, next: i64, length: i64 },
    Object { table: Table, key: Value, empty: bool },
}

/// Writes one value.
pub(super) struct Encoder<'a> {
    shared: &'a Shared,
    args: &'a Arguments<'a>,
    next: &'a Function,
    out: Vec<u8>,
    open: Vec<Open>,
}

impl<'a> Encoder<'a> {
    pub(super) fn new(shared: &'a Shared, args: &'a Arguments<'a>, next: &'a Function) -> Self {
        Encoder { shared, args, next, out: Vec::new(), open: Vec::new() }
    }

    pub(super) fn encode(mut self, value: &Value) -> Result<Vec<u8>> {
        self.value(value)?;
        while let Some(open) = self.open.pop() {
            self.shared.watch.charge(1)?;
            if self.out.len() > MEMORY_BYTES_MAX {
                return Err(Fault::Text("not enough memory".to_owned()).into());
            }
            self.go_on(open)?;
        }
        Ok(self.out)
    }

    /// Writes the next element, or the end.
    fn go_on(&mut self, open: Open) -> Result<()> {
        match open {
            Open::Array { next, length, .. } if next > length => self.out.push(b']'),
            Open::Array { table, next, length } => {
                if next > 1 {
                    self.out.push(b',');
                }
                let value: Value = table.raw_get(next)?;
                self.open.push(Open::Array { table, next: next + 1, length });
                self.value(&value)?;
            }
            Open::Object { table, key, empty } => {
                let (key, value): (Value, Value) = self.next.call((&table, key))?;
                if key.is_nil() {
                    self.out.push(b'}');
                    return Ok(());
                }
                if !empty {
                    self.out.push(b',');
                }
                self.key(&key)?;
                self.open.push(Open::Object { table, key, empty: false });
                self.value(&value)?;
            }
        }
        Ok(())
    }

    fn key(&mut self, key: &Value) -> Result<()> {
        match key {
            Value::Integer(_) | Value::Number(_) => {
                self.out.push(b'"');
                self.value(key)?;
                self.out.push(b'"');
            }
            Value::String(text) => self.string(&text.as_bytes())?,
            other => {
                return Err(self.refuse(other, "table key must be a number or string"));
            }
        }
        self.out.push(b':');
        Ok(())
    }

    fn value(&mut self, value: &Value) -> Result<()> {
        match value {
            Value::String(text) => self.string(&text.as_bytes()),
            #[allow(clippy::cast_precision_loss, reason = "it came from a double")]
            Value::Integer(number) => self.number(value, *number as f64),
            Value::Number(number) => self.number(value, *number),
            Value::Boolean(truth) => {
                self.out.extend_from_slice(if *truth { b"true" } else { b"false" });
                Ok(())
            }
            Value::Table(table) => self.table(table),
            Value::Nil => self.null(),
            null if *null == Value::NULL => self.null(),
            other => Err(self.refuse(other, "type not supported")),
        }
    }

    fn null(&mut self) -> Result<()> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn number(&mut self, value: &Value, number: f64) -> Result<()> {
        if !number.is_finite() {
            match self.shared.json.encode_invalid.get() {
                InvalidNumbers::Refuse => {
                    return Err(self.refuse(value, "must not be NaN or Inf"));
                }
                InvalidNumbers::Null => return self.null(),
                InvalidNumbers::Write if number.is_nan() => {
                    self.out.extend_from_slice(b"nan");
                    return Ok(());
                }
                InvalidNumbers::Write => {}
            }
        }
        let digits = usize::try_from(self.shared.json.digits.get()).unwrap_or(1);
        self.out.extend_from_slice(general(number, digits).as_bytes());
        Ok(())
    }

    fn string(&mut self, text: &[u8]) -> Result<()> {
        self.shared.watch.charge(text.len() / 8)?;
        self.out.push(b'"');
        for byte in text {
            match byte {
                b'"' | b'\\' | b'/' => self.out.extend_from_slice(&[b'\\', *byte]),
                0x08 => self.out.extend_from_slice(b"\\b"),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                0x0c => self.out.extend_from_slice(b"\\f"),
                b'\r' => self.out.extend_from_slice(b"\\r"),
                0..0x20 | 0x7f => {
                    self.out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
                }
                _ => self.out.push(*byte),
            }
        }
        self.out.push(b'"');
        Ok(())
    }

    fn table(&mut self, table: &Table) -> Result<()> {
        let depth = self.open.len().saturating_add(1);
        if i64::try_from(depth).unwrap_or(i64::MAX) > self.shared.json.encode_depth.get() {
            let text = format!("Cannot serialise, excessive nesting ({depth})");
            return Err(self.args.fail(&text).into());
        }
        let table = table.clone();
        match self.array_length(&table)? {
            Some(length) if length > 0 => {
                self.out.push(b'[');
                self.open.push(Open::Array { table, next: 1, length });
            }
            _ => {
                self.out.push(b'{');
                self.open.push(Open::Object { table, key: Value::Nil, empty: true });
            }
        }
        Ok(())
    }

    /// The highest index of a table that has only positive integers as keys, 0 for an empty one;
    /// nothing for any other, or one with too many gaps where those become objects.
    fn array_length(&self, table: &Table) -> Result<Option<i64>> {
        let (mut highest, mut count) = (0_i64, 0_i64);
        for pair in table.pairs::<Value, Value>() {
            match pair?.0 {
                Value::Integer(index) if index >= 1 => highest = highest.max(index),
                _ => return Ok(None),
            }
            count += 1;
            self.shared.watch.charge(1)?;
        }
        let json = &self.shared.json;
        let ratio = json.sparse_ratio.get();
        if ratio > 0 && highest > count.saturating_mul(ratio) && highest > json.sparse_safe.get() {
            if json.convert_sparse.get() {
                return Ok(None);
            }
            return Err(self.refuse(&Value::Table(table.clone()), "excessively sparse array"));
        }
        Ok(Some(highest))
    }

    fn refuse(&self, value: &Value, why: &str) -> mlua::Error {
        self.args.fail(&format!("Cannot serialise {}: {why}", kind(value))).into()
    }
}
