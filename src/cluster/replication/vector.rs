//! Vectors: how far this node holds each origin, told to others and heard from them.

use core::net::SocketAddr;

use super::effect::Target;
use super::options::{HORIZON_MS, VECTOR_EVERY_MS};
use super::replica::Replica;
use super::tally::Tally;
use crate::cluster::now::Now;
use crate::cluster::wire::{Kind, State, Vector, VectorEntry};
use crate::engine::Origin;

impl<T: Tally> Replica<T> {
    /// How far this node holds each origin that is alive or has live slots. One that is neither is
    /// left out, so that it is forgotten everywhere.
    pub fn cursors(&self, now: Now, tally: &T) -> Vec<(Origin, u64)> {
        let mut origins = tally.origins();
        origins.extend(self.members.iter().map(|(origin, _)| origin));
        origins.sort_unstable();
        origins.dedup();
        let known =
            |origin: Origin| Some((origin, self.inbound.get(&origin)?.advertised(now.wall_ms)));
        let mut cursors: Vec<_> = origins.into_iter().filter_map(known).collect();
        cursors.push((self.origin, self.outbox.last_dseq()));
        cursors
    }

    /// Sends vectors to members that are new, and each second to a random one.
    pub(super) fn tell_vectors(&mut self, now: Now, tally: &T) {
        if !self.budget.for_vectors() {
            return;
        }
        let mut to: Vec<SocketAddr> = std::mem::take(&mut self.greet)
            .into_iter()
            .filter_map(|origin| self.members.get(origin).map(|peer| peer.addr))
            .collect();
        if now.steady_ms >= self.vector_due_ms {
            self.vector_due_ms = now.steady_ms + VECTOR_EVERY_MS;
            let all: Vec<SocketAddr> = self.members.iter().map(|(_, peer)| peer.addr).collect();
            to.extend(self.dice.pick(&all));
        }
        self.tell_vector(now, tally, &to);
    }

    pub(super) fn tell_vector(&mut self, now: Now, tally: &T, to: &[SocketAddr]) {
        if to.is_empty() {
            return;
        }
        let horizon_ms = now.wall_ms + HORIZON_MS;
        let entry = |(origin, cursor)| {
            let alive = origin == self.origin || self.members.contains(origin);
            let digest = (!alive).then(|| tally.digest(origin, horizon_ms));
            VectorEntry { origin, cursor, digest }
        };
        let entries: Vec<VectorEntry> = self.cursors(now, tally).into_iter().map(entry).collect();
        for part in Vector::cut(self.flush_stamp, horizon_ms, &entries) {
            for addr in to {
                self.send(Target::One(*addr), Kind::Vector, part.payload().into());
            }
        }
    }

    /// Confirms to a leaver how far it is held here.
    pub(super) fn confirm(&mut self, now: Now, leaver: Origin, to: SocketAddr) {
        let Some(inbound) = self.inbound.get(&leaver) else {
            return;
        };
        let cursor = inbound.advertised(now.wall_ms);
        let entry = VectorEntry { origin: leaver, cursor, digest: None };
        for part in Vector::cut(self.flush_stamp, now.wall_ms, &[entry]) {
            self.send(Target::One(to), Kind::Vector, part.payload().into());
        }
    }

    pub(super) fn on_vector(&mut self, now: Now, from: SocketAddr, vector: &Vector, tally: &T) {
        for entry in &vector.entries {
            let VectorEntry { origin, cursor, digest } = *entry;
            if origin == self.origin {
                self.confirmed = self.confirmed.max(cursor.min(self.outbox.last_dseq()));
            } else if self.members.contains(origin) {
                if let Some(inbound) = self.inbound_of(now, origin, None) {
                    inbound.see(now.steady_ms, cursor);
                }
            } else {
                self.compare(
                    now,
                    from,
                    (origin, cursor),
                    digest.map(|d| (d, vector.horizon_ms)),
                    tally,
                );
            }
        }
    }

    /// Compares what a peer and this node hold of an origin that cannot be asked itself.
    fn compare(
        &mut self,
        now: Now,
        from: SocketAddr,
        (origin, cursor): (Origin, u64),
        digest: Option<(u64, u64)>,
        tally: &T,
    ) {
        let may_pull = self.state != State::Joining;
        let Some(inbound) = self.inbound_of(now, origin, None) else {
            return;
        };
        if cursor > inbound.cursor() {
            if may_pull {
                self.want(now, origin, Some(from), false);
            }
            return;
        }
        let Some((digest, horizon_ms)) = digest else {
            return;
        };
        if cursor < inbound.cursor() || inbound.incomplete_until_ms(now.wall_ms).is_some() {
            return;
        }
        if tally.digest(origin, horizon_ms) == digest {
            // Two that lack the same agree: what the others have must still be asked for as a whole.
            inbound.mismatches = inbound.mismatches.min(1);
            return;
        }
        // What the peer has beyond the cursor comes first; if that was not it, everything.
        let whole = inbound.mismatches > 0;
        if may_pull
            && self.want(now, origin, Some(from), whole)
            && let Some(inbound) = self.inbound.get_mut(&origin)
        {
            inbound.mismatches = inbound.mismatches.saturating_add(1);
        }
    }
}
