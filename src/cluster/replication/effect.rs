//! What replication asks of the edge, and the names that both use for members and streams.

use std::sync::Arc;

use core::net::SocketAddr;

use crate::cluster::wire::Kind;
use crate::engine::Origin;

/// A live member, as membership lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Where it is reached, by datagram and by stream.
    pub addr: SocketAddr,
    /// Its epoch.
    pub origin: Origin,
}

/// A sync stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamId {
    /// Opened by this node, numbered by [`Effect::OpenSync`].
    Opened(u64),
    /// Opened by another node, numbered by the edge.
    Accepted(u64),
}

/// Whom a datagram goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// One address.
    One(SocketAddr),
    /// Every live member: sealed once, sent to each.
    Members,
}

/// How a node came to be ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadyBy {
    /// It was synced by a ready member.
    Sync,
    /// All members heard were joining as well: they are the cluster.
    ColdStart,
    /// There was no other member.
    Alone,
    /// Nobody served it in time: it may lack counts.
    Timeout,
}

/// What the edge is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Seal and send a datagram.
    Send {
        /// The epoch that says it, to seal it under. It changes between two effects of one call
        /// where the node begins a new one.
        origin: Origin,
        /// To whom.
        to: Target,
        /// What it is.
        kind: Kind,
        /// Its payload.
        payload: Arc<[u8]>,
    },
    /// Open a stream; frames for it may follow at once and wait for it.
    OpenSync {
        /// Its number.
        stream: StreamId,
        /// To whom.
        to: SocketAddr,
    },
    /// Send a frame.
    SyncFrame {
        /// On which stream.
        stream: StreamId,
        /// The frame before sealing.
        bytes: Vec<u8>,
    },
    /// Close a stream, after what was sent; nothing more of it is heeded.
    CloseSync {
        /// Which.
        stream: StreamId,
    },
    /// Membership's own bytes came with a sync.
    Roster {
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Draw a random origin and call [`Replica::renew`](super::Replica::renew); until then nothing is published.
    Renew,
    /// Clients may be served.
    Ready {
        /// How that came.
        by: ReadyBy,
    },
    /// The node may end.
    Left {
        /// Deltas that no member has confirmed.
        unconfirmed: u64,
    },
}
