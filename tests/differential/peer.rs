//! The two servers that are compared: Debian's redis-server, and this build or another redis-server.

use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::link::Link;
use crate::reply::Reply;
use crate::request::Request;
use crate::support::{Server, free_port, wait_until};

/// The version whose replies are the measure.
const VERSION: &str = "7.0.15";

/// A running server.
pub(crate) enum Peer {
    Redis { child: Child, port: u16, _folder: TempDir },
    Ratel(Server),
}

impl Peer {
    /// A redis-server with `args` behind; none, with the reason printed, where it is not installed.
    pub(crate) fn redis(args: &[&str]) -> Option<Peer> {
        let version = Command::new("redis-server").arg("--version").output();
        let version = version.map(|out| String::from_utf8_lossy(&out.stdout).into_owned());
        match version {
            Ok(text) if text.contains(&format!("v={VERSION} ")) => {}
            Ok(text) => {
                println!("skipped: redis-server is not {VERSION} but {text}");
                return None;
            }
            Err(error) => {
                println!("skipped: redis-server {VERSION} is not installed: {error}");
                return None;
            }
        }
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"]);
        command.arg(folder.path()).args(["--save", "", "--appendonly", "no"]).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().expect("redis-server starts");
        let peer = Peer::Redis { child, port, _folder: folder };
        let ping = Request::new("PING").encode();
        let pong = Reply::Simple(b"PONG".to_vec());
        wait_until("redis-server answers PING", || Link::open(port).ask(&ping) == pong);
        Some(peer)
    }

    /// A server of this build.
    pub(crate) fn ratel() -> Peer {
        Peer::Ratel(Server::start(&[]))
    }

    pub(crate) fn port(&self) -> u16 {
        match self {
            Peer::Redis { port, .. } => *port,
            Peer::Ratel(server) => server.port(),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Peer::Redis { child, .. } = self {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
