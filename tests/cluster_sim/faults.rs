//! What goes wrong in a seed: splits of every shape, held-up links, crashes, stops, leaves, clocks.
//!
//! All of it is drawn before the run and queued to the microsecond, so that a fault begins between any
//! two events, not only between a test's steps.

use super::settings::Rng;
use super::world::World;

/// A fault that begins or ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Cut {
        from: usize,
        to: usize,
    },
    Mend {
        from: usize,
        to: usize,
    },
    /// What is sent on a link is held up.
    Clog {
        from: usize,
        to: usize,
        for_us: u64,
    },
    Crash {
        at: usize,
    },
    /// Dies in the midst of carrying out what the core wants.
    CrashWithin {
        at: usize,
        effects: u64,
    },
    Restart {
        at: usize,
    },
    /// SIGSTOP and SIGCONT.
    Pause {
        at: usize,
    },
    Resume {
        at: usize,
    },
    Leave {
        at: usize,
    },
    /// The wall clock is set.
    Step {
        at: usize,
        by_ms: i64,
    },
}

/// Which faults a seed has: each is there in about half of the seeds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    pub(crate) cuts: bool,
    pub(crate) clogs: bool,
    pub(crate) crashes: bool,
    pub(crate) pauses: bool,
    pub(crate) leaves: bool,
    pub(crate) steps: bool,
    /// Longest time between two faults, us.
    pub(crate) gap_us: u64,
}

impl Faults {
    pub(crate) fn of(rng: &mut Rng) -> Faults {
        Faults {
            cuts: !rng.one_in(3),
            clogs: rng.one_in(2),
            crashes: rng.one_in(2),
            pauses: rng.one_in(2),
            leaves: rng.one_in(3),
            steps: rng.one_in(3),
            gap_us: rng.pick(&[300_000, 1_000_000, 3_000_000]),
        }
    }

    /// The faults of a run between two times.
    pub(crate) fn plan(
        &self,
        rng: &mut Rng,
        nodes: usize,
        from_us: u64,
        to_us: u64,
    ) -> Vec<(u64, Act)> {
        let mut kinds = Vec::new();
        let drawn: [(bool, Draw); 6] = [
            (self.cuts, Plan::partition),
            (self.clogs, Plan::clog),
            (self.crashes, Plan::crash),
            (self.pauses, Plan::pause),
            (self.leaves, Plan::leave),
            (self.steps, Plan::step),
        ];
        kinds.extend(drawn.iter().filter(|(there, _)| *there).map(|(_, kind)| *kind));
        // Partitions have many shapes.
        kinds.extend(drawn.iter().filter(|_| self.cuts).take(1).map(|(_, kind)| *kind));
        let mut plan = Plan { rng: Rng(rng.roll()), nodes, at_us: from_us, acts: Vec::new() };
        while !kinds.is_empty() && plan.at_us < to_us {
            plan.at_us += 1 + plan.rng.below(self.gap_us);
            let kind = plan.rng.pick(&kinds);
            kind(&mut plan);
        }
        plan.acts
    }
}

/// Most datagrams lost once all must come to agree.
const LIVENESS_LOSS_PERMILLE: u64 = 50;

/// Draws one fault.
type Draw = fn(&mut Plan);

struct Plan {
    rng: Rng,
    nodes: usize,
    at_us: u64,
    acts: Vec<(u64, Act)>,
}

impl Plan {
    fn push(&mut self, after_us: u64, act: Act) {
        self.acts.push((self.at_us + after_us, act));
    }

    fn any(&mut self) -> usize {
        self.rng.below(self.nodes as u64) as usize
    }

    /// Mostly short, now and then long enough that members are held for dead.
    fn while_us(&mut self) -> u64 {
        let most_us = self.rng.pick(&[300_000, 2_000_000, 2_000_000, 12_000_000]);
        self.rng.between(1_000, most_us)
    }

    fn pairs(&self) -> Vec<(usize, usize)> {
        let nodes = self.nodes;
        (0..nodes).flat_map(|a| (0..nodes).map(move |b| (a, b))).filter(|(a, b)| a != b).collect()
    }

    fn cut(&mut self, pairs: &[(usize, usize)], from_us: u64, for_us: u64) {
        for (from, to) in pairs.iter().copied() {
            self.push(from_us, Act::Cut { from, to });
            self.push(from_us + for_us, Act::Mend { from, to });
        }
    }

    /// A partition of any shape of reliability.md.
    fn partition(&mut self) {
        let for_us = self.while_us();
        let pairs = self.pairs();
        let lone = self.any();
        let of = |keep: &dyn Fn(usize, usize) -> bool| -> Vec<(usize, usize)> {
            pairs.iter().copied().filter(|(a, b)| keep(*a, *b)).collect()
        };
        match self.rng.below(7) {
            // Halves, by coin-flips.
            0 => {
                let side: Vec<bool> = (0..self.nodes).map(|_| self.rng.one_in(2)).collect();
                self.cut(&of(&|a, b| side[a] != side[b]), 0, for_us);
            }
            // One is alone.
            1 => self.cut(&of(&|a, b| a == lone || b == lone), 0, for_us),
            // One is heard by nobody, or hears nobody.
            2 => {
                let mute = self.rng.one_in(2);
                self.cut(&of(&|a, b| if mute { a == lone } else { b == lone }), 0, for_us);
            }
            // One direction of one link.
            3 => {
                let pair = self.rng.pick(&pairs);
                self.cut(&[pair], 0, for_us);
            }
            // A ring: each reaches its neighbours only; three nodes in a row.
            4 => {
                let nodes = self.nodes;
                let near = move |a: usize, b: usize| {
                    a.abs_diff(b) == 1 || nodes > 3 && a.abs_diff(b) == nodes - 1
                };
                self.cut(&of(&|a, b| !near(a, b)), 0, for_us);
            }
            // Flapping, 1 s.
            5 => {
                let cut = of(&|a, b| (a <= lone) != (b <= lone));
                for second in 0..self.rng.between(2, 6) {
                    self.cut(&cut, second * 1_000_000, 500_000);
                }
            }
            _ => self.swizzle(&pairs),
        }
    }

    /// Links stop one by one and come back in another order.
    fn swizzle(&mut self, pairs: &[(usize, usize)]) {
        let cut: Vec<_> = pairs.iter().copied().filter(|_| self.rng.one_in(2)).collect();
        let stop_us = self.rng.between(100_000, 1_500_000);
        let back_us = stop_us + self.while_us();
        for pair in cut {
            let from_us = self.rng.below(stop_us);
            let for_us = self.rng.between(stop_us, back_us) - from_us;
            self.cut(&[pair], from_us, for_us);
        }
    }

    fn clog(&mut self) {
        let (pairs, for_us) = (self.pairs(), self.rng.between(10_000, 2_000_000));
        for _ in 0..self.rng.between(1, 3) {
            let (from, to) = self.rng.pick(&pairs);
            self.push(0, Act::Clog { from, to, for_us });
        }
    }

    fn crash(&mut self) {
        let at = self.any();
        let (effects, for_us) = (self.rng.below(20), self.while_us());
        let within = self.rng.one_in(2);
        self.push(0, if within { Act::CrashWithin { at, effects } } else { Act::Crash { at } });
        if !self.rng.one_in(4) {
            self.push(for_us, Act::Restart { at });
        }
    }

    fn pause(&mut self) {
        let (at, for_us) = (self.any(), self.while_us());
        self.push(0, Act::Pause { at });
        self.push(for_us, Act::Resume { at });
    }

    fn leave(&mut self) {
        let at = self.any();
        self.push(0, Act::Leave { at });
        let for_us = 6_000_000 + self.while_us();
        self.push(for_us, Act::Restart { at });
    }

    /// Ahead or back, and right again later; beyond 30 s nobody hears the node meanwhile.
    fn step(&mut self) {
        let (at, for_us) = (self.any(), self.while_us());
        let most = self.rng.pick(&[1_000, 4_000, 20_000, 60_000]);
        let by_ms = self.rng.between(1, most) as i64;
        let by_ms = if self.rng.one_in(2) { by_ms } else { -by_ms };
        self.push(0, Act::Step { at, by_ms });
        self.push(for_us, Act::Step { at, by_ms: -by_ms });
    }
}

impl World {
    /// A fault begins or ends.
    pub(super) fn act(&mut self, act: Act) {
        match act {
            Act::Cut { from, to } => self.links[from][to].cut = true,
            Act::Mend { from, to } => self.links[from][to].cut = false,
            Act::Clog { from, to, for_us } => {
                self.links[from][to].clogged_until_us = self.now_us + for_us;
            }
            Act::Crash { at } if self.nodes[at].alive => self.crash(at),
            Act::CrashWithin { at, effects } if self.nodes[at].alive => {
                self.nodes[at].dies_after = Some(effects);
            }
            Act::Restart { at } if !self.nodes[at].alive => self.restart(at),
            Act::Pause { at } if self.nodes[at].serves() => {
                self.nodes[at].paused = Some(Default::default());
            }
            Act::Resume { at } => self.resume(at),
            Act::Leave { at } if self.nodes[at].serves() => self.leave(at),
            Act::Step { at, by_ms } => self.set_clock(at, by_ms),
            _ => {}
        }
    }

    /// Sets a node's wall clock; a node that runs sees it before its next client does.
    fn set_clock(&mut self, at: usize, by_ms: i64) {
        self.nodes[at].clock.step(by_ms);
        self.nodes[at].tally.clock_was_set();
        let walls: Vec<u64> =
            self.nodes.iter().map(|node| node.clock.wall_ms(self.now_us)).collect();
        let spread_ms =
            walls.iter().max().zip(walls.iter().min()).map_or(0, |(max, min)| max - min);
        self.clocks_apart |= spread_ms > ratel::store::LATE_MS;
        if self.nodes[at].alive && self.nodes[at].paused.is_none() {
            self.look_at_clock(at);
        }
    }

    /// Ends every fault: links, stopped processes, clocks; and most of the loss, at which members are
    /// held for dead now and then. Who is down stays down, unless `restart`; but not the only address
    /// that others know.
    pub(crate) fn recover(&mut self, restart: bool) {
        self.links.iter_mut().flatten().for_each(|link| link.cut = false);
        self.settings.loss_permille = self.settings.loss_permille.min(LIVENESS_LOSS_PERMILLE);
        let restart = restart || self.nodes.iter().all(|node| !node.alive || node.leaving);
        for at in 0..self.nodes.len() {
            let off_ms = self.rng.between(0, 2 * self.settings.skew_ms) as i64;
            let off_ms = off_ms - self.settings.skew_ms as i64;
            self.resume(at);
            self.nodes[at].clock.repair(self.now_us, off_ms);
            self.nodes[at].dies_after = None;
            if self.nodes[at].alive {
                self.look_at_clock(at);
            }
        }
        self.revive(restart);
    }

    /// Starts who is down, if `restart`; the only address that others know in any case.
    pub(crate) fn revive(&mut self, restart: bool) {
        for at in 0..self.nodes.len() {
            if !self.nodes[at].alive && (restart || at == 0 && self.settings.one_seed) {
                self.restart(at);
            }
        }
    }
}
