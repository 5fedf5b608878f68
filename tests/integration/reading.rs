//! Requests that an upstream could read in another way than the gateway are refused, as is what cannot
//! be read at all.

use crate::support::{Call, Refusing, metadata, metadata_key, token};

const LIST: &str = "ecs:servers:listMetadata";

#[test]
fn odd_targets_are_refused() {
    let world = Refusing::start();
    let all = token(&["*:*:*"]);
    let path = metadata();
    let cases = [
        (format!("{path}/"), "path_invalid", "ends with `/`"),
        (path.replace("/s1", "//s1"), "path_invalid", "empty segment"),
        (
            path.replace("/s1", "/s1/../s1"),
            "path_invalid",
            "`.` or `..`",
        ),
        (
            path.replace("/s1", "/%2e%2E"),
            "path_invalid",
            "`.` or `..`",
        ),
        (path.replace("/s1", "/s1%2F"), "path_invalid", "`%2F`"),
        (path.replace("/s1", "/s%5C"), "path_invalid", "`%5C`"),
        (path.replace("/s1", "/s%25"), "path_invalid", "`%25`"),
        (path.replace("/s1", "/s%00"), "path_invalid", "`%00`"),
        (
            path.replace("/s1", "/%73"),
            "path_invalid",
            "plain spelling `s`",
        ),
        (
            path.replace("/s1", "/s%c3%a9"),
            "path_invalid",
            "lower case",
        ),
        (path.replace("/s1", "/s%FF"), "path_invalid", "UTF-8"),
        (path.replace("/s1", "/s%zz"), "path_invalid", "hexadecimal"),
        (path.replace("/s1", "/s;x=1"), "path_invalid", "`;`"),
        (path.replace("/s1", "/s\\1"), "path_invalid", "`\\`"),
        (
            path.replace("/s1", "/s\u{e9}"),
            "path_invalid",
            "the byte 0xC3",
        ),
        (
            format!("ftp://api.test{path}"),
            "path_invalid",
            "starts with `/`",
        ),
        (
            format!("{path}?_method=DELETE"),
            "method_override",
            "`_method`",
        ),
        (
            format!("{path}?x=_method&%5Fmethod=delete"),
            "method_override",
            "`_method`",
        ),
    ];
    for (target, reason, part) in cases {
        let answer = world.call(&Call::get(target.clone()).bearer(&all));
        let message = answer.refusal(400, reason, "badRequest");
        assert!(message.contains(part), "{target}: {message}");
        assert!(!answer.headers.has("www-authenticate"));
    }
    world.permits(&Call::get(format!("{path}?limit=1&x=_method")).bearer(&all));
    world.permits(&Call::get(metadata_key("a%20b%C3%A9")).bearer(&all));
}

/// The HTTP library cuts a target at `#`; what is left is judged and sent.
#[test]
fn what_follows_a_fragment_is_neither_judged_nor_sent() {
    let world = Refusing::start();
    let list = Call::get(format!("{}#/x", metadata()));
    let answer = world.call(&list.clone().bearer(&token(&["ecs:servers:get"])));
    answer.refusal(403, "action_missing", "forbidden");
    world.permits(&list.bearer(&token(&[LIST])));
    let line = world.upstream.only().line;
    assert_eq!(line, format!("GET {} HTTP/1.1", metadata()));
}

/// Requests that the HTTP library refuses before the gateway sees them.
fn unreadable() -> [(String, u16); 4] {
    let (path, token) = (metadata(), token(&["*:*:*"]));
    let long = "x".repeat(70_000);
    let rest = format!("HTTP/1.1\r\nHost: a\r\nX-Auth-Token: {token}\r\n");
    [
        ("nonsense\r\n\r\n".to_owned(), 400),
        (format!("GET {path} {rest}Bad Name: x\r\n\r\n"), 400),
        (format!("GET {path} {rest}X: {long}\r\n\r\n"), 431),
        (
            format!("GET {path} {rest}{}\r\n", "X: y\r\n".repeat(200)),
            431,
        ),
    ]
}

#[test]
fn what_is_not_http_is_refused() {
    let world = Refusing::start();
    for (bytes, status) in unreadable() {
        let mut client = world.gateway.connect();
        client.send(&bytes);
        assert_eq!(client.answer().status, status, "{bytes:.90}");
        client.ends();
    }
    assert_eq!(world.upstream.count(), 0);
    let audit = world.gateway.into_audit();
    let statuses = audit.iter().map(|line| line["status"].as_u64().unwrap());
    let expected = unreadable().map(|(_, status)| u64::from(status));
    assert_eq!(statuses.collect::<Vec<_>>(), expected);
    for line in audit {
        assert_eq!(line["reason"], "request_unreadable");
        assert_eq!(line["decision"], "reject");
        assert!(line["method"].is_null());
    }
}

#[test]
fn names_with_an_underscore_are_refused() {
    let world = Refusing::start();
    let list = Call::get(metadata()).bearer(&token(&[LIST]));
    for name in ["X_Roles", "x_user_id", "X-Forwarded_For", "Content_Type"] {
        let answer = world.call(&list.clone().header(format!("{name}: x")));
        let message = answer.refusal(400, "header_name", "badRequest");
        let name = name.to_ascii_lowercase();
        assert_eq!(
            message,
            format!("The header name `{name}` has `_`, which some servers read as `-`.")
        );
    }
    world.permits(&list.header("X-Plain: a_b"));
}

#[test]
fn exactly_one_host_is_demanded() {
    let world = Refusing::start();
    let list = Call::get(metadata()).bearer(&token(&[LIST]));
    let cases = [
        list.clone().without_host(),
        list.clone().header("Host: api.test"),
        list.clone().header("host: other.test"),
        list.clone().without_host().header("Host:"),
    ];
    for call in cases {
        let message = world.call(&call).refusal(400, "host_invalid", "badRequest");
        assert_eq!(
            message,
            "Expected exactly one `Host` header, with a host and perhaps a port."
        );
    }
    world.permits(&list);
}

#[test]
fn what_has_a_second_reading_is_refused() {
    let world = Refusing::start();
    let set = token(&["ecs:servers:setMetadata"]);
    let post = || Call::new("POST", metadata()).bearer(&set);
    let json = "Content-Type: application/json";
    let cases = [
        (
            post()
                .body("{}")
                .header(json)
                .header("content-type: text/plain"),
            "header_repeated",
            "Expected at most one `content-type` header.",
        ),
        (
            post().header("Transfer-Encoding: gzip, chunked"),
            "transfer_encoding",
            "Expected no `Transfer-Encoding` other than `chunked`.",
        ),
        (
            post()
                .header("Transfer-Encoding: chunked")
                .header("Transfer-Encoding: chunked"),
            "transfer_encoding",
            "Expected no `Transfer-Encoding` other than `chunked`.",
        ),
    ];
    for (call, reason, message) in cases {
        let answer = world.call(&call);
        assert_eq!(answer.refusal(400, reason, "badRequest"), message);
    }
    world.permits(&post().body("{}").header(json));
}
