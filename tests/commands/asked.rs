//! Commands with an issuer that is asked about tokens.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;

use super::run::listening;
use super::{Folder, request};

const PASSWORD: &str = "the-password";
const OWN: &str = "the-token-of-the-gateway";
const GOOD: &str = "the-token-of-alice";
const BAD: &str = "the-token-of-nobody";
const PATH: &str = "/v2.1/a1/servers/s1/metadata";

/// Knows one token; for as long as the test runs.
struct Keystone {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    is_broken: AtomicBool,
    connections: AtomicUsize,
    logins: Mutex<Vec<String>>,
}

impl Keystone {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                served.connections.fetch_add(1, Ordering::SeqCst);
                let served = Arc::clone(&served);
                thread::spawn(move || serve(&stream.unwrap(), &served));
            }
        });
        Self { address, shared }
    }

    fn folder(&self) -> Folder {
        let folder = Folder::new();
        folder.write("password", &format!("{PASSWORD}\n"));
        let config = format!(
            r#"[listen]
address = "127.0.0.1:0"
[upstream]
url = "http://127.0.0.1:9"
[log]
level = "trace"
[[issuer]]
kind = "keystone"
name = "keystone"
auth_urls = ["http://{}/v3"]
[issuer.service]
username = "gateway"
project = "service"
password_file = "password"
[issuer.roles]
reader = "ECS ReadOnlyAccess"
"#,
            self.address
        );
        folder.write("actiongate.toml", &config);
        folder
    }
}

/// One request after the other, until the client has no more.
fn serve(stream: &TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = HashMap::new();
        let mut start = String::new();
        if reader.read_line(&mut start).unwrap_or(0) == 0 {
            return;
        }
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            head.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let length = head.get("content-length");
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        reader.read_exact(&mut body).unwrap();
        let subject = head.get("x-subject-token").cloned();
        let is_login = start.starts_with("POST ");
        let subject = subject.filter(|_| !is_login);
        let broken = shared.is_broken.load(Ordering::SeqCst);
        let (status, named) = match subject.as_deref() {
            _ if broken => ("500 Internal Server Error", ""),
            None => ("201 Created", OWN),
            Some(GOOD) => ("200 OK", GOOD),
            Some(_) => ("404 Not Found", ""),
        };
        if is_login {
            let text = String::from_utf8(body).unwrap();
            shared.logins.lock().unwrap().push(text);
        }
        let answer = match named {
            "" => json!({"error": {"code": 404, "message": "no"}}),
            _ => json!({"token": {
                "expires_at": "2100-01-01T00:00:00.000000Z",
                "user": {"id": "alice"}, "project": {"id": "a1"}, "roles": [{"name": "reader"}],
            }}),
        };
        let answer = answer.to_string();
        let text = format!(
            "HTTP/1.1 {status}\r\nX-Subject-Token: {named}\r\nContent-Length: {}\r\n\r\n{answer}",
            answer.len()
        );
        let mut writer = stream;
        if writer.write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

#[test]
fn check_reads_the_files_and_asks_nobody() {
    let keystone = Keystone::start();
    let folder = keystone.folder();
    let arguments = ["check", "--config", "actiongate.toml"];
    let ran = folder.actiongate(&arguments).ended(0);
    assert!(ran.out.contains("actiongate.toml: good"), "{}", ran.out);
    for (text, expected) in [
        (Some(""), "`password` holds nothing"),
        (Some("a\nb\n"), "`password` holds control characters"),
        (None, "cannot read `password`: No such file"),
    ] {
        match text {
            Some(text) => folder.write("password", text),
            None => std::fs::remove_file(folder.path("password")).unwrap(),
        }
        let ran = folder.actiongate(&arguments).ended(1);
        let line = ran.out.lines().next().unwrap();
        assert!(
            line.starts_with("keystone cannot be asked about tokens: "),
            "{line}"
        );
        assert!(line.contains(expected), "{line}");
        // What `check` refuses, `run` does not start with.
        let run = ["run", "--config", "actiongate.toml"];
        folder.actiongate(&run).failed_with(&[expected]);
    }
    assert_eq!(keystone.shared.connections.load(Ordering::SeqCst), 0);
}

#[test]
fn show_and_explain_ask_the_issuer() {
    let keystone = Keystone::start();
    let folder = keystone.folder();
    let show =
        |token: &str| folder.actiongate(&["token", "show", "--config", "actiongate.toml", token]);
    let shown = show(GOOD).ended(0);
    let line = shown.line("token");
    assert!(
        line.starts_with("good: its issuer says so; expires in "),
        "{line}"
    );
    assert!(shown.out.contains("\"reader\""), "{}", shown.out);
    assert!(shown.line("subject").contains("alice"));
    let refused = show(BAD).ended(3);
    let line = refused.line("token");
    assert!(line.starts_with("refused: The token is not known to its issuer"));
    assert!(line.contains("`token_not_active`"), "{line}");
    let explain = |token: &str, method: &str| {
        let arguments = [
            "explain",
            "--config",
            "actiongate.toml",
            "--token",
            "-",
            method,
            PATH,
        ];
        folder.actiongate_reading(token, &arguments)
    };
    let explained = explain(GOOD, "GET").ended(0);
    let decision = explained.line("decision");
    assert!(decision.starts_with("ALLOW"), "{decision}");
    let explained = explain(GOOD, "PUT").ended(3);
    let decision = explained.line("decision");
    assert!(decision.contains("`action_missing`"), "{decision}");
    keystone.shared.is_broken.store(true, Ordering::SeqCst);
    let explained = explain(GOOD, "GET").ended(3);
    let decision = explained.line("decision");
    assert!(decision.contains("`issuer_unavailable`"), "{decision}");
    let line = show(GOOD).ended(3);
    let line = line.line("token").to_owned();
    assert!(line.contains("`issuer_unavailable`"), "{line}");
}

/// Each kind of trouble is told once, when it begins and when it is over.
#[test]
fn neither_tokens_nor_passwords_are_in_the_log() {
    let keystone = Keystone::start();
    let folder = keystone.folder();
    let (running, address) = listening(&folder, "actiongate.toml");
    // Nobody is behind the gateway: who gets there is a known caller.
    let ask = |token: &str| request(&address, "GET", PATH, Some(token), "").0;
    assert_eq!(ask(GOOD), 502);
    assert_eq!(ask(BAD), 401);
    keystone.shared.is_broken.store(true, Ordering::SeqCst);
    for number in 0..3 {
        assert_eq!(ask(&format!("{BAD}-{number}")), 503);
    }
    keystone.shared.is_broken.store(false, Ordering::SeqCst);
    assert_eq!(ask(&format!("{BAD}-again")), 401);
    running.signal("TERM");
    let ran = running.end().ended(0);
    let count = |text: &str| ran.err.matches(text).count();
    assert_eq!(count("keystone cannot be asked about tokens"), 1);
    assert_eq!(count("the answer is 500 Internal Server Error"), 1);
    assert_eq!(count("keystone can be asked about tokens again"), 1);
    for secret in [PASSWORD, OWN, GOOD, BAD] {
        assert!(!ran.err.contains(secret), "{secret} in the log");
        assert!(!ran.out.contains(secret), "{secret} in the audit");
    }
    let logins = keystone.shared.logins.lock().unwrap();
    assert_eq!(logins.len(), 1);
    assert!(logins[0].contains(PASSWORD), "{}", logins[0]);
}
