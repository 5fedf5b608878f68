//! One request and its answer, until the last byte: what the audit is told, whoever ends it.

mod evidence;
mod record;
mod traced;

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, HeaderName, HeaderValue};
use hyper::http::request;
use hyper::{Method, Response};
use uuid::Uuid;

pub use record::record_unreadable;

use record::{new_id, new_record, of_request};
use traced::Traced;

use super::rejection::{Form, Rejection, X_ACTIONGATE_REPORT};
use super::{Identity, Settings, Upgrade};
use crate::audit::{Auditor, Decision, Judged, Record};
use crate::metrics::{Meter, Rehearsed};
use crate::proxy::{AnswerFailure, Peer, Running, Transfer, UpstreamBody, X_OPENSTACK_REQUEST_ID};
use crate::router::{Candidates, Target};
use crate::table::PathTemplate;
use crate::trace::{self, Tracer};

/// The older name under which Nova's clients look for a request's id.
const X_COMPUTE_REQUEST_ID: HeaderName = HeaderName::from_static("x-compute-request-id");
/// Who is told of requests.
#[derive(Clone, Copy)]
pub struct Observers<'a> {
    pub auditor: &'a Auditor,
    pub meter: Option<&'a Rc<Meter>>,
    pub tracer: &'a Tracer,
}

/// Writes its record when dropped: at the end of the answer, or when the client has gone.
#[derive(Debug)]
pub struct Exchange {
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    auditor: Auditor,
    meter: Option<Rc<Meter>>,
    /// Where anybody wants it.
    record: Option<Record>,
    /// The operation's place in the table, once routed.
    operation: Option<usize>,
    request_id: HeaderValue,
    /// Of the answer, if it is a refusal.
    form: Form,
    transfer: Rc<Transfer>,
    started: Instant,
    /// Counts this exchange as running.
    running: Running,
    /// How long the request's body is, if that is known.
    body: Option<u64>,
    /// Why it was let through only because refusals are reported.
    reported: Option<&'static str>,
    /// Known once the answer is on its way.
    outcome: Option<&'static str>,
    is_head: bool,
    trace: Option<trace::Context>,
    /// None where the trace is not sampled.
    traced: Option<Box<Traced>>,
}

impl Exchange {
    pub fn begin(
        observers: Observers<'_>,
        (head, body): (&request::Parts, &Incoming),
        peer: &Rc<Peer>,
        worker: usize,
    ) -> Self {
        let id = new_id();
        if let Some(meter) = observers.meter {
            meter.counts.begun.add(1);
        }
        let trace = observers.tracer.place(&head.headers, peer.caller());
        let sampled = trace.filter(|context| context.is_sampled);
        let is_watched =
            observers.auditor.is_on() || observers.meter.is_some() || sampled.is_some();
        let record = is_watched.then(|| {
            let mut record = new_record(id, peer.address(), worker);
            record.trace = trace.map(|context| context.trace);
            record.evidence = evidence::begin(observers.auditor, head);
            of_request(record, head)
        });
        Self {
            inner: Box::new(Inner {
                auditor: observers.auditor.clone(),
                meter: observers.meter.cloned(),
                record,
                operation: None,
                request_id: request_id(id),
                form: Form::of(head),
                transfer: Rc::default(),
                started: Instant::now(),
                running: peer.begin(!body.is_end_stream()),
                body: body.size_hint().exact(),
                reported: None,
                outcome: None,
                is_head: head.method == Method::HEAD,
                trace,
                traced: sampled
                    .map(|context| Box::new(Traced::new(observers.tracer, context, head, peer))),
            }),
        }
    }

    pub fn request_id(&self) -> &HeaderValue {
        &self.inner.request_id
    }

    /// Where it stands in its trace.
    pub fn trace(&self) -> Option<trace::Context> {
        self.inner.trace
    }

    pub fn transfer(&self) -> &Rc<Transfer> {
        &self.inner.transfer
    }

    pub fn identified(&mut self, identity: &Identity) {
        if let Some(record) = &mut self.inner.record {
            record.caller = Some(identity.caller.clone());
            evidence::identified(record, identity);
        }
    }

    /// Which of the path's operations it is, its body tells, if ever it comes.
    pub fn found(&mut self, candidates: &Candidates<'_>) {
        if let Some(record) = &mut self.inner.record {
            record.route = candidates.template().map(PathTemplate::to_shared);
        }
    }

    pub fn routed(&mut self, target: &Target<'_>) {
        self.inner.operation = Some(target.place);
        if let Some(record) = &mut self.inner.record {
            record.operation = Some(target.operation.permission.clone());
            record.route = Some(target.route.template.to_shared());
            record.project = target.project().map(str::to_owned);
        }
    }

    pub fn permitted(&mut self) {
        if let Some(record) = &mut self.inner.record {
            record.decision = Some(Decision::Permit);
        }
    }

    /// It is let through though it would be refused.
    pub fn reported(&mut self, judged: Box<Judged>) {
        self.inner.reported = Some(judged.reason);
        if let Some(meter) = &self.inner.meter {
            meter.counts.reported.add(1);
        }
        if let Some(record) = &mut self.inner.record {
            record.reported = Some(judged);
        }
    }

    /// How a candidate's decision compares, and the decision where it differs.
    pub fn rehearsed(&mut self, found: Rehearsed, judged: Option<Judged>) {
        if let Some(meter) = &self.inner.meter {
            meter.counts.rehearsed(found);
        }
        if let Some(record) = &mut self.inner.record {
            record.candidate = judged.map(Box::new);
        }
    }

    /// Makes the answer; the exchange ends with its body. The last of a connection says so (RFC 9112 §9.6).
    pub fn finish(
        mut self,
        answer: Result<Response<UpstreamBody>, Rejection>,
        settings: &Settings,
        is_last: bool,
    ) -> (Response<ResponseBody>, Option<Box<Upgrade>>) {
        let id = self.inner.request_id.clone();
        let mut response = match answer {
            Ok(response) => {
                self.inner.outcome = Some("ok");
                response.map(Content::Upstream)
            }
            Err(rejection) => {
                self.inner.outcome = Some(rejection.reason());
                self.rejected(&rejection);
                let keystone = settings.keystone.as_ref();
                let mut response = rejection.response(self.inner.form, &id, keystone);
                let headers = response.headers_mut();
                headers.insert(X_COMPUTE_REQUEST_ID, id.clone());
                response.map(|text| Content::Own(Some(text)))
            }
        };
        let headers = response.headers_mut();
        headers.insert(X_OPENSTACK_REQUEST_ID, id);
        if let Some(reason) = self.inner.reported {
            headers.insert(X_ACTIONGATE_REPORT, HeaderValue::from_static(reason));
        }
        if is_last {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        if let Some(record) = &mut self.inner.record {
            record.status = Some(response.status().as_u16());
        }
        let tunnel = self.inner.transfer.tunnel.take();
        let (upgrade, exchange) = match tunnel {
            Some(tunnel) => (Some(Box::new(Upgrade::new(tunnel, self))), None),
            None => (None, Some(self)),
        };
        let response = response.map(|content| ResponseBody { content, exchange });
        (response, upgrade)
    }

    /// How it came to its end; `None` as long as it has not.
    pub fn set_outcome(&mut self, outcome: Option<&'static str>) {
        self.inner.outcome = outcome;
    }

    fn rejected(&mut self, rejection: &Rejection) {
        let Some(record) = &mut self.inner.record else {
            return;
        };
        if let Rejection::Forbidden { missing, .. } = rejection {
            record.decision = Some(Decision::Deny);
            record.missing.clone_from(missing);
        } else if record.decision.is_none() {
            record.decision = Some(Decision::Reject);
        }
    }
}

impl Inner {
    fn sent(&self, bytes: usize) {
        let sent = &self.transfer.sent;
        sent.set(sent.get() + bytes as u64);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.body == Some(self.transfer.received.get()) {
            self.running.body_is_whole();
        }
        let Some(mut record) = self.record.take() else {
            return;
        };
        record.total_time = self.started.elapsed();
        record.bytes_received = self.transfer.received.get();
        record.bytes_sent = self.transfer.sent.get();
        record.upstream_time = upstream_time(&self.transfer);
        record.reason = match (self.transfer.broken.get(), self.outcome) {
            (Some(AnswerFailure::Broken), _) => "upstream_body_broken",
            (Some(AnswerFailure::Timeout), _) => "upstream_body_timeout",
            (Some(AnswerFailure::Deadline), _) => "request_timeout",
            (None, outcome) => outcome.unwrap_or("aborted"),
        };
        if let Some(meter) = &self.meter {
            let own = match self.transfer.started.get() {
                Some(sent) => sent.saturating_duration_since(self.started),
                None => record.total_time,
            };
            meter.ended(&record, self.operation, own);
        }
        if let Some(traced) = self.traced.take() {
            traced.record(self, &record);
        }
        self.auditor.record(record);
    }
}

fn upstream_time(transfer: &Transfer) -> Option<Duration> {
    let (started, answered) = (transfer.started.get()?, transfer.answered.get()?);
    Some(answered.saturating_duration_since(started))
}

/// `req-` and the UUID, as OpenStack writes request ids.
fn request_id(id: Uuid) -> HeaderValue {
    let mut text = *b"req-00000000-0000-0000-0000-000000000000";
    if let Some(digits) = text.get_mut(4..) {
        id.hyphenated().encode_lower(digits);
    }
    // Cloned without another allocation.
    let value = HeaderValue::from_maybe_shared(Bytes::from_owner(text));
    value.unwrap_or_else(|_| HeaderValue::from_static("req-"))
}

/// The body of an answer, the upstream's or ours; trailers are dropped.
#[derive(Debug)]
pub struct ResponseBody {
    content: Content,
    /// None where it goes on in another protocol.
    exchange: Option<Exchange>,
}

#[derive(Debug)]
enum Content {
    Upstream(UpstreamBody),
    Own(Option<Bytes>),
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = AnswerFailure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerFailure>>> {
        match &mut self.content {
            Content::Upstream(body) => Pin::new(body).poll_frame(context),
            Content::Own(text) => {
                let text = text.take();
                if let (Some(text), Some(exchange)) = (&text, &self.exchange) {
                    exchange.inner.sent(text.len());
                }
                Poll::Ready(text.map(|text| Ok(Frame::data(text))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Upstream(body) => body.is_end_stream(),
            Content::Own(text) => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Upstream(body) => body.size_hint(),
            Content::Own(text) => {
                SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64))
            }
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        // Nobody wanted the rest: the client has gone. A HEAD request never wanted it. Why a request
        // was refused is not for the client to hide.
        let is_end = self.is_end_stream();
        if let Some(exchange) = &mut self.exchange
            && !is_end
            && !exchange.inner.is_head
            && exchange.inner.outcome == Some("ok")
        {
            exchange.inner.outcome = Some("aborted");
        }
    }
}
