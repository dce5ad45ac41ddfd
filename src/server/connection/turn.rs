//! A connection's turn: requests served from what was read, and the books of what is left.
//!
//! Not here: sockets. Invariant: what the books say is what the connection holds.

use std::sync::atomic::Ordering::Relaxed;

use super::super::clock::{Reading, monotonic_ns};
use super::super::register::Reason;
use super::{Connection, End, Served, Workspace};
use crate::command::{Context as CommandContext, Effect, REQUESTS_MAX, SliceEnd};

/// A turn takes a further slice only while it has so few bytes of replies, so that what a client
/// that never reads can pile up stays near one slice's 64 KiB.
const SHARED_REPLY_BYTES: usize = 4 * 1024;

impl Connection {
    pub(super) fn serve_kept(&mut self, workspace: &mut Workspace) -> SliceEnd {
        let mut kept = std::mem::take(&mut self.kept);
        let end = self.run(&mut workspace.served, &mut kept, &mut workspace.replies);
        kept.drain(..end.used_bytes);
        if kept.is_empty() {
            kept = Vec::new();
        } else if kept.capacity() / 4 > kept.len() {
            kept.shrink_to_fit();
        }
        self.kept = kept;
        end
    }

    pub(super) fn keep(&mut self, rest: &[u8]) {
        if rest.is_empty() {
            self.kept = Vec::new();
        } else {
            self.kept.clear();
            self.kept.extend_from_slice(rest);
        }
    }

    /// Serves one turn: a full slice, or several that ended early (inline requests come one a
    /// slice), so that they share one write.
    pub(super) fn run(
        &mut self,
        served_by: &mut Served,
        input: &mut [u8],
        replies: &mut Vec<u8>,
    ) -> SliceEnd {
        let now = self.process.clock.now();
        let before = self.session.record.commands.load(Relaxed);
        let mut turn =
            SliceEnd { used_bytes: 0, more: true, effect: Effect::None, out_of_time: false };
        let mut served = 0;
        for _ in 0..REQUESTS_MAX {
            let end = self.run_slice(served_by, &mut input[turn.used_bytes..], replies, now);
            turn = SliceEnd { used_bytes: turn.used_bytes + end.used_bytes, ..end };
            served = self.session.record.commands.load(Relaxed).saturating_sub(before);
            let full = served >= REQUESTS_MAX as u64
                || replies.len() >= SHARED_REPLY_BYTES
                || end.out_of_time;
            if full || !end.more || end.effect != Effect::None || end.used_bytes == 0 {
                break;
            }
        }
        self.process.desks[self.worker].flow.commands.add(served);
        self.session.record.active_ms.store(now.ms, Relaxed);
        if turn.used_bytes > 0 && self.session.authenticated {
            self.row.established.store(true, Relaxed);
        }
        turn
    }

    fn run_slice(
        &mut self,
        served_by: &mut Served,
        input: &mut [u8],
        replies: &mut Vec<u8>,
        now: Reading,
    ) -> SliceEnd {
        let Served { slice, bench } = served_by;
        let config = self.process.config.load();
        let mut context = CommandContext {
            now_ms: now.ms,
            now_ns: now.ns,
            ticker: monotonic_ns,
            loading: self.process.loading(),
            config: &config,
            engine: &self.process.engine,
            reader: self.process.engine.reader(),
            session: &mut self.session,
            host: &*self.process,
            stats: &self.process.desks[self.worker].stats,
            channels: &self.process.channels,
            scripts: &self.process.scripts,
            bench,
            trail: None,
            is_held: false,
        };
        slice.run(&mut context, &mut self.parser, input, replies)
    }

    /// Keeps the books of what this connection holds, and ends it where that is too much.
    pub(super) fn account(&mut self) -> Result<(), End> {
        let bytes = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let subscriber = self.session.subscriber.as_ref();
        let messages = subscriber.map_or(0, |subscriber| subscriber.outbox().bytes());
        let subscribed = subscriber.map_or(0, |subscriber| bytes(subscriber.bytes()));
        let queued = bytes(self.session.queued_bytes());
        let held = bytes(self.kept.capacity())
            + bytes(self.unsent.capacity())
            + queued
            + messages
            + subscribed;
        let before = std::mem::replace(&mut self.held_bytes, held);
        if held == 0 && before == 0 {
            return Ok(());
        }
        let record = &self.session.record;
        record.query_bytes.store(bytes(self.kept.len()), Relaxed);
        let unsent = bytes(self.unsent.len() - self.unsent_from);
        record.output_bytes.store(unsent.saturating_add(messages), Relaxed);
        // Wraps down where less is held than before, as the sum of all never falls below 0.
        let change = held.wrapping_sub(before);
        let all = self.process.client_bytes.fetch_add(change, Relaxed).wrapping_add(change);
        let config = self.process.config.load();
        let is_unfinished = !self.more || self.session.blocked.is_some();
        if is_unfinished && self.kept.len() > config.client_query_buffer_limit {
            return Err(End::Cut(Reason::QueryBuffer));
        }
        let excess = all.saturating_sub(bytes(config.maxmemory_clients));
        if held > before && excess > 0 {
            self.process.register.shed(excess);
        }
        self.row.sentence().map_or(Ok(()), |reason| Err(End::Cut(reason)))
    }
}
