//! Policies that tokens bring along: denials, conditions on the request, single instances.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::support::{Call, Claims, PROJECT, Refusing, Setup, default_key, metadata};

const CLAIMS: &str = "policies = \"/policies\"\ndomain = \"/domain_id\"\n";

fn setup(setup: Setup) -> Setup {
    setup.claims(CLAIMS).more("[table]\nregion = \"eu-de\"\n")
}

fn allow(actions: &[&str]) -> Value {
    json!({"Effect": "Allow", "Action": actions})
}

fn with(mut statement: Value, member: &str, value: Value) -> Value {
    statement[member] = value;
    statement
}

/// A token with one policy of these statements.
fn sign(statements: &[Value]) -> String {
    let document = json!({"Version": "1.1", "Statement": statements});
    sign_claim(document)
}

fn sign_claim(policies: Value) -> String {
    let claims = Claims::new(PROJECT, &[]).set("policies", policies);
    claims.set("domain_id", "d1").sign(default_key())
}

#[test]
fn a_deny_in_a_token_outweighs_its_other_grants() {
    let world = Refusing::with(setup);
    let list = || Call::get(metadata());
    world.permits(&list().bearer(&sign(&[allow(&["ecs:servers:list*"])])));
    let deny = json!({"Effect": "Deny", "Action": ["ecs:*:*metadata"]});
    let both = sign(&[allow(&["*:*:*"]), deny.clone()]);
    let answer = world.call(&list().bearer(&both));
    answer.refusal(403, "action_denied", "forbidden");
    // The claim `actions` is one of these grants.
    let document = json!([{"Version": "1.1", "Statement": [deny]}]);
    let claims = Claims::new(PROJECT, &["ecs:*:*"]).set("policies", document);
    let answer = world.call(&list().bearer(&claims.sign(default_key())));
    answer.refusal(403, "action_denied", "forbidden");
}

#[test]
fn a_document_that_is_not_understood_refuses_the_token() {
    let world = Refusing::with(setup);
    let statement = allow(&["ecs:*:*"]);
    let document = |statement: &Value| json!({"Version": "1.1", "Statement": [statement]});
    let unknown_key = json!({"Bool": {"g:MFAPresent": ["true"]}});
    let tagged = json!({"StringEquals": {"g:ResourceTag/team": ["dev"]}});
    let cases = [
        (
            document(&with(statement.clone(), "Principal", json!("*"))),
            "The claim at `/policies` is not a policy that is understood: expected no member but `Effect`, `Action`, `Resource` and `Condition` at `Statement[0].Principal`, found one.",
        ),
        (
            json!([document(&statement), {"Version": "1.0", "Statement": [statement]}]),
            "The claim at `/policies/1` is not a policy that is understood: expected `1.1` or `5.0` at `Version`, found `1.0`.",
        ),
        (
            json!(document(&statement).to_string()),
            "The claim at `/policies` is not a policy document or an array of policy documents.",
        ),
        (
            document(&with(statement.clone(), "Condition", unknown_key)),
            "The claim at `/policies` holds a policy that cannot be judged: `Statement[0]` has a condition on `g:MFAPresent`, which no claim feeds.",
        ),
        (
            document(&with(statement, "Condition", tagged)),
            "The claim at `/policies` holds a policy that cannot be judged: `Statement[0]` has a condition on `g:ResourceTag/team`, which no claim feeds.",
        ),
    ];
    for (policies, expected) in cases {
        let call = Call::get(metadata()).bearer(&sign_claim(policies));
        let message = world.call(&call).refusal(401, "claims_invalid", "error");
        assert_eq!(message, expected);
    }
}

#[test]
fn conditions_ask_for_the_time_and_the_address() {
    let world = Refusing::with(setup);
    let list = || Call::get(metadata());
    let cases = [
        (
            "DateLessThan",
            "g:CurrentTime",
            "2100-01-01T00:00:00Z",
            true,
        ),
        (
            "DateLessThan",
            "g:CurrentTime",
            "2020-01-01T00:00:00Z",
            false,
        ),
        (
            "DateGreaterThan",
            "g:CurrentTime",
            "2020-01-01T00:00:00Z",
            true,
        ),
        ("IpAddress", "g:SourceIp", "127.0.0.0/8", true),
        ("IpAddress", "g:SourceIp", "10.0.0.0/8", false),
        ("NotIpAddress", "g:SourceIp", "127.0.0.1", false),
        ("NotIpAddress", "g:SourceIp", "::1", true),
    ];
    for (operator, key, value, expected) in cases {
        let condition = json!({operator: {key: [value]}});
        let allowed = with(allow(&["ecs:servers:*"]), "Condition", condition.clone());
        let call = list().bearer(&sign(&[allowed]));
        match expected {
            true => world.permits(&call),
            false => {
                let answer = world.call(&call);
                answer.refusal(403, "action_missing", "forbidden");
            }
        }
        let deny = json!({"Effect": "Deny", "Action": ["ecs:servers:*"], "Condition": condition});
        let call = list().bearer(&sign(&[allow(&["ecs:*:*"]), deny]));
        match expected {
            true => {
                let answer = world.call(&call);
                answer.refusal(403, "action_denied", "forbidden");
            }
            false => world.permits(&call),
        }
    }
}

/// Or a caller could keep what ends by sending a body slowly.
#[test]
fn the_time_is_that_of_the_decision() {
    let world = Refusing::with(setup);
    let end = SystemTime::now() + Duration::from_secs(1);
    let until = humantime::format_rfc3339_seconds(end).to_string();
    let condition = json!({"DateLessThan": {"g:CurrentTime": until}});
    let token = sign(&[with(allow(&["ecs:*:*"]), "Condition", condition)]);
    let path = format!("/v2.1/{PROJECT}/servers/s1/action");
    let body = r#"{"os-start":null}"#;
    let call = Call::post(path, body).header("Content-Type: application/json");
    let bytes = call.bearer(&token).header("Expect: 100-continue").bytes();
    let mut client = world.gateway.connect();
    client.send(&bytes[..bytes.len() - body.len()]);
    assert_eq!(client.head().0, 100);
    thread::sleep(end.duration_since(SystemTime::now()).unwrap_or_default());
    client.send(body);
    let answer = client.answer();
    answer.refusal(403, "action_missing", "forbidden");
}

#[test]
fn a_body_that_comes_slowly_does_not_outlive_its_token() {
    let world = Refusing::with(|own| own.file_issuer("leeway = \"0s\""));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let end = now.as_secs() + 3;
    let token = Claims::new(PROJECT, &["ecs:*:*"]).set("exp", end);
    let token = token.sign(default_key());
    let path = format!("/v2.1/{PROJECT}/servers/s1/action");
    let body = r#"{"os-start":null}"#;
    let call = Call::post(path, body).header("Content-Type: application/json");
    let bytes = call.bearer(&token).header("Expect: 100-continue").bytes();
    let mut client = world.gateway.connect();
    client.send(&bytes[..bytes.len() - body.len()]);
    assert_eq!(client.head().0, 100);
    let end = UNIX_EPOCH + Duration::from_secs(end);
    thread::sleep(end.duration_since(SystemTime::now()).unwrap_or_default());
    client.send(body);
    client.answer().refusal(401, "token_expired", "error");
}

/// What a client puts into its own header must not make it somebody else, nor nobody.
#[test]
fn an_address_that_two_headers_dispute_is_none_that_helps() {
    let trusted = |own: Setup| setup(own).listen("trusted_proxies = \"127.0.0.0/8\"");
    let world = Refusing::with(trusted);
    let list = |token: &str| {
        let call = Call::get(metadata()).bearer(token);
        call.header("X-Forwarded-For: 203.0.113.7")
    };
    for (operator, network, expected) in [
        ("IpAddress", "127.0.0.0/8", false),
        ("NotIpAddress", "10.0.0.0/8", true),
        ("IpAddressIfExists", "10.0.0.0/8", false),
        ("Null", "true", false),
    ] {
        let condition = json!({operator: {"g:SourceIp": [network]}});
        let allowed = with(allow(&["ecs:*:*"]), "Condition", condition.clone());
        let token = sign(&[allowed]);
        if expected {
            world.permits(&list(&token));
        }
        let answer = world.call(&list(&token).header("Forwarded: for=10.0.0.1"));
        answer.refusal(403, "action_missing", "forbidden");
        let deny = json!({"Effect": "Deny", "Action": ["ecs:*:*"], "Condition": condition});
        let token = sign(&[allow(&["ecs:*:*"]), deny]);
        if !expected {
            world.permits(&list(&token));
        }
        let answer = world.call(&list(&token).header("Forwarded: for=10.0.0.1"));
        answer.refusal(403, "action_denied", "forbidden");
    }
}

fn on(actions: &[&str], instances: &[&str]) -> Value {
    with(allow(actions), "Resource", json!(instances))
}

#[test]
fn a_grant_may_be_for_one_instance_of_the_path() {
    let world = Refusing::with(setup);
    let attach = |server: &str| {
        let path = format!("/v1/{PROJECT}/cloudservers/{server}/attachvolume");
        Call::post(path, "{}").header("Content-Type: application/json")
    };
    let action = ["ecs:cloudServers:attach"];
    for instance in [
        "ecs:*:*:instance:s1",
        "ECS:eu-de:d1:instance:S1",
        "ecs:*:*:instance:s*",
    ] {
        let token = sign(&[on(&action, &[instance])]);
        world.permits(&attach("s1").bearer(&token));
        let answer = world.call(&attach("t1").bearer(&token));
        answer.refusal(403, "action_missing", "Ecs.0003");
    }
    for instance in [
        "ecs:eu-nl:*:instance:s1",
        "ecs:*:d2:instance:s1",
        "ecs:*:*:keypair:s1",
        "evs:*:*:instance:s1",
    ] {
        let answer = world.call(&attach("s1").bearer(&sign(&[on(&action, &[instance])])));
        answer.refusal(403, "action_missing", "Ecs.0003");
    }
    // The vendor authorizes no single instances here: an allow is for all, a deny is not.
    let list = || Call::get(metadata());
    let one = on(&["ecs:servers:listMetadata"], &["ecs:*:*:instance:s1"]);
    let answer = world.call(&list().bearer(&sign(std::slice::from_ref(&one))));
    answer.refusal(403, "action_missing", "forbidden");
    let deny = with(one, "Effect", json!("Deny"));
    let but_one = sign(&[allow(&["ecs:*:*"]), deny]);
    let answer = world.call(&list().bearer(&but_one));
    answer.refusal(403, "action_denied", "forbidden");
    world.permits(&Call::get(format!("/v2.1/{PROJECT}/servers/s2/metadata")).bearer(&but_one));
}

#[test]
fn a_grant_must_be_for_every_instance_of_the_body() {
    let world = Refusing::with(setup);
    let start = |body: &Value| {
        let call = Call::post(
            format!("/v1/{PROJECT}/cloudservers/action"),
            body.to_string(),
        );
        call.header("Content-Type: application/json")
    };
    let servers = |ids: &[&str]| {
        let ids: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
        json!({"os-start": {"servers": ids}})
    };
    let action = ["ecs:cloudServers:start"];
    let two = sign(&[on(&action, &["ecs:*:*:instance:a", "ecs:*:*:instance:b"])]);
    world.permits(&start(&servers(&["a"])).bearer(&two));
    world.permits(&start(&servers(&["b", "a"])).bearer(&two));
    let answer = world.call(&start(&servers(&["a", "b", "c"])).bearer(&two));
    answer.refusal(403, "action_missing", "Ecs.0003");
    let deny = json!({"Effect": "Deny", "Action": action, "Resource": ["ecs:*:*:instance:a"]});
    let but_one = sign(&[allow(&action), deny]);
    world.permits(&start(&servers(&["b", "c"])).bearer(&but_one));
    let answer = world.call(&start(&servers(&["b", "a"])).bearer(&but_one));
    answer.refusal(403, "action_denied", "Ecs.0003");
    // Where it cannot be told which they are, no grant for some is enough, and each denial is.
    for body in [
        servers(&[]),
        json!({"os-start": {"servers": [{"id": "b"}, {"name": "c"}]}}),
        json!({"os-start": {"servers": "b"}}),
        json!({"os-start": null}),
    ] {
        let answer = world.call(&start(&body).bearer(&two));
        answer.refusal(403, "action_missing", "Ecs.0003");
        let answer = world.call(&start(&body).bearer(&but_one));
        answer.refusal(403, "action_denied", "Ecs.0003");
        world.permits(&start(&body).bearer(&sign(&[allow(&action)])));
    }
}
