//! Requests on keys of any type, and on all keys.

use crate::draw::Draw;
use crate::look::Look;
use crate::request::{Plain, Request};
use crate::stock::{key, keys, option};

const PATTERNS: &[&str] = &[
    "*",
    "?",
    "a*",
    "{t}:*",
    "*:*",
    "h\\*llo",
    "h*llo",
    "[ab]",
    "[^a]",
    "",
    "user:[0-9]",
    "[",
    "\\",
];

pub(crate) fn request(draw: &mut Draw) -> Request {
    let draws: &[(usize, Plain)] = &[
        (11, |draw| Request::new("DEL").with_all(keys(draw, 3))),
        (5, |draw| Request::new("UNLINK").with_all(keys(draw, 3))),
        (10, |draw| Request::new("EXISTS").with_all(keys(draw, 4))),
        (7, |draw| Request::new("TYPE").with(key(draw))),
        (9, |draw| Request::new("RENAME").with(key(draw)).with(key(draw))),
        (7, |draw| Request::new("RENAMENX").with(key(draw)).with(key(draw))),
        (9, scan),
        (9, |draw| Request::new("KEYS").with(draw.one_of(PATTERNS)).look(Look::Sorted)),
        (5, |draw| Request::new("TOUCH").with_all(keys(draw, 3))),
        (4, |_| Request::new("RANDOMKEY").look(Look::Shape)),
        (6, |_| Request::new("DBSIZE")),
        (2, |draw| flush("FLUSHDB", draw)),
        (2, |draw| flush("FLUSHALL", draw)),
        (9, object),
        (3, memory_usage),
        (1, |_| Request::new("TIME").look(Look::Shape)),
        (1, |draw| Request::new("ECHO").with(key(draw))),
        (1, |_| Request::new("PING")),
        (2, |draw| Request::new("PUBLISH").with_all(keys(draw, 3))),
        (2, channels),
        (1, |draw| Request::new(draw.one_of(&["NOSUCH", "GETX", ""])).with(key(draw)).with("1")),
    ];
    draw.weighted(draws)(draw)
}

/// Nobody is subscribed to anything.
fn channels(draw: &mut Draw) -> Request {
    let request = Request::new("PUBSUB");
    match draw.below(4) {
        0 => request.with("CHANNELS").with(draw.one_of(PATTERNS)),
        1 => request.with("NUMSUB").with_all(keys(draw, 3)),
        2 => request.with("NUMPAT"),
        _ => request.with(draw.one_of(&["channels", "NOPE", "NUMPAT"])).with(key(draw)),
    }
}

fn scan(draw: &mut Draw) -> Request {
    let mut request = Request::new("SCAN").with("0").look(Look::Scan);
    for _ in 0..draw.one_of(&[0, 0, 1, 1, 2, 3]) {
        request = match draw.below(10) {
            0..4 => request.with(option("MATCH", draw)).with(draw.one_of(PATTERNS)),
            4..7 => {
                let count = draw.one_of(&["1", "3", "10", "1000", "1", "0", "-1", "x"]);
                request.with(option("COUNT", draw)).with(count)
            }
            7..9 => {
                let name = draw.one_of(&["string", "STRING", "list", "hash", "zset", "nosuch"]);
                request.with(option("TYPE", draw)).with(name)
            }
            _ => request.with("NOPE"),
        };
    }
    if draw.chance(3) {
        request.words[1] = draw.one_of(&["abc", "-1", "", "18446744073709551616", "1.0"]).into();
        request.look = Look::Shape;
    }
    request
}

fn flush(verb: &str, draw: &mut Draw) -> Request {
    match draw.one_of(&["", "", "ASYNC", "SYNC", "NOPE"]) {
        "" => Request::new(verb),
        how => Request::new(verb).with(option(how, draw)),
    }
}

fn object(draw: &mut Draw) -> Request {
    let (name, look) = draw.one_of(&[
        ("ENCODING", 0),
        ("ENCODING", 0),
        ("IDLETIME", 1),
        ("REFCOUNT", 1),
        ("FREQ", 0),
        ("HELP", 0),
        ("NOPE", 0),
    ]);
    let request = Request::new("OBJECT").with(option(name, draw));
    let request = if name == "HELP" { request } else { request.with(key(draw)) };
    request.look(if look == 0 { Look::Exact } else { Look::Shape })
}

fn memory_usage(draw: &mut Draw) -> Request {
    let request = Request::new("MEMORY").with(option("USAGE", draw)).with(key(draw));
    let request = match draw.below(5) {
        0 => request.with("SAMPLES").with(draw.one_of(&["0", "5", "-1", "x"])),
        _ => request,
    };
    request.look(Look::Shape)
}
