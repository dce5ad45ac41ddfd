//! Accepting: who may connect, and what the others are told.
//!
//! Not here: serving. Invariant: no accept(2) error ends the loop or makes it spin.

use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::{Socket, TcpKeepalive};

use super::host::Process;
use super::listener::{Address, Listener};
use super::register::Seat;
use super::worker::{Accepted, Workers};
use crate::config::Config;

/// First and longest wait after an error of accept(2), milliseconds; it doubles in between.
const BACKOFF_MS_MIN: u64 = 1;
const BACKOFF_MS_MAX: u64 = 1_000;
/// Clients told so at one accept error, so that a flood of them cannot hold the acceptor.
const TURNED_AWAY_MAX: usize = 64;
/// How much longer than the other time limits the kernel tries to deliver a reply, seconds.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED_GRACE_S: u64 = 30;

const TOO_MANY: &[u8] = b"-ERR max number of clients reached\r\n";
const DENIED: &[u8] = b"-DENIED ratel is running in protected mode because protected mode is \
enabled and no password is set. In this mode connections are only accepted from the loopback \
interface. If you want to connect from external computers to ratel you may adopt one of the \
following solutions: 1) Just disable protected mode sending the command 'CONFIG SET \
protected-mode no' from the loopback interface by connecting to ratel from the same host the \
server is running, however MAKE SURE ratel is not publicly accessible from internet if you do \
so. 2) Start the server with the '--protected-mode no' option. 3) Set a password with the \
'--requirepass' option or 'CONFIG SET requirepass'. NOTE: You only need to do one of the above \
things in order for the server to start accepting connections from the outside.\r\n";

/// A listener on the acceptors' runtime.
enum Door {
    Tcp(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

impl Door {
    /// The next client, taken off this runtime again, and its address if it has one.
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Socket, Option<SocketAddr>)>> {
        Poll::Ready(match self {
            Door::Tcp(listener) => {
                let (stream, peer) = ready!(listener.poll_accept(cx))?;
                Ok((stream.into_std()?.into(), Some(peer)))
            }
            Door::Unix(listener) => {
                let (stream, _) = ready!(listener.poll_accept(cx))?;
                Ok((OwnedFd::from(stream.into_std()?).into(), None))
            }
        })
    }
}

/// Accepts from one listener until it is dropped.
pub(super) struct Acceptor {
    door: Door,
    address: Address,
    process: Arc<Process>,
    workers: Arc<Workers>,
    /// Given up for a moment where no file can be opened, to tell one client so.
    spare: Option<File>,
}

impl Acceptor {
    /// Must be called on a runtime.
    pub(super) fn new(
        listener: &Listener,
        process: Arc<Process>,
        workers: Arc<Workers>,
    ) -> io::Result<Acceptor> {
        let fd = OwnedFd::from(listener.socket.try_clone()?);
        let door = match listener.address {
            Address::Tcp(_) => Door::Tcp(tokio::net::TcpListener::from_std(fd.into())?),
            Address::Unix(_) => Door::Unix(tokio::net::UnixListener::from_std(fd.into())?),
        };
        let address = listener.address.clone();
        Ok(Acceptor { door, address, process, workers, spare: spare_file() })
    }

    /// Never returns.
    pub(super) async fn run(mut self) {
        let mut backoff_ms = BACKOFF_MS_MIN;
        loop {
            match poll_fn(|cx| self.door.poll_accept(cx)).await {
                Ok((socket, peer)) => {
                    backoff_ms = BACKOFF_MS_MIN;
                    self.admit(socket, peer).await;
                }
                Err(error) => {
                    self.process.incidents.accept_errors.add(1);
                    tracing::warn!(%error, backoff_ms, "cannot accept on {}", self.address);
                    self.turn_some_away().await;
                    tokio::time::sleep(Duration::from_millis(backoff_ms)).await;
                    backoff_ms = (backoff_ms * 2).min(BACKOFF_MS_MAX);
                }
            }
        }
    }

    /// Where files have run out, the clients at the head of the queue would wait until there are
    /// some again: they are accepted on the spare file's place, one after the other, and told.
    async fn turn_some_away(&mut self) {
        if self.spare.take().is_some() {
            for _ in 0..TURNED_AWAY_MAX {
                let accepted = poll_fn(|cx| Poll::Ready(self.door.poll_accept(cx))).await;
                let Poll::Ready(Ok((socket, _))) = accepted else { break };
                self.process.incidents.rejected.add(1);
                refuse(&socket, TOO_MANY);
            }
        }
        self.spare = spare_file();
    }

    async fn admit(&self, socket: Socket, peer: Option<SocketAddr>) {
        let process = &self.process;
        process.incidents.accepted.add(1);
        let config = process.config.load_full();
        let Some(seat) = Seat::take(&process.register, config.maxclients) else {
            process.incidents.rejected.add(1);
            return refuse(&socket, TOO_MANY);
        };
        let local = is_local(peer);
        if config.protected_mode && config.requirepass.is_empty() && !local {
            process.incidents.protected_mode.add(1);
            return refuse(&socket, DENIED);
        }
        if peer.is_some()
            && let Err(error) = tune(&socket, &config)
        {
            return tracing::debug!(%error, "client gone before it was served");
        }
        let accepted = Accepted {
            addr: self.name(peer),
            laddr: self.name(socket.local_addr().ok().and_then(|at| at.as_socket())),
            unix: peer.is_none(),
            local,
            fd: socket.into(),
            seat,
        };
        self.workers.hand_over(accepted).await;
    }

    /// As CLIENT LIST shows it: the clients of a Unix socket have no address but its path.
    fn name(&self, at: Option<SocketAddr>) -> String {
        at.map_or_else(|| format!("{}:0", self.address), |at| at.to_string())
    }
}

fn spare_file() -> Option<File> {
    File::open("/dev/null").ok()
}

/// Writes what fits without waiting (the socket is non-blocking); dropping it then closes it.
fn refuse(socket: &Socket, text: &[u8]) {
    let _ = socket.send(text);
    let _ = socket.shutdown(std::net::Shutdown::Write);
}

fn is_local(peer: Option<SocketAddr>) -> bool {
    match peer.map(|at| at.ip().to_canonical()) {
        Some(IpAddr::V4(ip)) => ip.is_loopback(),
        Some(IpAddr::V6(ip)) => ip.is_loopback(),
        None => true,
    }
}

fn tune(socket: &Socket, config: &Config) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    if config.tcp_keepalive_s == 0 {
        return Ok(());
    }
    let idle_s = config.tcp_keepalive_s;
    // As Redis: after the idle time three probes, a third of it apart.
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(idle_s))
        .with_interval(Duration::from_secs((idle_s / 3).max(1)))
        .with_retries(3);
    socket.set_tcp_keepalive(&keepalive)?;
    // Keepalive rests while a reply is unacknowledged, and the kernel would repeat it for a
    // quarter of an hour. Later than output-stall-timeout, which closes and counts slow readers.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(Duration::from_secs(
        idle_s.max(config.output_stall_timeout_s).saturating_add(UNACKNOWLEDGED_GRACE_S),
    )))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Option<SocketAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn loopback_is_local_in_every_spelling() {
        for text in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(is_local(peer(text)), "{text}");
        }
        for text in ["10.0.0.1:1", "[::ffff:10.0.0.1]:1", "[2001:db8::1]:1", "0.0.0.0:1"] {
            assert!(!is_local(peer(text)), "{text}");
        }
    }

    #[test]
    fn refusals_are_one_error_reply() {
        for text in [TOO_MANY, DENIED] {
            assert!(text.starts_with(b"-") && text.ends_with(b"\r\n"));
            assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), 1);
        }
    }
}
