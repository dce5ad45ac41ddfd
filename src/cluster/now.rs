//! What time it is, twice: as people set it, and as nobody can.
//!
//! Not here: reading a clock. Invariant: `steady_ms` never falls and passes at the same rate whatever
//! happens to the wall clock, so that every wait of the cluster is measured by it alone.

/// One moment, read from both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Wall time, ms since the epoch: for windows and for dates that other nodes read. It may be held
    /// still, and may fall where it was set back.
    pub wall_ms: u64,
    /// Time since some beginning, ms: for timers.
    pub steady_ms: u64,
}

impl Now {
    /// A moment at which both clocks say the same.
    pub fn both(ms: u64) -> Now {
        Now { wall_ms: ms, steady_ms: ms }
    }
}
