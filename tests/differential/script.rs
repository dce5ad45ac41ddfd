//! A Lua script under construction: its text, its keys and arguments, and how its reply is compared.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use crate::allowed::differs;
use crate::draw::Draw;
use crate::look::Look;
use crate::request::{Request, Word};
use crate::sequence::plain_request;
use crate::stock;

/// A script with the arguments that it was first run with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    pub(crate) text: String,
    pub(crate) keys: Vec<Word>,
    pub(crate) arguments: Vec<Word>,
    /// The looks of its calls, in order.
    calls: Vec<Look>,
    names: Vec<String>,
    pub(crate) look: Option<Look>,
    settle_ms: u64,
}

/// What the reply of a template consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Returns {
    /// A value that follows from the keyspace alone: only calls whose replies are exact are drawn.
    Value,
    /// The reply of its last call, as it is.
    LastCall,
    /// An array of the replies of all its calls.
    AllCalls,
}

/// Commands that a script may not call.
const FORBIDDEN: &[&str] = &[
    "MULTI", "EXEC", "WATCH", "UNWATCH", "DISCARD", "EVAL", "EVALSHA", "SCRIPT", "HELLO", "NOSUCH",
];

/// What a template may hold that others ask for: a request by it is known to use them.
const TOLD: &[&str] = &[
    "DBSIZE",
    "string.dump",
    "pairs(_G)",
    "pairs(string)",
    "REDIS_VERSION",
    "math.random(",
    "return redis.log(",
    "return redis.acl_check_cmd(",
];

impl Script {
    /// The template with every mark filled in: `@C` a `redis.call`, `@P` a `redis.pcall`, `@K` a
    /// key, `@N` an integer, `@F` a number, `@V` a value.
    pub(crate) fn fill(template: &str, returns: Returns, draw: &mut Draw) -> Script {
        let mut script = Script::default();
        let mut parts = template.split('@');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (mark, rest) = part.split_at(1);
            let filled = match mark {
                "C" => script.call("redis.call", returns, draw),
                "P" => script.call("redis.pcall", returns, draw),
                "K" => script.key(&stock::key(draw), draw),
                "N" => draw.one_of(&["0", "1", "-1", "3", "10", "100000", "2^31"]).to_owned(),
                "F" => stock::decimal(draw),
                "V" => script.expression(&stock::value(draw).into(), draw),
                other => unreachable!("no mark: {other} in {template}"),
            };
            text.push_str(&filled);
            text.push_str(rest);
        }
        let used = TOLD.iter().filter(|told| text.contains(**told));
        script.names.extend(used.map(|told| (*told).to_owned()));
        script.text = text;
        script.look = Some(match returns {
            Returns::Value => Look::Exact,
            Returns::LastCall => script.calls.last().cloned().unwrap_or(Look::Exact),
            Returns::AllCalls => Look::Each(script.calls.clone()),
        });
        script
    }

    fn call(&mut self, function: &str, returns: Returns, draw: &mut Draw) -> String {
        let request = if draw.chance(3) {
            Request::new(draw.one_of(FORBIDDEN)).with("1").with("2")
        } else {
            plain_request(draw)
        };
        let open = returns == Returns::Value && request.look != Look::Exact;
        // In a script nobody can make a server notice first what has ended.
        if open || request.sees_ended() || differs(&request.name()) {
            return self.call(function, returns, draw);
        }
        self.names.push(request.name());
        self.calls.push(request.look);
        self.settle_ms = self.settle_ms.max(request.settle_ms);
        let words = request.words.iter().enumerate().map(|(at, word)| match word {
            Word::Bytes(bytes) if at == 0 => literal(bytes),
            Word::Bytes(bytes) if stock::KEYS.contains(&bytes.as_slice()) => self.key(bytes, draw),
            word => self.expression(word, draw),
        });
        let words: Vec<String> = words.collect();
        format!("{function}({})", words.join(", "))
    }

    /// A key: mostly a declared one, now and then one that nobody declared.
    fn key(&mut self, key: &[u8], draw: &mut Draw) -> String {
        if draw.chance(6) {
            return literal(key);
        }
        let word = Word::from(key.to_vec());
        if draw.chance(6) {
            return self.argument(&word);
        }
        let known = self.keys.iter().position(|known| *known == word);
        let at = known.unwrap_or_else(|| {
            self.keys.push(word);
            self.keys.len() - 1
        });
        format!("KEYS[{}]", at + 1)
    }

    /// A word as an argument, as a string or as a number of Lua.
    fn expression(&mut self, word: &Word, draw: &mut Draw) -> String {
        let Word::Bytes(bytes) = word else {
            return self.argument(word);
        };
        let text = String::from_utf8_lossy(bytes);
        let digit_first = text.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit());
        let number = digit_first && text.parse::<f64>().is_ok_and(f64::is_finite);
        match draw.below(100) {
            0..30 if number => text.into_owned(),
            0..75 => self.argument(word),
            _ => literal(bytes),
        }
    }

    fn argument(&mut self, word: &Word) -> String {
        self.arguments.push(word.clone());
        format!("ARGV[{}]", self.arguments.len())
    }

    /// The name under which EVALSHA finds it.
    pub(crate) fn sha1(&self) -> String {
        let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, self.text.as_bytes());
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A request that runs it by `verb`, which takes its text, or its name where `named`.
    pub(crate) fn run(&self, verb: &str, named: bool) -> Request {
        let body = if named { self.sha1() } else { self.text.clone() };
        let mut request = Request::new(verb)
            .with(body)
            .with(self.keys.len().to_string())
            .with_all(self.keys.iter().cloned())
            .with_all(self.arguments.iter().cloned())
            .look(self.look.clone().unwrap_or(Look::Exact));
        request.settle_ms = self.settle_ms;
        request.calls.clone_from(&self.names);
        request
    }
}

/// Bytes as a string of Lua.
fn literal(bytes: &[u8]) -> String {
    let mut text = String::from("'");
    for byte in bytes {
        match byte {
            b'\'' | b'\\' => text.push_str(&format!("\\{}", char::from(*byte))),
            b' '..=b'~' => text.push(char::from(*byte)),
            other => text.push_str(&format!("\\{other:03}")),
        }
    }
    text.push('\'');
    text
}
