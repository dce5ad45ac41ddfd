//! Scripts that mean harm are refused or bounded, leave nothing half done, and others are served
//! meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::support::wire::Wire;
use crate::support::{Server, wait_until};

/// More than a Lua state may hold, its libraries' buffers, and what a debug build takes besides.
const GROWTH_BYTES_MAX: u64 = 96 << 20;

fn eval(wire: &mut Wire, source: &str) -> String {
    wire.request(&["EVAL", source, "1", "k"]).line()
}

#[test]
fn hostile_scripts_are_stopped_and_leave_nothing_half_done() {
    let server = Server::start(&["--io-threads", "1"]);
    let (mut wire, mut other) = (server.wire(), server.wire());
    let before_bytes = server.rss_bytes();
    let stopped = "-ERR Error running script ";
    for (source, error) in [
        ("while true do end", stopped),
        ("pcall(function() while true do end end) while true do pcall(error) end", stopped),
        ("repeat local ok = pcall(redis.call, 'GET', KEYS[1]) until false", stopped),
        ("local co = coroutine.wrap(function() while true do end end) co()", stopped),
        ("string.find(string.rep('a', 5e5), string.rep('.-', 30) .. 'b')", stopped),
        ("string.gsub(string.rep('a', 1e6), '.*.*.*b', '')", stopped),
        ("table.sort({3, 2, 1}, function() while true do end end)", stopped),
        (
            "local t = {} while true do t[#t + 1] = string.rep('x', 1e5) .. #t end",
            "-ERR not enough memory",
        ),
        ("return string.rep('x', 1e9)", "-ERR "),
        ("return string.rep('x', 1e18)", "-ERR "),
        ("local function f() return 1 + f() end return f()", "-ERR "),
        ("local s = string.rep('(', 1e5) return loadstring(s .. ')')()", "-ERR "),
        ("return cjson.decode(string.rep('[', 1e6))", "-ERR "),
        ("return string.dump(function() end)", "-ERR "),
        ("return loadstring('\\27Lua')()", "-ERR "),
        ("return os.execute('true')", "-ERR "),
        ("string.rep = nil", "-ERR "),
    ] {
        let line = eval(&mut wire, &format!("redis.call('SET', KEYS[1], 'x') {source}"));
        assert!(line.starts_with(error), "{source}: {line}");
        if line.starts_with(stopped) {
            other.request(&["EXISTS", "k"]).expect(&[":0"]);
        }
        other.request(&["DEL", "k"]).line();
        other.ping();
    }
    let grown_bytes = server.rss_bytes().saturating_sub(before_bytes);
    assert!(grown_bytes < GROWTH_BYTES_MAX, "{grown_bytes} bytes");
    assert!(other.info("scripts_stopped_by_budget") >= 7);
    assert_eq!(eval(&mut wire, "return 1"), ":1");
}

#[test]
fn a_flood_of_scripts_stays_bounded() {
    const SCRIPTS: u64 = 3_000;
    let server = Server::start(&["--io-threads", "1"]);
    let mut wire = server.wire();
    let before_bytes = server.rss_bytes();
    for number in 0..SCRIPTS {
        assert_eq!(eval(&mut wire, &format!("return {number}")), format!(":{number}"));
    }
    let cached = wire.info("number_of_cached_scripts");
    assert!((1..=500).contains(&cached), "{cached}");
    assert_eq!(wire.info("evicted_scripts"), SCRIPTS - cached);
    let large = format!("return 1 --{}", "x".repeat(900_000));
    for number in 0..40 {
        wire.request(&["SCRIPT", "LOAD", &format!("{large}{number}")]);
        if wire.line().starts_with("-ERR too many bytes of scripts") {
            break;
        }
        wire.line();
        assert!(number < 39, "SCRIPT LOAD is never refused");
    }
    let grown_bytes = server.rss_bytes().saturating_sub(before_bytes);
    assert!(grown_bytes < 2 * GROWTH_BYTES_MAX, "{grown_bytes} bytes");
}

/// Has `served` clients, some of them on another thread than the script, go on until it ends.
fn meanwhile(server: &Server, request: &'static [&'static str], script: impl FnOnce()) -> u64 {
    let over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (mut wire, over) = (server.wire(), over.clone());
            thread::spawn(move || {
                let mut served = 0;
                while !over.load(Ordering::Relaxed) {
                    wire.request(request).line();
                    served += 1;
                }
                served
            })
        })
        .collect();
    script();
    over.store(true, Ordering::Relaxed);
    clients.into_iter().map(|client| client.join().expect("no panic")).max().unwrap_or(0)
}

#[test]
fn other_threads_serve_other_keys_while_scripts_use_up_their_time() {
    const RUNS: u64 = 20;
    let server = Server::start(&["--io-threads", "2"]);
    let mut wire = server.wire();
    let served = meanwhile(&server, &["INCR", "another"], || {
        for _ in 0..RUNS {
            let line = eval(&mut wire, "redis.call('INCR', KEYS[1]) while true do end");
            assert!(line.contains("budget of 50 ms"), "{line}");
        }
    });
    // A client on the script's thread is served once or twice between two runs.
    assert!(served > 10 * RUNS, "{served} requests");
    wire.request(&["EXISTS", "k"]).expect(&[":0"]);
}

#[test]
fn script_kill_from_another_thread_ends_a_script_and_undoes_it() {
    let server = Server::start(&["--io-threads", "2"]);
    let mut wire = server.wire();
    wire.request(&["CONFIG", "SET", "lua-time-limit", "5000"]).expect(&["+OK"]);
    wire.request(&["SCRIPT", "KILL"]).expect(&["-NOTBUSY No scripts in execution right now."]);
    meanwhile(&server, &["SCRIPT", "KILL"], || {
        let line = eval(&mut wire, "redis.call('INCR', KEYS[1]) while true do end");
        assert!(line.starts_with("-ERR Script killed by user with SCRIPT KILL."), "{line}");
    });
    wire.request(&["EXISTS", "k"]).expect(&[":0"]);
    assert!(wire.info("scripts_killed") >= 1);
}

#[test]
fn a_client_that_goes_takes_its_watch_and_its_queue_along() {
    let server = Server::start(&["--io-threads", "1", "--maxmemory-clients", "16mb"]);
    let mut other = server.wire();
    let mut wire = server.wire();
    wire.request(&["WATCH", "k"]).expect(&["+OK"]);
    wire.request(&["MULTI"]).expect(&["+OK"]);
    let value = "x".repeat(500_000);
    for _ in 0..10 {
        wire.request(&["SET", "k", &value]).expect(&["+QUEUED"]);
    }
    assert!(other.info("mem_clients_normal") >= 5_000_000);
    // Others that queue as much are what the bound of all clients is for.
    let mut crowd: Vec<Wire> = (0..4).map(|_| server.wire()).collect();
    for wire in &mut crowd {
        wire.try_send("*1\r\n$5\r\nMULTI\r\n");
        for _ in 0..10 {
            wire.try_send(crate::support::wire::encode(&["SET", "k", &value]));
        }
    }
    wait_until("the largest are closed", || other.info("evicted_clients") >= 1);
    drop((wire, crowd));
    wait_until("all is given back", || other.info("mem_clients_normal") == 0);
    other.request(&["EXISTS", "k"]).expect(&[":0"]);
}
