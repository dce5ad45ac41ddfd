//! Opening datagrams: forged, repeated and stale ones end here.
//!
//! Cheapest check first: length, version, key number, sequence number; only then one attempt to
//! decrypt. It answers nothing and counts nothing: the caller counts refusals, and says to an operator
//! what they mean. It does not tell members apart: any of them can take any epoch's name.
//!
//! Invariant: each datagram of an epoch opens at most once, and only within 30 s of its sending by
//! this node's clock; whatever does not open changes nothing. (A clock that is set back by more than
//! that reopens the door for datagrams of epochs already forgotten.)

use std::collections::BTreeMap;

use super::envelope::{
    AssociatedData, DATAGRAM_BYTES_MAX, ENVELOPE_BYTES, HEADER_BYTES, Header, Kind, datagram_key,
};
use super::keyring::{Key, Keyring};
use super::replay::ReplayWindow;
use super::{ClusterName, READABLE_VERSIONS, Refusal, SKEW_MS_MAX, nonce, skew_ms};
use crate::cluster::crypto::AeadKey;

/// Most epochs that are remembered: a hundred members, each forty times restarted within 30 s.
pub const EPOCHS_MAX: usize = 4096;

/// An authentic datagram.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened<'a> {
    /// Version of the wire under which the payload is to be read.
    pub version: u8,
    /// What the payload is; it may be a kind that this build does not know.
    pub kind: Kind,
    /// Epoch of the sender.
    pub epoch: u64,
    /// Number of the datagram in its epoch.
    pub seq: u64,
    /// The sender's clock when it sealed.
    pub sent_ms: u64,
    /// What was sealed.
    pub payload: &'a [u8],
}

/// The key of an epoch's datagrams, and which it is.
#[derive(Debug)]
struct Subkey {
    version: u8,
    key_number: u8,
    key: AeadKey,
}

/// What is remembered of an epoch.
#[derive(Debug, Default)]
struct Epoch {
    window: ReplayWindow,
    /// The last one that opened a datagram: a rotation changes it once.
    subkey: Option<Subkey>,
    /// The latest time that a datagram of the epoch was sent.
    sent_ms: u64,
}

/// Opens the datagrams that reach one node.
#[derive(Debug)]
pub struct Opener {
    keyring: Keyring,
    name: ClusterName,
    own_epoch: u64,
    epochs: BTreeMap<u64, Epoch>,
}

impl Opener {
    /// Opens under every key of the ring; `own_epoch` is what this node seals under, whose datagrams
    /// come back only if somebody repeats them.
    #[must_use]
    pub fn new(keyring: Keyring, name: ClusterName, own_epoch: u64) -> Self {
        Self { keyring, name, own_epoch, epochs: BTreeMap::new() }
    }

    /// Opens under another ring from now on; what was seen stays seen.
    pub fn rekey(&mut self, keyring: Keyring) {
        // A number may stand for another key now.
        self.epochs.values_mut().for_each(|epoch| epoch.subkey = None);
        self.keyring = keyring;
    }

    /// This node seals under another epoch from now on.
    pub fn renew(&mut self, own_epoch: u64) {
        self.own_epoch = own_epoch;
    }

    /// How many epochs are remembered, at most [`EPOCHS_MAX`].
    #[must_use]
    pub fn epoch_count(&self) -> usize {
        self.epochs.len()
    }

    /// Opens a datagram in place.
    ///
    /// # Errors
    /// Why it is not taken; then nothing is remembered of it and the content of `datagram` is lost.
    pub fn open<'a>(&mut self, now_ms: u64, datagram: &'a mut [u8]) -> Result<Opened<'a>, Refusal> {
        if !(ENVELOPE_BYTES..=DATAGRAM_BYTES_MAX).contains(&datagram.len()) {
            return Err(Refusal::Junk);
        }
        let Some((head, sealed)) = datagram.split_first_chunk_mut::<HEADER_BYTES>() else {
            return Err(Refusal::Junk);
        };
        let header = Header::read(head);
        let key = self.admit(&header)?;
        let known = self.epochs.get(&header.epoch).and_then(|epoch| epoch.subkey.as_ref());
        let known = known.filter(|subkey| {
            (subkey.version, subkey.key_number) == (header.version, header.key_number)
        });
        let aad = AssociatedData::new(head, &self.name);
        let nonce = nonce(header.seq);
        let (payload, fresh) = if let Some(subkey) = known {
            (subkey.key.open(nonce, aad.as_bytes(), sealed), None)
        } else {
            let subkey = datagram_key(key, header.version, header.epoch);
            (subkey.open(nonce, aad.as_bytes(), sealed), Some(subkey))
        };
        let payload = payload.ok_or(Refusal::Forged)?;
        self.remember(now_ms, &header, fresh)?;
        let Header { version, kind, epoch, seq, sent_ms, .. } = header;
        Ok(Opened { version, kind, epoch, seq, sent_ms, payload })
    }

    /// What the header alone can tell: the key to try, or why there is nothing to try.
    fn admit(&self, header: &Header) -> Result<&Key, Refusal> {
        if !READABLE_VERSIONS.contains(&header.version) {
            return Err(Refusal::WrongVersion { version: header.version });
        }
        let key_number = header.key_number;
        let key = self.keyring.find(key_number).ok_or(Refusal::WrongKey { key_number })?;
        let window = self.epochs.get(&header.epoch).map(|epoch| &epoch.window);
        let seen = window.map_or(header.seq == 0, |window| window.seen(header.seq));
        if seen || header.epoch == self.own_epoch {
            return Err(Refusal::Replayed);
        }
        Ok(key)
    }

    /// Notes an authentic datagram, and the key that was derived for it; an error says why it is not
    /// taken, and then nothing is noted.
    fn remember(
        &mut self,
        now_ms: u64,
        header: &Header,
        fresh: Option<AeadKey>,
    ) -> Result<(), Refusal> {
        if let Some(by_ms) = skew_ms(header.sent_ms, now_ms) {
            return Err(Refusal::Skewed { epoch: header.epoch, by_ms });
        }
        if !self.epochs.contains_key(&header.epoch) && !self.make_room(now_ms) {
            return Err(Refusal::Crowded);
        }
        let epoch = self.epochs.entry(header.epoch).or_default();
        if let Some(key) = fresh {
            let Header { version, key_number, .. } = *header;
            epoch.subkey = Some(Subkey { version, key_number, key });
        }
        epoch.window.note(header.seq);
        epoch.sent_ms = epoch.sent_ms.max(header.sent_ms);
        Ok(())
    }

    /// Makes room for one more epoch by forgetting the one heard longest ago, if none of its datagrams
    /// could be repeated any more: they would all be skewed.
    fn make_room(&mut self, now_ms: u64) -> bool {
        if self.epochs.len() < EPOCHS_MAX {
            return true;
        }
        let oldest = self.epochs.iter().min_by_key(|(_, epoch)| epoch.sent_ms);
        let dead = oldest.filter(|(_, epoch)| epoch.sent_ms.saturating_add(SKEW_MS_MAX) < now_ms);
        let dead = dead.map(|(id, _)| *id);
        dead.is_some_and(|id| self.epochs.remove(&id).is_some())
    }
}

#[cfg(test)]
mod tests;
