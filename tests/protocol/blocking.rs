//! The cases of Valkey's `tests/unit/type/list.tcl` about waiting that apply, on raw sockets: order,
//! ends of waits, what stands behind a request that waits.

use std::net::Shutdown;

use crate::support::wire::Wire;
use crate::support::{Server, wait_until};

/// A client whose BLPOP of `keys` waits; `others` wait already.
fn waiting(server: &Server, others: u64, request: &[&str]) -> Wire {
    let mut wire = server.wire();
    wire.request(request);
    blocked(server, others + 1);
    wire
}

fn blocked(server: &Server, count: u64) {
    let mut observer = server.wire();
    wait_until("the clients that wait", || observer.info("blocked_clients") == count);
}

// "BLPOP: multiple existing lists", "BLPOP: single existing list"
#[test]
fn lists_with_elements_answer_at_once() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    wire.request(&["RPUSH", "l", "a", "b"]).expect(&[":2"]);
    wire.request(&["BLPOP", "none", "l", "1"]).expect(&["*2", "$1", "l", "$1", "a"]);
    wire.request(&["BRPOP", "l", "1"]).expect(&["*2", "$1", "l", "$1", "b"]);
}

#[test]
fn three_who_wait_are_served_in_the_order_in_which_they_came() {
    let server = Server::start(&[]);
    let mut waiters: Vec<Wire> =
        (0..3).map(|n| waiting(&server, n, &["BLPOP", "other", "l", "0"])).collect();
    let mut wire = server.wire();
    for (element, waiter) in ["a", "b", "c"].iter().zip(&mut waiters) {
        wire.request(&["LPUSH", "l", element]).expect(&[":1"]);
        waiter.expect(&["*2", "$1", "l", "$1", element]);
    }
    wire.request(&["EXISTS", "l"]).expect(&[":0"]);
    let mut waiters: Vec<Wire> =
        (0..3).map(|n| waiting(&server, n, &["BRPOP", "l", "0"])).collect();
    wire.request(&["RPUSH", "l", "1", "2", "3", "4"]).expect(&[":4"]);
    for (element, waiter) in ["4", "3", "2"].iter().zip(&mut waiters) {
        waiter.expect(&["*2", "$1", "l", "$1", element]);
    }
    wire.request(&["LRANGE", "l", "0", "-1"]).expect(&["*1", "$1", "1"]);
}

// "BLPOP: timeout"
#[test]
fn a_time_out_is_no_array_in_either_protocol() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    wire.request(&["BLPOP", "l", "0.01"]).expect(&["*-1"]);
    wire.request(&["HELLO", "3"]);
    wire.reply();
    wire.request(&["BRPOP", "l", "m", "0.01"]).expect(&["_"]).ping();
    blocked(&server, 0);
}

#[test]
fn who_has_gone_takes_no_element_along() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    let gone = waiting(&server, 0, &["BLPOP", "l", "0"]);
    let mut half_gone = waiting(&server, 1, &["BLPOP", "l", "0"]);
    let mut last = waiting(&server, 2, &["BLPOP", "l", "0"]);
    drop(gone);
    half_gone.stream().shutdown(Shutdown::Write).expect("an end");
    // Sent at once: whether the server has noticed yet must make no difference.
    wire.request(&["RPUSH", "l", "a"]).expect(&[":1"]);
    last.expect(&["*2", "$1", "l", "$1", "a"]);
    half_gone.expect_closed();
    blocked(&server, 0);
}

#[test]
fn an_end_that_is_noticed_loses_nothing_however_often() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    for round in 0..200 {
        let element = round.to_string();
        let mut waiter = server.wire();
        waiter.request(&["BLPOP", "l", "0"]);
        blocked(&server, 1);
        // A server that another test starts just now may hold the socket too until it runs.
        waiter.stream().shutdown(Shutdown::Both).expect("a connection");
        wire.request(&["RPUSH", "l", &element]).expect(&[":1"]);
        wait_until("it comes back", || {
            wire.request(&["LPOP", "l"]);
            let header = wire.line();
            let found = header != "$-1";
            if found {
                assert_eq!(wire.line(), element);
            }
            found
        });
    }
    blocked(&server, 0);
}

#[test]
fn requests_behind_one_that_waits_wait_too() {
    let server = Server::start(&[]);
    let mut waiter = server.wire();
    waiter.send("*3\r\n$5\r\nBLPOP\r\n$1\r\nl\r\n$1\r\n0\r\nPING\r\n*2\r\n$4\r\nEC");
    blocked(&server, 1);
    waiter.send("HO\r\n$2\r\nhi\r\nBLPOP l 0.01\r\nPING last\r\n");
    let mut wire = server.wire();
    wire.request(&["RPUSH", "l", "a"]).expect(&[":1"]);
    waiter.expect(&["*2", "$1", "l", "$1", "a", "+PONG", "$2", "hi", "*-1", "$4", "last"]);
}

#[test]
fn a_protocol_error_behind_one_that_waits_is_told_in_its_turn() {
    let server = Server::start(&[]);
    let mut waiter = server.wire();
    waiter.send("*3\r\n$5\r\nBLPOP\r\n$1\r\nl\r\n$1\r\n0\r\n*1\r\n:1\r\n");
    blocked(&server, 1);
    server.wire().request(&["RPUSH", "l", "a"]).expect(&[":1"]);
    waiter.expect(&["*2", "$1", "l", "$1", "a", "-ERR Protocol error: expected '$', got ':'"]);
    waiter.expect_closed();
}

#[test]
fn what_waits_behind_is_bounded() {
    let server = Server::start(&["--client-query-buffer-limit", "128kb"]);
    let mut waiter = waiting(&server, 0, &["BLPOP", "l", "0"]);
    let pings = "PING\r\n".repeat(4_096);
    wait_until("it is cut off", || !waiter.try_send(&pings));
    let mut wire = server.wire();
    assert_eq!(wire.info("clients_closed_client_query_buffer_limit"), 1);
    wire.request(&["RPUSH", "l", "a"]).expect(&[":1"]);
    wire.request(&["LPOP", "l"]).expect(&["$1", "a"]);
}

// "BLPOP: with ... MULTI/EXEC", "MULTI/EXEC is isolated from the point of view of BLPOP"
#[test]
fn a_transaction_and_a_script_serve_at_their_end() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    let mut waiter = waiting(&server, 0, &["BLPOP", "a", "b", "0"]);
    wire.send("MULTI\r\nLPUSH b x\r\nLPUSH a 1\r\nDEL b\r\nLPUSH a 2\r\nLPUSH b y\r\nEXEC\r\n");
    wire.expect(&["+OK", "+QUEUED", "+QUEUED", "+QUEUED", "+QUEUED", "+QUEUED"]);
    wire.expect(&["*5", ":1", ":1", ":1", ":2", ":1"]);
    waiter.expect(&["*2", "$1", "b", "$1", "y"]);
    wire.request(&["DEL", "a"]).expect(&[":1"]);
    let mut waiter = waiting(&server, 0, &["BRPOP", "a", "0"]);
    let script = "redis.call('RPUSH', 'a', '1', '2') return redis.call('LLEN', 'a')";
    wire.request(&["EVAL", script, "0"]).expect(&[":2"]);
    waiter.expect(&["*2", "$1", "a", "$1", "2"]);
    wire.send("MULTI\r\nBLPOP none 0\r\nEXEC\r\n").expect(&["+OK", "+QUEUED", "*1", "*-1"]);
}

// "RENAME can unblock", "BLPOP with same key multiple times", "BLPOP with variadic LPUSH"
#[test]
fn however_the_list_comes_it_serves_and_another_type_does_not() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    let mut waiter = waiting(&server, 0, &["BLPOP", "l", "l", "0"]);
    wire.request(&["SET", "l", "x"]).expect(&["+OK"]);
    wire.request(&["DEL", "l"]).expect(&[":1"]);
    wire.send("RPUSH tmp a b\r\nRENAME tmp l\r\n").expect(&[":2", "+OK"]);
    waiter.expect(&["*2", "$1", "l", "$1", "a"]);
    wire.request(&["RENAME", "l", "tmp"]).expect(&["+OK"]);
    let mut waiter = waiting(&server, 0, &["BLPOP", "l", "0"]);
    wire.request(&["COPY", "tmp", "l"]).expect(&[":1"]);
    waiter.expect(&["*2", "$1", "l", "$1", "b"]);
    wire.request(&["BLPOP", "none", "tmp", "0"]).expect(&["*2", "$3", "tmp", "$1", "b"]);
    wire.request(&["SET", "s", "x"]).expect(&["+OK"]);
    wire.request(&["BLPOP", "none", "s", "0"]);
    wire.expect(&["-WRONGTYPE Operation against a key holding the wrong kind of value"]);
}

// "client unblock tests"
#[test]
fn others_can_end_a_wait() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    let mut waiter = server.wire();
    waiter.request(&["CLIENT", "ID"]);
    let id = waiter.line().trim_start_matches(':').to_owned();
    waiter.request(&["BLPOP", "l", "0"]);
    blocked(&server, 1);
    assert!(wire.ask(&["CLIENT", "LIST", "ID", &id]).contains(" flags=b "));
    assert!(wire.ask(&["CLIENT", "LIST", "ID", &id]).contains(" cmd=blpop "));
    wire.request(&["CLIENT", "UNBLOCK", &id]).expect(&[":1"]);
    waiter.expect(&["*-1"]);
    waiter.request(&["BLPOP", "l", "0"]);
    blocked(&server, 1);
    wire.request(&["CLIENT", "UNBLOCK", &id, "ERROR"]).expect(&[":1"]);
    waiter.expect(&["-UNBLOCKED client unblocked via CLIENT UNBLOCK"]).ping();
    waiter.request(&["BLPOP", "l", "0"]);
    blocked(&server, 1);
    wire.request(&["CLIENT", "KILL", "ID", &id]).expect(&[":1"]);
    waiter.expect_closed();
    wire.request(&["RPUSH", "l", "a"]).expect(&[":1"]);
    wire.request(&["LLEN", "l"]).expect(&[":1"]);
}

#[test]
fn a_shutdown_ends_waits_without_a_reply() {
    let server = Server::start(&[]);
    let waiter = waiting(&server, 0, &["BLPOP", "l", "0"]);
    let mut subscriber = server.wire();
    subscriber.request(&["SUBSCRIBE", "a"]).expect(&["*3", "$9", "subscribe", "$1", "a", ":1"]);
    server.terminate();
    waiter.expect_closed();
    subscriber.expect_closed();
    assert!(server.wait().success());
}
