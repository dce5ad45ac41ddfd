//! The cluster without its sockets: datagram, sync frame or timer in, effects out.
//!
//! | part | what it is |
//! |---|---|
//! | [`wire`] | the payloads that nodes send each other, byte for byte |
//! | [`replication`] | counts made known to every node, and lost ones fetched again |
//!
//! Not here: sockets, clocks, randomness: they come in as arguments. Invariant: the same inputs
//! give the same effects, so a whole cluster runs in one thread under a seeded queue.

pub mod replication;
pub mod wire;
