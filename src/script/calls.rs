//! The way out of a script: what it may ask of the server.
//!
//! Not here: who answers. Invariant: a script never runs on after [`Stop`].

use super::request::Request;
use crate::resp::{Protocol, Reply};

/// Why a script ended before its own end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Its time was used up.
    Budget,
    /// Somebody asked for it (SCRIPT KILL).
    Killed,
    /// [`Calls::call`] cannot go on: the caller undoes what was done and starts over.
    Restart,
}

/// The level of `redis.log`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// `redis.LOG_DEBUG`, 0.
    Debug,
    /// `redis.LOG_VERBOSE`, 1.
    Verbose,
    /// `redis.LOG_NOTICE`, 2.
    Notice,
    /// `redis.LOG_WARNING`, 3.
    Warning,
}

/// What a running script may ask of the server.
pub trait Calls {
    /// Runs a command: its name and arguments, at least one word, in the protocol that the script
    /// chose by `redis.setresp` (RESP2 unless it did). `now_ns` is the reading of the run's ticker
    /// just before. An error is a [`Reply::Error`] with its code,
    /// also for a command that does not exist or has the wrong number of arguments.
    ///
    /// # Errors
    /// The script must end now; it never runs on, whatever it catches.
    fn call(&mut self, request: &Request, protocol: Protocol, now_ns: u64) -> Result<Reply, Stop>;

    /// Writes to the server's log, as `redis.log` asks.
    fn log(&mut self, level: LogLevel, text: &[u8]);

    /// Whether the user who runs the script may run this command; nothing where it does not exist.
    fn may(&mut self, request: &Request) -> Option<bool>;
}
