//! How much memory the process may use: the machine's, or its control group's if that is less.
//!
//! Not here: what counters take (store/). Invariant: a limit that cannot be read is no limit,
//! never 0.

use std::fs;
use std::path::{Path, PathBuf};

/// Share of the memory that `maxmemory 0` stands for, percent: the rest is for buffers, the
/// allocator's slack and the neighbours.
const MAXMEMORY_PERCENT: u64 = 75;

/// Memory of the machine or, where it is less, of the control group (v1 or v2, all its ancestors)
/// that the process runs in, bytes; `None` where neither can be read.
pub fn system_memory_bytes() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_bytes(&text));
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let group = limit_bytes(Path::new("/sys/fs/cgroup"), &groups);
    machine.into_iter().chain(group).min()
}

/// `maxmemory` in force, bytes: the setting, or where that is 0, 75 % of the system's memory; no
/// limit (`u64::MAX`) where that is unknown.
pub fn effective_maxmemory_bytes(setting_bytes: u64) -> u64 {
    if setting_bytes > 0 {
        return setting_bytes;
    }
    system_memory_bytes().map_or(u64::MAX, |bytes| bytes / 100 * MAXMEMORY_PERCENT)
}

fn total_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The least memory limit on the way from the process's group up to the root at `root`.
/// `groups` is the text of /proc/self/cgroup: lines `id:controllers:/path`.
fn limit_bytes(root: &Path, groups: &str) -> Option<u64> {
    let mut least = None;
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else {
            continue;
        };
        let (base, file) = if controllers.is_empty() {
            (root.to_path_buf(), "memory.max")
        } else if controllers.split(',').any(|name| name == "memory") {
            (root.join("memory"), "memory.limit_in_bytes")
        } else {
            continue;
        };
        // In a container the path may be the host's and not exist here; the root then holds
        // the container's own limit, so every step that does not exist is passed over.
        let mut at: PathBuf = base.join(group.trim_start_matches('/'));
        loop {
            let limit = fs::read_to_string(at.join(file)).ok();
            let limit = limit.and_then(|text| text.trim().parse::<u64>().ok());
            least = least.into_iter().chain(limit).min();
            if at == base || !at.pop() {
                break;
            }
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn reads_the_machines_total() {
        assert_eq!(total_bytes("MemTotal:       24576 kB\nMemFree: 1 kB\n"), Some(24576 * 1024));
        assert_eq!(total_bytes("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn the_least_limit_of_a_v2_group_and_its_ancestors_counts() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "a/memory.max", "1000\n");
        write(root.path(), "a/b/memory.max", "max\n");
        assert_eq!(limit_bytes(root.path(), "0::/a/b\n"), Some(1000));
    }

    #[test]
    fn the_limit_of_a_v1_group_counts() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "memory/memory.limit_in_bytes", "9223372036854771712\n");
        write(root.path(), "memory/pod/memory.limit_in_bytes", "67108864\n");
        let groups = "4:cpu,cpuacct:/pod\n9:memory:/pod\n1:name=systemd:/\n";
        assert_eq!(limit_bytes(root.path(), groups), Some(67_108_864));
    }

    #[test]
    fn a_container_that_sees_the_hosts_path_finds_its_limit_at_the_root() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "memory.max", "5000\n");
        assert_eq!(limit_bytes(root.path(), "0::/host/only/path\n"), Some(5000));
    }

    #[test]
    fn no_limit_is_no_limit() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(limit_bytes(root.path(), "0::/\n"), None);
        assert_eq!(limit_bytes(root.path(), "nonsense"), None);
        assert_eq!(effective_maxmemory_bytes(4096), 4096);
        assert!(effective_maxmemory_bytes(0) > 0);
    }
}
