//! The process as commands see it: [`Host`] over the register, the settings and the counters.
//!
//! Not here: sockets, threads. Invariant: the settings in force are replaced whole, so a reader
//! sees all changes of one CONFIG SET or none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::anyhow;
use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::clock::{Clock, monotonic_ns};
use super::memory::effective_maxmemory_bytes;
use super::pause::Pause;
use super::register::Register;
use super::samples::{Sample, Samples};
use super::shutdown::Shutdown;
use super::slowlog::Slowlog;
use super::traffic::{Flow, Incidents};
use super::{log, vitals};
use crate::command::{
    Channels, ClientRecord, ClusterReport, Host, PauseMode, Report, Scripts, SlowEntry, Stats,
};
use crate::config::{Config, schema};
use crate::engine::{Engine, Options};
use crate::script::LogLevel;

/// What the threads of a server share.
pub struct Process {
    pub(super) engine: Engine,
    pub(super) clock: Clock,
    pub(super) config: ArcSwap<Config>,
    pub(super) register: Arc<Register>,
    pub(super) incidents: Incidents,
    pub(super) shutdown: Shutdown,
    pub(super) pause: Pause,
    /// Bytes that all clients' buffers hold.
    pub(super) client_bytes: AtomicU64,
    pub(super) samples: Mutex<Samples>,
    /// One for each worker, by its number.
    pub(super) desks: Vec<Desk>,
    pub(super) scripts: Scripts,
    pub(super) channels: Arc<Channels>,
    pub(super) port: u16,
    /// SIGHUP has come.
    pub(super) reload: Notify,
    /// What the cluster's node last told of itself; `None` where this node is alone.
    pub(super) cluster: ArcSwapOption<ClusterReport>,
    /// This node joins its cluster and does not have all counts yet.
    loading: AtomicBool,
    slowlog: Slowlog,
    run_id: String,
    started_ns: u64,
    maxmemory_bytes: AtomicU64,
    /// Held while settings change, so that two changes cannot lose each other.
    changing: Mutex<()>,
}

/// What one worker writes and anyone reads.
#[derive(Debug, Default)]
pub(super) struct Desk {
    pub(super) stats: Arc<Stats>,
    pub(super) flow: Flow,
}

impl Process {
    /// Fails where the system gives no randomness: the hash tables' seed must be secret.
    pub(super) fn new(config: Config, workers: usize, port: u16) -> anyhow::Result<Process> {
        let maxmemory_bytes = effective_maxmemory_bytes(config.maxmemory);
        let process = Process {
            engine: engine(&config, maxmemory_bytes)?,
            clock: Clock::default(),
            register: Arc::default(),
            incidents: Incidents::default(),
            shutdown: Shutdown::default(),
            pause: Pause::default(),
            client_bytes: AtomicU64::new(0),
            samples: Mutex::default(),
            desks: (0..workers).map(|_| Desk::default()).collect(),
            scripts: Scripts::default(),
            channels: Arc::default(),
            port,
            reload: Notify::new(),
            cluster: ArcSwapOption::empty(),
            loading: AtomicBool::new(config.cluster_port().is_some()),
            slowlog: Slowlog::default(),
            run_id: random::<20>()?.iter().map(|byte| format!("{byte:02x}")).collect(),
            started_ns: monotonic_ns(),
            maxmemory_bytes: AtomicU64::new(maxmemory_bytes),
            changing: Mutex::new(()),
            config: ArcSwap::from_pointee(config),
        };
        Ok(process)
    }

    /// `maxmemory` in force, bytes.
    pub(super) fn maxmemory_bytes(&self) -> u64 {
        self.maxmemory_bytes.load(Ordering::Relaxed)
    }

    /// True until the node is ready, where it has others to hear of first.
    pub(super) fn loading(&self) -> bool {
        self.loading.load(Ordering::Acquire)
    }

    /// From the next slice on every command is served.
    pub(super) fn set_ready(&self) {
        self.loading.store(false, Ordering::Release);
    }

    /// The counters now, for the rates.
    pub(super) fn sample(&self) -> Sample {
        let sum = |of: fn(&Flow) -> u64| self.desks.iter().map(|desk| of(&desk.flow)).sum();
        Sample {
            at_ns: monotonic_ns(),
            commands: sum(|flow| flow.commands.get()),
            input_bytes: sum(|flow| flow.input_bytes.get()),
            output_bytes: sum(|flow| flow.output_bytes.get()),
        }
    }

    /// Makes a changed `config` true of what does not read it at every use.
    fn apply(&self, config: &Config) {
        let maxmemory_bytes = effective_maxmemory_bytes(config.maxmemory);
        self.maxmemory_bytes.store(maxmemory_bytes, Ordering::Relaxed);
        self.engine.set_memory_limit(maxmemory_bytes);
        self.engine.set_memory_policy(config.maxmemory_policy);
        self.slowlog.trim(config.slowlog_max_len);
    }
}

fn engine(config: &Config, maxmemory_bytes: u64) -> anyhow::Result<Engine> {
    Ok(Engine::new(Options {
        seed: u64::from_le_bytes(random()?),
        stamp_tag: u16::from_le_bytes(random()?),
        memory_limit_bytes: maxmemory_bytes,
        policy: config.maxmemory_policy,
        // A node alone has nobody to tell: nothing would drain the list.
        track_changes: config.cluster_port().is_some(),
    }))
}

pub(super) fn random<const BYTES: usize>() -> anyhow::Result<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow!("no randomness from the system: {error}"))?;
    Ok(bytes)
}

impl Host for Process {
    fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    fn configure(&self, changes: &[(String, String)]) -> Result<(), String> {
        let _changing = self.changing.lock();
        let old = self.config();
        let new = schema::change(&old, changes)?;
        if new.maxclients > old.maxclients {
            let fit = vitals::make_room_for(new.maxclients);
            if fit < new.maxclients {
                return Err(format!(
                    "The operating system is not able to handle the specified number of clients, \
                     try with {fit}"
                ));
            }
        }
        if new.loglevel != old.loglevel {
            log::set_level(new.loglevel);
        }
        self.apply(&new);
        self.config.store(Arc::new(new));
        Ok(())
    }

    fn report(&self) -> Report {
        let vitals = vitals::Vitals::read();
        let records = self.register.records();
        let most = |of: fn(&ClientRecord) -> &AtomicU64| {
            records.iter().map(|r| of(r).load(Ordering::Relaxed)).max().unwrap_or(0)
        };
        let counted = self.sample();
        let rates = self.samples.lock().rates();
        let executable = std::env::current_exe().unwrap_or_default();
        Report {
            pid: std::process::id(),
            run_id: self.run_id.clone(),
            uptime_s: monotonic_ns().saturating_sub(self.started_ns) / 1_000_000_000,
            port: self.port,
            executable: executable.to_string_lossy().into_owned(),
            os: vitals::os(),
            io_threads: self.desks.len(),
            clients: self.register.seats(),
            client_query_bytes_max: most(|r| &r.query_bytes),
            client_output_bytes_max: most(|r| &r.output_bytes),
            client_bytes: self.client_bytes.load(Ordering::Relaxed),
            connections_total: self.incidents.accepted.get(),
            rejected_connections: self.incidents.rejected.get(),
            protected_mode_refusals: self.incidents.protected_mode.get(),
            accept_errors: self.incidents.accept_errors.get(),
            net_input_bytes: counted.input_bytes,
            net_output_bytes: counted.output_bytes,
            closed_by: self.incidents.by_reason(),
            connection_panics: self.incidents.panics.get(),
            ops_per_sec: rates.commands,
            input_kbps: rates.input_bytes / 1024.0,
            output_kbps: rates.output_bytes / 1024.0,
            rss_bytes: vitals.rss_bytes,
            rss_peak_bytes: vitals.rss_peak_bytes,
            system_memory_bytes: super::memory::system_memory_bytes().unwrap_or(0),
            maxmemory_bytes: self.maxmemory_bytes(),
            cpu_sys_s: vitals.cpu_sys_s,
            cpu_user_s: vitals.cpu_user_s,
            open_files_max: vitals::open_files_max(),
        }
    }

    fn stats(&self) -> Vec<Arc<Stats>> {
        self.desks.iter().map(|desk| desk.stats.clone()).collect()
    }

    fn reset_stats(&self) {
        self.incidents.reset();
        self.desks.iter().for_each(|desk| desk.flow.reset());
    }

    fn clients(&self) -> Vec<Arc<ClientRecord>> {
        self.register.records()
    }

    fn kill(&self, id: u64) -> bool {
        self.register.kill(id)
    }

    fn pause(&self, mode: PauseMode, until_ms: u64) {
        self.pause.begin(mode, until_ms, self.clock.now().ms);
    }

    fn unpause(&self) {
        self.pause.end();
        self.register.wake_all();
    }

    fn paused(&self, now_ms: u64) -> Option<(PauseMode, u64)> {
        self.pause.at(now_ms)
    }

    fn note_slow(&self, entry: SlowEntry) {
        self.slowlog.push(entry, self.config.load().slowlog_max_len);
    }

    fn slowlog(&self, count: usize) -> Vec<SlowEntry> {
        self.slowlog.newest(count)
    }

    fn slowlog_len(&self) -> usize {
        self.slowlog.len()
    }

    fn slowlog_reset(&self) {
        self.slowlog.clear();
    }

    fn log(&self, level: LogLevel, text: &str) {
        match level {
            LogLevel::Debug => tracing::debug!(text, "script"),
            LogLevel::Verbose | LogLevel::Notice => tracing::info!(text, "script"),
            LogLevel::Warning => tracing::warn!(text, "script"),
        }
    }

    fn cluster(&self) -> Option<Arc<ClusterReport>> {
        self.cluster.load_full()
    }

    /// Always false: from its first moment a shutdown closes the connections that could call it
    /// off.
    fn abort_shutdown(&self) -> bool {
        false
    }
}
