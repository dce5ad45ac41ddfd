//! The index of deadlines: a skiplist of buckets, each with the keys to look at when it is popped.
//!
//! Not here: what is done with a key whose bucket was popped (`expiry.rs`). Invariant: a place,
//! once taken, is given up exactly once: by [`Deadlines::leave`], by being handed out as due, or by
//! [`Deadlines::clear`].

use std::sync::Arc;

use crossbeam_skiplist::SkipMap;

use super::super::sync::{Mutex, MutexGuard};

/// Places at the end of a bucket among which a removed key's is looked for: a key that is made and
/// removed over and over leaves none behind, and a removal stays short.
const PLACES_SEARCHED: usize = 32;

/// A key with its bytes, shared by the map and the index.
pub(super) type Key = Arc<[u8]>;
/// Keys to look at when their bucket is popped; `None` once it has been.
type Waiting = Mutex<Option<Vec<Key>>>;

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
    pub(super) keys: Vec<Key>,
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
        let mut key = Some(key);
        while key.is_some() {
            let bucket =
                self.buckets.get_or_insert_with(bucket_ms, || Mutex::new(Some(Vec::new())));
            // `None`: the bucket was popped in between; make another.
            if let Some(waiting) = bucket.value().lock().as_mut() {
                waiting.extend(key.take());
            }
        }
    }

    /// Takes a removed key out of its bucket if it stands among the last; true if it did. Else its
    /// place goes with the bucket.
    pub(super) fn leave(&self, bucket_ms: u64, key: &Key) -> bool {
        let Some(bucket) = self.buckets.get(&bucket_ms) else {
            return false;
        };
        let mut waiting = bucket.value().lock();
        let Some(waiting) = waiting.as_mut() else {
            return false;
        };
        let from = waiting.len().saturating_sub(PLACES_SEARCHED);
        let place = waiting[from..].iter().rposition(|place| Arc::ptr_eq(place, key));
        if let Some(at) = place {
            waiting.swap_remove(from + at);
        }
        place.is_some()
    }

    /// The keys of the first bucket whose time has come, or what is left of one popped before;
    /// `None` if there is none.
    pub(super) fn due(&self, now_ms: u64) -> Option<MutexGuard<'_, Due>> {
        let mut due = self.due.lock();
        if due.keys.is_empty() {
            let front = self.buckets.front().filter(|front| *front.key() <= now_ms)?;
            let keys = front.value().lock().take().unwrap_or_default();
            *due = Due { bucket_ms: *front.key(), keys };
            front.remove();
        }
        Some(due)
    }

    /// Empties the buckets, handing out the places; those of a bucket already popped come out of
    /// [`Deadlines::due`] as ever, since who holds a shard must not wait for it.
    pub(super) fn clear(&self, mut places: impl FnMut(&[Key])) {
        while let Some(front) = self.buckets.pop_front() {
            places(&front.value().lock().take().unwrap_or_default());
        }
    }
}
