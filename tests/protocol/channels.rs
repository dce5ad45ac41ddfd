//! The cases of Valkey's `tests/unit/pubsub.tcl` that apply, on raw sockets, and who reads slowly.

use crate::support::wire::{Wire, encode};
use crate::support::{Server, wait_until};

fn subscriber(server: &Server, protocol: &str, request: &[&str]) -> Wire {
    let mut wire = server.wire();
    wire.request(&["HELLO", protocol]);
    wire.reply();
    wire.request(request);
    for _ in 1..request.len() {
        wire.reply();
    }
    wire
}

// "PUBLISH/SUBSCRIBE basics", "PUBLISH/PSUBSCRIBE basics", "Pub/Sub PING on RESP3"
#[test]
fn messages_are_arrays_in_resp2_and_pushes_in_resp3() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    for (protocol, kind) in [("2", '*'), ("3", '>')] {
        let mut listener = server.wire();
        listener.request(&["HELLO", protocol]);
        listener.reply();
        listener.request(&["SUBSCRIBE", "a", "b"]);
        let three = format!("{kind}3");
        listener.expect(&[&three, "$9", "subscribe", "$1", "a", ":1"]);
        listener.expect(&[&three, "$9", "subscribe", "$1", "b", ":2"]);
        listener.request(&["PSUBSCRIBE", "a*"]);
        listener.expect(&[&three, "$10", "psubscribe", "$2", "a*", ":3"]);
        wire.request(&["PUBLISH", "a", "hi"]).expect(&[":2"]);
        wire.request(&["PUBLISH", "c", "hi"]).expect(&[":0"]);
        listener.expect(&[&three, "$7", "message", "$1", "a", "$2", "hi"]);
        let four = format!("{kind}4");
        listener.expect(&[&four, "$8", "pmessage", "$2", "a*", "$1", "a", "$2", "hi"]);
        listener.request(&["UNSUBSCRIBE", "a"]);
        listener.expect(&[&three, "$11", "unsubscribe", "$1", "a", ":2"]);
        wire.request(&["PUBLISH", "a", "hi"]).expect(&[":1"]);
        listener.expect(&[&four, "$8", "pmessage", "$2", "a*", "$1", "a", "$2", "hi"]);
        drop(listener);
        wait_until("it is gone", || wire.info("pubsub_clients") == 0);
        assert_eq!((wire.info("pubsub_channels"), wire.info("pubsub_patterns")), (0, 0));
    }
}

#[test]
fn a_resp2_subscriber_may_do_little_else_until_it_has_unsubscribed() {
    let server = Server::start(&[]);
    let mut listener = subscriber(&server, "2", &["SUBSCRIBE", "a"]);
    listener.request(&["RL.HIT", "k", "1m", "3"]).expect(&[
        "-ERR Can't execute 'rl.hit': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET \
         are allowed in this context",
    ]);
    listener.send("PING\r\n").expect(&["*2", "$4", "pong", "$0", ""]);
    listener.request(&["UNSUBSCRIBE"]).expect(&["*3", "$11", "unsubscribe", "$1", "a", ":0"]);
    listener.ping();
    listener.request(&["SUBSCRIBE", "a"]).expect(&["*3", "$9", "subscribe", "$1", "a", ":1"]);
    listener.request(&["RESET"]).expect(&["+RESET"]).ping();
    listener.request(&["SUBSCRIBE", "a"]).expect(&["*3", "$9", "subscribe", "$1", "a", ":1"]);
    listener.request(&["QUIT"]).expect(&["+OK"]);
    listener.expect_closed();
}

#[test]
fn replies_and_messages_of_a_pipeline_stand_in_their_order() {
    let server = Server::start(&[]);
    let mut wire = subscriber(&server, "3", &["SUBSCRIBE", "a"]);
    wire.send("PING 1\r\nPUBLISH a x\r\nPING 2\r\nUNSUBSCRIBE a\r\nPUBLISH a y\r\nPING 3\r\n");
    wire.expect(&["$1", "1", ":1", ">3", "$7", "message", "$1", "a", "$1", "x", "$1", "2"]);
    wire.expect(&[">3", "$11", "unsubscribe", "$1", "a", ":0", ":0", "$1", "3"]);
    // Served in one slice too: arrays, which are parsed ahead.
    let requests: [&[&str]; 5] = [
        &["SUBSCRIBE", "a"],
        &["PUBLISH", "a", "1"],
        &["PUBLISH", "a", "2"],
        &["UNSUBSCRIBE"],
        &["PING"],
    ];
    wire.send(requests.iter().flat_map(|words| encode(words)).collect::<Vec<u8>>());
    wire.expect(&[">3", "$9", "subscribe", "$1", "a", ":1"]);
    wire.expect(&[":1", ">3", "$7", "message", "$1", "a", "$1", "1"]);
    wire.expect(&[":1", ">3", "$7", "message", "$1", "a", "$1", "2"]);
    wire.expect(&[">3", "$11", "unsubscribe", "$1", "a", ":0", "+PONG"]);
}

#[test]
fn a_listener_that_waits_for_a_list_still_hears() {
    let server = Server::start(&[]);
    let mut wire = server.wire();
    let mut listener = subscriber(&server, "3", &["SUBSCRIBE", "a"]);
    listener.request(&["BLPOP", "l", "0"]);
    wait_until("it waits", || wire.info("blocked_clients") == 1);
    wire.request(&["PUBLISH", "a", "x"]).expect(&[":1"]);
    listener.expect(&[">3", "$7", "message", "$1", "a", "$1", "x"]);
    wire.request(&["RPUSH", "l", "e"]).expect(&[":1"]);
    listener.expect(&["*2", "$1", "l", "$1", "e"]);
}

#[test]
fn the_messages_of_each_publisher_keep_their_order() {
    const EACH: usize = 2_000;
    let server = Server::start(&[]);
    let mut listeners = [
        subscriber(&server, "2", &["SUBSCRIBE", "a"]),
        subscriber(&server, "3", &["PSUBSCRIBE", "?"]),
    ];
    std::thread::scope(|scope| {
        for name in ["p", "q"] {
            let mut wire = server.wire();
            scope.spawn(move || {
                let publish = |n| encode(&["PUBLISH", "a", &format!("{name}{n}")]);
                wire.send((0..EACH).flat_map(publish).collect::<Vec<u8>>());
                (0..EACH).for_each(|_| assert_eq!(wire.line(), ":2"));
            });
        }
    });
    let mut heard: Vec<Vec<String>> = Vec::new();
    for listener in &mut listeners {
        let mut messages = Vec::new();
        for _ in 0..2 * EACH {
            let message = String::from_utf8(listener.reply()).expect("a text");
            messages.push(message.lines().last().expect("a message").to_owned());
        }
        for name in ["p", "q"] {
            let of = messages.iter().filter(|message| message.starts_with(name));
            assert!(of.cloned().eq((0..EACH).map(|n| format!("{name}{n}"))));
        }
        heard.push(messages);
    }
    assert!(heard[0] == heard[1], "all hear one order");
}

#[test]
fn who_does_not_read_is_cut_off_by_a_limit_with_a_name_and_the_others_hear_on() {
    let server = Server::start(&["--client-output-buffer-limit", "pubsub 4mb 2mb 60"]);
    let mut wire = server.wire();
    let slow = subscriber(&server, "2", &["SUBSCRIBE", "a"]);
    let mut quick = subscriber(&server, "3", &["SUBSCRIBE", "a"]);
    // Large: the kernel alone takes some tens of megabytes for who does not read.
    let message = "x".repeat(512 << 10);
    let mut published = 0;
    wait_until("the slow one is cut off", || {
        published += 1;
        wire.request(&["PUBLISH", "a", &message]).line();
        assert_eq!(quick.reply().len(), message.len() + ">3$7message$1a$524288".len() + 14);
        wire.info("clients_closed_client_output_buffer_limit_pubsub") == 1
    });
    assert!(published > 8, "cut off after {published} messages");
    drop(slow);
    wire.request(&["PUBLISH", "a", "last"]).expect(&[":1"]);
    quick.expect(&[">3", "$7", "message", "$1", "a", "$4", "last"]);
    wait_until("its memory is free", || wire.info("mem_clients_normal") < 1 << 20);
}

#[test]
fn what_waits_for_subscribers_counts_as_their_memory() {
    let server = Server::start(&["--maxmemory-clients", "1mb"]);
    let mut wire = server.wire();
    let slow = subscriber(&server, "2", &["SUBSCRIBE", "a"]);
    let message = "x".repeat(64 << 10);
    wait_until("the largest client is cut off", || {
        wire.request(&["PUBLISH", "a", &message]).line();
        wire.info("clients_closed_maxmemory_clients") == 1
    });
    drop(slow);
    wire.ping();
}

#[test]
fn a_password_is_asked_for() {
    let server = Server::start(&["--requirepass", "secret"]);
    let mut stranger = server.wire();
    stranger.request(&["SUBSCRIBE", "a"]).expect(&["-NOAUTH Authentication required."]);
    stranger.request(&["PUBLISH", "a", "x"]).expect(&["-NOAUTH Authentication required."]);
}
