//! Scripts: Lua 5.1 as Redis 7 runs it, in a sandbox and within bounds.
//!
//! Not here: keys, commands, locks, clocks. A script reaches the server through [`Calls`], which its
//! caller implements; time is a `ticker` that is handed in. Invariants: a script ends within twice
//! its budget, whatever it does; its Lua state stays below [`MEMORY_BYTES_MAX`]; nothing that it
//! leaves behind can be seen by the next one.
//!
//! | file | holds |
//! |---|---|
//! | `calls`, `request`, `door` | the way out of a script |
//! | `cache`, `shebang`, `digest` | the scripts that all workers know, by SHA1 |
//! | `interpreter`, `handed`, `sandbox`, `prelude.lua` | one Lua state a worker: compile, run, clean |
//! | `watch`, `fault`, `arguments` | budget, errors and arguments of the functions below |
//! | `to_lua`, `to_reply`, `number` | Redis's conversion rules |
//! | `api` | the rest of `redis.*` |
//! | `pattern`, `pattern_items`, `text`, `random`, `bits`, `structs`, `json_*`, `msgpack_*` | the libraries |

mod api;
mod arguments;
mod bits;
mod cache;
mod calls;
mod digest;
mod door;
mod fault;
mod handed;
mod interpreter;
mod json_decode;
mod json_encode;
mod json_library;
mod json_settings;
mod json_token;
mod msgpack_library;
mod msgpack_pack;
mod msgpack_unpack;
mod number;
mod pattern;
mod pattern_items;
mod random;
mod request;
mod sandbox;
mod shebang;
mod structs;
#[cfg(test)]
mod tests;
mod text;
mod to_lua;
mod to_reply;
mod watch;

pub use cache::{CacheLimits, Script, ScriptCache};
pub use calls::{Calls, LogLevel, Stop};
pub use interpreter::{Interpreter, MEMORY_BYTES_MAX, Options, Run};
pub use request::Request;
pub use shebang::ScriptFlags;
pub use watch::KillSwitch;
