//! A bucket of windows: its table of counters, in shards.
//!
//! Readers take a [`View`]: the slot arrays as they are now. Looking up and counting takes no lock;
//! adding a counter takes its shard's. A shard whose slots are crowded is rebuilt alone and swapped
//! into a new view; entries never move, so a reader on an old view still finds and counts in them,
//! and what it does not find is looked up again under the lock.
//!
//! Not here: which bucket a window belongs to, verdicts. Invariant: one entry for each (series,
//! key), from its insertion until the whole table is dropped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Relaxed, Release};

use super::account::{Account, Full};
use super::arena::Arena;
use super::entry::{self, Entry};
use super::origins::OriginId;
use super::pool::Pool;
use super::registry::{Registry, SERIES_MAX, TooManyScales};
use super::resets::Resets;
use super::series::Series;
use super::shard::Shard;
use super::slots::{self, Slots};
use super::sync::{AtomicBool, AtomicU64, Held, Mutex, Swapped};

/// Shards of a table: a rebuild of one must stay under a millisecond at 10 million keys.
/// The model (`store/model.rs`) has two, that its threads meet.
pub const SHARDS: usize = if cfg!(shuttle) { 2 } else { 256 };
/// Bits of a place within a shard (see [`View::walk`]); the shard is above them.
const PLACE_BITS: u32 = 24;
/// What an empty table costs, charged with it: shards, slot pointers, chunk directory.
const EMPTY_BYTES: u64 = (SHARDS * (size_of::<Mutex<Shard>>() + size_of::<Slots>())
    + size_of::<Table>()
    + size_of::<View>()) as u64;

/// Why a counter could not be created; nothing was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The memory limit is reached.
    OutOfMemory,
    /// See [`TooManyScales`].
    TooManyScales,
}

impl From<Full> for Refusal {
    fn from(_: Full) -> Self {
        Refusal::OutOfMemory
    }
}

impl From<TooManyScales> for Refusal {
    fn from(_: TooManyScales) -> Self {
        Refusal::TooManyScales
    }
}

/// What tables draw on.
#[derive(Debug)]
pub struct Supply {
    /// The memory account.
    pub account: Arc<Account>,
    /// Chunks for arenas.
    pub pool: Pool,
    /// The live series.
    pub registry: Registry,
    /// Keys that were reset for all their series.
    pub resets: Resets,
    /// Keep the list of changed counters: only where somebody drains it.
    pub track_changes: bool,
}

/// What names one counter in a bucket, with its hash.
#[derive(Clone, Copy, Debug)]
pub struct Probe<'k> {
    /// Hash of series and key: the top byte picks the shard, the low half is the tag.
    pub hash: u64,
    /// Header bits of an entry that matches.
    pub identity: u64,
    /// Kind and scale.
    pub series: Series,
    /// The user's key.
    pub key: &'k [u8],
}

impl Probe<'_> {
    #[inline]
    pub(super) fn shard(&self) -> usize {
        (self.hash >> 56) as usize % SHARDS
    }

    #[inline]
    fn tag(&self) -> u32 {
        (self.hash & 0xffff_ffff) as u32
    }
}

/// One table of counters.
#[derive(Debug)]
pub struct Table {
    /// Rises with each table; a scan's cursor names tables by it.
    pub id: u32,
    /// When all its windows have expired, ms since the epoch.
    pub end_ms: u64,
    arena: Arena,
    shards: Box<[Mutex<Shard>]>,
    /// Some shard has changes to drain.
    changed: AtomicBool,
    /// Sum of the digests of each origin's slots here.
    pub(super) digests: Mutex<BTreeMap<OriginId, u64>>,
}

/// The slot arrays of a table at one time.
#[derive(Debug)]
pub struct View {
    table: Arc<Table>,
    slots: Box<[Slots]>,
}

/// A table and its newest view, until the bucket is dropped.
#[derive(Debug)]
pub(super) struct Bucket {
    live: Swapped<View>,
}

/// A view held by a reader; it keeps the table's memory.
pub(super) type ViewGuard = Held<View>;

impl Bucket {
    /// An empty table for the windows that have all expired at `end_ms`.
    ///
    /// # Errors
    /// [`Full`] at the memory limit.
    pub(super) fn new(id: u32, end_ms: u64, account: &Account) -> Result<Bucket, Full> {
        account.charge(EMPTY_BYTES)?;
        let none: Slots = Arc::new([]);
        let table = Table {
            id,
            end_ms,
            arena: Arena::default(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            changed: AtomicBool::new(false),
            digests: Mutex::default(),
        };
        let view = View { table: Arc::new(table), slots: vec![none; SHARDS].into_boxed_slice() };
        Ok(Bucket { live: Swapped::from_pointee(view) })
    }

    /// The newest view; `None` once the bucket is dropped.
    #[inline]
    pub(super) fn view(&self) -> ViewGuard {
        self.live.load()
    }

    /// Takes the table out; readers that hold a view still count in it, unseen.
    pub(super) fn take(&self) -> Option<Arc<View>> {
        self.live.swap(None)
    }

    /// The offset of the probed counter, created with `own` as its count if it does not exist:
    /// then `fresh` is true. `None` if the bucket has been dropped meanwhile.
    ///
    /// # Errors
    /// A [`Refusal`]; nothing is created.
    pub(super) fn find_or_insert(
        &self,
        probe: &Probe<'_>,
        own: u64,
        supply: &Supply,
    ) -> Result<Option<(u32, bool)>, Refusal> {
        let Some(view) = self.live.load_full() else {
            return Ok(None);
        };
        let mut shard = view.table.shards[probe.shard()].lock();
        // Nobody else adds to this shard now: what this view does not show does not exist.
        let Some(view) = self.live.load_full() else {
            return Ok(None);
        };
        if let Some(offset) = view.find(probe) {
            return Ok(Some((offset, false)));
        }
        let offset = self.place(&mut shard, &view, probe, own, supply, SERIES_MAX)?;
        if supply.track_changes {
            view.entry(offset).set_changed();
            shard.changed.push(offset);
            view.table.set_changed();
        }
        Ok(Some((offset, true)))
    }

    /// Adds an entry that does not exist; the caller holds the shard's lock. At most `series_max`
    /// series may live.
    pub(super) fn place(
        &self,
        shard: &mut Shard,
        view: &View,
        probe: &Probe<'_>,
        own: u64,
        supply: &Supply,
        series_max: usize,
    ) -> Result<u32, Refusal> {
        if !shard.census.knows(probe.series) {
            supply.registry.admit(probe.series, view.table.end_ms, series_max)?;
        }
        let mut slots = view.slots[probe.shard()].clone();
        if slots::is_crowded(&slots, shard.used) {
            slots = self.grow(probe.shard(), &slots, supply)?;
            shard.slots_bytes = bytes_of(&slots);
        }
        let offset = view.table.arena.allocate(entry::words_of(probe.key.len()), &supply.pool)?;
        view.entry(offset).write(probe.identity, own, probe.key);
        // A key that was reset for all its series, those of the future too.
        if let Some(stamp) = supply.resets.stamp_of(probe.key) {
            view.entry(offset).set_overridden();
            shard.override_mut(offset, &supply.account).stamp = stamp;
        }
        slots::publish(&slots, probe.tag(), offset);
        shard.used += 1;
        shard.census.born(probe.series);
        Ok(offset)
    }

    /// Rebuilds one shard's slots in a longer array; the caller holds its lock.
    fn grow(&self, shard: usize, old: &Slots, supply: &Supply) -> Result<Slots, Full> {
        let len = slots::grown_len(old);
        supply.account.charge(8 * len as u64)?;
        let new = slots::rebuilt(old, len);
        // Other shards grow at the same time under their own locks: each keeps the others' arrays.
        self.live.rcu(|view| {
            view.as_ref().map(|view| {
                let mut slots = view.slots.clone();
                slots[shard] = new.clone();
                Arc::new(View { table: view.table.clone(), slots })
            })
        });
        supply.account.release(bytes_of(old));
        Ok(new)
    }
}

fn bytes_of(slots: &[AtomicU64]) -> u64 {
    8 * slots.len() as u64
}

impl View {
    /// The table that this is a view of.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The entry at `offset`.
    #[inline]
    pub fn entry(&self, offset: u32) -> Entry<'_> {
        Entry::at(self.table.arena.words(offset))
    }

    /// Every shard's slots, for walks over all entries.
    pub(super) fn slots(&self) -> &[Slots] {
        &self.slots
    }

    /// The shard of the probed counter.
    pub fn shard(&self, probe: &Probe<'_>) -> &Mutex<Shard> {
        &self.table.shards[probe.shard()]
    }

    /// The probed counter's offset, if this view shows it.
    #[inline]
    pub fn find(&self, probe: &Probe<'_>) -> Option<u32> {
        let slots = &self.slots[probe.shard()];
        let mut at = slots::home(slots, probe.tag());
        while let slots::Probe::Candidate { offset, resume } = slots::next(slots, probe.tag(), at) {
            if self.entry(offset).is(probe.identity, probe.key) {
                return Some(offset);
            }
            at = resume;
        }
        None
    }

    /// Reads the probed counter's home slot, to have it in the cache when it is needed.
    #[inline]
    pub fn touch_home(&self, probe: &Probe<'_>) -> u64 {
        let slots = &self.slots[probe.shard()];
        slots.get(slots::home(slots, probe.tag())).map_or(0, |slot| slot.load(Relaxed))
    }

    /// The first entry with the probed counter's tag: nearly always the counter itself. Reads no
    /// entry.
    #[inline]
    pub fn guess(&self, probe: &Probe<'_>) -> Option<u32> {
        let slots = &self.slots[probe.shard()];
        match slots::next(slots, probe.tag(), slots::home(slots, probe.tag())) {
            slots::Probe::Candidate { offset, .. } => Some(offset),
            slots::Probe::Miss => None,
        }
    }

    /// False for a counter that was reset or given back whole.
    fn is_live(&self, shard: usize, offset: u32) -> bool {
        !self.entry(offset).is_overridden()
            || self.table.shards[shard].lock().override_of(offset).is_none_or(|o| o.counted)
    }

    /// Walks the live counters in an order that survives growth; `from` and the result are places in
    /// this table, 0 the beginning, `None` the end. Visits about `count` entries.
    pub fn walk(&self, from: u64, count: usize, mut visit: impl FnMut(Entry<'_>)) -> Option<u64> {
        let mut shard = usize::try_from(from >> PLACE_BITS).ok()?;
        let mut place = (from & ((1 << PLACE_BITS) - 1)) as u32;
        let mut visited = 0;
        while let Some(slots) = self.slots.get(shard) {
            let rest = count.saturating_sub(visited);
            let next = slots::walk(slots, place, rest, |offset| {
                visited += 1;
                if self.is_live(shard, offset) {
                    visit(self.entry(offset));
                }
            });
            if let Some(next) = next {
                return Some((shard as u64) << PLACE_BITS | u64::from(next));
            }
            shard += 1;
            place = 0;
            if visited >= count {
                break;
            }
        }
        (shard < self.slots.len()).then_some((shard as u64) << PLACE_BITS)
    }
}

impl Table {
    /// Live counters of windows that have not expired at `now_ms`.
    pub fn live(&self, now_ms: u64) -> u64 {
        let in_shard = |shard: &Mutex<Shard>| -> u64 {
            let shard = shard.lock();
            let live = shard
                .census
                .iter()
                .filter(|(series, _)| series.expires_in_bucket_ms(self.end_ms) > now_ms);
            live.map(|(_, count)| u64::from(count)).sum()
        };
        self.shards.iter().map(in_shard).sum()
    }

    /// Notes that a shard has changes to drain.
    pub fn set_changed(&self) {
        // Who reads it finds the list as it is now, or as it will be when the lock is free.
        self.changed.store(true, Release);
    }

    /// All shards.
    pub(super) fn shards(&self) -> &[Mutex<Shard>] {
        &self.shards
    }

    /// True if some shard had changes to drain; from now on none has.
    pub(super) fn take_changed(&self) -> bool {
        self.changed.swap(false, AcqRel)
    }

    /// Entries of all shards, live or not.
    pub fn entries(&self) -> u64 {
        self.shards.iter().map(|shard| shard.lock().used as u64).sum()
    }

    /// Bytes that the table is charged for.
    pub(super) fn held_bytes(&self) -> u64 {
        let held: u64 = self.shards.iter().map(|shard| shard.lock().held_bytes()).sum();
        EMPTY_BYTES + held + self.arena.held_bytes()
    }

    /// Frees one chunk of a table that nobody reads any more: its bytes, `None` when all are freed.
    pub(super) fn free_chunk(&mut self, supply: &Supply) -> Option<u64> {
        self.arena.give_back_one(&supply.pool)
    }

    /// Releases what a table whose chunks and slots are freed was charged for; the bytes of what
    /// is freed with it. The slots are released only here: a reader that still held a view may have
    /// made them grow after the newest view was taken out.
    pub(super) fn release(&mut self, supply: &Supply) -> u64 {
        let held: u64 = self.shards.iter_mut().map(|shard| shard.get_mut().held_bytes()).sum();
        supply.account.release(EMPTY_BYTES + held);
        EMPTY_BYTES
    }
}

impl View {
    /// Frees one shard's slots of a view that nobody else holds: its bytes, `None` when all are
    /// freed.
    pub(super) fn free_slots(&mut self) -> Option<u64> {
        let full = self.slots.iter_mut().find(|slots| !slots.is_empty())?;
        Some(bytes_of(&std::mem::replace(full, Arc::new([]))))
    }

    /// The table, which readers of older views may still hold.
    pub(super) fn into_table(self) -> Arc<Table> {
        self.table
    }
}
