use super::super::fake::{Fake, NOW_MS};
use super::*;
use crate::resp::{Parser, Protocol};

fn wire(fake: &mut Fake, request: &str) -> String {
    let mut out = Vec::new();
    let reply = fake.ask(request);
    reply.encode(fake.session.protocol, &mut out);
    String::from_utf8(out).unwrap()
}

fn wires(fake: &mut Fake, requests: &[&str]) -> Vec<String> {
    requests.iter().map(|request| wire(fake, request)).collect()
}

#[test]
fn commands_are_queued_and_run_together() {
    let mut fake = Fake::new();
    let replies = wires(&mut fake, &["MULTI", "INCR n", "GET n", "GET none", "PING", "EXEC"]);
    assert_eq!(replies[..3], ["+OK\r\n", "+QUEUED\r\n", "+QUEUED\r\n"]);
    assert_eq!(replies[5], "*4\r\n:1\r\n$1\r\n1\r\n$-1\r\n+PONG\r\n");
    assert_eq!(fake.error("EXEC"), "ERR EXEC without MULTI");
    assert_eq!(wires(&mut fake, &["MULTI", "EXEC"])[1], "*0\r\n");
}

#[test]
fn a_refused_request_discards_the_transaction_and_a_failing_one_does_not() {
    let mut fake = Fake::new();
    for refused in ["nosuch", "GET", "SHUTDOWN NOSAVE", "CLIENT REPLY OFF"] {
        fake.ask("MULTI");
        fake.ask("SET k 1");
        fake.error(refused);
        let text = "EXECABORT Transaction discarded because of previous errors.";
        assert_eq!(fake.error("EXEC"), text, "{refused}");
        assert_eq!(wire(&mut fake, "GET k"), "$-1\r\n", "{refused}");
    }
    let replies = wires(&mut fake, &["MULTI", "SET k a", "INCR k", "SET l 1", "EXEC"]);
    let text = "ERR value is not an integer or out of range";
    assert_eq!(replies[4], format!("*3\r\n+OK\r\n-{text}\r\n+OK\r\n"));
    let text = "EXECABORT Transaction discarded because of: wrong number of arguments for \
                'exec' command";
    assert_eq!(fake.error("EXEC x"), text);
}

#[test]
fn nesting_and_watching_inside_are_errors_that_discard_nothing() {
    let mut fake = Fake::new();
    fake.ask("MULTI");
    assert_eq!(fake.error("MULTI"), "ERR MULTI calls can not be nested");
    assert_eq!(fake.error("WATCH k"), "ERR WATCH inside MULTI is not allowed");
    fake.ask("UNWATCH");
    assert_eq!(wire(&mut fake, "EXEC"), "*1\r\n+OK\r\n");
    assert_eq!(fake.error("DISCARD"), "ERR DISCARD without MULTI");
    wires(&mut fake, &["MULTI", "SET k 1", "DISCARD"]);
    assert_eq!(wire(&mut fake, "GET k"), "$-1\r\n");
}

#[test]
fn a_change_of_a_watched_key_breaks_the_transaction_in_the_words_of_the_protocol() {
    for (protocol, broken) in [(Protocol::Resp2, "*-1\r\n"), (Protocol::Resp3, "_\r\n")] {
        let mut fake = Fake::new();
        fake.session.protocol = protocol;
        let replies = wires(&mut fake, &["WATCH k l", "SET l 1", "MULTI", "SET k 1", "EXEC"]);
        assert_eq!(replies[4], broken);
        assert!(fake.session.watch.is_none(), "EXEC ends the watch");
        let replies = wires(&mut fake, &["WATCH k", "GET k", "MULTI", "SET k 1", "EXEC"]);
        assert_eq!(replies[4], "*1\r\n+OK\r\n");
    }
}

#[test]
fn unwatch_discard_and_reset_end_a_watch() {
    for end in ["UNWATCH", "RESET"] {
        let mut fake = Fake::new();
        let replies = wires(&mut fake, &["WATCH k", "SET k 1", end, "MULTI", "PING", "EXEC"]);
        assert_eq!(replies[5], "*1\r\n+PONG\r\n", "{end}");
    }
    let mut fake = Fake::new();
    wires(&mut fake, &["WATCH k", "SET k 1", "MULTI", "DISCARD", "MULTI", "PING"]);
    assert_eq!(wire(&mut fake, "EXEC"), "*1\r\n+PONG\r\n");
    wires(&mut fake, &["MULTI", "PING", "RESET"]);
    assert_eq!(fake.error("EXEC"), "ERR EXEC without MULTI");
}

#[test]
fn a_watched_key_that_ends_by_its_deadline_breaks_the_transaction() {
    let mut fake = Fake::new();
    wires(&mut fake, &["SET k 1 PX 10", "WATCH k", "MULTI", "PING"]);
    fake.now_ms = NOW_MS + 11;
    assert_eq!(wire(&mut fake, "EXEC"), "*-1\r\n");
}

#[test]
fn commands_on_the_whole_keyspace_and_limiters_run_inside() {
    let mut fake = Fake::new();
    let requests = ["MULTI", "SET a 1", "DBSIZE", "RL.HIT h 60000 5", "CL.THROTTLE c 1 1 60"];
    wires(&mut fake, &requests);
    wires(&mut fake, &["KEYS a", "FLUSHALL", "EXISTS a"]);
    let reply = wire(&mut fake, "EXEC");
    assert!(reply.starts_with("*7\r\n+OK\r\n:1\r\n*5\r\n:1\r\n:1\r\n:4\r\n"), "{reply}");
    assert!(reply.ends_with("*1\r\n$1\r\na\r\n+OK\r\n:0\r\n"), "{reply}");
}

#[test]
fn a_reply_follows_the_protocol_that_the_transaction_chooses_on_the_way() {
    let mut fake = Fake::new();
    wires(&mut fake, &["MULTI", "GET none", "HELLO 3", "GET none"]);
    let reply = wire(&mut fake, "EXEC");
    assert!(reply.starts_with("*3\r\n$-1\r\n%7\r\n") && reply.ends_with("_\r\n"), "{reply}");
}

#[test]
fn the_queue_is_bounded_in_commands_and_in_bytes() {
    let mut fake = Fake::new();
    fake.ask("MULTI");
    for _ in 0..QUEUED_COUNT_MAX {
        assert_eq!(fake.ask("PING"), Reply::Simple("QUEUED"));
    }
    let text = format!("ERR transaction is too long, must be at most {QUEUED_COUNT_MAX} commands");
    assert_eq!(fake.error("PING"), text);
    assert!(fake.error("EXEC").starts_with("EXECABORT "));
    fake.ask("MULTI");
    let value = "x".repeat(1 << 20);
    for _ in 0..7 {
        assert_eq!(fake.ask_words(&["SET", "k", &value]), Reply::Simple("QUEUED"));
    }
    assert!(fake.session.queued_bytes() >= 7 << 20);
    let Reply::Error(text) = fake.ask_words(&["SET", "k", &value]) else { panic!("queued") };
    assert!(text.starts_with("ERR transaction is too large"), "{text}");
}

#[test]
fn client_list_shows_what_is_queued() {
    let mut fake = Fake::new();
    wires(&mut fake, &["MULTI", "CLIENT INFO", "PING"]);
    let mut other = Fake::new();
    other.host.clients.lock().push(fake.session.record.clone());
    let list = other.text("CLIENT LIST");
    assert!(list.contains(" flags=x ") && list.contains(" multi=2 "), "{list}");
    assert!(wire(&mut fake, "EXEC").contains(" multi=-1 "));
}

#[test]
fn watched_keys_are_bounded() {
    let mut fake = Fake::new();
    let keys: Vec<String> = (0..WATCHED_COUNT_MAX).map(|n| format!("k{n}")).collect();
    let request: Vec<&str> = ["WATCH"].into_iter().chain(keys.iter().map(|k| k.as_str())).collect();
    assert_eq!(fake.ask_words(&request), Reply::Simple("OK"));
    assert!(fake.error("WATCH one-more").starts_with("ERR too many watched keys"));
}

#[test]
fn queued_hits_are_counted_by_exec_and_not_before() {
    let mut fake = Fake::new();
    let mut requests = b"*1\r\n$5\r\nMULTI\r\n".to_vec();
    let hit = b"*4\r\n$6\r\nRL.HIT\r\n$1\r\nk\r\n$5\r\n60000\r\n$1\r\n5\r\n";
    for _ in 0..3 {
        requests.extend_from_slice(hit);
    }
    let (out, _) = fake.slice(&mut Parser::default(), &mut requests);
    assert_eq!(out, b"+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n");
    let (out, _) = fake.slice(&mut Parser::default(), &mut hit.to_vec());
    assert_eq!(out, b"+QUEUED\r\n");
    let (out, _) = fake.slice(&mut Parser::default(), &mut b"*1\r\n$4\r\nEXEC\r\n".to_vec());
    let out = String::from_utf8(out).unwrap();
    assert!(out.starts_with("*4\r\n*5\r\n:1\r\n:1\r\n:4\r\n"), "{out}");
    assert_eq!(fake.ask("RL.GET k 60000"), Reply::Integer(4));
}

#[test]
fn a_pause_of_writes_holds_exec_back_only_where_it_writes() {
    let mut fake = Fake::new();
    fake.ask("CLIENT PAUSE 1000 WRITE");
    let mut reads =
        b"*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$4\r\nEXEC\r\n".to_vec();
    let (out, end) = fake.slice(&mut Parser::default(), &mut reads);
    assert!(out.ends_with(b"*1\r\n$-1\r\n"));
    assert_eq!(end.effect, crate::command::Effect::None);
    fake.ask("CLIENT UNPAUSE");
    fake.ask("MULTI");
    fake.ask("SET k 1");
    fake.ask("CLIENT PAUSE 1000 WRITE");
    // CLIENT PAUSE was queued, so it is not in force yet.
    assert!(wire(&mut fake, "EXEC").starts_with("*2\r\n+OK\r\n"));
    fake.ask("CLIENT UNPAUSE");
    wires(&mut fake, &["MULTI", "SET k 1"]);
    fake.host.pause.lock().replace((crate::command::PauseMode::Write, NOW_MS + 9));
    let (out, end) = fake.slice(&mut Parser::default(), &mut b"*1\r\n$4\r\nEXEC\r\n".to_vec());
    assert!(out.is_empty());
    assert_eq!(end.effect, crate::command::Effect::Sleep { ms: 9 });
}

#[test]
fn commands_of_a_transaction_are_counted_when_they_run() {
    let mut fake = Fake::new();
    let row = super::super::lookup(b"incr").unwrap();
    wires(&mut fake, &["MULTI", "INCR n", "INCR n"]);
    assert_eq!(fake.stats.totals().rows[row].calls, 0);
    fake.ask("EXEC");
    assert_eq!(fake.stats.totals().rows[row].calls, 2);
}

#[test]
fn a_transaction_that_runs_for_long_answers_the_rest_by_an_error() {
    let mut fake = Fake::new();
    fake.ticker = || {
        use std::cell::Cell;
        thread_local!(static NANOS: Cell<u64> = const { Cell::new(0) });
        NANOS.with(|nanos| nanos.replace(nanos.get() + EXEC_NS_MAX / 3))
    };
    let asked = ["MULTI", "INCR n", "INCR n", "INCR n", "INCR n", "INCR n", "EXEC"];
    let replies = wires(&mut fake, &asked);
    let exec = replies.last().unwrap();
    assert!(exec.starts_with("*5\r\n:1\r\n:2\r\n"), "{exec}");
    assert!(exec.ends_with("this command was not executed\r\n"), "{exec}");
    let done = exec.matches("\r\n:").count();
    assert_eq!(wire(&mut fake, "GET n"), format!("$1\r\n{done}\r\n"));
}

#[test]
fn a_key_set_to_end_in_the_past_has_changed_for_who_watches_it() {
    let mut fake = Fake::new();
    for request in ["SET k v EXAT 1", "EVAL redis.call('SET','k','v','PXAT','1') 0"] {
        fake.ask("WATCH k");
        fake.ask(request);
        fake.ask("MULTI");
        assert_eq!(fake.ask("EXEC"), Reply::NullArray, "{request}");
        assert_eq!(fake.ask("EXISTS k"), Reply::Integer(0));
    }
}
