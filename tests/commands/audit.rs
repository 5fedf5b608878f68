//! `audit`: a chain proves what happened to its file, whoever happened to it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::Instant;

use serde_json::Value;

use super::issuer::{CONFIG, ED25519, issuer};
use super::run::{address, listening};
use super::{Folder, PATIENCE, Running};

const AUDIT: &str = "[audit]\nfile = \"audit.jsonl\"\nchain = true\nchain_key = \"chain.key\"\n";
const VERIFY: [&str; 4] = ["audit", "verify", "--key", "chain.key"];

fn chained() -> Folder {
    let folder = issuer(ED25519);
    folder.write("actiongate.toml", &format!("{CONFIG}{AUDIT}"));
    folder.write("chain.key", &format!("{}\n", "0123456789abcdef".repeat(2)));
    folder
}

/// Sends requests over one connection, as many as there are or until it breaks: how many were answered.
fn send(address: &str, count: usize) -> usize {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET /v2.1/a1/servers HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let mut answer = [0; 4096];
    for number in 0..count {
        if stream.write_all(request.as_bytes()).is_err() {
            return number;
        }
        let mut text = Vec::new();
        // The body is one object, with one inside.
        while !text.ends_with(b"}}") {
            match stream.read(&mut answer) {
                Ok(0) | Err(_) => return number,
                Ok(length) => text.extend_from_slice(&answer[..length]),
            }
        }
    }
    count
}

fn stop(running: Running) {
    running.signal("TERM");
    running.end().ended(0);
}

fn verify(folder: &Folder, files: &[&str]) -> super::Ran {
    folder.actiongate(&[&VERIFY[..], files].concat())
}

#[test]
fn a_killed_gateways_file_is_whole_up_to_its_torn_end() {
    let folder = chained();
    let (running, address) = listening(&folder, "actiongate.toml");
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let address = address.clone();
            thread::spawn(move || send(&address, usize::MAX))
        })
        .collect();
    let deadline = Instant::now() + PATIENCE;
    while folder.read("audit.jsonl").lines().count() < 1000 {
        assert!(Instant::now() < deadline, "no lines");
    }
    running.signal("KILL");
    assert_eq!(running.end().code, None);
    let answered: usize = senders
        .into_iter()
        .map(|sender| sender.join().unwrap())
        .sum();
    let text = folder.read("audit.jsonl");
    let count = text.lines().count();
    // What was gathered at that moment is lost: it was never in the file.
    assert!((1000..=answered + 5).contains(&count), "{count} {answered}");
    let ran = verify(&folder, &["audit.jsonl"]);
    match text.ends_with('\n') {
        true => assert_eq!(ran.code, Some(0), "{}", ran.out),
        false => assert!(
            ran.out.starts_with(&format!(
                "audit.jsonl:{count}: BROKEN: the last line is torn"
            )),
            "{}",
            ran.out
        ),
    }
    // As a power failure may leave it.
    let last = text.lines().nth(count - 1).unwrap();
    let length = text.trim_end().len() - last.len() + 40;
    folder.write("audit.jsonl", text.get(..length).unwrap());
    let torn = verify(&folder, &["audit.jsonl"]).ended(1).out;
    let expected = format!(
        "audit.jsonl:{count}: BROKEN: the last line is torn: it ends after 40 bytes, without its end\n"
    );
    assert!(torn.starts_with(&expected), "{torn}");
    assert_eq!(torn.matches("BROKEN").count(), 1, "{torn}");

    let (running, address) = listening(&folder, "actiongate.toml");
    assert_eq!(send(&address, 3), 3);
    stop(running);
    let whole = verify(&folder, &["audit.jsonl"]).ended(0).out;
    let expected = format!(
        "audit.jsonl:{count}: note: torn: 40 bytes of a line that was cut off, as the line behind it says\n"
    );
    assert!(whole.starts_with(&expected), "{whole}");
    let end = whole.lines().find_map(|line| line.strip_prefix("end "));
    let end = end.unwrap().trim();
    let expect = |end: &str| verify(&folder, &["--expect-end", end, "audit.jsonl"]);
    expect(end).ended(0);
    let cut = expect(&"0".repeat(64)).ended(1).out;
    assert!(cut.contains("lines are missing or were added"), "{cut}");

    let text = folder.read("audit.jsonl");
    let lines: Vec<&str> = text.lines().collect();
    let mischief = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        change(&mut lines);
        folder.write("changed", &(lines.join("\n") + "\n"));
        let out = verify(&folder, &["changed"]).ended(1).out;
        let broken = out.lines().filter(|line| line.contains(": BROKEN: "));
        let places = broken.map(|line| line.split(':').nth(1).unwrap().parse().unwrap());
        places.collect::<Vec<usize>>()
    };
    let changed = |lines: &mut Vec<String>| lines[9] = lines[9].replace("reject", "permit");
    assert_eq!(mischief(&changed), [10]);
    assert_eq!(mischief(&|lines| drop(lines.remove(9))), [10]);
    assert_eq!(mischief(&|lines| lines.swap(9, 10)), [10, 11, 12]);
    let ran = folder
        .actiongate(&["audit", "verify", "audit.jsonl"])
        .ended(1);
    assert!(
        ran.out.starts_with("audit.jsonl:1: BROKEN"),
        "without its key: {}",
        ran.out
    );
}

#[test]
fn files_that_are_moved_away_under_load_lose_no_line() {
    let folder = chained();
    let (running, address) = listening(&folder, "actiongate.toml");
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let address = address.clone();
            thread::spawn(move || send(&address, 2000))
        })
        .collect();
    for name in ["audit.3", "audit.2", "audit.1"] {
        fs::rename(folder.path("audit.jsonl"), folder.path(name)).unwrap();
        running.signal("HUP");
        running.err.until("the config was reloaded");
        let deadline = Instant::now() + PATIENCE;
        while !folder.path("audit.jsonl").exists() {
            assert!(Instant::now() < deadline, "it is not opened again");
            // Where the others are done already.
            send(&address, 1);
        }
    }
    let answered: usize = senders
        .into_iter()
        .map(|sender| sender.join().unwrap())
        .sum();
    assert_eq!(answered, 8000);
    stop(running);
    let files = ["audit.3", "audit.2", "audit.1", "audit.jsonl"];
    let text: String = files.map(|name| folder.read(name)).concat();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    let requests = lines
        .iter()
        .filter(|line| line["reason"] == "token_missing");
    let more = lines.iter().filter(|line| line["event"] == "begin").count();
    assert_eq!(more, 4);
    let count = requests.count();
    assert!(count >= 8000, "{count}");
    assert_eq!(count + more, lines.len());
    let whole = verify(&folder, &files).ended(0).out;
    assert!(!whole.contains("note"), "{whole}");
    verify(&folder, &["audit.3", "audit.1", "audit.jsonl"]).ended(1);
}

#[test]
fn what_cannot_be_verified_is_trouble() {
    let folder = chained();
    let ran = verify(&folder, &["none"]).ended(2);
    assert!(ran.err.contains("none"), "{}", ran.err);
    folder.write("plain", "{}\n");
    let ran = verify(&folder, &["plain"]).ended(1);
    assert!(ran.out.contains("no line carries a digest"), "{}", ran.out);
    let schema = folder.actiongate(&["audit", "schema"]).ended(0).out;
    let schema: Value = serde_json::from_str(&schema).unwrap();
    assert_eq!(schema["title"], "A line of actiongate's audit");
    folder.write("chain.key", "short");
    let ran = folder
        .actiongate(&["check", "--config", "actiongate.toml"])
        .ended(1);
    assert!(
        ran.out
            .contains("chain.key: it has less than 32 characters"),
        "{}",
        ran.out
    );
}

#[test]
fn a_disk_that_was_full_cost_the_lines_that_are_told_of() {
    let folder = chained();
    // A file that may not grow on is as a disk that is full: writes end half-way, then fail.
    let script =
        "exec env --ignore-signal=XFSZ prlimit --fsize=5000: $PROGRAM run --config actiongate.toml";
    let running = folder.start_shell(script);
    let address = address(&running);
    let mut sent = send(&address, 30);
    running
        .err
        .until("audit lines are lost until the sink works again");
    let id = running.child.id().to_string();
    let status = Command::new("prlimit")
        .args(["--pid", &id, "--fsize=unlimited:"])
        .status();
    assert!(status.unwrap().success());
    sent += send(&address, 1);
    running.err.until("audit lines were dropped");
    stop(running);
    let text = folder.read("audit.jsonl");
    let count = |text: &str, what: &str| text.lines().filter(|line| line.contains(what)).count();
    let events = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let dropped: u64 = events
        .filter(|event: &Value| event["event"] == "dropped")
        .map(|event| event["lines"].as_u64().unwrap())
        .sum();
    let whole = text
        .lines()
        .filter(|line| serde_json::from_str::<Value>(line).is_ok());
    let written = whole.filter(|line| line.contains("request_id")).count();
    assert_eq!(written + usize::try_from(dropped).unwrap(), sent, "{text}");
    assert_eq!(count(&text, "\"event\":\"torn\""), 1, "{text}");
    verify(&folder, &["audit.jsonl"]).ended(0);
}
