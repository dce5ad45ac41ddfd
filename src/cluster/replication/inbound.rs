//! What was heard of one origin.
//!
//! Invariant: everything up to `cursor` is held or has ended; `ahead` are numbers beyond it, and
//! `seen` is the highest known to exist.

use std::collections::BTreeSet;

use core::net::SocketAddr;

use super::options::{AHEAD_MAX, LIVE_MS, NACK_GRACE_MS, NACK_WAIT_MAX_MS};
use crate::cluster::now::Now;
use crate::cluster::wire::{SPANS_MAX, Span};

/// One origin's stream as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Inbound {
    /// Where it was last heard from.
    pub(super) addr: Option<SocketAddr>,
    /// When it was last heard, or its silence began, ms.
    pub(super) heard_ms: u64,
    /// When it was last heard itself, ms.
    heard_at_ms: Option<u64>,
    /// When a sync stream was last asked for because of it, ms.
    pub(super) pulled_ms: u64,
    /// Sync streams for it that failed in a row.
    pub(super) failures: u32,
    /// Digests that differed in a row.
    pub(super) mismatches: u32,
    cursor: u64,
    seen: u64,
    ahead: BTreeSet<u64>,
    /// When it was last known to be complete.
    whole_ms: Option<u64>,
    /// When the cursor last moved, or the gap behind it opened.
    progress_ms: u64,
    nack_due_ms: u64,
    nack_wait_ms: u64,
    hold: Option<Hold>,
    /// Its clock behind ours, transit included, at the fastest datagram of late.
    offset_ms: Option<i64>,
}

/// Data of the origin was refused: until then less is claimed than was heard.
#[derive(Clone, Copy, Debug)]
struct Hold {
    cursor: u64,
    until_ms: u64,
}

/// What a delta's number says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// New.
    New,
    /// Heard before.
    Known,
}

impl Inbound {
    pub(super) fn new(now_ms: u64, addr: Option<SocketAddr>) -> Inbound {
        Inbound {
            addr,
            heard_ms: now_ms,
            heard_at_ms: None,
            pulled_ms: 0,
            failures: 0,
            mismatches: 0,
            cursor: 0,
            seen: 0,
            ahead: BTreeSet::new(),
            whole_ms: None,
            progress_ms: now_ms,
            nack_due_ms: 0,
            nack_wait_ms: NACK_GRACE_MS,
            hold: None,
            offset_ms: None,
        }
    }

    /// Highest number up to which nothing is missing.
    pub(super) fn cursor(&self) -> u64 {
        self.cursor
    }

    /// The cursor that others may rely on.
    pub(super) fn advertised(&self, wall_ms: u64) -> u64 {
        match self.hold {
            Some(hold) if wall_ms < hold.until_ms => hold.cursor,
            _ => self.cursor,
        }
    }

    /// Until when less is claimed than was heard, ms.
    pub(super) fn incomplete_until_ms(&self, wall_ms: u64) -> Option<u64> {
        self.hold.map(|hold| hold.until_ms).filter(|until_ms| wall_ms < *until_ms)
    }

    /// Something behind the present cursor was refused.
    pub(super) fn refused(&mut self, wall_ms: u64, until_ms: u64) {
        let held = self.hold.filter(|hold| wall_ms < hold.until_ms);
        self.hold = Some(Hold {
            cursor: held.map_or(self.cursor, |hold| hold.cursor),
            until_ms: held.map_or(until_ms, |hold| hold.until_ms.max(until_ms)),
        });
    }

    pub(super) fn arrival(&self, dseq: u64) -> Arrival {
        if dseq <= self.cursor || self.ahead.contains(&dseq) {
            Arrival::Known
        } else {
            Arrival::New
        }
    }

    /// Takes note of a delta that was merged; false if its number found no room, so that it will
    /// be asked for again.
    pub(super) fn accept(&mut self, now_ms: u64, dseq: u64) -> bool {
        self.see(now_ms, dseq);
        if dseq == self.cursor + 1 {
            self.raise(now_ms, dseq);
            if !self.has_gap() {
                self.whole_ms = Some(now_ms);
            }
            return true;
        }
        if self.ahead.len() >= AHEAD_MAX {
            return false;
        }
        self.ahead.insert(dseq)
    }

    /// Everything up to `cursor` is held.
    pub(super) fn raise(&mut self, now_ms: u64, cursor: u64) {
        if cursor <= self.cursor {
            return;
        }
        self.cursor = cursor;
        self.ahead = self.ahead.split_off(&(cursor + 1));
        while self.ahead.remove(&(self.cursor + 1)) {
            self.cursor += 1;
        }
        self.seen = self.seen.max(self.cursor);
        self.progress_ms = now_ms;
        self.nack_wait_ms = NACK_GRACE_MS;
        self.nack_due_ms = now_ms + NACK_GRACE_MS;
    }

    /// A delta of this number exists.
    pub(super) fn see(&mut self, now_ms: u64, dseq: u64) {
        if !self.has_gap() && dseq > self.cursor {
            self.progress_ms = now_ms;
            self.nack_wait_ms = NACK_GRACE_MS;
            self.nack_due_ms = now_ms + NACK_GRACE_MS;
        }
        self.seen = self.seen.max(dseq);
    }

    /// The origin itself said that `last` is its last delta.
    pub(super) fn told_last(&mut self, now_ms: u64, last: u64) {
        self.see(now_ms, last);
        if self.cursor >= last && !self.has_gap() {
            self.whole_ms = Some(now_ms);
        }
    }

    pub(super) fn has_gap(&self) -> bool {
        self.seen > self.cursor
    }

    /// How many numbers lie behind the cursor, missing or not.
    pub(super) fn gap(&self) -> u64 {
        self.seen - self.cursor
    }

    /// For how long the cursor has not moved although more exists, ms.
    pub(super) fn stuck_ms(&self, now_ms: u64) -> u64 {
        if self.has_gap() { now_ms.saturating_sub(self.progress_ms) } else { 0 }
    }

    /// The spans to ask for now; backs off while nothing comes.
    pub(super) fn nack(&mut self, now_ms: u64) -> Vec<Span> {
        if !self.has_gap() || now_ms < self.nack_due_ms {
            return Vec::new();
        }
        self.nack_wait_ms = (self.nack_wait_ms * 2).min(NACK_WAIT_MAX_MS);
        self.nack_due_ms = now_ms + self.nack_wait_ms;
        self.missing()
    }

    fn missing(&self) -> Vec<Span> {
        let mut spans = Vec::new();
        let mut start = self.cursor + 1;
        for end in self.ahead.iter().copied().chain([self.seen + 1]) {
            if end > start && spans.len() < SPANS_MAX {
                spans.push(Span { start, count: end - start });
            }
            start = end + 1;
        }
        spans
    }

    /// Takes note of a datagram's time of sending; returns how late it came beyond the fastest, ms.
    pub(super) fn heard(&mut self, now: Now, from: SocketAddr, sent_ms: u64) {
        self.addr = Some(from);
        self.heard_ms = now.steady_ms;
        self.heard_at_ms = Some(now.wall_ms);
        let behind = signed(now.wall_ms) - signed(sent_ms);
        // One millisecond up a datagram: a clock that was stepped is followed in time.
        self.offset_ms = Some(self.offset_ms.map_or(behind, |offset| behind.min(offset + 1)));
    }

    /// Age of something that the origin's clock dates, ms.
    fn age_ms(&self, now_ms: u64, dated_ms: u64) -> i64 {
        signed(now_ms) - signed(dated_ms) - self.offset_ms.unwrap_or(0)
    }

    /// How far the origin's clock is behind ours, ms; 0 if it is not, or was never heard.
    pub(super) fn behind_ms(&self) -> u64 {
        u64::try_from(self.offset_ms.unwrap_or(0)).unwrap_or(0)
    }

    /// Whether a delta taken at `flushed_ms` belongs to a live stream: it is at most 1 s old and so
    /// is everything that is missing before it.
    pub(super) fn is_live(&self, now: Now, flushed_ms: u64) -> bool {
        let whole = self.whole_ms.is_some_and(|whole_ms| now.steady_ms <= whole_ms + LIVE_MS);
        whole && self.age_ms(now.wall_ms, flushed_ms) <= signed(LIVE_MS)
    }

    /// How long ago the origin was last held completely, ms; `None` = never.
    pub(super) fn lag_ms(&self, now_ms: u64) -> Option<u64> {
        self.whole_ms.map(|whole_ms| now_ms.saturating_sub(whole_ms))
    }

    /// When it was last heard itself, ms; `None` = never: what is held of it came from others.
    pub(super) fn heard_at_ms(&self) -> Option<u64> {
        self.heard_at_ms
    }

    /// Its clock behind ours, transit included, ms; `None` = never heard.
    pub(super) fn skew_ms(&self) -> Option<i64> {
        self.offset_ms
    }
}

/// Times of this century fit; others are taken as the end of time.
fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX / 4).min(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 1))
    }

    #[test]
    fn the_cursor_passes_over_what_came_early() {
        let mut inbound = Inbound::new(0, None);
        for dseq in [1, 3, 4, 6] {
            assert!(inbound.accept(0, dseq));
        }
        assert_eq!((inbound.cursor(), inbound.gap()), (1, 5));
        assert_eq!(inbound.arrival(3), Arrival::Known);
        assert_eq!(inbound.arrival(5), Arrival::New);
        inbound.accept(0, 2);
        assert_eq!(inbound.cursor(), 4);
        inbound.raise(0, 5);
        assert_eq!((inbound.cursor(), inbound.has_gap()), (6, false));
    }

    #[test]
    fn what_others_tell_of_an_origin_is_not_its_own_voice() {
        let mut inbound = Inbound::new(5, None);
        inbound.see(10, 3);
        inbound.raise(20, 3);
        assert_eq!(inbound.heard_at_ms(), None);
        inbound.heard(Now::both(30), from(), 29);
        assert_eq!(inbound.heard_at_ms(), Some(30));
    }

    #[test]
    fn missing_deltas_are_asked_for_after_a_grace_and_ever_more_rarely() {
        let mut inbound = Inbound::new(0, None);
        inbound.accept(0, 1);
        inbound.accept(100, 4);
        inbound.accept(105, 7);
        let mut asked = Vec::new();
        for now in 100..800 {
            let spans = inbound.nack(now);
            if !spans.is_empty() {
                let expected = [Span { start: 2, count: 2 }, Span { start: 5, count: 2 }];
                assert_eq!(spans, expected);
                asked.push(now);
            }
        }
        assert_eq!(asked, [110, 130, 170, 250, 410, 570, 730]);
        inbound.accept(800, 2);
        assert!(inbound.nack(809).is_empty() && !inbound.nack(810).is_empty());
        assert_eq!(inbound.stuck_ms(900), 100);
    }

    #[test]
    fn numbers_beyond_the_cursor_are_bounded() {
        let mut inbound = Inbound::new(0, None);
        let taken = (2..5_000).filter(|dseq| inbound.accept(0, *dseq)).count();
        assert_eq!(taken, AHEAD_MAX);
        inbound.accept(0, 1);
        assert_eq!(inbound.cursor(), 1 + AHEAD_MAX as u64);
    }

    #[test]
    fn an_incomplete_origin_claims_its_old_cursor_until_the_windows_end() {
        let mut inbound = Inbound::new(0, None);
        inbound.accept(0, 1);
        inbound.refused(0, 100);
        inbound.accept(0, 2);
        inbound.refused(50, 80);
        inbound.accept(50, 3);
        assert_eq!((inbound.cursor(), inbound.advertised(99)), (3, 1));
        assert_eq!(inbound.incomplete_until_ms(99), Some(100));
        assert_eq!((inbound.advertised(100), inbound.incomplete_until_ms(100)), (3, None));
        inbound.refused(200, 300);
        assert_eq!(inbound.advertised(200), 3);
    }

    #[test]
    fn a_stream_is_live_while_what_it_lacks_is_young() {
        let mut inbound = Inbound::new(0, None);
        inbound.heard(Now::both(10_000), from(), 10_500);
        assert!(
            !inbound.is_live(Now::both(10_000), 10_500),
            "at first sight nothing is known of its past"
        );
        inbound.told_last(10_000, 0);
        assert!(inbound.is_live(Now::both(10_000), 10_500));
        inbound.accept(10_000, 2);
        inbound.told_last(10_900, 2);
        assert!(inbound.is_live(Now::both(11_000), 10_700), "1 is missing, but not for long");
        assert!(!inbound.is_live(Now::both(11_001), 11_500), "the gap is too old");
        inbound.accept(11_100, 1);
        assert!(
            inbound.is_live(Now::both(11_100), 10_600)
                && !inbound.is_live(Now::both(11_100), 10_599)
        );
    }
}
