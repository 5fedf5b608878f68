//! The upstream's answers are held to the framing rules that requests are held to.

use crate::support::{Answer, Call, Gateway, Setup, Signal, Step, Upstream, metadata, token};

fn get() -> Call {
    Call::get(metadata()).bearer(&token(&["*:*:*"]))
}

fn post(body: &str) -> Call {
    Call::post(metadata(), body).bearer(&token(&["*:*:*"]))
}

/// A script that answers with these bytes.
fn says(text: &str) -> Vec<Step> {
    vec![Step::Read, Step::Write(text.into())]
}

/// What a client gets of an upstream with this script; the next request is answered as ever.
fn answered(script: Vec<Step>) -> Answer {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let mut client = gateway.connect();
    upstream.next(script);
    let answer = client.call(&post("{}"));
    assert_eq!(client.call(&post("{}")).status, 200);
    answer
}

/// Each has a reading in which another answer follows.
#[test]
fn an_answer_whose_framing_is_in_doubt_is_502() {
    let ok = "HTTP/1.1 200 OK\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n";
    for text in [
        format!("{ok}Content-Length: 3\r\n{chunked}\r\na\r\n0123456789\r\n0\r\n\r\n"),
        format!("{ok}{chunked}Content-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        format!("{ok}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        format!("{ok}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
        format!("{ok}Content-Length: 3, 3\r\n\r\nabc"),
        format!("{ok}Content-Length: +3\r\n\r\nabc"),
        format!("{ok}Content-Length: 0x3\r\n\r\nabc"),
        format!("{ok}Content-Length: 99999999999999999999\r\n\r\nabc"),
        format!("{ok}Content-Length:\r\n\r\n"),
        format!("{ok}Transfer-Encoding: gzip\r\n\r\nabc"),
        format!("{ok}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        format!("{ok}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
        format!("{ok}{chunked}{chunked}\r\n0\r\n\r\n"),
        format!("{ok}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        format!("HTTP/1.0 200 OK\r\n{chunked}\r\n0\r\n\r\n"),
        format!("{ok}Content-Length : 3\r\n\r\nabc"),
        format!("{ok} Content-Length: 3\r\n\r\nabc"),
        format!("{ok}X: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
        format!("{ok}X: a\rb\r\nContent-Length: 0\r\n\r\n"),
        format!("{ok}X: a\0b\r\nContent-Length: 0\r\n\r\n"),
        format!("{ok}X\0: a\r\nContent-Length: 0\r\n\r\n"),
        format!("{ok}: a\r\nContent-Length: 0\r\n\r\n"),
        "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 0200 OK\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc".to_owned(),
        format!("HTTP/1.1 204 No Content\r\n{chunked}\r\n3\r\nabc\r\n0\r\n\r\n"),
        format!("{ok}X: {}\r\n\r\n", "x".repeat(65 * 1024)),
        format!("{ok}{}\r\n", "X: y\r\n".repeat(101)),
    ] {
        let upstream = Upstream::start();
        let gateway = Gateway::start(&upstream);
        let mut client = gateway.connect();
        upstream.next(says(&text));
        let answer = client.call(&post("{}"));
        assert_eq!(answer.status, 502, "{text:.80} {answer:?}");
        assert_eq!(answer.reason(), "upstream_invalid", "{text:.80}");
        assert_eq!(client.call(&post("{}")).status, 200, "{text:.80}");
        let connections: Vec<usize> = upstream
            .requests()
            .iter()
            .map(|request| request.connection)
            .collect();
        assert_eq!(connections, [0, 1], "not used again: {text:.80}");
    }
}

/// What is within the bounds, and what Nova sends, passes.
#[test]
fn an_unusual_answer_passes() {
    let ok = "HTTP/1.1 200 OK\r\n";
    let many = "X: y\r\n".repeat(90);
    for (text, status) in [
        (
            format!(
                "{ok}X: {}\r\nContent-Length: 0\r\n\r\n",
                "x".repeat(60 * 1024)
            ),
            200,
        ),
        (format!("{ok}{many}Content-Length: 0\r\n\r\n"), 200),
        (
            "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n".to_owned(),
            204,
        ),
        (
            "HTTP/1.1 599 Odd\r\nContent-Length: 0\r\n\r\n".to_owned(),
            599,
        ),
    ] {
        assert_eq!(answered(says(&text)).status, status, "{text:.80}");
    }
}

/// The second answer is nobody's: the next request must not get it.
#[test]
fn what_follows_an_answer_ends_its_connection() {
    let second = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    for first in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n",
    ] {
        let upstream = Upstream::start();
        let gateway = Gateway::start(&upstream);
        let mut client = gateway.connect();
        upstream.next(says(&format!("{first}{second}")));
        assert!(client.call(&get()).status < 400);
        let answer = client.call(&get());
        assert_ne!(answer.text(), "evil", "{first}");
        assert_eq!(answer.status, 200, "{first}");
        assert_eq!(upstream.connections(), 2, "{first}");
    }
}

#[test]
fn interim_answers_without_end_are_broken_off() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(1000);
    upstream.next(vec![Step::Read, Step::Flood(interim.into())]);
    let answer = gateway.call(&post("{}"));
    answer.refusal(502, "upstream_broken", "badGateway");
}

#[test]
fn a_request_has_to_be_done_in_time() {
    let upstream = Upstream::start();
    let setup = Setup::new(&upstream).upstream("request_timeout = \"500ms\"");
    let gateway = setup.start();
    assert_eq!(gateway.call(&get()).status, 200);
    let never = Signal::new();
    // Before the head of the answer.
    upstream.next(vec![Step::Read, Step::Wait(never.clone())]);
    let message = gateway
        .call(&post("{}"))
        .refusal(504, "request_timeout", "gatewayTimeout");
    assert_eq!(message, "The request was not done in time.");
    // Within its body, which keeps coming.
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let flood = Step::Flood("1\r\nx\r\n".repeat(100).into());
    upstream.next(vec![Step::Read, Step::Write(head.into()), flood]);
    let mut client = gateway.connect();
    client.send(get().bytes());
    let cut = client.try_answer("GET").expect_err("it never ends");
    assert_eq!(cut.head.unwrap().0, 200);
    never.set();
    let audit = gateway.into_audit();
    let reasons: Vec<_> = audit.iter().map(|line| line["reason"].as_str()).collect();
    let late = Some("request_timeout");
    assert_eq!(reasons, [Some("ok"), late, late]);
}
