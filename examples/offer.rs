//! Offers hits to several nodes at a fixed rate, whatever they answer, and counts what was allowed.
//!
//! Run: `cargo run --release --example offer -- --nodes 127.0.0.1:7001,127.0.0.1:7002 --rate 10000
//! --hits 100000 --keys 1 --scale-ms 1000 --limit 1000`. `scripts/overadmission` and
//! `scripts/bench-cluster` measure with it. A late answer never delays the next hit: the load does
//! not bend to the server. It prints one line for the run, and one for each window that saw the
//! whole rate: its number, and the hits of it that all nodes together allowed.

// A program of its own: nobody hands it the time.
#![allow(clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Shortest sleep between two writes: what the kernel's timers and a busy machine allow.
const PAUSE: Duration = Duration::from_micros(100);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is offered.
struct Offer {
    nodes: Vec<String>,
    /// Connections to each node.
    connections: usize,
    /// Hits per second over all nodes; 0 = as fast as they are taken.
    rate: u64,
    hits: u64,
    keys: u64,
    /// Each key in its turn instead of at random.
    in_turn: bool,
    scale_ms: u64,
    limit: u64,
}

impl Offer {
    fn read(mut args: impl Iterator<Item = String>) -> Result<Offer, Failure> {
        let mut offer = Offer {
            nodes: vec!["127.0.0.1:6379".to_owned()],
            connections: 4,
            rate: 10_000,
            hits: 100_000,
            keys: 1,
            in_turn: false,
            scale_ms: 1_000,
            limit: 1_000,
        };
        while let Some(name) = args.next() {
            if name == "--in-turn" {
                offer.in_turn = true;
                continue;
            }
            let value = args.next().ok_or_else(|| format!("{name} wants a value"))?;
            match name.as_str() {
                "--nodes" => offer.nodes = value.split(',').map(str::to_owned).collect(),
                "--connections" => offer.connections = value.parse()?,
                "--rate" => offer.rate = value.parse()?,
                "--hits" => offer.hits = value.parse()?,
                "--keys" => offer.keys = value.parse()?,
                "--scale-ms" => offer.scale_ms = value.parse()?,
                "--limit" => offer.limit = value.parse()?,
                _ => return Err(format!("unknown: {name}").into()),
            }
        }
        if offer.connections == 0 || offer.keys == 0 || offer.scale_ms == 0 {
            return Err("--connections, --keys and --scale-ms are at least 1".into());
        }
        Ok(offer)
    }

    /// Appends one request; the key has 28 bytes.
    fn request(&self, key: u64, out: &mut Vec<u8>) {
        let (scale, limit) = (self.scale_ms.to_string(), self.limit.to_string());
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            "*4\r\n$6\r\nRL.HIT\r\n$28\r\nrl:user:{key:015}:apix\r\n${}\r\n{scale}\r\n${}\r\n{limit}\r\n",
            scale.len(),
            limit.len(),
        );
    }
}

/// What one connection was told.
#[derive(Default)]
struct Told {
    answers: u64,
    /// Allowed and all answers, by number of the window.
    windows: BTreeMap<u64, (u64, u64)>,
}

impl Told {
    /// Reads until the node has said goodbye. An answer that is no verdict ends the run.
    fn read(socket: TcpStream, scale_ms: u64) -> Result<Told, Failure> {
        let mut told = Told::default();
        let mut line = String::new();
        let mut verdict = Vec::with_capacity(5);
        let mut reader = BufReader::with_capacity(1 << 16, socket);
        while reader.read_line(&mut line)? > 0 {
            match line.as_bytes().first() {
                Some(b':') => verdict.push(line[1..].trim_end().parse::<i64>()?),
                Some(b'*') => verdict.clear(),
                Some(b'+') => return Ok(told),
                _ => return Err(line.into()),
            }
            line.clear();
            if let [allowed, _, _, _, reset_after_ms] = verdict[..] {
                // The nearest boundary, since the answer has been under way for a while.
                let end_ms = now_ms().saturating_add_signed(reset_after_ms) + scale_ms / 2;
                let window = told.windows.entry(end_ms / scale_ms - 1).or_default();
                *window = (window.0 + u64::from(allowed == 1), window.1 + 1);
                told.answers += 1;
                verdict.clear();
            }
        }
        Err("a node closed the connection".into())
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// Sends all hits as they fall due; returns how late the latest was.
fn send(offer: &Offer, sockets: &mut [TcpStream]) -> Result<Duration, Failure> {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let mut out = vec![Vec::new(); sockets.len()];
    let lanes = u64::try_from(sockets.len())?;
    let begin = Instant::now();
    let (mut sent, mut latest) = (0, Duration::ZERO);
    while sent < offer.hits {
        let passed = begin.elapsed();
        let due = match offer.rate {
            0 => sent + 1_000,
            rate => u64::try_from(passed.as_nanos() * u128::from(rate) / 1_000_000_000)?,
        };
        if offer.rate > 0 && sent < due {
            latest = latest.max(passed - Duration::from_nanos(sent * 1_000_000_000 / offer.rate));
        }
        while sent < due.min(offer.hits) {
            let key = if offer.in_turn { sent % offer.keys } else { dice.below(offer.keys) };
            offer.request(key, &mut out[usize::try_from(dice.below(lanes))?]);
            sent += 1;
        }
        for (socket, out) in sockets.iter_mut().zip(&mut out) {
            socket.write_all(out)?;
            out.clear();
        }
        if offer.rate > 0 {
            thread::sleep(PAUSE);
        }
    }
    for socket in sockets {
        socket.write_all(b"*1\r\n$4\r\nQUIT\r\n")?;
    }
    Ok(latest)
}

fn main() -> Result<(), Failure> {
    let offer = Offer::read(std::env::args().skip(1))?;
    let mut sockets = Vec::new();
    for _ in 0..offer.connections {
        for node in &offer.nodes {
            let socket = TcpStream::connect(node)?;
            socket.set_nodelay(true)?;
            sockets.push(socket);
        }
    }
    let readers: Result<Vec<TcpStream>, _> = sockets.iter().map(TcpStream::try_clone).collect();
    let scale_ms = offer.scale_ms;
    let readers: Vec<_> = readers?
        .into_iter()
        .map(|socket| thread::spawn(move || Told::read(socket, scale_ms)))
        .collect();
    let begin = Instant::now();
    let latest = send(&offer, &mut sockets)?;
    let mut windows: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    let mut answers = 0;
    for reader in readers {
        let told = reader.join().map_err(|_| "a reader panicked")??;
        answers += told.answers;
        for (window, (allowed, all)) in told.windows {
            let sum = windows.entry(window).or_default();
            *sum = (sum.0 + allowed, sum.1 + all);
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!("answers {answers} seconds {seconds:.3} latest_send_ms {}", latest.as_millis());
    // The first and the last one saw a part of the rate.
    for (window, (allowed, all)) in windows.iter().skip(1).take(windows.len().saturating_sub(2)) {
        println!("window {window} allowed {allowed} of {all}");
    }
    Ok(())
}
