//! A connection whose request waits: BLPOP, BRPOP.
//!
//! Not here: what it waits for. Invariants: it costs no thread and no buffer but for what its client
//! sends meanwhile, which is bounded; one whose client has gone is given nothing, and what it was
//! given before that was noticed goes back.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use std::sync::atomic::Ordering::Relaxed;

use tokio::time::Sleep;

use super::{Connection, End, Phase, Step, WORKSPACE};
use crate::command::Blocked;
use crate::resp::Reply;

/// Longest sleep at once: timers reach only so far, and a time-out may be a million years.
const SLEEP_MS_MAX: u64 = 24 * 60 * 60 * 1_000;

/// When a wait has lasted long enough.
pub(super) struct Deadline {
    timer: Pin<Box<Sleep>>,
    /// Milliseconds beyond the timer.
    left_ms: u64,
}

impl Deadline {
    fn after(ms: u64) -> Deadline {
        let first_ms = ms.min(SLEEP_MS_MAX);
        let timer = Box::pin(tokio::time::sleep(Duration::from_millis(first_ms)));
        Deadline { timer, left_ms: ms - first_ms }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            if self.left_ms == 0 {
                return Poll::Ready(());
            }
            *self = Deadline::after(self.left_ms);
        }
    }
}

impl Connection {
    /// The request that was just served waits.
    pub(super) fn begin_wait(&mut self) {
        let timeout_ms = self.session.blocked.as_ref().and_then(|blocked| blocked.timeout_ms);
        self.deadline = timeout_ms.map(Deadline::after);
    }

    /// Goes on waiting, or writes the reply.
    pub(super) fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, End>> {
        if self.process.shutdown.begun() {
            // It cannot be answered, nor what was sent behind it.
            self.leave_wait();
            self.phase = Phase::Closing;
            self.kept = Vec::new();
            return Poll::Ready(Ok(Step::Again));
        }
        // First: who is gone is given nothing.
        self.read_ahead(cx)?;
        if let Some(deadline) = &mut self.deadline
            && deadline.poll(cx).is_ready()
            && let Some(blocked) = &self.session.blocked
        {
            blocked.time_out();
        }
        let blocked = self.session.blocked.as_ref();
        if blocked.is_some_and(|blocked| !blocked.has_ended(cx.waker())) {
            return Poll::Pending;
        }
        // Again, now that no element can come in between.
        self.read_received()?;
        let reply = ready!(self.session.poll_blocked(cx.waker()));
        self.deadline = None;
        self.more = !self.kept.is_empty();
        Poll::Ready(self.answer(cx, &reply))
    }

    fn answer(&mut self, cx: &mut Context<'_>, reply: &Reply) -> Result<Step, End> {
        let mut bytes = Vec::new();
        reply.encode(self.session.protocol, &mut bytes);
        self.write(cx, &bytes)?;
        self.session.record.active_ms.store(self.process.clock.now().ms, Relaxed);
        self.account()?;
        Ok(if self.more { Step::Yield } else { Step::Again })
    }

    /// Keeps what the client sends behind its request, and notices its end.
    fn read_ahead(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        loop {
            let read = WORKSPACE.with_borrow_mut(|workspace| {
                let read = self.socket.poll_read(cx, &mut workspace.input);
                if let Poll::Ready(Ok(count)) = read {
                    self.kept.extend_from_slice(&workspace.input[..count]);
                }
                read
            });
            match read {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(count)) if count > 0 => self.note_read(count)?,
                Poll::Ready(_) => return Err(End::Over),
            }
        }
    }

    /// The same, of the kernel itself: the runtime may not have heard yet of an end that came before
    /// the element.
    fn read_received(&mut self) -> Result<(), End> {
        loop {
            let read = WORKSPACE.with_borrow_mut(|workspace| {
                let read = self.socket.read_received(&mut workspace.input);
                if let Ok(Some(count)) = read {
                    self.kept.extend_from_slice(&workspace.input[..count]);
                }
                read
            });
            match read {
                Ok(None) => return Ok(()),
                Ok(Some(count)) if count > 0 => self.note_read(count)?,
                _ => return Err(End::Over),
            }
        }
    }

    fn note_read(&mut self, count: usize) -> Result<(), End> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.desk().flow.input_bytes.add(count);
        self.session.record.read_bytes.fetch_add(count, Relaxed);
        self.account()
    }

    /// Ends a wait without a reply.
    pub(super) fn leave_wait(&mut self) {
        self.deadline = None;
        if let Some(wait) = self.session.take_blocked().map(Blocked::into_wait) {
            self.process.engine.end_wait(self.process.clock.now().ms, wait);
        }
    }
}
