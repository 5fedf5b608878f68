//! What the kernel knows of the process, under the names that every Prometheus client uses.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Family, gauge, number, seconds};

pub fn families(started: SystemTime) -> Vec<Family> {
    let started = started.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut families = vec![gauge(
        "process_start_time_seconds",
        "When the process was started",
        seconds(started),
    )];
    // Where /proc cannot be read, nothing is said.
    let memory = fs::read_to_string("/proc/self/status").ok();
    if let Some(kibibytes) = memory.as_deref().and_then(resident) {
        let help = "Resident memory";
        let bytes = number(kibibytes * 1024);
        families.push(gauge("process_resident_memory_bytes", help, bytes));
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        let help = "Open file descriptors";
        families.push(gauge("process_open_fds", help, number(open.count())));
    }
    families
}

fn resident(status: &str) -> Option<usize> {
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
