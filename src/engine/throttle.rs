//! GCRA over the keyspace: one cell a key.
//!
//! Invariant: a cell holds the arrival time that the last allowed call left, until it has drained.

use super::Engine;
use crate::limiter::gcra::{Decision, GcraError, Quota};
use crate::store::{Full, Held, Refusal, Value};

/// Nanoseconds of a millisecond.
const MILLISECOND_NS: u64 = 1_000_000;

/// Why a throttle call has no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThrottleError {
    /// The arithmetic refused; the cell is unchanged.
    Gcra(GcraError),
    /// No memory for a new cell; nothing was stored.
    Refused(Refusal),
    /// The key holds a string.
    WrongType,
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
        let mut held = self.hold_one(now_ns / MILLISECOND_NS, key);
        self.throttle_held(&mut held, now_ns, key, quota, quantity)
    }

    /// As [`Engine::throttle`], of a key that is held. Where other nodes hear of a charge, it cannot be
    /// rolled back.
    ///
    /// # Errors
    /// As there.
    pub fn throttle_held(
        &self,
        held: &mut Held<'_>,
        now_ns: u64,
        key: &[u8],
        quota: &Quota,
        quantity: i64,
    ) -> Result<Decision, ThrottleError> {
        let now_ms = now_ns / MILLISECOND_NS;
        // What others charged may lie further ahead than one node alone would let it.
        let shared = self.replicates() && self.cells.is_shared(key);
        let ahead_ns = u64::try_from(quota.tolerance_ns()).unwrap_or_default();
        let most_ns = if shared { now_ns.saturating_add(ahead_ns) } else { u64::MAX };
        let tat_ns = match held.get(key) {
            None => None,
            Some(Value::Cell { tat_ns }) => Some((*tat_ns).min(most_ns)),
            Some(_) => return Err(ThrottleError::WrongType),
        };
        let mut decision = quota.decide(tat_ns, now_ns, quantity).map_err(ThrottleError::Gcra)?;
        let Some(new_tat_ns) = decision.new_tat_ns else { return Ok(decision) };
        // Rounded up: the cell must not be gone before it has drained.
        let deadline_ms = new_tat_ns.div_ceil(MILLISECOND_NS);
        match held.put(key, Value::Cell { tat_ns: new_tat_ns }, Some(deadline_ms)) {
            Ok(()) => {
                if self.replicates() {
                    held.note_lasting();
                    let before_ns = tat_ns.unwrap_or(now_ns).max(now_ns);
                    let charged_ns = new_tat_ns.saturating_sub(before_ns);
                    self.cells.charge(key, charged_ns, new_tat_ns, self.stamp(now_ms));
                }
            }
            Err(Full) => {
                let answer = self.answer_new(Refusal::OutOfMemory, true);
                if !answer.map_err(ThrottleError::Refused)? {
                    decision.limited = true;
                    decision.remaining = 0;
                    decision.retry_after_ns = Some(decision.ttl_ns.max(1));
                }
            }
        }
        Ok(decision)
    }
}
