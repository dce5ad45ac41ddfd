//! Every member that is known, what is thought of it and since when.
//!
//! Not here: how one comes to think so (foca). Invariant: it mirrors foca's list, and whoever adds
//! up the events knows exactly the active members.

use std::collections::BTreeMap;

use core::net::SocketAddr;
use foca::State;

use super::identity::Identity;

/// Incarnation with which a member says itself that it is down: it left. One that is declared down
/// by others never has it, since foca takes a new identity before.
pub(super) const LEFT_INCARNATION: u16 = u16::MAX;

/// What is thought of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberState {
    /// It answers.
    Alive,
    /// Somebody had no answer from it; it is still sent to.
    Suspect,
    /// Nobody had an answer from it for a while. Its counts stay.
    Down,
    /// It said goodbye.
    Left,
}

impl MemberState {
    /// Whether it belongs to the cluster: alive or suspect.
    pub fn is_active(self) -> bool {
        matches!(self, MemberState::Alive | MemberState::Suspect)
    }

    pub(super) fn of(member: &foca::Member<Identity>) -> MemberState {
        match member.state() {
            State::Alive => MemberState::Alive,
            State::Suspect => MemberState::Suspect,
            State::Down if member.incarnation() == LEFT_INCARNATION => MemberState::Left,
            State::Down => MemberState::Down,
        }
    }
}

/// A member and what is thought of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberInfo {
    /// Its present life.
    pub identity: Identity,
    /// What is thought of it.
    pub state: MemberState,
    /// Since when, node time in ms.
    pub since_ms: u64,
}

/// A change among the members. Counts never change by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberEvent {
    /// A member has come, or come back.
    Up(Identity),
    /// A member no longer answers.
    Down(Identity),
    /// A member said goodbye.
    Left(Identity),
    /// An active member goes on under another identity: it was restarted, renewed itself after a
    /// split, or began another origin.
    Renamed {
        /// What it was.
        old: Identity,
        /// What it is.
        new: Identity,
    },
    /// This node itself goes on under another identity, since the cluster held the former for dead.
    Renewed(Identity),
}

/// The known members, the node itself excluded.
#[derive(Debug, Default)]
pub(super) struct Members {
    known: BTreeMap<SocketAddr, MemberInfo>,
}

impl Members {
    pub(super) fn iter(&self) -> impl Iterator<Item = &MemberInfo> {
        self.known.values()
    }

    pub(super) fn get(&self, addr: &SocketAddr) -> Option<&MemberInfo> {
        self.known.get(addr)
    }

    pub(super) fn is_active(&self, addr: &SocketAddr) -> bool {
        self.get(addr).is_some_and(|member| member.state.is_active())
    }

    pub(super) fn active(&self) -> impl Iterator<Item = &MemberInfo> {
        self.iter().filter(|member| member.state.is_active())
    }

    /// Inactive members, the latest lost first.
    pub(super) fn inactive(&self) -> Vec<&MemberInfo> {
        let mut inactive: Vec<_> = self.iter().filter(|it| !it.state.is_active()).collect();
        inactive.sort_by_key(|member| (core::cmp::Reverse(member.since_ms), member.identity.addr));
        inactive
    }

    /// Forgets a member that is gone.
    pub(super) fn forget(&mut self, addr: &SocketAddr) {
        self.known.remove(addr);
    }

    /// Takes over what foca says now, and tells what changed, in the order of addresses.
    pub(super) fn update(
        &mut self,
        now_ms: u64,
        said: BTreeMap<SocketAddr, (Identity, MemberState)>,
        events: &mut Vec<MemberEvent>,
    ) {
        self.known.retain(|addr, member| {
            let stays = said.contains_key(addr);
            if !stays && member.state.is_active() {
                events.push(MemberEvent::Down(member.identity));
            }
            stays
        });
        for (addr, (identity, state)) in said {
            let old = self.known.get(&addr).copied();
            events.extend(change(old.as_ref(), identity, state));
            let since_ms = match old {
                Some(old) if old.identity == identity && old.state == state => old.since_ms,
                _ => now_ms,
            };
            self.known.insert(addr, MemberInfo { identity, state, since_ms });
        }
    }
}

fn change(old: Option<&MemberInfo>, identity: Identity, state: MemberState) -> Option<MemberEvent> {
    let old = old.filter(|old| old.state.is_active());
    match (old, state) {
        (None, MemberState::Alive | MemberState::Suspect) => Some(MemberEvent::Up(identity)),
        (None, _) => None,
        (Some(old), MemberState::Down) => Some(MemberEvent::Down(old.identity)),
        (Some(old), MemberState::Left) => Some(MemberEvent::Left(old.identity)),
        (Some(old), _) if old.identity != identity => {
            Some(MemberEvent::Renamed { old: old.identity, new: identity })
        }
        (Some(_), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Origin;

    fn life(gen_ms: u64) -> Identity {
        Identity::new(SocketAddr::from(([10, 0, 0, 1], 1)), gen_ms, Origin(gen_ms), (1, 1))
    }

    fn step(
        members: &mut Members,
        now_ms: u64,
        said: Option<(u64, MemberState)>,
    ) -> Vec<MemberEvent> {
        let said = said.map(|(gen_ms, state)| (life(gen_ms).addr, (life(gen_ms), state)));
        let mut events = Vec::new();
        members.update(now_ms, said.into_iter().collect(), &mut events);
        events
    }

    #[test]
    fn each_change_is_told_once() {
        use MemberState::*;
        let mut members = Members::default();
        for (said, told) in [
            (Some((1, Alive)), Some(MemberEvent::Up(life(1)))),
            (Some((1, Suspect)), None),
            (Some((1, Alive)), None),
            (Some((2, Alive)), Some(MemberEvent::Renamed { old: life(1), new: life(2) })),
            (Some((2, Down)), Some(MemberEvent::Down(life(2)))),
            (Some((3, Down)), None),
            (Some((3, Down)), None),
            (Some((4, Suspect)), Some(MemberEvent::Up(life(4)))),
            (Some((5, Left)), Some(MemberEvent::Left(life(4)))),
            (None, None),
            (Some((6, Alive)), Some(MemberEvent::Up(life(6)))),
            (None, Some(MemberEvent::Down(life(6)))),
        ] {
            assert_eq!(
                step(&mut members, 0, said),
                told.into_iter().collect::<Vec<_>>(),
                "{said:?}"
            );
        }
    }

    #[test]
    fn since_when_moves_only_when_something_changes() {
        use MemberState::*;
        let mut members = Members::default();
        let addr = life(1).addr;
        for (now_ms, said, since_ms) in
            [(1, (1, Alive), 1), (2, (1, Alive), 1), (3, (1, Suspect), 3), (4, (2, Suspect), 4)]
        {
            step(&mut members, now_ms, Some(said));
            assert_eq!(members.get(&addr).unwrap().since_ms, since_ms);
        }
    }
}
