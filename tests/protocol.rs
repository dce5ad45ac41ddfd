//! The cases of Valkey's `tests/unit/protocol.tcl`, byte for byte against the program; beside
//! them, in files of their own, those of its other suites that apply.
//!
//! A command that does not exist here is replaced by one that does and exercises the same path;
//! the original's name stands above each test. Left out, since nothing here can be their subject:
//! DEBUG PROTOCOL (attributes, big numbers, booleans), argument rewriting, transactions,
//! replication, scripts. Texts are those of Redis 7.0.15.

mod support;

#[path = "protocol/auth.rs"]
mod auth;
#[path = "protocol/blocking.rs"]
mod blocking;
#[path = "protocol/channels.rs"]
mod channels;
#[path = "protocol/config.rs"]
mod config;
#[path = "protocol/introspection.rs"]
mod introspection;
#[path = "protocol/query_buffer.rs"]
mod query_buffer;

use support::Server;
use support::wire::encode;

/// Sends `bytes` on a fresh connection, expects the one error and then the end.
fn expect_fatal(bytes: &[u8], error: &str) {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    wire.send(bytes).expect(&[error]);
    wire.expect_closed();
    server.wire().ping();
}

// "Handle an empty query"
#[test]
fn handle_an_empty_query() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    wire.send("\r\n").ping();
    wire.send("\n \r\n").ping();
}

// "Negative multibulk length"
#[test]
fn negative_multibulk_length() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    wire.send("*-10\r\n").ping();
    wire.send("*0\r\n").ping();
}

// "Out of range multibulk length"
#[test]
fn out_of_range_multibulk_length() {
    expect_fatal(b"*3000000000\r\n", "-ERR Protocol error: invalid multibulk length");
}

// "Wrong multibulk payload header"
#[test]
fn wrong_multibulk_payload_header() {
    let bytes = b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n";
    expect_fatal(bytes, "-ERR Protocol error: expected '$', got 'f'");
}

// "Negative multibulk payload length"
#[test]
fn negative_multibulk_payload_length() {
    let bytes = b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$-10\r\n";
    expect_fatal(bytes, "-ERR Protocol error: invalid bulk length");
}

// "Out of range multibulk payload length"
#[test]
fn out_of_range_multibulk_payload_length() {
    let bytes = b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$2000000000\r\n";
    expect_fatal(bytes, "-ERR Protocol error: invalid bulk length");
}

// "Non-number multibulk payload length"
#[test]
fn non_number_multibulk_payload_length() {
    let bytes = b"*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$blabla\r\n";
    expect_fatal(bytes, "-ERR Protocol error: invalid bulk length");
}

// "Multi bulk request not followed by bulk arguments"
#[test]
fn multi_bulk_request_not_followed_by_bulk_arguments() {
    expect_fatal(b"*1\r\nfoo\r\n", "-ERR Protocol error: expected '$', got 'f'");
}

// "Generic wrong number of args"
#[test]
fn generic_wrong_number_of_args() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    let wrong = "-ERR wrong number of arguments for 'ping' command";
    wire.request(&["ping", "x", "y", "z"]).expect(&[wrong]).ping();
}

// "Unbalanced number of quotes"
#[test]
fn unbalanced_number_of_quotes() {
    let bytes = b"set \"\"\"test-key\"\"\" test-value\r\nping\r\n";
    expect_fatal(bytes, "-ERR Protocol error: unbalanced quotes in request");
}

/// Sends `start` and then a line that never ends, until the server has had enough.
fn desync(start: &[u8], error: &str) {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    wire.send(start);
    // What it still takes after the close is bounded: enough to be refused, or the test hangs on
    // the reply that does not come.
    for _ in 0..20_000 {
        if !wire.try_send("payload") {
            break;
        }
    }
    wire.expect(&[error]);
    server.wire().ping();
}

// "Protocol desync regression test #1"
#[test]
fn protocol_desync_regression_test_1() {
    desync(b"\0", "-ERR Protocol error: too big inline request");
}

// "Protocol desync regression test #2"
#[test]
fn protocol_desync_regression_test_2() {
    desync(b"*\0", "-ERR Protocol error: too big mbulk count string");
}

// "Protocol desync regression test #3"
#[test]
fn protocol_desync_regression_test_3() {
    desync(b"$\0", "-ERR Protocol error: too big inline request");
}

// "raw protocol response", with CLIENT GETNAME for SRANDMEMBER
#[test]
fn raw_protocol_response() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    wire.request(&["CLIENT", "GETNAME"]).expect(&["$-1"]);
    wire.request(&["HELLO", "3", "SETNAME", ""]);
    while wire.line() != "*0" {} // HELLO's last field is its empty list of modules
    wire.request(&["CLIENT", "GETNAME"]).expect(&["_"]);
}

// "raw protocol response - deferred"
#[test]
fn raw_protocol_response_deferred() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    let requests = [encode(&["CLIENT", "GETNAME"]), encode(&["EXISTS", "nonexisting_key"])];
    wire.send(requests.concat()).expect(&["$-1", ":0"]);
}

// "raw protocol response - multiline", with COMMAND GETKEYS for SRANDMEMBER
#[test]
fn raw_protocol_response_multiline() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    wire.request(&["RL.HIT", "a", "1d", "100"]).expect(&["*5", ":1", ":1", ":99", ":0"]);
    assert!(wire.line().starts_with(':'));
    wire.request(&["COMMAND", "GETKEYS", "RL.HIT", "a", "1d", "3"]).expect(&["*1", "$1", "a"]);
    wire.ping();
}

// "test verbatim str parsing", with CLIENT INFO for DEBUG PROTOCOL VERBATIM
#[test]
fn test_verbatim_str_parsing() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    wire.request(&["HELLO", "3"]);
    while wire.line() != "*0" {}
    assert!(wire.ask(&["CLIENT", "INFO"]).starts_with("txt:id="));
    wire.request(&["HELLO", "2"]);
    while wire.line() != "*0" {}
    assert!(wire.ask(&["CLIENT", "INFO"]).starts_with("id="));
}

// "test large number of args", with EXISTS for MSET
#[test]
fn test_large_number_of_args() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    wire.request(&["RL.HIT", "{k}2", "1d", "3"]).expect(&["*5", ":1", ":1", ":2", ":0"]);
    assert!(wire.line().starts_with(':'));
    let words: Vec<&str> = ["EXISTS"].into_iter().chain([r"{k}2", "k"].repeat(10_000)).collect();
    wire.request(&words).expect(&[":10000"]).ping();
}

// "Check if maxclients works refusing connections", of limits.tcl
#[test]
fn check_if_maxclients_works_refusing_connections() {
    let server = Server::start(&["--maxclients", "10"]);
    // The connection that found the server alive may still hold its seat: fewer than ten fit then.
    let mut seated = Vec::new();
    let refused = loop {
        let mut wire = server.wire();
        let _ = wire.try_send("PING\r\n");
        match wire.line().as_str() {
            "+PONG" => seated.push(wire),
            text => break text.to_owned(),
        }
    };
    assert_eq!(refused, "-ERR max number of clients reached");
    assert!((9..=10).contains(&seated.len()), "{}", seated.len());
    seated.iter_mut().for_each(|wire| wire.ping());
    seated.clear();
    support::wait_until("a seat is free again", || {
        let mut wire = server.wire();
        let _ = wire.try_send("PING\r\n");
        wire.line() == "+PONG"
    });
}
