//! What the server does by itself: expiry, time limits of clients, rates.
//!
//! Not here: how counters expire (engine/). Invariant: an idle server wakes at most ten times a
//! second.

use std::sync::Arc;
use std::time::Duration;

use super::clock::monotonic_ns;
use super::heap::Heap;
use super::host::Process;

/// How often ended windows are dropped while there is traffic, milliseconds.
const EXPIRE_MS: u64 = 10;
/// How often when nothing has come from a client since the last time.
const EXPIRE_IDLE_MS: u64 = 100;
/// Between two chunks that are given back, milliseconds: freeing them all at once stalls other
/// threads' inserts by tens of milliseconds.
const RECLAIM_MS: u64 = 1;
/// How often clients' time limits are checked and rates sampled.
const SWEEP_NS: u64 = 1_000_000_000;

/// Never returns.
pub(super) async fn keep(process: Arc<Process>) {
    let mut swept_ns = monotonic_ns();
    let mut input_bytes = 0;
    let mut heap = Heap::default();
    loop {
        let now_ms = process.clock.now().ms;
        let more = process.engine.expire(now_ms) | process.engine.reclaim(now_ms);
        heap.watch(process.engine.used_bytes());
        let now_ns = monotonic_ns();
        if now_ns.saturating_sub(swept_ns) >= SWEEP_NS {
            swept_ns = now_ns;
            process.register.sweep(&process.config.load(), now_ms);
            process.samples.lock().push(process.sample());
        }
        let sample = process.sample();
        let busy = std::mem::replace(&mut input_bytes, sample.input_bytes) != input_bytes;
        let wait_ms = match (more, busy) {
            (true, _) => RECLAIM_MS,
            (false, true) => EXPIRE_MS,
            (false, false) => EXPIRE_IDLE_MS,
        };
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    }
}
