//! Who shares the secret is one of them, and nobody else: not by datagram, not by stream.

use std::io::Write as _;
use std::time::{Duration, Instant};

use super::support::wire::Wire;
use super::support::{Server, free_port, program, wait_until};
use super::{Cluster, SPREAD, agree, clients, get, hit};

#[test]
fn a_node_with_another_secret_stays_apart_and_is_noticed() {
    let cluster = Cluster::new(2);
    let first = Cluster { ports: cluster.ports[..1].to_vec(), ..Cluster::new(0) };
    let stranger = Cluster { ports: cluster.ports.clone(), folder: cluster.folder };
    let mut node = first.launch(0);
    let mut other = stranger.launch(1);
    node.wait_ready();
    other.wait_ready();
    let mut each = [node.wire(), other.wire()];
    hit(&mut each[0], "apart", 3);
    wait_until("the stranger is counted", || {
        each[0].info("cluster_auth_failed") > 0 && each[0].info("cluster_members") == 1
    });
    assert_eq!(get(&mut each[1], "apart"), ":0");
    assert_eq!(each[0].info("cluster_datagrams_out"), 0, "a stranger is answered nothing");
}

#[test]
fn keys_are_rotated_while_the_nodes_count_and_the_old_one_opens_nothing_more() {
    let cluster = Cluster::new(3);
    let nodes = cluster.start(2);
    let mut each = clients(&nodes);
    let path = cluster.folder.path().join("secret");
    let old = std::fs::read_to_string(&path).expect("a file");
    let made = program().arg("gen-secret").output().expect("the program runs").stdout;
    let new = String::from_utf8(made).expect("text");
    // Added behind, promoted, the old one removed; each step on every node.
    for (step, text) in [format!("{old}{new}"), format!("{new}{old}"), new].iter().enumerate() {
        std::fs::write(&path, text).expect("a file");
        nodes.iter().for_each(Server::reload);
        each.iter_mut().for_each(|client| hit(client, "rotated", 5));
        agree(&mut each, "rotated", &format!(":{}", (step + 1) * 10), SPREAD);
    }
    std::fs::write(&path, old).expect("a file");
    let mut outdated = cluster.launch(2);
    outdated.wait_ready();
    assert_eq!(get(&mut outdated.wire(), "rotated"), ":0");
    assert!(each[0].info("cluster_auth_failed") > 0);
}

/// Datagrams and streams of somebody without the secret: no byte out, the stream closed.
#[test]
fn whoever_does_not_hold_the_secret_gets_no_byte() {
    let cluster = Cluster::new(1);
    let mut node = cluster.launch(0);
    node.wait_ready();
    let at = ("127.0.0.1", cluster.ports[0]);
    let datagrams = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    for length in [0, 1, 37, 38, 1200] {
        datagrams.send_to(&vec![0x10; length], at).expect("it is sent");
    }
    let mut client = node.wire();
    wait_until("four were looked at", || client.info("cluster_datagrams_in") >= 4);
    assert_eq!(client.info("cluster_datagrams_out"), 0);
    for bytes in [&b"\x10"[..], b"GET / HTTP/1.1\r\n\r\n", &[0x10; 4096]] {
        let mut stream = std::net::TcpStream::connect(at).expect("a connection");
        stream.write_all(bytes).expect("bytes are taken");
        Wire::new(stream).expect_closed();
    }
    // As many as may be unproven hold on, and one more is closed at once.
    let held: Vec<_> = (0..16).map(|_| std::net::TcpStream::connect(at).expect("it")).collect();
    let begun = Instant::now();
    Wire::new(std::net::TcpStream::connect(at).expect("a connection")).expect_closed();
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    held.into_iter().for_each(|stream| Wire::new(stream).expect_closed());
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[test]
fn other_machines_need_a_secret_and_the_refusal_names_both_ways_out() {
    let port = free_port().to_string();
    let args = ["--port", "0", "--cluster-port", &port, "--cluster-bind", "0.0.0.0"];
    let socket = tempfile::tempdir().expect("a folder");
    let path = socket.path().join("s");
    let output = program().args(args).arg("--unixsocket").arg(path).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("gen-secret") && text.contains("cluster-insecure yes"), "{text}");
}
