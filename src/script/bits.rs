//! `bit`: operations on 32-bit integers, as Lua BitOp 1.0 does them.
//!
//! Not here: wider integers. Invariant: every argument is first reduced to 32 bits, so no shift and
//! no width can leave its range (CVE-2024-31449).

use mlua::{Lua, Result, Table, Value};

use super::arguments::Arguments;
use super::fault::Fault;
use super::sandbox::library;

/// Digits of `tohex` at most.
const HEX_DIGITS_MAX: u32 = 8;

/// The library.
pub(super) fn build(lua: &Lua) -> Result<Table> {
    library(
        lua,
        &[
            ("tobit", |_, args| one(args, |a| a)),
            ("bnot", |_, args| one(args, |a| !a)),
            ("bswap", |_, args| one(args, i32::swap_bytes)),
            ("band", |_, args| all(args, |a, b| a & b)),
            ("bor", |_, args| all(args, |a, b| a | b)),
            ("bxor", |_, args| all(args, |a, b| a ^ b)),
            ("lshift", |_, args| shift(args, i32::wrapping_shl)),
            ("rshift", |_, args| {
                shift(args, |a, n| a.cast_unsigned().wrapping_shr(n).cast_signed())
            }),
            ("arshift", |_, args| shift(args, i32::wrapping_shr)),
            ("rol", |_, args| shift(args, i32::rotate_left)),
            ("ror", |_, args| shift(args, i32::rotate_right)),
            ("tohex", tohex),
        ],
    )
}

/// The lower 32 bits of the nearest integer, as adding 2^52 + 2^51 to a double gives them.
fn bits(args: &Arguments<'_>, index: usize) -> std::result::Result<i32, Fault> {
    let number = args.number(index)? + 6_755_399_441_055_744.0;
    let [a, b, c, d, ..] = number.to_bits().to_le_bytes();
    Ok(i32::from_le_bytes([a, b, c, d]))
}

fn one(args: &Arguments<'_>, of: fn(i32) -> i32) -> Result<Value> {
    Ok(Value::Integer(of(bits(args, 1)?).into()))
}

fn all(args: &Arguments<'_>, of: fn(i32, i32) -> i32) -> Result<Value> {
    let mut result = bits(args, 1)?;
    for index in 2..=args.len() {
        result = of(result, bits(args, index)?);
    }
    Ok(Value::Integer(result.into()))
}

fn shift(args: &Arguments<'_>, of: fn(i32, u32) -> i32) -> Result<Value> {
    let (value, count) = (bits(args, 1)?, bits(args, 2)?);
    Ok(Value::Integer(of(value, count.cast_unsigned() & 31).into()))
}

fn tohex(lua: &Lua, args: &Arguments<'_>) -> Result<Value> {
    let value = bits(args, 1)?.cast_unsigned();
    let digits = if args.is_absent(2) { 8 } else { bits(args, 2)? };
    let width = usize::try_from(digits.unsigned_abs().min(HEX_DIGITS_MAX)).unwrap_or(8);
    let all = if digits < 0 { format!("{value:08X}") } else { format!("{value:08x}") };
    let shown = all.get(all.len().saturating_sub(width)..).unwrap_or_default();
    lua.create_string(shown).map(Value::String)
}
