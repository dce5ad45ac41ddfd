//! Both ends of a stream against each other, and against whoever sits between them.

use data_encoding::HEXLOWER;
use proptest::prelude::*;

use super::super::lane::{FRAME_PAYLOAD_BYTES_MAX, FrameError};
use super::super::stream::ClientStream;
use super::*;

const NOW_MS: u64 = 1_700_000_000_000;
const HELLO: Hello = Hello { sent_ms: NOW_MS, client_epoch: 5, server_epoch: 9 };
const CLIENT_NONCE: [u8; STREAM_NONCE_BYTES] = [0xc1; STREAM_NONCE_BYTES];
const SERVER_NONCE: [u8; STREAM_NONCE_BYTES] = [0x5e; STREAM_NONCE_BYTES];

fn name(name: &str) -> ClusterName {
    ClusterName::new(name).unwrap()
}

fn ring(bytes: &[u8]) -> Keyring {
    let lines: Vec<_> = bytes.iter().map(|byte| HEXLOWER.encode(&[*byte; 32])).collect();
    Keyring::parse(&lines.join("\n")).unwrap()
}

fn call(hello: &Hello, nonce: [u8; STREAM_NONCE_BYTES]) -> (ClientStream, Vec<u8>) {
    let mut out = Vec::new();
    let client =
        ClientStream::hello(&ring(&[1]), &name("ratel"), hello, nonce, b"request", &mut out);
    (client.unwrap(), out)
}

/// The stream, or the refusal; nothing if the hello is incomplete.
fn accept(callers: &mut Callers, bytes: &[u8]) -> Option<Result<ServerStream, Refusal>> {
    let (ring, name) = (ring(&[1]), name("ratel"));
    let mut bytes = bytes.to_vec();
    let accepted = callers.accept(&ring, &name, NOW_MS, SERVER_NONCE, &mut bytes).transpose()?;
    Some(accepted.map(|welcome| welcome.stream))
}

fn refusal(callers: &mut Callers, bytes: &[u8]) -> Refusal {
    accept(callers, bytes).expect("a whole hello").expect_err("no welcome")
}

/// Both ends after the hello and the server's first frame.
fn connected() -> (ClientStream, ServerStream) {
    let (mut client, hello) = call(&HELLO, CLIENT_NONCE);
    let mut server = accept(&mut Callers::new(9), &hello).unwrap().unwrap();
    let mut out = Vec::new();
    server.seal(b"first", &mut out).unwrap();
    assert!(matches!(client.open(&mut out), Received::Frame { payload: b"first", .. }));
    (client, server)
}

#[test]
fn both_ends_understand_each_other_whatever_the_pieces() {
    let (mut client, hello) = call(&HELLO, CLIENT_NONCE);
    let mut callers = Callers::new(9);
    for length in 0..hello.len() {
        assert!(accept(&mut callers, &hello[..length]).is_none(), "{length} bytes");
    }
    let mut buffer = [&hello[..], b"behind"].concat();
    let accepted =
        callers.accept(&ring(&[2, 1]), &name("ratel"), NOW_MS, SERVER_NONCE, &mut buffer);
    let Ok(Some(Welcome { mut stream, hello: heard, payload, used_bytes })) = accepted else {
        panic!("{accepted:?}");
    };
    assert_eq!((heard, payload, used_bytes), (HELLO, &b"request"[..], hello.len()));

    let mut refused = Vec::new();
    assert_eq!(client.seal(b"early", &mut refused), Err(FrameError::Unanswered));
    let (mut answers, mut frames) = (Vec::new(), [vec![1; 3], vec![], vec![2; 60_000]]);
    for frame in &frames {
        stream.seal(frame, &mut answers).unwrap();
    }
    for frame in &frames {
        for length in [0, 15, 16, 19, 20, 21].map(|length: usize| length.min(frame.len())) {
            assert_eq!(client.open(&mut answers[..length]), Received::Incomplete);
        }
        match client.open(&mut answers) {
            Received::Frame { payload, used_bytes } => {
                assert_eq!(payload, frame);
                answers.drain(..used_bytes);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(answers.is_empty());
    frames.reverse();
    for frame in &frames {
        let mut out = Vec::new();
        client.seal(frame, &mut out).unwrap();
        let used_bytes = out.len();
        assert_eq!(stream.open(&mut out), Received::Frame { payload: frame, used_bytes });
    }
}

/// Version 1 as it is on the wire for ever, computed by another implementation of HKDF and AES-GCM.
#[test]
fn a_golden_stream_of_version_1_is_sealed_bit_for_bit() {
    let (mut client, hello) = call(&HELLO, CLIENT_NONCE);
    let mut server = accept(&mut Callers::new(9), &hello).unwrap().unwrap();
    let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
    server.seal(b"roster", &mut to_client).unwrap();
    server.seal(b"chunk", &mut to_client).unwrap();
    client.open(&mut to_client.clone());
    client.seal(b"more", &mut to_server).unwrap();
    let sealed = [hello, to_client, to_server].map(|bytes| HEXLOWER.encode(&bytes));
    assert_eq!(sealed, GOLDEN);
}

const GOLDEN: [&str; 3] = [
    "104bc1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c10000002f69166c515fc2197ecfa1de6d5145d7ee0a78\
     6208890f5bea5089e380dc846d38b94852403648d9cd1bddce5ca5d4e0",
    "5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e0000001682b3f586087da493998baa4c07494ebef0fce6b2\
     3fe7000000154bf6fb2285288970c419b8f22b81f6fd1d3697456d",
    "0000001403412d7618bc8db650882414afce2abf624119a1",
];

#[test]
fn l11_every_flipped_bit_of_a_hello_is_refused_and_not_remembered() {
    let (_, hello) = call(&HELLO, CLIENT_NONCE);
    let mut callers = Callers::new(9);
    for bit in 0..hello.len() * 8 {
        let mut altered = hello.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        // A longer length waits for bytes that never come; the edge ends that.
        assert!(!matches!(accept(&mut callers, &altered), Some(Ok(_))), "bit {bit}");
        assert_eq!(callers.heard_count(), 0, "bit {bit}");
    }
    assert!(accept(&mut callers, &hello).unwrap().is_ok(), "none of it was in its way");
}

#[test]
fn l11_a_hello_is_accepted_once_by_one_server_of_one_cluster_in_time() {
    let (_, hello) = call(&HELLO, CLIENT_NONCE);
    let mut callers = Callers::new(9);
    assert!(accept(&mut callers, &hello).unwrap().is_ok());
    assert_eq!(refusal(&mut callers, &hello), Refusal::Replayed);
    assert_eq!(refusal(&mut callers, &hello[..18]), Refusal::Replayed, "before it is whole");

    let other = &mut Callers::new(10);
    assert_eq!(refusal(other, &hello), Refusal::Misdirected { epoch: 5 });
    let key_number = ring(&[1]).sealing().number();
    let mut refuse = |keys: &[u8], cluster: &str, now_ms: u64| {
        let mut bytes = hello.clone();
        other
            .accept(&ring(keys), &name(cluster), now_ms, SERVER_NONCE, &mut bytes)
            .expect_err("no welcome")
    };
    assert_eq!(refuse(&[2], "ratel", NOW_MS), Refusal::WrongKey { key_number });
    assert_eq!(refuse(&[1], "ratel2", NOW_MS), Refusal::Forged);
    assert_eq!(refusal(other, b"\x20"), Refusal::WrongVersion { version: 2 });
    assert_eq!(refusal(other, b"*1\r\n"), Refusal::Junk);
    assert_eq!(other.heard_count(), 0);

    for by_ms in [-30_001_i64, 30_001] {
        let sent_ms = NOW_MS.checked_add_signed(by_ms).unwrap();
        let (_, late) = call(&Hello { sent_ms, ..HELLO }, [7; STREAM_NONCE_BYTES]);
        assert_eq!(refusal(&mut callers, &late), Refusal::Skewed { epoch: 5, by_ms });
    }
    assert_eq!(callers.heard_count(), 1);
}

#[test]
fn a_server_answers_to_its_last_epochs() {
    let mut callers = Callers::new(9);
    (10..17).for_each(|epoch| callers.renew(epoch));
    assert!(accept(&mut callers, &call(&HELLO, [1; 16]).1).unwrap().is_ok());
    callers.renew(17);
    let refused = refusal(&mut callers, &call(&HELLO, [2; 16]).1);
    assert_eq!(refused, Refusal::Misdirected { epoch: 5 });
}

#[test]
fn remembered_hellos_are_bounded_and_kept_for_as_long_as_they_could_be_repeated() {
    let mut callers = Callers::new(9);
    for number in 0..CALLERS_MAX as u128 {
        let (_, hello) = call(&HELLO, number.to_be_bytes());
        assert!(accept(&mut callers, &hello).unwrap().is_ok());
    }
    let (_, over) = call(&HELLO, [0xff; 16]);
    assert_eq!(refusal(&mut callers, &over), Refusal::Crowded);
    let later_ms = NOW_MS + SKEW_MS_MAX;
    let (_, later) = call(&Hello { sent_ms: later_ms, ..HELLO }, [0xff; 16]);
    let mut at = |now_ms| {
        let mut bytes = later.clone();
        let (ring, name) = (ring(&[1]), name("ratel"));
        let accepted = callers.accept(&ring, &name, now_ms, SERVER_NONCE, &mut bytes);
        (matches!(accepted, Ok(Some(_))), callers.heard_count())
    };
    assert_eq!(at(later_ms), (false, CALLERS_MAX));
    assert_eq!(at(later_ms + 1), (true, 1));
}

#[test]
fn a_hello_too_short_for_its_fields_is_refused() {
    let origin = Origin {
        root: ring(&[1]).sealing().root().clone(),
        version: 1,
        name: name("ratel"),
        client_nonce: CLIENT_NONCE,
    };
    let prelude = [&[0x10, ring(&[1]).sealing().number()], &CLIENT_NONCE[..]].concat();
    let mut bytes = Vec::new();
    origin.hello().seal(&prelude, &[&[0; HELLO_BYTES - 1]], &mut bytes).unwrap();
    assert_eq!(refusal(&mut Callers::new(9), &bytes), Refusal::Junk);
}

#[test]
fn l11_every_flipped_bit_of_a_frame_ends_the_stream_or_waits_for_ever() {
    let (_, hello) = call(&HELLO, CLIENT_NONCE);
    let mut first = Vec::new();
    accept(&mut Callers::new(9), &hello).unwrap().unwrap().seal(b"first", &mut first).unwrap();
    for bit in 0..first.len() * 8 {
        let (mut client, _) = call(&HELLO, CLIENT_NONCE);
        let mut altered = first.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        match client.open(&mut altered) {
            Received::Broken => {
                assert_eq!(client.open(&mut first.clone()), Received::Broken, "bit {bit}");
            }
            Received::Incomplete => assert_eq!(bit / 8 / 4, 4, "bit {bit} is of the length"),
            frame @ Received::Frame { .. } => panic!("bit {bit}: {frame:?}"),
        }
        assert_eq!(client.seal(b"", &mut Vec::new()), Err(FrameError::Unanswered));
    }
}

#[test]
fn l11_frames_sent_back_repeated_left_out_or_of_another_stream_end_the_stream() {
    let sealed = |server: &mut ServerStream, payload: &[u8]| {
        let mut out = Vec::new();
        server.seal(payload, &mut out).unwrap();
        out
    };
    let (mut client, mut server) = connected();
    let (one, two) = (sealed(&mut server, b"one"), sealed(&mut server, b"two"));
    assert_eq!(server.open(&mut one.clone()), Received::Broken, "sent back");
    assert!(matches!(client.open(&mut one.clone()), Received::Frame { .. }));
    assert_eq!(client.open(&mut one.clone()), Received::Broken, "repeated");
    assert_eq!(client.open(&mut two.clone()), Received::Broken, "it stays broken");
    let (mut client, _) = connected();
    assert_eq!(client.open(&mut two.clone()), Received::Broken, "left out");

    let (mut other, hello) = call(&HELLO, [0xc2; STREAM_NONCE_BYTES]);
    let mut server = accept(&mut Callers::new(9), &hello).unwrap().unwrap();
    let mut out = sealed(&mut server, b"first");
    assert!(matches!(call(&HELLO, CLIENT_NONCE).0.open(&mut out.clone()), Received::Broken));
    assert!(matches!(other.open(&mut out), Received::Frame { .. }));
}

#[test]
fn two_answers_to_one_hello_share_no_key() {
    let answer = |nonce| {
        let (_, mut hello) = call(&HELLO, CLIENT_NONCE);
        let accepted =
            Callers::new(9).accept(&ring(&[1]), &name("ratel"), NOW_MS, nonce, &mut hello);
        let Ok(Some(mut welcome)) = accepted else { panic!("{accepted:?}") };
        let mut out = Vec::new();
        welcome.stream.seal(&[0; 64], &mut out).unwrap();
        out[STREAM_NONCE_BYTES + 4..].to_vec()
    };
    assert_eq!(answer([1; 16]), answer([1; 16]));
    assert_ne!(answer([1; 16]), answer([2; 16]));
}

#[test]
fn a_payload_that_does_not_fit_spends_nothing() {
    let mut out = Vec::new();
    let bytes = FRAME_PAYLOAD_BYTES_MAX + 1;
    let refused = ClientStream::hello(
        &ring(&[1]),
        &name("ratel"),
        &HELLO,
        CLIENT_NONCE,
        &vec![0; bytes - HELLO_BYTES],
        &mut out,
    );
    assert_eq!(refused.unwrap_err(), FrameError::TooLong { bytes });
    let (mut client, mut server) = connected();
    assert_eq!(server.seal(&vec![0; bytes], &mut out), Err(FrameError::TooLong { bytes }));
    assert!(out.is_empty());
    server.seal(b"fits", &mut out).unwrap();
    assert!(matches!(client.open(&mut out), Received::Frame { payload: b"fits", .. }));
}

proptest! {
    #[test]
    fn l11_any_bytes_are_no_hello_and_no_frame(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut callers = Callers::new(9);
        prop_assert!(!matches!(accept(&mut callers, &bytes), Some(Ok(_))));
        prop_assert_eq!(callers.heard_count(), 0);
        let (mut client, mut server) = connected();
        let taken = matches!(client.open(&mut bytes.clone()), Received::Frame { .. });
        prop_assert!(!taken, "by the client");
        let taken = matches!(server.open(&mut bytes.clone()), Received::Frame { .. });
        prop_assert!(!taken, "by the server");
    }
}
