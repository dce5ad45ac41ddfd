//! Choices that a seed determines: the same seed, the same sequences, on every machine.
//!
//! Not a generator of a crate: its stream must outlive that crate's next version, or a seed written
//! down today would repeat nothing tomorrow.

/// A stream of choices (splitmix64).
pub(crate) struct Draw {
    state: u64,
}

impl Draw {
    pub(crate) fn new(seed: u64) -> Draw {
        Draw { state: seed }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number under `count`, which is at least 1.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % count as u64).expect("under a usize")
    }

    /// A number from `least` to `most`.
    pub(crate) fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    /// True in `percent` of 100 cases.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// One of the rows, each as often as its weight says.
    pub(crate) fn weighted<'a, T>(&mut self, rows: &'a [(usize, T)]) -> &'a T {
        let total = rows.iter().map(|(weight, _)| weight).sum();
        let mut at = self.below(total);
        for (weight, row) in rows {
            if at < *weight {
                return row;
            }
            at -= weight;
        }
        unreachable!("below the sum of all weights")
    }
}
