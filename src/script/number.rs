//! Numbers as C's `printf` writes them, which is how Redis and its Lua libraries write them.
//!
//! Not here: reading, and the writing itself (`resp`).

pub(super) use crate::resp::general_text as general;

/// Digits that tell any two doubles apart: how a number becomes a command's argument.
pub(super) const ARGUMENT_DIGITS: usize = 17;
/// Digits of Lua's own `tostring`.
pub(super) const LUA_DIGITS: usize = 14;

/// `(long long)value` as x86 computes it, and so Redis: truncated, and the least integer for what
/// does not fit and for what is no number.
#[allow(clippy::cast_possible_truncation, reason = "the range is checked before")]
pub(super) fn truncated(value: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&value) { value.trunc() as i64 } else { i64::MIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_integer_is_cut_as_x86_cuts_it() {
        for (value, integer) in [
            (3.99, 3),
            (-3.99, -3),
            (1e30, i64::MIN),
            (-1e30, i64::MIN),
            (f64::NAN, i64::MIN),
            (-9_223_372_036_854_775_808.0, i64::MIN),
        ] {
            assert_eq!(truncated(value), integer);
        }
    }
}
