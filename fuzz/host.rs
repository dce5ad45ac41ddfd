//! A server without sockets, for the fuzz targets: one engine, one connection after the other, a
//! clock that moves when told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::task::{Poll, Waker};

use parking_lot::Mutex;
use ratel::command::{
    Bench, Channels, ClientRecord, ClusterReport, Context, Effect, Host, Identity, PauseMode,
    Report, Scripts, Session, Slice, SlowEntry, Stats,
};
use ratel::config::{Config, MemoryPolicy, schema};
use ratel::engine::{Engine, Options};
use ratel::resp::Parser;
use ratel::script::LogLevel;

/// So little memory that the limit is met within a run.
const MEMORY_BYTES: u64 = 64 << 20;
/// Some time in 2026, ms since the epoch.
const START_MS: u64 = 1_790_000_000_000;
/// 100 years: the clock stays far from where nanoseconds in 64 bits end.
const SPAN_MS: u64 = 100 * 365 * 86_400_000;

/// The process around the engine.
struct Process {
    config: Mutex<Config>,
    stats: Arc<Stats>,
    clients: Mutex<Vec<Arc<ClientRecord>>>,
    pause: Mutex<Option<(PauseMode, u64)>>,
}

impl Host for Process {
    fn config(&self) -> Arc<Config> {
        Arc::new(self.config.lock().clone())
    }

    fn configure(&self, changes: &[(String, String)]) -> Result<(), String> {
        let mut config = self.config.lock();
        *config = schema::change(&config, changes)?;
        Ok(())
    }

    fn report(&self) -> Report {
        Report::default()
    }

    fn stats(&self) -> Vec<Arc<Stats>> {
        vec![self.stats.clone()]
    }

    fn reset_stats(&self) {}

    fn clients(&self) -> Vec<Arc<ClientRecord>> {
        self.clients.lock().clone()
    }

    fn kill(&self, id: u64) -> bool {
        self.clients.lock().iter().any(|client| client.id == id)
    }

    fn pause(&self, mode: PauseMode, until_ms: u64) {
        *self.pause.lock() = Some((mode, until_ms));
    }

    fn unpause(&self) {
        *self.pause.lock() = None;
    }

    fn paused(&self, now_ms: u64) -> Option<(PauseMode, u64)> {
        self.pause.lock().filter(|(_, until_ms)| *until_ms > now_ms)
    }

    fn note_slow(&self, _entry: SlowEntry) {}

    fn slowlog(&self, _count: usize) -> Vec<SlowEntry> {
        Vec::new()
    }

    fn slowlog_len(&self) -> usize {
        0
    }

    fn slowlog_reset(&self) {}

    fn log(&self, _level: LogLevel, _text: &str) {}

    fn cluster(&self) -> Option<Arc<ClusterReport>> {
        None
    }

    fn abort_shutdown(&self) -> bool {
        false
    }
}

/// Everything that lives across inputs.
pub struct World {
    engine: Engine,
    process: Process,
    slice: Slice,
    channels: Arc<Channels>,
    scripts: Scripts,
    bench: Bench,
    now_ms: u64,
    connections: u64,
}

impl Default for World {
    fn default() -> Self {
        let options = Options {
            seed: 1,
            stamp_tag: 1,
            memory_limit_bytes: MEMORY_BYTES,
            policy: MemoryPolicy::NoEviction,
            track_changes: false,
        };
        World {
            engine: Engine::new(options),
            process: Process {
                config: Mutex::default(),
                stats: Arc::default(),
                clients: Mutex::default(),
                pause: Mutex::default(),
            },
            slice: Slice::default(),
            channels: Arc::default(),
            scripts: Scripts::default(),
            bench: Bench::default(),
            now_ms: START_MS,
            connections: 0,
        }
    }
}

/// A monotonic clock that moves a millisecond at every look, so that a script's time ends soon.
fn hasty() -> u64 {
    static NOW_NS: AtomicU64 = AtomicU64::new(0);
    NOW_NS.fetch_add(1_000_000, std::sync::atomic::Ordering::Relaxed)
}

impl World {
    /// Moves the clock; once in a long while it falls back to where it began.
    pub fn step(&mut self, ms: u32) {
        self.now_ms += u64::from(ms);
        if self.now_ms > START_MS + SPAN_MS {
            self.now_ms = START_MS;
        }
    }

    /// Serves `input` as a new connection's bytes. Gives the number of replies; `None` where the
    /// connection was closed or paused on the way.
    pub fn serve(&mut self, mut input: Vec<u8>) -> Option<usize> {
        let mut session = self.connect();
        let mut parser = Parser::default();
        let mut out = Vec::new();
        let mut used = 0;
        let mut whole = true;
        loop {
            let config = self.process.config();
            let mut context = Context {
                now_ms: self.now_ms,
                now_ns: self.now_ms * 1_000_000,
                ticker: hasty,
                loading: false,
                config: &config,
                engine: &self.engine,
                reader: self.engine.reader(),
                session: &mut session,
                host: &self.process,
                stats: &self.process.stats,
                channels: &self.channels,
                scripts: &self.scripts,
                bench: &mut self.bench,
                trail: None,
                is_held: false,
            };
            let rest = input.get_mut(used..).expect("no more is used than there is");
            let end = self.slice.run(&mut context, &mut parser, rest, &mut out);
            used += end.used_bytes;
            assert!(used <= input.len());
            let paused = self.process.paused(self.now_ms).is_some();
            match end.effect {
                Effect::None => {}
                Effect::Sleep { ms } => self.now_ms += ms.min(1000),
                Effect::Wait => {
                    let blocked = session.blocked.as_ref().expect("what waits");
                    blocked.time_out();
                    let Poll::Ready(reply) = session.poll_blocked(Waker::noop()) else {
                        unreachable!("its time is over")
                    };
                    reply.encode(session.protocol, &mut out);
                }
                Effect::Close | Effect::Shutdown(_) => whole = false,
            }
            whole &= !paused;
            if paused {
                self.process.unpause();
            } else if !end.more || end.effect == Effect::Close {
                break;
            }
        }
        // What CONFIG SET did to the password must not lock the next input out.
        self.process.config.lock().requirepass.clear();
        let replies = count_replies(&out);
        whole.then_some(replies)
    }

    fn connect(&mut self) -> Session {
        self.connections += 1;
        let record = Arc::new(ClientRecord {
            id: self.connections,
            addr: "127.0.0.1:50000".to_owned(),
            laddr: "127.0.0.1:6379".to_owned(),
            fd: 9,
            unix: false,
            created_ms: self.now_ms,
            active_ms: AtomicU64::new(self.now_ms),
            last_command: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            read_bytes: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
            query_bytes: AtomicU64::new(0),
            output_bytes: AtomicU64::new(0),
            queued: AtomicU64::new(0),
            queued_bytes: AtomicU64::new(0),
            channels: AtomicU64::new(0),
            patterns: AtomicU64::new(0),
            subscribed_bytes: AtomicU64::new(0),
            blocked: Default::default(),
            resp3: AtomicBool::new(false),
            no_evict: AtomicBool::new(false),
            no_touch: AtomicBool::new(false),
            identity: Mutex::new(Identity::default()),
        });
        *self.process.clients.lock() = vec![record.clone()];
        Session::new(record, true, true)
    }
}

/// The number of top-level replies in `out`, which must be whole.
fn count_replies(out: &[u8]) -> usize {
    let mut at = 0;
    let mut count = 0;
    while at < out.len() {
        at = reply_end(out, at);
        count += 1;
    }
    count
}

/// Where the reply that begins at `at` ends; panics if `out` holds no whole well-formed reply there.
fn reply_end(out: &[u8], at: usize) -> usize {
    let rest = out.get(at..).expect("a reply");
    let line_end = rest.windows(2).position(|two| two == b"\r\n").expect("a whole line") + at;
    let line = out.get(at + 1..line_end).expect("a line");
    let number =
        || -> i64 { std::str::from_utf8(line).expect("digits").parse().expect("a length") };
    let behind = line_end + 2;
    let items = match rest.first().expect("a type") {
        b'$' | b'=' | b'!' => {
            let end = usize::try_from(number()).map_or(behind, |length| behind + length + 2);
            assert!(end <= out.len(), "a bulk reply is cut");
            return end;
        }
        b'*' | b'~' | b'>' => usize::try_from(number()).unwrap_or(0),
        b'%' => usize::try_from(number()).expect("a map's length") * 2,
        b'+' | b'-' | b':' | b',' | b'#' | b'_' | b'(' => 0,
        other => panic!("unknown type of reply {:?}", char::from(*other)),
    };
    (0..items).fold(behind, |at, _| reply_end(out, at))
}
