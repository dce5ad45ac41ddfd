//! The five datagrams of replication.
//!
//! Each begins with the flush stamp of its sender, except the two (NACK, GONE) that carry nothing
//! of the counts. Fields that a later version appends are ignored.

use super::group::{self, Versioned};
use super::input::Input;
use super::{DSEQ_MAX, Kind, Malformed, ORIGINS_MAX, PAYLOAD_BYTES_MAX, SPANS_MAX, output};
use crate::engine::Origin;

/// Changed counts of the origin that sends them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// Stamp of the last FLUSHALL before the origin's birth.
    pub flush_stamp: u64,
    /// Its number: the origin's deltas count 1, 2, 3 and so on.
    pub dseq: u64,
    /// When the items were taken, ms since the epoch by the origin's clock; a repetition keeps it.
    pub flushed_ms: u64,
    /// What changed.
    pub items: Vec<Versioned>,
    /// Groups that a later version sent.
    pub skipped: u64,
}

impl Delta {
    /// Bytes that [`pack`](super::pack) may fill with groups.
    pub const GROUPS_BYTES_MAX: usize = PAYLOAD_BYTES_MAX - 3 * output::NUMBER_BYTES_MAX;

    /// The payload around packed groups.
    pub fn payload(flush_stamp: u64, dseq: u64, flushed_ms: u64, groups: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(3 * output::NUMBER_BYTES_MAX + groups.len());
        output::number(&mut out, flush_stamp);
        output::number(&mut out, dseq);
        output::number(&mut out, flushed_ms);
        out.extend(groups);
        out
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// [`Malformed`] if any part of it is.
    pub fn read(payload: &[u8]) -> Result<Delta, Malformed> {
        let mut input = Input::new(payload);
        let flush_stamp = input.number()?;
        let dseq = input.at_most(DSEQ_MAX)?;
        let flushed_ms = input.number()?;
        if dseq == 0 {
            return Err(Malformed);
        }
        let (items, skipped) = group::read(input, Some(dseq))?;
        Ok(Delta { flush_stamp, dseq, flushed_ms, items, skipped })
    }
}

/// Where a node is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does not hold the cluster's counts yet and serves nobody.
    Joining,
    /// It serves clients and joiners.
    Ready,
    /// It counts nothing any more and waits for its last delta to be confirmed.
    Leaving,
}

impl State {
    const fn code(self) -> u8 {
        match self {
            State::Joining => 0,
            State::Ready => 1,
            State::Leaving => 2,
        }
    }

    fn from_code(code: u8) -> Result<State, Malformed> {
        match code {
            0 => Ok(State::Joining),
            1 => Ok(State::Ready),
            2 => Ok(State::Leaving),
            _ => Err(Malformed),
        }
    }
}

/// A sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// Stamp of the last FLUSHALL before the origin's birth.
    pub flush_stamp: u64,
    /// Number of its last delta, 0 = none.
    pub last_dseq: u64,
    /// Number of the oldest delta that it can still repeat; the next one if it has none.
    pub oldest_dseq: u64,
    /// Where it is in its life.
    pub state: State,
    /// How many other members it sees.
    pub members: u64,
}

impl Beat {
    /// The payload.
    pub fn payload(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32);
        output::number(&mut out, self.flush_stamp);
        output::number(&mut out, self.last_dseq);
        output::number(&mut out, self.oldest_dseq);
        out.push(self.state.code());
        output::number(&mut out, self.members);
        out
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// [`Malformed`] if a field is missing or out of range.
    pub fn read(payload: &[u8]) -> Result<Beat, Malformed> {
        let mut input = Input::new(payload);
        Ok(Beat {
            flush_stamp: input.number()?,
            last_dseq: input.at_most(DSEQ_MAX)?,
            oldest_dseq: input.at_most(DSEQ_MAX + 1)?,
            state: State::from_code(input.byte()?)?,
            members: input.number()?,
        })
    }
}

/// Deltas in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub start: u64,
    /// How many, at least 1.
    pub count: u64,
}

/// A request to repeat deltas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nack {
    /// Whose deltas: the receiver's, or those of an earlier life of it.
    pub origin: Origin,
    /// Which, rising and apart from each other, at most [`SPANS_MAX`].
    pub spans: Vec<Span>,
}

impl Nack {
    /// The payload; spans beyond what a datagram holds are left out.
    pub fn payload(&self) -> Vec<u8> {
        let mut spans = Vec::new();
        let mut count = 0_usize;
        let mut end = 0;
        for span in self.spans.iter().take(SPANS_MAX) {
            // Behind the origin and the number of spans.
            if spans.len() + 2 * output::NUMBER_BYTES_MAX + 9 > PAYLOAD_BYTES_MAX {
                break;
            }
            output::number(&mut spans, span.start.saturating_sub(end));
            output::number(&mut spans, span.count);
            end = span.start.saturating_add(span.count);
            count += 1;
        }
        let mut out = Vec::with_capacity(9 + spans.len());
        output::origin(&mut out, self.origin);
        output::length(&mut out, count);
        out.extend(spans);
        out
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// [`Malformed`] if a span is empty, leaves the range of numbers, or there are too many.
    pub fn read(payload: &[u8]) -> Result<Nack, Malformed> {
        let mut input = Input::new(payload);
        let origin = input.origin()?;
        let count = input.at_most(SPANS_MAX as u64)?;
        let mut spans = Vec::new();
        let mut end = 0_u64;
        for _ in 0..count {
            let start = end.checked_add(input.at_most(DSEQ_MAX)?).ok_or(Malformed)?;
            let length = input.at_most(DSEQ_MAX)?;
            end = start + length;
            if length == 0 || start == 0 || end > DSEQ_MAX + 1 {
                return Err(Malformed);
            }
            spans.push(Span { start, count: length });
        }
        Ok(Nack { origin, spans })
    }
}

/// The answer to a NACK for deltas that can no longer be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Whose deltas.
    pub origin: Origin,
    /// The oldest that can be repeated.
    pub oldest_dseq: u64,
}

impl Gone {
    /// The payload.
    pub fn payload(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(18);
        output::origin(&mut out, self.origin);
        output::number(&mut out, self.oldest_dseq);
        out
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// [`Malformed`] if a field is missing or out of range.
    pub fn read(payload: &[u8]) -> Result<Gone, Malformed> {
        let mut input = Input::new(payload);
        Ok(Gone { origin: input.origin()?, oldest_dseq: input.at_most(DSEQ_MAX + 1)? })
    }
}

/// How far a node holds one origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VectorEntry {
    /// Whom.
    pub origin: Origin,
    /// Every delta up to this one is held or has ended.
    pub cursor: u64,
    /// Digest of what is held in windows that end after the vector's horizon; only for an origin
    /// that the sender does not see alive.
    pub digest: Option<u64>,
}

/// How far a node holds each origin; it may take several datagrams, each of use alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vector {
    /// Stamp of the last FLUSHALL that the sender knows.
    pub flush_stamp: u64,
    /// Digests cover windows that end after this time, ms since the epoch.
    pub horizon_ms: u64,
    /// Which part of the whole this is, from 0.
    pub part: u64,
    /// How many parts the whole has.
    pub parts: u64,
    /// The origins of this part.
    pub entries: Vec<VectorEntry>,
}

impl Vector {
    /// Entries of one part: each takes at most 8 + 7 + 8 bytes and a flag.
    pub const ENTRIES_MAX: usize = (PAYLOAD_BYTES_MAX - 5 * output::NUMBER_BYTES_MAX) / 24;

    /// Cuts a vector into as many parts as it needs, at least one.
    pub fn cut(flush_stamp: u64, horizon_ms: u64, entries: &[VectorEntry]) -> Vec<Vector> {
        let whole = Vector { flush_stamp, horizon_ms, part: 0, parts: 1, entries: Vec::new() };
        if entries.is_empty() {
            return vec![whole];
        }
        let pieces = entries.chunks(Vector::ENTRIES_MAX);
        let parts = u64::try_from(pieces.len()).unwrap_or(u64::MAX);
        (0..)
            .zip(pieces)
            .map(|(part, piece)| Vector { part, parts, entries: piece.to_vec(), ..whole })
            .collect()
    }

    /// The payload.
    pub fn payload(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(50 + 24 * self.entries.len());
        output::number(&mut out, self.flush_stamp);
        output::number(&mut out, self.horizon_ms);
        output::number(&mut out, self.part);
        output::number(&mut out, self.parts);
        output::length(&mut out, self.entries.len());
        for entry in &self.entries {
            output::origin(&mut out, entry.origin);
            output::number(&mut out, entry.cursor);
            out.push(u8::from(entry.digest.is_some()));
            out.extend(entry.digest.map(u64::to_le_bytes).into_iter().flatten());
        }
        out
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// [`Malformed`] if a field is missing or out of range.
    pub fn read(payload: &[u8]) -> Result<Vector, Malformed> {
        let mut input = Input::new(payload);
        let (flush_stamp, horizon_ms) = (input.number()?, input.number()?);
        let (part, parts) = (input.number()?, input.at_most(ORIGINS_MAX as u64)?);
        let count = input.at_most(Vector::ENTRIES_MAX as u64)?;
        let mut entries = Vec::new();
        for _ in 0..count {
            let origin = input.origin()?;
            let cursor = input.at_most(DSEQ_MAX)?;
            let digest = match input.byte()? {
                0 => None,
                1 => Some(input.eight()?),
                _ => return Err(Malformed),
            };
            entries.push(VectorEntry { origin, cursor, digest });
        }
        if part >= parts {
            return Err(Malformed);
        }
        Ok(Vector { flush_stamp, horizon_ms, part, parts, entries })
    }
}

/// A datagram that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// See [`Delta`].
    Delta(Delta),
    /// See [`Beat`].
    Beat(Beat),
    /// See [`Nack`].
    Nack(Nack),
    /// See [`Gone`].
    Gone(Gone),
    /// See [`Vector`].
    Vector(Vector),
}

impl Message {
    /// Reads the payload of a datagram of `kind`; `None` for membership's, which is not ours.
    ///
    /// # Errors
    /// [`Malformed`] if any part of it is.
    pub fn read(kind: Kind, payload: &[u8]) -> Result<Option<Message>, Malformed> {
        Ok(Some(match kind {
            Kind::Membership => return Ok(None),
            Kind::Delta => Message::Delta(Delta::read(payload)?),
            Kind::Beat => Message::Beat(Beat::read(payload)?),
            Kind::Nack => Message::Nack(Nack::read(payload)?),
            Kind::Gone => Message::Gone(Gone::read(payload)?),
            Kind::Vector => Message::Vector(Vector::read(payload)?),
        }))
    }
}
