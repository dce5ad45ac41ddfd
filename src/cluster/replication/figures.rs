//! What replication did, in numbers, for INFO.

use core::net::SocketAddr;

use crate::cluster::wire::{Kind, State};
use crate::engine::Origin;

/// Counts since the start; all only rise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Datagrams received, by the code of their kind.
    pub datagrams_in: [u64; Kind::ALL.len()],
    /// Datagrams sent, one a receiver, by the code of their kind.
    pub datagrams_out: [u64; Kind::ALL.len()],
    /// Payload bytes received in datagrams and frames.
    pub bytes_in: u64,
    /// Payload bytes sent in datagrams, one copy a receiver, and frames.
    pub bytes_out: u64,
    /// Datagrams and frames that could not be read.
    pub malformed: u64,
    /// Datagrams, groups and frames of a later version.
    pub skipped: u64,
    /// Messages of an epoch born before the last FLUSHALL.
    pub stale_flush: u64,
    /// Deltas heard before.
    pub duplicates: u64,
    /// Items that said something new.
    pub items_raised: u64,
    /// Items outside the window bounds.
    pub items_ended: u64,
    /// Items for which there was no room.
    pub items_refused: u64,
    /// Messages of an origin beyond the bound.
    pub origins_refused: u64,
    /// Deltas merged, but to be asked for again since too many were missing before them.
    pub ahead_full: u64,
    /// Deltas published.
    pub deltas: u64,
    /// Of them by the urgent lane.
    pub deltas_urgent: u64,
    /// Flushes that waited for the egress budget.
    pub flushes_delayed: u64,
    /// NACKs sent.
    pub nacks_out: u64,
    /// Deltas sent again.
    pub repeats: u64,
    /// NACKs answered by GONE.
    pub gones: u64,
    /// Sync streams opened to fetch.
    pub pulls: u64,
    /// Of them complete.
    pub pulls_done: u64,
    /// Of them refused as busy, broken off or idle.
    pub pulls_failed: u64,
    /// Sync streams served to their end.
    pub serves_done: u64,
    /// Sync streams refused.
    pub serves_busy: u64,
    /// New epochs of this node after its first.
    pub renewals: u64,
}

impl Figures {
    pub(super) fn sent(&mut self, kind: Kind, payload_bytes: usize, receivers: u64) {
        if let Some(count) = self.datagrams_out.get_mut(usize::from(kind.code())) {
            *count += receivers;
        }
        self.bytes_out += bytes(payload_bytes) * receivers;
    }

    pub(super) fn received(&mut self, kind: Kind, payload_bytes: usize) {
        if let Some(count) = self.datagrams_in.get_mut(usize::from(kind.code())) {
            *count += 1;
        }
        self.bytes_in += bytes(payload_bytes);
    }
}

/// A length as a number of bytes.
pub(super) fn bytes(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// What is known of one origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OriginFigures {
    /// Whom.
    pub origin: Origin,
    /// Where it was last heard from.
    pub addr: Option<SocketAddr>,
    /// Whether membership sees it alive.
    pub is_member: bool,
    /// What it last said of itself.
    pub state: Option<State>,
    /// Every delta up to this one is held.
    pub cursor: u64,
    /// Deltas known to exist beyond the cursor, some of which are missing.
    pub gap: u64,
    /// When it was last heard itself, ms since the epoch; `None` = never.
    pub heard_at_ms: Option<u64>,
    /// How long ago it was last held completely, ms; `None` = never.
    pub lag_ms: Option<u64>,
    /// Its clock behind ours, transit included, ms; `None` = never heard.
    pub skew_ms: Option<i64>,
    /// Until when less than all of it is held, for want of room, ms since the epoch.
    pub incomplete_until_ms: Option<u64>,
}
