//! Pure rate-limit arithmetic: windows, verdicts, GCRA.
//!
//! Not here: counters, memory, clocks; every function is a formula over its arguments. Invariant:
//! no argument, however large, makes one panic or wrap: sums saturate, and GCRA answers an error.

pub mod fixed;
pub mod gcra;
mod scale;
pub mod sliding;
mod verdict;
mod window;

pub use scale::{SCALE_MAX_MS, Scale};
pub use verdict::{Attempt, Verdict};
pub use window::Window;

/// Largest increment of one call: far above any cost, and 4,096 nodes' counts still sum without
/// wrapping.
pub const INCREMENT_MAX: u64 = 1 << 48;
/// Where one node's own count saturates: the sum over 4,096 nodes is 2^62.
pub const COUNT_MAX: u64 = 1 << 50;

/// How a counter looks at time; part of a counter's identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The count of the current window alone.
    #[default]
    Fixed,
    /// The current window and a share of the one before, by what is left of it.
    Sliding,
}

impl Kind {
    /// The verdict on `attempt` at `now_ms`, which lies in `window`.
    #[inline]
    pub fn verdict(self, window: Window, now_ms: u64, attempt: &Attempt) -> Verdict {
        match self {
            Kind::Fixed => fixed::verdict(window, now_ms, attempt),
            Kind::Sliding => sliding::verdict(window, now_ms, attempt),
        }
    }
}
