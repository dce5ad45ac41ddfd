//! A server of this build, started for one test on a free port and killed at the test's end.

// Each test file uses a part of this.
#![allow(dead_code)]
#![allow(clippy::disallowed_methods, reason = "a deadline of a test is real time")]

pub(crate) mod wire;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use wire::Wire;

/// Longest wait for anything in a test.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(5);

/// A running server.
pub(crate) struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts it on a free port of 127.0.0.1 with `args` behind, and waits until it answers PING.
    pub(crate) fn start(args: &[&str]) -> Server {
        Server::start_on("127.0.0.1", args)
    }

    /// The same on another address, by which 127.0.0.1 must be reachable too.
    pub(crate) fn start_on(address: &str, args: &[&str]) -> Server {
        let mut server = Server::launch(address, args);
        server.wait_ready();
        server
    }

    /// Starts it and does not wait.
    pub(crate) fn launch(address: &str, args: &[&str]) -> Server {
        let port = free_port();
        let child = program()
            .args(["--port", &port.to_string(), "--bind", address, "--loglevel=warning"])
            .args(args)
            .spawn()
            .expect("the server starts");
        Server { child, port }
    }

    /// Waits until it answers PING.
    pub(crate) fn wait_ready(&mut self) {
        wait_until("the server answers PING", || {
            if let Some(status) = self.child.try_wait().expect("a child") {
                panic!("the server ended with {status}");
            }
            self.answers()
        });
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else {
            return false;
        };
        let mut reply = [0; 5];
        stream.set_read_timeout(Some(DEADLINE)).is_ok()
            && stream.write_all(b"PING\r\n").is_ok()
            && stream.read_exact(&mut reply).is_ok()
            && (reply == *b"+PONG" || reply == *b"-NOAU")
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A connection whose reads fail after the deadline.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream.set_read_timeout(Some(DEADLINE)).expect("a time-out");
        stream
    }

    /// A raw client.
    pub(crate) fn wire(&self) -> Wire {
        Wire::new(self.connect())
    }

    /// Resident memory, bytes.
    pub(crate) fn rss_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()));
        let status = status.expect("a running process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
        let kib: u64 = line.split_whitespace().next().expect("a figure").parse().expect("a number");
        kib * 1024
    }

    /// Sends it SIGTERM.
    pub(crate) fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
    }

    /// Sends it SIGHUP.
    pub(crate) fn reload(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).expect("a signal");
    }

    /// Sets how many files it may have open from now on.
    pub(crate) fn limit_files(&self, count: u64) {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};
        let limit = Rlimit { current: Some(count), maximum: Some(count) };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Nofile, limit).expect("a limit");
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end, by whatever made it end.
    pub(crate) fn wait(mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the server ends", || {
            status = self.child.try_wait().expect("a child");
            status.is_some()
        });
        status.expect("just seen")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server's program, with nothing of ours in its environment.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ratel"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RATEL_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// A port that nobody listened on just now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Waits until `condition` holds; the test fails at the deadline.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::sleep(STEP); // between two looks, until the deadline
    }
}
