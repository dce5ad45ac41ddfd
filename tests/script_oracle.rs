//! Scripts against redis-server: the same bytes come back, in RESP2 and in RESP3.
//!
//! Skipped with a printed reason where redis-server 7.0 is not installed. What is meant to differ
//! stands in src/script, with its reason.

#![allow(clippy::unwrap_used, reason = "a helper of a test ends the test")]
#![allow(clippy::disallowed_methods, reason = "it waits for a server to start")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ratel::resp::{Protocol, Reply, bulk, null};
use ratel::script::{
    CacheLimits, Calls, Interpreter, LogLevel, Options, Request, Run, ScriptCache, Stop,
};

/// One script after the other, lines of `%%` between them.
const SCRIPTS: &str = include_str!("script_oracle/scripts.txt");
const BUDGET_NS: u64 = 20_000_000_000;

struct Redis {
    child: Child,
    stream: BufReader<TcpStream>,
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Redis {
    fn start() -> Option<Redis> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--save", "", "--bind", "127.0.0.1"])
            .stdout(Stdio::null())
            .spawn()
            .ok()?;
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(stream) => return Some(Redis { child, stream: BufReader::new(stream) }),
                Err(error) => assert!(Instant::now() < deadline, "redis-server: {error}"),
            }
            std::thread::yield_now();
        }
    }

    fn call(&mut self, words: &[&str]) -> Vec<u8> {
        let mut request = format!("*{}\r\n", words.len());
        for word in words {
            request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut reply = Vec::new();
        self.read_value(&mut reply);
        reply
    }

    fn read_value(&mut self, out: &mut Vec<u8>) {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).unwrap();
        out.extend_from_slice(&line);
        let number: i64 =
            String::from_utf8_lossy(&line[1..]).trim_end().parse().unwrap_or_default();
        match line[0] {
            b'$' | b'=' if number >= 0 => {
                let mut data = vec![0; usize::try_from(number).unwrap() + 2];
                self.stream.read_exact(&mut data).unwrap();
                out.extend_from_slice(&data);
            }
            b'*' | b'~' | b'>' => (0..number).for_each(|_| self.read_value(out)),
            b'%' => (0..2 * number).for_each(|_| self.read_value(out)),
            _ => {}
        }
    }
}

#[derive(Default)]
struct Store(HashMap<Vec<u8>, Vec<u8>>);

impl Calls for Store {
    fn call(&mut self, request: &Request, _: Protocol, _: u64) -> Result<Reply, Stop> {
        let words: Vec<&[u8]> = request.words().collect();
        Ok(match (words[0].to_ascii_lowercase().as_slice(), &words[1..]) {
            (b"echo", [text]) => Reply::Frame(bulk(text.to_vec())),
            (b"get", [key]) => {
                Reply::Frame(self.0.get(*key).map_or_else(null, |value| bulk(value.clone())))
            }
            (b"set", [key, value]) => {
                self.0.insert(key.to_vec(), value.to_vec());
                Reply::Simple("OK")
            }
            (b"incr", [key]) => {
                let value = self.0.entry(key.to_vec()).or_default();
                let number: i64 = String::from_utf8_lossy(value).parse().unwrap_or(0) + 1;
                *value = number.to_string().into_bytes();
                Reply::Integer(number)
            }
            (b"incr" | b"get" | b"set" | b"echo", _) => {
                Reply::Error("ERR Wrong number of args calling Redis command from script".into())
            }
            _ => Reply::Error("ERR Unknown Redis command called from script".into()),
        })
    }

    fn log(&mut self, _: LogLevel, _: &[u8]) {}

    fn may(&mut self, _: &Request) -> Option<bool> {
        Some(true)
    }
}

fn ours(interpreter: &mut Interpreter, cache: &ScriptCache, source: &str) -> Reply {
    let script = match interpreter.learn(cache, source.as_bytes(), false) {
        Ok(script) => script,
        Err(text) => return Reply::Error(text.into()),
    };
    let run = Run { script: &script, keys: &[], argv: &[], budget_ns: BUDGET_NS, ticker: || 0 };
    interpreter.run(&run, &mut Store::default()).unwrap()
}

#[test]
fn scripts_answer_as_redis_answers() {
    let Some(mut redis) = Redis::start() else {
        println!("skipped: redis-server is not installed");
        return;
    };
    let version = String::from_utf8(redis.call(&["INFO", "server"])).unwrap();
    if !version.contains("redis_version:7.0.") {
        println!("skipped: redis-server is not 7.0");
        return;
    }
    let mut interpreter = Interpreter::new(Options { redis_version: "7.4.0", seed: 1 }).unwrap();
    let cache = ScriptCache::new(CacheLimits::default());
    let mut differences = Vec::new();
    for (hello, protocol) in [("2", Protocol::Resp2), ("3", Protocol::Resp3)] {
        redis.call(&["HELLO", hello]);
        for source in SCRIPTS.split("\n%%\n").map(|source| source.trim_end_matches('\n')) {
            // Redis keeps what a script chose for cjson until its Lua state is made anew.
            redis.call(&["FLUSHALL"]);
            redis.call(&["SCRIPT", "FLUSH"]);
            let theirs = redis.call(&["EVAL", source, "0"]);
            let mut mine = Vec::new();
            ours(&mut interpreter, &cache, source).encode(protocol, &mut mine);
            if mine != theirs {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                differences.push(format!(
                    "{source}\n  redis: {:?}\n  ratel: {:?}",
                    text(&theirs),
                    text(&mine)
                ));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
