//! What a script's calls do: the commands of the table, under the keys that the script holds.
//!
//! Not here: Lua. Invariant: a command runs only if all its keys are held; one that is not ends the
//! script, which is rolled back and begins again under every key.

use super::spec::Flags;
use super::table::{TABLE, is_covered, resolve, run_held};
use super::{Args, Context};
use crate::engine::Held;
use crate::resp::{Protocol, Reply};
use crate::script::{Calls, LogLevel, Request, Stop};

const UNKNOWN: &str = "ERR Unknown Redis command called from script";
const WRONG_COUNT: &str = "ERR Wrong number of args calling Redis command from script";
const FORBIDDEN: &str = "ERR This Redis command is not allowed from script";
const READ_ONLY: &str = "ERR Write commands are not allowed from read-only scripts.";
/// Longest line that a script may log, bytes (Redis's figure).
const LOG_BYTES_MAX: usize = 1024;

/// The way from one script to the server.
pub(super) struct ScriptCalls<'s, 'a, 'h, 'k> {
    pub(super) context: &'s mut Context<'a>,
    pub(super) held: &'h mut Held<'k>,
    /// It may not write.
    pub(super) read_only: bool,
    /// The command that needed a key which is not held.
    pub(super) beyond: Option<String>,
}

impl Calls for ScriptCalls<'_, '_, '_, '_> {
    fn call(&mut self, request: &Request, protocol: Protocol, now_ns: u64) -> Result<Reply, Stop> {
        let args = Args::new(request.bytes(), request.spans());
        let row = match self.admit(&args) {
            Ok(row) => row,
            Err(text) => return Ok(Reply::Error(text.into())),
        };
        if !is_covered(self.held, row, &args) {
            self.beyond = Some(TABLE[row].name.to_ascii_uppercase());
            return Err(Stop::Restart);
        }
        let chosen = std::mem::replace(&mut self.context.session.protocol, protocol);
        let reply = run_held(self.context, self.held, row, &args);
        self.context.session.protocol = chosen;
        let nanos = (self.context.ticker)().saturating_sub(now_ns);
        self.context.stats.record(row, 1, nanos);
        Ok(reply)
    }

    fn log(&mut self, level: LogLevel, text: &[u8]) {
        let text = text.get(..LOG_BYTES_MAX).unwrap_or(text);
        let text = String::from_utf8_lossy(text).replace(char::is_control, " ");
        self.context.host.log(level, &text);
    }

    /// There is one user, who may run what there is.
    fn may(&mut self, request: &Request) -> Option<bool> {
        resolve(&Args::new(request.bytes(), request.spans())).is_ok().then_some(true)
    }
}

impl ScriptCalls<'_, '_, '_, '_> {
    /// The row of a command that a script may run now, or Redis's error.
    fn admit(&self, args: &Args<'_>) -> Result<usize, &'static str> {
        let row = resolve(args).map_err(|_| UNKNOWN)?;
        let spec = TABLE[row];
        if !spec.takes(args.len()) {
            Err(WRONG_COUNT)
        } else if spec.flags.contains(Flags::NOSCRIPT) {
            Err(FORBIDDEN)
        } else if self.read_only && !is_read(spec.flags) {
            Err(READ_ONLY)
        } else {
            Ok(row)
        }
    }
}

/// True if a read-only script may call a command of these flags.
fn is_read(flags: Flags) -> bool {
    !flags.contains(Flags::WRITE) && !flags.contains(Flags::MAY_REPLICATE)
}
