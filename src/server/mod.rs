//! The edge: tokio, sockets, files, signals, the clock. The only impure layer.
//!
//! Not here: what a command means. Invariant: nothing that comes from a socket ends the process,
//! and each queue, buffer and wait has a named bound.

use crate::config::Config;

/// Serves until told to stop.
///
/// # Errors
/// What keeps it from starting.
pub fn run(config: Config) -> anyhow::Result<()> {
    anyhow::bail!("the server is not here yet (port {})", config.port)
}
