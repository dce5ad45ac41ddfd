//! Where the keys of a request are, as its row tells.
//!
//! Not here: what is done to them. Invariant: a request whose own count of keys is wrong has no key
//! places.

use super::Args;

/// Where the keys of a request are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// It has none.
    None,
    /// From word `first` to word `last` (negative: from the end, -1 = the last word), each
    /// `step`th.
    Range {
        /// Word of the first key; 0 is the command.
        first: usize,
        /// Word of the last key.
        last: i32,
        /// Distance between two keys.
        step: usize,
        /// What is done to the keys, in Redis's words (`RW`, `access`, ...).
        access: &'static [&'static str],
    },
    /// Word `count_at` says how many; the first key is right behind it.
    Counted {
        /// Word of the number.
        count_at: usize,
        /// Distance between two keys.
        step: usize,
        /// As in `Range`.
        access: &'static [&'static str],
    },
}

impl Keys {
    /// One key, in word 1.
    pub const fn one(access: &'static [&'static str]) -> Keys {
        Keys::Range { first: 1, last: 1, step: 1, access }
    }

    /// Keys in word 1 and all that follow.
    pub const fn all(access: &'static [&'static str]) -> Keys {
        Keys::Range { first: 1, last: -1, step: 1, access }
    }

    /// True if the one key of a request is in word 1.
    pub fn is_one(self) -> bool {
        matches!(self, Keys::Range { first: 1, last: 1, .. })
    }

    /// What is done to the keys; empty if there are none.
    pub fn access(self) -> &'static [&'static str] {
        match self {
            Keys::None => &[],
            Keys::Range { access, .. } | Keys::Counted { access, .. } => access,
        }
    }

    /// The words of `args` that are keys; `None` if the request's own count of them is no number
    /// or more than there are words.
    pub fn positions(self, args: &Args<'_>) -> Option<Vec<usize>> {
        let words = args.len();
        let (first, count, step) = match self {
            Keys::None => return Some(Vec::new()),
            Keys::Range { first, last, step, .. } => {
                let last = match usize::try_from(last) {
                    Ok(last) => last,
                    Err(_) => words.checked_sub(usize::try_from(last.unsigned_abs()).ok()?)?,
                };
                let span = (last + 1).checked_sub(first)?;
                (first, span.div_ceil(step), step)
            }
            Keys::Counted { count_at, step, .. } => {
                let count =
                    usize::try_from(super::args::parse_integer(args.get(count_at))?).ok()?;
                (count_at + 1, count, step)
            }
        };
        if count > words {
            return None;
        }
        let positions: Vec<usize> = (0..count).map(|index| first + index * step).collect();
        positions.iter().all(|position| *position < words).then_some(positions)
    }
}
