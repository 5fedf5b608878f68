//! One request must not be at the mercy of another that shares its connection.

use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::{Action, Upstream, get, post};
use crate::support::frames::{DATA, END_HEADERS, END_STREAM, HEADERS, START, block, frame};
use crate::support::{Call, PATIENCE, Wire, metadata, token};

const SETTINGS: u8 = 4;

/// The block of a request's fields.
fn request(method: &str) -> Vec<u8> {
    let (path, token) = (metadata(), token(&["*:*:*"]));
    block(&[
        (b":method", method.as_bytes()),
        (b":scheme", b"http"),
        (b":authority", b"api.test"),
        (b":path", path.as_bytes()),
        (b"x-auth-token", token.as_bytes()),
    ])
}

/// A client that opens no window for any answer.
fn deaf(address: std::net::SocketAddr, streams: u32) -> Wire {
    let mut wire = Wire::new(TcpStream::connect(address).unwrap());
    wire.write(START).unwrap();
    // SETTINGS_INITIAL_WINDOW_SIZE is 0.
    wire.write(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]))
        .unwrap();
    for index in 0..streams {
        let head = frame(
            HEADERS,
            END_STREAM | END_HEADERS,
            2 * index + 1,
            &request("GET"),
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
fn a_body_that_is_not_waited_for_has_its_time_too() {
    let upstream = Upstream::start();
    let setup = upstream.setup().upstream("profile = \"generic\"");
    let setup = setup.listen("max_body = \"1GiB\"");
    let gateway = setup.upstream("request_timeout = \"100ms\"").start();
    upstream.next(&[Action::Early]);
    let mut wire = Wire::new(TcpStream::connect(gateway.address()).unwrap());
    wire.write(START).unwrap();
    wire.write(&frame(HEADERS, END_HEADERS, 1, &request("POST")))
        .unwrap();
    let started = Instant::now();
    let piece = frame(DATA, 0, 1, &[b'x'; 1000]);
    let mut sent = 0;
    while upstream.seen().is_empty() {
        assert!(started.elapsed() < PATIENCE, "it goes on and on");
        if upstream.state.lock().unwrap().bytes == sent {
            // In the end nobody takes it.
            let _ = wire.write(&piece);
            sent += 1000;
        }
        thread::yield_now();
    }
}

#[test]
fn a_client_that_goes_away_makes_room() {
    let upstream = Upstream::start();
    let gateway = upstream.setup().upstream("max_pending = 1").start();
    upstream.next(&[Action::Gather(2)]);
    let mut client = gateway.connect();
    client.send(post("{}").bytes());
    let started = Instant::now();
    while upstream.seen().is_empty() {
        assert!(started.elapsed() < PATIENCE);
        thread::yield_now();
    }
    assert_eq!(gateway.call(&get()).status, 503);
    drop(client);
    while gateway.call(&get()).status != 200 {
        assert!(started.elapsed() < PATIENCE, "busy for ever");
    }
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn no_post_is_processed_twice() {
    const CLIENTS: usize = 4;
    const POSTS: usize = 100;
    let upstream = Upstream::start();
    let gateway = upstream.setup().start();
    let mut random = fastrand::Rng::with_seed(3);
    let kinds = [Action::Reset, Action::Close, Action::GoAway, Action::Echo];
    let actions = std::iter::repeat_with(|| kinds[random.usize(..kinds.len())]);
    let actions: Vec<Action> = actions.take(2 * CLIENTS * POSTS).collect();
    upstream.next(&actions);
    let answered = AtomicUsize::new(0);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (gateway, answered) = (&gateway, &answered);
            scope.spawn(move || {
                for post in 0..POSTS {
                    let path = format!("{}?n={client}-{post}", metadata());
                    // Without a body it could be sent again.
                    let body = if post % 2 == 0 { "{}" } else { "" };
                    let call = Call::post(path, body).bearer(&token(&["*:*:*"]));
                    let status = gateway.call(&call).status;
                    assert!(matches!(status, 200 | 502), "{status}");
                    answered.fetch_add(usize::from(status == 200), Ordering::Relaxed);
                }
            });
        }
    });
    let mut seen: Vec<String> = upstream.seen().into_iter().map(|seen| seen.line).collect();
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count, "one was sent twice");
    let answered = answered.into_inner();
    // A quarter is echoed, less what another one's end takes along.
    assert!(answered > CLIENTS * POSTS / 10, "{answered}");
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
