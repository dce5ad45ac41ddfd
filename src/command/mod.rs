//! Commands: one static table row each (name, arity, flags, keys, documentation, handler), one
//! file a family.
//!
//! Not here: sockets, clocks, tokio. A handler takes parsed arguments and a [`Context`] and returns
//! a [`Reply`](crate::resp::Reply). Invariant: one reply a request, in order, whatever the bytes.

mod acl;
mod args;
mod argument;
mod blocking;
mod channels;
mod client;
mod client_kill;
mod client_list;
mod cluster;
mod collection_walks;
mod collections;
mod connection;
mod counters;
mod docs_hashes;
mod docs_keys;
mod docs_lists;
mod docs_ratelimit;
mod docs_sorted_sets;
mod docs_strings;
mod expiry;
mod explain;
mod explain_why;
mod extended;
#[cfg(test)]
mod fake;
mod generic;
pub mod glob;
mod hash_counts;
mod hash_walks;
mod hashes;
mod help;
mod host;
mod increx;
mod info;
mod info_sections;
mod introspect;
mod key_places;
mod keys;
mod latency;
mod lifetime;
mod list_edits;
mod lists;
mod outbox;
mod pubsub;
mod ratelimit;
mod row_frames;
mod score;
mod script_calls;
mod scripting;
mod scripts;
mod server;
mod session;
mod settings;
mod slice;
mod slowlog;
mod sorted_ranges;
mod sorted_sets;
mod sorted_walks;
mod spec;
mod stats;
mod strings;
mod substrings;
mod table;
mod throttle;
mod trail;
mod transaction;

pub use args::{Args, ErrorText, Words, parse_integer};
pub use argument::{Argument, Kind};
pub use blocking::Blocked;
pub use channels::{Channels, Subscriber, Topic};
pub use client::{ClientRecord, Identity};
pub use host::{
    ClusterReport, Host, NodeReport, OriginReport, PauseMode, Report, ShutdownMode, SlowEntry,
};
pub use outbox::Outbox;
pub use scripts::{Bench, Scripts};
pub use session::{Effect, Replies, Session};
pub use slice::{REPLY_BYTES_MAX, REQUESTS_MAX, Slice, SliceEnd};
pub use slowlog::slow_args;
pub use spec::{Categories, Flags, Handler, Keyed, Keys, OnWhole, Plain, Scripted, Spec};
pub use stats::{RowTotals, Stats, Totals};
pub use table::{TABLE, execute, is_covered, lookup, resolve, run_held};
pub use trail::Trail;
pub use transaction::Transaction;

use std::sync::Arc;

use crate::config::Config;
use crate::engine::{Engine, Reader};

/// The Redis version that clients and tools are told: what they may use here is what they would
/// find there.
pub const REDIS_VERSION: &str = "7.4.0";

/// Everything that a handler may touch.
pub struct Context<'a> {
    /// Milliseconds since the Unix epoch; one reading a slice.
    pub now_ms: u64,
    /// Nanoseconds since the Unix epoch of the same reading (GCRA).
    pub now_ns: u64,
    /// Monotonic nanoseconds, for statistics and the slow log.
    pub ticker: fn() -> u64,
    /// The node joins its cluster and does not have all counts yet: only what a row's
    /// [`Flags::LOADING`] lets pass is served. One reading a slice.
    pub loading: bool,
    /// The settings as they were when the slice began.
    pub config: &'a Config,
    /// The counting.
    pub engine: &'a Engine,
    /// What the slice has seen of the windows.
    pub reader: Reader<'a>,
    /// This connection.
    pub session: &'a mut Session,
    /// The process around the engine.
    pub host: &'a dyn Host,
    /// The counters of this worker.
    pub stats: &'a Stats,
    /// Who is subscribed to what.
    pub channels: &'a Arc<Channels>,
    /// The scripts that the process knows.
    pub scripts: &'a Scripts,
    /// What this worker runs scripts with.
    pub bench: &'a mut Bench,
    /// What the running script has done beside the keyspace; `None` outside one.
    pub trail: Option<Trail>,
    /// The request is one of a transaction or script, under whose hold it runs.
    pub is_held: bool,
}
