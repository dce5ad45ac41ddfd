//! One node without its sockets: membership, replication and sealing, put together.
//!
//! Not here: sockets, clocks, randomness, names, counting; the edge (`server`) or a simulator brings
//! them and carries out the [`Effect`]s, in their order. Invariants: what an epoch says is sealed
//! under that epoch, and no epoch is sealed under again once another has begun; what does not open
//! reaches neither membership nor replication.

use core::net::SocketAddr;

use super::membership::{self, Identity, MemberEvent, Membership, PACKET_BYTES_MAX};
use super::now::Now;
use super::replication::{self, Member, Options, ReadyBy, Replica, StreamId, Tally, Target};
use super::seal::callers::{Callers, Welcome};
use super::seal::envelope::{DATAGRAM_BYTES_DEFAULT, Kind, SealError, Sealer};
use super::seal::keyring::Keyring;
use super::seal::opener::{Opened, Opener};
use super::seal::stream::{Hello, STREAM_NONCE_BYTES};
use super::seal::{ClusterName, Refusal};
use crate::engine::Origin;

/// What the edge is to do.
#[derive(Debug)]
pub enum Effect {
    /// Send a datagram.
    Send {
        /// To each of these.
        to: Vec<SocketAddr>,
        /// As it travels.
        datagram: Vec<u8>,
    },
    /// Open a stream; frames for it may follow at once and wait for it.
    Open {
        /// Its number.
        stream: StreamId,
        /// To whom.
        to: SocketAddr,
        /// What its first frame begins with.
        hello: Hello,
    },
    /// Send a frame, sealed by the stream's end, which is the edge's.
    Frame {
        /// On which stream.
        stream: StreamId,
        /// The frame before sealing.
        bytes: Vec<u8>,
    },
    /// Close a stream, after what was sent.
    Close {
        /// Which.
        stream: StreamId,
    },
    /// Draw a random origin and call [`Core::renew`]: own counts have fallen.
    Renew,
    /// What changed in the list of members, for a log.
    Member(MemberEvent),
    /// The list of live members is another: this one, without this node.
    Members(Vec<Member>),
    /// Clients may be served.
    Ready {
        /// How that came.
        by: ReadyBy,
    },
    /// Nothing more is published; the goodbyes follow.
    Left {
        /// Deltas that no member has confirmed.
        unconfirmed: u64,
    },
    /// A datagram could not be sealed, which says something of this program.
    Unsealed(SealError),
}

/// What a node is born with.
#[derive(Debug)]
pub struct Birth {
    /// Its address, generation, first origin (the tally's), and what it speaks.
    pub identity: Identity,
    /// The keys of the cluster.
    pub keyring: Keyring,
    /// The cluster's name.
    pub name: ClusterName,
    /// Of replication.
    pub options: Options,
    /// Chooses whom to probe and whom to ask; no secret.
    pub seeds: (u64, u64),
}

/// A node. See the module.
pub struct Core<T: Tally> {
    membership: Membership,
    replica: Replica<T>,
    sealer: Sealer,
    opener: Opener,
    callers: Callers,
    keyring: Keyring,
    name: ClusterName,
    /// When membership wants to be called, ms; `None` after the last goodbye.
    membership_due_ms: Option<u64>,
    effects: Vec<Effect>,
}

impl<T: Tally> Core<T> {
    /// A node that joins.
    pub fn new(now: Now, birth: Birth, tally: &T) -> Core<T> {
        let Birth { identity, keyring, name, options, seeds } = birth;
        let epoch = identity.origin.0;
        Core {
            membership: Membership::new(identity, PACKET_BYTES_MAX, seeds.0),
            replica: Replica::new(now, options, seeds.1, tally),
            sealer: Sealer::new(&keyring, name.clone(), epoch, DATAGRAM_BYTES_DEFAULT),
            opener: Opener::new(keyring.clone(), name.clone(), epoch),
            callers: Callers::new(epoch),
            keyring,
            name,
            membership_due_ms: Some(0),
            effects: Vec::new(),
        }
    }

    /// What the edge is to do since the last call, in order.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Opens a datagram in place; what it says is taken by [`Core::on_opened`].
    ///
    /// # Errors
    /// Why it is not to be taken; then nothing has changed.
    pub fn open<'d>(&mut self, now: Now, datagram: &'d mut [u8]) -> Result<Opened<'d>, Refusal> {
        self.opener.open(now.wall_ms, datagram)
    }

    /// Takes what a datagram said.
    pub fn on_opened(&mut self, now: Now, from: SocketAddr, opened: &Opened<'_>, tally: &T) {
        let (origin, sent_ms) = (Origin(opened.epoch), opened.sent_ms);
        if opened.kind == Kind::MEMBERSHIP {
            let effects = self.membership.on_packet(now.steady_ms, from, opened.payload);
            self.follow(now, effects);
        } else {
            let kind = opened.kind.number();
            self.replica.on_datagram(now, from, origin, sent_ms, kind, opened.payload, tally);
        }
        self.settle(now);
    }

    /// Takes another address while no other node is known; `others` are then announced to.
    pub fn set_address(&mut self, now: Now, addr: SocketAddr, others: &[SocketAddr]) {
        let effects = self.membership.set_address(now.steady_ms, addr, others);
        self.follow(now, effects);
    }

    /// Judges a caller's first bytes; `nonce` is fresh random. Nothing while the hello is not whole.
    ///
    /// # Errors
    /// Why the caller may not speak: close the connection, say nothing.
    pub fn on_hello<'a>(
        &mut self,
        now: Now,
        nonce: [u8; STREAM_NONCE_BYTES],
        bytes: &'a mut [u8],
    ) -> Result<Option<Welcome<'a>>, Refusal> {
        self.callers.accept(&self.keyring, &self.name, now.wall_ms, nonce, bytes)
    }

    /// A frame arrived on a stream.
    pub fn on_frame(&mut self, now: Now, stream: StreamId, frame: &[u8], tally: &T) {
        self.replica.on_sync_frame(now, stream, frame, tally);
        self.settle(now);
    }

    /// A stream has ended, or could not be opened.
    pub fn on_closed(&mut self, now: Now, stream: StreamId) {
        self.replica.on_sync_closed(now, stream);
        self.settle(now);
    }

    /// Bytes that wait in the socket of a stream that is served.
    pub fn on_backlog(&mut self, stream: StreamId, waiting_bytes: usize) {
        self.replica.on_sync_backlog(stream, waiting_bytes);
    }

    /// Time has passed; to be called about every millisecond.
    pub fn on_tick(&mut self, now: Now, tally: &T) {
        if self.membership_due_ms.is_some_and(|due_ms| due_ms <= now.steady_ms) {
            let effects = self.membership.on_timer(now.steady_ms);
            self.follow(now, effects);
        }
        self.replica.on_tick(now, tally);
        self.settle(now);
    }

    /// Takes what discovery found, in place of what it found before.
    pub fn on_found(&mut self, now: Now, found: &[SocketAddr]) {
        let effects = self.membership.announce_to(now.steady_ms, found);
        self.follow(now, effects);
    }

    /// Begins a new epoch, fresh random: after [`Effect::Renew`], or because an own count fell.
    pub fn renew(&mut self, now: Now, origin: Origin, tally: &T) {
        self.replica.renew(now, origin, tally);
        // Said still by the old epoch, so sealed under it. Should it want a new one: here it is.
        self.carry_out(now);
        self.sealer.renew(&self.keyring, origin.0);
        self.opener.renew(origin.0);
        self.callers.renew(origin.0);
        let effects = self.membership.set_origin(now.steady_ms, origin);
        self.follow(now, effects);
        self.replica.set_roster(self.membership.roster());
    }

    /// Seals under the first key of another ring from now on, and opens under all of its keys.
    pub fn rekey(&mut self, keyring: Keyring) {
        self.sealer.rekey(&keyring);
        self.opener.rekey(keyring.clone());
        self.keyring = keyring;
    }

    /// The node is to end: publishes the rest, waits for a member to confirm it, says goodbye.
    pub fn leave(&mut self, now: Now, tally: &T) {
        self.replica.leave(now, tally);
        self.settle(now);
    }

    /// True once the last goodbye is said.
    pub fn has_left(&self) -> bool {
        self.membership_due_ms.is_none()
    }

    /// Who is there.
    pub fn membership(&self) -> &Membership {
        &self.membership
    }

    /// What is held of whom.
    pub fn replica(&self) -> &Replica<T> {
        &self.replica
    }

    /// The keys that it seals and opens under.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Carries out what replication wants.
    fn settle(&mut self, now: Now) {
        if self.carry_out(now) {
            self.effects.push(Effect::Renew);
        }
    }

    /// True if a new epoch is wanted; what else is wanted belongs to the old one.
    fn carry_out(&mut self, now: Now) -> bool {
        let mut renews = false;
        for effect in self.replica.take_effects() {
            match effect {
                replication::Effect::Send { origin, to, kind, payload }
                    if origin.0 == self.sealer.epoch() =>
                {
                    if let Some(kind) = Kind::new(kind.code()) {
                        self.send(now, to, kind, &payload);
                    }
                }
                // Of a life that has ended: sealing under its epoch again would repeat nonces.
                replication::Effect::Send { .. } => {}
                replication::Effect::OpenSync { stream, to } => self.call(now, stream, to),
                replication::Effect::SyncFrame { stream, bytes } => {
                    self.effects.push(Effect::Frame { stream, bytes });
                }
                replication::Effect::CloseSync { stream } => {
                    self.effects.push(Effect::Close { stream });
                }
                replication::Effect::Roster { bytes } => {
                    // One that is unreadable changes nothing; gossip tells the same.
                    if let Ok(effects) = self.membership.apply_roster(now.steady_ms, &bytes) {
                        self.follow(now, effects);
                    }
                }
                replication::Effect::Renew => renews = true,
                replication::Effect::Ready { by } => self.effects.push(Effect::Ready { by }),
                replication::Effect::Left { unconfirmed } => {
                    self.effects.push(Effect::Left { unconfirmed });
                    let effects = self.membership.leave(now.steady_ms);
                    self.follow(now, effects);
                }
            }
        }
        renews
    }

    /// Carries out what membership wants.
    fn follow(&mut self, now: Now, effects: membership::Effects) {
        for (addr, payload) in effects.send {
            self.seal(now, Kind::MEMBERSHIP, &payload, vec![addr]);
        }
        self.membership_due_ms = effects.next_timer_ms;
        if effects.events.is_empty() {
            return;
        }
        self.effects.extend(effects.events.into_iter().map(Effect::Member));
        let member = |it: &membership::MemberInfo| Member {
            addr: it.identity.addr,
            origin: it.identity.origin,
        };
        let members: Vec<Member> = self.membership.active().map(member).collect();
        self.replica.on_members(now, &members);
        self.replica.set_roster(self.membership.roster());
        self.effects.push(Effect::Members(members));
    }

    fn send(&mut self, now: Now, to: Target, kind: Kind, payload: &[u8]) {
        let to = match to {
            Target::One(addr) => vec![addr],
            Target::Members => self.membership.active().map(|it| it.identity.addr).collect(),
        };
        self.seal(now, kind, payload, to);
    }

    fn seal(&mut self, now: Now, kind: Kind, payload: &[u8], to: Vec<SocketAddr>) {
        if to.is_empty() {
            return;
        }
        let mut datagram = Vec::with_capacity(DATAGRAM_BYTES_DEFAULT);
        match self.sealer.seal(kind, now.wall_ms, payload, &mut datagram) {
            Ok(_) => self.effects.push(Effect::Send { to, datagram }),
            Err(error) => self.effects.push(Effect::Unsealed(error)),
        }
    }

    fn call(&mut self, now: Now, stream: StreamId, to: SocketAddr) {
        let server = self.membership.active().find(|it| it.identity.addr == to);
        let Some(server_epoch) = server.map(|it| it.identity.origin.0) else {
            // It has left meanwhile.
            self.replica.on_sync_closed(now, stream);
            return;
        };
        let (sent_ms, client_epoch) = (now.wall_ms, self.sealer.epoch());
        let hello = Hello { sent_ms, client_epoch, server_epoch };
        self.effects.push(Effect::Open { stream, to, hello });
    }
}
