//! What comes of a Keystone's answer further on: access rules, and what the upstream is told.

use serde_json::json;

use super::double::{Keystone, token};
use super::{World, ask, ask_until, call, setup};
use crate::support::{Call, PROJECT, Setup, Upstream, own_ip, token as jwt};

fn delete(token: &str) -> Call {
    let path = format!("/v2.1/{PROJECT}/servers/s1");
    Call::new("DELETE", path).header(format!("X-Auth-Token: {token}"))
}

#[test]
fn the_access_rules_of_an_application_credential_bound_it() {
    let rule = |method: &str, path: &str, service: &str| json!({"id": "r1", "method": method, "path": path, "service": service});
    let known = |world: &World, name: &str, rules: serde_json::Value| {
        let mut body = token(&["admin"]);
        body["token"]["application_credential"] =
            json!({"id": "c1", "name": "robot", "restricted": true, "access_rules": rules});
        world.keystone.know(name, body);
    };
    let servers = format!("/v2.1/{PROJECT}/servers/*/metadata");
    let world = World::start();
    known(&world, "may", json!([rule("GET", &servers, "compute")]));
    known(&world, "all", json!([rule("GET", "/v2.1/**", "compute")]));
    world.permits("may");
    world.permits("all");
    let answer = world.gateway.call(&delete("may"));
    let message = answer.refusal(403, "access_rule", "forbidden");
    assert!(message.contains("access rule"), "{message}");
    known(&world, "post", json!([rule("POST", &servers, "compute")]));
    known(&world, "image", json!([rule("GET", &servers, "image")]));
    known(&world, "none", json!([]));
    let other = format!("/v2.1/{PROJECT}/servers/*/tags");
    known(&world, "tags", json!([rule("GET", &other, "compute")]));
    for name in ["post", "image", "none", "tags"] {
        world.refuses(name, 403, "access_rule");
    }
    // Rules that cannot be read might have been narrower.
    known(&world, "text", json!("GET"));
    known(&world, "null", json!(null));
    known(
        &world,
        "method",
        json!([{"path": servers, "service": "compute"}]),
    );
    for name in ["text", "null", "method"] {
        world.refuses(name, 401, "claims_invalid");
    }
    // Rules grant nothing to whom the roles grant nothing.
    let mut bare = token(&[]);
    bare["token"]["application_credential"] =
        json!({"access_rules": [rule("GET", "/**", "compute")]});
    world.keystone.know("bare", bare);
    world.refuses("bare", 403, "action_missing");
    // One without rules is bounded by its roles alone.
    let mut free = token(&["reader"]);
    free["token"]["application_credential"] = json!({"id": "c1", "restricted": true});
    world.keystone.know("free", free);
    world.permits("free");
}

#[test]
fn access_rules_are_for_the_service_that_the_upstream_is() {
    let world = World::with("service_type = \"image\"", |setup| setup);
    for (name, service) in [("image", "image"), ("compute", "compute")] {
        let mut body = token(&["reader"]);
        let rule = json!({"method": "GET", "path": "/**", "service": service});
        body["token"]["application_credential"] = json!({"access_rules": [rule]});
        world.keystone.know(name, body);
    }
    world.permits("image");
    world.refuses("compute", 403, "access_rule");
}

#[test]
fn the_gateways_own_token_goes_beside_the_callers() {
    let service = |setup: Setup| setup.upstream("service_token = \"keystone\"");
    let world = World::with("", service);
    let spoofed = call("alice").header("X-Service-Token: mine");
    assert_eq!(world.gateway.call(&spoofed).status, 200);
    let seen = world.upstream.only();
    assert_eq!(seen.headers.all("x-auth-token"), ["alice"]);
    assert_eq!(seen.headers.all("x-service-token"), ["own-1"]);
    // What Keystone takes no longer, the upstream is sent no longer.
    world.keystone.revoke_given();
    world.keystone.know("bob", token(&["reader"]));
    world.permits("bob");
    let seen = world.upstream.requests().pop().unwrap();
    assert_eq!(seen.headers.all("x-auth-token"), ["bob"]);
    assert_eq!(seen.headers.all("x-service-token"), ["own-2"]);
}

#[test]
fn without_a_token_of_its_own_the_gateway_forwards_nothing() {
    let upstream = Upstream::start();
    let address = Keystone::start_on(own_ip()).address();
    let url = format!("http://{address}/v3");
    let setup = setup(&upstream, &[url], "timeout = \"200ms\"");
    let setup = setup.upstream("service_token = \"keystone\"");
    let gateway = setup.file_issuer("").start();
    // A caller whom no Keystone has to vouch for.
    let known = jwt(&["*:*:*"]);
    let answer = ask(&gateway, &known);
    answer.refusal(503, "service_token_unavailable", "serviceUnavailable");
    assert_eq!(upstream.count(), 0);
    let keystone = Keystone::start_at(address);
    ask_until(&gateway, &known, 200);
    let seen = upstream.only();
    assert_eq!(seen.headers.all("x-service-token"), ["own-1"]);
    assert_eq!(keystone.logins().len(), 1);
}

#[test]
fn the_upstream_is_told_who_keystone_says_it_is() {
    let told = |setup: Setup| setup.upstream("identity = \"keystonemiddleware\"");
    let world = World::with("", told);
    let mut body = token(&["reader", "a member"]);
    body["token"]["is_admin_project"] = false.into();
    world.keystone.know("bob", body);
    let spoofed = ["X-Roles: admin", "X-User-Id: root", "X-Domain-Id: d9"];
    let call = spoofed.into_iter().fold(call("bob"), Call::header);
    let expected = [
        ("x-identity-status", "Confirmed"),
        ("x-user-id", "u1"),
        ("x-user-name", "alice"),
        ("x-user-domain-id", "d1"),
        ("x-user-domain-name", "Users"),
        ("x-project-id", PROJECT),
        ("x-project-name", "shop"),
        ("x-project-domain-id", "d2"),
        ("x-project-domain-name", "Shops"),
        ("x-roles", "reader,a member"),
        ("x-is-admin-project", "False"),
        ("x-user", "alice"),
        ("x-role", "reader,a member"),
        ("x-tenant", "shop"),
        ("x-tenant-id", PROJECT),
        ("x-tenant-name", "shop"),
    ];
    // The second caller comes from what the worker remembers.
    for _ in 0..2 {
        assert_eq!(world.gateway.call(&call).status, 200);
        let seen = world.upstream.requests().pop().unwrap();
        for (name, value) in expected {
            assert_eq!(seen.headers.all(name), [value], "{name}");
        }
        for name in ["x-domain-id", "x-domain-name", "openstack-system-scope"] {
            assert!(!seen.headers.has(name), "{name}");
        }
    }
}
