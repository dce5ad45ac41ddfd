//! The keyspace for commands: its keys held, and its refusals counted.
//!
//! Not here: what is done under a hold (store). Invariant: whoever holds keys asks the engine for
//! no other hold, only for what takes one as an argument.

use super::Engine;
use crate::store::{Full, Held, Refusal, Wait, Whole};

impl Engine {
    /// Holds one key.
    #[inline]
    pub fn hold_one<'e>(&'e self, now_ms: u64, key: &'e [u8]) -> Held<'e> {
        self.keyspace.hold_one(now_ms, key)
    }

    /// Holds several keys.
    pub fn hold<'e, 'a>(&'e self, now_ms: u64, keys: impl Iterator<Item = &'a [u8]>) -> Held<'e> {
        self.keyspace.hold(now_ms, keys)
    }

    /// Holds every key.
    pub fn hold_all(&self, now_ms: u64) -> Held<'_> {
        self.keyspace.hold_all(now_ms)
    }

    /// All of the keyspace, nothing held.
    pub fn whole(&self, now_ms: u64) -> Whole<'_, '_> {
        self.keyspace.whole(now_ms)
    }

    /// Ends a wait without an answer: an element that it was given goes back to its list.
    pub fn end_wait(&self, now_ms: u64, wait: Wait) {
        self.keyspace.end_wait(now_ms, wait);
    }

    /// How many wait for an element of a list.
    pub fn waiters(&self) -> usize {
        self.keyspace.waiters()
    }

    /// What a change of the keyspace is answered that memory has no room for; counted.
    pub fn refuse_growth(&self, _: Full) -> Refusal {
        self.refuse(Refusal::OutOfMemory)
    }
}
