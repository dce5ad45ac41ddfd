//! Some shards of the keyspace, locked, at one frozen time: the way to every value.
//!
//! Not here: changing them (`change.rs`), what values mean to commands. Invariants: shards are locked
//! in their order and all at once, so that no two holders wait for each other; who holds any takes no
//! more; only what is alive is seen.

use hashbrown::hash_table::OccupiedEntry;

use super::super::account::Full;
use super::super::sync::MutexGuard;
use super::shard::{NEVER, Shard, Slot};
use super::undo::Undo;
use super::{Keyspace, Value, shard_of};

/// See the module.
#[derive(Debug)]
pub struct Held<'k> {
    pub(super) keyspace: &'k Keyspace,
    pub(super) now_ms: u64,
    pub(super) shards: Shards<'k>,
    /// A key with its hash: the one that the shard was found by.
    hashed: Option<(&'k [u8], u64)>,
    pub(super) undo: Option<Undo>,
    pub(super) lasting: bool,
    /// Keys changed that somebody waits for, each with its hash.
    pub(super) waited: Vec<(u64, Box<[u8]>)>,
}

/// The shards that are held.
#[derive(Debug)]
pub(super) enum Shards<'k> {
    One(usize, MutexGuard<'k, Shard>),
    /// Each with its number, rising.
    Some(Vec<(usize, MutexGuard<'k, Shard>)>),
    All(Vec<MutexGuard<'k, Shard>>),
}

/// Why [`Held::add`] did not add; the key is as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddError {
    /// The sum is beyond an `i64`.
    Overflow,
    /// The key holds a string that is no integer.
    NotInteger,
    /// The key holds something that is no string.
    WrongType,
    /// The key would be new and there is no memory for it.
    Full,
}

impl From<Full> for AddError {
    fn from(_: Full) -> AddError {
        AddError::Full
    }
}

impl<'k> Shards<'k> {
    #[inline]
    pub(super) fn get(&mut self, number: usize) -> Option<&mut Shard> {
        match self {
            Shards::One(held, shard) => (*held == number).then_some(&mut **shard),
            Shards::Some(shards) => {
                let at = shards.binary_search_by_key(&number, |(held, _)| *held).ok()?;
                Some(&mut *shards[at].1)
            }
            Shards::All(shards) => shards.get_mut(number).map(|shard| &mut **shard),
        }
    }
}

/// The live slot of a key among what is held; one that has ended is freed on the way.
#[inline]
pub(super) fn live<'s>(
    keyspace: &Keyspace,
    now_ms: u64,
    shards: &'s mut Shards<'_>,
    hash: u64,
    key: &[u8],
) -> Option<OccupiedEntry<'s, Slot>> {
    let shard = shards.get(shard_of(hash));
    debug_assert!(shard.is_some(), "a key whose shard is not held");
    let mut found = shard?.find(hash, key)?;
    if found.get().deadline_ms > now_ms {
        return Some(found);
    }
    if found.get().record.is_some() {
        // Its sum holds no longer, or it is kept for its record alone.
        return keyspace.show(now_ms, found.get_mut()).then_some(found);
    }
    let (slot, _) = found.remove();
    keyspace.drop_slot(&slot);
    keyspace.holdings.note_expired();
    None
}

fn public(deadline_ms: u64) -> Option<u64> {
    (deadline_ms != NEVER).then_some(deadline_ms)
}

impl Keyspace {
    /// Holds the shard of one key.
    #[inline]
    pub fn hold_one<'k>(&'k self, now_ms: u64, key: &'k [u8]) -> Held<'k> {
        let hash = self.hash(key);
        let number = shard_of(hash);
        let shards = Shards::One(number, self.shards[number].lock());
        let mut held = self.held(now_ms, shards);
        held.hashed = Some((key, hash));
        held
    }

    /// Holds the shards of several keys.
    pub fn hold<'k, 'a>(&'k self, now_ms: u64, keys: impl Iterator<Item = &'a [u8]>) -> Held<'k> {
        let mut numbers: Vec<usize> = keys.map(|key| shard_of(self.hash(key))).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let lock = |number: usize| (number, self.shards[number].lock());
        self.held(now_ms, Shards::Some(numbers.into_iter().map(lock).collect()))
    }

    /// Holds every shard.
    pub fn hold_all(&self, now_ms: u64) -> Held<'_> {
        self.held(now_ms, Shards::All(self.shards.iter().map(|shard| shard.lock()).collect()))
    }

    fn held<'k>(&'k self, now_ms: u64, shards: Shards<'k>) -> Held<'k> {
        Held {
            keyspace: self,
            now_ms,
            shards,
            hashed: None,
            undo: None,
            lasting: false,
            waited: Vec::new(),
        }
    }
}

/// Looking.
impl<'k> Held<'k> {
    /// The time at which everything under this hold happens, ms since the epoch.
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// True if the shards of all these keys are held.
    pub fn covers<'a>(&self, mut keys: impl Iterator<Item = &'a [u8]>) -> bool {
        match &self.shards {
            Shards::All(_) => true,
            Shards::One(held, _) => keys.all(|key| shard_of(self.hash_of(key)) == *held),
            Shards::Some(shards) => keys.all(|key| {
                let number = shard_of(self.hash_of(key));
                shards.binary_search_by_key(&number, |(held, _)| *held).is_ok()
            }),
        }
    }

    /// True if every shard is held.
    pub fn is_all(&self) -> bool {
        matches!(self.shards, Shards::All(_))
    }

    /// The live value of `key`.
    #[inline]
    pub fn get(&mut self, key: &[u8]) -> Option<&Value> {
        self.look(key).map(|(value, _)| value)
    }

    /// The live value of `key` and its deadline, ms since the epoch (`None` = it has no end).
    #[inline]
    pub fn look(&mut self, key: &[u8]) -> Option<(&Value, Option<u64>)> {
        let hash = self.hash_of(key);
        let slot = live(self.keyspace, self.now_ms, &mut self.shards, hash, key)?.into_mut();
        let shown = slot.record.as_ref().filter(|_| slot.shows_record());
        let deadline_ms = match shown {
            Some(record) => record.shares.deadline_ms(self.now_ms),
            None => slot.deadline_ms,
        };
        Some((&slot.value, public(deadline_ms)))
    }

    /// Bytes that `key` and its value are charged for; `None` if it does not exist.
    pub fn bytes(&mut self, key: &[u8]) -> Option<u64> {
        let hash = self.hash_of(key);
        let slot = live(self.keyspace, self.now_ms, &mut self.shards, hash, key)?.into_mut();
        Some(slot.bytes())
    }

    pub(super) fn keyspace(&self) -> &'k Keyspace {
        self.keyspace
    }

    pub(super) fn shard(&mut self, number: usize) -> Option<&mut Shard> {
        self.shards.get(number)
    }

    #[inline]
    pub(super) fn hash_of(&self, key: &[u8]) -> u64 {
        match self.hashed {
            // The same bytes in the same place, and borrowed as long as this lives.
            Some((hashed, hash)) if std::ptr::eq(hashed, key) => hash,
            _ => self.keyspace.hash(key),
        }
    }
}
