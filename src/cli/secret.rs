//! `ratel gen-secret`: a new secret file for a cluster, on standard output.
//!
//! Not here: what the file means (cluster::seal). Invariant: the key is printed once and kept
//! nowhere.

use std::io::{self, Write};

use anyhow::{Context, anyhow};
use clap::Command;
use ratel::cluster::crypto::KEY_BYTES;
use ratel::cluster::seal::keyring::generate;

/// The word that asks for it.
pub(super) const NAME: &str = "gen-secret";

pub(super) fn command() -> Command {
    Command::new(NAME).about("Print a new secret file for a cluster").long_about(
        "Print a new secret file for a cluster.\n\n\
         Try: (umask 077; ratel gen-secret > secret), then give every node the same file by \
         --cluster-secret-file.",
    )
}

/// Prints the file.
///
/// # Errors
/// The system gives no randomness, or standard output takes nothing.
pub(crate) fn print() -> anyhow::Result<()> {
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(|error| anyhow!("no randomness from the system: {error}"))?;
    let mut out = io::stdout().lock();
    out.write_all(generate(&key).as_bytes()).and_then(|()| out.flush()).context("standard output")
}
