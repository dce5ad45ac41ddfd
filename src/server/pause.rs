//! CLIENT PAUSE: one pause for all clients.
//!
//! Not here: which commands it holds back (command/). Invariant: a pause ends by itself.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::command::PauseMode;

/// The pause in force, if any.
#[derive(Debug, Default)]
pub(super) struct Pause {
    in_force: Mutex<Option<(PauseMode, u64)>>,
    /// End of the pause, ms since the epoch, so that nobody takes the lock while there is none.
    until_ms: AtomicU64,
    ended: AtomicU64,
}

impl Pause {
    /// Begins a pause. As in Redis a running one is only made stronger: the later end and the
    /// wider mode win.
    pub(super) fn begin(&self, mode: PauseMode, until_ms: u64, now_ms: u64) {
        let mut in_force = self.in_force.lock();
        let (mode, until_ms) = match *in_force {
            Some((old, old_until_ms)) if old_until_ms > now_ms => {
                let wider = if old == PauseMode::All { old } else { mode };
                (wider, until_ms.max(old_until_ms))
            }
            _ => (mode, until_ms),
        };
        *in_force = Some((mode, until_ms));
        self.until_ms.store(until_ms, Ordering::Release);
    }

    pub(super) fn end(&self) {
        *self.in_force.lock() = None;
        self.until_ms.store(0, Ordering::Release);
        self.ended.fetch_add(1, Ordering::Release);
    }

    /// How many pauses were ended before their time: one that waits compares it.
    pub(super) fn ended(&self) -> u64 {
        self.ended.load(Ordering::Acquire)
    }

    pub(super) fn at(&self, now_ms: u64) -> Option<(PauseMode, u64)> {
        if self.until_ms.load(Ordering::Acquire) <= now_ms {
            return None;
        }
        self.in_force.lock().filter(|(_, until_ms)| *until_ms > now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_at_its_time() {
        let pause = Pause::default();
        assert_eq!(pause.at(0), None);
        pause.begin(PauseMode::Write, 200, 100);
        assert_eq!(pause.at(199), Some((PauseMode::Write, 200)));
        assert_eq!(pause.at(200), None);
    }

    #[test]
    fn a_second_pause_only_makes_it_stronger() {
        let pause = Pause::default();
        pause.begin(PauseMode::All, 200, 100);
        pause.begin(PauseMode::Write, 150, 100);
        assert_eq!(pause.at(120), Some((PauseMode::All, 200)));
        pause.begin(PauseMode::Write, 300, 250);
        assert_eq!(pause.at(260), Some((PauseMode::Write, 300)));
    }

    #[test]
    fn an_ended_pause_is_over_and_counted() {
        let pause = Pause::default();
        pause.begin(PauseMode::All, 200, 100);
        pause.end();
        assert_eq!((pause.at(150), pause.ended()), (None, 1));
    }
}
