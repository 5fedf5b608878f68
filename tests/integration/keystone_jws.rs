//! Tokens of a Keystone that is not asked.

use std::fs;

use serde_json::json;

use crate::support::{
    Answer, Call, Claims, Gateway, Key, OTHER_PROJECT, PROJECT, Setup, Upstream, default_key,
    metadata, now,
};

const USER: &str = "552051ae933f440cbe842595f9b5cf6f";

/// Roles by user, as the token has none.
const ROLES: &str = "[issuer.claims]\nroles = \"/sub\"\n[issuer.roles]\n\
                     552051ae933f440cbe842595f9b5cf6f = \"ECS ReadOnlyAccess\"\n";

fn issuer(roles: &str) -> String {
    format!(
        "[[issuer]]\nkind = \"keystone-jws\"\nname = \"keystone\"\nkeys = \"one.pem\"\n\
         cooldown = \"1ns\"\n{roles}"
    )
}

struct World {
    upstream: Upstream,
    gateway: Gateway,
    key: Key,
}

fn world(roles: &str) -> World {
    let upstream = Upstream::start();
    let key = Key::es256("unused");
    let gateway = Setup::new(&upstream)
        .file("one.pem", &key.pem())
        .issuer_of(&issuer(roles))
        .file_issuer("")
        .start();
    World {
        upstream,
        gateway,
        key,
    }
}

fn claims() -> Claims {
    let claims = Claims::new(PROJECT, &[]).without("iss").without("aud");
    let claims = claims.without("project_id").without("actions");
    claims
        .set("sub", USER)
        .set("openstack_methods", json!(["password"]))
        .set("openstack_audit_ids", json!(["Pw7DQ7fsTgykznNn378b0A"]))
        .set("openstack_project_id", PROJECT)
}

impl World {
    fn ask(&self, claims: &Claims) -> Answer {
        self.ask_with(&claims.sign(&self.key))
    }

    fn ask_with(&self, token: &str) -> Answer {
        let header = format!("X-Auth-Token: {token}");
        self.gateway.call(&Call::get(metadata()).header(&header))
    }
}

#[test]
fn a_user_may_what_the_config_gives_it() {
    let world = world(ROLES);
    assert_eq!(world.ask(&claims()).status, 200);
    let token = claims().sign(&world.key);
    let stop = Call::new("DELETE", format!("/v2.1/{PROJECT}/servers/s1"))
        .header(format!("X-Auth-Token: {token}"));
    let answer = world.gateway.call(&stop);
    answer.refusal(403, "action_missing", "forbidden");
    let stranger = world.ask(&claims().set("sub", "somebody"));
    stranger.refusal(403, "action_missing", "forbidden");
    let audit = world.gateway.wait_for_audit(3);
    assert_eq!(
        (&audit[0]["issuer"], &audit[0]["subject"]),
        (&json!("keystone"), &json!(USER))
    );
    assert_eq!(world.upstream.count(), 1);
}

#[test]
fn without_a_mapping_it_grants_nothing() {
    let world = world("");
    world
        .ask(&claims())
        .refusal(403, "action_missing", "forbidden");
    assert_eq!(world.upstream.count(), 0);
}

#[test]
fn what_keystone_cannot_have_made_is_refused() {
    let world = world(ROLES);
    let now = now();
    let rs256 = Key::rs256("k");
    let foreign = Key::es256("k");
    let rows = [
        (
            "expired",
            claims().set("exp", now - 31).sign(&world.key),
            "token_expired",
        ),
        ("a foreign key", claims().sign(&foreign), "token_key"),
        (
            "another issuer's key",
            claims().sign(default_key()),
            "token_key",
        ),
        (
            "another algorithm",
            claims().sign(&rs256),
            "token_algorithm",
        ),
        (
            "an application credential",
            claims().set("openstack_app_cred_id", "x").sign(&world.key),
            "token_delegated",
        ),
        (
            "its key for another issuer's token",
            Claims::new(PROJECT, &["*:*:*"]).sign_as(&world.key, "k1"),
            "token_signature",
        ),
        (
            "no form of its",
            claims().without("openstack_methods").sign(&world.key),
            "token_claim",
        ),
    ];
    for (name, token, reason) in rows {
        let answer = world.ask_with(&token);
        assert_eq!(answer.reason(), reason, "{name}");
        assert_eq!(answer.status, 401, "{name}");
    }
    let other = world.ask(&claims().set("openstack_project_id", OTHER_PROJECT));
    other.refusal(403, "project_mismatch", "forbidden");
    for scope in [("openstack_domain_id", "d"), ("openstack_system", "all")] {
        let answer = world.ask(
            &claims()
                .without("openstack_project_id")
                .set(scope.0, scope.1),
        );
        answer.refusal(403, "project_mismatch", "forbidden");
    }
    assert_eq!(world.upstream.count(), 0);
}

#[test]
fn a_new_key_is_taken_up_when_it_is_first_used() {
    let upstream = Upstream::start();
    let (old, new) = (Key::es256("k"), Key::es256("k"));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("old.pem"), old.pem()).unwrap();
    let keys = format!("keys = \"{}\"", folder.path().display());
    let gateway = Setup::new(&upstream)
        .issuer_of(&issuer(ROLES).replace("keys = \"one.pem\"", &keys))
        .more("[reload]\nwatch = false\n")
        .start();
    let world = World {
        upstream,
        gateway,
        key: new,
    };
    assert_eq!(world.ask_with(&claims().sign(&old)).status, 200);
    world.ask(&claims()).refusal(401, "token_key", "error");
    fs::write(folder.path().join("new.pem"), world.key.pem()).unwrap();
    assert_eq!(world.ask(&claims()).status, 200);
    assert_eq!(world.ask_with(&claims().sign(&old)).status, 200);
    fs::remove_file(folder.path().join("old.pem")).unwrap();
    // Whatever makes the keys be read again: here a token of a key that nobody has.
    world.ask_with(&claims().sign(&Key::es256("k")));
    world
        .ask_with(&claims().sign(&old))
        .refusal(401, "token_key", "error");
    assert_eq!(world.ask(&claims()).status, 200);
}
