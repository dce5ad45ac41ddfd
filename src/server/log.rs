//! Log lines to standard error.
//!
//! Not here: what is logged. Invariant: a line that cannot be written is lost and nothing else
//! happens.

use std::io::IsTerminal;
use std::sync::OnceLock;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt, reload};

use crate::config::LogLevel;

static FILTER: OnceLock<reload::Handle<LevelFilter, Registry>> = OnceLock::new();

/// Starts logging, once in the life of the process; a later call only sets the level.
pub fn init(level: LogLevel) {
    let (filter, handle) = reload::Layer::new(filter(level));
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        // Else a failed write is reported by eprintln, which panics where standard error is gone.
        .log_internal_errors(false);
    match tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init()
    {
        // Nobody else sets it: this branch is taken once in the life of the process.
        Ok(()) => drop(FILTER.set(handle)),
        Err(_) => set_level(level),
    }
}

/// Changes what is logged (CONFIG SET loglevel); before [`init`] it does nothing.
pub fn set_level(level: LogLevel) {
    if let Some(handle) = FILTER.get() {
        // It fails only if the subscriber is gone, and then nothing is logged anyway.
        let _ = handle.reload(filter(level));
    }
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Verbose | LogLevel::Notice => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_can_be_changed_while_running() {
        init(LogLevel::Warning);
        assert!(!tracing::enabled!(tracing::Level::INFO));
        set_level(LogLevel::Debug);
        assert!(tracing::enabled!(tracing::Level::DEBUG));
        init(LogLevel::Warning);
        assert!(!tracing::enabled!(tracing::Level::INFO));
        assert!(tracing::enabled!(tracing::Level::WARN));
    }
}
