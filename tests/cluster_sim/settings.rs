//! What a seed decides: chance itself, and how the network and the nodes are.

use ratel::cluster::replication::Options;

/// A seeded generator (splitmix64).
#[derive(Clone)]
pub(crate) struct Rng(pub u64);

impl Rng {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound.max(1)
    }

    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }

    pub(crate) fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    pub(crate) fn permille(&mut self, of: u64) -> bool {
        self.below(1_000) < of
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// What is done to the protocol to see that the checks bite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    None,
    /// DONE tells the cursors after the scan instead of before it (L5).
    DoneAfterScan,
    /// All digests are the same (L6).
    NoDigests,
}

/// How the network and the nodes are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) seed: u64,
    pub(crate) nodes: usize,
    pub(crate) loss_permille: u64,
    pub(crate) duplicate_permille: u64,
    /// Datagrams that arrive with a bit turned, beside the whole one.
    pub(crate) flip_permille: u64,
    pub(crate) delay_max_us: u64,
    /// Clocks differ by up to this at the start, ms.
    pub(crate) skew_ms: u64,
    /// Clocks run too fast or too slow by up to this, millionths.
    pub(crate) drift_ppm: u64,
    /// Every node knows only the first one's address, instead of all.
    pub(crate) one_seed: bool,
    pub(crate) options: Options,
    pub(crate) mutant: Mutant,
}

impl Settings {
    /// A network without faults.
    pub(crate) fn quiet(nodes: usize) -> Settings {
        Settings {
            seed: 5,
            nodes,
            loss_permille: 0,
            duplicate_permille: 0,
            flip_permille: 0,
            delay_max_us: 5_000,
            skew_ms: 0,
            drift_ppm: 0,
            one_seed: false,
            options: Options::default(),
            mutant: Mutant::None,
        }
    }

    /// Those of a seed.
    pub(crate) fn of(seed: u64, rng: &mut Rng, mutant: Mutant) -> Settings {
        let ring_deltas = if rng.one_in(2) { 64 } else { Options::default().ring_deltas };
        Settings {
            seed,
            nodes: rng.between(2, 5) as usize,
            loss_permille: rng.pick(&[0, 10, 50, 200]),
            duplicate_permille: rng.pick(&[0, 20, 500]),
            flip_permille: rng.pick(&[0, 5]),
            delay_max_us: rng.pick(&[1_000, 5_000, 5_000, 50_000, 1_000_000]),
            skew_ms: rng.pick(&[0, 100, 500]),
            drift_ppm: rng.pick(&[0, 200, 20_000]),
            one_seed: rng.one_in(4),
            options: Options { ring_deltas, ..Options::default() },
            mutant,
        }
    }
}
