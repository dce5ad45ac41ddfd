//! The request parser: arrays of bulk strings and inline lines, nothing nested.
//!
//! Not here: what a request means. Invariant: between calls it keeps how far it has looked, never
//! a copy of the input; memory grows with arguments that arrived, not with those announced. Rules
//! and error texts are those of Redis's `networking.c`, with two tightenings: the line break
//! behind a bulk is checked, and a bulk that does not begin with `$` is refused at its first byte.

use super::inline;
use super::number::{quick_number, whole_number};
use super::refusal::{
    BAD_BULK, BAD_COUNT, BIG_BULK, BIG_COUNT, BIG_INLINE, ProtocolError, QUOTES,
    UNAUTHENTICATED_BULK, UNAUTHENTICATED_COUNT, refusal, unexpected,
};

/// Most arguments of a client that has not authenticated (Redis's figure).
pub const UNAUTHENTICATED_ARGS_MAX: usize = 10;
/// Longest argument of a client that has not authenticated, bytes (Redis's figure).
pub const UNAUTHENTICATED_BULK_BYTES_MAX: usize = 16_384;

/// Spans for which a parser keeps its memory between requests: more than any usual command has,
/// little enough for ten thousand idle connections.
const SPANS_KEPT: usize = 64;

/// A byte range of one argument, relative to the first byte of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The argument's bytes in `request`.
    #[inline]
    pub fn of(self, request: &[u8]) -> &[u8] {
        request.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The span of `start..end`, or `None` beyond 4 GiB.
    #[inline]
    pub(super) fn new(start: usize, end: usize) -> Option<Span> {
        Some(Span { start: u32::try_from(start).ok()?, end: u32::try_from(end).ok()? })
    }
}

/// What a request may declare; checked before anything is reserved.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest argument, bytes (`proto-max-bulk-len`).
    pub bulk_bytes_max: usize,
    /// Most arguments in an array; an inline request is bounded by its line alone, as in Redis.
    pub args_max: usize,
    /// Longest line (inline request, or a header without its end), bytes.
    pub line_bytes_max: usize,
    /// The client has not authenticated: ten arguments of 16 KiB at most, as in Redis.
    pub unauthenticated: bool,
}

/// What [`Parser::parse`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A whole request of this many bytes; its arguments are [`Parser::args`]. None: an empty
    /// request (`*0`, `*-1`, an empty line), which gets no reply.
    Request {
        /// Bytes that the request took from the front of the input.
        used_bytes: usize,
    },
    /// The input ends inside a request: call again with the same bytes and more behind them.
    Incomplete,
}

/// Where in a request the next byte belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Before its first byte.
    #[default]
    Start,
    /// In an inline line.
    Inline,
    /// In the `*<count>` line.
    Count,
    /// Among the arguments.
    Bulks,
}

/// A resumable parser of one connection's requests.
#[derive(Debug, Default)]
pub struct Parser {
    spans: Vec<Span>,
    stage: Stage,
    /// Where the line or bulk in hand begins.
    at: usize,
    /// Up to here the line in hand has been searched for its end.
    scanned: usize,
    /// Arguments still to come.
    remaining: usize,
    /// Length of the bulk in hand, once its header is read.
    bulk: Option<usize>,
    #[cfg(test)]
    examined: usize,
}

impl Parser {
    /// Parses one request at the front of `input`. After `Incomplete`, the next call must pass
    /// the same bytes at the front (moved in memory is fine) followed by more. Arguments of an
    /// inline request are unquoted in place, so its bytes in `input` change.
    ///
    /// # Errors
    /// The bytes are no request, or go beyond `limits`. There is no way to find the next request
    /// behind them: the connection must be closed.
    #[inline]
    pub fn parse(&mut self, input: &mut [u8], limits: &Limits) -> Result<Parsed, ProtocolError> {
        let parsed = match self.stage {
            Stage::Start => self.start(input, limits),
            Stage::Inline => self.inline(input, limits),
            Stage::Count => self.count(input, limits),
            Stage::Bulks => self.bulks(input, limits),
        };
        match &parsed {
            Ok(Parsed::Incomplete) => {}
            Ok(Parsed::Request { .. }) => self.stage = Stage::Start,
            Err(_) => {
                self.stage = Stage::Start;
                self.spans.clear();
            }
        }
        parsed
    }

    /// The arguments of the request that `parse` has just returned.
    #[inline]
    pub fn args(&self) -> &[Span] {
        &self.spans
    }

    /// Forgets the request before, then reads the first byte.
    #[inline]
    fn start(&mut self, input: &mut [u8], limits: &Limits) -> Result<Parsed, ProtocolError> {
        self.spans.clear();
        if self.spans.capacity() > SPANS_KEPT {
            self.spans = Vec::new();
        }
        self.at = 0;
        self.scanned = 0;
        self.bulk = None;
        match input.first() {
            None => Ok(Parsed::Incomplete),
            Some(b'*') => {
                let most = cap(limits.args_max, limits, UNAUTHENTICATED_ARGS_MAX);
                match quick_number(input, 1) {
                    Some((count, next)) if count != 0 && count <= most => {
                        self.examine(next);
                        self.begin_bulks(count, next);
                        self.bulks(input, limits)
                    }
                    _ => self.count(input, limits),
                }
            }
            Some(_) => self.inline(input, limits),
        }
    }

    fn inline(&mut self, input: &mut [u8], limits: &Limits) -> Result<Parsed, ProtocolError> {
        self.stage = Stage::Inline;
        let Some(newline) = self.line_end(input, b'\n', limits, BIG_INLINE)? else {
            return Ok(Parsed::Incomplete);
        };
        let line = input.get_mut(..newline).unwrap_or_default();
        let line = match line {
            [line @ .., b'\r'] => line,
            line => line,
        };
        self.examine(line.len());
        match inline::split(line, &mut self.spans) {
            Ok(()) => Ok(Parsed::Request { used_bytes: newline + 1 }),
            Err(inline::Unbalanced) => Err(refusal(QUOTES)),
        }
    }

    #[cold]
    fn count(&mut self, input: &[u8], limits: &Limits) -> Result<Parsed, ProtocolError> {
        self.stage = Stage::Count;
        let Some((number, next)) = self.header(input, limits, BIG_COUNT)? else {
            return Ok(Parsed::Incomplete);
        };
        let Some(count) = number else {
            return Err(refusal(BAD_COUNT));
        };
        // Zero and anything below it is an empty request.
        let Ok(count) = usize::try_from(count.max(0)) else {
            return Err(refusal(BAD_COUNT));
        };
        if count > limits.args_max {
            return Err(refusal(BAD_COUNT));
        }
        if limits.unauthenticated && count > UNAUTHENTICATED_ARGS_MAX {
            return Err(refusal(UNAUTHENTICATED_COUNT));
        }
        self.begin_bulks(count, next);
        self.bulks(input, limits)
    }

    #[inline]
    fn begin_bulks(&mut self, count: usize, at: usize) {
        self.stage = Stage::Bulks;
        self.remaining = count;
        self.at = at;
    }

    /// Reads arguments until none remains or the input ends.
    #[inline]
    fn bulks(&mut self, input: &[u8], limits: &Limits) -> Result<Parsed, ProtocolError> {
        loop {
            self.quick_bulks(input, limits);
            if self.remaining == 0 {
                return Ok(Parsed::Request { used_bytes: self.at });
            }
            if !self.bulk(input, limits)? {
                return Ok(Parsed::Incomplete);
            }
        }
    }

    /// Reads arguments while they are whole and plain; what is not is left to [`Self::bulk`].
    #[inline]
    fn quick_bulks(&mut self, input: &[u8], limits: &Limits) {
        if self.bulk.is_some() || self.scanned > self.at {
            return;
        }
        let most = cap(limits.bulk_bytes_max, limits, UNAUTHENTICATED_BULK_BYTES_MAX);
        let (mut at, mut remaining) = (self.at, self.remaining);
        while remaining > 0
            && let Some((start, end)) = quick_bulk(input, at, most)
            && let Some(span) = Span::new(start, end)
        {
            self.examine(start - at);
            self.spans.push(span);
            at = end + 2;
            remaining -= 1;
        }
        (self.at, self.remaining) = (at, remaining);
    }

    /// Reads one argument, whatever its state; false if the input ends inside it.
    #[cold]
    fn bulk(&mut self, input: &[u8], limits: &Limits) -> Result<bool, ProtocolError> {
        let length = match self.bulk.take() {
            Some(length) => length,
            None => match self.bulk_header(input, limits)? {
                Some(length) => length,
                None => return Ok(false),
            },
        };
        let end = self.at.checked_add(length).ok_or_else(|| refusal(BAD_BULK))?;
        match input.get(end..).and_then(<[u8]>::first_chunk) {
            Some(b"\r\n") => {}
            Some(_) => return Err(refusal(BAD_BULK)),
            None => {
                self.bulk = Some(length);
                return Ok(false);
            }
        }
        self.spans.push(Span::new(self.at, end).ok_or_else(|| refusal(BAD_BULK))?);
        self.at = end + 2;
        self.remaining -= 1;
        Ok(true)
    }

    /// The length of the next bulk; `None` if the input ends before its header does.
    fn bulk_header(
        &mut self,
        input: &[u8],
        limits: &Limits,
    ) -> Result<Option<usize>, ProtocolError> {
        match input.get(self.at) {
            None => return Ok(None),
            Some(b'$') => {}
            Some(&other) => return Err(unexpected(other)),
        }
        let Some((number, next)) = self.header(input, limits, BIG_BULK)? else {
            return Ok(None);
        };
        let length = number
            .and_then(|number| usize::try_from(number).ok())
            .filter(|length| *length <= limits.bulk_bytes_max)
            .ok_or_else(|| refusal(BAD_BULK))?;
        if limits.unauthenticated && length > UNAUTHENTICATED_BULK_BYTES_MAX {
            return Err(refusal(UNAUTHENTICATED_BULK));
        }
        self.at = next;
        Ok(Some(length))
    }

    /// The number of the header line that begins at `at` (`None` if it is none) and where the
    /// line ends. As in Redis, the byte behind the CR is skipped unread.
    fn header(
        &mut self,
        input: &[u8],
        limits: &Limits,
        too_long: &'static str,
    ) -> Result<Option<(Option<i64>, usize)>, ProtocolError> {
        let Some(end) = self.line_end(input, b'\r', limits, too_long)? else {
            return Ok(None);
        };
        if input.len() < end + 2 {
            return Ok(None);
        }
        let number = input.get(self.at + 1..end).and_then(whole_number);
        Ok(Some((number, end + 2)))
    }

    /// Where the line that begins at `at` has its `last` byte, searching only what is new.
    fn line_end(
        &mut self,
        input: &[u8],
        last: u8,
        limits: &Limits,
        too_long: &'static str,
    ) -> Result<Option<usize>, ProtocolError> {
        let from = self.scanned.max(self.at);
        let bound = self.at.saturating_add(limits.line_bytes_max).saturating_add(1);
        let new = input.get(from..bound.min(input.len())).unwrap_or_default();
        if let Some(found) = memchr::memchr(last, new) {
            self.examine(found + 1);
            self.scanned = from + found;
            return Ok(Some(from + found));
        }
        self.examine(new.len());
        self.scanned = from + new.len();
        if input.len() >= bound {
            return Err(refusal(too_long));
        }
        Ok(None)
    }

    /// Counts bytes looked at, so that a test can see work that grows faster than its input.
    #[inline]
    fn examine(&mut self, _bytes: usize) {
        #[cfg(test)]
        {
            self.examined += _bytes;
        }
    }
}

/// The limit that the quick path may use: what lies above it is left to the general path, which
/// knows the right error.
#[inline]
fn cap(most: usize, limits: &Limits, unauthenticated_most: usize) -> usize {
    if limits.unauthenticated { most.min(unauthenticated_most) } else { most }
}

/// Where the bulk at `at` has its bytes, if it is all there, within `most`, and ends as it should.
#[inline]
fn quick_bulk(input: &[u8], at: usize, most: usize) -> Option<(usize, usize)> {
    if *input.get(at)? != b'$' {
        return None;
    }
    let (length, start) = quick_number(input, at + 1)?;
    if length > most {
        return None;
    }
    let end = start + length;
    (input.get(end..)?.first_chunk()? == b"\r\n").then_some((start, end))
}

#[cfg(test)]
mod tests;
