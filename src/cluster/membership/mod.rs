//! Who belongs to the cluster: foca's SWIM, wrapped so that splits heal, restarts rejoin and
//! everything is bounded.
//!
//! What is added to foca: our own byte layout (codec), announcing oneself again every 5 s (seeds),
//! renewal without storms (renewal), a goodbye to every member, at most [`MEMBERS_MAX`] members.
//!
//! Not here: sealing, sockets, DNS, and counts: who is a member never changes a count. Invariant:
//! adding up the [`MemberEvent`]s gives exactly the active members; all state is bounded by
//! [`MEMBERS_MAX`], [`INACTIVE_MAX`] and [`SEEDS_MAX`].

mod codec;
mod farewell;
mod identity;
mod members;
mod outbox;
mod renewal;
mod seeds;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use bytes::Bytes;
use core::net::SocketAddr;
use foca::{Codec as _, Config, Foca, Header, Member, NoCustomBroadcast, PeriodicParams, Timer};
use rand::SeedableRng;
use rand::rngs::SmallRng;

pub use codec::{Codec, CodecError, IDENTITY_BYTES, MEMBER_BYTES};
pub use farewell::{GOODBYE_GAP_MS, GOODBYES};
pub use identity::{Identity, canonical, reachable};
pub use members::{MemberEvent, MemberInfo, MemberState};
pub use renewal::{FIRST_STEP_MS, LAST_STEP_MS, QUIET_MS, RENEWALS_MAX};
pub use seeds::{FANOUT, ROUND_MS, SEEDS_MAX};

use crate::engine::Origin;
use farewell::Farewell;
use members::Members;
use outbox::Outbox;
use renewal::Renewal;
use seeds::Seeds;

/// Members of a cluster, this node included: the full mesh of increments is made for as many. Who
/// comes later is not answered, and counted.
pub const MEMBERS_MAX: usize = 100;
/// Members remembered after they are gone. Beyond it the longest gone is forgotten.
pub const INACTIVE_MAX: usize = 256;
/// How long a member that is gone is remembered and announced to, ms (a day).
pub const FORGET_AFTER_MS: u64 = 86_400_000;
/// Bytes of a payload that fit a sealed datagram of 1,200.
pub const PACKET_BYTES_MAX: usize = 1_162;
/// Fewest bytes of a payload: the longest header and a few members.
pub const PACKET_BYTES_MIN: usize = 512;

/// What a call wants done.
#[derive(Debug, Default)]
pub struct Effects {
    /// Datagrams to seal and send, in order.
    pub send: Vec<(SocketAddr, Bytes)>,
    /// What changed, in order.
    pub events: Vec<MemberEvent>,
    /// When to call [`Membership::on_timer`] next, node time in ms; `None` after the last goodbye.
    pub next_timer_ms: Option<u64>,
}

/// What has gone wrong since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Payloads that are no message.
    pub malformed: u64,
    /// Payloads that came from another address than their sender names: its advertised address is
    /// wrong, or it has several.
    pub address_mismatch: u64,
    /// Payloads whose sender claims this node's own address.
    pub own_address: u64,
    /// Payloads and members refused because the cluster is full.
    pub refused: u64,
    /// Identities taken because the cluster held the former for dead.
    pub renewals: u64,
    /// Things that foca says cannot happen.
    pub unexpected: u64,
}

/// This node's view of the cluster.
pub struct Membership {
    foca: Foca<Identity, Codec, SmallRng, NoCustomBroadcast>,
    outbox: Outbox,
    members: Members,
    seeds: Seeds,
    renewal: Renewal,
    /// When to take another identity, ms: the present one is dead.
    renew_at_ms: Option<u64>,
    round_at_ms: u64,
    farewell: Option<Farewell>,
    packet_bytes_max: NonZeroUsize,
    /// The number of nodes that foca's settings are made for.
    sized_for: usize,
    rng: SmallRng,
    tally: Tally,
}

impl Membership {
    /// A node that knows nobody. `packet_bytes_max` must be the same in the whole cluster and is
    /// raised to [`PACKET_BYTES_MIN`]; `seed` chooses whom to probe and tell, and is no secret.
    pub fn new(identity: Identity, packet_bytes_max: usize, seed: u64) -> Membership {
        let packet_bytes_max =
            NonZeroUsize::new(packet_bytes_max.max(PACKET_BYTES_MIN)).unwrap_or(NonZeroUsize::MIN);
        let mut rng = SmallRng::seed_from_u64(seed);
        let foca_rng = SmallRng::from_rng(&mut rng);
        Membership {
            foca: Foca::new(identity, config(1, packet_bytes_max), foca_rng, Codec),
            outbox: Outbox::default(),
            members: Members::default(),
            seeds: Seeds::default(),
            renewal: Renewal::default(),
            renew_at_ms: None,
            round_at_ms: 0,
            farewell: None,
            packet_bytes_max,
            sized_for: 1,
            rng,
            tally: Tally::default(),
        }
    }

    /// Takes the opened payload of a datagram that `from` sent. Bytes that are no message are counted
    /// and change nothing. After a pause, call it for what waits before [`Membership::on_timer`].
    pub fn on_packet(&mut self, now_ms: u64, from: SocketAddr, payload: &[u8]) -> Effects {
        self.outbox.now_ms = now_ms;
        let sender = match Codec.decode_header(payload) {
            _ if self.farewell.is_some() => return self.effects(Vec::new()),
            Err(_) => {
                self.tally.malformed += 1;
                return self.effects(Vec::new());
            }
            Ok(Header { src, .. }) => src.addr,
        };
        if self.is_full_for(sender) {
            self.tally.refused += 1;
            return self.effects(Vec::new());
        }
        self.tally.address_mismatch += u64::from(canonical(from) != sender);
        let outcome = self.foca.handle_data(payload, &mut self.outbox);
        self.count(outcome);
        self.settle(Some(sender))
    }

    /// Does what is due.
    pub fn on_timer(&mut self, now_ms: u64) -> Effects {
        self.outbox.now_ms = now_ms;
        if self.farewell.is_some() {
            return self.say_goodbye();
        }
        for timer in self.outbox.due() {
            let outcome = self.foca.handle_timer(timer, &mut self.outbox);
            self.count(outcome);
        }
        if now_ms >= self.round_at_ms {
            self.round_at_ms = now_ms.saturating_add(ROUND_MS);
            let round = self.seeds.round(self.identity().addr, &self.members, &mut self.rng);
            self.announce(&round);
        }
        self.settle(None)
    }

    /// Takes what discovery found, in place of what it found before, and announces this node at once
    /// to each address that is not an active member's. Call it every time that names were resolved.
    pub fn announce_to(&mut self, now_ms: u64, addrs: &[SocketAddr]) -> Effects {
        self.outbox.now_ms = now_ms;
        self.seeds.replace(addrs);
        let missing = self.seeds.missing(self.identity().addr, &self.members);
        self.announce(&missing.into_iter().collect());
        self.settle(None)
    }

    /// Tells every active member that this node leaves, three times; nothing is taken in any more.
    /// Call [`Membership::on_timer`] until `next_timer_ms` is `None`.
    pub fn leave(&mut self, now_ms: u64) -> Effects {
        self.outbox.now_ms = now_ms;
        if self.farewell.is_some() {
            return self.effects(Vec::new());
        }
        let active: Vec<_> = self.members.active().map(|member| member.identity).collect();
        self.farewell = Some(Farewell::new(now_ms, *self.identity(), &active));
        self.say_goodbye()
    }

    /// Goes on under another origin, since own counts fell; its members see a rename.
    pub fn set_origin(&mut self, now_ms: u64, origin: Origin) -> Effects {
        self.outbox.now_ms = now_ms;
        let old = *self.identity();
        if self.farewell.is_none() && old.origin != origin {
            let gen_ms = old.gen_ms.saturating_add(1).max(now_ms);
            self.take_identity(Identity { gen_ms, origin, ..old });
        }
        self.settle(None)
    }

    /// Goes by another address, since the former was a guess, and announces it to `others`. Changes
    /// nothing once a member is known, since that one found it by the former.
    pub fn set_address(&mut self, now_ms: u64, addr: SocketAddr, others: &[SocketAddr]) -> Effects {
        self.outbox.now_ms = now_ms;
        let addr = canonical(addr);
        let old = *self.identity();
        if self.farewell.is_none() && old.addr != addr && self.members.iter().next().is_none() {
            // Another foca, not another identity: the guess would stay in the list, as a dead member.
            let rng = SmallRng::from_rng(&mut self.rng);
            let config = config(self.sized_for, self.packet_bytes_max);
            self.foca = Foca::new(Identity { addr, ..old }, config, rng, Codec);
            self.outbox.void_timers();
            let others = others.iter().map(|other| canonical(*other));
            self.announce(&others.filter(|other| reachable(*other) && *other != addr).collect());
        }
        self.settle(None)
    }

    /// All that this node knows of members, itself included, for a joiner: any number of members as
    /// the codec writes them.
    pub fn roster(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let own = Member::alive(*self.identity());
        let others = self.foca.iter_membership_state().filter(|it| !self.is_own(it.id()));
        for member in std::iter::once(&own).chain(others) {
            Codec.encode_member(member, &mut bytes).expect("a vector grows");
        }
        bytes
    }

    /// Takes another node's roster.
    ///
    /// # Errors
    /// The bytes are no roster, or longer than any can be; nothing has changed.
    pub fn apply_roster(&mut self, now_ms: u64, mut roster: &[u8]) -> Result<Effects, CodecError> {
        self.outbox.now_ms = now_ms;
        if roster.len() > (MEMBERS_MAX + INACTIVE_MAX) * MEMBER_BYTES {
            return Err(CodecError::Full);
        }
        let mut members = Vec::new();
        while !roster.is_empty() {
            members.push(Codec.decode_member(&mut roster)?);
        }
        if self.farewell.is_some() {
            return Ok(self.effects(Vec::new()));
        }
        let outcome = self.foca.apply_many(members.into_iter(), false, &mut self.outbox);
        self.count(outcome);
        Ok(self.settle(None))
    }

    /// Who this node is now.
    pub fn identity(&self) -> &Identity {
        self.foca.identity()
    }

    /// Every known member but this node, by address: active ones and those that are gone.
    pub fn members(&self) -> impl Iterator<Item = &MemberInfo> {
        self.members.iter()
    }

    /// The members to send to, by address.
    pub fn active(&self) -> impl Iterator<Item = &MemberInfo> {
        self.members.active()
    }

    /// The highest protocol version that this node and every active member read.
    pub fn protocol(&self) -> u8 {
        let own = self.identity().proto_max;
        self.active().map(|member| member.identity.proto_max).fold(own, u8::min)
    }

    /// What has gone wrong since the start.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Timers that wait: bounded by the members, whatever arrives.
    pub fn timer_count(&self) -> usize {
        self.outbox.timer_count()
    }
}

impl Membership {
    fn is_own(&self, id: &Identity) -> bool {
        id.addr == self.identity().addr
    }

    fn is_full_for(&self, sender: SocketAddr) -> bool {
        !self.members.is_active(&sender) && self.members.active().count() >= MEMBERS_MAX - 1
    }

    fn count(&mut self, outcome: Result<(), foca::Error>) {
        use foca::Error;
        match outcome {
            Ok(()) => {}
            Err(Error::DataFromOurselves) => self.tally.own_address += 1,
            Err(
                Error::DataTooBig
                | Error::MalformedPacket
                | Error::Decode(_)
                | Error::CustomBroadcast(_)
                | Error::IndirectForOurselves,
            ) => self.tally.malformed += 1,
            Err(_) => self.tally.unexpected += 1,
        }
    }

    fn announce(&mut self, addrs: &BTreeSet<SocketAddr>) {
        if self.farewell.is_some() || self.renew_at_ms.is_some() {
            return;
        }
        for addr in addrs {
            let outcome = self.foca.announce(Identity::stranger(*addr), &mut self.outbox);
            self.count(outcome);
        }
    }

    /// Brings everything into step with foca after it was given something by `sender`.
    fn settle(&mut self, sender: Option<SocketAddr>) -> Effects {
        let mut events = Vec::new();
        if self.farewell.is_none() {
            events.extend(self.renew(sender));
            self.refuse_surplus();
            self.mirror(&mut events);
            self.forget();
            self.resize();
        }
        self.effects(events)
    }

    /// Takes the next identity if the present one is dead and it is time.
    fn renew(&mut self, sender: Option<SocketAddr>) -> Option<MemberEvent> {
        let now_ms = self.outbox.now_ms;
        if std::mem::take(&mut self.outbox.defunct) {
            self.renew_at_ms.get_or_insert(now_ms);
        }
        if self.renew_at_ms.is_none_or(|at_ms| at_ms > now_ms) {
            return None;
        }
        match self.renewal.next(now_ms, self.identity().gen_ms) {
            Err(at_ms) => {
                self.renew_at_ms = Some(at_ms);
                None
            }
            Ok(gen_ms) => {
                self.tally.renewals += 1;
                let renewed = Identity { gen_ms, ..*self.identity() };
                self.take_identity(renewed);
                // Whoever holds this node for dead must hear of its new life, or both wait for the
                // next round; foca gossips it to active members only.
                self.announce(&sender.into_iter().collect());
                Some(MemberEvent::Renewed(renewed))
            }
        }
    }

    fn take_identity(&mut self, identity: Identity) {
        self.renew_at_ms = None;
        self.outbox.void_timers();
        let outcome = self.foca.change_identity(identity, &mut self.outbox);
        self.count(outcome);
        // Nothing new, only so that foca sees that it knows active members, and starts its timers.
        let outcome = self.foca.apply_many(std::iter::empty(), false, &mut self.outbox);
        self.count(outcome);
    }

    /// Removes from foca's list who would be one member too many, before anyone is told of it.
    fn refuse_surplus(&mut self) {
        let surplus = self.foca.num_members().saturating_sub(MEMBERS_MAX - 1);
        if surplus == 0 {
            return;
        }
        let active = self.foca.iter_members().map(|member| *member.id());
        let mut new: Vec<_> = active.filter(|id| !self.members.is_active(&id.addr)).collect();
        new.sort_by_key(|id| id.addr);
        for id in new.into_iter().rev().take(surplus) {
            self.tally.refused += 1;
            self.remove(id);
        }
    }

    fn remove(&mut self, id: Identity) {
        let down = std::iter::once(Member::down(id));
        let outcome = self.foca.apply_many(down, false, &mut self.outbox);
        self.count(outcome);
        let outcome = self.foca.handle_timer(Timer::RemoveDown(id), &mut self.outbox);
        self.count(outcome);
    }

    fn mirror(&mut self, events: &mut Vec<MemberEvent>) {
        let others = self.foca.iter_membership_state().filter(|it| !self.is_own(it.id()));
        let said = others.map(|it| (it.id().addr, (*it.id(), MemberState::of(it)))).collect();
        self.members.update(self.outbox.now_ms, said, events);
    }

    /// Forgets members that are gone for a day, and the longest gone where they are too many.
    fn forget(&mut self) {
        let now_ms = self.outbox.now_ms;
        let old = |it: &MemberInfo| now_ms.saturating_sub(it.since_ms) >= FORGET_AFTER_MS;
        let inactive = self.members.inactive().into_iter().enumerate();
        let forgotten = inactive.filter(|(at, it)| *at >= INACTIVE_MAX || old(it));
        let forgotten: Vec<_> = forgotten.map(|(_, it)| it.identity).collect();
        for id in forgotten {
            self.remove(id);
            self.members.forget(&id.addr);
        }
    }

    /// Fits how long a suspect has to answer to the size of the cluster.
    fn resize(&mut self) {
        let size = self.foca.num_members() + 1;
        if self.sized_for != size {
            self.sized_for = size;
            let outcome = self.foca.set_config(config(size, self.packet_bytes_max));
            self.count(outcome);
        }
    }

    fn say_goodbye(&mut self) -> Effects {
        let now_ms = self.outbox.now_ms;
        if let Some(farewell) = &mut self.farewell {
            self.outbox.send.extend(farewell.due(now_ms));
        }
        self.effects(Vec::new())
    }

    fn effects(&mut self, events: Vec<MemberEvent>) -> Effects {
        let next_timer_ms = match &self.farewell {
            Some(farewell) => farewell.next_ms(),
            None => [self.outbox.next_ms(), self.renew_at_ms, Some(self.round_at_ms)]
                .into_iter()
                .flatten()
                .min(),
        };
        Effects { send: std::mem::take(&mut self.outbox.send), events, next_timer_ms }
    }
}

/// foca's settings for a local network of `size` nodes, with its slow ways to find members again
/// replaced by ours.
fn config(size: usize, packet_bytes_max: NonZeroUsize) -> Config {
    let lan = |size: usize| {
        let size = u32::try_from(size).ok().and_then(NonZeroU32::new);
        Config::new_lan(size.unwrap_or(NonZeroU32::MIN))
    };
    Config {
        // A node that is just learning how large the cluster is would pass each joiner on once
        // only, and the last ones would wait seconds to hear of it.
        max_transmissions: lan(MEMBERS_MAX).max_transmissions,
        max_packet_size: packet_bytes_max,
        periodic_announce: Some(PeriodicParams {
            frequency: Duration::from_millis(ROUND_MS),
            num_members: NonZeroUsize::MIN,
        }),
        periodic_announce_to_down_members: None,
        // Forgetting is ours: foca would keep a timer of a day for every life of every member.
        remove_down_after: None,
        ..lan(size)
    }
}
