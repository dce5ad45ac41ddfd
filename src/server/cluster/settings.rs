//! What the cluster needs to know before it starts: addresses, name, keys, places to join.
//!
//! Not here: sockets. Invariant: other machines are heard only under a secret, unless the operator
//! said otherwise in so many words.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::seed::Seed;
use crate::cluster::membership::reachable;
use crate::cluster::seal::ClusterName;
use crate::cluster::seal::keyring::{FILE_BYTES_MAX, Keyring};
use crate::config::Config;

/// A reserved address (RFC 5737): the route to it is the default route; nothing is sent.
const ANYWHERE_V4: &str = "192.0.2.1:9";
/// The same for IPv6 (RFC 3849).
const ANYWHERE_V6: &str = "[2001:db8::1]:9";

/// All of it, checked.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) bind: SocketAddr,
    pub(super) name: ClusterName,
    pub(super) secret_file: Option<PathBuf>,
    pub(super) keyring: Keyring,
    pub(super) seeds: Vec<Seed>,
    /// What the operator or the environment said, with a port.
    advertise: Option<SocketAddr>,
}

impl Settings {
    /// `None` where the node is alone.
    pub(super) fn read(config: &Config) -> anyhow::Result<Option<Settings>> {
        let Some(port) = config.cluster_port() else {
            return Ok(None);
        };
        let ip: IpAddr = config.cluster_bind.parse().with_context(|| {
            format!("cluster-bind {}: is no IP address, 0.0.0.0 is every one", config.cluster_bind)
        })?;
        let secret_file =
            Some(&config.cluster_secret_file).filter(|path| !path.is_empty()).map(PathBuf::from);
        if secret_file.is_none() && !ip.is_loopback() && !config.cluster_insecure {
            bail!(
                "cluster-bind {ip} lets other machines in, and there is no secret: write one with \
                 'ratel gen-secret' and name it by cluster-secret-file, or, where only trusted \
                 machines reach port {port}, set cluster-insecure yes"
            );
        }
        let keyring = secret_file.as_deref().map_or(Ok(Keyring::insecure()), read_keyring)?;
        let name = ClusterName::new(&config.cluster_name).context("cluster-name is too long")?;
        let seeds = config.join.iter().map(|text| Seed::parse(text, port));
        let seeds = seeds.collect::<anyhow::Result<Vec<_>>>()?;
        let bind = SocketAddr::new(ip, port);
        let advertise = advertise(config, bind)?;
        Ok(Some(Settings { bind, name, secret_file, keyring, seeds, advertise }))
    }

    /// Where others reach this node, which knows seeds at `found`; a guess where nobody said it and no
    /// seed is known, since the way to the seeds may be another than the way to anywhere.
    pub(super) fn advertised(&self, found: &[SocketAddr]) -> Advertised {
        if let Some(addr) = self.advertise.or_else(|| self.facing(found)) {
            return Advertised { addr, is_guess: false };
        }
        let anywhere = [ANYWHERE_V4, ANYWHERE_V6].iter().filter_map(|text| text.parse().ok());
        let anywhere: Vec<SocketAddr> = anywhere.collect();
        // A machine without a default route, and without a seed yet: nobody can reach it so far.
        let nowhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.bind.port());
        Advertised { addr: self.facing(&anywhere).unwrap_or(nowhere), is_guess: true }
    }

    /// This node's address on the way to the first of `others` that has a way: one on a network, if
    /// there is one, before loopback.
    pub(super) fn facing(&self, others: &[SocketAddr]) -> Option<SocketAddr> {
        let mut ips: Vec<IpAddr> =
            others.iter().filter_map(|other| route(self.bind, *other)).collect();
        ips.sort_by_key(IpAddr::is_loopback);
        ips.first().map(|ip| SocketAddr::new(*ip, self.bind.port()))
    }
}

/// Where others reach this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Advertised {
    pub(super) addr: SocketAddr,
    /// To be looked at again once another node is known.
    pub(super) is_guess: bool,
}

/// Reads the secret file.
pub(super) fn read_keyring(path: &Path) -> anyhow::Result<Keyring> {
    let shown = path.display();
    let length = std::fs::metadata(path)
        .with_context(|| format!("cluster-secret-file {shown}: cannot be read"))?
        .len();
    if length > u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX) {
        bail!("cluster-secret-file {shown}: longer than {FILE_BYTES_MAX} bytes, no secret file");
    }
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cluster-secret-file {shown}: cannot be read"))?;
    Keyring::parse(&text).with_context(|| format!("cluster-secret-file {shown}"))
}

fn advertise(config: &Config, bind: SocketAddr) -> anyhow::Result<Option<SocketAddr>> {
    let pod_ip = || std::env::var("POD_IP").unwrap_or_default();
    let (name, text) = match config.cluster_advertise.as_str() {
        "" if !bind.ip().is_unspecified() => return Ok(Some(bind)),
        "" => ("POD_IP", pod_ip()),
        text => ("cluster-advertise", text.to_owned()),
    };
    if text.is_empty() {
        return Ok(None);
    }
    let with_port = || text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, bind.port()));
    let addr = text.parse::<SocketAddr>().or_else(|_| with_port());
    let addr =
        addr.with_context(|| format!("{name} {text}: is no IP address, with or without port"))?;
    if !reachable(addr) {
        bail!("{name} {text}: nobody can reach that; give an address of this machine");
    }
    Ok(Some(addr))
}

/// The local address of the route to `to`; nothing is sent for it.
fn route(bind: SocketAddr, to: SocketAddr) -> Option<IpAddr> {
    let local = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    if bind.is_ipv4() != to.is_ipv4() && bind.is_ipv4() {
        return None;
    }
    let socket = UdpSocket::bind(local).ok()?;
    socket.connect(to).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_unspecified()).then_some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(bind: &str) -> Config {
        Config { cluster_port: 7946, cluster_bind: bind.to_owned(), ..Config::default() }
    }

    #[test]
    fn without_port_and_join_a_node_is_alone() {
        assert!(Settings::read(&Config::default()).unwrap().is_none());
        let join = vec!["127.0.0.1".to_owned()];
        let settings = Settings::read(&Config { join, ..Config::default() }).unwrap().unwrap();
        assert_eq!(settings.bind, "127.0.0.1:7946".parse().unwrap());
    }

    #[test]
    fn other_machines_need_a_secret_or_a_word_and_the_error_names_both() {
        let error = Settings::read(&config("0.0.0.0")).unwrap_err().to_string();
        assert!(error.contains("gen-secret") && error.contains("cluster-insecure yes"), "{error}");
        let config = Config { cluster_insecure: true, ..config("0.0.0.0") };
        assert!(Settings::read(&config).unwrap().is_some());
    }

    #[test]
    fn a_wildcard_is_no_address_to_tell_others() {
        for text in ["0.0.0.0", "[::]:7946", "10.0.0.1:0", "name"] {
            let config = Config { cluster_advertise: text.to_owned(), ..config("127.0.0.1") };
            let error = Settings::read(&config).unwrap_err().to_string();
            assert!(error.contains("cluster-advertise"), "{error}");
        }
        let config = Config { cluster_advertise: "10.0.0.1".to_owned(), ..config("127.0.0.1") };
        let settings = Settings::read(&config).unwrap().unwrap();
        let addr = "10.0.0.1:7946".parse().unwrap();
        assert_eq!(settings.advertised(&[]), Advertised { addr, is_guess: false });
    }

    #[test]
    fn the_route_to_a_seed_tells_the_address() {
        let config = Config { cluster_insecure: true, ..config("0.0.0.0") };
        let settings = Settings { advertise: None, ..Settings::read(&config).unwrap().unwrap() };
        let seed = "127.0.0.1:1".parse().unwrap();
        let addr = "127.0.0.1:7946".parse().unwrap();
        assert_eq!(settings.advertised(&[seed]), Advertised { addr, is_guess: false });
        assert!(settings.advertised(&[]).is_guess, "nobody is known yet, and that is no error");
    }

    #[test]
    fn a_secret_file_is_read_and_its_faults_are_told_with_its_path() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = format!("{:#}", read_keyring(file.path()).unwrap_err());
        assert!(error.contains("gen-secret") && error.contains("cluster-secret-file"), "{error}");
        std::fs::write(file.path(), crate::cluster::seal::keyring::generate(&[7; 32])).unwrap();
        assert_eq!(read_keyring(file.path()).unwrap().keys().len(), 1);
    }
}
