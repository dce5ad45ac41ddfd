use super::super::fake::{Fake, NOW_MS};
use super::*;

#[test]
fn shutdown_asks_the_edge_and_answers_nothing() {
    for (request, mode) in [
        ("SHUTDOWN", ShutdownMode::Graceful),
        ("shutdown nosave", ShutdownMode::Graceful),
        ("SHUTDOWN SAVE FORCE", ShutdownMode::Graceful),
        ("SHUTDOWN NOSAVE NOW", ShutdownMode::Now),
    ] {
        let mut fake = Fake::new();
        assert_eq!(fake.ask(request), Reply::Nothing);
        assert_eq!(fake.session.effect, Effect::Shutdown(mode));
    }
}

#[test]
fn a_shutdown_that_contradicts_itself_is_refused() {
    let mut fake = Fake::new();
    for request in ["foo", "nosave save", "abort now"] {
        assert_eq!(fake.error(&format!("SHUTDOWN {request}")), "ERR syntax error");
        assert_eq!(fake.session.effect, Effect::None);
    }
    assert_eq!(fake.error("SHUTDOWN ABORT"), "ERR No shutdown in progress.");
    *fake.host.stopping.lock() = true;
    assert_eq!(fake.ask("SHUTDOWN ABORT"), Reply::Simple("OK"));
}

fn debugger() -> Fake {
    let fake = Fake::new();
    fake.host.config.lock().enable_debug_command = crate::config::DebugCommand::Yes;
    fake
}

#[test]
fn debug_sleep_holds_this_connection() {
    let mut fake = debugger();
    assert_eq!(fake.ask("DEBUG SLEEP 0.25"), Reply::Simple("OK"));
    assert_eq!(fake.session.effect, Effect::Sleep { ms: 250 });
    for bad in ["-1", "nan", "inf", "1e300", "x"] {
        let mut fake = debugger();
        assert_eq!(fake.error(&format!("DEBUG SLEEP {bad}")), "ERR value is not a valid float");
        assert_eq!(fake.session.effect, Effect::None);
    }
    assert_eq!(
        fake.error("DEBUG foo"),
        "ERR unknown subcommand or wrong number of arguments for 'foo'. Try DEBUG HELP."
    );
}

#[test]
#[should_panic(expected = "DEBUG PANIC was asked for")]
fn debug_panic_panics() {
    debugger().ask("DEBUG PANIC");
}

#[test]
fn time_is_the_contexts_own() {
    let seconds = (NOW_MS / 1_000).to_string();
    let expected = resp::array(vec![resp::text(&seconds), resp::text("123000")]);
    assert_eq!(Fake::new().ask("TIME"), Reply::Frame(expected));
}

#[test]
fn help_lists_every_subcommand_of_the_container() {
    let lines = help::lines("slowlog");
    assert_eq!(lines[0], "SLOWLOG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    assert!(lines.contains(&"GET [count]".to_owned()));
    assert!(lines.contains(&"    Get the slow log's length.".to_owned()));
    assert_eq!(lines.last().unwrap(), "    Print this help.");
}
