//! SIGTERM: answered to the last request received, and in time.
#![expect(clippy::disallowed_methods, reason = "how long the end takes is real time")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::wire::encode;
use crate::support::{Server, wait_until};

/// Batches are small enough for the receive queue: written means received.
const BATCH: u64 = 100;

/// Sends numbered requests, batch by batch, until the server ends the connection; returns how
/// many replies came, all of them whole and in order.
fn load(stream: TcpStream, sent: &AtomicU64) -> u64 {
    let mut writer = stream.try_clone().expect("a second handle");
    let mut reader = BufReader::new(stream);
    let (mut next, mut replies) = (0, 0);
    loop {
        let batch = (next..next + BATCH).flat_map(|n| encode(&["PING", &format!("{n:08}")]));
        if writer.write_all(&batch.collect::<Vec<u8>>()).is_err() {
            return replies;
        }
        next += BATCH;
        sent.store(next, Ordering::SeqCst);
        while replies < next {
            let mut reply = String::new();
            for _ in 0..2 {
                if reader.read_line(&mut reply).expect("replies, then the end, not a reset") == 0 {
                    assert!(reply.is_empty(), "half a reply: {reply}");
                    return replies;
                }
            }
            assert_eq!(reply, format!("$8\r\n{replies:08}\r\n"));
            replies += 1;
        }
    }
}

#[test]
fn sigterm_under_load_answers_all_that_was_received_and_exits_0() {
    let server = Server::start(&[]);
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (stream, sent) = (server.connect(), Arc::new(AtomicU64::new(0)));
            let count = sent.clone();
            (sent, thread::spawn(move || load(stream, &count)))
        })
        .collect();
    let sent = || clients.iter().map(|(sent, _)| sent.load(Ordering::SeqCst));
    wait_until("all are at work", || sent().min() > Some(5 * BATCH));
    let received: Vec<u64> = sent().collect();
    server.terminate();
    let start = Instant::now();
    let status = server.wait();
    assert!(status.success(), "{status}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    for ((_, client), received) in clients.into_iter().zip(received) {
        let replies = client.join().expect("whole replies in order");
        assert!(replies >= received, "{replies} replies to {received} requests");
    }
}

#[test]
fn a_second_sigterm_ends_it_at_once() {
    let server = Server::start(&["--shutdown-timeout", "60"]);
    let mut greedy = server.wire();
    greedy.stream().set_nonblocking(true).expect("non-blocking");
    let mut observer = server.wire();
    let pipeline = encode(&["ECHO", &"x".repeat(4096)]).repeat(64);
    wait_until("it has stalled", || {
        let _ = greedy.stream().write(&pipeline);
        !observer.ask(&["CLIENT", "LIST"]).lines().all(|line| line.contains(" obl=0 "))
    });
    server.terminate();
    wait_until("it has stopped accepting", || {
        TcpStream::connect(("127.0.0.1", server.port())).is_err()
    });
    let start = Instant::now();
    server.terminate();
    let status = server.wait();
    assert_eq!(status.code(), Some(1), "{status}");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}
