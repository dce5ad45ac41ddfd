//! One replica over an engine against bags of datagrams: order, repetition, refusal, and members that
//! mean harm.

use std::net::SocketAddr;

use proptest::prelude::*;
use ratel::cluster::now::Now;
use ratel::cluster::replication::{Effect, Member, Options, Replica, StreamId};
use ratel::cluster::wire::{Beat, DSEQ_MAX, Delta, Frame, Kind, ORIGINS_MAX, State, pack};
use ratel::config::MemoryPolicy;
use ratel::engine::{self, Engine, Item, Origin};

use super::clock::EPOCH_MS;
use super::story::series;

const NOW: Now = Now { wall_ms: EPOCH_MS, steady_ms: 77 };

fn addr() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7_000))
}

fn replica(table_seed: u64) -> (Replica<Engine>, Engine) {
    let engine = Engine::new(engine::Options {
        seed: table_seed,
        stamp_tag: 1,
        memory_limit_bytes: u64::MAX,
        policy: MemoryPolicy::NoEviction,
        track_changes: true,
    });
    engine.replicate(Origin(1), 0);
    (Replica::new(NOW, Options::default(), 3, &engine), engine)
}

fn window_at(index: u64, key: &str, (stamp, count): (u64, u64)) -> Item {
    let key = key.as_bytes().to_vec();
    Item::Window { series: series()[0], index, key, stamp, count, refunded: count / 3 }
}

fn window(key: &str, count: u64, stamp: u64) -> Item {
    window_at(series()[0].window(EPOCH_MS).index, key, (stamp, count))
}

fn delta(dseq: u64, items: &mut [Item]) -> Vec<u8> {
    let groups =
        pack(items, usize::MAX).into_iter().flat_map(|pack| pack.groups).collect::<Vec<_>>();
    Delta::payload(0, dseq, EPOCH_MS, &groups)
}

fn hear(replica: &mut Replica<Engine>, engine: &Engine, origin: u64, kind: Kind, payload: &[u8]) {
    replica.on_datagram(NOW, addr(), Origin(origin), EPOCH_MS, kind.code(), payload, engine);
}

fn get(engine: &Engine, key: &str) -> u64 {
    engine.count_in_window(&mut engine.reader(), EPOCH_MS, key.as_bytes(), series()[0])
}

/// What a replica claims to hold of origin 9.
fn claimed(replica: &Replica<Engine>, engine: &Engine, wall_ms: u64) -> Option<u64> {
    let cursors = replica.cursors(Now { wall_ms, ..NOW }, engine);
    cursors.iter().find(|(origin, _)| *origin == Origin(9)).map(|(_, cursor)| *cursor)
}

proptest! {
    /// L3: a bag of deltas of two origins in any order, with repetitions, on tables of another seed.
    #[test]
    fn l3_order_and_repetition_of_deltas_change_nothing(
        steps in proptest::collection::vec((0_u8..4, 0_u64..3, 8_u64..10), 1..30),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 0..90),
    ) {
        let mut counts = [[0_u64; 4]; 2];
        let mut last = [0_u64; 2];
        let deltas: Vec<(u64, Vec<u8>)> = steps.iter().map(|(key, stamp, origin)| {
            let who = usize::from(*origin == 9);
            last[who] += 1;
            counts[who][usize::from(*key)] += 3;
            let item = window(&format!("k{key}"), counts[who][usize::from(*key)], *stamp);
            (*origin, delta(last[who], &mut [item]))
        }).collect();
        let (mut straight, held) = replica(1);
        deltas.iter().for_each(|(origin, bytes)| {
            hear(&mut straight, &held, *origin, Kind::Delta, bytes);
        });
        let (mut shuffled, other) = replica(2);
        let bag = order.iter().map(|at| &deltas[at.index(deltas.len())]);
        for (origin, bytes) in bag.chain(deltas.iter().rev()) {
            hear(&mut shuffled, &other, *origin, Kind::Delta, bytes);
        }
        for origin in [8, 9] {
            let digest = |engine: &Engine| engine.digest(Origin(origin), EPOCH_MS);
            prop_assert_eq!(digest(&held), digest(&other));
        }
        for key in ["k0", "k1", "k2", "k3"] {
            prop_assert_eq!(get(&held, key), get(&other, key));
        }
        prop_assert_eq!(straight.cursors(NOW, &held), shuffled.cursors(NOW, &other));
    }
}

/// L12, in the midst of a datagram: the known groups count, and the stream goes on.
#[test]
fn l12_groups_of_a_later_version_are_skipped_and_the_rest_counts() {
    let (mut replica, engine) = replica(1);
    let known = pack(&mut [window("k", 5, 0)], usize::MAX).remove(0).groups;
    let groups = [&[99, 3, 1, 2, 3][..], &known, &[98, 0]].concat();
    hear(&mut replica, &engine, 9, Kind::Delta, &Delta::payload(0, 1, EPOCH_MS, &groups));
    assert_eq!(get(&engine, "k"), 5 - 5 / 3);
    assert_eq!(replica.figures().skipped, 2);
    assert_eq!(replica.origins(NOW)[0].cursor, 1);
    replica.on_datagram(NOW, addr(), Origin(9), EPOCH_MS, 14, b"a later kind", &engine);
    assert_eq!((replica.figures().skipped, replica.figures().malformed), (3, 0));
}

/// L13: a window that has ended, and one that no clock within 30 s can have begun, are passed over: the
/// stream goes on and the origin stays complete.
#[test]
fn l13_ended_and_far_future_windows_count_nothing_and_hold_nothing() {
    let (mut replica, engine) = replica(1);
    let index = series()[0].window(EPOCH_MS).index;
    for (dseq, index) in (1..).zip([0, index - 1, index + 1, index + 1_000_000]) {
        let bytes = delta(dseq, &mut [window_at(index, "k", (0, 5))]);
        hear(&mut replica, &engine, 9, Kind::Delta, &bytes);
    }
    assert_eq!(replica.figures().items_ended, 4);
    assert_eq!(replica.origins(NOW)[0].cursor, 4);
    assert_eq!(replica.origins(NOW)[0].incomplete_until_ms, None);
    assert!(engine.origins().is_empty());
}

/// Law of incompleteness: a window that another clock within 30 s has begun and this one has not is
/// refused, and the origin is incomplete here until it has ended.
#[test]
fn l13_a_window_that_only_the_peers_clock_has_begun_makes_the_origin_incomplete() {
    let (mut replica, engine) = replica(1);
    let next = series()[0].window(EPOCH_MS).index + 1;
    let early = Now { wall_ms: next * 600_000 - 20_000, ..NOW };
    replica.on_members(early, &[Member { addr: addr(), origin: Origin(9) }]);
    let bytes = delta(1, &mut [window_at(next, "k", (0, 5))]);
    replica.on_datagram(early, addr(), Origin(9), early.wall_ms, 1, &bytes, &engine);
    let known = replica.origins(early)[0];
    assert_eq!((known.cursor, replica.figures().items_refused), (1, 1));
    assert!(known.incomplete_until_ms.is_some_and(|until_ms| until_ms >= (next + 1) * 600_000));
    assert_eq!(claimed(&replica, &engine, early.wall_ms), Some(0));
    assert_eq!(claimed(&replica, &engine, (next + 2) * 600_000), Some(1));
}

/// L17.
#[test]
fn l17_a_member_that_means_harm_fills_no_table_beyond_its_bound() {
    let (mut replica, engine) = replica(1);
    for n in 0..10_000_u64 {
        let far = DSEQ_MAX - n * 7;
        hear(&mut replica, &engine, 100 + n, Kind::Delta, &delta(far, &mut []));
        hear(&mut replica, &engine, 100, Kind::Delta, &delta(2 + 2 * n, &mut []));
        let beat = Beat {
            flush_stamp: 0,
            last_dseq: DSEQ_MAX,
            oldest_dseq: DSEQ_MAX + 1,
            state: State::Leaving,
            members: u64::MAX,
        };
        hear(&mut replica, &engine, 100 + n, Kind::Beat, &beat.payload());
        let request = Frame::request(false, 0, &[(Origin(n), 0)]);
        replica.on_sync_frame(NOW, StreamId::Accepted(n), &request, &engine);
        replica.take_effects();
    }
    assert_eq!(replica.origins(NOW).len(), ORIGINS_MAX);
    let figures = replica.figures();
    assert!(figures.origins_refused > 5_000 && figures.ahead_full > 8_000);
    assert_eq!(figures.serves_busy, 9_998);
}

/// L17: counts of more origins, series and windows than there is room for are refused, not stored.
#[test]
fn l17_the_store_of_a_member_that_is_flooded_stays_within_its_limit() {
    let (mut replica, engine) = replica(1);
    engine.set_memory_limit(engine.used_bytes() + (1 << 20));
    let mut used_bytes = Vec::new();
    for n in 0..40_000_u64 {
        let bytes = delta(n / 50 + 1, &mut [window(&format!("key:{n}"), 1, 0)]);
        hear(&mut replica, &engine, 100 + n % 50, Kind::Delta, &bytes);
        if n % 10_000 == 9_999 {
            used_bytes.push(engine.used_bytes());
        }
    }
    assert!(replica.figures().items_refused > 20_000);
    // What was begun before the limit is filled, and then nothing is added.
    assert!(used_bytes[3] < 2 << 20 && used_bytes[3] == used_bytes[2], "{used_bytes:?}");
}

#[test]
fn a_malformed_datagram_changes_nothing_and_is_counted() {
    let (mut replica, engine) = replica(1);
    let mut bytes = delta(1, &mut [window("k", 5, 0)]);
    bytes.pop();
    hear(&mut replica, &engine, 9, Kind::Delta, &bytes);
    assert_eq!(replica.figures().malformed, 1);
    assert!(engine.origins().is_empty() && replica.take_effects().is_empty());
}

/// Law of incompleteness.
#[test]
fn a_node_that_refused_counts_claims_the_old_cursor_until_those_windows_end() {
    let (mut replica, engine) = replica(1);
    replica.on_members(NOW, &[Member { addr: addr(), origin: Origin(9) }]);
    hear(&mut replica, &engine, 9, Kind::Delta, &delta(1, &mut [window("k1", 1, 0)]));
    engine.set_memory_limit(1);
    for dseq in 2..=3 {
        let bytes = delta(dseq, &mut [window(&format!("k{dseq}"), 1, 0)]);
        hear(&mut replica, &engine, 9, Kind::Delta, &bytes);
    }
    let ended_ms = EPOCH_MS + 1_300_000;
    assert_eq!(claimed(&replica, &engine, EPOCH_MS), Some(1));
    assert_eq!(claimed(&replica, &engine, ended_ms), Some(3));
    assert_eq!(replica.origins(NOW)[0].cursor, 3);
    assert!(replica.origins(NOW)[0].incomplete_until_ms.is_some());
    assert_eq!(replica.figures().items_refused, 2);
}

/// Law of the flush.
#[test]
fn data_of_an_epoch_before_the_flush_is_refused_and_a_later_flush_empties() {
    let (mut replica, engine) = replica(1);
    engine.flush(EPOCH_MS);
    let stamp = engine.flush_stamp();
    hear(&mut replica, &engine, 9, Kind::Delta, &delta(1, &mut [window("k", 5, 0)]));
    assert_eq!((replica.figures().stale_flush, get(&engine, "k")), (1, 0));
    assert_eq!(replica.take_effects(), [Effect::Renew]);
    replica.renew(NOW, Origin(2), &engine);
    let beat = Beat {
        flush_stamp: stamp + 1,
        last_dseq: 0,
        oldest_dseq: 1,
        state: State::Ready,
        members: 1,
    };
    engine.increment(&mut engine.reader(), EPOCH_MS, b"k", series()[0], 4).unwrap();
    hear(&mut replica, &engine, 9, Kind::Beat, &beat.payload());
    assert_eq!((engine.flush_stamp(), get(&engine, "k")), (stamp + 1, 0));
    assert!(replica.take_effects().contains(&Effect::Renew));
}
