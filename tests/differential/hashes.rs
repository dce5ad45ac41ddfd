//! Requests on hashes.
//!
//! Fields and values on the keys that all share are short, and the fields few: such a hash keeps
//! its order in Redis, and its order is compared. Any values, and many fields, are on a key of their
//! own that is compared without its order.

use crate::draw::Draw;
use crate::look::Look;
use crate::request::{Plain, Request};
use crate::stock::{amount, key, option, value};

const FIELDS: &[&[u8]] = &[b"count", b"reset", b"tokens", b"a", b"", b"\x00\xff\r\n", b"1"];
/// Longest value of a hash that Redis keeps in order.
const VALUE_BYTES_MAX: usize = 64;
/// A number up to which no sum has more digits than that.
const NUMBER_MAX: f64 = 1e40;
/// What a float is changed by.
const FLOATS: &[&str] =
    &["0.1", "1.5", "-2.5e10", "1e-7", "3.0e3", "0.30000000000000004", "1e17", "-0.0", ".5", "1"];
/// Those that are none, or too large.
const NO_FLOATS: &[&str] = &["inf", "-inf", "nan", "x", "", "1e5000", " 1"];
const LARGE: &str = "large";

pub(crate) fn request(draw: &mut Draw) -> Request {
    let draws: &[(usize, Plain)] = &[
        (20, |draw| set("HSET", draw)),
        (6, |draw| set("HMSET", draw)),
        (4, |draw| Request::new("HSETNX").with(key(draw)).with(field(draw)).with(short(draw))),
        (8, |draw| Request::new("HGET").with(key(draw)).with(field(draw))),
        (6, |draw| fields("HMGET", draw)),
        (12, |draw| Request::new("HGETALL").with(key(draw))),
        (7, |draw| fields("HDEL", draw)),
        (3, |draw| Request::new("HEXISTS").with(key(draw)).with(field(draw))),
        (4, |draw| Request::new("HLEN").with(key(draw))),
        (3, |draw| Request::new("HSTRLEN").with(key(draw)).with(field(draw))),
        (4, |draw| Request::new("HKEYS").with(key(draw))),
        (4, |draw| Request::new("HVALS").with(key(draw))),
        (8, |draw| Request::new("HINCRBY").with(key(draw)).with(field(draw)).with(amount(draw))),
        (8, count_float),
        (5, random),
        (5, scan),
        (14, large),
    ];
    draw.weighted(draws)(draw)
}

fn field(draw: &mut Draw) -> Vec<u8> {
    draw.one_of(FIELDS).to_vec()
}

/// A value that a hash in order may hold, also after something is added to it.
fn short(draw: &mut Draw) -> Vec<u8> {
    let mut value = if draw.chance(50) { amount(draw) } else { value(draw) };
    value.truncate(VALUE_BYTES_MAX);
    let number = std::str::from_utf8(&value).ok().and_then(|text| text.parse::<f64>().ok());
    if number.is_some_and(|number| number.abs() > NUMBER_MAX) { b"7".to_vec() } else { value }
}

fn set(verb: &str, draw: &mut Draw) -> Request {
    let mut request = Request::new(verb).with(key(draw));
    for _ in 0..draw.between(1, 4) {
        request = request.with(field(draw)).with(short(draw));
    }
    if draw.chance(4) { request.with(field(draw)) } else { request }
}

fn fields(verb: &str, draw: &mut Draw) -> Request {
    let request = Request::new(verb).with(key(draw));
    let count = draw.between(1, 4);
    request.with_all((0..count).map(|_| field(draw)).collect::<Vec<_>>())
}

fn count_float(draw: &mut Draw) -> Request {
    let float = if draw.chance(15) { draw.one_of(NO_FLOATS) } else { draw.one_of(FLOATS) };
    Request::new("HINCRBYFLOAT").with(key(draw)).with(field(draw)).with(float)
}

fn random(draw: &mut Draw) -> Request {
    let request = Request::new("HRANDFIELD").with(key(draw));
    if draw.chance(20) {
        return request.look(Look::Shape);
    }
    // As many as there are, or none: which ones follows from the hash.
    let count = draw.one_of(&["100", "7", "0", "9223372036854775807", "-9223372036854775808", "x"]);
    let request = request.with(count);
    match draw.below(10) {
        0..5 => request,
        5..9 => request.with(option("WITHVALUES", draw)),
        _ => request.with("NOPE"),
    }
}

fn scan(draw: &mut Draw) -> Request {
    let cursor = if draw.chance(5) { draw.one_of(&["x", "1.5", ""]) } else { "0" };
    let mut request = Request::new("HSCAN").with(key(draw)).with(cursor);
    for _ in 0..draw.one_of(&[0, 0, 1, 1, 2]) {
        request = match draw.below(10) {
            0..5 => {
                let pattern = draw.one_of(&["*", "?", "*t*", "count", "[a-c]*", "", "\\"]);
                request.with(option("MATCH", draw)).with(pattern)
            }
            5..9 => {
                let count = draw.one_of(&["1", "10", "1000", "0", "-1", "x"]);
                request.with(option("COUNT", draw)).with(count)
            }
            _ => request.with("TYPE").with("hash"),
        };
    }
    request
}

/// A hash that may have long values and more fields than are kept in order.
fn large(draw: &mut Draw) -> Request {
    let field = |draw: &mut Draw| format!("field:{}", draw.below(700));
    match draw.below(12) {
        0..4 => {
            let count = draw.between(1, 120);
            let pairs = (0..count).flat_map(|_| [field(draw).into_bytes(), value(draw)]);
            let pairs: Vec<Vec<u8>> = pairs.collect();
            Request::new("HSET").with(LARGE).with_all(pairs)
        }
        4..6 => {
            let count = draw.between(1, 60);
            let names: Vec<String> = (0..count).map(|_| field(draw)).collect();
            Request::new("HDEL").with(LARGE).with_all(names)
        }
        6 => Request::new("HLEN").with(LARGE),
        7 => Request::new("HKEYS").with(LARGE).look(Look::Sorted),
        8 => Request::new("HVALS").with(LARGE).look(Look::Sorted),
        9 => Request::new("HRANDFIELD").with(LARGE).with("1000").look(Look::Sorted),
        10 => Request::new("HGETALL").with(LARGE).look(Look::Pairs),
        _ => Request::new("HSCAN").with(LARGE).with("0").with_all(["COUNT", "50"]).look(Look::Scan),
    }
}
