use super::*;

const BUDGET: Duration = Duration::from_millis(50);
/// A debug build on a busy machine; the bench measures what a release build takes.
const SLACK: u32 = 20;

/// Runs a script that never ends by itself, and one after it.
fn is_stopped(source: &str) {
    let mut bench = Bench::new();
    bench.budget = BUDGET;
    let started_ns = ticker();
    let outcome = bench.outcome(source.as_bytes());
    let took = Duration::from_nanos(ticker() - started_ns);
    let refused = |reply: &Reply| match reply {
        Reply::Error(text) => text.contains("not enough memory") || text.contains("overflow"),
        _ => false,
    };
    match &outcome {
        Err(Stop::Budget) => {}
        // Memory may end before time does.
        Ok(reply) if refused(reply) => {}
        other => panic!("{source}: {other:?}"),
    }
    println!("{took:?} {source}");
    assert!(took < BUDGET * SLACK, "{source}: {took:?}");
    bench.budget = Duration::from_secs(20);
    assert_eq!(bench.eval("return 'alive'"), "$5\r\nalive\r\n");
    assert!(bench.interpreter.used_memory_bytes() < MEMORY_BYTES_MAX, "{source}");
}

#[test]
fn a_loop_without_an_end_is_stopped() {
    is_stopped("while true do end");
    is_stopped("repeat until false");
    is_stopped("local function f() return f() end return f()");
    is_stopped("for i = 1, 1/0 do end");
}

#[test]
fn a_stopped_script_cannot_catch_its_end() {
    is_stopped("while true do pcall(function() while true do end end) end");
    is_stopped("while true do xpcall(function() while true do end end, function() end) end");
    is_stopped(
        "while true do xpcall(function() while true do end end, \
         function() while true do end end) end",
    );
    is_stopped(
        "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
    );
    is_stopped("while true do pcall(coroutine.wrap(function() while true do end end)) end");
    is_stopped("while true do pcall(pcall, pcall, function() while true do end end) end");
    is_stopped(
        "local t = setmetatable({}, {__index = function() while true do end end}) \
         while true do pcall(function() return t.x end) end",
    );
    is_stopped("while true do redis.pcall('five') end");
}

#[test]
fn a_stop_of_the_server_cannot_be_caught() {
    let mut bench = Bench::new();
    for source in [
        "redis.call('stop') redis.call('five')",
        "pcall(redis.call, 'stop') redis.call('five')",
        "redis.pcall('stop') redis.call('five')",
        "xpcall(function() redis.call('stop') end, function() end) redis.call('five')",
        "coroutine.wrap(function() redis.call('stop') end)() redis.call('five')",
    ] {
        bench.fake.calls.clear();
        assert_eq!(bench.outcome(source.as_bytes()), Err(Stop::Restart), "{source}");
        assert_eq!(bench.fake.calls.len(), 1, "{source}");
    }
    assert_eq!(bench.eval("return 1"), ":1\r\n");
}

#[test]
fn loops_inside_the_library_are_stopped() {
    is_stopped("return ('x'):rep(1e9)");
    is_stopped("while true do local s = ('x'):rep(4e6) end");
    is_stopped("return #(''):rep(1e18) + (function() while true do end end)()");
    is_stopped("return ('a'):rep(50000):find(('a-'):rep(20) .. 'b')");
    is_stopped("return ('a'):rep(30000):match('.-.-.-.-b')");
    is_stopped("return ('a'):rep(30000):gsub('.-.-.-b', '')");
    is_stopped("for _ in ('a'):rep(30000):gmatch('.-.-.-b') do end");
    is_stopped("return ('a'):rep(30000):gsub('.-.-.-b', function() end)");
    is_stopped("while true do ('('):rep(1e5):find('%b()') end");
    is_stopped("local t = {} while true do table.insert(t, 1, 1) end");
    is_stopped("local t = {} for i = 1, 2e5 do t[i] = i % 7 end while true do table.sort(t) end");
    is_stopped(
        "local t = {} for i = 1, 2e5 do t[i] = i end table.sort(t, rawequal) while true do end",
    );
    is_stopped("local t = {} for i = 1, 1e5 do t[i] = 'x' end while true do table.concat(t) end");
    is_stopped("local s = 'x' while true do s = s .. s end");
    is_stopped("local s = ('x'):rep(3e6) while true do local t = s .. 'y' end");
    is_stopped("while true do collectgarbage() end");
    is_stopped("local s = ('[1,2],'):rep(1e5) while true do cjson.decode('[' .. s .. '0]') end");
    is_stopped("local t = {} for i = 1, 1e5 do t[i] = i end while true do cjson.encode(t) end");
    is_stopped(
        "local s = ('\\1'):rep(1e6) while true do pcall(cmsgpack.unpack, '\\221\\255\\255\\255\\255' .. s) end",
    );
    is_stopped("while true do loadstring(('local x = 1 '):rep(1e4)) end");
    is_stopped("local t = {1} for i = 1, 100 do t = {t, t} end return cjson.encode(t)");
    is_stopped("local t = {1} for i = 1, 15 do t = {t, t, t, t, t, t} end return cmsgpack.pack(t)");
}

#[test]
fn memory_is_bounded_and_given_back() {
    let mut bench = Bench::new();
    for source in [
        "local t = {} while true do t[#t + 1] = {} end",
        "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end",
        "local s = ('x'):rep(1e6) local t = {} for i = 1, 1e6 do t[i] = s .. i end",
        "return redis.call('echo', ('x'):rep(17e6))",
    ] {
        assert_eq!(error_of_bench(&mut bench, source), "ERR not enough memory", "{source}");
        assert!(bench.interpreter.used_memory_bytes() < MEMORY_BYTES_MAX / 2, "{source}");
    }
    assert_eq!(bench.eval("return 1"), ":1\r\n");
}

fn error_of_bench(bench: &mut Bench, source: &str) -> String {
    let reply = bench.eval(source);
    reply.trim_start_matches('-').split(" script: ").next().unwrap().trim_end().to_owned()
}

#[test]
fn recursion_ends_with_an_error() {
    for source in [
        "local function f(n) return 1 + f(n) end return f(1)",
        "local function f() pcall(f) return 1 + f() end return f()",
        "local function f() return coroutine.wrap(f)() end return f()",
        "local t = {} setmetatable(t, {__index = function(t, k) return t[k] end}) return t.x",
        "local s = ('('):rep(500) return loadstring(s)()",
        "local function f() return ('x'):gsub('x', f) end return f()",
        "return cjson.decode(('['):rep(1e5))",
        "return cmsgpack.unpack(('\\145'):rep(1e5))",
    ] {
        let mut bench = Bench::new();
        bench.budget = Duration::from_secs(2);
        match bench.outcome(source.as_bytes()) {
            Ok(Reply::Error(_)) | Err(Stop::Budget) => {}
            other => panic!("{source}: {other:?}"),
        }
    }
}

#[test]
fn nested_coroutines_that_nest_calls_stay_on_the_stack_of_a_worker() {
    let deep = "local function deep(n, f) if n == 0 then return f() end \
                return pcall(deep, n - 1, f) end \
                local function nest(n) if n == 0 then return 1 end \
                return coroutine.wrap(function() return deep(150, function() return nest(n - 1) end) \
                end)() end return nest(20)";
    // Two MiB is what a worker has.
    let worker = std::thread::Builder::new().stack_size(2 << 20);
    let thread = worker.spawn(move || eval(deep)).unwrap();
    assert!(!thread.join().unwrap().is_empty());
}

#[test]
fn a_call_may_give_more_values_than_lua_reserves_for() {
    holds("return select('#', pcall(unpack, {}, 1, 200)) == 201");
    holds("return select('#', coroutine.wrap(function() return unpack({}, 1, 200) end)()) == 200");
}

#[test]
fn a_script_can_be_killed_from_another_thread() {
    let mut bench = Bench::new();
    let switch = bench.interpreter.kill_switch();
    let (begun, wait) = std::sync::mpsc::channel();
    let killer = std::thread::spawn(move || {
        wait.recv().unwrap();
        // Again and again: a run forgets what came before it.
        for _ in 0..10_000 {
            switch.kill();
            std::thread::yield_now();
        }
    });
    begun.send(()).unwrap();
    let outcome = bench.outcome(b"while true do end");
    killer.join().unwrap();
    assert_eq!(outcome, Err(Stop::Killed));
    assert_eq!(bench.eval("return 1"), ":1\r\n");
}
