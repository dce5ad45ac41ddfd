//! What one worker counts: commands, time, errors, verdicts. Written by one thread with plain
//! (relaxed load, then store) additions, read by anyone.

/// One worker's statistics.
#[derive(Debug, Default)]
pub struct Stats {}

impl Stats {
    /// Notes `calls` runs of the command in row `command` of the table that took `nanos` in all.
    pub fn record(&self, _command: usize, _calls: u64, _nanos: u64) {}
}
