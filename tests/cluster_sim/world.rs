//! Whole nodes and the network between them, in one thread under a seeded queue.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;

use ratel::cluster::core::Effect;
use ratel::cluster::now::Now;
use ratel::engine::Origin;

use super::clock::Clock;
use super::network::{Event, Link, Stream};
use super::node::{Node, addr, node_at};
use super::settings::{Rng, Settings};
use super::truth::Truth;
use super::watched::Watched;

/// How often discovery answers.
const FOUND_US: u64 = 5_000_000;
/// Between two ticks of a node that has nothing to do.
const IDLE_TICK_US: u64 = 20_000;
/// How long a node takes clients that spoke to be about to speak again.
const TRAFFIC_US: u64 = 100_000;
/// Kind of a NACK in a datagram's first byte.
const NACK: u8 = 3;
/// Longest datagram, bytes.
const MTU: usize = 1_200;

pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) now_us: u64,
    pub(crate) rng: Rng,
    pub(crate) nodes: Vec<Node>,
    pub(crate) truth: Rc<RefCell<Truth>>,
    queue: BTreeMap<(u64, u64), Event>,
    queued: u64,
    /// From and to.
    pub(crate) links: Vec<Vec<Link>>,
    pub(crate) streams: BTreeMap<u64, Stream>,
    pub(crate) opened: u64,
    /// Datagrams that arrived.
    pub(crate) datagrams: u64,
    /// The same by kind.
    pub(crate) by_kind: [u64; 6],
    /// Running hash of all that arrived.
    pub(crate) trace: u64,
    /// Clocks were once further apart than a counter of the keyspace outlives its end: one node has
    /// then forgotten what another may still prolong. Documented: such a node counts on its own.
    pub(crate) clocks_apart: bool,
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
            clocks_apart: false,
            queue: BTreeMap::new(),
            queued: 0,
            links: vec![vec![Link::default(); count]; count],
            streams: BTreeMap::new(),
            opened: 0,
            datagrams: 0,
            by_kind: [0; 6],
            trace: 0,
        };
        for at in 0..count {
            let skew = settings.skew_ms as i64;
            let offset_ms = world.rng.below(2 * settings.skew_ms + 1) as i64 - skew;
            let drift = settings.drift_ppm as i64;
            let drift_ppm = world.rng.below(2 * settings.drift_ppm + 1) as i64 - drift;
            let base_ms = world.rng.below(1 << 40);
            let node = world.born((at, 0), Clock::new(offset_ms, drift_ppm, base_ms));
            world.nodes.push(node);
        }
        world
    }

    fn born(&mut self, life: (usize, u64), clock: Clock) -> Node {
        let truth = self.truth.clone();
        let node = Node::born(life, self.now_us, clock, &self.settings, truth, &mut self.rng);
        let (to, life) = life;
        let wait_us = self.rng.below(node.tick_us);
        self.later(wait_us, Event::Tick { to, life });
        self.later(wait_us, Event::Found { to, life });
        node
    }

    /// A process ends without a word.
    pub(crate) fn crash(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let clean = node.left == Some(0) && !node.renewed;
        (node.alive, node.paused) = (false, None);
        self.truth.borrow_mut().end(node.tally.life, clean);
        self.break_streams(at);
    }

    pub(crate) fn restart(&mut self, at: usize) {
        assert!(!self.nodes[at].alive);
        let (life, clock) = (self.nodes[at].tally.life.1 + 1, self.nodes[at].clock.clone());
        self.nodes[at] = self.born((at, life), clock);
    }

    /// What waited while a process was stopped comes first, then its timers.
    pub(crate) fn resume(&mut self, at: usize) {
        for event in self.nodes[at].paused.take().into_iter().flatten() {
            self.happen(event);
        }
    }

    /// The clocks of a node.
    pub(crate) fn now(&mut self, at: usize) -> Now {
        let now_us = self.now_us;
        self.nodes[at].now(now_us)
    }

    pub(crate) fn later(&mut self, wait_us: u64, event: Event) {
        self.queued += 1;
        self.queue.insert((self.now_us + wait_us, self.queued), event);
    }

    pub(super) fn retain_events(&mut self, keep: impl Fn(&Event) -> bool) {
        self.queue.retain(|_, event| keep(event));
    }

    /// Events that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
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

    pub(crate) fn run_for(&mut self, us: u64) {
        self.run_until(self.now_us + us);
    }

    fn happen(&mut self, event: Event) {
        let to = match &event {
            Event::Tick { to, .. } | Event::Datagram { to, .. } | Event::Found { to, .. } => *to,
            Event::Bytes { stream, end, .. } | Event::Closed { stream, end } => {
                let Some(stream) = self.streams.get(stream) else { return };
                stream.ends[*end].node
            }
            Event::Act(act) => return self.act(*act),
        };
        if self.nodes[to].paused.is_some() {
            return self.nodes[to].keep_waiting(event);
        }
        match event {
            Event::Tick { life, .. } => self.tick(to, life),
            Event::Found { life, .. } => self.found(to, life),
            Event::Datagram { from, bytes, whole, .. } if self.nodes[to].alive => {
                self.datagrams += 1;
                if let Some(of) = self.by_kind.get_mut(usize::from(bytes[0] & 15)) {
                    *of += 1;
                }
                self.note(self.now_us ^ bytes.len() as u64);
                for word in bytes.chunks(8) {
                    let mut eight = [0; 8];
                    eight[..word.len()].copy_from_slice(word);
                    self.note(u64::from_le_bytes(eight));
                }
                self.nodes[to].hear(self.now_us, addr(from), &bytes, whole);
                self.carry_out(to);
            }
            Event::Bytes { stream, end, bytes } => self.stream_bytes(stream, end, &bytes),
            Event::Closed { stream, end } => self.stream_closed(stream, end),
            Event::Datagram { .. } | Event::Act(_) => {}
        }
    }

    fn note(&mut self, what: u64) {
        self.trace = (self.trace.rotate_left(5) ^ what).wrapping_mul(0x517C_C1B7_2722_0A95);
    }

    fn lives(&self, at: usize, life: u64) -> bool {
        self.nodes[at].alive && self.nodes[at].tally.life.1 == life
    }

    fn tick(&mut self, at: usize, life: u64) {
        if !self.lives(at, life) {
            return;
        }
        let node = &self.nodes[at];
        let is_busy = node.busy || self.now_us < node.traffic_until_us;
        let wait_us = if is_busy { node.tick_us } else { IDLE_TICK_US };
        self.later(wait_us, Event::Tick { to: at, life });
        self.tell_backlogs(at);
        let fresh = Origin(self.rng.roll());
        self.nodes[at].tick(self.now_us, fresh);
        self.carry_out(at);
        let node = &self.nodes[at];
        if node.alive && node.core.has_left() {
            self.crash(at);
        }
    }

    /// A tick out of turn, at which a clock that was set back is noticed.
    pub(super) fn look_at_clock(&mut self, at: usize) {
        let fresh = Origin(self.rng.roll());
        self.nodes[at].tick(self.now_us, fresh);
        self.carry_out(at);
    }

    fn found(&mut self, at: usize, life: u64) {
        if !self.lives(at, life) {
            return;
        }
        self.later(FOUND_US, Event::Found { to: at, life });
        let seeds = if self.settings.one_seed { 1 } else { self.settings.nodes };
        let found: Vec<SocketAddr> = (0..seeds).map(addr).collect();
        let now = self.now(at);
        self.nodes[at].core.on_found(now, &found);
        self.carry_out(at);
    }

    /// Does something with a node's core, and what it then wants.
    pub(crate) fn with<R>(&mut self, at: usize, act: impl FnOnce(&mut Node, Now) -> R) -> R {
        let now = self.now(at);
        self.nodes[at].busy = true;
        let result = act(&mut self.nodes[at], now);
        self.carry_out(at);
        result
    }

    /// Has clients do something at a node.
    pub(crate) fn client<R>(&mut self, at: usize, act: impl FnOnce(&Watched, u64) -> R) -> R {
        let now = self.now(at);
        self.nodes[at].traffic_until_us = self.now_us + TRAFFIC_US;
        act(&self.nodes[at].tally, now.wall_ms)
    }

    pub(crate) fn leave(&mut self, at: usize) {
        self.with(at, |node, now| {
            node.leaving = true;
            node.core.leave(now, &node.tally);
        });
    }

    fn carry_out(&mut self, at: usize) {
        loop {
            let effects = self.nodes[at].core.take_effects();
            if effects.is_empty() {
                return;
            }
            let mut renews = false;
            for effect in effects {
                if let Some(left) = &mut self.nodes[at].dies_after {
                    if *left == 0 {
                        return self.crash(at);
                    }
                    *left -= 1;
                }
                renews |= self.carry_out_one(at, effect);
            }
            if renews {
                let fresh = Origin(self.rng.roll());
                self.nodes[at].renew(self.now_us, fresh);
            }
        }
    }

    /// True if a new epoch is wanted.
    fn carry_out_one(&mut self, at: usize, effect: Effect) -> bool {
        match effect {
            Effect::Send { to, datagram } => {
                assert!(datagram.len() <= MTU, "{} bytes", datagram.len());
                let datagram: Rc<[u8]> = datagram.into();
                to.into_iter().for_each(|to| self.send(at, node_at(to), &datagram));
            }
            Effect::Open { stream, to, hello } => self.call(at, stream, node_at(to), hello),
            Effect::Frame { stream, bytes } => self.stream_frame(at, stream, bytes),
            Effect::Close { stream } => self.stream_close(at, stream),
            Effect::Members(list) => self.nodes[at].tally.engine.set_nodes(list.len() + 1),
            Effect::Ready { .. } => self.nodes[at].ready_us = Some(self.now_us),
            Effect::Left { unconfirmed } => self.nodes[at].left = Some(unconfirmed),
            Effect::Unsealed(error) => panic!("{error:?}"),
            Effect::Member(_) => {}
            Effect::Renew => return true,
        }
        false
    }

    fn send(&mut self, from: usize, to: usize, datagram: &Rc<[u8]>) {
        assert_ne!(from, to, "a node sends to itself");
        let link = &mut self.links[from][to];
        if datagram[0] & 15 == NACK {
            link.note_nack(self.now_us);
        }
        let copies = link.carry(self.now_us, &self.settings, &mut self.rng);
        for (wait_us, whole) in copies {
            let mut bytes = datagram.clone();
            if !whole {
                let mut altered = datagram.to_vec();
                let bit = self.rng.below(8 * altered.len() as u64) as usize;
                altered[bit / 8] ^= 1 << (bit % 8);
                bytes = altered.into();
            }
            self.later(wait_us, Event::Datagram { from, to, bytes, whole });
        }
    }

    /// The nodes that run and stay.
    pub(crate) fn living(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|at| self.nodes[*at].serves()).collect()
    }
}
