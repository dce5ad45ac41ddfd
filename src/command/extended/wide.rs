//! Integers of any length, as much of them as reading and printing long numbers takes.
//!
//! Not here: signs, division by another than a small number. Invariant: the highest word is not 0.

use std::cmp::Ordering;

/// Words of 32 bits, the lowest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wide(Vec<u32>);

/// The low word of two.
#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
fn low(word: u64) -> u32 {
    word as u32
}

impl Wide {
    pub(super) fn new(value: u64) -> Wide {
        Wide(vec![low(value), low(value >> 32)]).trimmed()
    }

    fn trimmed(mut self) -> Wide {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        self
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn bits(&self) -> u32 {
        let Some(last) = self.0.last() else { return 0 };
        u32::try_from(self.0.len()).unwrap_or(u32::MAX).saturating_mul(32) - last.leading_zeros()
    }

    /// `self * factor + more`.
    pub(super) fn scale(&mut self, factor: u32, more: u32) {
        let mut carry = u64::from(more);
        for word in &mut self.0 {
            let product = u64::from(*word) * u64::from(factor) + carry;
            *word = low(product);
            carry = product >> 32;
        }
        if carry > 0 {
            self.0.push(low(carry));
        }
    }

    /// Divides by `divisor` and returns the rest.
    pub(super) fn divide(&mut self, divisor: u32) -> u32 {
        let mut rest = 0_u64;
        for word in self.0.iter_mut().rev() {
            let dividend = rest << 32 | u64::from(*word);
            *word = low(dividend / u64::from(divisor));
            rest = dividend % u64::from(divisor);
        }
        *self = std::mem::take(self).trimmed();
        low(rest)
    }

    /// `self * 2^bits`.
    pub(super) fn shifted(&self, bits: u32) -> Wide {
        let mut words = vec![0; usize::try_from(bits / 32).unwrap_or(0)];
        words.extend_from_slice(&self.0);
        let mut wide = Wide(words);
        wide.scale(1 << (bits % 32), 0);
        wide.trimmed()
    }

    /// Takes `other`, which is no larger, away.
    pub(super) fn subtract(&mut self, other: &Wide) {
        let mut borrow = false;
        for (at, word) in self.0.iter_mut().enumerate() {
            let (rest, under) = word.overflowing_sub(other.0.get(at).copied().unwrap_or(0));
            let (rest, again) = rest.overflowing_sub(u32::from(borrow));
            *word = rest;
            borrow = under || again;
        }
        *self = std::mem::take(self).trimmed();
    }

    pub(super) fn compare(&self, other: &Wide) -> Ordering {
        let lengths = self.0.len().cmp(&other.0.len());
        lengths.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}
