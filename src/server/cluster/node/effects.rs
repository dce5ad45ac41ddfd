//! What the core wants, carried out.
//!
//! Not here: why it wants it. Invariant: effects are carried out in their order, and a new epoch is
//! begun only once what the old one still wanted is done.

use std::net::SocketAddr;
use std::sync::Arc;

use super::{Node, draw_origin};
use crate::cluster::core::Effect;
use crate::cluster::membership::{MemberEvent, MemberState};
use crate::cluster::replication::{Member, ReadyBy, StreamId};
use crate::cluster::seal::stream::Hello;
use crate::server::cluster::streams::{self, Call, Line};
use crate::server::host::random;

impl Node {
    /// Carries out what the core wants, until it wants nothing.
    pub(super) fn settle(&mut self) {
        loop {
            let effects = self.core.take_effects();
            if effects.is_empty() {
                return;
            }
            if self.carry_out(effects) {
                self.renew();
            }
        }
    }

    /// True if a new epoch is wanted.
    fn carry_out(&mut self, effects: Vec<Effect>) -> bool {
        let mut renews = false;
        for effect in effects {
            match effect {
                Effect::Send { to, datagram } => self.send(&to, &datagram),
                Effect::Open { stream, to, hello } => self.open(stream, to, hello),
                Effect::Frame { stream, bytes } => self.frame(stream, bytes),
                Effect::Close { stream } => drop(self.lines.remove(&stream)),
                Effect::Renew => renews = true,
                Effect::Member(event) => tell(&event),
                Effect::Members(members) => self.list(&members),
                Effect::Ready { by } => self.become_ready(by),
                Effect::Left { unconfirmed } => tell_unconfirmed(unconfirmed),
                Effect::Unsealed(error) => {
                    tracing::warn!(?error, "cluster: a datagram could not be sealed");
                }
            }
        }
        renews
    }

    fn send(&mut self, to: &[SocketAddr], datagram: &[u8]) {
        let length = u64::try_from(datagram.len()).unwrap_or(u64::MAX);
        for addr in to {
            if self.datagrams.send(*addr, datagram)
                && let Some(carried) = self.carried.get_mut(addr)
            {
                carried.out_bytes = carried.out_bytes.saturating_add(length);
            }
        }
    }

    fn open(&mut self, stream: StreamId, to: SocketAddr, hello: Hello) {
        let Ok(nonce) = random() else {
            return self.core.on_closed(self.now(), stream);
        };
        let (line, spool) = Line::new();
        let (keyring, name) = (self.core.keyring().clone(), self.settings.name.clone());
        let call = Call { stream, to, keyring, name, hello, nonce, spool };
        self.lines.insert(stream, line);
        tokio::spawn(streams::call(call, self.events.clone()));
    }

    fn frame(&mut self, stream: StreamId, bytes: Vec<u8>) {
        let is_taken = self.lines.get(&stream).is_none_or(|line| line.send(bytes));
        if !is_taken {
            self.lines.remove(&stream);
            self.core.on_closed(self.now(), stream);
        }
    }

    /// Begins a new epoch: own counts have fallen.
    pub(super) fn renew(&mut self) {
        let origin = match draw_origin() {
            Ok(origin) => origin,
            Err(error) => return tracing::error!("cluster: no new epoch: {error:#}"),
        };
        self.core.renew(self.now(), origin, &self.process.engine);
        self.process.engine.take_fallen();
        tracing::info!("cluster: new epoch {:016x}", origin.0);
        self.settle();
    }

    fn list(&mut self, members: &[Member]) {
        self.addresses = members.iter().map(|member| (member.origin.0, member.addr)).collect();
        let known: Vec<SocketAddr> = members.iter().map(|member| member.addr).collect();
        self.carried.retain(|addr, _| known.contains(addr));
        for addr in known {
            self.carried.entry(addr).or_default();
        }
        self.process.engine.set_nodes(members.len() + 1);
        // Who left has nothing to bring back; who is down may return with what was erased since.
        let is_waiting = self.core.membership().members().any(|it| it.state == MemberState::Down);
        self.process.engine.wait_for_members(is_waiting);
    }

    pub(super) fn publish_report(&self) {
        let report = crate::server::cluster::report::of(self, self.now());
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
        self.core.leave(self.now(), &self.process.engine);
        self.settle();
    }
}

fn tell_unconfirmed(unconfirmed: u64) {
    if unconfirmed > 0 {
        tracing::warn!(
            "cluster: no other node has confirmed the last {unconfirmed} datagrams of counts"
        );
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
