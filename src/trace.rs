//! Traces: which trace a request belongs to, and a span of it for those who collect them.
//!
//! A worker reads a header, draws numbers and hands a [`Span`] to a bounded queue; it never waits. A
//! thread of its own exports them as OTLP. What does not fit, or is not taken, is dropped and
//! counted. Never an input of a decision.

mod collector;
mod context;
mod convention;
mod exporter;
mod message;
mod span;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::header::HeaderName;
use hyper::{HeaderMap, Uri};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

pub use context::{Context, SpanId, TRACEPARENT, TRACESTATE, TraceId};
pub use exporter::{Exporter, StartError, probe, start};
pub use span::{Span, UpstreamSpan};

use context::Parent;

/// Spans of requests that wait to be exported; more are dropped.
const QUEUE: usize = 8192;

/// Where spans go, and of which requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The collector; over HTTP what stands before `/v1/traces`.
    pub endpoint: Uri,
    /// How it is spoken to.
    pub protocol: Protocol,
    /// The share of requests whose spans are exported, from 0 to 1.
    pub sample: f64,
    /// Whether trusted proxies say which of their traces are sampled.
    pub follow: bool,
    /// What the gateway is called in traces.
    pub service_name: String,
    /// Sent with each export; each value is what a file holds.
    pub headers: Vec<(HeaderName, PathBuf)>,
    /// Authorities in PEM for an `https` collector, instead of the system's.
    pub ca: Option<PathBuf>,
    /// The longest that the collector may take for one attempt.
    pub timeout: Duration,
}

/// The two transports of OTLP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protocol {
    /// A POST of protobuf.
    Http,
    /// A call over HTTP/2.
    Grpc,
}

/// How many spans went where: one for each request, and one for what was asked of the upstream.
#[derive(Debug, Default)]
pub struct Counts {
    /// Taken by the collector.
    pub exported: AtomicU64,
    /// Dropped, because the queue was full or the collector did not take them.
    pub dropped: AtomicU64,
    /// Batches that were given up.
    pub failed: AtomicU64,
}

/// A worker's side: places requests in traces.
#[derive(Clone, Debug, Default)]
pub struct Tracer {
    shared: Option<Arc<Shared>>,
}

#[derive(Debug)]
struct Shared {
    queue: mpsc::Sender<Box<Span>>,
    counts: Arc<Counts>,
    sample: f64,
    follow: bool,
}

/// Whether a request came through a proxy that is trusted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Caller {
    /// It did: what it says of sampling counts.
    Trusted,
    /// It did not: a caller must not have us export whatever it likes.
    Unknown,
}

impl Tracer {
    /// Where the request with these headers stands; `None` where tracing is off. A valid trace is
    /// continued, whoever sends it.
    pub fn place(&self, headers: &HeaderMap, caller: Caller) -> Option<Context> {
        let shared = self.shared.as_ref()?;
        let parent = Parent::find(headers);
        let is_sampled = match parent {
            Some(parent) if shared.follow && caller == Caller::Trusted => parent.is_sampled,
            // Not by the trace's id: that is the caller's choice.
            _ => fastrand::f64() < shared.sample,
        };
        Some(Context {
            trace: parent.map_or_else(TraceId::random, |parent| parent.trace),
            parent: parent.map(|parent| parent.span),
            client: SpanId::random(),
            is_sampled,
        })
    }

    /// Takes the span, or counts it as dropped; never waits.
    pub fn record(&self, span: Box<Span>) {
        let Some(shared) = &self.shared else { return };
        if let Err(TrySendError::Full(span) | TrySendError::Closed(span)) =
            shared.queue.try_send(span)
        {
            let dropped = &shared.counts.dropped;
            dropped.fetch_add(span.count(), Ordering::Relaxed);
        }
    }
}
