//! The cases about PING and CLIENT of Valkey's `tests/unit/introspection.tcl`.

use crate::support::wire::Wire;
use crate::support::{Server, wait_until};

/// True if the fields of `line` begin as those of `pattern`, where `*` stands for any value.
fn matches(line: &str, pattern: &str) -> bool {
    let (mut fields, mut wanted) = (line.split(' '), pattern.split(' '));
    wanted.all(|wanted| match (wanted.strip_suffix('*'), fields.next()) {
        (Some(start), Some(field)) => field.starts_with(start),
        (None, Some(field)) => field == wanted,
        (_, None) => false,
    })
}

/// The fields of Redis 7.0.15, in its order, with `cmd` filled in.
fn fields(command: &str) -> String {
    format!(
        "id=* addr=127.0.0.1:* laddr=127.0.0.1:* fd=* name=* age=* idle=* flags=N db=0 sub=0 \
         psub=0 ssub=0 multi=-1 qbuf=* qbuf-free=* argv-mem=* multi-mem=0 rbs=* rbp=* obl=0 oll=0 \
         omem=0 tot-mem=* events=r cmd={command} user=default redir=-1 resp=2"
    )
}

// "PING"
#[test]
fn ping() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    wire.ping();
    wire.request(&["ping", "valkey"]).expect(&["$6", "valkey"]);
    let wrong = "-ERR wrong number of arguments for 'ping' command";
    wire.request(&["ping", "hello", "valkey"]).expect(&[wrong]);
}

// "CLIENT LIST", "CLIENT INFO"
#[test]
fn client_list_and_client_info() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    for subcommand in ["list", "info"] {
        let text = wire.ask(&["CLIENT", subcommand]);
        let line = text.lines().last().expect("a line");
        assert!(matches(line, &fields(&format!("client|{subcommand}"))), "{line}");
        assert!(text.ends_with('\n'));
    }
}

// "CLIENT LIST with IDs"
#[test]
fn client_list_with_ids() {
    let server = Server::start(&[]);
    let (mut wire, mut other) = (server.wire(), server.wire());
    other.ping();
    let id = wire.request(&["CLIENT", "ID"]).line().replace(':', "");
    let text = wire.ask(&["CLIENT", "LIST", "ID", &id]);
    assert!(text.starts_with(&format!("id={id} ")) && text.contains(" cmd=client|list "), "{text}");
    assert_eq!(text.lines().count(), 1);
    let other_id = other.request(&["CLIENT", "ID"]).line().replace(':', "");
    let both = wire.ask(&["CLIENT", "LIST", "ID", &id, &other_id, "999999"]);
    assert_eq!(both.lines().count(), 2);
    wire.request(&["CLIENT", "LIST", "ID", "x"]).expect(&["-ERR Invalid client ID"]);
}

// "CLIENT command unhappy path coverage"
#[test]
fn client_command_unhappy_path_coverage() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    for words in [["no-evict", "wrongInput"], ["reply", "wrongInput"], ["no-touch", "wrongInput"]] {
        wire.request(&[&["CLIENT"], &words[..]].concat()).expect(&["-ERR syntax error"]);
    }
    let unknown = "-ERR unknown subcommand 'nosuch'. Try CLIENT HELP.";
    wire.request(&["CLIENT", "nosuch"]).expect(&[unknown]);
    let wrong = "-ERR wrong number of arguments for 'client|setname' command";
    wire.request(&["CLIENT", "SETNAME"]).expect(&[wrong]).ping();
}

// "CLIENT REPLY OFF/ON: disable all commands reply"
#[test]
fn client_reply_off_on_disable_all_commands_reply() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    wire.request(&["client", "reply", "off"]).request(&["ping", "pong"]).request(&["ping", "2"]);
    wire.request(&["RL.HIT", "a", "1d", "3"]).request(&["nosuch"]);
    wire.request(&["client", "reply", "on"]).expect(&["+OK"]);
    wire.request(&["ping", "pong3"]).expect(&["$5", "pong3"]);
    wire.request(&["EXISTS", "a"]).expect(&[":1"]);
}

// "CLIENT REPLY SKIP: skip the next command reply"
#[test]
fn client_reply_skip_skip_the_next_command_reply() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    wire.request(&["client", "reply", "skip"]).request(&["ping", "pong"]);
    wire.request(&["ping", "pong2"]).expect(&["$5", "pong2"]);
}

// "CLIENT REPLY ON: unset SKIP flag"
#[test]
fn client_reply_on_unset_skip_flag() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    wire.request(&["client", "reply", "skip"]).request(&["client", "reply", "on"]);
    wire.expect(&["+OK"]).ping();
}

// Not Valkey's: what a pause holds back is read again, and must then mean the same.
#[test]
fn an_inline_request_with_quotes_survives_a_pause() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    wire.send("CLIENT PAUSE 50\r\n\r\nECHO \"a \\\" b\"\r\nECHO 'c d'\r\nPING\r\n");
    wire.expect(&["+OK", "$5", "a \" b", "$3", "c d", "+PONG"]);
}

// "CLIENT GETNAME should return NIL if name is not assigned", "CLIENT GETNAME check if name set
// correctly", "CLIENT LIST shows empty fields for unassigned names", "CLIENT SETNAME can assign a
// name to this connection", "CLIENT SETNAME can change the name of an existing connection"
#[test]
fn client_setname_can_assign_and_change_a_name() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    wire.request(&["CLIENT", "GETNAME"]).expect(&["$-1"]);
    assert!(wire.ask(&["CLIENT", "LIST"]).contains(" name= "));
    for name in ["testName", "someothername"] {
        wire.request(&["CLIENT", "SETNAME", name]).expect(&["+OK"]);
        assert_eq!(wire.ask(&["CLIENT", "getName"]), name);
        assert!(wire.ask(&["CLIENT", "LIST"]).contains(&format!(" name={name} ")));
    }
    wire.request(&["CLIENT", "SETNAME", ""]).expect(&["+OK"]);
    wire.request(&["CLIENT", "GETNAME"]).expect(&["$-1"]);
}

// "CLIENT SETNAME does not accept spaces"
#[test]
fn client_setname_does_not_accept_spaces() {
    let server = Server::start(&[]);
    let refused = "-ERR Client names cannot contain spaces, newlines or special characters.";
    server.wire().request(&["CLIENT", "SETNAME", "foo bar"]).expect(&[refused]);
}

// "After CLIENT SETNAME, connection can still be closed"
#[test]
fn after_client_setname_connection_can_still_be_closed() {
    let server = Server::start(&[]);
    let (mut observer, mut wire) = (server.wire(), server.wire());
    wire.request(&["CLIENT", "SETNAME", "foobar"]).expect(&["+OK"]);
    assert!(observer.ask(&["CLIENT", "LIST"]).contains("foobar"));
    drop(wire);
    wait_until("it is gone", || !observer.ask(&["CLIENT", "LIST"]).contains("foobar"));
}

fn library(wire: &mut Wire) -> String {
    let text = wire.ask(&["CLIENT", "INFO"]);
    let at = text.find("lib-name=").expect("the field");
    text[at..].trim_end().to_owned()
}

// "CLIENT SETINFO can set a library name to this connection", "CLIENT SETINFO invalid args",
// "RESET does NOT clean library name", "CLIENT SETINFO can clear library name"
#[test]
fn client_setinfo_keeps_what_was_valid() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    wire.request(&["CLIENT", "SETINFO", "lib-name", "redis.py"]).expect(&["+OK"]);
    wire.request(&["CLIENT", "SETINFO", "lib-ver", "1.2.3"]).expect(&["+OK"]);
    for (words, error) in [
        (&["lib-name"][..], "-ERR wrong number of arguments for 'client|setinfo' command"),
        (
            &["lib-name", "valkey py"],
            "-ERR lib-name cannot contain spaces, newlines or special characters.",
        ),
        (
            &["lib-name", "redis.py\n"],
            "-ERR lib-name cannot contain spaces, newlines or special characters.",
        ),
        (&["badger", "hamster"], "-ERR Unrecognized option 'badger'"),
    ] {
        wire.request(&[&["CLIENT", "SETINFO"], words].concat()).expect(&[error]);
    }
    assert_eq!(library(&mut wire), "lib-name=redis.py lib-ver=1.2.3");
    wire.request(&["RESET"]).expect(&["+RESET"]);
    assert_eq!(library(&mut wire), "lib-name=redis.py lib-ver=1.2.3");
    wire.request(&["CLIENT", "SETINFO", "lib-name", ""]).expect(&["+OK"]);
    assert_eq!(library(&mut wire), "lib-name= lib-ver=1.2.3");
}
