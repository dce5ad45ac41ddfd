//! Opened payloads to a node's membership: whatever an authenticated peer sends, nothing panics,
//! every table keeps its bound, and the events add up to the list of members.
#![no_main]

use std::collections::BTreeSet;
use std::net::SocketAddr;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ratel::cluster::membership::{
    Effects, INACTIVE_MAX, Identity, MEMBERS_MAX, MemberEvent, Membership, PACKET_BYTES_MAX,
};
use ratel::engine::Origin;

/// Some time in 2026, ms since the epoch.
const START_MS: u64 = 1_790_000_000_000;

#[derive(Arbitrary, Debug)]
enum Step {
    Packet(Vec<u8>),
    Roster(Vec<u8>),
    Wait(u16),
    Origin(u64),
}

fuzz_target!(|steps: Vec<Step>| {
    let addr = SocketAddr::from(([10, 0, 0, 1], 7946));
    let identity = Identity::new(addr, START_MS, Origin(1), (1, 1));
    let mut node = Membership::new(identity, PACKET_BYTES_MAX, 1);
    let mut now_ms = START_MS;
    let mut active = BTreeSet::new();
    for step in steps {
        let effects = match step {
            Step::Packet(bytes) => node.on_packet(now_ms, addr, &bytes),
            Step::Roster(bytes) => node.apply_roster(now_ms, &bytes).unwrap_or_default(),
            Step::Wait(ms) => {
                now_ms += u64::from(ms);
                node.on_timer(now_ms)
            }
            Step::Origin(origin) => node.set_origin(now_ms, Origin(origin)),
        };
        add_up(effects, &mut active);
        assert!(node.active().map(|member| member.identity).eq(active.iter().copied()));
        assert!(node.members().count() <= MEMBERS_MAX + INACTIVE_MAX);
        assert!(node.timer_count() <= MEMBERS_MAX + 8);
    }
});

fn add_up(effects: Effects, active: &mut BTreeSet<Identity>) {
    for event in effects.events {
        match event {
            MemberEvent::Up(id) => assert!(active.insert(id)),
            MemberEvent::Down(id) | MemberEvent::Left(id) => assert!(active.remove(&id)),
            MemberEvent::Renamed { old, new } => {
                assert!(active.remove(&old) && active.insert(new));
            }
            MemberEvent::Renewed(_) => {}
        }
    }
    assert!(effects.send.iter().all(|(_, packet)| packet.len() <= PACKET_BYTES_MAX));
}
