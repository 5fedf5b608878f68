//! What the gateway tells about itself, on a listener of its own.

mod served;

use std::thread;
use std::time::Instant;

use serde_json::Value;

use crate::support::{
    Answer, Call, Claims, Gateway, ISSUER, Issuer, PATIENCE, PROJECT, Setup, Step, Upstream,
    default_key, metadata, token,
};

pub const ADMIN: &str = "[admin]\naddress = \"127.0.0.1:0\"\n";
const LIST: &str = "ecs:servers:listMetadata";
const LABEL: &str = "Querying ECS Metadata (Native OpenStack API)";

fn list() -> Call {
    Call::get(metadata()).bearer(&token(&[LIST]))
}

/// Asks until the answer is as wanted: a request is counted when its answer has been sent.
#[track_caller]
fn wait_for(gateway: &Gateway, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
    let started = Instant::now();
    loop {
        let answer = gateway.admin(&Call::get(path));
        if wanted(&answer) {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "{}", answer.text());
        thread::yield_now();
    }
}

/// Waits until the metrics have each of these lines.
#[track_caller]
pub fn wait_for_lines(gateway: &Gateway, lines: &[&str]) -> String {
    let has_all = |answer: &Answer| {
        let text = answer.text();
        lines
            .iter()
            .all(|line| text.lines().any(|found| found == *line))
    };
    wait_for(gateway, "/metrics", has_all).text().to_owned()
}

fn status(gateway: &Gateway) -> Value {
    let answer = gateway.admin(&Call::get("/status"));
    assert_eq!(answer.status, 200);
    answer.json()
}

#[test]
fn requests_are_counted_by_operation_decision_and_reason() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream).more(ADMIN).start();
    let (permitted, nothing) = (list(), token(&[]));
    assert_eq!(gateway.call(&permitted).status, 200);
    assert_eq!(gateway.call(&permitted).status, 200);
    let denied = Call::get(metadata()).bearer(&nothing);
    assert_eq!(gateway.call(&denied).status, 403);
    assert_eq!(gateway.call(&Call::get(metadata())).status, 401);
    assert_eq!(
        gateway.call(&Call::get("/nowhere").bearer(&nothing)).status,
        404
    );
    let operation = |decision, count| {
        format!(
            "actiongate_operation_requests_total{{operation=\"{LABEL}\",decision=\"{decision}\"}} {count}"
        )
    };
    let text = wait_for_lines(
        &gateway,
        &[
            &operation("permit", 2),
            &operation("deny", 1),
            &operation("reject", 0),
            "actiongate_requests_total{decision=\"permit\",reason=\"ok\"} 2",
            "actiongate_requests_total{decision=\"deny\",reason=\"action_missing\"} 1",
            "actiongate_requests_total{decision=\"reject\",reason=\"token_missing\"} 1",
            "actiongate_requests_total{decision=\"reject\",reason=\"route_unknown\"} 1",
            "actiongate_responses_total{class=\"2xx\"} 2",
            "actiongate_responses_total{class=\"4xx\"} 3",
            "actiongate_requests_begun_total 5",
            "actiongate_request_duration_seconds_count 5",
            "actiongate_own_duration_seconds_count 5",
            "actiongate_upstream_duration_seconds_count 2",
            "actiongate_token_cache_lookups_total{result=\"hit\"} 2",
            "actiongate_token_cache_lookups_total{result=\"miss\"} 2",
            "actiongate_ready 1.0",
            &format!("actiongate_issuer_keys{{issuer=\"{ISSUER}\"}} 1.0"),
            &format!(
                "actiongate_endpoint_up{{endpoint=\"{}\"}} 1.0",
                upstream.address()
            ),
            &format!(
                "actiongate_endpoint_requests_total{{endpoint=\"{}\"}} 2",
                upstream.address()
            ),
            "actiongate_build_info{version=\"0.1.0\"} 1.0",
            "# TYPE actiongate_requests_total counter",
        ],
    );
    assert!(!text.contains(&metadata()), "{text}");
}

#[test]
fn both_forms_are_written() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream).more(ADMIN).start();
    let plain = gateway.admin(&Call::get("/metrics"));
    let content_type = plain.headers.get("content-type").unwrap();
    assert_eq!(content_type, "text/plain; version=0.0.4; charset=utf-8");
    assert!(!plain.text().contains("# EOF"));
    let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
    let open = gateway.admin(&Call::get("/metrics").header(accept));
    let content_type = open.headers.get("content-type").unwrap();
    assert_eq!(
        content_type,
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(open.text().contains("# TYPE actiongate_requests counter\n"));
    assert!(open.text().ends_with("# EOF\n"));
    // Without the last bucket, which both forms demand, Prometheus computes no quantile.
    for text in [plain.text(), open.text()] {
        let last = "actiongate_request_duration_seconds_bucket{le=";
        let last = text.lines().rfind(|line| line.starts_with(last));
        let expected = "actiongate_request_duration_seconds_bucket{le=\"+Inf\"} 0";
        assert_eq!(last, Some(expected));
        assert_eq!(text.matches("le=\"+Inf\"").count(), 3);
        assert!(!text.contains("e+308"));
    }
}

#[test]
fn counts_outlive_a_reload() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream).more(ADMIN).start();
    assert_eq!(gateway.call(&list()).status, 200);
    let before = status(&gateway)["config"]["digest"].clone();
    gateway.write_config(&format!("{}# changed\n", gateway.config()));
    gateway.reload().unwrap();
    assert_eq!(gateway.call(&list()).status, 200);
    let line = format!(
        "actiongate_operation_requests_total{{operation=\"{LABEL}\",decision=\"permit\"}} 2"
    );
    wait_for_lines(
        &gateway,
        &[
            &line,
            "actiongate_reloads_total{result=\"done\"} 1",
            "actiongate_config_last_reload_successful 1.0",
        ],
    );
    let config = status(&gateway)["config"].clone();
    assert_ne!(config["digest"], before);
    assert_eq!(
        (&config["reloads"], &config["failed_reloads"]),
        (&1.into(), &0.into())
    );
    gateway.write_config("nonsense");
    gateway.reload().unwrap_err();
    wait_for_lines(
        &gateway,
        &[
            "actiongate_reloads_total{result=\"failed\"} 1",
            "actiongate_config_last_reload_successful 0.0",
        ],
    );
    let failed = status(&gateway)["config"].clone();
    assert_eq!(failed["digest"], config["digest"]);
    let error = failed["last_error"].as_str().unwrap();
    assert!(error.starts_with("the config cannot be used:\n"), "{error}");
}

#[test]
fn the_status_tells_everything_but_tokens() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream).more(ADMIN).start();
    assert_eq!(gateway.call(&list()).status, 200);
    let denied = Call::get(metadata()).bearer(&token(&[]));
    let answer = gateway.call(&denied);
    let ended = |answer: &Answer| answer.json()["refusals"][0].is_object();
    let text = wait_for(&gateway, "/status", ended).text().to_owned();
    let status: Value = serde_json::from_str(&text).unwrap();
    let refusal = &status["refusals"][0];
    assert_eq!(refusal["request_id"], answer.request_id());
    assert_eq!(refusal["method"], "GET");
    assert_eq!(
        refusal["route"],
        "/v2.1/{project_id}/servers/{server_id}/metadata"
    );
    assert_eq!(refusal["operation"], LABEL);
    assert_eq!(refusal["issuer"], ISSUER);
    assert_eq!(refusal["status"], 403);
    assert_eq!(refusal["reason"], "action_missing");
    assert_eq!(refusal["missing"], serde_json::json!([LIST]));
    let operations = status["operations"].as_array().unwrap();
    let operation = operations
        .iter()
        .find(|operation| operation["permission"] == LABEL);
    let operation = operation.unwrap();
    assert_eq!(operation["actions"], serde_json::json!([LIST]));
    assert_eq!(
        (&operation["permitted"], &operation["denied"]),
        (&1.into(), &1.into())
    );
    let issuer = &status["issuers"][0];
    assert_eq!(
        (&issuer["name"], &issuer["kind"]),
        (&ISSUER.into(), &"jwt".into())
    );
    assert_eq!(issuer["state"], "ok");
    assert_eq!(issuer["keys"].as_array().unwrap().len(), 1);
    assert_eq!(status["endpoints"][0]["state"], "up");
    assert_eq!(status["ready"], true);
    for call in [token(&[]), token(&[LIST])] {
        let signature = call.rsplit('.').next().unwrap();
        assert!(!text.contains(signature), "{text}");
    }
}

#[test]
fn subjects_are_shown_as_configured() {
    let upstream = Upstream::start();
    for (choice, expected) in [
        ("full", Some("user-1")),
        ("short", Some("user…")),
        ("off", None),
    ] {
        let admin = format!("{ADMIN}subjects = \"{choice}\"\n");
        let gateway = Setup::new(&upstream).more(&admin).start();
        let claims = Claims::new(PROJECT, &[]).set("sub", "user-1");
        let denied = Call::get(metadata()).bearer(&claims.sign(default_key()));
        assert_eq!(gateway.call(&denied).status, 403);
        let ended = |answer: &Answer| answer.json()["refusals"][0].is_object();
        let status = wait_for(&gateway, "/status", ended).json();
        assert_eq!(
            status["refusals"][0]["subject"].as_str(),
            expected,
            "{choice}"
        );
    }
}

#[test]
fn it_is_ready_once_there_are_keys_and_until_it_stops() {
    let upstream = Upstream::start();
    let issuer = Issuer::start(&[]);
    issuer.answer_with("503 Service Unavailable", "");
    let mut gateway = Setup::new(&upstream)
        .issuer(&issuer, "cooldown = \"1ms\"\nrefresh = \"10ms\"")
        .listen("stop_delay = \"5s\"")
        .more(ADMIN)
        .start();
    let ready = Call::get("/ready");
    let answer = gateway.admin(&ready);
    assert_eq!(answer.status, 503);
    let missing = format!("{{\"missing\":[\"the keys of {ISSUER}\"],\"ready\":false}}\n");
    assert_eq!(answer.text(), missing);
    assert_eq!(gateway.admin(&Call::get("/live")).status, 200);
    issuer.serve(&[default_key()]);
    let answer = wait_for(&gateway, "/ready", |answer| answer.status == 200);
    assert_eq!(answer.text(), "{\"missing\":[],\"ready\":true}\n");
    gateway.begin_stop();
    let answer = wait_for(&gateway, "/ready", |answer| answer.status == 503);
    assert_eq!(
        answer.text(),
        "{\"missing\":[\"it is stopping\"],\"ready\":false}\n"
    );
    // Load balancers are to hear of it while requests are still answered.
    assert_eq!(gateway.call(&list()).status, 200);
    assert_eq!(gateway.admin(&Call::get("/live")).status, 200);
}

#[test]
fn a_retry_and_an_ejection_are_counted() {
    let upstream = Upstream::start();
    let gateway = Setup::new(&upstream)
        .upstream("eject_after = 1")
        .more(ADMIN)
        .start();
    upstream.next(vec![Step::Close]);
    assert_eq!(gateway.call(&list()).status, 502);
    let endpoint = |name: &str, value: &str| {
        format!(
            "actiongate_endpoint_{name}{{endpoint=\"{}\"}} {value}",
            upstream.address()
        )
    };
    wait_for_lines(
        &gateway,
        &[
            &endpoint("ejections_total", "1"),
            &endpoint("failures_total", "1"),
            &endpoint("up", "0.0"),
            "actiongate_requests_total{decision=\"permit\",reason=\"upstream_unanswered\"} 1",
        ],
    );
}
