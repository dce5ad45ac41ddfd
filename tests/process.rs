//! The program as a process: arguments, exit codes, health checks, standard error.

mod support;

use std::process::{Output, Stdio};

use support::{Server, free_port, program};

fn run(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let variables = variables.iter().copied();
    program().args(args).envs(variables).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_and_version_succeed_on_standard_output() {
    for (args, expected) in [
        (&["--help"], "RATEL_MAXMEMORY"),
        (&["-h"], "--maxmemory"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
    ] {
        let output = run(args, &[]);
        assert!(output.status.success() && output.stderr.is_empty(), "{args:?}");
        assert!(text(&output.stdout).contains(expected), "{args:?}");
    }
}

#[test]
fn bad_arguments_end_with_code_2_and_name_the_cause() {
    for (args, variables, expected) in [
        (&["--maxmemry", "1gb"][..], &[][..], "--maxmemory"),
        (&["--port", "65536"], &[], "between 0 and 65535"),
        (&["nosuch"], &[], "nosuch"),
        (&[], &[("RATEL_IO_THREADS", "many")], "RATEL_IO_THREADS"),
    ] {
        let output = run(args, variables);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    }
}

#[test]
fn health_follows_the_server_and_its_password() {
    let server = Server::start(&["--requirepass", "geheim"]);
    let port = server.port().to_string();
    let password = [("RATEL_REQUIREPASS", "geheim")];
    for args in [&["health", "--port", &port][..], &["health", "--ready", "--port", &port]] {
        let output = run(args, &password);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout).lines().count(), 1);
    }
    let args = ["health", "--port", &port];
    for variables in [&[][..], &[("RATEL_REQUIREPASS", "wrong")]] {
        let output = run(&args, variables);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(text(&output.stderr).lines().count(), 1);
    }
    drop(server);
    assert_eq!(run(&args, &password).status.code(), Some(1));
}

#[test]
fn closed_outputs_end_nothing() {
    let port = free_port();
    let mut child = program()
        .args(["--port", &port.to_string(), "--bind=127.0.0.1", "--loglevel=debug"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server starts");
    drop((child.stdout.take(), child.stderr.take()));
    let args = ["health", "--port", &port.to_string()];
    // Twice: the first check makes it log, with nobody left to read.
    for _ in 0..2 {
        support::wait_until("it is healthy", || run(&args, &[]).status.success());
    }
    assert!(child.try_wait().expect("a child").is_none(), "it ended");
    child.kill().expect("a running child");
    child.wait().expect("a child");
}
