//! What a process is given to listen with: sockets by systemd, descriptors by the system.

use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use super::issuer::{CONFIG, ED25519, issuer};
use super::run::address;
use super::{Folder, PROGRAM, Running, request};

/// Starts `run` from a line of shell.
fn run(folder: &Folder, script: &str, input: Stdio) -> Running {
    let mut command = Command::new("sh");
    command.args([
        "-c",
        &format!("{script}; exec \"$PROGRAM\" run --config actiongate.toml"),
    ]);
    command.env("PROGRAM", PROGRAM).current_dir(folder.path(""));
    Running::start_reading(&mut command, input)
}

#[test]
fn sockets_of_systemd_are_listened_on() {
    let folder = issuer(ED25519);
    // As systemd does it: descriptors from 3 on, for this process alone.
    let script = "exec 3<&0; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web";
    for value in ["systemd", "systemd:web"] {
        let config = CONFIG.replace("127.0.0.1:0", value);
        folder.write("actiongate.toml", &config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let expected = listener.local_addr().unwrap().to_string();
        let running = run(&folder, script, OwnedFd::from(listener).into());
        assert_eq!(address(&running), expected);
        assert_eq!(request(&expected, "GET", "/unlisted", None, "").0, 401);
        running.signal("TERM");
        running.end().ended(0);
    }
    folder.write(
        "actiongate.toml",
        &CONFIG.replace("127.0.0.1:0", "systemd:other"),
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let running = run(&folder, script, OwnedFd::from(listener).into());
    let expected = ["cannot listen on systemd:other", "no such socket"];
    running.end().failed_with(&expected);
    folder.write("actiongate.toml", &CONFIG.replace("127.0.0.1:0", "systemd"));
    let ran = folder.actiongate(&["run", "--config", "actiongate.toml"]);
    ran.failed_with(&["cannot listen on systemd", "no such socket"]);
}

#[test]
fn too_many_open_files_are_outlived() {
    let folder = issuer(ED25519);
    let config = CONFIG.replace("[listen]", "[listen]\nworkers = 1");
    folder.write("actiongate.toml", &config);
    let running = run(&folder, "ulimit -n 40", Stdio::null());
    let address = address(&running);
    let many: Vec<TcpStream> = (0..60)
        .map(|_| TcpStream::connect(&address).unwrap())
        .collect();
    running.err.until("cannot accept connections");
    drop(many);
    assert_eq!(request(&address, "GET", "/unlisted", None, "").0, 401);
    running.signal("TERM");
    running.end().ended(0);
}
