//! The cases of Valkey's `tests/unit/auth.tcl`.

use crate::support::Server;

const WRONG: &str = "-WRONGPASS invalid username-password pair or user is disabled.";
const REQUIRED: &str = "-NOAUTH Authentication required.";

// "AUTH fails if there is no password configured server side"
#[test]
fn auth_fails_if_there_is_no_password_configured_server_side() {
    let server = Server::start(&[]);
    server.wire().request(&["AUTH", "foo"]).expect(&[
        "-ERR AUTH <password> called without any password configured for the default user. Are \
         you sure your configuration is correct?",
    ]);
}

// "Arity check for auth command"
#[test]
fn arity_check_for_auth_command() {
    let server = Server::start(&[]);
    server.wire().request(&["AUTH", "a", "b", "c"]).expect(&["-ERR syntax error"]);
}

// "AUTH fails when a wrong password is given", "Arbitrary command gives an error when AUTH is
// required", "AUTH succeeds when the right password is given", "Once AUTH succeeded we can
// actually send commands to the server"
#[test]
fn arbitrary_command_gives_an_error_when_auth_is_required_until_it_succeeds() {
    let server = Server::start(&["--requirepass", "foobar"]);
    let mut wire = server.wire();
    wire.request(&["AUTH", "wrong!"]).expect(&[WRONG]);
    wire.request(&["RL.HIT", "foo", "1d", "100"]).expect(&[REQUIRED]);
    wire.request(&["AUTH", "foobar"]).expect(&["+OK"]);
    // Counted from one: the refused hit has charged nothing.
    wire.request(&["RL.HIT", "foo", "1d", "100"]).expect(&["*5", ":1", ":1", ":99", ":0"]);
}

// "For unauthenticated clients multibulk and bulk length are limited"
#[test]
fn for_unauthenticated_clients_multibulk_and_bulk_length_are_limited() {
    let server = Server::start(&["--requirepass", "foobar"]);
    for (bytes, error) in [
        ("*100\r\n", "-ERR Protocol error: unauthenticated multibulk length"),
        ("*1\r\n$100000000\r\n", "-ERR Protocol error: invalid bulk length"),
        ("*1\r\n$100000\r\n", "-ERR Protocol error: unauthenticated bulk length"),
        // The AUTH before it opens the door only once it has been served.
        (
            "*2\r\n$4\r\nAUTH\r\n$5\r\nwrong\r\n*100\r\n",
            "-ERR Protocol error: unauthenticated multibulk length",
        ),
    ] {
        let mut wire = server.wire();
        wire.send(bytes);
        if bytes.contains("AUTH") {
            wire.expect(&[WRONG]);
        }
        wire.expect(&[error]);
        wire.expect_closed();
    }
    let mut wire = server.wire();
    let many = format!("*2\r\n$4\r\nAUTH\r\n$6\r\nfoobar\r\n*101\r\n$6\r\nEXISTS\r\n{}", {
        "$1\r\nk\r\n".repeat(100)
    });
    wire.send(many).expect(&["+OK", ":0"]).ping();
}

// "AUTH fails when binary password is wrong", "AUTH succeeds when binary password is correct"
#[test]
fn auth_compares_a_binary_password_to_its_end() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    wire.request(&["CONFIG", "SET", "requirepass", "abc\0def"]).expect(&["+OK"]);
    wire.request(&["AUTH", "abc"]).expect(&[WRONG]);
    wire.request(&["AUTH", "abc\0def"]).expect(&["+OK"]);
    let mut stranger = server.wire();
    stranger.request(&["PING"]).expect(&[REQUIRED]);
    stranger.request(&["AUTH", "default", "abc\0def"]).expect(&["+OK"]).ping();
}
