//! Splits an inline request into arguments, unquoting them in place.
//!
//! Not here: finding the line. The rules are those of Redis's `sdssplitargs`: blanks separate,
//! `"..."` knows `\n \r \t \b \a \xHH` and `\` before anything else, `'...'` knows only `\'`, and
//! behind a closing quote comes a blank or the end. A NUL is a byte like any other. Invariant: an
//! unquoted argument is never longer than its source, so it is written over it.

use super::request::Span;

/// A quote that is not closed, or closed in the middle of a word.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unbalanced;

/// Appends the arguments of `line`, which has no line break at its end, to `spans`.
///
/// # Errors
/// The quotes do not match; `spans` then holds the arguments before them.
pub(super) fn split(line: &mut [u8], spans: &mut Vec<Span>) -> Result<(), Unbalanced> {
    let mut splitter = Splitter { line, read: 0, write: 0 };
    while let Some(span) = splitter.word()? {
        spans.push(span);
    }
    Ok(())
}

struct Splitter<'a> {
    line: &'a mut [u8],
    read: usize,
    /// Never ahead of `read`.
    write: usize,
}

impl Splitter<'_> {
    fn word(&mut self) -> Result<Option<Span>, Unbalanced> {
        while self.peek(0).is_some_and(is_blank) {
            self.read += 1;
        }
        if self.peek(0).is_none() {
            return Ok(None);
        }
        let start = self.read;
        self.write = start;
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => break,
                b'"' | b'\'' => {
                    self.read += 1;
                    self.quoted(byte)?;
                    break;
                }
                _ => self.put(byte, 1),
            }
        }
        Span::new(start, self.write).map(Some).ok_or(Unbalanced)
    }

    /// Reads to the closing `quote`, which ends the word.
    fn quoted(&mut self, quote: u8) -> Result<(), Unbalanced> {
        while let Some(byte) = self.peek(0) {
            if byte == quote {
                self.read += 1;
                return match self.peek(0) {
                    Some(next) if !is_blank(next) => Err(Unbalanced),
                    _ => Ok(()),
                };
            }
            match self.peek(1) {
                Some(escaped) if byte == b'\\' && quote == b'"' => self.escape(escaped),
                Some(b'\'') if byte == b'\\' => self.put(b'\'', 2),
                _ => self.put(byte, 1),
            }
        }
        Err(Unbalanced)
    }

    fn escape(&mut self, escaped: u8) {
        if escaped == b'x'
            && let (Some(high), Some(low)) = (self.hex(2), self.hex(3))
        {
            return self.put(high * 16 + low, 4);
        }
        let byte = match escaped {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 0x08,
            b'a' => 0x07,
            other => other,
        };
        self.put(byte, 2);
    }

    fn hex(&self, ahead: usize) -> Option<u8> {
        let digit = char::from(self.peek(ahead)?).to_digit(16)?;
        u8::try_from(digit).ok()
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.line.get(self.read + ahead).copied()
    }

    /// Writes one byte that stands for the next `taken` ones.
    fn put(&mut self, byte: u8, taken: usize) {
        if let Some(slot) = self.line.get_mut(self.write) {
            *slot = byte;
        }
        self.write += 1;
        self.read += taken;
    }
}

/// C's `isspace`.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Option<Vec<Vec<u8>>> {
        let mut line = line.as_bytes().to_vec();
        let mut spans = Vec::new();
        split(&mut line, &mut spans).ok()?;
        Some(spans.into_iter().map(|span| span.of(&line).to_vec()).collect())
    }

    fn list(words: &[&[u8]]) -> Option<Vec<Vec<u8>>> {
        Some(words.iter().map(|word| word.to_vec()).collect())
    }

    #[test]
    fn words_split_as_sdssplitargs_splits_them() {
        for (line, expected) in [
            ("", list(&[])),
            (" \t\u{b}\u{c} ", list(&[])),
            ("PING", list(&[b"PING"])),
            ("  SET  a\tb  ", list(&[b"SET", b"a", b"b"])),
            (r#"SET "a b" 'c d'"#, list(&[b"SET", b"a b", b"c d"])),
            (r#""" ''"#, list(&[b"", b""])),
            (r#""\n\r\t\b\a\\\"\q""#, list(&[b"\n\r\t\x08\x07\\\"q"])),
            (r#""\x00\xfFx\xg1\x1""#, list(&[b"\x00\xffxxg1x1"])),
            (r#"'\n\'\x41\ '"#, list(&[b"\\n'\\x41\\ "])),
            (r"'\\'", None),
            (r#"foo"bar" x"#, list(&[b"foobar", b"x"])),
            ("foo'b r'", list(&[b"foob r"])),
            ("a\u{b}b", list(&[b"a\x0bb"])),
            ("\"a\"\u{b}b", list(&[b"a", b"b"])),
            ("a\0b c", list(&[b"a\0b", b"c"])),
            (r"a\nb", list(&[br"a\nb"])),
            (r#""a"b"#, None),
            (r#"'a'"b""#, None),
            (r#""a"#, None),
            ("'a", None),
            (r#""a\"#, None),
            (r#""a\""#, None),
            (r"'a\'", None),
            ("\"", None),
        ] {
            assert_eq!(words(line), expected, "{line:?}");
        }
    }
}
