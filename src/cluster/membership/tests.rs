use bytes::BufMut;
use foca::{Message, State};
use proptest::prelude::*;

use super::*;

const NOW_MS: u64 = 1_790_000_000_000;

fn life(node: u16, gen_ms: u64) -> Identity {
    let [high, low] = node.to_be_bytes();
    Identity::new(SocketAddr::from(([10, 0, high, low], 7946)), gen_ms, Origin(1), (1, 1))
}

fn alone() -> Membership {
    Membership::new(life(0, NOW_MS), PACKET_BYTES_MAX, 1)
}

fn packet(
    from: Identity,
    to: Identity,
    message: Message<Identity>,
    news: &[Member<Identity>],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let header = Header { src: from, src_incarnation: 0, dst: to, message };
    Codec.encode_header(&header, &mut bytes).unwrap();
    if !news.is_empty() {
        bytes.put_u16(u16::try_from(news.len()).unwrap());
        news.iter().for_each(|member| Codec.encode_member(member, &mut bytes).unwrap());
    }
    bytes
}

fn hear(node: &mut Membership, from: Identity, message: Message<Identity>) -> Effects {
    let bytes = packet(from, *node.identity(), message, &[]);
    node.on_packet(NOW_MS, from.addr, &bytes)
}

#[test]
fn the_101st_node_is_neither_listed_nor_answered_but_counted() {
    let mut node = alone();
    for other in 1..=99 {
        let effects = hear(&mut node, life(other, 1), Message::Announce);
        assert_eq!(effects.events, [MemberEvent::Up(life(other, 1))]);
        assert_eq!(effects.send.len(), 1, "a feed");
    }
    for other in 100..110 {
        let effects = hear(&mut node, life(other, 1), Message::Announce);
        assert!(effects.events.is_empty() && effects.send.is_empty());
    }
    assert_eq!(node.tally().refused, 10);
    let news: Vec<_> = (110..115).map(|other| Member::alive(life(other, 1))).collect();
    let gossip = packet(life(1, 1), *node.identity(), Message::Gossip, &news);
    let effects = node.on_packet(NOW_MS, life(1, 1).addr, &gossip);
    assert!(effects.events.is_empty(), "{:?}", effects.events);
    assert_eq!(node.tally().refused, 15);
    assert_eq!(node.active().count(), MEMBERS_MAX - 1);
    assert_eq!(node.tally().unexpected, 0);
    // One that is listed may still be restarted.
    let effects = hear(&mut node, life(7, 2), Message::Announce);
    let renamed = MemberEvent::Renamed { old: life(7, 1), new: life(7, 2) };
    assert_eq!((effects.events, effects.send.len()), (vec![renamed], 1));
}

#[test]
fn members_that_are_gone_are_bounded_and_forgotten_after_a_day() {
    let mut node = alone();
    for batch in 0..20u16 {
        let gone = (0..25).map(|at| Member::down(life(1 + batch * 25 + at, 1)));
        let mut roster = Vec::new();
        gone.for_each(|member| Codec.encode_member(&member, &mut roster).unwrap());
        node.apply_roster(NOW_MS + u64::from(batch), &roster).unwrap();
    }
    assert_eq!(node.members().count(), INACTIVE_MAX);
    assert!(node.members().all(|it| it.since_ms >= NOW_MS + 9), "the longest gone went first");
    assert_eq!(node.timer_count(), 0, "no timer a member");
    node.on_timer(NOW_MS + FORGET_AFTER_MS + 20);
    assert_eq!(node.members().count(), 0);
    assert_eq!(node.roster().len(), MEMBER_BYTES, "only itself");
}

#[test]
fn a_roster_makes_a_joiner_know_all_and_a_bad_one_changes_nothing() {
    let mut node = alone();
    for other in 1..=60 {
        hear(&mut node, life(other, 1), Message::Announce);
    }
    let roster = node.roster();
    let mut joiner = Membership::new(life(500, 1), PACKET_BYTES_MAX, 2);
    assert!(joiner.apply_roster(NOW_MS, &roster[1..]).is_err());
    assert_eq!(
        joiner.apply_roster(NOW_MS, &roster[..roster.len() - 1]).unwrap_err(),
        CodecError::Short
    );
    let long = roster.repeat(6);
    assert_eq!(joiner.apply_roster(NOW_MS, &long).unwrap_err(), CodecError::Full);
    assert_eq!(joiner.members().count(), 0);
    let effects = joiner.apply_roster(NOW_MS, &roster).unwrap();
    assert_eq!(effects.events.len(), 61);
    assert_eq!(joiner.active().count(), 61);
}

/// Law L7: no storm, whatever peers say.
#[test]
fn a_flood_of_death_notices_is_answered_by_at_most_64_renewals_a_second() {
    let mut node = alone();
    hear(&mut node, life(1, 1), Message::Announce);
    let mut sent = 0;
    for _ in 0..5_000 {
        sent += hear(&mut node, life(1, 1), Message::TurnUndead).send.len();
    }
    assert_eq!(node.tally().renewals, 64);
    assert!(sent <= 64 * 3, "{sent} packets");
    assert!(node.identity().gen_ms < NOW_MS + (1 << 48), "generations are left");
    assert!(node.timer_count() <= 8);
    let next_ms = node.on_timer(NOW_MS + 1).next_timer_ms.unwrap();
    assert!(next_ms > NOW_MS + 1 && next_ms <= NOW_MS + QUIET_MS, "it is not given up");
    let events = node.on_timer(NOW_MS + QUIET_MS).events;
    assert_eq!(events, [MemberEvent::Renewed(*node.identity())]);
}

#[test]
fn what_is_no_message_is_counted_and_changes_nothing() {
    let mut node = alone();
    let effects = node.on_packet(NOW_MS, life(1, 1).addr, b"hello");
    assert!(effects.send.is_empty() && effects.events.is_empty());
    let mut long = packet(life(1, 1), life(0, NOW_MS), Message::Gossip, &[]);
    long.resize(PACKET_BYTES_MAX + 1, 0);
    node.on_packet(NOW_MS, life(1, 1).addr, &long);
    assert_eq!(node.tally().malformed, 2);
    let own = packet(life(0, 5), life(0, NOW_MS), Message::Gossip, &[]);
    node.on_packet(NOW_MS, life(0, 5).addr, &own);
    assert_eq!(node.tally().own_address, 1);
    assert_eq!(node.members().count(), 0);
    let lost = packet(life(1, 1), life(0, NOW_MS), Message::Announce, &[]);
    node.on_packet(NOW_MS, life(9, 1).addr, &lost);
    assert_eq!(node.tally().address_mismatch, 1);
}

#[test]
fn a_goodbye_reaches_each_member_three_times_and_silences_the_node() {
    let mut node = alone();
    for other in 1..=9 {
        hear(&mut node, life(other, 1), Message::Announce);
    }
    let mut next_ms = Some(NOW_MS);
    let mut to = Vec::new();
    let mut effects = node.leave(NOW_MS);
    while let Some(at_ms) = effects.next_timer_ms {
        to.extend(effects.send.iter().map(|(addr, _)| *addr));
        next_ms = Some(at_ms);
        effects = node.on_timer(at_ms);
    }
    to.extend(effects.send.iter().map(|(addr, _)| *addr));
    to.sort();
    let expected = (1..=9).flat_map(|other| [life(other, 1).addr; 3]);
    assert_eq!(to, expected.collect::<Vec<_>>());
    assert_eq!(next_ms, Some(NOW_MS + 2 * GOODBYE_GAP_MS));
    for effects in [
        hear(&mut node, life(1, 1), Message::TurnUndead),
        node.announce_to(NOW_MS, &[life(50, 1).addr]),
        node.set_origin(NOW_MS, Origin(5)),
        node.leave(NOW_MS),
    ] {
        assert!(effects.send.is_empty() && effects.next_timer_ms.is_none(), "{effects:?}");
    }
    assert_eq!(node.tally().renewals, 0);
}

#[test]
fn the_protocol_is_the_highest_that_all_read() {
    let mut node = Membership::new(Identity { proto_max: 3, ..life(0, 1) }, 0, 1);
    assert_eq!(node.protocol(), 3);
    hear(&mut node, Identity { proto_max: 2, ..life(1, 1) }, Message::Announce);
    assert_eq!(node.protocol(), 2);
}

proptest! {
    #[test]
    fn no_payload_breaks_a_node_or_its_bounds(
        steps in prop::collection::vec(
            (0u16..4, 0u16..3, 0u8..11, 0u64..3, prop::collection::vec((0u16..300, 0u64..3, 0u8..3), 0..12),
             prop::collection::vec(any::<u8>(), 0..6), 0u64..7_000),
            1..40,
        ),
    ) {
        let mut node = alone();
        let mut now_ms = NOW_MS;
        for (from, third, kind, gen_ms, news, noise, pause_ms) in steps {
            let (third, probe_number) = (life(third, gen_ms), 1);
            let message = match kind {
                0 => Message::Ping(1),
                1 => Message::Ack(1),
                2 => Message::PingReq { target: third, probe_number },
                3 => Message::IndirectPing { origin: third, probe_number },
                4 => Message::IndirectAck { target: third, probe_number },
                5 => Message::ForwardedAck { origin: third, probe_number },
                6 => Message::Announce,
                7 => Message::Feed,
                8 => Message::Gossip,
                _ => Message::TurnUndead,
            };
            let state = [State::Alive, State::Suspect, State::Down];
            let news: Vec<_> = news.iter().map(|(member, gen_ms, at)| {
                let id = if *member == 0 { *node.identity() } else { life(*member, *gen_ms) };
                Member::new(id, u16::MAX - 1 + u16::from(*at) % 2, state[usize::from(*at)])
            }).collect();
            let mut bytes = packet(life(from, gen_ms), *node.identity(), message, &news);
            bytes.extend(noise);
            let effects = node.on_packet(now_ms, life(from, 1).addr, &bytes);
            prop_assert!(effects.send.len() <= 16);
            now_ms += pause_ms;
            node.on_timer(now_ms);
            prop_assert!(node.members().count() <= MEMBERS_MAX + INACTIVE_MAX);
            prop_assert!(node.timer_count() <= MEMBERS_MAX + 8);
        }
    }
}

#[test]
fn a_guessed_address_is_followed_by_the_real_one_until_a_member_is_known() {
    let mut node = alone();
    let guess = node.identity().addr;
    node.announce_to(NOW_MS, &[life(1, 1).addr]);
    let real = SocketAddr::from(([10, 9, 9, 9], 7946));
    let effects = node.set_address(NOW_MS, real, &[life(1, 1).addr, real]);
    assert_eq!(node.identity().addr, real);
    assert!(effects.events.is_empty() && effects.next_timer_ms.is_some(), "{effects:?}");
    let told: Vec<_> = effects.send.iter().map(|(to, _)| *to).collect();
    assert_eq!(told, [life(1, 1).addr], "who showed it is told of it");
    assert_eq!(node.members().count(), 0, "the guess is no dead member");
    let effects = hear(&mut node, life(1, 1), Message::Announce);
    assert_eq!(effects.events, [MemberEvent::Up(life(1, 1))]);
    node.set_address(NOW_MS, guess, &[]);
    assert_eq!(node.identity().addr, real, "a member knows it by that");
}
