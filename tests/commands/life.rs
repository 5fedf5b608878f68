//! The life of `run`: reload by signal, the way to its end, and what its exit code says.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use super::issuer::{CONFIG, ED25519, claims, issuer, sign};
use super::run::listening;
use super::{Folder, request};

const PATH: &str = "/v2.1/a1/servers/s1/metadata";

/// A config that forwards to `upstream`, with more lines of `[listen]`.
fn config(upstream: &TcpListener, listen: &str) -> String {
    let address = upstream.local_addr().unwrap();
    let text = CONFIG.replace("[listen]", &format!("[listen]\n{listen}"));
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let url = lines.iter_mut().find(|line| line.starts_with("url"));
    *url.unwrap() = format!("url = \"http://{address}\"");
    lines.join("\n")
}

/// A request that the upstream has got and never answers.
fn hang(folder: &Folder, address: &str, upstream: &TcpListener) -> (TcpStream, TcpStream) {
    let token = sign(folder, &claims(&["ecs:servers:listMetadata"]));
    let mut client = TcpStream::connect(address).unwrap();
    let head = format!("GET {PATH} HTTP/1.1\r\nHost: a\r\nX-Auth-Token: {token}\r\n\r\n");
    client.write_all(head.as_bytes()).unwrap();
    let (mut stream, _) = upstream.accept().unwrap();
    stream.read_exact(&mut [0; 16]).unwrap();
    (client, stream)
}

#[test]
fn a_hangup_reloads_and_reports_what_it_cannot_use() {
    let folder = issuer(ED25519);
    folder.write("actiongate.toml", CONFIG);
    let (running, address) = listening(&folder, "actiongate.toml");
    let other = "[table]\nfiles = [\"table.toml\"]\n";
    let public = "[[operation]]\npermission = 'v'\nroutes = ['GET /v9']\nproject = 'none'\nactions = ['a:b:c']\n";
    folder.write("table.toml", public);
    folder.write("actiongate.toml", &format!("{CONFIG}{other}"));
    running.signal("HUP");
    let log = running.err.until("the config was reloaded");
    assert!(log.contains("162 operations"), "{log}");
    let token = sign(&folder, &claims(&[]));
    let get = |path| request(&address, "GET", path, Some(&token), "");
    assert_eq!(get("/v9").0, 403);
    folder.write("table.toml", "nonsense");
    running.signal("HUP");
    let log = running.err.until("the last good one stays in use");
    assert!(log.contains("table.toml:1"), "{log}");
    assert_eq!(get("/v9").0, 403);
    running.signal("TERM");
    running.end().ended(0);
}

#[test]
fn what_needs_a_start_is_told() {
    let folder = issuer(ED25519);
    folder.write("actiongate.toml", CONFIG);
    let (running, _) = listening(&folder, "actiongate.toml");
    folder.write(
        "actiongate.toml",
        &CONFIG.replace("[listen]", "[listen]\nworkers = 7"),
    );
    running.signal("HUP");
    let log = running.err.until("the config was reloaded");
    assert!(
        log.contains("changes of [listen] take effect at the next start"),
        "{log}"
    );
    running.signal("TERM");
    running.end().ended(0);
}

#[test]
fn a_reload_takes_up_the_level_of_the_log() {
    let folder = issuer(ED25519);
    let write = |level: &str| {
        let log = format!("[log]\nlevel = \"{level}\"\n");
        folder.write("actiongate.toml", &format!("{CONFIG}{log}"));
    };
    // Reloads are told of by `app`, signals by `cli`.
    let levels = ["info", "warn,actiongate::app=info"];
    for (before, after) in [(levels[0], levels[1]), (levels[1], levels[0])] {
        write(before);
        let (running, _) = listening(&folder, "actiongate.toml");
        write(after);
        running.signal("HUP");
        let log = running.err.until("the config was reloaded");
        assert!(!log.contains("take effect at the next start"), "{log}");
        running.signal("TERM");
        let ran = running.end().ended(0);
        assert_eq!(ran.err.contains("SIGTERM"), after == "info", "{}", ran.err);
    }
}

#[test]
fn a_format_of_the_log_waits_for_a_start() {
    let folder = issuer(ED25519);
    folder.write("actiongate.toml", CONFIG);
    let (running, _) = listening(&folder, "actiongate.toml");
    let text = format!("{CONFIG}[log]\nformat = \"text\"\n");
    folder.write("actiongate.toml", &text);
    running.signal("HUP");
    let log = running.err.until("the config was reloaded");
    let expected = "a change of `log.format` takes effect at the next start";
    assert!(log.contains(expected), "{log}");
    running.signal("TERM");
    running.end().ended(0);
}

#[test]
fn connections_are_accepted_until_the_delay_is_over() {
    let folder = issuer(ED25519);
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    folder.write("actiongate.toml", &config(&upstream, "stop_delay = \"1s\""));
    let (running, address) = listening(&folder, "actiongate.toml");
    running.signal("TERM");
    let log = running.err.until("SIGTERM");
    assert!(!log.contains("connections are open"), "{log}");
    assert_eq!(request(&address, "GET", PATH, None, "").0, 401);
    running.err.until("connections are open");
    running.end().ended(0);
}

#[test]
fn the_exit_code_says_that_a_request_was_cut_off() {
    let folder = issuer(ED25519);
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    folder.write(
        "actiongate.toml",
        &config(&upstream, "drain_timeout = \"100ms\""),
    );
    let (running, address) = listening(&folder, "actiongate.toml");
    let _open = hang(&folder, &address, &upstream);
    running.signal("TERM");
    let ran = running.end().ended(4);
    assert!(ran.err.contains("cut off at the deadline"), "{}", ran.err);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = issuer(ED25519);
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    folder.write(
        "actiongate.toml",
        &config(&upstream, "drain_timeout = \"10m\""),
    );
    let (running, address) = listening(&folder, "actiongate.toml");
    let _open = hang(&folder, &address, &upstream);
    running.signal("TERM");
    running.err.until("connections are open");
    // One that asks for a reload is not a second one.
    running.signal("HUP");
    running.signal("INT");
    let ran = running.end().ended(4);
    assert!(ran.err.contains("SIGINT again"), "{}", ran.err);
}

#[test]
fn a_reload_that_hangs_does_not_keep_it_from_its_end() {
    let folder = issuer(ED25519);
    folder.write("actiongate.toml", CONFIG);
    let (running, _) = listening(&folder, "actiongate.toml");
    let config = folder.path("actiongate.toml");
    fs::remove_file(&config).unwrap();
    let made = Command::new("mkfifo").arg(&config).status().unwrap();
    assert!(made.success());
    running.signal("HUP");
    // Once it reads; nothing will ever come.
    let _writer = OpenOptions::new().write(true).open(&config).unwrap();
    running.signal("TERM");
    running.end().ended(0);
}
