//! The frames of a sync stream.
//!
//! ```text
//! 1 REQUEST  proto 1 B, all 1 B, flush stamp, n, n x (origin 8 B, cursor)
//! 2 ROSTER   membership's bytes
//! 3 CHUNK    origin 8 B, flush stamp, groups
//! 4 DONE     flush stamp, n, n x (origin 8 B, cursor)
//! 5 BUSY
//! ```
//! A frame of unknown type reads as [`Frame::Unknown`], for the receiver to count and skip.

use super::group::{self, Versioned};
use super::input::Input;
use super::{DSEQ_MAX, Malformed, ORIGINS_MAX, output};
use crate::engine::Origin;

const REQUEST: u8 = 1;
const ROSTER: u8 = 2;
const CHUNK: u8 = 3;
const DONE: u8 = 4;
const BUSY: u8 = 5;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// "Send me what is newer than these cursors."
    Request {
        /// Highest version of the payloads that the asker reads.
        proto: u8,
        /// Every origin, those not named from the beginning; else only those named.
        all: bool,
        /// Stamp of the last FLUSHALL that the asker knows.
        flush_stamp: u64,
        /// How far the asker holds each origin.
        cursors: Vec<(Origin, u64)>,
    },
    /// Who is in the cluster, in membership's own bytes.
    Roster(Vec<u8>),
    /// What the server holds of one origin.
    Chunk {
        /// Whom.
        origin: Origin,
        /// Stamp of the last FLUSHALL before the origin's birth.
        flush_stamp: u64,
        /// What it said.
        items: Vec<Versioned>,
        /// Groups that a later version sent.
        skipped: u64,
    },
    /// All chunks were sent.
    Done {
        /// Stamp of the last FLUSHALL that the server knows.
        flush_stamp: u64,
        /// How far the server held each origin before it began to look.
        cursors: Vec<(Origin, u64)>,
    },
    /// "Ask somebody else."
    Busy,
    /// A type of a later version.
    Unknown,
}

impl Frame {
    /// The bytes of a chunk around packed groups.
    pub fn chunk(origin: Origin, flush_stamp: u64, groups: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + 8 + output::NUMBER_BYTES_MAX + groups.len());
        out.push(CHUNK);
        output::origin(&mut out, origin);
        output::number(&mut out, flush_stamp);
        out.extend(groups);
        out
    }

    /// The bytes of a request.
    pub fn request(all: bool, flush_stamp: u64, cursors: &[(Origin, u64)]) -> Vec<u8> {
        let mut out = vec![REQUEST, super::PROTO, u8::from(all)];
        output::number(&mut out, flush_stamp);
        write_cursors(&mut out, cursors);
        out
    }

    /// The bytes of a roster.
    pub fn roster(bytes: &[u8]) -> Vec<u8> {
        [&[ROSTER], bytes].concat()
    }

    /// The bytes of the end.
    pub fn done(flush_stamp: u64, cursors: &[(Origin, u64)]) -> Vec<u8> {
        let mut out = vec![DONE];
        output::number(&mut out, flush_stamp);
        write_cursors(&mut out, cursors);
        out
    }

    /// The bytes of a refusal.
    pub fn busy() -> Vec<u8> {
        vec![BUSY]
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// [`Malformed`] if any part of it is.
    pub fn read(bytes: &[u8]) -> Result<Frame, Malformed> {
        let mut input = Input::new(bytes);
        Ok(match input.byte()? {
            REQUEST => Frame::Request {
                proto: input.byte()?,
                all: match input.byte()? {
                    0 => false,
                    1 => true,
                    _ => return Err(Malformed),
                },
                flush_stamp: input.number()?,
                cursors: read_cursors(&mut input)?,
            },
            ROSTER => Frame::Roster(input.rest().to_vec()),
            CHUNK => {
                let (origin, flush_stamp) = (input.origin()?, input.number()?);
                let (items, skipped) = group::read(input, None)?;
                Frame::Chunk { origin, flush_stamp, items, skipped }
            }
            DONE => {
                Frame::Done { flush_stamp: input.number()?, cursors: read_cursors(&mut input)? }
            }
            BUSY => Frame::Busy,
            _ => Frame::Unknown,
        })
    }
}

/// At most [`ORIGINS_MAX`], which fits a frame.
fn write_cursors(out: &mut Vec<u8>, cursors: &[(Origin, u64)]) {
    let cursors = cursors.get(..ORIGINS_MAX).unwrap_or(cursors);
    output::length(out, cursors.len());
    for (origin, cursor) in cursors {
        output::origin(out, *origin);
        output::number(out, *cursor);
    }
}

fn read_cursors(input: &mut Input<'_>) -> Result<Vec<(Origin, u64)>, Malformed> {
    let count = input.at_most(ORIGINS_MAX as u64)?;
    let mut cursors = Vec::new();
    for _ in 0..count {
        cursors.push((input.origin()?, input.at_most(DSEQ_MAX)?));
    }
    Ok(cursors)
}
