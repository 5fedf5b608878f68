//! Several requests on one connection, and those that hide in the bodies of others.

use super::row::{Row, View, get, post, request};

const FORBIDDEN: &str = "/v2.1/f5e4d3c2b1a0/servers/s1/metadata";

fn two(name: &'static str, first: impl AsRef<[u8]>, second: &[u8]) -> Row {
    Row::new(name, [first.as_ref(), second].concat())
}

pub fn rows() -> Vec<Row> {
    let good = || get("{path}", &[]);
    let mut rows = hiding();
    rows.extend(ending());
    rows.extend(expecting());
    rows.extend([
        two("two good requests", good(), &good())
            .forwarded(View::list())
            .forwarded(View::list()),
        two("a good and a refused request", good(), &get("//", &[]))
            .forwarded(View::list())
            .refused(400, "path_invalid"),
        two("a refused and a good request", get("//", &[]), &good())
            .refused(400, "path_invalid")
            .forwarded(View::list()),
        two(
            "a request after one without a token",
            b"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n",
            &good(),
        )
        .refused(401, "token_missing")
        .forwarded(View::list()),
        two(
            "an unreadable request after a good one",
            good(),
            b"nonsense\r\n\r\n",
        )
        .forwarded(View::list())
        .unreadable(400),
        two(
            "a good request after an unreadable one",
            b"GET {path} HTTP/1.1\r\nX : y\r\n\r\n",
            &good(),
        )
        .unreadable(400),
        two(
            "an empty line between two requests",
            [&*good(), b"\r\n"].concat(),
            &good(),
        )
        .forwarded(View::list())
        .forwarded(View::list()),
        two(
            "a request after a length of nothing",
            post(&["Content-Length: 0"], ""),
            &good(),
        )
        .forwarded(View::post(""))
        .forwarded(View::list()),
        two(
            "a request after a body without a length",
            post(&[], ""),
            b"{\"metadata\": {}}\r\n\r\n",
        )
        .forwarded(View::new("POST {path} HTTP/1.1"))
        .unreadable(400),
    ]);
    rows
}

/// Nothing is read after a request that ends the connection.
fn ending() -> Vec<Row> {
    let good = || get("{path}", &[]);
    let hidden = || request("DELETE {path}/k HTTP/1.1", &[]);
    vec![
        two(
            "a request after `close`",
            get("{path}", &["Connection: close"]),
            &hidden(),
        )
        .forwarded(View::list())
        .closed(),
        two(
            "a request after one of HTTP/1.0",
            request("GET {path} HTTP/1.0", &[]),
            &hidden(),
        )
        .forwarded(View::list())
        .closed(),
        two(
            "a request after chunks",
            post(&["Transfer-Encoding: chunked"], "0\r\n\r\n"),
            &hidden(),
        )
        .forwarded(View::post(""))
        .closed(),
        two(
            "a request after an upgrade",
            get("{path}", &["Connection: Upgrade", "Upgrade: websocket"]),
            &good(),
        )
        .forwarded(View::list())
        .forwarded(View::list()),
        two(
            "a frame after an upgrade",
            get("{path}", &["Connection: Upgrade", "Upgrade: websocket"]),
            b"\x81\x85\x00\x00\x00\x00hello",
        )
        .forwarded(View::list())
        .ended()
        .unreadable(400),
        two(
            "bytes after CONNECT",
            request("CONNECT api.test:443 HTTP/1.1", &[]),
            &hidden(),
        )
        .refused(400, "path_invalid")
        .closed(),
        Row::new("half a head", "GET {path} HTTP/1.1\r\nHost: a")
            .ended()
            .closed(),
        Row::new("nothing", "").ended().closed(),
        two("half a head after a good request", good(), b"GET {path} HT")
            .ended()
            .forwarded(View::list())
            .closed(),
    ]
}

/// A whole request in the body of another is that body, whatever becomes of the other.
fn hiding() -> Vec<Row> {
    let hidden = || "DELETE /v2.1/0a1b2c3d4e5f/servers/s1/metadata/k HTTP/1.1\r\nHost: a\r\n\r\n";
    let length = format!("Content-Length: {}", hidden().len());
    let body = |line: &str| [&*request(line, &[&length]), hidden().as_bytes()].concat();
    let sent = |line: &str| {
        let view = View::new(line).header(length.to_ascii_lowercase());
        view.with_body(hidden())
    };
    let with_body = |name, line: &str| Row::new(name, body(line)).forwarded(sent(line));
    let cut = View::new("POST {path} HTTP/1.1").header("content-length: 9");
    let cut = cut.with_body("hello");
    let short = [&*post(&["Content-Length: 3"], "abc"), hidden().as_bytes()].concat();
    vec![
        with_body("a request in a body", "POST {path} HTTP/1.1"),
        with_body("a request in the body of a GET", "GET {path} HTTP/1.1"),
        with_body(
            "a request in the body of a DELETE",
            "DELETE {path}/k HTTP/1.1",
        ),
        Row::new(
            "a request in the body of one that is not permitted",
            body(&format!("POST {FORBIDDEN} HTTP/1.1")),
        )
        .refused(403, "project_mismatch"),
        Row::new(
            "a request in the body of one that is not listed",
            body("POST /nowhere HTTP/1.1"),
        )
        .refused(404, "route_unknown"),
        Row::new(
            "a request in the body of one with an odd target",
            body("POST {path}/ HTTP/1.1"),
        )
        .refused(400, "path_invalid"),
        Row::new(
            "a request in the body of one with an odd method",
            body("TRACE {path} HTTP/1.1"),
        )
        .refused(405, "method_not_allowed"),
        Row::new("a request behind a short length", short)
            .forwarded(View::post("abc"))
            .refused(401, "token_missing"),
        Row::new(
            "a body that breaks off",
            post(&["Content-Length: 9"], "hello"),
        )
        .ended()
        .broken(400, "body_broken", cut)
        .closed(),
    ]
}

fn expecting() -> Vec<Row> {
    let expect = "Expect: 100-continue";
    let head = |line: &str| request(line, &[expect, "Content-Length: 5"]);
    vec![
        Row::new("a body that waits for 100", head("POST {path} HTTP/1.1"))
            .continued("hello")
            .forwarded(View::post("hello")),
        Row::new(
            "a chunked body that waits for 100",
            post(&["EXPECT: 100-Continue", "Transfer-Encoding: chunked"], ""),
        )
        .continued("5\r\nhello\r\n0\r\n\r\n")
        .forwarded(View::post("hello"))
        .closed(),
        Row::new(
            "a refused request that waits for 100",
            head(&format!("POST {FORBIDDEN} HTTP/1.1")),
        )
        .refused(403, "project_mismatch")
        .closed(),
        Row::new(
            "an unlisted request that waits for 100",
            head("POST /nowhere HTTP/1.1"),
        )
        .refused(404, "route_unknown")
        .closed(),
        Row::new(
            "a request without a body that waits for 100",
            get("{path}", &[expect]),
        )
        .forwarded(View::list()),
        Row::new(
            "an expectation of HTTP/1.0",
            [request("GET {path} HTTP/1.0", &[expect])].concat(),
        )
        .forwarded(View::list())
        .closed(),
        Row::new("another expectation", get("{path}", &["Expect: 200-ok"])).forwarded(View::list()),
    ]
}
