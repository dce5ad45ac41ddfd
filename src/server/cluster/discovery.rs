//! Names of `--join` to addresses, again and again.
//!
//! Not here: what is done with addresses (node.rs). Invariant: a dead name server costs nothing
//! but the names it would have told: each look-up ends within [`LOOKUP`].

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::config::{LookupIpStrategy, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::{Resolver, TokioResolver};
use tokio::sync::mpsc;

use super::node::Event;
use super::seed::Seed;

/// Between two rounds of look-ups: half of what a node that starts to resolve may wait.
const EVERY: Duration = Duration::from_secs(5);
/// Longest look-up: a name server that answers takes milliseconds.
const LOOKUP: Duration = Duration::from_secs(2);

/// Looks up all seeds; the addresses without repetition, and the first failure.
pub(super) async fn look_up(seeds: &[Seed]) -> (Vec<SocketAddr>, Option<String>) {
    let (mut found, mut failure) = (BTreeSet::new(), None);
    // Made anew each time: hosts file and servers are read as they are now, and nothing is cached.
    let resolver = resolver();
    for seed in seeds {
        let lookup = tokio::time::timeout(LOOKUP, resolve(resolver.as_ref(), seed)).await;
        match lookup.unwrap_or_else(|_| Err("no answer within 2 s".to_owned())) {
            Ok(addrs) => found.extend(addrs),
            Err(why) => {
                failure.get_or_insert(format!("{seed}: {why}"));
            }
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

/// A resolver as the system is set up; one that knows the hosts file only, where that cannot be
/// read.
fn resolver() -> Option<TokioResolver> {
    let mut builder = Resolver::builder_tokio().unwrap_or_else(|_| {
        Resolver::builder_with_config(ResolverConfig::default(), TokioRuntimeProvider::default())
    });
    builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    builder.build().ok()
}

async fn resolve(resolver: Option<&TokioResolver>, seed: &Seed) -> Result<Vec<SocketAddr>, String> {
    let resolver = match (seed, resolver) {
        (Seed::Address(addr), _) => return Ok(vec![*addr]),
        (_, None) => return Err("this machine has no resolver".to_owned()),
        (_, Some(resolver)) => resolver,
    };
    match seed {
        Seed::Address(addr) => Ok(vec![*addr]),
        Seed::Host { name, port } => hosts(resolver, name, *port).await,
        Seed::Service { name } => {
            let answers = resolver.srv_lookup(name.as_str()).await;
            let answers = answers.map_err(|error| error.to_string())?;
            let mut addrs = Vec::new();
            for record in answers.answers() {
                if let RData::SRV(srv) = &record.data {
                    // One target that is gone must not hide the others.
                    let target = srv.target.to_string();
                    addrs.extend(hosts(resolver, &target, srv.port).await.unwrap_or_default());
                }
            }
            Ok(addrs)
        }
    }
}

async fn hosts(resolver: &TokioResolver, name: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let found = resolver.lookup_ip(name).await.map_err(|error| error.to_string())?;
    Ok(found.iter().map(|ip| SocketAddr::new(ip, port)).collect())
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
    fn a_name_that_fails_is_told_and_hides_no_other() {
        let (found, failure) = look(&["ratel-nowhere.invalid", "localhost:5", "10.0.0.2"]);
        assert!(found.contains(&"127.0.0.1:5".parse().unwrap()), "{found:?}");
        assert!(found.contains(&"10.0.0.2:7946".parse().unwrap()), "{found:?}");
        assert!(failure.is_some_and(|why| why.starts_with("ratel-nowhere.invalid:7946: ")));
    }
}
