//! Whom to announce oneself to, again and again, so that splits heal.
//!
//! foca alone takes minutes, and never heals two single nodes: who knows no active member stops.
//!
//! Not here: names and DNS. Invariant: never oneself, never an active member, at most
//! [`FANOUT`] addresses a round.

use std::collections::BTreeSet;

use core::net::SocketAddr;
use rand::rngs::SmallRng;
use rand::seq::{IndexedRandom, SliceRandom};

use super::identity::{canonical, reachable};
use super::members::Members;

/// How often to announce oneself again, ms: half of what a split may take to heal.
pub const ROUND_MS: u64 = 5_000;
/// Addresses announced to in a round.
pub const FANOUT: usize = 3;
/// Addresses of seeds that are kept: 100 nodes under both address families, and some to spare.
pub const SEEDS_MAX: usize = 256;
/// Of the members lost last, this many share two of the three announcements of a round: they are
/// the other side of a split, while old ones may be addresses that nobody will use again.
const LATEST: usize = 8;

/// The addresses that discovery gave last.
#[derive(Debug, Default)]
pub(super) struct Seeds {
    addrs: BTreeSet<SocketAddr>,
}

impl Seeds {
    /// Replaces the addresses; what cannot be a member's address is left out.
    pub(super) fn replace(&mut self, addrs: &[SocketAddr]) {
        let usable = addrs.iter().map(|addr| canonical(*addr)).filter(|addr| reachable(*addr));
        self.addrs = usable.take(SEEDS_MAX).collect();
    }

    /// All seeds that are neither `own` nor active.
    pub(super) fn missing(&self, own: SocketAddr, members: &Members) -> Vec<SocketAddr> {
        let missing = |addr: &&SocketAddr| **addr != own && !members.is_active(addr);
        self.addrs.iter().filter(missing).copied().collect()
    }

    /// Whom to announce to in a round: two of the members lost last, the rest of any that is missing.
    pub(super) fn round(
        &self,
        own: SocketAddr,
        members: &Members,
        rng: &mut SmallRng,
    ) -> BTreeSet<SocketAddr> {
        let inactive: Vec<_> = members.inactive().iter().map(|it| it.identity.addr).collect();
        let latest = &inactive[..inactive.len().min(LATEST)];
        let mut chosen: BTreeSet<_> = latest.sample(rng, FANOUT - 1).copied().collect();
        let mut any = self.missing(own, members);
        any.extend(&inactive);
        any.retain(|addr| *addr != own);
        any.shuffle(rng);
        for addr in any {
            if chosen.len() >= FANOUT {
                break;
            }
            chosen.insert(addr);
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::SeedableRng;

    use super::*;
    use crate::cluster::membership::identity::Identity;
    use crate::cluster::membership::members::MemberState;
    use crate::engine::Origin;

    fn addr(port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], port))
    }

    fn members(said: &[(u16, MemberState, u64)]) -> Members {
        let mut members = Members::default();
        let mut so_far = BTreeMap::new();
        for (port, state, at_ms) in said {
            let identity = Identity::new(addr(*port), 1, Origin(1), (1, 1));
            so_far.insert(addr(*port), (identity, *state));
            members.update(*at_ms, so_far.clone(), &mut Vec::new());
        }
        members
    }

    #[test]
    fn a_round_names_three_that_are_missing_never_oneself_and_in_time_each() {
        let mut said = vec![(1, MemberState::Alive, 0), (2, MemberState::Suspect, 0)];
        said.extend((10..30).map(|port| (port, MemberState::Down, u64::from(port))));
        let members = members(&said);
        let mut seeds = Seeds::default();
        seeds.replace(&[addr(1), addr(50), addr(99), addr(0)]);
        let mut rng = SmallRng::seed_from_u64(1);
        let mut seen = BTreeSet::new();
        for _ in 0..400 {
            let round = seeds.round(addr(99), &members, &mut rng);
            assert_eq!(round.len(), FANOUT);
            let latest = round.iter().filter(|addr| (22..30).contains(&addr.port())).count();
            assert!(latest >= 2, "{round:?}");
            seen.extend(round);
        }
        let missing: BTreeSet<_> = (10..30).chain([50]).map(addr).collect();
        assert_eq!(seen, missing);
    }

    #[test]
    fn a_lone_seed_is_asked_every_round() {
        let mut seeds = Seeds::default();
        seeds.replace(&[addr(7)]);
        let mut rng = SmallRng::seed_from_u64(1);
        let round = seeds.round(addr(99), &Members::default(), &mut rng);
        assert_eq!(round, BTreeSet::from([addr(7)]));
    }

    #[test]
    fn seeds_are_bounded() {
        let many: Vec<_> = (1..=1_000).map(addr).collect();
        let mut seeds = Seeds::default();
        seeds.replace(&many);
        assert_eq!(seeds.missing(addr(1), &Members::default()).len(), SEEDS_MAX - 1);
    }
}
