//! The engine's figures, for INFO and metrics.

use std::sync::atomic::Ordering::Relaxed;

use super::Engine;

/// What the engine holds and has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineReport {
    /// Live window counters.
    pub counters: u64,
    /// Keys in the keyspace.
    pub cells: u64,
    /// Keys of the keyspace that this node shares with nobody: strings that are no integers, and
    /// keys too long to be sent. Counted now and then, up to a minute ago; 0 on a node alone.
    pub local_keys: u64,
    /// Keys kept after they were erased, so that other nodes hear of it.
    pub tombstones: u64,
    /// Keyspace counters whose last change no other node was told of yet.
    pub shares_unsent: u64,
    /// Keys in the keyspace that have no deadline.
    pub endless: u64,
    /// Buckets of windows.
    pub tables: u64,
    /// Live (kind, scale) pairs.
    pub scales: u64,
    /// Calls refused for a scale beyond the bound.
    pub scales_refused: u64,
    /// Bytes held.
    pub memory_used_bytes: u64,
    /// Bytes that may be held.
    pub memory_max_bytes: u64,
    /// Most bytes ever held.
    pub memory_peak_bytes: u64,
    /// Of those held, bytes of window tables.
    pub memory_tables_bytes: u64,
    /// Of those held, bytes of keyspace keys.
    pub memory_keyspace_bytes: u64,
    /// Of those held, bytes of ended windows that wait to be freed or used again.
    pub memory_reclaiming_bytes: u64,
    /// Counters and keys dropped at their end.
    pub expired_counters: u64,
    /// Calls answered `-OOM` for want of memory.
    pub refused_new_oom: u64,
    /// Calls allowed uncounted for want of memory.
    pub allowed_new_uncounted: u64,
    /// Calls denied uncounted for want of memory.
    pub denied_new_uncounted: u64,
}

impl Engine {
    /// The figures at `now_ms`.
    pub fn report(&self, now_ms: u64) -> EngineReport {
        let supply = self.windows.supply();
        let memory_keyspace_bytes = self.keyspace.used_bytes();
        let memory_reclaiming_bytes = self.windows.reclaiming_bytes();
        let memory_used_bytes = self.account.used_bytes();
        let shared = self.keyspace.shares_held();
        EngineReport {
            local_keys: shared.local_keys,
            tombstones: shared.tombstones,
            shares_unsent: shared.unsent,
            counters: self.windows.live(now_ms),
            cells: self.keyspace.len(),
            endless: self.keyspace.len().saturating_sub(self.keyspace.ending()),
            tables: self.windows.buckets() as u64,
            scales: supply.registry.len() as u64,
            scales_refused: supply.registry.refused(),
            memory_used_bytes,
            memory_max_bytes: self.account.limit_bytes(),
            memory_peak_bytes: self.account.peak_bytes(),
            memory_tables_bytes: memory_used_bytes
                .saturating_sub(memory_keyspace_bytes)
                .saturating_sub(memory_reclaiming_bytes),
            memory_keyspace_bytes,
            memory_reclaiming_bytes,
            expired_counters: self.windows.expired() + self.keyspace.expired(),
            refused_new_oom: self.new_at_limit.refused.load(Relaxed),
            allowed_new_uncounted: self.new_at_limit.allowed.load(Relaxed),
            denied_new_uncounted: self.new_at_limit.denied.load(Relaxed),
        }
    }
}
