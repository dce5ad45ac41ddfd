//! A slice: the requests of one socket read that are served before other connections get their
//! turn.

use super::Context;
use super::session::Effect;
use crate::resp::Parser;

/// Most requests served in one slice, so that one client's pipeline cannot starve the others.
pub const REQUESTS_MAX: usize = 256;
/// A slice ends once it has encoded so many bytes of replies: what a client that never reads can
/// pile up.
pub const REPLY_BYTES_MAX: usize = 64 * 1024;

/// What a worker reuses from slice to slice.
#[derive(Debug, Default)]
pub struct Slice {}

/// How a slice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceEnd {
    /// Bytes taken from the front of the input; the rest belongs to the next slice.
    pub used_bytes: usize,
    /// The input may hold another whole request: serve it after others had their turn.
    /// False: the rest, if any, is the beginning of an unfinished request.
    pub more: bool,
    /// What the edge must do once `out` is written.
    pub effect: Effect,
}

impl Slice {
    /// Serves requests from the front of `input`, appending their replies to `out`.
    pub fn run(
        &mut self,
        _context: &mut Context<'_>,
        _parser: &mut Parser,
        _input: &mut [u8],
        _out: &mut Vec<u8>,
    ) -> SliceEnd {
        SliceEnd { used_bytes: 0, more: false, effect: Effect::None }
    }
}
