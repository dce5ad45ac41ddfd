//! Nodes, the network between them and a membership that knows the truth, with delay; all in one
//! thread under a seeded queue.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;

use ratel::cluster::replication::{Effect, Member, Replica, StreamId, Tally, Target};
use ratel::cluster::wire::{Frame, Kind, Nack, PAYLOAD_BYTES_MAX, State, Vector};
use ratel::engine::Origin;

use super::model::Model;
use super::settings::{Mutant, Rng, Settings};
use super::truth::{Truth, Watched};

/// A time in a window of a minute that lasts until the run's end, ms since the epoch.
pub(crate) const EPOCH_MS: u64 = 1_790_000_040_000;
const TICK_US: u64 = 5_000;
/// How long membership needs to see a member, and to see it dead.
const UP_US: u64 = 150_000;
const DOWN_US: u64 = 3_000_000;

pub(crate) struct Node {
    pub(crate) replica: Replica<Watched>,
    pub(crate) tally: Watched,
    skew_ms: u64,
    life: u64,
    pub(crate) alive: bool,
    pub(crate) left: Option<u64>,
    pub(crate) ready_us: Option<u64>,
}

enum Event {
    Tick { to: usize, life: u64 },
    Datagram { from: usize, to: usize, origin: Origin, sent_ms: u64, kind: Kind, payload: Vec<u8> },
    Frame { stream: u64, to: usize, bytes: Vec<u8> },
    Closed { stream: u64, to: usize },
}

/// Both ends of a stream: node, its life, its name for it.
struct Stream {
    ends: [(usize, u64, StreamId); 2],
    last_us: u64,
}

pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) now_us: u64,
    pub(crate) rng: Rng,
    pub(crate) nodes: Vec<Node>,
    pub(crate) truth: Rc<RefCell<Truth>>,
    queue: BTreeMap<(u64, u64), Event>,
    queued: u64,
    /// Links that are cut, from and to.
    pub(crate) cut: Vec<Vec<bool>>,
    /// Since when each node could be heard by each other, or not; and which origin is listed.
    reach: Vec<Vec<(bool, u64)>>,
    listed: Vec<Vec<Option<Origin>>>,
    streams: BTreeMap<u64, Stream>,
    opened: u64,
    nacked_us: BTreeMap<(usize, Origin), u64>,
    pub(crate) datagrams: u64,
    pub(crate) trace: u64,
}

fn addr(node: usize) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7_000 + node as u16))
}

impl World {
    pub(crate) fn new(settings: Settings) -> World {
        let count = settings.nodes;
        let mut world = World {
            settings,
            now_us: 0,
            rng: Rng(settings.seed),
            nodes: Vec::new(),
            truth: Rc::default(),
            queue: BTreeMap::new(),
            queued: 0,
            cut: vec![vec![false; count]; count],
            reach: vec![vec![(false, 0); count]; count],
            listed: vec![vec![None; count]; count],
            streams: BTreeMap::new(),
            opened: 0,
            nacked_us: BTreeMap::new(),
            datagrams: 0,
            trace: 0,
        };
        for at in 0..count {
            let skew_ms = world.rng.below(2 * settings.skew_ms + 1);
            let node = world.born(at, 0, skew_ms);
            world.nodes.push(node);
        }
        world
    }

    fn born(&mut self, at: usize, life: u64, skew_ms: u64) -> Node {
        let origin = Origin(self.rng.roll());
        let tally = Watched::new(Model::new(origin, at as u16 + 1, usize::MAX), self.truth.clone());
        let now_ms = EPOCH_MS + self.now_us / 1_000 + skew_ms;
        let replica = Replica::new(now_ms, self.settings.options, self.rng.roll(), &tally);
        let wait = self.rng.below(TICK_US);
        self.later(wait, Event::Tick { to: at, life });
        Node { replica, tally, skew_ms, life, alive: true, left: None, ready_us: None }
    }

    pub(crate) fn crash(&mut self, at: usize) {
        self.nodes[at].alive = false;
    }

    pub(crate) fn restart(&mut self, at: usize) {
        let (life, skew_ms) = (self.nodes[at].life + 1, self.nodes[at].skew_ms);
        self.nodes[at] = self.born(at, life, skew_ms);
        self.listed[at] = vec![None; self.settings.nodes];
    }

    /// The clock of a node, ms.
    pub(crate) fn now_ms(&self, at: usize) -> u64 {
        EPOCH_MS + self.now_us / 1_000 + self.nodes[at].skew_ms
    }

    fn later(&mut self, wait_us: u64, event: Event) {
        self.queued += 1;
        self.queue.insert((self.now_us + wait_us, self.queued), event);
    }

    /// Runs until the queue reaches a time.
    pub(crate) fn run_until(&mut self, end_us: u64) {
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= end_us) {
            let ((at_us, _), event) = entry.remove_entry();
            self.now_us = at_us;
            self.happen(event);
        }
        self.now_us = end_us;
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Tick { to, life } => {
                if self.nodes[to].life != life || !self.nodes[to].alive {
                    return;
                }
                self.later(TICK_US, Event::Tick { to, life });
                self.list_members(to);
                let now_ms = self.now_ms(to);
                let node = &mut self.nodes[to];
                node.replica.on_tick(now_ms, &node.tally);
                self.carry_out(to);
            }
            Event::Datagram { from, to, origin, sent_ms, kind, payload } => {
                if !self.nodes[to].alive {
                    return;
                }
                self.datagrams += 1;
                self.trace = self.trace.rotate_left(5) ^ self.now_us ^ payload.len() as u64;
                let now_ms = self.now_ms(to);
                let node = &mut self.nodes[to];
                let code = kind.code();
                node.replica.on_datagram(
                    now_ms,
                    addr(from),
                    origin,
                    sent_ms,
                    code,
                    &payload,
                    &node.tally,
                );
                self.carry_out(to);
            }
            Event::Frame { stream, to, bytes } => {
                let Some((at, id)) = self.end_of(stream, to) else {
                    self.later(0, Event::Closed { stream, to: 1 - to });
                    return;
                };
                let now_ms = self.now_ms(at);
                let node = &mut self.nodes[at];
                node.replica.on_sync_frame(now_ms, id, &bytes, &node.tally);
                node.replica.on_sync_backlog(id, 0);
                self.carry_out(at);
            }
            Event::Closed { stream, to } => {
                if let Some((at, id)) = self.end_of(stream, to) {
                    let now_ms = self.now_ms(at);
                    self.nodes[at].replica.on_sync_closed(now_ms, id);
                }
                self.streams.remove(&stream);
            }
        }
    }

    /// The living node at an end of a stream that no cut has broken.
    fn end_of(&self, stream: u64, end: usize) -> Option<(usize, StreamId)> {
        let (at, life, id) = self.streams.get(&stream)?.ends[end];
        (self.nodes[at].alive && self.nodes[at].life == life).then_some((at, id))
    }

    /// Membership: both ways cut is dead after a while, one way is not.
    fn list_members(&mut self, at: usize) {
        let mut changed = false;
        for other in (0..self.settings.nodes).filter(|other| *other != at) {
            let node = &self.nodes[other];
            let hears =
                node.alive && node.left.is_none() && !(self.cut[other][at] && self.cut[at][other]);
            if self.reach[at][other].0 != hears {
                self.reach[at][other] = (hears, self.now_us);
            }
            let for_us = self.now_us - self.reach[at][other].1;
            let origin = node.tally.origin();
            if hears && for_us >= UP_US && self.listed[at][other] != Some(origin) {
                self.listed[at][other] = Some(origin);
                changed = true;
            }
            if !hears && for_us >= DOWN_US && self.listed[at][other].take().is_some() {
                changed = true;
            }
        }
        if changed {
            let now_ms = self.now_ms(at);
            let members: Vec<Member> = (0..self.settings.nodes)
                .filter_map(|other| {
                    self.listed[at][other].map(|origin| Member { addr: addr(other), origin })
                })
                .collect();
            self.nodes[at].replica.on_members(now_ms, &members);
        }
    }

    pub(crate) fn carry_out(&mut self, at: usize) {
        let effects = self.nodes[at].replica.take_effects();
        for effect in effects {
            match effect {
                Effect::Send { origin, to, kind, payload } => {
                    assert!(payload.len() <= PAYLOAD_BYTES_MAX, "{kind:?} of {}", payload.len());
                    let receivers: Vec<usize> = match to {
                        Target::One(to) => vec![usize::from(to.port() - 7_000)],
                        Target::Members => (0..self.settings.nodes)
                            .filter(|other| self.listed[at][*other].is_some())
                            .collect(),
                    };
                    for to in receivers {
                        self.send((at, origin), to, kind, &payload);
                    }
                }
                Effect::OpenSync { stream, to } => self.open(at, stream, to),
                Effect::SyncFrame { stream, bytes } => self.frame(at, stream, bytes),
                Effect::CloseSync { stream } => self.close(at, stream),
                Effect::Renew => {
                    let (now_ms, origin) = (self.now_ms(at), Origin(self.rng.roll()));
                    let node = &mut self.nodes[at];
                    node.replica.renew(now_ms, origin, &node.tally);
                }
                Effect::Ready { .. } => self.nodes[at].ready_us = Some(self.now_us),
                Effect::Left { unconfirmed } => self.nodes[at].left = Some(unconfirmed),
                Effect::Roster { .. } => {}
            }
        }
    }

    fn send(&mut self, (from, origin): (usize, Origin), to: usize, kind: Kind, payload: &[u8]) {
        if kind == Kind::Nack {
            // L15.
            let of = Nack::read(payload).expect("own bytes").origin;
            let last_us = self.nacked_us.insert((from, of), self.now_us);
            assert!(
                last_us.is_none_or(|last_us| self.now_us >= last_us + 9_000),
                "NACKs too often"
            );
        }
        if self.cut[from][to] {
            return;
        }
        let mut copies = u64::from(self.rng.below(1_000) >= self.settings.loss_permille);
        copies += u64::from(self.rng.below(1_000) < self.settings.duplicate_permille);
        let mut payload = payload.to_vec();
        if kind == Kind::Vector && self.settings.mutant == Mutant::NoDigests {
            let mut vector = Vector::read(&payload).expect("own bytes");
            vector.entries.iter_mut().for_each(|entry| entry.digest = None);
            payload = vector.payload();
        }
        for _ in 0..copies {
            let wait_us = 100 + self.rng.below(4_900);
            let sent_ms = self.now_ms(from);
            let payload = payload.clone();
            self.later(wait_us, Event::Datagram { from, to, origin, sent_ms, kind, payload });
        }
    }

    fn open(&mut self, at: usize, id: StreamId, to: SocketAddr) {
        let to = usize::from(to.port() - 7_000);
        self.opened += 1;
        let accepted = StreamId::Accepted(self.opened);
        let ends = [(at, self.nodes[at].life, id), (to, self.nodes[to].life, accepted)];
        self.streams.insert(self.opened, Stream { ends, last_us: self.now_us });
    }

    /// Number and end of the stream that a node calls `id`.
    fn stream_of(&self, at: usize, id: StreamId) -> Option<(u64, usize)> {
        let key = (at, self.nodes[at].life, id);
        self.streams.iter().find_map(|(stream, of)| {
            of.ends.iter().position(|end| *end == key).map(|end| (*stream, end))
        })
    }

    fn frame(&mut self, at: usize, id: StreamId, mut bytes: Vec<u8>) {
        let Some((stream, end)) = self.stream_of(at, id) else {
            return;
        };
        if self.settings.mutant == Mutant::DoneAfterScan
            && let Ok(Frame::Done { flush_stamp, .. }) = Frame::read(&bytes)
        {
            let node = &self.nodes[at];
            let cursors = node.replica.cursors(self.now_ms(at), &node.tally);
            bytes = Frame::done(flush_stamp, &cursors);
        }
        let other = self.streams[&stream].ends[1 - end].0;
        if self.cut[at][other] || self.cut[other][at] || !self.nodes[other].alive {
            self.later(1_000_000, Event::Closed { stream, to: 0 });
            return;
        }
        let wait_us = 500 + self.rng.below(2_000);
        let due_us = self.streams[&stream].last_us.max(self.now_us + wait_us) + 1;
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.last_us = due_us;
        }
        self.later(due_us - self.now_us, Event::Frame { stream, to: 1 - end, bytes });
    }

    fn close(&mut self, at: usize, id: StreamId) {
        if let Some((stream, end)) = self.stream_of(at, id) {
            self.later(5_000, Event::Closed { stream, to: 1 - end });
        }
    }

    pub(crate) fn living(&self) -> Vec<usize> {
        (0..self.nodes.len())
            .filter(|at| self.nodes[*at].alive && self.nodes[*at].left.is_none())
            .collect()
    }

    pub(crate) fn all_ready(&self) -> bool {
        self.living().iter().all(|at| self.nodes[*at].replica.state() == State::Ready)
    }

    pub(crate) fn heal(&mut self) {
        for row in &mut self.cut {
            row.fill(false);
        }
    }

    /// What differs between the living nodes; `None` if all agree.
    pub(crate) fn difference(&self) -> Option<String> {
        let living = self.living();
        if !self.all_ready() {
            return Some("not all are ready".to_owned());
        }
        let first = &self.nodes[*living.first()?].tally;
        let mut origins = first.origins();
        origins.extend(living.iter().map(|at| self.nodes[*at].tally.origin()));
        let horizon_ms = EPOCH_MS + self.now_us / 1_000 + 3_000;
        for at in &living {
            let tally = &self.nodes[*at].tally;
            if tally.flush_stamp() != first.flush_stamp() {
                return Some(format!("flush stamp of {at}"));
            }
            origins.extend(tally.origins());
        }
        for origin in origins {
            for at in &living {
                let tally = &self.nodes[*at].tally;
                if tally.digest(origin, horizon_ms) != first.digest(origin, horizon_ms) {
                    return Some(format!("node {at} and node {} on {origin:?}", living[0]));
                }
            }
        }
        None
    }
}
