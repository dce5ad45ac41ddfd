//! Numbers as C's `printf` writes them, which is how Redis and its Lua libraries write them.
//!
//! Not here: reading. Invariant: the text is that of `%.<precision>g` in the C locale.

/// Digits that tell any two doubles apart: how a number becomes a command's argument.
pub(super) const ARGUMENT_DIGITS: usize = 17;
/// Digits of Lua's own `tostring`.
pub(super) const LUA_DIGITS: usize = 14;

/// `%.<digits>g` of `value`; `digits` is at least 1.
pub(super) fn general(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        let sign = if value.is_sign_negative() { "-" } else { "" };
        return format!("{sign}{}", if value.is_nan() { "nan" } else { "inf" });
    }
    let scientific = format!("{value:.*e}", digits.saturating_sub(1));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    match usize::try_from(exponent) {
        Ok(exponent) if exponent >= digits => {
            format!("{}e+{exponent:02}", trimmed(mantissa))
        }
        Err(_) if exponent < -4 => {
            format!("{}e-{:02}", trimmed(mantissa), exponent.unsigned_abs())
        }
        _ => {
            let decimals = i64::try_from(digits).unwrap_or(i64::MAX) - 1 - i64::from(exponent);
            let decimals = usize::try_from(decimals).unwrap_or(0);
            trimmed(&format!("{value:.decimals$}")).to_owned()
        }
    }
}

/// Without the zeros that end a fraction.
fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

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
    fn numbers_are_written_as_c_writes_them() {
        for (value, text) in [
            (0.1, "0.10000000000000001"),
            (1e17, "1e+17"),
            (99_999_999_999_999_984.0, "99999999999999984"),
            (123_456_789_012_345_678.0, "1.2345678901234568e+17"),
            (1.5, "1.5"),
            (100.0, "100"),
            (0.0, "0"),
            (-0.0, "-0"),
            (0.0001, "0.0001"),
            (0.000_01, "1.0000000000000001e-05"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(general(value, ARGUMENT_DIGITS), text);
        }
        for (value, text) in [
            (1.0 / 3.0, "0.33333333333333"),
            (1e15, "1e+15"),
            (12_345_678_901_234_567.0, "1.2345678901235e+16"),
            (99_999_999_999_999.0, "99999999999999"),
            (999_999_999_999_999.0, "1e+15"),
            (1e300, "1e+300"),
            (1e-7, "1e-07"),
        ] {
            assert_eq!(general(value, LUA_DIGITS), text);
        }
        assert_eq!(general(1.0 / 3.0, 3), "0.333");
        assert_eq!(general(f64::NAN.copysign(1.0), 3), "nan");
    }

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
