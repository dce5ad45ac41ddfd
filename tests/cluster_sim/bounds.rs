//! One replica against bags of datagrams: order, repetition, refusal, and peers that mean harm.

use std::net::SocketAddr;

use proptest::prelude::*;
use ratel::cluster::replication::{Effect, Member, Options, Replica, StreamId, Tally};
use ratel::cluster::wire::{Beat, DSEQ_MAX, Delta, Frame, Kind, ORIGINS_MAX, State, pack};
use ratel::engine::{Item, Origin};

use super::model::Model;
use super::story::series;
use super::world::EPOCH_MS;

fn addr() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7_000))
}

fn replica(slots_max: usize) -> (Replica<Model>, Model) {
    let model = Model::new(Origin(1), 1, slots_max);
    (Replica::new(EPOCH_MS, Options::default(), 3, &model), model)
}

fn window(key: String, count: u64, stamp: u64) -> Item {
    let index = series()[0].window(EPOCH_MS).index;
    Item::Window { series: series()[0], index, key: key.into(), stamp, count, refunded: count / 3 }
}

fn delta(dseq: u64, items: &mut [Item]) -> Vec<u8> {
    let groups =
        pack(items, usize::MAX).into_iter().flat_map(|pack| pack.groups).collect::<Vec<_>>();
    Delta::payload(0, dseq, EPOCH_MS, &groups)
}

fn hear(replica: &mut Replica<Model>, model: &Model, origin: u64, kind: Kind, payload: &[u8]) {
    replica.on_datagram(EPOCH_MS, addr(), Origin(origin), EPOCH_MS, kind.code(), payload, model);
}

proptest! {
    /// L3.
    #[test]
    fn l3_order_and_repetition_of_deltas_change_nothing(
        steps in proptest::collection::vec((0_u8..4, 0_u64..3), 1..30),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 0..90),
    ) {
        let mut counts = [0_u64; 4];
        let deltas: Vec<Vec<u8>> = (1..).zip(&steps).map(|(dseq, (key, stamp))| {
            counts[usize::from(*key)] += 3;
            let item = window(format!("k{key}"), counts[usize::from(*key)], *stamp);
            delta(dseq, &mut [item])
        }).collect();
        let (mut straight, held) = replica(usize::MAX);
        deltas.iter().for_each(|bytes| hear(&mut straight, &held, 9, Kind::Delta, bytes));
        let (mut shuffled, other) = replica(usize::MAX);
        for at in order {
            hear(&mut shuffled, &other, 9, Kind::Delta, &deltas[at.index(deltas.len())]);
        }
        for bytes in deltas.iter().rev() {
            hear(&mut shuffled, &other, 9, Kind::Delta, bytes);
        }
        let digest = |model: &Model| model.digest(Origin(9), EPOCH_MS);
        prop_assert_eq!(digest(&held), digest(&other));
        prop_assert_eq!(straight.cursors(EPOCH_MS, &held), shuffled.cursors(EPOCH_MS, &other));
    }
}

#[test]
fn l17_a_peer_that_means_harm_fills_no_table_beyond_its_bound() {
    let (mut replica, model) = replica(usize::MAX);
    for n in 0..10_000_u64 {
        let far = DSEQ_MAX - n * 7;
        hear(&mut replica, &model, 100 + n, Kind::Delta, &delta(far, &mut []));
        hear(&mut replica, &model, 100, Kind::Delta, &delta(2 + 2 * n, &mut []));
        let beat = Beat {
            flush_stamp: 0,
            last_dseq: DSEQ_MAX,
            oldest_dseq: DSEQ_MAX + 1,
            state: State::Leaving,
            members: u64::MAX,
        };
        hear(&mut replica, &model, 100 + n, Kind::Beat, &beat.payload());
        replica.on_sync_frame(
            EPOCH_MS,
            StreamId::Accepted(n),
            &Frame::request(false, 0, &[(Origin(n), 0)]),
            &model,
        );
        replica.take_effects();
    }
    assert_eq!(replica.origins(EPOCH_MS).len(), ORIGINS_MAX);
    let figures = replica.figures();
    assert!(figures.origins_refused > 5_000 && figures.ahead_full > 8_000);
    assert_eq!(figures.serves_busy, 9_998);
}

#[test]
fn a_malformed_datagram_changes_nothing_and_is_counted() {
    let (mut replica, model) = replica(usize::MAX);
    let mut bytes = delta(1, &mut [window("k".to_owned(), 5, 0)]);
    bytes.pop();
    hear(&mut replica, &model, 9, Kind::Delta, &bytes);
    replica.on_datagram(EPOCH_MS, addr(), Origin(9), EPOCH_MS, 14, &bytes, &model);
    assert_eq!((replica.figures().malformed, replica.figures().skipped), (1, 1));
    assert!(model.origins().is_empty() && replica.take_effects().is_empty());
}

#[test]
fn a_node_that_refused_counts_claims_the_old_cursor_until_those_windows_end() {
    let (mut replica, model) = replica(1);
    replica.on_members(EPOCH_MS, &[Member { addr: addr(), origin: Origin(9) }]);
    for dseq in 1..=3 {
        let bytes = delta(dseq, &mut [window(format!("k{dseq}"), 1, 0)]);
        hear(&mut replica, &model, 9, Kind::Delta, &bytes);
    }
    let claimed = |now_ms| {
        let cursors = replica.cursors(now_ms, &model);
        cursors.iter().find(|(origin, _)| *origin == Origin(9)).map(|(_, cursor)| *cursor)
    };
    assert_eq!((claimed(EPOCH_MS), claimed(EPOCH_MS + 70_000)), (Some(1), Some(3)));
    assert_eq!(replica.origins(EPOCH_MS)[0].cursor, 3);
    assert!(replica.origins(EPOCH_MS)[0].incomplete_until_ms.is_some());
    assert_eq!(replica.figures().items_refused, 2);
}

#[test]
fn data_of_an_epoch_before_the_flush_is_refused_and_a_later_flush_empties() {
    let (mut replica, model) = replica(usize::MAX);
    model.flush(EPOCH_MS);
    let now = model.flush_stamp();
    hear(&mut replica, &model, 9, Kind::Delta, &delta(1, &mut [window("k".to_owned(), 5, 0)]));
    assert_eq!((replica.figures().stale_flush, model.slots()), (1, 0));
    assert_eq!(replica.take_effects(), [Effect::Renew]);
    replica.renew(EPOCH_MS, Origin(2), &model);
    let beat = Beat {
        flush_stamp: now + 1,
        last_dseq: 0,
        oldest_dseq: 1,
        state: State::Ready,
        members: 1,
    };
    model.hit(EPOCH_MS, b"k", series()[0], 4);
    hear(&mut replica, &model, 9, Kind::Beat, &beat.payload());
    assert_eq!((model.flush_stamp(), model.slots()), (now + 1, 0));
    assert!(replica.take_effects().contains(&Effect::Renew));
}
