//! Bodies go through piece by piece, both ways, without being gathered.

use crate::support::{
    Answer, Call, Client, Framing, Setup, Signal, Step, Upstream, metadata, ok, token,
};

/// More than any buffer on the way holds.
const LARGE: usize = 16 * 1024 * 1024;

fn get() -> Call {
    Call::get(metadata()).bearer(&token(&["*:*:*"]))
}

/// The head of a POST with these lines.
fn post_head(lines: &[&str]) -> Vec<u8> {
    let call = Call::new("POST", metadata()).bearer(&token(&["*:*:*"]));
    let call = lines.iter().fold(call, |call, line| call.header(*line));
    call.bytes()
}

fn write(text: &str) -> Step {
    Step::Write(text.into())
}

#[test]
fn a_piece_of_an_answer_arrives_before_the_next_is_sent() {
    for (head, pieces) in [
        ("Content-Length: 9", ["one", "two", "six"]),
        (
            "Transfer-Encoding: chunked",
            ["3\r\none\r\n", "3\r\ntwo\r\n", "3\r\nsix\r\n0\r\n\r\n"],
        ),
        ("Connection: close", ["one", "two", "six"]),
    ] {
        let upstream = Upstream::start();
        let gateway = Setup::generic(&upstream).start();
        let signals = [Signal::new(), Signal::new(), Signal::new()];
        let mut script = vec![
            Step::Read,
            write(&format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n")),
        ];
        for (signal, piece) in signals.iter().zip(pieces) {
            script.extend([Step::Wait(signal.clone()), write(piece)]);
        }
        script.push(Step::Close);
        upstream.next(script);
        let mut client = gateway.connect();
        client.send(get().bytes());
        // The head comes before any of the body is there.
        let (status, headers) = client.head();
        assert_eq!(status, 200);
        let mut framing = headers.framing().unwrap();
        for (signal, piece) in signals.iter().zip([b"one", b"two", b"six"]) {
            signal.set();
            assert_eq!(client.take(&mut framing, 3), piece, "{head}");
        }
        let end = client.wire().piece(&mut framing).unwrap();
        assert!(end.is_none_or(|(data, _)| data.is_empty()), "{head}");
    }
}

#[test]
fn a_piece_of_a_request_arrives_before_the_next_is_sent() {
    for (head, pieces) in [
        ("Content-Length: 9", ["one", "two", "six"]),
        (
            "Transfer-Encoding: chunked",
            ["3\r\none\r\n", "3\r\ntwo\r\n", "3\r\nsix\r\n0\r\n\r\n"],
        ),
    ] {
        let upstream = Upstream::start();
        let gateway = Setup::generic(&upstream).start();
        let mut client = gateway.connect();
        client.send(post_head(&[head]));
        upstream.wait_for_requests(1);
        for (index, piece) in pieces.iter().enumerate() {
            client.send(piece);
            upstream.wait_for_body(0, 3 * (index + 1));
        }
        assert_eq!(client.answer().status, 200);
        let request = upstream.only();
        assert!(request.is_whole);
        assert_eq!(request.body, b"onetwosix");
        let framing = match head.starts_with("Content") {
            true => Framing::Length(9),
            false => Framing::Chunked,
        };
        assert_eq!(request.headers.framing(), Some(framing));
    }
}

#[test]
fn large_bodies_arrive_whole() {
    let upstream = Upstream::start();
    let gateway = Setup::generic(&upstream).start();
    // A pattern that no buffer's size is a multiple of.
    let body: Vec<u8> = (0..=250).cycle().take(LARGE).collect();
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n").into_bytes();
    answer.extend_from_slice(&body);
    upstream.next(vec![Step::Read, Step::Write(answer)]);
    let post = Call::post(metadata(), body.clone()).bearer(&token(&["*:*:*"]));
    let got = gateway.call(&post);
    assert_eq!(got.status, 200);
    assert!(got.body == body, "another answer than was sent");
    assert!(upstream.only().body == body, "another body than was sent");
    let audit = gateway.into_audit();
    assert_eq!(audit[0]["bytes_received"], LARGE);
    assert_eq!(audit[0]["bytes_sent"], LARGE);
}

#[test]
fn both_bodies_run_at_the_same_time() {
    let upstream = Upstream::start();
    let gateway = Setup::generic(&upstream).start();
    // The answer begins, and is read, before the request has ended.
    let go_on = Signal::new();
    upstream.next(vec![
        write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n"),
        Step::Read,
        Step::Wait(go_on.clone()),
        write("4\r\nlate\r\n0\r\n\r\n"),
    ]);
    let mut client = gateway.connect();
    client.send(post_head(&["Transfer-Encoding: chunked"]));
    let (status, headers) = client.head();
    assert_eq!(status, 200);
    let mut framing = headers.framing().unwrap();
    assert_eq!(client.take(&mut framing, 5), b"early");
    client.send("4\r\nbody\r\n0\r\n\r\n");
    upstream.wait_for_body(0, 4);
    go_on.set();
    assert_eq!(client.take(&mut framing, 4), b"late");
    assert_eq!(upstream.only().body, b"body");
}

#[test]
fn an_answer_that_comes_before_the_body_is_passed_on() {
    let upstream = Upstream::start();
    let gateway = Setup::generic(&upstream).start();
    upstream.next(vec![
        write("HTTP/1.1 409 Conflict\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy"),
        Step::Read,
    ]);
    let mut client = gateway.connect();
    client.send(post_head(&["Content-Length: 10"]));
    client.send("01234");
    let answer = client.answer();
    assert_eq!((answer.status, answer.text()), (409, "busy"));
    // Nothing of this exchange is left over for the next one.
    let post = Call::post(metadata(), "{}").bearer(&token(&["*:*:*"]));
    assert_eq!(gateway.call(&post).status, 200);
}

#[test]
fn an_answer_is_passed_on_although_the_upstream_takes_no_more_of_the_body() {
    const SIZE: usize = 4 * 1024 * 1024;
    let upstream = Upstream::start();
    let gateway = Setup::generic(&upstream).start();
    upstream.always(vec![
        write("HTTP/1.1 413 Too Much\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlong"),
        Step::Close,
    ]);
    let head = post_head(&[&format!("Content-Length: {SIZE}")]);
    for _ in 0..20 {
        let mut client = gateway.connect();
        client.send(&head);
        client.send(vec![b'x'; SIZE]);
        let answer = client.answer();
        assert_eq!((answer.status, answer.text()), (413, "long"));
    }
}

#[test]
fn chunked_is_framed_afresh_and_trailers_are_dropped() {
    let upstream = Upstream::start();
    let gateway = Setup::generic(&upstream).start();
    upstream.next(vec![
        Step::Read,
        write(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
             3;extension=\"x\"\r\nabc\r\n0\r\n\r\n",
        ),
    ]);
    let mut client = gateway.connect();
    client.send(post_head(&[
        "Transfer-Encoding: CHUNKED",
        "Trailer: X-Roles",
    ]));
    client.send("00003;a=b\r\n123\r\n2\r\n45\r\n0\r\nX-Roles: admin\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.status, answer.text()), (200, "abc"));
    let request = upstream.only();
    assert_eq!(request.body, b"12345");
    let raw = String::from_utf8(request.raw_body).unwrap();
    assert!(
        raw.ends_with("0\r\n\r\n") && !raw.contains("admin"),
        "{raw:?}"
    );
    assert!(!request.headers.has("trailer"));
    // Nothing of the trailer is taken for the next request, nor what follows it.
    assert_eq!(answer.headers.get("connection"), Some("close"));
    client.ends();
    assert_eq!(upstream.count(), 1);
}

#[test]
fn a_body_is_asked_for_when_it_is_wanted() {
    let upstream = Upstream::start();
    let gateway = Setup::generic(&upstream).start();
    upstream.always(ok());
    let mut client = gateway.connect();
    client.send(post_head(&["Content-Length: 4", "Expect: 100-continue"]));
    assert_eq!(client.head().0, 100);
    client.send("body");
    assert_eq!(client.answer().text(), "{}");
    let request = upstream.only();
    assert_eq!(request.body, b"body");
    assert!(!request.headers.has("expect"));
    // A client that does not wait.
    client.send(post_head(&["Content-Length: 4", "Expect: 100-continue"]));
    client.send("more");
    let (status, _) = client.head();
    assert_eq!(status, 100);
    assert_eq!(client.answer().text(), "{}");
}

#[test]
fn a_body_is_not_asked_for_when_it_is_not_wanted() {
    let upstream = Upstream::start();
    let gateway = Setup::generic(&upstream).start();
    let call = Call::new("POST", metadata())
        .bearer(&token(&[]))
        .header("Content-Length: 4")
        .header("Expect: 100-continue");
    let mut client = gateway.connect();
    client.send(call.bytes());
    client.answer().refusal(403, "action_missing", "forbidden");
    client.ends();
    assert_eq!(upstream.count(), 0);
}

/// Sends this head and `size` body bytes, all of them before anything is read; the answer is what came
/// back before the clean end of the connection.
fn send_all(mut client: Client, head: &[u8], size: usize) -> Answer {
    client.send(head);
    client.send(vec![b'x'; size]);
    let answer = client.answer();
    client.ends();
    answer
}

#[test]
fn a_refusal_is_delivered_although_a_large_body_follows() {
    const SIZE: usize = 4 * 1024 * 1024;
    let upstream = Upstream::start();
    let gateway = Setup::generic(&upstream).start();
    let length = format!("Content-Length: {SIZE}");
    let denied = Call::new("POST", metadata()).bearer(&token(&[]));
    for _ in 0..5 {
        let head = denied.clone().header(&length).bytes();
        let answer = send_all(gateway.connect(), &head, SIZE);
        answer.refusal(403, "action_missing", "forbidden");
        let head = Call::new("POST", metadata()).header(&length).bytes();
        let answer = send_all(gateway.connect(), &head, SIZE);
        answer.refusal(401, "token_missing", "error");
    }
    assert_eq!(upstream.count(), 0);
}

#[test]
fn a_refused_small_body_does_not_end_the_connection() {
    let upstream = Upstream::start();
    let gateway = Setup::generic(&upstream).start();
    let mut client = gateway.connect();
    for _ in 0..3 {
        let post = Call::post(metadata(), "GET / HTTP/1.1\r\n\r\n");
        let denied = client.call(&post.clone().bearer(&token(&[])));
        denied.refusal(403, "action_missing", "forbidden");
        let allowed = client.call(&post.bearer(&token(&["*:*:*"])));
        assert_eq!(allowed.status, 200);
    }
    assert_eq!(upstream.count(), 3);
}

#[test]
fn requests_sent_at_once_are_answered_in_their_order() {
    let upstream = Upstream::start();
    let gateway = Setup::generic(&upstream).start();
    let mut client = gateway.connect();
    let all = token(&["*:*:*"]);
    let denied = Call::post(metadata(), "{\"no\":1}").bearer(&token(&[]));
    let post = Call::post(metadata(), "{}").bearer(&all);
    let unknown = Call::get("/unknown").bearer(&all);
    let bytes = [get(), denied, post, unknown, get()].map(|call| call.bytes());
    client.send(bytes.concat());
    for status in [200, 403, 200, 404, 200] {
        assert_eq!(client.answer().status, status);
    }
    let requests = upstream.requests();
    let methods = requests
        .iter()
        .map(|request| request.line.split(' ').next());
    let expected = ["GET", "POST", "GET"].map(Some);
    assert_eq!(methods.collect::<Vec<_>>(), expected);
}

#[test]
fn an_old_client_gets_a_body_that_it_can_read() {
    let upstream = Upstream::start();
    let gateway = Setup::generic(&upstream).start();
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    upstream.next(vec![Step::Read, write(chunked)]);
    let mut client = gateway.connect();
    let call = String::from_utf8(get().bytes()).unwrap();
    client.send(call.replace("HTTP/1.1", "HTTP/1.0"));
    let answer = client.answer();
    assert_eq!((answer.status, answer.text()), (200, "abc"));
    assert!(!answer.headers.has("transfer-encoding"));
    client.ends();
    assert!(upstream.only().line.ends_with(" HTTP/1.1"));
}
