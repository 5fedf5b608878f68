use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::table::{ActionName, ActionTable, Source};

fn table() -> ActionTable {
    ActionTable::load(&Source::builtin()).unwrap()
}

fn mapping(actions: &str, project: &str, subject: &str) -> ClaimMapping {
    ClaimMapping {
        actions: Some(actions.parse().unwrap()),
        ..ClaimMapping::new(project.parse().unwrap(), subject.parse().unwrap())
    }
}

fn read(claims: &Value) -> Result<Principal, InvalidClaim> {
    let mapping = mapping("/actions", "/project", "/sub");
    Principal::new(
        7,
        claims.as_object().unwrap(),
        &mapping,
        &Roles::default(),
        &table(),
    )
}

/// The names of what a principal may do, in the order of the table.
fn names(principal: &Principal) -> Vec<String> {
    let table = table();
    let names = table
        .names(principal.grants.granted())
        .map(ToString::to_string);
    names.collect()
}

fn all() -> Vec<String> {
    let table = table();
    table.actions().map(|(_, name)| name.to_string()).collect()
}

#[test]
fn actions_are_an_array_or_words() {
    let (get, set) = ("ecs:servers:get", "ecs:servers:setMetadata");
    let cases: [(Value, &[&str]); 13] = [
        (json!([get]), &[get]),
        (json!([set, get, get]), &[set, get]),
        (json!([]), &[]),
        (json!(get), &[get]),
        (json!(format!("{get} {set}")), &[set, get]),
        (json!(format!("  {get}   {set} ")), &[set, get]),
        (json!(""), &[]),
        (json!(" "), &[]),
        (json!(["ECS:servers:get"]), &[]),
        (json!(["ecs:SERVERS:GET"]), &[get]),
        (json!(["ecs:servers:ge"]), &[]),
        (json!(["evs:volumes:get", "ecs:servers:get"]), &[get]),
        (json!(["ecs:servers:g*t", "ecs:*:SETm*"]), &[set, get]),
    ];
    for (actions, expected) in cases {
        let mut found = names(&read(&json!({"actions": actions})).unwrap());
        let mut expected = expected.to_vec();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{actions}");
    }
}

#[test]
fn everything_is_everything_the_table_demands() {
    assert!(all().len() > 3);
    for actions in [
        json!(["*:*:*"]),
        json!("*:*:*"),
        json!(["a:b:c", "ecs:*:*", "vpc:*:*"]),
    ] {
        let principal = read(&json!({"actions": actions})).unwrap();
        assert_eq!(names(&principal), all(), "{actions}");
    }
}

#[test]
fn what_is_absent_grants_nothing() {
    let principal = read(&json!({"scope": "*:*:*", "Actions": ["*:*:*"]})).unwrap();
    assert!(principal.grants.granted().is_empty());
    assert_eq!(
        (principal.projects, principal.subject, principal.issuer),
        (vec![], None, 7)
    );
}

#[test]
fn pointers_reach_into_claims() {
    let claims = json!({
        "sub": "outer",
        "token": {"project": {"id": "p"}, "user": {"name": "alice"}},
        "resource_access": {"ecs": {"roles": ["ecs:servers:get"]}},
        "https://example.com/actions": ["ecs:servers:get"],
        "projects": [{"id": "q"}],
    });
    let read = |actions, project, subject| {
        let mapping = mapping(actions, project, subject);
        let claims = claims.as_object().unwrap();
        Principal::new(0, claims, &mapping, &Roles::default(), &table()).unwrap()
    };
    let deep = read(
        "/resource_access/ecs/roles",
        "/token/project/id",
        "/token/user/name",
    );
    assert_eq!(names(&deep), ["ecs:servers:get"]);
    assert_eq!(
        (deep.projects, deep.subject),
        (vec!["p".to_owned()], Some("alice".to_owned()))
    );
    let odd = read(
        "/https:~1~1example.com~1actions",
        "/projects/0/id",
        "/token/user/none",
    );
    assert_eq!(names(&odd), ["ecs:servers:get"]);
    assert_eq!((odd.projects, odd.subject), (vec!["q".to_owned()], None));
    // One member of the array only: the others are not what the pointer names.
    let one = read(
        "/resource_access/ecs/roles/0",
        "/projects/1/id",
        "/sub/name",
    );
    assert_eq!(names(&one), ["ecs:servers:get"]);
    assert_eq!((one.projects, one.subject), (vec![], None));
}

#[test]
fn projects_and_the_subject() {
    let none: &[&str] = &[];
    let cases = [
        (json!("p"), ["p"].as_slice()),
        (json!(["p", "q"]), &["p", "q"]),
        (json!([]), none),
        // Not words: a project may be called so.
        (json!("p q"), &["p q"]),
        (json!("*"), &["*"]),
    ];
    for (project, expected) in cases {
        let principal = read(&json!({"project": project, "sub": "alice"})).unwrap();
        assert_eq!(principal.projects, expected, "{project}");
        assert_eq!(principal.subject.as_deref(), Some("alice"));
    }
}

#[test]
fn claims_of_another_type_refuse_the_token() {
    let values = [
        json!(null),
        json!(true),
        json!(1),
        json!({"get": true}),
        json!([1]),
        json!(["ecs:servers:get", null]),
        json!([["ecs:servers:get"]]),
    ];
    let claims = [
        (
            "actions",
            "the claim at `/actions` is not an array of strings or a string with spaces",
        ),
        (
            "project",
            "the claim at `/project` is not a string or an array of strings",
        ),
        ("sub", "the claim at `/sub` is not a string"),
    ];
    for (claim, expected) in claims {
        for value in &values {
            let refused = read(&json!({claim: value})).unwrap_err();
            assert_eq!(refused.to_string(), expected, "{claim}: {value}");
        }
    }
    let refused = read(&json!({"sub": ["alice"]})).unwrap_err();
    assert_eq!(refused.to_string(), "the claim at `/sub` is not a string");
}

/// A grant that is not understood could as well be a limit on the others.
#[test]
fn what_is_no_pattern_refuses_the_token() {
    let count = |count| InvalidPattern::PartCount(count);
    let part = |text: &str| InvalidPattern::Part(text.to_owned());
    let cases = [
        (json!("*"), "*", count(1)),
        (json!("openid"), "openid", count(1)),
        (json!("ecs:servers:get openid"), "openid", count(1)),
        (json!("profile ecs:servers:get"), "profile", count(1)),
        (json!(["ecs:servers:get", "*"]), "*", count(1)),
        (json!(["ecs:*"]), "ecs:*", count(2)),
        (
            json!(["ecs:servers:get:all"]),
            "ecs:servers:get:all",
            count(4),
        ),
        (json!([""]), "", count(1)),
        (json!(["::"]), "::", part("")),
        // In an array nothing is split, and only spaces part words.
        (
            json!(["ecs:servers:get ecs:servers:list"]),
            "ecs:servers:get ecs:servers:list",
            count(5),
        ),
        (
            json!([" ecs:servers:get"]),
            " ecs:servers:get",
            part(" ecs"),
        ),
        (
            json!("ecs:servers:get\tx"),
            "ecs:servers:get\tx",
            part("get\tx"),
        ),
        (
            json!("ecs:servers:get,ecs"),
            "ecs:servers:get,ecs",
            part("get,ecs"),
        ),
        (
            json!(["!ecs:servers:get"]),
            "!ecs:servers:get",
            part("!ecs"),
        ),
        (json!(["-:servers:g?t"]), "-:servers:g?t", part("g?t")),
        (json!(["ecs:servers:gét"]), "ecs:servers:gét", part("gét")),
    ];
    for (actions, text, source) in cases {
        let expected = InvalidClaim::Grant {
            pointer: "/actions".to_owned(),
            text: text.to_owned(),
            source,
        };
        let refused = read(&json!({"actions": actions})).unwrap_err();
        assert_eq!(refused, expected, "{actions}");
        assert_eq!(
            refused.to_string(),
            format!(
                "the claim at `/actions` grants `{text}`, which is not a pattern `service:resource:verb`"
            )
        );
    }
}

proptest! {
    /// The bits say what asking each pattern about each action says.
    #[test]
    fn granted_is_what_some_pattern_matches(
        texts in proptest::collection::vec("(ecs|e\\*|\\*|evs):(servers|s\\*|\\*s|cloudservers|\\*):(get|g\\*|\\*metadata|set\\*|\\*)", 0..4),
    ) {
        let table = table();
        let principal = read(&json!({"actions": texts})).unwrap();
        let worded = read(&json!({"actions": texts.join(" ")})).unwrap();
        let matches = |pattern: &str, name: &ActionName| {
            let mut parts = pattern.split(':').zip(name.parts());
            parts.all(|(pattern, part)| wildcard::matches(pattern, part, char::eq_ignore_ascii_case))
        };
        for (id, name) in table.actions() {
            let expected = texts.iter().any(|pattern| {
                let mut names = table.aliases(name).iter().chain([name]);
                names.any(|name| matches(pattern, name))
            });
            prop_assert_eq!(principal.grants.granted().contains(id), expected, "{}", name);
        }
        prop_assert_eq!(principal.grants.granted(), worded.grants.granted());
    }
}
