//! The words of a JSON text, as lua-cjson 2.1 reads them: a little more than JSON (hexadecimal
//! numbers, `inf`, `nan`).
//!
//! Not here: what may follow what. Invariant: each byte is looked at once, and none beyond the text.

/// One word.
#[derive(Debug, PartialEq)]
pub(super) enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    Text(Vec<u8>),
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Bad(&'static str),
}

impl Token {
    /// The library's own name, which its errors show.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Token::ObjectBegin => "T_OBJ_BEGIN",
            Token::ObjectEnd => "T_OBJ_END",
            Token::ArrayBegin => "T_ARR_BEGIN",
            Token::ArrayEnd => "T_ARR_END",
            Token::Text(_) => "T_STRING",
            Token::Number(_) => "T_NUMBER",
            Token::Boolean(_) => "T_BOOLEAN",
            Token::Null => "T_NULL",
            Token::Colon => "T_COLON",
            Token::Comma => "T_COMMA",
            Token::End => "T_END",
            Token::Bad(why) => why,
        }
    }
}

/// Reads a text word by word.
#[derive(Clone)]
pub(super) struct Tokens<'t> {
    text: &'t [u8],
    at: usize,
    invalid_numbers: bool,
}

impl<'t> Tokens<'t> {
    /// With `invalid_numbers`, what is no number of JSON but one of C is read too.
    pub(super) fn new(text: &'t [u8], invalid_numbers: bool) -> Self {
        Tokens { text, at: 0, invalid_numbers }
    }

    /// How many bytes were read.
    pub(super) fn read_bytes(&self) -> usize {
        self.at
    }

    fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next word and where it is, from 0.
    pub(super) fn next(&mut self) -> (Token, usize) {
        let blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.rest().iter().take_while(blank).count();
        let start = self.at;
        let single = |token, bytes| (token, bytes);
        let (token, bytes) = match self.rest() {
            [] | [0, ..] => single(Token::End, 0),
            [b'{', ..] => single(Token::ObjectBegin, 1),
            [b'}', ..] => single(Token::ObjectEnd, 1),
            [b'[', ..] => single(Token::ArrayBegin, 1),
            [b']', ..] => single(Token::ArrayEnd, 1),
            [b':', ..] => single(Token::Colon, 1),
            [b',', ..] => single(Token::Comma, 1),
            [b'"', ..] => return self.string(),
            [b'-' | b'0'..=b'9', ..] => self.number(),
            rest if rest.starts_with(b"true") => single(Token::Boolean(true), 4),
            rest if rest.starts_with(b"false") => single(Token::Boolean(false), 5),
            rest if rest.starts_with(b"null") => single(Token::Null, 4),
            rest if self.invalid_numbers && is_invalid_number(rest) => self.number(),
            _ => single(Token::Bad("invalid token"), 0),
        };
        self.at += bytes;
        (token, start)
    }

    fn number(&self) -> (Token, usize) {
        if !self.invalid_numbers && is_invalid_number(self.rest()) {
            return (Token::Bad("invalid number"), 0);
        }
        match c_number(self.rest()) {
            Some((number, bytes)) => (Token::Number(number), bytes),
            None => (Token::Bad("invalid number"), 0),
        }
    }

    /// An error in a string is placed where it is, not at the string's start.
    fn string(&mut self) -> (Token, usize) {
        let start = self.at;
        self.at += 1;
        let mut data = Vec::new();
        loop {
            let plain = |byte: &&u8| !matches!(byte, b'"' | b'\\' | 0);
            let bytes = self.rest().iter().take_while(plain).count();
            data.extend_from_slice(self.rest().get(..bytes).unwrap_or_default());
            self.at += bytes;
            match self.rest() {
                [b'"', ..] => {
                    self.at += 1;
                    return (Token::Text(data), start);
                }
                [b'\\', b'u', ..] => match self.unicode() {
                    Some((letter, bytes)) => {
                        data.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                        self.at += bytes;
                    }
                    None => return (Token::Bad("invalid unicode escape code"), self.at),
                },
                [b'\\', letter, ..] => match escaped(*letter) {
                    Some(byte) => {
                        data.push(byte);
                        self.at += 2;
                    }
                    None => return (Token::Bad("invalid escape code"), self.at),
                },
                [b'\\'] => return (Token::Bad("invalid escape code"), self.at),
                _ => return (Token::Bad("unexpected end of string"), self.at),
            }
        }
    }

    /// The character of `\uXXXX`, or of a pair of them, and the bytes that it takes.
    fn unicode(&self) -> Option<(char, usize)> {
        let unit = |at: usize| -> Option<u32> {
            let escape = self.rest().get(at..at + 6)?;
            let digits = std::str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
            let all_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            all_hex.then(|| u32::from_str_radix(digits, 16).ok())?
        };
        let high = unit(0)?;
        match high {
            0xD800..0xDC00 => {
                let low = unit(6).filter(|low| (0xDC00..0xE000).contains(low))?;
                let code = 0x1_0000 + ((high & 0x3FF) << 10) + (low & 0x3FF);
                Some((char::from_u32(code)?, 12))
            }
            code => Some((char::from_u32(code)?, 6)),
        }
    }
}

fn escaped(letter: u8) -> Option<u8> {
    Some(match letter {
        b'"' | b'\\' | b'/' => letter,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return None,
    })
}

/// Numbers that C reads and JSON does not have: a plus sign, a leading zero, hexadecimal, `inf`,
/// `nan`.
fn is_invalid_number(text: &[u8]) -> bool {
    if text.first() == Some(&b'+') {
        return true;
    }
    match text.strip_prefix(b"-").unwrap_or(text) {
        [b'0', b'x' | b'X' | b'0'..=b'9', ..] => true,
        [b'0'..=b'9', ..] => false,
        [a, b, c, ..] => {
            let word = [*a, *b, *c].map(|byte| byte.to_ascii_lowercase());
            &word == b"inf" || &word == b"nan"
        }
        _ => false,
    }
}

/// What C's `strtod` reads at the beginning of `text`, and how many bytes of it.
fn c_number(text: &[u8]) -> Option<(f64, usize)> {
    let signed = matches!(text.first(), Some(b'-' | b'+'));
    let body = text.get(usize::from(signed)..).unwrap_or_default();
    let starts = |word: &[u8]| body.get(..word.len()).is_some_and(|b| b.eq_ignore_ascii_case(word));
    let (value, bytes) = if starts(b"infinity") {
        (f64::INFINITY, 8)
    } else if starts(b"inf") {
        (f64::INFINITY, 3)
    } else if starts(b"nan") {
        (f64::NAN, 3)
    } else if starts(b"0x") && body.get(2).is_some_and(u8::is_ascii_hexdigit) {
        hexadecimal(body.get(2..).unwrap_or_default())
    } else {
        decimal(body)?
    };
    let value = if text.first() == Some(&b'-') { -value } else { value };
    Some((value, bytes + usize::from(signed)))
}

/// An integer after `0x`; the two bytes of that are counted.
fn hexadecimal(digits: &[u8]) -> (f64, usize) {
    let digits = digits.iter().take_while(|byte| byte.is_ascii_hexdigit());
    let (mut value, mut bytes) = (0.0, 2);
    for digit in digits {
        value = value * 16.0 + f64::from(char::from(*digit).to_digit(16).unwrap_or(0));
        bytes += 1;
    }
    (value, bytes)
}

fn decimal(text: &[u8]) -> Option<(f64, usize)> {
    let digits = |at: usize| {
        text.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let whole = digits(0);
    let mut end = whole;
    let mut seen = whole;
    if text.get(end) == Some(&b'.') {
        let fraction = digits(end + 1);
        seen += fraction;
        end += 1 + fraction;
    }
    if seen == 0 {
        return None;
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'-' | b'+')));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    let number = std::str::from_utf8(text.get(..end)?).ok()?;
    Some((number.parse().ok()?, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_strtod() {
        for (text, number, bytes) in [
            ("1.", 1.0, 2),
            ("1e", 1.0, 1),
            ("1e+", 1.0, 1),
            ("-1.5e3x", -1500.0, 6),
            ("0x10", 16.0, 4),
            ("0xg", 0.0, 1),
            ("+7", 7.0, 2),
            ("-infinity", f64::NEG_INFINITY, 9),
        ] {
            assert_eq!(c_number(text.as_bytes()), Some((number, bytes)), "{text}");
        }
        assert_eq!(c_number(b"-"), None);
        assert_eq!(c_number(b"."), None);
    }

    #[test]
    fn strings_are_unescaped_and_their_errors_placed() {
        let read = |text: &str| Tokens::new(text.as_bytes(), true).next();
        let text = Token::Text("é😀\0z\n".as_bytes().to_vec());
        assert_eq!(read("\"\\u00e9\\ud83d\\ude00\\u0000z\n\""), (text, 0));
        for (source, why, at) in [
            ("\"abc", "unexpected end of string", 4),
            ("\"\\x\"", "invalid escape code", 1),
            ("\"\\ud800\"", "invalid unicode escape code", 1),
            ("\"\\udc00\"", "invalid unicode escape code", 1),
            ("\"\\u+123\"", "invalid unicode escape code", 1),
            ("\"\\", "invalid escape code", 1),
        ] {
            assert_eq!(read(source), (Token::Bad(why), at), "{source}");
        }
    }
}
