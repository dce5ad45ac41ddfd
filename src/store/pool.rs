//! Chunks: the unit in which arenas get memory and ended windows give it back.
//!
//! Full-sized chunks go through a pool, so that the windows of a steady load hand the same memory
//! on: the system allocator sees neither their churn nor, with several threads, one copy of it in
//! each thread's arena (which would let the resident size pass `maxmemory`). What stayed unused
//! for a whole [`TRIM_PERIOD_MS`] goes back to the system.
//!
//! Invariant: a chunk is charged to the account from allocation until it returns to the system,
//! in the pool too. A pooled chunk is not zeroed: an entry writes all its words before it is
//! published.

use std::sync::Arc;

use super::account::{Account, Full};
use super::sync::{AtomicU64, Mutex, zeroed_words};

/// Words in a full chunk: 1 MiB. Larger chunks make a longer stall when the system takes them
/// back (512 MiB: 17 to 19 ms seen by other threads, 1 MiB: 0.2 to 1.6 ms).
pub const CHUNK_WORDS: usize = 1 << 17;
/// How long a chunk must have stayed unused before it goes back to the system.
pub const TRIM_PERIOD_MS: u64 = 10_000;

/// A run of 64-bit words that never moves.
pub(super) type Chunk = Box<[AtomicU64]>;

/// Where arenas get chunks and leave them.
#[derive(Debug)]
pub struct Pool {
    account: Arc<Account>,
    free: Mutex<Free>,
}

#[derive(Debug, Default)]
struct Free {
    chunks: Vec<Chunk>,
    /// Fewest chunks that lay here since the period began: so many were not needed in it.
    low_water: usize,
    period_end_ms: u64,
}

fn bytes(words: usize) -> u64 {
    words as u64 * 8
}

impl Pool {
    /// A pool whose chunks are charged to `account`.
    pub fn new(account: Arc<Account>) -> Pool {
        Pool { account, free: Mutex::default() }
    }

    /// A chunk of `words` words; a full-sized one may hold old data.
    ///
    /// # Errors
    /// [`Full`] at the account's limit or where the system has no memory.
    pub fn take(&self, words: usize) -> Result<Chunk, Full> {
        if words == CHUNK_WORDS {
            let mut free = self.free.lock();
            if let Some(chunk) = free.chunks.pop() {
                free.low_water = free.low_water.min(free.chunks.len());
                return Ok(chunk);
            }
        }
        self.account.charge(bytes(words))?;
        zeroed_words(words).ok_or_else(|| {
            self.account.release(bytes(words));
            Full
        })
    }

    /// Takes a chunk back: full-sized ones wait here for the next arena.
    pub fn give_back(&self, chunk: Chunk) {
        if chunk.len() == CHUNK_WORDS {
            self.free.lock().chunks.push(chunk);
        } else {
            self.account.release(bytes(chunk.len()));
        }
    }

    /// Returns one chunk to the system if a period has shown it to be unused; true if it did.
    pub fn trim(&self, now_ms: u64) -> bool {
        let mut free = self.free.lock();
        if now_ms < free.period_end_ms && free.period_end_ms - now_ms <= TRIM_PERIOD_MS {
            return false;
        }
        if free.low_water == 0 || free.chunks.is_empty() {
            free.low_water = free.chunks.len();
            free.period_end_ms = now_ms.saturating_add(TRIM_PERIOD_MS);
            return false;
        }
        free.low_water -= 1;
        let chunk = free.chunks.pop();
        drop(free);
        if let Some(chunk) = chunk {
            self.account.release(bytes(chunk.len()));
        }
        true
    }

    /// Bytes that lie here unused.
    pub fn free_bytes(&self) -> u64 {
        bytes(self.free.lock().chunks.len() * CHUNK_WORDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(limit_bytes: u64) -> (Arc<Account>, Pool) {
        let account = Arc::new(Account::new(limit_bytes));
        (account.clone(), Pool::new(account))
    }

    #[test]
    fn a_full_chunk_is_handed_on_and_stays_charged() {
        let (account, pool) = pool(u64::MAX);
        let chunk = pool.take(CHUNK_WORDS).unwrap();
        let address = chunk.as_ptr();
        pool.give_back(chunk);
        assert_eq!(account.used_bytes(), bytes(CHUNK_WORDS));
        let again = pool.take(CHUNK_WORDS).unwrap();
        assert_eq!(again.as_ptr(), address);
    }

    #[test]
    fn small_chunks_go_straight_back() {
        let (account, pool) = pool(u64::MAX);
        pool.give_back(pool.take(128).unwrap());
        assert_eq!(account.used_bytes(), 0);
    }

    #[test]
    fn the_limit_refuses_a_chunk() {
        let (account, pool) = pool(bytes(CHUNK_WORDS));
        let _held = pool.take(CHUNK_WORDS).unwrap();
        assert!(pool.take(128).is_err());
        assert_eq!(account.used_bytes(), bytes(CHUNK_WORDS));
    }

    #[test]
    fn only_chunks_unused_for_a_period_return_to_the_system() {
        let (account, pool) = pool(u64::MAX);
        let chunks: Vec<_> = (0..3).map(|_| pool.take(CHUNK_WORDS).unwrap()).collect();
        chunks.into_iter().for_each(|chunk| pool.give_back(chunk));
        assert!(!pool.trim(0), "the first look only begins a period");
        let used = pool.take(CHUNK_WORDS).unwrap();
        pool.give_back(used);
        assert!(!pool.trim(TRIM_PERIOD_MS - 1));
        let returned = (0..9).filter(|_| pool.trim(TRIM_PERIOD_MS)).count();
        assert_eq!(returned, 2, "one of the three was needed");
        assert_eq!(account.used_bytes(), bytes(CHUNK_WORDS));
    }
}
