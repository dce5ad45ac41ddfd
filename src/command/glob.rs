//! Glob patterns as Redis matches them: `*`, `?`, `[a-z]`, `[^a]`, backslash.
//!
//! Not here: where patterns are used (SCAN, KEYS, CONFIG GET, COMMAND LIST). Invariant: a match
//! costs at most pattern length x text length steps and no recursion, so a hostile pattern is
//! only slow in proportion to its own size.

/// Longest pattern taken; a longer one matches nothing. Keys are at most this long too.
pub const PATTERN_BYTES_MAX: usize = 1_024;

/// True if the whole of `text` matches `pattern`.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    matches_with(pattern, text, false)
}

/// As [`matches()`], with ASCII letters alike in either case.
pub fn matches_nocase(pattern: &[u8], text: &[u8]) -> bool {
    matches_with(pattern, text, true)
}

fn matches_with(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    if pattern.len() > PATTERN_BYTES_MAX {
        return false;
    }
    let (mut at, mut read) = (0, 0);
    // Where to go on if the part after the last `*` fails: only the last one needs another try,
    // since a later star can take up whatever an earlier one could.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if pattern.get(at) == Some(&b'*') {
            at += 1;
            retry = Some((at, read));
            continue;
        }
        let step = match text.get(read) {
            Some(byte) => one(pattern, at, *byte, nocase),
            None if at >= pattern.len() => return true,
            None => return false,
        };
        if let Some(next) = step {
            (at, read) = (next, read + 1);
        } else if let Some((star, from)) = retry {
            (at, read) = (star, from + 1);
            retry = Some((star, from + 1));
        } else {
            return false;
        }
    }
}

/// Matches one byte at pattern position `at`; the position behind it if it does.
fn one(pattern: &[u8], at: usize, byte: u8, nocase: bool) -> Option<usize> {
    let same = |a: u8, b: u8| a == b || (nocase && a.eq_ignore_ascii_case(&b));
    match *pattern.get(at)? {
        b'?' => Some(at + 1),
        b'[' => class(pattern, at + 1, byte, nocase),
        b'\\' if at + 1 < pattern.len() => same(pattern[at + 1], byte).then_some(at + 2),
        literal => same(literal, byte).then_some(at + 1),
    }
}

/// Matches a `[...]` whose content begins at `at`. As in Redis, one without its `]` ends with the
/// pattern.
fn class(pattern: &[u8], mut at: usize, byte: u8, nocase: bool) -> Option<usize> {
    let fold = |b: u8| if nocase { b.to_ascii_lowercase() } else { b };
    let byte = fold(byte);
    let negated = pattern.get(at) == Some(&b'^');
    at += usize::from(negated);
    let mut found = false;
    loop {
        match pattern.get(at..).unwrap_or_default() {
            [] => break,
            [b']', ..] => {
                at += 1;
                break;
            }
            [b'\\', literal, ..] => {
                found |= fold(*literal) == byte;
                at += 2;
            }
            [from, b'-', to, ..] => {
                let (from, to) = (fold(*from.min(to)), fold(*from.max(to)));
                found |= (from..=to).contains(&byte);
                at += 3;
            }
            [literal, ..] => {
                found |= fold(*literal) == byte;
                at += 1;
            }
        }
    }
    (found != negated).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_redis() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*c", "abbbc", true),
            ("a*c", "abbbd", false),
            ("a**c", "ac", true),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h[ae]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-c]llo", "hbllo", true),
            ("h[c-a]llo", "hbllo", true),
            ("h\\*llo", "h*llo", true),
            ("h\\*llo", "hello", false),
            ("[\\]]", "]", true),
            ("[abc", "c", true),
            ("a\\", "a\\", true),
            ("*b*d", "abcbd", true),
            ("*[0-9]x", "a1b2x", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
        assert!(matches_nocase(b"MAX[A-Z]EM*", b"maxmemory"));
    }

    #[test]
    fn a_pattern_of_many_stars_costs_steps_in_proportion_not_exponentially() {
        let pattern = "a*".repeat(PATTERN_BYTES_MAX / 2) + "b";
        assert!(!matches(pattern.as_bytes(), "a".repeat(10_000).as_bytes()));
        assert!(!matches(&b"a*".repeat(PATTERN_BYTES_MAX / 2 - 1), &b"b".repeat(10_000)));
        let hostile = b"*a".repeat(500);
        let mut text = b"a".repeat(1_000);
        text.push(b'b');
        assert!(!matches(&hostile, &text));
    }

    #[test]
    fn a_pattern_over_the_bound_matches_nothing() {
        assert!(!matches(&b"*".repeat(PATTERN_BYTES_MAX + 1), b"a"));
    }
}
