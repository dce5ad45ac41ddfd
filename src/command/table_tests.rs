use std::collections::HashSet;

use super::super::fake::{Fake, words};
use super::*;
use crate::resp::Reply;

#[test]
fn every_row_is_sorted_unique_and_found_in_any_case() {
    for pair in TABLE.windows(2) {
        assert!(pair[0].name < pair[1].name, "{} {}", pair[0].name, pair[1].name);
    }
    for (row, spec) in TABLE.iter().enumerate() {
        assert_eq!(lookup(spec.name.as_bytes()), Some(row), "{}", spec.name);
        assert_eq!(lookup(spec.name.to_ascii_uppercase().as_bytes()), Some(row));
        assert_eq!(spec.name, spec.name.to_ascii_lowercase());
    }
    assert_eq!(lookup(b""), None);
    assert_eq!(lookup(b"nosuch"), None);
    assert_eq!(lookup(&[b'x'; 100_000]), None);
}

#[test]
fn every_row_is_documented_and_its_documentation_agrees_with_its_arity() {
    // Their handlers answer with texts of their own, so their arity lets everything through.
    let lenient = ["cl.throttle"];
    for spec in TABLE.iter() {
        let name = spec.name;
        for text in [spec.group, spec.summary, spec.since, spec.complexity] {
            assert!(!text.is_empty(), "{name}");
        }
        assert!(!spec.summary.ends_with('.'), "{name}");
        let words = name.split('|').count();
        let least: usize = words + spec.arguments.iter().map(|a| a.words_min()).sum::<usize>();
        let bound = usize::try_from(spec.arity.unsigned_abs()).unwrap();
        if spec.container {
            assert!(subcommands(name).any(|sub| sub.name == format!("{name}|help")), "{name}");
            assert!(subcommands(name).count() > 1, "{name}");
            continue;
        }
        if lenient.contains(&name) {
            assert!(spec.arity < 0 && least >= bound, "{name}");
            continue;
        }
        assert_eq!(least, bound, "{name} {:?}", spec.arguments);
        let open = spec.arguments.iter().any(|argument| argument.is_open());
        if spec.arity > 0 {
            assert!(!open, "{name} has a fixed arity but open arguments");
        }
    }
}

#[test]
fn every_subcommand_has_its_container() {
    for spec in TABLE.iter() {
        if let Some((container, _)) = spec.name.split_once('|') {
            assert!(TABLE[lookup(container.as_bytes()).unwrap()].container, "{}", spec.name);
        }
    }
}

#[test]
fn names_of_arguments_are_unique_within_a_row() {
    for spec in TABLE.iter() {
        let names: HashSet<_> = spec.arguments.iter().map(|argument| argument.name).collect();
        assert_eq!(names.len(), spec.arguments.len(), "{}", spec.name);
    }
}

#[test]
fn a_row_with_keys_documents_a_key_and_tells_what_is_done_to_it() {
    fn has_key(arguments: &[crate::command::Argument]) -> bool {
        let key = |a: &crate::command::Argument| a.kind == crate::command::Kind::Key;
        arguments.iter().any(|argument| key(argument) || has_key(argument.arguments))
    }
    for spec in TABLE.iter() {
        let keys = spec.keys != crate::command::Keys::None;
        assert_eq!(has_key(spec.arguments), keys, "{}", spec.name);
        assert_eq!(!spec.keys.access().is_empty(), keys, "{}", spec.name);
    }
}

#[test]
fn unknown_commands_get_the_text_of_redis() {
    let mut fake = Fake::new();
    for (request, text) in [
        ("foo", "ERR unknown command 'foo', with args beginning with: "),
        ("foo a b", "ERR unknown command 'foo', with args beginning with: 'a' 'b' "),
        ("client|id", "ERR unknown command 'client|id', with args beginning with: "),
        ("CLIENT xx yy", "ERR unknown subcommand 'xx'. Try CLIENT HELP."),
        (
            "CLIENT MAINT_NOTIFICATIONS ON",
            "ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.",
        ),
        ("CLIENT CAPA redirect", "ERR unknown subcommand 'CAPA'. Try CLIENT HELP."),
        ("client", "ERR wrong number of arguments for 'client' command"),
        ("CLIENT setname", "ERR wrong number of arguments for 'client|setname' command"),
        ("ECHO a b", "ERR wrong number of arguments for 'echo' command"),
    ] {
        assert_eq!(fake.error(request), text);
        assert_eq!(fake.session.effect, Effect::None);
    }
    let long = "a".repeat(200);
    let shown = "a".repeat(128);
    let text = format!("ERR unknown command '{shown}', with args beginning with: 'b' ");
    assert_eq!(fake.error(&format!("{long} b")), text);
    let text = format!("ERR unknown command 'foo', with args beginning with: '{shown}' ");
    assert_eq!(fake.error(&format!("foo {long} b c")), text);
}

#[test]
fn a_browser_is_shut_out() {
    for request in ["POST / HTTP/1.1", "host: a", "Host:"] {
        let mut fake = Fake::new();
        assert_eq!(fake.ask(request), Reply::Nothing);
        assert_eq!(fake.session.effect, Effect::Close);
    }
}

#[test]
fn without_authentication_only_the_handshake_is_served() {
    let mut fake = Fake::new();
    fake.host.config.lock().requirepass = "secret".to_owned();
    for spec in TABLE.iter().filter(|spec| !spec.name.contains('|')) {
        fake.session.authenticated = false;
        let mut request = vec![spec.name];
        // A container's own row is never reached with a subcommand.
        request.extend(if spec.container { vec!["help"] } else { vec![] });
        while request.len() < usize::try_from(spec.arity.unsigned_abs()).unwrap() {
            request.push("1");
        }
        let refused = Reply::Error(
            match spec.name {
                "exec" => {
                    "EXECABORT Transaction discarded because of: NOAUTH Authentication required."
                }
                _ => "NOAUTH Authentication required.",
            }
            .into(),
        );
        let open = ["auth", "hello", "quit", "reset"].contains(&spec.name);
        assert_eq!(fake.ask_words(&request) == refused, !open, "{}", spec.name);
    }
}

#[test]
fn a_node_that_joins_serves_the_handshake_and_what_tells_of_it_and_nothing_else() {
    let mut fake = Fake::new();
    fake.host.config.lock().enable_debug_command = DebugCommand::Yes;
    fake.loading = true;
    let loading = Reply::Error(LOADING.into());
    assert!(LOADING.starts_with("LOADING "), "clients look for the word");
    let mut served = Vec::new();
    for spec in TABLE.iter().filter(|spec| !spec.container) {
        let mut request: Vec<&str> = spec.name.split('|').collect();
        while request.len() < usize::try_from(spec.arity.unsigned_abs()).unwrap() {
            request.push("1");
        }
        let is_served = fake.ask_words(&request) != loading;
        assert_eq!(is_served, spec.flags.contains(Flags::LOADING), "{}", spec.name);
        fake.session.replies = Replies::On;
        fake.session.subscriber = None;
        if is_served {
            served.push(spec.name);
        }
    }
    for name in ["hello", "auth", "client|setinfo", "select", "reset", "info", "command|docs"] {
        assert!(served.contains(&name), "{name}");
    }
    for name in ["ping", "rl.hit", "rl.get", "rl.reset", "cl.throttle", "dbsize", "flushall"] {
        assert!(!served.contains(&name), "{name}");
    }
}

#[test]
fn while_it_joins_a_node_tells_what_is_wrong_with_a_request_first_and_counts_what_came_early() {
    let mut fake = Fake::new();
    fake.loading = true;
    assert!(fake.error("nosuch").starts_with("ERR unknown command"));
    assert_eq!(fake.error("RL.HIT"), "ERR wrong number of arguments for 'rl.hit' command");
    assert_eq!(fake.error("RL.HIT k 1m 5"), LOADING);
    fake.session.authenticated = false;
    assert_eq!(fake.error("RL.HIT k 1m 5"), "NOAUTH Authentication required.");
    fake.session.authenticated = true;
    assert!(fake.text("INFO persistence").contains("\r\nloading:1\r\n"));
    let totals = fake.stats.totals();
    assert_eq!(totals.errors["LOADING"], 1);
    assert_eq!(totals.rows[lookup(b"rl.hit").unwrap()].rejected, 3);
    fake.loading = false;
    assert_eq!(fake.ask("RL.GET k 1m"), Reply::Integer(0), "an early hit is not counted");
    assert!(fake.text("INFO persistence").contains("\r\nloading:0\r\n"));
}

#[test]
fn what_is_refused_and_what_fails_is_counted() {
    let mut fake = Fake::new();
    fake.ask("nosuch");
    fake.ask("echo");
    fake.ask("select 1");
    let totals = fake.stats.totals();
    let row = |name: &str| totals.rows[lookup(name.as_bytes()).unwrap()];
    assert_eq!((row("echo").rejected, row("echo").failed), (1, 0));
    assert_eq!((row("select").rejected, row("select").failed), (0, 1));
    assert_eq!(totals.errors["ERR"], 3);
}

#[test]
fn the_last_command_of_a_client_is_its_row() {
    let mut fake = Fake::new();
    fake.ask("CLIENT ID");
    let number = fake.session.record.last_command.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(TABLE[usize::try_from(number).unwrap() - 1].name, "client|id");
}

#[test]
fn debug_is_served_only_where_the_setting_lets_it() {
    let mut fake = Fake::new();
    let closed = fake.error("DEBUG HELP");
    assert!(closed.starts_with("ERR DEBUG command not allowed. If the enable-debug-command "));
    assert!(closed.contains("set to \"local\", you can run it from a local connection, otherwise"));
    fake.host.config.lock().enable_debug_command = DebugCommand::Local;
    assert!(matches!(fake.ask("DEBUG HELP"), Reply::Frame(_)));
    fake.session.local = false;
    assert_eq!(fake.error("DEBUG HELP"), closed);
    fake.host.config.lock().enable_debug_command = DebugCommand::Yes;
    assert!(matches!(fake.ask("DEBUG HELP"), Reply::Frame(_)));
}

#[test]
fn no_request_of_stray_words_panics() {
    let mut fake = Fake::new();
    let stray = ["", "1", "-1", "0", "9223372036854775807", "*", "[", "on", "id", "\u{fffd}"];
    for spec in TABLE.iter().filter(|spec| !spec.name.starts_with("debug")) {
        for count in 0..5 {
            for word in stray {
                let mut request: Vec<&str> = spec.name.split('|').collect();
                request.extend(std::iter::repeat_n(word, count));
                fake.ask_words(&request);
            }
        }
    }
    let (bytes, spans) = words(&[]);
    assert!(resolve(&Args::new(&bytes, &spans)).is_err());
}
