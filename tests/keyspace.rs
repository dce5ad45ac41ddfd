//! Strings, counters and keys answer as Redis answers, byte for byte.
//!
//! Goal: the replies of `tests/keyspace/replies.txt`, in RESP2 and RESP3. Method: its requests are
//! sent one by one as inline commands, to this build and, where it is installed, to `redis-server`
//! too, so that the file cannot tell of a Redis that there is not.

#![allow(clippy::disallowed_methods, reason = "a deadline of a test is real time")]

mod support;

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use support::wire::Wire;
use support::{Server, free_port, wait_until};

/// A request and its replies in RESP2 and RESP3, line breaks and odd bytes escaped.
struct Row {
    request: &'static str,
    replies: [&'static str; 2],
}

fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for line in include_str!("keyspace/replies.txt").lines() {
        let row = rows.last_mut();
        if let (Some(both), Some(row)) = (line.strip_prefix("= "), row) {
            row.replies = [both, both];
        } else if let Some(resp2) = line.strip_prefix("2 ") {
            rows.last_mut().expect("a request before its reply").replies[0] = resp2;
        } else if let Some(resp3) = line.strip_prefix("3 ") {
            rows.last_mut().expect("a request before its reply").replies[1] = resp3;
        } else if !line.is_empty() && !line.starts_with('#') {
            rows.push(Row { request: line, replies: ["", ""] });
        }
    }
    rows
}

fn escaped(bytes: &[u8]) -> String {
    let escape = |byte: &u8| match byte {
        b'\r' => "\\r".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\\' => "\\\\".to_owned(),
        b' '..=b'~' => char::from(*byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    };
    bytes.iter().map(escape).collect()
}

/// Asks everything in both protocols; what was answered otherwise than the file says.
fn differences(connect: impl Fn() -> Wire) -> Vec<String> {
    let mut found = Vec::new();
    for (at, hello) in ["HELLO 2", "HELLO 3"].into_iter().enumerate() {
        let mut wire = connect();
        wire.send(format!("{hello}\r\n")).reply();
        wire.send("FLUSHALL\r\n").reply();
        for row in rows() {
            let reply = escaped(&wire.send(format!("{}\r\n", row.request)).reply());
            if reply != row.replies[at] {
                found.push(format!("{} ({hello}): {reply}, not {}", row.request, row.replies[at]));
            }
        }
    }
    found
}

#[test]
fn strings_counters_and_keys_answer_as_redis_7_does() {
    assert!(rows().len() > 300, "the file was read");
    let server = Server::start(&[]);
    assert_eq!(differences(|| server.wire()), [""; 0]);
}

/// A `redis-server` that ends with the test.
struct Redis(Child);

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_replies_are_those_of_the_redis_server_that_is_installed() {
    let port = free_port();
    let started = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no"])
        .stdout(Stdio::null())
        .spawn();
    let Ok(child) = started else {
        eprintln!("no redis-server is installed: nothing to compare with");
        return;
    };
    let _redis = Redis(child);
    let connect = || TcpStream::connect(("127.0.0.1", port));
    wait_until("redis-server accepts", || connect().is_ok());
    let wire = || Wire::new(connect().expect("a connection"));
    let version = wire().ask(&["INFO", "server"]);
    if !version.contains("redis_version:7.0.") {
        eprintln!("another redis-server than 7.0 is installed: its texts differ");
        return;
    }
    assert_eq!(differences(wire), [""; 0]);
}
