//! How much the node may send: a bucket of bytes that fills with time.
//!
//! Sync streams stop first, vectors next; deltas wait for a later flush and coalesce. Nothing is
//! dropped. Beats, NACKs and GONE are small and always sent; what they take is owed.

/// Time whose share may be sent at once, ms.
const BURST_MS: u64 = 50;

/// The bucket.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    per_ms: i64,
    left: i64,
    filled_ms: u64,
}

impl Budget {
    pub(super) fn new(now_ms: u64, bytes_per_s: u64) -> Budget {
        let per_ms = i64::try_from((bytes_per_s / 1_000).max(1)).unwrap_or(i64::MAX / 100);
        Budget { per_ms, left: Budget::room(per_ms), filled_ms: now_ms }
    }

    fn room(per_ms: i64) -> i64 {
        per_ms.saturating_mul(i64::try_from(BURST_MS).unwrap_or(1))
    }

    pub(super) fn fill(&mut self, now_ms: u64) {
        let passed = i64::try_from(now_ms.saturating_sub(self.filled_ms)).unwrap_or(i64::MAX);
        self.filled_ms = self.filled_ms.max(now_ms);
        let filled = self.left.saturating_add(self.per_ms.saturating_mul(passed));
        self.left = filled.min(Budget::room(self.per_ms));
    }

    pub(super) fn spend(&mut self, bytes: u64) {
        self.left = self.left.saturating_sub(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Bytes that deltas may take now.
    pub(super) fn for_deltas(&self) -> usize {
        usize::try_from(self.left).unwrap_or(0)
    }

    /// Whether a vector may go: a quarter is left.
    pub(super) fn for_vectors(&self) -> bool {
        self.left > Budget::room(self.per_ms) / 4
    }

    /// Bytes that sync streams may take now: what is above a half.
    pub(super) fn for_syncs(&self) -> usize {
        usize::try_from(self.left - Budget::room(self.per_ms) / 2).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sync_streams_stop_before_vectors_and_vectors_before_deltas() {
        let mut budget = Budget::new(0, 1_000_000);
        assert!(budget.for_syncs() > 0 && budget.for_vectors() && budget.for_deltas() == 50_000);
        budget.spend(25_000);
        assert!(budget.for_syncs() == 0 && budget.for_vectors() && budget.for_deltas() > 0);
        budget.spend(15_000);
        assert!(!budget.for_vectors() && budget.for_deltas() == 10_000);
        budget.spend(30_000);
        assert_eq!(budget.for_deltas(), 0);
        budget.fill(20);
        assert_eq!(budget.for_deltas(), 0, "what was overspent is owed");
        budget.fill(21);
        assert_eq!(budget.for_deltas(), 1_000);
        budget.fill(10_000);
        assert_eq!(budget.for_deltas(), 50_000);
    }
}
