//! Who is alive, as membership says, and what each said of itself.

use std::collections::BTreeMap;

use core::net::SocketAddr;

use crate::cluster::wire::State;
use crate::engine::Origin;

/// One member.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) addr: SocketAddr,
    /// What it said in its last beat.
    pub(super) state: Option<State>,
    /// It answered BUSY or broke off: not to be asked before this time, ms.
    pub(super) avoid_until_ms: u64,
}

/// The live members without this node.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    peers: BTreeMap<Origin, Peer>,
}

impl Members {
    /// Takes over a list; returns those that are new in it.
    pub(super) fn update(
        &mut self,
        list: impl IntoIterator<Item = (Origin, SocketAddr)>,
    ) -> Vec<Origin> {
        let mut fresh = Vec::new();
        let mut peers = BTreeMap::new();
        for (origin, addr) in list {
            let mut peer = Peer { addr, state: None, avoid_until_ms: 0 };
            match self.peers.get(&origin) {
                Some(known) => peer = Peer { addr, ..*known },
                None => fresh.push(origin),
            }
            peers.insert(origin, peer);
        }
        self.peers = peers;
        fresh
    }

    pub(super) fn len(&self) -> usize {
        self.peers.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    pub(super) fn contains(&self, origin: Origin) -> bool {
        self.peers.contains_key(&origin)
    }

    pub(super) fn get(&self, origin: Origin) -> Option<&Peer> {
        self.peers.get(&origin)
    }

    pub(super) fn get_mut(&mut self, origin: Origin) -> Option<&mut Peer> {
        self.peers.get_mut(&origin)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Origin, &Peer)> {
        self.peers.iter().map(|(origin, peer)| (*origin, peer))
    }

    /// Do not ask the member at `addr` for a while.
    pub(super) fn avoid(&mut self, addr: SocketAddr, until_ms: u64) {
        for peer in self.peers.values_mut().filter(|peer| peer.addr == addr) {
            peer.avoid_until_ms = until_ms;
        }
    }

    /// Where a stream may be opened: members that are not avoided; those known to be ready, or if
    /// there is none those that have not said.
    pub(super) fn servers(&self, now_ms: u64, except: Option<Origin>) -> Vec<SocketAddr> {
        let may = |state| {
            let fits = move |(origin, peer): &(Origin, &Peer)| {
                peer.state == state && peer.avoid_until_ms <= now_ms && Some(*origin) != except
            };
            self.iter().filter(fits).map(|(_, peer)| peer.addr).collect::<Vec<_>>()
        };
        let ready = may(Some(State::Ready));
        if ready.is_empty() { may(None) } else { ready }
    }

    /// True if at least one has been heard and all that have been are joining themselves.
    pub(super) fn all_join(&self) -> bool {
        let mut states = self.peers.values().filter_map(|peer| peer.state).peekable();
        states.peek().is_some() && states.all(|state| state == State::Joining)
    }
}
