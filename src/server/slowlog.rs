//! The slow commands that are kept for SLOWLOG.
//!
//! Not here: what counts as slow. Invariant: never more than `slowlog-max-len` entries.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::command::SlowEntry;

/// The newest slow commands.
#[derive(Debug, Default)]
pub(super) struct Slowlog(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    entries: VecDeque<SlowEntry>,
    next_id: u64,
}

impl Slowlog {
    /// Keeps `entry` under the next id; the oldest beyond `len_max` go.
    pub(super) fn push(&self, mut entry: SlowEntry, len_max: usize) {
        let mut ring = self.0.lock();
        entry.id = ring.next_id;
        ring.next_id += 1;
        ring.entries.push_front(entry);
        ring.entries.truncate(len_max);
    }

    pub(super) fn trim(&self, len_max: usize) {
        let mut ring = self.0.lock();
        ring.entries.truncate(len_max);
        ring.entries.shrink_to_fit();
    }

    pub(super) fn newest(&self, count: usize) -> Vec<SlowEntry> {
        self.0.lock().entries.iter().take(count).cloned().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.0.lock().entries.len()
    }

    pub(super) fn clear(&self) {
        self.0.lock().entries = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(micros: u64) -> SlowEntry {
        let (addr, name) = (String::new(), Default::default());
        SlowEntry { id: 0, at_s: 0, micros, args: Vec::new(), addr, name }
    }

    #[test]
    fn keeps_the_newest_and_numbers_on_after_a_reset() {
        let log = Slowlog::default();
        for micros in 0..5 {
            log.push(entry(micros), 3);
        }
        let kept: Vec<_> = log.newest(10).iter().map(|e| (e.id, e.micros)).collect();
        assert_eq!(kept, [(4, 4), (3, 3), (2, 2)]);
        assert_eq!(log.newest(1).len(), 1);
        log.clear();
        log.push(entry(9), 3);
        assert_eq!((log.len(), log.newest(1)[0].id), (1, 5));
    }

    #[test]
    fn a_length_of_zero_keeps_nothing() {
        let log = Slowlog::default();
        log.push(entry(1), 0);
        assert_eq!(log.len(), 0);
    }
}
