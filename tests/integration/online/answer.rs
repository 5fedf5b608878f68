//! What a Keystone says of a token, and for how long that is repeated.

use std::time::Duration;

use serde_json::json;

use super::double::{about, ends_in, token};
use super::{World, ask, ask_until, call};
use crate::support::{
    Call, Claims, Key, OTHER_PROJECT, PROJECT, Signal, Step, metadata, now, token as jwt,
};

#[test]
fn ten_thousand_requests_are_one_question() {
    let world = World::start();
    let mut client = world.gateway.connect();
    let call = call("alice");
    for _ in 0..10_000 {
        assert_eq!(client.call(&call).status, 200);
    }
    assert_eq!(world.upstream.count(), 10_000);
    let questions = world.keystone.questions();
    let [question] = questions.as_slice() else {
        panic!("{} questions", questions.len());
    };
    assert_eq!(question.line, "GET /v3/auth/tokens?nocatalog HTTP/1.1");
    let expected = [
        ("host", world.keystone.address().to_string()),
        ("x-auth-token", "own-1".to_owned()),
        ("x-subject-token", "alice".to_owned()),
        ("openstack-identity-access-rules", "1.0".to_owned()),
    ];
    for (name, value) in expected {
        assert_eq!(question.headers.all(name), [value.as_str()], "{name}");
    }
    let audit = world.gateway.into_audit();
    let caller = (&audit[0]["issuer"], &audit[0]["subject"]);
    assert_eq!(caller, (&json!("keystone"), &json!("u1")));
}

#[test]
fn those_who_ask_at_once_share_the_question() {
    let world = World::with("", |setup| setup.listen("workers = 2"));
    let go_on = Signal::new();
    let late = about("alice", &token(&["reader"]).to_string());
    let held = vec![Step::Wait(go_on.clone()), late];
    world.keystone.trouble(held);
    let mut clients: Vec<_> = (0..200).map(|_| world.gateway.connect()).collect();
    for client in &mut clients {
        client.send(call("alice").bytes());
    }
    world.keystone.wait_for_requests(2);
    go_on.set();
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(world.questions(), 1);
    assert_eq!(world.keystone.logins().len(), 1);
}

#[test]
fn an_unknown_token_is_not_asked_about_again_at_once() {
    let world = World::with("refusal_cache = \"400ms\"", |setup| setup);
    for _ in 0..20 {
        let message = world.refuses("stranger", 401, "token_not_active");
        assert_eq!(
            message,
            "The token is not known to its issuer, or not any more."
        );
    }
    assert!(world.questions() < 5, "{}", world.questions());
    world.keystone.know("stranger", token(&["reader"]));
    ask_until(&world.gateway, "stranger", 200);
}

#[test]
fn an_answer_is_repeated_for_a_while_only() {
    let world = World::with("cache = \"1s\"", |setup| setup);
    world.permits("alice");
    world.keystone.forget("alice");
    let answer = ask_until(&world.gateway, "alice", 401);
    assert_eq!(answer.reason(), "token_not_active");
    assert_eq!(world.questions(), 2);
}

#[test]
fn a_token_is_good_until_it_ends() {
    let world = World::start();
    let mut body = token(&["reader"]);
    body["token"]["expires_at"] = ends_in(Duration::from_secs(2)).into();
    world.keystone.know("brief", body);
    world.permits("brief");
    let answer = ask_until(&world.gateway, "brief", 401);
    answer.refusal(401, "token_expired", "error");
    let mut body = token(&["reader"]);
    body["token"]["expires_at"] = "2020-01-31T12:00:00.000000Z".into();
    world.keystone.know("old", body);
    world.refuses("old", 401, "token_expired");
}

#[test]
fn an_answer_about_another_token_is_none() {
    let world = World::start();
    let admin = token(&["admin"]).to_string();
    let cause = "it does not answer as it should";
    for subject in ["bob", "Alice", "alic", "alice2", ""] {
        world.keystone.trouble(vec![about(subject, &admin)]);
        world.cannot_tell("alice", cause);
    }
    let unnamed = crate::support::answer("200 OK", &[], &admin);
    world.keystone.trouble(vec![unnamed]);
    world.cannot_tell("alice", cause);
    world.keystone.recover();
    world.permits("alice");
}

#[test]
fn what_the_answer_grants_is_what_is_permitted() {
    let world = World::start();
    let mut elsewhere = token(&["admin"]);
    elsewhere["token"]["project"]["id"] = OTHER_PROJECT.into();
    let mut unscoped = token(&[]);
    let members = unscoped["token"].as_object_mut().unwrap();
    members.remove("project");
    let mut domain = unscoped.clone();
    domain["token"]["domain"] = json!({"id": PROJECT, "name": PROJECT});
    let mut system = unscoped.clone();
    system["token"]["system"] = json!({"all": true});
    let rows = [
        ("elsewhere", elsewhere, 403, "project_mismatch"),
        ("unscoped", unscoped, 403, "project_mismatch"),
        ("domain", domain, 403, "project_mismatch"),
        ("system", system, 403, "project_mismatch"),
        ("no-roles", token(&[]), 403, "action_missing"),
        ("other-role", token(&["Reader"]), 403, "action_missing"),
    ];
    for (name, body, status, reason) in rows {
        world.keystone.know(name, body);
        world.refuses(name, status, reason);
    }
    // An item that cannot be read might have been a role that denies.
    let mut odd = token(&["reader"]);
    odd["token"]["roles"][0]["name"] = 5.into();
    world.keystone.know("odd", odd);
    world.refuses("odd", 401, "claims_invalid");
    let remove = |token: &str| {
        let path = format!("/v2.1/{PROJECT}/servers/s1");
        Call::new("DELETE", path).header(format!("X-Auth-Token: {token}"))
    };
    world.permits("alice");
    assert_eq!(world.gateway.call(&remove("alice")).status, 403);
    world.keystone.know("root", token(&["admin"]));
    assert_eq!(world.gateway.call(&remove("root")).status, 200);
}

#[test]
fn a_bound_token_is_its_holders() {
    let world = World::start();
    let mut bound = token(&["reader"]);
    let hash = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=";
    bound["token"]["oauth2_credential"] = json!({"x5t#S256": hash});
    world.keystone.know("bound", bound.clone());
    world.refuses("bound", 401, "token_certificate");
    for (name, binding) in [
        ("short", json!({"x5t#S256": "47DE"})),
        ("other", json!({"jkt": hash})),
        ("text", json!(hash)),
        ("null", json!(null)),
    ] {
        bound["token"]["oauth2_credential"] = binding;
        world.keystone.know(name, bound.clone());
        world.refuses(name, 401, "token_confirmation");
    }
}

#[test]
fn an_odd_token_is_not_asked_about() {
    let world = World::start();
    let long = "x".repeat(17 * 1024);
    // Of the form of a JWT, and says of nobody that it is theirs.
    let forged = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1In0.AAAA";
    for (odd, reason) in [(long.as_str(), "token_too_large"), (forged, "token_claim")] {
        world.refuses(odd, 401, reason);
    }
    let bytes = Call::get(metadata()).header("X-Auth-Token: alice bob");
    assert_eq!(world.gateway.call(&bytes).status, 401);
    assert_eq!(world.questions(), 0);
    assert_eq!(world.upstream.count(), 0);
}

#[test]
fn a_token_that_keystone_has_not_signed_costs_it_nothing() {
    let key = Key::es256("unused");
    let world = World::with("keys = \"one.pem\"", |setup| {
        setup.file("one.pem", &key.pem()).file_issuer("")
    });
    let claims = Claims::new(PROJECT, &["*:*:*"])
        .without("iss")
        .without("aud")
        .set("openstack_methods", json!(["password"]))
        .set("openstack_audit_ids", json!(["Pw7DQ7fsTgykznNn378b0A"]))
        .set("openstack_project_id", PROJECT);
    let forged = claims.sign(&Key::es256("k"));
    let expired = claims.clone().set("exp", now() - 60).sign(&key);
    world.keystone.know(&forged, token(&["admin"]));
    world.keystone.know(&expired, token(&["admin"]));
    world.refuses(&forged, 401, "token_key");
    world.refuses(&expired, 401, "token_expired");
    // Another issuer's is not its to judge.
    world.permits(&jwt(&["*:*:*"]));
    assert_eq!(world.questions(), 0);
    // One that it has signed may be revoked.
    let signed = claims.sign(&key);
    world.refuses(&signed, 401, "token_not_active");
    let other = claims.set("exp", now() + 600).sign(&key);
    world.keystone.know(&other, token(&["reader"]));
    world.permits(&other);
    world.permits("alice");
    assert_eq!(world.questions(), 3);
}

#[test]
fn a_reload_keeps_what_is_known_unless_it_is_asked_elsewise() {
    let world = World::start();
    world.permits("alice");
    world.gateway.reload().unwrap();
    world.permits("alice");
    assert_eq!(world.questions(), 1);
    let text = world.gateway.config();
    let changed = text.replace(
        "name = \"keystone\"\n",
        "name = \"keystone\"\ncache = \"59s\"\n",
    );
    assert_ne!(text, changed);
    world.gateway.write_config(&changed);
    world.gateway.reload().unwrap();
    assert_eq!(ask(&world.gateway, "alice").status, 200);
    assert_eq!(world.questions(), 2);
    assert_eq!(world.keystone.logins().len(), 2);
}

/// A token that is made from another has that one's audit id, too.
#[test]
fn a_keystones_token_is_revoked_by_its_audit_ids_and_its_time() {
    let list = json!({"version": 1, "revoked": [
        {"issuer": "keystone", "jti": "revoked"},
        {"issuer": "keystone", "subject": "u1", "issued_before": 1_600_000_000},
    ]});
    let world = World::with("", |setup| {
        let setup = setup.file("revoked.json", &list.to_string());
        setup.more("[revocation]\nfile = \"revoked.json\"\n")
    });
    let but = |member: &str, value: serde_json::Value| {
        let mut token = token(&["reader"]);
        token["token"][member] = value;
        token
    };
    let cases = [
        ("own", but("audit_ids", json!(["revoked"]))),
        ("derived", but("audit_ids", json!(["other", "revoked"]))),
        (
            "old",
            but("issued_at", json!("2020-09-13T12:26:39.999999Z")),
        ),
        ("undated", but("issued_at", json!(null))),
    ];
    for (name, token) in cases {
        world.keystone.know(name, token);
        world.refuses(name, 401, "token_revoked");
    }
    world
        .keystone
        .know("odd", but("audit_ids", json!("revoked")));
    world.refuses("odd", 401, "token_claim");
    let fresh = but("issued_at", json!("2020-09-13T12:26:40.000000Z"));
    world.keystone.know("fresh", fresh);
    world.permits("fresh");
    world.permits("alice");
}
