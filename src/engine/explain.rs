//! Why a verdict is what it is: the counts behind it, by origin.
//!
//! Not here: what the nodes are called, words. Invariant: nothing is written, and the verdict is
//! drawn from the very counts that are told, so that they add up to it.

use super::Engine;
use crate::limiter::{Attempt, Kind, Verdict, Window, sliding};
use crate::store::{Breakdown, Name, Origin, Series};

/// A counter's verdict and what it follows from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The current window.
    pub window: Window,
    /// What a hit of 1 would be told now that is not counted if it is denied, but for `count` and
    /// `remaining`, which are those before it: what the shares add up to.
    pub verdict: Verdict,
    /// Whose own counts are told as such.
    pub origin: Origin,
    /// What was counted in the window.
    pub current: Breakdown,
    /// What was counted in the window before it; a fixed counter has no use for it.
    pub previous: Option<Breakdown>,
    /// What the previous window still adds to the count.
    pub faded: u64,
}

impl Engine {
    /// Takes the counter of `key` apart and says what `limit` makes of it at `now_ms`.
    pub fn explain(&self, now_ms: u64, key: &[u8], series: Series, limit: u64) -> Explanation {
        let name = Name::at(now_ms, series, key);
        let (window, kind) = (name.window, series.kind);
        let earlier = name.previous().filter(|_| kind == Kind::Sliding);
        let previous = earlier.map(|name| self.windows.breakdown(&name));
        let current = self.windows.breakdown(&name);
        let before = previous.as_ref().map_or(0, Breakdown::count);
        let left = current.count();
        let verdict = |increment: u64| {
            let with = left.saturating_add(increment);
            kind.verdict(
                window,
                now_ms,
                &Attempt { previous: before, with, left, increment, limit },
            )
        };
        let (look, hit) = (verdict(0), verdict(1));
        Explanation {
            window,
            verdict: Verdict { count: look.count, remaining: look.remaining, ..hit },
            origin: self.origin(),
            faded: match kind {
                Kind::Fixed => 0,
                Kind::Sliding => sliding::estimate(window, now_ms, before, 0),
            },
            current,
            previous,
        }
    }
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
