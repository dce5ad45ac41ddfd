//! Arguments in, exit code out.

mod cli;

use std::io::Write;
use std::process::ExitCode;

use ratel::server;

fn main() -> ExitCode {
    let outcome = match cli::read(std::env::args_os(), std::env::vars_os()) {
        Ok(cli::Action::Serve { config, warnings }) => {
            server::log::init(config.loglevel);
            for warning in warnings {
                tracing::warn!("{warning}");
            }
            server::run(*config)
        }
        Ok(cli::Action::Health(probe)) => probe.run(),
        Err(error) => {
            // Nobody is left to tell if this cannot be printed.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not eprintln: it panics where standard error is closed.
            let _ = writeln!(std::io::stderr(), "ratel: {error:#}");
            ExitCode::FAILURE
        }
    }
}
