//! How much memory a job may still take.

use std::fs;
use std::path::{Path, PathBuf};

/// Bytes that this process can still take before it is in danger of being killed: what the system says
/// is available, and what the control groups around the process leave it. `None` where the system does
/// not tell (Apple's and Windows): there the host says it.
pub(crate) fn available() -> Option<u64> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok();
    let system = meminfo.and_then(|text| field(&text, "MemAvailable:")).map(|kib| kib * 1024);
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let left = groups.lines().flat_map(|line| places(line, Path::new("/sys/fs/cgroup")));
    system.into_iter().chain(left.filter_map(|place| place.left())).min()
}

/// Bytes of this process that lie in memory now, and the most there ever were, or were since
/// [`reset_peak`].
pub(crate) fn resident() -> Option<(u64, u64)> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    Some((field(&status, "VmRSS:")? * 1024, field(&status, "VmHWM:")? * 1024))
}

/// Begins to look for the peak anew (proc(5), clear_refs); says whether that was possible.
pub(crate) fn reset_peak() -> bool {
    fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// The number after a name.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A control group's folder, and what its files are called there.
struct Group {
    folder: PathBuf,
    limit: &'static str,
    usage: &'static str,
    inactive: &'static str,
}

/// The groups that a line of /proc/self/cgroup names, from the process's own up to the root: a limit
/// holds for all below it.
fn places(line: &str, root: &Path) -> Vec<Group> {
    let mut parts = line.splitn(3, ':');
    let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next())
    else {
        return Vec::new();
    };
    let (base, [limit, usage, inactive]) = if controllers.is_empty() {
        (root.to_owned(), ["memory.max", "memory.current", "inactive_file"])
    } else if controllers.split(',').any(|name| name == "memory") {
        let names = ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"];
        (root.join("memory"), names)
    } else {
        return Vec::new();
    };
    let own = base.join(path.trim_start_matches('/'));
    let up = own.ancestors().take_while(|folder| folder.starts_with(&base));
    up.map(|folder| Group { folder: folder.to_owned(), limit, usage, inactive }).collect()
}

impl Group {
    /// What is left below the limit, with what the kernel would give back of files.
    fn left(&self) -> Option<u64> {
        let number =
            |name: &str| fs::read_to_string(self.folder.join(name)).ok()?.trim().parse().ok();
        let (limit, used): (u64, u64) = (number(self.limit)?, number(self.usage)?);
        let stat = fs::read_to_string(self.folder.join("memory.stat")).unwrap_or_default();
        let files = stat.lines().find_map(|line| {
            line.strip_prefix(self.inactive)?.strip_prefix(' ')?.trim().parse::<u64>().ok()
        });
        Some(limit.saturating_sub(used.saturating_sub(files.unwrap_or(0))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_group_counts_and_files_can_be_given_back() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("app/job");
        fs::create_dir_all(&inner).unwrap();
        let write = |folder: &Path, limit: &str, used: &str| {
            fs::write(folder.join("memory.max"), limit).unwrap();
            fs::write(folder.join("memory.current"), used).unwrap();
            fs::write(folder.join("memory.stat"), "anon 5\ninactive_file 100\n").unwrap();
        };
        write(&inner, "max\n", "700\n");
        write(&root.path().join("app"), "1000\n", "900\n");
        let left = |line: &str| places(line, root.path()).iter().filter_map(Group::left).min();
        // No limit of its own; 1000 − (900 − 100) of the one around it.
        assert_eq!(left("0::/app/job"), Some(200));
        write(&inner, "750\n", "700\n");
        assert_eq!(left("0::/app/job"), Some(150));
        assert_eq!(left("0::/other"), None);
        assert_eq!(left("4:cpu,cpuacct:/app"), None);
        assert_eq!(left("nonsense"), None);
        let old = root.path().join("memory/app");
        fs::create_dir_all(&old).unwrap();
        fs::write(old.join("memory.limit_in_bytes"), "500").unwrap();
        fs::write(old.join("memory.usage_in_bytes"), "600").unwrap();
        assert_eq!(left("9:memory:/app"), Some(0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_a_peak_and_something_left() {
        let (now, peak) = resident().unwrap();
        assert!(now > 0 && peak >= now / 2);
        assert!(available().unwrap() > 0);
    }
}
