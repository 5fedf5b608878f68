//! Heads of requests.

use super::{Expected, Fields, Http2Row, get};
use crate::raw::row::View;
use crate::support::frames::END_STREAM;

pub fn rows() -> Vec<Http2Row> {
    let mut rows = refused();
    rows.extend(hosts());
    rows.extend(malformed());
    rows.extend(undecodable());
    rows.extend(forwarded());
    rows
}

/// What reads as a request and is refused as over HTTP/1.1.
fn refused() -> Vec<Http2Row> {
    let path = |path| get().with(":path", path);
    let many = (0..101).fold(get(), |fields, index| fields.and(format!("x-{index}"), "y"));
    let cases = [
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
            get().and("x", "y".repeat(66_000)),
            431,
            "head_too_large",
        ),
    ];
    let rows = cases.into_iter().map(|(name, fields, status, reason)| {
        let expected = Expected::Refused(status, reason);
        Http2Row::new(name, fields.frames(END_STREAM), expected)
    });
    rows.collect()
}

fn hosts() -> Vec<Http2Row> {
    let cases = [
        (
            "another host than the authority",
            get().and("host", "other.test"),
        ),
        (
            "the host beside another one",
            get().and("host", "api.test").and("host", "other.test"),
        ),
        (
            "the host twice",
            get().and("host", "api.test").and("host", "api.test"),
        ),
        (
            "an authority with userinfo",
            get().with(":authority", "admin@api.test"),
        ),
        ("neither authority nor host", get().without(":authority")),
        ("an empty host", get().without(":authority").and("host", "")),
    ];
    let rows = cases.into_iter().map(|(name, fields)| {
        let expected = Expected::Refused(400, "host_invalid");
        Http2Row::new(name, fields.frames(END_STREAM), expected)
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
