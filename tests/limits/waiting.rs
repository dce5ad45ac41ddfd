//! A thousand clients that wait for lists and a thousand that listen: no thread for any of them, and
//! nobody else notices.

use std::fs;
use std::thread;

use crate::support::wire::{Wire, encode};
use crate::support::{Server, wait_until};

const EACH: usize = 1_000;
const HITS: usize = 5_000;

fn threads(server: &Server) -> usize {
    fs::read_dir(format!("/proc/{}/task", server.pid())).expect("its threads").count()
}

fn count(count: usize) -> u64 {
    u64::try_from(count).expect("small")
}

#[test]
fn a_thousand_that_wait_and_a_thousand_that_listen_disturb_nobody() {
    let server = Server::start(&["--maxclients", "3000"]);
    let mut wire = server.wire();
    let (threads_before, rss_before) = (threads(&server), server.rss_bytes());
    let mut waiters: Vec<Wire> = (0..EACH).map(|_| server.wire()).collect();
    // One after another, so that their order is known.
    for (at, waiter) in waiters.iter_mut().enumerate() {
        waiter.request(&["BLPOP", "queue", "0"]);
        if at % 100 == 99 {
            wait_until("they wait", || wire.info("blocked_clients") == count(at + 1));
        }
    }
    let mut listeners: Vec<Wire> = (0..EACH).map(|_| server.wire()).collect();
    for listener in &mut listeners {
        listener.request(&["SUBSCRIBE", "news"]);
        listener.expect(&["*3", "$9", "subscribe", "$4", "news", ":1"]);
    }
    assert_eq!(wire.info("blocked_clients"), count(EACH));
    assert_eq!(wire.info("pubsub_clients"), count(EACH));
    assert_eq!(threads(&server), threads_before);
    let each = server.rss_bytes().saturating_sub(rss_before) / count(2 * EACH);
    assert!(each < 16 << 10, "{each} bytes for each of them");
    let hitter = thread::spawn({
        let mut wire = server.wire();
        move || {
            let hit = encode(&["RL.INC", "hits", "1d"]);
            for n in 1..=HITS {
                wire.send(&hit).expect(&[&format!(":{n}")]);
            }
        }
    });
    for _ in 0..3 {
        wire.request(&["PUBLISH", "news", "x"]).expect(&[&format!(":{EACH}")]);
    }
    for listener in &mut listeners {
        for _ in 0..3 {
            listener.expect(&["*3", "$7", "message", "$4", "news", "$1", "x"]);
        }
    }
    // Each hundred came behind the hundred before it.
    for (at, hundred) in waiters.chunks_mut(100).enumerate() {
        let element = at.to_string();
        let push: Vec<&str> =
            ["RPUSH", "queue"].into_iter().chain((0..100).map(|_| &*element)).collect();
        wire.request(&push).expect(&[":100"]);
        for waiter in hundred {
            waiter.expect(&["*2", "$5", "queue", "$1", &element]);
        }
    }
    hitter.join().expect("all hits were counted");
    wire.request(&["EXISTS", "queue"]).expect(&[":0"]);
    assert_eq!(wire.info("connection_panics"), 0);
    drop((waiters, listeners));
    wait_until("all are gone", || wire.info("connected_clients") == 1);
    assert_eq!((wire.info("blocked_clients"), wire.info("pubsub_clients")), (0, 0));
}
