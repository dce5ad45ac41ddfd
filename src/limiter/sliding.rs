//! The sliding window: the current count plus the share of the previous window that a window of
//! the same length, ending now, still covers.
//!
//! Not here: counting. All in integers of 128 bits, rounded down. Invariant: `retry_after_ms` is
//! the first moment at which the same call passes, and no sooner one passes.

use super::{Attempt, Verdict, Window};

/// The estimate `previous * (scale - elapsed) / scale + current`, rounded down, at `now_ms`, which
/// lies in `window`; saturates.
#[inline]
pub fn estimate(window: Window, now_ms: u64, previous: u64, current: u64) -> u64 {
    let scale_ms = window.scale.ms();
    let uncovered_ms = scale_ms - window.elapsed_ms(now_ms);
    let share = u128::from(previous) * u128::from(uncovered_ms) / u128::from(scale_ms);
    u64::try_from(share).unwrap_or(u64::MAX).saturating_add(current)
}

/// The verdict on `attempt` at `now_ms`, which lies in `window`.
#[inline]
pub fn verdict(window: Window, now_ms: u64, attempt: &Attempt) -> Verdict {
    let count_of = |current| estimate(window, now_ms, attempt.previous, current);
    Verdict::of(attempt, window, now_ms, count_of, || wait_ms(window, now_ms, attempt))
}

/// Milliseconds until the same call passes; its increment is within the limit.
fn wait_ms(window: Window, now_ms: u64, attempt: &Attempt) -> u64 {
    let scale_ms = window.scale.ms();
    let elapsed_ms = window.elapsed_ms(now_ms);
    let asked = attempt.left.saturating_add(attempt.increment);
    if let Some(room) = attempt.limit.checked_sub(asked) {
        let passes_ms = passes_at(attempt.previous, room, scale_ms).max(elapsed_ms + 1);
        if passes_ms < scale_ms {
            return passes_ms - elapsed_ms;
        }
    }
    // In the next window what is left here is the previous count. Where even its last millisecond
    // is too early, the window after that starts empty.
    let room = attempt.limit.saturating_sub(attempt.increment);
    scale_ms - elapsed_ms + passes_at(attempt.left, room, scale_ms)
}

/// The first elapsed time, 0 ..= scale, at which the share of `previous` is at most `room`.
fn passes_at(previous: u64, room: u64, scale_ms: u64) -> u64 {
    if previous <= room {
        return 0;
    }
    // floor(previous * uncovered / scale) <= room, so previous * uncovered < (room + 1) * scale.
    let uncovered_ms = ((u128::from(room) + 1) * u128::from(scale_ms) - 1) / u128::from(previous);
    scale_ms - u64::try_from(uncovered_ms).unwrap_or(scale_ms).min(scale_ms)
}

#[cfg(test)]
mod tests {
    use super::super::Scale;
    use super::*;

    fn at(now_ms: u64, attempt: Attempt) -> [i64; 5] {
        verdict(Window::at(now_ms, Scale::new(1000).unwrap()), now_ms, &attempt).to_reply()
    }

    fn hit(previous: u64, before: u64, increment: u64, limit: u64) -> Attempt {
        let with = before.saturating_add(increment);
        Attempt { previous, with, left: with, increment, limit }
    }

    fn uncounted(previous: u64, before: u64, increment: u64, limit: u64) -> Attempt {
        Attempt { left: before, ..hit(previous, before, increment, limit) }
    }

    #[test]
    fn the_previous_window_fades() {
        assert_eq!(at(5000, hit(10, 0, 1, 20)), [1, 11, 9, 0, 1000]);
        assert_eq!(at(5001, hit(10, 0, 1, 20)), [1, 10, 10, 0, 999]);
        assert_eq!(at(5500, hit(10, 0, 1, 20)), [1, 6, 14, 0, 500]);
        assert_eq!(at(5999, hit(10, 0, 1, 20)), [1, 1, 19, 0, 1]);
    }

    #[test]
    fn an_uncounted_denial_passes_as_the_previous_window_fades() {
        // 10 * (1000 - e) / 1000 must fall to 9: at e = 1.
        assert_eq!(at(5000, uncounted(10, 0, 1, 10)), [0, 10, 0, 1, 1000]);
        // It must fall to 4, which 4.99 does: at e = 501.
        assert_eq!(at(5100, uncounted(10, 5, 1, 10)), [0, 14, 0, 401, 900]);
    }

    #[test]
    fn a_counted_denial_may_have_to_wait_for_the_next_window() {
        // 11 counted here: the share of 11 must fall to 9 in the next window, at e = 91.
        assert_eq!(at(5400, hit(0, 10, 1, 10)), [0, 11, 0, 691, 600]);
    }

    #[test]
    fn a_limit_that_only_an_empty_past_allows_waits_for_the_window_after() {
        assert_eq!(at(5400, hit(0, 5_000_000, 1, 1)), [0, 5_000_001, 0, 1600, 600]);
    }

    #[test]
    fn looks_and_impossible_calls_have_their_answers() {
        assert_eq!(at(5000, hit(0, 0, 0, 0)), [1, 0, 0, 0, 1000]);
        assert_eq!(at(5000, hit(1, 0, 0, 0)), [0, 1, 0, 1, 1000]);
        assert_eq!(at(5000, hit(0, 0, 1, 0)), [0, 1, 0, -1, 1000]);
        assert_eq!(at(5000, hit(0, 0, 11, 10)), [0, 11, 0, -1, 1000]);
    }

    #[test]
    fn the_ends_of_u64_do_not_wrap() {
        let all = hit(u64::MAX, u64::MAX, u64::MAX, u64::MAX);
        assert_eq!(at(5000, all), [1, i64::MAX, 0, 0, 1000]);
        assert_eq!(at(u64::MAX, hit(u64::MAX, u64::MAX, 1, 1)), [0, i64::MAX, 0, 1385, 0]);
    }
}
