//! Runs a sequence on both servers, step by step, and compares what they answer.

use std::thread;
use std::time::{Duration, Instant};

use crate::allowed::allowed;
use crate::link::Link;
use crate::look::{Look, in_pairs};
use crate::peer::Peer;
use crate::reply::Reply;
use crate::request::{Request, Step, Word};
use crate::tally::Tally;

/// Most calls of SCAN until its walk must have ended.
const SCANS_MAX: usize = 10_000;

/// Longest time in which a server removes what has ended by itself.
const NOTICED_WITHIN: Duration = Duration::from_secs(1);

/// What changes a reply of the second server before it is compared: a check must notice.
pub(crate) type Tamper = fn(&Request, &mut Reply);

/// Two servers under the same requests.
pub(crate) struct Driver {
    peers: [Peer; 2],
    control: [Link; 2],
    tamper: Tamper,
    /// What ran, whether it was compared equal or not.
    pub(crate) tally: Tally,
    /// Which rows of the allowed differences were needed.
    pub(crate) allowances: Vec<&'static str>,
}

/// The first step of a sequence that the two servers answered differently.
pub(crate) struct Difference {
    pub(crate) at: usize,
    /// All replies up to there: Redis's and the other's.
    pub(crate) replies: Vec<[Reply; 2]>,
}

/// One client of a sequence, connected to both servers.
struct Client {
    links: [Link; 2],
    /// What waits for EXEC.
    queued: Vec<Request>,
}

/// A sequence under way.
struct Run {
    clients: [Client; 2],
    /// The longest time that any step took.
    slowest: Duration,
}

impl Run {
    /// How far the clocks' figures of the two servers may be apart: both took every step between
    /// the sending and the replies, once when the deadline was set and once when it is read.
    fn tolerance_ms(&self) -> i64 {
        let slowest_ms = i64::try_from(self.slowest.as_millis()).unwrap_or(i64::MAX / 4);
        2 * slowest_ms + 2
    }
}

impl Driver {
    pub(crate) fn new(left: Peer, right: Peer) -> Driver {
        let control = [Link::open(left.port()), Link::open(right.port())];
        let (tally, allowances) = (Tally::default(), Vec::new());
        Driver { peers: [left, right], control, tamper: |_, _| {}, tally, allowances }
    }

    /// From now on `tamper` changes what the second server answers.
    pub(crate) fn tampered(mut self, tamper: Tamper) -> Driver {
        self.tamper = tamper;
        self
    }

    /// Runs the steps from an empty keyspace, up to the first difference.
    pub(crate) fn run(&mut self, steps: &[Step]) -> Option<Difference> {
        self.command(&Request::new("FLUSHALL"));
        self.command(&Request::new("SCRIPT").with("FLUSH"));
        let client = || Client {
            links: self.peers.each_ref().map(|peer| Link::open(peer.port())),
            queued: Vec::new(),
        };
        let clients = [client(), client()];
        let mut run = Run { clients, slowest: Duration::ZERO };
        let mut replies: Vec<[Reply; 2]> = Vec::new();
        while replies.len() < steps.len() {
            let rest = &steps[replies.len()..];
            let write = &rest[..one_write(rest)];
            for (step, reply) in write.iter().zip(self.take(write, &mut run)) {
                let [left, right] = &reply;
                assert!(!matches!(left, Reply::Lost(_)), "redis-server itself: {left}\n{step}");
                let tolerance_ms = run.tolerance_ms();
                let client = &mut run.clients[step.connection];
                let same = self.judge(&step.request, client, left, right, tolerance_ms);
                let settle_ms = settle_ms(&step.request, client, left);
                replies.push(reply);
                if !same {
                    return Some(Difference { at: replies.len() - 1, replies });
                }
                if settle_ms > 0 {
                    // Not for a condition to come true: nothing may look at a key while it ends.
                    thread::sleep(Duration::from_millis(settle_ms));
                }
            }
        }
        None
    }

    /// A request to both servers that is no part of the comparison.
    fn command(&mut self, request: &Request) {
        for (link, peer) in self.control.iter_mut().zip(&self.peers) {
            if matches!(link.ask(&request.encode()), Reply::Lost(_)) {
                *link = Link::open(peer.port());
                link.ask(&request.encode());
            }
        }
    }

    /// Waits until both servers have noticed which keys have ended: those count until then.
    fn await_ends(&mut self) {
        let walk = Request::new("SCAN").with_all(["0", "COUNT", "10000"]).encode();
        let count = Request::new("DBSIZE").encode();
        let end = Instant::now() + NOTICED_WITHIN;
        let mut counts = || {
            self.control.each_mut().map(|link| {
                link.ask(&walk);
                link.ask(&count)
            })
        };
        // Where they never agree, the step that follows shows it.
        while counts().windows(2).any(|pair| pair[0] != pair[1]) && Instant::now() < end {
            thread::yield_now();
        }
    }

    /// Sends steps of one client to both in one write and waits for all replies.
    fn take(&mut self, steps: &[Step], run: &mut Run) -> Vec<[Reply; 2]> {
        let client = &mut run.clients[steps[0].connection];
        let mut told = steps.iter().map(|step| &step.request).chain(&client.queued);
        if told.any(Request::sees_ended) {
            self.await_ends();
        }
        let bytes: Vec<u8> = steps.iter().flat_map(|step| step.request.encode()).collect();
        let begun = Instant::now();
        client.links.iter_mut().for_each(|link| link.send(&bytes));
        let receive = |_: &Step| client.links.each_mut().map(Link::receive);
        let mut all: Vec<[Reply; 2]> = steps.iter().map(receive).collect();
        run.slowest = run.slowest.max(begun.elapsed());
        for (step, replies) in steps.iter().zip(&mut all) {
            if step.request.walks() && replies.iter().all(|r| matches!(r, Reply::Array(_))) {
                for (link, reply) in client.links.iter_mut().zip(replies.iter_mut()) {
                    *reply = walk(link, &step.request, reply);
                }
            }
            (self.tamper)(&step.request, &mut replies[1]);
        }
        all
    }

    /// Whether the two replies are the same, or may differ; each queued command's for itself.
    fn judge(
        &mut self,
        request: &Request,
        client: &Client,
        left: &Reply,
        right: &Reply,
        tolerance_ms: i64,
    ) -> bool {
        let exec = request.verb() == "EXEC" && request.words.len() == 1;
        let (Reply::Array(lefts), Reply::Array(rights)) = (left, right) else {
            return self.same(request, left, right, tolerance_ms);
        };
        if !exec || lefts.len() != rights.len() || lefts.len() != client.queued.len() {
            return self.same(request, left, right, tolerance_ms);
        }
        self.tally.count(request, left);
        let mut pairs = client.queued.iter().zip(lefts.iter().zip(rights));
        pairs.all(|(request, (left, right))| {
            let mut request = request.clone();
            if request.sees_ended() {
                // SET with a deadline in the past leaves a key in Redis until someone looks, and in
                // between nobody can.
                request.look = Look::Kind;
            }
            self.same(&request, left, right, tolerance_ms)
        })
    }

    fn same(&mut self, request: &Request, left: &Reply, right: &Reply, tolerance_ms: i64) -> bool {
        if !left.is_queued() {
            self.tally.count(request, left);
        }
        let walked = matches!((left, right), (Reply::Set(_), Reply::Set(_)));
        let look = if walked { &Look::Exact } else { &request.look };
        if look.same(left, right, tolerance_ms) {
            return true;
        }
        let row = allowed(request, left, right);
        self.allowances.extend(row.map(|row| row.reason));
        row.is_some()
    }
}

/// How many of these steps go out in one write: up to one behind which somebody waits or looks.
fn one_write(steps: &[Step]) -> usize {
    let ends = |pair: &[Step]| {
        let (step, next) = (&pair[0], &pair[1]);
        let waits = step.request.settle_ms > 0 || step.request.verb() == "EXEC";
        let looks = [step, next].iter().any(|s| s.request.walks() || s.request.sees_ended());
        !step.joined || step.connection != next.connection || waits || looks
    };
    steps.windows(2).position(ends).map_or(steps.len(), |at| at + 1)
}

/// How long both servers are to be left alone behind this reply; keeps the client's queue.
fn settle_ms(request: &Request, client: &mut Client, reply: &Reply) -> u64 {
    if reply.is_queued() {
        client.queued.push(request.clone());
        return 0;
    }
    let aborted = reply.as_error().is_some_and(|text| text.starts_with(b"EXECABORT"));
    let ended = matches!(request.verb().as_str(), "EXEC" | "DISCARD") && request.words.len() == 1;
    if !ended && !aborted {
        return request.settle_ms;
    }
    let queued = std::mem::take(&mut client.queued);
    let longest_ms = queued.iter().map(|queued| queued.settle_ms).max().unwrap_or(0);
    if matches!(reply, Reply::Array(_)) { longest_ms } else { 0 }
}

/// Walks SCAN or HSCAN on to its end: the keys, or the fields with their values, as a set.
fn walk(link: &mut Link, request: &Request, first: &Reply) -> Reply {
    let mut seen = Vec::new();
    let mut page = first.clone();
    for _ in 0..SCANS_MAX {
        let Reply::Array(parts) = page else { return page };
        let [Reply::Bulk(cursor), Reply::Array(keys)] = parts.as_slice() else {
            return Reply::Array(parts);
        };
        match request.cursor_at() {
            1 => seen.extend(keys.iter().cloned()),
            _ => seen.extend(in_pairs(keys)),
        }
        if cursor == b"0" {
            seen.sort();
            seen.dedup();
            return Reply::Set(seen);
        }
        let mut next = request.clone();
        next.words[request.cursor_at()] = Word::Bytes(cursor.clone());
        page = link.ask(&next.encode());
    }
    Reply::Lost("the walk never ended".to_owned())
}
