//! A connected socket, TCP or Unix.
//!
//! Not here: listening, buffers, limits. Invariant: no method blocks.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// A connected socket that belongs to the runtime of the thread that made it.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Registers `fd`, a non-blocking socket, with the current runtime.
    pub(super) fn register(fd: OwnedFd, unix: bool) -> io::Result<Socket> {
        if unix {
            UnixStream::from_std(fd.into()).map(Socket::Unix)
        } else {
            TcpStream::from_std(fd.into()).map(Socket::Tcp)
        }
    }

    /// Reads what is there; 0 = the peer has ended its side.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(into);
        let result = match self {
            Socket::Tcp(stream) => Pin::new(stream).poll_read(cx, &mut buf),
            Socket::Unix(stream) => Pin::new(stream).poll_read(cx, &mut buf),
        };
        ready!(result)?;
        Poll::Ready(Ok(buf.filled().len()))
    }

    /// Writes what the socket takes.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Socket::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Socket::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    /// Ends the sending side.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Socket::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    /// Bytes that the kernel has received and that nobody has read.
    pub(super) fn received_bytes(&self) -> usize {
        let count = rustix::io::ioctl_fionread(self.as_fd()).unwrap_or(0);
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// Reads what the kernel has received, asking the kernel itself: the runtime may not have
    /// heard of it yet. `Ok(None)`: nothing there.
    pub(super) fn read_received(&self, into: &mut [u8]) -> io::Result<Option<usize>> {
        match rustix::io::read(self.as_fd(), into) {
            Ok(count) => Ok(Some(count)),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Socket::Tcp(stream) => stream.as_fd(),
            Socket::Unix(stream) => stream.as_fd(),
        }
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}
