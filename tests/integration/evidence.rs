//! What a line tells of its decision's grounds: enough to decide again, and no more of a token.

use serde_json::{Value, json};

use crate::support::{Call, Claims, Gateway, PROJECT, Setup, Upstream, default_key, metadata, now};

const CLAIMS: &str =
    "roles = \"/access/*/role\"\n[issuer.roles]\nreader = \"ECS ReadOnlyAccess\"\n";
const JSON: &str = "Content-Type: application/json";

fn start(upstream: &Upstream) -> Gateway {
    let setup = Setup::new(upstream).claims(CLAIMS);
    setup.more("evidence = true\n").start()
}

fn claims(actions: &[&str]) -> Claims {
    let access = json!([{"role": "reader", "since": "a secret"}, {"role": "x"}]);
    Claims::new(PROJECT, actions)
        .set("access", access)
        .set("email", "a secret")
}

fn evidence(gateway: Gateway) -> Vec<Value> {
    let lines = gateway.into_audit().into_iter();
    lines.map(|line| line["evidence"].clone()).collect()
}

#[test]
fn a_line_holds_what_counted_and_no_other_claim() {
    let upstream = Upstream::start();
    let gateway = start(&upstream);
    let token = claims(&["ecs:servers:stop"]).sign(default_key());
    let before = now();
    let path = format!("/v2.1/{PROJECT}/servers/s1/action?a=%20b");
    let stop = Call::post(&path, "{\"os-stop\": \"a secret\"}").header(JSON);
    assert_eq!(gateway.call(&stop.bearer(&token)).status, 200);
    let get = Call::get(metadata()).bearer(&token);
    assert_eq!(gateway.call(&get).status, 200);
    let denied = Call::new("DELETE", format!("/v2.1/{PROJECT}/servers/s1")).bearer(&token);
    gateway
        .call(&denied)
        .refusal(403, "action_missing", "forbidden");
    let text = {
        let found = evidence(gateway);
        let at = found[0]["at"].as_u64().unwrap();
        assert!((before..=now()).contains(&at), "{at}");
        let claims = json!({
            "read": ["/access/*/role", "/actions", "/project_id", "/sub"],
            "found": {
                "access": [{"role": "reader"}, {"role": "x"}], "actions": ["ecs:servers:stop"],
                "project_id": PROJECT, "sub": "alice",
            },
        });
        let expected = json!({
            "target": path, "body": {"os-stop": null}, "at": at, "address": "127.0.0.1",
            "claims": claims,
        });
        assert_eq!(found[0], expected);
        assert_eq!(found[1]["target"], metadata());
        assert_eq!(found[1]["body"], Value::Null);
        assert_eq!(found[2]["claims"], claims);
        format!("{found:?}")
    };
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn what_came_to_no_decision_holds_what_is_known() {
    let upstream = Upstream::start();
    let gateway = start(&upstream);
    let token = claims(&[]).sign(default_key());
    let forged = format!("{token}A");
    let cases = [
        (Call::get(metadata()), "token_missing", false),
        (
            Call::get(metadata()).bearer(&forged),
            "token_signature",
            false,
        ),
        (Call::get("/unknown").bearer(&token), "route_unknown", true),
        (Call::get("//").bearer(&token), "path_invalid", false),
    ];
    for (call, reason, _) in &cases {
        assert_eq!(gateway.call(call).reason(), *reason);
    }
    let versions = gateway.call(&Call::get("/"));
    assert_eq!(versions.status, 200);
    let mut found = evidence(gateway);
    let public = found.pop().unwrap();
    assert_eq!(
        (&public["target"], &public["address"]),
        (&json!("/"), &json!("127.0.0.1"))
    );
    assert_eq!(public["claims"], Value::Null);
    for ((call, reason, has_claims), found) in cases.iter().zip(found) {
        assert_eq!(found["target"], call.path, "{reason}");
        assert_eq!(found["claims"].is_object(), *has_claims, "{reason}");
        assert_eq!(found.get("at"), None, "{reason}");
    }
}

#[test]
fn a_long_path_is_absent_and_its_line_says_so() {
    let upstream = Upstream::start();
    let gateway = start(&upstream);
    let token = claims(&[]).sign(default_key());
    let path = format!("{}?{}", metadata(), "a".repeat(9000));
    gateway.call(&Call::get(&path).bearer(&token));
    let line = gateway.into_audit().remove(0);
    let absent = line["evidence"]["absent"].as_str().unwrap();
    assert!(absent.starts_with("too long: a path of 9"), "{absent}");
    assert_eq!(line["evidence"].as_object().unwrap().len(), 1);
}

#[test]
fn without_being_asked_there_is_none() {
    let upstream = Upstream::start();
    for more in ["", "evidence = false\n"] {
        let gateway = Setup::new(&upstream).more(more).start();
        gateway.call(&Call::get(metadata()).bearer(&claims(&[]).sign(default_key())));
        let line = gateway.into_audit().remove(0);
        assert_eq!(line.get("evidence"), None);
    }
}
