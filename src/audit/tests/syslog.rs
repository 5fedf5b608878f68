//! The machine's log.

use std::os::unix::net::UnixDatagram;

use super::*;

fn to_socket(path: &Path) -> Settings {
    Target::Syslog(path.to_owned()).into()
}

#[test]
fn each_line_is_a_message_of_rfc_5424() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let socket = UnixDatagram::bind(&path).unwrap();
    let (auditor, writer) = start(&to_socket(&path)).unwrap();
    auditor.record(record());
    auditor.record(Record {
        decision: Some(Decision::Permit),
        ..record()
    });
    let mut message = [0; 4096];
    for priority in ["<109>1 ", "<110>1 "] {
        let length = socket.recv(&mut message).unwrap();
        let text = std::str::from_utf8(&message[..length]).unwrap();
        let (head, body) = text.split_once(" - ").unwrap();
        let fields: Vec<&str> = head.split(' ').collect();
        let process = std::process::id().to_string();
        assert_eq!(fields.len(), 6, "{head}");
        assert!(head.starts_with(priority), "{head}");
        assert_eq!(fields[1], "2023-11-14T22:13:20.000001Z");
        assert_eq!(fields[3..], ["actiongate", &process, "request"]);
        let line: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(line["reason"], "action_missing");
    }
    drop(auditor);
    assert_eq!(writer.finish(), 0);
}

#[test]
fn a_daemon_that_was_started_anew_gets_what_follows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let first = UnixDatagram::bind(&path).unwrap();
    let (auditor, writer) = start(&to_socket(&path)).unwrap();
    drop(first);
    std::fs::remove_file(&path).unwrap();
    let second = UnixDatagram::bind(&path).unwrap();
    auditor.record(record());
    let mut message = [0; 4096];
    assert!(second.recv(&mut message).unwrap() > 0);
    drop(auditor);
    assert_eq!(writer.finish(), 0);
}

#[test]
fn a_daemon_that_takes_nothing_costs_its_lines_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let socket = UnixDatagram::bind(&path).unwrap();
    let (auditor, writer) = start(&to_socket(&path)).unwrap();
    // More than its queue and ours together.
    let begun = std::time::Instant::now();
    for _ in 0..3 * QUEUE {
        auditor.record(record());
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "a worker waited");
    let counts = auditor.counts();
    assert!(counts.dropped() >= QUEUE as u64, "{counts:?}");
    drop((socket, auditor, writer));
    // Now that nobody is there, the rest is dropped without waiting.
    let deadline = begun + Duration::from_mins(1);
    while counts.dropped() + counts.written() < 3 * QUEUE as u64 {
        assert!(std::time::Instant::now() < deadline, "{counts:?}");
        thread::yield_now();
    }
    let error = start(&to_socket(&path)).unwrap_err().to_string();
    assert!(error.starts_with(&path.display().to_string()), "{error}");
}
