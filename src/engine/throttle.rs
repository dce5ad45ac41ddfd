//! GCRA over the keyspace: one cell a key.
//!
//! Invariant: a cell holds the arrival time that the last allowed call left, until it has drained.

use super::Engine;
use crate::limiter::gcra::{Decision, GcraError, Quota};
use crate::store::{Refusal, Value};

/// Nanoseconds of a millisecond.
const MILLISECOND_NS: u64 = 1_000_000;

/// Why a throttle call has no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThrottleError {
    /// The arithmetic refused; the cell is unchanged.
    Gcra(GcraError),
    /// No memory for a new cell; nothing was stored.
    Refused(Refusal),
}

impl Engine {
    /// Charges `quantity` to the key's cell if the quota allows it.
    ///
    /// # Errors
    /// A [`ThrottleError`]; the cell is as before.
    pub fn throttle(
        &self,
        now_ns: u64,
        key: &[u8],
        quota: &Quota,
        quantity: i64,
    ) -> Result<Decision, ThrottleError> {
        let now_ms = now_ns / MILLISECOND_NS;
        let mut decided = Err(GcraError::Overflow);
        let mut tat_before_ns = now_ns;
        // What others charged may lie further ahead than one node alone would let it.
        let shared = self.replicates() && self.cells.is_shared(key);
        let ahead_ns = u64::try_from(quota.tolerance_ns()).unwrap_or_default();
        let most_ns = if shared { now_ns.saturating_add(ahead_ns) } else { u64::MAX };
        let stored = self.keyspace.update(now_ms, key, |value| {
            let tat_ns = value.map(|Value::Cell { tat_ns }| tat_ns.min(most_ns));
            tat_before_ns = tat_ns.unwrap_or(now_ns).max(now_ns);
            decided = quota.decide(tat_ns, now_ns, quantity);
            let cell = decided.ok().and_then(|decision| decision.new_tat_ns).map(|tat_ns| {
                // Rounded up: the cell must not be gone before it has drained.
                (Value::Cell { tat_ns }, tat_ns.div_ceil(MILLISECOND_NS))
            });
            (cell, ())
        });
        let mut decision = decided.map_err(ThrottleError::Gcra)?;
        if let Some(tat_ns) = decision.new_tat_ns.filter(|_| self.replicates() && stored.is_ok()) {
            let charged_ns = tat_ns.saturating_sub(tat_before_ns);
            self.cells.charge(key, charged_ns, tat_ns, self.stamp(now_ms));
        }
        if stored.is_err()
            && !self.answer_new(Refusal::OutOfMemory, true).map_err(ThrottleError::Refused)?
        {
            decision.limited = true;
            decision.remaining = 0;
            decision.retry_after_ns = Some(decision.ttl_ns.max(1));
        }
        Ok(decision)
    }
}
