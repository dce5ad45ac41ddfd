//! Where ratel may answer otherwise than Redis 7.0.15, and why.

use crate::reply::Reply;
use crate::request::Request;

/// One difference that is meant.
pub(crate) struct Allowed {
    /// The command it is on, as the tally names it.
    pub(crate) command: &'static str,
    /// Why it is meant.
    pub(crate) reason: &'static str,
    /// Whether Redis's and ratel's replies to a request of this command differ in this way.
    fits: fn(&Request, &Reply, &Reply) -> bool,
}

/// Most rows that the table may have.
#[cfg(test)]
const ROWS_MAX: usize = 20;

/// All differences that are meant.
pub(crate) const ALLOWED: &[Allowed] = &[
    Allowed {
        command: "OBJECT HELP",
        reason: "the help is in words of our own",
        fits: |_, redis, ratel| matches!((redis, ratel), (Reply::Array(_), Reply::Array(lines)) if lines.len() > 2),
    },
    Allowed {
        command: "OBJECT ENCODING",
        reason: "a string's encoding follows from its bytes, not from the command that wrote them",
        fits: |_, redis, ratel| is_encoding(redis) && is_encoding(ratel),
    },
    Allowed {
        command: "OBJECT IDLETIME",
        reason: "nobody evicts by age, so no key keeps the time of its last use",
        fits: |_, redis, ratel| {
            let refused = |text: &[u8]| text.ends_with(b"Idle times are not tracked either.");
            matches!(redis, Reply::Integer(_)) && ratel.as_error().is_some_and(refused)
        },
    },
];

/// Whether it is one of the names for how a string is kept.
fn is_encoding(reply: &Reply) -> bool {
    matches!(reply, Reply::Bulk(name) if [&b"int"[..], b"embstr", b"raw"].contains(&&**name))
}

/// Whether a row is on this command: a script that called it could return anything made of it.
pub(crate) fn differs(command: &str) -> bool {
    ALLOWED.iter().any(|row| row.command == command)
}

/// The row that allows these replies, if one does.
pub(crate) fn allowed(request: &Request, redis: &Reply, ratel: &Reply) -> Option<&'static Allowed> {
    let name = request.name();
    ALLOWED.iter().find(|row| row.command == name && (row.fits)(request, redis, ratel))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The commands that limiter libraries were seen to send, of those that are compared.
    const IN_USE: &[&str] = &[
        "HELLO",
        "PING",
        "GET",
        "SET",
        "SETEX",
        "SETNX",
        "PSETEX",
        "INCR",
        "INCRBY",
        "INCRBYFLOAT",
        "DECR",
        "DECRBY",
        "EXPIRE",
        "EXPIREAT",
        "PEXPIRE",
        "PEXPIREAT",
        "TTL",
        "PTTL",
        "EXPIRETIME",
        "EXISTS",
        "DEL",
        "UNLINK",
        "MGET",
        "TIME",
        "KEYS",
        "SCAN",
        "MULTI",
        "EXEC",
        "RENAME",
        "RENAMENX",
        "EVAL",
        "EVALSHA",
        "SCRIPT LOAD",
    ];

    #[test]
    fn the_table_is_short_and_names_no_command_in_use() {
        assert!(ALLOWED.len() <= ROWS_MAX, "{} rows", ALLOWED.len());
        for row in ALLOWED {
            assert!(!IN_USE.contains(&row.command), "{} is in use", row.command);
            assert!(row.reason.len() > 20, "{}: no reason", row.command);
        }
    }
}
