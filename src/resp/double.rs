//! A double as Redis 7.0 prints it, in RESP2 and RESP3: C's `printf("%.17g")`.
//!
//! Not here: numbers with 17 digits behind the point (INCRBYFLOAT). Invariant: the text reads back
//! to the same number.

/// Digits that tell any two doubles apart.
const DIGITS: usize = 17;

/// The text of `value`.
pub fn text(value: f64) -> String {
    const INTEGER_MAX: f64 = 9_007_199_254_740_992.0;
    if value.abs() < INTEGER_MAX && value.fract() == 0.0 && value.to_bits() != (-0.0_f64).to_bits()
    {
        // The same, sooner: most scores are times.
        return format!("{value:.0}");
    }
    general(value, DIGITS)
}

/// `%.<digits>g` of `value` in the C locale; `digits` is at least 1.
pub fn general(value: f64, digits: usize) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_c_prints_them() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.1, "0.10000000000000001"),
            (123.456, "123.456"),
            (1_700_000_000_123.0, "1700000000123"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (99_999_999_999_999_984.0, "99999999999999984"),
            (123_456_789_012_345_678.0, "1.2345678901234568e+17"),
            (0.0001, "0.0001"),
            (0.000_01, "1.0000000000000001e-05"),
            (5e-324, "4.9406564584124654e-324"),
            (1.5e300, "1.5000000000000001e+300"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN.copysign(1.0), "nan"),
        ] {
            assert_eq!(text(value), expected);
        }
    }

    #[test]
    fn fewer_digits_are_rounded() {
        for (value, text) in [
            (1.0 / 3.0, "0.33333333333333"),
            (1e15, "1e+15"),
            (12_345_678_901_234_567.0, "1.2345678901235e+16"),
            (99_999_999_999_999.0, "99999999999999"),
            (999_999_999_999_999.0, "1e+15"),
            (1e300, "1e+300"),
            (1e-7, "1e-07"),
        ] {
            assert_eq!(general(value, 14), text);
        }
        assert_eq!(general(1.0 / 3.0, 3), "0.333");
    }
}
