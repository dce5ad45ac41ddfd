//! Conversations of several clients that wait or listen, the same on both servers.
//!
//! Method: fixed lines, each `client request > client count, ...`: who asks what, and who then hears how
//! many replies or messages. `#n` waits until n clients are blocked. Every reply is compared.

use crate::link::Link;
use crate::peer::Peer;
use crate::reply::Reply;
use crate::support::wait_until;
use crate::support::wire::encode;

/// Waiting: order, ends, transactions, scripts, types.
const WAITING: &[&str] = &[
    "a BLPOP x l 0 >",
    "#1",
    "b BRPOP l 0 >",
    "#2",
    "c BLPOP l y 0 >",
    "#3",
    "d RPUSH l 1 2 3 4 > d 1, a 1, b 1, c 1",
    "d LRANGE l 0 -1 > d 1",
    "d DEL l > d 1",
    "a BLPOP l 0.01 > a 1",
    "a BLPOP l abc > a 1",
    "a BLPOP l -1 > a 1",
    "a BLPOP l inf > a 1",
    "a BLPOP 0 > a 1",
    "d SET s v > d 1",
    "a BLPOP none s 0 > a 1",
    "a BLPOP p q 0 >",
    "#1",
    "d MULTI > d 1",
    "d LPUSH q 1 > d 1",
    "d LPUSH p 2 > d 1",
    "d DEL q > d 1",
    "d LPUSH p 3 > d 1",
    "d BLPOP none 0 > d 1",
    "d LPUSH q 4 > d 1",
    "d EXEC > d 1, a 1",
    "d LRANGE p 0 -1 > d 1",
    "d LRANGE q 0 -1 > d 1",
    "d DEL p q > d 1",
    "a BRPOP l 0 >",
    "#1",
    "a PING >",
    "d RPUSH t 1 2 > d 1",
    "d SET l x > d 1",
    "d RENAME t l > d 1, a 2",
    "d COPY l u > d 1",
    "a BLPOP u 0 > a 1",
    "a BLPOP w 0 >",
    "#1",
    "d EVAL return(redis.call('rpush','w','1','2')) 0 > d 1, a 1",
    "d EVAL return(redis.call('blpop','none',0)) 0 > d 1",
    "a CLIENT REPLY SKIP >",
    "a BLPOP v 0 >",
    "#1",
    "d RPUSH v 1 > d 1",
    "a PING > a 1",
    "d CLIENT UNBLOCK 0 > d 1",
    "d CLIENT UNBLOCK x > d 1",
    "d CLIENT UNBLOCK 1 never > d 1",
];

/// Listening; the order in which UNSUBSCRIBE without names ends several is left to chance in Redis.
const LISTENING: &[&str] = &[
    "a SUBSCRIBE x y x > a 3",
    "a PSUBSCRIBE x* > a 1",
    "b SUBSCRIBE x > b 1",
    "d PUBLISH x hello > d 1, a 2, b 1",
    "d PUBLISH z hello > d 1",
    "d PUBSUB CHANNELS x* > d 1",
    "d PUBSUB NUMSUB x y none > d 1",
    "d PUBSUB NUMSUB > d 1",
    "d PUBSUB NUMPAT > d 1",
    "d PUBSUB NOSUCH > d 1",
    "d PUBSUB > d 1",
    "a PING > a 1",
    "a PING word > a 1",
    "a GET k > a 1",
    "a EXEC > a 1",
    "a SUBSCRIBE > a 1",
    "a UNSUBSCRIBE none x > a 2",
    "a UNSUBSCRIBE > a 1",
    "a UNSUBSCRIBE > a 1",
    "a PUNSUBSCRIBE > a 1",
    "a PING > a 1",
    "d MULTI > d 1",
    "d PUBLISH x 1 > d 1",
    "d SUBSCRIBE m > d 1",
    "d UNSUBSCRIBE m > d 1",
    "d EXEC > d 1, b 1",
    "d EVAL return(redis.call('publish','x','2')) 0 > d 1, b 1",
    "d EVAL return(redis.call('subscribe','x')) 0 > d 1",
    "a CLIENT REPLY OFF >",
    "a SUBSCRIBE x > a 1",
    "d PUBLISH x 3 > d 1, a 1, b 1",
    "a RESET >",
    "a PING > a 1",
    "b RESET > b 1",
    "d PUBLISH x 4 > d 1",
];

/// What all four clients hear.
fn talk(peer: &Peer, protocol: &str, lines: &[&str]) -> Vec<(String, Reply)> {
    let mut links: Vec<Link> = (0..4).map(|_| Link::open(peer.port())).collect();
    let mut observer = Link::open(peer.port());
    for link in &mut links {
        link.ask(&encode(&["HELLO", protocol]));
    }
    observer.ask(&encode(&["FLUSHALL"]));
    let at = |name: &str| "abcd".find(name.trim()).expect("a client");
    let mut heard = Vec::new();
    for line in lines {
        if let Some(count) = line.strip_prefix('#') {
            let wanted = format!("blocked_clients:{count}\r");
            wait_until(line, || {
                let info = observer.ask(&encode(&["INFO", "clients"]));
                matches!(info, Reply::Bulk(text)
                    if String::from_utf8_lossy(&text).contains(&wanted))
            });
            continue;
        }
        let (request, hearers) = line.split_once('>').expect("who hears");
        let words: Vec<&str> = request.split_whitespace().collect();
        links[at(words[0])].send(&encode(&words[1..]));
        for hearer in hearers.split(',').filter(|hearer| !hearer.trim().is_empty()) {
            let (name, count) = hearer.trim().split_once(' ').expect("how many");
            for _ in 0..count.parse::<usize>().expect("a number") {
                heard.push((format!("{line}: {name}"), links[at(name)].receive()));
            }
        }
    }
    heard
}

#[test]
fn who_waits_or_listens_hears_what_redis_would_tell() {
    let Some(redis) = Peer::redis(&[]) else { return };
    let ratel = Peer::ratel();
    for protocol in ["2", "3"] {
        for lines in [WAITING, LISTENING] {
            let (expected, found) = (talk(&redis, protocol, lines), talk(&ratel, protocol, lines));
            for (expected, found) in expected.iter().zip(&found) {
                assert!(!matches!(expected.1, Reply::Lost(_)), "{expected:?}");
                assert_eq!(found, expected, "RESP{protocol}");
            }
            assert_eq!(expected.len(), found.len());
        }
    }
}
