//! The answer that a refusal is: status, headers, and a body in the form that the client reads.

use bytes::Bytes;
use hyper::header::{
    ACCEPT, ALLOW, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, VARY,
    WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};
use serde::Serialize;
use serde_json::json;

use super::{Form, KeystoneChallenge, Rejection};
use crate::decision::Denial;
use crate::proxy::{ForwardError, InvalidHeaders};
use crate::router::Unroutable;

/// Carries [`Rejection::reason`] beside a body that OpenStack clients know.
pub const X_ACTIONGATE_REASON: HeaderName = HeaderName::from_static("x-actiongate-reason");

/// Carries the same beside an answer of the upstream, where a refusal was reported only.
pub const X_ACTIONGATE_REPORT: HeaderName = HeaderName::from_static("x-actiongate-report");

/// RFC 9457 §3.1, and what [`Rejection`] knows besides.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    reason: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    missing: &'a [String],
}

impl Rejection {
    /// The whole answer; HEAD's loses its body on the way out.
    pub fn response(
        &self,
        form: Form,
        request_id: &HeaderValue,
        keystone: Option<&KeystoneChallenge>,
    ) -> Response<Bytes> {
        let status = self.status();
        let mut response = Response::new(Bytes::from(self.body(form, request_id)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
        headers.insert(VARY, HeaderValue::from(ACCEPT));
        headers.insert(X_ACTIONGATE_REASON, HeaderValue::from_static(self.reason()));
        if status == StatusCode::UNAUTHORIZED
            && let Some(KeystoneChallenge(challenge)) = keystone
        {
            headers.insert(WWW_AUTHENTICATE, challenge.clone());
        }
        let mut append = |name, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.append(name, value);
            }
        };
        if let Some(challenge) = self.bearer_challenge() {
            append(WWW_AUTHENTICATE, challenge);
        }
        if let Self::Unroutable(Unroutable::MethodNotAllowed(methods)) = self {
            let names: Vec<&str> = methods.iter().map(hyper::Method::as_str).collect();
            append(ALLOW, names.join(", "));
        }
        if let Self::Headers(InvalidHeaders::TransferEncoding) = self {
            // Where the next request begins is in doubt.
            append(CONNECTION, "close".to_owned());
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = match self {
                // A request that is running now will be done soon.
                Self::Forward(ForwardError::Busy) => "1",
                _ => "10",
            };
            append(RETRY_AFTER, seconds.to_owned());
        }
        response
    }

    fn body(&self, form: Form, request_id: &HeaderValue) -> Vec<u8> {
        let status = self.status();
        let (code, message) = (status.as_u16(), self.message());
        let title = status.canonical_reason().unwrap_or_default();
        let body = match form {
            Form::Problem => {
                let reason = self.reason();
                let missing: &[String] = match self {
                    Self::Forbidden { missing, .. } => missing,
                    _ => &[],
                };
                let problem = Problem {
                    r#type: format!("urn:actiongate:reason:{reason}"),
                    title,
                    status: code,
                    detail: &message,
                    instance: request_id.to_str().unwrap_or_default(),
                    reason,
                    missing,
                };
                json!(problem)
            }
            // Before either API there is keystonemiddleware, whose words these are.
            Form::Nova | Form::Ecs if self.is_about_token() => {
                json!({"error": {"code": code, "title": title, "message": message}})
            }
            Form::Ecs => json!({"error": {"code": self.ecs_code(), "message": message}}),
            Form::Nova => json!({nova_fault(status): {"code": code, "message": message}}),
        };
        // Half of the cost of `to_string`, which looks at every piece as text once more. It cannot fail.
        serde_json::to_vec(&body).unwrap_or_default()
    }

    /// Whether nobody is known to be calling, for whatever reason.
    fn is_about_token(&self) -> bool {
        matches!(self, Self::Unauthenticated(_) | Self::Claims(_))
    }

    /// The code of the vendor's list that is nearest: it has few that are not about one resource.
    fn ecs_code(&self) -> &'static str {
        let status = self.status();
        match self {
            // The token is for something else than the URL.
            Self::Forbidden {
                denial: Denial::Project { .. } | Denial::Domain { .. },
                ..
            } => "Ecs.0023",
            // No permission.
            _ if status == StatusCode::FORBIDDEN => "Ecs.0003",
            // Invalid parameters.
            _ if status.is_client_error() => "Ecs.0005",
            // An error that may pass.
            _ => "Ecs.0000",
        }
    }
}

/// The member that names the kind of fault in Nova's bodies.
fn nova_fault(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "badRequest",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "itemNotFound",
        StatusCode::METHOD_NOT_ALLOWED => "badMethod",
        StatusCode::REQUEST_TIMEOUT => "requestTimeout",
        StatusCode::PAYLOAD_TOO_LARGE => "overLimit",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "badMediaType",
        StatusCode::URI_TOO_LONG => "uriTooLong",
        StatusCode::MISDIRECTED_REQUEST => "misdirectedRequest",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "headersTooLarge",
        StatusCode::BAD_GATEWAY => "badGateway",
        StatusCode::SERVICE_UNAVAILABLE => "serviceUnavailable",
        StatusCode::GATEWAY_TIMEOUT => "gatewayTimeout",
        _ => "computeFault",
    }
}
