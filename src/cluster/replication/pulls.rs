//! Streams opened to fetch what is missing: the asking side of SYNC.
//!
//! Invariant: cursors rise only at DONE, to where the server stood before it began to look.

use std::collections::{BTreeMap, BTreeSet};

use core::net::SocketAddr;

use super::effect::{Effect, StreamId};
use super::options::{AVOID_MS, PULL_EVERY_MS, PULLS_MAX, STREAM_IDLE_MS};
use super::replica::Replica;
use super::tally::Tally;
use crate::cluster::now::Now;
use crate::cluster::wire::{DSEQ_MAX, Frame, State, Versioned};
use crate::engine::{Freshness, Origin};

/// Why and from where an origin is to be fetched.
#[derive(Clone, Copy, Debug)]
struct Want {
    /// Whom to ask; `None` = any member but the origin.
    from: Option<SocketAddr>,
    /// From the beginning, not from the cursor.
    whole: bool,
}

/// One open stream.
#[derive(Clone, Debug)]
struct Pull {
    to: SocketAddr,
    /// What was asked for; `None` = everything.
    origins: Option<BTreeSet<Origin>>,
    heard_ms: u64,
}

/// All that is wanted and all that is open.
#[derive(Clone, Debug, Default)]
pub(super) struct Pulls {
    wants: BTreeMap<Origin, Want>,
    open: BTreeMap<u64, Pull>,
    opened: u64,
    /// When a stream that asks for everything last brought something.
    brought_ms: Option<u64>,
}

impl Pulls {
    /// Whether a stream that is open asks for the origin.
    pub(super) fn covers(&self, origin: Origin) -> bool {
        let asks = |pull: &Pull| pull.origins.as_ref().is_none_or(|of| of.contains(&origin));
        self.open.values().any(asks)
    }

    /// Whether counts for a joining node are on their way: some came, not long ago. A stream that broke
    /// off meanwhile is followed by the next one.
    pub(super) fn bring_all(&self, now_ms: u64) -> bool {
        self.brought_ms.is_some_and(|brought_ms| now_ms < brought_ms + STREAM_IDLE_MS)
    }

    fn fetches_all(&self) -> bool {
        self.open.values().any(|pull| pull.origins.is_none())
    }

    pub(super) fn forget_wants(&mut self) {
        self.wants.clear();
    }
}

impl<T: Tally> Replica<T> {
    /// Notes that an origin is to be fetched; false if it was a moment ago.
    pub(super) fn want(
        &mut self,
        now: Now,
        origin: Origin,
        from: Option<SocketAddr>,
        whole: bool,
    ) -> bool {
        let covered = self.pulls.covers(origin);
        let Some(inbound) = self.inbound.get_mut(&origin) else {
            return false;
        };
        // Back-off doubles while it fails or brings nothing.
        let trouble = inbound.failures.max(inbound.mismatches).min(4);
        if covered
            || now.steady_ms < inbound.pulled_ms + (PULL_EVERY_MS << trouble.saturating_sub(1))
        {
            return false;
        }
        inbound.pulled_ms = now.steady_ms;
        self.pulls.wants.insert(origin, Want { from, whole });
        true
    }

    /// Opens streams for what is wanted and gives up those that say nothing.
    pub(super) fn pull(&mut self, now: Now) {
        let idle = |pull: &Pull| now.steady_ms >= pull.heard_ms + STREAM_IDLE_MS;
        let idle: Vec<u64> =
            self.pulls.open.iter().filter(|(_, pull)| idle(pull)).map(|(id, _)| *id).collect();
        for id in idle {
            self.effects.push(Effect::CloseSync { stream: StreamId::Opened(id) });
            self.pull_failed(now, id);
        }
        if self.state == State::Joining && !self.pulls.fetches_all() {
            let servers = self.members.servers(now.steady_ms, None);
            if let Some(to) = self.dice.pick(&servers) {
                self.open_pull(now, to, None);
            }
        }
        while self.pulls.open.len() < PULLS_MAX
            && let Some((first, want)) = self.pulls.wants.pop_first()
        {
            let to = want.from.or_else(|| {
                let servers = self.members.servers(now.steady_ms, Some(first));
                self.dice.pick(&servers)
            });
            if let Some(to) = to {
                let mut origins = BTreeMap::from([(first, want.whole)]);
                self.pulls.wants.retain(|origin, want| {
                    let same = want.from == Some(to);
                    if same {
                        origins.insert(*origin, want.whole);
                    }
                    !same
                });
                self.open_pull(now, to, Some(origins));
            }
        }
    }

    fn open_pull(&mut self, now: Now, to: SocketAddr, of: Option<BTreeMap<Origin, bool>>) {
        self.pulls.opened += 1;
        let stream = StreamId::Opened(self.pulls.opened);
        self.figures.pulls += 1;
        self.effects.push(Effect::OpenSync { stream, to });
        let cursor_of = |origin: &Origin, whole: bool| {
            if whole { 0 } else { self.inbound.get(origin).map_or(0, |inbound| inbound.cursor()) }
        };
        let cursors: Vec<(Origin, u64)> = match &of {
            Some(of) => {
                of.iter().map(|(origin, whole)| (*origin, cursor_of(origin, *whole))).collect()
            }
            // Nobody can tell this node of itself.
            None => self
                .inbound
                .keys()
                .map(|origin| (*origin, cursor_of(origin, false)))
                .filter(|(_, cursor)| *cursor > 0)
                .chain([(self.origin, DSEQ_MAX)])
                .collect(),
        };
        let request = Frame::request(of.is_none(), self.flush_stamp, &cursors);
        self.frame_out(stream, request);
        let origins = of.map(|of| of.into_keys().collect());
        self.pulls.open.insert(self.pulls.opened, Pull { to, origins, heard_ms: now.steady_ms });
    }

    /// A stream this node opened has ended without DONE.
    pub(super) fn pull_failed(&mut self, now: Now, id: u64) {
        let Some(pull) = self.pulls.open.remove(&id) else {
            return;
        };
        self.figures.pulls_failed += 1;
        self.members.avoid(pull.to, now.steady_ms + AVOID_MS);
        for origin in pull.origins.iter().flatten() {
            if let Some(inbound) = self.inbound.get_mut(origin) {
                inbound.failures = inbound.failures.saturating_add(1);
            }
        }
    }

    pub(super) fn on_pulled(&mut self, now: Now, id: u64, frame: Frame, tally: &T) {
        let Some(pull) = self.pulls.open.get_mut(&id) else {
            return;
        };
        pull.heard_ms = now.steady_ms;
        let asks_for_all = pull.origins.is_none();
        match frame {
            Frame::Roster(bytes) => self.effects.push(Effect::Roster { bytes }),
            Frame::Chunk { origin, flush_stamp, items, skipped } => {
                self.figures.skipped += skipped;
                if asks_for_all {
                    self.pulls.brought_ms = Some(now.steady_ms);
                }
                if self.heed_flush(now, flush_stamp, tally) {
                    self.merge_chunk(now, origin, &items, tally);
                }
            }
            Frame::Done { flush_stamp, cursors } => {
                if self.heed_flush(now, flush_stamp, tally) {
                    self.pull_done(now, id, &cursors);
                } else {
                    self.pull_failed(now, id);
                }
                self.effects.push(Effect::CloseSync { stream: StreamId::Opened(id) });
            }
            Frame::Busy => {
                self.pull_failed(now, id);
                self.effects.push(Effect::CloseSync { stream: StreamId::Opened(id) });
            }
            Frame::Request { .. } | Frame::Unknown => self.figures.skipped += 1,
        }
    }

    fn merge_chunk(&mut self, now: Now, origin: Origin, items: &[Versioned], tally: &T) {
        if origin == self.origin {
            return;
        }
        if self.inbound_of(now, origin, None).is_none() {
            return;
        }
        for Versioned { version, item } in items {
            self.merge(now, origin, *version, item, Freshness::Bulk, tally);
        }
    }

    fn pull_done(&mut self, now: Now, id: u64, cursors: &[(Origin, u64)]) {
        let Some(pull) = self.pulls.open.remove(&id) else {
            return;
        };
        self.figures.pulls_done += 1;
        for (origin, cursor) in cursors {
            let asked = pull.origins.as_ref().is_none_or(|of| of.contains(origin));
            if asked
                && *origin != self.origin
                && let Some(inbound) = self.inbound_of(now, *origin, None)
            {
                inbound.raise(now.steady_ms, *cursor);
                inbound.failures = 0;
            }
        }
        if pull.origins.is_none() && self.state == State::Joining {
            self.is_ready(super::effect::ReadyBy::Sync);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::replication::{Member, Options, ReadyBy};
    use crate::config::MemoryPolicy;
    use crate::engine::Engine;

    const NOW_MS: u64 = 1_790_000_000_000;

    /// When a node is ready, in ms, and how, to which a chunk comes in each of these seconds.
    fn joins(chunks: std::ops::Range<u64>) -> (u64, ReadyBy) {
        let engine = Engine::new(crate::engine::Options {
            seed: 1,
            stamp_tag: 1,
            memory_limit_bytes: u64::MAX,
            policy: MemoryPolicy::NoEviction,
            track_changes: true,
        });
        engine.replicate(Origin(1), 0);
        let mut replica = Replica::new(Now::both(NOW_MS), Options::default(), 1, &engine);
        let addr = SocketAddr::from(([10, 0, 0, 2], 7946));
        replica.on_members(Now::both(NOW_MS), &[Member { addr, origin: Origin(2) }]);
        let mut stream = None;
        for at_ms in 0..2 * super::super::options::JOIN_MAX_MS {
            let now_ms = NOW_MS + at_ms;
            replica.on_tick(Now::both(now_ms), &engine);
            for effect in replica.take_effects() {
                match effect {
                    Effect::OpenSync { stream: opened, .. } => stream = Some(opened),
                    Effect::CloseSync { .. } => stream = None,
                    Effect::Ready { by } => return (at_ms, by),
                    _ => {}
                }
            }
            if at_ms % 1_000 == 0 && chunks.contains(&(at_ms / 1_000)) {
                let chunk = Frame::chunk(Origin(3), 0, &[]);
                replica.on_sync_frame(Now::both(now_ms), stream.expect("it asks"), &chunk, &engine);
            }
        }
        panic!("it never serves");
    }

    #[test]
    fn a_joiner_to_which_counts_come_waits_for_them_but_not_for_ever() {
        assert_eq!(joins(0..0), (10_000, ReadyBy::Timeout));
        assert_eq!(joins(1..5), (10_000, ReadyBy::Timeout), "nothing came for long");
        assert_eq!(joins(1..30), (34_000, ReadyBy::Timeout), "until nothing comes any more");
        assert_eq!(joins(1..100), (60_000, ReadyBy::Timeout));
    }
}
