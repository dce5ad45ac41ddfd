//! What a seed decides: chance itself, and how the network and the protocol are.

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

    pub(crate) fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }
}

/// What is done to the protocol to see that the checks bite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    None,
    /// DONE tells the cursors after the scan instead of before it (L5).
    DoneAfterScan,
    /// Vectors carry no digests (L6).
    NoDigests,
}

/// How the network and the nodes are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) seed: u64,
    pub(crate) nodes: usize,
    pub(crate) loss_permille: u64,
    pub(crate) duplicate_permille: u64,
    pub(crate) skew_ms: u64,
    pub(crate) options: Options,
    pub(crate) mutant: Mutant,
}
