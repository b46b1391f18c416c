//! How often the kernel stops the program because its share of the processor is used up
//! (`cpu.stat` of its control group, versions 1 and 2).

use std::path::{Path, PathBuf};

use super::text;

/// Periods of the processor's quota so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Periods {
    /// Periods in which the program wanted to run.
    pub all: u64,
    /// Those in which it was stopped.
    pub throttled: u64,
}

impl Periods {
    /// The share of throttled ones since `earlier`; 0 when there were none.
    pub fn share_since(self, earlier: Self) -> f64 {
        let all = self.all.saturating_sub(earlier.all);
        let throttled = self.throttled.saturating_sub(earlier.throttled);
        if all == 0 { 0.0 } else { (throttled as f64 / all as f64).min(1.0) }
    }
}

/// Reads it below `root`; the group that is stopped most counts. Absent where there is
/// no quota.
pub fn read(root: &Path) -> Option<Periods> {
    let found = stat_files(root).into_iter().filter_map(|path| periods(&text(&path)?));
    found.max_by_key(|periods| (periods.throttled, periods.all))
}

fn periods(stat: &str) -> Option<Periods> {
    let value = |key: &str| -> Option<u64> {
        stat.lines().find_map(|line| line.strip_prefix(key)?.trim().parse().ok())
    };
    Some(Periods { all: value("nr_periods ")?, throttled: value("nr_throttled ")? })
}

/// Every level from the program's own group up to the root: each may have a quota.
fn stat_files(root: &Path) -> Vec<PathBuf> {
    let groups = text(&root.join("proc/self/cgroup")).unwrap_or_default();
    let mut files = Vec::new();
    for group in groups.lines() {
        let mut parts = group.splitn(3, ':');
        let (_, controllers, path) = (parts.next(), parts.next(), parts.next());
        let mount = match controllers {
            Some("") => "sys/fs/cgroup",
            Some(names) if names.split(',').any(|name| name == "cpu") => "sys/fs/cgroup/cpu",
            _ => continue,
        };
        let inner = Path::new(path.unwrap_or_default().trim_start_matches('/'));
        let levels = inner.ancestors().map(|level| root.join(mount).join(level));
        files.extend(levels.map(|level| level.join("cpu.stat")));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_with(files: &[(&str, &str)]) -> Option<Periods> {
        let root = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        read(root.path())
    }

    #[test]
    fn the_groups_own_periods_are_read_in_both_versions() {
        let second = [
            ("proc/self/cgroup", "0::/system.slice/watchpost.service\n"),
            (
                "sys/fs/cgroup/system.slice/watchpost.service/cpu.stat",
                "usage_usec 9\nnr_periods 100\nnr_throttled 60\nthrottled_usec 5\n",
            ),
            ("sys/fs/cgroup/cpu.stat", "usage_usec 9\n"),
        ];
        assert_eq!(read_with(&second), Some(Periods { all: 100, throttled: 60 }));
        let first = [
            ("proc/self/cgroup", "4:memory:/box\n3:cpu,cpuacct:/box\n"),
            ("sys/fs/cgroup/cpu/box/cpu.stat", "nr_periods 7\nnr_throttled 2\nthrottled_time 5\n"),
        ];
        assert_eq!(read_with(&first), Some(Periods { all: 7, throttled: 2 }));
        assert_eq!(read_with(&[]), None);
        assert_eq!(read_with(&[second[0], ("sys/fs/cgroup/cpu.stat", "nr_periods x\n")]), None);
    }

    #[test]
    fn the_share_is_that_of_the_periods_between() {
        let periods = |all, throttled| Periods { all, throttled };
        assert_eq!(periods(300, 80).share_since(periods(200, 30)), 0.5);
        assert_eq!(periods(200, 30).share_since(periods(200, 30)), 0.0);
        assert_eq!(periods(5, 5).share_since(periods(200, 30)), 0.0, "a new group");
    }
}
