//! Other versions of HTTP, and what is not HTTP at all.

use super::row::{Row, View, get, request};

pub fn rows() -> Vec<Row> {
    let old = |name, lines: &[&str]| Row::new(name, request("GET {path} HTTP/1.0", lines));
    vec![
        old("HTTP/1.0", &[]).forwarded(View::list()).closed(),
        old("HTTP/1.0 that stays", &["Connection: keep-alive"]).forwarded(View::list()),
        old(
            "HTTP/1.0 that stays and closes",
            &["Connection: close, keep-alive"],
        )
        .forwarded(View::list())
        .closed(),
        Row::new(
            "HTTP/1.0 without a host",
            "GET {path} HTTP/1.0\r\nX-Auth-Token: {token}\r\n\r\n",
        )
        .refused(400, "host_invalid")
        .closed(),
        Row::new(
            "HTTP/1.0 without a token",
            "GET {path} HTTP/1.0\r\nHost: api.test\r\n\r\n",
        )
        .refused(401, "token_missing")
        .closed(),
        Row::new("the old form without a version", "GET {path}\r\n")
            .ended()
            .unreadable(400),
        Row::new(
            "the start of HTTP/2 with another end",
            "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        )
        .unreadable(400),
        Row::new(
            "the start of HTTP/2 as HTTP/1.1",
            "PRI * HTTP/1.1\r\nHost: api.test\r\n\r\n",
        )
        .refused(400, "path_invalid"),
        Row::new(
            "a greeting of TLS",
            b"\x16\x03\x01\x00\xf4\x01\x00\x00\xf0\x03\x03",
        )
        .unreadable(400),
        Row::new("a greeting of SSH", "SSH-2.0-OpenSSH_9.2\r\n").unreadable(400),
        Row::new(
            "a PROXY line that nobody expects",
            [
                b"PROXY TCP4 203.0.113.9 127.0.0.1 5000 80\r\n".to_vec(),
                get("{path}", &[]),
            ]
            .concat(),
        )
        .unreadable(400),
        Row::new(
            "a PROXY line of nobody",
            [b"PROXY UNKNOWN\r\n".to_vec(), get("{path}", &[])].concat(),
        )
        .unreadable(400),
        Row::new(
            "a PROXY header in its second version",
            [
                b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x09\x7f\0\0\x01\x13\x88\0\x50"
                    .to_vec(),
                get("{path}", &[]),
            ]
            .concat(),
        )
        .unreadable(400),
        Row::new("bytes of zero", [0; 64]).unreadable(400),
        Row::new("bytes of ones", [0xff; 64]).unreadable(400),
    ]
}
