//! foca's messages as bytes. The layout is ours, so that a release of foca cannot change the wire.
//!
//! Every number is big-endian, every part has a fixed length:
//!
//! | part | bytes |
//! |---|---|
//! | identity, 36 | address 16 (IPv4 as `::ffff:a.b.c.d`), port 2, generation 8, origin 8, lowest protocol 1, highest protocol 1 |
//! | member, 39 | identity 36, incarnation 2, state 1 (0 alive, 1 suspect, 2 down) |
//! | header, 76 or 112 | sender 36, its incarnation 2, receiver 36, kind 1, probe number 1 (0 where the kind has none), then the third member's identity 36 where the kind has one |
//!
//! Kinds: 0 ping, 1 ack, 2 ping request (with a third member), 3 indirect ping (third), 4 indirect
//! ack (third), 5 forwarded ack (third), 6 announce, 7 feed, 8 gossip, 9 broadcast (never sent, never
//! taken), 10 turn undead. foca itself puts a count of 2 bytes and that many members behind a header.
//!
//! Not here: authentication, versions (the envelope has both). Invariant: decoding any bytes gives a
//! value or an error, and encoding a decoded value gives the same bytes.

use core::fmt;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};

use bytes::{Buf, BufMut};
use foca::{Header, Member, Message, State};

use super::identity::{Identity, canonical, reachable};
use crate::engine::Origin;

/// Bytes of a member.
pub const MEMBER_BYTES: usize = IDENTITY_BYTES + 3;
/// Bytes of an identity.
pub const IDENTITY_BYTES: usize = 36;
const HEADER_BYTES: usize = 2 * IDENTITY_BYTES + 4;

/// Why bytes are no message, or a message has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecError {
    /// The bytes end too early.
    Short,
    /// The buffer has no room for the whole part; nothing was written.
    Full,
    /// An address at which nobody can be reached, or one that is not in canonical form.
    Address,
    /// A kind of message that does not exist here.
    Kind(u8),
    /// A state that does not exist.
    State(u8),
    /// A probe number in a kind that has none.
    Probe(u8),
    /// The lowest protocol is above the highest.
    Protocols,
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodecError::Short => f.write_str("the message ends too early"),
            CodecError::Full => f.write_str("the message does not fit"),
            CodecError::Address => f.write_str("nobody can be reached at the address"),
            CodecError::Kind(kind) => write!(f, "unknown kind of message {kind}"),
            CodecError::State(state) => write!(f, "unknown state {state}"),
            CodecError::Probe(number) => write!(f, "unexpected probe number {number}"),
            CodecError::Protocols => f.write_str("the lowest protocol is above the highest"),
        }
    }
}

impl core::error::Error for CodecError {}

/// Encodes and decodes; holds nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Codec;

impl foca::Codec<Identity> for Codec {
    type Error = CodecError;

    fn encode_header(
        &mut self,
        header: &Header<Identity>,
        mut buf: impl BufMut,
    ) -> Result<(), CodecError> {
        let (kind, probe, third) = parts(&header.message);
        let third_bytes = third.map_or(0, |_| IDENTITY_BYTES);
        room(&buf, HEADER_BYTES + third_bytes)?;
        put_identity(&header.src, &mut buf);
        buf.put_u16(header.src_incarnation);
        put_identity(&header.dst, &mut buf);
        buf.put_u8(kind);
        buf.put_u8(probe);
        if let Some(third) = third {
            put_identity(third, &mut buf);
        }
        Ok(())
    }

    fn decode_header(&mut self, mut buf: impl Buf) -> Result<Header<Identity>, CodecError> {
        let src = identity(&mut buf)?;
        let src_incarnation = buf.try_get_u16().map_err(|_| CodecError::Short)?;
        let dst = identity(&mut buf)?;
        let kind = buf.try_get_u8().map_err(|_| CodecError::Short)?;
        let probe = buf.try_get_u8().map_err(|_| CodecError::Short)?;
        let message = message(kind, probe, &mut buf)?;
        Ok(Header { src, src_incarnation, dst, message })
    }

    fn encode_member(
        &mut self,
        member: &Member<Identity>,
        mut buf: impl BufMut,
    ) -> Result<(), CodecError> {
        room(&buf, MEMBER_BYTES)?;
        put_identity(member.id(), &mut buf);
        buf.put_u16(member.incarnation());
        buf.put_u8(match member.state() {
            State::Alive => 0,
            State::Suspect => 1,
            State::Down => 2,
        });
        Ok(())
    }

    fn decode_member(&mut self, mut buf: impl Buf) -> Result<Member<Identity>, CodecError> {
        let id = identity(&mut buf)?;
        let incarnation = buf.try_get_u16().map_err(|_| CodecError::Short)?;
        let state = match buf.try_get_u8().map_err(|_| CodecError::Short)? {
            0 => State::Alive,
            1 => State::Suspect,
            2 => State::Down,
            other => return Err(CodecError::State(other)),
        };
        Ok(Member::new(id, incarnation, state))
    }
}

/// The kind, probe number and third member of a message.
fn parts(message: &Message<Identity>) -> (u8, u8, Option<&Identity>) {
    match message {
        Message::Ping(number) => (0, *number, None),
        Message::Ack(number) => (1, *number, None),
        Message::PingReq { target, probe_number } => (2, *probe_number, Some(target)),
        Message::IndirectPing { origin, probe_number } => (3, *probe_number, Some(origin)),
        Message::IndirectAck { target, probe_number } => (4, *probe_number, Some(target)),
        Message::ForwardedAck { origin, probe_number } => (5, *probe_number, Some(origin)),
        Message::Announce => (6, 0, None),
        Message::Feed => (7, 0, None),
        Message::Gossip => (8, 0, None),
        Message::Broadcast => (9, 0, None),
        Message::TurnUndead => (10, 0, None),
    }
}

fn message(
    kind: u8,
    probe_number: u8,
    buf: &mut impl Buf,
) -> Result<Message<Identity>, CodecError> {
    if kind >= 6 && probe_number != 0 {
        return Err(CodecError::Probe(probe_number));
    }
    Ok(match kind {
        0 => Message::Ping(probe_number),
        1 => Message::Ack(probe_number),
        2 => Message::PingReq { target: identity(buf)?, probe_number },
        3 => Message::IndirectPing { origin: identity(buf)?, probe_number },
        4 => Message::IndirectAck { target: identity(buf)?, probe_number },
        5 => Message::ForwardedAck { origin: identity(buf)?, probe_number },
        6 => Message::Announce,
        7 => Message::Feed,
        8 => Message::Gossip,
        10 => Message::TurnUndead,
        other => return Err(CodecError::Kind(other)),
    })
}

fn room(buf: &impl BufMut, bytes: usize) -> Result<(), CodecError> {
    if buf.remaining_mut() < bytes { Err(CodecError::Full) } else { Ok(()) }
}

fn put_identity(id: &Identity, buf: &mut impl BufMut) {
    let ip = match id.addr.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    buf.put_slice(&ip.octets());
    buf.put_u16(id.addr.port());
    buf.put_u64(id.gen_ms);
    buf.put_u64(id.origin.0);
    buf.put_u8(id.proto_min);
    buf.put_u8(id.proto_max);
}

fn identity(buf: &mut impl Buf) -> Result<Identity, CodecError> {
    if buf.remaining() < IDENTITY_BYTES {
        return Err(CodecError::Short);
    }
    let mut ip = [0; 16];
    buf.copy_to_slice(&mut ip);
    let addr = canonical(SocketAddr::new(Ipv6Addr::from(ip).into(), buf.get_u16()));
    let (gen_ms, origin) = (buf.get_u64(), Origin(buf.get_u64()));
    let protocols = (buf.get_u8(), buf.get_u8());
    if !reachable(addr) {
        return Err(CodecError::Address);
    }
    if protocols.0 > protocols.1 {
        return Err(CodecError::Protocols);
    }
    Ok(Identity::new(addr, gen_ms, origin, protocols))
}

#[cfg(test)]
mod tests;
