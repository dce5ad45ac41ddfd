//! The arguments of a function that scripts call, checked as Lua's auxiliary library checks them.
//!
//! Not here: what the functions do. Invariant: a refusal names the argument in Lua's own words.

use mlua::debug::Debug;
use mlua::{Lua, LuaString, MultiValue, Table, Value};

use super::fault::{Fault, position};
use super::number::truncated;

/// The arguments of one call.
pub(super) struct Arguments<'a> {
    lua: &'a Lua,
    name: &'static str,
    values: MultiValue,
}

impl<'a> Arguments<'a> {
    /// The arguments of a call of the function `name`.
    pub(super) fn new(lua: &'a Lua, name: &'static str, values: MultiValue) -> Self {
        Arguments { lua, name, values }
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Value> {
        self.values.iter()
    }

    /// Argument `index`, from 1; nil where there is none.
    pub(super) fn get(&self, index: usize) -> &Value {
        index.checked_sub(1).and_then(|at| self.values.get(at)).unwrap_or(&Value::Nil)
    }

    /// Whether argument `index` is absent or nil.
    pub(super) fn is_absent(&self, index: usize) -> bool {
        self.get(index).is_nil()
    }

    /// `bad argument #index to 'name' (why)`, placed in the script. Lua knows no name where C calls
    /// the function (`pcall(f)`).
    pub(super) fn bad(&self, index: usize, why: &str) -> Fault {
        let place = position(self.lua);
        let name = if place.is_empty() { "?" } else { self.name };
        let method = |frame: &Debug<'_>| frame.names().name_what == Some("method");
        // Of a method (`text:rep({})`) the object itself is not counted.
        let index = match (self.lua.inspect_stack(0, method), index) {
            (Some(true), 1) => {
                return Fault::Text(format!("{place}calling '{name}' on bad self ({why})"));
            }
            (Some(true), index) => index.saturating_sub(1),
            (_, index) => index,
        };
        Fault::Text(format!("{place}bad argument #{index} to '{name}' ({why})"))
    }

    /// A message placed in the script.
    pub(super) fn fail(&self, text: &str) -> Fault {
        Fault::here(self.lua, text)
    }

    fn unexpected(&self, index: usize, expected: &str) -> Fault {
        let found = if index > self.len() { "no value" } else { kind(self.get(index)) };
        self.bad(index, &format!("{expected} expected, got {found}"))
    }

    /// Argument `index` as a string; a number counts as its text.
    pub(super) fn string(&self, index: usize) -> Result<LuaString, Fault> {
        match self.get(index) {
            Value::String(text) => Ok(text.clone()),
            number @ (Value::Integer(_) | Value::Number(_)) => {
                match self.lua.coerce_string(number.clone()) {
                    Ok(Some(text)) => Ok(text),
                    _ => Err(self.unexpected(index, "string")),
                }
            }
            _ => Err(self.unexpected(index, "string")),
        }
    }

    /// Argument `index` as a table.
    pub(super) fn table(&self, index: usize) -> Result<&Table, Fault> {
        match self.get(index) {
            Value::Table(table) => Ok(table),
            _ => Err(self.unexpected(index, "table")),
        }
    }

    /// Argument `index` as a number; a string counts where it is one.
    #[allow(clippy::cast_precision_loss, reason = "it came from a double")]
    pub(super) fn number(&self, index: usize) -> Result<f64, Fault> {
        match self.get(index) {
            Value::Integer(number) => Ok(*number as f64),
            Value::Number(number) => Ok(*number),
            text @ Value::String(_) => match self.lua.coerce_number(text.clone()) {
                Ok(Some(number)) => Ok(number),
                _ => Err(self.unexpected(index, "number")),
            },
            _ => Err(self.unexpected(index, "number")),
        }
    }

    /// Argument `index` as an integer, truncated.
    pub(super) fn integer(&self, index: usize) -> Result<i64, Fault> {
        self.number(index).map(truncated)
    }

    /// Argument `index` as an integer, or `default` where it is absent.
    pub(super) fn integer_or(&self, index: usize, default: i64) -> Result<i64, Fault> {
        if self.is_absent(index) { Ok(default) } else { self.integer(index) }
    }
}

/// Lua's name for the type of a value.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) => "number",
        Value::LightUserData(_) | Value::Error(_) => "userdata",
        other => other.type_name(),
    }
}
