//! What an opener takes, and that nothing else leaves a trace in it.

use super::super::envelope::{DATAGRAM_BYTES_DEFAULT, SealError, Sealer};
use super::*;
use data_encoding::HEXLOWER;
use proptest::prelude::*;

const NOW_MS: u64 = 1_700_000_000_000;
const OWN: u64 = 99;

fn name(name: &str) -> ClusterName {
    ClusterName::new(name).unwrap()
}

fn ring(bytes: &[u8]) -> Keyring {
    let lines: Vec<_> = bytes.iter().map(|byte| HEXLOWER.encode(&[*byte; 32])).collect();
    Keyring::parse(&lines.join("\n")).unwrap()
}

fn sealer(keys: &[u8], epoch: u64) -> Sealer {
    Sealer::new(&ring(keys), name("ratel"), epoch, DATAGRAM_BYTES_DEFAULT)
}

fn opener(keys: &[u8]) -> Opener {
    Opener::new(ring(keys), name("ratel"), OWN)
}

fn seal(sealer: &mut Sealer, now_ms: u64, payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::new();
    sealer.seal(Kind::DELTA, now_ms, payload, &mut datagram).unwrap();
    datagram
}

fn opens(opener: &mut Opener, datagram: &[u8]) -> bool {
    opener.open(NOW_MS, &mut datagram.to_vec()).is_ok()
}

/// Everything that an opener remembers, but for keys.
fn state(opener: &Opener) -> String {
    format!("{:?}", opener.epochs)
}

#[test]
fn what_was_sealed_is_opened() {
    let mut datagram = seal(&mut sealer(&[1], 5), NOW_MS + 20, b"payload");
    assert_eq!(
        opener(&[2, 1]).open(NOW_MS, &mut datagram),
        Ok(Opened {
            version: 1,
            kind: Kind::DELTA,
            epoch: 5,
            seq: 1,
            sent_ms: NOW_MS + 20,
            payload: b"payload",
        })
    );
}

/// Version 1 as it is on the wire for ever: a build that cannot open these has broken it. The bytes
/// were computed by another implementation of HKDF and AES-GCM.
#[test]
fn golden_datagrams_of_version_1_are_sealed_and_opened_bit_for_bit() {
    let payloads: [&[u8]; 3] = [b"", b"ratel", &[0xff; 40]];
    let mut sealer = sealer(&[0x11], 0x0123_4567_89ab_cdef);
    let mut opener = opener(&[0x11]);
    for (payload, golden) in payloads.into_iter().zip(GOLDEN) {
        let datagram = seal(&mut sealer, NOW_MS, payload);
        assert_eq!(HEXLOWER.encode(&datagram), golden);
        let mut golden = HEXLOWER.decode(golden.as_bytes()).unwrap();
        match opener.open(NOW_MS, &mut golden) {
            Ok(opened) => assert_eq!(opened.payload, payload),
            Err(refused) => panic!("{refused:?}"),
        }
    }
}

const GOLDEN: [&str; 3] = [
    "116a0123456789abcdef000000000001018bcfe568000bd1919f8646a9bc6e6cd20f1fa0c38d",
    "116a0123456789abcdef000000000002018bcfe56800a560c01c7fca23c5c236d94f02e9d2a3c3e1\
     9a8fc2",
    "116a0123456789abcdef000000000003018bcfe5680092aabb6f23ca80756aaef3e175270c3443da\
     9a66b020f42f97fc96135a7cbabdc66d64ba54ae7c8c9ec0716482194dff4ec78ca7468c678a",
];

#[test]
fn l11_a_datagram_of_another_key_name_or_version_changes_nothing() {
    let mut opener = opener(&[1]);
    assert!(opens(&mut opener, &seal(&mut sealer(&[1], 5), NOW_MS, b"x")));
    let before = state(&opener);
    let key_number = ring(&[2]).sealing().number();
    let mut foreign = seal(&mut sealer(&[2], 6), NOW_MS, b"x");
    assert_eq!(opener.open(NOW_MS, &mut foreign), Err(Refusal::WrongKey { key_number }));
    let mut other = Sealer::new(&ring(&[1]), name("ratel2"), 6, DATAGRAM_BYTES_DEFAULT);
    assert_eq!(opener.open(NOW_MS, &mut seal(&mut other, NOW_MS, b"x")), Err(Refusal::Forged));
    for version in [0, 2, 15] {
        let mut datagram = seal(&mut sealer(&[1], 6), NOW_MS, b"x");
        datagram[0] = version << 4;
        assert_eq!(opener.open(NOW_MS, &mut datagram), Err(Refusal::WrongVersion { version }));
    }
    assert_eq!(state(&opener), before);
}

#[test]
fn l11_every_flipped_bit_and_every_truncation_changes_nothing() {
    let (mut sealer, mut opener) = (sealer(&[1], 5), opener(&[1]));
    assert!(opens(&mut opener, &seal(&mut sealer, NOW_MS, b"first")));
    let before = state(&opener);
    let datagram = seal(&mut sealer, NOW_MS, b"second datagram");
    for bit in 0..datagram.len() * 8 {
        let mut altered = datagram.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(!opens(&mut opener, &altered), "bit {bit}");
        assert_eq!(state(&opener), before, "bit {bit}");
    }
    for length in 0..datagram.len() {
        assert!(!opens(&mut opener, &datagram[..length]), "{length} bytes");
        assert!(!opens(&mut opener, &datagram[datagram.len() - length..]), "last {length}");
        assert_eq!(state(&opener), before, "{length} bytes");
    }
    assert!(!opens(&mut opener, &[&datagram[..], &[0]].concat()));
    assert_eq!(state(&opener), before);
    assert!(opens(&mut opener, &datagram), "none of it was in its way");
}

#[test]
fn l11_a_repeated_datagram_changes_nothing() {
    let (mut sealer, mut opener) = (sealer(&[1], 5), opener(&[1]));
    let datagrams: Vec<_> = (0..1500).map(|_| seal(&mut sealer, NOW_MS, b"x")).collect();
    for datagram in datagrams.iter().skip(1).step_by(2) {
        assert!(opens(&mut opener, datagram));
    }
    let before = state(&opener);
    for datagram in datagrams.iter().skip(1).step_by(2) {
        assert_eq!(opener.open(NOW_MS, &mut datagram.clone()), Err(Refusal::Replayed));
    }
    assert_eq!(state(&opener), before);
    let late = datagrams.iter().step_by(2).filter(|late| opens(&mut opener, late)).count();
    assert_eq!(late, 512, "what is inside the window of 1,024 is taken late");
}

#[test]
fn an_own_datagram_that_comes_back_is_a_repeated_one() {
    let mut opener = opener(&[1]);
    let mut echo = seal(&mut sealer(&[1], OWN), NOW_MS, b"x");
    assert_eq!(opener.open(NOW_MS, &mut echo.clone()), Err(Refusal::Replayed));
    opener.renew(100);
    let mut later = seal(&mut sealer(&[1], 100), NOW_MS, b"x");
    assert_eq!(opener.open(NOW_MS, &mut later), Err(Refusal::Replayed));
    assert!(opener.open(NOW_MS, &mut echo).is_ok(), "a past life");
}

#[test]
fn a_datagram_over_thirty_seconds_off_is_skewed_and_not_remembered() {
    let (mut sealer, mut opener) = (sealer(&[1], 5), opener(&[1]));
    for (known, epochs) in [(false, 0), (true, 1)] {
        if known {
            assert!(opens(&mut opener, &seal(&mut sealer, NOW_MS, b"x")));
        }
        for by_ms in [-30_001_i64, 30_001] {
            let sent_ms = NOW_MS.checked_add_signed(by_ms).unwrap();
            let datagram = seal(&mut sealer, sent_ms, b"x");
            for _ in 0..2 {
                let mut datagram = datagram.clone();
                let outcome = opener.open(NOW_MS, &mut datagram);
                assert_eq!(outcome, Err(Refusal::Skewed { epoch: 5, by_ms }));
            }
            assert_eq!(opener.epoch_count(), epochs);
        }
    }
    for sent_ms in [NOW_MS - 30_000, NOW_MS + 30_000] {
        assert!(opens(&mut opener, &seal(&mut sealer, sent_ms, b"x")));
    }
}

#[test]
fn rotation_by_add_promote_and_remove_loses_nobody() {
    // Node a is always one step ahead of node b.
    let steps: [(&[u8], &[u8]); 7] = [
        (&[1], &[1]),
        (&[1, 2], &[1]),
        (&[1, 2], &[1, 2]),
        (&[2, 1], &[1, 2]),
        (&[2, 1], &[2, 1]),
        (&[2], &[2, 1]),
        (&[2], &[2]),
    ];
    let (mut seal_a, mut seal_b) = (sealer(&[1], 5), sealer(&[1], 6));
    let (mut open_a, mut open_b) = (opener(&[1]), opener(&[1]));
    for (a, b) in steps {
        seal_a.rekey(&ring(a));
        open_a.rekey(ring(a));
        seal_b.rekey(&ring(b));
        open_b.rekey(ring(b));
        for _ in 0..3 {
            let (from_a, from_b) =
                (seal(&mut seal_a, NOW_MS, b"a"), seal(&mut seal_b, NOW_MS, b"b"));
            assert!(opens(&mut open_b, &from_a) && opens(&mut open_a, &from_b), "{a:?} {b:?}");
            assert_eq!(open_b.open(NOW_MS, &mut from_a.clone()), Err(Refusal::Replayed));
        }
    }
    let mut removed = seal(&mut sealer(&[1], 7), NOW_MS, b"x");
    assert!(matches!(open_a.open(NOW_MS, &mut removed), Err(Refusal::WrongKey { .. })));
}

#[test]
fn a_repeated_datagram_stays_known_through_a_change_of_keys() {
    let mut opener = opener(&[1]);
    let datagram = seal(&mut sealer(&[1], 5), NOW_MS, b"x");
    assert!(opens(&mut opener, &datagram));
    opener.rekey(ring(&[2, 1]));
    assert_eq!(opener.open(NOW_MS, &mut datagram.clone()), Err(Refusal::Replayed));
}

#[test]
fn a_key_replaced_by_another_of_the_same_number_opens_nothing_more() {
    let number = |byte: u8| ring(&[byte]).sealing().number();
    let (old, new) = (1..=255_u8)
        .flat_map(|old| (1..old).map(move |new| (old, new)))
        .find(|(old, new)| number(*old) == number(*new))
        .expect("255 keys and 256 numbers");
    let (mut old_sealer, mut opener) = (sealer(&[old], 5), opener(&[old]));
    assert!(opens(&mut opener, &seal(&mut old_sealer, NOW_MS, b"x")));
    opener.rekey(ring(&[new]));
    let mut late = seal(&mut old_sealer, NOW_MS, b"x");
    assert_eq!(opener.open(NOW_MS, &mut late), Err(Refusal::Forged));
    old_sealer.rekey(&ring(&[new]));
    assert!(opens(&mut opener, &seal(&mut old_sealer, NOW_MS, b"x")));
}

#[test]
fn epochs_are_bounded_and_only_those_out_of_reach_of_a_replay_are_forgotten() {
    let mut opener = opener(&[1]);
    let mut first = Vec::new();
    for epoch in 0..EPOCHS_MAX as u64 {
        let datagram = seal(&mut sealer(&[1], 1000 + epoch), NOW_MS + epoch, b"x");
        assert!(opens(&mut opener, &datagram));
        if epoch == 0 {
            first = datagram;
        }
    }
    let later_ms = NOW_MS + 30_000;
    let mut open = |at_ms, datagram: &[u8]| {
        let opened = opener.open(at_ms, &mut datagram.to_vec()).is_ok();
        assert_eq!(opener.epoch_count(), EPOCHS_MAX);
        opened
    };
    let next = seal(&mut sealer(&[1], 1), later_ms, b"x");
    assert!(!open(later_ms, &next), "the first could still be repeated");
    assert!(open(later_ms + 1, &next), "the first is out of reach");
    assert!(!open(later_ms + 1, &first), "and stays out");
    let second = seal(&mut sealer(&[1], 2), later_ms, b"x");
    assert!(!open(later_ms + 1, &second), "one place was free");
}

#[test]
fn a_datagram_of_jumbo_length_opens_and_a_longer_one_is_junk() {
    let mut sealer = Sealer::new(&ring(&[1]), name("ratel"), 5, DATAGRAM_BYTES_MAX);
    let payload = vec![3; sealer.payload_bytes_max()];
    let datagram = seal(&mut sealer, NOW_MS, &payload);
    assert_eq!(datagram.len(), DATAGRAM_BYTES_MAX);
    assert!(opens(&mut opener(&[1]), &datagram));
    let mut long = [&datagram[..], &[0]].concat();
    assert_eq!(opener(&[1]).open(NOW_MS, &mut long), Err(Refusal::Junk));
    let refused = sealer.seal(Kind::DELTA, NOW_MS, &[3; 8900], &mut long);
    assert!(matches!(refused, Err(SealError::TooLong { .. })));
}

proptest! {
    #[test]
    fn l11_any_change_of_any_datagram_changes_nothing(
        payload in prop::collection::vec(any::<u8>(), 0..200),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4),
        epoch in 100..u64::MAX,
    ) {
        let (mut sealer, mut opener) = (sealer(&[1], epoch), opener(&[1]));
        let datagram = seal(&mut sealer, NOW_MS, &payload);
        let mut altered = datagram.clone();
        for (at, flip) in changes {
            altered[at.index(datagram.len())] ^= flip;
        }
        prop_assume!(altered != datagram);
        prop_assert!(!opens(&mut opener, &altered));
        prop_assert_eq!(opener.epoch_count(), 0);
        prop_assert!(opens(&mut opener, &datagram));
        prop_assert!(!opens(&mut opener, &altered));
        prop_assert_eq!(opener.epoch_count(), 1);
    }

    #[test]
    fn l11_any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..1300)) {
        let mut opener = opener(&[1]);
        prop_assert!(!opens(&mut opener, &bytes));
        prop_assert_eq!(opener.epoch_count(), 0);
    }
}
