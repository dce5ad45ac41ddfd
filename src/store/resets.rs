//! Keys that were reset for all their series (RESET without a scale, DEL): kept for the series
//! that this node learns of later, since hits from before the reset may still be on their way.
//!
//! Invariant: a counter that comes into being after its key's reset begins under that stamp.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;

use super::origins::Origin;
use super::sync::{AtomicUsize, RwLock};

/// Most keys kept; beyond it the one that ends first goes.
pub(super) const RESETS_MAX: usize = 65_536;

/// One reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Counts under lower stamps are void.
    pub stamp: u64,
    /// End of the last window that was open where it was made, ms since the epoch.
    pub until_ms: u64,
    /// Who made it, and the datagram that carried it; `None`: this node, not yet carried.
    pub carried: Option<(Origin, u64)>,
    /// It was handed out to be carried.
    pub told: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Resets {
    kept: RwLock<HashMap<Box<[u8]>, Reset>>,
    count: AtomicUsize,
}

impl Resets {
    /// The stamp that a new counter of `key` begins under, if any.
    #[inline]
    pub fn stamp_of(&self, key: &[u8]) -> Option<u64> {
        if self.count.load(Relaxed) == 0 {
            return None;
        }
        self.kept.read().get(key).map(|reset| reset.stamp)
    }

    /// Keeps a reset; false if one of the same or a higher stamp is kept already.
    pub fn keep(&self, key: &[u8], reset: Reset) -> bool {
        let mut kept = self.kept.write();
        if kept.get(key).is_some_and(|known| known.stamp >= reset.stamp) {
            return false;
        }
        if kept.len() >= RESETS_MAX && !kept.contains_key(key) {
            let first = kept.iter().min_by_key(|(_, reset)| reset.until_ms);
            if let Some(first) = first.map(|(key, _)| key.clone()) {
                kept.remove(&first);
            }
        }
        kept.insert(key.into(), reset);
        self.count.store(kept.len(), Relaxed);
        true
    }

    /// The own resets that no datagram has carried yet; each is handed out once.
    pub fn take_own(&self) -> Vec<(Box<[u8]>, Reset)> {
        if self.count.load(Relaxed) == 0 {
            return Vec::new();
        }
        let mut kept = self.kept.write();
        let own = kept.iter_mut().filter(|(_, reset)| reset.carried.is_none() && !reset.told);
        own.map(|(key, reset)| {
            reset.told = true;
            (key.clone(), *reset)
        })
        .collect()
    }

    /// Notes who carried a reset, if it is still the one kept.
    pub fn carried(&self, key: &[u8], stamp: u64, by: Origin, version: u64) {
        if let Some(reset) = self.kept.write().get_mut(key).filter(|reset| reset.stamp == stamp) {
            reset.carried = Some((by, version));
        }
    }

    /// Forgets the resets whose windows have all ended.
    pub fn forget_ended(&self, now_ms: u64) {
        if self.count.load(Relaxed) > 0 {
            let mut kept = self.kept.write();
            kept.retain(|_, reset| reset.until_ms > now_ms);
            self.count.store(kept.len(), Relaxed);
        }
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.kept.write().clear();
        self.count.store(0, Relaxed);
    }

    /// All that are kept.
    pub fn all(&self) -> Vec<(Box<[u8]>, Reset)> {
        self.kept.read().iter().map(|(key, reset)| (key.clone(), *reset)).collect()
    }
}
