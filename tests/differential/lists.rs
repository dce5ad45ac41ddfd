//! Requests on lists.
//!
//! Elements are few and short, so that searches find them, and lists stay short enough to be read
//! whole.

use crate::draw::Draw;
use crate::request::{Plain, Request};
use crate::stock::{key, keys, option, value};

const ELEMENTS: &[&[u8]] = &[b"a", b"b", b"c", b"", b"1", b"-1", b"\x00\xff\r\n", b"01"];
const INDEXES: &[&str] = &[
    "0",
    "1",
    "2",
    "5",
    "-1",
    "-2",
    "-3",
    "-6",
    "100",
    "-100",
    "9223372036854775807",
    "-9223372036854775808",
];
const COUNTS: &[&str] = &["0", "1", "2", "3", "100", "-1", "-2", "9223372036854775807", "x", ""];
const ENDS: &[&str] = &["LEFT", "RIGHT"];

pub(crate) fn request(draw: &mut Draw) -> Request {
    let draws: &[(usize, Plain)] = &[
        (12, |draw| push("LPUSH", draw)),
        (14, |draw| push("RPUSH", draw)),
        (4, |draw| push("LPUSHX", draw)),
        (4, |draw| push("RPUSHX", draw)),
        (5, |draw| pop("LPOP", draw)),
        (5, |draw| pop("RPOP", draw)),
        (5, |draw| Request::new("LLEN").with(key(draw))),
        (6, |draw| Request::new("LINDEX").with(key(draw)).with(index(draw))),
        (5, |draw| Request::new("LSET").with(key(draw)).with(index(draw)).with(element(draw))),
        (14, |draw| Request::new("LRANGE").with(key(draw)).with("0").with("-1")),
        (5, |draw| Request::new("LRANGE").with(key(draw)).with(index(draw)).with(index(draw))),
        (5, |draw| Request::new("LTRIM").with(key(draw)).with(index(draw)).with(index(draw))),
        (6, |draw| Request::new("LREM").with(key(draw)).with(count(draw)).with(element(draw))),
        (6, insert),
        (9, position),
        (6, shift),
        (5, |draw| Request::new("RPOPLPUSH").with(key(draw)).with(key(draw))),
        (5, |draw| pop_or_wait("BLPOP", draw)),
        (5, |draw| pop_or_wait("BRPOP", draw)),
    ];
    draw.weighted(draws)(draw)
}

/// A pop that waits a little at most: nobody else is there to push.
fn pop_or_wait(verb: &str, draw: &mut Draw) -> Request {
    let timeout = draw.one_of(&["0.001", "0.002", "1e-3", "0.0011", "-1", "x", "", "1e400", "nan"]);
    Request::new(verb).with_all(keys(draw, 3)).with(timeout)
}

fn element(draw: &mut Draw) -> Vec<u8> {
    if draw.chance(8) { value(draw) } else { draw.one_of(ELEMENTS).to_vec() }
}

fn index(draw: &mut Draw) -> &'static str {
    if draw.chance(3) {
        draw.one_of(&["x", "", "1.5", "9223372036854775808"])
    } else {
        draw.one_of(INDEXES)
    }
}

fn count(draw: &mut Draw) -> &'static str {
    draw.one_of(COUNTS)
}

fn push(verb: &str, draw: &mut Draw) -> Request {
    let mut request = Request::new(verb).with(key(draw));
    for _ in 0..draw.between(1, 4) {
        request = request.with(element(draw));
    }
    request
}

fn pop(verb: &str, draw: &mut Draw) -> Request {
    let request = Request::new(verb).with(key(draw));
    if draw.chance(50) { request } else { request.with(count(draw)) }
}

fn insert(draw: &mut Draw) -> Request {
    let place = draw.one_of(&["BEFORE", "AFTER", "BEFORE", "AFTER", "BESIDE"]);
    let request = Request::new("LINSERT").with(key(draw)).with(option(place, draw));
    request.with(element(draw)).with(element(draw))
}

fn position(draw: &mut Draw) -> Request {
    let mut request = Request::new("LPOS").with(key(draw)).with(element(draw));
    for _ in 0..draw.one_of(&[0, 0, 1, 1, 2, 3]) {
        let (name, figure) = match draw.below(7) {
            0..3 => {
                ("RANK", draw.one_of(&["1", "2", "-1", "-2", "0", "-9223372036854775808", "x"]))
            }
            3..5 => ("COUNT", count(draw)),
            5 => ("MAXLEN", count(draw)),
            _ => ("NOPE", "1"),
        };
        request = request.with(option(name, draw)).with(figure);
    }
    request
}

fn shift(draw: &mut Draw) -> Request {
    let mut request = Request::new("LMOVE").with(key(draw)).with(key(draw));
    for _ in 0..2 {
        let end = if draw.chance(5) { "MIDDLE" } else { draw.one_of(ENDS) };
        request = request.with(option(end, draw));
    }
    request
}
