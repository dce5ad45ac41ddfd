//! The keyspace: a sharded map from a key to a value that may have a deadline.
//!
//! ```text
//! Keyspace   256 shards, each a hash table behind a lock
//! Held       some shards locked, in shard order, at one frozen time: the way to every value
//! Undo       what the keys of a Held were before it changed them
//! Deadlines  a skiplist of buckets: a key stands in one, at or after its deadline when it was put
//!            there; popped while the deadline has moved on, it is put back
//! Watches    marks that a change of a key sets, for WATCH
//! Waits      who waits for an element of a list, for BLPOP
//! Record     what nodes have added to a counter that they share, beside its slot
//! Whole      all shards one after another, held or not: walks, counts, flushes
//! ```
//! Not here: what a value means. Invariant: a key past its deadline is never seen; it is freed when
//! it is next touched or when its bucket is popped.

mod change;
mod deadlines;
mod edit;
mod exchange;
mod expiry;
mod held;
mod holdings;
mod shard;
mod shared;
mod undo;
mod value;
mod wait;
mod walk;
mod watch;

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;

pub use edit::{EditError, WrongType};
pub use exchange::{HeldShare, KeptShare, SharesHeld};
pub use held::{AddError, Held};
pub use shared::TOMBSTONES_MAX;
pub use value::{Value, parse_integer};
pub use wait::{Mailbox, Wait, Waited};
pub use walk::Whole;
pub use watch::Watch;

use self::deadlines::Deadlines;
use self::holdings::Holdings;
use self::shard::{NEVER, Shard, Slot};
use self::shared::Sharing;
use self::wait::Waits;
use self::watch::Watches;
use super::account::Account;
use super::sync::{AtomicU64, Mutex};

/// Shards of the map: few enough to be cheap when empty, enough that workers seldom meet.
const SHARDS: usize = 256;
/// Bytes charged for a key beside its own and its value's: the slot at the average fill of its
/// table, and what the allocator adds.
const SLOT_COST_BYTES: u64 = 112;
/// Bytes charged, beside the key's own, for its place in the deadline index, which may outlast it.
const PLACE_COST_BYTES: u64 = 48;

/// See the module.
#[derive(Debug)]
pub struct Keyspace {
    shards: Box<[Mutex<Shard>]>,
    hasher: SeedableRandomState,
    deadlines: Deadlines,
    watches: Arc<Watches>,
    waits: Arc<Waits>,
    holdings: Holdings,
    sharing: Sharing,
    /// Numbers drawn so far.
    draws: AtomicU64,
}

fn place_bytes(key: &[u8]) -> u64 {
    PLACE_COST_BYTES + key.len() as u64
}

fn slot_bytes(key: &[u8], value: &Value) -> u64 {
    SLOT_COST_BYTES + key.len() as u64 + value.heap_bytes()
}

/// The shard of a hash. The table itself uses the low and the top bits; these are between.
fn shard_of(hash: u64) -> usize {
    (hash >> 32) as usize % SHARDS
}

impl Keyspace {
    /// An empty keyspace. `seed` makes the hash unpredictable to clients.
    pub fn new(seed: u64, account: Arc<Account>) -> Keyspace {
        let shared: &'static SharedSeed = Box::leak(Box::new(SharedSeed::from_u64(seed)));
        Keyspace {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: SeedableRandomState::with_seed(seed, shared),
            deadlines: Deadlines::default(),
            watches: Arc::new(Watches::new(account.clone())),
            waits: Arc::new(Waits::new(account.clone())),
            holdings: Holdings::new(account),
            sharing: Sharing::default(),
            draws: AtomicU64::new(0),
        }
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Gives back what a slot was charged that is in no table any more, and its place in the index.
    fn drop_slot(&self, slot: &Slot) {
        self.holdings.release(slot.bytes());
        self.holdings.ends(slot.ends(), false);
        if slot.is_hidden() {
            self.sharing.hidden.fetch_sub(1, Relaxed);
        } else {
            self.holdings.went(1);
        }
        if slot.bucket_ms > 0 && self.deadlines.leave(slot.bucket_ms, &slot.key) {
            self.holdings.release(place_bytes(&slot.key));
        }
    }

    /// Gives `slot` a deadline, and a place in the index if it has none that is early enough. A
    /// place that is now too early, or needed no more, is found out when its bucket is popped.
    fn settle(&self, now_ms: u64, slot: &mut Slot, deadline_ms: u64) {
        self.holdings.ends(slot.ends(), deadline_ms != NEVER);
        slot.deadline_ms = deadline_ms;
        if deadline_ms != NEVER {
            self.await_time(now_ms, slot, deadline_ms);
        }
    }

    /// Has `slot` looked at once `deadline_ms` has passed.
    fn await_time(&self, now_ms: u64, slot: &mut Slot, deadline_ms: u64) {
        let bucket_ms = deadlines::bucket_ms(now_ms, deadline_ms);
        let bytes = place_bytes(&slot.key);
        if slot.bucket_ms == 0 {
            // Refusing a deadline for want of memory would keep the key for ever.
            self.holdings.charge_anyway(bytes);
        } else if bucket_ms >= slot.bucket_ms || self.holdings.charge(bytes).is_err() {
            // At the limit it keeps its later place, and is freed then.
            return;
        } else if self.deadlines.leave(slot.bucket_ms, &slot.key) {
            self.holdings.release(bytes);
        }
        slot.bucket_ms = bucket_ms;
        self.deadlines.enter(bucket_ms, slot.key.clone());
    }

    /// Bytes that all keys are charged for.
    pub fn used_bytes(&self) -> u64 {
        self.holdings.used_bytes()
    }

    /// Keys held, live or not yet freed.
    pub fn len(&self) -> u64 {
        self.holdings.keys()
    }

    /// Those of the keys held that have a deadline.
    pub fn ending(&self) -> u64 {
        self.holdings.ending()
    }

    /// True if nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keys freed at their deadline since the start.
    pub fn expired(&self) -> u64 {
        self.holdings.expired()
    }
}
