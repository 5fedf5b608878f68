//! Listeners of the decision API from their start to their end.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Instant;

use serde_json::json;

use super::{LIST, START, address, ask, section, start, start_with};
use crate::support::{Call, Client, Issuer, PATIENCE, PROJECT, Setup, Upstream, metadata, token};

fn question(method: &str) -> Call {
    Call::get("/")
        .header(format!("X-Original-Method: {method}"))
        .header(format!("X-Original-URI: {}", metadata()))
        .bearer(&token(&[LIST]))
}

/// Traefik's, of a request to start a server with a body of this length.
fn started_with(length: usize) -> Call {
    let action = format!("/v2.1/{PROJECT}/servers/s1/action");
    Call::get("/")
        .header("X-Forwarded-Method: POST")
        .header(format!("X-Forwarded-Uri: {action}"))
        .header("X-Forwarded-Host: api.test")
        .header("Content-Type: application/json")
        .header(format!("Content-Length: {length}"))
        .bearer(&token(&[START]))
}

#[test]
fn after_a_reload_the_new_rules_decide() {
    let upstream = Upstream::start();
    let other = "[[operation]]\npermission = 'v'\nroutes = ['GET /v9']\naccess = 'public'\n";
    let setup = Setup::new(&upstream).table(other);
    let gateway = setup.more(&section("nginx", "")).start();
    let mut client = Client::connect(address(&gateway));
    assert_eq!(client.call(&question("GET")).status, 200);
    let stricter = "[[operation]]
permission = 'Querying ECS Metadata (Native OpenStack API)'
routes = ['GET /v2.1/{project_id}/servers/{server_id}/metadata']
actions = ['ecs:servers:inspect']
";
    fs::write(gateway.folder().join("table.toml"), stricter).unwrap();
    gateway.reload().unwrap();
    let started = Instant::now();
    // The same connection, and a token that was seen before.
    let answer = loop {
        let answer = client.call(&question("GET"));
        if answer.status != 200 {
            break answer;
        }
        assert!(started.elapsed() < PATIENCE);
        thread::yield_now();
    };
    let message = answer.refusal(403, "action_missing", "forbidden");
    assert_eq!(
        message,
        "Policy doesn't allow ecs:servers:inspect to be performed."
    );
}

#[test]
fn a_seen_token_is_not_verified_again() {
    let gateway = start_with("nginx", |setup| {
        setup.more("[admin]\naddress = \"127.0.0.1:0\"\n")
    });
    let question = question("GET");
    for _ in 0..5 {
        assert_eq!(ask(&gateway, &question).status, 200);
    }
    let metrics = gateway.admin(&Call::get("/metrics"));
    let count = |result: &str| {
        let name = format!("actiongate_token_cache_lookups_total{{result=\"{result}\"}} ");
        let mut lines = metrics.text().lines();
        lines.find_map(|line| Some(line.strip_prefix(&name)?.to_owned()))
    };
    assert_eq!(count("hit").as_deref(), Some("4"), "{}", metrics.text());
    assert_eq!(count("miss").as_deref(), Some("1"));
    // Decisions are counted with the gateway's own.
    let permitted = "decision=\"permit\"";
    let counted = metrics.text().lines().any(|line| {
        line.starts_with("actiongate_requests_total")
            && line.contains(permitted)
            && line.ends_with(" 5")
    });
    assert!(counted, "{}", metrics.text());
}

/// The rules of a roll-out are for every decision.
#[test]
fn what_is_only_reported_is_let_through_and_marked() {
    let gateway = start_with("nginx", |setup| {
        let more = section("authzen", "");
        setup.file_issuer("mode = \"report\"").more(&more)
    });
    let answer = ask(&gateway, &question("PUT"));
    assert_eq!(answer.status, 200);
    let mark = answer.headers.get("x-actiongate-report");
    assert_eq!(mark, Some("action_missing"));
    let properties = json!({"token": token(&[LIST])});
    let message = json!({
        "subject": {"type": "user", "id": "alice", "properties": properties},
        "action": {"name": "PUT"},
        "resource": {"type": "path", "id": metadata()},
    });
    let authzen = Client::connect(gateway.authorizer_address(1)).call(
        &Call::post("/access/v1/evaluation", message.to_string())
            .header("Content-Type: application/json"),
    );
    assert_eq!(authzen.json()["decision"], true);
    assert_eq!(authzen.json()["context"]["reported"], "action_missing");
    let line = super::last_line(gateway);
    assert_eq!(line["decision"], "permit");
    assert_eq!(line["reported"]["reason"], "action_missing", "{line}");
}

#[test]
fn the_upstream_can_be_told_who_calls() {
    let gateway = start_with("nginx", |setup| {
        setup.upstream("identity = { subject = \"X-Subject\", project = \"X-Project\" }")
    });
    let answer = ask(&gateway, &question("GET"));
    assert_eq!(answer.headers.get("x-subject"), Some("alice"));
    assert_eq!(answer.headers.get("x-project"), Some(PROJECT));
    // Of a caller who may not, nothing is told.
    let denied = ask(&gateway, &question("PUT"));
    assert_eq!(denied.headers.get("x-subject"), None);
}

#[test]
fn whoever_is_silent_or_slow_goes_away() {
    let gateway = start_with("traefik", |setup| {
        let setup = setup.listen("header_timeout = \"200ms\"");
        setup.listen("client_timeout = \"300ms\"")
    });
    let mut silent = Client::connect(address(&gateway));
    let mut slow_head = Client::connect(address(&gateway));
    slow_head.send("GET / HT");
    let mut slow_body = Client::connect(address(&gateway));
    slow_body.send(started_with(100).bytes());
    slow_body.send("{");
    silent.ends();
    assert_eq!(slow_head.answer().status, 408);
    let answer = slow_body.answer();
    answer.refusal(403, "body_partial", "forbidden");
    assert_eq!(answer.headers.get("connection"), Some("close"));
    slow_body.ends();
}

#[test]
fn keys_that_cannot_be_had_deny() {
    let issuer = Issuer::start(&[]);
    issuer.answer_with("500 Internal Server Error", "");
    let gateway = start_with("traefik", |setup| setup.issuer(&issuer, ""));
    let call = Call::get("/")
        .header("X-Forwarded-Method: GET")
        .header(format!("X-Forwarded-Uri: {}", metadata()))
        .header("X-Forwarded-Host: api.test")
        .bearer(&token(&[LIST]));
    ask(&gateway, &call).refusal(503, "keys_unavailable", "error");
}

#[test]
fn a_stop_lets_a_running_question_finish() {
    let mut gateway = start("traefik");
    let mut client = Client::connect(address(&gateway));
    let body = "{\"os-start\": null}";
    client.send(started_with(body.len()).bytes());
    client.send(&body[..5]);
    gateway.begin_stop();
    client.send(&body[5..]);
    let answer = client.answer();
    assert_eq!(answer.status, 200, "{answer:?}");
    client.ends();
    let drained = gateway.stop();
    assert_eq!((drained.cut_off, drained.panicked), (0, 0));
}

#[test]
fn a_unix_socket_is_an_asker() {
    let upstream = Upstream::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ask.sock");
    let text = section("nginx", "")
        .replace("127.0.0.1:0", &format!("unix:{}", path.display()))
        .replace("[\"127.0.0.1\"]", "\"unix\"");
    let gateway = Setup::new(&upstream).more(&text).start();
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let call = question("GET").header("Connection: close");
    stream.write_all(&call.bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    drop(gateway);
    assert!(!path.exists());
}

#[test]
fn an_address_that_is_taken_is_named() {
    let gateway = start("nginx");
    let busy = address(&gateway);
    let upstream = Upstream::start();
    let text = section("nginx", "").replace("127.0.0.1:0", &busy.to_string());
    let error = Setup::new(&upstream).more(&text).try_start().unwrap_err();
    assert!(
        error.contains(&format!("cannot listen on {busy}")),
        "{error}"
    );
}
