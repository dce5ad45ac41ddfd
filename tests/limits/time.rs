//! Time limits: for the first command, for a password, for taking replies.

use crate::support::wire::Wire;
use crate::support::{Server, wait_until};

/// Waits until the limit of that name has closed so many clients.
fn wait_for_closed(observer: &mut Wire, limit: &str, count: u64) {
    let field = format!("clients_closed_{limit}");
    wait_until(&field, || observer.info(&field) == count);
}

#[test]
fn a_client_silent_from_the_start_is_closed_and_one_that_spoke_is_not() {
    let server = Server::start(&["--handshake-timeout", "1"]);
    let mut speaker = server.wire();
    speaker.ping();
    let silent = server.wire();
    silent.expect_closed();
    wait_for_closed(&mut speaker, "handshake_timeout", 1);
}

#[test]
fn commands_without_the_password_do_not_put_off_the_close() {
    let server = Server::start(&["--handshake-timeout", "1", "--requirepass", "geheim"]);
    let mut friend = server.wire();
    friend.request(&["AUTH", "geheim"]).expect(&["+OK"]);
    let mut stranger = server.wire();
    // It asks as long as it is answered, so only the time since its start can end it.
    while stranger.try_send("PING\r\n") {
        let mut byte = [0];
        match std::io::Read::read(stranger.stream(), &mut byte) {
            Ok(1) => {}
            _ => break,
        }
    }
    wait_for_closed(&mut friend, "handshake_timeout", 1);
    friend.ping();
}

#[test]
fn a_thousand_clients_that_drip_disturb_nobody_and_are_closed() {
    let server = Server::start(&["--io-threads", "1", "--handshake-timeout", "2"]);
    let mut other = server.wire();
    other.ping();
    let mut drips: Vec<Wire> = (0..1_000).map(|_| server.wire()).collect();
    for byte in b"*1\r\n$4\r\nPIN" {
        for drip in &mut drips {
            drip.try_send([*byte]);
        }
        other.ping();
    }
    wait_for_closed(&mut other, "handshake_timeout", 1_000);
    other.ping();
}

#[test]
fn an_idle_client_is_closed_once_timeout_is_set() {
    let server = Server::start(&[]);
    let mut idle = server.wire();
    idle.ping();
    let mut other = server.wire();
    other.request(&["CONFIG", "SET", "timeout", "1"]).expect(&["+OK"]);
    wait_for_closed(&mut other, "timeout", 1);
    idle.expect_closed();
}
