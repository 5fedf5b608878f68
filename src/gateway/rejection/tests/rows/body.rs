//! What a body that decides can be refused for, and what may come of the operation it led to.

use super::{Row, missing};
use crate::decision::Denial;
use crate::gateway::Rejection;
use crate::router::{InvalidBody, JsonBody, UnlistedBody, Unroutable};

fn invalid(text: &[u8]) -> Rejection {
    JsonBody::parse(text).unwrap_err().into()
}

fn unlisted(error: UnlistedBody) -> Rejection {
    Unroutable::Body(error).into()
}

fn named(text: &str) -> String {
    text.to_owned()
}

pub fn bodies() -> Vec<Row> {
    let row =
        |rejection: Rejection, reason, message| (rejection, 400, reason, "badRequest", message);
    vec![
        (
            InvalidBody::MediaType.into(),
            415,
            "body_media_type",
            "badMediaType",
            "The body tells which operation this is, expected one `Content-Type: application/json`, in UTF-8.",
        ),
        (
            InvalidBody::Encoding.into(),
            415,
            "body_encoding",
            "badMediaType",
            "The body tells which operation this is, expected it as it is, without `Content-Encoding`.",
        ),
        row(
            invalid(b""),
            "body_invalid",
            "The body tells which operation this is, expected a JSON object instead of nothing.",
        ),
        row(
            invalid(b"\xef\xbb\xbf{}"),
            "body_invalid",
            "The body begins with a byte order mark, expected JSON in UTF-8 without one.",
        ),
        row(
            invalid(b"\xff\xfe{\0}\0"),
            "body_invalid",
            "The body is not UTF-8.",
        ),
        row(
            invalid(b"{\"a\":1,\"a\":1}"),
            "body_invalid",
            "The body is not one JSON object with distinct members: the member `a` is repeated at line 1 column 10.",
        ),
        row(
            unlisted(UnlistedBody::Absent),
            "body_unlisted",
            "The body tells which operation of the action table this is, expected a JSON object.",
        ),
        row(
            unlisted(UnlistedBody::Members(2)),
            "body_members",
            "The body tells which operation this is by its only member, expected exactly one top-level member instead of 2.",
        ),
        row(
            unlisted(UnlistedBody::Key(named("evacuate"))),
            "body_unlisted",
            "No operation of the action table has this path with the member `evacuate` in the body.",
        ),
        row(
            unlisted(UnlistedBody::NoValue(named("action"))),
            "body_unlisted",
            "The body tells which operation this is by its member `action`, expected a string there.",
        ),
        row(
            unlisted(UnlistedBody::Value {
                member: named("action"),
                value: named("drop"),
            }),
            "body_unlisted",
            "No operation of the action table has this path with `drop` as the body's `action`.",
        ),
        row(
            unlisted(UnlistedBody::Alike(named("EIP"))),
            "body_ambiguous",
            "The body's member `EIP` is but for its spelling one that matters here, expected that one.",
        ),
        (
            Rejection::Forbidden {
                denial: Denial::Domain {
                    domain: named("d1"),
                },
                missing: Vec::new(),
            },
            403,
            "domain_mismatch",
            "forbidden",
            "The token is not for domain `d1`. Use a token of that domain, or the URL of the token's domain.",
        ),
        (
            denied(),
            403,
            "action_denied",
            "forbidden",
            "Policy doesn't allow a:b:c to be performed.",
        ),
    ]
}

pub fn denied() -> Rejection {
    let Rejection::Forbidden { missing, .. } = missing(&["a:b:c"]) else {
        panic!("another rejection");
    };
    Rejection::Forbidden {
        denial: Denial::Denied {
            actions: Vec::new(),
        },
        missing,
    }
}
