//! The goodbye of a node that leaves, to every member, repeated against loss.
//!
//! foca's own tells three random members and leaves the rest to gossip that the leaver no longer
//! takes part in.
//!
//! Not here: the last counts. Invariant: after the last repetition nothing is sent.

use bytes::Bytes;
use core::net::SocketAddr;
use foca::{Codec as _, Header, Member, Message, State};

use super::codec::Codec;
use super::identity::Identity;
use super::members::LEFT_INCARNATION;

/// How often the goodbye is said: at 20 % loss 1 member in 125 hears of it by others only.
pub const GOODBYES: u32 = 3;
/// Time between goodbyes, ms.
pub const GOODBYE_GAP_MS: u64 = 100;

/// The goodbyes that are still to be said.
#[derive(Debug)]
pub(super) struct Farewell {
    packets: Vec<(SocketAddr, Bytes)>,
    left: u32,
    next_ms: u64,
}

impl Farewell {
    pub(super) fn new(now_ms: u64, own: Identity, members: &[Identity]) -> Farewell {
        let packets = members.iter().map(|to| (to.addr, goodbye(own, *to))).collect();
        Farewell { packets, left: GOODBYES, next_ms: now_ms }
    }

    /// What to send now.
    pub(super) fn due(&mut self, now_ms: u64) -> Vec<(SocketAddr, Bytes)> {
        if self.left == 0 || now_ms < self.next_ms {
            return Vec::new();
        }
        self.left -= 1;
        self.next_ms = now_ms.saturating_add(GOODBYE_GAP_MS);
        self.packets.clone()
    }

    /// When there is more to send, ms.
    pub(super) fn next_ms(&self) -> Option<u64> {
        (self.left > 0).then_some(self.next_ms)
    }
}

/// A gossip message with one piece of news: the sender is down, and says so itself.
fn goodbye(own: Identity, to: Identity) -> Bytes {
    let header = Header { src: own, src_incarnation: 0, dst: to, message: Message::Gossip };
    let news = Member::new(own, LEFT_INCARNATION, State::Down);
    let mut bytes = Vec::new();
    Codec.encode_header(&header, &mut bytes).expect("a vector grows");
    bytes.extend(1u16.to_be_bytes());
    Codec.encode_member(&news, &mut bytes).expect("a vector grows");
    bytes.into()
}
