//! Stories around MULTI: watched keys, foreign writes, errors while queueing and while running.

use crate::draw::Draw;
use crate::request::Request;
use crate::sequence::{Sequence, any_request};
use crate::stock::{key, keys};

/// Most commands of one transaction.
const QUEUED_MAX: usize = 6;

/// A whole transaction with what may befall it.
pub(crate) fn story(sequence: &mut Sequence, draw: &mut Draw) {
    let own = draw.below(2);
    let other = 1 - own;
    if draw.chance(50) {
        sequence.push(own, Request::new("WATCH").with_all(keys(draw, 3)));
    }
    befall(sequence, other, draw);
    if draw.chance(8) {
        sequence.push(own, Request::new("UNWATCH"));
    }
    sequence.push(own, Request::new("MULTI").mangled(draw));
    for _ in 0..draw.between(0, QUEUED_MAX) {
        let request = match draw.below(100) {
            0..88 => any_request(sequence, draw),
            88..91 => Request::new("MULTI"),
            91..94 => Request::new("WATCH").with(key(draw)),
            94..96 => Request::new("UNWATCH"),
            96..98 => Request::new("NOSUCH").with(key(draw)),
            _ => Request::new("GET"),
        };
        sequence.push(own, request);
    }
    befall(sequence, other, draw);
    match draw.below(100) {
        0..82 => sequence.push(own, Request::new("EXEC").mangled(draw)),
        82..94 => sequence.push(own, Request::new("DISCARD").mangled(draw)),
        // It stays open, and what follows on this connection is queued.
        _ => {}
    }
}

/// A word of a transaction where nobody expects it.
pub(crate) fn stray(sequence: &mut Sequence, draw: &mut Draw) {
    let verb = draw.one_of(&["EXEC", "EXEC", "DISCARD", "UNWATCH", "MULTI", "WATCH"]);
    let request = Request::new(verb);
    let request = if verb == "WATCH" { request.with_all(keys(draw, 2)) } else { request };
    sequence.push(draw.below(2), request.mangled(draw));
}

/// A write, or anything else, by the other client.
fn befall(sequence: &mut Sequence, other: usize, draw: &mut Draw) {
    if draw.chance(45) {
        let request = any_request(sequence, draw);
        sequence.push(other, request);
    }
}
