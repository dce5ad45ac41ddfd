//! The few keys, values and times that all requests share, so that they meet.

use crate::draw::Draw;
use crate::request::{Request, Unit, Word};

/// The keys. The first ones are drawn most often.
pub(crate) const KEYS: &[&[u8]] =
    &[b"a", b"b", b"{t}:hits", b"{t}:blocked", b"user:1", b"h*llo", b"", b"\x00\xff\r\n"];

const INTEGERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "10",
    "100",
    "9999",
    "10000",
    "-5",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775806",
    "4611686018427387904",
];

/// Texts that are nearly integers.
const NEARLY: &[&str] = &[
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "-0",
    "+1",
    " 1",
    "1 ",
    "01",
    "1e3",
    "1.0",
    "0x10",
    "1\0",
    "--1",
    "-",
];

const FLOATS: &[&str] = &[
    "0.1",
    "0.2",
    "3.14",
    "-2.5e10",
    "1e-7",
    "5.0e3",
    "0.30000000000000004",
    "1e17",
    "123456789.123456789",
    "-0.0",
    ".5",
    "5.",
    "1e20",
];

/// Floats at the edges of what can be added.
const EXTREME_FLOATS: &[&str] = &[
    "inf",
    "-inf",
    "+inf",
    "nan",
    "1e400",
    "1.7976931348623157e308",
    "5e-324",
    "1e19",
    "0x1p3",
    "infinity",
];

const TEXTS: &[&[u8]] = &[
    b"",
    b"x",
    b"hello",
    b"OK",
    b"QUEUE",
    b"\x00\x01\xff\xfe",
    b"a\r\nb",
    "h\u{e9}llo \u{1f600}".as_bytes(),
    b"{\"count\":3,\"reset\":1700000000}",
    b"this text has forty-four characters and more",
];

/// One of the keys.
pub(crate) fn key(draw: &mut Draw) -> Vec<u8> {
    let at = draw.below(KEYS.len()).min(draw.below(KEYS.len()));
    KEYS[at].to_vec()
}

/// Up to `most` keys, doubles among them.
pub(crate) fn keys(draw: &mut Draw, most: usize) -> Vec<Vec<u8>> {
    (0..draw.between(1, most)).map(|_| key(draw)).collect()
}

/// A value to store.
pub(crate) fn value(draw: &mut Draw) -> Vec<u8> {
    match draw.below(100) {
        0..40 => draw.one_of(INTEGERS).into(),
        40..52 => draw.one_of(NEARLY).into(),
        52..70 => draw.one_of(FLOATS).into(),
        70..74 => draw.one_of(EXTREME_FLOATS).into(),
        74..97 => draw.one_of(TEXTS).to_vec(),
        _ => vec![b'x'; draw.one_of(&[64, 1_000, 20_000])],
    }
}

/// What a counter is changed by: mostly an integer.
pub(crate) fn amount(draw: &mut Draw) -> Vec<u8> {
    match draw.below(100) {
        0..80 => draw.one_of(INTEGERS).into(),
        80..92 => draw.one_of(NEARLY).into(),
        92..96 => draw.one_of(FLOATS).into(),
        _ => draw.one_of(TEXTS).to_vec(),
    }
}

const DIGITS: [char; 10] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

/// A decimal number of any size, with or without a point and an exponent.
pub(crate) fn decimal(draw: &mut Draw) -> String {
    let digits = |draw: &mut Draw, most| -> String {
        (0..draw.between(1, most)).map(|_| draw.one_of(&DIGITS)).collect()
    };
    let sign = draw.one_of(&["", "", "-"]);
    let most = draw.one_of(&[2, 5, 17, 20]);
    let mut text = format!("{sign}{}", digits(draw, most));
    if draw.chance(70) {
        text = format!("{text}.{}", digits(draw, most));
    }
    if draw.chance(20) {
        let most = draw.one_of(&[5, 25]);
        let figure = draw.below(most + 1);
        text = format!("{text}e{}{figure}", draw.one_of(&["", "-"]));
    }
    text
}

/// What a float is changed by.
pub(crate) fn float(draw: &mut Draw) -> Vec<u8> {
    match draw.below(100) {
        0..30 => decimal(draw).into(),
        30..55 => draw.one_of(FLOATS).into(),
        55..75 => draw.one_of(INTEGERS).into(),
        75..85 => draw.one_of(EXTREME_FLOATS).into(),
        85..95 => draw.one_of(NEARLY).into(),
        _ => draw.one_of(TEXTS).to_vec(),
    }
}

/// The least time to live that no sequence outlives.
const LONG_S: usize = 100;
/// Points in time that are the same for everyone: the years 2100 and 2001, in seconds.
const FIXED_S: &[&str] = &["4102444800", "4102444800", "978307200"];
/// Figures that are no time to live, or one in the past, or too far away.
const ODD: &[&str] = &[
    "0",
    "-1",
    "-1000",
    "9223372036854775807",
    "9223372036854775",
    "9223372036854776",
    "-9223372036854775808",
    "-9223372036854775",
    "9223372036854775808",
    "abc",
    "1.5",
    "",
    "10 ",
    "0x20",
];

/// The longest of the short times to live.
const SHORT_MS_MAX: usize = 20;
/// How much longer than a key's time both servers are left alone, so that neither still has it.
const SLACK_MS: u64 = 3;

/// A long time to live. No two are likely to be the same: of two deadlines in one millisecond,
/// which is the later is left to chance, and GT and LT ask for that.
fn long_s(draw: &mut Draw) -> usize {
    LONG_S + 10 * draw.below(100_000)
}

/// `request` with a time to live behind it.
pub(crate) fn with_ttl(request: Request, unit: Unit, draw: &mut Draw) -> Request {
    let zeros = if unit == Unit::Seconds { "" } else { "000" };
    match draw.below(100) {
        // A key that ends while the sequence runs: only where nothing else happens meanwhile, as no
        // two servers end it in the same moment. A second is too long to wait for.
        0..9 if unit == Unit::Milliseconds => {
            let ttl_ms = draw.between(1, SHORT_MS_MAX);
            let mut request = request.with(ttl_ms.to_string());
            request.settle_ms = request.settle_ms.max(ttl_ms as u64 + SLACK_MS);
            request
        }
        0..75 => request.with(format!("{}{zeros}", long_s(draw))),
        _ => request.with(draw.one_of(ODD)),
    }
}

/// `request` with a point in time behind it.
pub(crate) fn with_deadline(request: Request, unit: Unit, draw: &mut Draw) -> Request {
    let away_ms = 1_000 * i64::try_from(long_s(draw)).expect("some days");
    let zeros = if unit == Unit::Seconds { "" } else { "000" };
    match draw.below(100) {
        0..45 => request.with(Word::Clock { ahead_ms: away_ms, unit }),
        45..65 => request.with(format!("{}{zeros}", draw.one_of(FIXED_S))),
        65..80 => request.with(Word::Clock { ahead_ms: -away_ms, unit }),
        _ => request.with(draw.one_of(ODD)),
    }
}

/// `option` in one case or the other.
pub(crate) fn option(option: &str, draw: &mut Draw) -> Word {
    if draw.chance(25) { option.to_ascii_lowercase().into() } else { option.into() }
}
