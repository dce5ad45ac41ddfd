//! Numbers in the header lines of requests.
//!
//! Not here: where a header stands, what it may declare. Invariant: what [`quick_number`] accepts,
//! [`whole_number`] reads to the same value.

/// Digits that the quick path reads; longer numbers take the general path.
const QUICK_DIGITS: usize = 7;
/// A number of at least so many characters is no integer (Redis's `LONG_STR_SIZE`).
const INTEGER_BYTES_MAX: usize = 21;

/// The number at `at` and where the line behind it ends, if the whole line is there and the
/// number has at most [`QUICK_DIGITS`] digits, no sign and no leading zero.
#[inline]
pub(super) fn quick_number(input: &[u8], at: usize) -> Option<(usize, usize)> {
    let line = input.get(at..)?;
    // One or two digits: nearly every count and length.
    match *line {
        [one @ b'0'..=b'9', b'\r', _, ..] => return Some((usize::from(one - b'0'), at + 3)),
        [ten @ b'1'..=b'9', one @ b'0'..=b'9', b'\r', _, ..] => {
            return Some((usize::from(ten - b'0') * 10 + usize::from(one - b'0'), at + 4));
        }
        _ => {}
    }
    let length = line.iter().take(QUICK_DIGITS + 1).take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = line.split_at(length);
    let ends = matches!(rest, [b'\r', _, ..]);
    if !ends || length > QUICK_DIGITS || !matches!(digits, [b'1'..=b'9', ..]) {
        return None;
    }
    let value = digits.iter().fold(0, |value, digit| value * 10 + usize::from(digit - b'0'));
    Some((value, at + length + 2))
}

/// An integer by the rules of Redis's `string2ll`: no sign but `-`, no leading zero, no `-0`.
pub(super) fn whole_number(text: &[u8]) -> Option<i64> {
    if text.len() >= INTEGER_BYTES_MAX {
        return None;
    }
    let digits = match text {
        b"0" => return Some(0),
        [b'-', digits @ ..] => digits,
        digits => digits,
    };
    if !matches!(digits.first(), Some(b'1'..=b'9')) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_path_agrees_with_the_general_one() {
        for text in ["0", "1", "9", "10", "42", "999", "1234567", "00", "01", "12345678", "", "-1"]
        {
            let line = format!("${text}\r\n");
            if let Some((value, next)) = quick_number(line.as_bytes(), 1) {
                assert_eq!(whole_number(text.as_bytes()), i64::try_from(value).ok());
                assert_eq!(next, line.len());
            } else {
                assert!(
                    text.len() > QUICK_DIGITS
                        || text.parse::<u64>().is_err()
                        || text.starts_with('0'),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn integers_are_those_of_string2ll() {
        assert_eq!(whole_number(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(whole_number(b"9223372036854775807"), Some(i64::MAX));
        for text in
            ["", "-", "-0", "00", "+1", "1 ", "0x1", "9223372036854775808", "100000000000000000000"]
        {
            assert_eq!(whole_number(text.as_bytes()), None, "{text}");
        }
    }
}
