//! What the upstream is sent of a permitted request, and what the client gets of its answer.

use crate::support::{
    Call, Framing, Gateway, PROJECT, Seen, Setup, Step, Upstream, answer, metadata, metadata_key,
    token,
};

const LIST: &str = "ecs:servers:listMetadata";

/// A call that is permitted, with these header lines.
fn list(lines: &[&str]) -> Call {
    let call = Call::get(metadata()).bearer(&token(&[LIST]));
    lines.iter().fold(call, |call, line| call.header(*line))
}

/// What a fresh upstream gets of `call`.
fn sent(call: &Call) -> Seen {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let answer = gateway.call(call);
    assert_eq!(answer.status, 200, "{answer:?}");
    upstream.only()
}

/// The headers that every upstream request has and no client sets.
const OURS: [&str; 5] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-openstack-request-id",
];

/// The names of the client's headers that went through, sorted.
fn passed(request: &Seen) -> Vec<&str> {
    let mut names = request.headers.names();
    names.retain(|name| !OURS.contains(name));
    names.sort_unstable();
    names
}

#[test]
fn ordinary_headers_pass_unchanged() {
    let token = token(&[LIST]);
    let call = Call::get(metadata())
        .bearer(&token)
        .header("Accept: application/json")
        .header("OpenStack-API-Version: compute 2.79")
        .header("X-Repeated: one")
        .header("X-Repeated: two, three");
    let request = sent(&call);
    let bearer = format!("Bearer {token}");
    assert_eq!(request.headers.get("authorization"), Some(&*bearer));
    assert_eq!(request.headers.get("host"), Some("api.test"));
    assert_eq!(request.headers.get("accept"), Some("application/json"));
    let version = request.headers.get("openstack-api-version");
    assert_eq!(version, Some("compute 2.79"));
    assert_eq!(request.headers.all("x-repeated"), ["one", "two, three"]);
    let expected = [
        "accept",
        "authorization",
        "host",
        "openstack-api-version",
        "x-repeated",
        "x-repeated",
    ];
    assert_eq!(passed(&request), expected);
}

#[test]
fn what_belongs_to_the_clients_connection_stays_there() {
    let request = sent(&list(&[
        "Connection: X-One, keep-alive",
        "connection: x-two,x-THREE",
        "CONNECTION: host, content-length",
        "X-One: 1",
        "x-two: 2",
        "X-Three: 3",
        "X-Four: 4",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "Proxy-Authorization: Basic eDp5",
        "TE: trailers",
        "Trailer: X-End",
        "Upgrade: websocket",
        "Expect: nothing",
    ]));
    assert_eq!(passed(&request), ["authorization", "host", "x-four"]);
}

#[test]
fn a_client_cannot_drop_our_headers() {
    let connection = format!("Connection: {}, {}", OURS.join(","), "host");
    let request = sent(&list(&[&connection]));
    for name in OURS {
        assert!(request.headers.has(name), "{name}");
    }
    assert_eq!(request.headers.get("host"), Some("api.test"));
}

#[test]
fn a_client_cannot_claim_an_identity() {
    let tails = [
        "User",
        "User-Id",
        "User-Name",
        "User-Domain-Id",
        "User-Domain-Name",
        "Project-Id",
        "Project-Name",
        "Project-Domain-Id",
        "Project-Domain-Name",
        "Domain-Id",
        "Domain-Name",
        "Roles",
        "Role",
        "Tenant",
        "Tenant-Id",
        "Tenant-Name",
        "Identity-Status",
        "Is-Admin-Project",
    ];
    let mut names: Vec<String> = Vec::new();
    for tail in tails {
        names.push(format!("X-{tail}"));
        names.push(format!("X-Service-{tail}"));
    }
    for name in [
        "X-Service-Catalog",
        "OpenStack-System-Scope",
        "X-Storage-Token",
        "X-Service-Token",
    ] {
        names.push(name.to_owned());
    }
    let spellings: [fn(&str) -> String; 3] = [
        str::to_owned,
        |name| name.to_ascii_lowercase(),
        |name| name.to_ascii_uppercase(),
    ];
    for spelling in spellings {
        let lines: Vec<String> = names
            .iter()
            .map(|name| format!("{}: forged", spelling(name)))
            .collect();
        let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        lines.push("X-Role-Model: passes");
        let request = sent(&list(&lines));
        assert_eq!(passed(&request), ["authorization", "host", "x-role-model"]);
        assert!(!String::from_utf8_lossy(&request.head).contains("forged"));
    }
    // Twice in one request, in two spellings.
    let request = sent(&list(&["X-Roles: admin", "x-roles: admin"]));
    assert_eq!(passed(&request), ["authorization", "host"]);
}

#[test]
fn where_a_request_came_from_is_set_afresh() {
    let request = sent(&list(&[
        "X-Forwarded-For: 203.0.113.9",
        "x-forwarded-for: 203.0.113.10",
        "X-Forwarded-Host: evil.test",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Port: 1",
        "X-Forwarded-Prefix: /evil",
        "X-Real-IP: 203.0.113.9",
        "Forwarded: for=203.0.113.9;host=evil.test",
        "X-HTTP-Method-Override: DELETE",
        "X-Original-URL: /evil",
        "X-Rewrite-URL: /evil",
    ]));
    assert_eq!(request.headers.get("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(request.headers.get("x-forwarded-host"), Some("api.test"));
    assert_eq!(request.headers.get("x-forwarded-proto"), Some("http"));
    assert_eq!(
        request.headers.get("forwarded"),
        Some("for=127.0.0.1;host=\"api.test\";proto=http")
    );
    assert_eq!(passed(&request), ["authorization", "host"]);
}

#[test]
fn each_request_of_a_connection_is_forwarded_for_its_own_host() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let mut client = gateway.connect();
    let hosts = ["a.test", "b.test:8080", "a.test"];
    for host in hosts {
        let call = list(&[]).without_host().header(format!("Host: {host}"));
        assert_eq!(client.call(&call).status, 200);
    }
    let sent: Vec<[String; 3]> = upstream
        .requests()
        .iter()
        .map(|request| {
            ["host", "x-forwarded-host", "forwarded"]
                .map(|name| request.headers.get(name).unwrap().to_owned())
        })
        .collect();
    let expected = hosts.map(|host| {
        let forwarded = format!("for=127.0.0.1;host=\"{host}\";proto=http");
        [host.to_owned(), host.to_owned(), forwarded]
    });
    assert_eq!(sent, expected);
}

#[test]
fn the_request_line_is_sent_as_it_came() {
    let token = token(&["*:*:*"]);
    let paths = [
        metadata_key("a%20b"),
        metadata_key("a%20b%3Fc%C3%A9"),
        metadata_key("a+b!$&'()*,=:@~"),
        format!("{}?limit=1&sort=%61&x=%2F..;y", metadata()),
        format!("{}?", metadata()),
        format!("/v2/{PROJECT}/servers/s1/metadata/S%20%22"),
    ];
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let mut client = gateway.connect();
    for path in &paths {
        let answer = client.call(&Call::get(path).bearer(&token));
        assert_eq!(answer.status, 200, "{path} {answer:?}");
    }
    let lines: Vec<String> = upstream
        .requests()
        .into_iter()
        .map(|request| request.line)
        .collect();
    assert_eq!(lines, paths.map(|path| format!("GET {path} HTTP/1.1")));
}

/// Ours is told to the client in any case; the audit has both.
#[test]
fn a_global_request_id_goes_on_and_anything_else_does_not() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let global = "req-11111111-2222-3333-4444-555555555555";
    let long = "x".repeat(100);
    let cases: [(&[&str], bool, Option<&str>); 6] = [
        (&[], false, None),
        (&[global], true, Some(global)),
        (&[global, global], false, Some(global)),
        (&["req-1"], false, Some("req-1")),
        (
            &["REQ-11111111-2222-3333-4444-555555555555"],
            false,
            Some("REQ-11111111-2222-3333-4444-555555555555"),
        ),
        (&[&long], false, Some(&long[..64])),
    ];
    let mut ids = Vec::new();
    for (sent, passes, _) in cases {
        let lines: Vec<String> = sent
            .iter()
            .map(|id| format!("X-OpenStack-Request-ID: {id}"))
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let answer = gateway.call(&list(&lines));
        assert_eq!(answer.status, 200);
        let ours = answer.request_id();
        assert_eq!(answer.headers.all("x-openstack-request-id"), [ours]);
        assert_ne!(ours, global);
        // The upstream has said none.
        assert!(!answer.headers.has("x-compute-request-id"));
        let request = upstream.requests().pop().unwrap();
        let expected = if passes { sent[0] } else { ours };
        assert_eq!(
            request.headers.all("x-openstack-request-id"),
            [expected],
            "{sent:?}"
        );
        ids.push(ours.to_owned());
    }
    let refused =
        gateway.call(&Call::get(metadata()).header(format!("X-OpenStack-Request-ID: {global}")));
    assert_eq!(
        refused.headers.all("x-compute-request-id"),
        [refused.request_id()]
    );
    assert_ne!(refused.request_id(), global);
    let audit = gateway.into_audit();
    for ((line, id), (sent, _, logged)) in audit.iter().zip(&ids).zip(cases) {
        assert_eq!(line["request_id"].as_str(), Some(id.as_str()));
        assert_eq!(line["client_request_id"].as_str(), logged, "{sent:?}");
    }
    assert_eq!(audit.last().unwrap()["client_request_id"], global);
}

#[test]
fn answers_pass_with_their_headers_but_not_their_connection() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let headers = [
        "X-Compute-Request-Id: req-of-nova",
        "x-openstack-request-id: req-of-nova",
        "Set-Cookie: a=1",
        "Set-Cookie: b=2",
        "Connection: X-Hop",
        "X-Hop: 1",
        "Keep-Alive: timeout=5",
        "Upgrade: h2c",
        "Proxy-Authenticate: Basic",
    ];
    upstream.next(vec![Step::Read, answer("418 Odd", &headers, "tea")]);
    let got = gateway.call(&list(&[]));
    assert_eq!((got.status, got.text()), (418, "tea"));
    assert_eq!(got.headers.get("x-compute-request-id"), Some("req-of-nova"));
    assert_eq!(got.headers.all("set-cookie"), ["a=1", "b=2"]);
    for name in [
        "x-hop",
        "keep-alive",
        "upgrade",
        "proxy-authenticate",
        "connection",
    ] {
        assert!(!got.headers.has(name), "{name}");
    }
    let sent = upstream.only();
    let ours = sent.headers.get("x-openstack-request-id");
    assert_eq!(Some(got.request_id()), ours);
}

#[test]
fn answers_without_a_body_end_at_once() {
    let upstream = Upstream::start();
    let table = format!(
        "[[operation]]\npermission = \"heads\"\nroutes = [\"HEAD /v2.1/{{project_id}}/servers/{{server_id}}/metadata\"]\nactions = [\"{LIST}\"]\n"
    );
    let gateway = Setup::generic(&upstream).table(&table).start();
    let mut client = gateway.connect();
    let head = Call::new("HEAD", metadata()).bearer(&token(&[LIST]));
    let no_body = |text: &str| vec![Step::Read, Step::Write(text.into())];
    upstream.next(no_body("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"));
    let got = client.call(&head);
    assert_eq!(got.headers.get("content-length"), Some("500"));
    upstream.next(no_body("HTTP/1.1 204 No Content\r\n\r\n"));
    assert_eq!(client.call(&list(&[])).status, 204);
    upstream.next(no_body("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"));
    assert_eq!(client.call(&list(&[])).status, 304);
    assert_eq!(client.call(&list(&[])).status, 200);
    assert_eq!(upstream.connections(), 1);
    let audit = gateway.into_audit();
    let outcomes: Vec<_> = audit.iter().map(|line| line["reason"].as_str()).collect();
    assert_eq!(outcomes, [Some("ok"); 4]);
}

#[test]
fn two_lengths_do_not_smuggle_a_request() {
    let set = token(&["ecs:servers:setMetadata"]);
    let hidden = format!("DELETE {} HTTP/1.1\r\nHost: a\r\n\r\n", metadata_key("k"));
    let chunked = format!("5\r\nhello\r\n0\r\n\r\n{hidden}");
    let post = |first: &str, second: &str| {
        format!(
            "POST {} HTTP/1.1\r\nHost: a\r\nX-Auth-Token: {set}\r\n{first}\r\n{second}\r\n\r\n{chunked}",
            metadata()
        )
    };
    let (length, coding) = ("Content-Length: 3", "Transfer-Encoding: chunked");
    for bytes in [post(length, coding), post(coding, length)] {
        let upstream = Upstream::start();
        let gateway = Gateway::start(&upstream);
        let mut client = gateway.connect();
        client.send(bytes);
        assert_eq!(client.answer().status, 200);
        client.ends();
        let request = upstream.only();
        assert_eq!(request.body, b"hello");
        assert_eq!(request.headers.framing(), Some(Framing::Length(5)));
    }
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    for (first, second) in [
        ("Content-Length: 3", "Content-Length: 5"),
        ("Content-Length: +5", "X: y"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
        ("Transfer-Encoding: xchunked", "X: y"),
    ] {
        let mut client = gateway.connect();
        client.send(post(first, second));
        assert_eq!(client.answer().status, 400, "{first} {second}");
        client.ends();
    }
    assert_eq!(upstream.count(), 0);
}
