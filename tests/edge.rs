//! The edge, byte by byte: an in-process server on port 0 and raw sockets.
#![expect(clippy::disallowed_methods, reason = "deadlines of tests are real time")]
#![expect(clippy::unwrap_used, reason = "a test fails where its own means fail")]

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ratel::command::Host;
use ratel::config::{Config, DebugCommand};
use ratel::server::{Process, Server};

/// Longer than anything here takes on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// A running server that ends, in good order, with the test.
struct Node {
    address: SocketAddr,
    process: Arc<Process>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Node {
    fn start(config: Config) -> Node {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        Node::run(Server::adopt(config, vec![listener]).unwrap(), address)
    }

    fn run(server: Server, address: SocketAddr) -> Node {
        let process = server.process();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serve = move || {
            let stopped = async { drop(stopped.await) };
            server.serve(stopped).unwrap();
        };
        let thread = Some(std::thread::spawn(serve));
        Node { address, process, stop: Some(stop), thread }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    fn closed_by(&self, limit: &str) -> u64 {
        let counts = self.process.report().closed_by;
        counts.iter().find(|(name, _)| *name == limit).expect("a limit that exists").1
    }

    fn begin_stop(&mut self) {
        drop(self.stop.take());
    }

    fn join(&mut self) {
        self.begin_stop();
        if let Some(thread) = self.thread.take() {
            let failed = thread.join().is_err();
            assert!(!failed || std::thread::panicking(), "the server ended by a panic");
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.join();
    }
}

fn config() -> Config {
    Config { io_threads: 2, ..Config::default() }
}

/// Waits until `condition` holds.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn expect(stream: &mut impl Read, expected: &[u8]) {
    let mut got = vec![0; expected.len()];
    let mut len = 0;
    while len < got.len() {
        match stream.read(&mut got[len..]) {
            Ok(0) => break,
            Ok(count) => len += count,
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&got[..len])),
        }
    }
    let got = String::from_utf8_lossy(&got[..len]).into_owned();
    assert_eq!(got, String::from_utf8_lossy(expected));
}

fn expect_closed(stream: &mut impl Read) {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("not closed: {error}"),
    }
    assert_eq!(String::from_utf8_lossy(&rest), "");
}

fn ping(stream: &mut (impl Read + Write)) {
    stream.write_all(b"PING\r\n").unwrap();
    expect(stream, b"+PONG\r\n");
}

fn request(args: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Writes until the socket has taken nothing for a while: the server has stopped reading.
fn write_until_stuck(stream: &mut TcpStream, bytes: &[u8]) -> usize {
    stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut written = 0;
    loop {
        match stream.write(bytes) {
            Ok(count) => written += count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return written;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let node = Node::start(config());
    let mut stream = node.connect();
    for byte in request(&[b"ECHO", b"hello"]) {
        stream.write_all(&[byte]).unwrap();
    }
    expect(&mut stream, b"$5\r\nhello\r\n");
    for byte in b"PING\r\nPING\r\n" {
        stream.write_all(&[*byte]).unwrap();
    }
    expect(&mut stream, b"+PONG\r\n+PONG\r\n");
}

#[test]
fn an_argument_larger_than_the_read_buffer_arrives_whole() {
    let node = Node::start(config());
    let mut stream = node.connect();
    let big: Vec<u8> = (0..600_000_u32).map(|n| b'a' + u8::try_from(n % 26).unwrap()).collect();
    let mut bytes = request(&[b"ECHO", &big]);
    bytes.extend_from_slice(b"PING\r\n");
    let mut writer = stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || writer.write_all(&bytes).unwrap());
    expect(&mut stream, b"$600000\r\n");
    expect(&mut stream, &big);
    expect(&mut stream, b"\r\n+PONG\r\n");
    sender.join().unwrap();
    until("nothing is held", || node.process.report().client_bytes == 0);
}

#[test]
fn a_hundred_thousand_pipelined_requests_get_as_many_replies() {
    let node = Node::start(config());
    let mut stream = node.connect();
    let mut writer = stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        writer.write_all(&b"PING\r\n".repeat(100_000)).unwrap();
    });
    expect(&mut stream, &b"+PONG\r\n".repeat(100_000));
    sender.join().unwrap();
    ping(&mut stream);
}

#[test]
fn replies_keep_the_order_of_requests() {
    let node = Node::start(config());
    let mut stream = node.connect();
    let (mut requests, mut replies) = (Vec::new(), Vec::new());
    for n in 0..20_000 {
        let text = n.to_string();
        requests.extend_from_slice(&request(&[b"ECHO", text.as_bytes()]));
        replies.extend_from_slice(format!("${}\r\n{text}\r\n", text.len()).as_bytes());
    }
    let mut writer = stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || writer.write_all(&requests).unwrap());
    expect(&mut stream, &replies);
    sender.join().unwrap();
}

#[test]
fn a_client_that_never_reads_is_not_read_either_and_others_are_served() {
    let node = Node::start(Config { io_threads: 1, ..config() });
    let mut greedy = node.connect();
    let request = request(&[b"ECHO", &[b'x'; 4096]]);
    let pipeline = request.repeat(64);
    let mut other = node.connect();
    let written = write_until_stuck(&mut greedy, &pipeline);
    assert!(written < 64 << 20, "{written} bytes read from a client that takes no replies");
    until("unsent replies", || node.process.report().client_output_bytes_max > 0);
    // 64 KiB and the reply that crossed it.
    let unsent = node.process.report().client_output_bytes_max;
    assert!(unsent <= 64 * 1024 + 4096 + 16, "{unsent}");
    for _ in 0..1_000 {
        ping(&mut other);
    }
}

#[test]
fn a_client_that_takes_no_reply_is_closed_at_its_time_limit() {
    let node = Node::start(Config { output_stall_timeout_s: 1, ..config() });
    let mut greedy = node.connect();
    write_until_stuck(&mut greedy, &request(&[b"ECHO", &[b'x'; 4096]]).repeat(64));
    until("closed", || node.closed_by("output_stall_timeout") == 1);
    until("forgotten", || node.process.report().clients == 0);
    assert_eq!(node.process.report().client_bytes, 0);
}

#[test]
fn one_flood_of_requests_does_not_starve_another_client() {
    let node = Node::start(Config { io_threads: 1, ..config() });
    let mut flood = node.connect();
    let mut drain = flood.try_clone().unwrap();
    let reader = std::thread::spawn(move || io::copy(&mut drain, &mut io::sink()));
    let writer = std::thread::spawn(move || {
        for _ in 0..20 {
            flood.write_all(&b"PING\r\n".repeat(50_000)).unwrap();
        }
        flood.shutdown(Shutdown::Write).unwrap();
    });
    let mut other = node.connect();
    let mut served = 0;
    while !writer.is_finished() {
        ping(&mut other);
        served += 1;
    }
    writer.join().unwrap();
    assert_eq!(reader.join().unwrap().unwrap(), 20 * 50_000 * 7);
    assert!(served > 10, "{served} pings during the flood");
}

#[test]
fn one_client_too_many_is_told_so() {
    let node = Node::start(Config { maxclients: 3, ..config() });
    let mut seated: Vec<TcpStream> = (0..3).map(|_| node.connect()).collect();
    seated.iter_mut().for_each(ping);
    let mut fourth = node.connect();
    expect(&mut fourth, b"-ERR max number of clients reached\r\n");
    expect_closed(&mut fourth);
    assert_eq!(node.process.report().rejected_connections, 1);
    seated.iter_mut().for_each(ping);
    drop(seated.pop());
    until("a free seat", || node.process.report().clients == 2);
    ping(&mut node.connect());
}

#[test]
fn a_client_that_has_ended_its_side_still_gets_its_replies() {
    let node = Node::start(config());
    let mut stream = node.connect();
    let mut writer = stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        writer.write_all(&b"PING\r\n".repeat(50_000)).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    expect(&mut stream, &b"+PONG\r\n".repeat(50_000));
    expect_closed(&mut stream);
    sender.join().unwrap();
}

#[test]
fn the_end_of_input_inside_a_request_closes_the_connection() {
    let node = Node::start(config());
    let mut stream = node.connect();
    stream.write_all(b"PING\r\n*2\r\n$4\r\nECHO\r\n$5\r\nhe").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    expect(&mut stream, b"+PONG\r\n");
    expect_closed(&mut stream);
    until("forgotten", || node.process.report().clients == 0);
    assert_eq!(node.process.report().client_bytes, 0);
}

#[test]
fn quit_is_answered_before_the_close_even_with_more_behind_it() {
    let node = Node::start(config());
    let mut stream = node.connect();
    stream.write_all(b"PING\r\nQUIT\r\nPING\r\n").unwrap();
    stream.write_all(&b"PING\r\n".repeat(10_000)).unwrap();
    expect(&mut stream, b"+PONG\r\n+OK\r\n");
    expect_closed(&mut stream);
}

#[test]
fn an_unfinished_request_is_bounded_per_client() {
    let limit = 100_000;
    let node = Node::start(Config { client_query_buffer_limit: limit, ..config() });
    let mut stream = node.connect();
    stream.write_all(b"*2\r\n$4\r\nECHO\r\n$900000\r\n").unwrap();
    // The server may close while this is written.
    let _ = stream.write_all(&vec![b'x'; 3 * limit]);
    until("closed", || node.closed_by("client_query_buffer_limit") == 1);
    until("given back", || node.process.report().client_bytes == 0);
    ping(&mut node.connect());
}

#[test]
fn unfinished_requests_are_bounded_over_all_clients() {
    let node = Node::start(Config { maxmemory_clients: 1 << 20, ..config() });
    let mut clients: Vec<TcpStream> = (0..20).map(|_| node.connect()).collect();
    for stream in &mut clients {
        let _ = stream.write_all(b"*2\r\n$4\r\nECHO\r\n$900000\r\n");
        let _ = stream.write_all(&[b'x'; 200_000]);
    }
    until("some are closed", || node.closed_by("maxmemory_clients") > 0);
    until("within the bound", || node.process.report().client_bytes <= 1 << 20);
    ping(&mut node.connect());
}

#[test]
fn a_killed_client_is_closed_at_once() {
    let node = Node::start(config());
    let mut stream = node.connect();
    ping(&mut stream);
    let id = node.process.clients()[0].id;
    assert!(node.process.kill(id));
    expect_closed(&mut stream);
    until("forgotten", || node.process.clients().is_empty());
    assert!(!node.process.kill(id));
    assert_eq!(node.closed_by("client_kill"), 1);
}

#[test]
fn a_panic_ends_its_own_connection_only() {
    let enable_debug_command = DebugCommand::Yes;
    let node = Node::start(Config { io_threads: 1, enable_debug_command, ..config() });
    let mut other = node.connect();
    ping(&mut other);
    let mut stream = node.connect();
    stream.write_all(&request(&[b"DEBUG", b"PANIC"])).unwrap();
    expect_closed(&mut stream);
    until("forgotten", || node.process.report().clients == 1);
    assert_eq!(node.process.report().connection_panics, 1);
    ping(&mut other);
    ping(&mut node.connect());
}

#[test]
fn an_ended_pause_lets_the_waiting_requests_go_at_once() {
    let node = Node::start(config());
    let (mut stream, mut other) = (node.connect(), node.connect());
    let pause = request(&[b"CLIENT", b"PAUSE", b"600000", b"ALL"]);
    stream.write_all(&pause).unwrap();
    expect(&mut stream, b"+OK\r\n");
    other.write_all(&request(&[b"ECHO", b"held"])).unwrap();
    until("the request waits", || node.process.report().client_query_bytes_max > 0);
    node.process.unpause();
    expect(&mut other, b"$4\r\nheld\r\n");
}

#[test]
fn clients_are_listed_by_rising_id_with_their_addresses() {
    let node = Node::start(config());
    let mut clients: Vec<TcpStream> = (0..5).map(|_| node.connect()).collect();
    clients.iter_mut().for_each(ping);
    let listed = node.process.clients();
    assert!(listed.windows(2).all(|pair| pair[0].id < pair[1].id));
    let mut addrs: Vec<_> = listed.iter().map(|client| client.addr.clone()).collect();
    let mut expected: Vec<_> =
        clients.iter().map(|stream| stream.local_addr().unwrap().to_string()).collect();
    addrs.sort();
    expected.sort();
    assert_eq!(addrs, expected);
    assert!(listed.iter().all(|client| client.laddr == node.address.to_string()));
}

#[test]
fn a_client_that_drips_its_first_request_is_closed_at_the_handshake_timeout() {
    let node = Node::start(Config { handshake_timeout_s: 1, ..config() });
    let mut steady = node.connect();
    ping(&mut steady);
    let mut drips: Vec<TcpStream> = (0..100).map(|_| node.connect()).collect();
    for byte in b"*1\r\n$4\r\nPI" {
        for stream in &mut drips {
            let _ = stream.write_all(&[*byte]);
        }
    }
    until("all closed", || node.closed_by("handshake_timeout") == 100);
    ping(&mut steady);
}

#[test]
fn an_idle_client_is_closed_only_where_timeout_is_set() {
    let node = Node::start(Config { timeout_s: 1, handshake_timeout_s: 0, ..config() });
    let mut stream = node.connect();
    ping(&mut stream);
    expect_closed(&mut stream);
    assert_eq!(node.closed_by("timeout"), 1);
}

#[test]
fn a_unix_socket_serves_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ratel.sock");
    let unixsocket = Some(path.to_string_lossy().into_owned());
    let server = Server::bind(Config { port: 0, unixsocket, ..config() }).unwrap();
    let unused = "127.0.0.1:1".parse().unwrap();
    let mut node = Node::run(server, unused);
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    ping(&mut stream);
    let client = node.process.clients()[0].clone();
    assert_eq!(client.addr, format!("{}:0", path.display()));
    assert!(client.unix);
    node.join();
    assert!(!path.exists(), "the path goes with the server");
}

#[test]
fn a_stop_answers_what_was_received_and_then_closes() {
    let mut node = Node::start(config());
    let mut clients: Vec<TcpStream> = (0..20).map(|_| node.connect()).collect();
    clients.iter_mut().for_each(ping);
    // Loopback: what write_all has returned from is in the server's receive queue.
    for stream in &mut clients {
        stream.write_all(&b"PING\r\n".repeat(1_000)).unwrap();
    }
    node.begin_stop();
    for stream in &mut clients {
        expect(stream, &b"+PONG\r\n".repeat(1_000));
        expect_closed(stream);
    }
    drop(clients);
    node.join();
    assert!(TcpStream::connect(node.address).is_err(), "the port is closed");
}

#[test]
fn a_stop_does_not_wait_longer_than_its_timeout_for_a_client_that_takes_nothing() {
    let mut node = Node::start(Config { shutdown_timeout_s: 1, ..config() });
    let mut greedy = node.connect();
    write_until_stuck(&mut greedy, &request(&[b"ECHO", &[b'x'; 4096]]).repeat(64));
    let start = Instant::now();
    node.join();
    let took = start.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(9), "{took:?}");
}

#[test]
fn clients_from_other_machines_are_refused_while_no_password_is_set() {
    let Some(own) = address_of_this_machine() else {
        eprintln!("skipped: this machine has no address but loopback");
        return;
    };
    let listener = TcpListener::bind((own, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let node = Node::run(Server::adopt(config(), vec![listener]).unwrap(), address);
    let mut stream = node.connect();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("-DENIED ratel is running in protected mode"), "{text}");
    assert!(text.ends_with("\r\n"), "{text}");
    assert_eq!(node.process.report().protected_mode_refusals, 1);

    let listener = TcpListener::bind((own, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let open = Config { protected_mode: false, ..config() };
    let node = Node::run(Server::adopt(open, vec![listener]).unwrap(), address);
    ping(&mut node.connect());
}

/// An address by which this machine reaches others; connecting a UDP socket sends nothing.
fn address_of_this_machine() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
}

#[test]
fn an_idle_connection_costs_little_memory() {
    const CLIENTS: usize = 2_000;
    let node = Node::start(Config { handshake_timeout_s: 0, ..config() });
    ping(&mut node.connect());
    let before = node.process.report().rss_bytes;
    let mut clients: Vec<TcpStream> = (0..CLIENTS).map(|_| node.connect()).collect();
    // Each has had a burst through its buffers and now holds nothing.
    for stream in &mut clients {
        stream.write_all(&b"PING\r\n".repeat(100)).unwrap();
    }
    for stream in &mut clients {
        expect(stream, &b"+PONG\r\n".repeat(100));
    }
    // A client may have read its replies before the server has noted that it let them go.
    until("all buffers are given back", || node.process.report().client_bytes == 0);
    let report = node.process.report();
    let each = report.rss_bytes.saturating_sub(before) / u64::try_from(CLIENTS).unwrap();
    assert_eq!(report.clients, CLIENTS);
    eprintln!("{each} bytes of memory an idle connection, both ends");
    assert!(each <= 16 * 1024, "{each} bytes each");
}
