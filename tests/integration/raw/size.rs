//! Sizes: behind a gateway that takes bodies of 1 KiB.

use super::row::{Row, View, get, post, request};

const HEAD: usize = 64 * 1024;

/// A good request with so many lines in all.
fn with_lines(count: usize) -> Vec<u8> {
    let lines: Vec<String> = (2..count).map(|index| format!("X-{index}: y")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    get("{path}", &lines)
}

/// A good request with one long line; the head without it is far from any limit.
fn with_length(length: usize) -> Vec<u8> {
    get("{path}", &[&format!("X: {}", "y".repeat(length))])
}

pub fn rows() -> Vec<Row> {
    let mut rows = heads();
    rows.extend(bodies());
    rows
}

fn heads() -> Vec<Row> {
    let hundred = (2..100).fold(View::list(), |view, index| {
        view.header(format!("x-{index}: y"))
    });
    let long = "y".repeat(50_000);
    let mut unending = with_length(4 * HEAD);
    unending.truncate(3 * HEAD);
    vec![
        Row::new("a hundred lines", with_lines(100)).forwarded(hundred),
        Row::new("a hundred and one lines", with_lines(101)).unreadable(431),
        Row::new("a thousand lines", with_lines(1000)).unreadable(431),
        Row::new("a long line", with_length(50_000))
            .forwarded(View::list().header(format!("x: {long}"))),
        Row::new("a line beyond the head's limit", with_length(HEAD)).unreadable(431),
        Row::new("a head that never ends", unending).unreadable(431),
        Row::new(
            "a name beyond the head's limit",
            get("{path}", &[&format!("{}: y", "x".repeat(HEAD))]),
        )
        .unreadable(431),
        Row::new(
            "a target beyond the head's limit",
            get(&format!("{{path}}/{}", "k".repeat(HEAD)), &[]),
        )
        .unreadable(431),
        Row::new(
            "many empty lines first",
            ["\r\n".repeat(HEAD).into_bytes(), get("{path}", &[])].concat(),
        )
        .unreadable(431),
        Row::new(
            "a method beyond the head's limit",
            format!("{} / HTTP/1.1\r\n\r\n", "M".repeat(2 * HEAD)),
        )
        .unreadable(431),
        Row::new(
            "a token that is too large",
            format!(
                "GET {{path}} HTTP/1.1\r\nHost: a\r\nX-Auth-Token: {}\r\n\r\n",
                "a".repeat(17_000)
            ),
        )
        .refused(401, "token_too_large"),
    ]
}

fn bodies() -> Vec<Row> {
    let body = |length: usize| "b".repeat(length);
    let chunked = |length: usize| {
        let body = format!("{length:x}\r\n{}\r\n0\r\n\r\n", body(length));
        post(&["Transfer-Encoding: chunked"], body)
    };
    let long = |length: &str| post(&[&format!("Content-Length: {length}")], "");
    vec![
        Row::new(
            "the longest body",
            post(&["Content-Length: 1024"], body(1024)),
        )
        .forwarded(View::post(body(1024))),
        Row::new(
            "a body that is too long",
            post(&["Content-Length: 1025"], body(1025)),
        )
        .refused(413, "body_too_large"),
        Row::new("a length that is too long", long("1025"))
            .refused(413, "body_too_large")
            .closed(),
        Row::new("a length of many bytes", long("9223372036854775807"))
            .refused(413, "body_too_large")
            .closed(),
        Row::new("the longest body in chunks", chunked(1024))
            .forwarded(View::post(body(1024)))
            .closed(),
        Row::new("a body in chunks that is too long", chunked(1025))
            .refused(413, "body_too_large")
            .closed(),
        Row::new(
            "a chunk of a size that is too long",
            post(&["Transfer-Encoding: chunked"], "fffffffffffffff\r\nhello"),
        )
        .ended()
        .refused(400, "body_broken")
        .closed(),
        Row::new(
            "a length that is too long and waits for 100",
            request(
                "POST {path} HTTP/1.1",
                &["Content-Length: 1025", "Expect: 100-continue"],
            ),
        )
        .refused(413, "body_too_large")
        .closed(),
    ]
}
