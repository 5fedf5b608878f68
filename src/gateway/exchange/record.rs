//! What the audit is told of a request before anything became of it.

use std::time::{Duration, SystemTime};

use hyper::header::HeaderValue;
use hyper::http::request;
use hyper::{Method, StatusCode};
use uuid::Uuid;

use super::Observers;
use crate::audit::{Decision, PeerAddress, Record};
use crate::proxy::X_OPENSTACK_REQUEST_ID;

/// The longest client request id that is kept, in characters.
const MAX_CLIENT_ID: usize = 64;
/// The longest method that is kept, in bytes; those that tables list are far shorter.
const MAX_METHOD: usize = 64;

/// Records what hyper refused before there was a request to handle.
pub fn record_unreadable(
    observers: Observers<'_>,
    peer: PeerAddress,
    worker: usize,
    status: StatusCode,
) {
    let mut record = new_record(new_id(), peer, worker);
    record.decision = Some(Decision::Reject);
    record.reason = "request_unreadable";
    record.status = Some(status.as_u16());
    if let Some(meter) = observers.meter {
        meter.counts.begun.add(1);
        meter.ended(&record, None, Duration::ZERO);
    }
    observers.auditor.record(record);
}

pub fn new_id() -> Uuid {
    uuid::Builder::from_random_bytes(fastrand::u128(..).to_ne_bytes()).into_uuid()
}

pub fn of_request(mut record: Record, head: &request::Parts) -> Record {
    let shorten = |id: &HeaderValue| {
        let text = String::from_utf8_lossy(id.as_bytes());
        text.chars().take(MAX_CLIENT_ID).collect()
    };
    record.method = match head.method.as_str().get(..MAX_METHOD) {
        Some(beginning) => Method::from_bytes(beginning.as_bytes()).ok(),
        None => Some(head.method.clone()),
    };
    record.client_request_id = head.headers.get(X_OPENSTACK_REQUEST_ID).map(shorten);
    record
}

pub fn new_record(request_id: Uuid, peer: PeerAddress, worker: usize) -> Record {
    Record {
        time: SystemTime::now(),
        request_id,
        client_request_id: None,
        trace: None,
        peer,
        worker,
        method: None,
        operation: None,
        route: None,
        project: None,
        caller: None,
        authorizer: None,
        decision: None,
        reason: "aborted",
        missing: Vec::new(),
        reported: None,
        candidate: None,
        status: None,
        bytes_received: 0,
        bytes_sent: 0,
        upstream_time: None,
        total_time: Duration::ZERO,
        evidence: None,
    }
}
