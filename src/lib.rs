//! ratel: a distributed rate limiter that speaks the Redis protocol.
//!
//! The layers, top to bottom; a line of code may name what is below it, never what is above:
//!
//! | layer | what it is |
//! |---|---|
//! | [`server`] | the edge: tokio, sockets, files, signals, the clock. The only impure layer |
//! | [`command`] | one table row a command; a handler takes arguments and a context, returns a reply |
//! | [`script`] | Lua scripts: sandbox, conversion, bounds; it knows no keys |
//! | [`resp`] | bytes to request, reply to bytes |
//! | [`cluster`] | the other nodes: membership, replication, sealing; sans-io |
//! | [`engine`] | the one door to the counting |
//! | [`store`] | where counters live: a skiplist of windows, the keyspace, expiry, the memory account |
//! | [`limiter`] | pure arithmetic: windows, verdicts, GCRA |
//! | [`config`] | plain data: every setting, its default, range and unit |
//!
//! Invariants that every layer keeps: time, randomness and I/O enter as arguments below `server`;
//! nothing that comes from a socket can end the process; every queue, table and length has a
//! named bound.

#![cfg_attr(test, allow(clippy::cast_possible_truncation, reason = "test data fits"))]

pub mod cluster;
pub mod command;
pub mod config;
pub mod engine;
pub mod limiter;
pub mod resp;
pub mod script;
pub mod server;
pub mod store;
