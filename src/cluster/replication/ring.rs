//! The last deltas that were sent, for repetition.
//!
//! Invariant: it holds consecutive numbers up to the last one sent, within both bounds but for the
//! newest, which always stays.

use std::collections::VecDeque;
use std::sync::Arc;

/// What a delta costs beside its bytes.
const OVERHEAD_BYTES: usize = 48;

/// Deltas in a row.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    deltas: VecDeque<Arc<[u8]>>,
    /// Number of the next delta.
    next: u64,
    bytes: usize,
    bytes_max: usize,
    deltas_max: usize,
}

impl Ring {
    pub(super) fn new(bytes_max: usize, deltas_max: usize) -> Ring {
        Ring { deltas: VecDeque::new(), next: 1, bytes: 0, bytes_max, deltas_max }
    }

    /// Forgets all; numbers begin at 1 again.
    pub(super) fn restart(&mut self) {
        *self = Ring::new(self.bytes_max, self.deltas_max);
    }

    /// The number that the next delta gets.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Number of the oldest delta held; the next one's if none is.
    pub(super) fn oldest(&self) -> u64 {
        self.next - u64::try_from(self.deltas.len()).unwrap_or(0)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps the payload of delta [`Ring::next`].
    pub(super) fn push(&mut self, payload: Arc<[u8]>) {
        self.bytes += payload.len() + OVERHEAD_BYTES;
        self.deltas.push_back(payload);
        self.next += 1;
        while self.deltas.len() > 1
            && (self.bytes > self.bytes_max || self.deltas.len() > self.deltas_max)
        {
            if let Some(oldest) = self.deltas.pop_front() {
                self.bytes -= oldest.len() + OVERHEAD_BYTES;
            }
        }
    }

    pub(super) fn get(&self, dseq: u64) -> Option<&Arc<[u8]>> {
        let at = dseq.checked_sub(self.oldest())?;
        self.deltas.get(usize::try_from(at).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_keeps_the_newest_within_its_bounds() {
        let mut ring = Ring::new(1_000, 4);
        assert_eq!((ring.oldest(), ring.next(), ring.get(1)), (1, 1, None));
        for _ in 0..10 {
            ring.push(vec![0; 10].into());
        }
        assert_eq!((ring.oldest(), ring.next()), (7, 11));
        assert!(ring.get(6).is_none() && ring.get(7).is_some() && ring.get(11).is_none());
        ring.push(vec![0; 900].into());
        assert_eq!((ring.oldest(), ring.bytes()), (11, 948));
        ring.push(vec![0; 5_000].into());
        assert_eq!(ring.oldest(), 12, "the newest stays whatever its size");
        ring.restart();
        assert_eq!((ring.next(), ring.bytes()), (1, 0));
    }
}
