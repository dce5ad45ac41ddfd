//! What the workers know of scripts together: the scripts themselves, and who runs one now.
//!
//! Not here: running one (`scripting.rs`). Invariant: each worker writes its own figures only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

use super::REDIS_VERSION;
use crate::script::{CacheLimits, Interpreter, KillSwitch, Options, ScriptCache};

/// See the module; one in a process.
pub struct Scripts {
    pub(super) cache: ScriptCache,
    workers: Mutex<Vec<Arc<Runs>>>,
}

impl Default for Scripts {
    fn default() -> Self {
        let cache = ScriptCache::new(CacheLimits::default());
        Scripts { cache, workers: Mutex::default() }
    }
}

/// The scripts that one worker has run, and whether it runs one.
#[derive(Debug, Default)]
pub(super) struct Runs {
    busy: AtomicBool,
    switch: Mutex<KillSwitch>,
    run: AtomicU64,
    restarted: AtomicU64,
    stopped: AtomicU64,
    killed: AtomicU64,
    memory_bytes: AtomicU64,
}

/// The figures of INFO, summed over the workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ScriptFigures {
    /// Scripts known.
    pub(super) cached: u64,
    /// Bytes of their sources.
    pub(super) source_bytes: u64,
    /// Scripts that had to go for others.
    pub(super) evicted: u64,
    /// Runs begun.
    pub(super) run: u64,
    /// Runs that were rolled back and repeated under all keys.
    pub(super) restarted: u64,
    /// Runs that used up their time.
    pub(super) stopped: u64,
    /// Runs that SCRIPT KILL ended.
    pub(super) killed: u64,
    /// Bytes of the Lua states.
    pub(super) memory_bytes: u64,
}

impl Scripts {
    /// Ends every script that runs now; false if none did.
    pub(super) fn kill(&self) -> bool {
        let mut killed = false;
        for runs in self.workers.lock().iter().filter(|runs| runs.busy.load(Relaxed)) {
            runs.switch.lock().kill();
            killed = true;
        }
        killed
    }

    pub(super) fn figures(&self) -> ScriptFigures {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let mut sum = ScriptFigures {
            cached: count(self.cache.count()),
            source_bytes: count(self.cache.source_bytes()),
            evicted: self.cache.evicted_count(),
            ..ScriptFigures::default()
        };
        for runs in self.workers.lock().iter() {
            sum.run += runs.run.load(Relaxed);
            sum.restarted += runs.restarted.load(Relaxed);
            sum.stopped += runs.stopped.load(Relaxed);
            sum.killed += runs.killed.load(Relaxed);
            sum.memory_bytes += runs.memory_bytes.load(Relaxed);
        }
        sum
    }
}

/// What one worker runs scripts with. Its Lua state is made at the first script; one that a panic
/// left is not used again.
#[derive(Default)]
pub struct Bench {
    interpreter: Option<Box<Interpreter>>,
    runs: Arc<Runs>,
}

impl Bench {
    /// Takes the Lua state out, for [`Bench::give_back`].
    ///
    /// # Errors
    /// There is no memory for a new one.
    pub(super) fn take(&mut self, scripts: &Scripts, seed: u64) -> Result<Tools, String> {
        let interpreter = match self.interpreter.take() {
            Some(interpreter) => interpreter,
            None => self.make(scripts, seed)?,
        };
        Ok(Tools { interpreter, runs: self.runs.clone() })
    }

    fn make(&mut self, scripts: &Scripts, seed: u64) -> Result<Box<Interpreter>, String> {
        let interpreter = Interpreter::new(Options { redis_version: REDIS_VERSION, seed })?;
        *self.runs.switch.lock() = interpreter.kill_switch();
        let mut workers = scripts.workers.lock();
        if !workers.iter().any(|runs| Arc::ptr_eq(runs, &self.runs)) {
            workers.push(self.runs.clone());
        }
        Ok(Box::new(interpreter))
    }

    pub(super) fn give_back(&mut self, tools: Tools) {
        let bytes = tools.interpreter.used_memory_bytes();
        self.runs.memory_bytes.store(u64::try_from(bytes).unwrap_or(u64::MAX), Relaxed);
        self.interpreter = Some(tools.interpreter);
    }
}

/// What a [`Bench`] holds, for the time of one command.
pub(super) struct Tools {
    pub(super) interpreter: Box<Interpreter>,
    pub(super) runs: Arc<Runs>,
}

/// Marks a worker as running a script until it is dropped.
pub(super) struct Busy(Arc<Runs>);

impl Runs {
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        add(&self.run);
        self.busy.store(true, Relaxed);
        Busy(self.clone())
    }

    pub(super) fn note_restarted(&self) {
        add(&self.restarted);
    }

    pub(super) fn note_stopped(&self) {
        add(&self.stopped);
    }

    pub(super) fn note_killed(&self) {
        add(&self.killed);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.store(false, Relaxed);
    }
}

/// An addition by the only writer.
fn add(counter: &AtomicU64) {
    counter.store(counter.load(Relaxed).wrapping_add(1), Relaxed);
}
