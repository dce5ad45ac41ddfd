//! Where foca's wishes land: datagrams to send, timers to keep.
//!
//! foca's timers are kept in slots, one for each thing that can be waited for, so that the number of
//! timers is bounded by the number of members whatever arrives. A newer timer replaces the older of
//! its slot, which foca has voided by then.
//!
//! Not here: the clock. Invariant: what is due comes out in foca's own order, also after a stall.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use core::net::SocketAddr;
use foca::{Notification, Runtime, Timer};

use super::identity::Identity;

/// What a timer waits for, in the order in which foca wants timers that are due together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    IndirectProbe,
    Probe,
    Suspicion(SocketAddr),
    Announce,
    Gossip,
    Forget(SocketAddr),
    AnnounceDown,
}

fn slot(timer: &Timer<Identity>) -> Slot {
    match timer {
        Timer::SendIndirectProbe { .. } => Slot::IndirectProbe,
        Timer::ProbeRandomMember(_) => Slot::Probe,
        Timer::ChangeSuspectToDown { member_id, .. } => Slot::Suspicion(member_id.addr),
        Timer::PeriodicAnnounce(_) => Slot::Announce,
        Timer::PeriodicGossip(_) => Slot::Gossip,
        Timer::RemoveDown(id) => Slot::Forget(id.addr),
        Timer::PeriodicAnnounceDown(_) => Slot::AnnounceDown,
    }
}

/// Timers and datagrams of one foca instance.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Node time of the call that runs, ms.
    pub(super) now_ms: u64,
    /// Datagrams to send, oldest first.
    pub(super) send: Vec<(SocketAddr, Bytes)>,
    /// foca found its identity dead since this was last taken.
    pub(super) defunct: bool,
    timers: BTreeMap<Slot, (u64, Timer<Identity>)>,
}

impl Outbox {
    /// Takes the timers that are due, in foca's order.
    pub(super) fn due(&mut self) -> Vec<Timer<Identity>> {
        let now_ms = self.now_ms;
        let due = self.timers.extract_if(.., |_, (at_ms, _)| *at_ms <= now_ms);
        due.map(|(_, (_, timer))| timer).collect()
    }

    /// When the next timer is due, ms.
    pub(super) fn next_ms(&self) -> Option<u64> {
        self.timers.values().map(|(at_ms, _)| *at_ms).min()
    }

    /// Forgets all timers: foca has voided them by taking another identity.
    pub(super) fn void_timers(&mut self) {
        self.timers.clear();
    }

    /// How many timers wait.
    pub(super) fn timer_count(&self) -> usize {
        self.timers.len()
    }
}

impl Runtime<Identity> for Outbox {
    fn notify(&mut self, notification: Notification<'_, Identity>) {
        // Members are read off foca's list, which cannot be out of step with itself.
        if notification == Notification::Defunct {
            self.defunct = true;
        }
    }

    fn send_to(&mut self, to: Identity, data: &[u8]) {
        self.send.push((to.addr, Bytes::copy_from_slice(data)));
    }

    fn submit_after(&mut self, timer: Timer<Identity>, after: Duration) {
        let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        let at_ms = self.now_ms.saturating_add(after_ms);
        let slot = slot(&timer);
        // A suspect is probed again while it is suspect: that must not put off its end.
        let same_suspicion = matches!(slot, Slot::Suspicion(_))
            && self.timers.get(&slot).is_some_and(|(_, waiting)| *waiting == timer);
        if !same_suspicion {
            self.timers.insert(slot, (at_ms, timer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Origin;

    fn member(port: u16) -> Identity {
        Identity::new(SocketAddr::from(([10, 0, 0, 1], port)), 1, Origin(1), (1, 1))
    }

    fn suspicion(port: u16, incarnation: u16) -> Timer<Identity> {
        Timer::ChangeSuspectToDown { member_id: member(port), incarnation, token: 0 }
    }

    fn after(outbox: &mut Outbox, timer: Timer<Identity>, ms: u64) {
        outbox.submit_after(timer, Duration::from_millis(ms));
    }

    #[test]
    fn after_a_stall_timers_come_in_focas_order() {
        let mut outbox = Outbox::default();
        let probed_id = member(1);
        after(&mut outbox, Timer::PeriodicGossip(0), 1);
        after(&mut outbox, suspicion(1, 0), 2);
        after(&mut outbox, Timer::ProbeRandomMember(0), 3);
        after(&mut outbox, Timer::SendIndirectProbe { probed_id, token: 0 }, 4);
        after(&mut outbox, Timer::PeriodicAnnounce(0), 5_000);
        assert_eq!(outbox.next_ms(), Some(1));
        outbox.now_ms = 4_000;
        let due = outbox.due();
        let mut sorted = due.clone();
        sorted.sort();
        assert_eq!(due, sorted);
        assert_eq!(due.len(), 4);
        assert_eq!(outbox.next_ms(), Some(5_000), "what is not due stays");
    }

    #[test]
    fn a_repeated_suspicion_does_not_put_off_the_end_but_a_new_one_does() {
        let mut outbox = Outbox::default();
        after(&mut outbox, suspicion(1, 0), 4_000);
        outbox.now_ms = 1_000;
        after(&mut outbox, suspicion(1, 0), 4_000);
        assert_eq!(outbox.next_ms(), Some(4_000));
        after(&mut outbox, suspicion(1, 1), 4_000);
        assert_eq!(outbox.next_ms(), Some(5_000));
        assert_eq!(outbox.timer_count(), 1);
    }

    #[test]
    fn a_periodic_timer_has_one_slot() {
        let mut outbox = Outbox::default();
        for token in 0..=255 {
            after(&mut outbox, Timer::PeriodicGossip(token), 200);
        }
        assert_eq!(outbox.timer_count(), 1);
        outbox.void_timers();
        assert_eq!(outbox.next_ms(), None);
    }
}
