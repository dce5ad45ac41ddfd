//! The cluster, sans-io: a datagram, a frame or a timer in; datagrams, events and the next timer out.
//!
//! Not here: sockets, the clock, randomness, DNS; they enter as arguments. Invariant: the same
//! inputs under the same seed give the same outputs.

pub mod membership;
