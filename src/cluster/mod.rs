//! The cluster as seen by one node: who belongs to it, what the others counted, and how both
//! travel between nodes without anybody else reading or changing it.
//!
//! It is sans-io: a datagram, a stream frame or a timer goes in, effects come out. Time, randomness
//! and the node's epoch are arguments, so the same input gives the same output on every machine. It
//! is not the edge: sockets, name look-ups and the secret file belong to `server`, counting belongs
//! to `engine`.
//!
//! Invariant: bytes that do not open under a key of the cluster, or opened once before, change no
//! state here and are answered by nothing.

pub mod crypto;
pub mod seal;
