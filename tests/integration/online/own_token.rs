//! The gateway's own token of a Keystone: had, renewed, and never there for nothing.

use std::time::Duration;

use serde_json::{Value, json};

use super::double::{PASSWORD, error, token};
use super::{World, ask, ask_until, call};
use crate::support::Step;

const REFUSED: &str = "it does not let the gateway ask";

fn body(world: &World, index: usize) -> Value {
    serde_json::from_slice(&world.keystone.logins()[index].body).unwrap()
}

#[test]
fn it_is_had_by_a_password() {
    let world = World::start();
    world.permits("alice");
    let login = world.keystone.logins().remove(0);
    assert_eq!(login.line, "POST /v3/auth/tokens?nocatalog HTTP/1.1");
    assert_eq!(login.headers.get("content-type"), Some("application/json"));
    let user = json!({"name": "gateway", "domain": {"name": "Default"}, "password": PASSWORD});
    let project = json!({"name": "service", "domain": {"name": "Default"}});
    let expected = json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": user}},
        "scope": {"project": project},
    }});
    assert_eq!(body(&world, 0), expected);
}

#[test]
fn it_is_had_by_an_application_credential() {
    let upstream = crate::support::Upstream::start();
    let keystone = super::Keystone::start();
    keystone.know("alice", token(&["reader"]));
    let issuer = format!(
        "[[issuer]]\nkind = \"keystone\"\nname = \"keystone\"\nauth_urls = [\"{}\"]\n[issuer.service]\n\
         application_credential_id = \"c1\"\napplication_credential_secret_file = \"secret\"\n{}",
        keystone.url(),
        super::ROLES
    );
    let setup = crate::support::Setup::new(&upstream).issuer_of(&issuer);
    let gateway = setup.file("secret", PASSWORD).start();
    assert_eq!(ask(&gateway, "alice").status, 200);
    let login = keystone.logins().remove(0);
    let body: Value = serde_json::from_slice(&login.body).unwrap();
    let credential = json!({"id": "c1", "secret": PASSWORD});
    let expected = json!({"auth": {"identity": {
        "methods": ["application_credential"], "application_credential": credential,
    }}});
    assert_eq!(body, expected);
}

#[test]
fn it_is_renewed_before_it_ends() {
    let keystone = super::Keystone::start();
    keystone.state().life = Duration::from_millis(1500);
    let upstream = crate::support::Upstream::start();
    let gateway = super::setup(&upstream, &[keystone.url()], "").start();
    keystone.wait_for_requests(3);
    assert_eq!(keystone.logins().len(), 3);
    keystone.know("alice", token(&["reader"]));
    assert_eq!(ask(&gateway, "alice").status, 200);
    let question = keystone.questions().remove(0);
    assert_ne!(question.headers.get("x-auth-token"), Some("own-1"));
}

#[test]
fn one_that_is_good_no_longer_is_renewed_once() {
    const TOKENS: usize = 20;
    let world = World::start();
    world.permits("alice");
    world.keystone.revoke_given();
    let mut clients: Vec<_> = (0..TOKENS).map(|_| world.gateway.connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        let name = format!("t{number}");
        world.keystone.know(&name, token(&["reader"]));
        client.send(call(&name).bytes());
    }
    for client in &mut clients {
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(world.keystone.logins().len(), 2);
}

#[test]
fn a_credential_that_is_refused_may_be_replaced() {
    let keystone = super::Keystone::start();
    keystone.know("alice", token(&["reader"]));
    keystone.state().password = "rotated".to_owned();
    let upstream = crate::support::Upstream::start();
    let more = "timeout = \"400ms\"";
    let gateway = super::setup(&upstream, &[keystone.url()], more).start();
    for _ in 0..10 {
        let answer = ask(&gateway, "alice");
        let message = answer.refusal(503, "issuer_unavailable", "error");
        assert!(message.contains(REFUSED), "{message}");
    }
    assert_eq!(upstream.count(), 0);
    assert!(keystone.questions().is_empty());
    let logins = keystone.logins().len();
    assert!(logins < 5, "{logins} attempts, a locked account is near");
    gateway.replace_file("password", "rotated");
    ask_until(&gateway, "alice", 200);
    // The next one is had by what is in the file then.
    keystone.state().password = "again".to_owned();
    gateway.replace_file("password", "again");
    keystone.revoke_given();
    keystone.know("bob", token(&["reader"]));
    ask_until(&gateway, "bob", 200);
}

#[test]
fn a_file_that_is_gone_is_trouble_not_a_bad_token() {
    let world = World::with("timeout = \"200ms\"", |setup| setup);
    std::fs::remove_file(world.gateway.folder().join("password")).unwrap();
    world.keystone.revoke_given();
    world.cannot_tell("alice", REFUSED);
    world.gateway.replace_file("password", PASSWORD);
    ask_until(&world.gateway, "alice", 200);
}

#[test]
fn no_token_comes_of_a_broken_answer() {
    let good = token(&[]).to_string();
    let reply =
        |headers: &[&str], body: &str| vec![crate::support::answer("201 Created", headers, body)];
    let named = ["X-Subject-Token: own-1"];
    let mut ended = token(&[]);
    ended["token"]["expires_at"] = "2020-01-31T12:00:00.000000Z".into();
    let broken = "it does not answer as it should";
    let cases: Vec<(&str, Vec<Step>)> = vec![
        (REFUSED, vec![error("401 Unauthorized", 401)]),
        (REFUSED, vec![error("403 Forbidden", 403)]),
        (broken, vec![error("500 Internal Server Error", 500)]),
        (broken, reply(&[], &good)),
        (broken, reply(&["X-Subject-Token: "], &good)),
        (broken, reply(&named, "garbage")),
        (broken, reply(&named, "{}")),
        // Clocks that disagree: not to fetch one after the other.
        (broken, reply(&named, &ended.to_string())),
        ("it cannot be reached", vec![Step::Close]),
    ];
    for (cause, steps) in cases {
        let keystone = super::Keystone::start();
        keystone.know("alice", token(&["reader"]));
        keystone.state().login_trouble = Some(steps);
        let upstream = crate::support::Upstream::start();
        let more = "timeout = \"300ms\"";
        let gateway = super::setup(&upstream, &[keystone.url()], more).start();
        let answer = ask(&gateway, "alice");
        let message = answer.refusal(503, "issuer_unavailable", "error");
        assert!(message.ends_with(&format!(": {cause}.")), "{message}");
        assert_eq!(upstream.count(), 0);
        assert!(keystone.questions().is_empty());
        keystone.recover();
        ask_until(&gateway, "alice", 200);
        assert!(keystone.logins().len() < 6);
    }
}
