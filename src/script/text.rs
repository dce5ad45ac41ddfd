//! The functions on text that Lua's own would run without a bound: `rep`, `table.concat` and those
//! that take patterns.
//!
//! Not here: matching ([`super::pattern`]), and calling Lua for a replacement, which `prelude.lua`
//! does. Invariant: no call takes longer than the budget or gives more than a state may hold.

use std::rc::Rc;

use mlua::{Error, IntoLuaMulti, Lua, MultiValue, Result, Table, Value};

use super::arguments::{Arguments, kind};
use super::fault::Fault;
use super::interpreter::{MEMORY_BYTES_MAX, Shared};
use super::pattern::{Capture, Matcher, Problem};
use super::pattern_items::Pattern;
use super::sandbox::function;

/// What makes a pattern more than plain text.
const SPECIAL: &[u8] = b"^$*+?.([%-";

/// Adds the functions.
pub(super) fn add(lua: &Lua, shared: &Rc<Shared>, server: &Table) -> Result<()> {
    type Body = fn(&Lua, &Shared, &Arguments<'_>) -> Result<MultiValue>;
    let bodies: [(&'static str, Body); 7] = [
        ("rep", rep),
        ("concat", concat),
        ("find", |lua, shared, args| find(lua, shared, args, true)),
        ("match", |lua, shared, args| find(lua, shared, args, false)),
        ("match_from", match_from),
        ("check_pattern", check_pattern),
        ("gsub", gsub),
    ];
    for (name, body) in bodies {
        let shared = Rc::clone(shared);
        server.raw_set(name, function(lua, name, move |lua, args| body(lua, &shared, args))?)?;
    }
    Ok(())
}

fn out_of_memory() -> Error {
    Fault::Text("not enough memory".to_owned()).into()
}

fn rep(lua: &Lua, shared: &Shared, args: &Arguments<'_>) -> Result<MultiValue> {
    let (text, count) = (args.string(1)?, args.integer(2)?);
    let (text, count) = (text.as_bytes(), usize::try_from(count).unwrap_or(0));
    let bytes = text.len().saturating_mul(count);
    if bytes > MEMORY_BYTES_MAX {
        return Err(out_of_memory());
    }
    shared.watch.charge(bytes / 64)?;
    let count = if text.is_empty() { 0 } else { count };
    lua.create_string(text.repeat(count))?.into_lua_multi(lua)
}

/// `table.concat`: the strings and numbers of a sequence with a text between.
fn concat(lua: &Lua, shared: &Shared, args: &Arguments<'_>) -> Result<MultiValue> {
    let table = args.table(1)?;
    let between = if args.is_absent(2) { None } else { Some(args.string(2)?) };
    let length = i64::try_from(table.raw_len()).unwrap_or(i64::MAX);
    let (from, to) = (args.integer_or(3, 1)?, args.integer_or(4, length)?);
    let mut out = Vec::new();
    for index in from..=to {
        shared.watch.charge(4)?;
        if out.len() > MEMORY_BYTES_MAX {
            return Err(out_of_memory());
        }
        match table.raw_get(index)? {
            Value::String(text) => out.extend_from_slice(&text.as_bytes()),
            number @ (Value::Integer(_) | Value::Number(_)) => {
                let text = lua.coerce_string(number)?;
                text.iter().for_each(|text| out.extend_from_slice(&text.as_bytes()));
            }
            other => {
                let kind = kind(&other);
                let why = format!("invalid value ({kind}) at index {index} in table for 'concat'");
                return Err(args.fail(&why).into());
            }
        }
        if index < to
            && let Some(between) = &between
        {
            out.extend_from_slice(&between.as_bytes());
        }
    }
    lua.create_string(out)?.into_lua_multi(lua)
}

/// An error of a pattern, placed in the script.
fn refused(args: &Arguments<'_>, problem: &Problem) -> Error {
    match problem {
        Problem::Malformed(text) => args.fail(text).into(),
        Problem::Stopped => Fault::Stopped.into(),
    }
}

/// Where a search begins, from 0: negative places count from the end.
fn start(args: &Arguments<'_>, index: usize, bytes: usize) -> Result<usize> {
    let at = args.integer_or(index, 1)?;
    Ok(match usize::try_from(at) {
        Ok(at) => at.saturating_sub(1).min(bytes),
        Err(_) => bytes.saturating_sub(usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX)),
    })
}

fn find(lua: &Lua, shared: &Shared, args: &Arguments<'_>, places: bool) -> Result<MultiValue> {
    let (text, source) = (args.string(1)?, args.string(2)?);
    let (text, source) = (text.as_bytes(), source.as_bytes());
    let from = start(args, 3, text.len())?;
    let plain = || source.iter().take_while(|byte| **byte != 0).all(|b| !SPECIAL.contains(b));
    let asked = !matches!(args.get(4), Value::Nil | Value::Boolean(false));
    if places && (asked || plain()) {
        shared.watch.charge((text.len() - from) / 64)?;
        let found = memchr::memmem::find(text.get(from..).unwrap_or_default(), &source);
        return match found.map(|at| from + at) {
            Some(at) => (at + 1, at + source.len()).into_lua_multi(lua),
            None => Value::Nil.into_lua_multi(lua),
        };
    }
    let pattern = Pattern::new(&source, true).map_err(|problem| refused(args, &problem))?;
    let mut matcher = Matcher::new(&pattern, &text, &shared.watch);
    let found = matcher.search(from).map_err(|problem| refused(args, &problem))?;
    let Some((start, end)) = found else {
        return Value::Nil.into_lua_multi(lua);
    };
    let mut values = Captured { lua, args, text: &text, matcher: &matcher };
    if places {
        let mut all = MultiValue::from_vec(vec![place(start), whole(end)]);
        all.extend(values.all(None)?);
        Ok(all)
    } else {
        values.all(Some((start, end))).map(MultiValue::from_vec)
    }
}

/// A place of the text as Lua counts it, from 1.
fn place(at: usize) -> Value {
    whole(at.saturating_add(1))
}

fn whole(number: usize) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

/// The captures of a match as values.
struct Captured<'a> {
    lua: &'a Lua,
    args: &'a Arguments<'a>,
    text: &'a [u8],
    matcher: &'a Matcher<'a>,
}

impl Captured<'_> {
    /// All of them; where there is none, what matched (if it is given).
    fn all(&mut self, matched: Option<(usize, usize)>) -> Result<Vec<Value>> {
        let captures = self.matcher.captures();
        match matched {
            Some((from, to)) if captures.is_empty() => Ok(vec![self.bytes(from, to)?]),
            _ => captures.iter().map(|capture| self.value(*capture)).collect(),
        }
    }

    fn value(&self, capture: Capture) -> Result<Value> {
        match capture {
            Capture::Bytes(from, to) => self.bytes(from, to),
            Capture::Position(at) => Ok(place(at)),
            Capture::Open(_) => Err(self.args.fail("unfinished capture").into()),
        }
    }

    fn bytes(&self, from: usize, to: usize) -> Result<Value> {
        let bytes = self.text.get(from..to).unwrap_or_default();
        self.lua.create_string(bytes).map(Value::String)
    }
}

/// The first match at or after a place: where it begins, where to go on, where it ends, its
/// captures. With a fourth argument `^` is heeded.
fn match_from(lua: &Lua, shared: &Shared, args: &Arguments<'_>) -> Result<MultiValue> {
    let (text, source) = (args.string(1)?, args.string(2)?);
    let (text, source) = (text.as_bytes(), source.as_bytes());
    let at = usize::try_from(args.integer(3)?).unwrap_or(1).saturating_sub(1);
    let pattern =
        Pattern::new(&source, !args.is_absent(4)).map_err(|problem| refused(args, &problem))?;
    let mut matcher = Matcher::new(&pattern, &text, &shared.watch);
    let found = matcher.search(at).map_err(|problem| refused(args, &problem))?;
    let Some((start, end)) = found else {
        return Value::Nil.into_lua_multi(lua);
    };
    let resume = if end == start { end + 1 } else { end };
    let mut all = MultiValue::from_vec(vec![place(start), place(resume), whole(end)]);
    all.extend(Captured { lua, args, text: &text, matcher: &matcher }.all(Some((start, end)))?);
    Ok(all)
}

/// Refuses what is no text or no pattern, in the name of the function that asks.
fn check_pattern(lua: &Lua, _: &Shared, args: &Arguments<'_>) -> Result<MultiValue> {
    let name = match args.string(3)?.as_bytes().as_ref() {
        b"gsub" => "gsub",
        _ => "gmatch",
    };
    let values = MultiValue::from_vec(vec![args.get(1).clone(), args.get(2).clone()]);
    let args = Arguments::new(lua, name, values);
    args.string(1)?;
    args.string(2)?;
    Ok(MultiValue::new())
}

/// `gsub` with a text in place of each match.
fn gsub(lua: &Lua, shared: &Shared, args: &Arguments<'_>) -> Result<MultiValue> {
    let (text, source) = (args.string(1)?, args.string(2)?);
    let replacement = args.string(3).map_err(|_| args.bad(3, "string/function/table expected"))?;
    let (text, source, replacement) = (text.as_bytes(), source.as_bytes(), replacement.as_bytes());
    let most = args.integer_or(4, i64::MAX)?;
    let pattern = Pattern::new(&source, true).map_err(|problem| refused(args, &problem))?;
    let mut matcher = Matcher::new(&pattern, &text, &shared.watch);
    let (mut out, mut at, mut count) = (Vec::with_capacity(text.len()), 0, 0_i64);
    while count < most {
        let found = matcher.match_at(at).map_err(|problem| refused(args, &problem))?;
        if let Some(end) = found {
            count += 1;
            let values = Captured { lua, args, text: &text, matcher: &matcher };
            substitute(&mut out, &values, &replacement, (at, end))?;
        }
        match (found, text.get(at)) {
            (Some(end), _) if end > at => at = end,
            (_, Some(byte)) => {
                out.push(*byte);
                at += 1;
            }
            (_, None) => break,
        }
        if out.len() > MEMORY_BYTES_MAX {
            return Err(out_of_memory());
        }
        if pattern.anchored {
            break;
        }
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
    (lua.create_string(out)?, count).into_lua_multi(lua)
}

/// Appends the replacement of one match: `%0` is the match, `%1` to `%9` its captures, `%` before
/// anything else stands for that.
fn substitute(
    out: &mut Vec<u8>,
    values: &Captured<'_>,
    replacement: &[u8],
    matched: (usize, usize),
) -> Result<()> {
    let mut bytes = replacement.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digit = bytes.next().unwrap_or(0);
        if !digit.is_ascii_digit() {
            out.push(digit);
            continue;
        }
        let captures = values.matcher.captures();
        let capture = match usize::from(digit - b'0').checked_sub(1) {
            None => Capture::Bytes(matched.0, matched.1),
            Some(0) if captures.is_empty() => Capture::Bytes(matched.0, matched.1),
            Some(index) => match captures.get(index) {
                Some(capture) => *capture,
                None => return Err(values.args.fail("invalid capture index").into()),
            },
        };
        match capture {
            Capture::Bytes(from, to) => {
                out.extend_from_slice(values.text.get(from..to).unwrap_or_default());
            }
            Capture::Position(at) => out.extend_from_slice((at + 1).to_string().as_bytes()),
            Capture::Open(_) => return Err(values.args.fail("unfinished capture").into()),
        }
        if out.len() > MEMORY_BYTES_MAX {
            return Err(out_of_memory());
        }
    }
    Ok(())
}
