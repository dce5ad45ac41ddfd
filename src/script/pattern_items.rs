//! Patterns of Lua 5.1, compiled into a line of items.
//!
//! Not here: matching ([`super::pattern`]). Invariant: compiling takes one look at each byte, and
//! what is wrong in a pattern is an item, told when a match gets there.

use super::pattern::Problem;

/// A pattern, bytes: an item takes 40.
const PATTERN_BYTES_MAX: usize = 64 << 10;

/// Which bytes one item takes.
#[derive(Clone, Copy)]
pub(super) struct Set([u64; 4]);

impl Set {
    fn of(takes: impl Fn(u8) -> bool) -> Set {
        let mut words = [0; 4];
        for byte in (0..=u8::MAX).filter(|byte| takes(*byte)) {
            words[usize::from(byte >> 6)] |= 1 << (byte & 63);
        }
        Set(words)
    }

    fn single(wanted: u8) -> Set {
        let mut words = [0; 4];
        words[usize::from(wanted >> 6)] = 1 << (wanted & 63);
        Set(words)
    }

    pub(super) fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }
}

/// One step of a pattern.
#[derive(Clone, Copy)]
pub(super) enum Item {
    One(Set),
    Optional(Set),
    /// As many as there are, at least this many.
    Greedy(Set, usize),
    /// As few as will do.
    Lazy(Set),
    Open,
    OpenPosition,
    Close,
    Balance(u8, u8),
    Frontier(Set),
    Back(u8),
    End,
    Malformed(&'static str),
}

/// Whether `byte` is of the class that `%letter` names.
fn in_class(letter: u8, byte: u8) -> bool {
    let within = match letter.to_ascii_lowercase() {
        b'a' => byte.is_ascii_alphabetic(),
        b'c' => byte.is_ascii_control(),
        b'd' => byte.is_ascii_digit(),
        b'l' => byte.is_ascii_lowercase(),
        b'p' => byte.is_ascii_punctuation(),
        b's' => byte.is_ascii_whitespace() || byte == 0x0b,
        b'u' => byte.is_ascii_uppercase(),
        b'w' => byte.is_ascii_alphanumeric(),
        b'x' => byte.is_ascii_hexdigit(),
        b'z' => byte == 0,
        _ => return letter == byte,
    };
    within != letter.is_ascii_uppercase()
}

/// A compiled pattern.
pub(super) struct Pattern {
    pub(super) items: Vec<Item>,
    /// It begins with `^`, where the function that uses it heeds that.
    pub(super) anchored: bool,
}

impl Pattern {
    /// Compiles `source`, which ends at a zero byte as in Lua 5.1. What is wrong in it is told when
    /// a match gets there.
    pub(super) fn new(source: &[u8], heeds_anchor: bool) -> Result<Self, Problem> {
        let source = source.split(|byte| *byte == 0).next().unwrap_or_default();
        if source.len() > PATTERN_BYTES_MAX {
            return Err(Problem::Malformed("malformed pattern (too long)"));
        }
        let anchored = heeds_anchor && source.first() == Some(&b'^');
        let mut reader = Reader { rest: source.get(usize::from(anchored)..).unwrap_or_default() };
        let mut items = Vec::with_capacity(source.len());
        loop {
            match reader.item() {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(text) => {
                    items.push(Item::Malformed(text));
                    break;
                }
            }
        }
        Ok(Pattern { items, anchored })
    }
}

struct Reader<'p> {
    rest: &'p [u8],
}

impl Reader<'_> {
    fn item(&mut self) -> Result<Option<Item>, &'static str> {
        let item = match *self.rest {
            [] => return Ok(None),
            [b'(', b')', ..] => self.fixed(Item::OpenPosition, 2),
            [b'(', ..] => self.fixed(Item::Open, 1),
            [b')', ..] => self.fixed(Item::Close, 1),
            [b'$'] => self.fixed(Item::End, 1),
            [b'%', b'b', open, close, ..] => self.fixed(Item::Balance(open, close), 4),
            [b'%', b'b', ..] => return Err("unbalanced pattern"),
            [b'%', b'f', b'[', ..] => {
                self.skip(2);
                Item::Frontier(self.set()?)
            }
            [b'%', b'f', ..] => return Err("missing '[' after '%f' in pattern"),
            [b'%', digit @ b'0'..=b'9', ..] => self.fixed(Item::Back(digit - b'0'), 2),
            _ => self.repeated()?,
        };
        Ok(Some(item))
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn fixed(&mut self, item: Item, bytes: usize) -> Item {
        self.skip(bytes);
        item
    }

    fn repeated(&mut self) -> Result<Item, &'static str> {
        let set = self.set()?;
        let item = match self.rest.first() {
            Some(b'*') => Item::Greedy(set, 0),
            Some(b'+') => Item::Greedy(set, 1),
            Some(b'-') => Item::Lazy(set),
            Some(b'?') => Item::Optional(set),
            _ => return Ok(Item::One(set)),
        };
        Ok(self.fixed(item, 1))
    }

    /// The bytes that the next character, class or bracketed set takes.
    fn set(&mut self) -> Result<Set, &'static str> {
        match *self.rest {
            [b'.', ..] => {
                self.skip(1);
                Ok(Set([u64::MAX; 4]))
            }
            [b'%'] => Err("malformed pattern (ends with '%')"),
            [b'%', letter, ..] => {
                self.skip(2);
                Ok(Set::of(|byte| in_class(letter, byte)))
            }
            [b'[', ..] => self.bracketed(),
            [byte, ..] => {
                self.skip(1);
                Ok(Set::single(byte))
            }
            [] => Err("malformed pattern (ends with '%')"),
        }
    }

    fn bracketed(&mut self) -> Result<Set, &'static str> {
        self.skip(1);
        let negated = self.rest.first() == Some(&b'^');
        self.skip(usize::from(negated));
        // The first character is never the end, nor is one behind a `%`.
        let mut end = 0;
        loop {
            match self.rest.get(end..).unwrap_or_default() {
                [] => return Err("malformed pattern (missing ']')"),
                [b'%', _, ..] => end += 2,
                _ => end += 1,
            }
            if self.rest.get(end) == Some(&b']') {
                break;
            }
        }
        let inner = self.rest.get(..end).unwrap_or_default();
        let mut words = [0_u64; 4];
        let mut at = inner;
        while !at.is_empty() {
            let (part, used) = match *at {
                [b'%', letter, ..] => (Set::of(|byte| in_class(letter, byte)), 2),
                [low, b'-', high, ..] => (Set::of(|byte| (low..=high).contains(&byte)), 3),
                [byte, ..] => (Set::single(byte), 1),
                [] => break,
            };
            for (word, more) in words.iter_mut().zip(part.0) {
                *word |= more;
            }
            at = at.get(used..).unwrap_or_default();
        }
        self.skip(end + 1);
        Ok(Set(if negated { words.map(|word| !word) } else { words }))
    }
}
