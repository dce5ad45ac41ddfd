//! The two ends of a sync stream over TCP.
//!
//! ```text
//! client: | version 4 bits, 0 | key number 1 | nonce 16 | frame: sent_ms 8, own epoch 8, server's epoch 8, payload |
//! server: | nonce 16 | frame: payload |          then frames, either way
//! ```
//! The client's first frame, its hello, is sealed under a key derived from its own nonce; the server
//! says nothing before it has opened it ([`super::callers`]). All other frames are sealed under keys
//! derived from both nonces, one for each direction. It is not the socket, and it does not know when a
//! conversation is complete: an end of the stream can be forged, so its last frame must say so.
//!
//! Invariant: a key seals in one direction of one stream only. Both nonces must be fresh random
//! bytes: a repeated one would repeat a key.

use super::lane::{FrameError, Lane, Received};
use super::{ClusterName, VERSION};
use crate::cluster::crypto::Root;
use crate::cluster::seal::keyring::Keyring;

/// Length of either end's nonce, bytes: no two of 2^48 streams share one by chance.
pub const STREAM_NONCE_BYTES: usize = 16;
/// Bytes in front of a hello's frame.
pub(super) const HELLO_PRELUDE_BYTES: usize = 2 + STREAM_NONCE_BYTES;
/// What a hello holds in front of its payload, bytes.
pub const HELLO_BYTES: usize = 24;

/// What a stream's keys are derived from.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) root: Root,
    pub(super) version: u8,
    pub(super) name: ClusterName,
    pub(super) client_nonce: [u8; STREAM_NONCE_BYTES],
}

impl Origin {
    /// The lane of the hello.
    pub(super) fn hello(&self) -> Lane {
        let info: [&[u8]; 3] = [b"stream hello", &[self.version], &self.client_nonce];
        Lane::new(self.root.key(&info), &self.name)
    }

    fn lane(&self, label: &[u8], server_nonce: &[u8]) -> Lane {
        let info = [label, &[self.version], &self.client_nonce, server_nonce];
        Lane::new(self.root.key(&info), &self.name)
    }

    fn to_server(&self, server_nonce: &[u8; STREAM_NONCE_BYTES]) -> Lane {
        self.lane(b"stream to server", server_nonce)
    }

    fn to_client(&self, server_nonce: &[u8; STREAM_NONCE_BYTES]) -> Lane {
        self.lane(b"stream to client", server_nonce)
    }
}

/// Whom a client is and calls, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The client's clock, milliseconds since 1970.
    pub sent_ms: u64,
    /// The client's epoch.
    pub client_epoch: u64,
    /// An epoch of the server's, so that a recording of the hello is of no use with another server
    /// or with what runs there later.
    pub server_epoch: u64,
}

impl Hello {
    fn write(&self) -> [u8; HELLO_BYTES] {
        let mut bytes = [0; HELLO_BYTES];
        let fields = [self.sent_ms, self.client_epoch, self.server_epoch];
        for (place, field) in bytes.chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&field.to_be_bytes());
        }
        bytes
    }

    pub(super) fn read(bytes: &[u8; HELLO_BYTES]) -> Self {
        let field = |from: usize| {
            u64::from_be_bytes(bytes[from..from + 8].try_into().expect("a range of 8"))
        };
        Self { sent_ms: field(0), client_epoch: field(8), server_epoch: field(16) }
    }
}

/// Both directions of a stream at one end, once both nonces are known.
#[derive(Debug)]
struct Lanes {
    sending: Lane,
    receiving: Lane,
}

/// The end that called.
#[derive(Debug)]
pub struct ClientStream {
    origin: Origin,
    lanes: Option<Lanes>,
    broken: bool,
}

impl ClientStream {
    /// Begins a stream: appends the hello, with `payload` in it, to `out`. `nonce` is fresh random.
    ///
    /// # Errors
    /// If the payload is longer than a frame holds behind the hello's [`HELLO_BYTES`].
    pub fn hello(
        keyring: &Keyring,
        name: &ClusterName,
        hello: &Hello,
        nonce: [u8; STREAM_NONCE_BYTES],
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Self, FrameError> {
        let key = keyring.sealing();
        let origin = Origin {
            root: key.root().clone(),
            version: VERSION,
            name: name.clone(),
            client_nonce: nonce,
        };
        let mut prelude = [0; HELLO_PRELUDE_BYTES];
        prelude[0] = VERSION << 4;
        prelude[1] = key.number();
        prelude[2..].copy_from_slice(&nonce);
        origin.hello().seal(&prelude, &[&hello.write(), payload], out)?;
        Ok(Self { origin, lanes: None, broken: false })
    }

    /// Appends a frame to `out`.
    ///
    /// # Errors
    /// If the server has not answered yet, or the payload is too long.
    pub fn seal(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
        let lanes = self.lanes.as_mut().ok_or(FrameError::Unanswered)?;
        lanes.sending.seal(b"", &[payload], out)
    }

    /// Opens the frame that `buffer` begins with, in place.
    pub fn open<'a>(&mut self, buffer: &'a mut [u8]) -> Received<'a> {
        if self.broken {
            return Received::Broken;
        }
        let received = match &mut self.lanes {
            Some(lanes) => lanes.receiving.open(0, buffer),
            None => self.open_first(buffer),
        };
        self.broken = received == Received::Broken;
        received
    }

    /// The server's first frame, which brings its nonce.
    fn open_first<'a>(&mut self, buffer: &'a mut [u8]) -> Received<'a> {
        let Some(nonce) = buffer.first_chunk::<STREAM_NONCE_BYTES>() else {
            return Received::Incomplete;
        };
        let sending = self.origin.to_server(nonce);
        let mut receiving = self.origin.to_client(nonce);
        let received = receiving.open(STREAM_NONCE_BYTES, buffer);
        if matches!(received, Received::Frame { .. }) {
            self.lanes = Some(Lanes { sending, receiving });
        }
        received
    }
}

/// The end that was called; [`super::callers::Callers::accept`] gives it.
#[derive(Debug)]
pub struct ServerStream {
    lanes: Lanes,
    /// Goes in front of the first frame.
    nonce: Option<[u8; STREAM_NONCE_BYTES]>,
    broken: bool,
}

impl ServerStream {
    pub(super) fn new(origin: &Origin, nonce: [u8; STREAM_NONCE_BYTES]) -> Self {
        let lanes =
            Lanes { sending: origin.to_client(&nonce), receiving: origin.to_server(&nonce) };
        Self { lanes, nonce: Some(nonce), broken: false }
    }

    /// Appends a frame to `out`, the first one with this end's nonce in front.
    ///
    /// # Errors
    /// If the payload is too long.
    pub fn seal(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
        let prelude = self.nonce.as_ref().map_or(&[][..], |nonce| nonce);
        self.lanes.sending.seal(prelude, &[payload], out)?;
        self.nonce = None;
        Ok(())
    }

    /// Opens the frame that `buffer` begins with, in place.
    pub fn open<'a>(&mut self, buffer: &'a mut [u8]) -> Received<'a> {
        if self.broken {
            return Received::Broken;
        }
        let received = self.lanes.receiving.open(0, buffer);
        self.broken = received == Received::Broken;
        received
    }
}
