//! A node's clocks: a wall clock that is off, drifts and is set, and a steady one that only drifts.
//!
//! As the server's clock does, the wall time that a node uses stands still while it was set back by
//! up to 5 s, and follows a longer step, which it counts.

use ratel::cluster::now::Now;

/// A time in a window of ten minutes that lasts until a run's end, ms since the epoch.
pub(crate) const EPOCH_MS: u64 = 1_790_000_600_000;
const HELD_MS: u64 = 5_000;

#[derive(Clone, Debug)]
pub(crate) struct Clock {
    offset_us: i64,
    drift_ppm: i64,
    mark_ms: u64,
    steady_base_ms: u64,
    pub(crate) rewinds: u64,
}

impl Clock {
    pub(crate) fn new(offset_ms: i64, drift_ppm: i64, steady_base_ms: u64) -> Clock {
        Clock { offset_us: offset_ms * 1_000, drift_ppm, mark_ms: 0, steady_base_ms, rewinds: 0 }
    }

    fn run_us(&self, now_us: u64) -> i64 {
        let now_us = now_us as i64;
        now_us + now_us * self.drift_ppm / 1_000_000
    }

    pub(crate) fn wall_ms(&self, now_us: u64) -> u64 {
        EPOCH_MS.saturating_add_signed((self.run_us(now_us) + self.offset_us).div_euclid(1_000))
    }

    /// What it says at a moment of the world.
    pub(crate) fn read(&mut self, now_us: u64) -> Now {
        let wall_ms = self.wall_ms(now_us);
        if wall_ms + HELD_MS < self.mark_ms {
            self.rewinds += 1;
            self.mark_ms = wall_ms;
        }
        self.mark_ms = self.mark_ms.max(wall_ms);
        let steady_ms = self.steady_base_ms + self.run_us(now_us) as u64 / 1_000;
        Now { wall_ms: self.mark_ms, steady_ms }
    }

    /// Sets the wall clock ahead, or back.
    pub(crate) fn step(&mut self, by_ms: i64) {
        self.offset_us += by_ms * 1_000;
    }

    /// Sets the wall clock right, but for `off_ms`, and ends its drift.
    pub(crate) fn repair(&mut self, now_us: u64, off_ms: i64) {
        let steady_ms = self.read(now_us).steady_ms;
        self.drift_ppm = 0;
        self.offset_us = off_ms * 1_000;
        // Its own time goes on.
        self.steady_base_ms = steady_ms - now_us / 1_000;
    }

    /// A process that starts has read no clock yet.
    pub(crate) fn forget(&mut self) {
        self.mark_ms = 0;
    }

    /// How far it is ahead of the true time, ms.
    pub(crate) fn ahead_ms(&self, now_us: u64) -> i64 {
        self.mark_ms as i64 - (EPOCH_MS + now_us / 1_000) as i64
    }
}
