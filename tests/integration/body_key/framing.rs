//! However the body comes, and however large it is.

use std::net::Shutdown;

use super::{Call, Expected, JSON, World, call, chunked, chunked_head, path_of, token};
use crate::support::Setup;

const START: &[u8] = b"{\"os-start\":null}";
const MOST: usize = 64 * 1024;
const LARGE: Expected<'static> = Err((413, "body_too_large", None));

/// A good body of so many bytes.
fn sized(size: usize) -> Vec<u8> {
    let name = b"{\"os-start\":\"\"}".len();
    format!("{{\"os-start\":\"{}\"}}", "x".repeat(size - name)).into_bytes()
}

#[test]
fn chunks_of_any_size_are_sent_with_a_length() {
    for setup in [Setup::new, Setup::generic] {
        let mut world = World::start(setup);
        for size in [1, 2, 7, 100] {
            let bytes = chunked(START, size);
            world.check("chunks", &bytes, START, Ok("os-start"));
            let both = b"{\"os-start\":null,\"os-stop\":null}";
            let refused = Err((400, "body_members", None));
            world.check("two members in chunks", &chunked(both, size), both, refused);
        }
        let empty = Err((400, "body_invalid", None));
        world.check("no chunk", &chunked(b"", 1), b"", empty);
        world.finish();
    }
}

#[test]
fn pieces_that_come_one_by_one_are_one_body() {
    let mut world = World::new();
    let mut client = world.gateway.connect();
    let bytes = chunked(START, 1);
    for byte in bytes.chunks(1) {
        client.send(byte);
    }
    assert_eq!(client.answer().status, 200);
    assert_eq!(world.upstream.only().raw_body, START);
    // With a length the connection goes on: it was read to its end, and no further.
    let mut client = world.gateway.connect();
    let (first, second) = (call(START).bytes(), call("{\"os-stop\":{}}").bytes());
    client.send([first, second].concat());
    assert_eq!(client.answer().status, 200);
    assert_eq!(client.answer().status, 200);
    assert_eq!(world.upstream.count(), 3);
    for operation in ["os-start", "os-start", "os-stop"] {
        let line = [
            200.into(),
            "ok".into(),
            operation.into(),
            super::TEMPLATE.into(),
        ];
        world.audited.push(line);
    }
    world.finish();
}

#[test]
fn extensions_and_trailers_are_left_out() {
    let mut world = World::new();
    let mut bytes = chunked_head().header("Trailer: X-Late").bytes();
    bytes.extend_from_slice(b"11;a=b\r\n{\"os-start\":null}\r\n0\r\nX-Late: yes\r\n\r\n");
    world.check("trailers", &bytes, START, Ok("os-start"));
    let headers = world.upstream.only().headers;
    assert!(
        !headers.has("x-late") && !headers.has("trailer"),
        "{headers:?}"
    );
    world.finish();
}

#[test]
fn sixty_four_kilobytes_pass_and_no_more() {
    let mut world = World::new();
    let (most, more) = (sized(MOST), sized(MOST + 1));
    world.check("a length", &call(&*most).bytes(), &most, Ok("os-start"));
    world.check("a length beyond", &call(&*more).bytes(), &more, LARGE);
    for size in [1000, MOST * 2] {
        world.check("chunks", &chunked(&most, size), &most, Ok("os-start"));
        world.check("chunks beyond", &chunked(&more, size), &more, LARGE);
    }
    // White space is not nothing.
    let padded = [START, &b" ".repeat(MOST)].concat();
    world.check("padded", &chunked(&padded, 5000), &padded, LARGE);
    world.finish();
}

#[test]
fn a_length_beyond_is_refused_before_anything_is_read() {
    let mut world = World::new();
    let head = chunked_head().bytes();
    let head = String::from_utf8(head).unwrap();
    for length in ["65537", "9223372036854775807"] {
        let length = format!("Content-Length: {length}\r\nExpect: 100-continue");
        let head = head.replace("Transfer-Encoding: chunked", &length);
        let answer = world.check("a length", head.as_bytes(), b"", LARGE);
        let message = answer.refusal(413, "body_too_large", "overLimit");
        let expected = "The request's body is too large, expected at most 65536 bytes.";
        assert_eq!(message, expected);
    }
    world.finish();
}

#[test]
fn the_listeners_bound_holds_too() {
    let mut world = World::start(|upstream| Setup::new(upstream).listen("max_body = \"100B\""));
    let (most, more) = (sized(100), sized(101));
    world.check("most", &call(&*most).bytes(), &most, Ok("os-start"));
    world.check("more", &call(&*more).bytes(), &more, LARGE);
    world.check("chunks", &chunked(&more, 9), &more, LARGE);
    world.finish();
}

/// While it is read, any of the operations may be the one; then it is known which.
#[test]
fn an_operations_own_bound_holds_once_it_is_known() {
    let mut world = World::new();
    let template = "/v1/{project_id}/limited";
    let mut check = |name: &str, size: usize, expected: Expected<'_>| {
        let frame = format!("{{\"{name}\":\"\"}}").len();
        let body = format!("{{\"{name}\":\"{}\"}}", "x".repeat(size - frame));
        let call = Call::post(path_of(template), &*body)
            .bearer(&token(&[]))
            .header(JSON);
        world.check_on(template, name, &call.bytes(), body.as_bytes(), expected);
    };
    check("small", 64, Ok("small"));
    check("small", 65, Err((413, "body_too_large", Some("small"))));
    check("large", 128, Ok("large"));
    check("large", 129, LARGE);
    check("small", 129, LARGE);
    check("other", 65, Err((400, "body_unlisted", None)));
    world.finish();
}

#[test]
fn a_body_is_asked_for_when_its_head_is_good() {
    let mut world = World::new();
    let head = |kind: &str| {
        let head = String::from_utf8(chunked_head().bytes()).unwrap();
        let length = format!("Content-Length: {}\r\nExpect: 100-continue", START.len());
        head.replace("Transfer-Encoding: chunked", &length)
            .replace("application/json", kind)
    };
    let mut client = world.gateway.connect();
    client.send(head("application/json"));
    assert_eq!(client.head().0, 100);
    client.send(START);
    assert_eq!(client.answer().status, 200);
    let seen = world.upstream.only();
    assert_eq!(seen.raw_body, START);
    assert!(!seen.headers.has("expect"));
    let line = [
        200.into(),
        "ok".into(),
        "os-start".into(),
        super::TEMPLATE.into(),
    ];
    world.audited.push(line);
    let refused = Err((415, "body_media_type", None));
    world.check("another type", head("text/plain").as_bytes(), b"", refused);
    world.finish();
}

/// The audit has a line for a body that never came whole, and the upstream has nothing.
#[test]
fn a_body_that_breaks_off_or_stops_is_not_sent() {
    let setup = |upstream: &_| Setup::new(upstream).listen("client_timeout = \"100ms\"");
    let mut world = World::start(setup);
    let begin = |rest: &str| [chunked_head().bytes(), rest.as_bytes().to_vec()].concat();
    for (rest, status, reason) in [
        ("11\r\n{\"os-start\":null}\r\n", 408, "body_timeout"),
        (
            "11\r\n{\"os-start\":null}\r\nnonsense\r\n",
            400,
            "body_broken",
        ),
        ("12\r\n{\"os-start\":null}\r\n0\r\n\r\n", 400, "body_broken"),
    ] {
        world.check(rest, &begin(rest), b"", Err((status, reason, None)));
    }
    let mut client = world.gateway.connect();
    client.send(begin("11\r\n{\"os-start\":null}\r\n"));
    client.wire().stream().shutdown(Shutdown::Both).unwrap();
    drop(client);
    let audit = world.gateway.wait_for_audit(4);
    assert_eq!(audit[3]["route"], super::TEMPLATE);
    assert_eq!(audit[3]["operation"], serde_json::Value::Null);
    assert_ne!(audit[3]["reason"], "ok");
    assert_eq!(world.upstream.count(), 0);
}

#[test]
fn all_that_are_read_at_a_time_are_bounded() {
    let setup = |upstream: &_| Setup::new(upstream).upstream("collect_total = \"40B\"");
    let mut world = World::start(setup);
    let body = sized(41);
    let busy = Err((503, "upstream_busy", None));
    world.check("one beyond", &call(&*body).bytes(), &body, busy);
    // What was refused is not counted any longer.
    let body = sized(40);
    world.check(
        "as many as may be",
        &call(&*body).bytes(),
        &body,
        Ok("os-start"),
    );
    world.check("again", &call(&*body).bytes(), &body, Ok("os-start"));
    world.finish();
}

#[test]
fn a_body_has_to_be_there_before_the_request_has_to_be_done() {
    let setup = |upstream: &_| Setup::new(upstream).upstream("request_timeout = \"100ms\"");
    let mut world = World::start(setup);
    let bytes = [chunked_head().bytes(), b"1\r\n{\r\n".to_vec()].concat();
    world.check("late", &bytes, b"", Err((504, "request_timeout", None)));
    world.finish();
}
