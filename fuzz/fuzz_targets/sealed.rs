//! Sealed datagrams and hellos from somebody who knows the key: arbitrary bytes, and authentic ones
//! that are altered, repeated, cut or sealed at any time. Nothing panics, what was not sealed does
//! not open, what was sealed opens once, and tables keep their bounds.
#![no_main]

use std::collections::BTreeSet;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ratel::cluster::seal::ClusterName;
use ratel::cluster::seal::callers::{CALLERS_MAX, Callers};
use ratel::cluster::seal::envelope::{DATAGRAM_BYTES_DEFAULT, Kind, Sealer};
use ratel::cluster::seal::keyring::Keyring;
use ratel::cluster::seal::lane::Received;
use ratel::cluster::seal::opener::{EPOCHS_MAX, Opener};
use ratel::cluster::seal::stream::{ClientStream, Hello};

const OWN_EPOCH: u64 = 0;

/// One arrival.
#[derive(Arbitrary, Debug)]
enum Step {
    /// Bytes that nobody sealed.
    Raw(Vec<u8>),
    /// A datagram of one of a few epochs, altered where `flips` says, arriving `times` times.
    Sealed { epoch: u8, kind: u8, sent_ms: u32, payload: Vec<u8>, flips: Vec<(u16, u8)>, times: u8 },
    /// A hello, altered where `flips` says, cut to `length`.
    Called { nonce: u8, hello: [u32; 3], flips: Vec<(u16, u8)>, length: u16 },
    /// The clock goes on.
    Later(u16),
}

struct World {
    ring: Keyring,
    name: ClusterName,
    now_ms: u64,
    sealers: Vec<Sealer>,
    opener: Opener,
    callers: Callers,
    opened: BTreeSet<(u64, u64)>,
}

fuzz_target!(|steps: Vec<Step>| {
    let ring = Keyring::parse(&"7f".repeat(32)).expect("a key");
    let name = ClusterName::new("fuzz").expect("a short name");
    let sealer = |epoch| Sealer::new(&ring, name.clone(), epoch, DATAGRAM_BYTES_DEFAULT);
    let mut world = World {
        now_ms: 1 << 20,
        sealers: (0..4).map(sealer).collect(),
        opener: Opener::new(ring.clone(), name.clone(), OWN_EPOCH),
        callers: Callers::new(OWN_EPOCH),
        opened: BTreeSet::new(),
        ring,
        name,
    };
    for step in steps {
        world.step(step);
        assert!(world.opener.epoch_count() <= EPOCHS_MAX);
        assert!(world.callers.heard_count() <= CALLERS_MAX);
    }
});

impl World {
    fn step(&mut self, step: Step) {
        match step {
            Step::Raw(bytes) => self.raw(&bytes),
            Step::Sealed { epoch, kind, sent_ms, payload, flips, times } => {
                let sealer = &mut self.sealers[usize::from(epoch % 4)];
                let kind = Kind::new(kind % 16).expect("below 16");
                let mut datagram = Vec::new();
                if sealer.seal(kind, u64::from(sent_ms), &payload, &mut datagram).is_err() {
                    assert!(payload.len() > sealer.payload_bytes_max());
                    return;
                }
                let authentic = !alter(&mut datagram, &flips);
                for _ in 0..times % 4 {
                    self.datagram(&datagram, authentic, &payload);
                }
            }
            Step::Called { nonce, hello: [sent_ms, client, server], flips, length } => {
                let hello = Hello {
                    sent_ms: sent_ms.into(),
                    client_epoch: client.into(),
                    server_epoch: u64::from(server % 2),
                };
                self.call(nonce, &hello, &flips, usize::from(length));
            }
            Step::Later(ms) => self.now_ms += u64::from(ms),
        }
    }

    fn raw(&mut self, bytes: &[u8]) {
        assert!(self.opener.open(self.now_ms, &mut bytes.to_vec()).is_err());
        let mut bytes = bytes.to_vec();
        let accepted =
            self.callers.accept(&self.ring, &self.name, self.now_ms, [1; 16], &mut bytes);
        assert!(!matches!(accepted, Ok(Some(_))));
    }

    fn datagram(&mut self, datagram: &[u8], authentic: bool, payload: &[u8]) {
        let mut bytes = datagram.to_vec();
        if let Ok(opened) = self.opener.open(self.now_ms, &mut bytes) {
            assert!(authentic && opened.epoch != OWN_EPOCH);
            assert_eq!(opened.payload, payload);
            assert!(opened.sent_ms.abs_diff(self.now_ms) <= 30_000);
            assert!(self.opened.insert((opened.epoch, opened.seq)), "opened twice");
        }
    }

    fn call(&mut self, nonce: u8, hello: &Hello, flips: &[(u16, u8)], length: usize) {
        let mut bytes = Vec::new();
        let mut client =
            ClientStream::hello(&self.ring, &self.name, hello, [nonce; 16], b"request", &mut bytes)
                .expect("a short payload");
        let authentic = !alter(&mut bytes, flips);
        bytes.truncate(length);
        let accepted =
            self.callers.accept(&self.ring, &self.name, self.now_ms, [2; 16], &mut bytes);
        if let Ok(Some(mut welcome)) = accepted {
            assert!(authentic && hello.server_epoch == OWN_EPOCH);
            assert_eq!((welcome.hello, welcome.payload), (*hello, &b"request"[..]));
            let mut answer = Vec::new();
            welcome.stream.seal(b"answer", &mut answer).expect("a short payload");
            let altered = alter(&mut answer, flips);
            let received = client.open(&mut answer);
            assert_eq!(matches!(received, Received::Frame { payload: b"answer", .. }), !altered);
        }
    }
}

/// Alters the bytes where `flips` says; whether they differ now.
fn alter(bytes: &mut [u8], flips: &[(u16, u8)]) -> bool {
    let before = bytes.to_vec();
    for (at, flip) in flips {
        let at = usize::from(*at) % bytes.len();
        bytes[at] ^= flip;
    }
    before != bytes
}
