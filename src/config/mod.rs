//! Every setting of ratel, as plain data that all layers may read.
//!
//! Not here: reading files, environment or arguments. Names are Redis's where Redis has the
//! setting. Invariant: a `Config` that came out of [`schema`] is in range.

mod output_limit;
pub mod schema;
mod value;

pub use output_limit::OutputLimit;
pub use value::{
    ADDRESSES_MAX, SEED_BYTES_MAX, SEEDS_MAX, SOCKET_PATH_BYTES_MAX, TEXT_BYTES_MAX, Value,
};

/// Port of the cluster where only `join` is set: that of memberlist, the one before us.
pub const CLUSTER_PORT_DEFAULT: u16 = 7946;

/// All settings, in force or about to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `port`: TCP port, 0 = no TCP.
    pub port: u16,
    /// `bind`: addresses to listen on; a leading `-` means that a failure to bind is no error.
    pub bind: Vec<String>,
    /// `unixsocket`: path of a Unix socket.
    pub unixsocket: Option<String>,
    /// `unixsocketperm`: its permissions, octal.
    pub unixsocketperm: u32,
    /// `io-threads`: worker threads, 0 = number of cores.
    pub io_threads: usize,
    /// `protected-mode`: refuse clients from other machines while no password is set.
    pub protected_mode: bool,
    /// `requirepass`: the password, empty = none.
    pub requirepass: String,
    /// `maxclients`: most connections at once.
    pub maxclients: usize,
    /// `tcp-backlog`: queue of connections not yet accepted.
    pub tcp_backlog: u32,
    /// `tcp-keepalive`, seconds, 0 = off.
    pub tcp_keepalive_s: u64,
    /// `timeout`: close a client idle for so many seconds, 0 = never.
    pub timeout_s: u64,
    /// `handshake-timeout`: close a client that has not sent a whole command, or not
    /// authenticated where a password is set, after so many seconds, 0 = never.
    pub handshake_timeout_s: u64,
    /// `output-stall-timeout`: close a client that has taken no reply bytes for so many seconds,
    /// 0 = never.
    pub output_stall_timeout_s: u64,
    /// `proto-max-bulk-len`, bytes.
    pub proto_max_bulk_len: usize,
    /// `client-query-buffer-limit`: most bytes of one client's unfinished request.
    pub client_query_buffer_limit: usize,
    /// `maxmemory-clients`: most bytes of all clients' buffers together.
    pub maxmemory_clients: usize,
    /// `client-output-buffer-limit`: what may wait for a subscriber that does not read.
    pub pubsub_output_limit: OutputLimit,
    /// `maxmemory`, bytes, 0 = 75 % of the machine's or the cgroup's memory.
    pub maxmemory: u64,
    /// `maxmemory-policy`.
    pub maxmemory_policy: MemoryPolicy,
    /// `lua-memory-limit`: what the Lua state of one thread may hold, bytes.
    pub lua_memory_limit: usize,
    /// `busy-reply-threshold`: how long a script may run, milliseconds.
    pub busy_reply_threshold_ms: u64,
    /// `shutdown-timeout`, seconds.
    pub shutdown_timeout_s: u64,
    /// `slowlog-log-slower-than`, microseconds, negative = off.
    pub slowlog_log_slower_than: i64,
    /// `slowlog-max-len`.
    pub slowlog_max_len: usize,
    /// `latency-tracking`: keep a histogram of each command.
    pub latency_tracking: bool,
    /// `enable-debug-command`: serve DEBUG.
    pub enable_debug_command: DebugCommand,
    /// `loglevel`.
    pub loglevel: LogLevel,
    /// `cluster-port`: UDP and TCP port for the other nodes; see [`Config::cluster_port`].
    pub cluster_port: u16,
    /// `cluster-bind`: address on which other nodes are heard.
    pub cluster_bind: String,
    /// `cluster-advertise`: address by which other nodes reach this one; empty = found out.
    pub cluster_advertise: String,
    /// `cluster-name`: nodes of another name are not heard.
    pub cluster_name: String,
    /// `cluster-secret-file`: path of the file with the keys; empty = none.
    pub cluster_secret_file: String,
    /// `cluster-insecure`: other machines are heard without a secret.
    pub cluster_insecure: bool,
    /// `join`: where other nodes are looked for.
    pub join: Vec<String>,
}

impl Config {
    /// The port for other nodes; `None` where the node is alone.
    pub fn cluster_port(&self) -> Option<u16> {
        match (self.cluster_port, self.join.is_empty()) {
            (0, true) => None,
            (0, false) => Some(CLUSTER_PORT_DEFAULT),
            (port, _) => Some(port),
        }
    }
}

/// What a call gets that would create a counter at `maxmemory`; existing counters go on counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MemoryPolicy {
    /// Redis's `-OOM` error; the client decides.
    #[default]
    NoEviction,
    /// Allowed, uncounted.
    AllowNew,
    /// Denied, uncounted.
    DenyNew,
}

impl MemoryPolicy {
    /// Every value, in the order of the documentation.
    pub const ALL: &'static [MemoryPolicy] =
        &[MemoryPolicy::NoEviction, MemoryPolicy::AllowNew, MemoryPolicy::DenyNew];
    /// The names of [`Self::ALL`].
    pub const NAMES: &'static [&'static str] = &["noeviction", "allow-new", "deny-new"];

    /// The word that stands for it in arguments and CONFIG GET.
    pub const fn name(self) -> &'static str {
        match self {
            MemoryPolicy::NoEviction => "noeviction",
            MemoryPolicy::AllowNew => "allow-new",
            MemoryPolicy::DenyNew => "deny-new",
        }
    }
}

/// Who may use DEBUG.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DebugCommand {
    /// Nobody.
    #[default]
    No,
    /// Connections from this machine.
    Local,
    /// Everybody.
    Yes,
}

impl DebugCommand {
    /// Every value, in the order of the documentation.
    pub const ALL: &'static [DebugCommand] =
        &[DebugCommand::No, DebugCommand::Local, DebugCommand::Yes];
    /// The names of [`Self::ALL`].
    pub const NAMES: &'static [&'static str] = &["no", "local", "yes"];

    /// The word that stands for it in arguments and CONFIG GET.
    pub const fn name(self) -> &'static str {
        match self {
            DebugCommand::No => "no",
            DebugCommand::Local => "local",
            DebugCommand::Yes => "yes",
        }
    }
}

/// Redis's names for log levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LogLevel {
    /// tracing's DEBUG.
    Debug,
    /// tracing's INFO, chatty.
    Verbose,
    /// tracing's INFO.
    #[default]
    Notice,
    /// tracing's WARN.
    Warning,
}

impl LogLevel {
    /// Every value, in the order of the documentation.
    pub const ALL: &'static [LogLevel] =
        &[LogLevel::Debug, LogLevel::Verbose, LogLevel::Notice, LogLevel::Warning];
    /// The names of [`Self::ALL`].
    pub const NAMES: &'static [&'static str] = &["debug", "verbose", "notice", "warning"];

    /// The word that stands for it in arguments and CONFIG GET.
    pub const fn name(self) -> &'static str {
        match self {
            LogLevel::Debug => "debug",
            LogLevel::Verbose => "verbose",
            LogLevel::Notice => "notice",
            LogLevel::Warning => "warning",
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            port: 6379,
            bind: vec!["127.0.0.1".into(), "-::1".into()],
            unixsocket: None,
            unixsocketperm: 0o700,
            io_threads: 0,
            protected_mode: true,
            requirepass: String::new(),
            maxclients: 10_000,
            tcp_backlog: 511,
            tcp_keepalive_s: 60,
            timeout_s: 0,
            handshake_timeout_s: 10,
            output_stall_timeout_s: 60,
            proto_max_bulk_len: 1024 * 1024,
            client_query_buffer_limit: 2 * 1024 * 1024,
            maxmemory_clients: 256 * 1024 * 1024,
            pubsub_output_limit: OutputLimit::PUBSUB,
            maxmemory: 0,
            maxmemory_policy: MemoryPolicy::NoEviction,
            lua_memory_limit: 16 * 1024 * 1024,
            busy_reply_threshold_ms: 50,
            shutdown_timeout_s: 10,
            slowlog_log_slower_than: 10_000,
            slowlog_max_len: 128,
            latency_tracking: true,
            enable_debug_command: DebugCommand::No,
            loglevel: LogLevel::Notice,
            cluster_port: 0,
            cluster_bind: "127.0.0.1".to_owned(),
            cluster_advertise: String::new(),
            cluster_name: "ratel".to_owned(),
            cluster_secret_file: String::new(),
            cluster_insecure: false,
            join: Vec::new(),
        }
    }
}
