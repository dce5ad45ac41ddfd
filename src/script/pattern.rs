//! Lua 5.1's patterns, matched in counted steps.
//!
//! Not here: the functions that use them. A pattern is compiled into a line of items; what may match
//! in several ways leaves a choice on a stack of our own, no deeper than the pattern is long.
//! Invariant: neither a pattern nor a text can use more than the budget, nor the thread's stack.

use super::fault::Fault;
use super::watch::Watch;

/// Captures of a pattern, Lua's own bound.
const CAPTURES_MAX: usize = 32;
/// A pattern, bytes: an item takes 40.
const PATTERN_BYTES_MAX: usize = 64 << 10;

/// Why there is no answer.
pub(super) enum Problem {
    /// The pattern is wrong, in Lua's words.
    Malformed(&'static str),
    /// The script was stopped.
    Stopped,
}

impl From<Fault> for Problem {
    fn from(_: Fault) -> Self {
        Problem::Stopped
    }
}

/// Which bytes one item takes.
#[derive(Clone, Copy)]
struct Set([u64; 4]);

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

    fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }
}

/// One step of a pattern.
#[derive(Clone, Copy)]
enum Item {
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
    items: Vec<Item>,
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

/// A part of the text that a match remembers.
#[derive(Clone, Copy)]
pub(super) enum Capture {
    /// From here, not ended yet.
    Open(usize),
    /// These bytes.
    Bytes(usize, usize),
    /// The place itself.
    Position(usize),
}

/// What may be tried again, or must be taken back, when a match fails further on.
enum Choice {
    Resume { item: usize, at: usize },
    Greedy { item: usize, from: usize, count: usize, least: usize },
    Lazy { item: usize, at: usize },
    Opened,
    Closed { capture: usize, from: usize },
}

/// Matches one pattern against one text.
pub(super) struct Matcher<'a> {
    pattern: &'a Pattern,
    text: &'a [u8],
    watch: &'a Watch,
    captures: Vec<Capture>,
    choices: Vec<Choice>,
}

impl<'a> Matcher<'a> {
    pub(super) fn new(pattern: &'a Pattern, text: &'a [u8], watch: &'a Watch) -> Self {
        Matcher { pattern, text, watch, captures: Vec::new(), choices: Vec::new() }
    }

    /// The first match that begins at `from` or, unless the pattern is anchored, after it: its
    /// first byte, and the one after its last.
    pub(super) fn search(&mut self, from: usize) -> Result<Option<(usize, usize)>, Problem> {
        for start in from..=self.text.len() {
            if let Some(end) = self.match_at(start)? {
                return Ok(Some((start, end)));
            }
            if self.pattern.anchored {
                break;
            }
        }
        Ok(None)
    }

    /// What the last match remembers.
    pub(super) fn captures(&self) -> &[Capture] {
        &self.captures
    }

    /// Where a match that begins exactly at `start` ends.
    pub(super) fn match_at(&mut self, start: usize) -> Result<Option<usize>, Problem> {
        self.captures.clear();
        self.choices.clear();
        let (mut item, mut at) = (0, start);
        loop {
            self.watch.charge(1)?;
            let Some(next) = self.pattern.items.get(item) else {
                return Ok(Some(at));
            };
            let next = self.step(*next, item, at)?.map(|at| (item + 1, at));
            match next.map_or_else(|| self.back(), |next| Ok(Some(next)))? {
                Some(next) => (item, at) = next,
                None => return Ok(None),
            }
        }
    }

    /// Takes one item at `at`: where the text goes on, or nothing if it does not match.
    fn step(&mut self, item: Item, index: usize, at: usize) -> Result<Option<usize>, Problem> {
        let here = self.text.get(at).copied();
        let takes = |set: &Set| here.is_some_and(|byte| set.has(byte));
        Ok(match item {
            Item::One(set) => takes(&set).then_some(at + 1),
            Item::Optional(set) if takes(&set) => {
                self.choices.push(Choice::Resume { item: index + 1, at });
                Some(at + 1)
            }
            Item::Optional(_) => Some(at),
            Item::Greedy(set, least) => {
                let rest = self.text.get(at..).unwrap_or_default();
                let count = rest.iter().take_while(|byte| set.has(**byte)).count();
                self.watch.charge(count / 8)?;
                if count > least {
                    self.choices.push(Choice::Greedy { item: index, from: at, count, least });
                }
                (count >= least).then_some(at + count)
            }
            Item::Lazy(_) => {
                self.choices.push(Choice::Lazy { item: index, at });
                Some(at)
            }
            Item::Open => self.open(Capture::Open(at))?.then_some(at),
            Item::OpenPosition => self.open(Capture::Position(at))?.then_some(at),
            Item::Close => self.close(at)?.then_some(at),
            Item::Balance(open, close) => self.balance(open, close, at)?,
            Item::Frontier(set) => {
                let before = at.checked_sub(1).and_then(|at| self.text.get(at)).copied();
                let edge = !set.has(before.unwrap_or(0)) && set.has(here.unwrap_or(0));
                edge.then_some(at)
            }
            Item::Back(number) => self.repeat(number, at)?,
            Item::End => (at == self.text.len()).then_some(at),
            Item::Malformed(text) => return Err(Problem::Malformed(text)),
        })
    }

    fn open(&mut self, capture: Capture) -> Result<bool, Problem> {
        if self.captures.len() >= CAPTURES_MAX {
            return Err(Problem::Malformed("too many captures"));
        }
        self.captures.push(capture);
        self.choices.push(Choice::Opened);
        Ok(true)
    }

    fn close(&mut self, at: usize) -> Result<bool, Problem> {
        let open = self.captures.iter_mut().enumerate().rev().find_map(|(index, capture)| {
            let Capture::Open(from) = *capture else {
                return None;
            };
            *capture = Capture::Bytes(from, at);
            Some(Choice::Closed { capture: index, from })
        });
        self.choices.push(open.ok_or(Problem::Malformed("invalid pattern capture"))?);
        Ok(true)
    }

    fn balance(&mut self, open: u8, close: u8, at: usize) -> Result<Option<usize>, Problem> {
        let rest = self.text.get(at..).unwrap_or_default();
        if rest.first() != Some(&open) {
            return Ok(None);
        }
        let mut depth = 1_usize;
        for (index, byte) in rest.iter().enumerate().skip(1) {
            if *byte == close {
                depth -= 1;
                if depth == 0 {
                    self.watch.charge(index / 8)?;
                    return Ok(Some(at + index + 1));
                }
            } else if *byte == open {
                depth += 1;
            }
        }
        self.watch.charge(rest.len() / 8)?;
        Ok(None)
    }

    fn repeat(&mut self, number: u8, at: usize) -> Result<Option<usize>, Problem> {
        let capture = usize::from(number).checked_sub(1).and_then(|index| self.captures.get(index));
        let (from, to) = match capture {
            Some(Capture::Bytes(from, to)) => (*from, *to),
            // Lua compares a place's length, which is none, and fails.
            Some(Capture::Position(_)) => return Ok(None),
            _ => return Err(Problem::Malformed("invalid capture index")),
        };
        let wanted = self.text.get(from..to).unwrap_or_default();
        self.watch.charge(wanted.len() / 64)?;
        let rest = self.text.get(at..).unwrap_or_default();
        Ok(rest.starts_with(wanted).then_some(at + wanted.len()))
    }

    /// The next way to go on, the last choice first.
    fn back(&mut self) -> Result<Option<(usize, usize)>, Problem> {
        while let Some(choice) = self.choices.pop() {
            match choice {
                Choice::Resume { item, at } => return Ok(Some((item, at))),
                Choice::Greedy { item, from, count, least } => {
                    let count = count - 1;
                    if count > least {
                        self.choices.push(Choice::Greedy { item, from, count, least });
                    }
                    return Ok(Some((item + 1, from + count)));
                }
                Choice::Lazy { item, at } => {
                    let Some(Item::Lazy(set)) = self.pattern.items.get(item) else {
                        continue;
                    };
                    if self.text.get(at).is_some_and(|byte| set.has(*byte)) {
                        self.choices.push(Choice::Lazy { item, at: at + 1 });
                        return Ok(Some((item + 1, at + 1)));
                    }
                }
                Choice::Opened => {
                    self.captures.pop();
                }
                Choice::Closed { capture, from } => {
                    if let Some(capture) = self.captures.get_mut(capture) {
                        *capture = Capture::Open(from);
                    }
                }
            }
        }
        Ok(None)
    }
}
