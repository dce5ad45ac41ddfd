//! One node: the core that the server runs, an engine, two clocks; and what may happen to it.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;

use ratel::cluster::core::{Birth, Core};
use ratel::cluster::membership::Identity;
use ratel::cluster::now::Now;
use ratel::cluster::seal::ClusterName;
use ratel::cluster::seal::keyring::Keyring;
use ratel::cluster::wire::PROTO;
use ratel::engine::Origin;

use super::clock::Clock;
use super::network::Event;
use super::settings::{Rng, Settings};
use super::truth::Truth;
use super::watched::Watched;

/// Datagrams that a socket's buffer of 4 MiB takes while its node does not read.
const SOCKET_MAX: usize = 3_640;

pub(crate) struct Node {
    pub(crate) core: Core<Watched>,
    pub(crate) tally: Watched,
    pub(crate) clock: Clock,
    pub(crate) alive: bool,
    /// What waits while the process is stopped.
    pub(crate) paused: Option<VecDeque<Event>>,
    /// It dies after so many more effects, in the midst of carrying them out.
    pub(crate) dies_after: Option<u64>,
    /// It has begun to leave.
    pub(crate) leaving: bool,
    /// Deltas that nobody had confirmed when it had left.
    pub(crate) left: Option<u64>,
    pub(crate) ready_us: Option<u64>,
    /// Between two ticks while there is something to do.
    pub(crate) tick_us: u64,
    /// Something arrived since the last tick.
    pub(crate) busy: bool,
    /// Clients spoke lately, until this time.
    pub(crate) traffic_until_us: u64,
    /// It has had another epoch: what that said last is confirmed to nobody.
    pub(crate) renewed: bool,
    rewinds: u64,
    /// Epoch and number of every datagram that opened.
    opened: BTreeSet<[u8; 14]>,
}

/// Where a node listens.
pub(crate) fn addr(node: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, node as u8 + 1], 7_946))
}

/// The node that listens there.
pub(crate) fn node_at(addr: SocketAddr) -> usize {
    let SocketAddr::V4(v4) = addr else { panic!("{addr} is no node's") };
    usize::from(v4.ip().octets()[3]) - 1
}

/// The cluster's name.
pub(crate) fn name() -> ClusterName {
    ClusterName::new("simulated").unwrap()
}

/// The cluster's keys.
pub(crate) fn keyring() -> Keyring {
    Keyring::parse(&"5a".repeat(32)).unwrap()
}

impl Node {
    /// A new life of a process.
    pub(crate) fn born(
        (at, life): (usize, u64),
        now_us: u64,
        mut clock: Clock,
        settings: &Settings,
        truth: Rc<RefCell<Truth>>,
        rng: &mut Rng,
    ) -> Node {
        clock.forget();
        let now = clock.read(now_us);
        let origin = Origin(rng.roll());
        let tally = Watched::new((at, life), origin, rng.roll(), truth, settings.mutant);
        let birth = Birth {
            identity: Identity::new(addr(at), now.wall_ms, origin, (PROTO, PROTO)),
            keyring: keyring(),
            name: name(),
            options: settings.options,
            seeds: (rng.roll(), rng.roll()),
        };
        Node {
            core: Core::new(now, birth, &tally),
            tally,
            rewinds: clock.rewinds,
            clock,
            alive: true,
            paused: None,
            dies_after: None,
            leaving: false,
            left: None,
            ready_us: None,
            renewed: false,
            tick_us: rng.pick(&[1_000, 5_000, 5_000, 20_000]),
            busy: true,
            traffic_until_us: 0,
            opened: BTreeSet::new(),
        }
    }

    /// What its clocks say.
    pub(crate) fn now(&mut self, now_us: u64) -> Now {
        self.clock.read(now_us)
    }

    /// Runs, and is neither stopped nor leaving.
    pub(crate) fn serves(&self) -> bool {
        self.alive && self.paused.is_none() && !self.leaving
    }

    /// A tick as the server's: time first, then whether counts fell or the clock did.
    pub(crate) fn tick(&mut self, now_us: u64, fresh: Origin) {
        self.busy = false;
        let now = self.now(now_us);
        self.core.on_tick(now, &self.tally);
        let rewound = std::mem::replace(&mut self.rewinds, self.clock.rewinds);
        if self.tally.engine.take_fallen() || rewound != self.clock.rewinds {
            self.renew(now_us, fresh);
        }
    }

    pub(crate) fn renew(&mut self, now_us: u64, fresh: Origin) {
        self.renewed = true;
        let now = self.now(now_us);
        self.core.renew(now, fresh, &self.tally);
        self.tally.engine.take_fallen();
    }

    /// Takes a datagram. L11: one that is altered or comes again changes nothing and is answered by
    /// nothing.
    pub(crate) fn hear(&mut self, now_us: u64, from: SocketAddr, datagram: &[u8], whole: bool) {
        self.busy = true;
        let now = self.now(now_us);
        let mut bytes = datagram.to_vec();
        match self.core.open(now, &mut bytes) {
            Ok(opened) => {
                self.core.on_opened(now, from, &opened, &self.tally);
                assert!(whole, "an altered datagram was taken");
                let number = datagram[2..16].try_into().unwrap();
                assert!(self.opened.insert(number), "a datagram was taken twice");
            }
            Err(_) => assert!(self.core.take_effects().is_empty(), "a stranger was answered"),
        }
    }

    /// Keeps what arrives while it is stopped, as far as buffers go.
    pub(crate) fn keep_waiting(&mut self, event: Event) {
        let Some(waiting) = &mut self.paused else { return };
        if !matches!(event, Event::Datagram { .. }) || waiting.len() < SOCKET_MAX {
            waiting.push_back(event);
        }
    }
}
