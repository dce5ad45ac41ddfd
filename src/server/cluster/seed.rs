//! A place where other nodes are, as `--join` names it.
//!
//! Not here: looking names up. Invariant: a seed is an address, a name to look up with a port, or
//! a name whose SRV records bring the ports.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, bail};

/// What stands before a name that is to be looked up as SRV.
const SRV: &str = "srv:";

/// One place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seed {
    /// Needs no look-up.
    Address(SocketAddr),
    /// A and AAAA records, all of them.
    Host { name: String, port: u16 },
    /// SRV records, which name hosts and ports.
    Service { name: String },
}

impl Seed {
    /// Reads `host`, `host:port`, an address with or without port, or `srv:name`.
    pub(super) fn parse(text: &str, default_port: u16) -> anyhow::Result<Seed> {
        if let Some(name) = text.strip_prefix(SRV) {
            if name.is_empty() {
                bail!("join {text}: a name must follow srv:");
            }
            return Ok(Seed::Service { name: name.to_owned() });
        }
        if let Ok(addr) = text.parse::<SocketAddr>() {
            return Ok(Seed::Address(addr));
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Ok(Seed::Address(SocketAddr::new(ip, default_port)));
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => {
                let port = port.parse().ok().filter(|port| *port != 0);
                (name, port.with_context(|| format!("join {text}: is no port from 1 to 65535"))?)
            }
            None => (text, default_port),
        };
        if name.is_empty() || name.contains([':', '/', '[']) {
            bail!("join {text}: give host, host:port, or srv:_service._udp.name");
        }
        Ok(Seed::Host { name: name.to_owned(), port })
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Seed::Address(addr) => addr.fmt(f),
            Seed::Host { name, port } => write!(f, "{name}:{port}"),
            Seed::Service { name } => write!(f, "{SRV}{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let host = |name: &str, port| Seed::Host { name: name.to_owned(), port };
        let address = |text: &str| Seed::Address(text.parse().unwrap());
        for (text, expected) in [
            ("10.0.0.1", address("10.0.0.1:7946")),
            ("10.0.0.1:1", address("10.0.0.1:1")),
            ("::1", address("[::1]:7946")),
            ("[::1]", address("[::1]:7946")),
            ("[::1]:9", address("[::1]:9")),
            ("ratel", host("ratel", 7946)),
            ("ratel.svc.:8", host("ratel.svc.", 8)),
            ("srv:_g._udp.r", Seed::Service { name: "_g._udp.r".to_owned() }),
        ] {
            assert_eq!(Seed::parse(text, 7946).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_place_is_refused_by_its_name() {
        for text in ["srv:", "host:0", "host:65536", "host:x", ":7", "http://a:1", "a:b:1"] {
            let error = Seed::parse(text, 7946).unwrap_err().to_string();
            assert!(error.contains(&format!("join {text}")), "{error}");
        }
    }
}
