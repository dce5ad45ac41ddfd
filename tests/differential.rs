//! ratel against Debian's redis-server 7.0.15: the same random sequences, the same replies.
//!
//! Goal: whoever changes host and port from Redis to ratel sees no difference. Method: sequences of
//! two clients, drawn from a seed that is printed, run on both servers in step; every reply is
//! compared as a tree. What may differ stands in one short table (allowed.rs).
//!
//! RATEL_DIFF_SEED and RATEL_DIFF_STEPS repeat a run or make it longer, RATEL_DIFF_COMMANDS (comma
//! separated) narrows it, RATEL_DIFF_MOST is the number of different
//! differences after which it ends.
#![allow(clippy::disallowed_methods, reason = "deadlines of tests are real time")]

mod support;

#[path = "differential/allowed.rs"]
mod allowed;
#[path = "differential/conversations.rs"]
mod conversations;
#[path = "differential/counters.rs"]
mod counters;
#[path = "differential/draw.rs"]
mod draw;
#[path = "differential/driver.rs"]
mod driver;
#[path = "differential/expiry.rs"]
mod expiry;
#[path = "differential/finding.rs"]
mod finding;
#[path = "differential/generic.rs"]
mod generic;
#[path = "differential/hashes.rs"]
mod hashes;
#[path = "differential/limiters.rs"]
mod limiters;
#[path = "differential/link.rs"]
mod link;
#[path = "differential/lists.rs"]
mod lists;
#[path = "differential/look.rs"]
mod look;
#[path = "differential/lua_calls.rs"]
mod lua_calls;
#[path = "differential/lua_faults.rs"]
mod lua_faults;
#[path = "differential/lua_libraries.rs"]
mod lua_libraries;
#[path = "differential/lua_values.rs"]
mod lua_values;
#[path = "differential/peer.rs"]
mod peer;
#[path = "differential/reply.rs"]
mod reply;
#[path = "differential/request.rs"]
mod request;
#[path = "differential/script.rs"]
mod script;
#[path = "differential/scripts.rs"]
mod scripts;
#[path = "differential/sequence.rs"]
mod sequence;
#[path = "differential/shrink.rs"]
mod shrink;
#[path = "differential/sorted_sets.rs"]
mod sorted_sets;
#[path = "differential/stock.rs"]
mod stock;
#[path = "differential/strings.rs"]
mod strings;
#[path = "differential/tally.rs"]
mod tally;
#[path = "differential/transactions.rs"]
mod transactions;

use std::env;
use std::str::FromStr;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use draw::Draw;
use driver::{Driver, Tamper};
use finding::Finding;
use peer::Peer;
use reply::Reply;
use request::Request;
use sequence::Sequence;

/// The seed that every machine tries; any number would do.
const FIXED_SEED: u64 = 20_261_124;
/// Steps of a run that the environment does not set.
const STEPS: usize = 20_000;
/// From so many steps on a run must have tried everything: with fewer, a rare command may by chance
/// have been answered alone.
const STEPS_THAT_COVER: usize = 100_000;
/// Different differences after which a run ends.
const FINDINGS_MAX: usize = 5;

/// What a run is: every sequence of it has a seed that follows from its own.
struct Plan {
    seed: u64,
    steps: usize,
    findings_max: usize,
    /// The commands that it is made of, where not of all.
    only: Vec<String>,
}

impl Plan {
    fn new(seed: u64, steps: usize) -> Plan {
        Plan { seed, steps, findings_max: FINDINGS_MAX, only: Vec::new() }
    }

    /// The same as the environment wants it.
    fn of_environment(seed: u64) -> Plan {
        let mut plan = Plan::new(seed, STEPS);
        plan.seed = variable("RATEL_DIFF_SEED").unwrap_or(plan.seed);
        plan.steps = variable("RATEL_DIFF_STEPS").unwrap_or(plan.steps);
        plan.findings_max = variable("RATEL_DIFF_MOST").unwrap_or(plan.findings_max);
        if let Some(names) = variable::<String>("RATEL_DIFF_COMMANDS") {
            plan.only = names.split(',').filter(|n| !n.is_empty()).map(str::to_owned).collect();
        }
        plan
    }

    /// Runs it and tells what it found.
    fn run(&self, driver: &mut Driver) -> Vec<Finding> {
        let begun = Instant::now();
        let mut seeds = Draw::new(self.seed);
        let (mut findings, mut steps, mut sequences) = (Vec::<Finding>::new(), 0, 0);
        let mut seed = self.seed;
        while steps < self.steps && findings.len() < self.findings_max {
            let sequence = Sequence::draw(seed, &self.only);
            let difference = driver.run(&sequence.steps);
            steps += difference.as_ref().map_or(sequence.steps.len(), |found| found.at + 1);
            sequences += 1;
            if let Some(difference) = difference {
                let finding = Finding::new(driver, seed, &sequence, &difference);
                if findings.iter().all(|known| known.kind != finding.kind) {
                    println!("{finding}");
                    findings.push(finding);
                }
            }
            seed = seeds.next();
        }
        let seconds = begun.elapsed().as_secs_f32();
        println!("seed {}: {steps} steps in {sequences} sequences, {seconds:.1} s", self.seed);
        findings
    }
}

fn variable<T: FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok()?;
    let value = text.parse().ok();
    Some(value.unwrap_or_else(|| panic!("{name}={text} cannot be read")))
}

/// Runs the plan against this build: no difference, and nothing left out.
fn compare(seed: u64) {
    let Some(redis) = Peer::redis(&[]) else { return };
    let plan = Plan::of_environment(seed);
    println!("seed {}, {} steps", plan.seed, plan.steps);
    let mut driver = Driver::new(redis, Peer::ratel());
    let findings = plan.run(&mut driver);
    println!("{}", driver.tally);
    for row in allowed::ALLOWED {
        let count = driver.allowances.iter().filter(|reason| **reason == row.reason).count();
        println!("allowed {count} times: {}: {}", row.subject, row.reason);
    }
    let kinds: Vec<&str> = findings.iter().map(|finding| finding.kind.as_str()).collect();
    assert!(findings.is_empty(), "{} differences: {kinds:#?}", findings.len());
    if plan.steps >= STEPS_THAT_COVER && plan.only.is_empty() {
        let missing = driver.tally.missing();
        assert!(missing.is_empty(), "never both answered and refused: {missing:?}");
    }
}

#[test]
fn ratel_answers_as_redis_does_for_the_fixed_seed() {
    compare(FIXED_SEED);
}

#[test]
fn ratel_answers_as_redis_does_for_a_fresh_seed() {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
    compare(u64::from(since.subsec_nanos()) << 20 | since.as_secs() & 0xF_FFFF);
}

#[test]
fn redis_does_not_differ_from_itself() {
    let (Some(left), Some(right)) = (Peer::redis(&[]), Peer::redis(&[])) else { return };
    let mut plan = Plan::of_environment(FIXED_SEED);
    plan.steps = variable("RATEL_DIFF_STEPS").unwrap_or(5_000);
    let mut driver = Driver::new(left, right);
    let findings = plan.run(&mut driver);
    println!("{}", driver.tally);
    assert!(findings.is_empty(), "what is compared is not what Redis determines");
}

#[test]
fn a_command_that_is_missing_is_found_and_the_sequence_shrunk_to_it() {
    let renamed = ["--rename-command", "GETEX", ""];
    let (Some(left), Some(right)) = (Peer::redis(&[]), Peer::redis(&renamed)) else { return };
    let mut plan = Plan::new(FIXED_SEED, STEPS);
    plan.findings_max = 1;
    let findings = plan.run(&mut Driver::new(left, right));
    let [finding] = findings.as_slice() else { panic!("{} findings", findings.len()) };
    assert!(finding.kind.contains("GETEX") || finding.kind.contains("EVAL"), "{}", finding.kind);
    // Alone, in a script, or in a transaction that must be opened and ended.
    assert!(finding.least_steps <= 3, "{} steps are left", finding.least_steps);
}

/// Wrong answers, each as a server might give it on one kind of request.
const WRONG: &[(&str, Tamper)] = &[
    ("a count is one too high", |request, reply| {
        if let ("INCR", Reply::Integer(count)) = (request.verb().as_str(), &mut *reply) {
            *count = count.wrapping_add(1);
        }
    }),
    ("an error has another text", |_, reply| {
        if let Reply::Error(text) = reply {
            text.push(b'.');
        }
    }),
    ("a string is a status", |_, reply| {
        if let Reply::Bulk(text) = reply {
            *reply = Reply::Simple(std::mem::take(text));
        }
    }),
    ("a null is an empty string", |_, reply| {
        if reply.is_null() {
            *reply = Reply::Bulk(Vec::new());
        }
    }),
    ("a deadline is gone", |request, reply| {
        if let ("PTTL", Reply::Integer(ttl_ms @ 0..)) = (request.verb().as_str(), &mut *reply) {
            *ttl_ms = -1;
        }
    }),
    ("a deadline is five seconds late", |request, reply| {
        if let ("PTTL", Reply::Integer(ttl_ms @ 0..)) = (request.verb().as_str(), &mut *reply) {
            *ttl_ms += 5_000;
        }
    }),
    ("a key is missing from a walk", |request, reply| {
        if let ("SCAN", Reply::Set(keys)) = (request.verb().as_str(), &mut *reply) {
            keys.pop();
        }
    }),
    ("a reply in a transaction is missing", |request, reply| {
        if let ("EXEC", Reply::Array(replies)) = (request.verb().as_str(), &mut *reply) {
            replies.pop();
        }
    }),
    ("a script's float is not truncated", |request, reply| {
        if let ("EVAL", Reply::Integer(number @ 1)) = (request.verb().as_str(), &mut *reply) {
            *number += 1;
        }
    }),
];

#[test]
fn every_wrong_answer_is_found() {
    for (what, tamper) in WRONG {
        let (Some(left), Some(right)) = (Peer::redis(&[]), Peer::redis(&[])) else { return };
        let mut plan = Plan::new(FIXED_SEED, STEPS);
        plan.findings_max = 1;
        let findings = plan.run(&mut Driver::new(left, right).tampered(*tamper));
        assert_eq!(findings.len(), 1, "not found: {what}");
    }
}

#[test]
fn the_same_seed_draws_the_same_sequence() {
    let drawn = |seed| -> Vec<String> {
        Sequence::draw(seed, &[]).steps.iter().map(ToString::to_string).collect()
    };
    assert_eq!(drawn(7), drawn(7));
    assert_ne!(drawn(7), drawn(8));
    assert!(drawn(7).len() >= 50);
}

#[test]
fn a_request_is_told_as_redis_cli_takes_it() {
    let request = Request::new("SET").with("a b").with(vec![0, 255, b'\n', b'"']).with("");
    assert_eq!(request.to_string(), r#"SET "a b" "\x00\xff\n\"" "" "#.trim_end());
}
