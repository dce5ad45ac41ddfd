use super::super::fake::Fake;
use super::*;
use crate::resp::Protocol;

/// A ticker that moves a millisecond at every look.
fn hasty() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    static NOW_NS: AtomicU64 = AtomicU64::new(0);
    NOW_NS.fetch_add(1_000_000, Relaxed)
}

fn wire(fake: &Fake, reply: &Reply) -> String {
    let mut out = Vec::new();
    reply.encode(fake.session.protocol, &mut out);
    String::from_utf8(out).unwrap()
}

fn ask(fake: &mut Fake, request: &str) -> String {
    let reply = fake.ask(request);
    wire(fake, &reply)
}

/// The reply of the request that waits, if it has one.
fn answered(fake: &mut Fake) -> Option<String> {
    match fake.session.poll_blocked(Waker::noop()) {
        Poll::Ready(reply) => Some(wire(fake, &reply)),
        Poll::Pending => None,
    }
}

#[test]
fn a_list_with_elements_answers_at_once() {
    let mut fake = Fake::new();
    fake.ask("RPUSH l a b c");
    assert_eq!(ask(&mut fake, "BLPOP none l 0"), "*2\r\n$1\r\nl\r\n$1\r\na\r\n");
    assert_eq!(ask(&mut fake, "BRPOP l none 0"), "*2\r\n$1\r\nl\r\n$1\r\nc\r\n");
    assert!(fake.session.blocked.is_none() && fake.session.effect == Effect::None);
}

#[test]
fn without_elements_it_waits_and_is_seen_waiting() {
    let mut fake = Fake::new();
    assert_eq!(fake.ask("BLPOP a b 1.5"), Reply::Nothing);
    assert_eq!(fake.session.effect, Effect::Wait);
    assert_eq!(fake.session.blocked.as_ref().unwrap().timeout_ms, Some(1_500));
    assert_eq!(answered(&mut fake), None);
    assert!(fake.text("CLIENT LIST").contains(" flags=b "));
    assert!(fake.text("INFO clients").contains("\r\nblocked_clients:1\r\n"));
    fake.ask("RPUSH b x");
    assert_eq!(answered(&mut fake).unwrap(), "*2\r\n$1\r\nb\r\n$1\r\nx\r\n");
    assert!(fake.text("CLIENT LIST").contains(" flags=N "));
    assert!(fake.text("INFO clients").contains("\r\nblocked_clients:0\r\n"));
    assert_eq!(fake.ask("EXISTS a b"), Reply::Integer(0));
}

#[test]
fn a_time_out_is_no_array_and_an_element_that_came_before_it_stands() {
    for (protocol, none) in [(Protocol::Resp2, "*-1\r\n"), (Protocol::Resp3, "_\r\n")] {
        let mut fake = Fake::new();
        fake.session.protocol = protocol;
        fake.ask("BRPOP l 0.001");
        fake.session.blocked.as_ref().unwrap().time_out();
        assert_eq!(answered(&mut fake).unwrap(), none);
        fake.ask("BRPOP l 0.001");
        fake.ask("RPUSH l a");
        fake.session.blocked.as_ref().unwrap().time_out();
        assert_eq!(answered(&mut fake).unwrap(), "*2\r\n$1\r\nl\r\n$1\r\na\r\n");
    }
}

#[test]
fn time_outs_are_read_as_c_reads_them_and_rounded_up() {
    let read = |word: &str| read_timeout(word.as_bytes());
    for (word, ms) in [
        ("0", None),
        ("-0.0001", None),
        ("-0.001", None),
        ("0.00001", Some(1)),
        ("0.001", Some(1)),
        ("0.0011", Some(2)),
        ("1", Some(1_000)),
        ("1e3", Some(1_000_000)),
        ("0x10", Some(16_000)),
        (".5", Some(500)),
        ("5.", Some(5_000)),
        ("+1", Some(1_000)),
        ("9223372036854775", Some(9_223_372_036_854_775_000)),
    ] {
        assert_eq!(read(word), Ok(ms), "{word}");
    }
    for word in ["-1", "-0.0011", "inf", "-inf", "1e300", "9223372036854776"] {
        assert_eq!(read(word).unwrap_err(), "ERR timeout is negative", "{word}");
    }
    for word in ["", "abc", "nan", "1 ", "1e5000"] {
        let text = "ERR timeout is not a float or out of range";
        assert_eq!(read(word).unwrap_err(), text, "{word}");
    }
}

#[test]
fn the_time_out_is_refused_before_a_type_and_a_type_before_later_keys() {
    let mut fake = Fake::new();
    fake.ask("SET s x");
    fake.ask("RPUSH l a");
    assert_eq!(fake.error("BLPOP s abc"), "ERR timeout is not a float or out of range");
    assert_eq!(fake.error("BLPOP none s l 0"), WRONG_TYPE);
    assert_eq!(ask(&mut fake, "BLPOP none l s 0"), "*2\r\n$1\r\nl\r\n$1\r\na\r\n");
}

#[test]
fn a_transaction_never_waits_and_a_script_may_not_ask() {
    let mut fake = Fake::new();
    for request in ["MULTI", "BLPOP none 0", "RPUSH l a", "BRPOP l 0", "BLPOP l -1"] {
        fake.ask(request);
    }
    let replies = "*4\r\n*-1\r\n:1\r\n*2\r\n$1\r\nl\r\n$1\r\na\r\n-ERR timeout is negative\r\n";
    assert_eq!(ask(&mut fake, "EXEC"), replies);
    assert!(fake.session.blocked.is_none());
    let script = ["EVAL", "return redis.call('BLPOP', 'none', 0)", "0"];
    match fake.ask_words(&script) {
        Reply::Error(text) => assert!(text.starts_with("ERR This Redis command is not allowed")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_script_serves_what_it_leaves_and_one_that_fails_serves_nothing() {
    let mut fake = Fake::new();
    fake.ask("BLPOP l 0");
    fake.ticker = hasty;
    fake.ask_words(&["EVAL", "redis.call('RPUSH', KEYS[1], 'a') while true do end", "1", "l"]);
    fake.ticker = || 0;
    fake.ask_words(&[
        "EVAL",
        "redis.call('RPUSH', KEYS[1], 'b') redis.call('DEL', KEYS[1])",
        "1",
        "l",
    ]);
    assert_eq!(answered(&mut fake), None);
    fake.ask_words(&["EVAL", "return redis.call('RPUSH', KEYS[1], 'c')", "1", "l"]);
    assert_eq!(answered(&mut fake).unwrap(), "*2\r\n$1\r\nl\r\n$1\r\nc\r\n");
}

#[test]
fn unblock_ends_a_wait_once_and_as_it_says() {
    let mut fake = Fake::new();
    assert_eq!(fake.ask("CLIENT UNBLOCK 7"), Reply::Integer(0));
    fake.ask("BLPOP l 0");
    assert_eq!(fake.ask("CLIENT UNBLOCK 8"), Reply::Integer(0));
    assert_eq!(fake.ask("CLIENT UNBLOCK 7"), Reply::Integer(1));
    assert_eq!(fake.ask("CLIENT UNBLOCK 7 ERROR"), Reply::Integer(0));
    assert_eq!(answered(&mut fake).unwrap(), "*-1\r\n");
    fake.ask("BLPOP l 0");
    assert_eq!(fake.ask("CLIENT UNBLOCK 7 error"), Reply::Integer(1));
    let text = "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n";
    assert_eq!(answered(&mut fake).unwrap(), text);
    assert_eq!(
        fake.error("CLIENT UNBLOCK 7 NOW"),
        "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"
    );
    assert_eq!(fake.error("CLIENT UNBLOCK x"), "ERR value is not an integer or out of range");
}

#[test]
fn a_reply_that_was_not_wanted_is_not_given_later_either() {
    let mut fake = Fake::new();
    fake.ask("CLIENT REPLY SKIP");
    fake.ask("BLPOP l 0");
    assert_eq!(ask(&mut fake, "RPUSH l a"), ":1\r\n", "one reply is skipped, not two");
    assert_eq!(answered(&mut fake).unwrap(), "");
    fake.ask("BLPOP l 0");
    fake.ask("CLIENT REPLY OFF");
    fake.ask("RPUSH l b");
    assert_eq!(answered(&mut fake).unwrap(), "*2\r\n$1\r\nl\r\n$1\r\nb\r\n");
}

#[test]
fn who_waits_for_too_much_is_refused() {
    let mut fake = Fake::new();
    let many = format!("BLPOP {}0", "k ".repeat(WAITED_COUNT_MAX + 1));
    assert!(fake.error(&many).starts_with("ERR too many keys to wait for"));
    let long = format!("BLPOP {} 0", "k".repeat(WAITED_BYTES_MAX + 1));
    assert!(fake.error(&long).starts_with("ERR too many keys to wait for"));
    assert!(fake.session.blocked.is_none());
    fake.ask(&format!("BLPOP {}0", "k ".repeat(WAITED_COUNT_MAX)));
    assert!(fake.session.blocked.is_some());
}
