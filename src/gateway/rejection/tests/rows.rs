//! One of each rejection, and what is expected of it.

pub mod body;
mod head;
mod question;

use std::io;

use http_body_util::Empty;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;

pub use body::bodies;
pub use head::heads;
pub use question::questions;

use super::*;
use crate::grant::InvalidPattern;
use crate::router::InvalidParameter;
use crate::token::Algorithm;

/// What hyper says of an upstream that answers like this.
pub fn hyper_error(answer: &'static [u8]) -> hyper::Error {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(ours));
        let (mut sender, connection) = handshake.await.unwrap();
        let answering = async move { theirs.write_all(answer).await.unwrap() };
        let asking = sender.send_request(Request::new(Empty::<Bytes>::new()));
        let (answer, _, ()) = tokio::join!(asking, connection, answering);
        answer.unwrap_err()
    })
}

fn claim(claim: &'static str) -> Rejection {
    TokenError::Claim {
        claim,
        found: "missing",
        expected: "a string",
    }
    .into()
}

pub fn unknown_key(kid: Option<&str>) -> Rejection {
    let kid = kid.map(str::to_owned);
    TokenError::UnknownKey { issuer: 0, kid }.into()
}

pub fn project(project: &str) -> Rejection {
    let project = project.to_owned();
    Rejection::Forbidden {
        denial: Denial::Project { project },
        missing: Vec::new(),
    }
}

pub fn missing(actions: &[&str]) -> Rejection {
    let ids = Vec::new();
    Rejection::Forbidden {
        denial: Denial::Actions { missing: ids },
        missing: actions.iter().map(|name| (*name).to_owned()).collect(),
    }
}

pub fn grant(text: &str) -> Rejection {
    InvalidClaim::Grant {
        pointer: "/scope".to_owned(),
        text: text.to_owned(),
        source: InvalidPattern::PartCount(1),
    }
    .into()
}

fn body(failure: BodyFailure) -> Rejection {
    ForwardError::RequestBody(failure).into()
}

/// A rejection with its status, reason, the name of its body's member and its message.
pub type Row = (Rejection, u16, &'static str, &'static str, &'static str);

pub fn requests() -> Vec<Row> {
    let methods = vec![Method::GET, Method::PUT];
    vec![
        (
            Unroutable::Parameter(InvalidParameter::UpperCaseUuid {
                name: "server_id".to_owned(),
                value: "A".to_owned(),
            })
            .into(),
            400,
            "path_invalid",
            "badRequest",
            "The path's `server_id` is `A`, expected the UUID in lower case.",
        ),
        (
            Unroutable::NotFound.into(),
            404,
            "route_unknown",
            "itemNotFound",
            "No operation of the action table has this path.",
        ),
        (
            Unroutable::MethodNotAllowed(methods).into(),
            405,
            "method_not_allowed",
            "badMethod",
            "No operation of the action table has this path with this method, only with GET, PUT.",
        ),
        (
            missing(&["ecs:servers:setMetadata"]),
            403,
            "action_missing",
            "forbidden",
            "Policy doesn't allow ecs:servers:setMetadata to be performed.",
        ),
        (
            missing(&["a:b:c", "ecs:servers:get"]),
            403,
            "action_missing",
            "forbidden",
            "Policy doesn't allow a:b:c, ecs:servers:get to be performed.",
        ),
        (
            project("p\"1"),
            403,
            "project_mismatch",
            "forbidden",
            "The token is not for project `p\"1`. Use a token of that project, or the URL of the token's project.",
        ),
        (
            Rejection::Forbidden {
                denial: Denial::AccessRule {
                    method: Method::GET,
                    path: "/v2.1/p/servers".to_owned(),
                },
                missing: Vec::new(),
            },
            403,
            "access_rule",
            "forbidden",
            "The application credential's access rules do not include GET /v2.1/p/servers.",
        ),
    ]
}

/// Permitted, and not answered.
pub fn forwards() -> Vec<Row> {
    vec![
        (
            body(BodyFailure::Broken),
            400,
            "body_broken",
            "badRequest",
            "The request's body broke off.",
        ),
        (
            body(BodyFailure::Timeout),
            408,
            "body_timeout",
            "requestTimeout",
            "The rest of the request's body did not come in time.",
        ),
        (
            body(BodyFailure::TooLarge { most: 64 }),
            413,
            "body_too_large",
            "overLimit",
            "The request's body is too large, expected at most 64 bytes.",
        ),
        (
            ForwardError::Connect(io::ErrorKind::ConnectionRefused.into()).into(),
            502,
            "upstream_connect",
            "badGateway",
            "Cannot connect to the upstream.",
        ),
        (
            ForwardError::Unanswered(hyper_error(b"")).into(),
            502,
            "upstream_unanswered",
            "badGateway",
            "The upstream closed the connection without an answer.",
        ),
        (
            ForwardError::BrokenAnswer(hyper_error(b"HTTP/1.1 200")).into(),
            502,
            "upstream_broken",
            "badGateway",
            "The upstream closed the connection within the head of its answer.",
        ),
        (
            ForwardError::InvalidAnswer(hyper_error(b"SMTP\r\n\r\n").into()).into(),
            502,
            "upstream_invalid",
            "badGateway",
            "The upstream's answer is not valid HTTP.",
        ),
        (
            ForwardError::UnexpectedUpgrade.into(),
            502,
            "upstream_upgrade",
            "badGateway",
            "The upstream switched protocols, which nobody asked for.",
        ),
        (
            ForwardError::CredentialRefused.into(),
            502,
            "upstream_credential",
            "badGateway",
            "The upstream does not take the gateway's credential.",
        ),
        (
            ForwardError::ConnectTimeout.into(),
            504,
            "upstream_connect_timeout",
            "gatewayTimeout",
            "The upstream did not accept a connection in time.",
        ),
        (
            ForwardError::ResponseTimeout.into(),
            504,
            "upstream_timeout",
            "gatewayTimeout",
            "The upstream did not answer in time.",
        ),
        (
            TokenError::KeysUnavailable.into(),
            503,
            "keys_unavailable",
            "error",
            "The keys of the token's issuer are not available.",
        ),
        (
            TokenError::RevocationUnavailable.into(),
            503,
            "revocation_unavailable",
            "error",
            "Whether the token has been revoked is not known now.",
        ),
        (
            TokenError::IssuerUnavailable("it does not answer".to_owned()).into(),
            503,
            "issuer_unavailable",
            "error",
            "The issuer of the token cannot be asked about it: it does not answer.",
        ),
    ]
}

/// The reason and the message of each 401.
pub fn tokens() -> Vec<(Rejection, &'static str, &'static str)> {
    let invalid = InvalidClaim::Type {
        pointer: "/project".to_owned(),
        expected: "a string or an array of strings",
    };
    let mismatch = TokenError::AlgorithmMismatch {
        header: Algorithm::RS512,
        key: Algorithm::ES256,
    };
    vec![
        (
            TokenError::Missing.into(),
            "token_missing",
            "No token was sent, expected `Authorization: Bearer …` or `X-Auth-Token`.",
        ),
        (
            TokenError::Scheme.into(),
            "token_scheme",
            "The `Authorization` header is not of the form `Bearer TOKEN`.",
        ),
        (
            TokenError::Ambiguous.into(),
            "token_ambiguous",
            "More than one token was sent, expected exactly one `Authorization` or `X-Auth-Token` header.",
        ),
        (
            TokenError::TooLarge(16384).into(),
            "token_too_large",
            "The token is longer than 16384 bytes.",
        ),
        (
            TokenError::Malformed("it has no dots".to_owned()).into(),
            "token_malformed",
            "The token is not a signed JWT: it has no dots.",
        ),
        (
            TokenError::Critical.into(),
            "token_critical",
            "The token's header has `crit`, and no extension is understood here.",
        ),
        (
            TokenError::Algorithm("none".to_owned()).into(),
            "token_algorithm",
            "The token's algorithm `none` is not accepted.",
        ),
        (
            mismatch.into(),
            "token_algorithm",
            "The token says `RS512`, but its key is for ES256.",
        ),
        (
            TokenError::UnknownIssuer("i".to_owned()).into(),
            "token_issuer",
            "The token's issuer `i` is not configured.",
        ),
        (
            unknown_key(Some("k")),
            "token_key",
            "The token's key `k` is not one of its issuer's keys.",
        ),
        (
            unknown_key(None),
            "token_key",
            "The token's key (no `kid`) is not one of its issuer's keys.",
        ),
        (
            TokenError::Signature.into(),
            "token_signature",
            "The token's signature is not valid.",
        ),
        (
            claim("aud"),
            "token_claim",
            "The token's claim `aud` is missing, expected a string.",
        ),
        (
            TokenError::Expired.into(),
            "token_expired",
            "The token has expired.",
        ),
        (
            TokenError::NotYetValid("nbf").into(),
            "token_not_yet_valid",
            "The token is not valid yet (`nbf` is in the future).",
        ),
        (
            TokenError::Audience("`ecs`".to_owned()).into(),
            "token_audience",
            "The token is not for this service: its `aud` names none of `ecs`.",
        ),
        (
            invalid.into(),
            "claims_invalid",
            "The claim at `/project` is not a string or an array of strings.",
        ),
        (
            grant("openid"),
            "claims_invalid",
            "The claim at `/scope` grants `openid`, which is not a pattern `service:resource:verb`.",
        ),
    ]
}

/// The same of tokens that are bound, delegated or taken back.
pub fn bound() -> Vec<(Rejection, &'static str, &'static str)> {
    vec![
        (
            TokenError::Confirmation("of another kind").into(),
            "token_confirmation",
            "The token's claim `cnf` is of another kind, expected an object of `x5t#S256` alone, a certificate's SHA-256 in base64url.",
        ),
        (
            TokenError::Delegated("trust").into(),
            "token_delegated",
            "The token is of the kind `trust`: what was delegated is not in it, and an issuer of the kind `keystone-jws` does not ask.",
        ),
        (
            TokenError::NotActive.into(),
            "token_not_active",
            "The token is not known to its issuer, or not any more.",
        ),
        (
            TokenError::Revoked.into(),
            "token_revoked",
            "The token has been revoked.",
        ),
        (
            TokenError::Certificate.into(),
            "token_certificate",
            "The token is bound to a client certificate, and this connection has not shown that one.",
        ),
    ]
}
