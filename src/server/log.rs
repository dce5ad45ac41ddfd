//! The log: tracing to standard output.
//!
//! Not here: what is logged. Invariant: a log that cannot be written (closed pipe, full disk)
//! neither ends the process nor fails the work that was logged.

use std::io::{self, Write};
use std::sync::OnceLock;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use crate::config::LogLevel;

static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Starts the log. The variable RUST_LOG overrides `level` until the level is set again. Does
/// nothing where a log was started already, by us or by the program around us.
pub(super) fn start(level: LogLevel) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| directives(level));
    let (filter, handle) = reload::Layer::new(filter);
    // log_internal_errors writes to standard error by a macro that panics where that is closed.
    let lines = fmt::layer().with_writer(|| Lossy).with_target(false).log_internal_errors(false);
    if tracing_subscriber::registry().with(filter).with(lines.with_ansi(false)).try_init().is_ok() {
        let _ = FILTER.set(handle);
        std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    }
}

/// Sets the level of the log that [`start`] began; without one, nothing.
pub(super) fn set_level(level: LogLevel) {
    if let Some(filter) = FILTER.get() {
        // Fails only where the log is gone: then there is nothing to set.
        let _ = filter.reload(directives(level));
    }
}

fn directives(level: LogLevel) -> EnvFilter {
    EnvFilter::new(match level {
        LogLevel::Debug => "debug",
        LogLevel::Verbose | LogLevel::Notice => "info",
        LogLevel::Warning => "warn",
    })
}

/// Standard output that swallows errors.
struct Lossy;

impl Write for Lossy {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = io::stdout().lock().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = io::stdout().lock().flush();
        Ok(())
    }
}
