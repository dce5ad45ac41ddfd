//! Names of `--join` to addresses, again and again.
//!
//! Not here: what is done with addresses (node.rs). Invariant: a dead name server costs nothing
//! but the names it would have told: each look-up ends within [`LOOKUP`], one of SRV records and their
//! targets within twice that.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::config::{LookupIpStrategy, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::{Resolver, TokioResolver};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::node::Event;
use super::seed::Seed;

/// Between two rounds of look-ups: half of what a node that starts to resolve may wait.
const EVERY: Duration = Duration::from_secs(5);
/// Longest look-up: a name server that answers takes milliseconds.
const LOOKUP: Duration = Duration::from_secs(2);
/// Time for one try of a look-up, so that a lost datagram does not cost the whole look-up.
const TRY: Duration = Duration::from_millis(900);
/// Wait for a name's addresses of one family when those of the other are there: nodes of a name with
/// one family only, and a server that is silent about the other, start without that delay.
const FAMILY: Duration = Duration::from_millis(500);
/// Tries that fit a look-up.
const TRIES: usize = 2;

/// Looks up all seeds; the addresses without repetition, and a failure.
pub(super) async fn look_up(seeds: &[Seed]) -> (Vec<SocketAddr>, Option<String>) {
    let (mut found, mut failure) = (BTreeSet::new(), None);
    // Made anew each time: hosts file and servers are read as they are now, and nothing is cached.
    let resolvers = Resolvers::new();
    // All at once: ten names at a silent server take no longer than one.
    let mut lookups = JoinSet::new();
    for seed in seeds.iter().cloned() {
        let resolvers = resolvers.clone();
        lookups.spawn(async move { (resolve(resolvers.as_ref(), &seed).await, seed) });
    }
    // A look-up that panicked is left out like one that has not answered.
    while let Some(looked_up) = lookups.join_next().await {
        match looked_up {
            Ok((Ok(addrs), _)) => found.extend(addrs),
            Ok((Err(why), seed)) => failure = failure.or(Some(format!("{seed}: {why}"))),
            Err(error) => failure = failure.or(Some(error.to_string())),
        }
    }
    (found.into_iter().collect(), failure)
}

/// Tells the node what was found, every [`EVERY`]; ends with the node.
pub(super) async fn poll(seeds: Vec<Seed>, node: mpsc::Sender<Event>) {
    loop {
        tokio::time::sleep(EVERY).await;
        let (found, failure) = look_up(&seeds).await;
        if node.send(Event::Found { found, failure }).await.is_err() {
            return;
        }
    }
}

/// One for each address family, asked apart: a server that is silent about one of them, or a name
/// that the hosts file has under one only, must not hide the other.
#[derive(Clone)]
struct Resolvers {
    v4: TokioResolver,
    v6: TokioResolver,
}

impl Resolvers {
    fn new() -> Option<Resolvers> {
        let v4 = resolver(LookupIpStrategy::Ipv4Only)?;
        Some(Resolvers { v4, v6: resolver(LookupIpStrategy::Ipv6Only)? })
    }
}

/// A resolver as the system is set up; one that knows the hosts file only, where that cannot be
/// read.
fn resolver(family: LookupIpStrategy) -> Option<TokioResolver> {
    let mut builder = Resolver::builder_tokio().unwrap_or_else(|_| {
        Resolver::builder_with_config(ResolverConfig::default(), TokioRuntimeProvider::default())
    });
    let options = builder.options_mut();
    options.ip_strategy = family;
    options.timeout = TRY;
    // Tries after the first one.
    options.attempts = TRIES - 1;
    builder.build().ok()
}

async fn resolve(resolvers: Option<&Resolvers>, seed: &Seed) -> Result<Vec<SocketAddr>, String> {
    let resolvers = match (seed, resolvers) {
        (Seed::Address(addr), _) => return Ok(vec![*addr]),
        (_, None) => return Err("this machine has no resolver".to_owned()),
        (_, Some(resolvers)) => resolvers,
    };
    match seed {
        Seed::Address(addr) => Ok(vec![*addr]),
        Seed::Host { name, port } => hosts(resolvers, name, *port).await,
        Seed::Service { name } => service(resolvers, name).await,
    }
}

async fn service(resolvers: &Resolvers, name: &str) -> Result<Vec<SocketAddr>, String> {
    let answers = within(resolvers.v4.srv_lookup(name)).await?;
    let mut targets = JoinSet::new();
    for record in answers.answers() {
        if let RData::SRV(srv) = &record.data {
            let (target, port) = (srv.target.to_string(), srv.port);
            let resolvers = resolvers.clone();
            targets.spawn(async move { hosts(&resolvers, &target, port).await });
        }
    }
    let mut addrs = Vec::new();
    while let Some(looked_up) = targets.join_next().await {
        // One target that is gone must not hide the others.
        addrs.extend(looked_up.into_iter().flatten().flatten());
    }
    Ok(addrs)
}

async fn hosts(resolvers: &Resolvers, name: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let (v4, v6) = (resolvers.v4.lookup_ip(name), resolvers.v6.lookup_ip(name));
    let found = match both(within(v4), within(v6)).await {
        // That of one family alone is no failure: most names have one only.
        (Err(why), Err(_)) => return Err(why),
        (v4, v6) => [v4, v6].into_iter().flatten(),
    };
    Ok(found.flat_map(|ips| ips.iter().collect::<Vec<_>>()).map(|ip| (ip, port).into()).collect())
}

/// What both tell; once one has told something, the other has [`FAMILY`] left.
async fn both<T>(
    v4: impl Future<Output = Result<T, String>>,
    v6: impl Future<Output = Result<T, String>>,
) -> (Result<T, String>, Result<T, String>) {
    let late = || Err("no answer in time".to_owned());
    tokio::pin!(v4, v6);
    tokio::select! {
        told = &mut v4 => {
            let left = if told.is_ok() { FAMILY } else { LOOKUP };
            (told, timeout(left, v6).await.unwrap_or_else(|_| late()))
        }
        told = &mut v6 => {
            let left = if told.is_ok() { FAMILY } else { LOOKUP };
            (timeout(left, v4).await.unwrap_or_else(|_| late()), told)
        }
    }
}

/// What a look-up tells in time.
async fn within<T, E: Display>(lookup: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match timeout(LOOKUP, lookup).await {
        Ok(told) => told.map_err(|error| error.to_string()),
        Err(_) => Err("no answer within 2 s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(texts: &[&str]) -> (Vec<SocketAddr>, Option<String>) {
        let seeds: Vec<Seed> = texts.iter().map(|text| Seed::parse(text, 7946).unwrap()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(look_up(&seeds))
    }

    #[test]
    fn addresses_need_no_name_server_and_are_told_once() {
        let (found, failure) = look(&["10.0.0.2:1", "::1", "10.0.0.2:1"]);
        let expected = ["10.0.0.2:1", "[::1]:7946"].map(|text| text.parse().unwrap());
        assert_eq!((found.as_slice(), failure), (&expected[..], None));
    }

    #[test]
    fn a_family_that_is_silent_does_not_hold_the_other_up() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let told = std::future::ready(Ok::<_, String>(1));
            let silent = std::future::pending::<Result<i32, String>>();
            let (v4, v6) = timeout(LOOKUP, both(told, silent)).await.expect("it is not waited for");
            assert!(v4.is_ok() && v6.is_err());
            let late = async {
                tokio::task::yield_now().await;
                Ok::<_, String>(2)
            };
            let none = std::future::ready(Err::<i32, _>("none".to_owned()));
            assert_eq!(both(late, none).await.0, Ok(2), "the only answer is waited for");
        });
    }

    #[test]
    fn a_name_that_fails_is_told_and_hides_no_other() {
        let (found, failure) = look(&["ratel-nowhere.invalid", "localhost:5", "10.0.0.2"]);
        assert!(found.contains(&"127.0.0.1:5".parse().unwrap()), "{found:?}");
        assert!(found.contains(&"10.0.0.2:7946".parse().unwrap()), "{found:?}");
        assert!(failure.is_some_and(|why| why.starts_with("ratel-nowhere.invalid:7946: ")));
    }
}
