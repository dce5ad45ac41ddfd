//! One counter in the arena: a header word, the own count, the sum of the others, the key.
//!
//! ```text
//! word 0  header   bit 63 changed since the last drain, bit 62 overridden (see `shard`),
//!                  bit 61 urgent, bits 51..61 low bits of what was last published,
//!                  bits 11..51 series, bits 0..11 key length in bytes
//! word 1  own      increments counted by this node; only rises while no override is set
//! word 2  foreign  sum of what other nodes counted
//! word 3  key      eight bytes a word, the last one padded with zeros
//! ```
//! Not here: locks, verdicts. Who counts writes the own word and then looks at the flags; who changes
//! a flag then looks at the own word: one of the two must see the other, which only the total order
//! of `SeqCst` promises (on x86 it costs nothing here: no plain store has it). Invariant: series, key length and key never change once the entry
//! is published.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

use super::series::{CODE_BITS, Series};
use super::sync::AtomicU64;
use crate::limiter::COUNT_MAX;

/// Longest key, bytes: what fits the header's field and a datagram between nodes.
pub const KEY_BYTES_MAX: usize = 1024;

const LENGTH_BITS: u32 = 11;
const IDENTITY: u64 = (1 << (LENGTH_BITS + CODE_BITS)) - 1;
/// The entry is in its shard's list of changes.
const CHANGED: u64 = 1 << 63;
/// The entry has an override in its shard's table of them.
const OVERRIDDEN: u64 = 1 << 62;
/// The entry is in its shard's list of urgent changes.
const URGENT: u64 = 1 << 61;
/// Low bits of the own count that was last published.
const PUBLISHED_SHIFT: u32 = LENGTH_BITS + CODE_BITS;
const PUBLISHED_MAX: u64 = (1 << 10) - 1;
const KEY: usize = 3;

/// Words that an entry of a key of `key_bytes` bytes takes.
pub(super) fn words_of(key_bytes: usize) -> usize {
    KEY + key_bytes.div_ceil(8)
}

/// Header bits that name the counter within its bucket, but for the key itself.
pub(super) fn identity(series: Series, key: &[u8]) -> u64 {
    series.code() << LENGTH_BITS | key.len() as u64
}

/// The key as words, the last one padded with zeros.
fn words(key: &[u8]) -> impl Iterator<Item = u64> + '_ {
    key.chunks(8).map(|bytes| match <[u8; 8]>::try_from(bytes) {
        Ok(whole) => u64::from_le_bytes(whole),
        Err(_) => {
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            u64::from_le_bytes(padded)
        }
    })
}

/// A published (or just being written) entry.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a>(&'a [AtomicU64]);

impl<'a> Entry<'a> {
    /// The entry at the front of `words`.
    #[inline]
    pub fn at(words: &'a [AtomicU64]) -> Entry<'a> {
        Entry(words)
    }

    /// Writes a whole entry; the caller publishes it afterwards.
    pub fn write(self, identity: u64, own: u64, key: &[u8]) {
        self.0[0].store(identity, Relaxed);
        self.0[1].store(own, Relaxed);
        self.0[2].store(0, Relaxed);
        for (word, value) in self.0[KEY..].iter().zip(words(key)) {
            word.store(value, Relaxed);
        }
    }

    /// Reads the header, to have it in the cache when it is needed.
    #[inline]
    pub fn touch(self) -> u64 {
        self.0.first().map_or(0, |header| header.load(Relaxed))
    }

    /// True if this is the counter of `identity` and `key`.
    #[inline]
    pub fn is(self, identity: u64, key: &[u8]) -> bool {
        let Some((header, rest)) = self.0.split_first() else {
            return false;
        };
        if header.load(Relaxed) & IDENTITY != identity {
            return false;
        }
        let Some(stored) = rest.get(KEY - 1..) else {
            return false;
        };
        stored.len() >= key.len().div_ceil(8)
            && stored.iter().zip(words(key)).all(|(word, value)| word.load(Relaxed) == value)
    }

    /// The series that the counter belongs to.
    pub fn series(self) -> Option<Series> {
        Series::from_code((self.0[0].load(Relaxed) & IDENTITY) >> LENGTH_BITS)
    }

    /// Appends the key's bytes to `out`.
    pub fn key_into(self, out: &mut Vec<u8>) {
        let length = (self.0[0].load(Relaxed) & ((1 << LENGTH_BITS) - 1)) as usize;
        let end = out.len() + length;
        for word in &self.0[KEY..KEY + length.div_ceil(8)] {
            out.extend_from_slice(&word.load(Relaxed).to_le_bytes());
        }
        out.truncate(end);
    }

    /// This node's count; it saturates at [`COUNT_MAX`].
    #[inline]
    pub fn own(self) -> u64 {
        self.0[1].load(SeqCst).min(COUNT_MAX)
    }

    /// Adds to this node's count and returns the sum.
    #[inline]
    pub fn add_own(self, increment: u64) -> u64 {
        let own = &self.0[1];
        // Above the ceiling nothing is added, so the word stays far from wrapping however many
        // threads add at once: each passes this look at most once, with at most INCREMENT_MAX.
        if own.load(Relaxed) >= COUNT_MAX {
            return COUNT_MAX;
        }
        (own.fetch_add(increment, SeqCst) + increment).min(COUNT_MAX)
    }

    /// Adds to this node's count if the sum is as the caller last saw it.
    #[inline]
    pub fn try_add_own(self, seen: u64, increment: u64) -> Result<u64, u64> {
        let sum = (seen + increment).min(COUNT_MAX);
        self.0[1].compare_exchange(seen, sum, SeqCst, Relaxed).map(|_| sum)
    }

    /// This node's count as the word holds it, for [`Entry::try_add_own`].
    #[inline]
    pub fn own_word(self) -> u64 {
        self.0[1].load(Acquire)
    }

    /// Replaces this node's count.
    pub fn replace_own(self, count: u64) -> u64 {
        self.0[1].swap(count, SeqCst)
    }

    /// What other nodes counted.
    #[inline]
    pub fn foreign(self) -> u64 {
        self.0[2].load(Acquire)
    }

    /// Adds to what other nodes counted.
    pub fn add_foreign(self, increment: u64) {
        self.0[2].fetch_add(increment, std::sync::atomic::Ordering::AcqRel);
    }

    /// The bits that name the counter within its bucket, but for the key itself.
    pub fn identity(self) -> u64 {
        self.0[0].load(Relaxed) & IDENTITY
    }

    /// Replaces what other nodes counted.
    pub fn replace_foreign(self, count: u64) {
        self.0[2].store(count, Release);
    }

    /// True if the shard's table of overrides has this entry.
    #[inline]
    pub fn is_overridden(self) -> bool {
        self.0[0].load(SeqCst) & OVERRIDDEN != 0
    }

    /// Sets the override flag.
    pub fn set_overridden(self) {
        self.0[0].fetch_or(OVERRIDDEN, SeqCst);
    }

    /// Sets the changed flag; true if it was not set before.
    #[inline]
    pub fn set_changed(self) -> bool {
        self.0[0].load(SeqCst) & CHANGED == 0 && self.0[0].fetch_or(CHANGED, SeqCst) & CHANGED == 0
    }

    /// Clears the changed flag: before the counts are read, so that no change is missed. True if
    /// it was set.
    pub fn clear_changed(self) -> bool {
        self.0[0].fetch_and(!(CHANGED | URGENT), SeqCst) & CHANGED != 0
    }

    /// Notes the count that others are being told.
    pub fn set_published(self, own: u64) {
        let low = (own & PUBLISHED_MAX) << PUBLISHED_SHIFT;
        let set = |header: u64| Some(header & !(PUBLISHED_MAX << PUBLISHED_SHIFT) | low);
        let _ = self.0[0].fetch_update(SeqCst, Relaxed, set);
    }

    /// How much of the own count others have not been told, as far as its low bits say.
    #[inline]
    pub fn unpublished(self) -> u64 {
        let header = self.0[0].load(Relaxed);
        let published = header >> PUBLISHED_SHIFT & PUBLISHED_MAX;
        self.0[1].load(Relaxed).wrapping_sub(published) & PUBLISHED_MAX
    }

    /// Sets the urgent flag; true if it was not set before.
    pub fn set_urgent(self) -> bool {
        self.0[0].fetch_or(URGENT, SeqCst) & URGENT == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limiter::{Kind, Scale};

    fn series() -> Series {
        Series { kind: Kind::Sliding, scale: Scale::new(60_000).unwrap() }
    }

    fn words_for(key: &[u8]) -> Vec<AtomicU64> {
        (0..words_of(key.len())).map(|_| AtomicU64::new(u64::MAX)).collect()
    }

    #[test]
    fn an_entry_gives_back_what_was_written_over_old_data() {
        for length in [0, 1, 7, 8, 9, 28, KEY_BYTES_MAX] {
            let key: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let words = words_for(&key);
            let entry = Entry::at(&words);
            entry.write(identity(series(), &key), 5, &key);
            let mut read = Vec::new();
            entry.key_into(&mut read);
            assert_eq!(read, key);
            assert_eq!(entry.series(), Some(series()));
            assert_eq!((entry.own(), entry.foreign()), (5, 0));
            assert!(entry.is(identity(series(), &key), &key));
        }
    }

    #[test]
    fn keys_that_differ_only_in_padding_are_different() {
        let words = words_for(b"ab");
        Entry::at(&words).write(identity(series(), b"ab"), 1, b"ab");
        assert!(!Entry::at(&words).is(identity(series(), b"ab\0"), b"ab\0"));
        assert!(!Entry::at(&words).is(identity(series(), b"ac"), b"ac"));
    }

    #[test]
    fn flags_leave_the_identity_alone_and_the_count_saturates() {
        let words = words_for(b"k");
        let entry = Entry::at(&words);
        entry.write(identity(series(), b"k"), 1, b"k");
        assert!(entry.set_changed() && !entry.set_changed());
        entry.set_overridden();
        assert!(entry.is_overridden() && entry.is(identity(series(), b"k"), b"k"));
        for _ in 0..10 {
            entry.add_own(crate::limiter::INCREMENT_MAX);
        }
        assert_eq!(entry.own(), COUNT_MAX);
    }
}
