//! Every way the gateway itself ends a request, and the one place that makes answers of them.

mod accept;
mod answer;
mod challenge;
mod form;

use hyper::StatusCode;

pub use answer::{X_ACTIONGATE_REASON, X_ACTIONGATE_REPORT};
pub use challenge::KeystoneChallenge;
pub use form::Form;

use super::InvalidQuestion;
use crate::decision::Denial;
use crate::grant::InvalidClaim;
use crate::proxy::{BodyFailure, ForwardError, InvalidHeaders};
use crate::router::{InvalidBody, InvalidRequestPath, UnlistedBody, Unroutable};
use crate::table::{ActionId, ActionTable};
use crate::token::TokenError;

/// Why the gateway answers instead of the upstream.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    /// A request target with a second reading.
    #[error("the request target is refused")]
    Path(#[from] InvalidRequestPath),
    /// Headers with a second reading.
    #[error("the headers are refused")]
    Headers(#[from] InvalidHeaders),
    /// What another proxy asks cannot be answered.
    #[error("the question is refused")]
    Question(#[from] InvalidQuestion),
    /// Nobody is known to be calling.
    #[error("not authenticated")]
    Unauthenticated(#[from] TokenError),
    /// The token is good, but what it grants cannot be read.
    #[error("the token's claims cannot be read")]
    Claims(#[from] InvalidClaim),
    /// The table lists no such request.
    #[error("not in the action table")]
    Unroutable(#[from] Unroutable),
    /// The body would tell which request it is, and cannot be read in one way only.
    #[error("the body is refused")]
    Body(#[from] InvalidBody),
    /// The caller may not do it.
    #[error("not permitted")]
    Forbidden {
        /// Why not.
        denial: Denial,
        /// The required actions that are not granted, or denied, by name.
        missing: Vec<String>,
    },
    /// Permitted, but not answered.
    #[error("not forwarded")]
    Forward(#[from] ForwardError),
}

impl Rejection {
    /// A denial with the names of what is missing.
    pub fn denied(denial: Denial, table: &ActionTable) -> Self {
        let actions: &[ActionId] = match &denial {
            Denial::Project { .. } | Denial::Domain { .. } | Denial::AccessRule { .. } => &[],
            Denial::Denied { actions } | Denial::Actions { missing: actions } => actions,
        };
        let names = actions.iter().filter_map(|id| table.name(*id));
        let missing = names.map(ToString::to_string).collect();
        Self::Forbidden { denial, missing }
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Path(InvalidRequestPath::QueryTooLong) => StatusCode::URI_TOO_LONG,
            Self::Headers(InvalidHeaders::UnknownHost(_)) => StatusCode::MISDIRECTED_REQUEST,
            Self::Headers(InvalidHeaders::TooMany | InvalidHeaders::TooLarge) => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Self::Path(_)
            | Self::Headers(_)
            | Self::Unroutable(Unroutable::Parameter(_) | Unroutable::Body(_)) => {
                StatusCode::BAD_REQUEST
            }
            Self::Body(error) => match error {
                InvalidBody::MediaType | InvalidBody::Encoding => {
                    StatusCode::UNSUPPORTED_MEDIA_TYPE
                }
                InvalidBody::Empty
                | InvalidBody::ByteOrderMark
                | InvalidBody::Utf8
                | InvalidBody::Json(_) => StatusCode::BAD_REQUEST,
            },
            Self::Unauthenticated(
                TokenError::KeysUnavailable
                | TokenError::IssuerUnavailable(_)
                | TokenError::RevocationUnavailable,
            ) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unauthenticated(_) | Self::Claims(_) => StatusCode::UNAUTHORIZED,
            Self::Unroutable(Unroutable::NotFound) => StatusCode::NOT_FOUND,
            Self::Unroutable(Unroutable::MethodNotAllowed(_)) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Forbidden { .. } | Self::Question(_) => StatusCode::FORBIDDEN,
            Self::Forward(error) => match error {
                ForwardError::RequestBody(BodyFailure::Broken)
                | ForwardError::Authority
                | ForwardError::MediaTypeVersion
                | ForwardError::Project(_) => StatusCode::BAD_REQUEST,
                ForwardError::Form => StatusCode::UNSUPPORTED_MEDIA_TYPE,
                ForwardError::RequestBody(BodyFailure::Timeout) => StatusCode::REQUEST_TIMEOUT,
                ForwardError::RequestBody(BodyFailure::TooLarge { .. }) => {
                    StatusCode::PAYLOAD_TOO_LARGE
                }
                ForwardError::Identity(_) => StatusCode::FORBIDDEN,
                ForwardError::NoServiceToken | ForwardError::Unavailable | ForwardError::Busy => {
                    StatusCode::SERVICE_UNAVAILABLE
                }
                ForwardError::Connect(_)
                | ForwardError::Unanswered(_)
                | ForwardError::Refused(_)
                | ForwardError::BrokenAnswer(_)
                | ForwardError::InvalidAnswer(_)
                | ForwardError::UnexpectedUpgrade
                | ForwardError::CredentialRefused => StatusCode::BAD_GATEWAY,
                ForwardError::ConnectTimeout
                | ForwardError::ResponseTimeout
                | ForwardError::RequestTimeout => StatusCode::GATEWAY_TIMEOUT,
            },
        }
    }

    /// A stable label, the same in the response, the audit and `explain`.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Path(InvalidRequestPath::MethodOverride) => "method_override",
            Self::Path(InvalidRequestPath::QueryTooLong) => "query_too_long",
            Self::Path(_) | Self::Unroutable(Unroutable::Parameter(_)) => "path_invalid",
            Self::Headers(InvalidHeaders::Underscore(_)) => "header_name",
            Self::Headers(InvalidHeaders::Host | InvalidHeaders::HostMismatch) => "host_invalid",
            Self::Headers(InvalidHeaders::UnknownHost(_)) => "host_unknown",
            Self::Headers(InvalidHeaders::Repeated(_)) => "header_repeated",
            Self::Headers(InvalidHeaders::ContentLength) => "content_length",
            Self::Headers(InvalidHeaders::TransferEncoding) => "transfer_encoding",
            Self::Headers(InvalidHeaders::TooMany) => "headers_too_many",
            Self::Headers(InvalidHeaders::TooLarge) => "head_too_large",
            Self::Headers(InvalidHeaders::Claim(_)) => "header_claim",
            Self::Question(error) => match error {
                InvalidQuestion::Untrusted(_) => "asker_untrusted",
                InvalidQuestion::Missing(_) => "question_incomplete",
                InvalidQuestion::Repeated(_) => "question_ambiguous",
                InvalidQuestion::Unreadable(_) => "question_unreadable",
                InvalidQuestion::Subject(_) => "subject_mismatch",
                InvalidQuestion::Claims => "claims_unwanted",
                InvalidQuestion::NoBody => "body_not_forwarded",
                InvalidQuestion::PartialBody => "body_partial",
            },
            Self::Unauthenticated(error) => match error {
                TokenError::Missing => "token_missing",
                TokenError::Scheme => "token_scheme",
                TokenError::Ambiguous => "token_ambiguous",
                TokenError::TooLarge(_) => "token_too_large",
                TokenError::Malformed(_) => "token_malformed",
                TokenError::Critical => "token_critical",
                TokenError::Algorithm(_) | TokenError::AlgorithmMismatch { .. } => {
                    "token_algorithm"
                }
                TokenError::UnknownIssuer(_) => "token_issuer",
                TokenError::UnknownKey { .. } => "token_key",
                TokenError::Signature => "token_signature",
                TokenError::Claim { .. } => "token_claim",
                TokenError::Expired => "token_expired",
                TokenError::NotYetValid(_) => "token_not_yet_valid",
                TokenError::Audience(_) => "token_audience",
                TokenError::Confirmation(_) => "token_confirmation",
                TokenError::Certificate => "token_certificate",
                TokenError::Delegated(_) => "token_delegated",
                TokenError::NotActive => "token_not_active",
                TokenError::Revoked => "token_revoked",
                TokenError::RevocationUnavailable => "revocation_unavailable",
                TokenError::IssuerUnavailable(_) => "issuer_unavailable",
                TokenError::KeysUnavailable => "keys_unavailable",
            },
            Self::Claims(_) => "claims_invalid",
            Self::Unroutable(Unroutable::NotFound) => "route_unknown",
            Self::Unroutable(Unroutable::Body(UnlistedBody::Members(_))) => "body_members",
            Self::Unroutable(Unroutable::Body(UnlistedBody::Alike(_))) => "body_ambiguous",
            Self::Unroutable(Unroutable::Body(
                UnlistedBody::Absent
                | UnlistedBody::Key(_)
                | UnlistedBody::NoValue(_)
                | UnlistedBody::Value { .. },
            )) => "body_unlisted",
            Self::Body(error) => match error {
                InvalidBody::MediaType => "body_media_type",
                InvalidBody::Encoding => "body_encoding",
                InvalidBody::Empty
                | InvalidBody::ByteOrderMark
                | InvalidBody::Utf8
                | InvalidBody::Json(_) => "body_invalid",
            },
            Self::Unroutable(Unroutable::MethodNotAllowed(_)) => "method_not_allowed",
            Self::Forbidden { denial, .. } => match denial {
                Denial::Project { .. } => "project_mismatch",
                Denial::Domain { .. } => "domain_mismatch",
                Denial::AccessRule { .. } => "access_rule",
                Denial::Denied { .. } => "action_denied",
                Denial::Actions { .. } => "action_missing",
            },
            Self::Forward(error) => match error {
                ForwardError::Authority => "host_authority",
                ForwardError::Form => "body_form",
                ForwardError::MediaTypeVersion => "media_type_version",
                ForwardError::Project(_) => "project_form",
                ForwardError::Identity(_) => "identity_unnameable",
                ForwardError::NoServiceToken => "service_token_unavailable",
                ForwardError::Unavailable => "upstream_unavailable",
                ForwardError::Busy => "upstream_busy",
                ForwardError::Refused(_) => "upstream_refused",
                ForwardError::RequestTimeout => "request_timeout",
                ForwardError::Connect(_) => "upstream_connect",
                ForwardError::ConnectTimeout => "upstream_connect_timeout",
                ForwardError::Unanswered(_) => "upstream_unanswered",
                ForwardError::BrokenAnswer(_) => "upstream_broken",
                ForwardError::InvalidAnswer(_) => "upstream_invalid",
                ForwardError::UnexpectedUpgrade => "upstream_upgrade",
                ForwardError::CredentialRefused => "upstream_credential",
                ForwardError::ResponseTimeout => "upstream_timeout",
                ForwardError::RequestBody(BodyFailure::Broken) => "body_broken",
                ForwardError::RequestBody(BodyFailure::Timeout) => "body_timeout",
                ForwardError::RequestBody(BodyFailure::TooLarge { .. }) => "body_too_large",
            },
        }
    }

    /// What happened and what to change, in one sentence for the client.
    pub fn message(&self) -> String {
        match self {
            Self::Path(error) => sentence(error),
            Self::Headers(error) => sentence(error),
            Self::Question(error) => sentence(error),
            Self::Unauthenticated(error) => sentence(error),
            Self::Claims(error) => sentence(error),
            Self::Unroutable(error) => sentence(error),
            Self::Body(error) => sentence(error),
            Self::Forbidden { denial, missing } => match denial {
                // Worded as Nova words it: clients show and parse this.
                Denial::Actions { .. } | Denial::Denied { .. } => {
                    format!(
                        "Policy doesn't allow {} to be performed.",
                        missing.join(", ")
                    )
                }
                Denial::Project { project } => format!(
                    "The token is not for project `{project}`. Use a token of that project, or the URL of the token's project."
                ),
                Denial::Domain { domain } => format!(
                    "The token is not for domain `{domain}`. Use a token of that domain, or the URL of the token's domain."
                ),
                Denial::AccessRule { .. } => sentence(denial),
            },
            Self::Forward(error) => sentence(error),
        }
    }
}

/// An error's text with a capital letter and a full stop.
fn sentence(error: &impl std::error::Error) -> String {
    let text = error.to_string();
    let mut characters = text.chars();
    let first = characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().to_string());
    format!("{first}{}.", characters.as_str())
}

#[cfg(test)]
mod tests;
