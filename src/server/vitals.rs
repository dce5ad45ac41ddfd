//! What the operating system says about this process.
//!
//! Not here: what the process counts itself. Invariant: a figure that cannot be read is 0.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are no client connections: listeners, runtimes, logs, snapshots, cluster sockets.
pub(super) const OPEN_FILES_RESERVE: u64 = 64;

/// Memory and processor time of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Vitals {
    pub(super) rss_bytes: u64,
    pub(super) rss_peak_bytes: u64,
    pub(super) cpu_user_s: f64,
    pub(super) cpu_sys_s: f64,
}

impl Vitals {
    pub(super) fn read() -> Vitals {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let (user, sys) = cpu_ticks(&stat).unwrap_or_default();
        let ticks_per_s = rustix::param::clock_ticks_per_second().max(1) as f64;
        Vitals {
            rss_bytes: status_bytes(&status, "VmRSS:"),
            rss_peak_bytes: status_bytes(&status, "VmHWM:"),
            cpu_user_s: user as f64 / ticks_per_s,
            cpu_sys_s: sys as f64 / ticks_per_s,
        }
    }
}

fn status_bytes(status: &str, field: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}

/// utime and stime of /proc/self/stat: the 12th and 13th field after the name, which stands in
/// parentheses and may hold blanks and parentheses itself.
fn cpu_ticks(stat: &str) -> Option<(u64, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// Operating system name, release and machine.
pub(super) fn os() -> String {
    let uname = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    [text(uname.sysname()), text(uname.release()), text(uname.machine())].join(" ")
}

/// Open-file limit in force.
pub(super) fn open_files_max() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Raises the open-file limit so that `clients` fit beside the reserve; returns how many clients
/// do fit, at least 1.
pub(super) fn make_room_for(clients: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = u64::try_from(clients).unwrap_or(u64::MAX).saturating_add(OPEN_FILES_RESERVE);
    if limit.current.is_some_and(|current| current < wanted) {
        // First with the hard limit raised too, which only root may.
        let maximum = limit.maximum.map(|hard| hard.max(wanted));
        let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
        if raised.is_err() {
            let current = limit.maximum.map(|hard| hard.min(wanted));
            let soft = Rlimit { current, maximum: limit.maximum };
            // Where this fails too the old limit stands, and is what is counted with below.
            let _ = setrlimit(Resource::Nofile, soft);
        }
    }
    let room = open_files_max().saturating_sub(OPEN_FILES_RESERVE).max(1);
    clients.min(usize::try_from(room).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_any_process_name() {
        let stat = "7 (a ) (b) S 1 2 3 4 5 6 7 8 9 10 111 222 0 0 20";
        assert_eq!(cpu_ticks(stat), Some((111, 222)));
        assert_eq!(cpu_ticks("7 (a) S 1"), None);
    }

    #[test]
    fn this_process_has_vital_signs() {
        let vitals = Vitals::read();
        assert!(vitals.rss_bytes > 100_000, "{vitals:?}");
        assert!(vitals.rss_peak_bytes >= vitals.rss_bytes, "{vitals:?}");
        assert_eq!(os().split(' ').count(), 3);
    }

    #[test]
    fn no_more_clients_are_promised_than_files_can_be_opened() {
        let fit = make_room_for(usize::MAX);
        let files = u64::try_from(fit).unwrap().saturating_add(OPEN_FILES_RESERVE);
        assert!(files <= open_files_max().max(OPEN_FILES_RESERVE + 1), "{fit}");
        assert_eq!(make_room_for(10), 10);
    }
}
