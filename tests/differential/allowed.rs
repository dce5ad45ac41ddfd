//! Where ratel may answer otherwise than Redis 7.0.15, and why.

use crate::reply::Reply;
use crate::request::Request;

/// One difference that is meant.
pub(crate) struct Allowed {
    /// The command it is on, as the tally names it, or what a script uses.
    pub(crate) subject: &'static str,
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
        subject: "OBJECT HELP",
        reason: "the help is in words of our own",
        fits: |_, redis, ratel| matches!((redis, ratel), (Reply::Array(_), Reply::Array(lines)) if lines.len() > 2),
    },
    Allowed {
        subject: "OBJECT ENCODING",
        reason: "an encoding follows from what a value holds, not from what it held or who wrote it",
        fits: |_, redis, ratel| are_encodings(redis, ratel),
    },
    Allowed {
        subject: "OBJECT IDLETIME",
        reason: "nobody evicts by age, so no key keeps the time of its last use",
        fits: |_, redis, ratel| {
            let refused = |text: &[u8]| text.ends_with(b"Idle times are not tracked either.");
            matches!(redis, Reply::Integer(_)) && ratel.as_error().is_some_and(refused)
        },
    },
    Allowed {
        subject: "string.dump",
        reason: "bytecode that a script makes could only be read back by crashing Lua",
        fits: |_, _, ratel| {
            ratel.as_error().is_some_and(|text| text.windows(6).any(|part| part == b"'dump'"))
        },
    },
    Allowed {
        subject: "pairs(string)",
        reason: "as string.dump is not there",
        fits: |_, redis, ratel| without(redis, &["dump"]) == without(ratel, &[]),
    },
    Allowed {
        subject: "REDIS_VERSION",
        reason: "scripts are told the version that INFO and HELLO tell, which is a later one",
        fits: |_, redis, ratel| match (redis, ratel) {
            (Reply::Array(redis), Reply::Array(ratel)) => redis.len() == ratel.len(),
            _ => false,
        },
    },
    Allowed {
        subject: "math.random(",
        reason: "without a seed the numbers follow those of the server's earlier scripts",
        fits: |_, redis, ratel| match (redis, ratel) {
            (Reply::Array(redis), Reply::Array(ratel)) => redis.len() == ratel.len(),
            _ => false,
        },
    },
    Allowed {
        subject: "return redis.log(",
        reason: "Lua forgets who called a function last thing: the error lacks the script's line",
        fits: |_, redis, ratel| is_without_place(redis, ratel),
    },
    Allowed {
        subject: "return redis.acl_check_cmd(",
        reason: "as for redis.log: the error of a call that ends the script lacks its line",
        fits: |_, redis, ratel| is_without_place(redis, ratel),
    },
    Allowed {
        subject: "pairs(_G)",
        reason: "scripts for Valkey say `server`; Redis shows a function that only it may call",
        fits: |_, redis, ratel| {
            without(redis, &["__redis__err__handler function"]) == without(ratel, &["server table"])
        },
    },
];

/// Whether both are one error, Redis's with the place in the script behind it.
fn is_without_place(redis: &Reply, ratel: &Reply) -> bool {
    let (Some(redis), Some(ratel)) = (redis.as_error(), ratel.as_error()) else { return false };
    redis.strip_prefix(ratel).is_some_and(|place| place.starts_with(b" script: "))
}

/// An array of strings without those.
fn without(reply: &Reply, names: &[&str]) -> Option<Vec<Reply>> {
    let Reply::Array(items) = reply else { return None };
    let keep = |item: &&Reply| match item {
        Reply::Bulk(name) => !names.iter().any(|other| other.as_bytes() == name),
        _ => true,
    };
    Some(items.iter().filter(keep).cloned().collect())
}

/// Whether both are names for how a value of one type is kept.
fn are_encodings(redis: &Reply, ratel: &Reply) -> bool {
    const ENCODINGS: &[&[&[u8]]] = &[&[b"int", b"embstr", b"raw"], &[b"listpack", b"hashtable"]];
    let named = |reply: &Reply, names: &[&[u8]]| matches!(reply, Reply::Bulk(name) if names.contains(&name.as_slice()));
    ENCODINGS.iter().any(|names| named(redis, names) && named(ratel, names))
}

/// Whether a row is on this command: a script that called it could return anything made of it.
pub(crate) fn differs(command: &str) -> bool {
    ALLOWED.iter().any(|row| row.subject == command)
}

/// The row that allows these replies, if one does.
pub(crate) fn allowed(request: &Request, redis: &Reply, ratel: &Reply) -> Option<&'static Allowed> {
    let name = request.name();
    let uses =
        |row: &&Allowed| row.subject == name || request.calls.iter().any(|c| c == row.subject);
    ALLOWED.iter().find(|row| uses(row) && (row.fits)(request, redis, ratel))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What limiter libraries were seen to send, and their scripts to use, of what is compared.
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
        "LPUSH",
        "RPUSH",
        "LLEN",
        "LINDEX",
        "LTRIM",
        "LRANGE",
        "LREM",
        "RPOPLPUSH",
        "HSET",
        "HGET",
        "HGETALL",
        "HMGET",
        "HMSET",
        "HINCRBY",
        "HDEL",
        "HEXISTS",
        "HSETNX",
        "HKEYS",
        "EVAL",
        "EVALSHA",
        "SCRIPT LOAD",
        "ZADD",
        "ZCARD",
        "ZCOUNT",
        "ZRANGE",
        "ZREM",
        "ZREMRANGEBYSCORE",
        "ZREMRANGEBYRANK",
        "ZRANGEBYSCORE",
        "ZSCORE",
        "ZINCRBY",
        "string.format",
        "string.match",
        "string.gmatch",
        "string.sub",
        "string.len",
        "table.maxn",
        "unpack",
    ];

    #[test]
    fn the_table_is_short_and_names_no_command_in_use() {
        assert!(ALLOWED.len() <= ROWS_MAX, "{} rows", ALLOWED.len());
        for row in ALLOWED {
            assert!(!IN_USE.contains(&row.subject), "{} is in use", row.subject);
            assert!(row.reason.len() > 20, "{}: no reason", row.subject);
        }
    }
}
