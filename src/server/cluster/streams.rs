//! The sync streams' sockets: bytes in and out, sealed and opened on the way.
//!
//! Not here: what frames say (replication), who may call (the node's callers). Invariant: a caller
//! that has not proved itself gets no byte and at most [`PROOF`]; there are at most
//! [`UNPROVEN_MAX`] of them and [`LINES_MAX`] streams in all.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::node::Event;
use crate::cluster::replication::StreamId;
use crate::cluster::seal::ClusterName;
use crate::cluster::seal::keyring::Keyring;
use crate::cluster::seal::lane::{FRAME_BYTES_MAX, FrameError, Received};
use crate::cluster::seal::stream::{ClientStream, Hello, STREAM_NONCE_BYTES, ServerStream};
use crate::server::clock::monotonic_ns;

/// Longest wait for a caller's whole hello, and for a connection of our own.
const PROOF: Duration = Duration::from_secs(2);
/// Callers that have not proved themselves.
const UNPROVEN_MAX: usize = 16;
/// A stream on which nothing moves for so long is over: replication gives up after half of it.
const IDLE: Duration = Duration::from_secs(10);
/// Frames that may wait for a socket; replication stops at 256 KiB, far fewer.
pub(super) const FRAMES_MAX: usize = 4_096;
/// Streams at once: two that are served, two that are fetched, and callers that are told to ask
/// elsewhere, of a hundred members.
pub(super) const LINES_MAX: usize = 128;
/// Wait after a failed accept: without files free it would fail at once again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Time between two lines about members that cannot be called, nanoseconds.
const QUIET_NS: u64 = 10_000_000_000;

/// The node's end of a stream.
#[derive(Debug)]
pub(super) struct Line {
    frames: mpsc::Sender<Vec<u8>>,
    waiting_bytes: Arc<AtomicUsize>,
}

/// The socket's end of a stream.
#[derive(Debug)]
pub(super) struct Spool {
    frames: mpsc::Receiver<Vec<u8>>,
    waiting_bytes: Arc<AtomicUsize>,
}

impl Line {
    pub(super) fn new() -> (Line, Spool) {
        let (sender, receiver) = mpsc::channel(FRAMES_MAX);
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let spool = Spool { frames: receiver, waiting_bytes: waiting_bytes.clone() };
        (Line { frames: sender, waiting_bytes }, spool)
    }

    /// Hands a frame to the socket; false if the stream has ended or is too slow.
    pub(super) fn send(&self, frame: Vec<u8>) -> bool {
        self.waiting_bytes.fetch_add(frame.len(), Ordering::Relaxed);
        self.frames.try_send(frame).is_ok()
    }

    /// Bytes that wait for the socket.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes.load(Ordering::Relaxed)
    }
}

/// A caller's first bytes, to be judged by the node.
#[derive(Debug)]
pub(super) struct Knock {
    pub(super) from: SocketAddr,
    pub(super) bytes: Vec<u8>,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// What the node says of them.
#[derive(Debug)]
pub(super) enum Answer {
    /// The hello is not whole yet.
    More(Vec<u8>),
    /// Close, say nothing.
    Refused,
    /// Speak.
    Welcome(Box<Admitted>),
}

/// A caller that has proved itself.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) stream: StreamId,
    pub(super) end: ServerStream,
    /// Bytes behind the hello.
    pub(super) rest: Vec<u8>,
    pub(super) spool: Spool,
}

/// What a call needs.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) stream: StreamId,
    pub(super) to: SocketAddr,
    pub(super) keyring: Keyring,
    pub(super) name: ClusterName,
    pub(super) hello: Hello,
    pub(super) nonce: [u8; STREAM_NONCE_BYTES],
    pub(super) spool: Spool,
}

/// Accepts callers; never returns.
pub(super) async fn listen(listener: TcpListener, node: mpsc::Sender<Event>) {
    let unproven = Arc::new(Semaphore::new(UNPROVEN_MAX));
    loop {
        match listener.accept().await {
            Ok((socket, from)) => {
                // One too many is closed: waiting in line would let strangers hold members up.
                if let Ok(permit) = unproven.clone().try_acquire_owned() {
                    let node = node.clone();
                    tokio::spawn(async move {
                        let admitted = timeout(PROOF, prove(socket, from, &node)).await;
                        drop(permit);
                        if let Ok(Some((socket, admitted))) = admitted {
                            let Admitted { stream, end, rest, spool } = *admitted;
                            let buffer = BytesMut::from(&rest[..]);
                            pump(socket, End::Server(end), buffer, spool, stream, &node).await;
                            let _ = node.send(Event::Closed { stream }).await;
                        }
                    });
                }
            }
            Err(error) => {
                tracing::debug!(%error, "cluster: cannot accept a stream");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Reads a hello and has the node judge it.
async fn prove(
    mut socket: TcpStream,
    from: SocketAddr,
    node: &mpsc::Sender<Event>,
) -> Option<(TcpStream, Box<Admitted>)> {
    let mut bytes = Vec::new();
    loop {
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let (answer, judged) = oneshot::channel();
        node.send(Event::Knock(Knock { from, bytes, answer })).await.ok()?;
        match judged.await.ok()? {
            Answer::More(back) => bytes = back,
            Answer::Refused => return None,
            Answer::Welcome(admitted) => return Some((socket, admitted)),
        }
    }
}

/// Calls another node and carries frames until either end closes.
pub(super) async fn call(call: Call, node: mpsc::Sender<Event>) {
    let stream = call.stream;
    if let Some((socket, end, spool)) = greet(call).await {
        pump(socket, End::Client(end), BytesMut::new(), spool, stream, &node).await;
    }
    // Fails only where the node has ended.
    let _ = node.send(Event::Closed { stream }).await;
}

/// Tells that a member cannot be called, at most once in [`QUIET_NS`] for all of them: where datagrams
/// pass and streams do not, nothing else would say why a node lacks what was counted before.
fn tell_unreachable(to: SocketAddr, why: &str) {
    static TOLD_NS: AtomicU64 = AtomicU64::new(0);
    let now_ns = monotonic_ns();
    let told_ns = TOLD_NS.load(Ordering::Relaxed);
    if told_ns == 0 || now_ns.saturating_sub(told_ns) >= QUIET_NS {
        TOLD_NS.store(now_ns.max(1), Ordering::Relaxed);
        tracing::warn!(
            "cluster: no stream to {to}: {why}; does TCP pass between the nodes, as UDP does?"
        );
    }
}

/// Connects; the first frame travels in the hello.
async fn greet(call: Call) -> Option<(TcpStream, ClientStream, Spool)> {
    let Call { to, keyring, name, hello, nonce, mut spool, .. } = call;
    let mut socket = match timeout(PROOF, TcpStream::connect(to)).await {
        Ok(Ok(socket)) => socket,
        Ok(Err(error)) => {
            tell_unreachable(to, &error.to_string());
            return None;
        }
        Err(_) => {
            tell_unreachable(to, "no answer in time");
            return None;
        }
    };
    let _ = socket.set_nodelay(true);
    let request = timeout(PROOF, spool.frames.recv()).await.ok()??;
    spool.waiting_bytes.fetch_sub(request.len(), Ordering::Relaxed);
    let mut out = Vec::new();
    let end = ClientStream::hello(&keyring, &name, &hello, nonce, &request, &mut out).ok()?;
    timeout(IDLE, socket.write_all(&out)).await.ok()?.ok()?;
    Some((socket, end, spool))
}

/// This end of a stream.
enum End {
    Client(ClientStream),
    Server(ServerStream),
}

impl End {
    fn open<'a>(&mut self, buffer: &'a mut [u8]) -> Received<'a> {
        match self {
            End::Client(end) => end.open(buffer),
            End::Server(end) => end.open(buffer),
        }
    }

    fn seal(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
        match self {
            End::Client(end) => end.seal(payload, out),
            End::Server(end) => end.seal(payload, out),
        }
    }
}

/// Carries frames both ways until the stream ends.
async fn pump(
    mut socket: TcpStream,
    mut end: End,
    mut buffer: BytesMut,
    mut spool: Spool,
    stream: StreamId,
    node: &mpsc::Sender<Event>,
) {
    let _ = socket.set_nodelay(true);
    let mut out = Vec::new();
    loop {
        loop {
            let (frame, used_bytes) = match end.open(&mut buffer) {
                Received::Incomplete => break,
                Received::Broken => return,
                Received::Frame { payload, used_bytes } => (payload.to_vec(), used_bytes),
            };
            buffer.advance(used_bytes);
            if node.send(Event::Frame { stream, frame }).await.is_err() {
                return;
            }
        }
        buffer.reserve(FRAME_BYTES_MAX);
        tokio::select! {
            frame = spool.frames.recv() => {
                // The node has closed the stream, after what it sent.
                let Some(frame) = frame else { return };
                out.clear();
                if end.seal(&frame, &mut out).is_err() {
                    return;
                }
                if !matches!(timeout(IDLE, socket.write_all(&out)).await, Ok(Ok(()))) {
                    return;
                }
                spool.waiting_bytes.fetch_sub(frame.len(), Ordering::Relaxed);
            }
            read = timeout(IDLE, socket.read_buf(&mut buffer)) => {
                if !matches!(read, Ok(Ok(1..))) {
                    return;
                }
            }
        }
    }
}
