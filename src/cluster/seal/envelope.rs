//! The envelope of a datagram, and sealing one.
//!
//! ```text
//! | version 4 bits, kind 4 bits | key number 1 | epoch 8 | seq 6 | sent_ms 6 | text | tag 16 |
//! ```
//! Numbers are big-endian. The header travels in clear and is authenticated with the cluster's name
//! behind it. The text is sealed under HKDF(key, version, epoch) with the nonce `0^6 | seq`, so
//! nothing is sent for a nonce. Datagrams carry no receiver: one is sealed once and sent to all.
//!
//! It does not pack payloads and does not send. Invariant: a (key, epoch, seq) seals at most once; a
//! seq rises by one a datagram and begins at 1 in each epoch.

use std::fmt;

use super::keyring::{Key, Keyring};
use super::{ClusterName, VERSION, nonce};
use crate::cluster::crypto::{AeadKey, TAG_BYTES};

/// Bytes in front of the text.
pub const HEADER_BYTES: usize = 22;
/// What an envelope adds to its payload, bytes.
pub const ENVELOPE_BYTES: usize = HEADER_BYTES + TAG_BYTES;
/// Longest datagram unless configured, bytes: fits through VXLAN and WireGuard (1,420) unfragmented.
pub const DATAGRAM_BYTES_DEFAULT: usize = 1200;
/// Shortest bound on datagrams that can be configured, bytes: what every IPv4 host takes (RFC 791).
pub const DATAGRAM_BYTES_MIN: usize = 576;
/// Longest datagram that can be configured and is read, bytes: an Ethernet jumbo frame of 9,000 less
/// IPv6, UDP and a tunnel's header.
pub const DATAGRAM_BYTES_MAX: usize = 8900;

/// Largest number of six bytes.
const U48_MAX: u64 = (1 << 48) - 1;

/// What the payload of a datagram is: four bits, of which this version names six values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(u8);

impl Kind {
    /// A message of the membership protocol.
    pub const MEMBERSHIP: Self = Self(0);
    /// Counts of the sender that changed.
    pub const DELTA: Self = Self(1);
    /// The sender is alive and says which delta was its last.
    pub const BEAT: Self = Self(2);
    /// Deltas of the receiver that the sender misses.
    pub const NACK: Self = Self(3);
    /// Missed deltas that the sender no longer has.
    pub const GONE: Self = Self(4);
    /// What the sender holds of every origin.
    pub const VECTOR: Self = Self(5);

    /// The kind with that number, 0 to 15; numbers without a name belong to later versions.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number < 16 { Some(Self(number)) } else { None }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// The part of a datagram that travels in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Version of the wire, 0 to 15.
    pub version: u8,
    /// What the payload is.
    pub kind: Kind,
    /// Number of the key that sealed it.
    pub key_number: u8,
    /// Epoch of the sender.
    pub epoch: u64,
    /// Number of the datagram in its epoch, below 2^48.
    pub seq: u64,
    /// The sender's clock, milliseconds since 1970, below 2^48.
    pub sent_ms: u64,
}

impl Header {
    /// Reads a header; whatever the bytes, it is one.
    #[must_use]
    pub fn read(bytes: &[u8; HEADER_BYTES]) -> Self {
        Self {
            version: bytes[0] >> 4,
            kind: Kind(bytes[0] & 15),
            key_number: bytes[1],
            epoch: number(&bytes[2..10]),
            seq: number(&bytes[10..16]),
            sent_ms: number(&bytes[16..22]),
        }
    }

    /// The bytes of the header; fields above their range are cut to it.
    #[must_use]
    pub fn write(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0] = self.version << 4 | self.kind.0;
        bytes[1] = self.key_number;
        bytes[2..10].copy_from_slice(&self.epoch.to_be_bytes());
        bytes[10..16].copy_from_slice(&self.seq.to_be_bytes()[2..]);
        bytes[16..22].copy_from_slice(&self.sent_ms.to_be_bytes()[2..]);
        bytes
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The key of an epoch's datagrams.
pub(super) fn datagram_key(key: &Key, version: u8, epoch: u64) -> AeadKey {
    key.root().key(&[b"datagram", &[version], &epoch.to_be_bytes()])
}

/// What the tag of a datagram vouches for beside its text: the header and the cluster's name.
pub(super) struct AssociatedData {
    bytes: [u8; HEADER_BYTES + super::CLUSTER_NAME_BYTES_MAX],
    length: usize,
}

impl AssociatedData {
    pub(super) fn new(header: &[u8; HEADER_BYTES], name: &ClusterName) -> Self {
        let mut bytes = [0; HEADER_BYTES + super::CLUSTER_NAME_BYTES_MAX];
        let length = HEADER_BYTES + name.as_bytes().len();
        bytes[..HEADER_BYTES].copy_from_slice(header);
        bytes[HEADER_BYTES..length].copy_from_slice(name.as_bytes());
        Self { bytes, length }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Seals the datagrams of one node.
#[derive(Debug)]
pub struct Sealer {
    name: ClusterName,
    datagram_bytes_max: usize,
    key_number: u8,
    key: AeadKey,
    epoch: u64,
    /// Number of the last datagram sealed in the epoch.
    seq: u64,
}

impl Sealer {
    /// Seals under the first key of the ring. `epoch` must be fresh random: one that sealed before
    /// under the same key would repeat nonces. `datagram_bytes_max` is the length that no datagram
    /// exceeds, taken into 576 to 8,900.
    #[must_use]
    pub fn new(
        keyring: &Keyring,
        name: ClusterName,
        epoch: u64,
        datagram_bytes_max: usize,
    ) -> Self {
        let key = keyring.sealing();
        Self {
            name,
            datagram_bytes_max: datagram_bytes_max.clamp(DATAGRAM_BYTES_MIN, DATAGRAM_BYTES_MAX),
            key_number: key.number(),
            key: datagram_key(key, VERSION, epoch),
            epoch,
            seq: 0,
        }
    }

    /// Longest payload that fits a datagram, bytes.
    #[must_use]
    pub fn payload_bytes_max(&self) -> usize {
        self.datagram_bytes_max - ENVELOPE_BYTES
    }

    /// The epoch under which it seals.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Number of the last datagram sealed in the epoch; 0 if none was.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.seq
    }

    /// Seals under the first key of another ring from now on; numbers go on.
    pub fn rekey(&mut self, keyring: &Keyring) {
        self.derive(keyring, self.epoch);
    }

    /// Seals under another epoch, fresh random like the first, whose numbers begin at 1. The epoch
    /// that it has already goes on with its numbers.
    pub fn renew(&mut self, keyring: &Keyring, epoch: u64) {
        if epoch != self.epoch {
            self.seq = 0;
        }
        self.derive(keyring, epoch);
    }

    fn derive(&mut self, keyring: &Keyring, epoch: u64) {
        let key = keyring.sealing();
        self.key_number = key.number();
        self.key = datagram_key(key, VERSION, epoch);
        self.epoch = epoch;
    }

    /// Puts a whole datagram into `datagram`, whatever that held, and returns its number. Sealing the
    /// same payload again gives another datagram, as a retransmission needs.
    ///
    /// # Errors
    /// If the payload does not fit or the epoch has used up its numbers; `datagram` is then empty and
    /// no number is spent.
    pub fn seal(
        &mut self,
        kind: Kind,
        now_ms: u64,
        payload: &[u8],
        datagram: &mut Vec<u8>,
    ) -> Result<u64, SealError> {
        datagram.clear();
        if payload.len() > self.payload_bytes_max() {
            return Err(SealError::TooLong {
                bytes: payload.len(),
                most: self.payload_bytes_max(),
            });
        }
        if self.seq == U48_MAX {
            return Err(SealError::EpochUsedUp);
        }
        self.seq += 1;
        let header = Header {
            version: VERSION,
            kind,
            key_number: self.key_number,
            epoch: self.epoch,
            seq: self.seq,
            sent_ms: now_ms.min(U48_MAX),
        }
        .write();
        let aad = AssociatedData::new(&header, &self.name);
        datagram.extend_from_slice(&header);
        datagram.extend_from_slice(payload);
        let tag = self.key.seal(nonce(self.seq), aad.as_bytes(), &mut datagram[HEADER_BYTES..]);
        datagram.extend_from_slice(&tag);
        Ok(self.seq)
    }
}

/// Why a payload was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError {
    /// The payload is longer than what fits.
    TooLong {
        /// Its length.
        bytes: usize,
        /// What fits.
        most: usize,
    },
    /// The epoch has sealed 2^48 - 1 datagrams (nine years at a million a second): give it a new one.
    EpochUsedUp,
}

impl fmt::Display for SealError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes, most } => {
                write!(formatter, "a payload of {bytes} bytes, at most {most} fit")
            }
            Self::EpochUsedUp => formatter.write_str("the epoch has used up its numbers"),
        }
    }
}

impl std::error::Error for SealError {}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;
    use std::collections::BTreeSet;

    fn sealer(epoch: u64) -> Sealer {
        let name = ClusterName::new("ratel").unwrap();
        Sealer::new(&Keyring::insecure(), name, epoch, DATAGRAM_BYTES_DEFAULT)
    }

    fn ring(byte: u8) -> Keyring {
        Keyring::parse(&HEXLOWER.encode(&[byte; 32])).unwrap()
    }

    fn header(datagram: &[u8]) -> Header {
        Header::read(datagram[..HEADER_BYTES].try_into().unwrap())
    }

    #[test]
    fn a_header_is_read_as_written() {
        let header = Header {
            version: 15,
            kind: Kind::new(9).unwrap(),
            key_number: 0xfe,
            epoch: 0x0102_0304_0506_0708,
            seq: U48_MAX,
            sent_ms: 0x0a0b_0c0d_0e0f,
        };
        let bytes = header.write();
        assert_eq!(HEXLOWER.encode(&bytes), "f9fe0102030405060708ffffffffffff0a0b0c0d0e0f");
        assert_eq!(Header::read(&bytes), header);
        assert_eq!(Kind::new(16), None);
    }

    #[test]
    fn the_longest_payload_makes_the_longest_datagram() {
        let (mut sealer, mut datagram) = (sealer(1), Vec::new());
        assert_eq!(sealer.payload_bytes_max(), 1162);
        sealer.seal(Kind::DELTA, 0, &[0; 1162], &mut datagram).unwrap();
        assert_eq!(datagram.len(), DATAGRAM_BYTES_DEFAULT);
        let refused = sealer.seal(Kind::DELTA, 0, &[0; 1163], &mut datagram);
        assert_eq!(refused, Err(SealError::TooLong { bytes: 1163, most: 1162 }));
        assert_eq!((datagram.len(), sealer.last_seq()), (0, 1));
        for (asked, most) in [(0, DATAGRAM_BYTES_MIN), (8900, 8900), (65_535, DATAGRAM_BYTES_MAX)] {
            let name = ClusterName::new("").unwrap();
            let sealer = Sealer::new(&Keyring::insecure(), name, 1, asked);
            assert_eq!(sealer.payload_bytes_max(), most - ENVELOPE_BYTES);
        }
    }

    #[test]
    fn a_number_is_never_used_twice_through_keys_and_epochs() {
        let (mut sealer, mut datagram) = (sealer(1), Vec::new());
        let mut used = BTreeSet::new();
        let mut seal = |sealer: &mut Sealer| {
            for _ in 0..100 {
                sealer.seal(Kind::BEAT, 7, b"same", &mut datagram).unwrap();
                let header = header(&datagram);
                assert!(used.insert((header.epoch, header.seq)), "{header:?} again");
            }
        };
        seal(&mut sealer);
        sealer.rekey(&ring(1));
        seal(&mut sealer);
        sealer.rekey(&Keyring::insecure());
        seal(&mut sealer);
        sealer.renew(&ring(1), 1);
        seal(&mut sealer);
        sealer.renew(&ring(1), 2);
        seal(&mut sealer);
        assert_eq!((sealer.epoch(), sealer.last_seq(), used.len()), (2, 100, 500));
    }

    #[test]
    fn an_epoch_that_is_used_up_seals_nothing_more() {
        let (mut sealer, mut datagram) = (sealer(1), Vec::new());
        sealer.seq = U48_MAX - 1;
        assert_eq!(sealer.seal(Kind::BEAT, 0, b"", &mut datagram), Ok(U48_MAX));
        let refused = sealer.seal(Kind::BEAT, 0, b"", &mut datagram);
        assert_eq!(refused, Err(SealError::EpochUsedUp));
        sealer.renew(&Keyring::insecure(), 2);
        assert_eq!(sealer.seal(Kind::BEAT, 0, b"", &mut datagram), Ok(1));
    }

    #[test]
    fn a_clock_beyond_the_field_is_cut_and_does_not_spill() {
        let mut datagram = Vec::new();
        sealer(1).seal(Kind::BEAT, u64::MAX, b"", &mut datagram).unwrap();
        assert_eq!(header(&datagram).sent_ms, U48_MAX);
        assert_eq!(header(&datagram).seq, 1);
    }
}
