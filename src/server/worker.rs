//! The worker threads: each has a single-threaded runtime and the connections handed to it.
//!
//! Not here: accepting. Invariant: a connection lives and dies on one thread.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};

use super::connection::Connection;
use super::host::Process;
use super::register::Seat;
use super::socket::Socket;
use crate::command::{ClientRecord, Session};

/// Accepted sockets that may wait for one worker; beyond it accepting waits, and the kernel's
/// backlog takes over.
const HANDOVER_MAX: usize = 1_024;
/// A worker looks for readable sockets at least every so many tasks. Tokio's 61 would let others
/// wait for 61 full slices, several milliseconds.
const TASKS_BETWEEN_POLLS: u32 = 16;

/// A socket on its way to a worker.
pub(super) struct Accepted {
    pub(super) fd: OwnedFd,
    pub(super) addr: String,
    pub(super) laddr: String,
    pub(super) unix: bool,
    pub(super) local: bool,
    pub(super) seat: Seat,
}

/// All workers, as the acceptors see them.
pub(super) struct Workers {
    queues: Vec<mpsc::Sender<Accepted>>,
    next: AtomicUsize,
}

/// The threads, to be stopped and joined.
pub(super) struct Threads {
    workers: Vec<(Arc<Notify>, JoinHandle<()>)>,
}

impl Workers {
    /// Starts a thread for each desk of `process`.
    pub(super) fn start(process: &Arc<Process>) -> io::Result<(Arc<Workers>, Threads)> {
        let (mut queues, mut threads) = (Vec::new(), Vec::new());
        for number in 0..process.desks.len() {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .event_interval(TASKS_BETWEEN_POLLS)
                .build()?;
            let (queue, accepted) = mpsc::channel(HANDOVER_MAX);
            let (process, stop) = (process.clone(), Arc::new(Notify::new()));
            let stopped = stop.clone();
            let work = move || runtime.block_on(serve(accepted, process, number, stopped));
            let thread = std::thread::Builder::new().name(format!("ratel-{number}"));
            threads.push((stop, thread.spawn(work)?));
            queues.push(queue);
        }
        Ok((Arc::new(Workers { queues, next: AtomicUsize::new(0) }), Threads { workers: threads }))
    }

    /// Gives the socket to the next worker that has room, or waits until one has.
    pub(super) async fn hand_over(&self, mut accepted: Accepted) {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        for turn in 0..self.queues.len() {
            let queue = &self.queues[first.wrapping_add(turn) % self.queues.len()];
            match queue.try_send(accepted) {
                Ok(()) => return,
                Err(TrySendError::Full(back) | TrySendError::Closed(back)) => accepted = back,
            }
        }
        // Fails only where the worker has ended: the socket is then closed, as all are.
        let _ = self.queues[first % self.queues.len()].send(accepted).await;
    }
}

impl Threads {
    /// Ends the workers, with whatever connections they still have.
    pub(super) fn stop(self) {
        for (stop, _) in &self.workers {
            stop.notify_one();
        }
        for (_, thread) in self.workers {
            if thread.join().is_err() {
                tracing::error!("a worker thread ended by a panic");
            }
        }
    }
}

async fn serve(
    mut queue: mpsc::Receiver<Accepted>,
    process: Arc<Process>,
    worker: usize,
    stop: Arc<Notify>,
) {
    let mut stopped = std::pin::pin!(stop.notified());
    loop {
        let accepted = tokio::select! {
            accepted = queue.recv() => accepted,
            () = &mut stopped => return,
        };
        let Some(accepted) = accepted else {
            return stopped.await;
        };
        match connect(accepted, &process, worker) {
            Ok(connection) => drop(tokio::spawn(connection)),
            Err(error) => tracing::warn!(%error, "cannot serve a client"),
        }
    }
}

fn connect(accepted: Accepted, process: &Arc<Process>, worker: usize) -> io::Result<Connection> {
    let Accepted { fd, addr, laddr, unix, local, seat } = accepted;
    let now_ms = process.clock.now().ms;
    let record = ClientRecord {
        id: process.register.next_id(),
        addr,
        laddr,
        fd: fd.as_raw_fd(),
        unix,
        created_ms: now_ms,
        active_ms: now_ms.into(),
        last_command: Default::default(),
        commands: Default::default(),
        read_bytes: Default::default(),
        written_bytes: Default::default(),
        query_bytes: Default::default(),
        output_bytes: Default::default(),
        queued: Default::default(),
        queued_bytes: Default::default(),
        channels: Default::default(),
        patterns: Default::default(),
        subscribed_bytes: Default::default(),
        blocked: Default::default(),
        resp3: Default::default(),
        no_evict: Default::default(),
        no_touch: Default::default(),
        identity: Default::default(),
    };
    let authenticated = process.config.load().requirepass.is_empty();
    let session = Session::new(Arc::new(record), authenticated, local);
    let socket = Socket::register(fd, unix)?;
    Ok(Connection::new(socket, session, seat, process.clone(), worker))
}
