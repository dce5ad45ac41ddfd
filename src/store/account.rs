//! The memory account: bytes that the store holds, against the limit that it must not pass.
//!
//! Not here: what is done at the limit (engine) or how large it is (server). Invariant: `used`
//! never exceeds the limit by a charge that was granted, and returns to its value when what was
//! charged is given back.

use std::sync::atomic::Ordering::Relaxed;

use super::sync::AtomicU64;

/// Bytes held by the store, in total and at most.
#[derive(Debug)]
pub struct Account {
    used_bytes: AtomicU64,
    peak_bytes: AtomicU64,
    limit_bytes: AtomicU64,
}

/// The charge would pass the limit, or the system has no memory; nothing was charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Account {
    /// An empty account that grants up to `limit_bytes`.
    pub fn new(limit_bytes: u64) -> Account {
        Account {
            used_bytes: AtomicU64::new(0),
            peak_bytes: AtomicU64::new(0),
            limit_bytes: AtomicU64::new(limit_bytes),
        }
    }

    /// Charges `bytes` before they are allocated.
    ///
    /// # Errors
    /// [`Full`] if the sum would pass the limit; the account is as before.
    pub fn charge(&self, bytes: u64) -> Result<(), Full> {
        let used = self.used_bytes.fetch_add(bytes, Relaxed).saturating_add(bytes);
        if used > self.limit_bytes.load(Relaxed) {
            self.used_bytes.fetch_sub(bytes, Relaxed);
            return Err(Full);
        }
        self.peak_bytes.fetch_max(used, Relaxed);
        Ok(())
    }

    /// Charges `bytes` whatever the limit: for what must not fail. New counters wait the longer.
    pub fn charge_anyway(&self, bytes: u64) {
        let used = self.used_bytes.fetch_add(bytes, Relaxed).saturating_add(bytes);
        self.peak_bytes.fetch_max(used, Relaxed);
    }

    /// Gives back what was charged.
    pub fn release(&self, bytes: u64) {
        self.used_bytes.fetch_sub(bytes, Relaxed);
    }

    /// Changes the limit; what is held already stays.
    pub fn set_limit(&self, limit_bytes: u64) {
        self.limit_bytes.store(limit_bytes, Relaxed);
    }

    /// True where not even the smallest further charge would be granted.
    pub fn is_full(&self) -> bool {
        self.used_bytes.load(Relaxed) >= self.limit_bytes.load(Relaxed)
    }

    /// Bytes now held.
    pub fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Relaxed)
    }

    /// Most bytes ever held.
    pub fn peak_bytes(&self) -> u64 {
        self.peak_bytes.load(Relaxed)
    }

    /// Bytes that may be held.
    pub fn limit_bytes(&self) -> u64 {
        self.limit_bytes.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_charge_leaves_the_account_as_it_was() {
        let account = Account::new(100);
        assert_eq!(account.charge(60), Ok(()));
        assert_eq!(account.charge(41), Err(Full));
        assert_eq!(account.charge(40), Ok(()));
        assert!(account.is_full());
        account.release(40);
        assert_eq!((account.used_bytes(), account.peak_bytes()), (60, 100));
    }

    #[test]
    fn a_lower_limit_keeps_what_is_held_and_refuses_more() {
        let account = Account::new(100);
        account.charge(80).unwrap();
        account.set_limit(50);
        assert_eq!(account.charge(1), Err(Full));
        assert_eq!(account.used_bytes(), 80);
    }
}
