//! The clock: the only place that asks the system what time it is.
//!
//! Not here: timers (tokio's), deadlines of keys. Invariant: the milliseconds that [`Clock::now`]
//! gives never fall, except after the wall clock was set back by more than
//! [`HELD_BACKSTEP_NS`]; then they follow it and [`Clock::rewinds`] rises.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A step back of the wall clock by at most this much, nanoseconds, is sat out: time stands still
/// until the wall clock has caught up, so that no window that ended begins again. NTP corrects by
/// less; a longer stand-still would keep windows from ending.
pub const HELD_BACKSTEP_NS: u64 = 5_000_000_000;
/// The shared mark is written at most once in so many nanoseconds, so that workers do not fight
/// for its cache line.
const MARK_STEP_NS: u64 = 1_000_000;

/// One reading of the clock, in two units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Milliseconds since the Unix epoch.
    pub ms: u64,
    /// Nanoseconds since the Unix epoch.
    pub ns: u64,
}

impl Reading {
    fn from_ns(ns: u64) -> Reading {
        Reading { ms: ns / 1_000_000, ns }
    }
}

/// The wall clock as all workers see it.
#[derive(Debug, Default)]
pub struct Clock {
    /// Newest reading that was noted, nanoseconds since the epoch.
    mark_ns: AtomicU64,
    rewinds: AtomicU64,
}

impl Clock {
    /// The time now; about 25 ns.
    pub fn now(&self) -> Reading {
        // The mark is loaded before the clock is read: a thread that was interrupted in between
        // then fails to write an old reading over a mark that was set back meanwhile.
        let mark_ns = self.mark_ns.load(Ordering::Relaxed);
        self.follow(mark_ns, wall_ns())
    }

    /// How often the wall clock was set back by more than is sat out.
    pub fn rewinds(&self) -> u64 {
        self.rewinds.load(Ordering::Relaxed)
    }

    fn follow(&self, mark_ns: u64, wall_ns: u64) -> Reading {
        let backstep_ns = mark_ns.saturating_sub(wall_ns);
        if backstep_ns > HELD_BACKSTEP_NS {
            if self.move_mark(mark_ns, wall_ns) {
                self.rewinds.fetch_add(1, Ordering::Relaxed);
            }
            return Reading::from_ns(wall_ns);
        }
        if backstep_ns > 0 {
            return Reading::from_ns(mark_ns);
        }
        if wall_ns - mark_ns >= MARK_STEP_NS || wall_ns / 1_000_000 != mark_ns / 1_000_000 {
            self.move_mark(mark_ns, wall_ns);
        }
        Reading::from_ns(wall_ns)
    }

    fn move_mark(&self, from_ns: u64, to_ns: u64) -> bool {
        self.mark_ns.compare_exchange(from_ns, to_ns, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// The system's wall clock, nanoseconds since the epoch; 0 before it, saturating in the year 2554.
#[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
fn wall_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds since the first call in this process, by a clock that nobody can set; for measuring
/// how long something took.
#[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
pub fn monotonic_ns() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let start = *START;
    u64::try_from(Instant::now().duration_since(start).as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    fn read(clock: &Clock, wall_ns: u64) -> u64 {
        clock.follow(clock.mark_ns.load(Ordering::Relaxed), wall_ns).ns
    }

    #[test]
    fn follows_the_wall_clock_forward_at_once() {
        let clock = Clock::default();
        assert_eq!(read(&clock, 100 * SECOND_NS), 100 * SECOND_NS);
        assert_eq!(read(&clock, 100_000 * SECOND_NS), 100_000 * SECOND_NS);
    }

    #[test]
    fn stands_still_while_the_wall_clock_is_up_to_five_seconds_behind() {
        let clock = Clock::default();
        read(&clock, 100 * SECOND_NS);
        assert_eq!(read(&clock, 95 * SECOND_NS), 100 * SECOND_NS);
        assert_eq!(read(&clock, 99 * SECOND_NS), 100 * SECOND_NS);
        assert_eq!(read(&clock, 101 * SECOND_NS), 101 * SECOND_NS);
        assert_eq!(clock.rewinds(), 0);
    }

    #[test]
    fn follows_a_longer_step_back_and_counts_it_once() {
        let clock = Clock::default();
        read(&clock, 100 * SECOND_NS);
        assert_eq!(read(&clock, 95 * SECOND_NS - 1), 95 * SECOND_NS - 1);
        assert_eq!(read(&clock, 95 * SECOND_NS), 95 * SECOND_NS);
        assert_eq!(clock.rewinds(), 1);
    }

    #[test]
    fn a_thread_that_read_before_a_step_back_cannot_undo_it() {
        let clock = Clock::default();
        read(&clock, 100 * SECOND_NS);
        let old_mark_ns = clock.mark_ns.load(Ordering::Relaxed);
        read(&clock, 50 * SECOND_NS);
        clock.follow(old_mark_ns, 101 * SECOND_NS);
        assert_eq!(read(&clock, 51 * SECOND_NS), 51 * SECOND_NS);
        assert_eq!(clock.rewinds(), 1);
    }

    #[test]
    fn milliseconds_never_fall_after_a_step_back_inside_one_mark_step() {
        let clock = Clock::default();
        read(&clock, 10_000_000_900_000);
        let ahead = read(&clock, 10_000_001_000_000);
        assert_eq!(read(&clock, 10_000_000_950_000), ahead);
    }

    #[test]
    fn both_units_come_from_one_reading() {
        let reading = Clock::default().now();
        assert_eq!(reading.ms, reading.ns / 1_000_000);
        assert!(reading.ms > 1_700_000_000_000, "{}", reading.ms);
    }

    #[test]
    fn the_monotonic_clock_never_falls() {
        let first = monotonic_ns();
        assert!(monotonic_ns() >= first);
    }
}
