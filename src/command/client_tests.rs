use super::super::fake::{Fake, NOW_MS, client};
use super::super::session::Effect;
use super::*;

const OK: Reply = Reply::Simple("OK");
const SYNTAX: &str = "ERR syntax error";

#[test]
fn the_line_of_a_client_has_redis_7s_fields_in_their_order() {
    let mut fake = Fake::new();
    fake.ask("CLIENT SETNAME n");
    fake.ask("CLIENT SETINFO LIB-NAME redis-py");
    fake.ask("client setinfo lib-ver 7.1");
    assert_eq!(
        fake.text("CLIENT INFO"),
        "id=7 addr=127.0.0.1:50007 laddr=127.0.0.1:6379 fd=9 name=n age=5 idle=1 flags=N db=0 \
         sub=0 psub=0 ssub=0 multi=-1 qbuf=26 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 \
         obl=0 oll=0 omem=0 tot-mem=26 events=r cmd=client|info user=default redir=-1 resp=2 \
         lib-name=redis-py lib-ver=7.1\n"
    );
}

#[test]
fn list_shows_all_or_those_chosen() {
    let mut fake = Fake::new();
    fake.host.clients.lock().push(client(9));
    let ids = |text: String| -> Vec<String> {
        text.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(fake.text("CLIENT LIST")), ["id=7", "id=9"]);
    assert_eq!(ids(fake.text("CLIENT LIST TYPE normal")), ["id=7", "id=9"]);
    assert!(ids(fake.text("CLIENT LIST TYPE pubsub")).is_empty());
    assert_eq!(ids(fake.text("CLIENT LIST ID 1 9")), ["id=9"]);
    assert_eq!(fake.error("CLIENT LIST TYPE foo"), "ERR Unknown client type 'foo'");
    assert_eq!(fake.error("CLIENT LIST ID x"), "ERR Invalid client ID");
    assert_eq!(fake.error("CLIENT LIST ID"), SYNTAX);
    assert_eq!(fake.error("CLIENT LIST foo"), SYNTAX);
}

#[test]
fn names_must_fit_into_a_line() {
    let mut fake = Fake::new();
    let text = "ERR Client names cannot contain spaces, newlines or special characters.";
    for name in ["a b", "a\nb", "\u{e9}", &"n".repeat(1_025)] {
        let reply = fake.ask_words(&["CLIENT", "SETNAME", name]);
        assert_eq!(reply, Reply::Error(text.into()));
    }
    assert_eq!(fake.ask("CLIENT GETNAME"), Reply::Frame(resp::null()));
    assert_eq!(fake.ask("CLIENT SETNAME n"), OK);
    assert_eq!(fake.text("CLIENT GETNAME"), "n");
    assert_eq!(fake.ask_words(&["CLIENT", "SETNAME", ""]), OK);
    assert_eq!(fake.ask("CLIENT GETNAME"), Reply::Frame(resp::null()));
    assert_eq!(fake.error("CLIENT SETINFO foo x"), "ERR Unrecognized option 'foo'");
    let reply = fake.ask_words(&["CLIENT", "SETINFO", "lib-name", "a b"]);
    let text = "ERR lib-name cannot contain spaces, newlines or special characters.";
    assert_eq!(reply, Reply::Error(text.into()));
}

#[test]
fn kill_closes_those_that_pass_every_filter() {
    let mut fake = Fake::new();
    fake.host.clients.lock().push(client(9));
    assert_eq!(fake.ask("CLIENT KILL ID 9"), Reply::Integer(1));
    assert_eq!(fake.ask("CLIENT KILL ADDR 127.0.0.1:50009"), Reply::Integer(1));
    assert_eq!(fake.ask("CLIENT KILL 127.0.0.1:50009"), OK);
    assert_eq!(
        fake.ask("CLIENT KILL TYPE normal LADDR 127.0.0.1:6379 MAXAGE 5"),
        Reply::Integer(1)
    );
    assert_eq!(*fake.host.killed.lock(), [9, 9, 9, 9]);
    for none in ["ID 8", "ADDR 1.2.3.4:5", "LADDR 1.2.3.4:5", "TYPE pubsub", "MAXAGE 6"] {
        assert_eq!(fake.ask(&format!("CLIENT KILL {none}")), Reply::Integer(0), "{none}");
    }
    // Oneself is spared unless one says otherwise.
    assert_eq!(fake.ask("CLIENT KILL ID 7"), Reply::Integer(0));
    assert_eq!(fake.session.effect, Effect::None);
    assert_eq!(fake.ask("CLIENT KILL ID 7 SKIPME no"), Reply::Integer(1));
    assert_eq!(fake.session.effect, Effect::Close);
    assert_eq!(fake.host.killed.lock().len(), 4);
}

#[test]
fn kill_refuses_what_redis_refuses() {
    let mut fake = Fake::new();
    for (request, text) in [
        ("foo", "ERR No such client"),
        ("ID x", "ERR client-id should be greater than 0"),
        ("ID 0", "ERR client-id should be greater than 0"),
        ("TYPE foo", "ERR Unknown client type 'foo'"),
        ("USER foo", "ERR No such user 'foo'"),
        ("SKIPME foo", SYNTAX),
        ("ID 5 ADDR", SYNTAX),
        ("foo bar", SYNTAX),
    ] {
        assert_eq!(fake.error(&format!("CLIENT KILL {request}")), text, "{request}");
    }
}

#[test]
fn pause_holds_until_its_time() {
    let mut fake = Fake::new();
    assert_eq!(fake.ask("CLIENT PAUSE 100 write"), OK);
    assert_eq!(*fake.host.pause.lock(), Some((PauseMode::Write, NOW_MS + 100)));
    assert_eq!(fake.ask("CLIENT PAUSE 9223372036854775807"), OK);
    assert_eq!(fake.host.pause.lock().unwrap().0, PauseMode::All);
    assert_eq!(fake.ask("CLIENT UNPAUSE"), OK);
    assert_eq!(*fake.host.pause.lock(), None);
    assert_eq!(fake.error("CLIENT PAUSE x"), "ERR timeout is not an integer or out of range");
    assert_eq!(fake.error("CLIENT PAUSE -1"), "ERR timeout is negative");
    assert_eq!(fake.error("CLIENT PAUSE 1 foo"), "ERR CLIENT PAUSE mode must be WRITE or ALL");
}

#[test]
fn replies_can_be_turned_off_and_skipped() {
    let mut fake = Fake::new();
    let pong = Reply::Simple("PONG");
    assert_eq!(fake.ask("CLIENT REPLY SKIP"), Reply::Nothing);
    assert_eq!(fake.ask("PING"), Reply::Nothing);
    assert_eq!(fake.ask("PING"), pong);
    assert_eq!(fake.ask("CLIENT REPLY SKIP"), Reply::Nothing);
    assert_eq!(fake.ask("CLIENT REPLY SKIP"), Reply::Nothing);
    assert_eq!(
        fake.ask("PING"),
        Reply::Nothing,
        "as Redis: the second SKIP is not the skipped one"
    );
    assert_eq!(fake.ask("PING"), pong);
    assert_eq!(fake.ask("CLIENT REPLY OFF"), Reply::Nothing);
    assert_eq!(fake.ask("PING"), Reply::Nothing);
    assert_eq!(fake.ask("nosuch"), Reply::Nothing);
    assert_eq!(fake.ask("CLIENT REPLY SKIP"), Reply::Nothing);
    assert_eq!(fake.ask("PING"), Reply::Nothing);
    assert_eq!(fake.ask("CLIENT REPLY ON"), OK);
    assert_eq!(fake.ask("PING"), pong);
    assert_eq!(fake.error("CLIENT REPLY foo"), SYNTAX);
}

#[test]
fn switches_take_on_and_off() {
    let mut fake = Fake::new();
    for command in ["NO-EVICT", "NO-TOUCH"] {
        assert_eq!(fake.error(&format!("CLIENT {command} foo")), SYNTAX);
        assert_eq!(fake.ask(&format!("CLIENT {command} on")), OK);
    }
    assert!(fake.text("CLIENT INFO").contains(" flags=eT "));
    assert_eq!(fake.ask("CLIENT NO-EVICT OFF"), OK);
    assert!(fake.text("CLIENT INFO").contains(" flags=T "));
    assert_eq!(fake.ask("CLIENT ID"), Reply::Integer(7));
    assert_eq!(fake.ask("CLIENT GETREDIR"), Reply::Integer(-1));
}
