//! Requests that write and read strings.

use crate::draw::Draw;
use crate::request::{Plain, Request, Unit};
use crate::stock::{key, keys, option, value, with_deadline, with_ttl};

pub(crate) fn request(draw: &mut Draw) -> Request {
    let draws: &[(usize, Plain)] = &[
        (22, set),
        (14, |draw| Request::new("GET").with(key(draw))),
        (3, |draw| Request::new("GETSET").with(key(draw)).with(value(draw))),
        (4, |draw| Request::new("GETDEL").with(key(draw))),
        (7, getex),
        (5, |draw| Request::new("MGET").with_all(keys(draw, 4))),
        (5, |draw| pairs(Request::new("MSET"), draw)),
        (4, |draw| pairs(Request::new("MSETNX"), draw)),
        (5, |draw| timed("SETEX", Unit::Seconds, draw)),
        (5, |draw| timed("PSETEX", Unit::Milliseconds, draw)),
        (6, |draw| Request::new("SETNX").with(key(draw)).with(value(draw))),
        (6, |draw| Request::new("APPEND").with(key(draw)).with(value(draw))),
        (4, |draw| Request::new("STRLEN").with(key(draw))),
    ];
    draw.weighted(draws)(draw)
}

/// An option with a time behind it.
fn timed_option(request: Request, draw: &mut Draw) -> Request {
    let (name, unit, absolute) = draw.one_of(&[
        ("EX", Unit::Seconds, false),
        ("PX", Unit::Milliseconds, false),
        ("PX", Unit::Milliseconds, false),
        ("EXAT", Unit::Seconds, true),
        ("PXAT", Unit::Milliseconds, true),
    ]);
    let request = request.with(option(name, draw));
    if absolute { with_deadline(request, unit, draw) } else { with_ttl(request, unit, draw) }
}

/// Any options, also those that exclude each other.
fn set(draw: &mut Draw) -> Request {
    let mut request = Request::new("SET").with(key(draw)).with(value(draw));
    let count = draw.one_of(&[0, 0, 0, 1, 1, 1, 2, 2, 3]);
    for _ in 0..count {
        request = match draw.below(10) {
            0..4 => timed_option(request, draw),
            4..9 => {
                let name = draw.one_of(&["NX", "XX", "GET", "KEEPTTL", "NX"]);
                request.with(option(name, draw))
            }
            _ => request.with(draw.one_of(&["NOPE", "EX", "PERSIST", "IFEQ"])),
        };
    }
    request
}

fn getex(draw: &mut Draw) -> Request {
    let mut request = Request::new("GETEX").with(key(draw));
    for _ in 0..draw.one_of(&[0, 1, 1, 1, 2]) {
        request = match draw.below(10) {
            0..7 => timed_option(request, draw),
            7..9 => request.with(option("PERSIST", draw)),
            _ => request.with(draw.one_of(&["NX", "PX", "KEEPTTL"])),
        };
    }
    request
}

fn pairs(mut request: Request, draw: &mut Draw) -> Request {
    for _ in 0..draw.between(1, 3) {
        request = request.with(key(draw)).with(value(draw));
    }
    if draw.chance(4) { request.with(key(draw)) } else { request }
}

fn timed(verb: &str, unit: Unit, draw: &mut Draw) -> Request {
    with_ttl(Request::new(verb).with(key(draw)), unit, draw).with(value(draw))
}
