//! What this node says: deltas, numbered and kept for repetition, and beats.

use std::sync::Arc;

use super::effect::{Effect, Target};
use super::options::{FLUSH_BYTES_MAX, Options, STATE_EVERY_MS};
use super::replica::Replica;
use super::ring::Ring;
use super::tally::Tally;
use crate::cluster::now::Now;
use crate::cluster::wire::{Beat, DSEQ_MAX, Delta, Kind, PAYLOAD_BYTES_MAX, pack};
use crate::engine::Item;

/// Numbers left when a new epoch is asked for: more than are used until it comes.
const DSEQ_RESERVE: u64 = 1 << 24;

/// A node's own stream.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    pub(super) ring: Ring,
    flush_due_ms: u64,
    urgent_due_ms: u64,
    delta_sent_ms: u64,
    beat_sent_ms: u64,
    /// A beat is due at once: a member is new, or the node's state.
    pub(super) beat_now: bool,
}

impl Outbox {
    pub(super) fn new(now: Now, options: &Options) -> Outbox {
        Outbox {
            ring: Ring::new(options.ring_bytes, options.ring_deltas),
            flush_due_ms: now.steady_ms,
            urgent_due_ms: now.steady_ms,
            delta_sent_ms: now.steady_ms,
            beat_sent_ms: now.steady_ms,
            beat_now: true,
        }
    }

    /// Number of the last delta, 0 = none.
    pub(super) fn last_dseq(&self) -> u64 {
        self.ring.next() - 1
    }

    fn beat_is_due(&self, now: Now, options: &Options) -> bool {
        let quiet_ms = now.steady_ms.saturating_sub(self.delta_sent_ms.max(self.beat_sent_ms));
        let stateless_ms = now.steady_ms.saturating_sub(self.beat_sent_ms);
        self.beat_now || quiet_ms >= options.beat_ms || stateless_ms >= STATE_EVERY_MS
    }
}

impl<T: Tally> Replica<T> {
    /// Publishes what is due and sends a beat if nothing else was said.
    pub(super) fn speak(&mut self, now: Now, tally: &T) {
        if now.steady_ms >= self.outbox.flush_due_ms {
            self.flush(now, tally);
        } else if now.steady_ms >= self.outbox.urgent_due_ms {
            // All members' urgent datagrams together stay below 20,000 a second at each of them.
            let tick_ms = (counted(self.members.len()) / 20).max(1);
            self.outbox.urgent_due_ms = now.steady_ms + tick_ms;
            let bytes = self.affordable_bytes();
            if bytes > 0 {
                self.publish(now, tally, true, bytes);
            }
        }
        if self.outbox.beat_is_due(now, &self.options) {
            self.beat(now);
        }
    }

    /// Bytes that each member may be sent now: a datagram at least, as long as nothing is owed.
    fn affordable_bytes(&self) -> usize {
        let bytes = self.budget.for_deltas();
        if bytes == 0 {
            return 0;
        }
        (bytes / self.members.len().max(1)).clamp(PAYLOAD_BYTES_MAX, FLUSH_BYTES_MAX)
    }

    fn flush(&mut self, now: Now, tally: &T) {
        let bytes = self.affordable_bytes();
        if bytes == 0 {
            self.figures.flushes_delayed += 1;
            return;
        }
        let more = self.publish(now, tally, false, bytes);
        // What did not fit goes with the next tick.
        self.outbox.flush_due_ms =
            if more { now.steady_ms + 1 } else { now.steady_ms + self.options.flush_ms };
    }

    /// Publishes everything, whatever it costs: for a leaver and before a new epoch.
    pub(super) fn flush_all(&mut self, now: Now, tally: &T) {
        // Each round takes at least one of a finite number of changed counters.
        while self.publish(now, tally, false, FLUSH_BYTES_MAX) {}
    }

    fn publish(&mut self, now: Now, tally: &T, urgent_only: bool, bytes: usize) -> bool {
        let mut items: Vec<Item> = Vec::new();
        let more = tally.publish(now.wall_ms, urgent_only, bytes, &mut |item| items.push(item));
        for pack in pack(&mut items, Delta::GROUPS_BYTES_MAX) {
            let dseq = self.outbox.ring.next();
            if dseq == DSEQ_MAX - DSEQ_RESERVE {
                self.effects.push(Effect::Renew);
            }
            let payload = Delta::payload(self.flush_stamp, dseq, now.wall_ms, &pack.groups);
            let payload: Arc<[u8]> = payload.into();
            self.outbox.ring.push(payload.clone());
            tally.carried(dseq, items.get(pack.items).unwrap_or_default());
            self.figures.deltas += 1;
            self.figures.deltas_urgent += u64::from(urgent_only);
            self.outbox.delta_sent_ms = now.steady_ms;
            self.send(Target::Members, Kind::Delta, payload);
        }
        more
    }

    pub(super) fn beat(&mut self, now: Now) {
        self.outbox.beat_now = false;
        self.outbox.beat_sent_ms = now.steady_ms;
        let beat = Beat {
            flush_stamp: self.flush_stamp,
            last_dseq: self.outbox.last_dseq(),
            oldest_dseq: self.outbox.ring.oldest(),
            state: self.state,
            members: counted(self.members.len()),
        };
        self.send(Target::Members, Kind::Beat, beat.payload().into());
    }

    /// Puts a datagram out and accounts for its copies.
    pub(super) fn send(&mut self, to: Target, kind: Kind, payload: Arc<[u8]>) {
        /// Envelope and the headers of UDP and IP.
        const AROUND_BYTES: u64 = 38 + 28;
        let receivers = match to {
            Target::One(_) => 1,
            Target::Members => counted(self.members.len()),
        };
        if receivers == 0 {
            return;
        }
        self.budget.spend((counted(payload.len()) + AROUND_BYTES) * receivers);
        self.figures.sent(kind, payload.len(), receivers);
        self.effects.push(Effect::Send { origin: self.origin, to, kind, payload });
    }
}

pub(super) fn counted(length: usize) -> u64 {
    super::figures::bytes(length)
}
