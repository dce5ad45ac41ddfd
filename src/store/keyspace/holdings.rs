//! What the keyspace holds of the memory account, and how many keys.
//!
//! Not here: what a key costs (`mod.rs`). Invariant: what was charged here is released here, so
//! the sum returns to 0 when the last key and the last place are gone.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::super::account::{Account, Full};
use super::super::sync::AtomicU64;

/// See the module.
#[derive(Debug)]
pub(super) struct Holdings {
    account: Arc<Account>,
    used_bytes: AtomicU64,
    /// Keys held, live or not yet freed.
    keys: AtomicU64,
    /// Those of them that have a deadline.
    ending: AtomicU64,
    /// Keys freed at their deadline.
    expired: AtomicU64,
}

impl Holdings {
    pub(super) fn new(account: Arc<Account>) -> Holdings {
        Holdings {
            account,
            used_bytes: AtomicU64::new(0),
            keys: AtomicU64::new(0),
            ending: AtomicU64::new(0),
            expired: AtomicU64::new(0),
        }
    }

    pub(super) fn charge(&self, bytes: u64) -> Result<(), Full> {
        self.account.charge(bytes)?;
        self.used_bytes.fetch_add(bytes, Relaxed);
        Ok(())
    }

    /// Charges whatever the limit: for what must not fail.
    pub(super) fn charge_anyway(&self, bytes: u64) {
        self.account.charge_anyway(bytes);
        self.used_bytes.fetch_add(bytes, Relaxed);
    }

    pub(super) fn release(&self, bytes: u64) {
        self.account.release(bytes);
        self.used_bytes.fetch_sub(bytes, Relaxed);
    }

    /// Charges the difference between two sizes; what shrinks is never refused.
    pub(super) fn resize(&self, from: u64, to: u64) -> Result<(), Full> {
        match to.checked_sub(from) {
            Some(0) => Ok(()),
            Some(more) => self.charge(more),
            None => {
                self.release(from - to);
                Ok(())
            }
        }
    }

    /// Charges the difference between two sizes whatever the limit.
    pub(super) fn resize_anyway(&self, from: u64, to: u64) {
        match to.checked_sub(from) {
            Some(0) => {}
            Some(more) => self.charge_anyway(more),
            None => self.release(from - to),
        }
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Relaxed)
    }

    pub(super) fn keys(&self) -> u64 {
        self.keys.load(Relaxed)
    }

    pub(super) fn came(&self) {
        self.keys.fetch_add(1, Relaxed);
    }

    pub(super) fn went(&self, keys: u64) {
        self.keys.fetch_sub(keys, Relaxed);
    }

    pub(super) fn ending(&self) -> u64 {
        self.ending.load(Relaxed)
    }

    /// A key had a deadline before and has one now, or not.
    pub(super) fn ends(&self, before: bool, now: bool) {
        match (before, now) {
            (false, true) => self.ending.fetch_add(1, Relaxed),
            (true, false) => self.ending.fetch_sub(1, Relaxed),
            _ => return,
        };
    }

    pub(super) fn expired(&self) -> u64 {
        self.expired.load(Relaxed)
    }

    pub(super) fn note_expired(&self) {
        self.expired.fetch_add(1, Relaxed);
    }
}
