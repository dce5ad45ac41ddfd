//! Scripts against a server of a few commands.

mod bounds;
mod cache;
mod conversion;
mod holes;
mod libraries;
mod sandbox;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::resp::{Frame, Protocol, Reply, bulk, integer, null};

/// Answers ECHO, SET, GET, INCR, and FRAME with what it was given beforehand.
#[derive(Default)]
pub(super) struct Fake {
    pub(super) values: HashMap<Vec<u8>, Vec<u8>>,
    pub(super) frame: Option<Frame>,
    pub(super) stop: Option<Stop>,
    pub(super) calls: Vec<Vec<Vec<u8>>>,
    pub(super) protocols: Vec<Protocol>,
    pub(super) logs: Vec<(LogLevel, String)>,
}

impl Calls for Fake {
    fn call(&mut self, request: &Request, protocol: Protocol, _: u64) -> Result<Reply, Stop> {
        let words: Vec<&[u8]> = request.words().collect();
        self.calls.push(words.iter().map(|word| word.to_vec()).collect());
        self.protocols.push(protocol);
        let name = words[0].to_ascii_lowercase();
        Ok(match (name.as_slice(), &words[1..]) {
            (b"echo", [text]) => Reply::Frame(bulk(text.to_vec())),
            (b"set", [key, value]) => {
                self.values.insert(key.to_vec(), value.to_vec());
                Reply::Simple("OK")
            }
            (b"get", [key]) => Reply::Frame(match self.values.get(*key) {
                Some(value) => bulk(value.clone()),
                None => null(),
            }),
            (b"incr", [key]) => {
                let value = self.values.entry(key.to_vec()).or_default();
                let number: i64 = std::str::from_utf8(value).unwrap().parse().unwrap_or(0) + 1;
                *value = number.to_string().into_bytes();
                Reply::Integer(number)
            }
            (b"frame", []) => Reply::Frame(self.frame.clone().unwrap_or(integer(0))),
            (b"five", []) => Reply::Five([1, 2, 3, 4, 5]),
            (b"stop", []) => return Err(self.stop.unwrap_or(Stop::Restart)),
            (b"echo" | b"set" | b"get" | b"incr", _) => {
                Reply::Error("ERR Wrong number of args calling Redis command from script".into())
            }
            _ => Reply::Error("ERR Unknown Redis command called from script".into()),
        })
    }

    fn log(&mut self, level: LogLevel, text: &[u8]) {
        self.logs.push((level, String::from_utf8_lossy(text).into_owned()));
    }

    fn may(&mut self, request: &Request) -> Option<bool> {
        let name = request.words().next().unwrap();
        (name != b"nope").then_some(name != b"forbidden")
    }
}

/// Monotonic nanoseconds of the machine: tests may look at its clock.
#[allow(clippy::disallowed_methods, reason = "a test measures how long a script really ran")]
pub(super) fn ticker() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed();
    u64::try_from(elapsed.as_nanos()).unwrap()
}

/// One worker with a cache of its own.
pub(super) struct Bench {
    pub(super) interpreter: Interpreter,
    pub(super) cache: ScriptCache,
    pub(super) fake: Fake,
    pub(super) budget: Duration,
}

impl Bench {
    pub(super) fn new() -> Self {
        Bench {
            interpreter: Interpreter::new(Options { redis_version: "7.4.0", seed: 1 }).unwrap(),
            cache: ScriptCache::new(CacheLimits::default()),
            fake: Fake::default(),
            // Long enough that no test fails on a busy machine.
            budget: Duration::from_secs(20),
        }
    }

    pub(super) fn outcome(&mut self, source: &[u8]) -> Result<Reply, Stop> {
        let script = match self.interpreter.learn(&self.cache, source, false) {
            Ok(script) => script,
            Err(text) => return Ok(Reply::Error(text.into())),
        };
        self.run(&script, &[], &[])
    }

    pub(super) fn run(
        &mut self,
        script: &Arc<Script>,
        keys: &[&[u8]],
        argv: &[&[u8]],
    ) -> Result<Reply, Stop> {
        let budget_ns = u64::try_from(self.budget.as_nanos()).unwrap();
        let run = Run { script, keys, argv, budget_ns, ticker };
        self.interpreter.run(&run, &mut self.fake)
    }

    /// The bytes of the reply in RESP2.
    pub(super) fn eval(&mut self, source: &str) -> String {
        self.wire(source, Protocol::Resp2)
    }

    pub(super) fn wire(&mut self, source: &str, protocol: Protocol) -> String {
        let mut out = Vec::new();
        self.outcome(source.as_bytes()).unwrap().encode(protocol, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// The bytes of the reply of one script in RESP2.
pub(super) fn eval(source: &str) -> String {
    Bench::new().eval(source)
}

/// The reply of a script that gives true for every claim that holds.
pub(super) fn holds(source: &str) {
    let reply = eval(source);
    assert_eq!(reply, ":1\r\n", "{source}");
}

/// The error of a script without the part that names it.
pub(super) fn error_of(source: &str) -> String {
    let reply = eval(source);
    let text = reply.strip_prefix('-').unwrap_or_else(|| panic!("{source} gave {reply}"));
    text.split(" script: ").next().unwrap_or_default().trim_end().to_owned()
}
