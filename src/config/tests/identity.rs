//! `[issuer.identity]` and what goes with it in `[upstream]`.

use serde_json::json;

use super::*;
use crate::config::claims::Usual;
use crate::document::Document;
use crate::grant::IdentityMapping;
use crate::proxy::IdentityMode;

const URL: &str = "url = \"http://127.0.0.1:8774\"";

/// The minimal config whose upstream has this line, with these at its end.
fn saying(upstream: &str, more: &str) -> Result<Config, Vec<String>> {
    let text = with(URL, &format!("{URL}\n{upstream}"));
    read(&format!("{text}{more}"))
}

#[test]
fn claims_say_who_a_caller_is_where_the_upstream_is_told() {
    let mode = "identity = \"keystonemiddleware\"";
    let config = saying(mode, "").unwrap();
    assert_eq!(config.upstream.identity, IdentityMode::Keystonemiddleware);
    let least = IdentityMapping {
        user_id: Some(pointer("/sub")),
        ..IdentityMapping::default()
    };
    assert_eq!(config.issuers[0].claims.identity, Some(least));
    let keys = "user_id user_name user_domain_id user_domain_name project_name project_domain_id \
                project_domain_name domain_id domain_name roles is_admin_project system_scope";
    let lines: Vec<String> = keys
        .split(' ')
        .map(|key| format!("{key} = \"/i/{key}\""))
        .collect();
    let section = format!("domain = \"/d\"\n[issuer.identity]\n{}\n", lines.join("\n"));
    let config = saying(mode, &section).unwrap();
    let at = |key: &str| Some(pointer(&format!("/i/{key}")));
    let all = IdentityMapping {
        user_id: at("user_id"),
        user_name: at("user_name"),
        user_domain_id: at("user_domain_id"),
        user_domain_name: at("user_domain_name"),
        project_name: at("project_name"),
        project_domain_id: at("project_domain_id"),
        project_domain_name: at("project_domain_name"),
        domain_id: at("domain_id"),
        domain_name: at("domain_name"),
        roles: at("roles"),
        is_admin_project: at("is_admin_project"),
        system_scope: at("system_scope"),
    };
    assert_eq!(config.issuers[0].claims.identity, Some(all));
    let config = saying(mode, "domain = \"/d\"\n").unwrap();
    let identity = config.issuers[0].claims.identity.clone().unwrap();
    assert_eq!(identity.domain_id, Some(pointer("/d")));
}

#[test]
fn mistakes_are_named() {
    let cases = [
        (
            "identity = \"nova\"",
            "",
            "a.toml:5: `upstream.identity` is `nova`, expected \"keystonemiddleware\" or a table of headers' names: \
             there is no such way",
        ),
        (
            "",
            "[issuer.identity]\nroles = \"/roles\"\n",
            "a.toml:13: `issuer.identity` is not used, expected it only beside `identity = \"keystonemiddleware\"` in \
             [upstream]",
        ),
        (
            "identity = \"keystonemiddleware\"",
            "[issuer.identity]\nroles = \"roles\"\n",
            "a.toml:14: `issuer.identity.roles` is `roles`, expected a JSON pointer such as \"/project_id\": \
             a pointer starts with `/` and has `~` only in `~0` and `~1` (RFC 6901)",
        ),
        (
            "identity = \"keystonemiddleware\"",
            "[issuer.identity]\nuser_nam = \"/n\"\n",
            "a.toml:14: `issuer.identity.user_nam` is not a known key; did you mean `user_name`?",
        ),
        (
            "service_token = \"other\"",
            "",
            "a.toml:5: `upstream.service_token` is `other`, expected the name of an issuer with `kind = \"keystone\"`",
        ),
        // A JWT's issuer gives the gateway no token.
        (
            "service_token = \"https://iam.example.com\"",
            "",
            "a.toml:5: `upstream.service_token` is `https://iam.example.com`, expected the name of an issuer with \
             `kind = \"keystone\"`",
        ),
        (
            "identity = \"keystonemiddleware\"\ncredential = { header = \"X-Roles\", file = \"t\" }",
            "",
            "a.toml:6: `upstream.credential` has `x-roles`, which carries something else already",
        ),
    ];
    for (upstream, more, expected) in cases {
        let found = saying(upstream, more).map(|_| ()).unwrap_err();
        assert_eq!(found, [expected], "{upstream} {more}");
    }
    let both = "service_token = \"k\"\ncredential = \"strip\"\nidentity = { issuer = \"X-Service-Token\" }";
    let found = saying(both, "").map(|_| ()).unwrap_err();
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(
        found[1],
        "a.toml:5: `upstream.service_token` is not used, expected it only beside `credential = \"forward\"`"
    );
    assert_eq!(
        found[2],
        "a.toml:7: `upstream.identity` has `x-service-token`, which carries something else already"
    );
}

/// What a kind's claims say without a word in the config.
fn usual(usual: Usual) -> ClaimMapping {
    let mapping = usual.mapping(None).unwrap();
    let document = Document::new("a.toml", "");
    let identity = document.read(|root| crate::config::identity::read(root, &mapping, usual));
    ClaimMapping {
        identity: Some(identity),
        ..mapping
    }
}

#[test]
fn keystones_claims_are_where_they_always_are() {
    let mapping = usual(Usual::KEYSTONE);
    let domain = |id: &str| json!({"id": id, "name": id.to_uppercase()});
    let answer = json!({"token": {
        "user": {"id": "u", "name": "alice", "domain": domain("d1")},
        "project": {"id": "p", "name": "shop", "domain": domain("d2")},
        "roles": [{"id": "1", "name": "reader"}, {"id": "2", "name": "member"}],
        "is_admin_project": true,
        "application_credential": {"id": "a", "name": "robot", "restricted": true, "access_rules": [
            {"id": "r", "method": "GET", "path": "/v2.1/**", "service": "compute"}
        ]},
    }});
    let claims = answer.as_object().unwrap();
    assert_eq!(mapping.roles(claims).unwrap(), ["reader", "member"]);
    let rules = mapping.access_rules.as_ref().unwrap();
    let rules = rules.read(claims).unwrap().unwrap();
    assert!(rules.include("GET", "/v2.1/p/servers"));
    assert!(!rules.include("POST", "/v2.1/p/servers"));
    let identity = mapping.identity.unwrap().read(claims).unwrap();
    let found = format!("{identity:?}");
    let expected = r#"IdentityClaims { user_id: Some("u"), user_name: Some("alice"), user_domain_id: Some("d1"), user_domain_name: Some("D1"), project_name: Some("shop"), project_domain_id: Some("d2"), project_domain_name: Some("D2"), domain_id: None, domain_name: None, roles: ["reader", "member"], is_admin_project: Some(true), is_system: false }"#;
    assert_eq!(found, expected);
    let system = json!({"token": {"user": {"id": "u"}, "system": {"all": true}}});
    let identity = usual(Usual::KEYSTONE).identity.unwrap();
    assert!(
        identity
            .read(system.as_object().unwrap())
            .unwrap()
            .is_system
    );
    let system = json!({"sub": "u", "openstack_system": "all", "openstack_domain_id": "d"});
    let identity = usual(Usual::KEYSTONE_JWS).identity.unwrap();
    let identity = identity.read(system.as_object().unwrap()).unwrap();
    assert!(identity.is_system);
    assert_eq!(identity.domain_id.as_deref(), Some("d"));
    assert_eq!(identity.user_id.as_deref(), Some("u"));
}

/// A config may give roles to users by their ids: to be told such an id for a role, an upstream would take
/// the user `admin` for an administrator.
#[test]
fn what_stands_for_a_role_here_is_no_role_to_the_upstream() {
    let claims =
        json!({"sub": "admin", "openstack_project_id": "p", "groups": ["admin"], "role": "reader"});
    let told = |usual: Usual, roles: &str, identity: &str| {
        let text = format!(
            "[claims]\nproject = \"/openstack_project_id\"\nroles = \"{roles}\"\n{identity}"
        );
        let document = Document::new("a.toml", &text);
        let identity = document.read(|root| {
            let section = root.section("claims").unwrap();
            let mapping = crate::config::claims::read_claims(&section, None, usual).unwrap();
            crate::config::identity::read(root, &mapping, usual)
        });
        identity.read(claims.as_object().unwrap()).unwrap().roles
    };
    let none: [&str; 0] = [];
    assert_eq!(told(Usual::KEYSTONE_JWS, "/sub", ""), none);
    assert_eq!(told(Usual::KEYSTONE_JWS, "/groups", ""), none);
    assert_eq!(told(Usual::JWT, "/sub", ""), none);
    assert_eq!(told(Usual::JWT, "/role", ""), ["reader"]);
    let said = "[identity]\nroles = \"/role\"\n";
    for usual in [Usual::KEYSTONE_JWS, Usual::JWT] {
        assert_eq!(told(usual, "/sub", said), ["reader"]);
    }
}
