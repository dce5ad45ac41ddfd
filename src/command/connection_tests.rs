use super::super::fake::Fake;
use super::*;
use crate::resp::Frame;

const WRONG: &str = "WRONGPASS invalid username-password pair or user is disabled.";
const OK: Reply = Reply::Simple("OK");

fn locked() -> Fake {
    let mut fake = Fake::new();
    fake.host.config.lock().requirepass = "secret".to_owned();
    fake.session.authenticated = false;
    fake
}

#[test]
fn ping_and_echo_give_back_what_they_got() {
    let mut fake = Fake::new();
    assert_eq!(fake.ask("PING"), Reply::Simple("PONG"));
    assert_eq!(fake.text("PING hello"), "hello");
    assert_eq!(fake.text("echo a"), "a");
    assert_eq!(fake.error("PING a b"), "ERR wrong number of arguments for 'ping' command");
}

#[test]
fn only_database_0_exists() {
    let mut fake = Fake::new();
    assert_eq!(fake.ask("SELECT 0"), OK);
    assert_eq!(fake.error("SELECT 1"), "ERR DB index is out of range");
    assert_eq!(fake.error("SELECT -1"), "ERR DB index is out of range");
    assert_eq!(fake.error("SELECT x"), "ERR value is not an integer or out of range");
}

#[test]
fn auth_opens_with_the_right_pair_only() {
    let mut fake = locked();
    let long = "s".repeat(TEXT_BYTES_MAX);
    for wrong in ["AUTH secre", "AUTH secrets", "AUTH SECRET", "AUTH ", "AUTH other secret"] {
        assert_eq!(fake.error(wrong), WRONG);
        assert!(!fake.session.authenticated);
    }
    assert_eq!(fake.error(&format!("AUTH {long}")), WRONG);
    assert_eq!(fake.ask("AUTH secret"), OK);
    assert!(fake.session.authenticated);
    fake.session.authenticated = false;
    assert_eq!(fake.ask("AUTH default secret"), OK);
    fake.host.config.lock().requirepass = long.clone();
    assert_eq!(fake.ask(&format!("AUTH {long}")), OK);
    assert_eq!(fake.error(&format!("AUTH {long}\0")), WRONG);
}

#[test]
fn auth_without_a_password_set_answers_as_redis() {
    let mut fake = Fake::new();
    assert_eq!(
        fake.error("AUTH x"),
        "ERR AUTH <password> called without any password configured for the default user. \
         Are you sure your configuration is correct?"
    );
    assert_eq!(fake.ask("AUTH default x"), OK);
    assert_eq!(fake.error("AUTH foo x"), WRONG);
    assert_eq!(fake.error("AUTH a b c"), "ERR syntax error");
}

#[test]
fn hello_chooses_the_protocol_and_shows_the_card() {
    let mut fake = Fake::new();
    let Reply::Frame(Frame::Map { data, .. }) = fake.ask("HELLO 3") else { panic!("no map") };
    assert_eq!(fake.session.protocol, Protocol::Resp3);
    let fields: Vec<_> = data.into_iter().collect();
    let expected = [
        (resp::text("server"), resp::text("redis")),
        (resp::text("version"), resp::text(REDIS_VERSION)),
        (resp::text("proto"), resp::integer(3)),
        (resp::text("id"), resp::integer(7)),
        (resp::text("mode"), resp::text("standalone")),
        (resp::text("role"), resp::text("master")),
        (resp::text("modules"), resp::array(vec![])),
    ];
    assert_eq!(fields, expected);
    fake.ask("HELLO");
    assert_eq!(fake.session.protocol, Protocol::Resp3);
    fake.ask("HELLO 2");
    assert_eq!(fake.session.protocol, Protocol::Resp2);
}

#[test]
fn a_hello_that_fails_changes_nothing() {
    let mut fake = locked();
    for (request, text) in [
        ("HELLO 4", "NOPROTO unsupported protocol version"),
        ("HELLO x", "ERR Protocol version is not an integer or out of range"),
        ("HELLO 3 foo", "ERR Syntax error in HELLO option 'foo'"),
        ("HELLO 3 auth default", "ERR Syntax error in HELLO option 'auth'"),
        ("HELLO 3 AUTH default secret SETNAME", "ERR Syntax error in HELLO option 'SETNAME'"),
        ("HELLO 3 AUTH default wrong SETNAME n", WRONG),
    ] {
        assert_eq!(fake.error(request), text);
        assert!(!fake.session.authenticated);
        assert_eq!(fake.session.protocol, Protocol::Resp2);
    }
    assert!(fake.error("HELLO 3").starts_with("NOAUTH HELLO must be called with the client "));
    assert!(matches!(fake.ask("HELLO 3 AUTH default secret SETNAME n"), Reply::Frame(_)));
    assert_eq!(fake.text("CLIENT GETNAME"), "n");
}

#[test]
fn reset_makes_the_connection_a_new_one() {
    let mut fake = locked();
    fake.ask("HELLO 3 AUTH default secret SETNAME n");
    fake.ask("CLIENT REPLY OFF");
    assert_eq!(fake.ask("RESET"), Reply::Simple("RESET"));
    assert!(!fake.session.authenticated);
    assert_eq!(fake.session.protocol, Protocol::Resp2);
    assert_eq!(fake.error("PING"), "NOAUTH Authentication required.");
    assert_eq!(fake.ask("AUTH secret"), OK);
    assert_eq!(fake.ask("CLIENT GETNAME"), Reply::Frame(resp::null()));
}

#[test]
fn quit_answers_and_closes() {
    let mut fake = Fake::new();
    assert_eq!(fake.ask("QUIT now"), OK);
    assert_eq!(fake.session.effect, Effect::Close);
}
