//! One connection: reads, has slices served, writes.
//!
//! Not here: what requests mean (command/), who may connect (accept.rs). Invariants: while replies
//! are unsent nothing is read or executed; between polls a connection holds only an unfinished
//! request, requests that wait for their turn and replies that the socket did not take, so an idle
//! one holds no buffer.

mod push;
mod turn;
mod wait;

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Sleep;

use self::wait::Deadline;
use super::host::{Desk, Process};
use super::register::{Reason, Row, Seat};
use super::socket::Socket;
use crate::command::{Bench, Effect, Session, Slice, SliceEnd};
use crate::resp::Parser;

/// Bytes read at once: what 1,000 pipelined requests take. One buffer a thread.
const INPUT_BYTES: usize = 32 * 1024;
/// An unfinished request of at most this size is put in front of what is read next; a longer one
/// is extended in place, so that its bytes are not copied at every read.
const JOINED_BYTES_MAX: usize = INPUT_BYTES / 2;
/// Room that the threads' reply buffer keeps: a slice's 64 KiB and as much again for one reply.
const REPLY_ROOM_BYTES: usize = 128 * 1024;
/// How long the server goes on reading what a client sends after its last reply: if it closed
/// with bytes unread, the kernel would send a reset, which may overtake that reply.
const LINGER_MS: u64 = 500;
/// How much it reads then.
const LINGER_BYTES_MAX: usize = 4 * 1024 * 1024;

thread_local! {
    static WORKSPACE: RefCell<Workspace> = RefCell::default();
}

/// What the connections of a thread share. A panic may leave anything in it: every use clears
/// what it reads.
struct Workspace {
    input: Box<[u8]>,
    replies: Vec<u8>,
    served: Served,
}

/// What a thread serves slices with.
#[derive(Default)]
struct Served {
    slice: Slice,
    bench: Bench,
}

impl Default for Workspace {
    fn default() -> Self {
        let input = vec![0; INPUT_BYTES].into_boxed_slice();
        Workspace { input, replies: Vec::new(), served: Served::default() }
    }
}

/// Why a connection ends.
enum End {
    /// The peer is gone, or all is said.
    Over,
    /// The edge cuts it off.
    Cut(Reason),
}

/// What to do next.
enum Step {
    Again,
    /// Let the other connections have their turn first.
    Yield,
}

enum Phase {
    Serving,
    /// Nothing more is served; the last replies are being written.
    Closing,
    /// All is written and the sending side closed; what still comes is thrown away.
    Lingering {
        left_bytes: usize,
    },
}

/// A client's connection; a future that ends when the connection does.
pub(super) struct Connection {
    socket: Socket,
    session: Session,
    parser: Parser,
    phase: Phase,
    /// Received and not served.
    kept: Vec<u8>,
    /// `kept` may begin with a whole request.
    more: bool,
    /// Replies not written, from `unsent_from` on.
    unsent: Vec<u8>,
    unsent_from: usize,
    /// No request is served before this.
    hold: Option<Hold>,
    /// When the request that waits has waited long enough.
    deadline: Option<Deadline>,
    /// During a shutdown: bytes received before it and not yet read.
    last_bytes: Option<usize>,
    /// What `Process::client_bytes` holds for this connection.
    held_bytes: u64,
    worker: usize,
    process: Arc<Process>,
    row: Arc<Row>,
    _seat: Seat,
}

struct Hold {
    timer: Pin<Box<Sleep>>,
    /// `Pause::ended` when the hold began.
    pauses_ended: u64,
}

impl Connection {
    pub(super) fn new(
        socket: Socket,
        session: Session,
        mut seat: Seat,
        process: Arc<Process>,
        worker: usize,
    ) -> Connection {
        let row = seat.enter(session.record.clone());
        Connection {
            socket,
            session,
            parser: Parser::default(),
            phase: Phase::Serving,
            kept: Vec::new(),
            more: false,
            unsent: Vec::new(),
            unsent_from: 0,
            hold: None,
            deadline: None,
            last_bytes: None,
            held_bytes: 0,
            worker,
            process,
            row,
            _seat: seat,
        }
    }

    fn advance(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.row.watch(cx.waker());
        if let Some(reason) = self.row.sentence() {
            return Poll::Ready(End::Cut(reason));
        }
        if let Err(end) = self.heed_outbox(cx) {
            return Poll::Ready(end);
        }
        loop {
            match ready!(self.step(cx)) {
                Ok(Step::Again) => {}
                Ok(Step::Yield) => {
                    // Polled once and dropped: it has the runtime look at its other tasks and
                    // sockets before it wakes this task.
                    let _ = pin!(tokio::task::yield_now()).poll(cx);
                    return Poll::Pending;
                }
                Err(end) => return Poll::Ready(end),
            }
        }
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, End>> {
        ready!(self.flush(cx))?;
        match self.phase {
            Phase::Serving => {
                self.deliver(cx)?;
                if self.unsent.is_empty() { self.serve(cx) } else { Poll::Ready(Ok(Step::Again)) }
            }
            Phase::Closing => {
                ready!(self.socket.poll_shutdown(cx)).map_err(|_| End::Over)?;
                self.phase = Phase::Lingering { left_bytes: LINGER_BYTES_MAX };
                self.hold(LINGER_MS);
                Poll::Ready(Ok(Step::Again))
            }
            Phase::Lingering { left_bytes } => self.linger(cx, left_bytes),
        }
    }

    /// Writes what an earlier write left over.
    fn flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        while self.unsent_from < self.unsent.len() {
            let written = self.socket.poll_write(cx, &self.unsent[self.unsent_from..]);
            let count = ready!(written).map_err(|_| End::Over)?;
            self.unsent_from += count;
            self.note_written(count);
            self.row.progress_ms.store(self.process.clock.now().ms, Relaxed);
        }
        if !self.unsent.is_empty() {
            self.unsent = Vec::new();
            self.unsent_from = 0;
            self.account()?;
        }
        Poll::Ready(Ok(()))
    }

    fn serve(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, End>> {
        if let Some(hold) = &mut self.hold {
            let lifted = self.more && hold.pauses_ended != self.process.pause.ended();
            if !lifted {
                ready!(hold.timer.as_mut().poll(cx));
            }
            self.hold = None;
        }
        if self.session.blocked.is_some() {
            return self.wait(cx);
        }
        WORKSPACE.with_borrow_mut(|workspace| {
            workspace.replies.clear();
            if self.more {
                let end = self.serve_kept(workspace);
                return Poll::Ready(self.settle(cx, end, workspace, false));
            }
            self.read(cx, workspace)
        })
    }

    fn read(&mut self, cx: &mut Context<'_>, workspace: &mut Workspace) -> Poll<Result<Step, End>> {
        let front = if self.kept.len() <= JOINED_BYTES_MAX { self.kept.len() } else { 0 };
        let room = workspace.input.len() - front;
        let count = match ready!(self.receive(cx, &mut workspace.input[front..])) {
            Ok(Some(count)) if count > 0 => count,
            Ok(Some(_)) => return Poll::Ready(Err(End::Over)),
            Ok(None) => {
                self.phase = Phase::Closing;
                return Poll::Ready(Ok(Step::Again));
            }
            Err(_) => return Poll::Ready(Err(End::Over)),
        };
        let count_u64 = u64::try_from(count).unwrap_or(u64::MAX);
        self.desk().flow.input_bytes.add(count_u64);
        self.session.record.read_bytes.fetch_add(count_u64, Relaxed);
        let end = if front == self.kept.len() {
            let Workspace { input, replies, served } = &mut *workspace;
            let input = &mut input[..front + count];
            input[..front].copy_from_slice(&self.kept);
            let end = self.run(served, input, replies);
            self.keep(&input[end.used_bytes..]);
            end
        } else {
            self.kept.extend_from_slice(&workspace.input[..count]);
            self.serve_kept(workspace)
        };
        Poll::Ready(self.settle(cx, end, workspace, count == room))
    }

    /// Reads from the socket; `Ok(None)`: all that had come before the shutdown is read.
    fn receive(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<std::io::Result<Option<usize>>> {
        if !self.process.shutdown.begun() {
            return self.socket.poll_read(cx, into).map_ok(Some);
        }
        let left = *self.last_bytes.get_or_insert_with(|| self.socket.received_bytes());
        if left == 0 {
            return Poll::Ready(Ok(None));
        }
        let most = left.min(into.len());
        let read = self.socket.read_received(&mut into[..most]);
        if let Ok(Some(count)) = read {
            self.last_bytes = Some(left - count);
        }
        Poll::Ready(read)
    }

    /// Writes a slice's replies and does what it asks for.
    fn settle(
        &mut self,
        cx: &mut Context<'_>,
        end: SliceEnd,
        workspace: &mut Workspace,
        full: bool,
    ) -> Result<Step, End> {
        self.more = end.more;
        self.write(cx, &workspace.replies)?;
        if workspace.replies.capacity() > REPLY_ROOM_BYTES {
            workspace.replies = Vec::new();
        }
        match end.effect {
            Effect::None => {}
            Effect::Close => {
                self.phase = Phase::Closing;
                self.kept = Vec::new();
            }
            Effect::Sleep { ms } => self.hold(ms),
            Effect::Wait => self.begin_wait(),
            Effect::Shutdown(mode) => self.process.shutdown.begin(mode),
        }
        self.account()?;
        Ok(if end.more || full { Step::Yield } else { Step::Again })
    }

    /// Writes what the socket takes of `replies` and keeps the rest.
    fn write(&mut self, cx: &mut Context<'_>, replies: &[u8]) -> Result<(), End> {
        let mut from = 0;
        while from < replies.len() {
            match self.socket.poll_write(cx, &replies[from..]) {
                Poll::Ready(Ok(count)) => from += count,
                Poll::Ready(Err(_)) => return Err(End::Over),
                Poll::Pending => break,
            }
        }
        if from > 0 {
            self.note_written(from);
        }
        if from < replies.len() {
            self.unsent = replies[from..].to_vec();
            self.row.progress_ms.store(self.process.clock.now().ms, Relaxed);
        }
        Ok(())
    }

    fn note_written(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.desk().flow.output_bytes.add(count);
        self.session.record.written_bytes.fetch_add(count, Relaxed);
    }

    fn linger(&mut self, cx: &mut Context<'_>, left_bytes: usize) -> Poll<Result<Step, End>> {
        if let Some(hold) = &mut self.hold
            && hold.timer.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(End::Over));
        }
        let read = WORKSPACE.with_borrow_mut(|w| self.socket.poll_read(cx, &mut w.input));
        Poll::Ready(match ready!(read) {
            Ok(count) if count > 0 && count < left_bytes => {
                self.phase = Phase::Lingering { left_bytes: left_bytes - count };
                Ok(Step::Yield)
            }
            _ => Err(End::Over),
        })
    }

    fn hold(&mut self, ms: u64) {
        let timer = Box::pin(tokio::time::sleep(Duration::from_millis(ms)));
        self.hold = Some(Hold { timer, pauses_ended: self.process.pause.ended() });
    }

    fn desk(&self) -> &Desk {
        &self.process.desks[self.worker]
    }

    fn note_end(&self, end: Result<End, Box<dyn Any + Send>>) {
        let record = &self.session.record;
        match end {
            Ok(End::Over) => {}
            Ok(End::Cut(reason)) => {
                self.process.incidents.cut_off(reason);
                let (id, addr) = (record.id, &record.addr);
                match reason {
                    Reason::QueryBuffer | Reason::ClientMemory | Reason::SubscriberOutput => {
                        tracing::warn!(id, addr, limit = reason.name(), "client closed");
                    }
                    _ => tracing::debug!(id, addr, limit = reason.name(), "client closed"),
                }
            }
            // The panic hook has logged what happened.
            Err(_) => self.process.incidents.panics.add(1),
        }
    }
}

impl Future for Connection {
    type Output = ();

    /// A panic ends this connection and no other: what it may have left half done is either this
    /// connection's own, which is dropped, or cleared at its next use.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let end = match catch_unwind(AssertUnwindSafe(|| this.advance(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(end)) => Ok(end),
            Err(panic) => Err(panic),
        };
        this.note_end(end);
        Poll::Ready(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.leave_wait();
        self.process.client_bytes.fetch_sub(self.held_bytes, Relaxed);
    }
}
