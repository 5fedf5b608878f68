//! From what a worker knows of a request to spans with the names of OpenTelemetry's semantic
//! conventions for HTTP. <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>
//!
//! `url.path` is the route's template, as the conventions would have what is sensitive scrubbed: a
//! path names servers and projects, and one that no route has may hold anything. There is no query.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::http::uri::Authority;
use hyper::{Method, Version};

use super::message::{
    AnyValue, Code, ExportRequest, KeyValue, Kind, Resource, ResourceSpans, Scope, ScopeSpans,
    Span, Status, Value,
};
use super::{SpanId, UpstreamSpan};

/// The trace is sampled, and it is known whether the parent is another process's.
const LOCAL: u32 = 0x101;
/// It is.
const REMOTE: u32 = 0x200;

/// Who sends the spans, as each message says it.
pub fn resource(service_name: &str) -> Resource {
    let mut attributes = Attributes::default();
    attributes.text("service.name", service_name);
    attributes.text("service.version", env!("CARGO_PKG_VERSION"));
    let instance = uuid::Builder::from_random_bytes(fastrand::u128(..).to_ne_bytes());
    attributes.text("service.instance.id", instance.into_uuid().to_string());
    Resource {
        attributes: attributes.0,
    }
}

/// The spans of these requests, in one message.
pub fn request(resource: &Resource, requests: &[Box<super::Span>]) -> ExportRequest {
    let mut spans = Vec::with_capacity(requests.len() * 2);
    for request in requests {
        let server = SpanId::random();
        spans.push(server_span(request, server));
        let upstream = request.upstream.as_ref();
        spans.extend(upstream.map(|upstream| client_span(request, upstream, server)));
    }
    let scope = Scope {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    ExportRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource.clone()),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope),
                spans,
            }],
        }],
    }
}

fn server_span(request: &super::Span, id: SpanId) -> Span {
    let method = known_method(request.method.as_ref());
    let route = request.route.as_deref();
    let mut attributes = Attributes::default();
    attributes.text("http.request.method", method);
    attributes.text("url.scheme", request.scheme);
    if let Some(route) = route {
        attributes.text("http.route", route);
        attributes.text("url.path", route);
    }
    let host = request.host.as_ref();
    let host = host.and_then(|host| host.parse::<Authority>().ok());
    if let Some(host) = host {
        let name = host.host().trim_start_matches('[').trim_end_matches(']');
        attributes.text("server.address", name);
        if let Some(port) = host.port_u16() {
            attributes.number("server.port", port);
        }
    }
    if let Some(client) = request.client {
        attributes.text("client.address", client.to_string());
    }
    if let Some(version) = known_version(request.version) {
        attributes.text("network.protocol.version", version);
    }
    if let Some(status) = request.status {
        attributes.number("http.response.status_code", status);
    }
    // What the client did wrong is no error of the server, nor is it that it has gone.
    let is_broken = request.status.is_some_and(|status| status < 400)
        && !matches!(request.reason, "ok" | "aborted");
    let is_error = is_broken || request.status.is_some_and(|status| status >= 500);
    if is_error {
        let answered = request.status.map(|status| status.to_string());
        let kind = match request.reason {
            "ok" | "aborted" => answered.unwrap_or_default(),
            reason => reason.to_owned(),
        };
        attributes.text("error.type", kind);
    }
    let id_text = format!("req-{}", request.request_id);
    attributes.text("actiongate.request_id", id_text);
    if let Some(operation) = request.operation.as_deref() {
        attributes.text("actiongate.operation", operation);
    }
    if let Some(decision) = request.decision {
        attributes.text("actiongate.decision", decision);
    }
    attributes.text("actiongate.reason", request.reason);
    let parent = request.context.parent;
    let name = match (method, route) {
        ("_OTHER", Some(route)) => format!("HTTP {route}"),
        ("_OTHER", None) => "HTTP".to_owned(),
        (method, Some(route)) => format!("{method} {route}"),
        (method, None) => method.to_owned(),
    };
    Span {
        trace_id: request.context.trace.to_bytes().to_vec(),
        span_id: id.to_bytes().to_vec(),
        parent_span_id: parent.map_or_else(Vec::new, |parent| parent.to_bytes().to_vec()),
        name,
        kind: Kind::Server.into(),
        start_time_unix_nano: nanoseconds(request.start),
        end_time_unix_nano: nanoseconds(request.start + request.duration),
        attributes: attributes.0,
        status: is_error.then(error),
        flags: if parent.is_some() {
            LOCAL | REMOTE
        } else {
            LOCAL
        },
    }
}

fn client_span(request: &super::Span, upstream: &UpstreamSpan, parent: SpanId) -> Span {
    let method = known_method(request.method.as_ref());
    let mut attributes = Attributes::default();
    attributes.text("http.request.method", method);
    if let Some(peer) = upstream.peer {
        for key in ["server.address", "network.peer.address"] {
            attributes.text(key, peer.ip().to_string());
        }
        for key in ["server.port", "network.peer.port"] {
            attributes.number(key, peer.port());
        }
    }
    let failure = match upstream.status {
        Some(status) => {
            attributes.number("http.response.status_code", status);
            (status >= 400).then(|| status.to_string())
        }
        None => Some(request.reason.to_owned()),
    };
    let is_error = failure.is_some();
    if let Some(failure) = failure {
        attributes.text("error.type", failure);
    }
    let start = request.start + upstream.after;
    Span {
        trace_id: request.context.trace.to_bytes().to_vec(),
        span_id: request.context.client.to_bytes().to_vec(),
        parent_span_id: parent.to_bytes().to_vec(),
        name: match method {
            "_OTHER" => "HTTP".to_owned(),
            method => method.to_owned(),
        },
        kind: Kind::Client.into(),
        start_time_unix_nano: nanoseconds(start),
        end_time_unix_nano: nanoseconds(start + upstream.duration),
        attributes: attributes.0,
        status: is_error.then(error),
        flags: LOCAL,
    }
}

/// Those of RFC 9110 and PATCH; a client may make up any other.
fn known_method(method: Option<&Method>) -> &'static str {
    const KNOWN: [&str; 9] = [
        "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
    ];
    let known = KNOWN.iter();
    let mut known = known.filter(|known| method.is_some_and(|method| method.as_str() == **known));
    known.next().copied().unwrap_or("_OTHER")
}

fn known_version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        _ => None,
    }
}

fn error() -> Status {
    Status {
        code: Code::Error.into(),
    }
}

fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[derive(Default)]
struct Attributes(Vec<KeyValue>);

impl Attributes {
    fn text(&mut self, key: &str, value: impl Into<String>) {
        self.push(key, Value::Text(value.into()));
    }

    fn number(&mut self, key: &str, value: u16) {
        self.push(key, Value::Number(value.into()));
    }

    fn push(&mut self, key: &str, value: Value) {
        self.0.push(KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use uuid::Uuid;

    use super::super::{Context, TraceId};
    use super::*;

    fn span() -> super::super::Span {
        super::super::Span {
            context: Context {
                trace: TraceId::random(),
                parent: None,
                client: SpanId::random(),
                is_sampled: true,
            },
            start: UNIX_EPOCH + Duration::from_secs(1),
            duration: Duration::from_nanos(5),
            upstream: None,
            request_id: Uuid::nil(),
            method: Some(Method::GET),
            scheme: "https",
            version: Version::HTTP_2,
            host: None,
            client: None,
            operation: None,
            route: None,
            decision: None,
            reason: "aborted",
            status: None,
        }
    }

    fn told(span: &Span) -> BTreeMap<&str, String> {
        let attributes = span.attributes.iter().map(|attribute| {
            let text = match attribute.value.as_ref().unwrap().value.as_ref().unwrap() {
                Value::Text(text) => text.clone(),
                Value::Number(number) => number.to_string(),
            };
            (attribute.key.as_str(), text)
        });
        attributes.collect()
    }

    #[test]
    fn a_client_that_hung_up_is_no_error() {
        let span = server_span(&span(), SpanId::random());
        assert_eq!((span.name.as_str(), &span.status), ("GET", &None));
        assert_eq!(span.parent_span_id, [0; 0]);
        let (start, end) = (span.start_time_unix_nano, span.end_time_unix_nano);
        assert_eq!((start, end), (1_000_000_000, 1_000_000_005));
        let expected = BTreeMap::from([
            ("actiongate.reason", "aborted"),
            (
                "actiongate.request_id",
                "req-00000000-0000-0000-0000-000000000000",
            ),
            ("http.request.method", "GET"),
            ("network.protocol.version", "2"),
            ("url.scheme", "https"),
        ]);
        let expected = expected.into_iter();
        let expected = expected.map(|(key, value)| (key, value.to_owned()));
        assert_eq!(told(&span), expected.collect());
    }

    #[test]
    fn an_answer_that_broke_off_is_an_error() {
        let mut request = span();
        request.status = Some(200);
        for (reason, is_error) in [
            ("ok", false),
            ("aborted", false),
            ("upstream_body_broken", true),
        ] {
            request.reason = reason;
            let span = server_span(&request, SpanId::random());
            assert_eq!(span.status.is_some(), is_error, "{reason}");
            assert_eq!(told(&span).contains_key("error.type"), is_error);
        }
    }

    #[test]
    fn a_host_is_a_name_and_perhaps_a_port() {
        let cases = [
            ("api.test", Some("api.test"), None),
            ("api.test:8774", Some("api.test"), Some("8774")),
            ("[::1]:80", Some("::1"), Some("80")),
            ("user:secret@api.test", Some("api.test"), None),
            ("a b", None, None),
        ];
        for (host, name, port) in cases {
            let mut request = span();
            request.host = Some(host.to_owned());
            let span = server_span(&request, SpanId::random());
            let told = told(&span);
            let found = |key| told.get(key).map(String::as_str);
            assert_eq!(found("server.address"), name, "{host}");
            assert_eq!(found("server.port"), port, "{host}");
        }
    }

    #[test]
    fn a_method_that_nobody_knows_is_not_told() {
        let mut request = span();
        request.method = Method::from_bytes(b"FROBNICATE").ok();
        request.route = Some("/v2.1".into());
        let span = server_span(&request, SpanId::random());
        assert_eq!(span.name, "HTTP /v2.1");
        assert_eq!(told(&span)["http.request.method"], "_OTHER");
    }
}
