//! Keys that were reset for all their series (RESET without a scale, DEL): kept for the series
//! that this node learns of later, since hits from before the reset may still be on their way.
//!
//! Invariant: a counter that comes into being after its key's reset begins under that stamp.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;

use super::origins::Origin;
use super::sync::{AtomicUsize, Mutex, RwLock};

/// Most keys kept; beyond it those that end first go.
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
    /// Keys of own resets that were not handed out yet.
    untold: Mutex<Vec<Box<[u8]>>>,
}

/// Lets a sixteenth go, those that end first: so that at the bound a reset costs a look at some
/// sixteen others, not at all.
fn make_room(kept: &mut HashMap<Box<[u8]>, Reset>) {
    let mut ends: Vec<u64> = kept.values().map(|reset| reset.until_ms).collect();
    let (_, last_ms, _) = ends.select_nth_unstable(RESETS_MAX / 16);
    let (last_ms, mut rest) = (*last_ms, RESETS_MAX / 16);
    kept.retain(|_, reset| {
        let goes = rest > 0 && reset.until_ms <= last_ms;
        rest -= usize::from(goes);
        !goes
    });
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
            make_room(&mut kept);
        }
        if !reset.told {
            self.untold.lock().push(key.into());
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
        let untold = std::mem::take(&mut *self.untold.lock());
        if untold.is_empty() {
            return Vec::new();
        }
        let mut kept = self.kept.write();
        let own = untold.into_iter().filter_map(|key| {
            let reset = kept.get_mut(&key).filter(|reset| !reset.told)?;
            reset.told = true;
            let reset = *reset;
            Some((key, reset))
        });
        own.collect()
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
        self.untold.lock().clear();
        self.count.store(0, Relaxed);
    }

    /// All that are kept.
    pub fn all(&self) -> Vec<(Box<[u8]>, Reset)> {
        self.kept.read().iter().map(|(key, reset)| (key.clone(), *reset)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(number: usize, until_ms: u64) -> (Vec<u8>, Reset) {
        let stamp = number as u64 + 1;
        (number.to_le_bytes().to_vec(), Reset { stamp, until_ms, carried: None, told: false })
    }

    #[test]
    fn at_the_bound_those_that_end_first_go_and_the_rest_is_kept() {
        let resets = Resets::default();
        for number in 0..RESETS_MAX {
            let (key, reset) = own(number, 1_000_000 - number as u64);
            assert!(resets.keep(&key, reset));
        }
        let (key, reset) = own(RESETS_MAX, 2_000_000);
        assert!(resets.keep(&key, reset));
        assert_eq!(resets.all().len(), RESETS_MAX - RESETS_MAX / 16 + 1);
        assert_eq!(resets.stamp_of(&own(0, 0).0), Some(1));
        assert_eq!(resets.stamp_of(&own(RESETS_MAX - 1, 0).0), None);
        assert_eq!(resets.take_own().len(), resets.all().len());
        assert_eq!(resets.take_own(), []);
    }
}
