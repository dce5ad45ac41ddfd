//! The cases about CONFIG of Valkey's `tests/unit/introspection.tcl`.

use crate::support::Server;
use crate::support::wire::Wire;

/// CONFIG GET as pairs.
fn get(wire: &mut Wire, patterns: &[&str]) -> Vec<(String, String)> {
    wire.request(&[&["CONFIG", "GET"], patterns].concat());
    let header = wire.line();
    let words: usize = header.strip_prefix('*').expect("an array").parse().expect("a count");
    (0..words / 2).map(|_| (wire.text(), wire.text())).collect()
}

fn value(wire: &mut Wire, name: &str) -> String {
    let found = get(wire, &[name]);
    found.into_iter().next().expect("the setting").1
}

// "CONFIG sanity"
#[test]
fn config_sanity() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    let settings = get(&mut wire, &["*"]);
    assert!(settings.len() > 20);
    let mut changed = 0;
    for (name, before) in &settings {
        wire.request(&["CONFIG", "SET", name, before]);
        match wire.line().as_str() {
            "+OK" => changed += 1,
            refused => assert_eq!(
                refused,
                format!(
                    "-ERR CONFIG SET failed (possibly related to argument '{name}') - can't set \
                     immutable config"
                )
            ),
        }
        assert_eq!(value(&mut wire, name), *before, "{name}");
    }
    assert!(changed > 10, "{changed}");
}

// "CONFIG SET with multiple args"
#[test]
fn config_set_with_multiple_args() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    let set = ["CONFIG", "SET", "maxmemory", "10000001", "slowlog-max-len", "77", "timeout", "9"];
    wire.request(&set).expect(&["+OK"]);
    for pair in set[2..].chunks(2) {
        assert_eq!(value(&mut wire, pair[0]), pair[1]);
    }
}

// "CONFIG SET rollback on set error"
#[test]
fn config_set_rollback_on_set_error() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    wire.request(&["CONFIG", "SET", "maxmemory", "10000002"]).expect(&["+OK"]);
    wire.request(&[
        "CONFIG",
        "SET",
        "maxmemory",
        "10000001",
        "maxmemory-clients",
        "200%",
        "client-query-buffer-limit",
        "invalid",
    ]);
    let error = wire.line();
    let start = "-ERR CONFIG SET failed (possibly related to argument 'maxmemory-clients') - ";
    assert!(error.starts_with(start), "{error}");
    assert_eq!(value(&mut wire, "maxmemory"), "10000002");
}

// "CONFIG SET duplicate configs"
#[test]
fn config_set_duplicate_configs() {
    let server = Server::start(&[]);
    server.wire().request(&["CONFIG", "SET", "maxmemory", "10000001", "maxmemory", "10000002"])
        .expect(&["-ERR CONFIG SET failed (possibly related to argument 'maxmemory') - duplicate parameter"]);
}

// "CONFIG SET set immutable"
#[test]
fn config_set_set_immutable() {
    let server = Server::start(&[]);
    server.wire().request(&["CONFIG", "SET", "databases", "2"]).expect(&[
        "-ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable \
         config",
    ]);
}

// "CONFIG GET multiple args"
#[test]
fn config_get_multiple_args() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    let found = get(&mut wire, &["maxmemory", "maxmemory*", "bind", "MAXMEM*"]);
    let mut names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["bind", "maxmemory", "maxmemory-clients", "maxmemory-policy"]);
}

// "cannot modify protected configuration - no", "... - local"
#[test]
fn debug_is_refused_unless_it_was_enabled() {
    let server = Server::start(&[]);
    server.wire().request(&["DEBUG", "HELP"]).expect(&[
        "-ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", \
         you can run it from a local connection, otherwise you need to set this option in the \
         configuration file, and then restart the server.",
    ]);
    let server = Server::start(&["--enable-debug-command", "local"]);
    let help = server.wire().request(&["DEBUG", "HELP"]).line();
    assert!(help.starts_with('*'), "{help}");
}
