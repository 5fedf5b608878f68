//! `run`, and what holds for every command: usage, help, and a reader that goes away.

use std::io;
use std::net::TcpListener;
use std::process::Command;

use serde_json::Value;

use super::check::{FIVE_MISTAKES, FIVE_PROBLEMS};
use super::issuer::{CONFIG, ED25519, claims, issuer, sign};
use super::{Folder, PROGRAM, Running, request};

/// Starts `run` and waits until it listens: the process and its address.
pub fn listening(folder: &Folder, config: &str) -> (Running, String) {
    let running = folder.start(&["run", "--config", config]);
    let address = address(&running);
    (running, address)
}

/// Waits until it listens; where.
pub fn address(running: &Running) -> String {
    let log = running.err.until("\"address\"");
    let line: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    line["address"].as_str().unwrap().to_owned()
}

#[test]
fn serves_until_it_is_told_to_stop() {
    let folder = issuer(ED25519);
    folder.write(
        "actiongate.toml",
        &format!("{CONFIG}[audit]\nfile = \"-\"\n"),
    );
    let token = sign(&folder, &claims(&["ecs:servers:setMetadata"]));
    for name in ["TERM", "INT"] {
        let (running, address) = listening(&folder, "actiongate.toml");
        let path = "/v2.1/a1/servers/s1/metadata";
        let (status, body) = request(&address, "PUT", path, Some(&token), "{}");
        assert_eq!(status, 403, "{body}");
        assert!(body.contains("ecs:servers:get"), "{body}");
        assert_eq!(request(&address, "PUT", path, None, "{}").0, 401);
        running.signal(name);
        let ran = running.end().ended(0);
        let lines = ran
            .out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let reasons: Vec<Value> = lines.map(|line: Value| line["reason"].clone()).collect();
        assert_eq!(reasons, ["action_missing", "token_missing"], "{}", ran.out);
        assert!(!ran.out.contains(&token), "a token in the audit");
        assert!(!ran.err.contains(&token), "a token in the log");
    }
}

#[test]
fn a_signal_right_after_the_start_is_not_lost() {
    let folder = issuer(ED25519);
    for _ in 0..10 {
        let (running, _) = listening(&folder, "actiongate.toml");
        running.signal("TERM");
        running.end().ended(0);
    }
}

#[test]
fn a_broken_config_is_told_problem_by_problem() {
    let folder = issuer(ED25519);
    folder.write("actiongate.toml", FIVE_MISTAKES);
    let ran = folder
        .actiongate(&["run", "--config", "actiongate.toml"])
        .ended(1);
    assert_eq!(ran.out, "");
    for (place, parts) in FIVE_PROBLEMS {
        let line = ran.err.lines().find(|line| line.contains(place));
        let line = line.unwrap_or_else(|| panic!("no {place:?} in\n{}", ran.err));
        for part in parts {
            assert!(line.contains(part), "no {part:?} in {line:?}");
        }
    }
    assert!(ran.err.contains("the config cannot be used"), "{}", ran.err);
}

/// So that an editor finds the place.
#[test]
fn every_problem_starts_its_line_with_the_place() {
    let folder = issuer(ED25519);
    folder.write("actiongate.toml", FIVE_MISTAKES);
    folder.write("a.token", "a.b.c");
    let commands: [&[&str]; 4] = [
        &["run", "--config", "actiongate.toml"],
        &["routes", "--config", "actiongate.toml"],
        &["token", "show", "--config", "actiongate.toml", "a.b.c"],
        &[
            "explain",
            "--config",
            "actiongate.toml",
            "--token",
            "a.token",
            "GET",
            "/",
        ],
    ];
    for arguments in commands {
        let ran = folder.actiongate(arguments).ended(1);
        for (place, _) in FIVE_PROBLEMS {
            let is_there = ran.err.lines().any(|line| line.starts_with(place));
            assert!(is_there, "no line starts with {place:?} in\n{}", ran.err);
        }
    }
}

#[test]
fn what_it_cannot_start_with_is_told() {
    let folder = issuer(ED25519);
    folder
        .actiongate(&["run", "--config", "none.toml"])
        .failed_with(&["none.toml", "cannot be read", "No such file"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    folder.write("taken.toml", &CONFIG.replace("127.0.0.1:0", &address));
    folder
        .actiongate(&["run", "--config", "taken.toml"])
        .failed_with(&["cannot listen on", &address, "in use"]);
    folder.write("jwks.json", "{}");
    folder
        .actiongate(&["run", "--config", "actiongate.toml"])
        .failed_with(&["jwks.json", "https://iam.example.com", "no array `keys`"]);
}

#[test]
fn help_and_version_are_no_failure() {
    let folder = Folder::new();
    let help = folder.actiongate(&["--help"]).ended(0);
    for command in ["run", "check", "routes", "explain", "token", "demo"] {
        let start = format!("  {command} ");
        assert!(
            help.out.lines().any(|line| line.starts_with(&start)),
            "{}",
            help.out
        );
        let help = folder.actiongate(&[command, "--help"]).ended(0);
        assert!(help.out.contains("Usage: actiongate"), "{}", help.out);
    }
    let version = folder.actiongate(&["--version"]).ended(0);
    assert_eq!(
        version.out,
        concat!("actiongate ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn what_is_not_understood_is_a_usage_error() {
    let folder = Folder::new();
    let cases: [(&[&str], &str); 11] = [
        (&[], "Usage"),
        (&["runn"], "run"),
        (&["run"], "--config"),
        (&["check"], "--config"),
        (&["routes", "--format", "xml"], "markdown"),
        (&["explain"], "--token"),
        (
            &["explain", "--config", "c", "--token", "t", "GET"],
            "<PATH>",
        ),
        (&["token"], "sign"),
        (&["token", "sign", "--claims", "{}"], "--key"),
        (&["token", "show", "--config", "c"], "<TOKEN|->"),
        (&["demo", "--listen", "here"], "--listen"),
    ];
    for (arguments, part) in cases {
        let ran = folder.actiongate(arguments).ended(2);
        assert_eq!(ran.out, "", "{arguments:?}");
        assert!(ran.err.contains(part), "{arguments:?}\n{}", ran.err);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = issuer(ED25519);
    folder.write("a.token", &sign(&folder, &claims(&["ecs:*:*"])));
    let show = folder.read("a.token");
    let path = "/v2.1/a1/servers/s1/metadata";
    let commands: [&[&str]; 8] = [
        &["routes"],
        &["routes", "--format", "json"],
        &["routes", "--format", "markdown"],
        &["check", "--config", "actiongate.toml"],
        &[
            "explain",
            "--config",
            "actiongate.toml",
            "--token",
            "a.token",
            "GET",
            path,
        ],
        &["token", "show", "--config", "actiongate.toml", &show],
        &["--help"],
        &["--version"],
    ];
    for arguments in commands {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let ran = Command::new(PROGRAM)
            .args(arguments)
            .current_dir(folder.path(""))
            .stdout(writer)
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&ran.stderr);
        assert_eq!((ran.status.code(), &*err), (Some(0), ""), "{arguments:?}");
    }
    let piped = folder.shell("\"$PROGRAM\" routes | head -1").ended(0);
    assert_eq!(piped.out, "Querying AZs\n");
    assert_eq!(piped.err, "");
}
