//! Arguments in, exit code out.

mod cli;

use std::io::Write;
use std::process::ExitCode;

use ratel::server;

fn main() -> ExitCode {
    let outcome = match cli::read(std::env::args_os(), std::env::vars_os()) {
        Ok(cli::Action::Serve { config, warnings }) => {
            // Before the log is open, and whatever its level: a setting that is ignored is not chat.
            for warning in warnings {
                complain(&format!("warning: {warning}"));
            }
            server::run(*config)
        }
        Ok(cli::Action::Health(probe)) => probe.run(),
        Ok(cli::Action::GenSecret) => cli::print_secret(),
        Err(error) => {
            // Nobody is left to tell if this cannot be printed.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// A line to standard error; unlike eprintln, nothing happens where that is closed.
fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "ratel: {text}");
}
