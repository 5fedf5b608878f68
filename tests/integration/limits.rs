//! What one client may hold and for how long: each limit reached and not reached.

use std::time::{Duration, Instant};

use crate::support::{
    Call, Client, Gateway, PATIENCE, Setup, Step, Upstream, answer, metadata, metadata_key, token,
};

fn get() -> Call {
    Call::get(metadata()).bearer(&token(&["*:*:*"]))
}

/// A new connection is served once there is room.
fn wait_until_served(gateway: &Gateway, prefix: &str) {
    let started = Instant::now();
    loop {
        let mut client = gateway.connect();
        client.send(prefix);
        client.send(get().bytes());
        if client.try_answer("GET").is_ok() {
            return;
        }
        assert!(started.elapsed() < PATIENCE);
    }
}

#[test]
fn connections_in_all_are_limited() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream).listen("max_connections = 2").start();
    let (mut one, mut other) = (gateway.connect(), gateway.connect());
    assert_eq!(one.call(&get()).status, 200);
    assert_eq!(other.call(&get()).status, 200);
    gateway.connect().ends();
    assert_eq!(one.call(&get()).status, 200);
    drop(one);
    wait_until_served(&gateway, "");
    assert_eq!(other.call(&get()).status, 200);
}

#[test]
fn connections_of_one_peer_are_limited() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream)
        .listen("max_connections_per_peer = 1")
        .listen("proxy_protocol = \"127.0.0.0/8\"")
        .listen("trusted_proxies = \"10.0.0.0/8\"")
        .start();
    let from = |address: &str| {
        let mut client = gateway.connect();
        client.send(format!("PROXY TCP4 {address} 127.0.0.1 1 2\r\n"));
        client
    };
    let mut first = from("192.0.2.1");
    assert_eq!(first.call(&get()).status, 200);
    from("192.0.2.1").ends();
    assert_eq!(from("192.0.2.2").call(&get()).status, 200);
    // A trusted proxy has many clients.
    let mut proxies = [from("10.0.0.1"), from("10.0.0.1")];
    for proxy in &mut proxies {
        assert_eq!(proxy.call(&get()).status, 200);
    }
    drop(first);
    wait_until_served(&gateway, "PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\n");
}

#[test]
fn requests_of_one_connection_are_limited() {
    let upstream = Upstream::start();
    let setup = Setup::new(&upstream).listen("max_requests_per_connection = 2");
    let gateway = setup.start();
    let mut client = gateway.connect();
    let answer = client.call(&get());
    assert!(!answer.headers.has("connection"), "{answer:?}");
    let answer = client.call(&get());
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers.get("connection"), Some("close"));
    client.ends();
}

#[test]
fn a_head_that_does_not_end_is_refused() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream)
        .listen("header_timeout = \"200ms\"")
        .start();
    let mut idle = gateway.connect();
    let mut used = gateway.connect();
    assert_eq!(used.call(&get()).status, 200);
    for beginning in ["GET / HT", "PRI * HTTP/2", "\r"] {
        let mut client = gateway.connect();
        client.send(beginning);
        let answer = client.answer();
        assert_eq!(answer.status, 408, "{beginning:?}");
        assert_eq!(answer.headers.get("connection"), Some("close"));
        client.ends();
    }
    // The second head of a connection, and one of which more and more comes.
    let mut slow = gateway.connect();
    assert_eq!(slow.call(&get()).status, 200);
    slow.send("GET /v2.1 HTTP/1.1\r\n");
    let refused = loop {
        match slow.wire().is_open() {
            true => slow.send("x: y\r\n"),
            false => break slow.answer(),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(refused.status, 408);
    // Idle ones have more time.
    assert_eq!(idle.call(&get()).status, 200);
    assert_eq!(used.call(&get()).status, 200);
    let audit = gateway.into_audit();
    let refused = audit
        .iter()
        .filter(|line| line["reason"] == "request_unreadable");
    assert_eq!(refused.filter(|line| line["status"] == 408).count(), 4);
}

#[test]
fn a_connection_that_sleeps_wakes_up() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream)
        .listen("header_timeout = \"200ms\"")
        .start();
    let mut clients: Vec<Client> = (0..3).map(|_| gateway.connect()).collect();
    let put = Call::new("PUT", metadata_key("k")).bearer(&token(&["*:*:*"]));
    let put = put.body("{}");
    for round in 0..2 {
        assert_eq!(clients[0].call(&get()).status, 200, "{round}");
        assert_eq!(clients[1].call(&put).status, 200, "{round}");
        let call = get().bytes();
        let (first, rest) = call.split_at(10);
        clients[2].send(first);
        clients[2].send(rest);
        assert_eq!(clients[2].answer().status, 200, "{round}");
        // Longer than it takes to fall asleep; there is nothing that could be waited for.
        std::thread::sleep(Duration::from_millis(1300));
        assert!(clients.iter_mut().all(|client| client.wire().is_open()));
    }
}

/// What follows an answer that came before the request's body was read is that body, also when
/// nothing happens for long.
#[test]
fn the_rest_of_a_body_is_never_a_request() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream)
        .listen("header_timeout = \"200ms\"")
        .start();
    upstream.next(vec![answer("200 OK", &[], "{}"), Step::Read]);
    let mut client = gateway.connect();
    let smuggled = get().bytes();
    let head = format!("Content-Length: {}", smuggled.len() + 1);
    let put = Call::new("PUT", metadata_key("k")).bearer(&token(&["*:*:*"]));
    client.send(put.header(head).bytes());
    client.send("x");
    assert_eq!(client.answer().status, 200);
    std::thread::sleep(Duration::from_millis(1300));
    // The gateway may have closed the connection; then nobody reads this.
    let _ = client.wire().write(&smuggled);
    let _ = client.try_answer("GET");
    assert_eq!(upstream.count(), 1);
}
