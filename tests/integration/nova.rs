//! What Nova was seen to make of odd requests, held against what the gateway makes of each: nothing
//! reaches the upstream but what was authorized.
//!
//! `nova/rows.txt` has the rows and says how to read them.

mod instance;
mod project;
mod row;
mod version;

use row::{Expected, Row};

use crate::support::{Gateway, Setup, Upstream};

/// All that the upstream may be sent: the gateway's own, and what says neither who is calling nor
/// which method or path is meant.
const HEADERS: [&str; 14] = [
    "accept",
    "authorization",
    "content-length",
    "content-type",
    "forwarded",
    "host",
    "if-match",
    "openstack-api-version",
    "x-auth-token",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-openstack-nova-api-version",
    "x-openstack-request-id",
];

#[test]
fn the_upstream_runs_what_was_authorized() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let rows = row::rows();
    let mut failures = Vec::new();
    for row in &rows {
        let before = upstream.count();
        let checked = answer(row, &gateway).and_then(|()| saw(row, &upstream, before));
        failures.extend(
            checked
                .err()
                .map(|failure| format!("{}: {failure}", row.name)),
        );
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    let audit = gateway.into_audit();
    assert_eq!(audit.len(), rows.len());
    for (line, row) in audit.iter().zip(&rows) {
        let name = &row.name;
        match &row.expected {
            Expected::Forwarded { operation, .. } => {
                assert_eq!(line["reason"], "ok", "{name}");
                assert_eq!(line["operation"], *operation, "{name}");
            }
            Expected::Refused(_, reason) => assert_eq!(line["reason"], **reason, "{name}"),
            Expected::Unreadable => assert_eq!(line["reason"], "request_unreadable", "{name}"),
        }
    }
    let forwarded = rows.iter().filter(|row| row.is_forwarded()).count();
    assert_eq!(upstream.count(), forwarded);
}

/// Sends a row on a connection of its own.
fn answer(row: &Row, gateway: &Gateway) -> Result<(), String> {
    let mut client = gateway.connect();
    client.send(&row.bytes);
    let answer = client.answer_to(&row.method);
    let expected = match &row.expected {
        Expected::Forwarded { .. } => (200, "(none)"),
        Expected::Refused(status, reason) => (*status, reason.as_str()),
        Expected::Unreadable => (400, "(none)"),
    };
    match (answer.status, answer.reason()) {
        found if found == expected => Ok(()),
        found => Err(format!("expected {expected:?}, found {found:?}")),
    }
}

/// Holds what the upstream was sent against the row: nothing, or exactly what was asked for, the body
/// with its length.
fn saw(row: &Row, upstream: &Upstream, before: usize) -> Result<(), String> {
    let seen = upstream.requests().split_off(before);
    let Expected::Forwarded { line, .. } = &row.expected else {
        return match seen.first() {
            Some(seen) => Err(format!("the upstream saw `{}`", seen.line)),
            None => Ok(()),
        };
    };
    let [seen] = seen.as_slice() else {
        return Err(format!("the upstream saw {} requests", seen.len()));
    };
    if &seen.line != line {
        return Err(format!(
            "expected `{line}`, the upstream saw `{}`",
            seen.line
        ));
    }
    let length = seen.headers.get("content-length");
    let length = length.map(|length| length.parse::<usize>().unwrap());
    let body = row.body.as_deref().unwrap_or_default();
    if seen.raw_body != body || length.unwrap_or_default() != body.len() {
        return Err(format!("the upstream saw a body of {length:?} bytes"));
    }
    if row.method != "GET" && row.method != "DELETE" && length.is_none() {
        return Err("the upstream saw a body without a length".to_owned());
    }
    let names = seen.headers.names();
    match names.iter().find(|name| !HEADERS.contains(name)) {
        Some(other) => Err(format!("the upstream saw a header `{other}`")),
        None => Ok(()),
    }
}

/// Another kind of server takes the version for what it is.
#[test]
fn a_generic_upstream_is_sent_versions_of_media_types() {
    let upstream = Upstream::start();
    let gateway = Setup::generic(&upstream).start();
    let names = ["version in Accept", "version in Content-Type"];
    let rows = row::rows().into_iter();
    let mut sent = 0;
    for row in rows.filter(|row| names.contains(&row.name.as_str())) {
        let mut client = gateway.connect();
        client.send(&row.bytes);
        assert_eq!(client.answer().status, 200, "{}", row.name);
        sent += 1;
    }
    assert_eq!((sent, upstream.count()), (2, 2));
    let seen = upstream.requests();
    let value = "application/json;version=2.1/x";
    assert_eq!(seen[0].headers.get("accept"), Some(value));
    assert_eq!(seen[1].headers.get("content-type"), Some(value));
}
