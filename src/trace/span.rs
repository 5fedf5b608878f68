//! What one request becomes in its trace, as a worker hands it over.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper::{Method, Version};
use uuid::Uuid;

use super::Context;

/// One request, once it has ended. Nothing in it is a secret: no header but `Host`, no query.
#[derive(Debug)]
pub struct Span {
    /// Its place in the trace.
    pub context: Context,
    /// When its head had been read.
    pub start: SystemTime,
    /// From then to the end of the answer.
    pub duration: Duration,
    /// What was asked of the upstream, if it was.
    pub upstream: Option<UpstreamSpan>,
    /// The gateway's id of the request.
    pub request_id: Uuid,
    /// As the client sent it.
    pub method: Option<Method>,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// How the client spoke.
    pub version: Version,
    /// The `Host`, or what stands for it in HTTP/2.
    pub host: Option<String>,
    /// The client's address; none over a Unix socket.
    pub client: Option<IpAddr>,
    /// The permission label of the operation, once routed.
    pub operation: Option<Arc<str>>,
    /// The route's template, once routed.
    pub route: Option<Arc<str>>,
    /// `permit`, `deny` or `reject`; none if the client hung up before that.
    pub decision: Option<&'static str>,
    /// Why it ended as it did.
    pub reason: &'static str,
    /// The answer's status.
    pub status: Option<u16>,
}

impl Span {
    /// How many spans it is in a trace.
    pub fn count(&self) -> u64 {
        1 + u64::from(self.upstream.is_some())
    }
}

/// The part of a request that the upstream takes, over all attempts.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamSpan {
    /// How long after the request's head it began.
    pub after: Duration,
    /// Until the head of the answer, or until there was none.
    pub duration: Duration,
    /// Who was asked last; none over a Unix socket.
    pub peer: Option<SocketAddr>,
    /// The status of its answer, if it answered.
    pub status: Option<u16>,
}
