//! The text of an audit line.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::{Decision, Record};

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    request_id: String,
    client_request_id: Option<&'a str>,
    peer: String,
    worker: usize,
    method: Option<&'a str>,
    operation: Option<&'a str>,
    route: Option<&'a str>,
    subject: Option<&'a str>,
    project: Option<&'a str>,
    issuer: Option<&'a str>,
    #[serde(skip_serializing_if = "is_zero")]
    unknown_roles: usize,
    decision: Option<&'static str>,
    reason: &'static str,
    missing: &'a [String],
    status: Option<u16>,
    bytes_received: u64,
    bytes_sent: u64,
    upstream_us: Option<u64>,
    total_us: u64,
}

/// Writes `record` as one line of JSON.
pub fn write(sink: &mut impl Write, record: &Record) -> io::Result<()> {
    let caller = record.caller.as_deref();
    let line = Line {
        time: humantime::format_rfc3339_micros(record.time).to_string(),
        request_id: format!("req-{}", record.request_id),
        client_request_id: record.client_request_id.as_deref(),
        peer: record.peer.to_string(),
        worker: record.worker,
        method: record.method.as_ref().map(hyper::Method::as_str),
        operation: record.operation.as_deref(),
        route: record.route.as_deref(),
        subject: caller.and_then(|caller| caller.subject.as_deref()),
        project: record.project.as_deref(),
        issuer: caller.map(|caller| &*caller.issuer),
        unknown_roles: caller.map_or(0, |caller| caller.unknown_roles),
        decision: record.decision.map(Decision::name),
        reason: record.reason,
        missing: &record.missing,
        status: record.status,
        bytes_received: record.bytes_received,
        bytes_sent: record.bytes_sent,
        upstream_us: record.upstream_time.map(microseconds),
        total_us: microseconds(record.total_time),
    };
    serde_json::to_writer(&mut *sink, &line)?;
    sink.write_all(b"\n")
}

impl Decision {
    /// As written in the audit.
    pub fn name(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Deny => "deny",
            Self::Reject => "reject",
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over references"
)]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
