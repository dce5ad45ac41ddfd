//! The cluster's edge: its sockets, its names, its clock, its log.
//!
//! ```text
//! Node       one task that owns membership, replication and sealing: no locks
//! Datagrams  the UDP socket
//! streams    TCP sockets of syncs, a task each, that hand whole frames to the node
//! discovery  names of --join, looked up every 5 s
//! Settings   what was configured, checked; Refusals: what was not taken, counted and told
//! ```
//! Not here: what the protocol says (`cluster`). Invariant: a node without `cluster-port` and
//! `join` has none of this.

mod discovery;
mod node;
mod refusals;
mod report;
mod seed;
mod settings;
mod socket;
mod streams;

use std::net::TcpListener;
use std::sync::Arc;

use anyhow::Context;
use socket2::{Domain, Socket, Type};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

use super::host::Process;
use crate::config::Config;
use node::Node;
use settings::Settings;

/// What streams and discovery may have waiting for the node; who finds it full waits.
const EVENTS_MAX: usize = 64;
/// Streams that may wait to be accepted.
const BACKLOG: i32 = 64;

/// The cluster's sockets, bound and not yet served.
pub(super) struct Cluster {
    settings: Settings,
    datagrams: std::net::UdpSocket,
    streams: TcpListener,
}

/// The running node.
pub(super) struct Running {
    ready: watch::Receiver<bool>,
    leave: Arc<Notify>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Cluster {
    /// Binds what `config` says; `None` where the node is alone. Errors name what to change.
    pub(super) fn bind(config: &Config) -> anyhow::Result<Option<Cluster>> {
        let Some(settings) = Settings::read(config)? else {
            return Ok(None);
        };
        let at = settings.bind;
        let datagrams = socket::bind(at)?;
        let streams = (|| {
            let socket = Socket::new(Domain::for_address(at), Type::STREAM, None)?;
            socket.set_reuse_address(true)?;
            if at.is_ipv6() {
                socket.set_only_v6(!at.ip().is_unspecified())?;
            }
            socket.set_nonblocking(true)?;
            socket.bind(&at.into())?;
            socket.listen(BACKLOG)?;
            std::io::Result::Ok(socket.into())
        })();
        let streams =
            streams.with_context(|| format!("cluster port {at} (TCP): cannot be bound"))?;
        Ok(Some(Cluster { settings, datagrams, streams }))
    }

    /// Starts the node on this runtime.
    pub(super) fn start(self, process: Arc<Process>) -> Running {
        // The node tells more once the names are looked up.
        process.cluster.store(Some(Arc::new(report::of_joiner(&self.settings))));
        let leave = Arc::new(Notify::new());
        let (ready, is_ready) = watch::channel(false);
        let task = tokio::spawn(run(self, process, ready, leave.clone()));
        Running { ready: is_ready, leave, task }
    }
}

impl Running {
    /// Returns once all counts are here. An error is the node's own, and final.
    pub(super) async fn ready(&mut self) -> anyhow::Result<()> {
        if self.ready.wait_for(|ready| *ready).await.is_ok() {
            return Ok(());
        }
        (&mut self.task).await.context("the cluster's task ended")?
    }

    /// Ends with the node, which must not end by itself.
    pub(super) async fn ended(&mut self) -> anyhow::Result<()> {
        (&mut self.task).await.context("the cluster's task ended")??;
        anyhow::bail!("the cluster's task ended by itself")
    }

    /// Tells the others what they lack and goodbye; returns when that is done.
    pub(super) async fn leave(self) {
        self.leave.notify_one();
        // What went wrong was logged, and the process ends anyway.
        let _ = self.task.await;
    }
}

async fn run(
    cluster: Cluster,
    process: Arc<Process>,
    ready: watch::Sender<bool>,
    leave: Arc<Notify>,
) -> anyhow::Result<()> {
    let Cluster { settings, datagrams, streams } = cluster;
    let (found, failure) = discovery::look_up(&settings.seeds).await;
    let (sender, events) = mpsc::channel(EVENTS_MAX);
    let seeds = settings.seeds.clone();
    let mut node = Node::new(process, settings, datagrams, sender.clone(), ready, &found)?;
    let mut tasks = tokio::task::JoinSet::new();
    let streams = tokio::net::TcpListener::from_std(streams)?;
    tasks.spawn(streams::listen(streams, sender.clone()));
    if !seeds.is_empty() {
        tasks.spawn(discovery::poll(seeds, sender));
    }
    node.datagrams.writable().await?;
    node.found(&found, failure);
    node.live(events, &leave).await;
    Ok(())
}
