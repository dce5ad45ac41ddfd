//! What one worker counts: commands, time, errors, verdicts. Written by one thread with plain
//! (relaxed load, then store) additions, read by anyone.
//!
//! Not here: summing over workers (INFO does it). Invariant: the counters only rise; a reset keeps
//! them and remembers where they stood, since a store of zero from another thread could be undone
//! by an addition already under way.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

use super::table;

/// Buckets of a histogram: bucket `i` holds times below 2^i ns, the last one all from 2^38 ns
/// (four minutes) on.
pub(super) const BUCKETS: usize = 40;
/// Most error codes told apart; our own texts have under ten, and a script can invent any.
pub(super) const ERROR_CODES_MAX: usize = 32;
/// Where errors of further codes are counted.
const OTHER_ERRORS: &str = "OTHER";

/// One worker's statistics.
#[derive(Debug)]
pub struct Stats {
    rows: Box<[Row]>,
    commands: AtomicU64,
    allowed: AtomicU64,
    denied: AtomicU64,
    without_latency: AtomicBool,
    errors: Mutex<BTreeMap<String, u64>>,
    baseline: Mutex<Option<Totals>>,
}

#[derive(Debug)]
struct Row {
    calls: AtomicU64,
    nanos: AtomicU64,
    rejected: AtomicU64,
    failed: AtomicU64,
    histogram: [AtomicU64; BUCKETS],
}

/// Statistics at one moment, of one worker or summed over several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// By row of the command table.
    pub rows: Vec<RowTotals>,
    /// Commands run.
    pub commands: u64,
    /// Hits allowed.
    pub allowed: u64,
    /// Hits denied.
    pub denied: u64,
    /// Error replies by code.
    pub errors: BTreeMap<String, u64>,
}

/// One command's part of [`Totals`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowTotals {
    /// Runs.
    pub calls: u64,
    /// Their time in all, nanoseconds.
    pub nanos: u64,
    /// Requests refused before they ran.
    pub rejected: u64,
    /// Runs that answered an error.
    pub failed: u64,
    /// Runs by time: bucket `i` holds those below 2^i ns, the last one all longer ones too.
    pub histogram: [u64; BUCKETS],
}

impl Default for RowTotals {
    fn default() -> Self {
        RowTotals { calls: 0, nanos: 0, rejected: 0, failed: 0, histogram: [0; BUCKETS] }
    }
}

impl Default for Stats {
    fn default() -> Self {
        let row = || Row {
            calls: AtomicU64::new(0),
            nanos: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            histogram: [const { AtomicU64::new(0) }; BUCKETS],
        };
        Stats {
            rows: (0..table::TABLE.len()).map(|_| row()).collect(),
            commands: AtomicU64::new(0),
            allowed: AtomicU64::new(0),
            denied: AtomicU64::new(0),
            without_latency: AtomicBool::new(false),
            errors: Mutex::new(BTreeMap::new()),
            baseline: Mutex::new(None),
        }
    }
}

impl Stats {
    /// Notes `calls` runs of the command in row `command` of the table that took `nanos` in all.
    /// Only the worker that owns these statistics may call it.
    pub fn record(&self, command: usize, calls: u64, nanos: u64) {
        let Some(row) = self.rows.get(command) else {
            return;
        };
        add(&row.calls, calls);
        add(&row.nanos, nanos);
        add(&self.commands, calls);
        if !self.without_latency.load(Relaxed) {
            let each = if calls > 1 { nanos / calls } else { nanos };
            let bucket = usize::try_from(u64::BITS - each.leading_zeros()).unwrap_or(BUCKETS);
            if let Some(bucket) = row.histogram.get(bucket.min(BUCKETS - 1)) {
                add(bucket, calls);
            }
        }
    }

    /// Notes `allowed` and `denied` verdicts; owner only, as [`record`](Self::record).
    pub fn verdicts(&self, allowed: u64, denied: u64) {
        add(&self.allowed, allowed);
        add(&self.denied, denied);
    }

    /// Notes a request that was refused before it ran; owner only. `command` is its row, if it is
    /// a command at all.
    pub fn reject(&self, command: Option<usize>, error: &str) {
        if let Some(row) = command.and_then(|row| self.rows.get(row)) {
            add(&row.rejected, 1);
        }
        self.error(error);
    }

    /// Notes a run that answered an error; owner only.
    pub fn fail(&self, command: usize, error: &str) {
        if let Some(row) = self.rows.get(command) {
            add(&row.failed, 1);
        }
        self.error(error);
    }

    fn error(&self, text: &str) {
        let code = text.split(' ').next().unwrap_or_default();
        let mut errors = self.errors.lock();
        let known = errors.contains_key(code) || errors.len() < ERROR_CODES_MAX;
        let code = if known { code } else { OTHER_ERRORS };
        match errors.get_mut(code) {
            Some(count) => *count += 1,
            None => drop(errors.insert(code.to_owned(), 1)),
        }
    }

    /// Keeps the histograms from now on, or stops (`latency-tracking`); they are kept at first.
    pub fn track_latency(&self, on: bool) {
        self.without_latency.store(!on, Relaxed);
    }

    /// Commands run since start or the last reset; it falls at a reset.
    pub fn total_commands(&self) -> u64 {
        let before = self.baseline.lock().as_ref().map_or(0, |baseline| baseline.commands);
        self.commands.load(Relaxed).saturating_sub(before)
    }

    /// Everything since start or the last reset.
    pub fn totals(&self) -> Totals {
        let mut totals = self.since_start();
        if let Some(baseline) = &*self.baseline.lock() {
            totals.subtract(baseline);
        }
        totals
    }

    /// Starts anew; any thread may call it.
    pub fn reset(&self) {
        let now = self.since_start();
        *self.baseline.lock() = Some(now);
    }

    fn since_start(&self) -> Totals {
        let row = |row: &Row| RowTotals {
            calls: row.calls.load(Relaxed),
            nanos: row.nanos.load(Relaxed),
            rejected: row.rejected.load(Relaxed),
            failed: row.failed.load(Relaxed),
            histogram: std::array::from_fn(|bucket| row.histogram[bucket].load(Relaxed)),
        };
        Totals {
            rows: self.rows.iter().map(row).collect(),
            commands: self.commands.load(Relaxed),
            allowed: self.allowed.load(Relaxed),
            denied: self.denied.load(Relaxed),
            errors: self.errors.lock().clone(),
        }
    }
}

impl Totals {
    /// Nothing counted yet.
    pub fn zero() -> Totals {
        Totals {
            rows: vec![RowTotals::default(); table::TABLE.len()],
            commands: 0,
            allowed: 0,
            denied: 0,
            errors: BTreeMap::new(),
        }
    }

    /// Adds another worker's.
    pub fn add(&mut self, other: &Totals) {
        self.commands += other.commands;
        self.allowed += other.allowed;
        self.denied += other.denied;
        self.each_row(other, u64::saturating_add);
        for (code, count) in &other.errors {
            *self.errors.entry(code.clone()).or_default() += count;
        }
    }

    fn subtract(&mut self, before: &Totals) {
        self.commands = self.commands.saturating_sub(before.commands);
        self.allowed = self.allowed.saturating_sub(before.allowed);
        self.denied = self.denied.saturating_sub(before.denied);
        self.each_row(before, u64::saturating_sub);
        for (code, count) in &mut self.errors {
            *count = count.saturating_sub(before.errors.get(code).copied().unwrap_or(0));
        }
        self.errors.retain(|_, count| *count > 0);
    }

    fn each_row(&mut self, other: &Totals, combine: fn(u64, u64) -> u64) {
        for (row, other) in self.rows.iter_mut().zip(&other.rows) {
            row.calls = combine(row.calls, other.calls);
            row.nanos = combine(row.nanos, other.nanos);
            row.rejected = combine(row.rejected, other.rejected);
            row.failed = combine(row.failed, other.failed);
            for (bucket, other) in row.histogram.iter_mut().zip(&other.histogram) {
                *bucket = combine(*bucket, *other);
            }
        }
    }
}

impl RowTotals {
    /// The time below which `per_mille` of a thousand runs stayed, nanoseconds: read from the
    /// histogram, linear within a bucket. 0 if there is no run in it.
    pub fn percentile_ns(&self, per_mille: u64) -> u64 {
        let runs: u64 = self.histogram.iter().sum();
        let rank = u128::from(runs) * u128::from(per_mille);
        let mut below = 0u128;
        for (bucket, count) in self.histogram.iter().enumerate().filter(|(_, count)| **count > 0) {
            let count = u128::from(*count) * 1000;
            if below + count >= rank {
                let high = 1u128 << bucket;
                let low = if bucket == 0 { 0 } else { high / 2 };
                let within = (high - low) * (rank - below) / count;
                return u64::try_from(low + within).unwrap_or(u64::MAX);
            }
            below += count;
        }
        0
    }
}

/// An addition by the only writer: no locked instruction.
fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(amount), Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_hides_what_was_counted_before_it_and_nothing_after() {
        let stats = Stats::default();
        stats.record(0, 3, 3_000);
        stats.verdicts(2, 1);
        stats.fail(0, "ERR syntax error");
        stats.reset();
        assert_eq!(stats.totals(), Totals::zero());
        stats.record(0, 1, 500);
        stats.reject(Some(0), "NOAUTH Authentication required.");
        let totals = stats.totals();
        assert_eq!((totals.rows[0].calls, totals.rows[0].nanos), (1, 500));
        assert_eq!((totals.rows[0].rejected, totals.rows[0].failed), (1, 0));
        assert_eq!(totals.errors.iter().collect::<Vec<_>>(), [(&"NOAUTH".to_owned(), &1)]);
        assert_eq!(stats.total_commands(), 1);
    }

    #[test]
    fn a_run_lands_in_the_bucket_of_its_time() {
        let stats = Stats::default();
        stats.record(1, 1, 0);
        stats.record(1, 1, 1_023);
        stats.record(1, 2, 2 * 1_024);
        stats.record(1, 1, u64::MAX);
        let row = stats.totals().rows[1];
        assert_eq!((row.histogram[0], row.histogram[10], row.histogram[11]), (1, 1, 2));
        assert_eq!(row.histogram[BUCKETS - 1], 1);
        stats.track_latency(false);
        stats.record(1, 1, 0);
        assert_eq!(stats.totals().rows[1].histogram[0], 1);
    }

    #[test]
    fn percentiles_lie_within_the_bucket_that_holds_them() {
        let mut row = RowTotals::default();
        assert_eq!(row.percentile_ns(500), 0);
        row.histogram[11] = 99;
        row.histogram[21] = 1;
        assert!((1_024..2_048).contains(&row.percentile_ns(500)));
        assert!((1 << 20..=1 << 21).contains(&row.percentile_ns(999)));
    }

    #[test]
    fn invented_error_codes_cannot_grow_the_table() {
        let stats = Stats::default();
        for code in 0..1_000 {
            stats.reject(None, &format!("E{code} x"));
        }
        let errors = stats.totals().errors;
        assert_eq!(errors.len(), ERROR_CODES_MAX + 1);
        assert_eq!(errors.values().sum::<u64>(), 1_000);
    }
}
