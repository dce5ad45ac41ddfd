//! What a command may ask of the process around the engine; `server/` implements it, tests fake it.

use std::sync::Arc;

use bytes::Bytes;

use super::client::ClientRecord;
use super::stats::Stats;
use crate::config::Config;
use crate::script::LogLevel;

/// The process, seen from a command. Every method is quick and takes no lock that is held across
/// I/O.
pub trait Host: Send + Sync {
    /// The settings in force.
    fn config(&self) -> Arc<Config>;
    /// Changes settings while running: all of them or, with an error text that names the first
    /// bad one, none.
    fn configure(&self, changes: &[(String, String)]) -> Result<(), String>;
    /// The figures of INFO.
    fn report(&self) -> Report;
    /// The per-worker statistics, to be summed by the reader.
    fn stats(&self) -> Vec<Arc<Stats>>;
    /// CONFIG RESETSTAT, the part that is not in [`Stats`].
    fn reset_stats(&self);
    /// Every connected client, by rising id.
    fn clients(&self) -> Vec<Arc<ClientRecord>>;
    /// Closes a client; false if it is gone.
    fn kill(&self, id: u64) -> bool;
    /// Holds the requests of all clients back until the time (ms since the epoch).
    fn pause(&self, mode: PauseMode, until_ms: u64);
    /// Ends a pause.
    fn unpause(&self);
    /// The pause in force at `now_ms`, with its end.
    fn paused(&self, now_ms: u64) -> Option<(PauseMode, u64)>;
    /// Keeps a slow command; its id is given there.
    fn note_slow(&self, entry: SlowEntry);
    /// The newest `count` slow commands, newest first.
    fn slowlog(&self, count: usize) -> Vec<SlowEntry>;
    /// How many slow commands are kept.
    fn slowlog_len(&self) -> usize;
    /// Forgets the slow commands.
    fn slowlog_reset(&self);
    /// What the node last told of its cluster, at most 0.2 s old; `None` where it is alone.
    fn cluster(&self) -> Option<Arc<ClusterReport>>;
    /// Writes a line of a script to the log: `text` has no line break.
    fn log(&self, level: LogLevel, text: &str);
    /// SHUTDOWN ABORT: true if a shutdown was under way and is now called off.
    fn abort_shutdown(&self) -> bool;
}

/// What CLIENT PAUSE holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseMode {
    /// Commands that may write.
    Write,
    /// Every command.
    All,
}

/// How SHUTDOWN ends the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutdownMode {
    /// As SIGTERM does: stop accepting, answer what was read, within `shutdown-timeout`.
    Graceful,
    /// At once.
    Now,
}

/// A cluster as one node sees it.
#[derive(Clone, Debug, Default)]
pub struct ClusterReport {
    /// Its name.
    pub name: String,
    /// Where the node is in its life: `joining`, `ready` or `leaving`.
    pub state: &'static str,
    /// How it came to be ready: `sync`, `cold-start`, `alone`, `timeout`, or empty.
    pub ready_by: &'static str,
    /// Whether a secret file seals what nodes say.
    pub is_sealed: bool,
    /// Counts and gauges by name.
    pub figures: Vec<(&'static str, u64)>,
    /// The nodes, this one first.
    pub nodes: Vec<NodeReport>,
    /// What was heard of each life of each other node, gone ones included, by rising epoch.
    pub origins: Vec<OriginReport>,
}

/// One life of another node, whose counts may be held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OriginReport {
    /// Whose counts.
    pub epoch: u64,
    /// When it was last heard itself, ms since the epoch; `None` = never.
    pub heard_at_ms: Option<u64>,
    /// Counts of it were refused for want of memory, in windows that end until then, ms since the
    /// epoch; `None` = all that was heard is held.
    pub incomplete_until_ms: Option<u64>,
}

/// One node of a cluster.
#[derive(Clone, Debug, Default)]
pub struct NodeReport {
    /// Where it is reached.
    pub address: String,
    /// What is thought of it; `myself` for the one that tells.
    pub state: &'static str,
    /// Whose counts it publishes.
    pub epoch: u64,
    /// Which life of the address it is, ms since the epoch at its start or later.
    pub generation: u64,
    /// How long ago everything it said was held, ms; `None` = never.
    pub lag_ms: Option<u64>,
    /// Its clock behind this node's, transit included, ms; `None` = never heard.
    pub skew_ms: Option<i64>,
    /// Bytes of datagrams received from it.
    pub in_bytes: u64,
    /// Bytes of datagrams sent to it.
    pub out_bytes: u64,
    /// Highest version of the protocol that it reads.
    pub version: u8,
}

/// One row of SLOWLOG GET.
#[derive(Clone, Debug)]
pub struct SlowEntry {
    /// Rising id.
    pub id: u64,
    /// When, seconds since the epoch.
    pub at_s: u64,
    /// How long it ran, microseconds.
    pub micros: u64,
    /// Its arguments, shortened as Redis does (32 arguments, 128 bytes each); secrets redacted.
    pub args: Vec<Bytes>,
    /// The client's address.
    pub addr: String,
    /// The client's name.
    pub name: Bytes,
}

/// The process's own figures, for INFO. Counts are since start or CONFIG RESETSTAT.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Process id.
    pub pid: u32,
    /// 40 hexadecimal digits, new at each start.
    pub run_id: String,
    /// Seconds since start.
    pub uptime_s: u64,
    /// Port served, 0 if none.
    pub port: u16,
    /// Path of the executable.
    pub executable: String,
    /// Operating system name, release and machine.
    pub os: String,
    /// Worker threads.
    pub io_threads: usize,
    /// Connected clients.
    pub clients: usize,
    /// Most bytes now held of one client's unfinished request.
    pub client_query_bytes_max: u64,
    /// Most bytes now held of one client's unsent replies.
    pub client_output_bytes_max: u64,
    /// Bytes that all clients' buffers hold now.
    pub client_bytes: u64,
    /// Connections accepted.
    pub connections_total: u64,
    /// Connections refused, `maxclients` reached.
    pub rejected_connections: u64,
    /// Connections refused by protected mode.
    pub protected_mode_refusals: u64,
    /// accept(2) errors.
    pub accept_errors: u64,
    /// Bytes read from clients.
    pub net_input_bytes: u64,
    /// Bytes written to clients.
    pub net_output_bytes: u64,
    /// Clients closed by reason: name of the limit, count.
    pub closed_by: Vec<(&'static str, u64)>,
    /// Connections ended by a panic of their own.
    pub connection_panics: u64,
    /// Commands a second over the last seconds.
    pub ops_per_sec: u64,
    /// Kilobytes a second read, likewise.
    pub input_kbps: f64,
    /// Kilobytes a second written, likewise.
    pub output_kbps: f64,
    /// Resident set size, bytes.
    pub rss_bytes: u64,
    /// Highest resident set size, bytes.
    pub rss_peak_bytes: u64,
    /// Memory of the machine or its cgroup, bytes.
    pub system_memory_bytes: u64,
    /// `maxmemory` in force, bytes (the computed one where the setting is 0).
    pub maxmemory_bytes: u64,
    /// System CPU seconds of the process.
    pub cpu_sys_s: f64,
    /// User CPU seconds of the process.
    pub cpu_user_s: f64,
    /// Open-file limit in force.
    pub open_files_max: u64,
}
