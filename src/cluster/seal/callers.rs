//! Accepting a stream: who may speak, and never twice the same hello.
//!
//! It limits neither how many connections wait here nor for how long: the edge does. Invariant: a
//! hello is accepted at most once in the life of a process, by one node, within 30 s of its sending;
//! nothing is remembered of one that does not open, and a refusal has no bytes to send.

use std::collections::{BTreeMap, VecDeque};

use super::keyring::Keyring;
use super::lane::Received;
use super::stream::{
    HELLO_BYTES, HELLO_PRELUDE_BYTES, Hello, Origin, STREAM_NONCE_BYTES, ServerStream,
};
use super::{ClusterName, READABLE_VERSIONS, Refusal, SKEW_MS_MAX, skew_ms};

/// Most hellos that are remembered: a hundred members that each call ten times in 30 s.
pub const CALLERS_MAX: usize = 1024;
/// How many epochs of its own a node answers to, the present one among them: a caller may not have
/// heard of the newest yet.
pub const OWN_EPOCHS_MAX: usize = 8;

/// An authentic hello, and this end of its stream.
#[derive(Debug)]
pub struct Welcome<'a> {
    /// This end of the stream.
    pub stream: ServerStream,
    /// Who called, and when.
    pub hello: Hello,
    /// What the hello carried.
    pub payload: &'a [u8],
    /// How many bytes of the buffer it took.
    pub used_bytes: usize,
}

/// The callers of one node that could be impersonated by a recording.
#[derive(Debug)]
pub struct Callers {
    own_epochs: VecDeque<u64>,
    /// When the hello with that nonce was sent.
    heard: BTreeMap<[u8; STREAM_NONCE_BYTES], u64>,
}

impl Callers {
    /// Answers to calls for `own_epoch`.
    #[must_use]
    pub fn new(own_epoch: u64) -> Self {
        Self { own_epochs: VecDeque::from([own_epoch]), heard: BTreeMap::new() }
    }

    /// Answers to calls for another epoch too, which is this node's from now on.
    pub fn renew(&mut self, own_epoch: u64) {
        if self.own_epochs.len() == OWN_EPOCHS_MAX {
            self.own_epochs.pop_front();
        }
        self.own_epochs.push_back(own_epoch);
    }

    /// How many hellos are remembered, at most [`CALLERS_MAX`].
    #[must_use]
    pub fn heard_count(&self) -> usize {
        self.heard.len()
    }

    /// Opens the hello that `buffer` begins with, in place; `nonce` is this end's, fresh random.
    /// Nothing while it is not yet whole: then nothing was changed, call again with more behind the
    /// same bytes.
    ///
    /// # Errors
    /// Why the caller may not speak: close the connection, say nothing. Nothing is remembered of it.
    pub fn accept<'a>(
        &mut self,
        keyring: &Keyring,
        name: &ClusterName,
        now_ms: u64,
        nonce: [u8; STREAM_NONCE_BYTES],
        buffer: &'a mut [u8],
    ) -> Result<Option<Welcome<'a>>, Refusal> {
        let Some(origin) = self.admit(keyring, name, buffer)? else {
            return Ok(None);
        };
        let (text, used_bytes) = match origin.hello().open(HELLO_PRELUDE_BYTES, buffer) {
            Received::Incomplete => return Ok(None),
            Received::Broken => return Err(Refusal::Forged),
            Received::Frame { payload, used_bytes } => (payload, used_bytes),
        };
        let (hello, payload) = text.split_first_chunk::<HELLO_BYTES>().ok_or(Refusal::Junk)?;
        let hello = Hello::read(hello);
        self.remember(now_ms, origin.client_nonce, &hello)?;
        let stream = ServerStream::new(&origin, nonce);
        Ok(Some(Welcome { stream, hello, payload, used_bytes }))
    }

    /// What can be told before the frame: as early as the bytes for it are there.
    fn admit(
        &self,
        keyring: &Keyring,
        name: &ClusterName,
        buffer: &[u8],
    ) -> Result<Option<Origin>, Refusal> {
        let Some(first) = buffer.first() else {
            return Ok(None);
        };
        let version = first >> 4;
        if first & 15 != 0 {
            return Err(Refusal::Junk);
        }
        if !READABLE_VERSIONS.contains(&version) {
            return Err(Refusal::WrongVersion { version });
        }
        let Some(key_number) = buffer.get(1).copied() else {
            return Ok(None);
        };
        let key = keyring.find(key_number).ok_or(Refusal::WrongKey { key_number })?;
        let client_nonce = buffer.get(2..).and_then(|rest| rest.first_chunk().copied());
        let Some(client_nonce) = client_nonce else {
            return Ok(None);
        };
        if self.heard.contains_key(&client_nonce) {
            return Err(Refusal::Replayed);
        }
        Ok(Some(Origin { root: key.root().clone(), version, name: name.clone(), client_nonce }))
    }

    /// Notes an authentic hello, or says why it is not taken.
    fn remember(
        &mut self,
        now_ms: u64,
        nonce: [u8; STREAM_NONCE_BYTES],
        hello: &Hello,
    ) -> Result<(), Refusal> {
        let epoch = hello.client_epoch;
        if !self.own_epochs.contains(&hello.server_epoch) {
            return Err(Refusal::Misdirected { epoch });
        }
        if let Some(by_ms) = skew_ms(hello.sent_ms, now_ms) {
            return Err(Refusal::Skewed { epoch, by_ms });
        }
        // One that would be skewed if it were repeated need not be known.
        self.heard.retain(|_, sent_ms| sent_ms.saturating_add(SKEW_MS_MAX) >= now_ms);
        if self.heard.len() >= CALLERS_MAX {
            return Err(Refusal::Crowded);
        }
        self.heard.insert(nonce, hello.sent_ms);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
