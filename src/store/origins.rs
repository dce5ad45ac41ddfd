//! The origins whose counts are held: each has a small number, so that a slot need not repeat its
//! 64 bits.
//!
//! Invariant: a number names one origin from its first slot until its last bucket has ended; 0 is
//! this node's own life.

use std::collections::HashMap;

use super::sync::RwLock;

/// The life of a process (or of its counts, which a flush ends) as other nodes know it: 64 random
/// bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(pub u64);

/// A small number for an origin.
pub(super) type OriginId = u16;
/// This node's own life.
pub(super) const SELF: OriginId = 0;
/// Most origins held at once: 100 nodes that each restart forty times within a window.
pub const ORIGINS_MAX: usize = 4096;

#[derive(Debug)]
struct Known {
    id: OriginId,
    /// End of the last bucket that holds a slot of it, ms since the epoch.
    last_ms: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Origins {
    known: RwLock<HashMap<Origin, Known>>,
}

impl Origins {
    /// The number of an origin that gets a slot in bucket `bucket_ms`; `None` beyond
    /// [`ORIGINS_MAX`].
    pub(super) fn admit(&self, origin: Origin, bucket_ms: u64) -> Option<OriginId> {
        if let Some(known) = self.known.read().get(&origin)
            && known.last_ms >= bucket_ms
        {
            return Some(known.id);
        }
        let mut all = self.known.write();
        if let Some(known) = all.get_mut(&origin) {
            known.last_ms = known.last_ms.max(bucket_ms);
            return Some(known.id);
        }
        let id = free_id(&all)?;
        all.insert(origin, Known { id, last_ms: bucket_ms });
        Some(id)
    }

    /// The number of an origin that has slots.
    pub(super) fn id_of(&self, origin: Origin) -> Option<OriginId> {
        self.known.read().get(&origin).map(|known| known.id)
    }

    /// The origins that have slots, with their numbers.
    pub(super) fn all(&self) -> Vec<(Origin, OriginId)> {
        let mut all: Vec<_> = self.known.read().iter().map(|(o, known)| (*o, known.id)).collect();
        all.sort_unstable();
        all
    }

    /// Forgets the origins whose last bucket has ended.
    pub(super) fn forget_ended(&self, now_ms: u64) {
        self.known.write().retain(|_, known| known.last_ms > now_ms);
    }
}

fn free_id(all: &HashMap<Origin, Known>) -> Option<OriginId> {
    if all.len() >= ORIGINS_MAX {
        return None;
    }
    let taken: std::collections::BTreeSet<OriginId> = all.values().map(|known| known.id).collect();
    (SELF + 1..=OriginId::MAX).find(|id| !taken.contains(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_kept_until_the_last_bucket_ends_and_then_given_anew() {
        let origins = Origins::default();
        assert_eq!(origins.admit(Origin(7), 10), Some(1));
        assert_eq!(origins.admit(Origin(8), 20), Some(2));
        assert_eq!(origins.admit(Origin(7), 30), Some(1));
        origins.forget_ended(20);
        assert_eq!(origins.all(), [(Origin(7), 1)]);
        assert_eq!(origins.admit(Origin(9), 40), Some(2));
    }

    #[test]
    fn beyond_the_bound_an_origin_gets_no_number() {
        let origins = Origins::default();
        for origin in 0..ORIGINS_MAX as u64 {
            assert!(origins.admit(Origin(origin), 10).is_some());
        }
        assert_eq!(origins.admit(Origin(u64::MAX), 10), None);
        assert!(origins.admit(Origin(5), 10).is_some());
    }
}
