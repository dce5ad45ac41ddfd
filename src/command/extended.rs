//! Numbers as INCRBYFLOAT counts them: the 80-bit extended precision of C's `long double` on x86,
//! which Redis computes in, so that every sum prints as there.
//!
//! A number is a sign, a mantissa of 64 bits and a power of two. Not here: its texts (`text.rs`).
//! Invariant: a mantissa other than 0 has its highest bit set, but for the smallest numbers, which
//! have lost digits as they do in C.

mod text;
mod wide;

use std::cmp::Ordering;

/// Bits of a mantissa.
const MANTISSA_BITS: i32 = 64;
/// Largest exponent of a mantissa's lowest bit.
const EXPONENT_MAX: i32 = 16_383 - 63;
/// Smallest exponent of a mantissa's lowest bit.
const EXPONENT_MIN: i32 = -16_382 - 63;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extended {
    /// Beyond every number.
    Infinite {
        /// Below rather than above.
        negative: bool,
    },
    /// `mantissa * 2^exponent`, negated where `negative` says so.
    Finite {
        /// The sign; zero has one too, which never shows.
        negative: bool,
        /// The digits.
        mantissa: u64,
        /// The power of two.
        exponent: i32,
    },
}

impl Extended {
    pub(super) const ZERO: Extended =
        Extended::Finite { negative: false, mantissa: 0, exponent: EXPONENT_MIN };
    /// The largest number.
    pub(super) const MAX: Extended =
        Extended::Finite { negative: false, mantissa: u64::MAX, exponent: EXPONENT_MAX };

    pub(super) fn is_infinite(self) -> bool {
        matches!(self, Extended::Infinite { .. })
    }

    pub(super) fn negated(self) -> Extended {
        match self {
            Extended::Infinite { negative } => Extended::Infinite { negative: !negative },
            Extended::Finite { negative, mantissa, exponent } => {
                Extended::Finite { negative: !negative, mantissa, exponent }
            }
        }
    }

    /// A thousand times the number, rounded up to an integer; `None` if that is beyond an `i64`.
    pub(super) fn thousandfold_up(self) -> Option<i64> {
        let Extended::Finite { negative, mantissa, exponent } = self else { return None };
        let product = u128::from(mantissa) * 1_000;
        // To the digits that the product has in C.
        let excess = (128 - product.leading_zeros()).saturating_sub(64);
        let half = (1_u128 << excess) >> 1;
        let product = (product + half) >> excess << excess;
        let whole = match u32::try_from(exponent) {
            Ok(_) if product == 0 => 0,
            Ok(up) => product.checked_mul(1_u128.checked_shl(up)?)?,
            Err(_) => {
                let down = exponent.unsigned_abs();
                let kept = product.checked_shr(down).unwrap_or(0);
                let is_exact = kept.checked_shl(down).unwrap_or(0) == product;
                kept + u128::from(!is_exact && !negative)
            }
        };
        let whole = i64::try_from(whole).ok()?;
        Some(if negative { -whole } else { whole })
    }

    /// The integer.
    pub(super) fn from_integer(integer: i64) -> Extended {
        rounded(integer < 0, u128::from(integer.unsigned_abs()), 0, false)
    }

    /// The sum, rounded to the nearest number, to the even one of two. `None`: infinity less
    /// infinity.
    pub(super) fn plus(self, other: Extended) -> Option<Extended> {
        match (self, other) {
            (Extended::Infinite { negative: a }, Extended::Infinite { negative: b }) if a != b => {
                None
            }
            (Extended::Infinite { .. }, _) => Some(self),
            (_, Extended::Infinite { .. }) => Some(other),
            (
                Extended::Finite { negative: a, mantissa: m, exponent: e },
                Extended::Finite { negative: b, mantissa: n, exponent: f },
            ) => Some(sum((a, m, e), (b, n, f))),
        }
    }

    /// The nearest double; infinite where it is too large, 0 where it is too small.
    pub(super) fn to_f64(self) -> f64 {
        let (size, negative) = match self {
            Extended::Infinite { negative } => (f64::INFINITY, negative),
            Extended::Finite { negative, mantissa, exponent } => {
                // In two steps: one power of two alone may be too small where the product is not.
                let half = exponent / 2;
                (mantissa as f64 * 2_f64.powi(half) * 2_f64.powi(exponent - half), negative)
            }
        };
        if negative { -size } else { size }
    }

    fn magnitude(self) -> (bool, i32, u64) {
        match self {
            Extended::Infinite { negative } => (negative, i32::MAX, 1),
            Extended::Finite { negative, mantissa: 0, .. } => (negative, i32::MIN, 0),
            Extended::Finite { negative, mantissa, exponent } => (negative, exponent, mantissa),
        }
    }

    /// Orders by size; both zeros are equal.
    pub(super) fn compare(self, other: Extended) -> Ordering {
        let ((a, e, m), (b, f, n)) = (self.magnitude(), other.magnitude());
        let sizes = (e, m).cmp(&(f, n));
        match (a && m > 0, b && n > 0) {
            (false, false) => sizes,
            (true, true) => sizes.reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

/// Sign, mantissa and exponent.
type Parts = (bool, u64, i32);

fn sum(left: Parts, right: Parts) -> Extended {
    let (large, small) = if (left.2, left.1) >= (right.2, right.1) || right.1 == 0 {
        (left, right)
    } else {
        (right, left)
    };
    let ((a, m, e), (b, n, f)) = (large, small);
    // The larger one in the upper half: what the smaller one loses below only decides rounding.
    let shift = u32::try_from(e.saturating_sub(f)).unwrap_or(0).min(127);
    let large = u128::from(m) << 62;
    let small = u128::from(n) << 62;
    let (kept, lost) = (small >> shift, shift > 0 && small << (128 - shift) != 0);
    let exponent = e - 62;
    if a == b {
        return rounded(a, large + kept, exponent, lost);
    }
    // A little more than `kept` is taken away where digits were lost.
    let rest = large - kept - u128::from(lost);
    rounded(a && (rest > 0 || lost), rest, exponent, lost)
}

/// The number nearest to `digits * 2^exponent` and, where `more`, a little beyond it.
fn rounded(negative: bool, digits: u128, exponent: i32, more: bool) -> Extended {
    if digits == 0 {
        return Extended::Finite { negative, mantissa: 0, exponent: EXPONENT_MIN };
    }
    let bits = 128 - i32::try_from(digits.leading_zeros()).unwrap_or(0);
    let drop = (bits - MANTISSA_BITS).max(EXPONENT_MIN.saturating_sub(exponent));
    if drop <= 0 {
        // Fewer digits than there is room for: they move up as far as the exponent lets them.
        let mantissa = u64::try_from(digits << -drop).unwrap_or(u64::MAX);
        return finite(negative, mantissa, exponent + drop);
    }
    let Some(dropped) = u32::try_from(drop).ok().filter(|drop| *drop < 128) else {
        return Extended::Finite { negative, mantissa: 0, exponent: EXPONENT_MIN };
    };
    let kept = digits >> dropped;
    let (rest, half) = (digits & ((1 << dropped) - 1), 1_u128 << (dropped - 1));
    let up = rest > half || rest == half && (more || kept & 1 == 1);
    let kept = kept + u128::from(up);
    match u64::try_from(kept) {
        Ok(mantissa) => finite(negative, mantissa, exponent + drop),
        // Rounded up to one digit more.
        Err(_) => finite(negative, 1 << 63, exponent + drop + 1),
    }
}

fn finite(negative: bool, mantissa: u64, exponent: i32) -> Extended {
    if exponent > EXPONENT_MAX {
        return Extended::Infinite { negative };
    }
    Extended::Finite { negative, mantissa, exponent }
}

#[cfg(test)]
mod tests;
