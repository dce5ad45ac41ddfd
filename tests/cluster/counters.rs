//! Counters of the keyspace on three nodes: with their deadlines, their creators and their ends.
//!
//! How long each takes is printed, not asserted: that is for `scripts/faults keyspace`.

use std::time::Instant;

use super::support::wire::{Wire, encode};
use super::support::{Server, wait_until};
use super::{Cluster, clients};

/// A window that no test sees the end of, ms.
const WINDOW_MS: &str = "600000";
/// The fixed window of most limiters: the deadline comes with the first hit.
const SCRIPT: &str = "local count = redis.call('INCR', KEYS[1]) \
    if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end return count";
/// How clients make a counter with a deadline.
const WAYS: [Way; 5] = [Way::Commands, Way::Transaction, Way::Script, Way::Set, Way::Renamed];

#[derive(Clone, Copy, Debug)]
enum Way {
    Commands,
    Transaction,
    Script,
    Set,
    Renamed,
}

impl Way {
    /// The commands that make `key` 1 with a deadline where it is not yet.
    fn commands<'a>(self, key: &'a str, sha: &'a str) -> Vec<Vec<&'a str>> {
        let incr = vec!["INCR", key];
        let expire = vec!["PEXPIRE", key, WINDOW_MS];
        match self {
            Way::Commands => vec![incr, expire],
            Way::Transaction => vec![vec!["MULTI"], incr, expire, vec!["EXEC"]],
            Way::Script => vec![vec!["EVALSHA", sha, "1", key, WINDOW_MS]],
            Way::Set => vec![vec!["SET", key, "1", "PX", WINDOW_MS]],
            Way::Renamed => {
                vec![vec!["SET", "before", "1", "PX", WINDOW_MS], vec!["RENAME", "before", key]]
            }
        }
    }
}

/// Sends commands in one write and does not wait for the replies.
fn send(client: &mut Wire, commands: &[Vec<&str>]) {
    client.send(commands.iter().flat_map(|words| encode(words)).collect::<Vec<u8>>());
}

/// Takes the replies of so many commands, none of which is an error.
fn take(client: &mut Wire, commands: usize) -> Vec<String> {
    let replies = (0..commands).map(|_| String::from_utf8(client.reply()).expect("text"));
    let replies: Vec<String> = replies.collect();
    assert!(!replies.iter().any(|reply| reply.starts_with('-')), "{replies:?}");
    replies
}

fn ask(client: &mut Wire, words: &[&str]) -> String {
    client.request(words);
    take(client, 1).remove(0)
}

/// What a node says of a key: its value as it is on the wire, and its end in ms since the epoch.
fn look(client: &mut Wire, key: &str) -> [String; 2] {
    [ask(client, &["GET", key]), ask(client, &["PEXPIRETIME", key])]
}

/// Waits until every node says so of a key, and all name one end; returns that.
fn all_say(each: &mut [Wire], key: &str, count: Option<i64>, what: &str) -> String {
    let expected = count.map_or("$-1\r\n".to_owned(), |count| {
        let digits = count.to_string();
        format!("${}\r\n{digits}\r\n", digits.len())
    });
    let begun = Instant::now();
    let mut end = String::new();
    wait_until(&format!("{key} is {count:?} on all, by {what}"), || {
        let mut seen = each.iter_mut().map(|client| look(client, key));
        let first = seen.next().expect("a node");
        let agreed = first[0] == expected && seen.all(|other| other == first);
        [_, end] = first;
        agreed
    });
    println!("{key} is {count:?} on all {} ms after {what}", begun.elapsed().as_millis());
    end
}

/// Three nodes, a client of each, and the script's name there.
fn start() -> (Cluster, Vec<Server>, Vec<Wire>, String) {
    let cluster = Cluster::new(3);
    let nodes = cluster.start(3);
    let mut each = clients(&nodes);
    let names: Vec<String> =
        each.iter_mut().map(|client| client.ask(&["SCRIPT", "LOAD", SCRIPT])).collect();
    let sha = names[0].clone();
    (cluster, nodes, each, sha)
}

#[test]
fn a_counter_and_its_deadline_are_on_all_nodes_whatever_made_them() {
    let (_cluster, _nodes, mut each, sha) = start();
    for (number, way) in WAYS.into_iter().enumerate() {
        let key = format!("made:{way:?}");
        let commands = way.commands(&key, &sha);
        let maker = &mut each[number % 3];
        send(maker, &commands);
        take(maker, commands.len());
        let [_, end] = look(maker, &key);
        assert!(!end.starts_with(":-"), "{way:?} gave it no deadline: {end}");
        assert_eq!(all_say(&mut each, &key, Some(1), &format!("{way:?}")), end);
        // Who adds to it elsewhere, by whatever way, leaves the deadline alone.
        for client in &mut each {
            ask(client, &["EVALSHA", &sha, "1", &key, "5"]);
            ask(client, &["INCRBY", &key, "3"]);
        }
        assert_eq!(all_say(&mut each, &key, Some(13), "hits on each"), end);
    }
    all_say(&mut each, "before", None, "RENAME");
}

#[test]
fn creators_at_the_same_time_add_up_under_one_deadline() {
    let (_cluster, _nodes, mut each, sha) = start();
    for way in [Way::Commands, Way::Transaction, Way::Script] {
        let key = format!("created:{way:?}");
        let commands = way.commands(&key, &sha);
        // All are asked before any is answered.
        each.iter_mut().for_each(|client| send(client, &commands));
        each.iter_mut().for_each(|client| drop(take(client, commands.len())));
        let end = all_say(&mut each, &key, Some(3), &format!("three creators by {way:?}"));
        assert!(!end.starts_with(":-"), "{way:?}: {end}");
    }
    // SET NX of an integer, too: as many as were told that they created it.
    let set = vec![vec!["SET", "created", "5", "NX", "PX", WINDOW_MS]];
    each.iter_mut().for_each(|client| send(client, &set));
    let told: Vec<String> = each.iter_mut().flat_map(|client| take(client, 1)).collect();
    let creators = told.iter().filter(|reply| *reply == "+OK\r\n").count();
    let count = 5 * i64::try_from(creators).expect("three at most");
    assert!(count > 0, "{told:?}");
    all_say(&mut each, "created", Some(count), &format!("{creators} creators by SET NX"));
}

#[test]
fn a_removal_on_one_node_wins_on_all_and_the_next_hit_is_the_first() {
    let (_cluster, _nodes, mut each, sha) = start();
    let removals: [&[&str]; 6] = [
        &["DEL", "gone"],
        &["UNLINK", "gone"],
        &["GETDEL", "gone"],
        &["PEXPIRE", "gone", "-1"],
        &["EVAL", "return redis.call('DEL', KEYS[1])", "1", "gone"],
        &["FLUSHALL"],
    ];
    for (number, removal) in removals.into_iter().enumerate() {
        for client in &mut each {
            ask(client, &["EVALSHA", &sha, "1", "gone", WINDOW_MS]);
        }
        all_say(&mut each, "gone", Some(3), "a hit on each");
        ask(&mut each[number % 3], removal);
        all_say(&mut each, "gone", None, &removal.join(" "));
        let next = ask(&mut each[(number + 1) % 3], &["INCR", "gone"]);
        assert_eq!(next, ":1\r\n", "after {removal:?}");
        assert_eq!(all_say(&mut each, "gone", Some(1), "INCR"), ":-1\r\n", "after {removal:?}");
        ask(&mut each[(number + 2) % 3], &["DEL", "gone"]);
        all_say(&mut each, "gone", None, "DEL");
    }
}

#[test]
fn hits_at_the_same_time_as_a_removal_bring_nothing_back() {
    let (_cluster, _nodes, mut each, _sha) = start();
    for round in 0..10 {
        let key = format!("raced:{round}");
        ask(&mut each[round % 3], &["SET", &key, "100", "PX", WINDOW_MS]);
        all_say(&mut each, &key, Some(100), "SET");
        for (number, client) in each.iter_mut().enumerate() {
            let is_remover = number == (round + 1) % 3;
            let words = if is_remover { vec!["DEL", &key] } else { vec!["INCR", &key] };
            send(client, &[words]);
        }
        each.iter_mut().for_each(|client| drop(take(client, 1)));
        // A hit counts from 1 where the removal was known, and is void where it was not.
        let mut seen = Vec::new();
        wait_until("all say the same, and no more than was hit", || {
            seen = each.iter_mut().map(|client| look(client, &key)).collect();
            let is_new = ["$-1\r\n", "$1\r\n1\r\n", "$1\r\n2\r\n"].contains(&&*seen[0][0]);
            is_new && seen.iter().all(|other| *other == seen[0])
        });
        println!("{key} after INCR, DEL and INCR on three nodes: {:?}", seen[0]);
    }
}
