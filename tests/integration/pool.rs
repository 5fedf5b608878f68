//! Connections to the upstream: kept, replaced when they were closed, and never a request twice that
//! must not be.

use crate::support::{
    Call, Client, Gateway, Setup, Signal, Step, Upstream, answer, echo, metadata, metadata_key,
    token,
};

fn get() -> Call {
    Call::get(metadata()).bearer(&token(&["*:*:*"]))
}

fn post(body: &str) -> Call {
    Call::post(metadata(), body).bearer(&token(&["*:*:*"]))
}

fn put(body: &str) -> Call {
    Call::new("PUT", metadata_key("k"))
        .bearer(&token(&["*:*:*"]))
        .body(body)
}

fn delete() -> Call {
    Call::new("DELETE", metadata_key("k")).bearer(&token(&["*:*:*"]))
}

/// What each request was and on which connection it came.
fn seen(upstream: &Upstream) -> Vec<(usize, String)> {
    let requests = upstream.requests().into_iter();
    let method = |line: &str| line.split(' ').next().unwrap().to_owned();
    requests
        .map(|request| (request.connection, method(&request.line)))
        .collect()
}

fn expected<const N: usize>(requests: [(usize, &str); N]) -> Vec<(usize, String)> {
    requests
        .map(|(connection, method)| (connection, method.to_owned()))
        .into()
}

/// An upstream to which one connection is open, and a client of the gateway before it.
fn with_idle_connection() -> (Upstream, Gateway, Client) {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let mut client = gateway.connect();
    assert_eq!(client.call(&get()).status, 200);
    (upstream, gateway, client)
}

#[test]
fn one_connection_serves_request_after_request() {
    let (upstream, gateway, mut client) = with_idle_connection();
    for _ in 0..50 {
        assert_eq!(client.call(&get()).status, 200);
        assert_eq!(client.call(&post("{}")).status, 200);
    }
    // Of another client too.
    assert_eq!(gateway.call(&get()).status, 200);
    assert_eq!(upstream.count(), 102);
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn running_requests_have_a_connection_each() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let release = Signal::new();
    upstream.always(vec![Step::Read, Step::Wait(release.clone()), Step::Echo]);
    let mut clients: Vec<Client> = (0..5).map(|_| gateway.connect()).collect();
    for client in &mut clients {
        client.send(get().bytes());
    }
    upstream.wait_for_requests(5);
    release.set();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
        assert_eq!(client.call(&get()).status, 200);
    }
    assert_eq!(upstream.connections(), 5);
}

#[test]
fn no_more_idle_connections_are_kept_than_allowed() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream)
        .upstream("idle_connections = 2")
        .start();
    let release = Signal::new();
    upstream.always(vec![Step::Read, Step::Wait(release.clone()), Step::Echo]);
    let mut clients: Vec<Client> = (0..5).map(|_| gateway.connect()).collect();
    for client in &mut clients {
        client.send(get().bytes());
    }
    upstream.wait_for_requests(5);
    release.set();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    upstream.wait_for_connections(2);
}

#[test]
fn an_idle_connection_is_closed_in_time() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream)
        .upstream("idle_timeout = \"50ms\"")
        .start();
    assert_eq!(gateway.call(&get()).status, 200);
    upstream.wait_for_connections(0);
    assert_eq!(gateway.call(&post("{}")).status, 200);
    assert_eq!(seen(&upstream), expected([(0, "GET"), (1, "POST")]));
}

#[test]
fn a_connection_closed_while_idle_is_replaced_unnoticed() {
    for call in [get(), post("{}"), put("{}"), delete()] {
        let upstream = Upstream::start();
        let gateway = Gateway::start(&upstream);
        let mut client = gateway.connect();
        let close = Signal::new();
        let mut script = echo();
        script.extend([Step::Wait(close.clone()), Step::Close]);
        upstream.next(script);
        assert_eq!(client.call(&get()).status, 200);
        close.set();
        upstream.wait_for_connections(0);
        let answer = client.call(&call);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(seen(&upstream), expected([(0, "GET"), (1, &call.method)]));
        assert!(upstream.requests()[1].is_whole);
    }
}

#[test]
fn an_answer_that_says_close_is_the_connections_last() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let mut client = gateway.connect();
    upstream.next(vec![
        Step::Read,
        answer("200 OK", &["Connection: close"], "x"),
    ]);
    assert_eq!(client.call(&get()).text(), "x");
    assert_eq!(client.call(&post("{}")).status, 200);
    assert_eq!(seen(&upstream), expected([(0, "GET"), (1, "POST")]));
}

#[test]
fn a_connection_of_nova_is_not_kept_after_an_answer_that_may_be_its_last() {
    let bare = "HTTP/1.1 204 No Content\r\n\r\n";
    let with_length = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n";
    let cases = [
        (bare, "nova", 1),
        (with_length, "nova", 0),
        (bare, "generic", 0),
    ];
    for (text, profile, expected) in cases {
        let upstream = Upstream::start();
        let profile = format!("profile = {profile:?}");
        let gateway = Setup::new(&upstream).upstream(&profile).start();
        upstream.next(vec![Step::Read, Step::Write(text.into())]);
        let mut client = gateway.connect();
        assert_eq!(client.call(&delete()).status, 204);
        assert_eq!(client.call(&post("{}")).status, 200);
        let connection = upstream.requests()[1].connection;
        assert_eq!(connection, expected, "{text:?} {profile}");
    }
}

#[test]
fn a_post_that_may_have_been_received_is_not_repeated() {
    let (upstream, _gateway, mut client) = with_idle_connection();
    upstream.next(vec![Step::Read, Step::Close]);
    let answer = client.call(&post("{\"x\":1}"));
    let message = answer.refusal(502, "upstream_unanswered", "badGateway");
    assert_eq!(
        message,
        "The upstream closed the connection without an answer."
    );
    assert_eq!(seen(&upstream), expected([(0, "GET"), (0, "POST")]));
    // The client's own connection goes on.
    assert_eq!(client.call(&get()).status, 200);
}

#[test]
fn a_post_without_a_body_is_not_repeated_either() {
    let (upstream, _gateway, mut client) = with_idle_connection();
    upstream.next(vec![Step::Close]);
    let answer = client.call(&post(""));
    answer.refusal(502, "upstream_unanswered", "badGateway");
    assert_eq!(seen(&upstream), expected([(0, "GET"), (0, "POST")]));
}

#[test]
fn a_request_whose_body_is_spent_is_not_repeated() {
    let (upstream, _gateway, mut client) = with_idle_connection();
    upstream.next(vec![Step::Read, Step::Close]);
    let answer = client.call(&put("{}"));
    answer.refusal(502, "upstream_unanswered", "badGateway");
    assert_eq!(seen(&upstream), expected([(0, "GET"), (0, "PUT")]));
}

#[test]
fn an_idempotent_request_is_repeated_once() {
    for call in [get(), delete()] {
        let (upstream, _gateway, mut client) = with_idle_connection();
        upstream.next(vec![Step::Close]);
        let answer = client.call(&call);
        assert_eq!(answer.status, 200, "{answer:?}");
        let method = &call.method;
        assert_eq!(
            seen(&upstream),
            expected([(0, "GET"), (0, method), (1, method)])
        );
        let requests = upstream.requests();
        assert_eq!(requests[1].head, requests[2].head, "the same request");
    }
}

#[test]
fn an_idempotent_request_is_not_repeated_twice() {
    let (upstream, _gateway, mut client) = with_idle_connection();
    upstream.next(vec![Step::Close]);
    upstream.next(vec![Step::Close]);
    let answer = client.call(&get());
    answer.refusal(502, "upstream_unanswered", "badGateway");
    assert_eq!(
        seen(&upstream),
        expected([(0, "GET"), (0, "GET"), (1, "GET")])
    );
}

#[test]
fn a_request_on_a_new_connection_is_not_repeated() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    for call in [get(), post("{}")] {
        upstream.next(vec![Step::Read, Step::Close]);
        let answer = gateway.call(&call);
        answer.refusal(502, "upstream_unanswered", "badGateway");
    }
    assert_eq!(seen(&upstream), expected([(0, "GET"), (1, "POST")]));
}

#[test]
fn a_request_whose_answer_has_begun_is_not_repeated() {
    for call in [get(), post("{}")] {
        let (upstream, _gateway, mut client) = with_idle_connection();
        let half = b"HTTP/1.1 200 OK\r\nContent-Le".to_vec();
        upstream.next(vec![Step::Read, Step::Write(half), Step::Close]);
        let answer = client.call(&call);
        let message = answer.refusal(502, "upstream_broken", "badGateway");
        assert_eq!(
            message,
            "The upstream closed the connection within the head of its answer."
        );
        let method = &call.method;
        assert_eq!(seen(&upstream), expected([(0, "GET"), (0, method)]));
    }
}
