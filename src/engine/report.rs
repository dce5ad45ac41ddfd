//! The engine's figures, for INFO.

use super::Engine;

/// What the engine counts about itself. Counts are since start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineReport {
    /// Live counters: one for each key, kind, scale and window in force.
    pub counters: u64,
    /// Live GCRA cells.
    pub cells: u64,
    /// Tables of counters, one a window bucket and shard.
    pub tables: u64,
    /// Known (kind, scale) pairs.
    pub scales: u64,
    /// Calls refused because of too many scales.
    pub scales_refused: u64,
    /// Bytes held in all.
    pub memory_used_bytes: u64,
    /// Bytes that may be held, `maxmemory` in force.
    pub memory_max_bytes: u64,
    /// Most bytes held at once.
    pub memory_peak_bytes: u64,
    /// Bytes of the tables of counters.
    pub memory_tables_bytes: u64,
    /// Bytes of the keyspace, GCRA cells included.
    pub memory_keyspace_bytes: u64,
    /// Bytes of ended windows that are about to be freed.
    pub memory_reclaiming_bytes: u64,
    /// Counters that ended with their window.
    pub expired_counters: u64,
    /// Calls that would have created a counter at `maxmemory` and were refused.
    pub refused_new_oom: u64,
    /// Such calls that were allowed, uncounted (`maxmemory-policy allow-new`).
    pub allowed_new_uncounted: u64,
    /// Such calls that were denied, uncounted (`maxmemory-policy deny-new`).
    pub denied_new_uncounted: u64,
}

impl Engine {
    /// The figures at `now_ms`, ms since the epoch.
    pub fn report(&self, _now_ms: u64) -> EngineReport {
        EngineReport::default()
    }
}
