//! Messages on their way to one subscriber.
//!
//! Not here: who is subscribed (`channels.rs`), sockets. Invariants: messages leave in the order in
//! which they came; what waits never passes the limits, since a subscriber that does not read is cut
//! off there.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::config::OutputLimit;

/// Bytes that a message counts for beside its own: its place in the queue.
const MESSAGE_COST_BYTES: u64 = 32;
/// Each time that so many more bytes wait, the connection is woken to keep its books.
const NOTICE_BYTES: u64 = 1 << 20;

/// See the module.
#[derive(Debug, Default)]
pub struct Outbox {
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Bytes>,
    bytes: u64,
    /// Since when more than the soft limit waits, ms since the epoch.
    soft_since_ms: Option<u64>,
    is_cut_off: bool,
    waker: Option<Waker>,
}

fn cost(message: &Bytes) -> u64 {
    MESSAGE_COST_BYTES + u64::try_from(message.len()).unwrap_or(u64::MAX)
}

impl Outbox {
    /// Adds a message, or cuts the subscriber off where that is too much; who is to be woken.
    pub(super) fn push(&self, message: Bytes, limit: &OutputLimit, now_ms: u64) -> Option<Waker> {
        let mut queue = self.queue.lock();
        if queue.is_cut_off {
            return None;
        }
        let before = queue.bytes;
        queue.bytes = before.saturating_add(cost(&message));
        queue.messages.push_back(message);
        if queue.passes(limit, now_ms) {
            *queue = Queue { is_cut_off: true, waker: queue.waker.take(), ..Queue::default() };
        }
        let is_news =
            queue.is_cut_off || before == 0 || before / NOTICE_BYTES != queue.bytes / NOTICE_BYTES;
        if is_news { queue.waker.take() } else { None }
    }

    /// Has `waker` woken when there is something to do; false if the subscriber is cut off.
    pub fn watch(&self, waker: &Waker) -> bool {
        let mut queue = self.queue.lock();
        match &mut queue.waker {
            Some(held) => held.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        !queue.is_cut_off
    }

    /// Moves messages to `out` until it holds `bytes_max` bytes; true if that were all.
    pub fn take(&self, out: &mut Vec<u8>, bytes_max: usize) -> bool {
        let mut queue = self.queue.lock();
        while out.len() < bytes_max {
            let Some(message) = queue.messages.pop_front() else { break };
            queue.bytes -= cost(&message);
            out.extend_from_slice(&message);
        }
        if queue.messages.is_empty() {
            // Room that a burst took is not kept.
            queue.messages = VecDeque::new();
        }
        queue.messages.is_empty()
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> u64 {
        self.queue.lock().bytes
    }
}

impl Queue {
    /// True if more waits than may, or has waited too long.
    fn passes(&mut self, limit: &OutputLimit, now_ms: u64) -> bool {
        if limit.hard_bytes > 0 && self.bytes > limit.hard_bytes {
            return true;
        }
        if limit.soft_bytes == 0 || self.bytes <= limit.soft_bytes {
            self.soft_since_ms = None;
            return false;
        }
        let since_ms = *self.soft_since_ms.get_or_insert(now_ms);
        now_ms.saturating_sub(since_ms) > limit.soft_s.saturating_mul(1_000)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::task::Wake;

    use super::*;

    const LIMIT: OutputLimit = OutputLimit { hard_bytes: 1_000, soft_bytes: 400, soft_s: 60 };

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    fn push(outbox: &Outbox, bytes: usize, now_ms: u64) {
        outbox.push(vec![b'x'; bytes].into(), &LIMIT, now_ms).into_iter().for_each(Waker::wake);
    }

    #[test]
    fn messages_leave_in_order_and_in_batches() {
        let outbox = Outbox::default();
        for text in ["one", "two", "three"] {
            outbox.push(text.into(), &LIMIT, 0);
        }
        let mut out = b">".to_vec();
        assert!(!outbox.take(&mut out, 5));
        assert_eq!(out, b">onetwo");
        assert!(outbox.take(&mut out, 100));
        assert_eq!((out.as_slice(), outbox.bytes()), (b">onetwothree".as_slice(), 0));
    }

    #[test]
    fn the_hard_limit_cuts_off_at_once_and_frees_what_waits() {
        let outbox = Outbox::default();
        let woken = Arc::new(Counter::default());
        assert!(outbox.watch(&woken.clone().into()));
        push(&outbox, 300, 0);
        push(&outbox, 600, 0);
        assert_eq!((outbox.bytes(), woken.0.load(SeqCst)), (900 + 2 * MESSAGE_COST_BYTES, 1));
        assert!(outbox.watch(&woken.clone().into()));
        push(&outbox, 10, 0);
        assert_eq!(woken.0.load(SeqCst), 2, "its connection hears of its end");
        assert!(!outbox.watch(&woken.clone().into()));
        push(&outbox, 10, 0);
        assert_eq!(outbox.bytes(), 0);
        assert!(outbox.take(&mut Vec::new(), 100), "nothing is sent any more");
    }

    #[test]
    fn the_soft_limit_cuts_off_who_stays_above_it_for_its_seconds() {
        let outbox = Outbox::default();
        push(&outbox, 500, 0);
        push(&outbox, 1, 60_000);
        assert!(outbox.watch(Waker::noop()));
        // Once below it, the time begins anew.
        outbox.take(&mut Vec::new(), 1_000);
        push(&outbox, 1, 60_001);
        push(&outbox, 500, 100_000);
        push(&outbox, 1, 160_000);
        assert!(outbox.watch(Waker::noop()));
        push(&outbox, 1, 160_001);
        assert!(!outbox.watch(Waker::noop()));
    }

    #[test]
    fn a_limit_of_0_is_none() {
        let outbox = Outbox::default();
        let limit = OutputLimit { hard_bytes: 0, soft_bytes: 0, soft_s: 0 };
        outbox.push(vec![0; 1 << 20].into(), &limit, 0);
        outbox.push(vec![0; 1 << 20].into(), &limit, u64::MAX);
        assert!(outbox.watch(Waker::noop()));
    }
}
