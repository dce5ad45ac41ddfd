//! The cases of Valkey's `tests/unit/querybuf.tcl`; here a client without an unfinished request
//! holds no buffer at all, so nothing is resized later.

use crate::support::wire::Wire;
use crate::support::{Server, wait_until};

/// What the client of that name holds.
fn held_bytes(observer: &mut Wire, name: &str) -> usize {
    let list = observer.ask(&["CLIENT", "LIST"]);
    let name = format!(" name={name} ");
    let line = list.lines().find(|line| line.contains(&name)).expect("the client");
    let field = |name: &str| -> usize {
        let value = line.split(' ').find_map(|field| field.strip_prefix(name));
        value.expect("a field").parse().expect("a number")
    };
    field("qbuf=") + field("qbuf-free=")
}

/// The books are kept right after a reply is written, so its reader may be a moment earlier.
fn expect_nothing_held(observer: &mut Wire) {
    wait_until("nothing is held", || held_bytes(observer, "test_client") == 0);
}

fn named(server: &Server) -> Wire {
    let mut wire = server.wire();
    wire.request(&["CLIENT", "SETNAME", "test_client"]).expect(&["+OK"]);
    wire
}

// "query buffer resized correctly"
#[test]
fn query_buffer_resized_correctly() {
    let server = Server::start(&[]);
    let (mut observer, mut wire) = (server.wire(), named(&server));
    expect_nothing_held(&mut observer);
    let part = "*2\r\n$4\r\nECHO\r\n$2\r\na";
    wire.send(part);
    wait_until("the part is held", || held_bytes(&mut observer, "test_client") == part.len());
    wire.send("a\r\n").expect(&["$2", "aa"]);
    expect_nothing_held(&mut observer);
}

// "query buffer resized correctly when not idle"
#[test]
fn query_buffer_resized_correctly_when_not_idle() {
    let server = Server::start(&[]);
    let (mut observer, mut wire) = (server.wire(), named(&server));
    let big = "A".repeat(400_000);
    wire.send(format!("*2\r\n$4\r\nECHO\r\n$400000\r\n{}", &big[1..]));
    wait_until("it is held", || held_bytes(&mut observer, "test_client") > 32_768);
    wire.send("A\r\n").expect(&["$400000", &big]);
    expect_nothing_held(&mut observer);
    wire.ping();
    expect_nothing_held(&mut observer);
}

// "query buffer resized correctly with fat argv"
#[test]
fn query_buffer_is_not_reserved_for_what_was_only_announced() {
    let server = Server::start(&[]);
    let (mut observer, mut wire) = (server.wire(), named(&server));
    wire.send("*3\r\n$3\r\nset\r\n$1\r\na\r\n$1000000\r\n").send("a");
    wait_until("it is held", || held_bytes(&mut observer, "test_client") > 30);
    assert!(held_bytes(&mut observer, "test_client") < 1_000);
    assert!(observer.info("mem_clients_normal") < 1_000);
}
