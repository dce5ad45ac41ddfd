//! Sockets: files running out, keepalive, who may come in, the Unix socket.

use std::fs;
use std::net::{IpAddr, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::support::wire::Wire;
use crate::support::{Server, wait_until};

/// User and system time of a process, in ticks of a hundredth of a second.
fn cpu_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a running process");
    let (_, rest) = stat.rsplit_once(')').expect("a name");
    let field = |at: usize| -> u64 {
        rest.split_whitespace().nth(at).expect("a field").parse().expect("a number")
    };
    field(11) + field(12)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "processor time over one second of real time")]
fn without_files_clients_are_told_nothing_spins_and_it_recovers() {
    /// Files that may still be opened when the limit comes into force; more clients fit where
    /// the server was born with files of higher numbers, which do not count.
    const FIT: usize = 5;
    let server = Server::start(&["--io-threads", "1"]);
    let mut first = server.wire();
    wait_until("alone", || first.info("connected_clients") == 1);
    let open = fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("its files").count();
    server.limit_files(u64::try_from(open + FIT).expect("small"));
    let mut clients = Vec::new();
    while let Some(wire) = seat(&server) {
        clients.push(wire);
    }
    assert!((FIT..10 * FIT).contains(&clients.len()), "{}", clients.len());
    for _ in 0..10 {
        let mut late = server.wire();
        late.expect(&["-ERR max number of clients reached"]);
        late.expect_closed();
    }
    let refused = first.info("rejected_connections");
    assert!(first.info("accept_errors") >= 1 && refused >= 10, "{refused}");
    // Ten more that nobody takes off the queue but the acceptor.
    let _waiting: Vec<TcpStream> = (0..10).map(|_| server.connect()).collect();
    let (start, before) = (Instant::now(), cpu_ticks(server.pid()));
    wait_until("a second is over", || start.elapsed() >= Duration::from_secs(1));
    let spent = cpu_ticks(server.pid()) - before;
    assert!(spent < 30, "{spent} hundredths of a second of processor time");
    first.ping();
    clients.clear();
    wait_until("clients are served again", || seat(&server).is_some());
}

/// A client that is served, or `None` where it is told that there are too many.
fn seat(server: &Server) -> Option<Wire> {
    let mut wire = server.wire();
    let _ = wire.try_send("PING\r\n");
    match wire.line().as_str() {
        "+PONG" => Some(wire),
        refused => {
            assert_eq!(refused, "-ERR max number of clients reached");
            None
        }
    }
}

/// Kind of the kernel's timer for the server's side of a connection, and its time left in
/// hundredths of a second; `None` where the system does not show it.
fn timer(server: &Server, client: &TcpStream) -> Option<(u8, u64)> {
    let table = fs::read_to_string("/proc/net/tcp").ok()?;
    let (local, remote) = (server.port(), client.local_addr().ok()?.port());
    let ends = format!("0100007F:{local:04X} 0100007F:{remote:04X} ");
    let line = table.lines().find_map(|line| line.split_once(&ends))?.1;
    let (kind, left) = line.split_whitespace().nth(2)?.split_once(':')?;
    Some((kind.parse().ok()?, u64::from_str_radix(left, 16).ok()?))
}

#[test]
fn keepalive_is_set_as_configured() {
    /// The kernel's number for its keepalive timer.
    const KEEPALIVE: u8 = 2;
    let server = Server::start(&["--tcp-keepalive", "77"]);
    let mut probed = server.wire();
    probed.ping();
    if timer(&server, probed.stream()).is_none() {
        return eprintln!("skipped: this system does not show the timers of its connections");
    }
    // Until the reply is acknowledged, the timer is that of its repetition.
    wait_until("the timer is keepalive's, of 77 seconds", || {
        let (kind, left) = timer(&server, probed.stream()).expect("as just seen");
        kind == KEEPALIVE && (6_000..=7_700).contains(&left)
    });
    probed.request(&["CONFIG", "SET", "tcp-keepalive", "0"]).expect(&["+OK"]);
    let mut unprobed = server.wire();
    unprobed.ping();
    let kind_of = |wire: &mut Wire| timer(&server, wire.stream()).map(|(kind, _)| kind);
    wait_until("no timer runs", || kind_of(&mut unprobed) == Some(0));
}

/// An address by which this machine reaches others; connecting a UDP socket sends nothing.
fn address_of_this_machine() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
}

#[test]
fn other_machines_come_in_by_password_or_not_at_all() {
    let Some(own) = address_of_this_machine() else {
        return eprintln!("skipped: this machine has no address but loopback");
    };
    let come_in = |server: &Server| {
        Wire::new(TcpStream::connect((own, server.port())).expect("a connection"))
    };
    let server = Server::start_on("0.0.0.0", &[]);
    let mut wire = come_in(&server);
    let text = wire.line();
    assert!(text.starts_with("-DENIED ratel is running in protected mode"), "{text}");
    wire.expect_closed();
    let mut local = server.wire();
    assert_eq!(local.info("protected_mode_refusals"), 1);
    local.request(&["CONFIG", "SET", "requirepass", "geheim"]).expect(&["+OK"]);
    let mut wire = come_in(&server);
    wire.request(&["PING"]).expect(&["-NOAUTH Authentication required."]);
    wire.request(&["AUTH", "geheim"]).expect(&["+OK"]).ping();

    let local_debug = ["--protected-mode", "no", "--enable-debug-command", "local"];
    let server = Server::start_on("0.0.0.0", &local_debug);
    let mut wire = come_in(&server);
    wire.ping();
    let refusal = wire.request(&["DEBUG", "HELP"]).line();
    assert!(refusal.starts_with("-ERR DEBUG command not allowed."), "{refusal}");
}

#[test]
fn the_unix_socket_has_the_permissions_asked_for_and_goes_with_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    for (permissions, expected) in [(None, 0o700), (Some("770"), 0o770), (Some("600"), 0o600)] {
        let path = folder.path().join("ratel.sock");
        let text = path.to_str().expect("text");
        let mut args = vec!["--unixsocket", text];
        args.extend(permissions.iter().flat_map(|bits| ["--unixsocketperm", bits]));
        let server = Server::start(&args);
        let mode = fs::metadata(&path).expect("the socket").permissions().mode();
        assert_eq!(mode & 0o777, expected);
        let mut stream = std::os::unix::net::UnixStream::connect(&path).expect("a connection");
        std::io::Write::write_all(&mut stream, b"PING\r\n").expect("bytes are taken");
        let mut reply = [0; 7];
        std::io::Read::read_exact(&mut stream, &mut reply).expect("a reply");
        assert_eq!(&reply, b"+PONG\r\n");
        server.terminate();
        assert!(server.wait().success());
        assert!(!path.exists());
    }
}
