//! One line for each request, whatever became of it, and never a token.

use serde_json::{Value, json};

use crate::support::{
    Call, Claims, Client, Framing, Gateway, ISSUER, Key, OTHER_PROJECT, PROJECT, Signal, Step,
    Upstream, default_key, metadata, token,
};

const LIST: &str = "ecs:servers:listMetadata";
const TEMPLATE: &str = "/v2.1/{project_id}/servers/{server_id}/metadata";

fn list(token: &str) -> Call {
    Call::get(metadata()).bearer(token)
}

/// Waits until the gateway has given up every connection to the upstream, as it does when its client
/// has gone; then stops it.
fn audit_once_given_up(upstream: &Upstream, gateway: Gateway) -> Vec<Value> {
    upstream.wait_for_connections(0);
    gateway.into_audit()
}

#[test]
fn a_line_has_every_field() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let post = Call::post(metadata(), "0123456789").bearer(&token(&["*:*:*"]));
    let answer = gateway.call(&post);
    let line = gateway.into_audit().remove(0);
    let names: Vec<&String> = line.as_object().unwrap().keys().collect();
    let expected = [
        "bytes_received",
        "bytes_sent",
        "client_request_id",
        "decision",
        "issuer",
        "method",
        "missing",
        "operation",
        "peer",
        "project",
        "reason",
        "request_id",
        "route",
        "status",
        "subject",
        "time",
        "total_us",
        "upstream_us",
        "version",
        "worker",
    ];
    assert_eq!(names, expected);
    let known = [
        ("bytes_received", json!(10)),
        ("bytes_sent", json!(answer.body.len())),
        ("client_request_id", Value::Null),
        ("decision", json!("permit")),
        ("issuer", json!(ISSUER)),
        ("method", json!("POST")),
        ("missing", json!([])),
        (
            "operation",
            json!("Updating ECS Metadata (Native OpenStack API)"),
        ),
        ("peer", json!("127.0.0.1")),
        ("project", json!(PROJECT)),
        ("reason", json!("ok")),
        ("request_id", json!(answer.request_id())),
        ("route", json!(TEMPLATE)),
        ("status", json!(200)),
        ("subject", json!("alice")),
        ("worker", json!(0)),
    ];
    for (name, value) in known {
        assert_eq!(line[name], value, "{name}");
    }
    let (upstream_time, total) = (line["upstream_us"].as_u64(), line["total_us"].as_u64());
    assert!(upstream_time.unwrap() <= total.unwrap(), "{line}");
    let time = line["time"].as_str().unwrap();
    let time = humantime::parse_rfc3339(time).unwrap();
    assert!(time.elapsed().unwrap().as_secs() < 60);
}

/// How much of a request its line tells.
#[derive(Clone, Copy)]
enum Known {
    Nothing,
    Caller,
    CallerAndRoute,
}

#[test]
fn every_refusal_has_its_line() {
    use Known::{Caller, CallerAndRoute, Nothing};
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let all = token(&["*:*:*"]);
    let other = Claims::new(OTHER_PROJECT, &["*:*:*"]).sign(default_key());
    let forged = Claims::new(PROJECT, &[LIST]).sign(&Key::es256("k1"));
    upstream.next(vec![Step::Read, Step::Close]);
    let unanswered = list(&all);
    let anonymous = Call::get(metadata());
    let forged = list(&forged);
    let put = Call::new("PUT", metadata()).body("{}");
    let denied = put.bearer(&token(&[LIST]));
    let foreign = list(&other);
    let unknown = Call::get("/x").bearer(&all);
    let odd = Call::get("//").bearer(&all);
    let underscore = list(&all).header("a_b: c");
    let cases = [
        (unanswered, "upstream_unanswered", "permit", CallerAndRoute),
        (anonymous, "token_missing", "reject", Nothing),
        (forged, "token_signature", "reject", Nothing),
        (denied, "action_missing", "deny", CallerAndRoute),
        (foreign, "project_mismatch", "deny", CallerAndRoute),
        (unknown, "route_unknown", "reject", Caller),
        (odd, "path_invalid", "reject", Nothing),
        (underscore, "header_name", "reject", Nothing),
    ];
    let answers: Vec<_> = cases.iter().map(|(call, ..)| gateway.call(call)).collect();
    let audit = gateway.into_audit();
    assert_eq!(audit.len(), cases.len());
    for ((case, answer), line) in cases.iter().zip(answers).zip(audit) {
        let (call, reason, decision, known) = case;
        assert_eq!(answer.reason(), *reason);
        assert_eq!(line["request_id"], answer.request_id());
        assert_eq!(line["method"], call.method);
        assert_eq!(line["status"], answer.status);
        assert_eq!(line["reason"], *reason);
        assert_eq!(line["decision"], *decision, "{reason}");
        assert_eq!(line["bytes_sent"], answer.body.len());
        let (subject, issuer, route, project) = match known {
            Nothing => (json!(null), json!(null), json!(null), json!(null)),
            Caller => (json!("alice"), json!(ISSUER), json!(null), json!(null)),
            CallerAndRoute => (
                json!("alice"),
                json!(ISSUER),
                json!(TEMPLATE),
                json!(PROJECT),
            ),
        };
        assert_eq!(line["subject"], subject, "{reason}");
        assert_eq!(line["issuer"], issuer, "{reason}");
        assert_eq!(line["route"], route, "{reason}");
        assert_eq!(line["project"], project, "{reason}");
        let missing = match *reason {
            "action_missing" => json!(["ecs:servers:setMetadata", "ecs:servers:get"]),
            _ => json!([]),
        };
        assert_eq!(line["missing"], missing, "{reason}");
    }
}

#[test]
fn a_client_that_leaves_before_the_answer_has_a_line() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let never = Signal::new();
    let mut script = vec![Step::Read];
    script.extend([Step::Wait(never.clone()), Step::Echo]);
    upstream.next(script);
    let mut client = gateway.connect();
    client.send(list(&token(&[LIST])).bytes());
    upstream.wait_for_requests(1);
    drop(client);
    // Nothing but the line says that it is noticed: the upstream is not listening.
    let line = gateway.wait_for_audit(1).remove(0);
    assert_eq!(line["reason"], "aborted");
    assert_eq!(line["status"], Value::Null);
    assert_eq!(line["decision"], "permit");
    assert_eq!(line["subject"], "alice");
    never.set();
    assert_eq!(gateway.into_audit().len(), 1);
}

#[test]
fn a_client_that_leaves_in_the_middle_of_the_answer_has_a_line() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    upstream.next(vec![
        Step::Read,
        Step::Write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec()),
        Step::Flood(b"5\r\nhello\r\n".to_vec()),
    ]);
    let mut client = gateway.connect();
    client.send(list(&token(&[LIST])).bytes());
    assert_eq!(client.head().0, 200);
    client.take(&mut Framing::Chunked, 5);
    drop(client);
    let audit = audit_once_given_up(&upstream, gateway);
    assert_eq!(audit.len(), 1);
    assert_eq!(audit[0]["reason"], "aborted");
    assert_eq!(audit[0]["status"], 200);
    assert!(audit[0]["bytes_sent"].as_u64().unwrap() >= 5);
}

#[test]
fn a_client_that_leaves_in_the_middle_of_its_body_has_a_line() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let mut client = gateway.connect();
    let post = Call::new("POST", metadata()).bearer(&token(&["*:*:*"]));
    client.send(post.header("Content-Length: 10").bytes());
    client.send("01234");
    upstream.wait_for_body(0, 5);
    drop(client);
    let audit = audit_once_given_up(&upstream, gateway);
    assert_eq!(audit.len(), 1);
    let reason = audit[0]["reason"].as_str().unwrap();
    assert!(["aborted", "body_broken"].contains(&reason), "{reason}");
    assert_eq!(audit[0]["bytes_received"], 5);
    assert_eq!(audit[0]["decision"], "permit");
}

#[test]
fn there_is_one_line_for_each_of_many_requests() {
    const CLIENTS: usize = 8;
    const REQUESTS: usize = 100;
    let upstream = Upstream::start();
    let setup = crate::support::Setup::new(&upstream);
    let gateway = setup.listen("workers = 2").start();
    let call = list(&token(&[LIST]));
    let ask = |mut client: Client| -> Vec<String> {
        (0..REQUESTS)
            .map(|_| client.call(&call).request_id().to_owned())
            .collect()
    };
    let mut ids: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let client = gateway.connect();
                scope.spawn(move || ask(client))
            })
            .collect();
        let answered = threads.into_iter().map(|thread| thread.join().unwrap());
        answered.flatten().collect()
    });
    let audit = gateway.into_audit();
    let mut logged: Vec<String> = audit
        .iter()
        .map(|line| line["request_id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    logged.sort();
    assert_eq!(logged.len(), CLIENTS * REQUESTS);
    assert_eq!(logged, ids);
}

#[test]
fn no_line_holds_a_token() {
    for more in ["", "evidence = true\n"] {
        hold_no_token(more);
    }
}

fn hold_no_token(more: &str) {
    let upstream = Upstream::start();
    let setup = crate::support::Setup::new(&upstream);
    let mut gateway = setup.more(more).start();
    let tokens = [
        token(&[LIST]),
        token(&[]),
        Claims::new(PROJECT, &[])
            .set("iss", "https://x.test")
            .sign(default_key()),
        Claims::new(PROJECT, &[]).sign(&Key::es256("k1")),
        "not-a-token-but-a-secret".to_owned(),
    ];
    for token in &tokens {
        gateway.call(&list(token));
        gateway.call(&Call::get(metadata()).header(format!("X-Auth-Token: {token}")));
        gateway.call(&list(token).header(format!("X-Auth-Token: {token}")));
        gateway.call(&Call::new("PATCH", "/x").bearer(token));
    }
    gateway.stop();
    let text = gateway.audit_text();
    assert_eq!(text.lines().count(), 4 * tokens.len());
    assert_eq!(text.contains("\"evidence\":{"), !more.is_empty());
    for token in &tokens {
        for part in token.split('.') {
            assert!(!text.contains(part), "{part}");
        }
    }
}

/// Lines wait in a queue: a client must not choose how long they are.
#[test]
fn a_line_has_a_bounded_length() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&upstream);
    let method = "M".repeat(60_000);
    let answer = gateway.call(&Call::new(&method, metadata()).bearer("rubbish"));
    answer.refusal(401, "token_malformed", "error");
    let line = gateway.into_audit().remove(0);
    assert_eq!(line["method"], "M".repeat(64));
}
