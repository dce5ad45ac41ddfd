//! What a run is handed, and how it says what it came to.
//!
//! Not here: the run. Invariant: whatever is handed, the memory limit holds before the first
//! instruction of the script.

use mlua::{Either, IntoLua, Lua, Value, Variadic};

/// As many keys (the prelude's `place`) and arguments go to a run on Lua's stack, which is faster
/// than two tables made here.
const PUSHED_KEYS_MAX: usize = 2;
const PUSHED_ARGUMENTS_MAX: usize = 16;

/// How the prelude says what a run came to.
pub(super) struct Outcome;

impl Outcome {
    pub(super) const RAISED: i64 = 0;
    pub(super) const VALUE: i64 = 1;
    /// The elements of the table that was returned.
    pub(super) const LIST: i64 = 2;
}

/// What a run is handed beside text.
#[derive(Clone, Copy)]
pub(super) enum Handed<'w> {
    Bytes(&'w [u8]),
    /// The memory limit, bytes: it holds from here on.
    Limit(usize),
}

impl IntoLua for Handed<'_> {
    fn into_lua(self, lua: &Lua) -> mlua::Result<Value> {
        match self {
            Handed::Bytes(bytes) => lua.create_string(bytes).map(Value::String),
            Handed::Limit(bytes) => lua.set_memory_limit(bytes).map(|_| Value::Nil),
        }
    }
}

/// Whether they go on the stack.
pub(super) fn fits(keys: &[&[u8]], argv: &[&[u8]]) -> bool {
    keys.len() <= PUSHED_KEYS_MAX && argv.len() <= PUSHED_ARGUMENTS_MAX
}

/// Keys and arguments for the stack, and `limit` after them.
pub(super) fn words<'w>(
    keys: &[&'w [u8]],
    argv: &[&'w [u8]],
    limit: Handed<'w>,
) -> Variadic<impl IntoLua + use<'w>> {
    let words = keys.iter().chain(argv).map(|word| pushed(word));
    words.chain([Either::Right(limit)]).collect()
}

/// A word for the stack: mlua puts text there at once, bytes by way of a reference.
fn pushed(word: &[u8]) -> Either<&str, Handed<'_>> {
    std::str::from_utf8(word).map_or(Either::Right(Handed::Bytes(word)), Either::Left)
}
