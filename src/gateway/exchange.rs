//! One request and its answer, until the last byte: what the audit is told, whoever ends it.

mod beginning;
mod evidence;
mod record;
mod traced;

use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::header::{CONNECTION, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Response};
use uuid::Uuid;

pub use beginning::Beginning;
pub use record::record_unreadable;

use record::{new_id, new_record, of_request};
use traced::Traced;

use super::answer::{Content, ResponseBody};
use super::rejection::{Form, Rejection, X_ACTIONGATE_REPORT};
use super::{Identity, Settings, Upgrade, Verdict};
use crate::audit::{Auditor, Decision, Record, Ruling};
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
        beginning: Beginning<'_>,
        peer: &Peer,
        worker: usize,
    ) -> Self {
        let head = beginning.head;
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
            record.authorizer = beginning.authorizer;
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
                running: peer.begin(beginning.has_body),
                body: beginning.length,
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

    /// The head was not that of the request.
    pub fn forget_method(&mut self) {
        if let Some(record) = &mut self.inner.record {
            record.method = None;
        }
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
    pub fn reported(&mut self, ruling: Box<Ruling>) {
        self.inner.reported = Some(ruling.reason);
        if let Some(meter) = &self.inner.meter {
            meter.counts.reported.add(1);
        }
        if let Some(record) = &mut self.inner.record {
            record.reported = Some(ruling);
        }
    }

    /// How a candidate's decision compares, and the decision where it differs.
    pub fn rehearsed(&mut self, found: Rehearsed, ruling: Option<Ruling>) {
        if let Some(meter) = &self.inner.meter {
            meter.counts.rehearsed(found);
        }
        if let Some(record) = &mut self.inner.record {
            record.candidate = ruling.map(Box::new);
        }
    }

    /// Makes the answer; the exchange ends with its body. The last of a connection says so (RFC 9112 §9.6).
    pub fn finish(
        mut self,
        answer: Result<Response<UpstreamBody>, Rejection>,
        settings: &Settings,
        is_last: bool,
    ) -> (Response<ResponseBody>, Option<Box<Upgrade>>) {
        let mut response = match answer {
            Ok(response) => {
                self.inner.outcome = Some("ok");
                response.map(Content::Upstream)
            }
            Err(rejection) => {
                let response = self.refuse(&rejection, settings);
                response.map(|text| Content::Own(Some(text)))
            }
        };
        self.sign(response.headers_mut());
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
        let response = response.map(|content| ResponseBody::new(content, exchange));
        (response, upgrade)
    }

    /// Ends an exchange that only asked: with what the upstream is to be told, or why it is told nothing.
    pub fn conclude(
        mut self,
        answer: Result<HeaderMap, Rejection>,
        settings: &Settings,
    ) -> Verdict {
        let (mut response, rejection) = match answer {
            Ok(told) => {
                self.inner.outcome = Some("ok");
                let mut response = Response::new(Bytes::new());
                *response.headers_mut() = told;
                (response, None)
            }
            Err(rejection) => (self.refuse(&rejection, settings), Some(rejection)),
        };
        self.sign(response.headers_mut());
        if let Some(record) = &mut self.inner.record {
            record.status = Some(response.status().as_u16());
        }
        Verdict {
            rejection,
            response,
        }
    }

    /// Says which exchange it is, and whether it was let through only because refusals are reported.
    fn sign(&self, headers: &mut HeaderMap) {
        headers.insert(X_OPENSTACK_REQUEST_ID, self.inner.request_id.clone());
        if let Some(reason) = self.inner.reported {
            headers.insert(X_ACTIONGATE_REPORT, HeaderValue::from_static(reason));
        }
    }

    fn refuse(&mut self, rejection: &Rejection, settings: &Settings) -> Response<Bytes> {
        self.inner.outcome = Some(rejection.reason());
        self.rejected(rejection);
        let id = &self.inner.request_id;
        let mut response = rejection.response(self.inner.form, id, settings.keystone.as_ref());
        response
            .headers_mut()
            .insert(X_COMPUTE_REQUEST_ID, id.clone());
        response
    }

    /// So many bytes of our own text are on their way to the client.
    pub fn sent(&self, bytes: usize) {
        let sent = &self.inner.transfer.sent;
        sent.set(sent.get() + bytes as u64);
    }

    /// The client has gone before the end of the answer, unless it never wanted that. Why a request was
    /// refused is not for the client to hide.
    pub fn abort(&mut self) {
        if !self.inner.is_head && self.inner.outcome == Some("ok") {
            self.inner.outcome = Some("aborted");
        }
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
