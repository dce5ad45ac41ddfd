//! A double as Redis prints it in RESP2.
//!
//! Not here: RESP3, where redis-protocol's own form is used. Source: Redis's `d2string` and
//! `fpconv_dtoa` (since 7.2): the shortest digits that read back to the same number, a plain
//! number where that is short, else `d.ddde+N`.

/// The text of `value` where RESP2 has a bulk string: the shortest digits that read back to it.
pub fn text(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    // `{:e}` prints the shortest digits as `[-]d[.ddd]e<exponent>`.
    let scientific = format!("{value:e}");
    let (sign, scientific) = match scientific.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", scientific.as_str()),
    };
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    // The value is `digits` times ten to the power of `scale`.
    let scale = exponent - (count - 1);
    if scale >= 0 && exponent.abs() < count + 7 {
        let zeros = "0".repeat(usize::try_from(scale).unwrap_or(0));
        return format!("{sign}{digits}{zeros}");
    }
    if scale < 0 && (scale > -7 || exponent.abs() < 4) {
        return match usize::try_from(count + scale) {
            Ok(point) if point > 0 => {
                let (whole, fraction) = digits.split_at(point);
                format!("{sign}{whole}.{fraction}")
            }
            _ => {
                let zeros = "0".repeat(usize::try_from(-(count + scale)).unwrap_or(0));
                format!("{sign}0.{zeros}{digits}")
            }
        };
    }
    format!("{sign}{mantissa}e{exponent:+}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_redis_prints_them() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (123.456, "123.456"),
            (100.0, "100"),
            (12_345_678.0, "12345678"),
            (1e7, "10000000"),
            (1e8, "1e+8"),
            (1e20, "1e+20"),
            (1.5e300, "1.5e+300"),
            (0.000_001, "0.000001"),
            (1e-7, "1e-7"),
            (0.000_123_456_789_1, "1.234567891e-4"),
            (0.001_234_567_891, "0.001234567891"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(text(value), expected);
        }
    }
}
