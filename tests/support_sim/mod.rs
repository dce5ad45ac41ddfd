//! A network in virtual time: a seeded queue of events, and links that lose, delay, repeat and cut.
//!
//! Goal: the same seed gives the same run on every 64-bit machine. Method: one queue ordered by time and
//! by order of arrival, one random source, no clock. Nodes are numbers; what travels is up to the
//! test.

// Each test file uses a part of this.
#![allow(dead_code)]

use std::collections::BTreeMap;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// What a link does to a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// Nothing passes.
    pub(crate) cut: bool,
    /// Lost packets, in 1/1000.
    pub(crate) loss_permille: u32,
    /// Packets that come twice, in 1/1000.
    pub(crate) duplicate_permille: u32,
    /// Shortest and longest delay, us. Packets overtake one another.
    pub(crate) delay_us: (u64, u64),
}

impl Link {
    /// A local network: nothing is lost, 0.1 to 1 ms.
    pub(crate) const LAN: Link =
        Link { cut: false, loss_permille: 0, duplicate_permille: 0, delay_us: (100, 1_000) };
}

/// What happens next.
#[derive(Debug)]
pub(crate) enum Event<P> {
    /// A packet arrives.
    Packet { from: usize, to: usize, packet: P },
    /// A node's alarm rings. `alarm` is the number it was set under.
    Alarm { node: usize, alarm: u64 },
    /// Something that the test has planned.
    Planned(u64),
}

/// The queue and the links.
pub(crate) struct Net<P> {
    queue: BTreeMap<(u64, u64), Event<P>>,
    pushed: u64,
    now_us: u64,
    rng: SmallRng,
    default: Link,
    links: BTreeMap<(usize, usize), Link>,
    /// Packets that nodes gave to the network, lost ones too.
    pub(crate) sent: u64,
    /// Running hash of all that happened: equal traces, equal runs.
    pub(crate) trace: u64,
}

impl<P: Clone> Net<P> {
    pub(crate) fn new(seed: u64, start_ms: u64) -> Net<P> {
        Net {
            queue: BTreeMap::new(),
            pushed: 0,
            now_us: start_ms * 1_000,
            rng: SmallRng::seed_from_u64(seed),
            default: Link::LAN,
            links: BTreeMap::new(),
            sent: 0,
            trace: 0,
        }
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now_us / 1_000
    }

    pub(crate) fn rng(&mut self) -> &mut SmallRng {
        &mut self.rng
    }

    /// Sets what every link does that has no rule of its own.
    pub(crate) fn set_default(&mut self, link: Link) {
        self.default = link;
    }

    /// Changes one direction between two nodes.
    pub(crate) fn change(&mut self, from: usize, to: usize, change: impl FnOnce(&mut Link)) {
        change(self.links.entry((from, to)).or_insert(self.default));
    }

    /// Cuts both ways between every node of `side` and every other of `count`.
    pub(crate) fn split(&mut self, side: &[usize], count: usize) {
        for node in side {
            for other in (0..count).filter(|other| !side.contains(other)) {
                self.change(*node, other, |link| link.cut = true);
                self.change(other, *node, |link| link.cut = true);
            }
        }
    }

    /// Takes back all rules of single links.
    pub(crate) fn heal(&mut self) {
        self.links.clear();
    }

    /// Gives a packet to the network.
    pub(crate) fn send(&mut self, from: usize, to: usize, packet: P) {
        self.sent += 1;
        let link = self.links.get(&(from, to)).copied().unwrap_or(self.default);
        if link.cut || self.chance(link.loss_permille) {
            return;
        }
        let copies = 1 + usize::from(self.chance(link.duplicate_permille));
        for _ in 0..copies {
            let delay_us = self.rng.random_range(link.delay_us.0..=link.delay_us.1);
            self.push(delay_us, Event::Packet { from, to, packet: packet.clone() });
        }
    }

    /// Rings at `at_ms`, or now if that is past.
    pub(crate) fn alarm(&mut self, node: usize, alarm: u64, at_ms: u64) {
        let in_us = (at_ms.saturating_mul(1_000)).saturating_sub(self.now_us);
        self.push(in_us, Event::Alarm { node, alarm });
    }

    /// Happens in `in_ms`.
    pub(crate) fn plan(&mut self, in_ms: u64, what: u64) {
        self.push(in_ms * 1_000, Event::Planned(what));
    }

    /// The next event up to `until_ms`; the time moves to it, or to the end.
    pub(crate) fn next(&mut self, until_ms: u64) -> Option<Event<P>> {
        let until_us = until_ms * 1_000;
        let first = self.queue.first_entry().filter(|first| first.key().0 <= until_us);
        let Some(first) = first else {
            self.now_us = self.now_us.max(until_us);
            return None;
        };
        let ((at_us, number), event) = first.remove_entry();
        self.now_us = at_us;
        self.note(at_us ^ number.rotate_left(40));
        Some(event)
    }

    /// Adds to the trace.
    pub(crate) fn note(&mut self, what: u64) {
        self.trace = (self.trace.rotate_left(5) ^ what).wrapping_mul(0x517C_C1B7_2722_0A95);
    }

    fn chance(&mut self, permille: u32) -> bool {
        permille > 0 && self.rng.random_range(0..1_000) < permille
    }

    fn push(&mut self, in_us: u64, event: Event<P>) {
        self.pushed += 1;
        self.queue.insert((self.now_us.saturating_add(in_us), self.pushed), event);
    }
}

/// Runs `law` for 200 seeds, or as `RATEL_SIM_SEEDS` (a count) or `RATEL_SIM_SEED` (one seed) says.
/// A seed that fails is printed with the way to repeat it.
pub(crate) fn for_seeds(name: &str, law: impl Fn(u64) + std::panic::RefUnwindSafe) {
    let number = |name| std::env::var(name).ok().map(|it| it.parse::<u64>().expect("a number"));
    let seeds = match number("RATEL_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("RATEL_SIM_SEEDS").unwrap_or(200),
    };
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| law(seed));
        if let Err(reason) = outcome {
            eprintln!("seed {seed} fails: RATEL_SIM_SEED={seed} cargo test {name}");
            std::panic::resume_unwind(reason);
        }
    }
}
