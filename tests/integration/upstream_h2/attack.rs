//! One request must not be at the mercy of another that shares its connection.

use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use super::{Action, Upstream, get, post};
use crate::support::frames::{END_HEADERS, END_STREAM, HEADERS, START, block, frame};
use crate::support::{PATIENCE, PROJECT, Wire, token};

const SETTINGS: u8 = 4;

/// A client that opens no window for any answer.
fn deaf(address: std::net::SocketAddr, streams: u32) -> Wire {
    let mut wire = Wire::new(TcpStream::connect(address).unwrap());
    wire.write(START).unwrap();
    // SETTINGS_INITIAL_WINDOW_SIZE is 0.
    wire.write(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]))
        .unwrap();
    let path = format!("/v2.1/{PROJECT}/servers/s1/metadata");
    let token = token(&["*:*:*"]);
    let fields: [(&[u8], &[u8]); 5] = [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":authority", b"api.test"),
        (b":path", path.as_bytes()),
        (b"x-auth-token", token.as_bytes()),
    ];
    for index in 0..streams {
        let head = frame(
            HEADERS,
            END_STREAM | END_HEADERS,
            2 * index + 1,
            &block(&fields),
        );
        wire.write(&head).unwrap();
    }
    wire
}

#[test]
fn answers_that_nobody_reads_do_not_keep_others() {
    const STREAMS: usize = 99;
    let upstream = Upstream::start();
    let gateway = upstream.setup().start();
    upstream.next(&[Action::Large(1024 * 1024); STREAMS]);
    let _deaf = deaf(gateway.address(), u32::try_from(STREAMS).unwrap());
    let started = Instant::now();
    while upstream.seen().len() < STREAMS {
        assert!(started.elapsed() < PATIENCE, "{}", upstream.seen().len());
        thread::yield_now();
    }
    assert_eq!(gateway.call(&get()).status, 200);
    assert_eq!(upstream.connections(), 1, "they share it");
}

#[test]
fn what_was_not_sent_on_a_connection_that_goes_away_is_sent_on_another() {
    let upstream = Upstream::start();
    let gateway = upstream.setup().start();
    for round in 0..10 {
        let before = upstream.seen().len();
        upstream.next(&[Action::GatherAway(2), Action::Gather(2)]);
        let mut first = gateway.connect();
        first.send(post("{}").bytes());
        let started = Instant::now();
        while upstream.seen().len() == before {
            assert!(started.elapsed() < PATIENCE);
            thread::yield_now();
        }
        assert_eq!(gateway.call(&post("{}")).status, 200, "{round}");
        assert_eq!(first.answer().status, 200, "{round}");
    }
    assert_eq!(upstream.seen().len(), 20, "none was sent twice");
}

#[test]
fn an_answer_has_one_length() {
    let upstream = Upstream::start();
    let gateway = upstream.setup().start();
    upstream.next(&[Action::Lengths]);
    gateway
        .call(&get())
        .refusal(502, "upstream_invalid", "badGateway");
}
