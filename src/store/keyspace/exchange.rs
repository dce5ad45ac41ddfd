//! What nodes tell each other of the counters that they share.
//!
//! Not here: the wire, when to tell (cluster), what shares are (`shares.rs`). Invariants: a node's own
//! share is told as it stands when it is handed out, under its shard's lock; others' shares enter by
//! merging alone, and never while memory has no room for them.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;

use super::super::ledger::mix;
use super::super::origins::{ORIGINS_MAX, Origin};
use super::super::share::{LATE_MS, NEVER_MS, SHARED_KEY_BYTES_MAX, ShareSaid, TOMBSTONE_MS};
use super::shard::{HIDDEN, Shard, Slot};
use super::{Keyspace, SHARDS, Value, shard_of, slot_bytes};

/// How far ahead of this node's clock a stamp may be, ms: what is above all stamps of a record must
/// not reach the end of numbers, nor leave the clock for ever. A packet that is off by 30 s is no
/// longer taken.
const AHEAD_MS: u64 = 60_000;

/// What became of a share that was heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldShare {
    /// It is news.
    News,
    /// It was known.
    Known,
    /// It has ended, or is from too far ahead.
    Ended,
    /// There is no memory for it.
    Refused,
}

/// What is held of one origin's share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptShare {
    /// Whose; `None` = this node's own.
    pub origin: Option<Origin>,
    /// The datagram that last carried it.
    pub version: u64,
    /// What the origin says, and what is known of the key.
    pub said: ShareSaid,
}

/// Figures of the counters that are shared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharesHeld {
    /// Keys that are this node's own, as of the last round over all shards.
    pub local_keys: u64,
    /// Keys kept for an erasure alone.
    pub tombstones: u64,
    /// Keys whose own share others have yet to be told of.
    pub unsent: u64,
}

fn is_too_far_ahead(now_ms: u64, said: &ShareSaid) -> bool {
    let ShareSaid { share, erased, ended, moved } = said;
    let stamps = [share.birth, share.until_stamp, *erased, *ended, moved.stamp];
    stamps.into_iter().any(|stamp| stamp >> 16 > now_ms.saturating_add(AHEAD_MS))
}

/// True if it would change nothing where nothing is held of the key.
fn is_over(now_ms: u64, said: &ShareSaid) -> bool {
    let is_late = |end_ms: u64| end_ms.saturating_add(LATE_MS) <= now_ms;
    let moves_nothing = said.moved.stamp == 0 || is_late(said.moved.until_ms);
    let has_ended = match said.share.holds {
        true => is_late(said.share.until_ms) && moves_nothing,
        false => moves_nothing || said.moved.until_ms == NEVER_MS,
    };
    has_ended && (said.erased == 0 || (said.erased >> 16).saturating_add(TOMBSTONE_MS) <= now_ms)
}

impl Keyspace {
    /// Hands out this node's shares that have changed since the last call, until about `bytes`; true
    /// if more wait.
    pub fn publish_shares(&self, bytes: usize, take: &mut dyn FnMut(&[u8], ShareSaid)) -> bool {
        /// Bytes of a share on the wire, about.
        const SHARE_BYTES: usize = 32;
        let mut room = bytes;
        while room > 0 {
            let Some(key) = self.sharing.changes.lock().pop() else { return false };
            let hash = self.hash(&key);
            let mut shard = self.shards[shard_of(hash)].lock();
            let found = shard.find(hash, &key);
            let Some(record) = found.and_then(|slot| slot.into_mut().record.as_mut()) else {
                continue;
            };
            record.is_listed = false;
            if let Some(said) = record.shares.said() {
                take(&key, said);
                room = room.saturating_sub(key.len() + SHARE_BYTES);
            }
        }
        !self.sharing.changes.lock().is_empty()
    }

    /// Notes that the datagram `version` carried this node's share of `key`.
    pub fn share_carried(&self, key: &[u8], said: &ShareSaid, version: u64) {
        let hash = self.hash(key);
        let mut shard = self.shards[shard_of(hash)].lock();
        let found = shard.find(hash, key);
        if let Some(record) = found.and_then(|slot| slot.into_mut().record.as_mut()) {
            record.shares.carried(&said.share, version);
        }
    }

    /// Merges what `origin`, whose clock is `behind_ms` behind, says of `key` in its datagram `version`.
    pub fn merge_share(
        &self,
        now_ms: u64,
        origin: Origin,
        version: u64,
        key: &[u8],
        said: &ShareSaid,
        behind_ms: u64,
    ) -> HeldShare {
        if is_too_far_ahead(now_ms, said) || key.len() > SHARED_KEY_BYTES_MAX {
            return HeldShare::Ended;
        }
        let hash = self.hash(key);
        let mut shard = self.shards[shard_of(hash)].lock();
        if shard.find(hash, key).is_none() {
            if is_over(now_ms, said) {
                return HeldShare::Ended;
            }
            if !self.make_hidden(&mut shard, hash, key) {
                return HeldShare::Refused;
            }
        }
        let Some(found) = shard.find(hash, key) else { return HeldShare::Refused };
        let slot = found.into_mut();
        if !self.has_room_for(slot, origin) {
            return HeldShare::Refused;
        }
        let (merged, is_kept) = self.with_record(now_ms, slot, |shares, stamp| {
            let is_kept = shares.keep_ended(now_ms, stamp, said, behind_ms);
            (shares.merge(origin, said, version), is_kept)
        });
        if merged.own || is_kept {
            self.list_change(slot);
        }
        if !merged.news {
            return HeldShare::Known;
        }
        // A string of this node's own hides it.
        if slot.shows_record() || slot.deadline_ms <= now_ms {
            self.show(now_ms, slot);
        }
        self.sharing.census.lock().note(origin);
        if self.watches.any() {
            self.watches.changed(hash, key);
        }
        HeldShare::News
    }

    /// False if a share of an origin that is not known yet would be one too many.
    fn has_room_for(&self, slot: &Slot, origin: Origin) -> bool {
        let Some(record) = slot.record.as_ref() else { return true };
        if record.shares.origins().any(|known| known == origin) {
            return true;
        }
        let bytes = size_of::<ShareSaid>() as u64;
        let has_memory = self.holdings.charge(bytes).is_ok();
        if has_memory {
            // What it takes is charged with the record.
            self.holdings.release(bytes);
        }
        has_memory && record.shares.len() < ORIGINS_MAX
    }

    /// Makes a slot that shows nothing yet; false for want of memory.
    fn make_hidden(&self, shard: &mut Shard, hash: u64, key: &[u8]) -> bool {
        let value = Value::Counter(0);
        if self.holdings.charge(slot_bytes(key, &value)).is_err() {
            return false;
        }
        let slot = Slot { key: key.into(), value, deadline_ms: HIDDEN, bucket_ms: 0, record: None };
        shard.insert(hash, slot, |key| self.hash(key));
        self.sharing.hidden.fetch_add(1, Relaxed);
        true
    }

    /// Hands out what is held of the origins for which `wants` gives a cursor (`None`: this node),
    /// where it is newer, shard by shard from `from` on until about `bytes`; returns the shard to go
    /// on from, `None` at the end.
    pub fn scan_shares(
        &self,
        wants: &dyn Fn(Option<Origin>) -> Option<u64>,
        from: usize,
        bytes: usize,
        take: &mut dyn FnMut(&[u8], KeptShare),
    ) -> Option<usize> {
        let mut taken_bytes = 0;
        for number in from..SHARDS {
            if taken_bytes >= bytes {
                return Some(number);
            }
            let shard = self.shards[number].lock();
            for slot in shard.iter() {
                let Some(record) = slot.record.as_ref() else { continue };
                for (origin, version, said) in record.shares.each() {
                    if version > 0 && wants(origin).is_some_and(|cursor| version > cursor) {
                        take(&slot.key, KeptShare { origin, version, said });
                        taken_bytes += slot.key.len() + size_of::<ShareSaid>();
                    }
                }
            }
        }
        None
    }

    /// Digest of the shares held of an origin (`None`: this node) that end after `horizon_ms`: the
    /// same on every node that holds the same.
    pub fn shares_digest(&self, origin: Option<Origin>, horizon_ms: u64) -> u64 {
        if origin.is_some_and(|origin| !self.sharing.census.lock().known.contains(&origin)) {
            return 0;
        }
        let mut sum = 0_u64;
        for shard in &self.shards {
            for slot in shard.lock().iter() {
                let Some(record) = slot.record.as_ref() else { continue };
                let said = record.shares.each().find(|(of, ..)| *of == origin);
                let told = said.filter(|(_, version, said)| {
                    *version > 0 && record.shares.lasts(said, horizon_ms)
                });
                if let Some((.., said)) = told {
                    sum = sum.wrapping_add(digest(&slot.key, &said));
                }
            }
        }
        sum
    }

    /// Makes this node's shares those of an origin that has ended.
    pub fn bequeath_shares(&self, now_ms: u64, heir: Origin) {
        if !self.shares_counters() {
            return;
        }
        for shard in &self.shards {
            for slot in shard.lock().iter_mut() {
                if slot.record.is_some() {
                    // One list of them grows by it: charged as anything else.
                    self.with_record(now_ms, slot, |shares, _| shares.bequeath(heir));
                }
            }
        }
        self.sharing.census.lock().note(heir);
    }

    /// The origins of which shares are held, this node's excluded.
    pub fn share_origins(&self) -> Vec<Origin> {
        self.sharing.census.lock().known.iter().copied().collect()
    }

    /// Looks at one shard for whose shares it holds; called over and over.
    pub fn sweep_shares(&self) {
        if !self.shares_counters() {
            return;
        }
        let number = self.sharing.census.lock().next;
        let mut origins = BTreeSet::new();
        let mut local_keys = 0;
        for slot in self.shards[number].lock().iter() {
            let record = slot.record.as_ref();
            origins.extend(record.iter().flat_map(|record| record.shares.origins()));
            // A cell is shared in its own way.
            let is_shared = slot.shows_record() || matches!(slot.value, Value::Cell { .. });
            local_keys += u64::from(!slot.is_hidden() && !is_shared);
        }
        self.sharing.census.lock().counted(number, origins, local_keys);
    }

    /// Whether a known member cannot be reached: what it has to hear of is then kept for longer.
    pub fn wait_for_members(&self, is_waiting: bool) {
        self.sharing.is_waiting.store(is_waiting, Relaxed);
    }

    /// Figures of the counters that are shared.
    pub fn shares_held(&self) -> SharesHeld {
        SharesHeld {
            local_keys: self.sharing.census.lock().local_keys,
            tombstones: self.sharing.hidden.load(Relaxed),
            unsent: self.sharing.changes.lock().len() as u64,
        }
    }
}

/// A number for a share that is the same on every node.
fn digest(key: &[u8], said: &ShareSaid) -> u64 {
    let ShareSaid { share, .. } = said;
    let holds = u64::from(share.holds);
    let parts = [
        share.birth,
        share.born_ms,
        share.up,
        share.down,
        holds,
        share.until_ms,
        share.until_stamp,
    ];
    parts.into_iter().fold(super::super::ledger::digest_key(key), |hash, part| mix(hash ^ part))
}
