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
pub(crate) const ALLOWED: &[Allowed] = &[];

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
