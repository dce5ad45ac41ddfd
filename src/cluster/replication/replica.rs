//! One node's part in replication.

use std::collections::BTreeMap;

use core::net::SocketAddr;

use super::budget::Budget;
use super::dice::Dice;
use super::effect::{Effect, Member, ReadyBy, StreamId};
use super::figures::{Figures, OriginFigures, bytes};
use super::inbound::Inbound;
use super::members::Members;
use super::options::{COLD_START_MS, JOIN_MAX_MS, LEAVE_MS, Options};
use super::outbox::Outbox;
use super::pulls::Pulls;
use super::receive::Sender;
use super::serves::Serves;
use super::tally::Tally;
use crate::cluster::now::Now;
use crate::cluster::wire::{Frame, Kind, Message, State};
use crate::engine::Origin;

/// One node's part: what it said, what it heard, what it lacks.
#[derive(Debug)]
pub struct Replica<T: Tally> {
    pub(super) options: Options,
    pub(super) dice: Dice,
    pub(super) origin: Origin,
    pub(super) flush_stamp: u64,
    pub(super) state: State,
    pub(super) awaits_origin: bool,
    pub(super) outbox: Outbox,
    pub(super) members: Members,
    pub(super) inbound: BTreeMap<Origin, Inbound>,
    pub(super) pulls: Pulls,
    pub(super) serves: Serves<T::Place>,
    pub(super) budget: Budget,
    pub(super) figures: Figures,
    pub(super) effects: Vec<Effect>,
    /// New members that have not had our vector.
    pub(super) greet: Vec<Origin>,
    pub(super) vector_due_ms: u64,
    pub(super) sweep_due_ms: u64,
    /// Highest own delta that another member's vector covers.
    pub(super) confirmed: u64,
    pub(super) roster: Vec<u8>,
    started_ms: u64,
    member_since_ms: Option<u64>,
    leaving_since_ms: Option<u64>,
}

impl<T: Tally> Replica<T> {
    /// A joining node of its tally's epoch. `seed` chooses whom it asks.
    pub fn new(now: Now, options: Options, seed: u64, tally: &T) -> Replica<T> {
        Replica {
            options,
            dice: Dice::new(seed),
            origin: tally.origin(),
            flush_stamp: tally.flush_stamp(),
            state: State::Joining,
            awaits_origin: false,
            outbox: Outbox::new(now, &options),
            members: Members::default(),
            inbound: BTreeMap::new(),
            pulls: Pulls::default(),
            serves: Serves::new(),
            budget: Budget::new(now.steady_ms, options.egress_bytes_per_s),
            figures: Figures::default(),
            effects: Vec::new(),
            greet: Vec::new(),
            vector_due_ms: now.steady_ms,
            sweep_due_ms: now.steady_ms,
            confirmed: 0,
            roster: Vec::new(),
            started_ms: now.steady_ms,
            member_since_ms: None,
            leaving_since_ms: None,
        }
    }

    /// What the edge is to do since the last call, in order.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// An authenticated datagram.
    #[allow(clippy::too_many_arguments, reason = "the envelope's fields, as the edge has them")]
    pub fn on_datagram(
        &mut self,
        now: Now,
        from: SocketAddr,
        origin: Origin,
        sent_ms: u64,
        kind: u8,
        payload: &[u8],
        tally: &T,
    ) {
        let Some(kind) = Kind::from_code(kind) else {
            self.figures.skipped += 1;
            return;
        };
        self.follow(now, tally);
        self.figures.received(kind, payload.len());
        match Message::read(kind, payload) {
            Ok(Some(message)) => {
                self.receive(now, Sender { addr: from, origin, sent_ms }, message, tally);
            }
            Ok(None) => {}
            Err(_) => self.figures.malformed += 1,
        }
    }

    /// Time has passed; to be called about every millisecond.
    pub fn on_tick(&mut self, now: Now, tally: &T) {
        self.follow(now, tally);
        self.budget.fill(now.steady_ms);
        if !self.awaits_origin {
            self.speak(now, tally);
            self.tell_vectors(now, tally);
        }
        self.repair(now);
        self.pull(now);
        self.serve(now, tally);
        self.sweep(now, tally);
        self.advance(now, tally);
    }

    /// Membership's list of who is alive; this node itself may be in it.
    pub fn on_members(&mut self, now: Now, members: &[Member]) {
        let own = self.origin;
        let others = members.iter().filter(|member| member.origin != own);
        let fresh = self.members.update(others.map(|member| (member.origin, member.addr)));
        for origin in fresh {
            let addr = self.members.get(origin).map(|peer| peer.addr);
            if let Some(inbound) = self.inbound_of(now, origin, addr) {
                inbound.addr = addr;
                // Its silence begins now.
                inbound.heard_ms = now.steady_ms;
            }
            self.greet.push(origin);
            self.outbox.beat_now = true;
        }
        self.greet.retain(|origin| self.members.contains(*origin));
        if self.member_since_ms.is_none() && !self.members.is_empty() {
            self.member_since_ms = Some(now.steady_ms);
        }
    }

    /// Membership's own bytes for those that sync.
    pub fn set_roster(&mut self, bytes: Vec<u8>) {
        self.roster = bytes;
    }

    /// A frame arrived on a stream. Only one that opened it may be served.
    pub fn on_sync_frame(&mut self, now: Now, stream: StreamId, frame: &[u8], tally: &T) {
        self.follow(now, tally);
        self.figures.bytes_in += bytes(frame.len());
        let Ok(frame) = Frame::read(frame) else {
            self.figures.malformed += 1;
            self.effects.push(Effect::CloseSync { stream });
            self.on_sync_closed(now, stream);
            return;
        };
        match stream {
            StreamId::Opened(id) => self.on_pulled(now, id, frame, tally),
            StreamId::Accepted(id) => self.on_request(now, id, frame, tally),
        }
    }

    /// A stream has ended, or could not be opened.
    pub fn on_sync_closed(&mut self, now: Now, stream: StreamId) {
        match stream {
            StreamId::Opened(id) => self.pull_failed(now, id),
            StreamId::Accepted(id) => self.serves.closed(id),
        }
    }

    /// Bytes that wait in the socket of a stream that is served.
    pub fn on_sync_backlog(&mut self, stream: StreamId, waiting_bytes: usize) {
        if let StreamId::Accepted(id) = stream {
            self.serves.backlog(id, waiting_bytes);
        }
    }

    /// Begins a new epoch: after [`Effect::Renew`], or because an own count fell.
    pub fn renew(&mut self, now: Now, origin: Origin, tally: &T) {
        if !self.awaits_origin {
            self.flush_all(now, tally);
        }
        tally.renew(now.wall_ms, origin);
        self.follow(now, tally);
    }

    /// The node is to end: publishes the rest and waits for a member to confirm it.
    pub fn leave(&mut self, now: Now, tally: &T) {
        if self.leaving_since_ms.is_none() {
            self.leaving_since_ms = Some(now.steady_ms);
            self.state = State::Leaving;
            self.flush_all(now, tally);
            self.outbox.beat_now = true;
        }
    }

    /// Takes note of a flush or a new epoch that the engine knows of first.
    pub(super) fn follow(&mut self, now: Now, tally: &T) {
        if tally.flush_stamp() != self.flush_stamp {
            self.flush_stamp = tally.flush_stamp();
            // All that was heard was said by epochs born before the flush.
            self.inbound.clear();
            self.pulls.forget_wants();
            self.break_off_serves();
            self.wants_renewal();
        } else if tally.origin() != self.origin && !self.awaits_origin {
            // The former life goes on as an origin that is held completely.
            let mut former = Inbound::new(now.steady_ms, None);
            former.raise(now.steady_ms, self.outbox.last_dseq());
            self.inbound.insert(self.origin, former);
        }
        if tally.origin() != self.origin {
            self.origin = tally.origin();
            self.inbound.remove(&self.origin);
            self.awaits_origin = false;
            self.outbox.ring.restart();
            self.outbox.beat_now = true;
            self.confirmed = 0;
            self.figures.renewals += 1;
        }
    }

    pub(super) fn wants_renewal(&mut self) {
        if !self.awaits_origin {
            self.awaits_origin = true;
            // Nothing of the life that ends may be repeated under the next.
            self.outbox.ring.restart();
            self.effects.push(Effect::Renew);
        }
    }

    pub(super) fn is_ready(&mut self, by: ReadyBy) {
        self.state = State::Ready;
        self.outbox.beat_now = true;
        self.effects.push(Effect::Ready { by });
    }

    /// From joining to ready, and from leaving to left.
    fn advance(&mut self, now: Now, tally: &T) {
        match self.state {
            State::Joining => self.advance_joining(now, tally),
            State::Leaving => self.advance_leaving(now),
            State::Ready => {}
        }
    }

    fn advance_joining(&mut self, now: Now, tally: &T) {
        let since = |from_ms: u64| now.steady_ms.saturating_sub(from_ms);
        let Some(member_since_ms) = self.member_since_ms else {
            if since(self.started_ms) >= self.options.alone_after_ms {
                self.is_ready(ReadyBy::Alone);
            }
            return;
        };
        if since(member_since_ms) >= COLD_START_MS && self.members.all_join() {
            let all: Vec<SocketAddr> = self.members.iter().map(|(_, peer)| peer.addr).collect();
            self.tell_vector(now, tally, &all);
            self.is_ready(ReadyBy::ColdStart);
            return;
        }
        let (joining_ms, come) = (since(self.started_ms), self.pulls.bring_all(now.steady_ms));
        if joining_ms >= JOIN_MAX_MS || joining_ms >= self.options.join_within_ms && !come {
            self.is_ready(ReadyBy::Timeout);
        }
    }

    fn advance_leaving(&mut self, now: Now) {
        let Some(since_ms) = self.leaving_since_ms else {
            return;
        };
        let unconfirmed = self.outbox.last_dseq().saturating_sub(self.confirmed);
        let nobody = self.members.is_empty();
        if unconfirmed == 0 || nobody || now.steady_ms >= since_ms + LEAVE_MS {
            self.leaving_since_ms = None;
            self.effects.push(Effect::Left { unconfirmed });
        }
    }

    /// Where this node is in its life.
    pub fn state(&self) -> State {
        self.state
    }

    /// What it did since its start.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Bytes and deltas kept for repetition.
    pub fn ring_bytes(&self) -> usize {
        self.outbox.ring.bytes()
    }

    /// What is known of each origin heard of.
    pub fn origins(&self, now: Now) -> Vec<OriginFigures> {
        let figures = |(origin, inbound): (&Origin, &Inbound)| OriginFigures {
            origin: *origin,
            addr: inbound.addr,
            is_member: self.members.contains(*origin),
            state: self.members.get(*origin).and_then(|peer| peer.state),
            cursor: inbound.cursor(),
            gap: inbound.gap(),
            heard_at_ms: inbound.heard_at_ms(),
            lag_ms: inbound.lag_ms(now.steady_ms),
            skew_ms: inbound.skew_ms(),
            incomplete_until_ms: inbound.incomplete_until_ms(now.wall_ms),
        };
        self.inbound.iter().map(figures).collect()
    }
}
