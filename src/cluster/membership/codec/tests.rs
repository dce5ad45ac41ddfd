use foca::Codec as _;
use proptest::prelude::*;

use super::*;

fn ipv4() -> Identity {
    let addr = SocketAddr::from(([10, 1, 2, 3], 7946));
    Identity::new(addr, 0x0102_0304_0506_0708, Origin(0x1112_1314_1516_1718), (1, 2))
}

fn ipv6() -> Identity {
    let addr = "[2001:db8::5]:258".parse().unwrap();
    Identity::new(addr, 3, Origin(4), (5, 6))
}

fn header(message: Message<Identity>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let header = Header { src: ipv4(), src_incarnation: 0x2122, dst: ipv6(), message };
    Codec.encode_header(&header, &mut bytes).unwrap();
    assert_eq!(Codec.decode_header(&bytes[..]), Ok(header));
    bytes
}

const IPV4: &str = "00000000000000000000ffff0a010203 1f0a 0102030405060708 1112131415161718 01 02";
const IPV6: &str = "20010db8000000000000000000000005 0102 0000000000000003 0000000000000004 05 06";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_bytes_of_every_kind_are_frozen() {
    let third = ipv4();
    for (message, kind, probe, with_third) in [
        (Message::Ping(7), "00", "07", false),
        (Message::Ack(255), "01", "ff", false),
        (Message::PingReq { target: third, probe_number: 7 }, "02", "07", true),
        (Message::IndirectPing { origin: third, probe_number: 7 }, "03", "07", true),
        (Message::IndirectAck { target: third, probe_number: 7 }, "04", "07", true),
        (Message::ForwardedAck { origin: third, probe_number: 7 }, "05", "07", true),
        (Message::Announce, "06", "00", false),
        (Message::Feed, "07", "00", false),
        (Message::Gossip, "08", "00", false),
        (Message::TurnUndead, "0a", "00", false),
    ] {
        let third = if with_third { IPV4 } else { "" };
        let golden = format!("{IPV4} 2122 {IPV6} {kind} {probe} {third}").replace(' ', "");
        assert_eq!(hex(&header(message.clone())), golden, "{message:?}");
    }
}

#[test]
fn the_bytes_of_a_member_are_frozen() {
    for (state, last) in [(State::Alive, "00"), (State::Suspect, "01"), (State::Down, "02")] {
        let member = Member::new(ipv4(), 0x2122, state);
        let mut bytes = Vec::new();
        Codec.encode_member(&member, &mut bytes).unwrap();
        assert_eq!(hex(&bytes), format!("{IPV4} 2122 {last}").replace(' ', ""));
        assert_eq!(bytes.len(), MEMBER_BYTES);
        assert_eq!(Codec.decode_member(&bytes[..]), Ok(member));
    }
}

#[test]
fn a_part_that_does_not_fit_leaves_the_buffer_as_it_was() {
    for room in 0..MEMBER_BYTES {
        let mut space = [0xEE; MEMBER_BYTES];
        let member = Member::new(ipv4(), 1, State::Alive);
        assert_eq!(Codec.encode_member(&member, &mut space[..room]), Err(CodecError::Full));
        assert_eq!(space, [0xEE; MEMBER_BYTES]);
    }
    let ask = Message::PingReq { target: ipv4(), probe_number: 1 };
    let header = Header { src: ipv4(), src_incarnation: 0, dst: ipv6(), message: ask };
    let mut space = [0xEE; 111];
    assert_eq!(Codec.encode_header(&header, &mut space[..]), Err(CodecError::Full));
    assert_eq!(space, [0xEE; 111]);
}

#[test]
fn every_cut_is_an_error() {
    let ask = header(Message::PingReq { target: ipv4(), probe_number: 1 });
    for length in 0..ask.len() {
        assert_eq!(Codec.decode_header(&ask[..length]), Err(CodecError::Short), "{length}");
    }
    for length in 0..MEMBER_BYTES {
        assert_eq!(Codec.decode_member(&ask[..length]), Err(CodecError::Short), "{length}");
    }
}

#[test]
fn what_names_no_member_is_refused() {
    let good = header(Message::Announce);
    let decode = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        Codec.decode_header(&bytes[..])
    };
    assert_eq!(decode(74, 9), Err(CodecError::Kind(9)), "broadcasts are never taken");
    assert_eq!(decode(74, 11), Err(CodecError::Kind(11)));
    assert_eq!(decode(75, 1), Err(CodecError::Probe(1)));
    assert_eq!(decode(34, 3), Err(CodecError::Protocols));
    assert_eq!(decode(12, 224), Err(CodecError::Address), "a group");
    let mut portless = good.clone();
    portless[16..18].fill(0);
    assert_eq!(Codec.decode_header(&portless[..]), Err(CodecError::Address));
}

proptest! {
    #[test]
    fn any_bytes_are_a_header_that_encodes_to_itself_or_an_error(
        noise in prop::collection::vec(any::<u8>(), 0..130), kind in 0u8..12, shaped: bool,
    ) {
        let mut bytes = noise;
        if shaped && bytes.len() > 75 {
            bytes[74] = kind;
            (bytes[34], bytes[72]) = (0, 0);
        }
        let mut rest = &bytes[..];
        if let Ok(header) = Codec.decode_header(&mut rest) {
            let mut again = Vec::new();
            Codec.encode_header(&header, &mut again).unwrap();
            prop_assert_eq!(&again[..], &bytes[..bytes.len() - rest.len()]);
        }
    }

    #[test]
    fn any_bytes_are_a_member_that_encodes_to_itself_or_an_error(
        noise in prop::collection::vec(any::<u8>(), 0..60), state in 0u8..4, shaped: bool,
    ) {
        let mut bytes = noise;
        if shaped && bytes.len() >= MEMBER_BYTES {
            (bytes[34], bytes[38]) = (0, state);
        }
        let mut rest = &bytes[..];
        if let Ok(member) = Codec.decode_member(&mut rest) {
            let mut again = Vec::new();
            Codec.encode_member(&member, &mut again).unwrap();
            prop_assert_eq!(&again[..], &bytes[..bytes.len() - rest.len()]);
        }
    }
}
