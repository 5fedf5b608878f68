//! Traces: what `check` and the log say of a collector.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use super::issuer::{CONFIG, ED25519, issuer};
use super::run::listening;
use super::{Folder, request};

/// As many requests as are exported without more ado.
const BATCH: usize = 512;

fn traced(endpoint: &str, lines: &str) -> Folder {
    let folder = issuer(ED25519);
    let tracing = format!("[tracing]\nendpoint = \"{endpoint}\"\nsample = 1\n{lines}\n");
    folder.write("actiongate.toml", &format!("{CONFIG}{tracing}"));
    folder
}

fn send(address: &str) {
    for _ in 0..BATCH {
        assert_eq!(request(address, "GET", "/v2.1/a1/servers", None, "").0, 401);
    }
}

/// Answers one export on each connection with the next of these statuses, and ends.
fn collect(listener: TcpListener, statuses: &'static [&'static str]) {
    thread::spawn(move || {
        for status in statuses {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.extend_from_slice(&byte);
            }
            let head = String::from_utf8(head).unwrap().to_lowercase();
            let length = head.split("content-length: ").nth(1).unwrap();
            let length = length.split("\r\n").next().unwrap().parse().unwrap();
            stream.read_exact(&mut vec![0; length]).unwrap();
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
}

#[test]
fn the_log_says_once_that_a_collector_takes_nothing_and_once_that_it_does() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    collect(listener, &["400 No", "404 No", "200 OK", "400 No"]);
    let folder = traced(&endpoint, "");
    let (running, address) = listening(&folder, "actiongate.toml");
    send(&address);
    let log = running.err.until("spans are dropped until");
    assert!(log.contains("answered 400"), "{log}");
    send(&address);
    send(&address);
    let log = running.err.until("takes traces again");
    assert!(!log.contains("spans are dropped until"), "{log}");
    let told = format!("{} spans were dropped so far", 2 * BATCH);
    assert!(log.contains(&told), "{log}");
    send(&address);
    running.err.until("spans are dropped until");
    running.signal("TERM");
    let ran = running.end().ended(0);
    let told = format!("{} spans were dropped in all", 3 * BATCH);
    assert!(ran.err.contains(&told), "{}", ran.err);
}

/// The last spans get a moment, not more.
#[test]
fn it_stops_without_a_collector_that_never_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let folder = traced(&endpoint, "");
    let (running, address) = listening(&folder, "actiongate.toml");
    assert_eq!(
        request(&address, "GET", "/v2.1/a1/servers", None, "").0,
        401
    );
    running.signal("TERM");
    let ran = running.end().ended(0);
    let told = "the collector takes no traces, the last spans are lost";
    assert!(ran.err.contains(told), "{}", ran.err);
}

#[test]
fn check_tells_what_traces_cannot_be_sent_with() {
    let check = |lines: &str, expected: &[&str]| {
        let folder = traced("https://collector.test", lines);
        folder.write("empty", "\n");
        folder.write("two", "one\ntwo");
        let ran = folder.actiongate(&["check", "--config", "actiongate.toml"]);
        let ran = ran.ended(i32::from(!expected.is_empty()));
        for part in expected {
            assert!(ran.out.contains(part), "no {part:?} in {}", ran.out);
        }
    };
    let header = |file: &str| format!("headers = {{ authorization = \"{file}\" }}");
    check("", &[]);
    check(
        "ca = \"none.pem\"",
        &["[tracing] cannot be used", "over TLS", "none.pem"],
    );
    let cannot = "the header `authorization` cannot be had";
    check(
        &header("none"),
        &["[tracing] cannot be used", cannot, "cannot read `none`"],
    );
    check(
        &header("empty"),
        &["[tracing] cannot be used", cannot, "`empty` holds nothing"],
    );
    check(
        &header("two"),
        &["[tracing] cannot be used", "control characters"],
    );
    check(&header("jwks.json"), &[]);
}
