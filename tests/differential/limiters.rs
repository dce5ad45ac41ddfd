//! What rate limiters send: the shapes of their scripts and of their commands, in words of our own.

use crate::draw::Draw;
use crate::look::Look;
use crate::request::{Request, Unit, Word};
use crate::script::{Returns, Script};
use crate::sequence::Sequence;
use crate::stock::key;

const PTTL: Look = Look::Clock(Unit::Milliseconds);

/// Fixed windows, counters and buckets as scripts: KEYS[1] (and KEYS[2]), ARGV[1] a window in
/// milliseconds, ARGV[2] an amount, ARGV[3] the time in milliseconds.
const SCRIPTS: &[&str] = &[
    // A window from the first hit, by PTTL.
    "local ttl = redis.call('PTTL', KEYS[1])
if ttl <= 0 then
  redis.call('SET', KEYS[1], 1, 'PX', ARGV[1])
  return {1, tonumber(ARGV[1])}
end
return {redis.call('INCR', KEYS[1]), ttl}",
    // A window from the first hit, by the count.
    "local n = redis.call('INCRBY', KEYS[1], ARGV[2])
if n == tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return n",
    // A window made if absent.
    "redis.call('SET', KEYS[1], 0, 'EX', math.floor(ARGV[1] / 1000), 'NX')
local n = redis.call('INCRBY', KEYS[1], ARGV[2])
local ttl = redis.call('PTTL', KEYS[1])
if ttl == -1 then redis.call('EXPIRE', KEYS[1], ARGV[1] / 1000) end
return {n, ttl}",
    // A count and a key that blocks.
    "local blocked = redis.call('PTTL', KEYS[2])
if blocked > 0 then return {tonumber(redis.call('GET', KEYS[1]) or 0), blocked, 1} end
local n = redis.call('INCR', KEYS[1])
if redis.call('PTTL', KEYS[1]) <= 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
if n > 3 then
  redis.call('SET', KEYS[2], 1, 'PX', ARGV[1])
  return {n, redis.call('PTTL', KEYS[2]), 1}
end
return {n, redis.call('PTTL', KEYS[1]), 0}",
    // A count and its time, read only.
    "return {tonumber(redis.call('GET', KEYS[1])), redis.call('PTTL', KEYS[1])}",
    // A bucket of tokens in a text.
    "local state = redis.call('GET', KEYS[1])
local tokens, at = 10, tonumber(ARGV[3])
if state then
  local words = {}
  for word in string.gmatch(state, '%S+') do words[#words + 1] = tonumber(word) end
  if #words == 2 then tokens = math.min(10, words[1] + (at - words[2]) * 0.001) end
end
local allowed = tokens >= 1
if allowed then tokens = tokens - 1 end
redis.call('SETEX', KEYS[1], 100, tokens .. ' ' .. string.format('%d', at))
return {allowed and 1 or 0, tostring(tokens), redis.call('TIME')[1] ~= nil}",
    // GCRA in a float.
    "redis.replicate_commands()
local now = tonumber(ARGV[3]) / 1000 - 1700000000
local tat = tonumber(redis.call('GET', KEYS[1])) or now
tat = math.max(tat, now)
local next_tat = tat + 0.1 * tonumber(ARGV[2])
if next_tat - 1 > now then return {0, tostring(next_tat - 1 - now)} end
redis.call('SET', KEYS[1], next_tat, 'EX', math.ceil(100 + next_tat - now))
return {1, tostring(next_tat - now)}",
    // Two windows, the older one renamed.
    "if redis.call('PTTL', KEYS[1]) < 0 and redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('RENAME', KEYS[1], KEYS[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[1])
end
local n = redis.call('INCRBY', KEYS[1], ARGV[2])
return {n, tonumber(redis.call('GET', KEYS[2]) or '0') or -1}",
    // Compare and swap.
    "local v = redis.call('GET', KEYS[1])
if v == false then return redis.error_reply('key does not exist') end
if v ~= ARGV[2] then return 0 end
redis.call('SETEX', KEYS[1], 100, ARGV[3])
return 1",
    // A float that is counted.
    "local n = redis.call('INCRBYFLOAT', KEYS[1], ARGV[2])
if redis.call('TTL', KEYS[1]) == -1 then redis.call('EXPIRE', KEYS[1], 100) end
return n",
    // A count down.
    "redis.call('SET', KEYS[1], ARGV[2], 'EX', 100, 'NX')
local left = tonumber(redis.call('GET', KEYS[1]))
if not left or left < 1 then return {0, left or -1} end
return {1, redis.call('DECR', KEYS[1])}",
    // Arguments in JSON.
    "local rule = cjson.decode('{\"limit\": 3, \"window\": [100, \"s\"]}')
local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('EXPIRE', KEYS[1], rule.window[1]) end
return cjson.encode({n, n <= rule.limit})",
    // A reset by a pattern.
    "local found = redis.call('KEYS', '{t}:*')
for _, name in ipairs(found) do redis.call('DEL', name) end
return #found",
    // A counter at a wall clock's window.
    "local n = redis.call('INCRBY', KEYS[1], ARGV[2])
redis.call('PEXPIREAT', KEYS[1], ARGV[3] + 100000)
return {n, redis.call('PEXPIRETIME', KEYS[1]) > 0}",
];

/// Some hits of one limiter.
pub(crate) fn story(sequence: &mut Sequence, draw: &mut Draw) {
    let connection = draw.below(2);
    if draw.chance(60) {
        by_script(sequence, connection, draw)
    } else {
        by_wire(sequence, connection, draw)
    }
}

fn by_script(sequence: &mut Sequence, connection: usize, draw: &mut Draw) {
    let template = draw.one_of(SCRIPTS);
    let mut script = Script::fill(template, Returns::Value, draw);
    script.look = Some(PTTL);
    script.keys = vec![key(draw).into(), key(draw).into()];
    script.arguments = vec![
        "100000".into(),
        draw.one_of(&["1", "1", "2", "-1", "0.5"]).into(),
        Word::Clock { ahead_ms: 0, unit: Unit::Milliseconds },
    ];
    let known = draw.chance(50);
    if known {
        let load = Request::new("SCRIPT").with("LOAD").with(script.text.clone());
        sequence.push(connection, load);
    }
    for hit in 0..draw.between(1, 5) {
        let request = match (known, hit) {
            (false, 0) => script.run("EVAL", false),
            (false, _) if draw.chance(30) => script.run("EVAL", false),
            _ => script.run("EVALSHA", true),
        };
        sequence.push(connection, request);
    }
    sequence.scripts.push(script);
}

fn by_wire(sequence: &mut Sequence, own: usize, draw: &mut Draw) {
    let name = key(draw);
    let on = |verb: &str| Request::new(verb).with(name.clone());
    let ttl = || on("TTL").look(Look::Clock(Unit::Seconds));
    let pttl = || on("PTTL").look(PTTL);
    let later = Word::Clock { ahead_ms: 100_000, unit: Unit::Seconds };
    let hits: Vec<Request> = match draw.below(9) {
        0 => vec![on("INCRBY").with("1"), on("EXPIRE").with("100")],
        1 => vec![on("INCRBY").with("1"), on("EXPIRE").with("100").with("NX")],
        2 => vec![on("INCRBY").with("2"), on("EXPIREAT").with(later).with("NX"), on("GET")],
        3 => vec![
            on("SET").with_all(["0", "PX", "100000", "NX"]),
            on("EXISTS"),
            on("INCRBY").with("1"),
        ],
        4 => vec![on("GET"), on("SET").with_all(["{\"n\":1}", "PX", "100000"])],
        5 => vec![
            Request::new("MULTI"),
            Request::new("SETEX").with_all(["b", "100", "0"]),
            Request::new("RENAMENX").with("b").with(name.clone()),
            on("INCR"),
            ttl(),
            Request::new("EXEC"),
        ],
        6 => vec![Request::new("MULTI"), on("GET"), pttl(), Request::new("EXEC")],
        7 => vec![
            Request::new("MULTI"),
            on("SET").with_all(["5", "EX", "100"]),
            pttl(),
            Request::new("EXEC"),
        ],
        _ => vec![on("INCR"), ttl(), on("DECR"), on("DEL")],
    };
    for request in hits {
        sequence.push(own, request);
    }
}
