//! A client that goes away, whatever its request is at, leaves nothing behind that counts.

use std::time::Instant;

use crate::support::{Call, Gateway, PATIENCE, Setup, Signal, Step, Upstream, metadata, token};

fn post() -> Call {
    Call::post(metadata(), "{}").bearer(&token(&["*:*:*"]))
}

fn head(line: &str) -> Vec<u8> {
    let call = Call::new("POST", metadata()).bearer(&token(&["*:*:*"]));
    call.header(line).bytes()
}

/// Calls until there is room again.
fn is_served_again(gateway: &Gateway, phase: &str) {
    let started = Instant::now();
    loop {
        let answer = gateway.call(&post());
        if answer.status == 200 {
            return;
        }
        assert_eq!(answer.status, 503, "{phase}");
        assert!(started.elapsed() < PATIENCE, "{phase}: busy for ever");
    }
}

#[test]
fn a_client_that_goes_away_makes_room() {
    let half = Step::Write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345".to_vec());
    let never = Step::Wait(Signal::new());
    let whole = post().bytes();
    let cases = [
        ("no answer", whole.clone(), vec![Step::Read, never.clone()]),
        ("half an answer", whole, vec![Step::Read, half, never]),
        ("half a body", head("Content-Length: 9"), vec![Step::Read]),
        (
            "a chunk",
            head("Transfer-Encoding: chunked"),
            vec![Step::Read],
        ),
    ];
    let upstream = Upstream::start();
    let gateway = Setup::generic(&upstream)
        .upstream("max_pending = 1")
        .start();
    for (phase, bytes, script) in cases {
        let before = upstream.count();
        upstream.next(script);
        let mut client = gateway.connect();
        client.send(bytes);
        upstream.wait_for_requests(before + 1);
        assert_eq!(gateway.call(&post()).status, 503, "{phase}");
        drop(client);
        is_served_again(&gateway, phase);
    }
}

#[test]
fn a_client_that_goes_away_gives_back_what_was_collected() {
    let upstream = Upstream::start();
    let setup = Setup::new(&upstream).upstream("collect_total = \"1KiB\"");
    let gateway = setup.start();
    let chunked = head("Transfer-Encoding: chunked");
    let mut chunk = b"3ff\r\n".to_vec();
    chunk.resize(chunk.len() + 0x3ff, b'x');
    chunk.extend_from_slice(b"\r\n");
    let mut small = chunked.clone();
    small.extend_from_slice(b"2\r\n{}\r\n0\r\n\r\n");
    let answer = || {
        let mut client = gateway.connect();
        client.send(&small);
        client.answer().status
    };
    let started = Instant::now();
    let mut client = gateway.connect();
    client.send(&chunked);
    client.send(&chunk);
    while answer() != 503 {
        assert!(started.elapsed() < PATIENCE, "never collected");
    }
    drop(client);
    while answer() != 200 {
        assert!(started.elapsed() < PATIENCE, "collected for ever");
    }
}
