//! Headers of one connection (RFC 9110 §7.6.1), and what a client would have removed by them.

use super::row::{Row, View, get, post};

pub fn rows() -> Vec<Row> {
    let mut rows = named();
    rows.extend(own());
    rows
}

/// `Connection` names headers that are not the client's to drop.
fn named() -> Vec<Row> {
    let row = |name, line| Row::new(name, get("{path}", &[line])).forwarded(View::list());
    let json = ["Content-Type: application/json", "Content-Length: 2"];
    let body = |name, line| {
        let row = Row::new(name, post(&[line, json[0], json[1]], "{}"));
        row.forwarded(View::post("{}").header("content-type: application/json"))
    };
    vec![
        row("the host as a hop's", "Connection: host"),
        row("the host as a hop's in upper case", "Connection: HOST"),
        row("the plain token as a hop's", "Connection: x-auth-token"),
        row("the plain token among others", "Connection: keep-alive, X-Auth-Token, x"),
        row("our headers as a hop's", "Connection: x-forwarded-for, forwarded, x-forwarded-host"),
        row("our request id as a hop's", "Connection: x-openstack-request-id"),
        body("the length as a hop's", "Connection: content-length"),
        body("the type as a hop's", "Connection: content-type"),
        body("the coding as a hop's", "Connection: transfer-encoding"),
        Row::new(
            "the bearer token as a hop's",
            "GET {path} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {token}\r\nConnection: authorization\r\n\r\n",
        )
        .forwarded(View::list().without("x-auth-token").header("authorization: Bearer {token}")),
        Row::new(
            "everything as a hop's",
            post(&["Connection: host, x-auth-token, content-length, authorization", "Content-Length: 5"], "hello"),
        )
        .forwarded(View::post("hello")),
        Row::new("a coding that a hop's line hides", post(&["Connection: transfer-encoding", "Transfer-Encoding: chunked"], "5\r\nhello\r\n0\r\n\r\n"))
            .forwarded(View::post("hello"))
            .closed(),
    ]
}

/// What belongs to the client's connection stays there.
fn own() -> Vec<Row> {
    let row = |name, lines: &[&str]| Row::new(name, get("{path}", lines)).forwarded(View::list());
    vec![
        row("a hop's own header", &["Connection: X-One", "X-One: 1"]),
        row(
            "several hop's headers",
            &[
                "Connection: X-One,x-two ,\tX-THREE",
                "X-One: 1",
                "x-two: 2",
                "X-Three: 3",
            ],
        ),
        row(
            "a hop's header of a second line",
            &["Connection: keep-alive", "connection: x-one", "X-One: 1"],
        ),
        row(
            "a Connection line of nonsense",
            &["Connection: ,, ;=\"x\","],
        ),
        row("an empty Connection line", &["Connection:"]),
        row("Keep-Alive", &["Keep-Alive: timeout=5, max=1000"]),
        row("Proxy-Connection", &["Proxy-Connection: close"]),
        row("Proxy-Authorization", &["Proxy-Authorization: Basic eDp5"]),
        row("Proxy-Authenticate", &["Proxy-Authenticate: Basic"]),
        row("TE", &["Connection: TE", "TE: trailers, deflate"]),
        row("Trailer", &["Trailer: X-Roles"]),
        Row::new(
            "an upgrade to websocket where none is permitted",
            get(
                "{path}",
                &[
                    "Connection: Upgrade",
                    "Upgrade: websocket",
                    "Sec-WebSocket-Version: 13",
                ],
            ),
        )
        .forwarded(View::list().header("sec-websocket-version: 13")),
        row(
            "an upgrade to h2c",
            &[
                "Connection: Upgrade, HTTP2-Settings",
                "Upgrade: h2c",
                "HTTP2-Settings: AAMAAABkAAQAAP__",
            ],
        ),
        row(
            "an upgrade to TLS",
            &["Connection: Upgrade", "Upgrade: TLS/1.2"],
        ),
        row("Upgrade without Connection", &["Upgrade: websocket"]),
        row("Connection: close", &["Connection: close"]).closed(),
        row(
            "close and then keep-alive",
            &["Connection: close", "Connection: keep-alive"],
        )
        .closed(),
        row(
            "close among others",
            &["Connection: x-one, CLOSE", "X-One: 1"],
        )
        .closed(),
    ]
}
