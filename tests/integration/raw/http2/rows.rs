//! The rows.

use super::{Expected, Fields, Http2Row};
use crate::raw::row::View;
use crate::support::frames::{CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, frame};

fn get() -> Fields {
    Fields::new("GET", "{path}")
}

fn post() -> Fields {
    Fields::new("POST", "{path}")
}

pub fn rows() -> Vec<Http2Row> {
    let mut rows = refused();
    rows.extend(malformed());
    rows.extend(undecodable());
    rows.extend(forwarded());
    rows.extend(bodies());
    rows.extend(broken());
    rows
}

/// What reads as a request and is refused as over HTTP/1.1.
fn refused() -> Vec<Http2Row> {
    let path = |path| get().with(":path", path);
    let many = (0..101).fold(get(), |fields, index| fields.and(format!("x-{index}"), "y"));
    let cases = [
        (
            "another host than the authority",
            get().and("host", "other.test"),
            400,
            "host_invalid",
        ),
        (
            "the host beside another one",
            get().and("host", "api.test").and("host", "other.test"),
            400,
            "host_invalid",
        ),
        (
            "the host twice",
            get().and("host", "api.test").and("host", "api.test"),
            400,
            "host_invalid",
        ),
        (
            "an authority with userinfo",
            get().with(":authority", "admin@api.test"),
            400,
            "host_invalid",
        ),
        (
            "neither authority nor host",
            get().without(":authority"),
            400,
            "host_invalid",
        ),
        (
            "an empty host",
            get().without(":authority").and("host", ""),
            400,
            "host_invalid",
        ),
        (
            "a name with an underscore",
            get().and("x_roles", "admin"),
            400,
            "header_name",
        ),
        (
            "a token twice",
            get().and("x-auth-token", "{token}"),
            401,
            "token_ambiguous",
        ),
        (
            "two kinds of token",
            get().and("authorization", "Bearer {token}"),
            401,
            "token_ambiguous",
        ),
        (
            "no token",
            get().without("x-auth-token"),
            401,
            "token_missing",
        ),
        (
            "two dots in a path",
            path("/v2.1/{project}/servers/s2/../s1/metadata"),
            400,
            "path_invalid",
        ),
        (
            "an encoded slash in a path",
            path("{path}%2Fk"),
            400,
            "path_invalid",
        ),
        (
            "two slashes before a path",
            path("/{path}"),
            400,
            "path_invalid",
        ),
        (
            "an asterisk for a path",
            path("*").with(":method", "OPTIONS"),
            400,
            "path_invalid",
        ),
        (
            "`_method` in a path",
            path("{path}?_method=DELETE"),
            400,
            "method_override",
        ),
        (
            "a method in lower case",
            get().with(":method", "get"),
            405,
            "method_not_allowed",
        ),
        (
            "TRACE",
            get().with(":method", "TRACE"),
            405,
            "method_not_allowed",
        ),
        ("too many lines", many, 431, "headers_too_many"),
        (
            "a head that is too large",
            get().and("x", "y".repeat(65_000)),
            431,
            "head_too_large",
        ),
    ];
    let rows = cases.into_iter().map(|(name, fields, status, reason)| {
        Http2Row::new(
            name,
            fields.frames(END_STREAM),
            Expected::Refused(status, reason),
        )
    });
    rows.collect()
}

/// RFC 9113 §8.1.1: the stream is reset.
fn malformed() -> Vec<Http2Row> {
    let path = |path: &str| get().with(":path", path);
    [
        ("two paths", get().and(":path", "/")),
        ("two methods", get().and(":method", "DELETE")),
        ("two authorities", get().and(":authority", "other.test")),
        ("two schemes", get().and(":scheme", "https")),
        (
            "a path after the headers",
            get().without(":path").and(":path", "{path}"),
        ),
        ("no path", get().without(":path")),
        ("no method", get().without(":method")),
        ("no scheme", get().without(":scheme")),
        ("an empty path", path("")),
        ("a space in a path", path("{path} HTTP/1.1")),
        ("CR and LF in a path", path("{path}\r\nX-Roles: admin")),
        ("a NUL in a path", path("{path}\0")),
        (
            "an authority with a space",
            get().with(":authority", "api.test x"),
        ),
        (
            "an authority with a path",
            get().with(":authority", "api.test/x"),
        ),
        ("a status", get().and(":status", "200")),
        (
            "a protocol that nobody offers",
            get().and(":protocol", "websocket"),
        ),
        ("Connection", get().and("connection", "keep-alive")),
        (
            "Connection that names a token",
            get().and("connection", "x-auth-token"),
        ),
        ("Keep-Alive", get().and("keep-alive", "timeout=5")),
        (
            "Proxy-Connection",
            get().and("proxy-connection", "keep-alive"),
        ),
        ("Upgrade", get().and("upgrade", "websocket")),
        (
            "Transfer-Encoding",
            get().and("transfer-encoding", "chunked"),
        ),
        ("TE with a coding", get().and("te", "gzip")),
    ]
    .into_iter()
    .map(|(name, fields)| Http2Row::new(name, fields.frames(END_STREAM), Expected::Reset))
    .collect()
}

/// What the decoder of header blocks does not take: the whole connection ends.
fn undecodable() -> Vec<Http2Row> {
    [
        ("a method with a space", get().with(":method", "GET /x")),
        ("an empty method", get().with(":method", "")),
        ("an unknown pseudo-header", get().and(":roles", "admin")),
        ("a name in upper case", get().and("X-Roles", "admin")),
        ("a name with a colon", get().and("x:roles", "admin")),
        ("a name with a space", get().and("x roles", "admin")),
        ("an empty name", get().and("", "admin")),
        (
            "CR and LF in a value",
            get().and("x", "y\r\nx-roles: admin"),
        ),
        ("a bare LF in a value", get().and("x", "y\nx-roles: admin")),
        ("a NUL in a value", get().and("x", "a\0b")),
    ]
    .into_iter()
    .map(|(name, fields)| Http2Row::new(name, fields.frames(END_STREAM), Expected::Gone))
    .collect()
}

fn forwarded() -> Vec<Http2Row> {
    let row = |name, fields: Fields, view| {
        Http2Row::new(name, fields.frames(END_STREAM), Expected::Forwarded(view))
    };
    let crumbs = get().and("cookie", "a=1").and("cookie", "b=2");
    vec![
        row("the good request", get(), View::list()),
        row(
            "the host beside its authority",
            get().and("host", "api.test"),
            View::list(),
        ),
        row(
            "the host without an authority",
            get().without(":authority").and("host", "api.test"),
            View::list(),
        ),
        row(
            "a fragment in a path",
            get().with(":path", "{path}#/x"),
            View::list(),
        ),
        row(
            "a query in a path",
            get().with(":path", "{path}?a=b"),
            View::get("{path}?a=b"),
        ),
        row(
            "TE with trailers",
            get().and("te", "trailers"),
            View::list(),
        ),
        row(
            "identities",
            get().and("x-roles", "admin").and("x-user-id", "u1"),
            View::list(),
        ),
        row(
            "overrides",
            get()
                .and("x-http-method-override", "DELETE")
                .and("x-original-url", "/"),
            View::list(),
        ),
        row(
            "where it came from",
            get()
                .and("x-forwarded-for", "203.0.113.9")
                .and("forwarded", "for=203.0.113.9"),
            View::list(),
        ),
        row(
            "crumbs of a cookie",
            crumbs,
            View::list().header("cookie: a=1; b=2"),
        ),
    ]
}

/// Bodies and what is said of their length.
fn bodies() -> Vec<Http2Row> {
    let sent =
        |fields: Fields, body: &[u8]| [fields.frames(0), frame(DATA, END_STREAM, 1, body)].concat();
    let length = |length: &str| post().and("content-length", length);
    let trailers = |name: &[u8], value: &[u8]| {
        let block = crate::support::frames::block(&[(name, value)]);
        let end = frame(HEADERS, END_HEADERS | END_STREAM, 1, &block);
        [post().frames(0), frame(DATA, 0, 1, b"hello"), end].concat()
    };
    let hello = || Expected::Forwarded(View::post("hello"));
    let row = Http2Row::new;
    vec![
        row("a body", sent(length("5"), b"hello"), hello()),
        row("a body without a length", sent(post(), b"hello"), hello()),
        row(
            "a body that hides a request",
            sent(post(), b"0\r\n\r\nDELETE / HTTP/1.1\r\n\r\n"),
            Expected::Forwarded(View::post("0\r\n\r\nDELETE / HTTP/1.1\r\n\r\n")),
        ),
        row(
            "identities in trailers",
            trailers(b"x-roles", b"admin"),
            hello(),
        ),
        row(
            "a length in trailers",
            trailers(b"content-length", b"3"),
            hello(),
        ),
        row(
            "a pseudo-header in trailers",
            trailers(b":path", b"/"),
            Expected::Reset,
        ),
        row(
            "one length twice",
            sent(length("5").and("content-length", "5"), b"hello"),
            Expected::Refused(400, "header_repeated"),
        ),
        row(
            "two lengths",
            sent(length("5").and("content-length", "6"), b"hello"),
            Expected::Refused(400, "header_repeated"),
        ),
        row(
            "a length with a plus",
            sent(length("+5"), b"hello"),
            Expected::Reset,
        ),
        row(
            "lengths in a list",
            sent(length("5,5"), b"hello"),
            Expected::Reset,
        ),
        row(
            "a length that is too short",
            sent(length("3"), b"hello"),
            Expected::Reset,
        ),
        row(
            "a length that is too long",
            sent(length("9"), b"hello"),
            Expected::Reset,
        ),
        row(
            "a length and no body",
            length("5").frames(END_STREAM),
            Expected::Reset,
        ),
    ]
}

/// The connection itself is broken.
fn broken() -> Vec<Http2Row> {
    let block = get().block();
    let half = frame(HEADERS, END_STREAM, 1, &block);
    let padded = [&[200][..], &block].concat();
    [
        (
            "nonsense after the preface",
            b"nonsense nonsense nonsense".to_vec(),
        ),
        (
            "a request of HTTP/1.1 after the preface",
            b"GET / HTTP/1.1\r\nHost: api.test\r\n\r\n".to_vec(),
        ),
        (
            "a body before its head",
            frame(DATA, END_STREAM, 1, b"hello"),
        ),
        (
            "a head on stream 0",
            frame(HEADERS, END_HEADERS | END_STREAM, 0, &block),
        ),
        (
            "a head on an even stream",
            frame(HEADERS, END_HEADERS | END_STREAM, 2, &block),
        ),
        (
            "a continuation of nothing",
            frame(CONTINUATION, END_HEADERS, 1, &block),
        ),
        (
            "a frame within a head",
            [half.clone(), frame(DATA, 0, 1, b"hello")].concat(),
        ),
        (
            "a continuation on another stream",
            [half.clone(), frame(CONTINUATION, END_HEADERS, 3, b"")].concat(),
        ),
        (
            "padding that is longer than its frame",
            frame(HEADERS, 8 | END_HEADERS | END_STREAM, 1, &padded),
        ),
        (
            "a block that is no HPACK",
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff; 20]),
        ),
        (
            "an index of nothing",
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x80]),
        ),
        (
            "a frame that is too large",
            frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0; 20_000]),
        ),
        ("settings of a strange length", frame(4, 0, 0, &[0; 5])),
        (
            "a push by the client",
            frame(5, END_HEADERS, 1, &[0, 0, 0, 2]),
        ),
        (
            "a window that overflows",
            [frame(8, 0, 0, &[0x7f, 0xff, 0xff, 0xff])].concat(),
        ),
        ("a window of nothing", frame(8, 0, 0, &[0; 4])),
        ("a ping of a strange length", frame(6, 0, 0, &[0; 7])),
        ("a reset of an idle stream", frame(3, 0, 1, &[0, 0, 0, 8])),
    ]
    .into_iter()
    .map(|(name, frames)| Http2Row::new(name, frames, Expected::Gone))
    .collect()
}
