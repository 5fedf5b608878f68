//! An upstream that cannot be reached, or whose answer is none.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;

use tokio::net::TcpSocket;

use crate::support::{
    Answer, Call, Framing, Gateway, PATIENCE, Setup, Signal, Step, Upstream, metadata, token,
};

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

fn says_and_closes(text: &str) -> Vec<Step> {
    vec![Step::Read, Step::Write(text.into()), Step::Close]
}

/// What a client gets of an upstream with this script; the next request is answered as ever.
fn answered(script: Vec<Step>) -> Answer {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let mut client = gateway.connect();
    upstream.next(script);
    let answer = client.call(&post("{}"));
    assert_eq!(client.call(&post("{}")).status, 200);
    assert_eq!(upstream.count(), 2);
    answer
}

/// A socket on a port of its own, which `listen` makes a listener.
fn bound() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket
        .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[test]
fn an_upstream_that_is_not_there_is_502() {
    let (_bound, address) = bound();
    let gateway = Setup::at(address).start();
    for call in [get(), post("{}")] {
        let message = gateway
            .call(&call)
            .refusal(502, "upstream_connect", "badGateway");
        assert_eq!(message, "Cannot connect to the upstream.");
    }
}

#[test]
fn an_upstream_that_does_not_accept_is_504() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build();
    let runtime = runtime.unwrap();
    let (socket, address) = bound();
    let _listener = {
        let _inside = runtime.enter();
        socket.listen(0).unwrap()
    };
    // The only place in its queue is taken; Linux drops what asks for another.
    let _first = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    let gateway = Setup::at(address)
        .upstream("connect_timeout = \"100ms\"")
        .start();
    let answer = gateway.call(&post("{}"));
    let message = answer.refusal(504, "upstream_connect_timeout", "gatewayTimeout");
    assert_eq!(message, "The upstream did not accept a connection in time.");
}

#[test]
fn an_upstream_that_does_not_answer_is_504() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream)
        .upstream("response_timeout = \"100ms\"")
        .start();
    let never = Signal::new();
    for call in [get(), post("{}")] {
        upstream.next(vec![Step::Read, Step::Wait(never.clone())]);
        let answer = gateway.call(&call);
        let message = answer.refusal(504, "upstream_timeout", "gatewayTimeout");
        assert_eq!(message, "The upstream did not answer in time.");
    }
    // Nothing is waited for any longer, and nothing was asked twice.
    assert_eq!(upstream.count(), 2);
    never.set();
    upstream.wait_for_connections(0);
}

#[test]
fn a_switch_of_protocols_is_502() {
    let answer = answered(says(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    ));
    let message = answer.refusal(502, "upstream_upgrade", "badGateway");
    assert_eq!(
        message,
        "The upstream switched protocols, which nobody asked for."
    );
}

#[test]
fn what_is_not_http_is_502() {
    let many = "X: y\r\n".repeat(200);
    for text in [
        "garbage\r\n\r\n".to_owned(),
        "SSH-2.0-OpenSSH_9.6\r\n".to_owned(),
        "HTTP/1.1 999999 X\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\n{many}\r\n"),
    ] {
        let answer = answered(says_and_closes(&text));
        let message = answer.refusal(502, "upstream_invalid", "badGateway");
        assert_eq!(message, "The upstream's answer is not valid HTTP.");
    }
}

#[test]
fn half_a_head_is_502() {
    let answer = answered(says_and_closes("HTTP/1.1 200 OK\r\nContent-Le"));
    answer.refusal(502, "upstream_broken", "badGateway");
}

#[test]
fn interim_answers_are_not_the_answer() {
    let answer = answered(says(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n\
         HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\ndone",
    ));
    assert_eq!((answer.status, answer.text()), (201, "done"));
    assert!(!answer.headers.has("link"));
}

#[test]
fn a_body_that_ends_with_the_connection_is_whole() {
    let answer = answered(says_and_closes("HTTP/1.1 200 OK\r\n\r\nall of it"));
    assert_eq!((answer.status, answer.text()), (200, "all of it"));
    assert_eq!(answer.framing("GET"), Framing::Chunked);
}

#[test]
fn a_broken_body_is_broken_for_the_client_too() {
    let length = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let cases = [
        format!("{length}half"),
        format!("{chunked}4\r\nhalf\r\n"),
        format!("{chunked}4\r\nhalf\r\nnonsense\r\n"),
        format!("{chunked}4\r\nhalf\r\n9\r\nx"),
    ];
    for text in cases {
        let upstream = Upstream::start();
        let gateway = Gateway::start(&upstream);
        let mut client = gateway.connect();
        let close = Signal::new();
        upstream.next(vec![
            Step::Read,
            Step::Write(text.clone().into()),
            Step::Wait(close.clone()),
            Step::Close,
        ]);
        client.send(get().bytes());
        close.set();
        let cut = client.try_answer("GET").expect_err(&text);
        assert_eq!(cut.head.unwrap().0, 200);
        assert!(b"halfx".starts_with(&cut.body), "{:?}", cut.body);
        assert_eq!(cut.error.kind(), std::io::ErrorKind::UnexpectedEof);
        let audit = gateway.into_audit();
        assert_eq!(audit.len(), 1);
        assert_eq!(audit[0]["status"], 200);
        assert_eq!(audit[0]["reason"], "upstream_body_broken");
    }
}

#[test]
fn a_body_that_stops_is_broken_off_in_time() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream)
        .upstream("response_timeout = \"100ms\"")
        .start();
    let never = Signal::new();
    let mut script = says("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    script.push(Step::Wait(never.clone()));
    upstream.next(script);
    let mut client = gateway.connect();
    client.send(get().bytes());
    let cut = client.try_answer("GET").expect_err("it never ends");
    assert_eq!(cut.body, b"half");
    assert_eq!(cut.error.kind(), std::io::ErrorKind::UnexpectedEof);
    let audit = gateway.into_audit();
    assert_eq!(audit[0]["reason"], "upstream_body_timeout");
    assert_eq!(audit[0]["bytes_sent"], 4);
    never.set();
}

#[test]
fn an_upstream_that_does_not_take_the_body_is_504() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream)
        .upstream("response_timeout = \"200ms\"")
        .listen("max_body = \"64MiB\"")
        .start();
    let never = Signal::new();
    upstream.next(vec![Step::Wait(never.clone())]);
    // More than the buffers on the way hold.
    let body = vec![b'x'; 32 * 1024 * 1024];
    let mut client = gateway.connect();
    let mut writer = client.wire().stream().try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            let _ = writer.write_all(
                &Call::post(metadata(), body)
                    .bearer(&token(&["*:*:*"]))
                    .bytes(),
            );
        });
        let answer = client.answer();
        answer.refusal(504, "upstream_timeout", "gatewayTimeout");
        client.wire().close();
    });
    never.set();
}

#[test]
fn the_upstream_is_not_blamed_for_a_slow_client() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream)
        .upstream("response_timeout = \"100ms\"")
        .start();
    let bytes = post("0123456789").bytes();
    let (first, rest) = bytes.split_at(bytes.len() - 5);
    let mut slow = gateway.connect();
    slow.send(first);
    upstream.wait_for_body(0, 5);
    // Others run out of time meanwhile, one after another.
    let never = Signal::new();
    for _ in 0..3 {
        upstream.next(vec![Step::Wait(never.clone())]);
        let answer = gateway.call(&get());
        answer.refusal(504, "upstream_timeout", "gatewayTimeout");
    }
    slow.send(rest);
    assert_eq!(slow.answer().status, 200);
    assert_eq!(upstream.requests()[0].body, b"0123456789");
    never.set();
}
