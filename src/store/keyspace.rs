//! The keyspace: a sharded map from a key to a value with a deadline.
//!
//! Its deadlines are indexed by a skiplist of buckets, as the windows are: a key stands in one
//! bucket, at or after its deadline when it was put there; popped while its deadline has moved on,
//! it is put back. Not here: what a value means. Invariant: a key past its deadline is never seen;
//! it is freed when its bucket is popped.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crossbeam_skiplist::SkipMap;
use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;

use super::account::{Account, Full};
use super::sync::{AtomicU64, Mutex, MutexGuard};

/// Shards of the map: few enough to be cheap when empty, enough that workers seldom meet.
const SHARDS: usize = 256;
/// Bytes charged for a key's slot in its map.
const SLOT_COST_BYTES: u64 = 96;
/// Bytes charged, beside the key's own, for its place in the deadline index, which may outlast it.
const PLACE_COST_BYTES: u64 = 48;
/// Places at the end of an index bucket among which a removed key's is looked for: a key that is
/// made and removed over and over leaves none behind, and a removal stays short.
const PLACES_SEARCHED: usize = 32;
/// Places for which a shard keeps its room whatever it holds.
const SHRINK_FROM: usize = 64;
/// Keys freed in one call of [`Keyspace::expire`].
const EXPIRE_BATCH: usize = 1024;

/// A value of the keyspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A GCRA cell: its theoretical arrival time, ns since the epoch.
    Cell {
        /// Theoretical arrival time.
        tat_ns: u64,
    },
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    value: Value,
    deadline_ms: u64,
    /// The index bucket that the key stands in.
    bucket_ms: u64,
}

type Map = HashMap<Arc<[u8]>, Slot, SeedableRandomState>;
/// Keys to look at when their bucket is popped; `None` once it has been.
type Waiting = Mutex<Option<Vec<Arc<[u8]>>>>;

/// See the module.
#[derive(Debug)]
pub struct Keyspace {
    shards: Box<[Mutex<Map>]>,
    hasher: SeedableRandomState,
    deadlines: SkipMap<u64, Waiting>,
    /// A popped bucket whose keys are not all looked at yet.
    due: Mutex<(u64, Vec<Arc<[u8]>>)>,
    account: Arc<Account>,
    used_bytes: AtomicU64,
}

/// The bucket for a deadline: rounded up by at most an eighth of what is left until then, so that
/// there are few buckets and no key is kept much longer than it lives.
fn bucket_ms(now_ms: u64, deadline_ms: u64) -> u64 {
    let left = deadline_ms.saturating_sub(now_ms).max(1);
    let step = 1_u64 << left.ilog2().saturating_sub(3);
    deadline_ms.checked_next_multiple_of(step).unwrap_or(deadline_ms)
}

fn place_bytes(key: &[u8]) -> u64 {
    PLACE_COST_BYTES + key.len() as u64
}

fn cost_bytes(key: &[u8]) -> u64 {
    SLOT_COST_BYTES + place_bytes(key)
}

/// A map keeps its room: without this, one that was full once would stay as large.
fn shrink(map: &mut Map) {
    if map.capacity() >= SHRINK_FROM && map.len() < map.capacity() / 4 {
        map.shrink_to(map.len() * 2);
    }
}

impl Keyspace {
    /// An empty keyspace. `seed` makes the hash unpredictable to clients.
    pub fn new(seed: u64, account: Arc<Account>) -> Keyspace {
        let shared: &'static SharedSeed = Box::leak(Box::new(SharedSeed::from_u64(seed)));
        let hasher = SeedableRandomState::with_seed(seed, shared);
        Keyspace {
            shards: (0..SHARDS).map(|_| Mutex::new(Map::with_hasher(hasher.clone()))).collect(),
            hasher,
            deadlines: SkipMap::new(),
            due: Mutex::default(),
            account,
            used_bytes: AtomicU64::new(0),
        }
    }

    fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash_one(key)
    }

    fn shard(&self, key: &[u8]) -> MutexGuard<'_, Map> {
        // The map itself uses the low and the top bits; take some between.
        self.shards[(self.hash(key) >> 32) as usize % SHARDS].lock()
    }

    /// The live value of `key` and its deadline.
    pub fn get(&self, now_ms: u64, key: &[u8]) -> Option<(Value, u64)> {
        let slot = *self.shard(key).get(key)?;
        (slot.deadline_ms > now_ms).then_some((slot.value, slot.deadline_ms))
    }

    /// Lets `change` see the live value of `key` and, in one step, store another with its
    /// deadline (`None`: leave it as it is).
    ///
    /// # Errors
    /// [`Full`] if the key would be new and memory is at its limit; nothing is stored.
    pub fn update<R>(
        &self,
        now_ms: u64,
        key: &[u8],
        change: impl FnOnce(Option<Value>) -> (Option<(Value, u64)>, R),
    ) -> Result<R, Full> {
        let mut map = self.shard(key);
        let old = map.get_mut(key);
        let live = old.as_ref().filter(|slot| slot.deadline_ms > now_ms).map(|slot| slot.value);
        let (new, result) = change(live);
        let Some((value, deadline_ms)) = new else {
            return Ok(result);
        };
        let bucket_ms = bucket_ms(now_ms, deadline_ms);
        if let Some(slot) = old {
            slot.value = value;
            slot.deadline_ms = deadline_ms;
            // At the limit it keeps its later place, and is freed then.
            if bucket_ms < slot.bucket_ms && self.charge(place_bytes(key)).is_ok() {
                slot.bucket_ms = bucket_ms;
                let key = map.get_key_value(key).map(|(key, _)| key.clone());
                if let Some(key) = key {
                    self.await_deadline(bucket_ms, key);
                }
            }
            return Ok(result);
        }
        self.charge(cost_bytes(key))?;
        let key: Arc<[u8]> = key.into();
        map.insert(key.clone(), Slot { value, deadline_ms, bucket_ms });
        self.await_deadline(bucket_ms, key);
        Ok(result)
    }

    /// Puts a key into the index; its place is charged until it leaves it.
    fn await_deadline(&self, bucket_ms: u64, key: Arc<[u8]>) {
        let mut key = Some(key);
        while key.is_some() {
            let bucket =
                self.deadlines.get_or_insert_with(bucket_ms, || Mutex::new(Some(Vec::new())));
            // `None`: the bucket was popped in between; make another.
            if let Some(waiting) = bucket.value().lock().as_mut() {
                waiting.extend(key.take());
            }
        }
    }

    /// Removes `key`; true if it was live.
    pub fn remove(&self, now_ms: u64, key: &[u8]) -> bool {
        let mut map = self.shard(key);
        let Some((key, slot)) = map.remove_entry(key) else {
            return false;
        };
        shrink(&mut map);
        drop(map);
        self.release(SLOT_COST_BYTES);
        self.leave_place(slot.bucket_ms, &key);
        slot.deadline_ms > now_ms
    }

    /// Takes a removed key out of the index if it stands among the last of its bucket; else its
    /// place goes with the bucket.
    fn leave_place(&self, bucket_ms: u64, key: &Arc<[u8]>) {
        let Some(bucket) = self.deadlines.get(&bucket_ms) else {
            return;
        };
        let mut waiting = bucket.value().lock();
        let Some(waiting) = waiting.as_mut() else {
            return;
        };
        let from = waiting.len().saturating_sub(PLACES_SEARCHED);
        if let Some(at) = waiting[from..].iter().rposition(|place| Arc::ptr_eq(place, key)) {
            waiting.swap_remove(from + at);
            self.release(place_bytes(key));
        }
    }

    /// Removes everything.
    pub fn flush(&self) {
        // The index first: a key that comes meanwhile must not lose its place in it, and a place
        // without a key does no harm.
        while let Some(front) = self.deadlines.pop_front() {
            let places = front.value().lock().take().unwrap_or_default();
            self.leave_places(&places);
        }
        self.leave_places(&std::mem::take(&mut self.due.lock().1));
        for shard in &self.shards {
            let empty = Map::with_hasher(self.hasher.clone());
            let keys = std::mem::replace(&mut *shard.lock(), empty);
            self.release(SLOT_COST_BYTES * keys.len() as u64);
        }
    }

    fn leave_places(&self, keys: &[Arc<[u8]>]) {
        self.release(keys.iter().map(|key| place_bytes(key)).sum());
    }

    /// Frees keys past their deadline, up to a batch; returns how many, and whether more wait.
    pub fn expire(&self, now_ms: u64) -> (u64, bool) {
        let mut due = self.due.lock();
        if due.1.is_empty() {
            let Some(front) = self.deadlines.front().filter(|front| *front.key() <= now_ms) else {
                return (0, false);
            };
            *due = (*front.key(), front.value().lock().take().unwrap_or_default());
            front.remove();
        }
        let bucket_ms = due.0;
        let rest = due.1.len().saturating_sub(EXPIRE_BATCH);
        let freed = due.1.drain(rest..).filter(|key| self.look_again(now_ms, bucket_ms, key));
        (freed.count() as u64, true)
    }

    /// A key whose bucket was popped: freed if its deadline has passed, else put back.
    fn look_again(&self, now_ms: u64, popped_ms: u64, key: &Arc<[u8]>) -> bool {
        let mut map = self.shard(key);
        // It may stand in another bucket by now, or be gone.
        let Some(slot) = map.get_mut(key).filter(|slot| slot.bucket_ms == popped_ms) else {
            self.release(place_bytes(key));
            return false;
        };
        if slot.deadline_ms > now_ms {
            slot.bucket_ms = bucket_ms(now_ms, slot.deadline_ms);
            self.await_deadline(slot.bucket_ms, key.clone());
            return false;
        }
        map.remove(key);
        shrink(&mut map);
        self.release(cost_bytes(key));
        true
    }

    /// Bytes that `key` is charged for.
    pub fn cost_bytes(&self, key: &[u8]) -> u64 {
        cost_bytes(key)
    }

    /// Bytes that all keys are charged for.
    pub fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Relaxed)
    }

    fn charge(&self, bytes: u64) -> Result<(), Full> {
        self.account.charge(bytes)?;
        self.used_bytes.fetch_add(bytes, Relaxed);
        Ok(())
    }

    fn release(&self, bytes: u64) {
        self.account.release(bytes);
        self.used_bytes.fetch_sub(bytes, Relaxed);
    }

    /// Keys held, live or not yet freed.
    pub fn len(&self) -> u64 {
        self.shards.iter().map(|shard| shard.lock().len() as u64).sum()
    }

    /// True if nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Visits about `count` live keys from `place` on (0 = the beginning) in an order that does not
    /// change as keys come and go; returns the place to go on from, `None` at the end.
    pub fn walk(
        &self,
        now_ms: u64,
        place: u64,
        count: usize,
        mut visit: impl FnMut(&[u8]),
    ) -> Option<u64> {
        // A place is the shard (8 bits) and 23 bits of the hash.
        let mut shard = usize::try_from(place >> HASH_BITS).ok()?;
        let mut from = place & ((1 << HASH_BITS) - 1);
        let mut rest = count.max(1);
        while let Some(map) = self.shards.get(shard) {
            let map = map.lock();
            let next = self.smallest(&map, now_ms, from, &mut rest, &mut visit);
            if let Some(next) = next {
                return Some((shard as u64) << HASH_BITS | next);
            }
            shard += 1;
            from = 0;
            if rest == 0 {
                break;
            }
        }
        (shard < SHARDS).then_some((shard as u64) << HASH_BITS)
    }

    /// Visits the keys of a shard with the smallest hashes at or above `from`, at least `rest` if
    /// there are so many; returns the hash to go on from.
    fn smallest(
        &self,
        map: &Map,
        now_ms: u64,
        from: u64,
        rest: &mut usize,
        visit: &mut impl FnMut(&[u8]),
    ) -> Option<u64> {
        let mut heap = BinaryHeap::new();
        let hashes = map
            .iter()
            .filter(|(_, slot)| slot.deadline_ms > now_ms)
            .map(|(key, _)| (self.hash(key) & ((1 << HASH_BITS) - 1), key));
        heap.extend(hashes.filter(|(hash, _)| *hash >= from).map(Reverse));
        while let Some(Reverse((hash, key))) = heap.pop() {
            visit(key);
            *rest = rest.saturating_sub(1);
            // Keys of one hash go together: a place cannot tell them apart.
            let next = heap.peek().map(|Reverse((next, _))| *next);
            if *rest == 0 && next.is_some_and(|next| next > hash) {
                return next;
            }
        }
        None
    }
}

/// Bits of a hash in a scan's place.
const HASH_BITS: u32 = 23;
