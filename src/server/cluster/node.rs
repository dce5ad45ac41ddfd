//! One task that owns membership, replication and sealing, and so needs no locks.
//!
//! Not here: the protocol (`cluster`), sockets' details (socket.rs, streams.rs). Invariant: it never
//! waits for another node or a slow socket: what cannot be handed over at once is dropped or ends
//! its stream, and replication repairs it.

mod effects;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Wake;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};

use super::refusals::Refusals;
use super::settings::{self, Advertised, Settings};
use super::socket::{BUFFER_BYTES, Datagrams};
use super::streams::{Admitted, Answer, Knock, LINES_MAX, Line};
use crate::cluster::core::{Birth, Core};
use crate::cluster::membership::{self, Identity};
use crate::cluster::now::Now;
use crate::cluster::replication::{Options, ReadyBy, StreamId};
use crate::cluster::seal::envelope::Kind;
use crate::cluster::seal::{Refusal, VERSION};
use crate::cluster::wire::PROTO;
use crate::engine::{Engine, Origin};
use crate::server::clock::monotonic_ns;
use crate::server::host::{Process, random};

/// Between two looks at the counts while there is traffic: the urgent lane's time.
const TICK_BUSY_NS: u64 = 1_000_000;
/// The same without traffic: one flush.
const TICK_IDLE_NS: u64 = 20_000_000;
/// The runtime's timers count whole milliseconds and round up, so a sleep ends up to two later than
/// asked; asked for so much less, ticks come when they are due.
const TIMER_LATE_NS: u64 = 1_000_000;
/// Clients that spoke this lately are about to speak again: a millisecond without a hit is common at
/// a thousand a second, and a limit must not be passed by a flush's worth for it.
const TRAFFIC_NS: u64 = 100_000_000;
/// What INFO and RL.CLUSTER read is at most this old.
const REPORT_EVERY_NS: u64 = 100_000_000;
/// Datagrams taken between two looks at the time, so that a flood cannot stop the ticks.
const BURST: usize = 256;
/// A joiner whose seeds did not resolve waits this long for them, ms, before it serves what it has.
const UNRESOLVED_MS: u64 = 10_000;

/// What other tasks tell the node.
#[derive(Debug)]
pub(super) enum Event {
    /// Names were looked up.
    Found { found: Vec<SocketAddr>, failure: Option<String> },
    /// A caller's first bytes.
    Knock(Knock),
    /// A frame arrived.
    Frame { stream: StreamId, frame: Vec<u8> },
    /// A stream has ended.
    Closed { stream: StreamId },
}

/// Rung by whoever counts near a limit: a node that was idle must not wait for its next tick.
#[derive(Debug, Default)]
struct Bell(Notify);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

/// Bytes of datagrams from and to one member.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Carried {
    pub(super) in_bytes: u64,
    pub(super) out_bytes: u64,
}

/// This node's end of the cluster.
pub(super) struct Node {
    pub(super) process: Arc<Process>,
    pub(super) settings: Settings,
    pub(super) datagrams: Datagrams,
    pub(super) core: Core<Engine>,
    pub(super) refusals: Refusals,
    pub(super) carried: BTreeMap<SocketAddr, Carried>,
    pub(super) ready_by: Option<ReadyBy>,
    /// Where the member of each epoch is.
    addresses: BTreeMap<u64, SocketAddr>,
    lines: BTreeMap<StreamId, Line>,
    accepted: u64,
    events: mpsc::Sender<Event>,
    ready: watch::Sender<bool>,
    rewinds: u64,
    /// Wall time at the start less monotonic time then: membership's clock cannot be set.
    base_ms: u64,
    tick_due_ns: u64,
    report_due_ns: u64,
    heard: u64,
    input_bytes: u64,
    urgent: Arc<Bell>,
    was_rung: bool,
    /// Until when clients count as speaking.
    traffic_until_ns: u64,
    was_unresolved: bool,
    /// It was said that seeds elsewhere cannot reach a node that listens on loopback.
    has_warned: bool,
    /// Its own address is a guess: no other node is known yet.
    is_guess: bool,
}

impl Node {
    /// A node that joins. Fails without randomness.
    pub(super) fn new(
        process: Arc<Process>,
        settings: Settings,
        datagrams: std::net::UdpSocket,
        events: mpsc::Sender<Event>,
        ready: watch::Sender<bool>,
        found: &[SocketAddr],
    ) -> anyhow::Result<Node> {
        let now_ms = process.clock.now().ms;
        let Advertised { addr, is_guess } = settings.advertised(found);
        let origin = draw_origin()?;
        process.engine.replicate(origin, 0);
        let urgent = Arc::new(Bell::default());
        process.engine.wake_when_urgent(urgent.clone().into());
        let identity = Identity::new(addr, now_ms, origin, (PROTO, PROTO));
        let alone_after_ms = match found.is_empty() && !settings.seeds.is_empty() {
            true => UNRESOLVED_MS,
            false => Options::default().alone_after_ms,
        };
        let options = Options { alone_after_ms, ..Options::default() };
        let seed = || Ok::<_, anyhow::Error>(u64::from_le_bytes(random()?));
        let birth = Birth {
            identity,
            keyring: settings.keyring.clone(),
            name: settings.name.clone(),
            options,
            seeds: (seed()?, seed()?),
        };
        let guess = if is_guess { ", until another is known" } else { "" };
        tracing::info!("cluster: this node is {addr}{guess}, epoch {:016x}; joining", origin.0);
        Ok(Node {
            core: Core::new(Now::both(now_ms), birth, &process.engine),
            datagrams: Datagrams::new(datagrams)?,
            refusals: Refusals::default(),
            carried: BTreeMap::new(),
            ready_by: None,
            addresses: BTreeMap::new(),
            lines: BTreeMap::new(),
            accepted: 0,
            events,
            ready,
            rewinds: process.clock.rewinds(),
            base_ms: now_ms.saturating_sub(monotonic_ns() / 1_000_000),
            tick_due_ns: 0,
            report_due_ns: 0,
            heard: 0,
            input_bytes: 0,
            urgent,
            was_rung: false,
            traffic_until_ns: 0,
            was_unresolved: false,
            has_warned: false,
            is_guess,
            process,
            settings,
        })
    }

    /// Lives until it was told to leave and has left.
    pub(super) async fn live(mut self, mut events: mpsc::Receiver<Event>, leave: &Notify) {
        let (process, urgent) = (self.process.clone(), self.urgent.clone());
        let mut buffer = vec![0; BUFFER_BYTES];
        while !self.core.has_left() {
            let wait_ns = self.tick_due_ns.saturating_sub(monotonic_ns());
            // Never 0, which would not let the runtime look at its sockets.
            let wait_ns = wait_ns.saturating_sub(TIMER_LATE_NS).max(1);
            tokio::select! {
                // An error is about a datagram sent before, and is read with the next one.
                _ = self.datagrams.readable() => self.receive(&mut buffer),
                Some(event) = events.recv() => self.heed(event),
                () = tokio::time::sleep(Duration::from_nanos(wait_ns)) => {}
                () = urgent.0.notified() => self.was_rung = true,
                () = process.reload.notified() => self.reread(),
                () = leave.notified() => self.leave(),
            }
            // Rather a little early than a whole timer's step late.
            if self.was_rung || monotonic_ns() + TIMER_LATE_NS / 2 >= self.tick_due_ns {
                self.tick();
            }
        }
    }

    fn now(&self) -> Now {
        Now {
            wall_ms: self.process.clock.now().ms,
            steady_ms: self.base_ms.saturating_add(monotonic_ns() / 1_000_000),
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) {
        for _ in 0..BURST {
            let Some((length, from)) = self.datagrams.receive(buffer) else {
                break;
            };
            let from = membership::canonical(from);
            self.take(from, &mut buffer[..length]);
        }
        self.settle();
    }

    fn take(&mut self, from: SocketAddr, datagram: &mut [u8]) {
        let length = u64::try_from(datagram.len()).unwrap_or(u64::MAX);
        let now = self.now();
        let opened = match self.core.open(now, datagram) {
            Ok(opened) => opened,
            Err(refusal) => return self.refuse(from, refusal),
        };
        let epoch = opened.epoch;
        if self.is_guess && opened.kind == Kind::MEMBERSHIP {
            self.face(&[from]);
        }
        self.core.on_opened(now, from, &opened, &self.process.engine);
        // By epoch: a machine with several addresses sends from another than it advertises.
        let member = self.addresses.get(&epoch);
        if let Some(carried) = member.and_then(|addr| self.carried.get_mut(addr)) {
            carried.in_bytes = carried.in_bytes.saturating_add(length);
        }
    }

    fn refuse(&mut self, from: SocketAddr, refusal: Refusal) {
        if self.refusals.note(monotonic_ns(), from, refusal) {
            tracing::warn!("cluster: refused what came from {from}: {refusal}");
        }
    }

    fn heed(&mut self, event: Event) {
        let now = self.now();
        match event {
            Event::Found { found, failure } => self.found(&found, failure),
            Event::Knock(knock) => self.judge(knock),
            Event::Frame { stream, frame } if self.lines.contains_key(&stream) => {
                self.core.on_frame(now, stream, &frame, &self.process.engine);
            }
            Event::Closed { stream } if self.lines.remove(&stream).is_some() => {
                self.core.on_closed(now, stream);
            }
            // Of a stream that this node has closed.
            Event::Frame { .. } | Event::Closed { .. } => {}
        }
        self.settle();
    }

    /// Takes what names resolved to.
    pub(super) fn found(&mut self, found: &[SocketAddr], failure: Option<String>) {
        match (&failure, self.was_unresolved) {
            (Some(why), false) => tracing::warn!("cluster: join {why}; it is tried every 5 s"),
            (None, true) => tracing::info!("cluster: every join resolves now"),
            _ => {}
        }
        self.was_unresolved = failure.is_some();
        let far = found.iter().find(|addr| !addr.ip().to_canonical().is_loopback());
        if let (Some(far), true, false) =
            (far, self.settings.bind.ip().is_loopback(), self.has_warned)
        {
            self.has_warned = true;
            let bind = self.settings.bind.ip();
            tracing::warn!(
                "cluster: join names {far}, and cluster-bind is {bind}, where other machines are \
                 not heard: set cluster-bind to an address of this machine, or 0.0.0.0"
            );
        }
        // A name server that is silent has not said that the seeds are gone.
        if failure.is_none() || !found.is_empty() {
            if self.is_guess {
                self.face(found);
            }
            let now = self.now();
            self.core.on_found(now, found);
            self.settle();
        }
    }

    /// Takes the address that the way to another node shows, in place of a guess.
    fn face(&mut self, others: &[SocketAddr]) {
        let Some(addr) = self.settings.facing(others) else {
            return;
        };
        self.is_guess = false;
        if addr != self.core.membership().identity().addr {
            tracing::info!("cluster: this node is {addr}, as the way to {others:?} shows");
            let now = self.now();
            self.core.set_address(now, addr, others);
        }
    }

    fn judge(&mut self, knock: Knock) {
        let Knock { from, mut bytes, answer } = knock;
        let now = self.now();
        let Ok(nonce) = random() else {
            return drop(answer.send(Answer::Refused));
        };
        let judged = match self.core.on_hello(now, nonce, &mut bytes) {
            Ok(None) => None,
            Ok(Some(_)) if self.lines.len() >= LINES_MAX => Some(Err(Refusal::Crowded)),
            Ok(Some(welcome)) => {
                Some(Ok((welcome.stream, welcome.payload.to_vec(), welcome.used_bytes)))
            }
            Err(refusal) => Some(Err(refusal)),
        };
        // A caller that has gone meanwhile is told nothing.
        match judged {
            None => drop(answer.send(Answer::More(bytes))),
            Some(Err(refusal)) => {
                self.refuse(from, refusal);
                let _ = answer.send(Answer::Refused);
            }
            Some(Ok((end, frame, used_bytes))) => {
                self.accepted += 1;
                let stream = StreamId::Accepted(self.accepted);
                let (line, spool) = Line::new();
                let rest = bytes.split_off(used_bytes);
                let admitted = Box::new(Admitted { stream, end, rest, spool });
                if answer.send(Answer::Welcome(admitted)).is_ok() {
                    self.lines.insert(stream, line);
                    self.core.on_frame(now, stream, &frame, &self.process.engine);
                }
            }
        }
    }

    fn tick(&mut self) {
        let (now, now_ns) = (self.now(), monotonic_ns());
        for (stream, line) in &self.lines {
            self.core.on_backlog(*stream, line.waiting_bytes());
        }
        self.core.on_tick(now, &self.process.engine);
        self.settle();
        let rewinds = self.process.clock.rewinds();
        let is_rewound = std::mem::replace(&mut self.rewinds, rewinds) != rewinds;
        if self.process.engine.take_fallen() || is_rewound {
            self.renew();
        }
        if now_ns >= self.report_due_ns {
            self.report_due_ns = now_ns + REPORT_EVERY_NS;
            self.publish_report();
        }
        let heard = self.datagrams.received;
        let input_bytes = self.process.sample().input_bytes;
        if std::mem::replace(&mut self.input_bytes, input_bytes) != input_bytes {
            self.traffic_until_ns = now_ns + TRAFFIC_NS;
        }
        let is_busy = std::mem::take(&mut self.was_rung)
            | (std::mem::replace(&mut self.heard, heard) != heard)
            | (now_ns < self.traffic_until_ns)
            || !self.lines.is_empty();
        self.tick_due_ns = now_ns + if is_busy { TICK_BUSY_NS } else { TICK_IDLE_NS };
    }

    /// Reads the secret file again; a file that is wrong changes nothing.
    fn reread(&mut self) {
        let Some(path) = self.settings.secret_file.clone() else {
            return tracing::info!("cluster: SIGHUP: there is no secret file to reread");
        };
        match settings::read_keyring(&path) {
            Ok(keyring) => {
                tracing::info!("cluster: keys reread: {keyring:?}, the first one seals");
                self.core.rekey(keyring);
            }
            Err(error) => tracing::error!("cluster: the keys stay as they are: {error:#}"),
        }
    }

    /// The version of the wire that this node writes.
    pub(super) fn version(&self) -> u8 {
        VERSION
    }
}

/// A random epoch; 0 stands for nobody.
fn draw_origin() -> anyhow::Result<Origin> {
    Ok(Origin(u64::from_le_bytes(random()?).max(1)))
}
