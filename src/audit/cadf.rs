//! Events of CADF 1.0 (DMTF DSP0262), as keystonemiddleware's `audit` writes them.
//!
//! The request's path is the route's template: the record has no other. What CADF has no place for is in
//! an attachment, as a line of the gateway's own format has it.

use hyper::Method;
use serde_json::{Map, Value, json};

use super::{Decision, Record, line};

/// Of everything that this version of the standard names.
const URI: &str = "http://schemas.dmtf.org/cloud/audit/1.0/";

/// Writes `record` as an object of JSON, without a line's end.
pub fn write(text: &mut Vec<u8>, record: &Record) {
    let mut own = Vec::new();
    line::write(&mut own, record);
    text.clear();
    // A `Vec` takes everything.
    let _ = serde_json::to_writer(&mut *text, &event(record));
    // Its last member is put in as it is: it is JSON already.
    text.pop();
    text.extend_from_slice(
        b",\"attachments\":[{\"name\":\"actiongate\",\"typeURI\":\"application/json\",\"content\":",
    );
    text.extend_from_slice(&own);
    text.extend_from_slice(b"}]}");
}

fn event(record: &Record) -> Value {
    let caller = record.caller.as_deref();
    let unknown = || "unknown".to_owned();
    let subject = caller.and_then(|caller| caller.subject.clone());
    let route = record.route.as_deref();
    let mut initiator = Map::new();
    initiator.insert("typeURI".to_owned(), json!("service/security/account/user"));
    initiator.insert(
        "id".to_owned(),
        json!(subject.clone().unwrap_or_else(unknown)),
    );
    initiator.insert("name".to_owned(), json!(subject.unwrap_or_else(unknown)));
    initiator.insert(
        "host".to_owned(),
        json!({"address": record.peer.to_string()}),
    );
    if let Some(project) = &record.project {
        initiator.insert("project_id".to_owned(), json!(project));
    }
    if let Some(caller) = caller {
        initiator.insert("domain".to_owned(), json!(&*caller.issuer));
    }
    let mut event = Map::new();
    let mut put = |name: &str, value: Value| event.insert(name.to_owned(), value);
    put("typeURI", json!(format!("{URI}event")));
    put("eventType", json!("activity"));
    put("id", json!(record.request_id.to_string()));
    put(
        "eventTime",
        json!(humantime::format_rfc3339_micros(record.time).to_string()),
    );
    put("action", json!(action(record.method.as_ref(), route)));
    put("outcome", json!(outcome(record)));
    put("initiator", Value::Object(initiator));
    put(
        "target",
        json!({"id": "nova", "name": "nova", "typeURI": target(route)}),
    );
    put(
        "observer",
        json!({"id": "actiongate", "name": "actiongate", "typeURI": "service/security/api"}),
    );
    if let Some(route) = route {
        put("requestPath", json!(route));
    }
    if let Some(status) = record.status {
        let reason = json!({
            "reasonType": "HTTP",
            "reasonCode": status.to_string(),
            "policyType": "actiongate",
            "policyId": record.reason,
        });
        put("reason", reason);
    }
    Value::Object(event)
}

/// A reading of a list, of one resource, or a change (keystonemiddleware, `_get_action`).
fn action(method: Option<&Method>, route: Option<&str>) -> &'static str {
    let last = route.and_then(|route| route.rsplit('/').next());
    match method {
        Some(&Method::GET) if last.is_some_and(|last| !last.starts_with('{')) => "read/list",
        Some(&Method::GET | &Method::HEAD) => "read",
        Some(&Method::POST) if last == Some("action") => "update",
        Some(&Method::POST) => "create",
        Some(&Method::PUT | &Method::PATCH) => "update",
        Some(&Method::DELETE) => "delete",
        _ => "unknown",
    }
}

fn outcome(record: &Record) -> &'static str {
    match (record.decision, record.status) {
        (Some(Decision::Permit), Some(..400)) => "success",
        (None, _) | (_, None) => "unknown",
        _ => "failure",
    }
}

/// The kinds of resources in a route, as in `service/compute/servers/metadata`.
fn target(route: Option<&str>) -> String {
    let mut target = "service/compute".to_owned();
    let segments = route.into_iter().flat_map(|route| route.split('/'));
    // The version stands first.
    for kind in segments.filter(|segment| !segment.is_empty()).skip(1) {
        if !kind.starts_with('{') {
            target.push('/');
            target.push_str(kind);
        }
    }
    target
}
