//! The windows: a skiplist of buckets by the time at which they end.
//!
//! Ordered, so that expiry pops the front and a scan by time is a walk. What is popped goes to the
//! graveyard and is freed there in steps, off the request path.
//!
//! Not here: which counts allow what. Invariant: a counter lives in the bucket of its window;
//! buckets whose time has come are popped whole, and nothing in them is ever looked up again.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crossbeam_skiplist::SkipMap;
use foldhash::SharedSeed;
use foldhash::quality::SeedableRandomState;

use super::account::Account;
use super::entry;
use super::graveyard::Graveyard;
use super::origins::Origins;
use super::pool::Pool;
use super::reader::Name;
use super::registry::Registry;
use super::resets::Resets;
use super::series::Series;
use super::sync::{AtomicBool, AtomicU32, AtomicU64, Mutex};
use super::table::{Bucket, Probe, Refusal, Supply, ViewGuard};

type BucketEntry<'w> = crossbeam_skiplist::map::Entry<'w, u64, Bucket>;

/// How often an insert that meets a bucket being dropped tries again.
pub(super) const INSERT_TRIES: usize = 8;

/// See the module.
#[derive(Debug)]
pub struct Windows {
    buckets: SkipMap<u64, Bucket>,
    hasher: SeedableRandomState,
    supply: Supply,
    next_id: AtomicU32,
    /// Held while a bucket is added.
    making: Mutex<()>,
    graveyard: Graveyard,
    expired: AtomicU64,
    /// Some counter is near its limit and has news for the others.
    urgent: AtomicBool,
    /// Whose counts are held beside this node's.
    pub(super) origins: Origins,
}

impl Windows {
    /// No windows yet. `seed` makes the hash unpredictable to clients; `track_changes` keeps the
    /// list that [`Windows::drain_changes`] reads.
    pub fn new(seed: u64, account: Arc<Account>, track_changes: bool) -> Windows {
        // One small allocation a process: the hasher wants it for as long as anything lives.
        let shared: &'static SharedSeed = Box::leak(Box::new(SharedSeed::from_u64(seed)));
        let supply = Supply {
            pool: Pool::new(account.clone()),
            account,
            registry: Registry::default(),
            resets: Resets::default(),
            track_changes,
        };
        Windows {
            buckets: SkipMap::new(),
            hasher: SeedableRandomState::with_seed(seed, shared),
            supply,
            next_id: AtomicU32::new(1),
            making: Mutex::default(),
            graveyard: Graveyard::default(),
            expired: AtomicU64::new(0),
            urgent: AtomicBool::new(false),
            origins: Origins::default(),
        }
    }

    /// The hash of a counter's series and key.
    #[inline]
    pub fn hash(&self, series: Series, key: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u64(series.code());
        hasher.write(key);
        hasher.finish()
    }

    /// What finds `name` in its bucket.
    #[inline]
    pub fn probe<'k>(&self, name: &Name<'k>, hash: u64) -> Probe<'k> {
        let identity = entry::identity(name.series, name.key);
        Probe { hash, identity, series: name.series, key: name.key }
    }

    /// Notes that some counter has urgent news; true if none had.
    pub fn set_urgent(&self) -> bool {
        !self.urgent.swap(true, Relaxed)
    }

    /// True if some counter had urgent news; from now on none has.
    pub(super) fn take_urgent(&self) -> bool {
        self.urgent.load(Relaxed) && self.urgent.swap(false, Relaxed)
    }

    /// The newest view of a bucket, if it exists.
    #[inline]
    pub fn view(&self, bucket_ms: u64) -> Option<ViewGuard> {
        let view = self.buckets.get(&bucket_ms)?.value().view();
        view.is_some().then_some(view)
    }

    /// Finds or creates a counter (with `own` as its count), and its bucket if need be. True if
    /// it was created.
    ///
    /// # Errors
    /// A [`Refusal`]; no counter is created.
    pub fn insert(
        &self,
        bucket_ms: u64,
        probe: &Probe<'_>,
        own: u64,
    ) -> Result<(u32, bool, ViewGuard), Refusal> {
        for _ in 0..INSERT_TRIES {
            let entry = self.bucket(bucket_ms)?;
            if let Some((offset, fresh)) = entry.value().find_or_insert(probe, own, &self.supply)? {
                let view = entry.value().view();
                if view.is_some() {
                    return Ok((offset, fresh, view));
                }
            }
        }
        // Only a clock that runs away from its own windows gets here.
        Err(Refusal::OutOfMemory)
    }

    /// The bucket that ends at `bucket_ms`, made if need be.
    ///
    /// # Errors
    /// A [`Refusal`] at the memory limit.
    pub(super) fn bucket(&self, bucket_ms: u64) -> Result<BucketEntry<'_>, Refusal> {
        match self.buckets.get(&bucket_ms) {
            Some(entry) => Ok(entry),
            None => self.add_bucket(bucket_ms),
        }
    }

    fn add_bucket(&self, bucket_ms: u64) -> Result<BucketEntry<'_>, Refusal> {
        // Of two threads that insert at once the skiplist would drop one's bucket, and with it what
        // was charged for it.
        let _only_one = self.making.lock();
        if let Some(entry) = self.buckets.get(&bucket_ms) {
            return Ok(entry);
        }
        let id = self.next_id.fetch_add(1, Relaxed) & ID_MAX;
        let bucket = Bucket::new(id.max(1), bucket_ms, &self.supply.account)?;
        Ok(self.buckets.get_or_insert(bucket_ms, bucket))
    }

    /// Drops the buckets that have ended at `now_ms`; returns the counters dropped with them.
    pub fn expire(&self, now_ms: u64) -> u64 {
        let ended = |bucket: &BucketEntry<'_>| *bucket.key() <= now_ms;
        if !self.buckets.front().is_some_and(|front| ended(&front)) {
            return 0;
        }
        let dropped = self.drop_all(self.buckets.iter().take_while(ended).collect());
        self.expired.fetch_add(dropped, Relaxed);
        self.supply.registry.forget_ended(now_ms);
        self.supply.resets.forget_ended(now_ms);
        self.origins.forget_ended(now_ms);
        dropped
    }

    /// Drops buckets, each once: one that a late hit makes in its place stays, else the two could
    /// keep each other busy for ever. Returns the counters dropped.
    fn drop_all(&self, buckets: Vec<BucketEntry<'_>>) -> u64 {
        let mut dropped = 0;
        for bucket in buckets {
            bucket.remove();
            if let Some(view) = bucket.value().take() {
                dropped += view.table().entries();
                self.graveyard.bury(view);
            }
        }
        dropped
    }

    /// Frees one step (about 1 MiB) of what was dropped; true while there is more to free.
    pub fn reclaim(&self, now_ms: u64) -> bool {
        self.graveyard.dig(&self.supply) || self.supply.pool.trim(now_ms)
    }

    /// Drops everything.
    pub fn flush(&self) {
        // The registry first: a counter that comes meanwhile must stay registered.
        self.supply.registry.clear();
        self.supply.resets.clear();
        self.drop_all(self.buckets.iter().collect());
    }

    /// Counters that live at `now_ms`.
    pub fn live(&self, now_ms: u64) -> u64 {
        let live = |view: &ViewGuard| view.as_ref().map_or(0, |view| view.table().live(now_ms));
        self.buckets.iter().map(|bucket| live(&bucket.value().view())).sum()
    }

    /// Buckets in the skiplist.
    pub fn buckets(&self) -> usize {
        self.buckets.len()
    }

    /// The buckets' views, the latest first.
    pub(super) fn views_latest_first(&self) -> Vec<ViewGuard> {
        let views = self.buckets.iter().rev().map(|bucket| bucket.value().view());
        views.filter(|view| view.is_some()).collect()
    }

    /// The buckets' views by rising table id, from `id` on.
    pub fn views_from(&self, id: u32) -> Vec<ViewGuard> {
        let mut views: Vec<_> = self
            .buckets
            .iter()
            .map(|bucket| bucket.value().view())
            .filter(|view| view.as_ref().is_some_and(|view| view.table().id >= id))
            .collect();
        views.sort_by_key(|view| view.as_ref().map(|view| view.table().id));
        views
    }

    /// What tables draw on.
    pub fn supply(&self) -> &Supply {
        &self.supply
    }

    /// Bytes that wait to be freed or, in the pool, to be used again.
    pub fn reclaiming_bytes(&self) -> u64 {
        self.graveyard.bytes() + self.supply.pool.free_bytes()
    }

    /// Tables dropped whose memory is not yet free.
    pub fn graves(&self) -> usize {
        self.graveyard.len()
    }

    /// Counters dropped because their windows ended.
    pub fn expired(&self) -> u64 {
        self.expired.load(Relaxed)
    }
}

/// Highest table id; a scan's cursor has 31 bits for it.
pub const ID_MAX: u32 = (1 << 31) - 1;
