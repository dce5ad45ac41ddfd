//! What clients, probes and signals get from a node that joins.

use super::SCALE;
use super::support::wire::Wire;
use super::support::{Server, free_port, program, wait_until};

/// What `look` saw of a node that was joining throughout: its only seed does not exist. On a machine
/// so slow that it was ready meanwhile, another one is looked at.
fn see_joiner<R>(look: impl Fn(&Server, &mut Wire) -> R) -> (Server, Wire, R) {
    let attempt = || {
        let (own, nobody) = (free_port().to_string(), free_port());
        let seed = format!("--join=127.0.0.1:{nobody}");
        let node = Server::launch("127.0.0.1", &["--cluster-port", &own, &seed]);
        wait_until("the port is open", || {
            std::net::TcpStream::connect(("127.0.0.1", node.port())).is_ok()
        });
        let mut client = node.wire();
        let seen = look(&node, &mut client);
        let answer = client.request(&["PING"]).line();
        assert!(answer == "+PONG" || answer.starts_with("-LOADING "), "{answer}");
        (answer != "+PONG").then_some((node, client, seen))
    };
    (0..5).find_map(|_| attempt()).expect("a node that still joins")
}

fn health(node: &Server, args: &[&str]) -> (Option<i32>, String) {
    let port = node.port().to_string();
    let output = program().args(["health", "--port", &port]).args(args).output().expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_joiner_answers_loading_until_it_is_ready_and_health_tells_the_two_apart() {
    let (mut node, mut client, seen) = see_joiner(|node, client| {
        let hit = client.request(&["RL.HIT", "k", SCALE, "5"]).line();
        client.request(&["HELLO", "3"]);
        while client.line() != "modules" {}
        client.expect(&["*0"]);
        let told =
            ["INFO", "RL.CLUSTER INFO"].map(|it| client.ask(&it.split(' ').collect::<Vec<_>>()));
        (hit, told, health(node, &[]), health(node, &["--ready"]))
    });
    let (hit, [info, cluster], live, ready) = seen;
    assert!(hit.starts_with("-LOADING "), "{hit}");
    assert!(info.contains("\r\nloading:1\r\n"), "{info}");
    assert!(cluster.contains("ratel_cluster_enabled:1"), "{cluster}");
    assert!(cluster.contains("cluster_state:joining"), "{cluster}");
    assert_eq!(live, (Some(0), "alive, not ready yet\n".to_owned()));
    assert_eq!(ready.0, Some(1));
    assert!(ready.1.contains("not ready yet: ratel is joining its cluster"), "{}", ready.1);
    node.wait_ready();
    assert_eq!(health(&node, &["--ready"]), (Some(0), "ok\n".to_owned()));
    // The client that came early is served like any other, and its early hit was not counted.
    client.request(&["RL.HIT", "k", SCALE, "5"]).expect(&["*5", ":1", ":1"]);
    let mut late = node.wire();
    assert_eq!(late.info("loading"), 0);
    wait_until("both are counted", || late.info("connected_clients") == 2);
}

#[test]
fn a_joiner_that_is_told_to_end_ends_in_good_order() {
    let (node, client, ()) = see_joiner(|_, _| ());
    node.terminate();
    client.expect_closed();
    assert!(node.wait().success());
}
