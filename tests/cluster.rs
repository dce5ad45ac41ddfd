//! Nodes as processes on loopback: they count as one, through joins, kills, resets and flushes.
//!
//! Goal: what a user of a cluster sees. Method: real programs, real sockets; every wait is for a
//! condition and has a deadline.

#![allow(clippy::disallowed_methods, reason = "a deadline of a test is real time")]

mod support;

#[path = "cluster/counters.rs"]
mod counters;
#[path = "cluster/joining.rs"]
mod joining;
#[path = "cluster/secrets.rs"]
mod secrets;

use std::time::{Duration, Instant};

use support::wire::Wire;
use support::{Server, free_port, program};

/// Longest wait for counts to be everywhere; the promise is 100 ms on an idle machine.
const SPREAD: Duration = Duration::from_secs(1);
/// Three nodes that start together are ready within this time.
const START: Duration = Duration::from_secs(4);
/// Longest wait until a node that was killed is held for gone; it takes about 6 s.
const GONE: Duration = Duration::from_secs(30);
/// A window that no test sees the end of.
const SCALE: &str = "7d";

/// The secret file and addresses of one cluster.
struct Cluster {
    folder: tempfile::TempDir,
    ports: Vec<u16>,
}

impl Cluster {
    fn new(nodes: usize) -> Cluster {
        let folder = tempfile::tempdir().expect("a folder");
        let secret = program().arg("gen-secret").output().expect("the program runs").stdout;
        std::fs::write(folder.path().join("secret"), secret).expect("a file");
        Cluster { folder, ports: (0..nodes).map(|_| free_port()).collect() }
    }

    /// Starts node `number` and does not wait.
    fn launch(&self, number: usize) -> Server {
        let port = self.ports[number].to_string();
        let secret = self.folder.path().join("secret");
        let mut args = vec!["--cluster-port", &port, "--cluster-secret-file"];
        args.push(secret.to_str().expect("UTF-8"));
        let seeds: Vec<String> =
            self.ports.iter().map(|port| format!("--join=127.0.0.1:{port}")).collect();
        args.extend(seeds.iter().map(String::as_str));
        Server::launch("127.0.0.1", &args)
    }

    /// Starts the first `count` nodes together and waits until all serve.
    fn start(&self, count: usize) -> Vec<Server> {
        let begun = Instant::now();
        let mut nodes: Vec<Server> = (0..count).map(|number| self.launch(number)).collect();
        nodes.iter_mut().for_each(Server::wait_ready);
        assert!(begun.elapsed() < START, "ready only after {:?}", begun.elapsed());
        nodes
    }
}

fn get(client: &mut Wire, key: &str) -> String {
    client.request(&["RL.GET", key, SCALE]).line()
}

fn hit(client: &mut Wire, key: &str, times: usize) {
    for _ in 0..times {
        client.request(&["RL.HIT", key, SCALE, "1000000"]);
    }
    for _ in 0..times {
        client.expect(&["*5", ":1"]);
        (0..4).for_each(|_| drop(client.line()));
    }
}

/// Waits until every node says `expected` of the key.
fn agree(clients: &mut [Wire], key: &str, expected: &str, within: Duration) {
    let deadline = Instant::now() + within;
    loop {
        let said: Vec<String> = clients.iter_mut().map(|client| get(client, key)).collect();
        if said.iter().all(|count| count == expected) {
            return;
        }
        assert!(Instant::now() < deadline, "{key}: {said:?}, expected {expected}");
        std::thread::yield_now();
    }
}

fn clients(nodes: &[Server]) -> Vec<Wire> {
    nodes.iter().map(Server::wire).collect()
}

#[test]
fn hits_spread_over_three_nodes_are_one_count_on_each_and_on_a_fourth_at_its_first_answer() {
    let cluster = Cluster::new(4);
    let nodes = cluster.start(3);
    let mut each = clients(&nodes);
    for (client, times) in each.iter_mut().zip([334, 333, 333]) {
        hit(client, "spread", times);
    }
    agree(&mut each, "spread", ":1000", SPREAD);
    let mut fourth = cluster.launch(3);
    fourth.wait_ready();
    assert_eq!(get(&mut fourth.wire(), "spread"), ":1000");
    assert!(fourth.wire().ask(&["RL.CLUSTER", "INFO"]).contains("cluster_ready_by:sync"));
}

#[test]
fn a_node_that_is_killed_and_started_again_says_the_total() {
    let cluster = Cluster::new(3);
    let mut nodes = cluster.start(3);
    let mut each = clients(&nodes);
    each.iter_mut().for_each(|client| hit(client, "killed", 100));
    agree(&mut each, "killed", ":300", SPREAD);
    drop((nodes.pop(), each));
    let begun = Instant::now();
    let mut again = cluster.launch(2);
    again.wait_ready();
    assert_eq!(get(&mut again.wire(), "killed"), ":300");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    nodes.push(again);
    let mut each = clients(&nodes);
    hit(&mut each[2], "killed", 1);
    agree(&mut each, "killed", ":301", SPREAD);
}

#[test]
fn a_node_that_is_told_to_end_leaves_its_last_hits_behind() {
    let cluster = Cluster::new(3);
    let mut nodes = cluster.start(3);
    let mut each = clients(&nodes);
    hit(&mut each[2], "leaving", 500);
    let leaver = nodes.pop().expect("three nodes");
    leaver.terminate();
    drop(each.pop());
    assert!(leaver.wait().success());
    agree(&mut each, "leaving", ":500", SPREAD);
}

#[test]
fn reset_set_refund_and_flush_reach_every_node() {
    let cluster = Cluster::new(3);
    let nodes = cluster.start(3);
    let mut each = clients(&nodes);
    each.iter_mut().for_each(|client| hit(client, "changed", 10));
    agree(&mut each, "changed", ":30", SPREAD);
    each[0].request(&["RL.RESET", "changed"]).line();
    agree(&mut each, "changed", ":0", SPREAD);
    each[1].request(&["RL.SET", "changed", SCALE, "7"]).expect(&[":7"]);
    agree(&mut each, "changed", ":7", SPREAD);
    hit(&mut each[2], "changed", 3);
    agree(&mut each, "changed", ":10", SPREAD);
    each[0].request(&["RL.REFUND", "changed", SCALE, "4"]).expect(&[":6"]);
    agree(&mut each, "changed", ":6", SPREAD);
    hit(&mut each[0], "other", 5);
    agree(&mut each, "other", ":5", SPREAD);
    each[2].request(&["FLUSHALL"]).expect(&["+OK"]);
    agree(&mut each, "changed", ":0", SPREAD);
    agree(&mut each, "other", ":0", SPREAD);
    each.iter_mut().for_each(|client| hit(client, "other", 2));
    agree(&mut each, "other", ":6", SPREAD);
}

/// `state count` of each origin that RL.EXPLAIN tells, this node's first, and its sentence.
fn explain(client: &mut Wire, key: &str, limit: &str) -> (Vec<String>, String) {
    client.request(&["RL.EXPLAIN", key, SCALE, limit]);
    let mut words = Vec::new();
    while words.last().is_none_or(|word| word != "why") {
        let line = client.line();
        // Lengths of bulk strings say nothing here, but for the null.
        if !line.starts_with('$') || line == "$-1" {
            words.push(line);
        }
    }
    let origins = words.split(|word| word == "*14").skip(1).map(|origin| {
        let field = |name: &str| {
            let at = origin.iter().position(|word| word == name).expect("a field");
            origin[at + 1].trim_start_matches(':').to_owned()
        };
        assert!(field("last_heard_ms").parse::<i64>().expect("a number") < 10_000);
        let state = field("state");
        // What a node last said of itself may be that it joins.
        let is_alive = ["alive", "joining", "ready"].contains(&state.as_str());
        format!("{} {}", if is_alive { "alive" } else { &state }, field("count"))
    });
    (origins.collect(), client.text())
}

#[test]
fn a_count_is_explained_by_node_also_after_one_of_them_was_killed() {
    let cluster = Cluster::new(3);
    let mut nodes = cluster.start(3);
    let mut each = clients(&nodes);
    for (client, times) in each.iter_mut().zip([3, 4, 5]) {
        hit(client, "why", times);
    }
    agree(&mut each, "why", ":12", SPREAD);
    for (client, own) in each.iter_mut().zip([3, 4, 5]) {
        let (origins, why) = explain(client, "why", "10");
        assert_eq!(origins[0], format!("myself {own}"));
        let mut others = origins[1..].to_vec();
        others.sort();
        let expected: Vec<String> =
            [3, 4, 5].iter().filter(|it| **it != own).map(|it| format!("alive {it}")).collect();
        assert_eq!(others, expected);
        assert!(why.starts_with("denied: 12 counted of 10; a hit passes again in "), "{why}");
    }
    drop((nodes.pop(), each.pop()));
    let deadline = Instant::now() + GONE;
    let why = loop {
        let (mut origins, why) = explain(&mut each[0], "why", "10");
        origins.sort();
        if origins == ["alive 4", "departed 5", "myself 3"] {
            break why;
        }
        assert!(Instant::now() < deadline, "{origins:?} {why}");
        std::thread::yield_now();
    };
    assert!(why.contains("denied: 12 counted of 10;"), "{why}");
    assert!(why.contains("; 5 were counted by nodes that have departed, and stay"), "{why}");
    assert!(why.contains("its hits since then, if any, are missing here"), "{why}");
}

#[test]
fn a_node_alone_opens_no_socket_for_others() {
    let server = Server::start(&[]);
    let folder = format!("/proc/{}/fd", server.pid());
    let sockets: Vec<String> = std::fs::read_dir(folder)
        .expect("a running process")
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| {
            link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']').map(str::to_owned)
        })
        .collect();
    let udp = std::fs::read_to_string("/proc/net/udp").expect("a table")
        + &std::fs::read_to_string("/proc/net/udp6").unwrap_or_default();
    for inode in sockets {
        assert!(!udp.split_whitespace().any(|word| word == inode), "a datagram socket");
    }
    assert!(server.wire().ask(&["RL.CLUSTER", "INFO"]).contains("ratel_cluster_enabled:0"));
}
