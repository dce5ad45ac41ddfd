//! Streams that others opened: the answering side of SYNC.
//!
//! Invariant: DONE tells the cursors as they stood before the scan began, since what changes
//! behind a scan's back is only known to be newer than those.

use std::collections::BTreeMap;

use super::effect::{Effect, StreamId};
use super::figures::bytes;
use super::options::{
    SERVE_BACKLOG_BYTES_MAX, SERVE_BYTES_PER_MS, SERVE_LATE_MS, SERVES_MAX, STREAM_IDLE_MS,
};
use super::replica::Replica;
use super::tally::Tally;
use crate::cluster::now::Now;
use crate::cluster::wire::{Frame, State, Versioned, pack_chunk};
use crate::engine::Origin;

/// One stream being served.
#[derive(Clone, Debug)]
struct Serve<P> {
    all: bool,
    wanted: BTreeMap<Origin, u64>,
    /// How far each origin was held before the scan began.
    cursors: Vec<(Origin, u64)>,
    place: Option<P>,
    is_done: bool,
    /// Bytes that wait in the socket.
    backlog_bytes: usize,
    served_ms: u64,
}

/// All streams being served.
#[derive(Clone, Debug)]
pub(super) struct Serves<P> {
    streams: BTreeMap<u64, Serve<P>>,
}

impl<P> Serves<P> {
    pub(super) fn new() -> Serves<P> {
        Serves { streams: BTreeMap::new() }
    }

    pub(super) fn closed(&mut self, id: u64) {
        self.streams.remove(&id);
    }

    pub(super) fn backlog(&mut self, id: u64, waiting: usize) {
        if let Some(serve) = self.streams.get_mut(&id) {
            serve.backlog_bytes = waiting;
        }
    }
}

impl<T: Tally> Replica<T> {
    pub(super) fn on_request(&mut self, now: Now, id: u64, frame: Frame, tally: &T) {
        let Frame::Request { all, flush_stamp, cursors, .. } = frame else {
            self.figures.skipped += 1;
            return;
        };
        self.heed_flush(now, flush_stamp, tally);
        let stream = StreamId::Accepted(id);
        let joining = all && self.state == State::Joining;
        if joining || self.serves.streams.len() >= SERVES_MAX || self.awaits_origin {
            self.figures.serves_busy += 1;
            self.frame_out(stream, Frame::busy());
            return;
        }
        self.frame_out(stream, Frame::roster(&self.roster.clone()));
        let serve = Serve {
            all,
            wanted: cursors.into_iter().collect(),
            cursors: self.cursors(now, tally),
            place: None,
            is_done: false,
            backlog_bytes: 0,
            served_ms: now.steady_ms,
        };
        self.serves.streams.insert(id, serve);
    }

    /// Sends the next pieces of every stream, as far as they may.
    pub(super) fn serve(&mut self, now: Now, tally: &T) {
        let ids: Vec<u64> = self.serves.streams.keys().copied().collect();
        for id in ids {
            let Some(mut serve) = self.serves.streams.remove(&id) else {
                continue;
            };
            if now.steady_ms >= serve.served_ms + STREAM_IDLE_MS {
                self.effects.push(Effect::CloseSync { stream: StreamId::Accepted(id) });
                continue;
            }
            if !serve.is_done && serve.backlog_bytes < SERVE_BACKLOG_BYTES_MAX {
                self.serve_piece(now, id, &mut serve, tally);
            }
            self.serves.streams.insert(id, serve);
        }
    }

    fn serve_piece(&mut self, now: Now, id: u64, serve: &mut Serve<T::Place>, tally: &T) {
        let passed_ms = now.steady_ms.saturating_sub(serve.served_ms).clamp(1, SERVE_LATE_MS);
        let rate = usize::try_from(passed_ms * SERVE_BYTES_PER_MS).unwrap_or(usize::MAX);
        let budget = self.budget.for_syncs().min(rate);
        if budget == 0 {
            return;
        }
        serve.served_ms = now.steady_ms;
        let mut found: BTreeMap<Origin, Vec<Versioned>> = BTreeMap::new();
        let (all, wanted) = (serve.all, &serve.wanted);
        let wants = |origin: Origin| wanted.get(&origin).copied().or(all.then_some(0));
        let take = &mut |origin, version, item| {
            found.entry(origin).or_default().push(Versioned { version, item });
        };
        serve.place = tally.scan(now.wall_ms, &wants, serve.place.take(), budget, take);
        let stream = StreamId::Accepted(id);
        for (origin, mut items) in found {
            for pack in pack_chunk(&mut items) {
                let chunk = Frame::chunk(origin, self.flush_stamp, &pack.groups);
                serve.backlog_bytes += chunk.len();
                self.frame_out(stream, chunk);
            }
        }
        if serve.place.is_none() {
            serve.is_done = true;
            self.figures.serves_done += 1;
            self.frame_out(stream, Frame::done(self.flush_stamp, &serve.cursors));
        }
    }

    /// Everything was forgotten: what was being served has lost its ground.
    pub(super) fn break_off_serves(&mut self) {
        for id in std::mem::take(&mut self.serves.streams).into_keys() {
            self.effects.push(Effect::CloseSync { stream: StreamId::Accepted(id) });
        }
    }

    pub(super) fn frame_out(&mut self, stream: StreamId, frame: Vec<u8>) {
        self.budget.spend(bytes(frame.len()));
        self.figures.bytes_out += bytes(frame.len());
        self.effects.push(Effect::SyncFrame { stream, bytes: frame });
    }
}
