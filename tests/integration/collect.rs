//! A body without a length: Nova would take it for none.

use crate::support::{
    Call, Framing, Gateway, Setup, Signal, Step, Upstream, metadata, metadata_key, token,
};

fn head(method: &str, path: &str) -> Call {
    Call::new(method, path)
        .bearer(&token(&["*:*:*"]))
        .header("Transfer-Encoding: chunked")
}

fn chunked(method: &str, path: &str, chunks: &[&str]) -> Vec<u8> {
    let mut bytes = head(method, path).bytes();
    for chunk in chunks {
        bytes.extend(format!("{:x}\r\n{chunk}\r\n", chunk.len()).into_bytes());
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

#[test]
fn nova_is_sent_the_whole_body_with_its_length() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let mut client = gateway.connect();
    client.send(chunked(
        "POST",
        &metadata(),
        &["{\"meta", "data\":", " {}}"],
    ));
    assert_eq!(client.answer().status, 200);
    let seen = upstream.only();
    assert_eq!(seen.headers.framing(), Some(Framing::Length(16)));
    assert_eq!(seen.raw_body, b"{\"metadata\": {}}");
    assert_eq!(gateway.into_audit()[0]["bytes_received"], 16);
}

#[test]
fn an_empty_body_has_its_length_too() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    for method in ["POST", "PUT"] {
        let mut client = gateway.connect();
        client.send(chunked(method, &metadata(), &[]));
        assert_eq!(client.answer().status, 200);
    }
    for seen in upstream.requests() {
        assert_eq!(seen.headers.framing(), Some(Framing::Length(0)));
    }
}

#[test]
fn another_upstream_gets_it_as_it_comes() {
    let upstream = Upstream::start();
    let setup = Setup::generic(&upstream);
    let gateway = setup.start();
    let mut client = gateway.connect();
    let bytes = chunked("POST", &metadata(), &["first", "second"]);
    let (begin, rest) = bytes.split_at(bytes.len() - 12);
    client.send(begin);
    upstream.wait_for_body(0, 5);
    client.send(rest);
    assert_eq!(client.answer().status, 200);
    let seen = upstream.only();
    assert_eq!(seen.headers.framing(), Some(Framing::Chunked));
    assert_eq!(seen.body, b"firstsecond");
}

/// It is empty as a rule, and then a server may well not expect it.
#[test]
fn where_a_body_has_no_meaning_an_empty_one_is_none() {
    for profile in ["nova", "generic"] {
        let upstream = Upstream::start();
        let setup = Setup::new(&upstream).upstream(&format!("profile = \"{profile}\""));
        let gateway = setup.start();
        for (method, path) in [("GET", metadata()), ("DELETE", metadata_key("k"))] {
            let mut client = gateway.connect();
            client.send(chunked(method, &path, &[]));
            assert_eq!(client.answer().status, 200, "{profile} {method}");
            let mut client = gateway.connect();
            client.send(chunked(method, &path, &["x"]));
            assert_eq!(client.answer().status, 200, "{profile} {method}");
        }
        let framings = upstream.requests().into_iter();
        let framings: Vec<_> = framings.map(|seen| seen.headers.framing()).collect();
        let one = Some(Framing::Length(1));
        assert_eq!(framings, [None, one, None, one], "{profile}");
    }
}

#[test]
fn a_body_beyond_its_limit_is_413_and_not_sent() {
    let upstream = Upstream::start();
    let setup = Setup::new(&upstream).listen("max_body = \"8B\"");
    let gateway = setup.start();
    let mut client = gateway.connect();
    client.send(chunked("POST", &metadata(), &["12345678"]));
    assert_eq!(client.answer().status, 200);
    let mut client = gateway.connect();
    client.send(chunked("POST", &metadata(), &["12345678", "9"]));
    let answer = client.answer();
    answer.refusal(413, "body_too_large", "overLimit");
    assert_eq!(upstream.count(), 1);
}

/// The bound is the operation's, or the listener's: there is none beside it.
#[test]
fn a_body_may_be_as_large_as_its_limit_says() {
    let upstream = Upstream::start();
    let setup = Setup::new(&upstream).listen("max_body = \"20MiB\"");
    let gateway = setup.start();
    let piece = "x".repeat(1024 * 1024);
    let mut client = gateway.connect();
    client.send(chunked("POST", &metadata(), &[piece.as_str(); 17]));
    assert_eq!(client.answer().status, 200);
    assert_eq!(upstream.only().body.len(), 17 * 1024 * 1024);
}

#[test]
fn a_body_that_stops_or_breaks_is_not_sent() {
    let upstream = Upstream::start();
    let setup = Setup::new(&upstream).listen("client_timeout = \"100ms\"");
    let gateway = setup.start();
    for (rest, status, reason, family) in [
        ("4\r\nhalf\r\n", 408, "body_timeout", "requestTimeout"),
        (
            "4\r\nhalf\r\nnonsense\r\n",
            400,
            "body_broken",
            "badRequest",
        ),
    ] {
        let mut client = gateway.connect();
        let mut bytes = head("POST", &metadata()).bytes();
        bytes.extend_from_slice(rest.as_bytes());
        client.send(bytes);
        client.answer().refusal(status, reason, family);
    }
    assert_eq!(upstream.count(), 0);
}

#[test]
fn no_more_is_collected_at_a_time_than_allowed() {
    let upstream = Upstream::start();
    let setup = Setup::new(&upstream).upstream("collect_total = \"10B\"");
    let gateway = setup.start();
    let release = Signal::new();
    upstream.next(vec![Step::Read, Step::Wait(release.clone()), Step::Echo]);
    let mut first = gateway.connect();
    first.send(chunked("POST", &metadata(), &["123456"]));
    upstream.wait_for_requests(1);
    let mut second = gateway.connect();
    second.send(chunked("POST", &metadata(), &["123456789", "ab"]));
    let answer = second.answer();
    answer.refusal(503, "upstream_busy", "serviceUnavailable");
    release.set();
    assert_eq!(first.answer().status, 200);
    // What was refused is not counted any longer.
    let mut third = gateway.connect();
    third.send(chunked("POST", &metadata(), &["123456"]));
    assert_eq!(third.answer().status, 200);
    assert_eq!(upstream.count(), 2);
}

/// Collected or streamed.
#[test]
fn a_body_has_to_be_there_before_the_request_has_to_be_done() {
    for profile in ["nova", "generic"] {
        let upstream = Upstream::start();
        let gateway = Setup::new(&upstream)
            .upstream(&format!("profile = \"{profile}\""))
            .upstream("request_timeout = \"100ms\"")
            .start();
        let mut client = gateway.connect();
        let mut bytes = head("POST", &metadata()).bytes();
        bytes.extend_from_slice(b"4\r\nhalf\r\n");
        client.send(bytes);
        let answer = client.answer();
        answer.refusal(504, "request_timeout", "gatewayTimeout");
        assert!(upstream.requests().iter().all(|request| !request.is_whole));
    }
}
