//! The one door to the counting: verdicts over the windows, GCRA cells over the keyspace, and what
//! both need from the process (memory limit and policy, expiry, figures).
//!
//! Not here: bytes of the protocol, clocks. Invariant: every hit that is not refused is counted
//! exactly once, and a verdict is what the limiter says of the counts that the store then holds.

mod cells;
mod count;
mod draw;
mod explain;
mod hold;
mod item;
mod keys;
mod many;
mod replica;
mod report;
#[cfg(test)]
mod tests;
mod throttle;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::task::Waker;

pub use crate::store::{
    AddError, Breakdown, Collection, Edit, EditError, End, Full, Hash, Held, Hint, KEY_BYTES_MAX,
    LexBound, List, Mailbox, Moved, NEVER_MS, Name, Origin, OriginCount, Reader, Refusal,
    SERIES_MAX, SHARED_KEY_BYTES_MAX, Series, Share, ShareSaid, Sorted, TOMBSTONES_MAX, Value,
    Wait, Waited, Watch, Whole, WrongType, parse_integer,
};
pub use count::{Charge, Hit};
pub use explain::Explanation;
pub use item::{Freshness, Item, Merged, ScanPlace};
pub use keys::{LOOKS_MAX, Names, ScanPage};
pub use many::{MANY_MAX, ManyVerdict};
pub use report::EngineReport;
pub use throttle::ThrottleError;

use crate::config::MemoryPolicy;
use crate::store::{Account, Keyspace, Windows};

/// Everything that counts, shared by all workers.
#[derive(Debug)]
pub struct Engine {
    windows: Windows,
    keyspace: Keyspace,
    account: Arc<Account>,
    policy: AtomicU8,
    stamp_tag: u16,
    new_at_limit: NewAtLimit,
    life: Life,
    /// What other nodes have charged to cells.
    cells: cells::Cells,
}

/// This life of the node's counts, as the cluster knows it.
#[derive(Debug)]
struct Life {
    origin: AtomicU64,
    /// Stamp of the last FLUSHALL, here or elsewhere.
    flush_stamp: AtomicU64,
    /// Stamp of the FLUSHALL that it began under: while it is another, nothing is published.
    born_under: AtomicU64,
    /// Nodes in the cluster, this one included.
    nodes: AtomicU64,
    /// Own counts fell under the same origin: it must be replaced.
    fallen: AtomicBool,
    /// Who is to be woken by urgent news.
    urgent: OnceLock<Waker>,
}

/// How calls that would have created a counter at the memory limit were answered.
#[derive(Debug, Default)]
struct NewAtLimit {
    refused: AtomicU64,
    allowed: AtomicU64,
    denied: AtomicU64,
}

/// What an engine needs to know at birth.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Secret seed of the hash tables: random in a server, chosen in a simulation.
    pub seed: u64,
    /// Random number that tells this node's SET and RESET stamps from others of the same time.
    pub stamp_tag: u16,
    /// Bytes that the store may hold.
    pub memory_limit_bytes: u64,
    /// What new counters get at the limit.
    pub policy: MemoryPolicy,
    /// List changed counters for replication: only where somebody drains the list.
    pub track_changes: bool,
}

impl Engine {
    /// An engine that has counted nothing.
    pub fn new(options: Options) -> Engine {
        let account = Arc::new(Account::new(options.memory_limit_bytes));
        let keyspace = Keyspace::new(options.seed ^ KEYSPACE_SEED, account.clone());
        let keyspace = match options.track_changes {
            true => keyspace.shared(options.stamp_tag),
            false => keyspace,
        };
        Engine {
            windows: Windows::new(options.seed, account.clone(), options.track_changes),
            keyspace,
            account,
            policy: AtomicU8::new(options.policy as u8),
            stamp_tag: options.stamp_tag,
            new_at_limit: NewAtLimit::default(),
            life: Life {
                origin: AtomicU64::new(0),
                flush_stamp: AtomicU64::new(0),
                born_under: AtomicU64::new(0),
                nodes: AtomicU64::new(1),
                fallen: AtomicBool::new(false),
                urgent: OnceLock::new(),
            },
            cells: cells::Cells::default(),
        }
    }

    /// A reader for one slice of requests.
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(&self.windows)
    }

    /// Changes how much the store may hold, bytes; what it holds stays.
    pub fn set_memory_limit(&self, bytes: u64) {
        self.account.set_limit(bytes);
    }

    /// Changes what new counters get at the memory limit.
    pub fn set_memory_policy(&self, policy: MemoryPolicy) {
        self.policy.store(policy as u8, Relaxed);
    }

    /// True where changes are listed for other nodes.
    #[inline]
    fn replicates(&self) -> bool {
        self.windows.supply().track_changes
    }

    /// Bytes that the store holds.
    pub fn used_bytes(&self) -> u64 {
        self.account.used_bytes()
    }

    fn policy(&self) -> MemoryPolicy {
        const ALLOW: u8 = MemoryPolicy::AllowNew as u8;
        const DENY: u8 = MemoryPolicy::DenyNew as u8;
        match self.policy.load(Relaxed) {
            ALLOW => MemoryPolicy::AllowNew,
            DENY => MemoryPolicy::DenyNew,
            _ => MemoryPolicy::NoEviction,
        }
    }

    /// The policy's answer to a call that would create a counter, counted: whether it is allowed
    /// (never if not `passable`: an empty counter would deny it too), or the error.
    fn answer_new(&self, refusal: Refusal, passable: bool) -> Result<bool, Refusal> {
        if refusal != Refusal::OutOfMemory {
            return Err(refusal);
        }
        match self.policy() {
            MemoryPolicy::NoEviction => Err(self.refuse(refusal)),
            MemoryPolicy::AllowNew if passable => {
                self.new_at_limit.allowed.fetch_add(1, Relaxed);
                Ok(true)
            }
            MemoryPolicy::AllowNew | MemoryPolicy::DenyNew => {
                self.new_at_limit.denied.fetch_add(1, Relaxed);
                Ok(false)
            }
        }
    }

    /// Counts a refusal that has no other answer than the error.
    fn refuse(&self, refusal: Refusal) -> Refusal {
        if refusal == Refusal::OutOfMemory {
            self.new_at_limit.refused.fetch_add(1, Relaxed);
        }
        refusal
    }

    /// Drops the windows and keys whose time has come; true while more keys wait for it.
    pub fn expire(&self, now_ms: u64) -> bool {
        self.windows.expire(now_ms);
        self.cells.sweep(now_ms);
        self.keyspace.sweep_shares();
        self.keyspace.expire(now_ms)
    }

    /// Frees one step (at most 1 MiB) of what was dropped; true while there is more.
    pub fn reclaim(&self, now_ms: u64) -> bool {
        self.windows.reclaim(now_ms)
    }

    /// Forgets everything, at once for the callers; memory follows by [`Engine::reclaim`]. In a
    /// cluster all nodes follow, by the stamp.
    pub fn flush(&self, now_ms: u64) {
        self.flush_whole(now_ms, &mut self.whole(now_ms));
    }

    /// As [`Engine::flush`], of a keyspace that may be held.
    pub fn flush_whole(&self, now_ms: u64, whole: &mut Whole<'_, '_>) {
        let stamp = self.stamp(now_ms).max(self.flush_stamp().saturating_add(1));
        self.life.flush_stamp.fetch_max(stamp, Relaxed);
        self.forget(whole);
        self.life.fallen.store(true, Relaxed);
    }

    fn forget(&self, whole: &mut Whole<'_, '_>) {
        self.windows.flush();
        whole.flush();
        self.cells.clear();
    }
}

/// Makes the keyspace's hash another function than the windows'.
const KEYSPACE_SEED: u64 = 0x9E37_79B9_7F4A_7C15;
