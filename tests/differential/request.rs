//! A request as it is drawn: its words, how its replies are to be compared, and how long to wait
//! behind it.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::draw::Draw;
use crate::look::Look;

/// The unit of a point in time on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    Milliseconds,
}

/// One argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Bytes(Vec<u8>),
    /// The time of sending plus so much: one figure for both servers.
    Clock {
        ahead_ms: i64,
        unit: Unit,
    },
}

impl Word {
    /// Its bytes when it is sent at `now_ms` after 1970.
    pub(crate) fn at(&self, now_ms: i64) -> Vec<u8> {
        match self {
            Word::Bytes(bytes) => bytes.clone(),
            Word::Clock { ahead_ms, unit: Unit::Milliseconds } => {
                (now_ms + ahead_ms).to_string().into()
            }
            Word::Clock { ahead_ms, unit: Unit::Seconds } => {
                ((now_ms + ahead_ms) / 1000).to_string().into()
            }
        }
    }
}

impl From<&str> for Word {
    fn from(text: &str) -> Word {
        Word::Bytes(text.as_bytes().to_vec())
    }
}

impl From<String> for Word {
    fn from(text: String) -> Word {
        Word::Bytes(text.into_bytes())
    }
}

impl From<Vec<u8>> for Word {
    fn from(bytes: Vec<u8>) -> Word {
        Word::Bytes(bytes)
    }
}

impl fmt::Display for Word {
    /// As redis-cli takes it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Word::Bytes(bytes) => write!(out, "{}", quoted(bytes)),
            Word::Clock { ahead_ms, unit } => write!(out, "<now{ahead_ms:+} ms in {unit:?}>"),
        }
    }
}

/// Bytes as redis-cli quotes them, bare where they need no quotes.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    let bare = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-+.:{}*[]/".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(bare) {
        return bytes.iter().copied().map(char::from).collect();
    }
    let mut text = String::from("\"");
    for byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(*byte)]),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b' '..=b'~' => text.push(char::from(*byte)),
            other => text.push_str(&format!("\\x{other:02x}")),
        }
    }
    text.push('"');
    text
}

/// A request with what its replies are looked at for.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) words: Vec<Word>,
    pub(crate) look: Look,
    /// How long after its reply a key that it made to expire may still live.
    pub(crate) settle_ms: u64,
    /// The names of the commands that a script in it calls.
    pub(crate) calls: Vec<String>,
}

impl Request {
    pub(crate) fn new(verb: &str) -> Request {
        Request { words: vec![verb.into()], look: Look::Exact, settle_ms: 0, calls: Vec::new() }
    }

    /// With one word more.
    pub(crate) fn with(mut self, word: impl Into<Word>) -> Request {
        self.words.push(word.into());
        self
    }

    /// With these words more.
    pub(crate) fn with_all<W: Into<Word>>(mut self, words: impl IntoIterator<Item = W>) -> Request {
        self.words.extend(words.into_iter().map(Into::into));
        self
    }

    pub(crate) fn look(mut self, look: Look) -> Request {
        self.look = look;
        self
    }

    /// Its verb in capitals; empty where it is no text.
    pub(crate) fn verb(&self) -> String {
        match self.words.first() {
            Some(Word::Bytes(bytes)) => String::from_utf8_lossy(bytes).to_ascii_uppercase(),
            _ => String::new(),
        }
    }

    /// What the tally counts it as: the verb, and the subcommand where there is one.
    pub(crate) fn name(&self) -> String {
        let verb = self.verb();
        let Some(Word::Bytes(second)) = self.words.get(1) else { return verb };
        let known = matches!(verb.as_str(), "OBJECT" | "SCRIPT" | "MEMORY");
        let second = String::from_utf8_lossy(second).to_ascii_uppercase();
        if known && second.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return format!("{verb} {second}");
        }
        verb
    }

    /// Whether it tells of keys that have ended and that the server has not removed yet.
    pub(crate) fn sees_ended(&self) -> bool {
        let name = self.name();
        let mut names = self.calls.iter().chain([&name]);
        names.any(|name| name == "DBSIZE" || name == "MEMORY USAGE")
    }

    /// Whether both servers walk on from its reply.
    pub(crate) fn walks(&self) -> bool {
        self.look == Look::Scan && matches!(self.verb().as_str(), "SCAN" | "HSCAN")
    }

    /// The word of its cursor, where it walks.
    pub(crate) fn cursor_at(&self) -> usize {
        if self.verb() == "SCAN" { 1 } else { 2 }
    }

    /// Its bytes on the wire.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let now_ms = i64::try_from(since.as_millis()).expect("a time of this age");
        let mut bytes = format!("*{}\r\n", self.words.len()).into_bytes();
        for word in &self.words {
            let word = word.at(now_ms);
            bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            bytes.extend_from_slice(&word);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes
    }

    /// Sometimes another case of the verb, sometimes a word too few, too many or out of place.
    pub(crate) fn mangled(mut self, draw: &mut Draw) -> Request {
        if draw.chance(25) {
            self.words[0] = self.verb().to_ascii_lowercase().into();
        } else if draw.chance(5) {
            let mut letter = 0;
            let verb = self.verb();
            let mixed = verb.chars().map(|c| {
                letter += 1;
                if letter % 2 == 0 { c.to_ascii_lowercase() } else { c }
            });
            self.words[0] = mixed.collect::<String>().into();
        }
        if draw.chance(2) {
            // The verb alone, or with its subcommand.
            self.words.truncate(self.name().split(' ').count());
            return self;
        }
        // A word out of place may have it wait for ever.
        let waits = matches!(self.verb().as_str(), "BLPOP" | "BRPOP");
        if waits || !draw.chance(6) {
            return self;
        }
        let draws = matches!(self.verb().as_str(), "HRANDFIELD" | "ZRANDMEMBER");
        if self.look == Look::Scan || draws {
            // Where a walk goes on from a cursor that was never given out is nobody's business, nor
            // which fields or members are drawn where not all are.
            self.look = Look::Shape;
        }
        let at = draw.between(1, self.words.len());
        match draw.below(3) {
            0 if at < self.words.len() => drop(self.words.remove(at)),
            1 if at < self.words.len() => self.words[at] = draw.one_of(JUNK).into(),
            _ => self.words.push(draw.one_of(JUNK).into()),
        }
        self
    }
}

/// Draws a request from nothing but choices.
pub(crate) type Plain = fn(&mut Draw) -> Request;

/// Words for a place where they were not drawn for. None is a time between now and a minute from
/// now: a key must not expire between two steps.
const JUNK: &[&str] = &[
    "",
    "abc",
    "-1",
    "0",
    "9223372036854775807",
    "-9223372036854775809",
    "1.5",
    "NX",
    "GET",
    "\0",
];

impl fmt::Display for Request {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.words.iter().map(Word::to_string).collect();
        write!(out, "{}", words.join(" "))
    }
}

/// A request on one of a sequence's connections.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) connection: usize,
    pub(crate) request: Request,
    /// In one write with the next step, where that is of the same client.
    pub(crate) joined: bool,
}

impl fmt::Display for Step {
    /// `+` for `>` behind the client: it is joined with the next step.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.joined { "+" } else { ">" };
        write!(out, "client {}{sign} {}", self.connection, self.request)?;
        match self.request.settle_ms {
            0 => Ok(()),
            wait_ms => write!(out, "   (then {wait_ms} ms of nothing)"),
        }
    }
}
