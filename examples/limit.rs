//! A tiny HTTP server whose clients get 10 requests a minute each, with the `redis` crate.
//!
//! Run: `cargo run --example limit`; then: `curl -i localhost:8000`
//! Fails open: a limiter that does not answer within 50 ms lets the request pass, and says so.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

const LIMIT: i64 = 10;
const SCALE_MS: i64 = 60_000;
const PATIENCE: Duration = Duration::from_millis(50);

/// One connection to the limiter, made anew after an error.
struct Limiter {
    client: redis::Client,
    connection: Option<redis::Connection>,
}

impl Limiter {
    /// The verdict `[allowed, count, remaining, retry_after_ms, reset_after_ms]`, or none.
    fn hit(&mut self, key: &str) -> Option<[i64; 5]> {
        match self.ask(key) {
            Ok(verdict) => Some(verdict),
            Err(error) => {
                self.connection = None;
                eprintln!("rate limiter: {error}; letting the request pass");
                None
            }
        }
    }

    fn ask(&mut self, key: &str) -> redis::RedisResult<[i64; 5]> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.client.get_connection_with_timeout(PATIENCE)?),
        };
        connection.set_read_timeout(Some(PATIENCE))?;
        redis::cmd("RL.HIT").arg(key).arg(SCALE_MS).arg(LIMIT).query(connection)
    }
}

fn headers(verdict: [i64; 5]) -> String {
    let [allowed, _, remaining, retry_after_ms, reset_after_ms] = verdict;
    let seconds = |ms: i64| (ms + 999) / 1000;
    let mut text = format!(
        "RateLimit-Limit: {LIMIT}\r\nRateLimit-Remaining: {remaining}\r\nRateLimit-Reset: {}\r\n",
        seconds(reset_after_ms)
    );
    if allowed == 0 {
        text += &format!("Retry-After: {}\r\n", seconds(retry_after_ms));
    }
    text
}

fn answer(stream: &mut TcpStream, limiter: &mut Limiter) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    // The request's headers, up to the empty line.
    for line in BufReader::new(&*stream).lines() {
        if line?.is_empty() {
            break;
        }
    }
    let verdict = limiter.hit(&format!("http:{}", stream.peer_addr()?.ip()));
    let (status, body) = match verdict {
        Some([0, ..]) => ("429 Too Many Requests", "too many requests\n"),
        _ => ("200 OK", "hello\n"),
    };
    let headers = verdict.map(headers).unwrap_or_default();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = redis::Client::open("redis://127.0.0.1:6379/")?;
    let mut limiter = Limiter { client, connection: None };
    for stream in TcpListener::bind("127.0.0.1:8000")?.incoming() {
        if let Err(error) = answer(&mut stream?, &mut limiter) {
            eprintln!("a client went away: {error}");
        }
    }
    Ok(())
}
