//! The texts of extended numbers: read as C's `strtold` reads them, printed as `%.17Lf` without the
//! zeros at its end.
//!
//! Invariant: what is read is the number nearest to the text, and what is printed is exact to its
//! last digit.

use std::cmp::Ordering;

use super::wide::Wide;
use super::{EXPONENT_MAX, EXPONENT_MIN, Extended, rounded};

/// Longest text that Redis reads as a number, bytes.
const TEXT_BYTES_MAX: usize = 5 * 1024 - 1;
/// Digits behind the point.
const FRACTION_DIGITS: usize = 17;
/// Ten to the power of [`FRACTION_DIGITS`].
const FRACTION: u128 = 100_000_000_000_000_000;
/// A power of ten or two beyond which every number of [`TEXT_BYTES_MAX`] digits is zero or infinite.
const POWER_MAX: i64 = 50_000;
/// Digits that are divided off at once when printing, and ten to their power.
const CHUNK_DIGITS: usize = 9;
const CHUNK: u32 = 1_000_000_000;

/// What stands between the sign and the end of a number's text.
struct Digits {
    /// All digits as one integer.
    integer: Wide,
    /// The power of the base that it is multiplied by.
    power: i64,
    hexadecimal: bool,
}

impl Extended {
    /// Reads a whole text: decimal or hexadecimal digits, or infinity. `None` where Redis refuses
    /// it, which it also does where a number is too large or too small to be told from none.
    pub(in super::super) fn parse(text: &[u8]) -> Option<Extended> {
        if text.is_empty() || text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let (negative, rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        if rest.eq_ignore_ascii_case(b"inf") || rest.eq_ignore_ascii_case(b"infinity") {
            return Some(Extended::Infinite { negative });
        }
        let digits = Digits::parse(rest)?;
        let zero = digits.integer.is_zero();
        let number = digits.value(negative);
        let lost = matches!(number, Extended::Finite { mantissa: 0, .. }) && !zero;
        (!number.is_infinite() && !lost).then_some(number)
    }

    /// The text: up to 17 digits behind the point, none where it is an integer.
    pub(in super::super) fn print(self) -> String {
        let (negative, mantissa, exponent) = match self {
            Extended::Infinite { negative } => {
                return if negative { "-inf" } else { "inf" }.to_owned();
            }
            Extended::Finite { negative, mantissa, exponent } => (negative, mantissa, exponent),
        };
        let text = match u32::try_from(exponent) {
            Ok(exponent) => integer_text(Wide::new(mantissa).shifted(exponent)),
            Err(_) => fraction_text(mantissa, exponent.unsigned_abs()),
        };
        if negative && text != "0" { format!("-{text}") } else { text }
    }
}

fn integer_text(mut integer: Wide) -> String {
    let mut chunks = Vec::new();
    while !integer.is_zero() {
        chunks.push(integer.divide(CHUNK));
    }
    let mut text = chunks.pop().unwrap_or(0).to_string();
    for chunk in chunks.iter().rev() {
        text.push_str(&format!("{chunk:0CHUNK_DIGITS$}"));
    }
    text
}

/// The text of `mantissa / 2^shift`.
fn fraction_text(mantissa: u64, shift: u32) -> String {
    let scaled = u128::from(mantissa) * FRACTION;
    let units = if shift >= 128 {
        0
    } else {
        let (units, rest) = (scaled >> shift, scaled & ((1 << shift) - 1));
        match rest.cmp(&(1 << (shift - 1))) {
            Ordering::Less => units,
            Ordering::Equal => units + (units & 1),
            Ordering::Greater => units + 1,
        }
    };
    let text = format!("{}.{:0FRACTION_DIGITS$}", units / FRACTION, units % FRACTION);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Digits {
    fn parse(text: &[u8]) -> Option<Digits> {
        let hexadecimal = matches!(text, [b'0', b'x' | b'X', ..]);
        let (base, text) = if hexadecimal { (16, &text[2..]) } else { (10, text) };
        let mut digits = Digits { integer: Wide::default(), power: 0, hexadecimal };
        let (mut seen, mut behind, mut at) = (false, false, 0);
        while let Some(byte) = text.get(at) {
            if *byte == b'.' && !behind {
                behind = true;
            } else if let Some(digit) = char::from(*byte).to_digit(base) {
                digits.integer.scale(base, digit);
                seen = true;
                digits.power -= i64::from(behind);
            } else {
                break;
            }
            at += 1;
        }
        // A hexadecimal digit counts four powers of two.
        digits.power *= if hexadecimal { 4 } else { 1 };
        digits.power += match &text[at..] {
            [] => 0,
            [b'e' | b'E', power @ ..] if !hexadecimal => exponent(power)?,
            [b'p' | b'P', power @ ..] if hexadecimal => exponent(power)?,
            _ => return None,
        };
        seen.then_some(digits)
    }

    fn value(self, negative: bool) -> Extended {
        let Digits { mut integer, power, hexadecimal } = self;
        if integer.is_zero() || power < -POWER_MAX {
            return rounded(negative, 0, 0, false);
        }
        if power > POWER_MAX {
            return Extended::Infinite { negative };
        }
        let power = i32::try_from(power).unwrap_or(0);
        if hexadecimal {
            return nearest(negative, &integer, &Wide::new(1), power);
        }
        let mut divisor = Wide::new(1);
        let scaled = if power < 0 { &mut divisor } else { &mut integer };
        for _ in 0..power.unsigned_abs() {
            scaled.scale(10, 0);
        }
        nearest(negative, &integer, &divisor, 0)
    }
}

fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits
        .iter()
        .fold(0_i64, |value, digit| (value * 10 + i64::from(digit - b'0')).min(2 * POWER_MAX));
    Some(if negative { -value } else { value })
}

/// The number nearest to `dividend / divisor * 2^power`.
fn nearest(negative: bool, dividend: &Wide, divisor: &Wide, power: i32) -> Extended {
    /// Binary digits that are found: those of a mantissa, and some for rounding.
    const QUOTIENT_BITS: i32 = 70;
    let length = |wide: &Wide| i32::try_from(wide.bits()).unwrap_or(i32::MAX);
    // The first digit of the quotient is that of 2^first or of the power below.
    let first = length(dividend).saturating_sub(length(divisor));
    let shift = |bits: i32| u32::try_from(bits).unwrap_or(0);
    let mut rest = dividend.shifted(shift(-first));
    let divisor = divisor.shifted(shift(first));
    let mut quotient = 0_u128;
    for _ in 0..QUOTIENT_BITS {
        quotient <<= 1;
        if rest.compare(&divisor) != Ordering::Less {
            rest.subtract(&divisor);
            quotient |= 1;
        }
        rest = rest.shifted(1);
    }
    let exponent = first.saturating_sub(QUOTIENT_BITS - 1).saturating_add(power);
    rounded(negative, quotient, exponent.clamp(2 * EXPONENT_MIN, 2 * EXPONENT_MAX), !rest.is_zero())
}
