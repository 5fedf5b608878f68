//! Bodies that are too large, broken or odd.

use crate::support::{Call, Client, Gateway, Setup, Step, Upstream, metadata, metadata_key, token};

fn post(lines: &[&str]) -> Vec<u8> {
    let call = Call::new("POST", metadata()).bearer(&token(&["*:*:*"]));
    let call = lines.iter().fold(call, |call, line| call.header(*line));
    call.bytes()
}

const CHUNKED: &str = "Transfer-Encoding: chunked";

fn limited(upstream: &Upstream) -> Gateway {
    Setup::generic(upstream)
        .listen("max_body = \"1KiB\"")
        .start()
}

fn too_large(client: &mut Client) {
    let answer = client.answer();
    let message = answer.refusal(413, "body_too_large", "overLimit");
    let expected = "The request's body is too large, expected at most 1024 bytes.";
    assert_eq!(message, expected);
}

#[test]
fn a_length_beyond_the_limit_is_413_before_the_upstream_is_asked() {
    let upstream = Upstream::start();
    let gateway = limited(&upstream);
    let mut client = gateway.connect();
    client.send(post(&["Content-Length: 1025"]));
    too_large(&mut client);
    assert_eq!(upstream.count(), 0);
    let answer = gateway.call(&Call::post(metadata(), vec![b'x'; 1024]).bearer(&token(&["*:*:*"])));
    assert_eq!(answer.status, 200);
    assert_eq!(upstream.only().body.len(), 1024);
}

#[test]
fn an_operations_own_limit_replaces_the_listeners() {
    let upstream = Upstream::start();
    let operation = |path: &str, limit: &str| {
        format!(
            "[[operation]]\npermission = '{path}'\nroutes = ['POST {path}']\nproject = 'none'\naccess = 'authenticated'\n\
             max_body = '{limit}'\n"
        )
    };
    let table = operation("/more", "2KiB") + &operation("/less", "10B");
    let gateway = Setup::generic(&upstream)
        .listen("max_body = \"1KiB\"")
        .table(&table)
        .start();
    let call = |path: &str, size: usize| {
        let body = vec![b'x'; size];
        gateway.call(&Call::post(path, body).bearer(&token(&[])))
    };
    for (path, limit) in [("/more", 2048), ("/less", 10)] {
        assert_eq!(call(path, limit).status, 200, "{path}");
        let answer = call(path, limit + 1);
        let message = answer.refusal(413, "body_too_large", "overLimit");
        let expected = format!("expected at most {limit} bytes.");
        assert!(message.ends_with(&expected), "{message}");
    }
    assert_eq!(upstream.count(), 2);
}

#[test]
fn chunks_beyond_the_limit_are_413_and_never_a_whole_request() {
    let upstream = Upstream::start();
    let gateway = limited(&upstream);
    let half = format!("200\r\n{}\r\n", "x".repeat(512));
    let mut client = gateway.connect();
    client.send(post(&[CHUNKED]));
    client.send(format!("{half}{half}"));
    upstream.wait_for_body(0, 1024);
    client.send("1\r\nx\r\n0\r\n\r\n");
    too_large(&mut client);
    upstream.wait_for_connections(0);
    let request = upstream.only();
    assert_eq!((request.body.len(), request.is_whole), (1024, false));
    // Exactly the limit passes.
    let mut client = gateway.connect();
    client.send(post(&[CHUNKED]));
    client.send(format!("{half}{half}0\r\n\r\n"));
    assert_eq!(client.answer().status, 200);
    let request = &upstream.requests()[1];
    assert_eq!((request.body.len(), request.is_whole), (1024, true));
    let audit = gateway.into_audit();
    assert_eq!(audit[0]["reason"], "body_too_large");
    assert_eq!(audit[0]["status"], 413);
}

#[test]
fn a_body_that_is_not_chunked_as_it_says_is_400() {
    for nonsense in [
        "nonsense\r\n",
        "5\r\nabcdefgh\r\n",
        "-1\r\n",
        "fffffffffffffffff\r\n",
    ] {
        let upstream = Upstream::start();
        let gateway = Setup::generic(&upstream).start();
        let mut client = gateway.connect();
        client.send(post(&[CHUNKED]));
        client.send("3\r\nabc\r\n");
        upstream.wait_for_body(0, 3);
        client.send(nonsense);
        let answer = client.answer();
        let message = answer.refusal(400, "body_broken", "badRequest");
        assert_eq!(message, "The request's body broke off.");
        client.ends();
        upstream.wait_for_connections(0);
        assert!(!upstream.only().is_whole, "{nonsense:?}");
    }
}

#[test]
fn a_body_that_breaks_off_is_never_a_whole_request() {
    for (line, part) in [("Content-Length: 10", "01234"), (CHUNKED, "5\r\n01234\r\n")] {
        let upstream = Upstream::start();
        let gateway = Setup::generic(&upstream).start();
        let mut client = gateway.connect();
        client.send(post(&[line]));
        client.send(part);
        upstream.wait_for_body(0, 5);
        drop(client);
        upstream.wait_for_connections(0);
        let request = upstream.only();
        assert_eq!(
            (request.body.as_slice(), request.is_whole),
            (&b"01234"[..], false)
        );
        let audit = gateway.into_audit();
        assert_eq!(audit.len(), 1);
        assert_eq!(audit[0]["bytes_received"], 5);
        assert_ne!(audit[0]["reason"], "ok");
    }
}

/// A body on a method that seldom has one, framed by `line`, is what the upstream gets.
fn passes_with_every_method(line: &str, body: &str) {
    let upstream = Upstream::start();
    let gateway = Setup::generic(&upstream).start();
    let token = token(&["*:*:*"]);
    let key = metadata_key("k");
    let calls = [
        ("GET", metadata()),
        ("GET", key.clone()),
        ("DELETE", key.clone()),
        ("PUT", key),
    ];
    for (index, (method, path)) in calls.iter().enumerate() {
        let call = Call::new(method, path).bearer(&token).header(line);
        let mut client = gateway.connect();
        client.send(call.bytes());
        client.send(body);
        assert_eq!(client.answer().status, 200, "{method}");
        let request = &upstream.requests()[index];
        assert_eq!(request.body, b"body", "{method} {:?}", request.headers);
    }
    assert_eq!(upstream.count(), calls.len());
}

#[test]
fn every_method_may_have_a_body_with_a_length() {
    passes_with_every_method("Content-Length: 4", "body");
}

#[test]
fn every_method_may_have_a_body_in_chunks() {
    passes_with_every_method(CHUNKED, "4\r\nbody\r\n0\r\n\r\n");
}

#[test]
fn no_body_stays_no_body() {
    let upstream = Upstream::start();
    let gateway = Setup::generic(&upstream).start();
    let mut client = gateway.connect();
    client.send(post(&["Content-Length: 0"]));
    assert_eq!(client.answer().status, 200);
    client.send(post(&[]));
    assert_eq!(client.answer().status, 200);
    for request in upstream.requests() {
        assert!(request.body.is_empty());
        assert!(!request.headers.has("transfer-encoding"));
    }
}

/// A gateway that gives a client little time.
fn impatient(upstream: &Upstream) -> Gateway {
    Setup::generic(upstream)
        .listen("client_timeout = \"100ms\"")
        .start()
}

#[test]
fn a_client_that_stops_sending_its_body_is_given_up() {
    for part in [
        "Content-Length: 10\r\n\r\n01234",
        "Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n",
    ] {
        let upstream = Upstream::start();
        let gateway = impatient(&upstream);
        let mut client = gateway.connect();
        let head = String::from_utf8(post(&[])).unwrap();
        client.send(format!(
            "{}{part}",
            head.trim_end_matches("\r\n").to_owned() + "\r\n"
        ));
        let answer = client.answer();
        let message = answer.refusal(408, "body_timeout", "requestTimeout");
        assert_eq!(
            message,
            "The rest of the request's body did not come in time."
        );
        client.ends();
        upstream.wait_for_connections(0);
        let request = upstream.only();
        assert_eq!((request.body.len(), request.is_whole), (5, false));
        assert_eq!(gateway.into_audit()[0]["reason"], "body_timeout");
    }
}

#[test]
fn a_client_that_stops_sending_its_head_is_given_up() {
    let upstream = Upstream::start();
    let gateway = impatient(&upstream);
    let bytes = post(&["Content-Length: 0"]);
    let mut client = gateway.connect();
    client.send(&bytes[..bytes.len() / 2]);
    client.ends();
    // As is one that sends nothing at all, or nothing more.
    gateway.connect().ends();
    let mut client = gateway.connect();
    client.send(&bytes);
    assert_eq!(client.answer().status, 200);
    client.ends();
    assert_eq!(upstream.count(), 1);
}

#[test]
fn a_client_that_takes_nothing_of_its_answer_is_given_up() {
    let upstream = Upstream::start();
    let gateway = impatient(&upstream);
    upstream.next(vec![
        Step::Read,
        Step::Write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n".to_vec()),
        Step::Flood(vec![b'x'; 64 * 1024]),
    ]);
    let mut client = gateway.connect();
    client.send(Call::get(metadata()).bearer(&token(&["*:*:*"])).bytes());
    upstream.wait_for_requests(1);
    upstream.wait_for_connections(0);
    let line = gateway.wait_for_audit(1).remove(0);
    assert_eq!(line["reason"], "aborted");
    drop(client);
}

/// Nova routes by a `_method` in a form as by one in the query.
#[test]
fn forms_are_for_generic_upstreams_only() {
    let upstream = Upstream::start();
    let post = || Call::post(metadata(), "_method=DELETE").bearer(&token(&["*:*:*"]));
    let forms = [
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-Urlencoded ; charset=utf-8",
        "multipart/form-data; boundary=x",
    ];
    let gateway = Setup::new(&upstream).start();
    for form in forms {
        let call = post().header(format!("Content-Type: {form}"));
        let answer = gateway.call(&call);
        let message = answer.refusal(415, "body_form", "badMediaType");
        assert_eq!(
            message,
            "A form can change the method behind the gateway, expected a body of JSON."
        );
    }
    assert_eq!(upstream.count(), 0);
    let json = post().header("Content-Type: application/json");
    assert_eq!(gateway.call(&json).status, 200);
    let gateway = Setup::generic(&upstream).start();
    let call = post().header(format!("Content-Type: {}", forms[0]));
    assert_eq!(gateway.call(&call).status, 200);
}
