//! The one table of settings: flags, environment, CONFIG GET and SET, and the README's table are
//! read from it.
//!
//! Not here: how a value is spelled ([`Value`]). Names are Redis's where Redis has the setting.
//! Invariant: each field of [`Config`] has one row, and no row takes a value out of its range.

use super::value::{SOCKET_PATH_BYTES_MAX, TEXT_BYTES_MAX};
use super::{Config, DebugCommand, LogLevel, MemoryPolicy, Value};

/// The headings under which settings are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Where the server listens.
    Network,
    /// What one client, and all of them, may take.
    Clients,
    /// How much is kept.
    Memory,
    /// Who may do what.
    Security,
    /// Start and end of the process.
    Operation,
    /// What it tells about itself.
    Observability,
    /// The other nodes.
    Cluster,
}

impl Group {
    /// The heading's text.
    pub const fn title(self) -> &'static str {
        match self {
            Group::Network => "Network",
            Group::Clients => "Clients",
            Group::Memory => "Memory",
            Group::Security => "Security",
            Group::Operation => "Operation",
            Group::Observability => "Observability",
            Group::Cluster => "Cluster",
        }
    }
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name, in kebab case: the flag is `--name`, the variable `RATEL_NAME`.
    pub name: &'static str,
    /// The heading that it stands under.
    pub group: Group,
    /// The unit of its value, or what the value is; empty where there is nothing to say.
    pub unit: &'static str,
    /// CONFIG SET may change it while the server runs.
    pub live: bool,
    /// What it does, one sentence; what stands before its first semicolon is enough for a list.
    pub help: &'static str,
    /// Kind, range and place of its value.
    pub value: Value,
}

impl Setting {
    /// Its value in `config`, as CONFIG GET prints it.
    pub fn get(&self, config: &Config) -> String {
        self.value.print(config)
    }

    /// Reads `text` into `config`.
    ///
    /// # Errors
    /// What is wrong with the text and what is allowed; `config` is as before.
    pub fn set(&self, config: &mut Config, text: &str) -> Result<(), String> {
        self.value.parse(config, text)
    }

    /// The beginning of its help, for one line of a list.
    pub fn short_help(&self) -> &'static str {
        self.help.split(';').next().unwrap_or(self.help).trim_end_matches('.')
    }

    /// The environment variable that holds it at start.
    pub fn variable(&self) -> String {
        format!("RATEL_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }
}

/// What Redis's tools ask by CONFIG GET and what is always so here: (name, value).
pub const CONSTANTS: &[(&str, &str)] = &[
    ("appendonly", "no"),
    ("cluster-enabled", "no"),
    ("databases", "1"),
    // A node is never a replica, so Redis's default holds: StackExchange.Redis asks at connect.
    ("replica-read-only", "yes"),
    ("save", ""),
];

/// Seconds are kept in an `int` by Redis; its bound is kept so that its files can be.
const SECONDS_MAX: i64 = i32::MAX as i64;
/// `TCP_KEEPIDLE` takes no more on Linux.
const KEEPALIVE_S_MAX: i64 = 32_767;
/// Below this, one request of RL.MHIT with 64 long keys would not pass.
const REQUEST_BYTES_MIN: i64 = 128 << 10;
/// Redis's own default for one argument; with it a request stays far below the 4 GiB that the
/// parser's 32-bit offsets reach.
const BULK_BYTES_MAX: i64 = 512 << 20;
/// Redis's own default; above it the parser's 32-bit offsets would come near their end.
const QUERY_BYTES_MAX: i64 = 1 << 30;
/// An entry holds up to 32 arguments of 128 bytes, so this many take 40 MB.
const SLOWLOG_MAX: i64 = 10_000;
/// Redis's own default, so that its files can be kept; others on the thread wait so long.
const BUDGET_MS_MAX: i64 = 5_000;
/// Below this the compiled scripts of a state would leave no room to run one.
const LUA_BYTES_MIN: i64 = 4 << 20;
/// Single steps of Lua copy what a script holds, and its time is looked at between steps.
const LUA_BYTES_MAX: i64 = 64 << 20;
/// Redis's former names of settings: (name, setting).
pub const ALIASES: &[(&str, &str)] = &[("lua-time-limit", "busy-reply-threshold")];

/// What the name of a cluster may take, bytes: it is hashed with every datagram.
const CLUSTER_NAME_BYTES_MAX: usize = 64;
/// Longest address with a port, bytes, and some to spare.
const ADDRESS_BYTES_MAX: usize = 64;
/// Longest path that the system opens, bytes.
const PATH_BYTES_MAX: usize = 4_096;

/// A row whose value is a text: field, longest.
macro_rules! text {
    ($field:ident, $bytes_max:expr) => {
        Value::Text {
            bytes_max: $bytes_max,
            get: |config| &config.$field,
            set: |config, text| config.$field = text.to_owned(),
        }
    };
}

/// A row whose value is a number: field, `Number` or `Bytes`, smallest, largest.
macro_rules! number {
    ($kind:ident, $field:ident, $min:expr, $max:expr) => {
        Value::$kind {
            min: $min,
            max: $max,
            get: |config| widen(config.$field),
            set: |config, number| assign(&mut config.$field, number),
        }
    };
}

/// A row whose value is one of an enum's names.
macro_rules! choice {
    ($type:ident, $field:ident) => {
        Value::Choice {
            names: $type::NAMES,
            get: |config| config.$field.name(),
            set: |config, word| match $type::ALL.iter().find(|value| value.name() == word) {
                Some(value) => {
                    config.$field = *value;
                    true
                }
                None => false,
            },
        }
    };
}

/// Every setting, in the order of the documentation.
pub static SETTINGS: &[Setting] = &[
    Setting {
        name: "port",
        group: Group::Network,
        unit: "",
        live: false,
        help: "TCP port to listen on; 0 = no TCP.",
        value: number!(Number, port, 0, 65_535),
    },
    Setting {
        name: "bind",
        group: Group::Network,
        unit: "addresses",
        live: false,
        help: "Addresses to listen on; one that begins with - may be missing on this machine.",
        value: Value::Addresses {
            get: |config| &config.bind,
            set: |config, list| config.bind = list,
        },
    },
    Setting {
        name: "unixsocket",
        group: Group::Network,
        unit: "path",
        live: false,
        help: "Unix socket to listen on as well; empty = none.",
        value: Value::Text {
            bytes_max: SOCKET_PATH_BYTES_MAX,
            get: |config| config.unixsocket.as_deref().unwrap_or(""),
            set: |config, path| {
                config.unixsocket = (!path.is_empty()).then(|| path.to_owned());
            },
        },
    },
    Setting {
        name: "unixsocketperm",
        group: Group::Network,
        unit: "octal",
        live: false,
        help: "Permissions of the Unix socket.",
        value: Value::Permissions {
            get: |config| config.unixsocketperm,
            set: |config, bits| config.unixsocketperm = bits,
        },
    },
    Setting {
        name: "tcp-backlog",
        group: Group::Network,
        unit: "",
        live: false,
        help: "Longest queue of connections not yet accepted.",
        value: number!(Number, tcp_backlog, 0, i32::MAX as i64),
    },
    Setting {
        name: "tcp-keepalive",
        group: Group::Network,
        unit: "seconds",
        live: true,
        help: "Idle time after which a client's machine is probed, 0 = never.",
        value: number!(Number, tcp_keepalive_s, 0, KEEPALIVE_S_MAX),
    },
    Setting {
        name: "maxclients",
        group: Group::Clients,
        unit: "",
        live: true,
        help: "Most clients at once; one more is told so and closed.",
        value: number!(Number, maxclients, 1, u32::MAX as i64),
    },
    Setting {
        name: "timeout",
        group: Group::Clients,
        unit: "seconds",
        live: true,
        help: "Close clients idle for so long, 0 = never.",
        value: number!(Number, timeout_s, 0, SECONDS_MAX),
    },
    Setting {
        name: "handshake-timeout",
        group: Group::Clients,
        unit: "seconds",
        live: true,
        help: "Close clients silent from the start, 0 = never; also those that have not authenticated where a password is set.",
        value: number!(Number, handshake_timeout_s, 0, SECONDS_MAX),
    },
    Setting {
        name: "output-stall-timeout",
        group: Group::Clients,
        unit: "seconds",
        live: true,
        help: "Close clients that take no replies, 0 = never.",
        value: number!(Number, output_stall_timeout_s, 0, SECONDS_MAX),
    },
    Setting {
        name: "proto-max-bulk-len",
        group: Group::Clients,
        unit: "bytes",
        live: true,
        help: "Longest argument of a command.",
        value: number!(Bytes, proto_max_bulk_len, REQUEST_BYTES_MIN, BULK_BYTES_MAX),
    },
    Setting {
        name: "client-query-buffer-limit",
        group: Group::Clients,
        unit: "bytes",
        live: true,
        help: "Most bytes of one client's unfinished command.",
        value: number!(Bytes, client_query_buffer_limit, REQUEST_BYTES_MIN, QUERY_BYTES_MAX),
    },
    Setting {
        name: "maxmemory-clients",
        group: Group::Clients,
        unit: "bytes",
        live: true,
        help: "Most bytes of all clients' buffers; beyond it the largest is closed.",
        value: number!(Bytes, maxmemory_clients, 1 << 20, i64::MAX),
    },
    Setting {
        name: "client-output-buffer-limit",
        group: Group::Clients,
        unit: "limits",
        live: true,
        help: "Most unread output of a subscriber; `pubsub hard soft seconds`: more than hard, or than soft for so long, closes it; other classes of clients have no such limits.",
        value: Value::OutputLimits {
            get: |config| config.pubsub_output_limit,
            set: |config, limit| config.pubsub_output_limit = limit,
        },
    },
    Setting {
        name: "maxmemory",
        group: Group::Memory,
        unit: "bytes",
        live: true,
        help: "Most memory for counters, 0 = 75 % of what there is; that is the cgroup's memory or the machine's.",
        value: number!(Bytes, maxmemory, 0, i64::MAX),
    },
    Setting {
        name: "maxmemory-policy",
        group: Group::Memory,
        unit: "policy",
        live: true,
        help: "What creating a counter gets at maxmemory; noeviction = Redis's OOM error, allow-new = allowed and uncounted, deny-new = denied and uncounted; existing counters go on counting.",
        value: choice!(MemoryPolicy, maxmemory_policy),
    },
    Setting {
        name: "lua-memory-limit",
        group: Group::Memory,
        unit: "bytes",
        live: true,
        help: "Most memory of a running script; each thread has a Lua state of its own.",
        value: number!(Bytes, lua_memory_limit, LUA_BYTES_MIN, LUA_BYTES_MAX),
    },
    Setting {
        name: "requirepass",
        group: Group::Security,
        unit: "password",
        live: true,
        help: "Password for AUTH and HELLO; empty = none.",
        value: Value::Text {
            bytes_max: TEXT_BYTES_MAX,
            get: |config| &config.requirepass,
            set: |config, text| config.requirepass = text.to_owned(),
        },
    },
    Setting {
        name: "protected-mode",
        group: Group::Security,
        unit: "",
        live: true,
        help: "Without a password, refuse other machines' clients.",
        value: Value::YesNo {
            get: |config| config.protected_mode,
            set: |config, yes| config.protected_mode = yes,
        },
    },
    Setting {
        name: "enable-debug-command",
        group: Group::Security,
        unit: "who",
        live: false,
        help: "Who may use DEBUG; local = clients on this machine.",
        value: choice!(DebugCommand, enable_debug_command),
    },
    Setting {
        name: "io-threads",
        group: Group::Operation,
        unit: "",
        live: false,
        help: "Threads that serve clients, 0 = one for each core.",
        value: number!(Number, io_threads, 0, 128),
    },
    Setting {
        name: "busy-reply-threshold",
        group: Group::Operation,
        unit: "ms",
        live: true,
        help: "Longest run of a script; one that takes longer is rolled back and answers an error, also known as lua-time-limit.",
        value: number!(Number, busy_reply_threshold_ms, 1, BUDGET_MS_MAX),
    },
    Setting {
        name: "shutdown-timeout",
        group: Group::Operation,
        unit: "seconds",
        live: true,
        help: "Longest wait for clients to take their replies; at SIGTERM and SHUTDOWN.",
        value: number!(Number, shutdown_timeout_s, 0, SECONDS_MAX),
    },
    Setting {
        name: "loglevel",
        group: Group::Observability,
        unit: "level",
        live: true,
        help: "Least important lines that are logged; they go to standard output.",
        value: choice!(LogLevel, loglevel),
    },
    Setting {
        name: "slowlog-log-slower-than",
        group: Group::Observability,
        unit: "micros",
        live: true,
        help: "Run time worth keeping, -1 = none, 0 = all; SLOWLOG GET shows the commands.",
        value: number!(Number, slowlog_log_slower_than, -1, i64::MAX),
    },
    Setting {
        name: "slowlog-max-len",
        group: Group::Observability,
        unit: "",
        live: true,
        help: "How many slow commands are kept.",
        value: number!(Number, slowlog_max_len, 0, SLOWLOG_MAX),
    },
    Setting {
        name: "latency-tracking",
        group: Group::Observability,
        unit: "",
        live: true,
        help: "Keep a histogram of each command's run time; for INFO and LATENCY HISTOGRAM.",
        value: Value::YesNo {
            get: |config| config.latency_tracking,
            set: |config, yes| config.latency_tracking = yes,
        },
    },
    Setting {
        name: "cluster-port",
        group: Group::Cluster,
        unit: "",
        live: false,
        help: "UDP and TCP port for other nodes, 0 = none; with join, 0 = 7946.",
        value: number!(Number, cluster_port, 0, 65_535),
    },
    Setting {
        name: "cluster-bind",
        group: Group::Cluster,
        unit: "address",
        live: false,
        help: "Address to hear other nodes on; beyond loopback it needs a secret.",
        value: text!(cluster_bind, ADDRESS_BYTES_MAX),
    },
    Setting {
        name: "cluster-advertise",
        group: Group::Cluster,
        unit: "address",
        live: false,
        help: "Address by which others reach it; empty = cluster-bind, else the variable POD_IP, else the one that the route to the first seed has.",
        value: text!(cluster_advertise, ADDRESS_BYTES_MAX),
    },
    Setting {
        name: "cluster-name",
        group: Group::Cluster,
        unit: "name",
        live: false,
        help: "Name of the cluster; nodes of another are not heard.",
        value: text!(cluster_name, CLUSTER_NAME_BYTES_MAX),
    },
    Setting {
        name: "cluster-secret-file",
        group: Group::Cluster,
        unit: "path",
        live: false,
        help: "File with the keys of the cluster; ratel gen-secret writes one, SIGHUP rereads it.",
        value: text!(cluster_secret_file, PATH_BYTES_MAX),
    },
    Setting {
        name: "cluster-insecure",
        group: Group::Cluster,
        unit: "",
        live: false,
        help: "Hear other machines without a secret; whoever reaches the port can then change counts.",
        value: Value::YesNo {
            get: |config| config.cluster_insecure,
            set: |config, yes| config.cluster_insecure = yes,
        },
    },
    Setting {
        name: "join",
        group: Group::Cluster,
        unit: "places",
        live: false,
        help: "Where other nodes are; may be repeated, names are looked up every 5 s.",
        value: Value::Seeds { get: |config| &config.join, set: |config, list| config.join = list },
    },
];

fn widen<T: TryInto<i64>>(number: T) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

fn assign<T: TryFrom<i64>>(field: &mut T, number: i64) -> bool {
    match T::try_from(number) {
        Ok(number) => {
            *field = number;
            true
        }
        Err(_) => false,
    }
}

/// The row of that name, in any case of letters.
pub fn find(name: &str) -> Option<&'static Setting> {
    let alias = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name));
    let name = alias.map_or(name, |(_, setting)| setting);
    SETTINGS.iter().find(|setting| setting.name.eq_ignore_ascii_case(name))
}

/// The value of a setting or of one of [`CONSTANTS`], as CONFIG GET prints it; `None` if there is
/// no such name.
pub fn get(config: &Config, name: &str) -> Option<String> {
    let constant = || CONSTANTS.iter().find(|(constant, _)| constant.eq_ignore_ascii_case(name));
    match find(name) {
        Some(setting) => Some(setting.get(config)),
        None => constant().map(|(_, value)| (*value).to_owned()),
    }
}

/// The names that [`get`] knows, settings first.
pub fn names() -> impl Iterator<Item = &'static str> {
    let constants = CONSTANTS.iter().map(|(name, _)| *name);
    let aliases = ALIASES.iter().map(|(alias, _)| *alias);
    SETTINGS.iter().map(|setting| setting.name).chain(aliases).chain(constants)
}

/// Reads `text` into the setting `name`, as at start.
///
/// # Errors
/// What is wrong and what is allowed; an unknown name. `config` is as before.
pub fn set(config: &mut Config, name: &str, text: &str) -> Result<(), String> {
    find(name).ok_or_else(|| format!("unknown setting '{name}'"))?.set(config, text)
}

/// Reads `text` into the setting `name`, as CONFIG SET does while the server runs.
///
/// # Errors
/// Redis's text without its `ERR `, also for a setting that only start may set; `config` is as
/// before.
pub fn set_live(config: &mut Config, name: &str, text: &str) -> Result<(), String> {
    let result = match changeable(name)? {
        Some(setting) => setting.set(config, text),
        None => Err("can't set immutable config".to_owned()),
    };
    result.map_err(|error| related(name, &error))
}

/// The settings after CONFIG SET of all `changes`: all of them or none.
///
/// # Errors
/// Redis's text without its `ERR `, for the first bad one, in Redis's order: unknown names, then
/// what cannot be changed or is named twice, then values.
pub fn change(config: &Config, changes: &[(String, String)]) -> Result<Config, String> {
    for (at, (name, _)) in changes.iter().enumerate() {
        let setting = changeable(name)?;
        let twice = changes.iter().take(at).any(|(other, _)| other.eq_ignore_ascii_case(name));
        match setting {
            None => return Err(related(name, "can't set immutable config")),
            Some(_) if twice => return Err(related(name, "duplicate parameter")),
            Some(_) => {}
        }
    }
    let mut changed = config.clone();
    for (name, text) in changes {
        set_live(&mut changed, name, text)?;
    }
    Ok(changed)
}

/// The row of a known name; `None` if it cannot be changed while running.
fn changeable(name: &str) -> Result<Option<&'static Setting>, String> {
    let constant = || CONSTANTS.iter().any(|(constant, _)| constant.eq_ignore_ascii_case(name));
    match find(name) {
        Some(setting) => Ok(setting.live.then_some(setting)),
        None if constant() => Ok(None),
        None => Err(format!("Unknown option or number of arguments for CONFIG SET - '{name}'")),
    }
}

fn related(name: &str, error: &str) -> String {
    format!("CONFIG SET failed (possibly related to argument '{name}') - {error}")
}

#[cfg(test)]
mod tests;
