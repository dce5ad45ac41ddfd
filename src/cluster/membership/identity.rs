//! Who a member is: its address, its life, and which protocol versions it speaks.
//!
//! Not here: when to take a new identity (renewal.rs). Invariant: of two identities with one
//! address exactly one wins, the same one on every node.

use core::net::{IpAddr, SocketAddr};

use crate::engine::Origin;

/// One life of one member. There is one member for each address; the higher generation is the
/// later life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Where the member is reached by UDP and TCP, in canonical form.
    pub addr: SocketAddr,
    /// Generation: ms since 1970 at its start, raised by renewals. It orders lives of one address.
    pub gen_ms: u64,
    /// Whose counts the member publishes.
    pub origin: Origin,
    /// Lowest protocol version that it reads.
    pub proto_min: u8,
    /// Highest protocol version that it reads.
    pub proto_max: u8,
}

impl Identity {
    /// An identity for `addr`, which is put into canonical form (no IPv4 within IPv6, no scope).
    pub fn new(addr: SocketAddr, gen_ms: u64, origin: Origin, protocols: (u8, u8)) -> Identity {
        let (proto_min, proto_max) = protocols;
        Identity { addr: canonical(addr), gen_ms, origin, proto_min, proto_max }
    }

    /// Somebody at `addr` of whom nothing else is known, only to be announced to.
    pub fn stranger(addr: SocketAddr) -> Identity {
        Identity::new(addr, 0, Origin(0), (0, 0))
    }
}

impl foca::Identity for Identity {
    type Addr = SocketAddr;

    /// Always `None`: foca has no clock and would renew as fast as packets come. The owner is told
    /// that this identity is dead and takes the next one itself (renewal.rs).
    fn renew(&self) -> Option<Identity> {
        None
    }

    fn addr(&self) -> SocketAddr {
        self.addr
    }

    fn win_addr_conflict(&self, adversary: &Identity) -> bool {
        // The origin decides between two lives that began in the same ms; the protocols only
        // complete the order.
        let rank = |id: &Identity| (id.gen_ms, id.origin, id.proto_max, id.proto_min);
        rank(self) > rank(adversary)
    }
}

/// The one form under which an address is compared: IPv4 within IPv6 as IPv4, without flow label
/// and scope, which do not travel.
pub fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

/// Whether one member can be reached at `addr`: neither unspecified nor multicast nor port 0.
pub fn reachable(addr: SocketAddr) -> bool {
    let broadcast = matches!(addr.ip(), IpAddr::V4(ip) if ip.is_broadcast());
    addr.port() != 0 && !addr.ip().is_unspecified() && !addr.ip().is_multicast() && !broadcast
}

#[cfg(test)]
mod tests {
    use foca::Identity as _;
    use proptest::prelude::*;

    use super::*;

    fn identity(gen_ms: u64, origin: u64, proto_max: u8) -> Identity {
        let addr = SocketAddr::from(([10, 0, 0, 1], 7946));
        Identity::new(addr, gen_ms, Origin(origin), (1, proto_max))
    }

    proptest! {
        #[test]
        fn exactly_one_of_two_different_identities_wins(
            a in (0u64..3, 0u64..3, 1u8..3), b in (0u64..3, 0u64..3, 1u8..3),
        ) {
            let (left, right) = (identity(a.0, a.1, a.2), identity(b.0, b.1, b.2));
            let wins =
                (left.win_addr_conflict(&right), right.win_addr_conflict(&left));
            prop_assert_eq!(wins.0 != wins.1, left != right);
            if left == right {
                prop_assert_eq!(wins, (false, false));
            }
        }
    }

    #[test]
    fn the_higher_generation_wins_whatever_the_origin() {
        assert!(identity(2, 1, 1).win_addr_conflict(&identity(1, 9, 9)));
        assert!(!identity(1, 9, 9).win_addr_conflict(&identity(2, 1, 1)));
    }

    #[test]
    fn an_address_has_one_form() {
        let mapped: SocketAddr = "[::ffff:10.0.0.1]:7946".parse().unwrap();
        assert_eq!(canonical(mapped), "10.0.0.1:7946".parse().unwrap());
        let scoped: SocketAddr = "[fe80::1%3]:7946".parse().unwrap();
        assert_eq!(canonical(scoped), "[fe80::1]:7946".parse().unwrap());
    }

    #[test]
    fn nobody_is_reached_at_a_wildcard_a_group_or_port_0() {
        for text in ["0.0.0.0:1", "[::]:1", "224.0.0.1:1", "255.255.255.255:1", "10.0.0.1:0"] {
            assert!(!reachable(text.parse().unwrap()), "{text}");
        }
        assert!(reachable("127.0.0.1:1".parse().unwrap()));
    }
}
