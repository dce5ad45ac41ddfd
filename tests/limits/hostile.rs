//! Requests made to hurt: the right error, then the end, and nobody else notices.

use std::io::{Read, Write};
use std::thread;

use crate::support::Server;

#[test]
fn bombs_get_the_right_error_and_the_end() {
    let server = Server::start(&["--io-threads", "1"]);
    let mut other = server.wire();
    other.ping();
    let before = server.rss_bytes();
    let nested = b"*1\r\n".repeat(1_000_000);
    for (bytes, error) in [
        (nested.as_slice(), "-ERR Protocol error: expected '$', got '*'"),
        (b"*2147483648\r\n", "-ERR Protocol error: invalid multibulk length"),
        (b"*2147483647\r\n", "-ERR Protocol error: invalid multibulk length"),
        (b"*1\r\n$9000000000000000000\r\n", "-ERR Protocol error: invalid bulk length"),
        (b"*1\r\n$9000000000000000000000000\r\n", "-ERR Protocol error: invalid bulk length"),
        (b"*1\r\n$-1\r\n", "-ERR Protocol error: invalid bulk length"),
        (&[b'x'; (64 << 10) + 1], "-ERR Protocol error: too big inline request"),
        (&[b'*'; 1], ""),
    ] {
        let mut wire = server.wire();
        if error.is_empty() {
            wire.send(bytes).stream().shutdown(std::net::Shutdown::Write).expect("an end");
        } else {
            // What comes behind the error may meet a closed connection.
            wire.try_send(bytes);
            wire.expect(&[error]);
        }
        other.ping();
        wire.expect_closed();
    }
    let cost = server.rss_bytes().saturating_sub(before);
    assert!(cost < 4 << 20, "{cost} bytes of memory");
}

#[test]
fn a_request_that_drips_byte_by_byte_is_served() {
    let server = Server::start(&["--io-threads", "1"]);
    let (mut wire, mut other) = (server.wire(), server.wire());
    for byte in b"*1\r\n$4\r\nPING\r\n" {
        wire.send([*byte]);
        other.ping();
    }
    wire.expect(&["+PONG"]);
}

#[test]
fn a_browser_gets_the_end_without_a_word() {
    let server = Server::start(&[]);
    for text in [
        "POST / HTTP/1.1\r\nHost: x\r\n\r\nPING\r\n",
        "host: localhost\r\n",
        "*1\r\n$4\r\nPost\r\n",
    ] {
        let mut wire = server.wire();
        wire.send(text);
        wire.expect_closed();
    }
    // What was asked before is answered; what stands behind it is not.
    let mut wire = server.wire();
    wire.send("PING\r\nHost: localhost\r\nRL.HIT k 1d 3\r\n").expect(&["+PONG"]);
    wire.expect_closed();
    let mut wire = server.wire();
    wire.send("GET / HTTP/1.1\r\nHost: localhost\r\n");
    wire.expect(&["-ERR wrong number of arguments for 'get' command"]);
    wire.expect_closed();
    server.wire().request(&["EXISTS", "k"]).expect(&[":0"]);
}

#[test]
fn one_client_too_many_is_told_so_and_the_next_is_served_once_one_leaves() {
    let server = Server::start(&["--maxclients", "3"]);
    let mut seated = vec![server.wire()];
    crate::support::wait_until("alone", || seated[0].info("connected_clients") == 1);
    seated.extend([server.wire(), server.wire()]);
    seated.iter_mut().for_each(|wire| wire.ping());
    let mut fourth = server.wire();
    fourth.expect(&["-ERR max number of clients reached"]);
    fourth.expect_closed();
    assert_eq!(seated[0].info("rejected_connections"), 1);
    seated.pop();
    crate::support::wait_until("a seat", || seated[0].info("connected_clients") == 2);
    server.wire().ping();
}

/// Bytes of a generator with a fixed start (xorshift), so that a failure can be repeated.
fn noise(mut state: u64, length: usize) -> Vec<u8> {
    let alphabet = b"*$\r\n0123456789-+:abcPING \"'\\\0\xff";
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).expect("31 bits")
    };
    (0..length).map(|_| alphabet[next() % alphabet.len()]).collect()
}

#[test]
fn noise_on_many_connections_disturbs_nobody() {
    let server = Server::start(&["--io-threads", "1"]);
    let port = server.port();
    let noisy: Vec<_> = (1..=4_u64)
        .map(|client| {
            thread::spawn(move || {
                for round in 0..50 {
                    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).expect("in");
                    stream.set_read_timeout(Some(crate::support::DEADLINE)).expect("a time-out");
                    let _ = stream.write_all(&noise(client << 32 | round << 1 | 1, 4_000));
                    let _ = stream.shutdown(std::net::Shutdown::Write);
                    let mut replies = Vec::new();
                    let _ = stream.read_to_end(&mut replies);
                }
            })
        })
        .collect();
    let mut other = server.wire();
    while noisy.iter().any(|thread| !thread.is_finished()) {
        other.ping();
    }
    noisy.into_iter().for_each(|thread| thread.join().expect("no panic"));
    assert_eq!(other.info("connection_panics"), 0);
    crate::support::wait_until("all are gone", || other.info("connected_clients") == 1);
    assert_eq!(other.info("mem_clients_normal"), 0);
}
