//! What the server says when it listens and when it is ready.
//!
//! Not here: the log's form. Invariant: every line is one log entry.

use super::host::Process;
use super::listener::Address;
use crate::command::Host;

/// The line of a server that listens and does not have all counts yet.
pub(super) fn joining(addresses: &[Address]) -> String {
    format!("joining; until it is ready clients of {} are answered LOADING", listed(addresses))
}

fn listed(addresses: &[Address]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The lines: version, addresses, limits in force and a command to try.
pub(super) fn lines(process: &Process, addresses: &[Address]) -> Vec<String> {
    let config = process.config();
    let mut lines = vec![
        format!("ratel {}, pid {}", env!("CARGO_PKG_VERSION"), std::process::id()),
        format!("listening on {}", listed(addresses)),
        format!(
            "io-threads {}, maxmemory {}, maxmemory-policy {}",
            process.desks.len(),
            size(process.maxmemory_bytes()),
            config.maxmemory_policy.name(),
        ),
        format!(
            "maxclients {}, client-query-buffer-limit {}, maxmemory-clients {}, \
             proto-max-bulk-len {}, handshake-timeout {} s, output-stall-timeout {} s, timeout {} s",
            config.maxclients,
            size(u64::try_from(config.client_query_buffer_limit).unwrap_or(u64::MAX)),
            size(u64::try_from(config.maxmemory_clients).unwrap_or(u64::MAX)),
            size(u64::try_from(config.proto_max_bulk_len).unwrap_or(u64::MAX)),
            config.handshake_timeout_s,
            config.output_stall_timeout_s,
            config.timeout_s,
        ),
    ];
    lines.extend(addresses.first().map(|at| format!("try: {}", trial(at))));
    lines
}

fn trial(address: &Address) -> String {
    let reach = match address {
        Address::Tcp(at) if at.ip().is_unspecified() || at.ip().is_loopback() => {
            format!("-p {}", at.port())
        }
        Address::Tcp(at) => format!("-h {} -p {}", at.ip(), at.port()),
        Address::Unix(path) => format!("-s {}", path.display()),
    };
    format!("redis-cli {reach} RL.HIT user:1 60000 3")
}

/// A size in the largest binary unit that leaves at least 1.
fn size(bytes: u64) -> String {
    match bytes {
        u64::MAX => "unlimited".to_owned(),
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_to_try_reaches_the_address() {
        let tcp = |text: &str| trial(&Address::Tcp(text.parse().unwrap()));
        assert_eq!(tcp("127.0.0.1:6379"), "redis-cli -p 6379 RL.HIT user:1 60000 3");
        assert_eq!(tcp("0.0.0.0:7000"), "redis-cli -p 7000 RL.HIT user:1 60000 3");
        assert_eq!(tcp("10.0.0.7:7000"), "redis-cli -h 10.0.0.7 -p 7000 RL.HIT user:1 60000 3");
        let unix = trial(&Address::Unix("/run/ratel.sock".into()));
        assert_eq!(unix, "redis-cli -s /run/ratel.sock RL.HIT user:1 60000 3");
    }

    #[test]
    fn sizes_are_read_at_a_glance() {
        assert_eq!(size(512), "512 B");
        assert_eq!(size(1_048_576), "1.0 MiB");
        assert_eq!(size(18 << 30), "18.0 GiB");
        assert_eq!(size(u64::MAX), "unlimited");
    }
}
