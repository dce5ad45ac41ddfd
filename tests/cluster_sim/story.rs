//! A seed's story: a safety phase of operations and faults drawn at random, then a liveness phase in
//! which all must come to agree.

use ratel::engine::Series;
use ratel::limiter::gcra::Quota;
use ratel::limiter::{Kind, Scale};

use super::faults::Faults;
use super::network::Event;
use super::settings::{Mutant, Rng, Settings};
use super::shares::Shares;
use super::watched::Watched;
use super::world::World;

/// Clients speak this often.
const STEP_US: u64 = 20_000;
/// All nodes are up by then.
const BEGIN_US: u64 = 3_000_000;
/// All must agree within this time after the last fault: the dead are found within 15 s and a split
/// heals within 10 s (membership), then a few vectors.
const QUIET_US: u64 = 30_000_000;
/// Looks at all counts in the safety phase are so far apart.
const LOOK_US: u64 = 500_000;
pub(crate) const KEYS: u64 = 6;
/// Cells drain in half a second.
pub(crate) const CELL_MS: u64 = 500;

/// The series that are counted in: two whose window outlives the run, two of short windows.
pub(crate) fn series() -> [Series; 4] {
    let of = |kind, ms| Series { kind, scale: Scale::new(ms).unwrap() };
    [
        of(Kind::Fixed, 600_000),
        of(Kind::Sliding, 600_000),
        of(Kind::Fixed, 2_000),
        of(Kind::Sliding, 3_000),
    ]
}

/// Ten at once, one more each 50 ms.
pub(crate) fn quota() -> Quota {
    Quota::cell(9, 20, 1).unwrap()
}

/// Name of the `n`-th key.
pub(crate) fn key(n: u64) -> Vec<u8> {
    format!("key:{n}").into_bytes()
}

/// What may happen in a seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Story {
    pub(crate) settings: Settings,
    pub(crate) faults: Faults,
    pub(crate) shares: Shares,
    pub(crate) resets: bool,
    pub(crate) flushes: bool,
    pub(crate) hits_per_step: u64,
    pub(crate) safety_us: u64,
    /// Whoever is down at the end of the faults comes back, or never does.
    pub(crate) restart: bool,
}

impl Story {
    /// The story of a seed.
    pub(crate) fn of(seed: u64, mutant: Mutant) -> Story {
        let mut rng = Rng(seed ^ 0xA5A5_5A5A);
        Story {
            settings: Settings::of(seed, &mut rng, mutant),
            faults: Faults::of(&mut rng),
            shares: Shares::of(seed),
            resets: rng.one_in(2),
            flushes: rng.one_in(4),
            hits_per_step: rng.between(1, 6),
            safety_us: rng.pick(&[3_000_000, 6_000_000, 6_000_000, 20_000_000]),
            restart: !rng.one_in(4),
        }
    }

    /// The same seed with every fault that a mutant could fall over, and few that hide it.
    pub(crate) fn harsh(mut self) -> Story {
        self.settings.loss_permille = 200;
        self.settings.delay_max_us = 5_000;
        self.settings.options.ring_deltas = 64;
        self.settings.nodes = self.settings.nodes.max(4);
        (self.faults.cuts, self.faults.crashes, self.faults.steps) = (true, true, false);
        (self.faults.gap_us, self.safety_us) = (1_000_000, 6_000_000);
        (self.resets, self.flushes) = (false, false);
        self
    }

    /// Plays it; `Err` = what did not hold. Returns how long the nodes took to agree, too.
    pub(crate) fn play(&self) -> Result<(World, u64), String> {
        let mut world = World::new(self.settings);
        let mut rng = Rng(self.settings.seed.rotate_left(17) ^ 77);
        // Of its own, so that what else a seed draws does not depend on it.
        let mut dice = Rng(self.settings.seed ^ 0x5348_4152);
        let end_us = BEGIN_US + self.safety_us;
        for (at_us, act) in self.faults.plan(&mut rng, self.settings.nodes, BEGIN_US, end_us) {
            world.later(at_us, Event::Act(act));
        }
        while world.now_us < end_us {
            self.operate(&mut world, &mut rng);
            self.shares.operate(&mut world, &mut dice);
            world.run_for(STEP_US);
            if world.now_us.is_multiple_of(LOOK_US) {
                self.look(&mut world);
            }
        }
        world.forget_acts();
        world.recover(self.restart);
        let took_us = self.wait(&mut world)?;
        self.look(&mut world);
        self.agree(&mut world)?;
        self.agree_on_shares(&world)?;
        self.drain(&mut world)?;
        self.end_shares(&mut world)?;
        Ok((world, took_us))
    }

    fn wait(&self, world: &mut World) -> Result<u64, String> {
        let begin_us = world.now_us;
        while world.difference().is_some() {
            if world.now_us > begin_us + QUIET_US {
                return Err(world.difference().unwrap_or_default());
            }
            world.run_for(100_000);
            // Who was still leaving has left meanwhile.
            world.revive(self.restart);
            self.expire(world);
        }
        Ok(world.now_us - begin_us)
    }

    /// Housekeeping, as the server does.
    pub(crate) fn expire(&self, world: &mut World) {
        for at in world.living() {
            world.client(at, Watched::expire);
        }
    }

    fn operate(&self, world: &mut World, rng: &mut Rng) {
        for at in world.living() {
            for _ in 0..self.hits_per_step {
                let key = key(rng.below(KEYS).min(rng.below(KEYS)));
                let series = rng.pick(&series());
                let (dice, amount) = (rng.below(1_000), rng.between(1, 3));
                world.client(at, |tally, now_ms| match dice {
                    0..20 if self.resets => tally.set(now_ms, &key, series, amount * 10),
                    20..30 if self.resets => tally.reset(now_ms, &key, None),
                    30..40 if self.resets => tally.reset(now_ms, &key, Some(series)),
                    40 if self.flushes => tally.engine.flush(now_ms),
                    50..100 => tally.refund(now_ms, &key, series, amount),
                    100..200 => {
                        tally.throttle(now_ms, &key, &quota());
                    }
                    200..500 => tally.hit(now_ms, &key, series, amount, Some(300)),
                    _ => tally.hit(now_ms, &key, series, amount, None),
                });
            }
        }
        self.expire(world);
    }

    /// Nothing was set back to nothing, so that what clients did can be added up.
    pub(crate) fn only_counts(&self) -> bool {
        !self.resets && !self.flushes
    }
}
