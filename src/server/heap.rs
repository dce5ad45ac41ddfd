//! Giving freed memory back to the system.
//!
//! glibc keeps what was freed between blocks that still live: after a flood of small values (GCRA
//! cells) has expired, nearly all of it. What the store then takes for windows comes on top, and the
//! resident size passes `maxmemory` (measured: 1.53 times). So once much has been freed, the heap is
//! asked to return its free pages. Not here: what is freed, or when windows' chunks are.
//! Invariant: it runs on a thread of its own, at most once in [`TRIM_GAP_NS`].

use super::clock::monotonic_ns;

/// How much must have been freed since the last time, bytes: a trim walks all free blocks, a few
/// milliseconds for this much.
const TRIM_BYTES: u64 = 32 << 20;
/// Least time between two trims, nanoseconds.
const TRIM_GAP_NS: u64 = 1_000_000_000;

/// Watches how much is held, and trims when it has fallen.
#[derive(Debug, Default)]
pub(super) struct Heap {
    /// Most that was held since the last trim, bytes.
    peak_bytes: u64,
    trimmed_ns: u64,
}

impl Heap {
    /// Notes that `used_bytes` are held; has the heap trimmed if much has been freed.
    pub(super) fn watch(&mut self, used_bytes: u64) {
        self.peak_bytes = self.peak_bytes.max(used_bytes);
        let now_ns = monotonic_ns();
        if self.peak_bytes - used_bytes < TRIM_BYTES
            || now_ns.saturating_sub(self.trimmed_ns) < TRIM_GAP_NS
        {
            return;
        }
        self.peak_bytes = used_bytes;
        self.trimmed_ns = now_ns;
        tokio::task::spawn_blocking(trim);
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the one call that glibc has for this; no crate wraps it")]
fn trim() {
    // SAFETY: malloc_trim takes no pointer, may be called at any time from any thread, and touches
    // only memory that has been freed.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators give memory back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}
