//! The real program from outside: what each command prints and how it ends.
//!
//! Every test has a folder of its own as working directory, so that file names in messages are
//! short. Every wait is bounded, and no process outlives its test.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test that cannot go on has failed"
)]

mod asked;
mod audit;
mod can;
mod cases;
mod check;
mod config;
mod demo;
mod demo_files;
mod diff;
mod evidence;
mod explain;
mod explain_recorded;
mod family;
mod health;
mod import;
mod import_diff;
mod issuer;
mod life;
mod listen;
mod note;
mod pasted;
#[cfg(feature = "peers")]
mod peers;
#[cfg(feature = "peers")]
mod peers_tls;
mod policy;
mod recorded;
mod replay;
mod reported;
mod revocation;
mod routes;
mod run;
mod suggest;
mod token;
mod trace;

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_actiongate");
/// Far longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A working directory that is gone after the test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Starts the program, here.
    fn start(&self, arguments: &[&str]) -> Running {
        let mut command = Command::new(PROGRAM);
        Running::start(command.args(arguments).current_dir(self.0.path()))
    }

    /// Runs the program to its end.
    fn actiongate(&self, arguments: &[&str]) -> Ran {
        self.start(arguments).end()
    }

    /// The same with `input` as its standard input.
    fn actiongate_reading(&self, input: &str, arguments: &[&str]) -> Ran {
        let mut running = self.start(arguments);
        running.feed(input);
        running.end()
    }

    /// Runs a line of shell to its end; `$PROGRAM` is the program.
    fn shell(&self, script: &str) -> Ran {
        self.start_shell(script).end()
    }

    /// The same, but does not wait.
    fn start_shell(&self, script: &str) -> Running {
        let mut command = Command::new("sh");
        command
            .args(["-c", script])
            .env("PROGRAM", PROGRAM)
            .current_dir(self.0.path());
        Running::start(&mut command)
    }
}

/// A process that is killed when the test lets go of it.
struct Running {
    child: Child,
    out: Lines,
    err: Lines,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        Self::start_reading(command, Stdio::piped())
    }

    fn start_reading(command: &mut Command, input: Stdio) -> Self {
        let command = command
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = Lines::read(child.stdout.take().unwrap());
        let err = Lines::read(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    fn feed(&mut self, input: &str) {
        // A program that reads no input may have closed it.
        let _ = self.child.stdin.take().unwrap().write_all(input.as_bytes());
    }

    fn signal(&self, name: &str) {
        // The shell's own, for a system without the program.
        let script = format!("kill -s {name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &script]).status();
        assert!(sent.unwrap().success(), "{script}");
    }

    /// Waits until it ends by itself.
    fn end(mut self) -> Ran {
        drop(self.child.stdin.take());
        let (out, err) = (self.out.rest(), self.err.rest());
        let code = self.child.wait().unwrap().code();
        Ran { code, out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail where it has ended, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process writes, taken by a thread so that the pipe never fills.
struct Lines(mpsc::Receiver<String>);

impl Lines {
    fn read(stream: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines() {
                if line.is_ok_and(|line| sender.send(line).is_err()) {
                    return;
                }
            }
        });
        Self(receiver)
    }

    /// The lines up to and with the first that holds `mark`.
    fn until(&self, mark: &str) -> String {
        let mut text = String::new();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.0.recv_timeout(left) {
                Ok(line) => {
                    let is_found = line.contains(mark);
                    text += &line;
                    text.push('\n');
                    if is_found {
                        return text;
                    }
                }
                Err(error) => panic!("{error} while waiting for {mark:?}, after\n{text}"),
            }
        }
    }

    fn rest(&self) -> String {
        let mut text = String::new();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.0.recv_timeout(left) {
                Ok(line) => {
                    text += &line;
                    text.push('\n');
                }
                Err(RecvTimeoutError::Disconnected) => return text,
                Err(RecvTimeoutError::Timeout) => panic!("no end after\n{text}"),
            }
        }
    }
}

/// How a process ended and what it wrote.
#[derive(Debug)]
struct Ran {
    /// None where a signal ended it.
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    #[track_caller]
    fn ended(self, code: i32) -> Self {
        let Self { code: found, .. } = self;
        assert_eq!(
            found,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.out,
            self.err
        );
        self
    }

    /// It failed, and its message holds all of `parts`.
    #[track_caller]
    fn failed_with(self, parts: &[&str]) {
        let ran = self.ended(1);
        for part in parts {
            assert!(ran.err.contains(part), "no {part:?} in\n{}", ran.err);
        }
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
    }

    /// The rest of the line of standard output that starts with `label`.
    #[track_caller]
    fn line(&self, label: &str) -> &str {
        let mut lines = self.out.lines();
        let line = lines.find_map(|line| line.strip_prefix(label)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no line {label:?} in\n{}", self.out))
            .trim()
    }
}

/// One request over a connection of its own: the status, and the body.
fn request(
    address: &str,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> (u16, String) {
    let mut fields = vec!["Content-Type: application/json".to_owned()];
    fields.extend(token.map(|token| format!("X-Auth-Token: {token}")));
    let answer = exchange(address, method, path, &fields, body);
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("{answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// The same with these header fields: the answer as it came.
fn exchange(address: &str, method: &str, path: &str, fields: &[String], body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let fields: String = fields.iter().map(|field| field.clone() + "\r\n").collect();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{fields}\
         Content-Length: {length}\r\n\r\n"
    );
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
