//! Who is subscribed to which channels and patterns, on this node.
//!
//! Not here: what the commands answer (`pubsub.rs`), what waits for one subscriber (`outbox.rs`).
//! Invariants: all subscribers see all messages in one order; a subscription ends with its
//! [`Subscriber`], and a name without subscribers is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Waker;

use bytes::Bytes;
use parking_lot::Mutex;

use super::outbox::Outbox;
use super::{ClientRecord, glob};
use crate::config::OutputLimit;
use crate::resp::{Part, Protocol, encode_push};

/// Longest name of a channel or pattern.
pub(super) const NAME_BYTES_MAX: usize = 512;
/// Most bytes of distinct patterns, each with [`PATTERN_COST_BYTES`]: a message is compared with all
/// of them, the worst of them for each byte of its channel's name, and nobody else publishes then.
pub(super) const PATTERN_BYTES_MAX: usize = 32 * 1024;
/// What a pattern counts for beside its own bytes.
const PATTERN_COST_BYTES: usize = 8;
/// A pattern that may be subscribed to can match.
const _: () = assert!(NAME_BYTES_MAX <= glob::PATTERN_BYTES_MAX);
/// Most channels and patterns of one subscriber.
pub(super) const SUBSCRIBED_COUNT_MAX: usize = 65_536;
/// Most bytes of their names.
pub(super) const SUBSCRIBED_BYTES_MAX: usize = 8 << 20;
/// Bytes that a subscription counts for beside twice its name: its places here and there.
const SUBSCRIPTION_COST_BYTES: usize = 160;

/// What a subscriber asks for by a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// The messages of this channel.
    Channel,
    /// Those of all channels that match this pattern.
    Pattern,
}

/// One subscriber as the registry sees it.
#[derive(Clone, Debug)]
struct Listener {
    outbox: Arc<Outbox>,
    record: Arc<ClientRecord>,
}

/// The subscribers of each name, by their clients' numbers.
type Names = BTreeMap<Arc<[u8]>, BTreeMap<u64, Listener>>;

#[derive(Debug, Default)]
struct Registry {
    channels: Names,
    patterns: Names,
    /// What the patterns count for.
    pattern_bytes: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Channels {
    registry: Mutex<Registry>,
    /// Clients that are subscribed to something.
    subscribers: AtomicUsize,
}

/// A message as both protocols encode it, each at its first use.
struct Message<'m> {
    parts: &'m [Part<'m>],
    resp2: Option<Bytes>,
    resp3: Option<Bytes>,
}

impl<'m> Message<'m> {
    fn new(parts: &'m [Part<'m>]) -> Message<'m> {
        Message { parts, resp2: None, resp3: None }
    }

    fn bytes(&mut self, protocol: Protocol) -> Bytes {
        let encoded = match protocol {
            Protocol::Resp2 => &mut self.resp2,
            Protocol::Resp3 => &mut self.resp3,
        };
        let encode = || {
            let mut out = Vec::new();
            encode_push(&mut out, protocol, self.parts);
            Bytes::from(out)
        };
        encoded.get_or_insert_with(encode).clone()
    }
}

impl Registry {
    /// Counts a new name; false if there are too many patterns.
    fn charge(&mut self, topic: Topic, name: &[u8]) -> bool {
        if topic == Topic::Channel {
            return true;
        }
        let bytes = self.pattern_bytes + PATTERN_COST_BYTES + name.len();
        let has_room = bytes <= PATTERN_BYTES_MAX;
        if has_room {
            self.pattern_bytes = bytes;
        }
        has_room
    }

    /// A name is forgotten.
    fn release(&mut self, topic: Topic, name: &[u8]) {
        if topic == Topic::Pattern {
            self.pattern_bytes -= PATTERN_COST_BYTES + name.len();
        }
    }

    fn names(&mut self, topic: Topic) -> &mut Names {
        match topic {
            Topic::Channel => &mut self.channels,
            Topic::Pattern => &mut self.patterns,
        }
    }
}

impl Channels {
    /// Sends a message to all who are subscribed to its channel or to a pattern that matches it; a
    /// subscriber counts once for each. Who is behind by more than `limit` is cut off.
    pub fn publish(
        &self,
        channel: &[u8],
        message: &[u8],
        limit: &OutputLimit,
        now_ms: u64,
    ) -> usize {
        if self.subscribers.load(Relaxed) == 0 {
            return 0;
        }
        let (mut receivers, mut wakers) = (0, Vec::new());
        let mut send = |parts: &[Part<'_>], listeners: &BTreeMap<u64, Listener>| {
            let mut message = Message::new(parts);
            for listener in listeners.values() {
                let message = message.bytes(listener.protocol());
                wakers.extend(listener.outbox.push(message, limit, now_ms));
                receivers += 1;
            }
        };
        let registry = self.registry.lock();
        let (channel_part, message_part) = (Part::Bulk(channel), Part::Bulk(message));
        if let Some(listeners) = registry.channels.get(channel) {
            send(&[Part::Bulk(b"message"), channel_part, message_part], listeners);
        }
        for (pattern, listeners) in &registry.patterns {
            if glob::matches(pattern, channel) {
                let pattern = Part::Bulk(pattern);
                send(&[Part::Bulk(b"pmessage"), pattern, channel_part, message_part], listeners);
            }
        }
        drop(registry);
        wakers.into_iter().for_each(Waker::wake);
        receivers
    }

    /// How many would get a message of this channel.
    pub(super) fn receivers(&self, channel: &[u8]) -> usize {
        let registry = self.registry.lock();
        let matching = registry.patterns.iter().filter(|(name, _)| glob::matches(name, channel));
        let by_pattern: usize = matching.map(|(_, listeners)| listeners.len()).sum();
        by_pattern + registry.channels.get(channel).map_or(0, BTreeMap::len)
    }

    /// How many are subscribed to exactly this channel.
    pub(super) fn subscribed(&self, channel: &[u8]) -> usize {
        self.registry.lock().channels.get(channel).map_or(0, BTreeMap::len)
    }

    /// Visits the channels that somebody is subscribed to, until `visit` has enough.
    pub(super) fn each(&self, visit: impl FnMut(&Arc<[u8]>) -> bool) {
        let registry = self.registry.lock();
        let _ = registry.channels.keys().all(visit);
    }

    /// Channels that somebody is subscribed to.
    pub fn channel_count(&self) -> usize {
        self.registry.lock().channels.len()
    }

    /// Distinct patterns that somebody is subscribed to.
    pub fn pattern_count(&self) -> usize {
        self.registry.lock().patterns.len()
    }

    /// Clients that are subscribed to something.
    pub fn subscriber_count(&self) -> usize {
        self.subscribers.load(Relaxed)
    }
}

impl Listener {
    fn protocol(&self) -> Protocol {
        if self.record.resp3.load(Relaxed) { Protocol::Resp3 } else { Protocol::Resp2 }
    }
}

/// One connection's subscriptions. Dropping it ends them.
#[derive(Debug)]
pub struct Subscriber {
    channels: Arc<Channels>,
    listener: Listener,
    channel_names: BTreeSet<Arc<[u8]>>,
    pattern_names: BTreeSet<Arc<[u8]>>,
    name_bytes: usize,
}

impl Subscriber {
    /// One without subscriptions.
    pub(super) fn new(channels: &Arc<Channels>, record: &Arc<ClientRecord>) -> Subscriber {
        channels.subscribers.fetch_add(1, Relaxed);
        Subscriber {
            channels: channels.clone(),
            listener: Listener { outbox: Arc::default(), record: record.clone() },
            channel_names: BTreeSet::new(),
            pattern_names: BTreeSet::new(),
            name_bytes: 0,
        }
    }

    /// What is on its way.
    pub fn outbox(&self) -> &Outbox {
        &self.listener.outbox
    }

    /// How many subscriptions it has.
    pub fn count(&self) -> usize {
        self.channel_names.len() + self.pattern_names.len()
    }

    /// Bytes of their names.
    pub(super) fn name_bytes(&self) -> usize {
        self.name_bytes
    }

    /// Bytes that the subscriptions take.
    pub fn bytes(&self) -> usize {
        let names = self.name_bytes.saturating_mul(2);
        self.count().saturating_mul(SUBSCRIPTION_COST_BYTES).saturating_add(names)
    }

    /// The names that it is subscribed to.
    pub(super) fn names(&self, topic: Topic) -> impl Iterator<Item = &Arc<[u8]>> {
        self.of(topic).iter()
    }

    fn of(&self, topic: Topic) -> &BTreeSet<Arc<[u8]>> {
        match topic {
            Topic::Channel => &self.channel_names,
            Topic::Pattern => &self.pattern_names,
        }
    }

    fn of_mut(&mut self, topic: Topic) -> &mut BTreeSet<Arc<[u8]>> {
        match topic {
            Topic::Channel => &mut self.channel_names,
            Topic::Pattern => &mut self.pattern_names,
        }
    }

    /// Subscribes to a name; false if there are too many patterns.
    pub(super) fn subscribe(&mut self, topic: Topic, name: &[u8]) -> bool {
        if self.of(topic).contains(name) {
            return true;
        }
        let id = self.listener.record.id;
        let mut registry = self.channels.registry.lock();
        let known = registry.names(topic).get_key_value(name).map(|(shared, _)| shared.clone());
        let shared = match known {
            Some(shared) => shared,
            None if !registry.charge(topic, name) => return false,
            None => name.into(),
        };
        let names = registry.names(topic);
        names.entry(shared.clone()).or_default().insert(id, self.listener.clone());
        drop(registry);
        self.name_bytes += name.len();
        self.of_mut(topic).insert(shared);
        self.show();
        true
    }

    /// Ends a subscription, if there is one.
    pub(super) fn unsubscribe(&mut self, topic: Topic, name: &[u8]) {
        if self.of_mut(topic).remove(name) {
            self.name_bytes -= name.len();
            self.leave(topic, name);
            self.show();
        }
    }

    fn leave(&self, topic: Topic, name: &[u8]) {
        let mut registry = self.channels.registry.lock();
        let names = registry.names(topic);
        if let Some(listeners) = names.get_mut(name) {
            listeners.remove(&self.listener.record.id);
            if listeners.is_empty() {
                names.remove(name);
                registry.release(topic, name);
            }
        }
    }

    /// Shows CLIENT LIST what there is.
    fn show(&self) {
        let record = &self.listener.record;
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        record.channels.store(count(self.channel_names.len()), Relaxed);
        record.patterns.store(count(self.pattern_names.len()), Relaxed);
        record.subscribed_bytes.store(count(self.bytes()), Relaxed);
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        for topic in [Topic::Channel, Topic::Pattern] {
            let names = std::mem::take(self.of_mut(topic));
            names.iter().for_each(|name| self.leave(topic, name));
        }
        self.name_bytes = 0;
        self.show();
        self.channels.subscribers.fetch_sub(1, Relaxed);
    }
}
