//! What each origin last said of each counter of a shard: count, refund and the version that
//! carried it.
//!
//! Touched by merges and scans only; a verdict reads the sum in the entry. Invariant: every slot
//! is under its counter's current stamp (a higher stamp removes them), and never falls.

use std::collections::HashMap;

use super::origins::OriginId;

/// Bytes that a slot is charged for: its place in the map at the average fill.
pub(super) const SLOT_BYTES: u64 = 40;

/// What an origin last said of a counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Slot {
    /// Counted under the stamp.
    pub(super) count: u64,
    /// Given back under the stamp.
    pub(super) refunded: u64,
    /// Number of the origin's datagram that last carried it.
    pub(super) version: u64,
}

type Place = (u32, OriginId);

/// The slots of one shard.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    slots: HashMap<Place, (u64, u64)>,
    /// Apart, since nearly every slot has none.
    refunds: HashMap<Place, u64>,
}

impl Ledger {
    /// The slot of an origin for the entry at `offset`.
    pub(super) fn get(&self, offset: u32, origin: OriginId) -> Option<Slot> {
        let (count, version) = *self.slots.get(&(offset, origin))?;
        let refunded = self.refunds.get(&(offset, origin)).copied().unwrap_or_default();
        Some(Slot { count, refunded, version })
    }

    /// Writes a slot; true if it is new.
    pub(super) fn put(&mut self, offset: u32, origin: OriginId, slot: Slot) -> bool {
        if slot.refunded > 0 {
            self.refunds.insert((offset, origin), slot.refunded);
        }
        self.slots.insert((offset, origin), (slot.count, slot.version)).is_none()
    }

    /// Removes a slot.
    pub(super) fn remove(&mut self, offset: u32, origin: OriginId) -> Option<Slot> {
        let slot = self.get(offset, origin)?;
        self.slots.remove(&(offset, origin));
        self.refunds.remove(&(offset, origin));
        Some(slot)
    }

    /// Slots held.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Every slot, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, OriginId, Slot)> + '_ {
        self.slots.iter().map(|(place, (count, version))| {
            let refunded = self.refunds.get(place).copied().unwrap_or_default();
            (place.0, place.1, Slot { count: *count, refunded, version: *version })
        })
    }
}

/// A number for a slot that is the same on every node: what digests sum.
pub(super) fn digest(bucket_ms: u64, identity: u64, key: &[u8], stamp: u64, slot: &Slot) -> u64 {
    let key = digest_key(key);
    [bucket_ms, identity, key, stamp, slot.count, slot.refunded]
        .into_iter()
        .fold(0, |hash, part| mix(hash ^ part))
}

/// FNV-1a over a key, to be mixed with splitmix64's finalizer: fixed for the cluster, unlike the
/// tables' seeded hash.
pub(super) fn digest_key(key: &[u8]) -> u64 {
    key.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Mixes the next part into a digest.
pub(super) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOT: Slot = Slot { count: 5, refunded: 2, version: 9 };

    #[test]
    fn a_slot_gives_back_what_was_put() {
        let mut ledger = Ledger::default();
        assert!(ledger.put(3, 1, SLOT));
        assert_eq!(ledger.get(3, 1), Some(SLOT));
        assert!(!ledger.put(3, 1, Slot { count: 6, ..SLOT }));
        assert_eq!((ledger.get(3, 2), ledger.len()), (None, 1));
        assert_eq!(ledger.remove(3, 1), Some(Slot { count: 6, ..SLOT }));
        assert_eq!((ledger.remove(3, 1), ledger.iter().count()), (None, 0));
    }

    #[test]
    fn digests_tell_slots_apart_but_not_versions() {
        let base = digest(1, 77, b"key", 0, &SLOT);
        assert_eq!(base, digest(1, 77, b"key", 0, &Slot { version: 10, ..SLOT }));
        // Written down: a change would make old and new nodes pull from each other for ever.
        assert_eq!(base, 4_081_017_945_715_982_535);
        for other in [
            digest(2, 77, b"key", 0, &SLOT),
            digest(1, 78, b"key", 0, &SLOT),
            digest(1, 77, b"kez", 0, &SLOT),
            digest(1, 77, b"key", 1, &SLOT),
            digest(1, 77, b"key", 0, &Slot { count: 6, ..SLOT }),
            digest(1, 77, b"key", 0, &Slot { refunded: 0, ..SLOT }),
        ] {
            assert_ne!(base, other);
        }
    }
}
