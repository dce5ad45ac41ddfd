//! The wire format: golden packets, round trips, and bytes from anywhere.

use proptest::prelude::*;

use super::*;
use crate::engine::{
    Item, KEY_BYTES_MAX, Moved, NEVER_MS, Origin, SHARED_KEY_BYTES_MAX, Series, Share, ShareSaid,
};
use crate::limiter::{COUNT_MAX, Kind as WindowKind, SCALE_MAX_MS, Scale};

/// One packet a line, name and hex, as version 1 sends them. Never edited: a new version adds its
/// own file, and both are read.
const GOLDEN_1: &str = include_str!("golden_1.txt");

fn series(kind: WindowKind, ms: u64) -> Series {
    Series { kind, scale: Scale::new(ms).unwrap() }
}

fn window(series: Series, key: &[u8], numbers: (u64, u64, u64)) -> Item {
    let (stamp, count, refunded) = numbers;
    Item::Window { series, index: 29_833_333, key: key.to_vec(), stamp, count, refunded }
}

fn one_of_each() -> Vec<Item> {
    let fixed = series(WindowKind::Fixed, 60_000);
    let sliding = series(WindowKind::Sliding, 1_000);
    vec![
        window(fixed, b"user:1", (0, 7, 0)),
        window(fixed, b"user:2", (0, 300, 0)),
        window(fixed, b"user:3", (1_790_000_000_000 << 16 | 0xABCD, 5, 0)),
        window(fixed, b"user:4", (0, 5, 2)),
        window(sliding, b"", (1 << 16, 5, 2)),
        Item::Cell {
            key: b"cell".to_vec(),
            birth: 1_790_000_000_000 << 16 | 1,
            charged_ns: 2_000_000_000,
            tat_ns: 1_790_000_001_000_000_000,
        },
        Item::Reset { key: b"gone".to_vec(), stamp: 9 << 16, until_ms: 1_790_000_060_000 },
    ]
}

/// A counter of the keyspace in each of its forms: a hit, a SET with a deadline, what is left of
/// one that was moved and erased.
fn shares() -> Vec<Item> {
    let birth = 1_790_000_000_000 << 16 | 7;
    let born_ms = 1_790_000_000_000;
    let share = |up, down, holds, until_ms, until_stamp| Share {
        birth,
        born_ms,
        up,
        down,
        holds,
        until_ms,
        until_stamp,
    };
    let said = |share| ShareSaid { share, erased: 0, ended: 0, moved: Moved::default() };
    let moved = Moved {
        stamp: birth + 5,
        until_ms: 1_790_000_060_000,
        at_ms: 1_790_000_000_001,
        first_stamp: birth + 4,
        first_ms: 1_790_000_000_000,
    };
    let known = |share| ShareSaid { share, erased: birth - 2, ended: birth - 3, moved };
    [
        said(share(1, 0, true, NEVER_MS, 0)),
        said(share(5, 2, true, 1_790_000_060_000, birth)),
        known(share(0, 0, false, NEVER_MS, birth + 5)),
    ]
    .into_iter()
    .zip([b"hits:1", b"hits:2", b"hits:3"])
    .map(|(said, key)| Item::Share { key: key.to_vec(), said })
    .collect()
}

fn versioned(items: &[Item]) -> Vec<Versioned> {
    (40..).zip(items).map(|(version, item)| Versioned { version, item: item.clone() }).collect()
}

/// Name and bytes of one packet of every sort.
fn packets() -> Vec<(&'static str, Vec<u8>)> {
    let mut items = one_of_each();
    let mut chunk = versioned(&items);
    let shared = pack(&mut shares(), Delta::GROUPS_BYTES_MAX);
    let packs = pack(&mut items, Delta::GROUPS_BYTES_MAX);
    let chunks = pack_chunk(&mut chunk);
    let (one, two) = (Origin(0x0123_4567_89AB_CDEF), Origin(7));
    let beat = Beat {
        flush_stamp: 3 << 16,
        last_dseq: 1_000,
        oldest_dseq: 900,
        state: State::Ready,
        members: 2,
    };
    let spans = vec![Span { start: 5, count: 1 }, Span { start: 900, count: 300 }];
    let entries = vec![
        VectorEntry { origin: one, cursor: 1_000, digest: None },
        VectorEntry { origin: two, cursor: 0, digest: Some(0xFEDC_BA98_7654_3210) },
    ];
    let vector =
        Vector { flush_stamp: 0, horizon_ms: 1_790_000_000_000, part: 1, parts: 2, entries };
    let cursors = [(one, 1_000), (two, 0)];
    vec![
        ("delta", Delta::payload(3 << 16, 1_001, 1_790_000_000_123, &packs[0].groups)),
        ("beat", beat.payload()),
        ("nack", Nack { origin: one, spans }.payload()),
        ("gone", Gone { origin: one, oldest_dseq: 900 }.payload()),
        ("vector", vector.payload()),
        ("request", Frame::request(true, 3 << 16, &cursors)),
        ("roster", Frame::roster(b"members")),
        ("chunk", Frame::chunk(one, 3 << 16, &chunks[0].groups)),
        ("done", Frame::done(3 << 16, &cursors)),
        ("busy", Frame::busy()),
        ("shares", Delta::payload(3 << 16, 1_002, 1_790_000_000_124, &shared[0].groups)),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// The golden packet of a name.
fn golden(name: &str) -> Vec<u8> {
    let line = GOLDEN_1.lines().find(|line| line.split(' ').next() == Some(name));
    unhex(line.and_then(|line| line.split(' ').nth(1)).unwrap_or_else(|| panic!("no {name}")))
}

#[test]
fn version_1_is_written_as_it_was_at_first() {
    let now: String =
        packets().iter().map(|(name, bytes)| format!("{name} {}\n", hex(bytes))).collect();
    assert_eq!(now, GOLDEN_1, "the wire format of version 1 has changed:\n{now}");
}

#[test]
fn version_1_is_read_as_it_was_meant() {
    let delta = Delta::read(&golden("delta")).unwrap();
    assert_eq!((delta.flush_stamp, delta.dseq, delta.skipped), (3 << 16, 1_001, 0));
    assert_eq!(delta.flushed_ms, 1_790_000_000_123);
    let mut items: Vec<Item> = delta.items.iter().map(|versioned| versioned.item.clone()).collect();
    let mut expected = one_of_each();
    pack(&mut expected, usize::MAX);
    pack(&mut items, usize::MAX);
    assert_eq!(items, expected);
    assert!(delta.items.iter().all(|versioned| versioned.version == 1_001));
    let delta = Delta::read(&golden("shares")).unwrap();
    let items: Vec<Item> = delta.items.into_iter().map(|versioned| versioned.item).collect();
    assert_eq!(items, shares());
    let Ok(Frame::Chunk { origin, items, .. }) = Frame::read(&golden("chunk")) else {
        panic!("no chunk");
    };
    assert_eq!(origin, Origin(0x0123_4567_89AB_CDEF));
    for expected in versioned(&one_of_each()) {
        assert!(items.contains(&expected), "{expected:?}");
    }
    let vector = Vector::read(&golden("vector")).unwrap();
    assert_eq!((vector.part, vector.parts, vector.entries.len()), (1, 2, 2));
    assert_eq!(vector.entries[1].digest, Some(0xFEDC_BA98_7654_3210));
    assert_eq!(Frame::read(&golden("roster")), Ok(Frame::Roster(b"members".to_vec())));
    assert_eq!(Frame::read(&golden("busy")), Ok(Frame::Busy));
}

/// L12.
#[test]
fn what_a_later_version_adds_is_skipped_and_counted() {
    let mut items = vec![window(series(WindowKind::Fixed, 1_000), b"k", (0, 1, 0))];
    let known = pack(&mut items, usize::MAX).remove(0).groups;
    let strangers: [&[u8]; 4] = [
        // A group of unknown type, one of unknown flags, one of an unknown kind of window, one of
        // a scale beyond ours.
        &[99, 3, 1, 2, 3],
        &[1, 4, 0x80, 0, 1, 1],
        &[1, 5, 0, 7, 1, 1, 0],
        &[1, 11, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0],
    ];
    for stranger in strangers {
        let groups = [stranger, &known, stranger].concat();
        let delta = Delta::read(&Delta::payload(0, 1, 0, &groups)).unwrap();
        assert_eq!((delta.items.len(), delta.skipped), (1, 2), "{stranger:?}");
    }
    let mut longer = golden("beat");
    let beat = Beat::read(&longer).unwrap();
    longer.extend([1, 2, 3]);
    assert_eq!(Beat::read(&longer), Ok(beat));
    assert_eq!(Frame::read(&[77, 1, 2]), Ok(Frame::Unknown));
    assert_eq!(Kind::from_code(6), None);
}

#[test]
fn every_truncation_of_a_packet_is_malformed_or_a_shorter_message() {
    for (name, bytes) in packets() {
        for end in 0..bytes.len() {
            let cut = &bytes[..end];
            for kind in Kind::ALL {
                let _ = Message::read(kind, cut);
            }
            // A roster may be any bytes; a delta or chunk may end behind any whole group.
            if matches!(name, "beat" | "gone" | "vector" | "nack") {
                let kind = Kind::ALL[match name {
                    "beat" => 2,
                    "nack" => 3,
                    "gone" => 4,
                    _ => 5,
                }];
                assert_eq!(Message::read(kind, cut), Err(Malformed), "{name} of {end} bytes");
            }
        }
    }
}

#[test]
fn a_number_beyond_its_range_is_malformed() {
    let fixed = series(WindowKind::Fixed, 1_000);
    for (numbers, good) in [
        ((u64::MAX, COUNT_MAX, COUNT_MAX), true),
        ((0, COUNT_MAX + 1, 0), false),
        ((0, 0, COUNT_MAX + 1), false),
    ] {
        let groups = pack(&mut [window(fixed, b"k", numbers)], usize::MAX).remove(0).groups;
        assert_eq!(Delta::read(&Delta::payload(0, 1, 0, &groups)).is_ok(), good, "{numbers:?}");
    }
    assert_eq!(Delta::read(&Delta::payload(0, 0, 0, &[])), Err(Malformed));
    assert_eq!(Delta::read(&Delta::payload(0, DSEQ_MAX + 1, 0, &[])), Err(Malformed));
    let spans = vec![Span { start: DSEQ_MAX, count: 2 }];
    assert_eq!(Nack::read(&Nack { origin: Origin(1), spans }.payload()), Err(Malformed));
}

#[test]
fn a_declared_number_of_items_reserves_nothing() {
    // 2^60 items of a group, of a vector and of a request in a few bytes.
    let huge = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];
    let group = [&[2, 10, 0][..], &huge].concat();
    assert_eq!(Delta::read(&Delta::payload(0, 1, 0, &group)), Err(Malformed));
    assert_eq!(Vector::read(&[&[0, 0, 0, 1][..], &huge].concat()), Err(Malformed));
    assert_eq!(Frame::read(&[&[4, 0][..], &huge].concat()), Err(Malformed));
}

#[test]
fn the_longest_key_with_the_largest_numbers_fits_a_datagram() {
    let mut items = vec![
        Item::Window {
            series: series(WindowKind::Sliding, SCALE_MAX_MS),
            index: u64::MAX,
            key: vec![7; KEY_BYTES_MAX],
            stamp: u64::MAX,
            count: COUNT_MAX,
            refunded: COUNT_MAX,
        },
        Item::Cell {
            key: vec![8; KEY_BYTES_MAX],
            birth: u64::MAX,
            charged_ns: u64::MAX,
            tat_ns: u64::MAX,
        },
        Item::Reset { key: vec![9; KEY_BYTES_MAX], stamp: u64::MAX, until_ms: u64::MAX },
        Item::Share { key: vec![9; SHARED_KEY_BYTES_MAX], said: largest_share() },
    ];
    let packs = pack(&mut items, Delta::GROUPS_BYTES_MAX);
    assert_eq!(packs.len(), 4);
    for pack in packs {
        let payload = Delta::payload(u64::MAX, DSEQ_MAX, u64::MAX, &pack.groups);
        assert!(payload.len() <= PAYLOAD_BYTES_MAX, "{} bytes", payload.len());
    }
}

fn largest_share() -> ShareSaid {
    let (max, until_ms) = (u64::MAX, NEVER_MS - 1);
    let share = Share {
        birth: max,
        born_ms: max,
        up: max,
        down: max,
        holds: true,
        until_ms,
        until_stamp: max - 1,
    };
    let moved = Moved { stamp: max, until_ms, at_ms: max, first_stamp: max, first_ms: max };
    ShareSaid { share, erased: max, ended: max, moved }
}

#[test]
fn a_full_vector_and_a_full_nack_fit() {
    let entry = |origin| VectorEntry { origin: Origin(origin), cursor: DSEQ_MAX, digest: Some(1) };
    let entries: Vec<VectorEntry> = (0..ORIGINS_MAX as u64).map(entry).collect();
    let parts = Vector::cut(u64::MAX, u64::MAX, &entries);
    let mut seen = Vec::new();
    for part in &parts {
        assert!(part.payload().len() <= PAYLOAD_BYTES_MAX);
        assert_eq!(part.parts, parts.len() as u64);
        seen.extend(Vector::read(&part.payload()).unwrap().entries);
    }
    assert_eq!(seen, entries);
    let cursors: Vec<(Origin, u64)> = entries.iter().map(|e| (e.origin, e.cursor)).collect();
    assert!(Frame::request(true, u64::MAX, &cursors).len() <= FRAME_BYTES_MAX);
    let spans = (1..=64).map(|n| Span { start: n << 41, count: 1 << 40 }).collect();
    let nack = Nack { origin: Origin(1), spans };
    assert!(nack.payload().len() <= PAYLOAD_BYTES_MAX);
    assert_eq!(Nack::read(&nack.payload()), Ok(nack));
}

fn any_share() -> impl Strategy<Value = ShareSaid> {
    let number = || prop_oneof![Just(0), 1_u64..200, any::<u64>()];
    let until = || prop_oneof![Just(NEVER_MS), any::<u64>()];
    let share = (number(), number(), number(), number(), any::<bool>(), until(), number());
    let moved = (number(), until(), number(), number(), number());
    (share, number(), number(), proptest::option::of(moved)).prop_map(
        |((birth, born_ms, up, down, holds, until_ms, until_stamp), erased, ended, moved)| {
            let share = Share { birth, born_ms, up, down, holds, until_ms, until_stamp };
            let moved = moved.map(|(stamp, until_ms, at_ms, first_stamp, first_ms)| Moved {
                stamp,
                until_ms,
                at_ms,
                first_stamp,
                first_ms,
            });
            ShareSaid { share, erased, ended, moved: moved.unwrap_or_default() }
        },
    )
}

fn any_item() -> impl Strategy<Value = Item> {
    let key = || proptest::collection::vec(any::<u8>(), 0..40);
    let number = || prop_oneof![Just(0), 1_u64..200, any::<u64>()];
    let count = || prop_oneof![0_u64..200, 0..=COUNT_MAX];
    let any_series = (any::<bool>(), prop_oneof![1_u64..100_000, 1..=SCALE_MAX_MS]);
    prop_oneof![
        4 => (any_series, number(), key(), number(), count(), count()).prop_map(
            |((sliding, ms), index, key, stamp, count, refunded)| {
                let kind = if sliding { WindowKind::Sliding } else { WindowKind::Fixed };
                let series = series(kind, ms);
                Item::Window { series, index, key, stamp, count, refunded }
            }
        ),
        1 => (key(), number(), number(), number()).prop_map(|(key, birth, charged_ns, tat_ns)| {
            Item::Cell { key, birth, charged_ns, tat_ns }
        }),
        1 => (key(), number(), number())
            .prop_map(|(key, stamp, until_ms)| Item::Reset { key, stamp, until_ms }),
        2 => (key(), any_share()).prop_map(|(key, said)| Item::Share { key, said }),
    ]
}

proptest! {
    #[test]
    fn items_come_out_as_they_went_in_and_every_message_keeps_to_its_size(
        items in proptest::collection::vec(any_item(), 0..300),
        limit in 1_100_usize..1_133,
    ) {
        let mut sent = items;
        let mut got = Vec::new();
        let packs = pack(&mut sent, limit);
        for (dseq, pack) in (1..).zip(&packs) {
            prop_assert!(pack.groups.len() <= limit);
            let delta = Delta::read(&Delta::payload(1, dseq, 2, &pack.groups)).unwrap();
            prop_assert_eq!(delta.items.len(), pack.items.len());
            got.extend(delta.items.into_iter().map(|versioned| versioned.item));
        }
        prop_assert_eq!(&got, &sent);
        let mut chunk = versioned(&sent);
        let mut got = Vec::new();
        for pack in pack_chunk(&mut chunk) {
            let bytes = Frame::chunk(Origin(3), 1, &pack.groups);
            prop_assert!(bytes.len() <= FRAME_BYTES_MAX);
            let Ok(Frame::Chunk { items, .. }) = Frame::read(&bytes) else {
                return Err(TestCaseError::fail("no chunk"));
            };
            got.extend(items);
        }
        prop_assert_eq!(got, chunk);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for kind in Kind::ALL {
            if let Ok(Some(Message::Delta(delta))) = Message::read(kind, &bytes) {
                prop_assert!(3 * delta.items.len() <= bytes.len());
            }
        }
        let _ = Frame::read(&bytes);
    }

    #[test]
    fn a_flipped_byte_never_panics(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        for (_, mut bytes) in packets() {
            let at = at.index(bytes.len());
            bytes[at] = to;
            for kind in Kind::ALL {
                let _ = Message::read(kind, &bytes);
            }
            let _ = Frame::read(&bytes);
        }
    }
}
