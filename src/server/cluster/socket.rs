//! The datagram socket of the cluster.
//!
//! Not here: what datagrams mean. Invariant: a datagram that the kernel does not take at once is
//! lost and counted, never waited for: replication repairs losses.

use std::io;
use std::net::{IpAddr, SocketAddr};

use anyhow::Context;
use socket2::{Domain, Socket, Type};
use tokio::net::UdpSocket;

/// Room for datagrams that wait to be read, bytes: 3,600 full ones. The kernel's own default holds
/// 92, which one flush of a busy cluster overruns.
const RECEIVE_BYTES: usize = 4 << 20;
/// Longest datagram that is read, and one byte to tell a longer one.
pub(super) const BUFFER_BYTES: usize = crate::cluster::seal::envelope::DATAGRAM_BYTES_MAX + 1;

/// Binds the socket, not yet part of a runtime.
pub(super) fn bind(at: SocketAddr) -> anyhow::Result<std::net::UdpSocket> {
    let bound = (|| {
        let socket = Socket::new(Domain::for_address(at), Type::DGRAM, None)?;
        if at.is_ipv6() {
            // `::` hears both families, as an operator expects of "every address".
            socket.set_only_v6(!at.ip().is_unspecified())?;
        }
        // The kernel may give less (net.core.rmem_max): the cluster then repeats more.
        let _ = socket.set_recv_buffer_size(RECEIVE_BYTES);
        socket.set_nonblocking(true)?;
        socket.bind(&at.into())?;
        io::Result::Ok(socket.into())
    })();
    bound.with_context(|| format!("cluster port {at} (UDP): cannot be bound"))
}

/// The socket, and what it did.
#[derive(Debug)]
pub(super) struct Datagrams {
    socket: UdpSocket,
    is_v6: bool,
    /// Datagrams sent.
    pub(super) sent: u64,
    /// Bytes sent, UDP payload.
    pub(super) sent_bytes: u64,
    /// Datagrams received.
    pub(super) received: u64,
    /// Bytes received, UDP payload.
    pub(super) received_bytes: u64,
    /// Datagrams that the kernel did not take.
    pub(super) unsent: u64,
}

impl Datagrams {
    /// Takes the socket into the running runtime.
    pub(super) fn new(socket: std::net::UdpSocket) -> io::Result<Datagrams> {
        let is_v6 = socket.local_addr()?.is_ipv6();
        let socket = UdpSocket::from_std(socket)?;
        Ok(Datagrams {
            socket,
            is_v6,
            sent: 0,
            sent_bytes: 0,
            received: 0,
            received_bytes: 0,
            unsent: 0,
        })
    }

    /// Returns once there may be something to receive.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Returns once datagrams can be sent: a fresh socket takes none before the runtime has seen it.
    pub(super) async fn writable(&self) -> io::Result<()> {
        self.socket.writable().await
    }

    /// The next datagram's length and sender; `None` if none waits.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        loop {
            match self.socket.try_recv_from(buffer) {
                Ok((length, from)) => {
                    self.received += 1;
                    self.received_bytes += u64::try_from(length).unwrap_or(u64::MAX);
                    return Some((length, from));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                // An ICMP error about an earlier datagram of ours; it is gone by being read.
                Err(_) => self.unsent += 1,
            }
        }
    }

    /// Sends a datagram; true if the kernel took it.
    pub(super) fn send(&mut self, to: SocketAddr, datagram: &[u8]) -> bool {
        let to = match to.ip() {
            IpAddr::V4(ip) if self.is_v6 => SocketAddr::new(ip.to_ipv6_mapped().into(), to.port()),
            _ => to,
        };
        let took = self.socket.try_send_to(datagram, to).is_ok();
        if took {
            self.sent += 1;
            self.sent_bytes += u64::try_from(datagram.len()).unwrap_or(u64::MAX);
        } else {
            self.unsent += 1;
        }
        took
    }
}
