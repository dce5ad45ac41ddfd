//! What each origin has charged to a GCRA cell, beside the arrival time that the keyspace keeps.
//!
//! A cell drains by itself, so a sum of charges cannot be merged as counts are: a fresh difference
//! is charged on top, anything else only raises the arrival time to what was sent (charging late
//! differences would lock a key out for as long as a partition lasted). Invariant: within a birth,
//! what an origin has charged never falls.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::{Mutex, MutexGuard};

use super::Engine;
use super::item::{Freshness, Item, Merged};
use crate::store::{Full, Origin, Value};

/// Nanoseconds of a millisecond.
const MILLISECOND_NS: u64 = 1_000_000;
/// Shards, by the key's first bytes and length: merges and charges seldom meet.
const SHARDS: usize = 64;
/// How old a datagram may be for its difference to be charged, ms.
const LIVE_MS: u64 = 1_000;
/// Most cells followed; beyond it a cell is this node's alone.
const CELLS_MAX: usize = 4_000_000;

/// What an origin says of a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Stamp of the contribution's beginning.
    pub(super) birth: u64,
    /// Charged since then, nanoseconds.
    pub(super) charged_ns: u64,
    /// Arrival time, ns since the epoch.
    pub(super) tat_ns: u64,
    /// The datagram that carried it.
    pub(super) version: u64,
}

#[derive(Debug, Default)]
struct Cell {
    own: Said,
    changed: bool,
    others: BTreeMap<Origin, Said>,
    /// Contributions born under lower stamps are void.
    void_below: u64,
    /// When the cell has drained, ms since the epoch.
    until_ms: u64,
}

type Shard = HashMap<Arc<[u8]>, Cell>;

/// See the module; empty on a node that is alone.
#[derive(Debug)]
pub(super) struct Cells {
    shards: Box<[Mutex<Shard>]>,
    changed: Mutex<Vec<Arc<[u8]>>>,
    held: AtomicUsize,
    /// The shard that is swept next.
    sweep: AtomicUsize,
}

impl Default for Cells {
    fn default() -> Self {
        Cells {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            changed: Mutex::default(),
            held: AtomicUsize::new(0),
            sweep: AtomicUsize::new(0),
        }
    }
}

impl Cells {
    fn shard(&self, key: &[u8]) -> MutexGuard<'_, Shard> {
        let sum = key.iter().fold(key.len(), |sum, byte| sum.wrapping_mul(31) ^ usize::from(*byte));
        self.shards[sum % SHARDS].lock()
    }

    /// Notes that this node charged a cell; `tat_ns` is its arrival time afterwards.
    pub(super) fn charge(&self, key: &[u8], charged_ns: u64, tat_ns: u64, stamp: u64) {
        let mut shard = self.shard(key);
        let held = shard.len();
        if held * SHARDS > CELLS_MAX && !shard.contains_key(key) {
            return;
        }
        let key: Arc<[u8]> =
            shard.get_key_value(key).map_or_else(|| key.into(), |(k, _)| k.clone());
        let cell = shard.entry(key.clone()).or_default();
        if cell.own.birth == 0 {
            cell.own.birth = stamp.max(cell.void_below.saturating_add(1));
        }
        cell.own.charged_ns = cell.own.charged_ns.saturating_add(charged_ns);
        cell.own.tat_ns = tat_ns;
        cell.until_ms = cell.until_ms.max(tat_ns.div_ceil(MILLISECOND_NS));
        if !std::mem::replace(&mut cell.changed, true) {
            self.changed.lock().push(key);
        }
        self.held.fetch_add(shard.len() - held, Relaxed);
    }

    /// True if another origin has charged the cell.
    pub(super) fn is_shared(&self, key: &[u8]) -> bool {
        self.held.load(Relaxed) > 0
            && self.shard(key).get(key).is_some_and(|cell| !cell.others.is_empty())
    }

    /// Hands out the cells that this node charged since the last call, each with the arrival time
    /// that `tat_ns` knows of it.
    pub(super) fn publish(
        &self,
        tat_ns: impl Fn(&[u8]) -> Option<u64>,
        take: &mut dyn FnMut(Item),
    ) {
        for key in std::mem::take(&mut *self.changed.lock()) {
            if let Some(cell) = self.shard(&key).get_mut(&key) {
                cell.changed = false;
            }
            // Asked with nothing locked: who charges a cell holds its key when it comes here. A
            // charge in between lists the cell again.
            let tat_ns = tat_ns(&key);
            let mut shard = self.shard(&key);
            let Some(cell) = shard.get_mut(&key) else { continue };
            // Drained since: nobody needs to know.
            let Some(tat_ns) = tat_ns.filter(|_| cell.own.birth > 0) else { continue };
            cell.own.tat_ns = tat_ns;
            let Said { birth, charged_ns, .. } = cell.own;
            take(Item::Cell { key: key.to_vec(), birth, charged_ns, tat_ns });
        }
    }

    /// Notes which datagram carried this node's charges.
    pub(super) fn carried(&self, key: &[u8], birth: u64, dseq: u64) {
        if let Some(cell) = self.shard(key).get_mut(key).filter(|cell| cell.own.birth == birth) {
            cell.own.version = dseq;
        }
    }

    /// Takes what an origin says; returns what of it is new, nanoseconds, `None` if nothing is. The
    /// second part is true at first sight of the origin.
    fn take(&self, key: &[u8], origin: Origin, said: &Said) -> Result<Option<(u64, bool)>, ()> {
        let mut shard = self.shard(key);
        let held = shard.len();
        if held * SHARDS > CELLS_MAX && !shard.contains_key(key) {
            return Err(());
        }
        let cell = shard.entry(key.into()).or_default();
        let until_ms = said.tat_ns.div_ceil(MILLISECOND_NS);
        let known = cell.others.get(&origin).copied();
        let before = known.unwrap_or_default();
        let news = if said.birth <= cell.void_below || said.birth < before.birth {
            None
        } else if said.birth > before.birth {
            Some(said.charged_ns)
        } else {
            said.charged_ns.checked_sub(before.charged_ns).filter(|news| *news > 0)
        };
        if news.is_some() {
            let version = before.version.max(said.version);
            cell.others.insert(origin, Said { version, ..*said });
            cell.until_ms = cell.until_ms.max(until_ms);
        }
        self.held.fetch_add(shard.len() - held, Relaxed);
        Ok(news.map(|news| (news, known.is_none())))
    }

    /// Makes contributions born under lower stamps void.
    pub(super) fn void_below(&self, key: &[u8], stamp: u64) {
        if let Some(cell) = self.shard(key).get_mut(key) {
            cell.void_below = cell.void_below.max(stamp);
            cell.others.retain(|_, said| said.birth > stamp);
            if cell.own.birth <= stamp {
                cell.own = Said::default();
            }
        }
    }

    /// Hands out what is held and newer than asked for.
    pub(super) fn scan(
        &self,
        own: Origin,
        wants: &dyn Fn(Origin) -> Option<u64>,
        take: &mut dyn FnMut(Origin, u64, Item),
    ) {
        for shard in &self.shards {
            for (key, cell) in shard.lock().iter() {
                let own = (cell.own.birth > 0).then_some((&own, &cell.own));
                for (origin, said) in own.into_iter().chain(&cell.others) {
                    let Said { birth, charged_ns, tat_ns, version } = *said;
                    if wants(*origin).is_some_and(|cursor| version > cursor) {
                        let key = key.to_vec();
                        take(*origin, version, Item::Cell { key, birth, charged_ns, tat_ns });
                    }
                }
            }
        }
    }

    /// Turns own contributions into those of an origin that has ended.
    pub(super) fn bequeath(&self, heir: Origin) {
        for shard in &self.shards {
            for cell in shard.lock().values_mut() {
                let own = std::mem::take(&mut cell.own);
                // What was never told had drained before it could be.
                if own.birth > 0 && own.version > 0 {
                    cell.others.insert(heir, own);
                }
            }
        }
    }

    /// Forgets the drained cells of one shard; called now and then, it comes to all.
    pub(super) fn sweep(&self, now_ms: u64) {
        if self.held.load(Relaxed) == 0 {
            return;
        }
        let mut shard = self.shards[self.sweep.fetch_add(1, Relaxed) % SHARDS].lock();
        let before = shard.len();
        shard.retain(|_, cell| cell.until_ms > now_ms);
        self.held.fetch_sub(before - shard.len(), Relaxed);
    }

    /// Forgets all.
    pub(super) fn clear(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock();
            self.held.fetch_sub(shard.len(), Relaxed);
            shard.clear();
        }
    }

    /// The origins that have charged cells here.
    pub(super) fn origins(&self) -> Vec<Origin> {
        let of = |shard: &Mutex<Shard>| -> Vec<Origin> {
            shard.lock().values().flat_map(|cell| cell.others.keys().copied()).collect()
        };
        self.shards.iter().flat_map(of).collect()
    }
}

impl Engine {
    /// Merges what an origin has charged to a cell.
    pub(super) fn merge_cell(
        &self,
        now_ms: u64,
        origin: Origin,
        key: &[u8],
        said: &Said,
        freshness: Freshness,
    ) -> Merged {
        let until_ms = said.tat_ns.div_ceil(MILLISECOND_NS);
        if until_ms <= now_ms {
            return Merged::Ended;
        }
        let voided =
            self.windows.supply().resets.stamp_of(key).is_some_and(|stamp| said.birth <= stamp);
        if voided {
            return Merged::Known;
        }
        let (news, first_sight) = match self.cells.take(key, origin, said) {
            Ok(Some(news)) => news,
            Ok(None) => return Merged::Known,
            Err(()) => return Merged::Refused { until_ms },
        };
        let mut held = self.hold_one(now_ms, key);
        let tat_ns = match held.get(key) {
            None => 0,
            Some(Value::Cell { tat_ns }) => *tat_ns,
            // A string stands here now; what the cell was is of no account.
            Some(_) => return Merged::Known,
        };
        // When it was sent, by this clock: a clock that is behind makes no charge old.
        let live_ms = match freshness {
            Freshness::Live { sent_ms, behind_ms } => Some(sent_ms.saturating_add(behind_ms)),
            Freshness::Bulk => None,
        };
        let raised_ns = match live_ms {
            Some(sent_ms) if !first_sight && now_ms.saturating_sub(sent_ms) <= LIVE_MS => {
                tat_ns.max(sent_ms.saturating_mul(MILLISECOND_NS)).saturating_add(news)
            }
            _ => tat_ns.max(said.tat_ns),
        };
        if raised_ns == tat_ns {
            return Merged::Known;
        }
        let cell = Value::Cell { tat_ns: raised_ns };
        match held.put(key, cell, Some(raised_ns.div_ceil(MILLISECOND_NS))) {
            Ok(()) => Merged::Raised,
            Err(Full) => Merged::Refused { until_ms },
        }
    }

    /// Removes the cell of `key`; a string that stands there stays.
    pub(super) fn remove_cell(&self, now_ms: u64, key: &[u8]) {
        let mut held = self.hold_one(now_ms, key);
        if matches!(held.get(key), Some(Value::Cell { .. })) {
            held.remove(key);
        }
    }
}
