//! The registry of live series: which kinds and scales have counters now.
//!
//! It bounds what a client can invent, and lets RESET, EXISTS, TTL and DEL find the counters of a
//! key whose scales they were not told. Invariant: a series with a live counter is registered; a
//! series is forgotten once its last bucket has ended.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;

use super::series::Series;
use super::sync::{AtomicU64, RwLock};

/// Most series that clients may bring to life: beyond it a probe of all series for one key
/// would no longer be short (about 0.2 ms at this size).
pub const SERIES_MAX: usize = 1024;

/// Most series that other nodes may bring to life here: theirs were within a client's bound there.
pub(super) const PEER_SERIES_MAX: usize = 65_536;

/// A client brought a scale beyond the [`SERIES_MAX`] that are live; nothing was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyScales;

/// Live series, each with the end of its last bucket.
#[derive(Debug, Default)]
pub struct Registry {
    series: RwLock<HashMap<Series, AtomicU64>>,
    refused: AtomicU64,
}

impl Registry {
    /// Notes that `series` has a counter in bucket `bucket_ms`. A new one is taken while fewer than
    /// `most` are live.
    ///
    /// # Errors
    /// [`TooManyScales`] for a new series beyond the bound; it is not registered.
    pub fn admit(&self, series: Series, bucket_ms: u64, most: usize) -> Result<(), TooManyScales> {
        if let Some(last_ms) = self.series.read().get(&series) {
            last_ms.fetch_max(bucket_ms, Relaxed);
            return Ok(());
        }
        let mut all = self.series.write();
        if all.len() >= most && !all.contains_key(&series) {
            self.refused.fetch_add(1, Relaxed);
            return Err(TooManyScales);
        }
        all.entry(series).or_default().fetch_max(bucket_ms, Relaxed);
        Ok(())
    }

    /// Forgets the series whose last bucket has ended.
    pub fn forget_ended(&self, now_ms: u64) {
        self.series.write().retain(|_, last_ms| *last_ms.get_mut() > now_ms);
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.series.write().clear();
    }

    /// The live series, in no order.
    pub fn all(&self) -> Vec<Series> {
        self.series.read().keys().copied().collect()
    }

    /// How many series are live.
    pub fn len(&self) -> usize {
        self.series.read().len()
    }

    /// True if no series is live.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How often a series was refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limiter::{Kind, Scale};

    fn series(ms: u64) -> Series {
        Series { kind: Kind::Fixed, scale: Scale::new(ms).unwrap() }
    }

    #[test]
    fn the_bound_refuses_new_series_and_keeps_known_ones() {
        let registry = Registry::default();
        for ms in 1..=SERIES_MAX as u64 {
            registry.admit(series(ms), 10, SERIES_MAX).unwrap();
        }
        assert_eq!(registry.admit(series(5000), 10, SERIES_MAX), Err(TooManyScales));
        assert_eq!(registry.admit(series(7), 20, SERIES_MAX), Ok(()));
        assert_eq!((registry.len(), registry.refused()), (SERIES_MAX, 1));
    }

    #[test]
    fn a_series_is_forgotten_when_its_last_bucket_has_ended() {
        let registry = Registry::default();
        registry.admit(series(1), 10, SERIES_MAX).unwrap();
        registry.admit(series(1), 30, SERIES_MAX).unwrap();
        registry.admit(series(1), 20, SERIES_MAX).unwrap();
        registry.forget_ended(29);
        assert_eq!(registry.all(), vec![series(1)]);
        registry.forget_ended(30);
        assert!(registry.is_empty());
    }
}
