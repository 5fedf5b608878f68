//! What is answered to which request.

use std::path::Path;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCEPT, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    HeaderValue, REFERRER_POLICY, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::json;
use tracing::warn;

use super::{Source, exposition, ready, status};
use crate::telemetry::chain;
use crate::token::Secret;

pub type Answer = Response<Full<Bytes>>;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
/// Everything comes from here, and nothing from anywhere else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The parts of the page: path, media type, content.
const PAGE: [(&str, &str, &str); 10] = [
    ("/", HTML, include_str!("page/page.html")),
    ("/page.css", CSS, include_str!("page/page.css")),
    ("/page.js", SCRIPT, include_str!("page/page.js")),
    ("/document.js", SCRIPT, include_str!("page/document.js")),
    ("/format.js", SCRIPT, include_str!("page/format.js")),
    ("/operations.js", SCRIPT, include_str!("page/operations.js")),
    ("/panels.js", SCRIPT, include_str!("page/panels.js")),
    ("/plot.js", SCRIPT, include_str!("page/plot.js")),
    ("/refusals.js", SCRIPT, include_str!("page/refusals.js")),
    ("/series.js", SCRIPT, include_str!("page/series.js")),
];

/// Answers, if `token` is the file of a token only to those who have it.
pub fn answer<B>(source: &Source, token: Option<&Path>, request: &Request<B>) -> Answer {
    let mut answer = route(source, token, request);
    let headers = answer.headers_mut();
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

fn route<B>(source: &Source, token: Option<&Path>, request: &Request<B>) -> Answer {
    let path = request.uri().path();
    let page = PAGE.iter().find(|(known, _, _)| *known == path);
    if !matches!(path, "/live" | "/ready" | "/metrics" | "/status") && page.is_none() {
        return text(
            StatusCode::NOT_FOUND,
            "there are /, /live, /ready, /metrics and /status\n",
        );
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut answer = text(
            StatusCode::METHOD_NOT_ALLOWED,
            "only GET and HEAD are answered\n",
        );
        let allowed = HeaderValue::from_static("GET, HEAD");
        answer.headers_mut().insert(ALLOW, allowed);
        return answer;
    }
    // Of the page nothing is secret but what it asks for.
    if let Some((_, media_type, content)) = page {
        return with(StatusCode::OK, media_type, *content);
    }
    let is_known = token.is_none_or(|token| has_token(request.headers(), token));
    match path {
        "/live" => text(StatusCode::OK, "live\n"),
        "/ready" => readiness(source, is_known),
        _ if !is_known => unauthorized(),
        "/metrics" => metrics(source, request.headers()),
        _ => with(StatusCode::OK, JSON, status::text(source)),
    }
}

/// What is missing names issuers, which is not for everybody where a token is demanded.
fn readiness(source: &Source, is_known: bool) -> Answer {
    let missing = ready::missing(source);
    let status = match missing.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let told = match is_known {
        true => json!({"ready": missing.is_empty(), "missing": missing}),
        false => json!({"ready": missing.is_empty()}),
    };
    with(status, JSON, format!("{told}\n"))
}

fn metrics(source: &Source, headers: &HeaderMap) -> Answer {
    let accepted = headers.get_all(ACCEPT).iter();
    let mut accepted = accepted.filter_map(|value| value.to_str().ok());
    let form = match accepted.any(|value| value.contains("application/openmetrics-text")) {
        true => exposition::Form::OpenMetrics,
        false => exposition::Form::Prometheus,
    };
    let mut answer = with(
        StatusCode::OK,
        form.media_type(),
        exposition::text(source, form),
    );
    answer
        .headers_mut()
        .insert(VARY, HeaderValue::from_static("accept"));
    answer
}

fn has_token(headers: &HeaderMap, file: &Path) -> bool {
    let token = match Secret::read(file) {
        Ok(token) => token,
        Err(error) => {
            warn!("nobody may ask about the gateway: {}", chain(&error));
            return false;
        }
    };
    let mut shown = headers.get_all(AUTHORIZATION).iter();
    let (Some(shown), None) = (shown.next(), shown.next()) else {
        return false;
    };
    let scheme = shown.as_bytes().get(..7);
    let is_bearer = scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "));
    let shown = shown.as_bytes().get(7..).unwrap_or_default();
    is_bearer && verify_slices_are_equal(shown, token.reveal().as_bytes()).is_ok()
}

fn unauthorized() -> Answer {
    let told = "the token of `admin.token_file` is demanded, as `Authorization: Bearer …`\n";
    let mut answer = text(StatusCode::UNAUTHORIZED, told);
    let challenge = HeaderValue::from_static("Bearer realm=\"actiongate admin\"");
    answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    answer
}

fn text(status: StatusCode, content: &'static str) -> Answer {
    with(status, TEXT, content)
}

fn with(status: StatusCode, media_type: &'static str, content: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(content.into()));
    *answer.status_mut() = status;
    let media_type = HeaderValue::from_static(media_type);
    answer.headers_mut().insert(CONTENT_TYPE, media_type);
    answer
}
