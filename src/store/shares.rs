//! Whose counts a counter is made of.
//!
//! Not here: what an origin is called, verdicts. Invariant: the shares add up to the count: all are
//! read under the shard's lock, which whoever changes another origin's share, a refund or a stamp
//! holds too.

use super::ledger::Slot;
use super::origins::Origin;
use super::reader::Name;
use super::windows::Windows;

/// What one origin has put into a counter under its stamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Counted.
    pub count: u64,
    /// Given back; it may be more than the origin itself has counted.
    pub refunded: u64,
}

/// A counter, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// Stamp of the last SET or RESET, 0 = none: what was counted before it is not in the shares.
    pub stamp: u64,
    /// This node's.
    pub own: Share,
    /// Those of the others that have said something of it, by rising origin.
    pub others: Vec<(Origin, Share)>,
}

impl Shares {
    /// The count: all that was counted less all that was given back.
    pub fn count(&self) -> u64 {
        let all = || std::iter::once(&self.own).chain(self.others.iter().map(|(_, share)| share));
        let counted = all().fold(0_u64, |sum, share| sum.saturating_add(share.count));
        let refunded = all().fold(0_u64, |sum, share| sum.saturating_add(share.refunded));
        counted.saturating_sub(refunded)
    }
}

impl Windows {
    /// Takes the counter `name` apart; nothing but zeros where it has no entry.
    pub fn shares(&self, name: &Name<'_>) -> Shares {
        self.shares_of_entry(name).unwrap_or_default()
    }

    fn shares_of_entry(&self, name: &Name<'_>) -> Option<Shares> {
        let view = self.view(name.series.bucket_ms(name.window))?;
        let view = view.as_deref()?;
        let probe = self.probe(name, self.hash(name.series, name.key));
        let offset = view.find(&probe)?;
        let shard = view.shard(&probe).lock();
        // Under the lock: whose slot is written here has had its number before.
        let origins = self.origins.all();
        let changed = shard.override_of(offset).unwrap_or_default();
        let share = |slot: Slot| Share { count: slot.count, refunded: slot.refunded };
        let others = shard.ledger.iter().flat_map(|ledger| {
            let slot = |(origin, id): &_| Some((*origin, share(ledger.get(offset, *id)?)));
            origins.iter().filter_map(slot)
        });
        Some(Shares {
            stamp: changed.stamp,
            own: Share { count: view.entry(offset).own(), refunded: changed.refunded },
            others: others.collect(),
        })
    }
}
