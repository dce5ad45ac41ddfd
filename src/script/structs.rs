//! `struct`: values packed into bytes by a format, as Redis's lua_struct does it.
//!
//! Not here: other encodings. Invariant: every size is at most 32 bytes or that of a given string,
//! and every offset is checked before it is used (Redis issue 5017 and its like).

use std::rc::Rc;

use mlua::{IntoLuaMulti, Lua, MultiValue, Result, Table, Value};

use super::arguments::Arguments;
use super::fault::Fault;
use super::interpreter::{MEMORY_BYTES_MAX, Shared};
use super::number::truncated;
use super::sandbox::function;

/// The widest integer, bytes.
const INTEGER_BYTES_MAX: usize = 32;
/// What alignment `!` means without a number: that of x86-64.
const NATIVE_ALIGNMENT: usize = 8;

type Checked<T> = std::result::Result<T, Fault>;

/// One option of a format.
#[derive(Clone, Copy, PartialEq)]
enum Field {
    Integer {
        bytes: usize,
        signed: bool,
    },
    Float,
    Double,
    /// Fixed bytes; 0 takes as many as the number before says, or all of a string.
    Chars(usize),
    /// Up to a zero byte.
    ZeroEnded,
    Padding,
    Blank,
}

impl Field {
    fn bytes(self) -> usize {
        match self {
            Field::Integer { bytes, .. } | Field::Chars(bytes) => bytes,
            Field::Float => 4,
            Field::Double => 8,
            Field::Padding => 1,
            Field::ZeroEnded | Field::Blank => 0,
        }
    }
}

/// Reads a format, option by option.
struct Format<'a> {
    rest: &'a [u8],
    args: &'a Arguments<'a>,
    little: bool,
    alignment: usize,
}

impl<'a> Format<'a> {
    fn new(format: &'a [u8], args: &'a Arguments<'a>) -> Self {
        Format { rest: format, args, little: true, alignment: 1 }
    }

    fn number(&mut self, default: usize) -> Checked<usize> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (text, rest) = self.rest.split_at(digits);
        self.rest = rest;
        if text.is_empty() {
            return Ok(default);
        }
        let number = text.iter().try_fold(0_i32, |number, digit| {
            number.checked_mul(10)?.checked_add(i32::from(digit - b'0'))
        });
        let number = number.and_then(|number| usize::try_from(number).ok());
        number.ok_or_else(|| self.args.fail("integral size overflow"))
    }

    fn integer(&mut self, default: usize, signed: bool) -> Checked<Field> {
        let bytes = self.number(default)?;
        if bytes > INTEGER_BYTES_MAX {
            let text = format!("integral size {bytes} is larger than limit of {INTEGER_BYTES_MAX}");
            return Err(self.args.fail(&text));
        }
        Ok(Field::Integer { bytes, signed })
    }

    /// The next option and the bytes that align it at `total`; nothing at the end.
    fn next(&mut self, total: usize) -> Checked<Option<(Field, usize)>> {
        let Some((letter, rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        self.rest = rest;
        let field = self.field(*letter)?;
        let bytes = field.bytes();
        let aligned = !matches!(field, Field::Chars(_)) && bytes > 0;
        let align = if aligned { bytes.min(self.alignment) } else { 0 };
        let pad = if align > 1 { (align - (total & (align - 1))) & (align - 1) } else { 0 };
        Ok(Some((field, pad)))
    }

    fn field(&mut self, letter: u8) -> Checked<Field> {
        let integer = |bytes, signed| Ok(Field::Integer { bytes, signed });
        match letter {
            b'b' => integer(1, true),
            b'B' => integer(1, false),
            b'h' => integer(2, true),
            b'H' => integer(2, false),
            b'l' => integer(8, true),
            b'L' => integer(8, false),
            b'T' => integer(8, false),
            b'i' => self.integer(4, true),
            b'I' => self.integer(4, false),
            b'f' => Ok(Field::Float),
            b'd' => Ok(Field::Double),
            b'x' => Ok(Field::Padding),
            b'c' => self.number(1).map(Field::Chars),
            b's' => Ok(Field::ZeroEnded),
            b'<' | b'>' => {
                self.little = letter == b'<';
                Ok(Field::Blank)
            }
            b'!' => {
                let alignment = self.number(NATIVE_ALIGNMENT)?;
                if !alignment.is_power_of_two() {
                    let text = format!("alignment {alignment} is not a power of 2");
                    return Err(self.args.fail(&text));
                }
                self.alignment = alignment;
                Ok(Field::Blank)
            }
            b' ' => Ok(Field::Blank),
            other => {
                let text = format!("invalid format option '{}'", char::from(other));
                Err(self.args.bad(1, &text))
            }
        }
    }

    fn ordered<const N: usize>(&self, mut bytes: [u8; N]) -> [u8; N] {
        if !self.little {
            bytes.reverse();
        }
        bytes
    }
}

/// The library.
pub(super) fn build(lua: &Lua, shared: &Rc<Shared>) -> Result<Table> {
    let table = lua.create_table()?;
    let (packs, unpacks) = (Rc::clone(shared), Rc::clone(shared));
    table.raw_set("pack", function(lua, "pack", move |lua, args| pack(lua, &packs, args))?)?;
    table.raw_set(
        "unpack",
        function(lua, "unpack", move |lua, args| unpack(lua, &unpacks, args))?,
    )?;
    table.raw_set("size", function(lua, "size", |_, args| size(args))?)?;
    Ok(table)
}

fn pack(lua: &Lua, shared: &Shared, args: &Arguments<'_>) -> Result<Value> {
    let source = args.string(1)?;
    let source = source.as_bytes();
    let (mut format, mut out, mut index) = (Format::new(&source, args), Vec::new(), 2);
    while let Some((field, pad)) = format.next(out.len())? {
        shared.watch.charge(1)?;
        out.resize(out.len().saturating_add(pad), 0);
        match field {
            Field::Blank => continue,
            Field::Padding => {
                out.push(0);
                continue;
            }
            Field::Integer { bytes, .. } => {
                put_integer(&mut out, number(args, index)?, bytes, format.little);
            }
            Field::Float => {
                #[allow(clippy::cast_possible_truncation, reason = "a C float is what is asked")]
                let value = number(args, index)? as f32;
                out.extend_from_slice(&format.ordered(value.to_le_bytes()));
            }
            Field::Double => {
                let value = number(args, index)?;
                out.extend_from_slice(&format.ordered(value.to_le_bytes()));
            }
            Field::Chars(bytes) => {
                let text = args.string(index)?;
                let text = text.as_bytes();
                let bytes = if bytes == 0 { text.len() } else { bytes };
                let Some(part) = text.get(..bytes) else {
                    return Err(args.bad(index + 1, "string too short").into());
                };
                out.extend_from_slice(part);
            }
            Field::ZeroEnded => {
                out.extend_from_slice(&args.string(index)?.as_bytes());
                out.push(0);
            }
        }
        index += 1;
        if out.len() > MEMORY_BYTES_MAX {
            return Err(Fault::Text("not enough memory".to_owned()).into());
        }
    }
    lua.create_string(out).map(Value::String)
}

/// A number to pack. Redis says `nil` of one that is not there.
fn number(args: &Arguments<'_>, index: usize) -> Checked<f64> {
    if args.is_absent(index) {
        return Err(args.bad(index, "number expected, got nil"));
    }
    args.number(index)
}

/// A double as C makes an integer of it for this library: through `long long` below zero, else
/// through its unsigned sister.
fn put_integer(out: &mut Vec<u8>, value: f64, bytes: usize, little: bool) {
    let whole = if value < 0.0 { truncated(value).cast_unsigned() } else { unsigned(value) };
    let from = out.len();
    out.extend(whole.to_le_bytes().iter().chain([0; INTEGER_BYTES_MAX].iter()).take(bytes));
    if !little && let Some(part) = out.get_mut(from..) {
        part.reverse();
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
fn unsigned(value: f64) -> u64 {
    value as u64
}

fn unpack(lua: &Lua, shared: &Shared, args: &Arguments<'_>) -> Result<MultiValue> {
    let (source, data) = (args.string(1)?, args.string(2)?);
    let (source, data) = (source.as_bytes(), data.as_bytes());
    let Some(mut at) =
        usize::try_from(args.integer_or(3, 1)?).ok().and_then(|at| at.checked_sub(1))
    else {
        return Err(args.bad(3, "offset must be 1 or greater").into());
    };
    let short = || args.bad(2, "data string too short");
    let (mut format, mut values) = (Format::new(&source, args), Vec::new());
    while let Some((field, pad)) = format.next(at)? {
        shared.watch.charge(1)?;
        at = at.saturating_add(pad);
        let mut bytes = field.bytes();
        if field == Field::Chars(0) {
            bytes = previous_size(args, values.pop())?;
        }
        let rest = data.get(at..).ok_or_else(short)?;
        let part = rest.get(..bytes).ok_or_else(short)?;
        match field {
            Field::Blank | Field::Padding => {}
            Field::Integer { signed, .. } => {
                values.push(Value::Number(integer(part, signed, format.little)));
            }
            Field::Float => {
                let raw = format.ordered(part.try_into().unwrap_or_default());
                values.push(Value::Number(f32::from_le_bytes(raw).into()));
            }
            Field::Double => {
                let raw = format.ordered(part.try_into().unwrap_or_default());
                values.push(Value::Number(f64::from_le_bytes(raw)));
            }
            Field::Chars(_) => values.push(Value::String(lua.create_string(part)?)),
            Field::ZeroEnded => {
                let end = memchr::memchr(0, rest);
                let end = end.ok_or_else(|| args.fail("unfinished string in data"))?;
                let text = rest.get(..end).unwrap_or_default();
                values.push(Value::String(lua.create_string(text)?));
                bytes = end + 1;
            }
        }
        at = at.saturating_add(bytes);
    }
    values.push(at.saturating_add(1).into_lua_multi(lua)?.pop_front().unwrap_or(Value::Nil));
    Ok(MultiValue::from_vec(values))
}

/// The size that `c0` takes: the number unpacked before it, which it replaces.
fn previous_size(args: &Arguments<'_>, value: Option<Value>) -> Checked<usize> {
    let size = match value {
        Some(Value::Integer(size)) => Some(size),
        Some(Value::Number(size)) => Some(truncated(size)),
        _ => None,
    };
    let size = size.ok_or_else(|| args.fail("format 'c0' needs a previous size"))?;
    // A negative one is larger than any data.
    Ok(usize::try_from(size).unwrap_or(usize::MAX))
}

/// The low 64 bits of an integer of any width, with its sign where it has one.
#[allow(clippy::cast_precision_loss, reason = "Lua's numbers are doubles")]
fn integer(part: &[u8], signed: bool, little: bool) -> f64 {
    let byte = |at: usize| {
        let at = if little { Some(at) } else { part.len().checked_sub(at + 1) };
        at.and_then(|at| part.get(at)).copied().unwrap_or(0)
    };
    let width = part.len().min(8);
    let raw = (0..width).rev().fold(0_u64, |value, at| (value << 8) | u64::from(byte(at)));
    if !signed {
        return raw as f64;
    }
    let unused = u32::try_from(64 - 8 * width).unwrap_or(0);
    let extended = if unused < 64 { raw.cast_signed() << unused >> unused } else { 0 };
    extended as f64
}

/// The bytes that a format takes.
fn size(args: &Arguments<'_>) -> Result<Value> {
    let source = args.string(1)?;
    let source = source.as_bytes();
    let (mut format, mut total) = (Format::new(&source, args), 0_usize);
    while let Some((field, pad)) = format.next(total)? {
        match field {
            Field::ZeroEnded => return Err(args.bad(1, "option 's' has no fixed size").into()),
            Field::Chars(0) => return Err(args.bad(1, "option 'c0' has no fixed size").into()),
            _ => {}
        }
        total = total.saturating_add(pad).saturating_add(field.bytes());
        if i32::try_from(total).is_err() {
            return Err(args.bad(1, "format result too large").into());
        }
    }
    Ok(Value::Integer(i64::try_from(total).unwrap_or(i64::MAX)))
}
