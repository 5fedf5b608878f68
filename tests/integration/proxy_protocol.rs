//! Who the client is, when proxies stand before the gateway.

use serde_json::Value;

use crate::support::{Call, Gateway, Setup, Upstream, metadata, token};

fn get() -> Call {
    Call::get(metadata()).bearer(&token(&["*:*:*"]))
}

fn start(upstream: &Upstream, lines: &[&str]) -> Gateway {
    let setup = Setup::new(upstream).listen("header_timeout = \"300ms\"");
    let setup = lines.iter().fold(setup, |setup, line| setup.listen(line));
    setup.start()
}

fn binary(rest: &[u8]) -> Vec<u8> {
    [b"\r\n\r\n\0\r\nQUIT\n", rest].concat()
}

#[test]
fn a_listed_proxy_says_whose_connection_it_is() {
    let upstream = Upstream::start();
    let gateway = start(&upstream, &["proxy_protocol = \"127.0.0.0/8\""]);
    let of_v2 = binary(b"\x21\x11\0\x0f\xc0\0\x02\x02\x7f\0\0\x01\0\x01\0\x02\x04\0\0");
    let cases: [(&[u8], &str); 5] = [
        (b"PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\n", "192.0.2.1"),
        (b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "2001:db8::1"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (&of_v2, "192.0.2.2"),
        (&binary(b"\x20\0\0\0"), "127.0.0.1"),
    ];
    for (header, _) in &cases {
        let mut client = gateway.connect();
        // All at once, and one byte after the other.
        client.send([header, get().bytes().as_slice()].concat());
        assert_eq!(client.answer().status, 200);
        assert_eq!(client.call(&get()).status, 200);
        let mut client = gateway.connect();
        header.iter().for_each(|byte| client.send([*byte]));
        assert_eq!(client.call(&get()).status, 200);
    }
    let peers = cases.iter().flat_map(|(_, peer)| [*peer; 3]);
    let peers: Vec<&str> = peers.collect();
    let seen: Vec<String> = upstream
        .requests()
        .iter()
        .map(|request| request.headers.get("x-forwarded-for").unwrap().to_owned())
        .collect();
    assert_eq!(seen, peers);
    let audit = gateway.into_audit();
    let audited: Vec<&Value> = audit.iter().map(|line| &line["peer"]).collect();
    assert_eq!(audited, peers);
}

#[test]
fn http2_may_follow_the_header() {
    let upstream = Upstream::start();
    let gateway = start(&upstream, &["proxy_protocol = \"127.0.0.0/8\""]);
    let mut client = gateway.connect();
    client.send("PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    client.send([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    let first = client.wire().exactly(9).unwrap();
    // SETTINGS
    assert_eq!(first[3], 4);
}

#[test]
fn without_a_header_a_listed_proxy_gets_nothing() {
    let upstream = Upstream::start();
    let gateway = start(&upstream, &["proxy_protocol = \"127.0.0.0/8\""]);
    for text in [
        get().bytes(),
        b"PROXY TCP4 300.0.2.1 127.0.0.1 1 2\r\n".to_vec(),
        binary(b"\x21\x12\0\0"),
        // Begun, and no more: ends when the time is over.
        b"PROXY TCP4 192.0.2.1 ".to_vec(),
        binary(b"\x21"),
    ] {
        let mut client = gateway.connect();
        client.send(&text);
        client.ends();
    }
    assert_eq!(upstream.count(), 0);
}

#[test]
fn others_have_no_word_in_it() {
    let upstream = Upstream::start();
    for line in ["proxy_protocol = []", "proxy_protocol = \"10.0.0.0/8\""] {
        let gateway = start(&upstream, &[line]);
        let v2 = binary(b"\x21\x11\0\x0c\xc0\0\x02\x01\x7f\0\0\x01\0\x01\0\x02");
        for header in [b"PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\n".to_vec(), v2] {
            let mut client = gateway.connect();
            client.send([header, get().bytes()].concat());
            assert_eq!(client.answer().status, 400);
            client.ends();
        }
        let audit = gateway.into_audit();
        assert!(audit.iter().all(|line| line["peer"] == "127.0.0.1"));
    }
    assert_eq!(upstream.count(), 0);
}

#[test]
fn only_a_trusted_proxy_is_believed_and_for_each_request_anew() {
    let upstream = Upstream::start();
    let calls = [
        get().header("X-Forwarded-For: 1.2.3.4, 192.0.2.1"),
        get().header("Forwarded: for=\"[2001:db8::1]:80\";proto=https"),
        get(),
        get().header("X-Forwarded-For: rubbish"),
        get()
            .header("X-Forwarded-For: 192.0.2.1")
            .header("Forwarded: for=192.0.2.2"),
        get().header("X-Forwarded-For: 192.0.2.3, 127.0.0.9"),
    ];
    let own = "127.0.0.1";
    let believed = ["192.0.2.1", "2001:db8::1", own, own, own, "192.0.2.3"];
    for (line, expected) in [
        ("trusted_proxies = \"127.0.0.0/8\"", believed),
        ("trusted_proxies = \"10.0.0.0/8\"", [own; 6]),
        ("trusted_proxies = []", [own; 6]),
    ] {
        let before = upstream.count();
        let gateway = start(&upstream, &[line]);
        let mut client = gateway.connect();
        for call in &calls {
            assert_eq!(client.call(call).status, 200);
        }
        for (request, expected) in upstream.requests()[before..].iter().zip(expected) {
            assert_eq!(request.headers.get("x-forwarded-for"), Some(expected));
            let forwarded = request.headers.get("forwarded").unwrap();
            assert!(forwarded.contains(expected), "{forwarded}");
            assert!(forwarded.ends_with(";proto=http"), "{forwarded}");
        }
        let audit = gateway.into_audit();
        let audited: Vec<&Value> = audit.iter().map(|line| &line["peer"]).collect();
        assert_eq!(audited, expected);
    }
}
