use super::super::channels::Topic;
use super::super::fake::{Fake, client};
use super::super::outbox::Outbox;
use super::*;
use crate::command::Subscriber;
use crate::config::OutputLimit;

/// A ticker that moves a millisecond at every look.
fn hasty() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    static NOW_NS: AtomicU64 = AtomicU64::new(0);
    NOW_NS.fetch_add(1_000_000, Relaxed)
}

fn ask(fake: &mut Fake, request: &str) -> String {
    let mut out = Vec::new();
    let reply = fake.ask(request);
    reply.encode(fake.session.protocol, &mut out);
    String::from_utf8(out).unwrap()
}

fn text(outbox: &Outbox) -> String {
    let mut out = Vec::new();
    outbox.take(&mut out, usize::MAX);
    String::from_utf8(out).unwrap()
}

/// What has come for the fake's own client.
fn delivered(fake: &mut Fake) -> String {
    let mut out = Vec::new();
    fake.session.deliver(&mut out, usize::MAX);
    String::from_utf8(out).unwrap()
}

fn publish(fake: &Fake, channel: &str, message: &str) -> usize {
    fake.channels.publish(channel.as_bytes(), message.as_bytes(), &OutputLimit::PUBSUB, 0)
}

fn other(fake: &Fake, id: u64) -> Subscriber {
    Subscriber::new(&fake.channels, &client(id))
}

#[test]
fn each_name_is_confirmed_with_the_number_of_subscriptions() {
    let mut fake = Fake::new();
    assert_eq!(
        ask(&mut fake, "SUBSCRIBE a b a"),
        "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n\
         *3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:2\r\n"
    );
    assert_eq!(ask(&mut fake, "PSUBSCRIBE a*"), "*3\r\n$10\r\npsubscribe\r\n$2\r\na*\r\n:3\r\n");
    assert_eq!(
        ask(&mut fake, "UNSUBSCRIBE none a"),
        "*3\r\n$11\r\nunsubscribe\r\n$4\r\nnone\r\n:3\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:2\r\n"
    );
    assert!(ask(&mut fake, "UNSUBSCRIBE").ends_with("$1\r\nb\r\n:1\r\n"));
    assert_eq!(ask(&mut fake, "UNSUBSCRIBE"), "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:1\r\n");
    assert!(ask(&mut fake, "PUNSUBSCRIBE").ends_with("$2\r\na*\r\n:0\r\n"));
    fake.ask("HELLO 3");
    assert_eq!(ask(&mut fake, "PUNSUBSCRIBE"), ">3\r\n$12\r\npunsubscribe\r\n_\r\n:0\r\n");
    delivered(&mut fake);
    assert_eq!(fake.channels.subscriber_count(), 0);
}

#[test]
fn a_message_reaches_channel_and_patterns_in_each_ones_protocol() {
    let mut fake = Fake::new();
    let mut second = other(&fake, 8);
    second.subscribe(Topic::Channel, b"news");
    second.subscribe(Topic::Pattern, b"n?ws");
    second.subscribe(Topic::Pattern, b"other*");
    fake.ask("HELLO 3");
    fake.ask("PSUBSCRIBE n*");
    assert_eq!(publish(&fake, "news", "a\r\nb"), 3);
    assert_eq!(
        delivered(&mut fake),
        ">4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$4\r\na\r\nb\r\n"
    );
    assert_eq!(
        text(second.outbox()),
        "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$4\r\na\r\nb\r\n\
         *4\r\n$8\r\npmessage\r\n$4\r\nn?ws\r\n$4\r\nnews\r\n$4\r\na\r\nb\r\n"
    );
    drop(second);
    assert_eq!((publish(&fake, "news", "x"), publish(&fake, "ews", "x")), (1, 0));
    assert_eq!((fake.channels.channel_count(), fake.channels.pattern_count()), (0, 1));
}

#[test]
fn resp2_serves_a_subscriber_little_else() {
    let mut fake = Fake::new();
    fake.ask("SUBSCRIBE a");
    let text = "only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this \
                context";
    for (request, name) in
        [("GET k", "get"), ("RL.HIT k 1s 1", "rl.hit"), ("CLIENT ID", "client|id")]
    {
        assert_eq!(fake.error(request), format!("ERR Can't execute '{name}': {text}"));
    }
    assert_eq!(
        fake.error("EXEC"),
        format!("EXECABORT Transaction discarded because of: Can't execute 'exec': {text}")
    );
    assert_eq!(ask(&mut fake, "PING"), "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    assert_eq!(ask(&mut fake, "PING x"), "*2\r\n$4\r\npong\r\n$1\r\nx\r\n");
    assert_eq!(ask(&mut fake, "RESET"), "+RESET\r\n");
    assert_eq!(ask(&mut fake, "PING"), "+PONG\r\n");
    assert_eq!(publish(&fake, "a", "x"), 0);
    fake.ask("HELLO 3");
    fake.ask("SUBSCRIBE a");
    assert_eq!(ask(&mut fake, "PING"), "+PONG\r\n");
    assert_eq!(ask(&mut fake, "GET k"), "_\r\n");
}

#[test]
fn a_subscription_ends_after_its_last_message() {
    let mut fake = Fake::new();
    fake.ask("SUBSCRIBE a");
    publish(&fake, "a", "1");
    assert_eq!(
        ask(&mut fake, "UNSUBSCRIBE a"),
        "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\n1\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n"
    );
}

#[test]
fn replies_that_are_off_are_not_messages() {
    let mut fake = Fake::new();
    fake.ask("CLIENT REPLY OFF");
    assert!(ask(&mut fake, "SUBSCRIBE a").starts_with("*3\r\n$9\r\nsubscribe"));
    assert_eq!(ask(&mut fake, "PING"), "");
    publish(&fake, "a", "1");
    assert!(delivered(&mut fake).contains("message"));
    let mut fake = Fake::new();
    fake.ask("CLIENT REPLY SKIP");
    assert!(ask(&mut fake, "SUBSCRIBE a").starts_with("*3\r\n$9\r\nsubscribe"));
    assert_eq!(ask(&mut fake, "PING"), "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
}

#[test]
fn a_script_publishes_when_it_ends_and_not_if_it_fails() {
    let mut fake = Fake::new();
    let mut listener = other(&fake, 8);
    listener.subscribe(Topic::Channel, b"a");
    let publish = "local n = redis.call('PUBLISH', 'a', ARGV[1]) ";
    let failing = format!("{publish} while true do end");
    fake.ticker = hasty;
    assert!(matches!(fake.ask_words(&["EVAL", &failing, "0", "no"]), Reply::Error(_)));
    fake.ticker = || 0;
    // It reaches a key that it does not declare, and so begins again.
    let restarted = format!("{publish} redis.call('SET', 'undeclared', 1) return n");
    assert_eq!(fake.ask_words(&["EVAL", &restarted, "0", "yes"]), Reply::Integer(1));
    assert_eq!(text(listener.outbox()), "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$3\r\nyes\r\n");
    let flood = "for i = 1, 20 do redis.call('PUBLISH', 'a', string.rep('x', 1048576)) end";
    match fake.ask_words(&["EVAL", flood, "0"]) {
        Reply::Error(text) => assert!(text.contains("a script must publish at most"), "{text}"),
        other => panic!("{other:?}"),
    }
    // As in Redis, what a script did before its error stands.
    assert_eq!(text(listener.outbox()).matches("message").count(), 15);
}

#[test]
fn a_transaction_publishes_and_subscribes_in_its_order() {
    let mut fake = Fake::new();
    let mut listener = other(&fake, 8);
    listener.subscribe(Topic::Channel, b"a");
    for request in ["MULTI", "PUBLISH a 1", "SUBSCRIBE b", "PING", "UNSUBSCRIBE", "GET k"] {
        fake.ask(request);
    }
    assert_eq!(text(listener.outbox()), "");
    assert_eq!(
        ask(&mut fake, "EXEC"),
        "*5\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:1\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n\
         *3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:0\r\n$-1\r\n"
    );
    assert_eq!(text(listener.outbox()), "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\n1\r\n");
}

#[test]
fn what_is_subscribed_to_can_be_looked_at() {
    let mut fake = Fake::new();
    let (mut one, mut two) = (other(&fake, 8), other(&fake, 9));
    one.subscribe(Topic::Channel, b"a1");
    one.subscribe(Topic::Channel, b"b");
    two.subscribe(Topic::Channel, b"a1");
    two.subscribe(Topic::Pattern, b"x*");
    one.subscribe(Topic::Pattern, b"x*");
    assert_eq!(ask(&mut fake, "PUBSUB CHANNELS"), "*2\r\n$2\r\na1\r\n$1\r\nb\r\n");
    assert_eq!(ask(&mut fake, "PUBSUB CHANNELS a*"), "*1\r\n$2\r\na1\r\n");
    assert_eq!(ask(&mut fake, "PUBSUB NUMSUB a1 c"), "*4\r\n$2\r\na1\r\n:2\r\n$1\r\nc\r\n:0\r\n");
    assert_eq!(ask(&mut fake, "PUBSUB NUMPAT"), ":1\r\n");
    let info = fake.text("INFO everything");
    for line in ["pubsub_channels:2", "pubsub_patterns:1", "pubsub_clients:2"] {
        assert!(info.contains(&format!("\r\n{line}\r\n")), "{line}");
    }
    fake.ask("HELLO 3");
    fake.ask("SUBSCRIBE a b");
    fake.ask("PSUBSCRIBE c");
    assert!(fake.text("CLIENT LIST").contains(" flags=P db=0 sub=2 psub=1 "));
    assert!(fake.text("CLIENT LIST TYPE pubsub").contains("id=7 "));
    assert_eq!(fake.text("CLIENT LIST TYPE normal"), "");
}

#[test]
fn there_is_an_end_to_what_one_client_and_all_of_them_subscribe_to() {
    let mut fake = Fake::new();
    let long = "x".repeat(NAME_BYTES_MAX + 1);
    assert!(fake.error(&format!("SUBSCRIBE a {long}")).contains("at most 512 bytes"));
    assert!(fake.error(&format!("PUBLISH {long} m")).contains("at most 512 bytes"));
    assert_eq!(fake.channels.channel_count(), 0);
    let many = format!("SUBSCRIBE {}a", "a ".repeat(SUBSCRIBED_COUNT_MAX));
    assert!(fake.error(&many).starts_with("ERR too many subscriptions"));
    let mut other = other(&fake, 8);
    // Those that are gone take no room.
    for n in 0..2 * PATTERN_BYTES_MAX / 9 {
        assert!(other.subscribe(Topic::Pattern, format!("{n}").as_bytes()));
        other.unsubscribe(Topic::Pattern, format!("{n}").as_bytes());
    }
    let mut count = 0;
    while other.subscribe(Topic::Pattern, format!("{count}").as_bytes()) {
        count += 1;
    }
    assert!((PATTERN_BYTES_MAX / 12..PATTERN_BYTES_MAX / 9).contains(&count), "{count}");
    let reply = ask(&mut fake, "PSUBSCRIBE 0 one-more");
    assert!(
        reply.starts_with("*3\r\n$10\r\npsubscribe\r\n$1\r\n0\r\n:1\r\n-ERR too many patterns")
    );
}
