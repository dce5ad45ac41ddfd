//! Lua 5.1's patterns, matched in counted steps.
//!
//! Not here: the functions that use them, nor compiling ([`super::pattern_items`]). What may match
//! in several ways leaves a choice on a stack of our own, no deeper than the pattern is long.
//! Invariant: neither a pattern nor a text can use more than the budget, nor the thread's stack.

use super::fault::Fault;
use super::pattern_items::{Item, Pattern, Set};
use super::watch::Watch;

/// Captures of a pattern, Lua's own bound.
const CAPTURES_MAX: usize = 32;

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
