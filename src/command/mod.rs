//! Commands: one static table row each (name, arity, flags, keys, documentation, handler), one
//! file a family.
//!
//! Not here: sockets, clocks, tokio. A handler takes parsed arguments and a [`Context`] and returns
//! a [`Reply`](crate::resp::Reply). Invariant: one reply a request, in order, whatever the bytes.

mod client;
mod host;
mod session;
mod slice;
mod stats;

pub use client::{ClientRecord, Identity};
pub use host::{Host, PauseMode, Report, ShutdownMode, SlowEntry};
pub use session::{Effect, Session};
pub use slice::{REPLY_BYTES_MAX, REQUESTS_MAX, Slice, SliceEnd};
pub use stats::Stats;

use crate::engine::Engine;

/// Everything that a handler may touch.
pub struct Context<'a> {
    /// Milliseconds since the Unix epoch; one reading a slice.
    pub now_ms: u64,
    /// Nanoseconds since the Unix epoch of the same reading (GCRA).
    pub now_ns: u64,
    /// Monotonic nanoseconds, for measuring how long a command ran.
    pub ticker: fn() -> u64,
    /// The counting.
    pub engine: &'a Engine,
    /// This connection.
    pub session: &'a mut Session,
    /// The process around the engine.
    pub host: &'a dyn Host,
    /// The counters of this worker.
    pub stats: &'a Stats,
}
