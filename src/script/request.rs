//! A command as a script calls it: its words in one piece of memory, as a client's request has them.
//!
//! Not here: which values of Lua are words (`door.rs`). Invariant: the room is kept from call to
//! call, unless it is large.

use crate::resp::Span;

/// More than a limiter's call takes, and little beside a Lua state.
const ROOM_BYTES: usize = 64 << 10;

/// See the module.
#[derive(Debug, Default)]
pub struct Request {
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

impl Request {
    /// The bytes of all words.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where each word is in them; the first one is the command's name.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The words.
    pub fn words(&self) -> impl Iterator<Item = &[u8]> {
        self.spans.iter().map(|span| span.of(&self.bytes))
    }

    /// Appends the word that `write` appends to the bytes. One that would end beyond 4 GiB, which no
    /// state can hold, is left out.
    pub(super) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        if let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(self.bytes.len())) {
            self.spans.push(Span { start, end });
        }
    }

    /// Forgets the words.
    pub(super) fn clear(&mut self) {
        if self.bytes.capacity() > ROOM_BYTES || self.spans.capacity() > ROOM_BYTES / 8 {
            *self = Request::default();
        }
        self.bytes.clear();
        self.spans.clear();
    }
}
