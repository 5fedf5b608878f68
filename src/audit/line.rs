//! The text of an audit line.
//!
//! Written by hand, because it is a good part of what an audited request costs.

use std::fmt::Display;
use std::io::Write;
use std::time::{Duration, SystemTime};

use hyper::http::uri::PathAndQuery;

use super::{Circumstances, ClaimEvidence, Decision, Evidence, Excess, Record, Ruling};
use crate::grant::Address;

/// Of the schema; another one once a reader of this one would be misled.
pub const VERSION: u32 = 1;

/// Something about the file itself, in a line among the others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event<'a> {
    /// The chain begins, or goes on from another file that ended with this digest.
    Begin { previous: Option<&'a str> },
    /// The text before this line is a rest of so many bytes, with this SHA-256: whoever wrote it was
    /// cut off.
    Torn { bytes: usize, digest: &'a str },
    /// So many records were lost before this line.
    Dropped { lines: u64 },
}

/// Writes an event as an object of JSON, without a line's end.
pub fn write_event(text: &mut Vec<u8>, time: SystemTime, event: Event<'_>) {
    let mut line = Line::begin(text);
    line.number("version", Some(VERSION));
    line.plain("time", humantime::format_rfc3339_micros(time));
    let name = match event {
        Event::Begin { .. } => "begin",
        Event::Torn { .. } => "torn",
        Event::Dropped { .. } => "dropped",
    };
    line.plain("event", name);
    match event {
        Event::Begin { previous } => line.text("previous", previous),
        Event::Torn { bytes, digest } => {
            line.number("bytes", Some(bytes));
            line.plain("digest", digest);
        }
        Event::Dropped { lines } => line.number("lines", Some(lines)),
    }
    text.push(b'}');
}

/// Writes `record` as an object of JSON, without a line's end.
pub fn write(text: &mut Vec<u8>, record: &Record) {
    let caller = record.caller.as_deref();
    let mut line = Line::begin(text);
    line.number("version", Some(VERSION));
    line.plain("time", humantime::format_rfc3339_micros(record.time));
    line.plain("request_id", format_args!("req-{}", record.request_id));
    line.text("client_request_id", record.client_request_id.as_deref());
    if let Some(trace) = record.trace {
        line.plain("trace_id", trace);
    }
    line.plain("peer", record.peer);
    line.number("worker", Some(record.worker));
    if let Some(product) = record.authorizer {
        line.plain("authorizer", product);
    }
    line.text("method", record.method.as_ref().map(hyper::Method::as_str));
    line.text("operation", record.operation.as_deref());
    line.text("route", record.route.as_deref());
    line.text(
        "subject",
        caller.and_then(|caller| caller.subject.as_deref()),
    );
    line.text("project", record.project.as_deref());
    line.text("issuer", caller.map(|caller| &*caller.issuer));
    let unknown_roles = caller.map_or(0, |caller| caller.unknown_roles);
    if unknown_roles > 0 {
        line.number("unknown_roles", Some(unknown_roles));
    }
    line.text("decision", record.decision.map(Decision::name));
    line.text("reason", Some(record.reason));
    line.texts("missing", &record.missing);
    line.ruling("reported", record.reported.as_deref());
    line.ruling("candidate", record.candidate.as_deref());
    line.number("status", record.status);
    line.number("bytes_received", Some(record.bytes_received));
    line.number("bytes_sent", Some(record.bytes_sent));
    line.number("upstream_us", record.upstream_time.map(microseconds));
    line.number("total_us", Some(microseconds(record.total_time)));
    if let Some(evidence) = &record.evidence {
        line.name("evidence");
        write_evidence(text, evidence);
    }
    text.push(b'}');
}

/// All of it or nothing: a part would be taken for the whole.
fn write_evidence(text: &mut Vec<u8>, evidence: &Evidence) {
    // An object of its own, since members know by what is there whether they are the first.
    let mut object = Vec::new();
    let mut line = Line(&mut object);
    if let Some(Excess { part, found, most }) = evidence.excess {
        let what = format_args!("too long: a {part} of {found} bytes, expected at most {most}");
        line.plain("absent", what);
    } else {
        let target = evidence.target.as_ref();
        line.text("target", target.map(PathAndQuery::as_str));
        if let Some(body) = &evidence.body {
            line.json("body", body);
        }
        if let Some(Circumstances { at, address }) = evidence.decided {
            line.number("at", Some(at));
            match address {
                Address::Known(address) => line.plain("address", address),
                Address::Absent => line.text("address", None),
                Address::Unclear => line.plain("address", "unclear"),
            }
        }
        if let Some(ClaimEvidence::Kept(claims)) = &evidence.claims {
            line.json("claims", claims);
        }
    }
    text.append(&mut object);
    text.push(b'}');
}

/// The members of an object so far.
struct Line<'a>(&'a mut Vec<u8>);

impl<'a> Line<'a> {
    fn begin(text: &'a mut Vec<u8>) -> Self {
        text.clear();
        Self(text)
    }

    fn name(&mut self, name: &str) {
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    /// A string that needs no escapes, whatever the client sends.
    fn plain(&mut self, name: &str, value: impl Display) {
        self.name(name);
        self.show(format_args!("\"{value}\""));
    }

    fn number(&mut self, name: &str, value: Option<impl Display>) {
        self.name(name);
        match value {
            Some(value) => self.show(value),
            None => self.null(),
        }
    }

    fn text(&mut self, name: &str, value: Option<&str>) {
        self.name(name);
        match value {
            Some(value) => self.string(value),
            None => self.null(),
        }
    }

    fn texts(&mut self, name: &str, values: &[String]) {
        self.name(name);
        self.0.push(b'[');
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.0.push(b',');
            }
            self.string(value);
        }
        self.0.push(b']');
    }

    /// An object of its own; no member where there is none.
    fn ruling(&mut self, name: &str, ruling: Option<&Ruling>) {
        let Some(ruling) = ruling else { return };
        self.name(name);
        let mut text = Vec::new();
        let mut line = Line(&mut text);
        line.text("decision", Some(ruling.decision.name()));
        line.text("reason", Some(ruling.reason));
        line.texts("missing", &ruling.missing);
        text.push(b'}');
        self.0.append(&mut text);
    }

    /// A value that is JSON already.
    fn json(&mut self, name: &str, value: &str) {
        self.name(name);
        self.0.extend_from_slice(value.as_bytes());
    }

    fn null(&mut self) {
        self.0.extend_from_slice(b"null");
    }

    fn string(&mut self, text: &str) {
        if needs_escapes(text) {
            // A `Vec` takes everything.
            let _ = serde_json::to_writer(&mut *self.0, text);
            return;
        }
        self.0.push(b'"');
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b'"');
    }

    fn show(&mut self, value: impl Display) {
        let _ = write!(self.0, "{value}");
    }
}

/// RFC 8259 §7. Looks at every byte without a branch, at several at a time.
fn needs_escapes(text: &str) -> bool {
    let found = text.bytes().fold(0, |found, byte| {
        found | u8::from(byte < b' ') | u8::from(byte == b'"') | u8::from(byte == b'\\')
    });
    found != 0
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

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn strings_are_escaped_as_json_wants_it(text: String, ascii in "[ -~\t\n]{0,40}") {
            for text in [text, ascii] {
                let mut written = Vec::new();
                Line(&mut written).string(&text);
                prop_assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(&text).unwrap());
            }
        }
    }
}
