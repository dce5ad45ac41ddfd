//! Requests on sorted sets.
//!
//! Sets stay short and members too, so that Redis keeps each set in one piece: what it tells by
//! ZSCAN, and of -0, depends on that.

use crate::draw::Draw;
use crate::look::Look;
use crate::request::{Plain, Request, Word};
use crate::stock::{decimal, float, key, option};

const MEMBERS: &[&[u8]] =
    &[b"a", b"b", b"c", b"ab", b"1", b"17", b"-3", b"", b"B", b"\x00\xff", b"1700000000123-x"];

const SCORES: &[&str] = &[
    "0",
    "1",
    "1",
    "2",
    "3",
    "-1",
    "1.5",
    "0.1",
    "-0",
    "10",
    "1700000000123",
    "inf",
    "-inf",
    "1e17",
    "9007199254740993",
    "5e-324",
    "4611686018427387904",
    "9223372036854775807",
];

const ODD_SCORES: &[&str] =
    &["nan", "abc", "", " 1", "1 ", "1e400", "1e-400", "0x10", "+inf", "Infinity", "--1", "1\0"];

const LEX_ENDS: &[&[u8]] =
    &[b"-", b"+", b"[a", b"(a", b"[b", b"(b", b"[", b"(", b"[B", b"(17", b"[\x00\xff", b"-", b"+"];

const ODD_LEX_ENDS: &[&[u8]] = &[b"", b"a", b"-x", b"+\0", b"-\0y", b"++", b" ["];

const RANKS: &[&str] = &["0", "0", "-1", "-1", "1", "2", "3", "-2", "-100", "100"];

const ODD_RANKS: &[&str] =
    &["abc", "", "1.5", "-9223372036854775808", "9223372036854775807", "9223372036854775808"];

/// Only one of the many keys of other types, so that some sets grow.
fn set_key(draw: &mut Draw) -> Vec<u8> {
    if draw.chance(60) {
        draw.one_of(&[&b"h*llo"[..], b"user:1", b"{t}:hits"]).to_vec()
    } else {
        key(draw)
    }
}

fn member(draw: &mut Draw) -> Vec<u8> {
    draw.one_of(MEMBERS).to_vec()
}

fn score(draw: &mut Draw) -> Word {
    match draw.below(100) {
        0..75 => draw.one_of(SCORES).into(),
        75..87 => decimal(draw).into(),
        87..92 => float(draw).into(),
        _ => draw.one_of(ODD_SCORES).into(),
    }
}

pub(crate) fn request(draw: &mut Draw) -> Request {
    let draws: &[(usize, Plain)] = &[
        (24, zadd),
        (6, |draw| {
            Request::new("ZINCRBY").with(set_key(draw)).with(score(draw)).with(member(draw))
        }),
        (6, |draw| some("ZREM", draw)),
        (4, |draw| Request::new("ZCARD").with(set_key(draw))),
        (4, |draw| by_score("ZCOUNT", draw)),
        (4, |draw| by_lex("ZLEXCOUNT", draw)),
        (4, |draw| Request::new("ZSCORE").with(set_key(draw)).with(member(draw))),
        (4, |draw| some("ZMSCORE", draw)),
        (4, |draw| Request::new("ZRANK").with(set_key(draw)).with(member(draw))),
        (4, |draw| Request::new("ZREVRANK").with(set_key(draw)).with(member(draw))),
        (10, all),
        (12, zrange),
        (5, |draw| options(by_score("ZRANGEBYSCORE", draw), draw)),
        (5, |draw| options(by_score("ZREVRANGEBYSCORE", draw), draw)),
        (4, |draw| options(by_rank("ZREVRANGE", draw), draw)),
        (4, |draw| options(by_lex("ZRANGEBYLEX", draw), draw)),
        (4, |draw| options(by_lex("ZREVRANGEBYLEX", draw), draw)),
        (3, |draw| by_score("ZREMRANGEBYSCORE", draw)),
        (3, |draw| by_rank("ZREMRANGEBYRANK", draw)),
        (3, |draw| by_lex("ZREMRANGEBYLEX", draw)),
        (3, |draw| pop("ZPOPMIN", draw)),
        (3, |draw| pop("ZPOPMAX", draw)),
        (5, zrandmember),
        (5, zscan),
    ];
    draw.weighted(draws)(draw)
}

/// Everything that a set holds.
fn all(draw: &mut Draw) -> Request {
    contents(&set_key(draw))
}

/// Asks for everything that the set of a key holds.
pub(crate) fn contents(key: &[u8]) -> Request {
    Request::new("ZRANGE").with(key.to_vec()).with_all(["0", "-1", "WITHSCORES"])
}

fn zadd(draw: &mut Draw) -> Request {
    let mut request = Request::new("ZADD").with(set_key(draw));
    for _ in 0..draw.one_of(&[0, 0, 0, 1, 1, 2, 3]) {
        let name = draw.one_of(&["NX", "XX", "GT", "LT", "CH", "CH", "INCR", "INCR", "NOPE"]);
        request = request.with(option(name, draw));
    }
    for _ in 0..draw.one_of(&[1, 1, 1, 2, 3, 5]) {
        request = request.with(score(draw)).with(member(draw));
    }
    if draw.chance(3) { request.with(score(draw)) } else { request }
}

fn some(verb: &str, draw: &mut Draw) -> Request {
    let request = Request::new(verb).with(set_key(draw));
    let members: Vec<Vec<u8>> = (0..draw.between(1, 3)).map(|_| member(draw)).collect();
    request.with_all(members)
}

fn rank(draw: &mut Draw) -> Word {
    if draw.chance(93) { draw.one_of(RANKS).into() } else { draw.one_of(ODD_RANKS).into() }
}

fn by_rank(verb: &str, draw: &mut Draw) -> Request {
    Request::new(verb).with(set_key(draw)).with(rank(draw)).with(rank(draw))
}

fn score_end(draw: &mut Draw) -> Word {
    let Word::Bytes(score) = score(draw) else { return "0".into() };
    match draw.below(100) {
        0..25 => draw.one_of(&["-inf", "+inf", "-inf", "+inf", "inf", "(inf"]).into(),
        25..55 => [&b"("[..], &score].concat().into(),
        _ => score.into(),
    }
}

fn by_score(verb: &str, draw: &mut Draw) -> Request {
    Request::new(verb).with(set_key(draw)).with(score_end(draw)).with(score_end(draw))
}

fn lex_end(draw: &mut Draw) -> Word {
    let ends = if draw.chance(94) { LEX_ENDS } else { ODD_LEX_ENDS };
    draw.one_of(ends).to_vec().into()
}

fn by_lex(verb: &str, draw: &mut Draw) -> Request {
    Request::new(verb).with(set_key(draw)).with(lex_end(draw)).with(lex_end(draw))
}

/// Options of ranges, right or wrong.
fn options(mut request: Request, draw: &mut Draw) -> Request {
    for _ in 0..draw.one_of(&[0, 0, 1, 1, 2]) {
        request = match draw.below(20) {
            0..9 => request.with(option("WITHSCORES", draw)),
            9..18 => request.with(option("LIMIT", draw)).with(rank(draw)).with(rank(draw)),
            _ => request.with(draw.one_of(&["NOPE", "REV", "BYSCORE", "LIMIT"])),
        };
    }
    request
}

fn zrange(draw: &mut Draw) -> Request {
    let request = match draw.below(20) {
        0..6 => by_rank("ZRANGE", draw),
        6..13 => by_score("ZRANGE", draw).with(option("BYSCORE", draw)),
        13..18 => by_lex("ZRANGE", draw).with(option("BYLEX", draw)),
        18 => by_lex("ZRANGE", draw),
        _ => by_rank("ZRANGE", draw).with(draw.one_of(&["BYSCORE", "BYLEX"])),
    };
    let request = if draw.chance(40) { request.with(option("REV", draw)) } else { request };
    options(request, draw)
}

fn pop(verb: &str, draw: &mut Draw) -> Request {
    let request = Request::new(verb).with(set_key(draw));
    if draw.chance(40) {
        return request;
    }
    request.with(draw.one_of(&["1", "2", "2", "3", "0", "100", "-1", "abc", ""]))
}

fn zrandmember(draw: &mut Draw) -> Request {
    let request = Request::new("ZRANDMEMBER").with(set_key(draw));
    if draw.chance(20) {
        return request.look(Look::Shape);
    }
    // More than there are: all of them.
    let (count, look) = draw.one_of(&[
        ("100", 0),
        ("100", 0),
        ("0", 0),
        ("2", 1),
        ("-3", 1),
        ("abc", 0),
        ("-9223372036854775808", 0),
    ]);
    let request = request.with(count);
    let request = match draw.below(10) {
        0..5 => request.with(option("WITHSCORES", draw)),
        5 => request.with("NOPE"),
        _ => request,
    };
    request.look(if look == 0 { Look::Exact } else { Look::Shape })
}

fn zscan(draw: &mut Draw) -> Request {
    let cursor = draw.one_of(&["0", "0", "0", "0", "5", "abc", ""]);
    let mut request = Request::new("ZSCAN").with(set_key(draw)).with(cursor);
    for _ in 0..draw.one_of(&[0, 0, 1, 2]) {
        request = match draw.below(10) {
            0..5 => {
                request.with(option("MATCH", draw)).with(draw.one_of(&["*", "a*", "?", "[ab]"]))
            }
            5..9 => {
                let count = draw.one_of(&["1", "3", "1000", "0", "-1", "x"]);
                request.with(option("COUNT", draw)).with(count)
            }
            _ => request.with(draw.one_of(&["NOPE", "TYPE", "MATCH"])),
        };
    }
    request
}
