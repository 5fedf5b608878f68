//! Tokens that a list says are revoked, remembered ones too; and what becomes of requests without it.

mod address;
#[cfg(feature = "peers")]
mod redis;

use std::fs::File;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{
    Answer, Call, Claims, Gateway, ISSUER, PATIENCE, PROJECT, Setup, Upstream, default_key,
    metadata, now,
};

const LIST: &str = "ecs:servers:listMetadata";
const ADMIN: &str = "[admin]\naddress = \"127.0.0.1:0\"\n";
const FILE: &str = "[revocation]\nfile = \"revoked.json\"\n";
/// Within this time, what is revoked is refused.
const SOON: Duration = Duration::from_secs(1);

/// A list of these entries.
fn list(entries: &[Value]) -> String {
    json!({"version": 1, "revoked": entries}).to_string()
}

/// The entry for one token.
fn of_token(id: &str) -> Value {
    json!({"issuer": ISSUER, "jti": id})
}

fn call_with(claims: &Claims) -> Call {
    Call::get(metadata()).bearer(&claims.sign(default_key()))
}

/// A call with a token that is called so.
fn call(id: &str) -> Call {
    call_with(&Claims::new(PROJECT, &[LIST]).set("jti", id))
}

/// Calls until the answer has this status; how long that took.
#[track_caller]
fn wait_for(gateway: &Gateway, call: &Call, status: u16) -> (Answer, Duration) {
    let started = Instant::now();
    let mut client = gateway.connect();
    loop {
        let answer = client.call(call);
        if answer.status == status {
            return (answer, started.elapsed());
        }
        assert!(started.elapsed() < PATIENCE, "{answer:?}");
        thread::yield_now();
    }
}

/// The list's part of the status, once it is as wanted.
#[track_caller]
fn wait_for_status(gateway: &Gateway, wanted: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let status = gateway.admin(&Call::get("/status")).json()["revocation"].clone();
        if wanted(&status) {
            return status;
        }
        assert!(started.elapsed() < PATIENCE, "{status}");
        thread::yield_now();
    }
}

/// Waits until the list cannot be had for a reason that ends so.
#[track_caller]
fn wait_for_error(gateway: &Gateway, expected: &str) {
    wait_for_status(gateway, |status| {
        let error = status["last_error"].as_str();
        error.is_some_and(|error| error.contains(expected))
    });
}

#[test]
fn a_remembered_token_is_refused_within_a_second() {
    let upstream = Upstream::start();
    let setup = Setup::new(&upstream).file("revoked.json", &list(&[]));
    let gateway = setup.more(FILE).start();
    let (stolen, other) = (call("stolen"), call("other"));
    assert_eq!(gateway.call(&stolen).status, 200);
    gateway.replace_file("revoked.json", &list(&[of_token("stolen")]));
    let (answer, time) = wait_for(&gateway, &stolen, 401);
    assert!(time <= SOON, "{time:?}");
    let message = answer.refusal(401, "token_revoked", "error");
    assert_eq!(message, "The token has been revoked.");
    let challenge = answer.headers.get("www-authenticate").unwrap();
    assert_eq!(
        challenge,
        "Bearer realm=\"actiongate\", error=\"invalid_token\", error_description=\"The token has been revoked.\""
    );
    assert_eq!(gateway.call(&other).status, 200);
    // Off the list it is as good as before.
    gateway.replace_file("revoked.json", &list(&[]));
    wait_for(&gateway, &stolen, 200);
    let audit = gateway.into_audit();
    let refused = audit.iter().find(|line| line["reason"] == "token_revoked");
    let refused = refused.unwrap();
    assert_eq!(refused["subject"], "alice");
    assert_eq!(refused["issuer"], ISSUER);
}

#[test]
fn each_kind_of_entry_refuses_what_it_names() {
    let upstream = Upstream::start();
    let of = |subject: &str, issued: u64| {
        let claims = Claims::new(PROJECT, &[LIST]).set("sub", subject);
        claims.set("iat", issued)
    };
    let start = now() - 100;
    let entries = [
        of_token("t1"),
        json!({"issuer": ISSUER, "subject": "mallory"}),
        json!({"issuer": ISSUER, "subject": "bob", "issued_before": start}),
        json!({"issuer": ISSUER, "issued_before": start - 100}),
        json!({"issuer": "https://other", "subject": "carol"}),
    ];
    let setup = Setup::new(&upstream).file("revoked.json", &list(&entries));
    let gateway = setup.more(FILE).start();
    let cases = [
        (of("alice", start).set("jti", "t1"), 401),
        (of("alice", start).set("jti", "t2"), 200),
        (of("mallory", start), 401),
        (of("bob", start - 1), 401),
        (of("bob", start), 200),
        (of("bob", start).without("iat"), 401),
        (of("carol", start), 200),
        (of("carol", start - 101), 401),
        (of("carol", start - 100), 200),
    ];
    for (index, (claims, expected)) in cases.iter().enumerate() {
        let answer = gateway.call(&call_with(claims));
        assert_eq!(answer.status, *expected, "{index} {answer:?}");
    }
    let answer = gateway.call(&call_with(&of("alice", start).set("jti", 7)));
    let message = answer.refusal(401, "token_claim", "error");
    assert_eq!(
        message,
        "The token's claim `jti` is a number, expected a string."
    );
}

#[test]
fn the_last_good_list_serves_while_the_file_is_bad() {
    let upstream = Upstream::start();
    let setup = Setup::new(&upstream).file("revoked.json", &list(&[of_token("t1")]));
    let gateway = setup.more(ADMIN).more(FILE).start();
    let status = wait_for_status(&gateway, |status| status["state"] == "ok");
    assert_eq!(status["entries"], 1);
    let bad = list(&[json!({"issuer": ISSUER, "jtii": "t2"})]);
    gateway.replace_file("revoked.json", &bad);
    wait_for_error(
        &gateway,
        "entry 0 of the list cannot be used: unknown field `jtii`",
    );
    assert_eq!(gateway.call(&call("t1")).status, 401);
    assert_eq!(gateway.call(&call("t2")).status, 200);
    let metrics = gateway.admin(&Call::get("/metrics"));
    for line in [
        "actiongate_revocation_available 1.0",
        "actiongate_revocation_entries 1.0",
    ] {
        assert!(metrics.text().lines().any(|found| found == line), "{line}");
    }
    assert_eq!(gateway.admin(&Call::get("/ready")).status, 200);
    gateway.replace_file("revoked.json", &list(&[of_token("t2")]));
    wait_for(&gateway, &call("t2"), 401);
    assert_eq!(gateway.call(&call("t1")).status, 200);
    let status = wait_for_status(&gateway, |status| status["state"] == "ok");
    assert_eq!(status["last_error"], Value::Null);
    assert!(status["failures"].as_u64().unwrap() >= 1);
}

#[test]
fn it_does_not_start_without_a_file_that_is_a_list() {
    let upstream = Upstream::start();
    let error = Setup::new(&upstream).more(FILE).try_start().unwrap_err();
    assert!(
        error.contains("the list of revoked tokens cannot be had from /")
            && error.contains("revoked.json: cannot read `"),
        "{error}"
    );
    let setup = Setup::new(&upstream).file("revoked.json", "{}");
    let error = setup.more(FILE).try_start().unwrap_err();
    assert!(
        error.contains("it is not a list of revoked tokens: missing field `version`"),
        "{error}"
    );
    let large = tempfile::tempdir().unwrap();
    let large = large.path().join("large.json");
    let file = File::create(&large).unwrap();
    file.set_len(64 * 1024 * 1024 + 1).unwrap();
    let section = format!("[revocation]\nfile = \"{}\"\n", large.display());
    let error = Setup::new(&upstream)
        .more(&section)
        .try_start()
        .unwrap_err();
    assert!(
        error.contains("it is larger than 67108864 bytes"),
        "{error}"
    );
}

#[test]
fn a_reload_takes_up_the_section() {
    let upstream = Upstream::start();
    let setup = Setup::new(&upstream).file("revoked.json", &list(&[of_token("t1")]));
    let gateway = setup.start();
    assert_eq!(gateway.call(&call("t1")).status, 200);
    gateway.write_config(&format!("{}{FILE}", gateway.config()));
    gateway.reload().unwrap();
    assert_eq!(gateway.call(&call("t1")).status, 401);
    gateway.replace_file("revoked.json", "{}");
    gateway.reload().unwrap_err();
    assert_eq!(gateway.call(&call("t1")).status, 401);
    gateway.write_config(gateway.config());
    gateway.reload().unwrap();
    assert_eq!(gateway.call(&call("t1")).status, 200);
}

#[test]
fn a_body_that_comes_slowly_does_not_outlive_its_token() {
    let upstream = Upstream::start();
    let setup = Setup::new(&upstream).file("revoked.json", &list(&[]));
    let gateway = setup.more(FILE).start();
    let claims = Claims::new(PROJECT, &["ecs:*:*"]).set("jti", "t1");
    let token = claims.sign(default_key());
    let path = format!("/v2.1/{PROJECT}/servers/s1/action");
    let body = r#"{"os-start":null}"#;
    let begun = Call::post(path, body).header("Content-Type: application/json");
    let begun = begun.bearer(&token).header("Expect: 100-continue").bytes();
    let mut client = gateway.connect();
    client.send(&begun[..begun.len() - body.len()]);
    assert_eq!(client.head().0, 100);
    gateway.replace_file("revoked.json", &list(&[of_token("t1")]));
    wait_for(&gateway, &call("t1"), 401);
    client.send(body);
    client.answer().refusal(401, "token_revoked", "error");
    let is_action = |line: &str| line.contains("/action");
    assert!(!upstream.requests().iter().any(|seen| is_action(&seen.line)));
}
