//! A bump arena of atomic words: what is written never moves and is freed as a whole.
//!
//! The first chunks double from 1 KiB, so that a window with one key stays small; then each is
//! 1 MiB. An offset is a word index; 0 is never handed out, so that it can mean "none".
//! Invariant: a run of words handed out lies within one chunk and is handed out once.

use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;

use super::account::Full;
use super::pool::{CHUNK_WORDS, Chunk, Pool};
use super::sync::{AtomicU64, AtomicUsize};

/// log2 of the words in the first chunk.
const FIRST_LOG2: u32 = 7;
const FIRST_WORDS: usize = 1 << FIRST_LOG2;
const CHUNK_LOG2: u32 = CHUNK_WORDS.ilog2();
/// Doubling chunks before the full-sized ones.
const NEAR: usize = (CHUNK_LOG2 - FIRST_LOG2) as usize;
/// Full-sized chunks in one page of the directory.
const PAGE: usize = 1024;
/// Pages of the directory; offsets are 32 bits: 32 GiB a window.
const PAGES: usize = (1 << 32) / CHUNK_WORDS / PAGE;

type Page = Box<[OnceLock<Chunk>]>;

/// The arena of one table.
#[derive(Debug)]
pub(super) struct Arena {
    near: [OnceLock<Chunk>; NEAR],
    far: [OnceLock<Page>; PAGES],
    /// Next free position: word offset plus `FIRST_WORDS`, so that its leading bit names the chunk.
    bump: AtomicUsize,
}

impl Default for Arena {
    fn default() -> Self {
        Arena {
            near: [const { OnceLock::new() }; NEAR],
            far: [const { OnceLock::new() }; PAGES],
            // Word 0 stays unused: offset 0 means "none".
            bump: AtomicUsize::new(FIRST_WORDS + 1),
        }
    }
}

/// Where a position lies.
struct Place {
    chunk: Which,
    index: usize,
    chunk_words: usize,
}

enum Which {
    Near(usize),
    Far(usize, usize),
}

impl Place {
    #[inline]
    fn of(position: usize) -> Place {
        if position < CHUNK_WORDS {
            let log2 = position.ilog2();
            let chunk = Which::Near((log2 - FIRST_LOG2) as usize);
            Place { chunk, index: position - (1 << log2), chunk_words: 1 << log2 }
        } else {
            let chunk = (position >> CHUNK_LOG2) - 1;
            Place {
                chunk: Which::Far(chunk / PAGE, chunk % PAGE),
                index: position & (CHUNK_WORDS - 1),
                chunk_words: CHUNK_WORDS,
            }
        }
    }
}

impl Arena {
    /// Hands out `words` words (at most one small chunk's worth, see `store::KEY_BYTES_MAX`).
    ///
    /// # Errors
    /// [`Full`] if a new chunk is needed and refused, or 2^32 words are used; nothing is taken.
    pub(super) fn allocate(&self, words: usize, pool: &Pool) -> Result<u32, Full> {
        let mut position = self.bump.load(Relaxed);
        loop {
            let mut start = position;
            let mut place = Place::of(start);
            while place.index + words > place.chunk_words {
                start += place.chunk_words - place.index;
                place = Place::of(start);
            }
            let offset = u32::try_from(start - FIRST_WORDS).map_err(|_| Full)?;
            self.chunk_or_take(&place, pool)?;
            let end = start + words;
            match self.bump.compare_exchange_weak(position, end, Relaxed, Relaxed) {
                Ok(_) => return Ok(offset),
                Err(seen) => position = seen,
            }
        }
    }

    fn chunk_or_take(&self, place: &Place, pool: &Pool) -> Result<(), Full> {
        let cell = match place.chunk {
            Which::Near(chunk) => self.near.get(chunk),
            Which::Far(page, chunk) => self.far.get(page).and_then(|page| {
                page.get_or_init(|| (0..PAGE).map(|_| OnceLock::new()).collect()).get(chunk)
            }),
        }
        .ok_or(Full)?;
        if cell.get().is_some() {
            return Ok(());
        }
        match pool.take(place.chunk_words).map(|chunk| cell.set(chunk)) {
            Ok(Ok(())) => Ok(()),
            // Another thread was faster.
            Ok(Err(spare)) => {
                pool.give_back(spare);
                Ok(())
            }
            // Its chunk may have been the last one under the limit: then that one serves.
            Err(Full) => cell.get().map(|_| ()).ok_or(Full),
        }
    }

    /// The words from `offset` to the end of its chunk; empty for an offset never handed out.
    #[inline]
    pub(super) fn words(&self, offset: u32) -> &[AtomicU64] {
        let place = Place::of(offset as usize + FIRST_WORDS);
        let chunk = match place.chunk {
            Which::Near(chunk) => self.near[chunk].get(),
            Which::Far(page, chunk) => self.far[page].get().and_then(|page| page[chunk].get()),
        };
        chunk.and_then(|chunk| chunk.get(place.index..)).unwrap_or_default()
    }

    /// Bytes of all chunks taken.
    pub(super) fn held_bytes(&self) -> u64 {
        let far = self.far.iter().filter_map(OnceLock::get).flat_map(|page| page.iter());
        let chunks = self.near.iter().chain(far).filter_map(OnceLock::get);
        chunks.map(|chunk| 8 * chunk.len() as u64).sum()
    }

    /// Gives one chunk back: its bytes, `None` if none is left.
    pub(super) fn give_back_one(&mut self, pool: &Pool) -> Option<u64> {
        for page in &mut self.far {
            if let Some(chunks) = page.get_mut() {
                if let Some(chunk) = chunks.iter_mut().rev().find_map(OnceLock::take) {
                    return Some(give_back(chunk, pool));
                }
                page.take();
            }
        }
        self.near.iter_mut().find_map(OnceLock::take).map(|chunk| give_back(chunk, pool))
    }
}

fn give_back(chunk: Chunk, pool: &Pool) -> u64 {
    let bytes = 8 * chunk.len() as u64;
    pool.give_back(chunk);
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;
    use std::sync::atomic::Ordering::Relaxed;

    use super::super::account::Account;
    use super::*;

    fn pool(limit_bytes: u64) -> (Arc<Account>, Pool) {
        let account = Arc::new(Account::new(limit_bytes));
        (account.clone(), Pool::new(account))
    }

    #[test]
    fn runs_never_overlap_and_never_straddle_a_chunk() {
        let (_, pool) = pool(u64::MAX);
        let arena = Arena::default();
        let mut taken = HashSet::new();
        for i in 0..60_000_usize {
            let words = 1 + i * 7 % 131;
            let offset = arena.allocate(words, &pool).unwrap();
            assert!(offset > 0);
            assert!(arena.words(offset).len() >= words, "run {i} at {offset} is cut");
            for word in 0..words as u32 {
                assert!(taken.insert(offset + word), "word handed out twice");
            }
        }
    }

    #[test]
    fn a_word_keeps_what_was_written_as_the_arena_grows() {
        let (_, pool) = pool(u64::MAX);
        let arena = Arena::default();
        let offsets: Vec<_> = (0..200_000_u64)
            .map(|i| {
                let offset = arena.allocate(3, &pool).unwrap();
                arena.words(offset)[1].store(i, Relaxed);
                offset
            })
            .collect();
        for (i, offset) in (0..).zip(offsets) {
            assert_eq!(arena.words(offset)[1].load(Relaxed), i);
        }
    }

    #[test]
    fn the_limit_refuses_and_everything_comes_back() {
        let (account, pool) = pool(3 << 20);
        let mut arena = Arena::default();
        let mut runs = 0;
        while arena.allocate(7, &pool).is_ok() {
            runs += 1;
        }
        assert!(runs * 56 > 2 << 20, "only {runs} runs in 3 MiB");
        assert!(account.used_bytes() <= 3 << 20);
        let held = arena.held_bytes();
        let mut given = 0;
        while let Some(bytes) = arena.give_back_one(&pool) {
            given += bytes;
        }
        assert_eq!((given, arena.held_bytes()), (held, 0));
        assert_eq!(account.used_bytes(), pool.free_bytes());
    }

    #[test]
    fn threads_share_an_arena_without_handing_a_word_out_twice() {
        let (_, pool) = pool(u64::MAX);
        let arena = Arena::default();
        let offsets: Vec<u32> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        (0..20_000).map(|_| arena.allocate(5, &pool).unwrap()).collect::<Vec<_>>()
                    })
                })
                .collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        let unique: HashSet<_> = offsets.iter().collect();
        assert_eq!(unique.len(), offsets.len());
    }
}
