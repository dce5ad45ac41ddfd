//! The index of deadlines: a skiplist of buckets, each with the keys to look at when it is popped.
//!
//! Not here: what is done with a key whose bucket was popped (`expiry.rs`). Invariant: a place,
//! once taken, is given up exactly once: by [`Deadlines::leave`], by being handed out as due, or by
//! [`Deadlines::clear`].

use std::sync::Arc;

use crossbeam_skiplist::SkipMap;
use hashbrown::HashTable;
use hashbrown::hash_table::IntoIter;

use super::super::sync::{Mutex, MutexGuard};

/// A key with its bytes, shared by the map and the index.
pub(super) type Key = Arc<[u8]>;
/// Keys to look at when their bucket is popped, found by where their bytes lie: a key that goes
/// leaves no place behind, however many stand there. `None` once it has been popped.
type Waiting = Mutex<Option<HashTable<Key>>>;

/// Places for which a bucket keeps its room whatever it holds.
const SHRINK_FROM: usize = 64;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    buckets: SkipMap<u64, Waiting>,
    /// A popped bucket whose keys are not all looked at yet.
    due: Mutex<Due>,
}

/// A popped bucket.
#[derive(Debug, Default)]
pub(super) struct Due {
    pub(super) bucket_ms: u64,
    pub(super) keys: IntoIter<Key>,
}

/// A hash of where a key's bytes lie, which are its own for as long as it stands anywhere.
fn place_of(key: &Key) -> u64 {
    /// 2^64 over the golden ratio: it spreads neighbours over all bits.
    const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
    (key.as_ptr().addr() as u64).wrapping_mul(SPREAD).rotate_left(32)
}

/// The bucket for a deadline: rounded up by at most an eighth of what is left until then, so that
/// there are few buckets and no key is kept much longer than it lives.
pub(super) fn bucket_ms(now_ms: u64, deadline_ms: u64) -> u64 {
    let left = deadline_ms.saturating_sub(now_ms).max(1);
    let step = 1_u64 << left.ilog2().saturating_sub(3);
    deadline_ms.checked_next_multiple_of(step).unwrap_or(deadline_ms)
}

impl Deadlines {
    /// Puts a key into a bucket.
    pub(super) fn enter(&self, bucket_ms: u64, key: Key) {
        loop {
            let bucket =
                self.buckets.get_or_insert_with(bucket_ms, || Mutex::new(Some(HashTable::new())));
            // `None`: the bucket was popped in between; make another.
            if let Some(waiting) = bucket.value().lock().as_mut() {
                waiting.insert_unique(place_of(&key), key, place_of);
                return;
            }
        }
    }

    /// Takes a key out of a bucket; false if that was popped, which gives up the place.
    pub(super) fn leave(&self, bucket_ms: u64, key: &Key) -> bool {
        let Some(bucket) = self.buckets.get(&bucket_ms) else {
            return false;
        };
        let mut waiting = bucket.value().lock();
        let Some(waiting) = waiting.as_mut() else {
            return false;
        };
        match waiting.find_entry(place_of(key), |place| Arc::ptr_eq(place, key)) {
            Ok(place) => {
                place.remove();
                if waiting.capacity() > SHRINK_FROM && waiting.len() < waiting.capacity() / 4 {
                    waiting.shrink_to(waiting.len() * 2, place_of);
                }
                true
            }
            Err(_) => false,
        }
    }

    /// The keys of the first bucket whose time has come, or what is left of one popped before;
    /// `None` if there is none.
    pub(super) fn due(&self, now_ms: u64) -> Option<MutexGuard<'_, Due>> {
        let mut due = self.due.lock();
        if due.keys.len() == 0 {
            let front = self.buckets.front().filter(|front| *front.key() <= now_ms)?;
            let keys = front.value().lock().take().unwrap_or_default();
            *due = Due { bucket_ms: *front.key(), keys: keys.into_iter() };
            front.remove();
        }
        Some(due)
    }

    /// Empties the buckets, handing out the places; those of a bucket already popped come out of
    /// [`Deadlines::due`] as ever, since who holds a shard must not wait for it.
    pub(super) fn clear(&self, mut place: impl FnMut(&Key)) {
        while let Some(front) = self.buckets.pop_front() {
            front.value().lock().take().iter().flatten().for_each(&mut place);
        }
    }
}
