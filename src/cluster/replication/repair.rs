//! What is missing, looked for at every tick: NACKs, sync streams, and origins to forget.

use super::effect::Target;
use super::options::{FORGET_AFTER_MS, GAP_MAX, SILENT_AFTER_MS, STUCK_AFTER_MS, SWEEP_EVERY_MS};
use super::replica::Replica;
use super::tally::Tally;
use crate::cluster::now::Now;
use crate::cluster::wire::{Kind, Nack, State};
use crate::engine::Origin;

impl<T: Tally> Replica<T> {
    /// Asks for what is missing of the members' streams.
    pub(super) fn repair(&mut self, now: Now) {
        let members: Vec<Origin> = self.members.iter().map(|(origin, _)| origin).collect();
        for origin in members {
            if !self.pulls.covers(origin) {
                self.repair_origin(now, origin);
            }
        }
    }

    fn repair_origin(&mut self, now: Now, origin: Origin) {
        let Some(inbound) = self.inbound_of(now, origin, None) else {
            return;
        };
        let silent = now.steady_ms >= inbound.heard_ms + SILENT_AFTER_MS;
        let far = inbound.gap() > GAP_MAX;
        let stuck = far || inbound.stuck_ms(now.steady_ms) >= STUCK_AFTER_MS;
        let (addr, failed) = (inbound.addr, inbound.failures > 0);
        let spans = if silent || far { Vec::new() } else { inbound.nack(now.steady_ms) };
        if self.state != State::Joining {
            if silent {
                self.want(now, origin, None, false);
            } else if stuck {
                // Where the origin itself could not be reached, a third member is asked.
                let third = failed
                    && self.members.len() > 1
                    && self.dice.pick(&[true, false]) == Some(true);
                self.want(now, origin, addr.filter(|_| !third), false);
            }
        }
        if let Some(to) = addr.filter(|_| !spans.is_empty()) {
            self.figures.nacks_out += 1;
            let nack = Nack { origin, spans };
            self.send(Target::One(to), Kind::Nack, nack.payload().into());
        }
    }

    /// Forgets origins that are not alive and of which nothing is held any more.
    pub(super) fn sweep(&mut self, now: Now, tally: &T) {
        if now.steady_ms < self.sweep_due_ms {
            return;
        }
        self.sweep_due_ms = now.steady_ms + SWEEP_EVERY_MS;
        let held = tally.origins();
        let members = &self.members;
        self.inbound.retain(|origin, inbound| {
            let keep = members.contains(*origin)
                || held.contains(origin)
                || now.steady_ms < inbound.heard_ms + FORGET_AFTER_MS;
            if !keep {
                tally.forget_origin(*origin);
            }
            keep
        });
    }
}
