//! What a command's options say of a key's end: `EX PX EXAT PXAT KEEPTTL PERSIST`.
//!
//! Not here: EXPIRE and its kin, whose time may be negative. Invariant: which of the words go
//! together, and in which order errors are found, is as in Redis; the same word again replaces.

use super::{Args, ErrorText};

/// Milliseconds of a second.
const SECOND_MS: i64 = 1000;

/// How a time is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Seconds from now.
    Seconds,
    /// Milliseconds from now.
    Millis,
    /// Seconds since the epoch.
    AtSeconds,
    /// Milliseconds since the epoch.
    AtMillis,
}

impl Unit {
    /// The unit that an option names.
    fn named(word: &[u8]) -> Option<Unit> {
        const NAMES: [(&str, Unit); 4] = [
            ("EX", Unit::Seconds),
            ("PX", Unit::Millis),
            ("EXAT", Unit::AtSeconds),
            ("PXAT", Unit::AtMillis),
        ];
        let named = NAMES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()))?;
        Some(named.1)
    }

    /// The time in ms since the epoch; `None` beyond an `i64`.
    pub(super) fn moment_ms(self, time: i64, now_ms: u64) -> Option<i64> {
        let now_ms = i64::try_from(now_ms).ok()?;
        match self {
            Unit::Seconds => time.checked_mul(SECOND_MS)?.checked_add(now_ms),
            Unit::Millis => time.checked_add(now_ms),
            Unit::AtSeconds => time.checked_mul(SECOND_MS),
            Unit::AtMillis => Some(time),
        }
    }
}

/// What is said of the end of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Lifetime<'a> {
    /// Nothing.
    #[default]
    Unsaid,
    /// It stays as it is.
    Keep,
    /// The key loses it.
    Persist,
    /// It is this word in this unit.
    Until(Unit, &'a [u8]),
}

impl<'a> Lifetime<'a> {
    /// Takes what the words at `at` say and tells how many they are; `None` if they say nothing of
    /// the end, or what does not go with what was said before. `other` is the word beside the four
    /// units that the command knows.
    pub(super) fn take(
        &mut self,
        args: &Args<'a>,
        at: usize,
        other: (&str, Lifetime<'a>),
    ) -> Option<usize> {
        let (said, words) = if args.is(at, other.0) {
            (other.1, 1)
        } else {
            let unit = Unit::named(args.get(at)).filter(|_| at + 1 < args.len())?;
            (Lifetime::Until(unit, args.get(at + 1)), 2)
        };
        let fits = match (*self, said) {
            (Lifetime::Unsaid, _) => true,
            (Lifetime::Until(before, _), Lifetime::Until(unit, _)) => before == unit,
            (before, said) => before == said,
        };
        fits.then(|| *self = said).map(|()| words)
    }

    /// The deadline that it says, ms since the epoch, if it says one; `command` is named in errors.
    pub(super) fn deadline_ms(self, command: &str, now_ms: u64) -> Result<Option<u64>, ErrorText> {
        let Lifetime::Until(unit, word) = self else { return Ok(None) };
        let time = super::parse_integer(word)
            .ok_or(ErrorText::Borrowed("ERR value is not an integer or out of range"))?;
        let moment_ms = unit.moment_ms(time, now_ms).filter(|_| time > 0);
        let deadline_ms = moment_ms.and_then(|moment_ms| u64::try_from(moment_ms).ok());
        deadline_ms.ok_or_else(|| invalid(command)).map(Some)
    }
}

/// Redis's error for a time that no key can end at.
pub(super) fn invalid(command: &str) -> ErrorText {
    format!("ERR invalid expire time in '{command}' command").into()
}
