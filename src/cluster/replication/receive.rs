//! What to do with a datagram.

use core::net::SocketAddr;

use super::effect::Target;
use super::inbound::{Arrival, Inbound};
use super::options::REPEATS_MAX;
use super::replica::Replica;
use super::tally::Tally;
use crate::cluster::now::Now;
use crate::cluster::wire::{Beat, DSEQ_MAX, Delta, Gone, Kind, Message, Nack, State};
use crate::engine::{Freshness, Item, Merged, Origin};

/// Who sent a datagram, where and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender {
    pub(super) addr: SocketAddr,
    pub(super) origin: Origin,
    pub(super) sent_ms: u64,
}

impl<T: Tally> Replica<T> {
    pub(super) fn receive(&mut self, now: Now, from: Sender, message: Message, tally: &T) {
        let flush_stamp = match &message {
            Message::Delta(delta) => Some(delta.flush_stamp),
            Message::Beat(beat) => Some(beat.flush_stamp),
            Message::Vector(vector) => Some(vector.flush_stamp),
            Message::Nack(_) | Message::Gone(_) => None,
        };
        if flush_stamp.is_some_and(|stamp| !self.heed_flush(now, stamp, tally)) {
            return;
        }
        let Some(inbound) = self.inbound_of(now, from.origin, Some(from.addr)) else {
            return;
        };
        inbound.heard(now, from.addr, from.sent_ms);
        match message {
            Message::Delta(delta) => self.on_delta(now, from.origin, &delta, tally),
            Message::Beat(beat) => self.on_beat(now, from, &beat),
            Message::Nack(nack) => self.on_nack(from.addr, &nack),
            Message::Gone(gone) => self.on_gone(now, from, &gone),
            Message::Vector(vector) => self.on_vector(now, from.addr, &vector, tally),
        }
    }

    /// What was heard of an origin, made at first sight; `None` if there are too many.
    pub(super) fn inbound_of(
        &mut self,
        now: Now,
        origin: Origin,
        addr: Option<SocketAddr>,
    ) -> Option<&mut Inbound> {
        let full = self.inbound.len() >= self.options.origins_max;
        if origin == self.origin || full && !self.inbound.contains_key(&origin) {
            self.figures.origins_refused += 1;
            return None;
        }
        Some(self.inbound.entry(origin).or_insert_with(|| Inbound::new(now.steady_ms, addr)))
    }

    /// True if a message under this flush stamp may be used. A higher one than ours empties us.
    pub(super) fn heed_flush(&mut self, now: Now, flush_stamp: u64, tally: &T) -> bool {
        if flush_stamp > self.flush_stamp {
            tally.flush_by(now.wall_ms, flush_stamp);
            self.follow(now, tally);
        }
        let current = flush_stamp == self.flush_stamp;
        self.figures.stale_flush += u64::from(!current);
        current
    }

    fn on_delta(&mut self, now: Now, origin: Origin, delta: &Delta, tally: &T) {
        let Some(inbound) = self.inbound.get(&origin) else {
            return;
        };
        if inbound.arrival(delta.dseq) == Arrival::Known {
            self.figures.duplicates += 1;
            return;
        }
        let freshness = if inbound.is_live(now, delta.flushed_ms) {
            Freshness::Live { sent_ms: delta.flushed_ms, behind_ms: inbound.behind_ms() }
        } else {
            Freshness::Bulk
        };
        self.figures.skipped += delta.skipped;
        for versioned in &delta.items {
            self.merge(now, origin, versioned.version, &versioned.item, freshness, tally);
        }
        if let Some(inbound) = self.inbound.get_mut(&origin)
            && !inbound.accept(now.steady_ms, delta.dseq)
        {
            self.figures.ahead_full += 1;
        }
    }

    pub(super) fn merge(
        &mut self,
        now: Now,
        origin: Origin,
        version: u64,
        item: &Item,
        freshness: Freshness,
        tally: &T,
    ) {
        match tally.merge(now.wall_ms, origin, version, item, freshness) {
            Merged::Raised => self.figures.items_raised += 1,
            Merged::Known => {}
            Merged::Ended => self.figures.items_ended += 1,
            Merged::Refused { until_ms } => {
                self.figures.items_refused += 1;
                if let Some(inbound) = self.inbound.get_mut(&origin) {
                    inbound.refused(now.wall_ms, until_ms);
                }
            }
        }
    }

    fn on_beat(&mut self, now: Now, from: Sender, beat: &Beat) {
        if let Some(peer) = self.members.get_mut(from.origin) {
            peer.state = Some(beat.state);
        }
        let Some(inbound) = self.inbound.get_mut(&from.origin) else {
            return;
        };
        inbound.told_last(now.steady_ms, beat.last_dseq);
        let lost = inbound.has_gap() && inbound.cursor() + 1 < beat.oldest_dseq;
        if beat.state == State::Leaving {
            self.confirm(now, from.origin, from.addr);
        }
        if lost && self.state != State::Joining {
            self.want(now, from.origin, Some(from.addr), false);
        }
    }

    fn on_nack(&mut self, to: SocketAddr, nack: &Nack) {
        let oldest =
            if nack.origin == self.origin { self.outbox.ring.oldest() } else { DSEQ_MAX + 1 };
        let mut left = REPEATS_MAX;
        for span in &nack.spans {
            let start = span.start.max(oldest);
            let end = (span.start + span.count).min(self.outbox.ring.next());
            for dseq in start..end.min(start.saturating_add(left)) {
                // What the budget does not allow now will be asked for again.
                if self.budget.for_deltas() == 0 {
                    return;
                }
                if let Some(payload) = self.outbox.ring.get(dseq).cloned() {
                    left -= 1;
                    self.figures.repeats += 1;
                    self.send(Target::One(to), Kind::Delta, payload);
                }
            }
        }
        if nack.spans.first().is_some_and(|span| span.start < oldest) {
            self.figures.gones += 1;
            let gone = Gone { origin: nack.origin, oldest_dseq: oldest };
            self.send(Target::One(to), Kind::Gone, gone.payload().into());
        }
    }

    fn on_gone(&mut self, now: Now, from: Sender, gone: &Gone) {
        let Some(inbound) = self.inbound.get(&gone.origin) else {
            return;
        };
        let lost = inbound.has_gap() && inbound.cursor() + 1 < gone.oldest_dseq;
        if lost && self.state != State::Joining {
            self.want(now, gone.origin, Some(from.addr), false);
        }
    }
}
