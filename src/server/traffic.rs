//! What the edge counts: bytes, connections, refusals.
//!
//! Not here: what commands count ([`Stats`](crate::command::Stats)). Invariant: counters only rise,
//! except that CONFIG RESETSTAT sets them to 0.

use std::sync::atomic::{AtomicU64, Ordering};

use super::register::Reason;

/// A counter of its own.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// What one worker counts at every slice; its own, so that workers share no cache line.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) input_bytes: Count,
    pub(super) output_bytes: Count,
    pub(super) commands: Count,
}

impl Flow {
    pub(super) fn reset(&self) {
        self.input_bytes.reset();
        self.output_bytes.reset();
        self.commands.reset();
    }
}

/// What is counted once a connection or less.
#[derive(Debug, Default)]
pub(super) struct Incidents {
    pub(super) accepted: Count,
    pub(super) rejected: Count,
    pub(super) protected_mode: Count,
    pub(super) accept_errors: Count,
    pub(super) panics: Count,
    cut_off: [Count; Reason::ALL.len()],
}

impl Incidents {
    pub(super) fn cut_off(&self, reason: Reason) {
        if let Some(count) = Reason::ALL.iter().position(|r| *r == reason) {
            self.cut_off[count].add(1);
        }
    }

    /// Clients cut off, by the name of the limit.
    pub(super) fn by_reason(&self) -> Vec<(&'static str, u64)> {
        Reason::ALL.iter().map(|r| r.name()).zip(self.cut_off.iter().map(Count::get)).collect()
    }

    pub(super) fn reset(&self) {
        let singles = [
            &self.accepted,
            &self.rejected,
            &self.protected_mode,
            &self.accept_errors,
            &self.panics,
        ];
        singles.into_iter().chain(&self.cut_off).for_each(Count::reset);
    }
}
