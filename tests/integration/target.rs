//! Request targets and heads: what is taken, what is refused, and that origin form is all that is sent.

use crate::support::{
    Call, Client, Gateway, PROJECT, Setup, Upstream, metadata, metadata_key, token,
};

const LIST: &str = "ecs:servers:listMetadata";

fn list(target: &str) -> Call {
    Call::get(target).bearer(&token(&[LIST]))
}

#[test]
fn an_absolute_target_for_the_host_is_sent_as_its_path() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let path = metadata();
    let targets = [
        format!("http://api.test{path}?limit=1"),
        format!("https://API.test{path}?limit=1"),
    ];
    for target in targets {
        let answer = gateway.call(&list(&target));
        assert_eq!(answer.status, 200, "{target} {answer:?}");
    }
    for request in upstream.requests() {
        assert_eq!(request.line, format!("GET {path}?limit=1 HTTP/1.1"));
        assert_eq!(request.headers.get("host"), Some("api.test"));
    }
}

#[test]
fn other_forms_are_refused() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let path = metadata();
    let other = "The `Host` header is not the host of the request target.";
    let no_path = "The request target must be a path that starts with `/`.";
    let cases = [
        (
            "GET",
            format!("http://other.test{path}"),
            "host_invalid",
            other,
        ),
        (
            "GET",
            format!("http://api.test:80{path}"),
            "host_invalid",
            other,
        ),
        (
            "GET",
            format!("http://u@api.test{path}"),
            "host_invalid",
            other,
        ),
        (
            "GET",
            format!("ftp://api.test{path}"),
            "path_invalid",
            no_path,
        ),
        ("OPTIONS", "*".to_owned(), "path_invalid", no_path),
        ("GET", "*".to_owned(), "path_invalid", no_path),
        ("GET", "api.test:80".to_owned(), "path_invalid", no_path),
        ("CONNECT", "api.test:80".to_owned(), "path_invalid", no_path),
    ];
    for (method, target, reason, message) in cases {
        let call = Call::new(method, target.clone()).bearer(&token(&["*:*:*"]));
        let answer = gateway.call(&call);
        assert_eq!(
            answer.refusal(400, reason, "badRequest"),
            message,
            "{method} {target}"
        );
        assert_eq!(gateway.call(&list(&path)).status, 200);
    }
    assert!(
        upstream
            .requests()
            .iter()
            .all(|request| request.line == format!("GET {path} HTTP/1.1"))
    );
}

/// No table can have them.
#[test]
fn some_methods_are_never_forwarded() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    for method in ["TRACE", "CONNECT", "get", "Get", "GET1", "G-T"] {
        let call = Call::new(method, metadata());
        gateway.call(&call).refusal(401, "token_missing", "error");
        let answer = gateway.call(&call.bearer(&token(&["*:*:*"])));
        answer.refusal(405, "method_not_allowed", "badMethod");
        assert_eq!(answer.headers.get("allow"), Some("GET, POST, PUT"));
    }
    assert_eq!(upstream.count(), 0);
}

#[test]
fn only_listed_hosts_are_served() {
    let upstream = Upstream::start();
    let setup = Setup::new(&upstream).listen("hosts = [\"api.test:8080\", \"API.example\"]");
    let gateway = setup.start();
    let to = |host: &str| {
        let call = list(&metadata()).without_host();
        gateway.call(&call.header(format!("Host: {host}")))
    };
    for host in [
        "api.test:8080",
        "Api.Test:8080",
        "api.example",
        "api.example:1",
    ] {
        assert_eq!(to(host).status, 200, "{host}");
    }
    assert_eq!(upstream.count(), 4);
    for host in ["api.test", "api.test:80", "other.example", "127.0.0.1"] {
        let message = to(host).refusal(421, "host_unknown", "misdirectedRequest");
        assert_eq!(message, format!("The host `{host}` is not served here."));
    }
    assert_eq!(upstream.count(), 4);
}

#[test]
fn an_identifier_has_one_spelling() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let uuid = "0f3a9c1e-5b7d-4e21-9a6f-c0d1e2f3a4b5";
    let path = |server: &str| format!("/v2.1/{PROJECT}/servers/{server}/metadata");
    for server in [uuid, "s.1_A-b"] {
        assert_eq!(gateway.call(&list(&path(server))).status, 200, "{server}");
    }
    let cases = [
        (
            uuid.to_uppercase(),
            format!(
                "The path's `server_id` is `{}`, expected the UUID in lower case.",
                uuid.to_uppercase()
            ),
        ),
        (
            "a%20b".to_owned(),
            "The path's `server_id` is `a%20b`, expected an identifier of letters, digits, `.`, `_` and `-`."
                .to_owned(),
        ),
        (
            "s".repeat(256),
            "The path's `server_id` is too long, expected at most 255 characters.".to_owned(),
        ),
    ];
    for (server, expected) in cases {
        // The table is nothing to probe for whom nobody knows.
        let unknown = gateway.call(&Call::get(path(&server)));
        unknown.refusal(401, "token_missing", "error");
        let answer = gateway.call(&list(&path(&server)));
        assert_eq!(answer.refusal(400, "path_invalid", "badRequest"), expected);
    }
    assert_eq!(upstream.count(), 2);
    let key = |key: &str| Call::get(metadata_key(key)).bearer(&token(&["*:*:*"]));
    assert_eq!(gateway.call(&key(&uuid.to_uppercase())).status, 200);
    assert_eq!(gateway.call(&key(&"%C3%A9".repeat(255))).status, 200);
    let answer = gateway.call(&key(&"%C3%A9".repeat(256)));
    answer.refusal(400, "path_invalid", "badRequest");
}

#[test]
fn the_query_is_bounded() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let target = |length: usize| format!("{}?{}", metadata(), "x".repeat(length));
    assert_eq!(gateway.call(&list(&target(8192))).status, 200);
    let answer = gateway.call(&list(&target(8193)));
    answer.refusal(414, "query_too_long", "uriTooLong");
    assert_eq!(upstream.count(), 1);
}

/// hyper takes the length once where it is said twice in the same way, and refuses two lengths.
#[test]
fn one_length_is_sent() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let post = |lengths: &[&str]| {
        let call = Call::new("POST", metadata()).bearer(&token(&["*:*:*"]));
        let add = |call: Call, length: &&str| call.header(format!("Content-Length: {length}"));
        let mut client: Client = gateway.connect();
        client.send(lengths.iter().fold(call, add).bytes());
        client.send("{}");
        client.answer()
    };
    assert_eq!(post(&["2", "2"]).status, 200);
    let sent = upstream.only();
    assert_eq!(sent.headers.get("content-length"), Some("2"));
    for lengths in [&["2", "3"][..], &["+2"], &["2, 2"], &["0x2"], &[""]] {
        assert_eq!(post(lengths).status, 400, "{lengths:?}");
    }
    assert_eq!(upstream.count(), 1);
}

#[test]
fn a_connection_whose_framing_is_in_doubt_is_closed() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let post = Call::new("POST", metadata()).bearer(&token(&["*:*:*"]));
    let smuggled = list(&metadata()).bytes();
    let mut client = gateway.connect();
    client.send(post.header("Transfer-Encoding: gzip, chunked").bytes());
    client.send([b"0\r\n\r\n", smuggled.as_slice()].concat());
    client
        .answer()
        .refusal(400, "transfer_encoding", "badRequest");
    client.ends();
    assert_eq!(upstream.count(), 0);
}
