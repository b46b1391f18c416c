//! Memory that this process uses and may use.

use std::path::{Path, PathBuf};

use super::text;

/// Memory in bytes; 0 where the system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Resident memory of this process.
    pub used_bytes: u64,
    /// What it may use: the tightest limit of its control groups, or all there
    /// is.
    pub limit_bytes: u64,
}

/// Reads it below `root`.
pub fn read(root: &Path) -> Memory {
    let status = text(&root.join("proc/self/status")).unwrap_or_default();
    let info = text(&root.join("proc/meminfo")).unwrap_or_default();
    let total = kib_of(&info, "MemTotal:");
    let limits = limit_files(root).into_iter().filter_map(|path| limit(&path));
    Memory {
        used_bytes: kib_of(&status, "VmRSS:").unwrap_or_default(),
        limit_bytes: limits.chain(total).min().unwrap_or_default(),
    }
}

/// The bytes of a line such as `MemTotal:  3884112 kB` (proc(5); kB means KiB).
fn kib_of(text: &str, key: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

/// Where limits may stand: every level from the process's own group up to the
/// root, for control groups 2 (`0::/path`) and 1 (`N:memory:/path`). Within a
/// container the path may not be there, but the root is.
fn limit_files(root: &Path) -> Vec<PathBuf> {
    let groups = text(&root.join("proc/self/cgroup")).unwrap_or_default();
    let mut files = Vec::new();
    for group in groups.lines() {
        let mut parts = group.splitn(3, ':');
        let (_, controllers, path) = (parts.next(), parts.next(), parts.next());
        let (mount, file) = match controllers {
            Some("") => ("sys/fs/cgroup", "memory.max"),
            Some(names) if names.split(',').any(|name| name == "memory") => {
                ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let inner = Path::new(path.unwrap_or_default().trim_start_matches('/'));
        files.extend(inner.ancestors().map(|level| root.join(mount).join(level).join(file)));
    }
    files
}

/// A limit; `max` and absent files are none.
fn limit(path: &Path) -> Option<u64> {
    text(path)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:        1000 kB\nMemFree: 10 kB\n";

    fn limit_with(files: &[(&str, &str)]) -> u64 {
        let root = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        read(root.path()).limit_bytes
    }

    #[test]
    fn the_tightest_group_counts_and_without_one_all_memory() {
        let group = ("proc/self/cgroup", "0::/system.slice/watchpost.service\n");
        let info = ("proc/meminfo", MEMINFO);
        let parent = ("sys/fs/cgroup/system.slice/memory.max", "500000\n");
        let own = "sys/fs/cgroup/system.slice/watchpost.service/memory.max";
        assert_eq!(limit_with(&[info]), 1_024_000);
        assert_eq!(limit_with(&[info, group, parent, (own, "max\n")]), 500_000);
        assert_eq!(limit_with(&[info, group, parent, (own, "400000\n")]), 400_000);
    }

    #[test]
    fn the_unlimited_number_of_groups_1_is_no_limit() {
        let files = [
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "9:cpu:/\n4:memory:/box\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ];
        assert_eq!(limit_with(&files), 1_024_000);
    }

    #[test]
    fn resident_memory_is_read_from_the_process_status() {
        assert_eq!(kib_of("VmPeak: 9 kB\nVmRSS:\t   2048 kB\n", "VmRSS:"), Some(2 << 20));
        assert_eq!(kib_of("VmRSS: 99999999999999999999 kB", "VmRSS:"), None);
    }
}
