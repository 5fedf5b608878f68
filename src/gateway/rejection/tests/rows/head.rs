//! What is refused for its target or its headers, before anything else.

use hyper::header::CONTENT_LENGTH;

use super::*;
use crate::router::RequestPath;

fn path(text: &str) -> Rejection {
    text.parse::<RequestPath>().unwrap_err().into()
}

pub fn heads() -> Vec<Row> {
    vec![
        (
            path("x"),
            400,
            "path_invalid",
            "badRequest",
            "The request target must be a path that starts with `/`.",
        ),
        (
            path("/a//b"),
            400,
            "path_invalid",
            "badRequest",
            "The path has an empty segment (`//`); write each `/` once.",
        ),
        (
            path("/a/?_method=GET"),
            400,
            "path_invalid",
            "badRequest",
            "The path ends with `/`; leave the last `/` out.",
        ),
        (
            path("/a?_method=GET"),
            400,
            "method_override",
            "badRequest",
            "The name of a member of the query holds `_method`, which could change the method behind the gateway.",
        ),
        (
            path(&format!("/a?{}", "x".repeat(8193))),
            414,
            "query_too_long",
            "uriTooLong",
            "The query has more than 8192 bytes.",
        ),
        (
            InvalidHeaders::Underscore("x_roles".to_owned()).into(),
            400,
            "header_name",
            "badRequest",
            "The header name `x_roles` has `_`, which some servers read as `-`.",
        ),
        (
            InvalidHeaders::Host.into(),
            400,
            "host_invalid",
            "badRequest",
            "Expected exactly one `Host` header, with a host and perhaps a port.",
        ),
        (
            InvalidHeaders::HostMismatch.into(),
            400,
            "host_invalid",
            "badRequest",
            "The `Host` header is not the host of the request target.",
        ),
        (
            InvalidHeaders::UnknownHost("a:1".to_owned()).into(),
            421,
            "host_unknown",
            "misdirectedRequest",
            "The host `a:1` is not served here.",
        ),
        (
            InvalidHeaders::ContentLength.into(),
            400,
            "content_length",
            "badRequest",
            "Expected digits only as the `Content-Length`.",
        ),
        (
            InvalidHeaders::TooMany.into(),
            431,
            "headers_too_many",
            "headersTooLarge",
            "The request has more than 100 header lines.",
        ),
        (
            InvalidHeaders::TooLarge.into(),
            431,
            "head_too_large",
            "headersTooLarge",
            "The request line and the headers have more than 65536 bytes.",
        ),
        (
            InvalidHeaders::Repeated(CONTENT_LENGTH).into(),
            400,
            "header_repeated",
            "badRequest",
            "Expected at most one `content-length` header.",
        ),
        (
            InvalidHeaders::TransferEncoding.into(),
            400,
            "transfer_encoding",
            "badRequest",
            "Expected no `Transfer-Encoding` other than `chunked`.",
        ),
    ]
}
