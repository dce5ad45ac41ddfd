//! The sockets that listen: TCP addresses and a Unix path.
//!
//! Not here: accepting (accept.rs). Invariant: a path is only removed where a socket is that
//! nobody answers.

use std::fmt;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustix::fs::Mode;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::config::Config;

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A TCP address, with the port in use.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(f),
            Address::Unix(path) => path.display().fmt(f),
        }
    }
}

/// A bound, non-blocking, listening socket.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) socket: Socket,
    pub(super) address: Address,
}

impl Listener {
    /// Takes over a socket that somebody else has bound.
    pub(super) fn adopt(listener: TcpListener) -> anyhow::Result<Listener> {
        listener.set_nonblocking(true)?;
        let address = Address::Tcp(listener.local_addr()?);
        Ok(Listener { socket: listener.into(), address })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Address::Unix(path) = &self.address {
            // Left behind, it would be found stale and replaced by the next start.
            let _ = fs::remove_file(path);
        }
    }
}

/// Listens on all that `config` names.
pub(super) fn bind_all(config: &Config) -> anyhow::Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    if config.port != 0 {
        for name in &config.bind {
            bind_name(name, config, &mut listeners)?;
        }
    }
    if let Some(path) = &config.unixsocket {
        listeners.push(bind_unix(Path::new(path), config)?);
    }
    if listeners.is_empty() {
        bail!("nothing to listen on: set port and bind, or unixsocket");
    }
    Ok(listeners)
}

fn bind_name(name: &str, config: &Config, listeners: &mut Vec<Listener>) -> anyhow::Result<()> {
    let (host, optional) = name.strip_prefix('-').map_or((name, false), |host| (host, true));
    let host = match host {
        "*" => "0.0.0.0",
        "::*" => "::",
        host => host,
    };
    let bound = (host, config.port)
        .to_socket_addrs()
        .with_context(|| format!("bind {host}: no such name; give an address of this machine"))
        .and_then(|addresses| {
            addresses.map(|at| bind_tcp(at, config)).collect::<Result<Vec<_>, _>>()
        });
    match bound {
        Ok(bound) => listeners.extend(bound),
        Err(error) if optional => tracing::debug!("skipped: {error:#}"),
        Err(error) => return Err(error),
    }
    Ok(())
}

fn bind_tcp(address: SocketAddr, config: &Config) -> anyhow::Result<Listener> {
    let bound = (|| {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        // A restart must not wait for the connections of the last run to time out.
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            // Else `::` would also take the port of `0.0.0.0`.
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
        socket.listen(backlog(config))?;
        Ok(socket)
    })();
    let socket: Socket = bound.map_err(|error: io::Error| advise(error, &address.to_string()))?;
    Listener::adopt(socket.into())
}

fn backlog(config: &Config) -> i32 {
    i32::try_from(config.tcp_backlog).unwrap_or(i32::MAX)
}

fn advise(error: io::Error, address: &str) -> anyhow::Error {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there: stop it or set another port",
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address: change bind, or put a - before it to make it optional"
        }
        io::ErrorKind::PermissionDenied => "not permitted: use a port above 1023 or another user",
        _ => "cannot listen there",
    };
    anyhow::Error::new(error).context(format!("{address}: {advice}"))
}

fn bind_unix(path: &Path, config: &Config) -> anyhow::Result<Listener> {
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    let address = SockAddr::unix(path)
        .with_context(|| format!("unixsocket {}: not a usable path", path.display()))?;
    let permissions = config.unixsocketperm & 0o777;
    // Set before bind: between bind and chmod anybody could connect.
    let old = rustix::process::umask(Mode::from_raw_mode(!permissions & 0o777));
    let bound = socket.bind(&address);
    rustix::process::umask(old);
    bound.map_err(|error| advise_unix(error, path))?;
    let listener = Listener { socket, address: Address::Unix(path.to_path_buf()) };
    fs::set_permissions(path, fs::Permissions::from_mode(permissions))
        .with_context(|| format!("unixsocketperm {permissions:o} for {}", path.display()))?;
    listener.socket.set_nonblocking(true)?;
    // At once: bound and not listening it would look stale to another start, which removes it.
    listener.socket.listen(backlog(config)).map_err(|error| advise_unix(error, path))?;
    Ok(listener)
}

fn advise_unix(error: io::Error, path: &Path) -> anyhow::Error {
    let text = format!("unixsocket {}: cannot be made; does its folder exist", path.display());
    anyhow::Error::new(error).context(text + " and may this user write there?")
}

fn remove_stale(path: &Path) -> anyhow::Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !found.file_type().is_socket() {
        bail!("unixsocket {}: is no socket; remove it or set another path", path.display());
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path)
            .with_context(|| format!("unixsocket {}: stale, cannot be removed", path.display())),
        Err(error) => Err(error)
            .with_context(|| format!("unixsocket {}: is something answering?", path.display())),
        Ok(_) => bail!(
            "unixsocket {}: another program answers there; stop it or set another path",
            path.display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(bind: &[&str], port: u16) -> Config {
        let bind = bind.iter().map(ToString::to_string).collect();
        Config { bind, port, ..Config::default() }
    }

    fn free_port() -> u16 {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    #[test]
    fn an_address_of_another_machine_is_an_error_unless_it_is_optional() {
        let port = free_port();
        let error = bind_all(&config(&["192.0.2.1"], port)).unwrap_err();
        assert!(format!("{error:#}").contains("put a - before it"), "{error:#}");
        let bound = bind_all(&config(&["127.0.0.1", "-192.0.2.1"], port)).unwrap();
        assert_eq!(bound.len(), 1);
    }

    #[test]
    fn a_taken_port_is_named_with_what_to_do() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = format!("{:#}", bind_all(&config(&["127.0.0.1"], port)).unwrap_err());
        assert!(error.contains(&port.to_string()), "{error}");
        assert!(error.contains("another program listens there"), "{error}");
    }

    #[test]
    fn listening_nowhere_is_an_error() {
        assert!(bind_all(&config(&["127.0.0.1"], 0)).is_err());
    }

    #[test]
    fn a_unix_socket_has_its_permissions_and_goes_with_the_listener() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let unixsocket = Some(path.to_string_lossy().into_owned());
        let config = Config { unixsocket, unixsocketperm: 0o660, port: 0, ..Config::default() };
        let bound = bind_all(&config).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        assert!(bind_all(&config).is_err(), "somebody answers there");
        drop(bound);
        assert!(!path.exists());
    }

    #[test]
    fn only_a_socket_that_nobody_answers_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let unixsocket = Some(path.to_string_lossy().into_owned());
        let config = Config { unixsocket, port: 0, ..Config::default() };
        fs::write(&path, "precious").unwrap();
        assert!(bind_all(&config).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        fs::remove_file(&path).unwrap();
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        bind_all(&config).unwrap();
    }
}
