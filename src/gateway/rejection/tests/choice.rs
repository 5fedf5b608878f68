//! What comes of choosing an endpoint and of what it is to be told.

use super::rows::{Row, hyper_error};
use super::*;
use crate::proxy::Unnameable;

/// As [`super::rows::forwards`].
pub fn choices() -> Vec<Row> {
    vec![
        (
            ForwardError::Authority.into(),
            400,
            "host_authority",
            "badRequest",
            "The `Host` cannot be sent over HTTP/2.",
        ),
        (
            ForwardError::Form.into(),
            415,
            "body_form",
            "badMediaType",
            "A form can change the method behind the gateway, expected a body of JSON.",
        ),
        (
            ForwardError::MediaTypeVersion.into(),
            400,
            "media_type_version",
            "badRequest",
            "A parameter `version` of `Accept` or `Content-Type` can change the API behind the gateway, expected media types without it.",
        ),
        (
            ForwardError::Project("servers".to_owned()).into(),
            400,
            "project_form",
            "badRequest",
            "The project `servers` is none that Nova knows by its form, expected hexadecimal digits in lower case and `-` only.",
        ),
        (
            ForwardError::Identity(Unnameable::Missing("subject")).into(),
            403,
            "identity_unnameable",
            "forbidden",
            "The token has no subject, which the upstream has to be told.",
        ),
        (
            ForwardError::Identity(Unnameable::Value("subject")).into(),
            403,
            "identity_unnameable",
            "forbidden",
            "The token's subject cannot be told to the upstream: it has other than visible ASCII characters.",
        ),
        (
            ForwardError::Identity(Unnameable::Comma("role")).into(),
            403,
            "identity_unnameable",
            "forbidden",
            "A role of the token cannot be told to the upstream: its name has a comma.",
        ),
        (
            ForwardError::NoServiceToken.into(),
            503,
            "service_token_unavailable",
            "serviceUnavailable",
            "The gateway has no service token for the upstream at the moment.",
        ),
        (
            ForwardError::Unavailable.into(),
            503,
            "upstream_unavailable",
            "serviceUnavailable",
            "No endpoint of the upstream is known.",
        ),
        (
            ForwardError::Busy.into(),
            503,
            "upstream_busy",
            "serviceUnavailable",
            "The upstream has too many requests already.",
        ),
        (
            ForwardError::Refused(hyper_error(b"")).into(),
            502,
            "upstream_refused",
            "badGateway",
            "The upstream refused the request unprocessed.",
        ),
        (
            ForwardError::RequestTimeout.into(),
            504,
            "request_timeout",
            "gatewayTimeout",
            "The request was not done in time.",
        ),
    ]
}
