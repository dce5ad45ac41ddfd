//! How collections are seen bit by bit: what HSCAN and ZSCAN, HRANDFIELD and ZRANDMEMBER ask for.
//!
//! Not here: their replies (`hash_walks.rs`, `sorted_walks.rs`), SCAN over keys (`keys.rs`).
//! Invariant: a walk looks at no more than [`SCANNED_MAX`] elements at once.

use std::collections::BTreeSet;

use super::keys::SCAN_COUNT;
use super::{Args, ErrorText, glob};

/// Most elements that one walk looks at, whatever its COUNT: a shard is held meanwhile.
const SCANNED_MAX: usize = 10_000;
const SYNTAX: ErrorText = ErrorText::Borrowed("ERR syntax error");

/// The options of a walk: which elements, and about how many to look at.
pub(super) struct Walk<'a> {
    pattern: Option<&'a [u8]>,
    pub(super) count: usize,
}

impl<'a> Walk<'a> {
    /// Reads `[MATCH pattern] [COUNT count]` from word 3 on.
    pub(super) fn parse(args: &Args<'a>) -> Result<Walk<'a>, ErrorText> {
        let mut walk = Walk { pattern: None, count: SCAN_COUNT };
        for at in (3..args.len()).step_by(2) {
            if at + 1 >= args.len() {
                return Err(SYNTAX);
            } else if args.is(at, "MATCH") {
                walk.pattern = Some(args.get(at + 1));
            } else if args.is(at, "COUNT") {
                walk.count = match args.integer(at + 1)? {
                    ..1 => return Err(SYNTAX),
                    asked => usize::try_from(asked).unwrap_or(usize::MAX).min(SCANNED_MAX),
                };
            } else {
                return Err(SYNTAX);
            }
        }
        Ok(walk)
    }

    /// True if the walk is for this element.
    pub(super) fn takes(&self, element: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, element))
    }
}

/// How many elements to draw.
pub(super) struct Draws {
    count: usize,
    /// The same element may come again.
    repeated: bool,
    /// Each with what belongs to it.
    pub(super) paired: bool,
}

impl Draws {
    /// Reads `[count [with]]` from word 2 on; `None`: one element, by itself.
    pub(super) fn parse(args: &Args<'_>, with: &str) -> Result<Option<Draws>, ErrorText> {
        if args.len() < 3 {
            return Ok(None);
        }
        let count = args.integer(2)?;
        if count == i64::MIN {
            let (least, most) = (-i64::MAX, i64::MAX);
            let text = format!("ERR value is out of range, value must between {least} and {most}");
            return Err(text.into());
        }
        let paired = args.len() > 3;
        if args.len() > 4 || paired && !args.is(3, with) {
            return Err(SYNTAX);
        }
        if paired && count.unsigned_abs() > i64::MAX.unsigned_abs() / 2 {
            return Err("ERR value is out of range".into());
        }
        let (repeated, count) = (count < 0, count.unsigned_abs());
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        Ok(Some(Draws { count, repeated, paired }))
    }

    /// Places drawn in a collection of `length` elements; `None`: all of them.
    pub(super) fn places<'d>(
        &self,
        length: usize,
        draw: impl Fn() -> u64 + 'd,
    ) -> Option<Box<dyn Iterator<Item = usize> + 'd>> {
        if self.repeated {
            let place = move || draw_place(draw(), length);
            return Some(Box::new(std::iter::repeat_with(place).take(self.count)));
        }
        (self.count < length).then(|| -> Box<dyn Iterator<Item = usize>> {
            Box::new(draw_places(draw, self.count, length).into_iter())
        })
    }
}

/// A place below `length`, each as likely.
pub(super) fn draw_place(random: u64, length: usize) -> usize {
    let place = (u128::from(random) * length as u128) >> u64::BITS;
    usize::try_from(place).unwrap_or(0)
}

/// `count` different places below `length`, which is more; each choice is as likely (Floyd's way).
fn draw_places(draw: impl Fn() -> u64, count: usize, length: usize) -> BTreeSet<usize> {
    let mut places = BTreeSet::new();
    for most in length - count..length {
        let place = draw_place(draw(), most + 1);
        if !places.insert(place) {
            places.insert(most);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_drawn_are_as_many_as_asked_for_whatever_is_drawn() {
        for random in [0, u64::MAX, u64::MAX / 2] {
            let places = draw_places(|| random, 7, 10);
            assert_eq!(places.len(), 7);
            assert!(places.iter().all(|place| *place < 10));
        }
    }
}
