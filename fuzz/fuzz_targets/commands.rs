//! Commands, made up from a grammar or raw, against one engine that is kept across inputs: nothing
//! panics, and the number of replies is the number of requests.
#![no_main]

#[path = "../host.rs"]
mod host;

use std::cell::RefCell;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;

use host::World;

/// One request.
#[derive(Arbitrary, Debug)]
enum Request {
    /// Words of the grammar, most of them sensible.
    Words(Command, Vec<Word>),
    /// Any words.
    Any(Vec<Vec<u8>>),
}

#[derive(Arbitrary, Debug)]
struct Input {
    requests: Vec<Request>,
    /// Sent behind the requests as it is.
    raw: Vec<u8>,
    /// How far the clock moves before, milliseconds.
    step_ms: u32,
}

macro_rules! words {
    ($name:ident { $($variant:ident = $text:expr,)+ }) => {
        #[derive(Arbitrary, Clone, Copy, Debug)]
        enum $name { $($variant,)+ }
        impl $name {
            fn text(self) -> &'static [u8] {
                match self { $($name::$variant => $text,)+ }
            }
        }
    };
}

words!(Command {
    Hit = b"RL.HIT",
    Check = b"rl.check",
    Mhit = b"RL.MHIT",
    Inc = b"RL.INC",
    Get = b"RL.GET",
    Set = b"RL.SET",
    ExpiresAt = b"RL.EXPIRESAT",
    Refund = b"RL.REFUND",
    Reset = b"RL.RESET",
    Explain = b"RL.EXPLAIN",
    RlThrottle = b"RL.THROTTLE",
    ClThrottle = b"CL.THROTTLE",
    Throttle = b"THROTTLE",
    Ping = b"PING",
    Echo = b"ECHO",
    Hello = b"HELLO",
    Auth = b"AUTH",
    Select = b"SELECT",
    Client = b"CLIENT",
    CommandTable = b"COMMAND",
    Config = b"CONFIG",
    Info = b"INFO",
    Dbsize = b"DBSIZE",
    Scan = b"SCAN",
    Type = b"TYPE",
    Ttl = b"TTL",
    Pttl = b"PTTL",
    Exists = b"EXISTS",
    Del = b"DEL",
    Flushall = b"FLUSHALL",
    GetString = b"GET",
    SetString = b"SET",
    Setnx = b"SETNX",
    Setex = b"SETEX",
    Getset = b"GETSET",
    Getdel = b"GETDEL",
    Getex = b"GETEX",
    Mget = b"MGET",
    Mset = b"MSET",
    Msetnx = b"MSETNX",
    Append = b"APPEND",
    Strlen = b"STRLEN",
    Getrange = b"GETRANGE",
    Setrange = b"SETRANGE",
    Incr = b"INCR",
    Incrby = b"INCRBY",
    Decrby = b"DECRBY",
    Incrbyfloat = b"INCRBYFLOAT",
    Increx = b"INCREX",
    Lpush = b"LPUSH",
    Rpush = b"RPUSH",
    Lpushx = b"LPUSHX",
    Rpushx = b"RPUSHX",
    Lpop = b"LPOP",
    Rpop = b"RPOP",
    Llen = b"LLEN",
    Lindex = b"LINDEX",
    Lset = b"LSET",
    Lrange = b"LRANGE",
    Ltrim = b"LTRIM",
    Lrem = b"LREM",
    Linsert = b"LINSERT",
    Lpos = b"LPOS",
    Lmove = b"LMOVE",
    Rpoplpush = b"RPOPLPUSH",
    Hset = b"HSET",
    Hsetnx = b"HSETNX",
    Hget = b"HGET",
    Hmset = b"HMSET",
    Hmget = b"HMGET",
    Hgetall = b"HGETALL",
    Hdel = b"HDEL",
    Hexists = b"HEXISTS",
    Hlen = b"HLEN",
    Hstrlen = b"HSTRLEN",
    Hkeys = b"HKEYS",
    Hvals = b"HVALS",
    Hincrby = b"HINCRBY",
    Hincrbyfloat = b"HINCRBYFLOAT",
    Hrandfield = b"HRANDFIELD",
    Hscan = b"HSCAN",
    Zadd = b"ZADD",
    Zincrby = b"ZINCRBY",
    Zrem = b"ZREM",
    Zcard = b"ZCARD",
    Zcount = b"ZCOUNT",
    Zlexcount = b"ZLEXCOUNT",
    Zscore = b"ZSCORE",
    Zmscore = b"ZMSCORE",
    Zrank = b"ZRANK",
    Zrevrank = b"ZREVRANK",
    Zrange = b"ZRANGE",
    Zrangebyscore = b"ZRANGEBYSCORE",
    Zrevrangebyscore = b"ZREVRANGEBYSCORE",
    Zrevrange = b"ZREVRANGE",
    Zrangebylex = b"ZRANGEBYLEX",
    Zrevrangebylex = b"ZREVRANGEBYLEX",
    Zremrangebyscore = b"ZREMRANGEBYSCORE",
    Zremrangebyrank = b"ZREMRANGEBYRANK",
    Zremrangebylex = b"ZREMRANGEBYLEX",
    Zpopmin = b"ZPOPMIN",
    Zpopmax = b"ZPOPMAX",
    Zrandmember = b"ZRANDMEMBER",
    Zscan = b"ZSCAN",
    Blpop = b"BLPOP",
    Brpop = b"BRPOP",
    Publish = b"PUBLISH",
    Subscribe = b"SUBSCRIBE",
    Psubscribe = b"PSUBSCRIBE",
    Unsubscribe = b"UNSUBSCRIBE",
    Punsubscribe = b"PUNSUBSCRIBE",
    Pubsub = b"PUBSUB",
    Expire = b"EXPIRE",
    Pexpireat = b"PEXPIREAT",
    Pexpiretime = b"PEXPIRETIME",
    Persist = b"PERSIST",
    Rename = b"RENAME",
    Renamenx = b"RENAMENX",
    Copy = b"COPY",
    Randomkey = b"RANDOMKEY",
    Object = b"OBJECT",
    Memory = b"MEMORY",
    Slowlog = b"SLOWLOG",
    Latency = b"LATENCY",
    Time = b"TIME",
    ResetSession = b"RESET",
    Debug = b"DEBUG",
    Multi = b"MULTI",
    Exec = b"EXEC",
    Discard = b"DISCARD",
    Watch = b"WATCH",
    Unwatch = b"UNWATCH",
    Eval = b"EVAL",
    EvalRo = b"EVAL_RO",
    Evalsha = b"EVALSHA",
    Script = b"SCRIPT",
});

#[derive(Arbitrary, Debug)]
enum Word {
    Key(u8),
    Known(Known),
    Number(i64),
    Small(u8),
    Any(Vec<u8>),
    /// A script of pieces, most of them sensible.
    Lua(Vec<Piece>),
}

words!(Piece {
    Incr = b"local n = redis.call('INCR', KEYS[1]) ",
    Expire = b"redis.call('PEXPIRE', KEYS[1], 1000) ",
    SetOther = b"redis.call('SET', 'other' .. tostring(ARGV[1]), ARGV[1]) ",
    Hit = b"redis.call('RL.HIT', 'key:1', '1s', 3) ",
    Throttle = b"redis.call('CL.THROTTLE', KEYS[1], 1, 1, 60) ",
    Keys = b"local all = redis.call('KEYS', '*') ",
    Del = b"redis.pcall('DEL', KEYS[1], KEYS[2]) ",
    Protected = b"pcall(function() error({err = 'x'}) end) ",
    Forever = b"while true do end ",
    Large = b"local s = string.rep('a', 1e6) ",
    Match = b"string.find(string.rep('a', 1000), string.rep('a?', 30) .. 'b') ",
    Deep = b"local function f() return 1 + f() end f() ",
    Encode = b"cjson.encode({1, {2, KEYS[1]}}) ",
    Push = b"redis.pcall('RPUSH', KEYS[1], ARGV[1], 'a', 'b') ",
    Trim = b"redis.pcall('LTRIM', KEYS[1], 1, -2) redis.pcall('LREM', KEYS[1], 0, 'a') ",
    SetField = b"redis.pcall('HSET', KEYS[1], ARGV[1], 'x', 'field', 1) ",
    RemoveField = b"redis.pcall('HDEL', KEYS[1], 'field') ",
    Add = b"redis.pcall('ZADD', KEYS[1], ARGV[1], 'a', 1.5, 'b') ",
    TrimScores = b"redis.pcall('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(1') ",
    Pop = b"redis.pcall('BLPOP', KEYS[1], 0) ",
    Publish = b"redis.call('PUBLISH', KEYS[1], 'm') ",
    Return = b"do return {n or 1, KEYS[1], ARGV[1], false, {ok = 'x'}} end ",
    Fail = b"do return redis.error_reply('MY x') end ",
    ReadOnly = b"#!lua flags=no-writes\n",
});

words!(Known {
    Second = b"1s",
    Minute = b"60000",
    Decade = b"3650d",
    Sliding = b"SLIDING",
    Nocount = b"NOCOUNT",
    Match = b"MATCH",
    Star = b"*",
    Count = b"COUNT",
    Get = b"GET",
    Set = b"SET",
    List = b"LIST",
    Info = b"INFO",
    Docs = b"DOCS",
    GetKeys = b"GETKEYS",
    Help = b"HELP",
    Kill = b"KILL",
    Id = b"ID",
    SetName = b"SETNAME",
    SetInfo = b"SETINFO",
    LibName = b"LIB-NAME",
    ResetStat = b"RESETSTAT",
    MaxMemory = b"maxmemory",
    RequirePass = b"requirepass",
    Policy = b"maxmemory-policy",
    AllowNew = b"allow-new",
    Histogram = b"HISTOGRAM",
    Load = b"LOAD",
    Flush = b"FLUSH",
    Exists = b"EXISTS",
    ShaOfReturnOne = b"e0e1f9fabfc9d4800c877a703b823ac0578ff8db",
    Three = b"3",
    Ex = b"EX",
    Px = b"PX",
    Exat = b"EXAT",
    Pxat = b"PXAT",
    Keepttl = b"KEEPTTL",
    Persist = b"PERSIST",
    Nx = b"NX",
    Xx = b"XX",
    Gt = b"GT",
    Lt = b"LT",
    Replace = b"REPLACE",
    Enx = b"ENX",
    Byint = b"BYINT",
    Byfloat = b"BYFLOAT",
    Lbound = b"LBOUND",
    Ubound = b"UBOUND",
    Saturate = b"SATURATE",
    Half = b"0.5",
    Large = b"1e4931",
    Infinite = b"-inf",
    Encoding = b"ENCODING",
    Usage = b"USAGE",
    Left = b"LEFT",
    Right = b"RIGHT",
    Before = b"BEFORE",
    After = b"AFTER",
    Rank = b"RANK",
    MaxLen = b"MAXLEN",
    WithValues = b"WITHVALUES",
    Field = b"field",
    MinusOne = b"-1",
    ByScore = b"BYSCORE",
    ByLex = b"BYLEX",
    Rev = b"REV",
    Limit = b"LIMIT",
    WithScores = b"WITHSCORES",
    Ch = b"CH",
    Increment = b"INCR",
    Least = b"-",
    Most = b"+",
    Above = b"(1.5",
    From = b"[b",
    Channels = b"CHANNELS",
});

impl Word {
    fn bytes(self) -> Vec<u8> {
        match self {
            Word::Key(key) => format!("key:{}", key % 8).into_bytes(),
            Word::Known(known) => known.text().to_vec(),
            Word::Number(number) => number.to_string().into_bytes(),
            Word::Small(number) => number.to_string().into_bytes(),
            Word::Any(bytes) => bytes,
            Word::Lua(pieces) => pieces.into_iter().flat_map(Piece::text).copied().collect(),
        }
    }
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::default());
}

fuzz_target!(|input: Input| {
    WORLD.with_borrow_mut(|world| {
        world.step(input.step_ms);
        let mut bytes = Vec::new();
        let mut count = 0;
        for request in input.requests {
            let words = match request {
                Request::Words(command, words) => {
                    let rest = words.into_iter().map(Word::bytes);
                    std::iter::once(command.text().to_vec()).chain(rest).collect()
                }
                Request::Any(words) => words,
            };
            // An empty request gets no reply.
            count += usize::from(!words.is_empty());
            encode(&mut bytes, &words);
        }
        // CLIENT REPLY takes replies away; each channel of a subscription is answered.
        let has =
            |name: &[u8]| bytes.windows(name.len()).any(|word| word.eq_ignore_ascii_case(name));
        let silent = has(b"reply") || has(b"subscribe");
        if let Some(replies) = world.serve(bytes).filter(|_| !silent) {
            assert_eq!(replies, count, "replies to whole requests");
        }
        world.serve(input.raw);
    });
});

fn encode(out: &mut Vec<u8>, words: &[Vec<u8>]) {
    out.extend(format!("*{}\r\n", words.len()).into_bytes());
    for word in words {
        out.extend(format!("${}\r\n", word.len()).into_bytes());
        out.extend(word);
        out.extend(b"\r\n");
    }
}
