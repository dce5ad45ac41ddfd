//! Who waits for an element of a list: BLPOP, BRPOP.
//!
//! ```text
//! Waits     waited keys, each with its waiters in the order in which they came
//! Wait      what a waiter holds; dropping it leaves every queue
//! Mailbox   where an element is put, once
//! ```
//! A hold notes the waited keys that it changes and serves their waiters as its last act, before it
//! lets the keys go: nobody else can take the elements, and a script or transaction is seen as a
//! whole. Not here: time-outs, which the waiter keeps. Invariant: an element is taken from a list
//! only for a waiter that still waits; one that was never fetched goes back, unless its list has ended
//! or its key holds something else by then.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Poll, Waker};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::super::account::{Account, Full};
use super::super::collection::{Collection, Edit, End, List};
use super::super::sync::{AtomicU64, AtomicUsize, Mutex};
use super::shard::NEVER;
use super::{Held, Keyspace};

/// Locks of the table of waited keys, by hash.
const TABLES: usize = 16;
/// Bytes charged for a waiter: its mailbox and what finds it.
const WAIT_COST_BYTES: u64 = 256;
/// Bytes charged for each of its keys beside twice the key's own.
const KEY_COST_BYTES: u64 = 160;

fn key_bytes(key: &[u8]) -> u64 {
    KEY_COST_BYTES + 2 * key.len() as u64
}

/// A waited key.
#[derive(Debug)]
struct Queue {
    hash: u64,
    key: Box<[u8]>,
    /// By the number of their arrival.
    waiters: BTreeMap<u64, Arc<Mailbox>>,
    /// The hold that changed it has noted it.
    is_noted: bool,
}

/// Who waits for what.
#[derive(Debug)]
pub(super) struct Waits {
    account: Arc<Account>,
    tables: [Mutex<HashTable<Queue>>; TABLES],
    /// Waited keys, a key counted for each who waits for it.
    keys: AtomicUsize,
    /// Waiters.
    waiters: AtomicUsize,
    /// Waiters that ever came.
    arrivals: AtomicU64,
}

/// How a wait ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waited {
    /// With an element.
    Served {
        /// The list that it was taken from.
        key: Box<[u8]>,
        /// The element.
        element: Box<[u8]>,
        /// When the list was to end, ms since the epoch; `None`: not by itself.
        deadline_ms: Option<u64>,
    },
    /// By its time-out, or by somebody who had it end like that.
    TimedOut,
    /// By somebody who had it fail.
    Unblocked,
}

/// Where one waiter's element is put.
#[derive(Debug)]
pub struct Mailbox {
    end: End,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// It waits; who is woken when that ends.
    Waiting(Option<Waker>),
    /// It has ended and nobody has asked how.
    Ended(Waited),
    /// It is over.
    Over,
}

impl Mailbox {
    /// Ends the wait, by its time-out or, `with_error`, as one that fails. False if it has ended
    /// before.
    pub fn end(&self, with_error: bool) -> bool {
        let ended = if with_error { Waited::Unblocked } else { Waited::TimedOut };
        self.state.lock().end(|| Some(ended)).is_some()
    }

    /// True once the wait has ended; until then `waker` is woken when it does.
    pub fn has_ended(&self, waker: &Waker) -> bool {
        match &mut *self.state.lock() {
            State::Waiting(woken) => {
                *woken = Some(waker.clone());
                false
            }
            State::Ended(_) | State::Over => true,
        }
    }
}

impl State {
    /// Ends a wait as `how` says; `None` if it is over, or `how` has nothing.
    fn end(&mut self, how: impl FnOnce() -> Option<Waited>) -> Option<()> {
        let State::Waiting(waker) = self else { return None };
        let ended = how()?;
        let waker = waker.take();
        *self = State::Ended(ended);
        waker.into_iter().for_each(Waker::wake);
        Some(())
    }
}

/// A place in the queues of some keys. Dropping it leaves them; an element that it was given and
/// that nobody has fetched is lost then, so [`Keyspace::end_wait`] comes first.
#[derive(Debug)]
pub struct Wait {
    waits: Arc<Waits>,
    mailbox: Arc<Mailbox>,
    arrival: u64,
    /// Each with its hash.
    keys: Vec<(u64, Box<[u8]>)>,
}

impl Waits {
    pub(super) fn new(account: Arc<Account>) -> Waits {
        Waits {
            account,
            tables: Default::default(),
            keys: AtomicUsize::new(0),
            waiters: AtomicUsize::new(0),
            arrivals: AtomicU64::new(0),
        }
    }

    fn table(&self, hash: u64) -> &Mutex<HashTable<Queue>> {
        &self.tables[(hash >> 40) as usize % TABLES]
    }

    /// True if anybody waits for anything.
    #[inline]
    pub(super) fn any(&self) -> bool {
        self.keys.load(Relaxed) > 0
    }

    /// True if somebody waits for the key and it was not noted yet.
    fn note(&self, hash: u64, key: &[u8]) -> bool {
        let mut table = self.table(hash).lock();
        let queue = table.find_mut(hash, |queue| *queue.key == *key);
        queue.is_some_and(|queue| !std::mem::replace(&mut queue.is_noted, true))
    }

    /// The key will have to be noted again.
    fn unnote(&self, hash: u64, key: &[u8]) {
        if let Some(queue) = self.table(hash).lock().find_mut(hash, |queue| *queue.key == *key) {
            queue.is_noted = false;
        }
    }

    /// The first in the queue.
    fn first(&self, hash: u64, key: &[u8]) -> Option<(u64, Arc<Mailbox>)> {
        let table = self.table(hash).lock();
        let queue = table.find(hash, |queue| *queue.key == *key)?;
        let (arrival, mailbox) = queue.waiters.first_key_value()?;
        Some((*arrival, mailbox.clone()))
    }

    /// False if it stands there already.
    fn enter(&self, hash: u64, key: &[u8], arrival: u64, mailbox: &Arc<Mailbox>) -> bool {
        let mut table = self.table(hash).lock();
        let waiters = match table.entry(hash, |queue| *queue.key == *key, |queue| queue.hash) {
            Entry::Occupied(entry) => &mut entry.into_mut().waiters,
            Entry::Vacant(entry) => {
                let waiters = BTreeMap::new();
                let queue = Queue { hash, key: key.into(), waiters, is_noted: false };
                &mut entry.insert(queue).into_mut().waiters
            }
        };
        waiters.insert(arrival, mailbox.clone()).is_none()
    }

    fn leave(&self, hash: u64, key: &[u8], arrival: u64) {
        let mut table = self.table(hash).lock();
        if let Ok(mut found) = table.find_entry(hash, |queue| *queue.key == *key) {
            found.get_mut().waiters.remove(&arrival);
            if found.get().waiters.is_empty() {
                found.remove();
            }
        }
    }
}

impl Wait {
    /// Where others may end it.
    pub fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// How it ended; while it has not, `waker` is woken when it does.
    pub fn poll(&mut self, waker: &Waker) -> Poll<Waited> {
        let mut state = self.mailbox.state.lock();
        match &mut *state {
            State::Waiting(woken) => {
                *woken = Some(waker.clone());
                return Poll::Pending;
            }
            State::Over => return Poll::Ready(Waited::TimedOut),
            State::Ended(_) => {}
        }
        match std::mem::replace(&mut *state, State::Over) {
            State::Ended(waited) => Poll::Ready(waited),
            State::Waiting(_) | State::Over => Poll::Ready(Waited::TimedOut),
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        *self.mailbox.state.lock() = State::Over;
        // First, so that who is not in a queue is not counted either.
        self.waits.waiters.fetch_sub(1, Relaxed);
        let mut bytes = WAIT_COST_BYTES;
        for (hash, key) in &self.keys {
            self.waits.leave(*hash, key, self.arrival);
            bytes += key_bytes(key);
        }
        self.waits.keys.fetch_sub(self.keys.len(), Relaxed);
        self.waits.account.release(bytes);
    }
}

impl Held<'_> {
    /// Waits for an element of any of these keys, all of them held and without elements, which is
    /// taken at `end`.
    ///
    /// # Errors
    /// [`Full`] if there is no memory to remember it by; nobody waits then.
    pub fn wait<'a>(
        &mut self,
        keys: impl Iterator<Item = &'a [u8]> + Clone,
        end: End,
    ) -> Result<Wait, Full> {
        let waits = &self.keyspace.waits;
        let most = keys.clone().map(key_bytes).sum::<u64>() + WAIT_COST_BYTES;
        waits.account.charge(most)?;
        waits.waiters.fetch_add(1, Relaxed);
        let arrival = waits.arrivals.fetch_add(1, Relaxed);
        let mailbox = Arc::new(Mailbox { end, state: Mutex::new(State::Waiting(None)) });
        let mut wait = Wait { waits: waits.clone(), mailbox, arrival, keys: Vec::new() };
        let mut unused = most - WAIT_COST_BYTES;
        for key in keys {
            let hash = self.hash_of(key);
            if waits.enter(hash, key, arrival, &wait.mailbox) {
                wait.keys.push((hash, key.into()));
                unused -= key_bytes(key);
            }
        }
        waits.keys.fetch_add(wait.keys.len(), Relaxed);
        waits.account.release(unused);
        Ok(wait)
    }

    /// Memory is taken whatever the limit: the element was there before.
    fn put_element_back(&mut self, key: &[u8], end: End, element: &[u8], deadline_ms: Option<u64>) {
        if self.get(key).is_none() {
            let mut list = List::empty(&self.keyspace.hasher);
            Edit::new(&mut list, None).push(end, element);
            let hash = self.hash_of(key);
            let deadline_ms = deadline_ms.unwrap_or(NEVER);
            if deadline_ms > self.now_ms {
                self.store_anyway(hash, key, list.into_value(), deadline_ms);
            }
            return;
        }
        // The key may hold something else by now: then there is no place to go back to.
        let _ = self.edit::<List, _>(key, 0, |list| list.push(end, element));
    }

    /// Notes that a key has changed for which somebody may wait.
    pub(super) fn note_waited(&mut self, hash: u64, key: &[u8]) {
        if self.keyspace.waits.note(hash, key) {
            self.waited.push((hash, key.into()));
        }
    }

    /// Serves nobody: the keys noted are as if they had not changed.
    pub(super) fn forget_waits(&mut self) {
        for (hash, key) in std::mem::take(&mut self.waited) {
            self.keyspace.waits.unnote(hash, &key);
        }
    }

    /// Gives those who wait for the keys noted what there is for them, in the order in which the
    /// keys changed and the waiters came.
    pub(super) fn serve_waits(&mut self) {
        let waits = self.keyspace.waits.clone();
        while !self.waited.is_empty() {
            for (hash, key) in std::mem::take(&mut self.waited) {
                while let Some((arrival, mailbox)) = waits.first(hash, &key) {
                    if !matches!(self.view::<List>(&key), Ok(Some(_))) {
                        break;
                    }
                    // Under its lock: who ends it meanwhile must find it served or waiting.
                    let deadline_ms = self.look(&key).and_then(|(_, deadline_ms)| deadline_ms);
                    mailbox.state.lock().end(|| {
                        let element = self.edit::<List, _>(&key, 0, |list| list.pop(mailbox.end));
                        let element = element.ok()??;
                        Some(Waited::Served { key: key.clone(), element, deadline_ms })
                    });
                    waits.leave(hash, &key, arrival);
                }
                waits.unnote(hash, &key);
            }
        }
    }
}

impl Keyspace {
    /// Ends a wait without an answer. An element that it was given goes back to its place, for the
    /// next one.
    pub fn end_wait(&self, now_ms: u64, wait: Wait) {
        let ended = std::mem::replace(&mut *wait.mailbox.state.lock(), State::Over);
        let end = wait.mailbox.end;
        drop(wait);
        if let State::Ended(Waited::Served { key, element, deadline_ms }) = ended {
            let mut held = self.hold_one(now_ms, &key);
            held.put_element_back(&key, end, &element, deadline_ms);
        }
    }

    /// How many wait.
    pub fn waiters(&self) -> usize {
        self.waits.waiters.load(Relaxed)
    }
}

#[cfg(test)]
impl Keyspace {
    /// True if anybody waits, or something of a wait is left.
    pub(in super::super) fn is_waited(&self) -> bool {
        self.waits.any() || self.waits.tables.iter().any(|table| !table.lock().is_empty())
    }
}
