//! The one door to the counting.

use crate::config::MemoryPolicy;

/// Everything that counts, shared by all workers.
#[derive(Debug, Default)]
pub struct Engine {}

impl Engine {
    /// Drops what has ended at `now_ms`.
    pub fn expire(&self, _now_ms: u64) {}

    /// Frees one chunk of ended windows; true while there is more.
    pub fn reclaim(&self) -> bool {
        false
    }

    /// Sets the memory at which new counters are refused.
    pub fn set_memory_limit(&self, _bytes: u64) {}

    /// Sets what is answered at that limit.
    pub fn set_memory_policy(&self, _policy: MemoryPolicy) {}
}
