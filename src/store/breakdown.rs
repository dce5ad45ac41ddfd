//! Whose counts a counter is made of.
//!
//! Not here: what an origin is called, verdicts. Invariant: the parts add up to the count: all are
//! read under the shard's lock, which whoever changes another origin's part, a refund or a stamp
//! holds too.

use super::ledger::Slot;
use super::origins::Origin;
use super::reader::Name;
use super::windows::Windows;

/// What one origin has put into a counter under its stamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OriginCount {
    /// Counted.
    pub count: u64,
    /// Given back; it may be more than the origin itself has counted.
    pub refunded: u64,
}

/// A counter, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breakdown {
    /// Stamp of the last SET or RESET, 0 = none: what was counted before it is not in the parts.
    pub stamp: u64,
    /// This node's.
    pub own: OriginCount,
    /// Those of the others that have said something of it, by rising origin.
    pub others: Vec<(Origin, OriginCount)>,
}

impl Breakdown {
    /// The count: all that was counted less all that was given back.
    pub fn count(&self) -> u64 {
        let all = || std::iter::once(&self.own).chain(self.others.iter().map(|(_, part)| part));
        let counted = all().fold(0_u64, |sum, part| sum.saturating_add(part.count));
        let refunded = all().fold(0_u64, |sum, part| sum.saturating_add(part.refunded));
        counted.saturating_sub(refunded)
    }
}

impl Windows {
    /// Takes the counter `name` apart; nothing but zeros where it has no entry.
    pub fn breakdown(&self, name: &Name<'_>) -> Breakdown {
        self.breakdown_of_entry(name).unwrap_or_default()
    }

    fn breakdown_of_entry(&self, name: &Name<'_>) -> Option<Breakdown> {
        let view = self.view(name.series.bucket_ms(name.window))?;
        let view = view.as_deref()?;
        let probe = self.probe(name, self.hash(name.series, name.key));
        let offset = view.find(&probe)?;
        let shard = view.shard(&probe).lock();
        // Under the lock: whose slot is written here has had its number before.
        let origins = self.origins.all();
        let changed = shard.override_of(offset).unwrap_or_default();
        let part = |slot: Slot| OriginCount { count: slot.count, refunded: slot.refunded };
        let others = shard.ledger.iter().flat_map(|ledger| {
            let slot = |(origin, id): &_| Some((*origin, part(ledger.get(offset, *id)?)));
            origins.iter().filter_map(slot)
        });
        Some(Breakdown {
            stamp: changed.stamp,
            own: OriginCount { count: view.entry(offset).own(), refunded: changed.refunded },
            others: others.collect(),
        })
    }
}
