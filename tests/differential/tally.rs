//! How often each command ran, so that a run that covers little is seen.

use std::collections::BTreeMap;
use std::fmt;

use crate::reply::Reply;
use crate::request::Request;

/// Counts by command.
#[derive(Default)]
pub(crate) struct Tally {
    rows: BTreeMap<String, Row>,
}

#[derive(Default)]
struct Row {
    answered: u64,
    failed: u64,
    in_scripts: u64,
}

/// Every command that must have been answered, and must have failed, in a long run.
pub(crate) const COMMANDS: &[&str] = &[
    "APPEND",
    "BLPOP",
    "BRPOP",
    "DBSIZE",
    "DECR",
    "DECRBY",
    "DEL",
    "DISCARD",
    "EVAL",
    "EVALSHA",
    "EVALSHA_RO",
    "EVAL_RO",
    "EXEC",
    "EXISTS",
    "EXPIRE",
    "EXPIREAT",
    "EXPIRETIME",
    "FLUSHALL",
    "FLUSHDB",
    "GET",
    "GETDEL",
    "GETEX",
    "GETSET",
    "HDEL",
    "HEXISTS",
    "HGET",
    "HGETALL",
    "HINCRBY",
    "HINCRBYFLOAT",
    "HKEYS",
    "HLEN",
    "HMGET",
    "HMSET",
    "HRANDFIELD",
    "HSCAN",
    "HSET",
    "HSETNX",
    "HSTRLEN",
    "HVALS",
    "INCR",
    "INCRBY",
    "INCRBYFLOAT",
    "KEYS",
    "LINDEX",
    "LINSERT",
    "LLEN",
    "LMOVE",
    "LPOP",
    "LPOS",
    "LPUSH",
    "LPUSHX",
    "LRANGE",
    "LREM",
    "LSET",
    "LTRIM",
    "MEMORY USAGE",
    "MGET",
    "MSET",
    "MSETNX",
    "MULTI",
    "OBJECT ENCODING",
    "OBJECT FREQ",
    "OBJECT IDLETIME",
    "OBJECT REFCOUNT",
    "PERSIST",
    "PEXPIRE",
    "PEXPIREAT",
    "PEXPIRETIME",
    "PSETEX",
    "PTTL",
    "PUBLISH",
    "RANDOMKEY",
    "RENAME",
    "RENAMENX",
    "RPOP",
    "RPOPLPUSH",
    "RPUSH",
    "RPUSHX",
    "SCAN",
    "SCRIPT EXISTS",
    "SCRIPT FLUSH",
    "SCRIPT KILL",
    "SCRIPT LOAD",
    "SET",
    "SETEX",
    "SETNX",
    "STRLEN",
    "TOUCH",
    "TTL",
    "TYPE",
    "UNLINK",
    "UNWATCH",
    "WATCH",
    "ZADD",
    "ZCARD",
    "ZCOUNT",
    "ZINCRBY",
    "ZLEXCOUNT",
    "ZMSCORE",
    "ZPOPMAX",
    "ZPOPMIN",
    "ZRANDMEMBER",
    "ZRANGE",
    "ZRANGEBYLEX",
    "ZRANGEBYSCORE",
    "ZRANK",
    "ZREM",
    "ZREMRANGEBYLEX",
    "ZREMRANGEBYRANK",
    "ZREMRANGEBYSCORE",
    "ZREVRANGE",
    "ZREVRANGEBYLEX",
    "ZREVRANGEBYSCORE",
    "ZREVRANK",
    "ZSCAN",
    "ZSCORE",
];

/// Of those, the ones that cannot succeed here: nothing runs that could be killed, and no policy
/// keeps frequencies.
const ALWAYS_FAIL: &[&str] = &["SCRIPT KILL", "OBJECT FREQ"];

impl Tally {
    /// Counts a request by Redis's reply to it.
    pub(crate) fn count(&mut self, request: &Request, reply: &Reply) {
        let row = self.rows.entry(request.name()).or_default();
        match reply.as_error() {
            Some(_) => row.failed += 1,
            None => row.answered += 1,
        }
        for call in &request.calls {
            self.rows.entry(call.clone()).or_default().in_scripts += 1;
        }
    }

    /// The commands that this run failed to try in both ways.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let tried = |name: &str| {
            let row = self.rows.get(name);
            row.is_some_and(|row| {
                row.failed > 0 && (row.answered > 0 || ALWAYS_FAIL.contains(&name))
            })
        };
        COMMANDS.iter().copied().filter(|name| !tried(name)).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{:<18}{:>10}{:>10}{:>12}", "command", "answered", "errors", "in scripts")?;
        let known =
            |name: &&String| name.bytes().all(|b| b.is_ascii_uppercase() || b"_ ".contains(&b));
        for name in self.rows.keys().filter(known) {
            let row = &self.rows[name];
            let Row { answered, failed, in_scripts } = row;
            writeln!(out, "{name:<18}{answered:>10}{failed:>10}{in_scripts:>12}")?;
        }
        Ok(())
    }
}
