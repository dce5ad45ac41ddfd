//! What travels: datagrams over links that lose, double, delay, alter, hold up and cut, and streams
//! that keep order and break.

use std::rc::Rc;

use ratel::cluster::replication::StreamId;
use ratel::cluster::seal::lane::Received;
use ratel::cluster::seal::stream::{ClientStream, Hello, ServerStream};

use super::faults::Act;
use super::settings::{Rng, Settings};

/// What happens next.
pub(crate) enum Event {
    /// A node looks at its clocks, if it is still in this life.
    Tick { to: usize, life: u64 },
    /// A datagram arrives, whole or with a bit turned.
    Datagram { from: usize, to: usize, bytes: Rc<[u8]>, whole: bool },
    /// Bytes of a stream arrive at one of its ends.
    Bytes { stream: u64, end: usize, bytes: Vec<u8> },
    /// An end of a stream learns that the other has closed.
    Closed { stream: u64, end: usize },
    /// Discovery answers.
    Found { to: usize, life: u64 },
    /// A fault begins or ends.
    Act(Act),
}

/// One direction between two nodes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Link {
    pub(crate) cut: bool,
    /// What is sent before this time arrives after it, us.
    pub(crate) clogged_until_us: u64,
    /// When it last carried a NACK, and the one before, us.
    pub(crate) nacks_us: [Option<u64>; 2],
}

impl Link {
    /// When copies of a datagram that is sent now arrive, us from now; the second of a pair is true if
    /// that copy is altered on the way.
    pub(crate) fn carry(&self, now_us: u64, set: &Settings, rng: &mut Rng) -> Vec<(u64, bool)> {
        if self.cut {
            return Vec::new();
        }
        let held_us = self.clogged_until_us.saturating_sub(now_us);
        let mut copies = Vec::new();
        for (whole, permille) in [
            (true, 1_000 - set.loss_permille),
            (true, set.duplicate_permille),
            (false, set.flip_permille),
        ] {
            if rng.permille(permille) {
                copies.push((held_us + rng.between(100, set.delay_max_us), whole));
            }
        }
        copies
    }

    /// L15: NACKs between two nodes stay apart (two origins may live at an address in a row).
    pub(crate) fn note_nack(&mut self, now_us: u64) {
        let [last, before] = self.nacks_us;
        assert!(before.is_none_or(|us| now_us >= us + 9_000), "NACKs too often");
        self.nacks_us = [Some(now_us), last];
    }
}

/// What an end seals and opens with.
pub(crate) enum Seal {
    /// The caller before it has anything to say.
    Calling(Box<Hello>),
    Client(Box<ClientStream>),
    /// The called before the hello is whole.
    Called,
    Server(Box<ServerStream>),
    Closed,
}

impl Seal {
    pub(crate) fn open<'a>(&mut self, bytes: &'a mut [u8]) -> Received<'a> {
        match self {
            Seal::Client(end) => end.open(bytes),
            Seal::Server(end) => end.open(bytes),
            _ => Received::Incomplete,
        }
    }
}

/// One end of a stream.
pub(crate) struct End {
    pub(crate) node: usize,
    pub(crate) life: u64,
    pub(crate) id: StreamId,
    pub(crate) seal: Seal,
    /// Bytes that have arrived and are no whole frame yet.
    pub(crate) buffer: Vec<u8>,
    /// Bytes on their way to it.
    pub(crate) under_way: usize,
    /// When the last of them arrives, us.
    pub(crate) last_us: u64,
}

impl End {
    pub(crate) fn new((node, life): (usize, u64), id: StreamId, seal: Seal) -> End {
        End { node, life, id, seal, buffer: Vec::new(), under_way: 0, last_us: 0 }
    }
}

/// A stream and its two ends, the caller's first.
pub(crate) struct Stream {
    pub(crate) ends: [End; 2],
    /// Something could not be sent: nothing more arrives.
    pub(crate) stalled: bool,
}
