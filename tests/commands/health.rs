//! `health`: what a probe learns of the admin listener, here a stand-in, and how it ends.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use super::Folder;

/// Answers one request with these bytes, then closes: its URL, and the request's first line.
fn stand_in(answer: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        lines.find(|line| line.as_ref().unwrap().is_empty());
        stream.write_all(answer.as_bytes()).unwrap();
        first
    });
    (url, asked)
}

#[test]
fn says_that_it_is_well() {
    for (argument, name) in [
        (None, "ready"),
        (Some("--ready"), "ready"),
        (Some("--live"), "live"),
    ] {
        let (url, asked) = stand_in("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n");
        let arguments: Vec<&str> = ["health", "--url", &url]
            .into_iter()
            .chain(argument)
            .collect();
        let ran = Folder::new().actiongate(&arguments).ended(0);
        assert_eq!(ran.out, format!("{name}\n"));
        assert_eq!(asked.join().unwrap(), format!("GET /{name} HTTP/1.1"));
    }
}

#[test]
fn says_why_it_is_not() {
    let cases = [
        (
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 28\r\n\r\nno keys of the issuer `iam`\n",
            "actiongate: not ready: 503 Service Unavailable: no keys of the issuer `iam`\n",
        ),
        (
            "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n",
            "actiongate: not ready: 401 Unauthorized\n",
        ),
        // Only 200 says it: what answers here may be something else.
        (
            "HTTP/1.1 204 No Content\r\n\r\n",
            "actiongate: not ready: 204 No Content\n",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf",
            "the answer 200 OK cannot be read",
        ),
        ("SSH-2.0-other\r\n", "actiongate: not ready: invalid HTTP"),
    ];
    for (answer, expected) in cases {
        let (url, asked) = stand_in(answer);
        let ran = Folder::new().actiongate(&["health", "--url", &url]);
        ran.failed_with(&[expected]);
        asked.join().unwrap();
    }
}

#[test]
fn does_not_wait_for_one_that_hangs() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let ran = Folder::new().actiongate(&["health", "--live", "--url", &url]);
    ran.failed_with(&["not live: no answer from 127.0.0.1:", "within 2s"]);
    drop(listener);
    let ran = Folder::new().actiongate(&["health", "--url", &url]);
    ran.failed_with(&["not ready: cannot connect to 127.0.0.1:", "refused"]);
}

#[test]
fn takes_the_url_of_a_listener_only() {
    let urls = [
        "127.0.0.1:9090",
        "https://127.0.0.1:9090",
        "http://127.0.0.1:9090/ready",
        "http://127.0.0.1:9090/?a",
        "http://me@127.0.0.1:9090",
        "http://",
    ];
    for url in urls {
        let ran = Folder::new().actiongate(&["health", "--url", url]);
        ran.failed_with(&[url, "expected one such as http://127.0.0.1:9090"]);
    }
    let ran = Folder::new().actiongate(&["health", "--live", "--ready"]);
    let ran = ran.ended(2);
    assert!(ran.err.contains("cannot be used with"), "{}", ran.err);
}

#[test]
fn finds_the_listener_in_the_config() {
    let addresses = ["127.0.0.1", "0.0.0.0"];
    for address in addresses {
        let (url, asked) = stand_in("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        let (_, port) = url.rsplit_once(':').unwrap();
        let folder = Folder::new();
        // The rest may have been spoiled since the gateway was started.
        let rest = "[listen]\nadress = 1\n";
        let admin = format!("[admin]\naddress = \"{address}:{port}\"\nallow_public = true\n");
        folder.write("actiongate.toml", &format!("{rest}{admin}"));
        let ran = folder.actiongate(&["health", "--config", "actiongate.toml"]);
        assert_eq!(ran.ended(0).out, "ready\n");
        assert_eq!(asked.join().unwrap(), "GET /ready HTTP/1.1");
    }
}

#[test]
fn says_why_the_config_does_not_tell() {
    let cases = [
        ("", "`actiongate.toml` has no [admin]: expected one with"),
        (
            "[admin]\naddress = \"localhost\"\n",
            "actiongate: `[admin]` cannot be used:\nactiongate.toml:2: `admin.address` is `localhost`",
        ),
        (
            "[admin]\naddress = \"127.0.0.1:0\"\n",
            "lets the system choose the port",
        ),
        (
            "[admin]\naddress = \"127.0.0.1:9090\"\n[admin.tls]\ncertificates = [{ chain = \"a.pem\", key = \"a.key\" }]\n",
            "has [admin.tls], which `health` does not speak",
        ),
    ];
    for (config, expected) in cases {
        let folder = Folder::new();
        folder.write("actiongate.toml", config);
        let ran = folder.actiongate(&["health", "--config", "actiongate.toml"]);
        ran.failed_with(&[expected]);
    }
    let ran = Folder::new().actiongate(&["health", "--config", "a.toml"]);
    ran.failed_with(&["a.toml: cannot be read: "]);
    let ran =
        Folder::new().actiongate(&["health", "--config", "a.toml", "--url", "http://[::1]:1"]);
    let ran = ran.ended(2);
    assert!(ran.err.contains("cannot be used with"), "{}", ran.err);
}
