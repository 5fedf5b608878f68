//! The Authorization API 1.0 of `AuthZEN`.

use serde_json::{Value, json};

use super::{LIST, START, address, ask, facts, last_line, section, start};
use crate::support::{
    Answer, Call, Claims, Gateway, ISSUER, Key, OTHER_PROJECT, PROJECT, Setup, Upstream,
    default_key, metadata, token,
};

fn post(gateway: &Gateway, path: &str, message: &Value) -> Answer {
    let call = Call::post(path, message.to_string());
    ask(gateway, &call.header("Content-Type: application/json"))
}

fn asked(gateway: &Gateway, path: &str, message: &Value) -> Value {
    let answer = post(gateway, path, message);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.headers.get("content-type"), Some("application/json"));
    answer.json()
}

fn evaluate(gateway: &Gateway, message: &Value) -> Value {
    asked(gateway, "/access/v1/evaluation", message)
}

/// Whether alice, with these rights, may do this.
fn evaluation(method: &str, path: &str, actions: &[&str]) -> Value {
    json!({
        "subject": {"type": "user", "id": "alice", "properties": {"token": token(actions)}},
        "action": {"name": method},
        "resource": {"type": "path", "id": path},
    })
}

#[test]
fn an_evaluation_is_the_gateways_decision() {
    let gateway = start("authzen");
    let answer = evaluate(&gateway, &evaluation("GET", &metadata(), &[LIST]));
    assert_eq!(answer["decision"], true);
    let denied = evaluation("PUT", &metadata(), &[LIST]);
    let answer = evaluate(&gateway, &denied);
    let id = answer["context"]["request_id"].as_str().unwrap();
    let missing = ["ecs:servers:setMetadata", "ecs:servers:get"];
    let expected = json!({"decision": false, "context": {
        "reason": "action_missing", "status": 403, "missing": missing, "request_id": id,
        "message": "Policy doesn't allow ecs:servers:setMetadata, ecs:servers:get to be performed.",
    }});
    assert_eq!(answer, expected);
    let id = id.to_owned();
    let line = last_line(gateway);
    assert_eq!(
        facts(&line),
        json!(["authzen", "PUT", "deny", "action_missing", 403])
    );
    assert_eq!(line["request_id"], id);
}

#[test]
fn what_decides_can_be_told() {
    let gateway = start("authzen");
    let reason = |message: &Value| evaluate(&gateway, message)["context"]["reason"].clone();
    let with = |pointer: &str, value: Value| {
        let mut message = evaluation("GET", &metadata(), &[LIST]);
        let (path, name) = pointer.rsplit_once('/').unwrap();
        message.pointer_mut(path).unwrap()[name] = value;
        message
    };
    for (message, expected) in [
        (with("/subject/id", json!("bob")), json!("subject_mismatch")),
        (
            with("/subject/properties", json!({})),
            json!("token_missing"),
        ),
        (
            with("/subject/properties/token", json!("x")),
            json!("token_malformed"),
        ),
        (
            with("/resource/id", json!("/v2.1//x")),
            json!("path_invalid"),
        ),
        (
            with("/resource/id", json!("/nowhere")),
            json!("route_unknown"),
        ),
        (
            with("/action/name", json!("PATCH")),
            json!("method_not_allowed"),
        ),
        (
            with("/context", json!({"address": "10.1.2.3"})),
            Value::Null,
        ),
    ] {
        assert_eq!(reason(&message), expected, "{message}");
    }
    let action = format!("/v2.1/{PROJECT}/servers/s1/action");
    let mut message = evaluation("POST", &action, &[START]);
    assert_eq!(reason(&message), "body_not_forwarded");
    message["action"]["properties"] = json!({"body": {"os-start": null}});
    assert_eq!(evaluate(&gateway, &message)["decision"], true);
    message["action"]["properties"] = json!({"body": {"os-stop": null}});
    assert_eq!(reason(&message), "action_missing");
}

#[test]
fn a_message_that_is_no_evaluation_is_refused_as_a_whole() {
    let gateway = start("authzen");
    let whole = evaluation("GET", &metadata(), &[LIST]);
    let mut cases = Vec::new();
    for (part, name) in [
        ("subject", "`subject`"),
        ("action", "`action`"),
        ("resource", "`resource`"),
    ] {
        let mut message = whole.clone();
        message.as_object_mut().unwrap().remove(part);
        cases.push((message, format!("the question has no {name}")));
    }
    let mut message = whole.clone();
    message["resource"]["type"] = json!("document");
    let text = "the question's `resource.type`, which is not `path` cannot be read";
    cases.push((message, text.to_owned()));
    let mut message = whole.clone();
    message["context"] = json!({"address": "here"});
    cases.push((
        message,
        "the question's `context.address` cannot be read".to_owned(),
    ));
    let mut message = whole.clone();
    message["subject"]["properties"]["claims"] = json!({});
    cases.push((
        message,
        "the question has more than one credential".to_owned(),
    ));
    for (message, expected) in cases {
        let answer = post(&gateway, "/access/v1/evaluation", &message);
        assert_eq!((answer.status, answer.json()), (400, json!(expected)));
    }
    let json = "Content-Type: application/json";
    for (call, status) in [
        (
            Call::post("/access/v1/evaluation", "{\"a\": 1, \"a\": 2}").header(json),
            400,
        ),
        (Call::post("/access/v1/evaluation", "[]").header(json), 400),
        (Call::post("/access/v1/evaluation", whole.to_string()), 400),
        (
            Call::post("/access/v1/evaluation", " ".repeat(300_000)).header(json),
            400,
        ),
        (Call::get("/access/v1/evaluation"), 405),
        (
            Call::post("/access/v1/search/subject", "{}").header(json),
            404,
        ),
        (Call::get(metadata()).bearer(&token(&[LIST])), 404),
    ] {
        let answer = ask(&gateway, &call.header("X-Request-ID: r1"));
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.json().is_string());
        assert_eq!(answer.headers.get("x-request-id"), Some("r1"));
    }
}

#[test]
fn several_evaluations_share_what_they_do_not_say() {
    let gateway = start("authzen");
    let mut message = evaluation("GET", &metadata(), &[LIST]);
    let action = |name: &str| json!({"action": {"name": name}});
    message["evaluations"] = json!([action("GET"), action("PUT"), {}, 1, action("GET")]);
    let decisions = |message: &Value| {
        let answer = asked(&gateway, "/access/v1/evaluations", message);
        let answers = answer["evaluations"].as_array().unwrap().clone();
        answers
            .iter()
            .map(|one| one["decision"].as_bool().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(decisions(&message), [true, false, true, false, true]);
    for (semantic, expected) in [
        ("execute_all", &[true, false, true, false, true][..]),
        ("deny_on_first_deny", &[true, false]),
        ("permit_on_first_permit", &[true]),
    ] {
        message["options"] = json!({"evaluations_semantic": semantic});
        assert_eq!(decisions(&message), expected);
    }
    message["options"] = json!({"evaluations_semantic": "any"});
    assert_eq!(
        post(&gateway, "/access/v1/evaluations", &message).status,
        400
    );
    // Without any it is a single one.
    let single = asked(
        &gateway,
        "/access/v1/evaluations",
        &evaluation("GET", &metadata(), &[LIST]),
    );
    assert_eq!(single["decision"], true);
    message["options"] = json!({});
    message["evaluations"] = vec![json!({}); 1001].into();
    assert_eq!(
        post(&gateway, "/access/v1/evaluations", &message).status,
        400
    );
}

#[test]
fn claims_are_believed_only_where_the_config_says_so() {
    let message = |claims: Value| {
        let properties = json!({"claims": claims, "issuer": ISSUER});
        let mut message = evaluation("GET", &metadata(), &[]);
        message["subject"]["properties"] = properties;
        message
    };
    let good = json!({"sub": "alice", "project_id": PROJECT, "actions": [LIST]});
    let gateway = start("authzen");
    let answer = evaluate(&gateway, &message(good.clone()));
    assert_eq!(answer["context"]["reason"], "claims_unwanted");
    let upstream = Upstream::start();
    let believing = section("authzen", "believe_claims = true");
    let gateway = Setup::new(&upstream).more(&believing).start();
    assert_eq!(evaluate(&gateway, &message(good.clone()))["decision"], true);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        evaluate(&gateway, &message(claims))["context"]["reason"].clone()
    };
    assert_eq!(with("actions", json!([])), "action_missing");
    assert_eq!(with("project_id", json!(OTHER_PROJECT)), "project_mismatch");
    assert_eq!(with("sub", json!("bob")), "subject_mismatch");
    assert_eq!(with("exp", json!(1)), "token_expired");
    assert_eq!(with("actions", json!([1])), "claims_invalid");
    let mut foreign = message(good);
    foreign["subject"]["properties"]["issuer"] = json!("https://other.test");
    assert_eq!(
        post(&gateway, "/access/v1/evaluation", &foreign).status,
        400
    );
}

#[test]
fn actions_are_found() {
    let gateway = start("authzen");
    let search = |kind: &str, id: &str, actions: &[&str]| {
        let mut message = evaluation("", id, actions);
        message.as_object_mut().unwrap().remove("action");
        message["resource"]["type"] = json!(kind);
        asked(&gateway, "/access/v1/search/action", &message)
    };
    let names = |found: &Value| {
        let results = found["results"].as_array().unwrap().iter();
        let names = results.map(|found| found["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<String>>()
    };
    let set = "ecs:servers:setMetadata";
    assert_eq!(names(&search("path", &metadata(), &[LIST])), ["GET"]);
    assert_eq!(
        names(&search("path", &metadata(), &[LIST, set])),
        ["GET", "POST"]
    );
    assert_eq!(names(&search("path", &metadata(), &[])), [""; 0]);
    let foreign = metadata().replace(PROJECT, OTHER_PROJECT);
    assert_eq!(names(&search("path", &foreign, &[LIST])), [""; 0]);
    let odd = search("path", "/v2.1//x", &[LIST]);
    assert_eq!(
        (names(&odd), &odd["context"]["reason"]),
        (vec![], &json!("path_invalid"))
    );
    let found = search("table", "ecs", &[LIST]);
    let label = "Querying ECS Metadata (Native OpenStack API)";
    let reached = found["results"].as_array().unwrap().iter();
    let mut reached = reached.filter(|found| found["name"] == label);
    assert_eq!(reached.next().unwrap()["properties"]["requests"], "every");
    assert!(!names(&found).contains(&"Configuring ECS Metadata (Native OpenStack API)".to_owned()));
    let strange = post(
        &gateway,
        "/access/v1/search/action",
        &evaluation("", "x", &[]),
    );
    assert_eq!(strange.status, 200);
    // Nobody that is known.
    let mut message = evaluation("", &metadata(), &[]);
    let other = Key::es256("k1");
    message["subject"]["properties"]["token"] = json!(Claims::new(PROJECT, &[LIST]).sign(&other));
    let found = asked(&gateway, "/access/v1/search/action", &message);
    assert_eq!(found["context"]["reason"], "token_signature");
    message["subject"]["properties"]["token"] =
        json!(Claims::new(PROJECT, &[LIST]).sign(default_key()));
    message["subject"]["id"] = json!("bob");
    let found = asked(&gateway, "/access/v1/search/action", &message);
    assert_eq!(
        (names(&found), &found["context"]["reason"]),
        (vec![], &json!("subject_mismatch"))
    );
}

#[test]
fn it_says_where_everything_is() {
    let gateway = start("authzen");
    let answer = ask(&gateway, &Call::get("/.well-known/authzen-configuration"));
    let base = "http://api.test";
    let expected = json!({
        "policy_decision_point": base,
        "access_evaluation_endpoint": format!("{base}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{base}/access/v1/evaluations"),
        "search_action_endpoint": format!("{base}/access/v1/search/action"),
    });
    assert_eq!((answer.status, answer.json()), (200, expected));
    assert_ne!(address(&gateway), gateway.address());
}
