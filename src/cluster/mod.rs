//! The cluster without its sockets: datagram, sync frame or timer in, effects out.
//!
//! | part | what it is |
//! |---|---|
//! | [`core`] | one node: membership, replication and sealing put together |
//! | [`crypto`] | the one door to the crypto library |
//! | [`membership`] | who belongs to the cluster: SWIM by foca |
//! | [`now`] | one moment, by two clocks |
//! | [`replication`] | counts made known to every node, and lost ones fetched again |
//! | [`seal`] | how datagrams and streams travel so that nobody else reads or changes them |
//! | [`wire`] | the payloads that nodes send each other, byte for byte |
//!
//! Not here: sockets, clocks, names, the secret file: they belong to `server`; counting belongs to
//! `engine`. Invariants: the same inputs give the same effects, so a whole cluster runs in one
//! thread under a seeded queue; bytes that do not open under a key of the cluster, or opened once
//! before, change no state here and are answered by nothing.

pub mod core;
pub mod crypto;
pub mod membership;
pub mod now;
pub mod replication;
pub mod seal;
pub mod wire;
