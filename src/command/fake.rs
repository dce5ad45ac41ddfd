//! A process around the engine, for tests of handlers: it keeps what it was asked.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use parking_lot::Mutex;

use super::{
    Args, Bench, Channels, ClientRecord, ClusterReport, Context, Host, Identity, PauseMode, Report,
    Scripts, Session, Slice, SliceEnd, SlowEntry, Stats, execute,
};
use crate::config::{Config, schema};
use crate::engine::{Engine, Options};
use crate::resp::{Frame, Parser, Reply, Span};

/// The time in every test, ms since the epoch.
pub(super) const NOW_MS: u64 = 1_700_000_000_123;

/// What the fake process keeps.
#[derive(Default)]
pub(super) struct FakeHost {
    pub(super) config: Mutex<Config>,
    pub(super) report: Mutex<Report>,
    pub(super) stats: Mutex<Vec<Arc<Stats>>>,
    pub(super) clients: Mutex<Vec<Arc<ClientRecord>>>,
    pub(super) killed: Mutex<Vec<u64>>,
    pub(super) pause: Mutex<Option<(PauseMode, u64)>>,
    pub(super) slow: Mutex<Vec<SlowEntry>>,
    pub(super) stopping: Mutex<bool>,
    /// What scripts logged.
    pub(super) logged: Mutex<Vec<String>>,
    pub(super) cluster: Mutex<Option<Arc<ClusterReport>>>,
}

impl Host for FakeHost {
    fn config(&self) -> Arc<Config> {
        Arc::new(self.config.lock().clone())
    }

    fn configure(&self, changes: &[(String, String)]) -> Result<(), String> {
        let mut config = self.config.lock();
        *config = schema::change(&config, changes)?;
        Ok(())
    }

    fn report(&self) -> Report {
        self.report.lock().clone()
    }

    fn stats(&self) -> Vec<Arc<Stats>> {
        self.stats.lock().clone()
    }

    fn reset_stats(&self) {
        self.report.lock().connections_total = 0;
    }

    fn clients(&self) -> Vec<Arc<ClientRecord>> {
        self.clients.lock().clone()
    }

    fn kill(&self, id: u64) -> bool {
        self.killed.lock().push(id);
        true
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

    fn note_slow(&self, entry: SlowEntry) {
        self.slow.lock().insert(0, entry);
    }

    fn slowlog(&self, count: usize) -> Vec<SlowEntry> {
        self.slow.lock().iter().take(count).cloned().collect()
    }

    fn slowlog_len(&self) -> usize {
        self.slow.lock().len()
    }

    fn slowlog_reset(&self) {
        self.slow.lock().clear();
    }

    fn log(&self, _level: crate::script::LogLevel, text: &str) {
        self.logged.lock().push(text.to_owned());
    }

    fn cluster(&self) -> Option<Arc<ClusterReport>> {
        self.cluster.lock().clone()
    }

    fn abort_shutdown(&self) -> bool {
        std::mem::take(&mut *self.stopping.lock())
    }
}

/// One connection to a fake process.
pub(super) struct Fake {
    pub(super) host: FakeHost,
    pub(super) session: Session,
    pub(super) stats: Arc<Stats>,
    /// The monotonic clock that requests are timed by.
    pub(super) ticker: fn() -> u64,
    pub(super) engine: Engine,
    pub(super) channels: Arc<Channels>,
    pub(super) scripts: Scripts,
    bench: Bench,
    /// Milliseconds since the epoch.
    pub(super) now_ms: u64,
    /// It joins its cluster.
    pub(super) loading: bool,
}

impl Fake {
    pub(super) fn new() -> Self {
        let host = FakeHost::default();
        let stats = Arc::new(Stats::default());
        host.stats.lock().push(stats.clone());
        let record = client(7);
        host.clients.lock().push(record.clone());
        let session = Session::new(record, true, true);
        Fake {
            host,
            session,
            stats,
            ticker: || 0,
            engine: engine(),
            channels: Arc::default(),
            scripts: Scripts::default(),
            bench: Bench::default(),
            now_ms: NOW_MS,
            loading: false,
        }
    }

    /// Runs one request, its words split at single spaces.
    pub(super) fn ask(&mut self, request: &str) -> Reply {
        self.ask_words(&request.split(' ').collect::<Vec<_>>())
    }

    pub(super) fn ask_words(&mut self, request: &[&str]) -> Reply {
        let (bytes, spans) = words(request);
        self.with_context(|context| execute(context, &Args::new(&bytes, &spans)).0)
    }

    /// Runs one slice over `input`; what it answered and how it ended.
    pub(super) fn slice(&mut self, parser: &mut Parser, input: &mut [u8]) -> (Vec<u8>, SliceEnd) {
        let mut out = Vec::new();
        let end =
            self.with_context(|context| Slice::default().run(context, parser, input, &mut out));
        (out, end)
    }

    fn with_context<R>(&mut self, act: impl FnOnce(&mut Context<'_>) -> R) -> R {
        let config = self.host.config();
        act(&mut Context {
            now_ms: self.now_ms,
            now_ns: self.now_ms * 1_000_000,
            ticker: self.ticker,
            loading: self.loading,
            config: &config,
            engine: &self.engine,
            reader: self.engine.reader(),
            session: &mut self.session,
            host: &self.host,
            stats: &self.stats,
            channels: &self.channels,
            scripts: &self.scripts,
            bench: &mut self.bench,
            trail: None,
            is_held: false,
        })
    }

    /// The text of the error that a request gets.
    pub(super) fn error(&mut self, request: &str) -> String {
        match self.ask(request) {
            Reply::Error(text) => text.into_owned(),
            other => panic!("{request} got no error but {other:?}"),
        }
    }

    /// The text of the bulk or verbatim string that a request gets.
    pub(super) fn text(&mut self, request: &str) -> String {
        match self.ask(request) {
            Reply::Frame(Frame::VerbatimString { data, .. } | Frame::BlobString { data, .. }) => {
                String::from_utf8(data.to_vec()).unwrap()
            }
            other => panic!("{request} got no text but {other:?}"),
        }
    }
}

fn engine() -> Engine {
    Engine::new(Options {
        seed: 1,
        stamp_tag: 1,
        memory_limit_bytes: u64::MAX,
        policy: Default::default(),
        track_changes: false,
    })
}

/// A client's row.
pub(super) fn client(id: u64) -> Arc<ClientRecord> {
    Arc::new(ClientRecord {
        id,
        addr: format!("127.0.0.1:{}", 50_000 + id),
        laddr: "127.0.0.1:6379".to_owned(),
        fd: 9,
        unix: false,
        created_ms: NOW_MS - 5_000,
        active_ms: AtomicU64::new(NOW_MS - 1_000),
        last_command: AtomicU64::new(0),
        commands: AtomicU64::new(0),
        read_bytes: AtomicU64::new(0),
        written_bytes: AtomicU64::new(0),
        query_bytes: AtomicU64::new(26),
        output_bytes: AtomicU64::new(0),
        queued: AtomicU64::new(0),
        queued_bytes: AtomicU64::new(0),
        channels: Default::default(),
        patterns: Default::default(),
        subscribed_bytes: Default::default(),
        blocked: Default::default(),
        resp3: false.into(),
        no_evict: false.into(),
        no_touch: false.into(),
        identity: Mutex::new(Identity::default()),
    })
}

/// The bytes of a request and where its words are in them.
pub(super) fn words(request: &[&str]) -> (Vec<u8>, Vec<Span>) {
    let (mut bytes, mut spans) = (Vec::new(), Vec::new());
    for word in request {
        let start = u32::try_from(bytes.len()).unwrap();
        bytes.extend_from_slice(word.as_bytes());
        spans.push(Span { start, end: u32::try_from(bytes.len()).unwrap() });
    }
    (bytes, spans)
}
