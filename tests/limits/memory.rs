//! What clients may cost in memory.

use std::io::{ErrorKind, Write};

use crate::support::wire::{Wire, encode};
use crate::support::{Server, wait_until};

#[test]
fn a_bulk_that_drips_beyond_the_query_buffer_limit_ends_its_client() {
    let limit = 128 << 10;
    let server = Server::start(&["--client-query-buffer-limit", &limit.to_string()]);
    let mut other = server.wire();
    let mut wire = server.wire();
    wire.send("*2\r\n$4\r\nECHO\r\n$900000\r\n");
    let mut sent = 0;
    while sent < 900_000 && wire.try_send([b'x'; 1_000]) {
        sent += 1_000;
        other.ping();
    }
    assert!(sent >= limit, "closed after {sent} bytes");
    assert!(sent < limit + (64 << 10), "{sent} bytes taken");
    assert_eq!(other.info("clients_closed_client_query_buffer_limit"), 1);
    assert_eq!(other.info("mem_clients_normal"), 0);
}

#[test]
fn beyond_maxmemory_clients_the_largest_client_is_closed() {
    let server = Server::start(&["--maxmemory-clients", "1mb"]);
    let mut observer = server.wire();
    let begin = format!("*2\r\n$4\r\nECHO\r\n$700000\r\n{}", "x".repeat(600_000));
    let mut large = server.wire();
    large.send(&begin);
    wait_until("the large one is held", || observer.info("mem_clients_normal") >= 600_000);
    let mut small: Vec<Wire> = (0..6).map(|_| server.wire()).collect();
    for wire in &mut small {
        wire.send("*2\r\n$4\r\nECHO\r\n$100000\r\n").send("x".repeat(99_999));
    }
    wait_until("one is closed", || observer.info("clients_closed_maxmemory_clients") == 1);
    large.expect_closed();
    for wire in &mut small {
        wire.send("x\r\n").expect(&["$100000", &"x".repeat(100_000)]);
    }
    assert_eq!(observer.info("clients_closed_maxmemory_clients"), 1);
}

/// How many clients have replies that their sockets do not take.
fn stalled(observer: &mut Wire) -> usize {
    let list = observer.ask(&["CLIENT", "LIST"]);
    list.lines().filter(|line| !line.contains(" obl=0 ")).count()
}

#[test]
fn clients_that_never_read_cost_bounded_memory_and_are_closed_in_the_end() {
    const CLIENTS: usize = 40;
    /// One slice's replies, the one that crossed its bound, and one read of further requests.
    const EACH_BYTES: u64 = (64 + 4 + 32) << 10;
    let server = Server::start(&["--io-threads", "1"]);
    let mut observer = server.wire();
    observer.ping();
    let before = server.rss_bytes();
    let pipeline = encode(&["ECHO", &"x".repeat(4096)]).repeat(64);
    let mut greedy: Vec<Wire> = (0..CLIENTS).map(|_| server.wire()).collect();
    for wire in &mut greedy {
        wire.stream().set_nonblocking(true).expect("non-blocking");
    }
    wait_until("all have stalled", || {
        let mut taken = 0;
        for wire in &mut greedy {
            match wire.stream().write(&pipeline) {
                Ok(count) => taken += count,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        taken == 0 && stalled(&mut observer) == CLIENTS
    });
    let bound = EACH_BYTES * u64::try_from(CLIENTS).expect("small");
    let held = observer.info("mem_clients_normal");
    assert!(held <= bound, "{held} bytes held");
    let cost = server.rss_bytes().saturating_sub(before);
    assert!(cost <= bound + (2 << 20), "{cost} bytes of memory");
    let largest = observer.info("client_recent_max_output_buffer");
    assert!((1..=(64 << 10) + 4200).contains(&largest), "{largest}");

    observer.request(&["CONFIG", "SET", "output-stall-timeout", "1"]).expect(&["+OK"]);
    let field = "clients_closed_output_stall_timeout";
    wait_until(field, || observer.info(field) == u64::try_from(CLIENTS).expect("small"));
    wait_until("nothing is held", || observer.info("mem_clients_normal") == 0);
}

#[test]
fn ten_thousand_idle_connections_cost_at_most_16_kib_each() {
    const WANTED: u64 = 10_000;
    const FEWEST: u64 = 5_000;
    /// Files of this process and of the server that are no such connection.
    const OTHER_FILES: u64 = 3_000;
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let hard = getrlimit(Resource::Nofile).maximum;
    // The soft limit is a default only; where it cannot be raised, fewer clients fit below.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: hard, maximum: hard });
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let clients = WANTED.min(files.saturating_sub(OTHER_FILES));
    if clients < FEWEST {
        return eprintln!("skipped: {files} open files are too few for {FEWEST} connections");
    }
    let args = ["--maxclients", "10100", "--handshake-timeout", "0", "--tcp-backlog", "4096"];
    let server = Server::start(&args);
    let mut observer = server.wire();
    observer.ping();
    let before = server.rss_bytes();
    let mut idle: Vec<std::net::TcpStream> = (0..clients).map(|_| server.connect()).collect();
    for stream in &mut idle {
        stream.write_all(&b"PING\r\n".repeat(20)).expect("bytes are taken");
    }
    wait_until("all are served", || {
        observer.info("connected_clients") == clients + 1
            && observer.info("total_commands_processed") >= 20 * clients
    });
    let each = server.rss_bytes().saturating_sub(before) / clients;
    eprintln!("{each} bytes each of {clients} idle connections");
    assert!(each <= 16 << 10, "{each} bytes each");
    assert_eq!(observer.info("mem_clients_normal"), 0);
}
