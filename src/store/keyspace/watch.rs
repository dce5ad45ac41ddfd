//! Who waits to hear that a key has changed: WATCH.
//!
//! Not here: transactions. Invariant: a change of a key that is made after [`Held::watch`] marks
//! the [`Watch`] before the shards of the change are let go, so whoever holds the shards of the
//! watched keys knows of every change.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::super::account::{Account, Full};
use super::super::sync::{AtomicBool, AtomicUsize, Mutex};
use super::Held;

/// Locks of the table of watched keys, by hash.
const TABLES: usize = 16;
/// Bytes charged for a watched key beside twice its own: its places in both tables and its mark.
const WATCH_COST_BYTES: u64 = 160;

type Mark = Arc<AtomicBool>;

/// A watched key and the marks of those who watch it.
#[derive(Debug)]
struct Watched {
    hash: u64,
    key: Box<[u8]>,
    marks: Vec<Mark>,
}

/// The watched keys, apart from the shards: a watch ends without waiting for one.
#[derive(Debug)]
pub(super) struct Watches {
    account: Arc<Account>,
    tables: [Mutex<HashTable<Watched>>; TABLES],
    /// Watched keys, a key counted for each who watches it.
    count: AtomicUsize,
}

fn watch_bytes(key: &[u8]) -> u64 {
    WATCH_COST_BYTES + 2 * key.len() as u64
}

/// The keys that one connection watches. Dropping it ends the watch.
#[derive(Debug)]
pub struct Watch {
    watches: Arc<Watches>,
    mark: Mark,
    /// Each with its hash.
    keys: HashTable<(u64, Box<[u8]>)>,
    /// When the first of the keys that were alive ends by itself, ms since the epoch.
    until_ms: u64,
}

impl Watches {
    pub(super) fn new(account: Arc<Account>) -> Watches {
        Watches { account, tables: Default::default(), count: AtomicUsize::new(0) }
    }

    fn table(&self, hash: u64) -> &Mutex<HashTable<Watched>> {
        &self.tables[(hash >> 40) as usize % TABLES]
    }

    /// True if anybody watches anything.
    #[inline]
    pub(super) fn any(&self) -> bool {
        self.count.load(Relaxed) > 0
    }

    /// Tells everybody who watches the key.
    pub(super) fn changed(&self, hash: u64, key: &[u8]) {
        let table = self.table(hash).lock();
        let watched = table.find(hash, |watched| *watched.key == *key);
        for mark in watched.iter().flat_map(|watched| &watched.marks) {
            mark.store(true, Relaxed);
        }
    }

    /// Tells everybody who watches a key for which `changed` says so.
    pub(super) fn all_changed(&self, mut changed: impl FnMut(u64, &[u8]) -> bool) {
        for table in &self.tables {
            for watched in table.lock().iter() {
                if changed(watched.hash, &watched.key) {
                    watched.marks.iter().for_each(|mark| mark.store(true, Relaxed));
                }
            }
        }
    }

    fn enter(&self, hash: u64, key: &[u8], mark: &Mark) {
        self.count.fetch_add(1, Relaxed);
        let mut table = self.table(hash).lock();
        let same = |watched: &Watched| *watched.key == *key;
        let marks = match table.entry(hash, same, |watched| watched.hash) {
            Entry::Occupied(entry) => &mut entry.into_mut().marks,
            Entry::Vacant(entry) => {
                let watched = Watched { hash, key: key.into(), marks: Vec::new() };
                &mut entry.insert(watched).into_mut().marks
            }
        };
        marks.push(mark.clone());
    }

    fn leave(&self, hash: u64, key: &[u8], mark: &Mark) {
        let mut table = self.table(hash).lock();
        if let Ok(mut found) = table.find_entry(hash, |watched| *watched.key == *key) {
            let marks = &mut found.get_mut().marks;
            marks.retain(|other| !Arc::ptr_eq(other, mark));
            if marks.is_empty() {
                found.remove();
            }
        }
        drop(table);
        self.count.fetch_sub(1, Relaxed);
        self.account.release(watch_bytes(key));
    }
}

#[cfg(test)]
impl super::Keyspace {
    /// True if anybody watches anything, or something of a watch is left.
    pub(in super::super) fn is_watched(&self) -> bool {
        self.watches.any() || self.watches.tables.iter().any(|table| !table.lock().is_empty())
    }
}

impl Watch {
    /// True if a watched key has changed or come to its end since it was watched. Whoever acts on
    /// the answer holds the shards of [`Watch::keys`].
    pub fn is_broken(&self, now_ms: u64) -> bool {
        self.mark.load(Relaxed) || self.until_ms <= now_ms
    }

    /// The watched keys.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(|(_, key)| &**key)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for (hash, key) in &self.keys {
            self.watches.leave(*hash, key, &self.mark);
        }
    }
}

impl Held<'_> {
    /// Watches one more key, whose shard is held.
    ///
    /// # Errors
    /// [`Full`] if there is no memory to remember it by; it is not watched.
    pub fn watch(&mut self, watch: &mut Option<Watch>, key: &[u8]) -> Result<(), Full> {
        let deadline_ms = self.look(key).and_then(|(_, deadline_ms)| deadline_ms);
        let hash = self.hash_of(key);
        let watches = &self.keyspace().watches;
        let watch = watch.get_or_insert_with(|| Watch {
            watches: watches.clone(),
            mark: Mark::default(),
            keys: HashTable::new(),
            until_ms: u64::MAX,
        });
        let same = |watched: &(u64, Box<[u8]>)| *watched.1 == *key;
        if let Entry::Vacant(entry) = watch.keys.entry(hash, same, |watched| watched.0) {
            watches.account.charge(watch_bytes(key))?;
            entry.insert((hash, key.into()));
            watches.enter(hash, key, &watch.mark);
            watch.until_ms = watch.until_ms.min(deadline_ms.unwrap_or(u64::MAX));
        }
        Ok(())
    }
}
