//! Freeing keys past their deadline.
//!
//! Not here: who calls it and how often. Invariant: a call looks at a bounded number of keys.

use super::deadlines::{Key, bucket_ms};
use super::shard::NEVER;
use super::{Keyspace, place_bytes, shard_of};

/// Keys looked at in one call of [`Keyspace::expire`].
const EXPIRE_BATCH: usize = 1024;

impl Keyspace {
    /// Frees keys past their deadline, up to a batch; true while more wait.
    pub fn expire(&self, now_ms: u64) -> bool {
        let Some(mut due) = self.deadlines.due(now_ms) else {
            return false;
        };
        let popped_ms = due.bucket_ms;
        for key in due.keys.by_ref().take(EXPIRE_BATCH) {
            self.look_again(now_ms, popped_ms, key);
        }
        true
    }

    /// A key whose bucket was popped: freed if its deadline has passed, else put back.
    fn look_again(&self, now_ms: u64, popped_ms: u64, key: Key) {
        let hash = self.hash(&key);
        let mut shard = self.shards[shard_of(hash)].lock();
        let found = shard.find(hash, &key).filter(|found| found.get().bucket_ms == popped_ms);
        // It may stand in another bucket by now, or be gone.
        let Some(mut found) = found else {
            self.holdings.release(place_bytes(&key));
            return;
        };
        let slot = found.get_mut();
        if slot.deadline_ms == NEVER {
            slot.bucket_ms = 0;
            self.holdings.release(place_bytes(&key));
        } else if slot.deadline_ms > now_ms {
            slot.bucket_ms = bucket_ms(now_ms, slot.deadline_ms);
            self.deadlines.enter(slot.bucket_ms, key);
        } else {
            self.holdings.release(place_bytes(&key));
            slot.bucket_ms = 0;
            if slot.record.is_none() {
                self.holdings.note_expired();
            } else if self.show(now_ms, slot) || self.keeps_hidden(now_ms, slot) {
                return;
            }
            let (slot, _) = found.remove();
            shard.shrink(|key| self.hash(key));
            self.drop_slot(&slot);
        }
    }
}
