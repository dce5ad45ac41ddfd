//! `ratel health`: asks a running server how it is, for health checks of containers that have no
//! shell.
//!
//! Not here: the server. Invariant: it ends, whatever the other side does: each step waits
//! [`STEP`] at most and a reply is at most [`REPLY_BYTES_MAX`] long.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Arg, ArgAction, ArgMatches, Command};
use ratel::config::Config;

/// Longest wait to connect, and for each read and write.
const STEP: Duration = Duration::from_secs(1);
/// Longest reply line; Redis's error texts are far shorter.
const REPLY_BYTES_MAX: usize = 1024;
/// Most reads, so that a peer that drips one byte a read cannot hold the check.
const READS_MAX: usize = 8;

/// What to ask, and whom.
#[derive(Debug, PartialEq)]
pub(crate) struct Probe {
    target: Target,
    password: String,
    ready: bool,
}

#[derive(Debug, PartialEq)]
enum Target {
    Tcp(String, u16),
    Unix(String),
}

pub(super) fn command() -> Command {
    let own = |name: &'static str, value_name: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value_name).help(help)
    };
    Command::new("health")
        .about("Ask a running server how it is: one line, exit code 0 or 1")
        .long_about(
            "Ask a running server how it is: one line, exit code 0 or 1.\n\n\
             Where it listens and its password are read from the same variables as the server's \
             (RATEL_PORT, RATEL_BIND, RATEL_UNIXSOCKET, RATEL_REQUIREPASS or its file). A server \
             that is still loading is alive, but not ready.",
        )
        .arg(own("host", "ADDRESS", "Address to ask [first of RATEL_BIND, or 127.0.0.1]"))
        .arg(
            own("port", "N", "Port to ask [RATEL_PORT, or 6379]")
                .value_parser(clap::value_parser!(u16).range(1..)),
        )
        .arg(own("unixsocket", "PATH", "Unix socket to ask instead").conflicts_with("host"))
        .arg(
            Arg::new("ready")
                .long("ready")
                .action(ArgAction::SetTrue)
                .help("Succeed only if it serves commands now"),
        )
}

impl Probe {
    /// Asks where `config` says that the server listens, unless the arguments say otherwise.
    pub(super) fn new(config: &Config, matches: &ArgMatches) -> Probe {
        let text = |name| matches.get_one::<String>(name).cloned();
        let port = matches.get_one::<u16>("port").copied();
        let socket = text("unixsocket")
            .or_else(|| config.unixsocket.clone().filter(|_| port.is_none() && config.port == 0));
        let host = text("host").unwrap_or_else(|| reachable(&config.bind));
        let target = match socket {
            Some(path) => Target::Unix(path),
            None => Target::Tcp(host, port.unwrap_or(config.port)),
        };
        Probe { target, password: config.requirepass.clone(), ready: matches.get_flag("ready") }
    }

    /// Asks and prints one line.
    ///
    /// # Errors
    /// It does not listen, does not answer in time, or its answer is not a healthy one.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let answer = match &self.target {
            Target::Tcp(host, port) => self.ask(connect(host, *port)?),
            Target::Unix(path) => {
                let stream = UnixStream::connect(path)
                    .with_context(|| format!("failed to connect to {path}"))?;
                stream.set_read_timeout(Some(STEP))?;
                stream.set_write_timeout(Some(STEP))?;
                self.ask(stream)
            }
        };
        let line = judge(&answer.context("no answer")?, self.ready)?;
        // The exit code tells it too, so a closed standard output is no failure.
        let _ = writeln!(io::stdout(), "{line}");
        Ok(())
    }

    /// The last reply to AUTH (if there is a password) and PING, or an error reply to AUTH.
    fn ask(&self, mut stream: impl Read + Write) -> io::Result<String> {
        let mut request = Vec::new();
        if !self.password.is_empty() {
            encode(&mut request, &["AUTH", &self.password]);
        }
        encode(&mut request, &["PING"]);
        stream.write_all(&request)?;
        let wanted = if self.password.is_empty() { 1 } else { 2 };
        let mut bytes = Vec::new();
        for _ in 0..READS_MAX {
            let mut chunk = [0; REPLY_BYTES_MAX];
            let count = stream.read(&mut chunk)?;
            bytes.extend(chunk.iter().take(count));
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<&str> =
                text.split_inclusive('\n').filter_map(|line| line.strip_suffix("\r\n")).collect();
            let refused = lines.iter().find(|line| line.starts_with('-'));
            if let Some(line) = refused.or_else(|| lines.get(wanted - 1)) {
                return Ok((*line).to_owned());
            }
            if count == 0 || bytes.len() > wanted * REPLY_BYTES_MAX {
                break;
            }
        }
        Err(io::Error::other("the connection ended, or what came is no Redis reply"))
    }
}

/// The convention of the images in use: a server that answers PONG or LOADING is alive.
fn judge(answer: &str, ready: bool) -> anyhow::Result<String> {
    match answer {
        "+PONG" => Ok("ok".to_owned()),
        _ if answer.starts_with("-LOADING") && !ready => Ok("alive, not ready yet".to_owned()),
        _ if answer.starts_with("-LOADING") => {
            bail!("not ready yet: {}", answer.trim_start_matches("-LOADING "))
        }
        _ => bail!("unhealthy: {}", answer.trim_start_matches('-')),
    }
}

/// The first address that the server binds, or the loopback one where it binds all.
fn reachable(bind: &[String]) -> String {
    let first = bind.first().map_or("*", |word| word.strip_prefix('-').unwrap_or(word));
    match first {
        "*" | "0.0.0.0" => "127.0.0.1".to_owned(),
        "::*" | "::" => "::1".to_owned(),
        address => address.to_owned(),
    }
}

fn connect(host: &str, port: u16) -> anyhow::Result<TcpStream> {
    let attempt = || -> io::Result<TcpStream> {
        let address = (host, port).to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
        let stream = TcpStream::connect_timeout(&address, STEP)?;
        stream.set_read_timeout(Some(STEP))?;
        stream.set_write_timeout(Some(STEP))?;
        Ok(stream)
    };
    attempt().with_context(|| format!("failed to connect to {host} port {port}"))
}

fn encode(out: &mut Vec<u8>, words: &[&str]) {
    out.extend(format!("*{}\r\n", words.len()).into_bytes());
    for word in words {
        out.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer with a script: what it sends, in pieces; what it got.
    struct Peer(Vec<&'static [u8]>, Vec<u8>);

    impl Read for Peer {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let piece = if self.0.is_empty() { &b""[..] } else { self.0.remove(0) };
            out[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    impl Write for Peer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn probe(args: &[&str], config: &Config) -> Probe {
        let matches =
            command().try_get_matches_from(["health"].iter().chain(args)).expect("arguments");
        Probe::new(config, &matches)
    }

    #[test]
    fn it_asks_where_the_server_listens() {
        let mut config = Config::default();
        let tcp = |host: &str, port| Target::Tcp(host.to_owned(), port);
        assert_eq!(probe(&[], &config).target, tcp("127.0.0.1", 6379));
        config.bind = vec!["*".to_owned(), "-::*".to_owned()];
        config.port = 7000;
        config.unixsocket = Some("/run/r.sock".to_owned());
        assert_eq!(probe(&[], &config).target, tcp("127.0.0.1", 7000));
        assert_eq!(probe(&["--port", "7001", "--host", "::1"], &config).target, tcp("::1", 7001));
        config.port = 0;
        assert_eq!(probe(&[], &config).target, Target::Unix("/run/r.sock".to_owned()));
        assert_eq!(probe(&["--port", "7"], &config).target, tcp("127.0.0.1", 7));
        let other = probe(&["--unixsocket", "/tmp/o"], &config);
        assert_eq!(other.target, Target::Unix("/tmp/o".to_owned()));
    }

    #[test]
    fn with_a_password_it_authenticates_first() {
        let config = Config { requirepass: "geheim".to_owned(), ..Config::default() };
        let mut peer = Peer(vec![b"+O", b"K\r\n+PON", b"G\r\n"], Vec::new());
        assert_eq!(probe(&[], &config).ask(&mut peer).unwrap(), "+PONG");
        assert_eq!(peer.1, b"*2\r\n$4\r\nAUTH\r\n$6\r\ngeheim\r\n*1\r\n$4\r\nPING\r\n");
    }

    #[test]
    fn an_error_reply_is_the_answer_at_once() {
        let config = Config { requirepass: "x".to_owned(), ..Config::default() };
        let mut peer = Peer(vec![b"-WRONGPASS no\r\n"], Vec::new());
        let answer = probe(&[], &config).ask(&mut peer).unwrap();
        assert!(judge(&answer, false).unwrap_err().to_string().contains("WRONGPASS"));
    }

    #[test]
    fn a_peer_that_closes_drips_or_floods_is_no_answer() {
        let probe = probe(&[], &Config::default());
        for pieces in [vec![], vec![&b"+"[..]; 100], vec![&[b'x'; REPLY_BYTES_MAX][..]; 100]] {
            assert!(probe.ask(&mut Peer(pieces, Vec::new())).is_err());
        }
    }

    #[test]
    fn a_loading_server_is_alive_but_not_ready() {
        assert!(judge("-LOADING x", false).is_ok());
        assert_eq!(judge("-LOADING x", true).unwrap_err().to_string(), "not ready yet: x");
        assert!(judge("+PONG", true).is_ok());
        assert!(judge("-NOAUTH Authentication required.", false).is_err());
        assert!(judge("HTTP/1.1 200 OK", false).is_err());
    }
}
