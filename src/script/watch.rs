//! The budget of a running script.
//!
//! Not here: the clock; it is a function handed in with each run. Invariant: once stopped, a watch
//! says so at every question until the next run begins.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::calls::Stop;
use super::fault::Fault;

/// How many steps of a library's loop go between two looks at the clock: about 10 us.
const STEPS_A_LOOK: u32 = 4096;

/// Ends a script from another thread.
#[derive(Clone, Debug, Default)]
pub struct KillSwitch(Arc<AtomicBool>);

impl KillSwitch {
    /// Asks the script that runs now to end; without one nothing happens.
    pub fn kill(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Watches one script after the other.
pub(super) struct Watch {
    ticker: Cell<fn() -> u64>,
    deadline_ns: Cell<u64>,
    stopped: Cell<Option<Stop>>,
    steps: Cell<u32>,
    kill: KillSwitch,
}

impl Watch {
    pub(super) fn new(kill: KillSwitch) -> Self {
        Watch {
            ticker: Cell::new(|| 0),
            deadline_ns: Cell::new(u64::MAX),
            stopped: Cell::new(None),
            steps: Cell::new(0),
            kill,
        }
    }

    /// Begins a run of at most `budget_ns`.
    pub(super) fn start(&self, ticker: fn() -> u64, budget_ns: u64) -> u64 {
        let now_ns = ticker();
        self.ticker.set(ticker);
        self.deadline_ns.set(now_ns.saturating_add(budget_ns));
        self.stopped.set(None);
        self.kill.0.store(false, Ordering::Relaxed);
        now_ns
    }

    pub(super) fn kill_switch(&self) -> KillSwitch {
        self.kill.clone()
    }

    pub(super) fn stopped(&self) -> Option<Stop> {
        self.stopped.get()
    }

    /// Ends the script; the first reason stays.
    pub(super) fn stop(&self, why: Stop) -> Fault {
        if self.stopped.get().is_none() {
            self.stopped.set(Some(why));
        }
        Fault::Stopped
    }

    /// Looks at the clock: its reading, nanoseconds.
    pub(super) fn look(&self) -> Result<u64, Fault> {
        if self.stopped.get().is_some() {
            return Err(Fault::Stopped);
        }
        if self.kill.0.load(Ordering::Relaxed) {
            return Err(self.stop(Stop::Killed));
        }
        let now_ns = self.ticker.get()();
        if now_ns < self.deadline_ns.get() { Ok(now_ns) } else { Err(self.stop(Stop::Budget)) }
    }

    /// Looks at the clock and keeps nothing.
    pub(super) fn check(&self) -> Result<(), Fault> {
        self.look().map(|_| ())
    }

    /// Counts `steps` of work that no instruction hook sees.
    pub(super) fn charge(&self, steps: usize) -> Result<(), Fault> {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        let total = self.steps.get().saturating_add(steps);
        if total < STEPS_A_LOOK {
            self.steps.set(total);
            return Ok(());
        }
        self.steps.set(0);
        self.check()
    }
}
