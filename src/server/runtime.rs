//! The life of a server: bind, serve, drain, end.
//!
//! Not here: one connection. Invariant: [`Server::serve`] returns only when every thread that it
//! started has ended, except after a second signal.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};

use super::accept::Acceptor;
use super::cluster::{Cluster, Running};
use super::host::Process;
use super::listener::{self, Address, Listener};
use super::shutdown::Signals;
use super::worker::Workers;
use super::{banner, housekeeping, log, vitals};
use crate::command::ShutdownMode;
use crate::config::Config;

/// Starts the log, serves as `config` says and returns when SIGTERM, SIGINT or SHUTDOWN has ended
/// the server in good order. An error means that it could not start, or that a second signal
/// came before all clients had their replies.
pub fn run(config: Config) -> anyhow::Result<()> {
    log::start(config.loglevel);
    let server = Server::bind(config)?;
    server.supervise(|process| async move {
        let mut signals = Signals::listen()?;
        let ask = |name| tracing::info!("{name}: answering what was received, then ending");
        ask(signals.next(&process).await);
        process.shutdown.begin(ShutdownMode::Graceful);
        let name = signals.next(&process).await;
        bail!("ended at once by a second signal, {name}, before all clients had their replies")
    })
}

/// A server that is bound and does not serve yet.
pub struct Server {
    process: Arc<Process>,
    listeners: Vec<Listener>,
    cluster: Option<Cluster>,
}

impl Server {
    /// Binds what `config` names. Errors name the address and what to do about it.
    pub fn bind(config: Config) -> anyhow::Result<Server> {
        let listeners = listener::bind_all(&config)?;
        Server::new(config, listeners)
    }

    /// Takes listeners that the caller has bound (to port 0, say) instead of `config`'s addresses.
    pub fn adopt(config: Config, listeners: Vec<TcpListener>) -> anyhow::Result<Server> {
        let listeners = listeners.into_iter().map(Listener::adopt).collect::<Result<_, _>>()?;
        Server::new(config, listeners)
    }

    fn new(mut config: Config, listeners: Vec<Listener>) -> anyhow::Result<Server> {
        let fit = vitals::make_room_for(config.maxclients);
        if fit < config.maxclients {
            tracing::warn!(
                "maxclients lowered from {} to {fit}: the open-file limit is {}; raise it \
                 (ulimit -n) to at least {}",
                config.maxclients,
                vitals::open_files_max(),
                u64::try_from(config.maxclients)
                    .unwrap_or(u64::MAX)
                    .saturating_add(vitals::OPEN_FILES_RESERVE),
            );
            config.maxclients = fit;
        }
        let cluster = Cluster::bind(&config)?;
        let workers = match config.io_threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            count => count,
        };
        let port = listeners.iter().find_map(|listener| match &listener.address {
            Address::Tcp(at) => Some(at.port()),
            Address::Unix(_) => None,
        });
        let process = Process::new(config, workers, port.unwrap_or(0))?;
        Ok(Server { process: Arc::new(process), listeners, cluster })
    }

    /// Where it listens, with the ports in use.
    pub fn addresses(&self) -> Vec<Address> {
        self.listeners.iter().map(|listener| listener.address.clone()).collect()
    }

    /// What commands see of the process.
    pub fn process(&self) -> Arc<Process> {
        self.process.clone()
    }

    /// Serves on this thread and its workers until `stop` ends or a client asks for the end;
    /// then answers what was received, at most `shutdown-timeout` long, and returns.
    pub fn serve(self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        self.supervise(|process| async move {
            stop.await;
            process.shutdown.begin(ShutdownMode::Graceful);
            std::future::pending().await
        })
    }

    /// Serves. `steer` begins the shutdown; where it returns, the server ends without waiting
    /// for anything.
    fn supervise<F>(self, steer: impl FnOnce(Arc<Process>) -> F) -> anyhow::Result<()>
    where
        F: Future<Output = anyhow::Result<()>>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let process = self.process.clone();
        let (workers, threads) = Workers::start(&process).context("starting the workers")?;
        let ended = runtime.block_on(async {
            tokio::select! {
                steered = steer(process.clone()) => steered,
                served = self.live(workers) => served,
                () = process.shutdown.reached(ShutdownMode::Now) => Ok(()),
            }
        });
        if ended.is_ok() {
            threads.stop();
            tracing::info!("ended");
        }
        ended
    }

    async fn live(mut self, workers: Arc<Workers>) -> anyhow::Result<()> {
        let mut node = self.cluster.take().map(|cluster| cluster.start(self.process.clone()));
        let served = self.serve_clients(workers, node.as_mut()).await;
        if let (Ok(()), Some(node)) = (&served, node) {
            node.leave().await;
        }
        served
    }

    /// From the first client to the last reply.
    async fn serve_clients(
        self,
        workers: Arc<Workers>,
        node: Option<&mut Running>,
    ) -> anyhow::Result<()> {
        let process = self.process.clone();
        let mut tasks = tokio::task::JoinSet::new();
        for listener in &self.listeners {
            let acceptor = Acceptor::new(listener, process.clone(), workers.clone())?;
            tasks.spawn(acceptor.run());
        }
        tasks.spawn(housekeeping::keep(process.clone()));
        let addresses = self.addresses();
        tokio::select! {
            () = process.shutdown.reached(ShutdownMode::Graceful) => {}
            ended = follow(&process, node, &addresses) => return ended,
        }
        tasks.shutdown().await;
        drop((self, workers));
        drain(&process).await;
        Ok(())
    }
}

/// Says when all commands are served; returns only with the node, which must not end by itself.
async fn follow(
    process: &Process,
    node: Option<&mut Running>,
    addresses: &[Address],
) -> anyhow::Result<()> {
    let Some(node) = node else {
        banner::lines(process, addresses).iter().for_each(|line| tracing::info!("{line}"));
        return std::future::pending().await;
    };
    tracing::info!("{}", banner::joining(addresses));
    node.ready().await?;
    process.set_ready();
    banner::lines(process, addresses).iter().for_each(|line| tracing::info!("{line}"));
    node.ended().await
}

/// Has every connection answer what it has received and close, within `shutdown-timeout`.
async fn drain(process: &Process) {
    process.register.wake_all();
    let limit = Duration::from_secs(process.config.load().shutdown_timeout_s);
    if tokio::time::timeout(limit, process.register.emptied()).await.is_err() {
        let left = process.register.seats();
        tracing::warn!("shutdown-timeout: {left} clients closed before they took their replies");
    }
}
