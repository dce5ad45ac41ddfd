//! Which sequence numbers of one epoch were seen: a sliding window of bits (RFC 6479's idea).
//!
//! It authenticates nothing: a number is noted only after the tag of its datagram was valid.
//! Invariant: a number that was noted is seen for ever, and so is every number behind the window.

/// How far a datagram may arrive behind the newest one of its epoch and still be taken, in numbers:
/// at 50,000 datagrams a second the reordering of 20 ms.
pub const WINDOW_BITS: u64 = 1024;

const WORD_BITS: u64 = 64;
const WORDS: usize = 16;

/// The numbers seen of one epoch. Numbers begin at 1; 0 counts as seen.
#[derive(Clone, Debug)]
pub struct ReplayWindow {
    highest: u64,
    /// Bit of number n: n modulo the window.
    bits: [u64; WORDS],
}

impl Default for ReplayWindow {
    fn default() -> Self {
        let mut window = Self { highest: 0, bits: [0; WORDS] };
        window.set(0);
        window
    }
}

impl ReplayWindow {
    /// Whether `seq` was noted or is too old to tell.
    #[must_use]
    pub fn seen(&self, seq: u64) -> bool {
        if seq > self.highest {
            return false;
        }
        self.highest - seq >= WINDOW_BITS || self.bits[word(seq)] & mask(seq) != 0
    }

    /// Notes `seq`; a number behind the window changes nothing.
    pub fn note(&mut self, seq: u64) {
        if seq > self.highest {
            self.advance(seq);
        } else if self.highest - seq >= WINDOW_BITS {
            return;
        }
        self.set(seq);
    }

    fn advance(&mut self, seq: u64) {
        if seq - self.highest >= WINDOW_BITS {
            self.bits = [0; WORDS];
        } else {
            for between in self.highest + 1..=seq {
                self.bits[word(between)] &= !mask(between);
            }
        }
        self.highest = seq;
    }

    fn set(&mut self, seq: u64) {
        self.bits[word(seq)] |= mask(seq);
    }
}

fn word(seq: u64) -> usize {
    usize::try_from(seq % WINDOW_BITS / WORD_BITS).expect("below 16")
}

fn mask(seq: u64) -> u64 {
    1 << (seq % WORD_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_new_window_takes_any_number_but_zero() {
        let window = ReplayWindow::default();
        assert!(window.seen(0));
        assert!(!window.seen(1) && !window.seen(u64::MAX));
    }

    #[test]
    fn the_oldest_number_in_the_window_is_taken_and_the_one_behind_is_not() {
        let mut window = ReplayWindow::default();
        window.note(5000);
        assert!(!window.seen(5000 - WINDOW_BITS + 1));
        assert!(window.seen(5000 - WINDOW_BITS));
        window.note(5000 - WINDOW_BITS);
        assert!(!window.seen(5001 - WINDOW_BITS), "a number behind the window changes nothing");
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_set_of_all_numbers(
            steps in prop::collection::vec(prop_oneof![0..3000_u64, 0..40_u64, 900..1100_u64], 1..200),
            back in prop::collection::vec(0..1500_u64, 200),
        ) {
            let (mut window, mut set, mut highest) = (ReplayWindow::default(), BTreeSet::from([0]), 0);
            for (step, back) in steps.into_iter().zip(back) {
                for seq in [highest + step, (highest + step).saturating_sub(back)] {
                    let seen = set.contains(&seq) || highest >= seq + WINDOW_BITS;
                    prop_assert_eq!(window.seen(seq), seen, "{} of {}", seq, highest);
                    window.note(seq);
                    set.insert(seq);
                    highest = highest.max(seq);
                    prop_assert!(window.seen(seq));
                }
            }
        }
    }
}
