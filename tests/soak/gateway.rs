//! The program as a process of its own, so that its memory is its own.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use crate::PATIENCE;
use crate::token::{AUDIENCE, ISSUER, Key, default_key};

const PROGRAM: &str = env!("CARGO_BIN_EXE_actiongate");
const CONFIG: &str = "actiongate.toml";

/// Killed when dropped.
pub struct Gateway {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
    /// Has something whenever its log says that it read its config again.
    reloads: Receiver<()>,
}

impl Gateway {
    /// Before this upstream, with more lines of `[listen]`.
    pub fn start(upstream: SocketAddr, listen: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let upstream = format!("url = \"http://{upstream}\"");
        Self::start_in(folder, listen, &upstream)
    }

    /// With the files of this folder, these lines of `[listen]` and these of `[upstream]`.
    pub fn start_in(folder: TempDir, listen: &str, upstream: &str) -> Self {
        let keys = Key::set(&[default_key()]);
        fs::write(folder.path().join("jwks.json"), keys).unwrap();
        fs::write(folder.path().join(CONFIG), config(listen, upstream)).unwrap();
        Self::run(folder)
    }

    /// Runs what the folder has.
    fn run(folder: TempDir) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["run", "--config", CONFIG])
            .current_dir(folder.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| address(&line.unwrap())).unwrap();
        let (sender, reloads) = mpsc::channel();
        // To the end, so that the pipe never fills.
        thread::spawn(move || {
            let is_reload = |line: &String| line.contains("the config was reloaded");
            for _ in lines.map_while(Result::ok).filter(is_reload) {
                let _ = sender.send(());
            }
        });
        Self {
            child,
            address,
            folder,
            reloads,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Tells it to read its config again, and waits until it says that it has.
    pub fn reload(&self) {
        // Of a file that it has seen change by itself.
        while self.reloads.try_recv().is_ok() {}
        // The shell's own, for a system without the program.
        let script = format!("kill -s HUP {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &script]).status();
        assert!(sent.unwrap().success(), "{script}");
        self.reloads.recv_timeout(PATIENCE).unwrap();
    }

    /// What it holds in memory now, in KiB.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most that it ever held, in KiB.
    pub fn most_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, label: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let text = fs::read_to_string(path).unwrap();
        let mut lines = text.lines();
        let figure = lines.find_map(|line| line.strip_prefix(label)).unwrap();
        figure.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Both fail where it has ended, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(listen: &str, upstream: &str) -> String {
    format!(
        "[listen]\naddress = \"127.0.0.1:0\"\n{listen}\n[upstream]\n{upstream}\n\
         [[issuer]]\nname = \"{ISSUER}\"\naudiences = [\"{AUDIENCE}\"]\nkeys = \"jwks.json\"\n\
         [issuer.claims]\nproject = \"/project_id\"\nactions = \"/actions\"\n\
         [audit]\nenabled = false\n"
    )
}

/// The address in the line of the log that has it.
fn address(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    line.get("address")?.as_str()?.parse().ok()
}
