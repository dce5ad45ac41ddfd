//! When a dead identity may be followed by the next one, and by which.
//!
//! A restart whose clock stepped back, or a life declared down, loses to what the cluster remembers
//! of its address until its generation is higher. It is never told by how much, so the step doubles.
//!
//! Not here: talking to foca. Invariant: from any generation to any other that a clock of ms can have
//! given, in at most 64 renewals; at most [`RENEWALS_MAX`] renewals within any [`QUIET_MS`].

/// Renewals this far apart, ms, are of different causes: the step starts anew.
pub const QUIET_MS: u64 = 1_000;
/// The first step, ms (17 minutes): more than clocks of one cluster usually differ.
pub const FIRST_STEP_MS: u64 = 1 << 20;
/// The longest step, ms (139 years): more than any clock is wrong. Without this bound a flood of
/// death notices would use up all generations within 45 renewals, and the address with them.
pub const LAST_STEP_MS: u64 = 1 << 42;
/// Renewals without a quiet time before one must wait for it: no storm, whatever peers answer.
/// Together they step over 5,000 years.
pub const RENEWALS_MAX: u32 = 64;

/// State of the renewals of one member.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Renewal {
    last_ms: Option<u64>,
    /// Renewals since the last quiet time.
    run: u32,
}

impl Renewal {
    /// The generation after `gen_ms`, or when to ask again, ms.
    ///
    /// # Errors
    /// The time from which on the next renewal is due; nothing has changed. Also if no generation
    /// is left, which takes a day of a flood.
    pub(super) fn next(&mut self, now_ms: u64, gen_ms: u64) -> Result<u64, u64> {
        let quiet_from_ms = self.last_ms.map_or(0, |last_ms| last_ms.saturating_add(QUIET_MS));
        if now_ms >= quiet_from_ms {
            self.run = 0;
        }
        if self.run >= RENEWALS_MAX {
            return Err(quiet_from_ms);
        }
        if gen_ms == u64::MAX {
            return Err(now_ms.saturating_add(QUIET_MS));
        }
        let next_ms = match self.run {
            // The usual case: this very identity was declared down, and anything higher will do.
            0 => gen_ms.saturating_add(1).max(now_ms),
            run => {
                let doubled = 1u64.checked_shl(run - 1).unwrap_or(u64::MAX);
                gen_ms.saturating_add(FIRST_STEP_MS.saturating_mul(doubled).min(LAST_STEP_MS))
            }
        };
        self.last_ms = Some(now_ms);
        self.run += 1;
        Ok(next_ms)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Law L7.
        #[test]
        fn any_generation_of_a_clock_is_passed_in_64_renewals(
            own_ms in 0u64..1 << 47, other_ms in 0u64..1 << 47, now_ms in 0u64..1 << 45,
        ) {
            let (mut renewal, mut gen_ms, mut count) = (Renewal::default(), own_ms, 0);
            while gen_ms <= other_ms {
                gen_ms = renewal.next(now_ms, gen_ms).unwrap();
                count += 1;
            }
            prop_assert!(count <= 64);
        }
    }

    #[test]
    fn the_first_renewal_takes_the_clock_and_later_ones_double() {
        let mut renewal = Renewal::default();
        assert_eq!(renewal.next(5_000, 1_000), Ok(5_000));
        assert_eq!(renewal.next(5_100, 5_000), Ok(5_000 + FIRST_STEP_MS));
        assert_eq!(renewal.next(5_999, 0), Ok(2 * FIRST_STEP_MS));
        assert_eq!(renewal.next(6_998, 0), Ok(4 * FIRST_STEP_MS));
        assert_eq!(renewal.next(7_998, 9_000), Ok(9_001), "after a quiet second all begins anew");
    }

    #[test]
    fn an_endless_run_is_held_back() {
        let mut renewal = Renewal::default();
        let mut renewals = 0;
        for now_ms in 0..100_000 {
            renewals += u32::from(renewal.next(now_ms, 0).is_ok());
        }
        assert!(renewals <= 100 * RENEWALS_MAX, "{renewals} in 100 s");
        let mut spent = Renewal::default();
        assert_eq!(spent.next(7, u64::MAX), Err(7 + QUIET_MS), "no generation is left");
        let mut renewal = Renewal { last_ms: Some(7), run: RENEWALS_MAX };
        assert_eq!(renewal.next(8, 0), Err(7 + QUIET_MS));
        assert!(renewal.next(7 + QUIET_MS, 0).is_ok());
    }
}
