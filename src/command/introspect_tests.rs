use super::super::fake::Fake;
use super::*;
use crate::resp::Protocol;

/// The bytes of a reply, as the client gets them.
fn bytes(fake: &mut Fake, request: &str) -> String {
    let reply = fake.ask(request);
    let mut out = Vec::new();
    reply.encode(fake.session.protocol, &mut out);
    String::from_utf8(out).unwrap()
}

/// Turns slashes into line ends, so that expected bytes stay readable.
fn lines(text: &str) -> String {
    text.replace('/', "\r\n")
}

#[test]
fn info_has_the_bytes_that_redis_sends() {
    let mut fake = Fake::new();
    // Redis 7.0.15's own row of TYPE; then nil for the stranger.
    let expected = "*2/*10/$4/type/:2/*2/+readonly/+fast/:1/:1/:1/*3/+@keyspace/+@read/+@fast/*0/\
        *1/*6/$5/flags/*1/+RO/$12/begin_search/*4/$4/type/$5/index/$4/spec/*2/$5/index/:1/\
        $9/find_keys/*4/$4/type/$5/range/$4/spec/*6/$7/lastkey/:0/$7/keystep/:1/$5/limit/:0/*0/\
        $-1/";
    assert_eq!(bytes(&mut fake, "COMMAND INFO type nosuch"), lines(expected));
}

#[test]
fn a_counted_key_spec_tells_where_the_number_stands() {
    let mut fake = Fake::new();
    let expected = "*1/*10/$7/rl.mhit/:-6/*4/+write/+denyoom/+fast/+movablekeys/:0/:0/:0/*3/+@write/\
        +@fast/+@ratelimit/*0/*1/*6/$5/flags/*3/+RW/+access/+update/$12/begin_search/*4/$4/type/\
        $5/index/$4/spec/*2/$5/index/:1/$9/find_keys/*4/$4/type/$6/keynum/$4/spec/*6/\
        $9/keynumidx/:0/$8/firstkey/:1/$7/keystep/:4/*0/";
    assert_eq!(bytes(&mut fake, "COMMAND INFO RL.MHIT"), lines(expected));
}

#[test]
fn docs_are_typed_as_redis_cli_demands() {
    let mut fake = Fake::new();
    let expected = "*2/$6/rl.get/*10/$7/summary/$55/Get the count of the current window, 0 if \
        there is none/$5/since/$5/0.1.0/$5/group/$10/rate-limit/$10/complexity/$4/O(1)/\
        $9/arguments/*3/*8/$4/name/$3/key/$4/type/$3/key/$12/display_text/$3/key/\
        $14/key_spec_index/:0/*6/$4/name/$5/scale/$4/type/$6/string/$12/display_text/$5/scale/\
        *10/$4/name/$7/sliding/$4/type/$10/pure-token/$12/display_text/$7/sliding/\
        $5/token/$7/SLIDING/$5/flags/*1/+optional/";
    let resp2 = bytes(&mut fake, "COMMAND DOCS RL.GET");
    assert_eq!(resp2, lines(expected));
    fake.session.protocol = Protocol::Resp3;
    let resp3 = bytes(&mut fake, "COMMAND DOCS RL.GET");
    assert!(resp3.starts_with("%1\r\n$6\r\nrl.get\r\n%5\r\n$7\r\nsummary\r\n"), "{resp3}");
    assert!(resp3.ends_with("$5\r\nflags\r\n~1\r\n+optional\r\n"), "{resp3}");
    assert_eq!(bytes(&mut fake, "COMMAND DOCS nosuch"), "%0\r\n");
}

#[test]
fn docs_hold_no_nil_and_name_every_command() {
    let mut fake = Fake::new();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        fake.session.protocol = protocol;
        let docs = bytes(&mut fake, "COMMAND DOCS");
        assert!(!docs.contains("$-1\r\n") && !docs.contains("*-1\r\n") && !docs.contains("_\r\n"));
        for spec in TABLE.iter() {
            assert!(docs.contains(&format!("\r\n{}\r\n", spec.name)), "{}", spec.name);
        }
    }
}

#[test]
fn get_keys_finds_the_keys_of_every_shape() {
    let mut fake = Fake::new();
    let keys = |names: &[&str]| {
        Reply::Frame(resp::array(names.iter().map(|name| resp::text(name)).collect()))
    };
    assert_eq!(fake.ask("COMMAND GETKEYS RL.HIT k 1s 5"), keys(&["k"]));
    assert_eq!(fake.ask("COMMAND GETKEYS DEL a b c"), keys(&["a", "b", "c"]));
    assert_eq!(fake.ask("COMMAND GETKEYS MEMORY USAGE k"), keys(&["k"]));
    let mhit = "COMMAND GETKEYS RL.MHIT 2 a 1s 5 1 b 1m 9 1 SLIDING";
    assert_eq!(fake.ask(mhit), keys(&["a", "b"]));
    let flags = resp::set(vec![resp::simple("RO"), resp::simple("access")]);
    let pair = resp::array(vec![resp::text("k"), flags]);
    assert_eq!(
        fake.ask("COMMAND GETKEYSANDFLAGS rl.get k 1s"),
        Reply::Frame(resp::array(vec![pair]))
    );
    for (request, text) in [
        ("foo a", "ERR Invalid command specified"),
        ("client foo", "ERR Invalid command specified"),
        ("ping a", "ERR The command has no key arguments"),
        ("ttl a b c", "ERR Invalid number of arguments specified for command"),
        ("RL.MHIT x a 1s 5 1", "ERR Invalid arguments specified for command"),
        ("RL.MHIT 2 a 1s 5 1", "ERR Invalid arguments specified for command"),
        ("RL.MHIT -1 a 1s 5 1", "ERR Invalid arguments specified for command"),
        ("RL.MHIT 9223372036854775807 a 1s 5 1", "ERR Invalid arguments specified for command"),
    ] {
        assert_eq!(fake.error(&format!("COMMAND GETKEYS {request}")), text, "{request}");
    }
}

#[test]
fn list_filters_by_category_and_pattern() {
    let mut fake = Fake::new();
    let names = |reply: Reply| match reply {
        Reply::Frame(Frame::Array { data, .. }) => data.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(names(fake.ask("COMMAND LIST")), TABLE.len());
    let commands = i64::try_from(top_level().count()).unwrap();
    assert_eq!(fake.ask("COMMAND COUNT"), Reply::Integer(commands));
    assert_eq!(names(fake.ask("COMMAND LIST FILTERBY MODULE x")), 0);
    assert_eq!(names(fake.ask("COMMAND LIST FILTERBY ACLCAT nosuch")), 0);
    assert_eq!(names(fake.ask("COMMAND LIST FILTERBY ACLCAT ratelimit")), 13);
    assert_eq!(names(fake.ask("COMMAND LIST FILTERBY PATTERN RL.*")), 15);
    assert_eq!(fake.error("COMMAND LIST x"), "ERR syntax error");
    assert_eq!(fake.error("COMMAND LIST FILTERBY x y"), "ERR syntax error");
}
