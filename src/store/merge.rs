//! Merging: what another origin says of a counter becomes part of its count.
//!
//! Counts and refunds of an origin rise by maximum within a stamp; a higher stamp wins and starts
//! all of them anew, this node's own too. So saying something twice, late or out of order changes
//! nothing. Invariant: an entry's foreign word is the sum of its slots; a table's digests are the
//! sums over its slots.

use super::counter::{Counter, counted};
use super::ledger::{self, Ledger, SLOT_BYTES, Slot};
use super::origins::{Origin, OriginId, SELF};
use super::reader::Name;
use super::registry::PEER_SERIES_MAX;
use super::shard::Shard;
use super::table::{Bucket, Probe, Refusal, Supply, View};
use super::windows::{INSERT_TRIES, Windows};
use crate::limiter::COUNT_MAX;

/// What an origin says of one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// Who.
    pub origin: Origin,
    /// The datagram that carries it.
    pub version: u64,
    /// Stamp of the SET or RESET that the counts follow, 0 = none.
    pub stamp: u64,
    /// Counted under the stamp.
    pub count: u64,
    /// Given back under the stamp.
    pub refunded: u64,
}

/// What merging did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// The count or the stamp rose.
    Raised,
    /// It was known, or is under a stamp that has been overtaken.
    Known,
    /// Not held: memory, or too many series or origins.
    Refused,
}

impl Windows {
    /// Merges what an origin says of the counter `name`.
    pub fn merge(&self, name: &Name<'_>, said: &Said) -> Merged {
        let bucket_ms = name.series.bucket_ms(name.window);
        let probe = self.probe(name, self.hash(name.series, name.key));
        let Some(id) = self.origins.admit(said.origin, bucket_ms) else { return Merged::Refused };
        for _ in 0..INSERT_TRIES {
            let Ok(bucket) = self.bucket(bucket_ms) else { return Merged::Refused };
            match bucket.value().merge(&probe, id, said, self.supply()) {
                Ok(Some(merged)) => return merged,
                // Dropped meanwhile.
                Ok(None) => {}
                Err(_) => return Merged::Refused,
            }
        }
        Merged::Known
    }

    /// Marks a counter that has no entry here as reset: others may hold counts of it.
    ///
    /// # Errors
    /// A [`Refusal`] if there is no room for the mark.
    pub fn reset_unseen(&self, name: &Name<'_>, stamp: u64) -> Result<(), Refusal> {
        let probe = self.probe(name, self.hash(name.series, name.key));
        let bucket_ms = name.series.bucket_ms(name.window);
        let (offset, _, view) = self.insert(bucket_ms, &probe, 0)?;
        if let Some(view) = view.as_deref() {
            Counter::new(view, probe, offset, self.supply()).replace(0, stamp);
        }
        Ok(())
    }

    /// Notes which datagram carried this node's count of the counter `name`.
    pub fn carried(&self, name: &Name<'_>, version: u64) {
        let Some(view) = self.view(name.series.bucket_ms(name.window)) else { return };
        let Some(view) = view.as_deref() else { return };
        let probe = self.probe(name, self.hash(name.series, name.key));
        let Some(offset) = view.find(&probe) else { return };
        let mut shard = view.shard(&probe).lock();
        let slot = Slot { version, ..Slot::default() };
        // Not counted against the limit: refusing it would not unsay the datagram.
        put(&mut shard, offset, SELF, slot, self.supply(), true);
    }

    /// Turns all own counts into those of an origin that has ended: this node's life until now.
    pub fn bequeath(&self, heir: Origin) {
        for view in self.views_latest_first() {
            let Some(view) = view.as_deref() else { continue };
            let Some(id) = self.origins.admit(heir, view.table().end_ms) else { continue };
            for (slots, shard) in view.slots().iter().zip(view.table().shards()) {
                let mut shard = shard.lock();
                super::slots::walk(slots, 0, usize::MAX, |offset| {
                    bequeath(view, &mut shard, offset, id, self.supply());
                });
            }
        }
    }
}

impl Bucket {
    fn merge(
        &self,
        probe: &Probe<'_>,
        id: OriginId,
        said: &Said,
        supply: &Supply,
    ) -> Result<Option<Merged>, Refusal> {
        let view = self.view();
        let Some(first) = view.as_deref() else { return Ok(None) };
        let mut shard = first.table().shards()[probe.shard()].lock();
        // Nobody else adds to this shard now: what this view does not show does not exist.
        let newest = self.view();
        let Some(view) = newest.as_deref() else { return Ok(None) };
        let (offset, fresh) = match view.find(probe) {
            Some(offset) => (offset, false),
            None => (self.place(&mut shard, view, probe, 0, supply, PEER_SERIES_MAX)?, true),
        };
        let merged = apply(view, &mut shard, offset, probe, id, said, supply);
        if fresh && !view.entry(offset).is_overridden() && view.entry(offset).foreign() == 0 {
            // Nothing was said but "none": it must not pass for a live counter.
            view.entry(offset).set_overridden();
            shard.override_mut(offset, &supply.account);
        }
        settle(view, &mut shard, offset, probe, supply);
        Ok(Some(merged))
    }
}

fn apply(
    view: &View,
    shard: &mut Shard,
    offset: u32,
    probe: &Probe<'_>,
    id: OriginId,
    said: &Said,
    supply: &Supply,
) -> Merged {
    let entry = view.entry(offset);
    let stamp = shard.override_of(offset).map_or(0, |changed| changed.stamp);
    if said.stamp < stamp {
        return Merged::Known;
    }
    if said.stamp > stamp {
        void(view, shard, offset, supply);
        // Before the counts: whoever adds after them must see it and settle.
        entry.set_overridden();
        entry.replace_own(0);
        entry.replace_foreign(0);
        let changed = shard.override_mut(offset, &supply.account);
        changed.stamp = said.stamp;
        (changed.refunded, changed.foreign_refunded) = (0, 0);
    }
    let old = shard.ledger.as_ref().and_then(|ledger| ledger.get(offset, id));
    let before = old.unwrap_or_default();
    let slot = Slot {
        count: before.count.max(said.count.min(COUNT_MAX)),
        refunded: before.refunded.max(said.refunded.min(COUNT_MAX)),
        version: before.version.max(said.version),
    };
    let raised = said.stamp > stamp || slot.count > before.count || slot.refunded > before.refunded;
    if !put(shard, offset, id, slot, supply, false) {
        return Merged::Refused;
    }
    entry.add_foreign(slot.count - before.count);
    if slot.refunded > before.refunded {
        entry.set_overridden();
        shard.override_mut(offset, &supply.account).foreign_refunded +=
            slot.refunded - before.refunded;
    }
    let digest = |slot: &Slot| {
        ledger::digest(view.table().end_ms, probe.identity, probe.key, said.stamp, slot)
    };
    let mut digests = view.table().digests.lock();
    let sum = digests.entry(id).or_default();
    *sum = sum.wrapping_add(digest(&slot)).wrapping_sub(old.as_ref().map_or(0, digest));
    if raised { Merged::Raised } else { Merged::Known }
}

/// Writes a slot; false if it is new and there is no memory for it (unless `forced`).
fn put(
    shard: &mut Shard,
    offset: u32,
    id: OriginId,
    slot: Slot,
    supply: &Supply,
    forced: bool,
) -> bool {
    let ledger = shard.ledger.get_or_insert_default();
    if ledger.get(offset, id).is_none() {
        if forced {
            supply.account.charge_anyway(SLOT_BYTES);
        } else if supply.account.charge(SLOT_BYTES).is_err() {
            return false;
        }
    }
    ledger.put(offset, id, slot);
    true
}

/// Removes every slot of an entry whose stamp is about to be overtaken.
pub(super) fn void(view: &View, shard: &mut Shard, offset: u32, supply: &Supply) {
    let Some(ledger) = shard.ledger.as_mut() else { return };
    let stamp = shard.overrides.as_ref().and_then(|all| all.get(&offset)).map_or(0, |o| o.stamp);
    let entry = view.entry(offset);
    let mut key = Vec::new();
    entry.key_into(&mut key);
    let mut digests = view.table().digests.lock();
    let ids: Vec<OriginId> = std::iter::once(SELF).chain(digests.keys().copied()).collect();
    for id in ids {
        let Some(slot) = ledger.remove(offset, id) else { continue };
        supply.account.release(SLOT_BYTES);
        if let Some(sum) = digests.get_mut(&id) {
            let gone = ledger::digest(view.table().end_ms, entry.identity(), &key, stamp, &slot);
            *sum = sum.wrapping_sub(gone);
        }
    }
}

/// Puts census and liveness of a merged entry right.
fn settle(view: &View, shard: &mut Shard, offset: u32, probe: &Probe<'_>, supply: &Supply) {
    let entry = view.entry(offset);
    if !entry.is_overridden() {
        return;
    }
    let changed = shard.override_mut(offset, &supply.account);
    let live = counted(entry, entry.own(), *changed) > 0;
    match (std::mem::replace(&mut changed.counted, live), live) {
        (false, true) => shard.census.born(probe.series),
        (true, false) => shard.census.gone(probe.series),
        _ => {}
    }
}

fn bequeath(view: &View, shard: &mut Shard, offset: u32, id: OriginId, supply: &Supply) {
    let entry = view.entry(offset);
    let changed = shard.override_of(offset).unwrap_or_default();
    let count = entry.replace_own(0).min(COUNT_MAX);
    let slots: &mut Ledger = shard.ledger.get_or_insert_default();
    let told = slots.remove(offset, SELF);
    if told.is_some() {
        supply.account.release(SLOT_BYTES);
    }
    // What was told stays, be it a count of 0 after a reset: others hold it and would differ.
    if told.is_none() && count == 0 && changed.refunded == 0 {
        return;
    }
    let version = told.map_or(1, |own| own.version.max(1));
    let slot = Slot { count, refunded: changed.refunded, version };
    put(shard, offset, id, slot, supply, true);
    entry.add_foreign(count);
    if changed.refunded > 0 {
        let changed = shard.override_mut(offset, &supply.account);
        changed.foreign_refunded += changed.refunded;
        changed.refunded = 0;
    }
    let mut key = Vec::new();
    entry.key_into(&mut key);
    let digest = ledger::digest(view.table().end_ms, entry.identity(), &key, changed.stamp, &slot);
    let mut digests = view.table().digests.lock();
    let sum = digests.entry(id).or_default();
    *sum = sum.wrapping_add(digest);
}
