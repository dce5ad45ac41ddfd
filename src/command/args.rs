//! The words of one request.
//!
//! Not here: what they mean. Invariant: nothing is copied, and an integer is read exactly as
//! Redis's string2ll reads it.

use std::borrow::Cow;
use std::ops::Range;

pub use crate::engine::parse_integer;
use crate::resp::Span;

/// The text of an error reply, with its code. A `Result` carries it instead of a whole
/// [`Reply`](crate::resp::Reply), which is several times as large.
pub type ErrorText = Cow<'static, str>;

/// The words of one request: its bytes, and where each word is in them.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    request: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// The words at `spans` of `request`.
    pub fn new(request: &'a [u8], spans: &'a [Span]) -> Self {
        Args { request, spans }
    }

    /// How many words, the command's name included.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// True if there is no word at all.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Word `index`, 0 being the command's name; empty where there is none.
    pub fn get(&self, index: usize) -> &'a [u8] {
        self.spans.get(index).map(|span| span.of(self.request)).unwrap_or_default()
    }

    /// The words from the first on.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let request = self.request;
        self.spans.iter().map(move |span| span.of(request))
    }

    /// The words from `index` on, as a request of their own.
    pub fn tail(&self, index: usize) -> Args<'a> {
        Args { request: self.request, spans: self.spans.get(index..).unwrap_or_default() }
    }

    /// True if word `index` is this ASCII word, in any case.
    pub fn is(&self, index: usize, word: &str) -> bool {
        self.get(index).eq_ignore_ascii_case(word.as_bytes())
    }

    /// Word `index` as an integer, or Redis's error.
    pub fn integer(&self, index: usize) -> Result<i64, ErrorText> {
        self.integer_or(index, "ERR value is not an integer or out of range")
    }

    /// Word `index` as an integer, or the given error.
    pub fn integer_or(&self, index: usize, error: &'static str) -> Result<i64, ErrorText> {
        parse_integer(self.get(index)).ok_or(error.into())
    }
}

/// Words kept apart from the request that they came in.
#[derive(Debug, Default)]
pub struct Words {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

impl Words {
    /// Appends words; their places, for [`Words::args`]. What would lie beyond 4 GiB is left out.
    pub fn extend<'w>(&mut self, words: impl Iterator<Item = &'w [u8]>) -> Range<usize> {
        let first = self.spans.len();
        for word in words {
            let start = self.bytes.len();
            let end = start.saturating_add(word.len());
            let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end)) else { break };
            self.bytes.extend_from_slice(word);
            self.spans.push(Span { start, end });
        }
        first..self.spans.len()
    }

    /// The words at these places as a request.
    pub fn args(&self, places: Range<usize>) -> Args<'_> {
        Args::new(&self.bytes, self.spans.get(places).unwrap_or_default())
    }

    /// Forgets the words and keeps their room, unless that is large.
    pub fn clear(&mut self) {
        /// More than a script's call takes, and little beside a Lua state.
        const ROOM_BYTES: usize = 64 << 10;
        if self.held_bytes() > ROOM_BYTES {
            *self = Words::default();
        }
        self.bytes.clear();
        self.spans.clear();
    }

    /// What the words take, each with its place.
    pub fn cost_bytes(&self) -> usize {
        self.bytes.len().saturating_add(self.spans.len().saturating_mul(size_of::<Span>()))
    }

    /// What a request would take here.
    pub fn cost_of(args: &Args<'_>) -> usize {
        args.iter().fold(0, |sum, word| sum.saturating_add(word.len() + size_of::<Span>()))
    }

    /// Bytes that are reserved.
    pub fn held_bytes(&self) -> usize {
        let spans = self.spans.capacity().saturating_mul(size_of::<Span>());
        self.bytes.capacity().saturating_add(spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_not_there_is_empty() {
        let spans = [Span { start: 0, end: 4 }];
        let args = Args::new(b"ping", &spans);
        assert_eq!(args.get(0), b"ping");
        assert_eq!(args.get(1), b"");
        assert!(args.tail(2).is_empty());
        assert!(args.is(0, "PING"));
    }
}
