//! What the kernel knows of the process, under the names that every Prometheus client uses.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::MetricType;

use super::{Family, Value, gauge, number, seconds};

/// What the kernel tells times to programs in, on every architecture: hundredths of a second.
const TICKS: f64 = 100.0;

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
    let limits = fs::read_to_string("/proc/self/limits").ok();
    if let Some(most) = limits.as_deref().and_then(most_files) {
        let help = "The most file descriptors that may be open";
        families.push(gauge("process_max_fds", help, number(most)));
    }
    let times = fs::read_to_string("/proc/self/stat").ok();
    if let Some(seconds) = times.as_deref().and_then(processor_time) {
        families.push(Family {
            name: "process_cpu_seconds",
            help: "Processor time that was used, by the program and by the kernel for it",
            kind: MetricType::Counter,
            samples: vec![(Vec::new(), Value::Seconds(seconds))],
        });
    }
    families
}

fn resident(status: &str) -> Option<usize> {
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// The soft limit; none where there is no limit.
fn most_files(limits: &str) -> Option<usize> {
    let mut lines = limits.lines();
    let line = lines.find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The 14th and 15th field of proc(5)'s `stat`. The second is a name that may hold anything, in
/// parentheses.
fn processor_time(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let of_program: u32 = fields.next()?.parse().ok()?;
    let of_kernel: u32 = fields.next()?.parse().ok()?;
    Some((f64::from(of_program) + f64::from(of_kernel)) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_read_as_it_writes() {
        let status = "VmHWM:\t   29000 kB\nVmRSS:\t   26038 kB\n";
        assert_eq!(resident(status), Some(26038));
        assert_eq!(resident("Name:\tactiongate\n"), None);
        let limits = "Max processes             63000                63000                processes \n\
            Max open files            1024                 524288               files     \n";
        assert_eq!(most_files(limits), Some(1024));
        let unlimited =
            "Max open files            unlimited            unlimited            files     \n";
        assert_eq!(most_files(unlimited), None);
        let stat = "7 (odd ) name) S 1 7 7 0 -1 4194560 3000 0 0 0 1234 66 0 0 20 0 4 0 100 9 9";
        assert_eq!(processor_time(stat), Some(13.0));
        assert_eq!(processor_time("7 (short) S 1"), None);
    }
}
