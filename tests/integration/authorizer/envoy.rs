//! Envoy's questions over HTTP: the question's own line and headers are the original ones.

use serde_json::json;

use super::{LIST, START, ask, facts, last_line, start};
use crate::support::{Call, PROJECT, metadata, token};

const PARTIAL: &str = "X-Envoy-Auth-Partial-Body";

#[test]
fn the_question_is_the_request() {
    let gateway = start("envoy-http");
    let list = || Call::get(metadata()).bearer(&token(&[LIST]));
    assert_eq!(ask(&gateway, &list()).status, 200);
    // What others set counts for nothing.
    for line in [
        "X-Forwarded-Method: PUT",
        "X-Original-Method: PUT",
        "X-Original-URI: /v9",
        "X-Forwarded-Uri: /v9",
        "X-Forwarded-Host: other.test",
    ] {
        assert_eq!(ask(&gateway, &list().header(line)).status, 200, "{line}");
    }
    let put = Call::new("PUT", metadata()).bearer(&token(&[LIST]));
    let forged = put
        .header("X-Forwarded-Method: GET")
        .header("X-Original-Method: GET");
    ask(&gateway, &forged).refusal(403, "action_missing", "forbidden");
    let odd = Call::get(format!("{}/%2e%2e", metadata())).bearer(&token(&[LIST]));
    ask(&gateway, &odd).refusal(400, "path_invalid", "badRequest");
    let unknown = Call::get("/v9").bearer(&token(&[LIST]));
    ask(&gateway, &unknown).refusal(404, "route_unknown", "itemNotFound");
    let line = last_line(gateway);
    let expected = json!(["envoy-http", "GET", "reject", "route_unknown", 404]);
    assert_eq!(facts(&line), expected);
}

#[test]
fn without_a_clear_address_the_client_is_nowhere() {
    let gateway = start("envoy-http");
    let call = Call::get(metadata()).bearer(&token(&[LIST]));
    let answer = ask(&gateway, &call.header("X-Forwarded-For: 192.0.2.1"));
    assert_eq!(answer.status, 200);
    assert_eq!(last_line(gateway)["peer"], "127.0.0.1");
}

#[test]
fn envoy_says_whether_the_body_is_whole() {
    let gateway = start("envoy-http");
    let path = format!("/v2.1/{PROJECT}/servers/s1/action");
    let call = |body: &str| {
        let call = Call::post(path.clone(), body).bearer(&token(&[START]));
        call.header("Content-Type: application/json")
    };
    let start = "{\"os-start\": null}";
    let cases = [
        (call(start), "body_not_forwarded"),
        (
            call(start).header(format!("{PARTIAL}: true")),
            "body_partial",
        ),
        (
            call(start).header(format!("{PARTIAL}: maybe")),
            "question_unreadable",
        ),
        (
            call(start)
                .header(format!("{PARTIAL}: false"))
                .header(format!("{PARTIAL}: false")),
            "question_ambiguous",
        ),
        (
            call("{\"os-stop\": null}").header(format!("{PARTIAL}: false")),
            "action_missing",
        ),
        (
            call(&format!("{start}{}", " ".repeat(70_000))).header(format!("{PARTIAL}: false")),
            "body_partial",
        ),
    ];
    for (call, reason) in cases {
        ask(&gateway, &call).refusal(403, reason, "forbidden");
    }
    let whole = call(start).header(format!("{PARTIAL}: false"));
    assert_eq!(ask(&gateway, &whole).status, 200);
    // A body that decides nothing need not be whole.
    let upload = Call::new("PUT", metadata())
        .body("{\"metadata\":")
        .header("Content-Type: application/json")
        .header(format!("{PARTIAL}: true"))
        .bearer(&token(&["ecs:servers:setMetadata", "ecs:servers:get"]));
    assert_eq!(ask(&gateway, &upload).status, 200);
}

/// A client can send the message that Envoy would send over gRPC; here it is one more request.
#[test]
fn a_message_for_grpc_is_no_question_here() {
    let gateway = start("envoy-http");
    let call = Call::post("/envoy.service.auth.v3.Authorization/Check", "x")
        .header("Content-Type: application/grpc")
        .bearer(&token(&["ecs:*:*"]));
    ask(&gateway, &call).refusal(404, "route_unknown", "itemNotFound");
}
