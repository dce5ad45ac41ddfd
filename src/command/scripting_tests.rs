use super::super::fake::Fake;
use super::*;
use crate::resp::Protocol;

/// A ticker that moves a millisecond at every look.
fn hasty() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    static NOW_NS: AtomicU64 = AtomicU64::new(0);
    NOW_NS.fetch_add(1_000_000, Relaxed)
}

fn eval(fake: &mut Fake, source: &str, rest: &[&str]) -> Reply {
    fake.ask_words(&[&["EVAL", source], rest].concat())
}

fn wire(reply: &Reply, protocol: Protocol) -> String {
    let mut out = Vec::new();
    reply.encode(protocol, &mut out);
    String::from_utf8(out).unwrap()
}

fn answer(fake: &mut Fake, source: &str, rest: &[&str]) -> String {
    let reply = eval(fake, source, rest);
    wire(&reply, fake.session.protocol)
}

const WINDOW: &str = "local n = redis.call('INCR', KEYS[1]) \
                      if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end \
                      return {n, redis.call('PTTL', KEYS[1])}";

#[test]
fn a_window_script_counts_and_is_found_by_its_sha_afterwards() {
    let mut fake = Fake::new();
    assert_eq!(answer(&mut fake, WINDOW, &["1", "k", "1000"]), "*2\r\n:1\r\n:1000\r\n");
    let Reply::Bulk(sha) = fake.ask_words(&["SCRIPT", "LOAD", WINDOW]) else { panic!("no sha") };
    let sha = String::from_utf8(sha).unwrap();
    for sha in [sha.clone(), sha.to_uppercase()] {
        let reply = fake.ask(&format!("EVALSHA {sha} 1 k 1000"));
        assert!(wire(&reply, Protocol::Resp2).ends_with("\r\n:1000\r\n"));
    }
    assert_eq!(fake.ask("GET k"), Reply::BulkInteger(3));
    let known = fake.ask(&format!("SCRIPT EXISTS {sha} {}", "0".repeat(40)));
    assert_eq!(wire(&known, Protocol::Resp2), "*2\r\n:1\r\n:0\r\n");
    fake.ask("SCRIPT FLUSH ASYNC");
    let text = "NOSCRIPT No matching script. Please use EVAL.";
    assert_eq!(fake.error(&format!("EVALSHA {sha} 0")), text);
    let text = "ERR SCRIPT FLUSH only support SYNC|ASYNC option";
    assert_eq!(fake.error("SCRIPT FLUSH x"), text);
    assert_eq!(fake.error("SCRIPT KILL"), "NOTBUSY No scripts in execution right now.");
}

#[test]
fn what_is_wrong_with_a_request_is_told_in_the_words_of_redis() {
    let mut fake = Fake::new();
    for (request, text) in [
        ("EVAL x", "ERR wrong number of arguments for 'eval' command"),
        ("EVAL x a", "ERR value is not an integer or out of range"),
        ("EVALSHA x 3", "ERR Number of keys can't be greater than number of args"),
        ("EVALSHA x -1", "ERR Number of keys can't be negative"),
        ("EVALSHA x 0", "NOSCRIPT No matching script. Please use EVAL."),
    ] {
        assert_eq!(fake.error(request), text);
    }
    for (source, text) in [
        ("return redis.call('foo')", "ERR Unknown Redis command called from script"),
        ("return redis.call('client','foo')", "ERR Unknown Redis command called from script"),
        ("return redis.call('get')", "ERR Wrong number of args calling Redis command from script"),
        ("return redis.call('multi')", "ERR This Redis command is not allowed from script"),
        ("return redis.call('eval','',0)", "ERR This Redis command is not allowed from script"),
        (
            "return redis.call('script','flush')",
            "ERR This Redis command is not allowed from script",
        ),
    ] {
        let reply = answer(&mut fake, source, &["0"]);
        assert!(reply.starts_with(&format!("-{text} script: ")), "{source} {reply}");
    }
}

#[test]
fn a_read_only_script_writes_nothing() {
    let mut fake = Fake::new();
    fake.ask("SET k 1");
    let text = "-ERR Write commands are not allowed from read-only scripts. script: ";
    for (command, source) in [
        ("EVAL_RO", "return redis.call('DEL', KEYS[1])"),
        ("EVAL", "#!lua flags=no-writes\nreturn redis.call('DEL', KEYS[1])"),
        ("EVAL_RO", "return redis.call('PUBLISH', KEYS[1], 'm')"),
    ] {
        let reply = fake.ask_words(&[command, source, "1", "k"]);
        assert!(wire(&reply, Protocol::Resp2).starts_with(text), "{command}");
    }
    let reply = fake.ask_words(&["EVAL_RO", "return redis.call('GET', KEYS[1])", "1", "k"]);
    assert_eq!(wire(&reply, Protocol::Resp2), "$1\r\n1\r\n");
    let reply = fake.ask_words(&["EVAL_RO", "#!lua\nreturn 1", "0"]);
    let text = "ERR Can not execute a script with write flag using *_ro command.";
    assert_eq!(reply, Reply::Error(text.into()));
}

#[test]
fn replies_inside_are_shaped_as_resp2_whatever_the_client_speaks() {
    let mut fake = Fake::new();
    fake.session.protocol = Protocol::Resp3;
    assert_eq!(
        answer(&mut fake, "return redis.call('GET','none') == false", &["1", "none"]),
        ":1\r\n"
    );
    assert_eq!(answer(&mut fake, "return redis.call('GET','none')", &["1", "none"]), "_\r\n");
    assert_eq!(
        answer(&mut fake, "return type(redis.call('INCR','n'))", &["1", "n"]),
        "$6\r\nnumber\r\n"
    );
    assert_eq!(answer(&mut fake, "return redis.call('GET','n')", &["1", "n"]), "$1\r\n1\r\n");
    assert_eq!(fake.session.protocol, Protocol::Resp3);
}

#[test]
fn a_script_that_reaches_beyond_its_keys_begins_again_under_all_of_them_and_is_remembered() {
    let mut fake = Fake::new();
    let source = "redis.call('INCR', KEYS[1]) redis.call('RL.HIT', 'h', 60000, 5) \
                  for n = 1, 300 do redis.call('SET', 'x' .. n, n) end \
                  return {#redis.call('KEYS', 'x*'), redis.call('INCR', KEYS[1])}";
    assert_eq!(answer(&mut fake, source, &["1", "k"]), "*2\r\n:300\r\n:2\r\n");
    assert_eq!(fake.ask("RL.GET h 60000"), Reply::Integer(1), "the first run's hit was undone");
    assert_eq!(answer(&mut fake, source, &["1", "k"]), "*2\r\n:300\r\n:4\r\n");
    let figures = fake.scripts.figures();
    assert_eq!((figures.run, figures.restarted), (2, 1), "the second run needed no restart");
}

#[test]
fn what_cannot_be_undone_rules_out_a_restart_and_the_error_says_what_to_declare() {
    for lasting in ["'RL.SET','h',60000,3", "'RL.RESET','h'"] {
        let mut fake = Fake::new();
        let source = format!(
            "redis.call('SET', KEYS[1], 'x') redis.call({lasting}) \
             for n = 1, 300 do redis.call('SET', 'x' .. n, n) end return 1"
        );
        let reply = answer(&mut fake, &source, &["2", "k", "c"]);
        assert!(reply.contains(" SET reached a key that KEYS does not declare"), "{reply}");
        assert_eq!(fake.ask("EXISTS k"), Reply::Integer(0), "{lasting}");
        assert_eq!(answer(&mut fake, &source, &["2", "k", "c"]), ":1\r\n", "{lasting}");
    }
}

#[test]
fn a_cell_that_no_other_node_hears_of_is_charged_once_by_a_script_that_begins_again() {
    let mut fake = Fake::new();
    let source = "local left = redis.call('CL.THROTTLE', KEYS[1], 9, 1, 60)[3] \
                  for n = 1, 300 do redis.call('SET', 'x' .. n, n) end return left";
    assert_eq!(answer(&mut fake, source, &["1", "c"]), ":9\r\n");
    assert_eq!(answer(&mut fake, source, &["1", "c"]), ":8\r\n");
    assert_eq!(fake.scripts.figures().restarted, 1);
}

#[test]
fn a_runaway_script_is_stopped_and_leaves_nothing_half_done() {
    let mut fake = Fake::new();
    fake.ask("SET k 7 PX 5000");
    fake.ticker = hasty;
    let source = "redis.call('INCR', KEYS[1]) redis.call('PERSIST', KEYS[1]) \
                  redis.call('RL.HIT', 'h', 60000, 5) redis.call('RL.INC', 'h', 60000, 4) \
                  redis.call('RL.MHIT', 1, 'h', 60000, 50, 3) \
                  pcall(function() while true do end end) return 1";
    let reply = answer(&mut fake, source, &["1", "k"]);
    let text = "it exceeded its budget of 50 ms (busy-reply-threshold) and was rolled back\r\n";
    assert!(reply.starts_with("-ERR Error running script ") && reply.ends_with(text), "{reply}");
    fake.ticker = || 0;
    assert_eq!(fake.ask("GET k"), Reply::BulkInteger(7));
    assert_eq!(fake.ask("PTTL k"), Reply::Integer(5000));
    assert_eq!(fake.ask("RL.GET h 60000"), Reply::Integer(0));
    assert_eq!(fake.scripts.figures().stopped, 1);
    assert_eq!(answer(&mut fake, "return 1", &["0"]), ":1\r\n");
}

#[test]
fn the_memory_of_a_script_is_a_setting() {
    let mut fake = Fake::new();
    let source = "return #string.rep('x', 8000000)";
    assert_eq!(answer(&mut fake, source, &["0"]), ":8000000\r\n");
    fake.ask("CONFIG SET lua-memory-limit 4mb");
    let reply = answer(&mut fake, source, &["0"]);
    assert!(reply.starts_with("-ERR not enough memory"), "{reply}");
    assert_eq!(answer(&mut fake, "return 1", &["0"]), ":1\r\n");
}

#[test]
fn an_error_of_a_script_leaves_what_it_did_as_in_redis() {
    let mut fake = Fake::new();
    let source = "redis.call('SET', KEYS[1], 1) return redis.call('INCR', KEYS[1], 2)";
    assert!(answer(&mut fake, source, &["1", "k"]).starts_with("-ERR Wrong number of args"));
    assert_eq!(fake.ask("GET k"), Reply::BulkInteger(1));
}

#[test]
fn a_script_runs_inside_a_transaction_and_its_restart_is_not_the_transactions() {
    let mut fake = Fake::new();
    let source = "for n = 1, 300 do redis.call('INCR', 'x' .. n) end return redis.call('INCR','n')";
    fake.ask("MULTI");
    fake.ask("INCR n");
    eval(&mut fake, source, &["0"]);
    fake.ask("INCR n");
    let reply = fake.ask("EXEC");
    assert_eq!(wire(&reply, Protocol::Resp2), "*3\r\n:1\r\n:2\r\n:3\r\n");
    assert_eq!(fake.scripts.figures().restarted, 0);
    assert_eq!(fake.ask("DBSIZE"), Reply::Integer(301));
}

#[test]
fn a_stopped_script_inside_a_transaction_is_undone_alone() {
    let mut fake = Fake::new();
    fake.ask("MULTI");
    fake.ask("INCR n");
    eval(&mut fake, "redis.call('INCRBY', KEYS[1], 10) while true do end", &["1", "n"]);
    fake.ask("INCR n");
    fake.ticker = hasty;
    let reply = wire(&fake.ask("EXEC"), Protocol::Resp2);
    assert!(reply.starts_with("*3\r\n:1\r\n-ERR Error running script"), "{reply}");
    assert!(reply.ends_with("\r\n:2\r\n"), "{reply}");
}

#[test]
fn a_script_wakes_who_watches_its_keys_only_if_it_comes_to_its_end() {
    let mut fake = Fake::new();
    fake.ask("WATCH k");
    fake.ticker = hasty;
    eval(&mut fake, "redis.call('SET', KEYS[1], 1) while true do end", &["1", "k"]);
    fake.ticker = || 0;
    fake.ask("MULTI");
    fake.ask("PING");
    assert_eq!(wire(&fake.ask("EXEC"), Protocol::Resp2), "*1\r\n+PONG\r\n");
    fake.ask("WATCH k");
    eval(&mut fake, "redis.call('SET', KEYS[1], 1)", &["1", "k"]);
    fake.ask("MULTI");
    assert_eq!(wire(&fake.ask("EXEC"), Protocol::Resp2), "*-1\r\n");
}

#[test]
fn time_stands_still_inside() {
    let mut fake = Fake::new();
    fake.ticker = hasty;
    let source = "local a = redis.call('TIME') for n = 1, 9 do redis.call('PING') end \
                  local b = redis.call('TIME') return {a[1] == b[1], a[2] == b[2]}";
    assert_eq!(answer(&mut fake, source, &["0"]), "*2\r\n:1\r\n:1\r\n");
}

#[test]
fn log_lines_are_one_line_and_short() {
    let mut fake = Fake::new();
    let source = "redis.log(redis.LOG_WARNING, 'a\\nb\\27[0m' .. string.rep('x', 5000))";
    eval(&mut fake, source, &["0"]);
    let logged = fake.host.logged.lock();
    assert!(logged[0].starts_with("a b [0mxxx") && logged[0].len() <= 1024);
}

#[test]
fn commands_of_a_script_are_counted() {
    let mut fake = Fake::new();
    eval(&mut fake, "redis.call('INCR','n') redis.call('INCR','n')", &["1", "n"]);
    let row = super::super::lookup(b"incr").unwrap();
    assert_eq!(fake.stats.totals().rows[row].calls, 2);
    let info = fake.text("INFO");
    assert!(info.contains("\r\nnumber_of_cached_scripts:1\r\n"));
    assert!(info.contains("\r\nscripts_run:1\r\n"));
}
