//! A seed's story: operations and faults drawn at random, then quiet.

use ratel::cluster::replication::{Options, Tally};
use ratel::engine::Series;
use ratel::limiter::{Kind, Scale, Window};

use super::model::{MS_NS, Subject};
use super::settings::{Mutant, Rng, Settings};
use super::world::{EPOCH_MS, World};

const STEP_US: u64 = 20_000;
const FAULTS_US: u64 = 6_000_000;
/// Quiet after which all must agree: DOWN and UP of membership, then a few vectors.
const QUIET_US: u64 = 20_000_000;
const KEYS: u64 = 6;

/// The three series that are counted in; the first two outlive the run.
pub(crate) fn series() -> [Series; 3] {
    let of = |kind, ms| Series { kind, scale: Scale::new(ms).unwrap() };
    [of(Kind::Fixed, 60_000), of(Kind::Sliding, 60_000), of(Kind::Fixed, 2_000)]
}

/// What may happen in a seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Story {
    pub(crate) settings: Settings,
    pub(crate) crashes: bool,
    pub(crate) cuts: bool,
    pub(crate) resets: bool,
    pub(crate) flushes: bool,
    pub(crate) hits_per_step: u64,
}

impl Story {
    /// The story of a seed.
    pub(crate) fn of(seed: u64, mutant: Mutant) -> Story {
        let mut rng = Rng(seed ^ 0xA5A5_5A5A);
        let tiny = rng.one_in(2);
        let options = if tiny {
            Options { ring_deltas: 64, ..Options::default() }
        } else {
            Options::default()
        };
        Story {
            settings: Settings {
                seed,
                nodes: 2 + rng.below(4) as usize,
                loss_permille: [0, 10, 50, 200][rng.below(4) as usize],
                duplicate_permille: rng.below(50),
                skew_ms: [0, 100, 500][rng.below(3) as usize],
                options,
                mutant,
                // Every other seed; the mutants are told by the model.
                engine: seed % 2 == 1 && mutant == Mutant::None,
            },
            crashes: !rng.one_in(3),
            cuts: !rng.one_in(3),
            resets: rng.one_in(2),
            flushes: rng.one_in(4),
            hits_per_step: 1 + rng.below(6),
        }
    }

    /// The same seed with every fault that a mutant could fall over.
    pub(crate) fn harsh(mut self) -> Story {
        self.settings.loss_permille = 200;
        self.settings.options.ring_deltas = 64;
        self.settings.nodes = self.settings.nodes.max(4);
        (self.crashes, self.cuts, self.resets, self.flushes) = (true, true, false, false);
        self
    }

    /// Plays it; `Err` = what did not hold.
    pub(crate) fn play(&self) -> Result<World, String> {
        let mut world = World::new(self.settings);
        let mut rng = Rng(self.settings.seed.rotate_left(17) ^ 77);
        let mut crashed = false;
        while world.now_us < FAULTS_US {
            self.operate(&mut world, &mut rng);
            crashed |= self.disturb(&mut world, &mut rng);
            let next_us = world.now_us + STEP_US;
            world.run_until(next_us);
            if next_us.is_multiple_of(500_000) {
                check(&world);
            }
        }
        world.heal();
        for at in 0..world.nodes.len() {
            if !world.nodes[at].alive {
                world.restart(at);
            }
        }
        let end_us = world.now_us + QUIET_US;
        while world.now_us < end_us {
            let next_us = world.now_us + 250_000;
            world.run_until(next_us);
            if world.difference().is_none() {
                check(&world);
                self.compare_with_truth(&world, crashed)?;
                return Ok(world);
            }
        }
        Err(world.difference().unwrap_or_default())
    }

    fn operate(&self, world: &mut World, rng: &mut Rng) {
        for at in world.living() {
            let now_ms = world.now_ms(at);
            let tally = &world.nodes[at].tally;
            for _ in 0..self.hits_per_step {
                let key = format!("key:{}", rng.below(KEYS).min(rng.below(KEYS)));
                let series = series()[rng.below(3) as usize];
                let (key, model) = (key.as_bytes(), &tally.model);
                match rng.below(1_000) {
                    0..20 if self.resets => model.set(now_ms, key, series, rng.below(50)),
                    20..30 if self.resets => model.reset(now_ms, key, now_ms + 120_000),
                    30 if self.flushes && rng.one_in(4) => model.flush(now_ms),
                    40..100 => model.refund(now_ms, key, series, 1 + rng.below(3)),
                    100..200 => {
                        model.throttle(now_ms, key, 100 * MS_NS, 5_000 * MS_NS);
                    }
                    _ => model.hit(now_ms, key, series, 1 + rng.below(2)),
                }
            }
            tally.model.expire(now_ms);
        }
    }

    /// True if a node was killed.
    fn disturb(&self, world: &mut World, rng: &mut Rng) -> bool {
        let count = self.settings.nodes;
        if self.cuts && rng.one_in(25) {
            match rng.below(4) {
                0 => world.heal(),
                1 => {
                    // A split by coin-flips.
                    let side: Vec<bool> = (0..count).map(|_| rng.one_in(2)).collect();
                    for (a, row) in world.cut.iter_mut().enumerate() {
                        for (b, cut) in row.iter_mut().enumerate() {
                            *cut = side[a] != side[b];
                        }
                    }
                }
                2 => {
                    let at = rng.below(count as u64) as usize;
                    world.cut[at].fill(true);
                }
                _ => {
                    let (a, b) = (rng.below(count as u64), rng.below(count as u64));
                    world.cut[a as usize][b as usize] ^= true;
                }
            }
        }
        if self.crashes && rng.one_in(60) {
            let at = rng.below(count as u64) as usize;
            if world.nodes[at].alive {
                world.crash(at);
                return true;
            }
            world.restart(at);
        }
        false
    }

    fn compare_with_truth(&self, world: &World, crashed: bool) -> Result<(), String> {
        if crashed {
            return Ok(());
        }
        let now_ms = EPOCH_MS + world.now_us / 1_000;
        for series in &series()[..2] {
            for key in 0..KEYS {
                let key = format!("key:{key}").into_bytes();
                let index = Window::at(now_ms, series.scale).index;
                let subject = Subject::Window(series.code(), index, key.clone());
                for at in world.living() {
                    let tally = &world.nodes[at].tally;
                    let truth = world.truth.borrow().count(tally.flush_stamp(), &subject);
                    let seen = tally.model.get(now_ms, &key, *series);
                    if seen != truth {
                        return Err(format!("node {at} sees {seen} of {truth}: {subject:?}"));
                    }
                }
            }
        }
        Ok(())
    }
}

fn check(world: &World) {
    for at in world.living() {
        world.nodes[at].tally.check(world.now_ms(at));
    }
}
