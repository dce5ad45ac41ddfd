//! Decisions as the five integers of either server.
//!
//! Not here: deciding. Invariant: `CL.THROTTLE` says 0 for allowed and retry before reset,
//! `THROTTLE` says 1 and reset before retry; they are never unified.

use super::{Decision, SECOND_NS, Shape, truncated};

/// Nanoseconds of a millisecond.
const MILLISECOND_NS: i64 = 1_000_000;
/// redis-cell's "no wait to tell": the call is allowed, or can never pass.
const NO_WAIT: i64 = -1;

impl Decision {
    /// The reply of the shape that the quota was made for. redis-cell:
    /// `[limited 0|1, limit, remaining, retry_after_s | -1, reset_after_s]`, seconds rounded up,
    /// but a rest below a millisecond dropped. throttlecrab:
    /// `[allowed 1|0, limit, remaining, reset_after_s, retry_after_s]`, seconds rounded down,
    /// retry 0 if allowed; of a quantity above the limit it says when a bucket without a bottom
    /// would be drained, though that call can never pass.
    pub fn to_reply(&self) -> [i64; 5] {
        match self.shape {
            Shape::Cell => [
                i64::from(self.limited),
                self.limit,
                self.remaining,
                self.retry_after_ns.map_or(NO_WAIT, cell_seconds),
                cell_seconds(self.reset_after_ns),
            ],
            Shape::Crab => [
                i64::from(!self.limited),
                self.limit,
                self.remaining,
                self.reset_after_ns / SECOND_NS,
                self.retry_after_ns.unwrap_or(0) / SECOND_NS,
            ],
        }
    }
}

/// redis-cell goes through a float, which rounds very long times (2^24 s and up) by itself.
fn cell_seconds(ns: i64) -> i64 {
    let rest_ns = ns % SECOND_NS;
    let whole = truncated((ns / SECOND_NS) as f64 + rest_ns as f64 / SECOND_NS as f64);
    if rest_ns / MILLISECOND_NS > 0 { whole.saturating_add(1) } else { whole }
}
