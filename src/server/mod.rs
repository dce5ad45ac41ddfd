//! The edge: tokio, sockets, files, signals, the clock. The only impure layer.
//!
//! Not here: what a command means. Invariant: nothing that comes from a socket ends the process,
//! and each queue, buffer and wait has a named bound.

mod accept;
mod banner;
pub mod clock;
mod cluster;
mod connection;
mod heap;
mod host;
mod housekeeping;
mod listener;
mod log;
pub mod memory;
mod pause;
mod register;
mod runtime;
mod samples;
mod shutdown;
mod slowlog;
mod socket;
mod traffic;
mod vitals;
mod worker;

pub use host::Process;
pub use listener::Address;
pub use runtime::{Server, run};
