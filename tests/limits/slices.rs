//! One client's work is cut into slices, and its mishaps stay its own.

use std::io::Write;
use std::thread;

use crate::support::wire::Wire;
use crate::support::{Server, wait_until};

#[test]
fn a_long_pipeline_leaves_room_for_others() {
    const REQUESTS: usize = 200_000;
    let server = Server::start(&["--io-threads", "1"]);
    let mut other = server.wire();
    assert_eq!(other.info("limit_slice_requests"), 256);
    assert_eq!(other.info("limit_slice_reply_bytes"), 64 << 10);
    let mut flood = server.wire();
    let mut writer = flood.stream().try_clone().expect("a second handle");
    let request = b"*4\r\n$6\r\nRL.HIT\r\n$1\r\nk\r\n$2\r\n1d\r\n$1\r\n9\r\n";
    let sender = thread::spawn(move || writer.write_all(&request.repeat(REQUESTS)));
    let reader = thread::spawn(move || {
        // The verdict's five numbers, of which the second counts the requests.
        for count in 1..=REQUESTS {
            flood.expect(&["*5"]);
            flood.line();
            assert_eq!(flood.line(), format!(":{count}"));
            (0..3).for_each(|_| drop(flood.line()));
        }
    });
    let mut served = 0;
    while !reader.is_finished() {
        other.ping();
        served += 1;
    }
    sender.join().expect("no panic").expect("all was taken");
    reader.join().expect("every reply in its order");
    assert!(served > 50, "{served} pings during the flood");
}

#[test]
fn a_panic_ends_its_connection_only_and_is_counted() {
    let server = Server::start(&["--io-threads", "1", "--enable-debug-command", "yes"]);
    let mut other = server.wire();
    other.ping();
    let mut wire = server.wire();
    wire.ping();
    wire.request(&["DEBUG", "PANIC"]);
    wire.expect_closed();
    for _ in 0..2 {
        // In one read with requests before and behind it.
        let mut wire = server.wire();
        let ping = "*1\r\n$4\r\nPING\r\n";
        wire.try_send(format!("{ping}*2\r\n$5\r\nDEBUG\r\n$5\r\nPANIC\r\n{ping}"));
        let mut rest = String::new();
        let _ = std::io::Read::read_to_string(wire.stream(), &mut rest);
        assert!(rest.is_empty() || rest == "+PONG\r\n", "{rest}");
    }
    other.ping();
    assert_eq!(other.info("connection_panics"), 3);
    wait_until("they are forgotten", || other.info("connected_clients") == 1);
    assert_eq!(other.info("mem_clients_normal"), 0);
    server.wire().ping();
}

#[test]
fn debug_sleep_blocks_its_connection_only() {
    let server = Server::start(&["--io-threads", "1", "--enable-debug-command", "yes"]);
    let mut sleeper = server.wire();
    sleeper.request(&["DEBUG", "SLEEP", "1"]).request(&["PING"]);
    sleeper.expect(&["+OK"]);
    sleeper.stream().set_nonblocking(true).expect("non-blocking");
    let mut other = server.wire();
    let mut served = 0;
    let mut byte = [0];
    let woken = |sleeper: &mut Wire, byte: &mut [u8]| sleeper.stream().peek(byte).is_ok();
    wait_until("it wakes", || {
        other.ping();
        served += 1;
        woken(&mut sleeper, &mut byte)
    });
    sleeper.stream().set_nonblocking(false).expect("blocking");
    sleeper.expect(&["+PONG"]);
    assert!(served > 10, "{served} pings meanwhile");
}
