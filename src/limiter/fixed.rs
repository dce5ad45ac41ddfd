//! The fixed window: a call is allowed while the count of its window is within the limit.
//!
//! Not here: counting. Source: Hammer's `fix_window`. Invariant: `retry_after_ms` is the first
//! moment at which the same call passes, and no sooner one passes.

use super::{Attempt, Verdict, Window};

/// The verdict on `attempt` at `now_ms`, which lies in `window`; `previous` is not looked at.
#[inline]
pub fn verdict(window: Window, now_ms: u64, attempt: &Attempt) -> Verdict {
    let wait_ms = || {
        if attempt.left.saturating_add(attempt.increment) <= attempt.limit {
            // Denied on behalf of more than the same call will ask for.
            1
        } else {
            window.left_ms(now_ms)
        }
    };
    Verdict::of(attempt, window, now_ms, |count| count, wait_ms)
}

#[cfg(test)]
mod tests {
    use super::super::Scale;
    use super::*;

    fn at(now_ms: u64, attempt: Attempt) -> [i64; 5] {
        verdict(Window::at(now_ms, Scale::new(1000).unwrap()), now_ms, &attempt).to_reply()
    }

    /// A counted hit that finds `before`.
    fn hit(before: u64, increment: u64, limit: u64) -> Attempt {
        let with = before.saturating_add(increment);
        Attempt { previous: 0, with, left: with, increment, limit }
    }

    #[test]
    fn hits_count_up_to_the_limit_and_beyond() {
        assert_eq!(at(5000, hit(0, 1, 2)), [1, 1, 1, 0, 1000]);
        assert_eq!(at(5400, hit(1, 1, 2)), [1, 2, 0, 0, 600]);
        assert_eq!(at(5999, hit(2, 1, 2)), [0, 3, 0, 1, 1]);
        assert_eq!(at(6000, hit(0, 1, 2)), [1, 1, 1, 0, 1000]);
    }

    #[test]
    fn an_uncounted_denial_reports_what_is_left_alone() {
        let attempt = Attempt { left: 7, ..hit(7, 5, 10) };
        assert_eq!(at(5400, attempt), [0, 7, 3, 600, 600]);
    }

    #[test]
    fn looks_and_impossible_calls_have_their_answers() {
        assert_eq!(at(5000, hit(0, 0, 0)), [1, 0, 0, 0, 1000]);
        assert_eq!(at(5000, hit(10, 0, 10)), [1, 10, 0, 0, 1000]);
        assert_eq!(at(5000, hit(11, 0, 10)), [0, 11, 0, 1000, 1000]);
        assert_eq!(at(5000, hit(0, 1, 0)), [0, 1, 0, -1, 1000]);
        assert_eq!(at(5000, hit(0, 11, 10)), [0, 11, 0, -1, 1000]);
    }

    #[test]
    fn the_ends_of_u64_do_not_wrap() {
        assert_eq!(at(u64::MAX, hit(u64::MAX, 1, 1)), [0, i64::MAX, 0, 1, 0]);
        assert_eq!(at(0, hit(0, u64::MAX, u64::MAX)), [1, i64::MAX, 0, 0, 1000]);
    }
}
