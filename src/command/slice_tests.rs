//! Slices: order, bounds, and that looking ahead changes nothing.

use proptest::prelude::*;

use super::*;
use crate::command::fake::{Fake, NOW_MS};
use crate::command::{Host, ShutdownMode};
use crate::config::DebugCommand;

const HIT: &str = "RL.HIT k 60000 3";

/// Requests as arrays of bulks, words split at spaces.
fn wire(requests: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for request in requests {
        let words: Vec<_> = request.split(' ').collect();
        bytes.extend(format!("*{}\r\n", words.len()).bytes());
        for word in words {
            bytes.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
        }
    }
    bytes
}

/// Serves all of `input` in as many slices as it takes.
fn serve(fake: &mut Fake, input: &[u8]) -> (String, usize) {
    let (mut input, mut parser) = (input.to_vec(), Parser::default());
    let (mut replies, mut slices) = (Vec::new(), 0);
    loop {
        let (out, end) = fake.slice(&mut parser, &mut input);
        replies.extend(out);
        input.drain(..end.used_bytes);
        slices += 1;
        if !end.more || end.effect == Effect::Close {
            return (String::from_utf8(replies).unwrap(), slices);
        }
    }
}

fn first_numbers(replies: &str) -> Vec<&str> {
    replies.split("*5\r\n").skip(1).map(|verdict| &verdict[..2]).collect()
}

#[test]
fn hits_of_one_key_in_one_read_count_in_order() {
    let (replies, slices) = serve(&mut Fake::new(), &wire(&[HIT; 5]));
    assert_eq!(first_numbers(&replies), [":1", ":1", ":1", ":0", ":0"]);
    assert!(replies.contains("*5\r\n:0\r\n:5\r\n:0\r\n"));
    assert_eq!(slices, 1);
}

#[test]
fn hits_of_one_read_that_come_while_the_node_joins_are_refused_each_and_not_counted() {
    let mut fake = Fake::new();
    fake.loading = true;
    let (replies, _) = serve(&mut fake, &wire(&["SELECT 0", HIT, HIT, "PING", "ECHO a"]));
    let heads: Vec<&str> = replies.lines().filter_map(|line| line.get(..2)).collect();
    assert_eq!(heads, ["+O", "-L", "-L", "-L", "$1"]);
    fake.loading = false;
    let (replies, _) = serve(&mut fake, &wire(&[HIT]));
    assert_eq!(replies.lines().nth(2), Some(":1"));
}

#[test]
fn what_stands_between_two_hits_takes_effect_between_them() {
    let requests = [HIT, "FLUSHALL", HIT, "RL.SET k 60000 3", HIT, "DEL k", HIT];
    let (replies, _) = serve(&mut Fake::new(), &wire(&requests));
    assert_eq!(first_numbers(&replies), [":1", ":1", ":0", ":1"]);
}

#[test]
fn a_connection_that_loses_its_authentication_hits_no_more() {
    let mut fake = Fake::new();
    fake.host.config.lock().requirepass = "secret".into();
    let requests = [HIT, "RESET", HIT, "AUTH secret", HIT];
    let (replies, _) = serve(&mut fake, &wire(&requests));
    assert_eq!(first_numbers(&replies), [":1", ":1"]);
    assert!(
        replies.contains("+RESET\r\n-NOAUTH Authentication required.\r\n+OK\r\n*5\r\n:1\r\n:2")
    );
}

#[test]
fn a_slice_ends_at_its_bounds_and_the_next_goes_on() {
    let (replies, slices) = serve(&mut Fake::new(), &wire(&["PING"; REQUESTS_MAX * 2]));
    assert_eq!((replies.matches("+PONG").count(), slices), (REQUESTS_MAX * 2, 2));
    let long = format!("ECHO {}", "x".repeat(REPLY_BYTES_MAX / 4));
    let (replies, slices) = serve(&mut Fake::new(), &wire(&[long.as_str(); 10]));
    assert_eq!((replies.matches('$').count(), slices), (10, 3));
}

#[test]
fn a_slice_that_takes_long_lets_others_have_their_turn() {
    fn slow() -> u64 {
        static NOW_NS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        NOW_NS.fetch_add(SLICE_NS_MAX * 3 / 5, Relaxed)
    }
    let mut fake = Fake::new();
    fake.ticker = slow;
    let mut input = wire(&["EXISTS a"; 5]);
    let (out, end) = fake.slice(&mut Parser::default(), &mut input);
    assert_eq!(out, b":0\r\n:0\r\n");
    assert!(end.out_of_time && end.more);
    assert_eq!(end.used_bytes, wire(&["EXISTS a"; 2]).len());
}

#[test]
fn a_sleep_holds_back_what_stands_behind_it() {
    let mut fake = Fake::new();
    fake.host.config.lock().enable_debug_command = DebugCommand::Yes;
    let mut input = wire(&[HIT, "DEBUG SLEEP 0.25", HIT]);
    let mut parser = Parser::default();
    let (out, end) = fake.slice(&mut parser, &mut input);
    assert_eq!((end.more, end.effect), (true, Effect::Sleep { ms: 250 }));
    assert_eq!(input.len() - end.used_bytes, wire(&[HIT]).len());
    assert!(out.ends_with(b"+OK\r\n"));
    let (out, end) = fake.slice(&mut parser, &mut input[end.used_bytes..]);
    assert_eq!((end.more, end.effect), (false, Effect::None));
    assert!(out.starts_with(b"*5\r\n:1\r\n:2\r\n"));
}

#[test]
fn a_pause_holds_writes_back_and_lets_reads_through() {
    let mut fake = Fake::new();
    fake.host.pause(PauseMode::Write, NOW_MS + 70);
    let mut input = wire(&["RL.GET k 60000", HIT, "PING"]);
    let (out, end) = fake.slice(&mut Parser::default(), &mut input);
    assert_eq!(out, b":0\r\n");
    assert_eq!((end.more, end.effect), (true, Effect::Sleep { ms: 70 }));
    assert_eq!(end.used_bytes, wire(&["RL.GET k 60000"]).len());
}

#[test]
fn a_protocol_error_comes_after_the_replies_before_it_and_closes() {
    let mut input = wire(&["PING", HIT]);
    input.extend(b"*1\r\n*1\r\n");
    let (out, end) = Fake::new().slice(&mut Parser::default(), &mut input);
    assert_eq!(end.effect, Effect::Close);
    let out = String::from_utf8(out).unwrap();
    assert!(out.starts_with("+PONG\r\n*5\r\n:1\r\n"));
    assert!(out.ends_with("-ERR Protocol error: expected '$', got '*'\r\n"), "{out}");
}

#[test]
fn nothing_is_served_behind_a_quit_or_a_shutdown() {
    for (request, effect) in
        [("QUIT", Effect::Close), ("SHUTDOWN", Effect::Shutdown(ShutdownMode::Graceful))]
    {
        let mut fake = Fake::new();
        let (_, end) = fake.slice(&mut Parser::default(), &mut wire(&[HIT, request, HIT]));
        assert_eq!(end.effect, effect);
        assert_eq!(fake.ask("RL.GET k 60000"), Reply::Integer(1));
    }
}

#[test]
fn statistics_count_each_hit_and_the_slow_log_keeps_each_if_asked() {
    let mut fake = Fake::new();
    serve(&mut fake, &wire(&[HIT; 5]));
    let totals = fake.stats.totals();
    assert_eq!((totals.allowed, totals.denied, totals.commands), (3, 2, 5));
    assert_eq!(fake.host.slowlog_len(), 0);
    fake.host.config.lock().slowlog_log_slower_than = 0;
    serve(&mut fake, &wire(&[HIT; 5]));
    assert_eq!(fake.host.slowlog_len(), 5);
    assert_eq!(fake.stats.totals().commands, 10);
}

fn any_request() -> impl Strategy<Value = String> {
    let key = prop_oneof!["a", "b", "key:[0-9]{1,2}"];
    let words = prop_oneof![
        6 => key.clone().prop_map(|key| format!("RL.HIT {key} 60000 3")),
        1 => key.clone().prop_map(|key| format!("RL.HIT {key} 60000 3 2 NOCOUNT")),
        1 => key.clone().prop_map(|key| format!("rl.hit {key} nonsense 3")),
        1 => key.clone().prop_map(|key| format!("RL.RESET {key}")),
        1 => key.prop_map(|key| format!("RL.GET {key} 1m")),
        1 => Just("FLUSHALL".to_owned()),
        1 => Just("HELLO 3".to_owned()),
        1 => Just("CLIENT REPLY SKIP".to_owned()),
        1 => Just("NOSUCH".to_owned()),
    ];
    words
}

proptest! {
    #[test]
    fn a_pipeline_is_served_as_its_requests_one_by_one(
        requests in proptest::collection::vec(any_request(), 1..60),
        cut in any::<proptest::sample::Index>(),
    ) {
        let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
        let mut one_by_one = Fake::new();
        let expected: String =
            requests.iter().map(|request| serve(&mut one_by_one, &wire(&[request])).0).collect();
        let input = wire(&requests);
        let (together, _) = serve(&mut Fake::new(), &input);
        // Client ids in HELLO's reply are alike: each fake has the same.
        prop_assert_eq!(&together, &expected);

        let cut = cut.index(input.len());
        let (mut fake, mut parser) = (Fake::new(), Parser::default());
        let mut head = input[..cut].to_vec();
        let (mut out, end) = fake.slice(&mut parser, &mut head);
        let mut rest = head.split_off(end.used_bytes);
        rest.extend_from_slice(&input[cut..]);
        let mut more = true;
        while more {
            let (replies, end) = fake.slice(&mut parser, &mut rest);
            out.extend(replies);
            rest.drain(..end.used_bytes);
            more = end.more;
        }
        prop_assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
