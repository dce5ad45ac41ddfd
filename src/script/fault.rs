//! Errors that the server's functions raise inside a script.
//!
//! Not here: Lua's own errors, which are strings from the start. mlua raises an error of Rust as a
//! value that scripts cannot read; wherever a script can catch one, [`unwrap`] gives it what Redis
//! would have given. Invariant: `Stopped` is never given to a script.

use mlua::{Error, Lua, Value};

/// What went wrong.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// A message with its position, as Lua's `error` makes it.
    Text(String),
    /// An error reply with its code, raised as a table with `err`.
    Reply(String),
    /// The script was stopped.
    Stopped,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::Text(text) | Fault::Reply(text) => formatter.write_str(text),
            Fault::Stopped => formatter.write_str("script stopped"),
        }
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Error::external(fault)
    }
}

impl Fault {
    /// A message of a function that Lua code called: `user_script:1: text`.
    pub(super) fn here(lua: &Lua, text: &str) -> Fault {
        Fault::Text(position(lua) + text)
    }
}

/// The name of the chunk that builds the sandbox: errors are never placed in it.
pub(super) const PRELUDE: &str = "=prelude";

/// The place in a script that called the running function; empty where Lua cannot tell.
pub(super) fn position(lua: &Lua) -> String {
    let mut level = 1;
    loop {
        let frame = lua.inspect_stack(level, |frame| {
            let source = frame.source();
            let prelude = source.source.as_deref() == Some(PRELUDE);
            let line = frame.current_line().zip(source.short_src);
            (prelude, line.map(|(line, name)| format!("{name}:{line}: ")))
        });
        match frame {
            Some((true, _)) => level += 1,
            Some((false, place)) => return place.unwrap_or_default(),
            None => return String::new(),
        }
    }
}

/// What was raised: the fault behind an error of Rust, or nothing where it is a value of Lua.
pub(super) fn unwrap(raised: &Value) -> Option<Fault> {
    let Value::Error(error) = raised else {
        return None;
    };
    Some(of(error))
}

/// The fault inside an error, or its text.
pub(super) fn of(error: &Error) -> Fault {
    match error.downcast_ref::<Fault>() {
        Some(fault) => fault.clone(),
        None => match error {
            Error::CallbackError { cause, .. } => of(cause),
            Error::RuntimeError(text) | Error::MemoryError(text) => Fault::Text(text.clone()),
            other => Fault::Text(other.to_string()),
        },
    }
}
