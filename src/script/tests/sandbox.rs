use super::*;

const READONLY: &str = "ERR user_script:1: Attempt to modify a readonly table";

#[test]
fn globals_and_libraries_cannot_be_written() {
    for write in [
        "a = 10",
        "KEYS = {}",
        "_G.a = 1",
        "_G = {}",
        "redis = 1",
        "redis.call = function() return 1 end",
        "string.foo = 1",
        "table.insert = nil",
        "math.pi = 3",
        "cjson.null = 1",
        "local function f() b = 1 end f()",
        "getmetatable(_G).__index = nil",
        "loadstring('a = 1')()",
    ] {
        let error = error_of(write);
        let ends = error.ends_with("Attempt to modify a readonly table");
        assert!(ends && error.starts_with("ERR "), "{write}: {error}");
    }
    assert_eq!(error_of("a = 10"), READONLY);
    for raw in [
        "rawset(_G, 'a', 1)",
        "rawset(redis, 'call', 1)",
        "setmetatable(_G, {})",
        "setmetatable(string, {})",
        "table.insert(redis, 1)",
    ] {
        assert_eq!(error_of(raw), "ERR Attempt to modify a readonly table", "{raw}");
    }
}

#[test]
fn nothing_is_left_for_the_next_script() {
    let mut bench = Bench::new();
    for attempt in [
        "pcall(function() leaked = 1 end)",
        "pcall(rawset, _G, 'leaked', 1)",
        "for k, v in pairs(_G) do if type(v) == 'table' then pcall(rawset, v, 'leaked', 1) end end",
        "local f, t = pairs(_G) pcall(function() t.leaked = 1 end)",
        "for _, t in ipairs{string, table, math, redis, cjson} do pcall(table.sort, t) \
         pcall(table.remove, t) pcall(table.setn, t, 5) end",
        "cjson.encode_max_depth(1) cjson.encode_number_precision(1)",
        "KEYS.leaked = 1 KEYS[1] = 'x'",
        "pcall(setmetatable, KEYS, {__index = function() return 1 end})",
    ] {
        bench.eval(attempt);
    }
    assert_eq!(bench.eval("return rawget(_G, 'leaked')"), "$-1\r\n");
    assert_eq!(bench.eval("return {#KEYS, KEYS.leaked or 0}"), "*2\r\n:0\r\n:0\r\n");
    assert_eq!(bench.eval("return redis.leaked or string.leaked or table.leaked"), "$-1\r\n");
    assert_eq!(bench.eval("return cjson.encode({{1.25}})"), "$8\r\n[[1.25]]\r\n");
}

#[test]
fn what_redis_has_is_there() {
    holds(
        "local n = 0 for _, name in ipairs{'assert', 'collectgarbage', 'error', 'gcinfo', \
         'getmetatable', 'ipairs', 'load', 'loadstring', 'next', 'pairs', 'pcall', 'rawequal', \
         'rawget', 'rawset', 'select', 'setmetatable', 'tonumber', 'tostring', 'type', 'unpack', \
         'xpcall'} do if type(_G[name]) == 'function' then n = n + 1 end end return n == 21",
    );
    for library in
        ["bit", "cjson", "cmsgpack", "coroutine", "math", "redis", "string", "struct", "table"]
    {
        holds(&format!("return type({library}) == 'table' and next({library}) ~= nil"));
    }
    holds("return server == redis and server.call == redis.call and _G._G == _G");
    holds("return _VERSION == 'Lua 5.1'");
    holds("return redis.REDIS_VERSION == '7.4.0' and redis.REDIS_VERSION_NUM == 0x070400");
    holds("return redis.replicate_commands() == true and redis.set_repl(redis.REPL_ALL) == nil");
}

#[test]
fn iteration_sees_through_the_fronts() {
    holds(
        "local seen = {} for k in pairs(_G) do seen[k] = true end \
           return seen.redis and seen.KEYS and seen.pcall",
    );
    holds("local n = 0 for k, v in next, string do n = n + 1 end return n >= 14");
    holds("return rawget(string, 'format') == string.format");
}

#[test]
fn keys_and_argv_are_those_of_the_run() {
    let mut bench = Bench::new();
    let source = b"return {KEYS[1], KEYS[2] or 'none', ARGV[1], #KEYS, #ARGV}";
    let script = bench.interpreter.learn(&bench.cache, source, false).unwrap();
    let reply = |bench: &mut Bench, keys: &[&[u8]], argv: &[&[u8]]| {
        let mut out = Vec::new();
        bench.run(&script, keys, argv).unwrap().encode(Protocol::Resp2, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    };
    let first = reply(&mut bench, &[b"a", b""], &[b"\xff\0"]);
    assert_eq!(first, "*5\r\n$1\r\na\r\n$0\r\n\r\n$2\r\n\u{fffd}\0\r\n:2\r\n:1\r\n");
    let second = reply(&mut bench, &[b"b"], &[b"1", b"2"]);
    assert_eq!(second, "*5\r\n$1\r\nb\r\n$4\r\nnone\r\n$1\r\n1\r\n:1\r\n:2\r\n");
}

#[test]
fn logs_and_permissions_go_to_the_server() {
    let mut bench = Bench::new();
    bench.eval("redis.log(redis.LOG_WARNING, 'a', 5, 'b')");
    assert_eq!(bench.fake.logs, [(LogLevel::Warning, "a 5 b".to_owned())]);
    assert_eq!(bench.eval("return redis.acl_check_cmd('get', 'x')"), ":1\r\n");
    assert_eq!(bench.eval("return redis.acl_check_cmd('forbidden')"), "$-1\r\n");
    assert!(bench.eval("return redis.acl_check_cmd('nope')").contains("Invalid command passed"));
    for (call, error) in [
        ("redis.log()", "ERR redis.log() requires two arguments or more."),
        ("redis.log(1)", "ERR redis.log() requires two arguments or more."),
        ("redis.log('a', 'b')", "ERR First argument must be a number (log level)."),
        ("redis.log(9, 'b')", "ERR Invalid debug level."),
        ("redis.setresp(4)", "ERR RESP version must be 2 or 3."),
        (
            "redis.set_repl(9)",
            "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
        ),
    ] {
        assert_eq!(error_of(call), error, "{call}");
    }
}

#[test]
fn random_numbers_go_on_from_run_to_run_but_seeds_do_not() {
    let mut bench = Bench::new();
    let one = bench.eval("return tostring(math.random())");
    assert_ne!(one, bench.eval("return tostring(math.random())"));
    bench.eval("math.randomseed(7)");
    assert_ne!(bench.eval("return tostring(math.random())"), "$16\r\n0.26644419658298\r\n");
    let seeded = bench.eval("math.randomseed(7) return tostring(math.random())");
    assert_eq!(seeded, "$16\r\n0.26644419658298\r\n");
}
