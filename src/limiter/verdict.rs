//! What a limiter is asked, and what it answers.
//!
//! Not here: the formulas ([`fixed`](super::fixed), [`sliding`](super::sliding)). Invariant: a
//! verdict is allowed exactly where its `retry_after_ms` is 0.

use super::Window;

/// A call on one counter, with the counts around it.
///
/// A denial that was charged has `left == with`; one that left the count alone has the count
/// before it in `left`. For an allowed call `left` does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Count of the window before; only a sliding counter looks at it.
    pub previous: u64,
    /// Count of the current window including the increment: it decides.
    pub with: u64,
    /// Count of the current window as it stands after a denial.
    pub left: u64,
    /// What the call adds; 0 = a look.
    pub increment: u64,
    /// Most that may be counted.
    pub limit: u64,
}

/// The answer to a hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The count does not exceed the limit.
    pub allowed: bool,
    /// The count as it now stands (sliding: the estimate).
    pub count: u64,
    /// What is left of the limit, 0 where it is exceeded.
    pub remaining: u64,
    /// Milliseconds after which, without other traffic, the same call is allowed and before which
    /// it is not; 0 if it is allowed now, -1 if it never can be (increment above the limit).
    pub retry_after_ms: i64,
    /// Milliseconds to the end of the current window.
    pub reset_after_ms: u64,
}

impl Verdict {
    /// The five integers `[allowed 1|0, count, remaining, retry_after_ms, reset_after_ms]`, each
    /// saturating at `i64::MAX`.
    #[inline]
    pub fn to_reply(&self) -> [i64; 5] {
        [
            i64::from(self.allowed),
            saturated(self.count),
            saturated(self.remaining),
            self.retry_after_ms,
            saturated(self.reset_after_ms),
        ]
    }

    /// The verdict on `attempt`, given the count that a current-window count stands for and the
    /// wait of a denied call that can pass some time.
    #[inline]
    pub(super) fn of(
        attempt: &Attempt,
        window: Window,
        now_ms: u64,
        count_of: impl Fn(u64) -> u64,
        wait_ms: impl Fn() -> u64,
    ) -> Verdict {
        let with = count_of(attempt.with);
        let allowed = with <= attempt.limit;
        let count = if allowed { with } else { count_of(attempt.left) };
        let retry_after_ms = if allowed {
            0
        } else if attempt.increment > attempt.limit {
            -1
        } else {
            saturated(wait_ms().max(1))
        };
        Verdict {
            allowed,
            count,
            remaining: attempt.limit.saturating_sub(count),
            retry_after_ms,
            reset_after_ms: window.left_ms(now_ms),
        }
    }
}

#[inline]
fn saturated(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_saturate() {
        let verdict = Verdict {
            allowed: true,
            count: u64::MAX,
            remaining: u64::MAX,
            retry_after_ms: -1,
            reset_after_ms: u64::MAX,
        };
        assert_eq!(verdict.to_reply(), [1, i64::MAX, i64::MAX, -1, i64::MAX]);
    }
}
