//! What is refused of other proxies' questions.

use hyper::header::HeaderName;

use super::*;
use crate::audit::PeerAddress;

pub fn questions() -> Vec<Row> {
    let questions = [
        (
            InvalidQuestion::Untrusted(PeerAddress::Unix),
            "asker_untrusted",
            "Unix may not ask here, expected one of those that `authorizer.trusted` lists.",
        ),
        (
            InvalidQuestion::Missing("`X-Original-URI` header"),
            "question_incomplete",
            "The question has no `X-Original-URI` header.",
        ),
        (
            InvalidQuestion::Repeated("`X-Original-URI` header"),
            "question_ambiguous",
            "The question has more than one `X-Original-URI` header.",
        ),
        (
            InvalidQuestion::Unreadable("method"),
            "question_unreadable",
            "The question's method cannot be read.",
        ),
        (
            InvalidQuestion::Subject("bob".to_owned()),
            "subject_mismatch",
            "The token is not the one of the subject `bob`.",
        ),
        (
            InvalidQuestion::Claims,
            "claims_unwanted",
            "The subject's claims are not believed here, expected a token, or `authorizer.believe_claims = true`.",
        ),
        (
            InvalidQuestion::NoBody,
            "body_not_forwarded",
            "The body tells which operation this is, and the proxy that asks has not forwarded it.",
        ),
        (
            InvalidQuestion::PartialBody,
            "body_partial",
            "The body tells which operation this is, and the proxy that asks has forwarded only its beginning.",
        ),
    ];
    let questions = questions.into_iter().map(|(error, reason, message)| {
        let rejection = Rejection::from(error);
        (rejection, 403, reason, "forbidden", message)
    });
    let claim = InvalidHeaders::Claim(HeaderName::from_static("x-roles")).into();
    let message =
        "Expected no `x-roles` header: an upstream could take the request for another one.";
    questions
        .chain([(claim, 400, "header_claim", "badRequest", message)])
        .collect()
}
