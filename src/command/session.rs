//! What one connection has said about itself, and what it asked the edge to do.

use std::sync::Arc;

use super::blocking::Blocked;
use super::channels::Subscriber;
use super::client::ClientRecord;
use super::host::ShutdownMode;
use super::transaction::Transaction;
use crate::engine::Watch;
use crate::resp::Protocol;

/// The state of one connection that handlers read and write.
#[derive(Debug)]
pub struct Session {
    /// The row that CLIENT LIST shows; shared with the edge's register of clients.
    pub record: Arc<ClientRecord>,
    /// Chosen by HELLO.
    pub protocol: Protocol,
    /// True once AUTH succeeded, or from the start where no password is set.
    pub authenticated: bool,
    /// The connection comes from this machine (loopback or a Unix socket).
    pub local: bool,
    /// What the edge must do after the last reply; a slice ends where it is not `None`.
    pub effect: Effect,
    /// CLIENT REPLY.
    pub replies: Replies,
    /// What MULTI began and EXEC will end.
    pub transaction: Option<Box<Transaction>>,
    /// The keys of WATCH; dropping it ends the watch.
    pub watch: Option<Watch>,
    /// The request that waits; no other is served before it has its reply.
    pub blocked: Option<Blocked>,
    /// What it listens to; `None` where that is nothing and all messages are sent.
    pub subscriber: Option<Box<Subscriber>>,
}

impl Session {
    /// What a new connection has said: nothing.
    pub fn new(record: Arc<ClientRecord>, authenticated: bool, local: bool) -> Session {
        Session {
            record,
            protocol: Protocol::default(),
            authenticated,
            local,
            effect: Effect::None,
            replies: Replies::default(),
            transaction: None,
            watch: None,
            blocked: None,
            subscriber: None,
        }
    }

    /// True if only some commands are served: RESP2 cannot tell messages from replies.
    pub fn is_listening_only(&self) -> bool {
        self.protocol == Protocol::Resp2 && self.subscriptions() > 0
    }

    /// Channels and patterns that it listens to.
    pub fn subscriptions(&self) -> usize {
        self.subscriber.as_ref().map_or(0, |subscriber| subscriber.count())
    }

    /// Moves messages to `out` until it holds `bytes_max` bytes; true if that were all.
    pub fn deliver(&mut self, out: &mut Vec<u8>, bytes_max: usize) -> bool {
        let Some(subscriber) = &self.subscriber else { return true };
        let all = subscriber.outbox().take(out, bytes_max);
        if all && subscriber.count() == 0 {
            self.subscriber = None;
        }
        all
    }

    /// Bytes that the queue of a transaction holds.
    pub fn queued_bytes(&self) -> usize {
        self.transaction.as_ref().map_or(0, |transaction| transaction.bytes())
    }
}

/// Whether replies are written, chosen by CLIENT REPLY.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replies {
    /// All.
    #[default]
    On,
    /// None.
    Off,
    /// All but the next.
    SkipNext,
}

/// What a handler asks of the edge, carried out after its reply is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    #[default]
    None,
    /// Write what is encoded, then close (QUIT, a protocol error, CLIENT KILL of oneself).
    Close,
    /// Serve this connection's next request only after so many milliseconds (DEBUG SLEEP).
    Sleep {
        /// Milliseconds.
        ms: u64,
    },
    /// Serve no further request before [`Session::poll_blocked`] has a reply.
    Wait,
    /// Stop the server; nothing is written to this client (SHUTDOWN).
    Shutdown(ShutdownMode),
}
