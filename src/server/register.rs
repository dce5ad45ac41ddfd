//! The register of clients: who is connected, and the switch that cuts one off.
//!
//! Not here: buffers, sockets. Invariant: a row is in the register exactly as long as its
//! [`Seat`] lives, so the register can neither leak nor forget a client.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;

use atomic_waker::AtomicWaker;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::command::ClientRecord;
use crate::config::Config;

/// Why the edge cut a client off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Reason {
    Killed = 1,
    HandshakeTimeout = 2,
    Timeout = 3,
    OutputStall = 4,
    QueryBuffer = 5,
    ClientMemory = 6,
    SubscriberOutput = 7,
}

impl Reason {
    pub(super) const ALL: [Reason; 7] = [
        Reason::Killed,
        Reason::HandshakeTimeout,
        Reason::Timeout,
        Reason::OutputStall,
        Reason::QueryBuffer,
        Reason::ClientMemory,
        Reason::SubscriberOutput,
    ];

    /// The limit's name, spelt as INFO spells its fields.
    pub(super) fn name(self) -> &'static str {
        match self {
            Reason::Killed => "client_kill",
            Reason::HandshakeTimeout => "handshake_timeout",
            Reason::Timeout => "timeout",
            Reason::OutputStall => "output_stall_timeout",
            Reason::QueryBuffer => "client_query_buffer_limit",
            Reason::ClientMemory => "maxmemory_clients",
            Reason::SubscriberOutput => "client_output_buffer_limit_pubsub",
        }
    }

    fn from_code(code: u8) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| *reason as u8 == code)
    }
}

/// One connected client.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) record: Arc<ClientRecord>,
    /// It has sent a whole command and, where a password is set, given it.
    pub(super) established: AtomicBool,
    /// When the socket last took a byte of a reply, ms since the epoch.
    pub(super) progress_ms: AtomicU64,
    sentence: AtomicU8,
    waker: AtomicWaker,
}

impl Row {
    /// Has `waker` woken when the client is cut off or [`Register::wake_all`] is called.
    pub(super) fn watch(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// Why the client must be cut off, if it must.
    pub(super) fn sentence(&self) -> Option<Reason> {
        Reason::from_code(self.sentence.load(Ordering::Acquire))
    }

    fn condemn(&self, reason: Reason) {
        // The first reason stands: it is the one that is counted.
        let _ =
            self.sentence.compare_exchange(0, reason as u8, Ordering::Release, Ordering::Relaxed);
        self.waker.wake();
    }

    /// Bytes of an unfinished request, of a transaction's queue, of subscriptions, and of replies and
    /// messages that the socket has not taken.
    fn held_bytes(&self) -> u64 {
        let query_bytes = self.record.query_bytes.load(Ordering::Relaxed);
        let queued_bytes = self.record.queued_bytes.load(Ordering::Relaxed);
        let waiting_bytes = query_bytes.saturating_add(queued_bytes);
        let subscribed_bytes = self.record.subscribed_bytes.load(Ordering::Relaxed);
        let waiting_bytes = waiting_bytes.saturating_add(subscribed_bytes);
        waiting_bytes.saturating_add(self.record.output_bytes.load(Ordering::Relaxed))
    }

    fn overdue(&self, config: &Config, now_ms: u64) -> Option<Reason> {
        let over = |since_ms: u64, limit_s: u64| {
            limit_s > 0 && now_ms.saturating_sub(since_ms) >= limit_s.saturating_mul(1000)
        };
        // First: who has no password must not gain time by leaving refusals unread.
        let established = self.established.load(Ordering::Relaxed);
        if !established && over(self.record.created_ms, config.handshake_timeout_s) {
            return Some(Reason::HandshakeTimeout);
        }
        if self.record.output_bytes.load(Ordering::Relaxed) > 0 {
            let since_ms = self.progress_ms.load(Ordering::Relaxed);
            return over(since_ms, config.output_stall_timeout_s).then_some(Reason::OutputStall);
        }
        if self.record.is_subscribed() || self.record.is_blocked() {
            // As in Redis: it is not idle, it listens or waits.
            return None;
        }
        let since_ms = self.record.active_ms.load(Ordering::Relaxed);
        over(since_ms, config.timeout_s).then_some(Reason::Timeout)
    }
}

/// All clients. Its lock is taken when one comes or goes, by CLIENT commands and by the sweep.
#[derive(Debug, Default)]
pub(super) struct Register {
    rows: Mutex<BTreeMap<u64, Arc<Row>>>,
    /// Seats taken; ahead of `rows` by the sockets that are on their way to a worker.
    seats: AtomicUsize,
    last_id: AtomicU64,
    seat_freed: Notify,
}

impl Register {
    pub(super) fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Clients connected, those on their way to a worker included.
    pub(super) fn seats(&self) -> usize {
        self.seats.load(Ordering::Acquire)
    }

    /// Returns when no client is left.
    pub(super) async fn emptied(&self) {
        loop {
            let freed = self.seat_freed.notified();
            if self.seats() == 0 {
                return;
            }
            freed.await;
        }
    }

    pub(super) fn records(&self) -> Vec<Arc<ClientRecord>> {
        self.rows.lock().values().map(|row| row.record.clone()).collect()
    }

    /// Cuts a client off; false if it is gone.
    pub(super) fn kill(&self, id: u64) -> bool {
        let row = self.rows.lock().get(&id).cloned();
        if let Some(row) = &row {
            row.condemn(Reason::Killed);
        }
        row.is_some()
    }

    /// Cuts off the clients that hold most, until `excess_bytes` are on their way back.
    pub(super) fn shed(&self, excess_bytes: u64) {
        let rows = self.rows.lock();
        let (leaving, mut staying): (Vec<_>, Vec<_>) =
            rows.values().partition(|row| row.sentence().is_some());
        let mut freed: u64 = leaving.iter().map(|row| row.held_bytes()).sum();
        while freed < excess_bytes {
            let largest = staying.iter().enumerate().max_by_key(|(_, row)| row.held_bytes());
            let Some((at, row)) = largest.filter(|(_, row)| row.held_bytes() > 0) else { return };
            freed = freed.saturating_add(row.held_bytes());
            row.condemn(Reason::ClientMemory);
            staying.swap_remove(at);
        }
    }

    /// Cuts off every client that a time limit has run out for.
    pub(super) fn sweep(&self, config: &Config, now_ms: u64) {
        for row in self.rows.lock().values() {
            if let Some(reason) = row.overdue(config, now_ms) {
                row.condemn(reason);
            }
        }
    }

    /// Has every connection look at what has changed (shutdown, end of a pause).
    pub(super) fn wake_all(&self) {
        for row in self.rows.lock().values() {
            row.waker.wake();
        }
    }
}

/// A client's place among `maxclients`, given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    register: Arc<Register>,
    id: Option<u64>,
}

impl Seat {
    /// Takes a seat if fewer than `seats_max` are taken.
    pub(super) fn take(register: &Arc<Register>, seats_max: usize) -> Option<Seat> {
        let taken = register.seats.fetch_add(1, Ordering::AcqRel);
        let seat = Seat { register: register.clone(), id: None };
        (taken < seats_max).then_some(seat)
    }

    /// Enters the client into the register.
    pub(super) fn enter(&mut self, record: Arc<ClientRecord>) -> Arc<Row> {
        let row = Arc::new(Row {
            established: AtomicBool::new(false),
            progress_ms: AtomicU64::new(record.created_ms),
            sentence: AtomicU8::new(0),
            waker: AtomicWaker::new(),
            record,
        });
        self.id = Some(row.record.id);
        self.register.rows.lock().insert(row.record.id, row.clone());
        row
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.register.rows.lock().remove(&id);
        }
        self.register.seats.fetch_sub(1, Ordering::AcqRel);
        self.register.seat_freed.notify_waiters();
    }
}
