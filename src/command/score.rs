//! Scores of sorted sets: read and written as Redis 7.0 does.
//!
//! Not here: what is done with them. Invariant: no score is NaN.

use std::ops::Bound;

use super::ErrorText;
use super::counters::NOT_FLOAT;
use super::extended::Extended;
use super::table::c_string;
use crate::engine::LexBound;
use crate::resp::{Frame, Protocol, Reply, bulk, double, double_text};

const NOT_A_BOUND: &str = "ERR min or max is not a float";
const NOT_A_LEX_BOUND: &str = "ERR min or max not valid string range item";

/// A score as a reply: a double, in RESP2 its text.
pub(super) fn score_reply(score: f64, protocol: Protocol) -> Reply {
    match protocol {
        Protocol::Resp2 => Reply::Bulk(double_text(score).into_bytes()),
        Protocol::Resp3 => Reply::Frame(double(score)),
    }
}

/// The same within another reply.
pub(super) fn score_frame(score: f64, protocol: Protocol) -> Frame {
    match protocol {
        Protocol::Resp2 => bulk(double_text(score)),
        Protocol::Resp3 => double(score),
    }
}

/// A score as ZSCAN writes it: an integer with all its digits, where Redis keeps the set in one
/// piece.
pub(super) fn walked_frame(score: f64, is_packed: bool) -> Frame {
    /// Up to here Redis keeps a score as an integer.
    const INTEGER_MAX: f64 = 4_611_686_018_427_387_904.0;
    if is_packed && score.abs() <= INTEGER_MAX && score.fract() == 0.0 {
        return bulk(format!("{score:.0}"));
    }
    bulk(double_text(score))
}

/// The number that C's `strtod` reads from a whole text; what is too large is infinite, what is too
/// small 0. `None`: the text is no number.
fn read(text: &[u8]) -> Option<f64> {
    let (sign, digits) = match text {
        [b'-', rest @ ..] => (-1.0, rest),
        [b'+', rest @ ..] => (1.0, rest),
        rest => (1.0, rest),
    };
    if let [b'0', b'x' | b'X', ..] = digits {
        return Extended::parse(digits).map(|number| sign * number.to_f64());
    }
    // `parse` would take a second sign.
    let is_number = matches!(digits.first(), Some(b'0'..=b'9' | b'.' | b'i' | b'I'));
    let number: f64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    is_number.then_some(sign * number)
}

/// Reads a score.
///
/// # Errors
/// It is no number, or too large or too small to be told from none.
pub(super) fn parse_score(word: &[u8]) -> Result<f64, ErrorText> {
    let number = read(word).ok_or(ErrorText::Borrowed(NOT_FLOAT))?;
    let is_named = word.iter().any(|byte| matches!(byte, b'i' | b'I'));
    let lost = number.is_infinite() && !is_named || number == 0.0 && has_digits(word);
    if lost { Err(NOT_FLOAT.into()) } else { Ok(number) }
}

/// True if the digits of a number before its exponent are not all zero.
fn has_digits(word: &[u8]) -> bool {
    let digits = match word {
        [b'0', b'x' | b'X', rest @ ..] | [_, b'0', b'x' | b'X', rest @ ..] => {
            return rest
                .iter()
                .take_while(|byte| !matches!(byte, b'p' | b'P'))
                .any(|byte| !matches!(byte, b'0' | b'.'));
        }
        digits => digits,
    };
    let mantissa = digits.iter().take_while(|byte| !matches!(byte, b'e' | b'E'));
    mantissa.into_iter().any(|byte| matches!(byte, b'1'..=b'9'))
}

/// Reads one end of a range of scores: a number, excluded behind `(`. As in Redis a text ends at its
/// first zero byte, may begin with spaces, and is 0 where it is empty.
fn parse_bound(word: &[u8]) -> Option<Bound<f64>> {
    let text = c_string(word);
    let (is_excluded, text) = match text {
        [b'(', rest @ ..] => (true, rest),
        text => (false, text),
    };
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let spaces = text.iter().take_while(|byte| is_space(byte)).count();
    let number = if text.is_empty() { 0.0 } else { read(&text[spaces..])? };
    Some(if is_excluded { Bound::Excluded(number) } else { Bound::Included(number) })
}

/// Reads both ends of a range of scores.
///
/// # Errors
/// One is no number.
pub(super) fn parse_bounds(min: &[u8], max: &[u8]) -> Result<(Bound<f64>, Bound<f64>), ErrorText> {
    parse_bound(min).zip(parse_bound(max)).ok_or(NOT_A_BOUND.into())
}

fn parse_lex_bound(word: &[u8]) -> Option<LexBound<'_>> {
    match word {
        [b'-'] | [b'-', 0, ..] => Some(LexBound::Least),
        [b'+'] | [b'+', 0, ..] => Some(LexBound::Greatest),
        [b'[', member @ ..] => Some(LexBound::At(member)),
        [b'(', member @ ..] => Some(LexBound::Beside(member)),
        _ => None,
    }
}

/// Reads both ends of a range of members.
///
/// # Errors
/// One does not begin with `[` or `(` and is neither `-` nor `+`.
pub(super) fn parse_lex_bounds<'b>(
    min: &'b [u8],
    max: &'b [u8],
) -> Result<(LexBound<'b>, LexBound<'b>), ErrorText> {
    parse_lex_bound(min).zip(parse_lex_bound(max)).ok_or(NOT_A_LEX_BOUND.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_what_redis_takes_for_a_number() {
        for (word, score) in [
            ("1", 1.0),
            ("-1.5", -1.5),
            ("+.5", 0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("0x1p3", 8.0),
            ("-0x.8", -0.5),
            ("0e999", 0.0),
            ("0x0p9", 0.0),
            ("5e-324", 5e-324),
            ("0.1", 0.1),
        ] {
            assert_eq!(parse_score(word.as_bytes()), Ok(score), "{word}");
        }
        for word in [
            "",
            " 1",
            "1 ",
            "1\0",
            "nan",
            "-nan",
            "abc",
            "1e400",
            "1e-400",
            "-1e-400",
            "--1",
            "+-1",
            "1e",
            ".",
            "0x",
            "e5",
            "0x1p-9999",
            "1_0",
        ] {
            assert_eq!(parse_score(word.as_bytes()), Err(NOT_FLOAT.into()), "{word:?}");
        }
    }

    #[test]
    fn a_bound_is_read_as_c_reads_a_text() {
        for (word, bound) in [
            ("", Bound::Included(0.0)),
            ("(", Bound::Excluded(0.0)),
            (" 1", Bound::Included(1.0)),
            ("( 1", Bound::Excluded(1.0)),
            ("1\0x", Bound::Included(1.0)),
            ("1e400", Bound::Included(f64::INFINITY)),
            ("(-inf", Bound::Excluded(f64::NEG_INFINITY)),
        ] {
            assert_eq!(parse_bound(word.as_bytes()), Some(bound), "{word:?}");
        }
        for word in [" ", "1 ", "nan", "((1", "x", "(nan"] {
            assert_eq!(parse_bound(word.as_bytes()), None, "{word:?}");
        }
    }
}
