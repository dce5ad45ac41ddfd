//! Sealing: what goes to another node is encrypted and authenticated, what comes from elsewhere is
//! recognised and dropped.
//!
//! | part | is |
//! |---|---|
//! | [`keyring`] | the secret file: the first key seals, all of them open |
//! | [`envelope`] | the layout of a datagram, and sealing one |
//! | [`opener`] | opening datagrams: forged, repeated and stale ones end here |
//! | [`replay`] | which sequence numbers of an epoch were seen |
//! | [`stream`] | the two ends of a sync stream over TCP |
//! | [`callers`] | accepting a stream: who may speak, and never twice the same hello |
//! | [`lane`] | the frames of one direction of a stream |
//!
//! It is not the transport, and it does not know what payloads mean. Nor does it hide lengths, times
//! and epochs, or tell members from each other: whoever holds a key is the cluster.
//!
//! Invariant: under one key no nonce seals twice, and nothing is remembered of bytes that did not
//! open.

pub mod callers;
pub mod envelope;
pub mod keyring;
pub mod lane;
pub mod opener;
pub mod replay;
pub mod stream;

use std::fmt;
use std::ops::RangeInclusive;

use super::crypto::NONCE_BYTES;

/// The version of the wire that this build writes.
pub const VERSION: u8 = 1;
/// The versions that this build reads: its own and the one before it, where there is one.
pub const READABLE_VERSIONS: RangeInclusive<u8> = 1..=VERSION;
/// How far a sender's clock may be off, either way, milliseconds: more than NTP ever leaves, and the
/// time for which whoever opens must remember what was opened.
pub const SKEW_MS_MAX: u64 = 30_000;
/// Longest name of a cluster, bytes: it is hashed with every datagram.
pub const CLUSTER_NAME_BYTES_MAX: usize = 64;

/// The name of a cluster: two clusters with the same secret and different names do not hear each
/// other.
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterName {
    bytes: [u8; CLUSTER_NAME_BYTES_MAX],
    length: usize,
}

impl ClusterName {
    /// Takes a name of at most 64 bytes; nothing if it is longer.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let mut bytes = [0; CLUSTER_NAME_BYTES_MAX];
        bytes.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        Some(Self { bytes, length: name.len() })
    }

    /// The bytes of the name.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl fmt::Debug for ClusterName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ClusterName({:?})", String::from_utf8_lossy(self.as_bytes()))
    }
}

/// Why bytes from elsewhere were not taken. Every one is counted, none is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// Of a length that nothing of ours has.
    Junk,
    /// Of a version that this build does not read.
    WrongVersion {
        /// That version.
        version: u8,
    },
    /// Sealed by a key that is not in the ring: is the cluster secret the same?
    WrongKey {
        /// The number of that key.
        key_number: u8,
    },
    /// The key's number is known, the tag is not valid: altered on the way, another cluster's name, or
    /// another key that happens to have the number.
    Forged,
    /// Seen before, too old to tell, or this node's own.
    Replayed,
    /// Authentic, but sent at a time more than 30 s off.
    Skewed {
        /// Epoch of its sender.
        epoch: u64,
        /// By how much the sender is ahead, milliseconds; behind: negative.
        by_ms: i64,
    },
    /// Authentic, but meant for an epoch that this node never had: for another node, or for what ran
    /// at this address before.
    Misdirected {
        /// Epoch of its sender.
        epoch: u64,
    },
    /// Authentic, but there is no room to remember it, and so to know it if it were repeated.
    Crowded,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Junk => formatter.write_str("not of this protocol"),
            Self::WrongVersion { version } => {
                write!(formatter, "of version {version}, this node reads {READABLE_VERSIONS:?}")
            }
            Self::WrongKey { key_number } => write!(
                formatter,
                "sealed by the unknown key {key_number:02x}: is the cluster secret the same?"
            ),
            Self::Forged => formatter.write_str(
                "not authentic: are the cluster name and secret the same? Or altered on the way",
            ),
            Self::Replayed => formatter.write_str("seen before"),
            Self::Skewed { by_ms, .. } => write!(
                formatter,
                "sent by a clock that is {} ms {} this node's: is the time synchronised?",
                by_ms.unsigned_abs(),
                if *by_ms > 0 { "ahead of" } else { "behind" }
            ),
            Self::Misdirected { .. } => formatter.write_str("meant for another node"),
            Self::Crowded => formatter.write_str("one too many: there is no room to remember it"),
        }
    }
}

/// By how much `sent_ms` is ahead of `now_ms` (behind: negative), if that is more than is allowed.
fn skew_ms(sent_ms: u64, now_ms: u64) -> Option<i64> {
    if sent_ms.abs_diff(now_ms) <= SKEW_MS_MAX {
        return None;
    }
    let distance_ms = i64::try_from(sent_ms.abs_diff(now_ms)).unwrap_or(i64::MAX);
    Some(if sent_ms > now_ms { distance_ms } else { -distance_ms })
}

/// The nonce of the `count`-th text under a key.
fn nonce(count: u64) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    nonce[NONCE_BYTES - 8..].copy_from_slice(&count.to_be_bytes());
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_up_to_its_bound() {
        assert_eq!(ClusterName::new("").unwrap().as_bytes(), b"");
        let longest = "n".repeat(CLUSTER_NAME_BYTES_MAX);
        assert_eq!(ClusterName::new(&longest).unwrap().as_bytes(), longest.as_bytes());
        assert_eq!(ClusterName::new(&(longest + "n")), None);
    }

    #[test]
    fn a_refusal_tells_an_operator_what_to_look_at() {
        for (refusal, words) in [
            (Refusal::WrongKey { key_number: 10 }, "key 0a: is the cluster secret the same?"),
            (Refusal::WrongVersion { version: 9 }, "version 9, this node reads 1..=1"),
            (Refusal::Skewed { epoch: 1, by_ms: 31_000 }, "31000 ms ahead of this node's"),
            (Refusal::Skewed { epoch: 1, by_ms: -31_000 }, "31000 ms behind this node's"),
        ] {
            assert!(refusal.to_string().contains(words), "{refusal}");
        }
    }

    #[test]
    fn skew_is_signed_and_begins_behind_thirty_seconds() {
        assert_eq!(skew_ms(130_000, 100_000), None);
        assert_eq!(skew_ms(70_000, 100_000), None);
        assert_eq!(skew_ms(130_001, 100_000), Some(30_001));
        assert_eq!(skew_ms(69_999, 100_000), Some(-30_001));
        assert_eq!(skew_ms(0, u64::MAX), Some(-i64::MAX));
    }
}
