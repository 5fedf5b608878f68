use serde_json::json;

use super::*;
use crate::grant::{Compiler, NamedPolicy, Reach, Role, Scope};
use crate::grant::{ConditionKeys, Policy, Reaching as _, RoleGrants};
use crate::table::Source;

const GET: &str = "ecs:servers:get";
const SET: &str = "ecs:servers:setMetadata";
const LIST: &str = "ecs:servers:listMetadata";

fn table() -> ActionTable {
    ActionTable::load(&Source::builtin()).unwrap()
}

fn mapping() -> ClaimMapping {
    let pointer = |text: &str| text.parse().unwrap();
    let mut mapping = ClaimMapping {
        actions: Some(pointer("/actions")),
        policies: Some(pointer("/own/policies")),
        roles: Some(pointer("/realm_access/roles")),
        ..ClaimMapping::new(pointer("/project"), pointer("/sub"))
    };
    mapping.keys.domain = Some(pointer("/domain"));
    mapping.keys.feed("g:UserName", pointer("/name")).unwrap();
    mapping
}

fn document(statements: &[Value]) -> Value {
    json!({"Version": "1.1", "Statement": statements})
}

fn allow(action: &str) -> Value {
    json!({"Effect": "Allow", "Action": [action]})
}

fn deny(action: &str) -> Value {
    json!({"Effect": "Deny", "Action": [action]})
}

/// The role `reader` may get, and list what is alice's; the role `locked` may not set.
fn read(claims: &Value) -> Result<Principal, InvalidClaim> {
    let (table, mapping) = (table(), mapping());
    let mut own = allow(LIST);
    own["Condition"] = json!({"StringEquals": {"g:UserName": ["alice"]}});
    let role = |name: &str, document: &Value| {
        let policy =
            NamedPolicy::read(format!("policy of {name}"), document.to_string().as_bytes());
        Role {
            name: name.to_owned(),
            line: 1,
            policies: vec![policy.unwrap().into()],
        }
    };
    let roles = [
        role("reader", &document(&[allow(GET), own])),
        role("locked", &document(&[deny(SET)])),
    ];
    let (roles, errors) = Compiler::new(&table).compile(&roles, &mapping.keys);
    assert_eq!(errors, []);
    Principal::new(0, claims.as_object().unwrap(), &mapping, &roles, &table)
}

/// The names of what every request may use, in alphabetical order.
fn granted(claims: &Value) -> Vec<String> {
    let (table, principal) = (table(), read(claims).unwrap());
    let names = table.names(principal.grants.granted());
    let mut names: Vec<String> = names.map(ToString::to_string).collect();
    names.sort_unstable();
    names
}

#[test]
fn actions_policies_and_roles_add_up_and_a_deny_outweighs_all() {
    let policies = |statements: &[Value]| json!({"policies": document(statements)});
    let none: &[&str] = &[];
    let cases = [
        (json!({}), none),
        (json!({"actions": [SET]}), &[SET]),
        (json!({"own": policies(&[allow(SET)])}), &[SET]),
        (json!({"own": {"policies": []}}), none),
        (
            json!({"own": {"policies": [document(&[allow(SET)]), document(&[allow(GET)])]}}),
            &[GET, SET],
        ),
        (json!({"realm_access": {"roles": ["reader"]}}), &[GET]),
        (json!({"realm_access": {"roles": "reader"}}), &[GET]),
        (
            json!({"realm_access": {"roles": ["reader"]}, "name": "alice"}),
            &[GET, LIST],
        ),
        (
            json!({"realm_access": {"roles": ["reader"]}, "actions": SET}),
            &[GET, SET],
        ),
        // Whichever claim denies, and whichever allows.
        (
            json!({"realm_access": {"roles": ["locked", "reader"]}, "actions": SET}),
            &[GET],
        ),
        (
            json!({"realm_access": {"roles": "locked"}, "own": policies(&[allow(SET), allow(GET)])}),
            &[GET],
        ),
        (
            json!({"realm_access": {"roles": "reader"}, "own": policies(&[deny(GET)]), "actions": [GET, SET]}),
            &[SET],
        ),
    ];
    for (claims, expected) in cases {
        assert_eq!(granted(&claims), expected, "{claims}");
    }
}

/// Names hold spaces: a string is not several roles.
#[test]
fn a_string_is_one_role() {
    let principal = read(&json!({"realm_access": {"roles": "reader locked"}})).unwrap();
    assert!(principal.grants.granted().is_empty());
    assert_eq!(principal.unknown_roles.names(), ["reader locked"]);
    let principal = read(&json!({"realm_access": {"roles": ["x", "reader", "x"]}})).unwrap();
    assert_eq!(principal.unknown_roles.names(), ["x"]);
    assert_eq!(principal.unknown_roles.count(), 1);
}

#[test]
fn what_is_not_understood_refuses_the_token() {
    let roles = "the claim at `/realm_access/roles` is not the name of a role or an array of names";
    let policies =
        "the claim at `/own/policies` is not a policy document or an array of policy documents";
    let unfed = json!({"Effect": "Deny", "Action": ["ecs:*:*"], "Condition": {"Bool": {"g:MFAPresent": ["false"]}}});
    let text = document(&[allow(GET)]).to_string();
    let cases = [
        (json!({"realm_access": {"roles": null}}), roles),
        (
            json!({"realm_access": {"roles": {"name": "reader"}}}),
            roles,
        ),
        (json!({"realm_access": {"roles": ["reader", 1]}}), roles),
        (json!({"realm_access": {"roles": [["reader"]]}}), roles),
        (json!({"own": {"policies": null}}), policies),
        (json!({"own": {"policies": true}}), policies),
        // A string is no document, whatever it holds.
        (json!({"own": {"policies": text}}), policies),
        (
            json!({"own": {"policies": [document(&[allow(GET)]), text]}}),
            "the claim at `/own/policies/1` is not a policy that is understood: expected an object at `document`, found",
        ),
        (
            json!({"own": {"policies": {}}}),
            "the claim at `/own/policies` is not a policy that is understood: expected `1.1` or `5.0` at `Version`, found nothing",
        ),
        (
            json!({"own": {"policies": [document(&[allow(GET), json!({"Effect": "deny", "Action": [SET]})])]}}),
            "the claim at `/own/policies/0` is not a policy that is understood: expected `Allow` or `Deny` at `Statement[1].Effect`, found `deny`",
        ),
        (
            json!({"own": {"policies": document(&[unfed])}}),
            "the claim at `/own/policies` holds a policy that cannot be judged: `Statement[0]` has a condition on `g:MFAPresent`, which no claim feeds",
        ),
        (
            json!({"realm_access": {"roles": "reader"}, "name": 7}),
            "the policy `policy of reader` of the token's roles cannot be judged: `Statement[1]` has a condition on `g:UserName`, and the claim that feeds it is not",
        ),
        (
            json!({"domain": ["d"]}),
            "the claim at `/domain` is not a string that is not empty",
        ),
        (
            json!({"domain": ""}),
            "the claim at `/domain` is not a string that is not empty",
        ),
    ];
    for (claims, expected) in cases {
        let error = read(&claims).map(|_| ()).expect_err(&claims.to_string());
        let error = error.to_string();
        assert!(error.starts_with(expected), "{claims}: {error}");
    }
}

#[test]
fn a_token_is_for_projects_or_for_a_domain() {
    let scope = |projects: &[&str], domain: Option<&str>, enters_all_projects| Scope {
        projects: projects.iter().map(|p| (*p).to_owned()).collect(),
        domain: domain.map(str::to_owned),
        enters_all_projects,
    };
    let cases = [
        (json!({}), scope(&[], None, false), false),
        (json!({"project": "p"}), scope(&["p"], None, false), false),
        (json!({"domain": "d"}), scope(&[], Some("d"), false), true),
        // One of projects, which may be in a domain, and may be none.
        (
            json!({"project": ["p", "q"], "domain": "d"}),
            scope(&["p", "q"], None, false),
            false,
        ),
        (
            json!({"project": [], "domain": "d"}),
            scope(&[], None, false),
            false,
        ),
    ];
    for (claims, expected, enters) in cases {
        let members = claims.as_object().unwrap();
        assert_eq!(mapping().scope(members).unwrap(), expected, "{claims}");
        let entering = ClaimMapping {
            domain_enters_projects: true,
            ..mapping()
        };
        let expected = Scope {
            enters_all_projects: enters,
            ..expected
        };
        assert_eq!(entering.scope(members).unwrap(), expected, "{claims}");
        let principal = read(&claims).unwrap();
        assert_eq!(principal.domain, expected.domain);
        assert_eq!(principal.projects, expected.projects);
    }
}

#[test]
fn a_reach_is_over_all_requests() {
    let one = |mut statement: Value| {
        statement["Resource"] = json!(["ecs:*:*:instance:s1"]);
        statement
    };
    let office = |mut statement: Value| {
        statement["Condition"] = json!({"IpAddress": {"g:SourceIp": ["10.0.0.0/8"]}});
        statement
    };
    // With grants for single instances, and without.
    let cases = [
        (vec![], [Reach::No, Reach::No]),
        (vec![allow(GET)], [Reach::Every, Reach::Every]),
        (vec![allow(GET), deny(GET)], [Reach::No, Reach::No]),
        (vec![one(allow(GET))], [Reach::Some, Reach::No]),
        (vec![office(allow(GET))], [Reach::Some, Reach::Some]),
        (vec![office(allow(SET))], [Reach::No, Reach::No]),
        (
            vec![allow(GET), office(deny(GET))],
            [Reach::Some, Reach::Some],
        ),
        (vec![allow(GET), one(deny(GET))], [Reach::Some, Reach::Some]),
        (
            vec![allow(GET), one(allow(GET))],
            [Reach::Every, Reach::Every],
        ),
        (vec![office(deny(GET))], [Reach::No, Reach::No]),
        (vec![deny(GET), office(allow(GET))], [Reach::No, Reach::No]),
    ];
    let get = table().action(&GET.parse().unwrap()).unwrap();
    for (statements, expected) in cases {
        let principal = match statements.as_slice() {
            [] => read(&json!({})),
            some => read(&json!({"own": {"policies": document(some)}})),
        };
        let grants = principal.unwrap().grants;
        let found = [true, false].map(|is_instance_level| grants.reach(get, is_instance_level));
        assert_eq!(found, expected, "{statements:?}");
    }
}

#[test]
fn of_a_role_nothing_is_known_that_a_caller_has() {
    let statements = [
        json!({"Effect": "Allow", "Action": [GET]}),
        json!({"Effect": "Allow", "Action": [SET], "Condition": {"StringEquals": {"g:UserName": ["alice"]}}}),
        json!({"Effect": "Deny", "Action": [GET], "Condition": {"DateLessThan": {"g:CurrentTime": ["2026-01-01T00:00:00Z"]}}}),
    ];
    let policy = Policy::parse(&json!({"Version": "1.1", "Statement": statements})).unwrap();
    let table = table();
    let mut keys = ConditionKeys::default();
    keys.feed("g:UserName", "/name".parse().unwrap()).unwrap();
    let compiled = CompiledPolicy::new(&policy, &table, &keys).unwrap();
    let grants = RoleGrants::new([&compiled]);
    let reach = |name: &str| grants.reach(table.action(&name.parse().unwrap()).unwrap(), false);
    assert_eq!(
        [GET, SET, LIST].map(reach),
        [Reach::Some, Reach::Some, Reach::No]
    );
}
