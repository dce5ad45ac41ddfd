//! How the server ends.
//!
//! Not here: what a connection does about it. Invariant: a shutdown that has begun is never
//! called off, and only becomes more urgent.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

use super::host::Process;
use crate::command::ShutdownMode;

const SERVING: u8 = 0;
const GRACEFUL: u8 = 1;
const NOW: u8 = 2;

/// The state of the shutdown, seen by every thread.
#[derive(Debug, Default)]
pub(super) struct Shutdown {
    state: AtomicU8,
    changed: Notify,
}

impl Shutdown {
    pub(super) fn begin(&self, mode: ShutdownMode) {
        let state = match mode {
            ShutdownMode::Graceful => GRACEFUL,
            ShutdownMode::Now => NOW,
        };
        self.state.fetch_max(state, Ordering::AcqRel);
        self.changed.notify_waiters();
    }

    /// True once connections must answer what they have and close.
    pub(super) fn begun(&self) -> bool {
        self.state.load(Ordering::Acquire) != SERVING
    }

    /// Returns once a shutdown of at least this urgency was begun.
    pub(super) async fn reached(&self, mode: ShutdownMode) {
        let wanted = if mode == ShutdownMode::Now { NOW } else { GRACEFUL };
        loop {
            let changed = self.changed.notified();
            if self.state.load(Ordering::Acquire) >= wanted {
                return;
            }
            changed.await;
        }
    }
}

/// SIGTERM and SIGINT, which end the server, and SIGHUP, which has it reread the cluster's keys.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    pub(super) fn listen() -> std::io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The name of the next signal that asks for the end.
    pub(super) async fn next(&mut self, process: &Process) -> &'static str {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.hangup.recv() => {}
            }
            if process.config.load().cluster_port().is_some() {
                process.reload.notify_one();
            } else {
                tracing::info!("SIGHUP: ignored");
            }
        }
    }
}
