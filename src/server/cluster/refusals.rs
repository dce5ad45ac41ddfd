//! What was not taken from the network: counted by reason, told to the operator now and then.
//!
//! Not here: the reasons (cluster::seal). Invariant: one source makes at most one log line in
//! [`QUIET_NS`], and all sources together at most [`SOURCES_MAX`].

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::cluster::seal::Refusal;

/// Time between two lines about one source, nanoseconds.
const QUIET_NS: u64 = 10_000_000_000;
/// Sources remembered at once; whoever comes beyond them is only counted.
const SOURCES_MAX: usize = 64;

/// Refused datagrams and streams.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    told_ns: BTreeMap<IpAddr, u64>,
    pub(super) counts: RefusalCounts,
}

/// How many, by reason.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RefusalCounts {
    pub(super) junk: u64,
    pub(super) version: u64,
    pub(super) authentication: u64,
    pub(super) replayed: u64,
    pub(super) skewed: u64,
    pub(super) misdirected: u64,
    pub(super) crowded: u64,
}

impl Refusals {
    /// Counts it; true if it is worth a line now.
    pub(super) fn note(&mut self, now_ns: u64, from: SocketAddr, refusal: Refusal) -> bool {
        let counts = &mut self.counts;
        let (count, is_told) = match refusal {
            Refusal::Junk => (&mut counts.junk, false),
            Refusal::WrongVersion { .. } => (&mut counts.version, true),
            Refusal::WrongKey { .. } | Refusal::Forged => (&mut counts.authentication, true),
            // A network may well send a datagram twice.
            Refusal::Replayed => (&mut counts.replayed, false),
            Refusal::Skewed { .. } => (&mut counts.skewed, true),
            Refusal::Misdirected { .. } => (&mut counts.misdirected, false),
            Refusal::Crowded => (&mut counts.crowded, true),
        };
        *count = count.saturating_add(1);
        is_told && self.is_time_for(now_ns, from.ip())
    }

    fn is_time_for(&mut self, now_ns: u64, source: IpAddr) -> bool {
        self.told_ns.retain(|_, told_ns| now_ns.saturating_sub(*told_ns) < QUIET_NS);
        if self.told_ns.contains_key(&source) || self.told_ns.len() >= SOURCES_MAX {
            return false;
        }
        self.told_ns.insert(source, now_ns);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRONG: Refusal = Refusal::WrongKey { key_number: 1 };

    fn from(last: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, last], port))
    }

    #[test]
    fn a_source_is_told_of_once_in_ten_seconds_whatever_its_ports() {
        let mut refusals = Refusals::default();
        assert!(refusals.note(0, from(1, 1), WRONG));
        assert!(!refusals.note(QUIET_NS - 1, from(1, 2), WRONG));
        assert!(refusals.note(QUIET_NS - 1, from(2, 1), WRONG));
        assert!(refusals.note(QUIET_NS, from(1, 1), WRONG));
        assert_eq!(refusals.counts.authentication, 4);
    }

    #[test]
    fn sources_are_bounded_and_repeated_datagrams_are_no_news() {
        let mut refusals = Refusals::default();
        let told = (0..=255).filter(|last| refusals.note(0, from(*last, 1), WRONG)).count();
        assert_eq!(told, SOURCES_MAX);
        assert!(!Refusals::default().note(0, from(1, 1), Refusal::Replayed));
    }
}
