//! The length of a window.
//!
//! Not here: which window a time is in. Invariant: a `Scale` that exists lies in
//! 1 ms ..= [`SCALE_MAX_MS`].

/// Longest scale, ms: ten years of 365 days and the three leap days that any ten years may hold.
pub const SCALE_MAX_MS: u64 = 3_653 * DAY_MS;

const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// The length of a window, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scale(u64);

impl Scale {
    /// The scale of `ms` milliseconds, or `None` outside 1 ..= [`SCALE_MAX_MS`].
    #[inline]
    pub const fn new(ms: u64) -> Option<Scale> {
        if ms >= 1 && ms <= SCALE_MAX_MS { Some(Scale(ms)) } else { None }
    }

    /// Reads an integer of milliseconds, or one with a unit `ms`, `s`, `m`, `h` or `d` in either
    /// case right behind it. No sign, blank, fraction or leading zero; `None` for anything else
    /// and for what is out of range.
    #[inline]
    pub fn parse(text: &[u8]) -> Option<Scale> {
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, unit) = text.split_at(digits);
        let unit_ms = match unit {
            [] | [b'm' | b'M', b's' | b'S'] => 1,
            [b's' | b'S'] => SECOND_MS,
            [b'm' | b'M'] => MINUTE_MS,
            [b'h' | b'H'] => HOUR_MS,
            [b'd' | b'D'] => DAY_MS,
            _ => return None,
        };
        if number.first() == Some(&b'0') {
            return None;
        }
        let number = std::str::from_utf8(number).ok()?.parse::<u64>().ok()?;
        Scale::new(number.checked_mul(unit_ms)?)
    }

    /// Milliseconds, 1 ..= [`SCALE_MAX_MS`].
    #[inline]
    pub const fn ms(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_read_with_and_without_unit() {
        for (text, ms) in [
            ("1", 1),
            ("60000", 60_000),
            ("250ms", 250),
            ("250MS", 250),
            ("250mS", 250),
            ("10s", 10_000),
            ("10S", 10_000),
            ("5m", 300_000),
            ("5M", 300_000),
            ("1h", 3_600_000),
            ("1H", 3_600_000),
            ("7d", 604_800_000),
            ("7D", 604_800_000),
            ("3650d", 315_360_000_000),
            ("315619200000", SCALE_MAX_MS),
        ] {
            assert_eq!(Scale::parse(text.as_bytes()).map(Scale::ms), Some(ms), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_scale() {
        for text in [
            "",
            "0",
            "0s",
            "00",
            "01",
            "-1",
            "+1",
            " 1",
            "1 ",
            "1 s",
            "1.5s",
            "s",
            "ms",
            "1x",
            "1sm",
            "1mss",
            "1us",
            "1w",
            "1y",
            "1\0",
            "3654d",
            "315619200001",
            "18446744073709551615",
            "18446744073709551616",
            "18446744073709551615d",
            "1e3",
            "0x1",
        ] {
            assert_eq!(Scale::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Scale::parse(b"\xff"), None);
        assert_eq!(Scale::new(0), None);
        assert_eq!(Scale::new(SCALE_MAX_MS + 1), None);
    }
}
