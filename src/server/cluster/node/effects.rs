//! What membership and replication want, carried out.
//!
//! Not here: why they want it. Invariant: what an epoch says is sealed under that epoch, and no
//! epoch is sealed under again once another has begun.

use std::net::SocketAddr;
use std::sync::Arc;

use super::{Node, draw_origin};
use crate::cluster::membership::{self, MemberEvent, MemberState};
use crate::cluster::replication::{Effect, Member, ReadyBy, StreamId, Target};
use crate::cluster::seal::envelope::Kind;
use crate::cluster::seal::stream::Hello;
use crate::server::cluster::streams::{self, Call, Line};
use crate::server::host::random;

impl Node {
    /// Carries out what replication wants, until it wants nothing.
    pub(super) fn settle(&mut self) {
        loop {
            let effects = self.replica.take_effects();
            if effects.is_empty() {
                return;
            }
            let renews = self.carry_out(effects);
            if renews {
                self.renew();
            }
        }
    }

    /// True if a new epoch is wanted, which must wait: what else is wanted belongs to the old one.
    fn carry_out(&mut self, effects: Vec<Effect>) -> bool {
        let mut renews = false;
        for effect in effects {
            match effect {
                Effect::Send { origin, to, kind, payload } if origin.0 == self.sealer.epoch() => {
                    self.send(to, kind.code(), &payload);
                }
                // Of a life that has ended: sealing under its epoch again would repeat nonces.
                Effect::Send { .. } => {}
                Effect::OpenSync { stream, to } => self.open(stream, to),
                Effect::SyncFrame { stream, bytes } => self.frame(stream, bytes),
                Effect::CloseSync { stream } => drop(self.lines.remove(&stream)),
                Effect::Roster { bytes } => {
                    match self.membership.apply_roster(self.steady_ms(), &bytes) {
                        Ok(effects) => self.follow(effects),
                        Err(error) => tracing::debug!(?error, "cluster: a roster is unreadable"),
                    }
                }
                Effect::Renew => renews = true,
                Effect::Ready { by } => self.become_ready(by),
                Effect::Left { unconfirmed } => self.say_goodbye(unconfirmed),
            }
        }
        renews
    }

    fn send(&mut self, to: Target, kind: u8, payload: &[u8]) {
        let Some(kind) = Kind::new(kind) else {
            return;
        };
        match to {
            Target::One(addr) => self.seal_and_send(kind, payload, &[addr]),
            Target::Members => {
                let members: Vec<_> = self.membership.active().map(|it| it.identity.addr).collect();
                self.seal_and_send(kind, payload, &members);
            }
        }
    }

    fn seal_and_send(&mut self, kind: Kind, payload: &[u8], to: &[SocketAddr]) {
        let now_ms = self.now_ms();
        if let Err(error) = self.sealer.seal(kind, now_ms, payload, &mut self.sealed) {
            tracing::warn!(?error, "cluster: a datagram could not be sealed");
            return;
        }
        let length = u64::try_from(self.sealed.len()).unwrap_or(u64::MAX);
        for addr in to {
            if self.datagrams.send(*addr, &self.sealed)
                && let Some(carried) = self.carried.get_mut(addr)
            {
                carried.out_bytes = carried.out_bytes.saturating_add(length);
            }
        }
    }

    fn open(&mut self, stream: StreamId, to: SocketAddr) {
        let server = self.membership.active().find(|it| it.identity.addr == to);
        let epoch = server.map(|it| it.identity.origin.0);
        let (Some(server_epoch), Ok(nonce)) = (epoch, random()) else {
            // It has left meanwhile.
            return self.replica.on_sync_closed(self.now_ms(), stream);
        };
        let (line, spool) = Line::new();
        let hello =
            Hello { sent_ms: self.now_ms(), client_epoch: self.sealer.epoch(), server_epoch };
        let (keyring, name) = (self.settings.keyring.clone(), self.settings.name.clone());
        let call = Call { stream, to, keyring, name, hello, nonce, spool };
        self.lines.insert(stream, line);
        tokio::spawn(streams::call(call, self.events.clone()));
    }

    fn frame(&mut self, stream: StreamId, bytes: Vec<u8>) {
        let is_taken = self.lines.get(&stream).is_none_or(|line| line.send(bytes));
        if !is_taken {
            self.lines.remove(&stream);
            self.replica.on_sync_closed(self.now_ms(), stream);
        }
    }

    /// Begins a new epoch: own counts have fallen.
    pub(super) fn renew(&mut self) {
        let origin = match draw_origin() {
            Ok(origin) => origin,
            Err(error) => return tracing::error!("cluster: no new epoch: {error:#}"),
        };
        let now_ms = self.now_ms();
        self.replica.renew(now_ms, origin, &self.process.engine);
        // Said still by the old epoch, so sealed under it.
        let last = self.replica.take_effects();
        self.carry_out(last);
        self.process.engine.take_fallen();
        self.sealer.renew(&self.settings.keyring, origin.0);
        self.opener.renew(origin.0);
        self.callers.renew(origin.0);
        tracing::info!("cluster: new epoch {:016x}", origin.0);
        let effects = self.membership.set_origin(self.steady_ms(), origin);
        self.follow(effects);
        self.replica.set_roster(self.membership.roster());
    }

    /// Carries out what membership wants.
    pub(super) fn follow(&mut self, effects: membership::Effects) {
        for (addr, payload) in effects.send {
            self.seal_and_send(Kind::MEMBERSHIP, &payload, &[addr]);
        }
        self.membership_due_ms = effects.next_timer_ms;
        if effects.next_timer_ms.is_none() {
            self.has_left = true;
        }
        if effects.events.is_empty() {
            return;
        }
        effects.events.iter().for_each(tell);
        let member = |it: &membership::MemberInfo| Member {
            addr: it.identity.addr,
            origin: it.identity.origin,
        };
        let members: Vec<Member> = self.membership.active().map(member).collect();
        self.addresses = members.iter().map(|member| (member.origin.0, member.addr)).collect();
        let known: Vec<SocketAddr> = members.iter().map(|member| member.addr).collect();
        self.carried.retain(|addr, _| known.contains(addr));
        for addr in known {
            self.carried.entry(addr).or_default();
        }
        self.replica.on_members(self.now_ms(), &members);
        self.replica.set_roster(self.membership.roster());
        self.process.engine.set_nodes(members.len() + 1);
        // Who left has nothing to bring back; who is down may return with what was erased since.
        let is_waiting = self.membership.members().any(|it| it.state == MemberState::Down);
        self.process.engine.wait_for_members(is_waiting);
    }

    pub(super) fn publish_report(&self) {
        let report = crate::server::cluster::report::of(self, self.now_ms());
        self.process.cluster.store(Some(Arc::new(report)));
    }

    fn become_ready(&mut self, by: ReadyBy) {
        self.ready_by = Some(by);
        match by {
            ReadyBy::Sync => tracing::info!("cluster: synced, ready"),
            ReadyBy::ColdStart => tracing::info!("cluster: all members are new, ready"),
            ReadyBy::Alone => tracing::info!("cluster: no other node was found, ready alone"),
            ReadyBy::Timeout => {
                tracing::warn!("cluster: nobody served a sync in time, ready with less than all");
            }
        }
        // Before the first client can ask for it.
        self.publish_report();
        self.ready.send_replace(true);
    }

    pub(super) fn leave(&mut self) {
        tracing::info!("cluster: leaving");
        self.replica.leave(self.now_ms(), &self.process.engine);
        self.settle();
    }

    fn say_goodbye(&mut self, unconfirmed: u64) {
        if unconfirmed > 0 {
            tracing::warn!(
                "cluster: no other node has confirmed the last {unconfirmed} datagrams of counts"
            );
        }
        let effects = self.membership.leave(self.steady_ms());
        self.follow(effects);
    }
}

fn tell(event: &MemberEvent) {
    match event {
        MemberEvent::Up(it) => tracing::info!("cluster: {} is here", it.addr),
        MemberEvent::Down(it) => tracing::warn!("cluster: {} no longer answers", it.addr),
        MemberEvent::Left(it) => tracing::info!("cluster: {} has left", it.addr),
        MemberEvent::Renamed { new, .. } => {
            tracing::info!("cluster: {} goes on, epoch {:016x}", new.addr, new.origin.0);
        }
        MemberEvent::Renewed(_) => {
            tracing::info!("cluster: this node was held for gone, and is back");
        }
    }
}
