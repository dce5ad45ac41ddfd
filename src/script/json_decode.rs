//! JSON text as values of Lua.
//!
//! Not here: words ([`super::json_token`]). Invariants: the values and the errors are those of
//! lua-cjson 2.1; arrays and objects within others wait on a stack of our own.

use mlua::{Lua, Result, Table, Value};

use super::arguments::Arguments;
use super::interpreter::Shared;
use super::json_token::{Token, Tokens};

/// An array or object that is being read.
enum Open {
    Array { table: Table, next: i64 },
    Object { table: Table, key: Vec<u8> },
}

/// Reads one text.
pub(super) struct Decoder<'a> {
    lua: &'a Lua,
    shared: &'a Shared,
    args: &'a Arguments<'a>,
    text: &'a [u8],
    tokens: Tokens<'a>,
    open: Vec<Open>,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(
        lua: &'a Lua,
        shared: &'a Shared,
        args: &'a Arguments<'a>,
        text: &'a [u8],
    ) -> Self {
        let tokens = Tokens::new(text, shared.json.decode_invalid.get());
        Decoder { lua, shared, args, text, tokens, open: Vec::new() }
    }

    pub(super) fn decode(mut self) -> Result<Value> {
        if matches!(self.text, [0, _, ..] | [_, 0, ..]) {
            return Err(self.args.fail("JSON parser does not support UTF-16 or UTF-32").into());
        }
        let mut first = self.tokens.next();
        loop {
            self.shared.watch.charge(1)?;
            // A value, or the beginning of one; then as many ends as follow it.
            let Some(mut value) = self.begin(first)? else {
                first = self.tokens.next();
                continue;
            };
            loop {
                let Some(open) = self.open.pop() else {
                    self.expect(|token| *token == Token::End, "the end")?;
                    return Ok(value);
                };
                match self.add(open, value)? {
                    Some(closed) => value = closed,
                    None => break,
                }
            }
            first = self.tokens.next();
        }
    }

    /// The value of a word; nothing where it begins an array or object that has elements.
    fn begin(&mut self, (token, at): (Token, usize)) -> Result<Option<Value>> {
        Ok(Some(match token {
            Token::Text(text) => {
                self.shared.watch.charge(text.len() / 8)?;
                Value::String(self.lua.create_string(text)?)
            }
            Token::Number(number) => Value::Number(number),
            Token::Boolean(truth) => Value::Boolean(truth),
            Token::Null => Value::NULL,
            Token::ObjectBegin => {
                let table = self.deeper()?;
                match self.tokens.next() {
                    (Token::ObjectEnd, _) => Value::Table(table),
                    token => {
                        let key = self.key(token)?;
                        self.open.push(Open::Object { table, key });
                        return Ok(None);
                    }
                }
            }
            Token::ArrayBegin => {
                let table = self.deeper()?;
                // What ends an empty array begins no value, so it may be read on trial.
                let before = self.tokens.clone();
                if self.tokens.next().0 == Token::ArrayEnd {
                    return Ok(Some(Value::Table(table)));
                }
                self.tokens = before;
                self.open.push(Open::Array { table, next: 1 });
                return Ok(None);
            }
            other => return Err(self.unexpected("value", &other, at)),
        }))
    }

    fn deeper(&self) -> Result<Table> {
        let depth = self.open.len().saturating_add(1);
        if i64::try_from(depth).unwrap_or(i64::MAX) > self.shared.json.decode_depth.get() {
            let at = self.tokens.read_bytes();
            let text = format!("Found too many nested data structures ({depth}) at character {at}");
            return Err(self.args.fail(&text).into());
        }
        self.lua.create_table()
    }

    fn key(&mut self, (token, at): (Token, usize)) -> Result<Vec<u8>> {
        let Token::Text(key) = token else {
            return Err(self.unexpected("object key string", &token, at));
        };
        self.expect(|token| *token == Token::Colon, "colon")?;
        Ok(key)
    }

    /// Puts a value where it belongs: what it belongs to, if that ends here.
    fn add(&mut self, open: Open, value: Value) -> Result<Option<Value>> {
        match open {
            Open::Array { table, next } => {
                table.raw_set(next, value)?;
                match self.tokens.next() {
                    (Token::ArrayEnd, _) => return Ok(Some(Value::Table(table))),
                    (Token::Comma, _) => self.open.push(Open::Array { table, next: next + 1 }),
                    (other, at) => return Err(self.unexpected("comma or array end", &other, at)),
                }
            }
            Open::Object { table, key } => {
                table.raw_set(self.lua.create_string(key)?, value)?;
                match self.tokens.next() {
                    (Token::ObjectEnd, _) => return Ok(Some(Value::Table(table))),
                    (Token::Comma, _) => {
                        let token = self.tokens.next();
                        let key = self.key(token)?;
                        self.open.push(Open::Object { table, key });
                    }
                    (other, at) => return Err(self.unexpected("comma or object end", &other, at)),
                }
            }
        }
        Ok(None)
    }

    fn expect(&mut self, wanted: impl Fn(&Token) -> bool, name: &str) -> Result<()> {
        let (token, at) = self.tokens.next();
        if wanted(&token) { Ok(()) } else { Err(self.unexpected(name, &token, at)) }
    }

    fn unexpected(&self, expected: &str, token: &Token, at: usize) -> mlua::Error {
        let (found, at) = (token.name(), at.saturating_add(1));
        self.args.fail(&format!("Expected {expected} but found {found} at character {at}")).into()
    }
}
