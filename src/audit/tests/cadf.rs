//! Events of CADF; `tests/e2e/cadf` has `pycadf` read them.

use serde_json::{Value, json};

use super::super::cadf;
use super::*;

fn event(record: &Record) -> Value {
    let mut text = Vec::new();
    cadf::write(&mut text, record);
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn an_event_has_what_the_standard_wants() {
    let mut event = event(&record());
    let attachments = event
        .as_object_mut()
        .unwrap()
        .remove("attachments")
        .unwrap();
    assert_eq!(attachments[0]["content"]["reason"], "action_missing");
    let expected = json!({
        "typeURI": "http://schemas.dmtf.org/cloud/audit/1.0/event",
        "eventType": "activity",
        "id": "00000000-0000-0000-0000-000000000001",
        "eventTime": "2023-11-14T22:13:20.000001Z",
        "action": "update",
        "outcome": "failure",
        "initiator": {
            "typeURI": "service/security/account/user",
            "id": "alice",
            "name": "alice",
            "host": {"address": "127.0.0.1"},
            "project_id": "p",
            "domain": "iss",
        },
        "target": {"id": "nova", "name": "nova", "typeURI": "service/compute"},
        "observer": {"id": "actiongate", "name": "actiongate", "typeURI": "service/security/api"},
        "requestPath": "/v2/{project_id}",
        "reason": {
            "reasonType": "HTTP",
            "reasonCode": "403",
            "policyType": "actiongate",
            "policyId": "action_missing",
        },
    });
    assert_eq!(event, expected);
}

#[test]
fn actions_targets_and_outcomes_are_those_of_the_request() {
    let of = |method: Method, route: &str| {
        let event = event(&Record {
            method: Some(method),
            route: Some(route.into()),
            ..record()
        });
        let text = |name: &Value| name.as_str().unwrap().to_owned();
        (text(&event["action"]), text(&event["target"]["typeURI"]))
    };
    for (method, route, action, target) in [
        (
            Method::GET,
            "/v2.1/{p}/servers",
            "read/list",
            "service/compute/servers",
        ),
        (
            Method::GET,
            "/v2.1/{p}/servers/{s}",
            "read",
            "service/compute/servers",
        ),
        (
            Method::POST,
            "/v2.1/{p}/servers",
            "create",
            "service/compute/servers",
        ),
        (
            Method::POST,
            "/v2.1/{p}/servers/{s}/action",
            "update",
            "service/compute/servers/action",
        ),
        (
            Method::PUT,
            "/v2.1/{p}/servers/{s}/metadata",
            "update",
            "service/compute/servers/metadata",
        ),
        (
            Method::DELETE,
            "/v2.1/{p}/servers/{s}",
            "delete",
            "service/compute/servers",
        ),
        (
            Method::HEAD,
            "/v2.1/{p}/servers",
            "read",
            "service/compute/servers",
        ),
        (Method::OPTIONS, "/", "unknown", "service/compute"),
    ] {
        let expected = (action.to_owned(), target.to_owned());
        assert_eq!(of(method.clone(), route), expected, "{method} {route}");
    }
    for (decision, status, outcome) in [
        (Some(Decision::Permit), Some(200), "success"),
        (Some(Decision::Permit), Some(404), "failure"),
        (Some(Decision::Deny), Some(403), "failure"),
        (Some(Decision::Reject), Some(401), "failure"),
        (Some(Decision::Permit), None, "unknown"),
        (None, None, "unknown"),
    ] {
        let record = Record {
            decision,
            status,
            ..record()
        };
        assert_eq!(
            event(&record)["outcome"],
            outcome,
            "{decision:?} {status:?}"
        );
    }
}

#[test]
fn what_is_not_known_is_left_out() {
    let record = Record {
        caller: None,
        project: None,
        method: None,
        route: None,
        status: None,
        decision: None,
        ..record()
    };
    let event = event(&record);
    assert_eq!(event["initiator"]["id"], "unknown");
    assert_eq!(event["action"], "unknown");
    for name in ["requestPath", "reason"] {
        assert_eq!(event[name], Value::Null);
    }
}
