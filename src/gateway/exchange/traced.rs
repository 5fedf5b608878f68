//! What is kept of a request for its span.

use hyper::Version;
use hyper::header::{HOST, HeaderValue};
use hyper::http::request;

use super::Inner;
use crate::audit::{Decision, Record};
use crate::proxy::Peer;
use crate::trace::{Context, Span, Tracer, UpstreamSpan};

/// The longest host that a span tells, in characters.
const MAX_HOST: usize = 255;

/// What the span tells beside the record.
#[derive(Debug)]
pub struct Traced {
    tracer: Tracer,
    context: Context,
    scheme: &'static str,
    version: Version,
    host: Option<String>,
}

impl Traced {
    pub fn new(tracer: &Tracer, context: Context, head: &request::Parts, peer: &Peer) -> Self {
        let host = head.headers.get(HOST).map(HeaderValue::as_bytes);
        let authority = || head.uri.authority().map(|found| found.as_str().as_bytes());
        let host = host.or_else(authority);
        let host = host.and_then(|host| std::str::from_utf8(host).ok());
        Self {
            tracer: tracer.clone(),
            context,
            scheme: peer.scheme(),
            version: head.version,
            // Not yet checked: the head may be refused for it.
            host: host.map(|host| host.chars().take(MAX_HOST).collect()),
        }
    }

    /// Hands the span of an exchange over that has ended.
    pub fn record(self, exchange: &Inner, record: &Record) {
        let transfer = &exchange.transfer;
        let ended = exchange.started + record.total_time;
        let upstream = transfer.started.get().map(|started| {
            let answered = transfer.answered.get().unwrap_or(ended);
            UpstreamSpan {
                after: started.saturating_duration_since(exchange.started),
                duration: answered.saturating_duration_since(started),
                peer: transfer.endpoint.get(),
                status: transfer.status.get().map(|status| status.as_u16()),
            }
        });
        self.tracer.record(Box::new(Span {
            context: self.context,
            start: record.time,
            duration: record.total_time,
            upstream,
            request_id: record.request_id,
            method: record.method.clone(),
            scheme: self.scheme,
            version: self.version,
            host: self.host,
            client: record.peer.ip(),
            operation: record.operation.clone(),
            route: record.route.clone(),
            decision: record.decision.map(Decision::name),
            reason: record.reason,
            status: record.status,
        }));
    }
}
