//! A ceiling on memory: a run that would take all of the machine's ends with a message, and not by the kernel's choice.

use std::fs;
use std::io::{self, Write};
use std::process;
use std::thread;
use std::time::Duration;

use super::size::{self, amount};

/// The usual limit, as a share of the memory of the machine or of its container.
const SHARE: f64 = 0.9;
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The most memory that the program may take.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct MemoryLimit {
    /// End with an error rather than take more memory than this: 500M, 8G [default: nine tenths of the machine's]
    ///
    /// In a container with less memory, nine tenths of the container's. A run that ends this way leaves no output; what it
    /// downloaded stays in the cache. Linux only.
    #[arg(long, value_name = "SIZE", value_parser = size::parse, help_heading = "Settings")]
    memory_limit: Option<u64>,
}

impl MemoryLimit {
    /// Ends the program when it takes more. Returns at once.
    pub fn watch(self) {
        let Some(limit) = self.memory_limit.or_else(usual).filter(|_| resident().is_some()) else { return };
        let is_own = self.memory_limit.is_some();
        thread::spawn(move || {
            while resident().is_none_or(|bytes| bytes <= limit) {
                thread::sleep(POLL_INTERVAL);
            }
            let which = if is_own { "--memory-limit " } else { "nine tenths of this machine's memory, " };
            let _ = writeln!(
                io::stderr(),
                "error: the run needs more memory than {which}{}: ask about fewer networks or a shorter window, choose fewer \
                 collectors, or raise the limit",
                amount(limit)
            );
            // Whatever is being written appears whole or not at all.
            process::exit(1);
        });
    }
}

/// Returns how many bytes of this process are in memory. None where the system does not say.
fn resident() -> Option<u64> {
    fs::read_to_string("/proc/self/status").ok().and_then(|text| entry(&text, "VmRSS:"))
}

/// Returns the usual limit.
fn usual() -> Option<u64> {
    let of_machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| entry(&text, "MemTotal:"));
    let of_container = fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    let least = of_machine.into_iter().chain(of_container).min()?;
    Some((least as f64 * SHARE) as u64)
}

/// Returns an entry of a table of the kernel, `MemTotal:  24683656 kB`, in bytes.
fn entry(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_machine_is_read_from_its_table() {
        assert_eq!(entry("MemFree:  1 kB\nMemTotal:       24683656 kB\n", "MemTotal:"), Some(24_683_656 * 1024));
        assert_eq!(entry("MemTotal: many\n", "MemTotal:"), None);
    }
}
