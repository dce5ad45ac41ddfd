//! A client as CLIENT LIST shows it, and the CLIENT command.

use std::sync::atomic::{AtomicBool, AtomicU64};

use bytes::Bytes;
use parking_lot::Mutex;

/// One connection's public row. Its worker writes it, any connection may read it.
#[derive(Debug)]
pub struct ClientRecord {
    /// Unique in the life of the process, from 1.
    pub id: u64,
    /// The peer, `ip:port` or `path:0` for a Unix socket.
    pub addr: String,
    /// The local address.
    pub laddr: String,
    /// File descriptor number, for CLIENT LIST only.
    pub fd: i32,
    /// Connected through the Unix socket.
    pub unix: bool,
    /// When it connected, ms since the epoch.
    pub created_ms: u64,
    /// Last slice served, ms since the epoch.
    pub active_ms: AtomicU64,
    /// Row of its last command in the command table plus one; 0 = none yet.
    pub last_command: AtomicU64,
    /// Commands served.
    pub commands: AtomicU64,
    /// Bytes read from it.
    pub read_bytes: AtomicU64,
    /// Bytes written to it.
    pub written_bytes: AtomicU64,
    /// Bytes of an unfinished request now held (qbuf).
    pub query_bytes: AtomicU64,
    /// Bytes of replies that the socket has not taken yet (obl).
    pub output_bytes: AtomicU64,
    /// Speaks RESP3.
    pub resp3: AtomicBool,
    /// CLIENT NO-EVICT ON.
    pub no_evict: AtomicBool,
    /// CLIENT NO-TOUCH ON.
    pub no_touch: AtomicBool,
    /// What it told about itself.
    pub identity: Mutex<Identity>,
}

/// What a client told about itself.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// CLIENT SETNAME, HELLO SETNAME.
    pub name: Bytes,
    /// CLIENT SETINFO LIB-NAME.
    pub lib_name: Bytes,
    /// CLIENT SETINFO LIB-VER.
    pub lib_ver: Bytes,
}
