//! What the commands on collections share: their errors, places counted from either end, replies of
//! many elements.
//!
//! Not here: any command. Invariant: a reply of elements takes no more than [`REPLY_BYTES_MAX`].

use super::strings::full;
use super::table::WRONG_TYPE;
use super::{Context, ErrorText};
use crate::engine::{EditError, Full, WrongType};
use crate::resp::{Frame, Reply, array, bulk};

/// Most bytes that a reply of elements takes while it is made: a million short ones and more, but a
/// client that asks for a large collection over and over must not fill the memory.
pub(super) const REPLY_BYTES_MAX: usize = 128 << 20;

impl From<WrongType> for EditError {
    fn from(_: WrongType) -> EditError {
        EditError::WrongType
    }
}

/// The text for a collection that was not looked at or changed.
pub(super) fn refused(context: &Context<'_>, why: impl Into<EditError>) -> ErrorText {
    match why.into() {
        EditError::WrongType => WRONG_TYPE.into(),
        EditError::Full => full(context, Full),
    }
}

/// The text for a request with a wrong number of words, as the table has it.
pub(super) fn wrong_words(name: &str) -> ErrorText {
    format!("ERR wrong number of arguments for '{name}' command").into()
}

/// A count or a place as a reply.
pub(super) fn count_reply(count: usize) -> Reply {
    Reply::Integer(i64::try_from(count).unwrap_or(i64::MAX))
}

/// A place counted from the left, or where negative from the right, -1 being the last one.
pub(super) fn place_of(index: i64, length: usize) -> Option<usize> {
    let steps = usize::try_from(index.unsigned_abs()).ok()?;
    let place = if index < 0 { length.checked_sub(steps)? } else { steps };
    (place < length).then_some(place)
}

/// The places from `start` to `stop`, both counted as by [`place_of`], as far as they are there.
pub(super) fn places_of(start: i64, stop: i64, length: usize) -> std::ops::Range<usize> {
    let from_left = |index: i64| {
        let steps = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
        if index < 0 { length.checked_sub(steps) } else { Some(steps) }
    };
    let start = from_left(start).unwrap_or(0);
    let end = from_left(stop).map_or(0, |stop| stop.saturating_add(1)).min(length);
    if start >= end { 0..0 } else { start..end }
}

/// An array reply under way.
#[derive(Default)]
pub(super) struct Elements {
    frames: Vec<Frame>,
    bytes: usize,
}

impl Elements {
    /// What an element takes in a reply.
    pub(super) fn cost(element: &[u8]) -> usize {
        size_of::<Frame>() + element.len()
    }

    /// Adds an element.
    ///
    /// # Errors
    /// The text for a reply that would be too large.
    pub(super) fn push(&mut self, element: &[u8]) -> Result<(), ErrorText> {
        self.push_frame(bulk(element.to_vec()), element.len())
    }

    /// Adds what takes `bytes` beside its frame.
    ///
    /// # Errors
    /// As of [`Elements::push`].
    pub(super) fn push_frame(&mut self, frame: Frame, bytes: usize) -> Result<(), ErrorText> {
        self.bytes = self.bytes.saturating_add(size_of::<Frame>() + bytes);
        if self.bytes > REPLY_BYTES_MAX {
            return Err(TOO_LARGE.into());
        }
        self.frames.push(frame);
        Ok(())
    }

    /// The elements so far.
    pub(super) fn frames(self) -> Vec<Frame> {
        self.frames
    }

    /// The whole reply.
    pub(super) fn reply(self) -> Reply {
        Reply::Frame(array(self.frames))
    }
}

/// The text for what is too large for one reply.
pub(super) const TOO_LARGE: &str = "ERR too many elements for one reply, ask for fewer";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_from_either_end_as_far_as_they_are_there() {
        for (index, place) in [
            (0, Some(0)),
            (2, Some(2)),
            (3, None),
            (-1, Some(2)),
            (-3, Some(0)),
            (-4, None),
            (i64::MAX, None),
            (i64::MIN, None),
        ] {
            assert_eq!(place_of(index, 3), place, "{index}");
        }
        for (start, stop, places) in [
            (0, -1, 0..3),
            (1, 1, 1..2),
            (-2, 99, 1..3),
            (-99, 0, 0..1),
            (2, 1, 0..0),
            (3, 9, 0..0),
            (0, -4, 0..0),
            (i64::MIN, i64::MAX, 0..3),
            (i64::MAX, i64::MIN, 0..0),
        ] {
            assert_eq!(places_of(start, stop, 3), places, "{start} {stop}");
        }
        assert_eq!(places_of(0, -1, 0), 0..0);
    }

    #[test]
    fn a_reply_that_would_fill_the_memory_is_refused() {
        let mut elements = Elements::default();
        let large = vec![b'x'; REPLY_BYTES_MAX / 2];
        assert!(elements.push(&large).is_ok());
        assert_eq!(elements.push(&large).unwrap_err(), TOO_LARGE);
        assert!(elements.push(b"x").is_err());
    }
}
