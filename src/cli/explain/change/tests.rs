//! Every advised change, made where it says, permits the request.

use std::fmt::Write as _;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::{Edit, Example, Place, Way};
use crate::cli::explain::explanation::PolicyName;
use crate::cli::explain::{Asked, Basis, Decision, Depth, Explanation, Who, explain};
use crate::cli::parse_time;
use crate::config::Config;
use crate::json::Pointer;

/// 2022-08-01T00:00:00Z.
const NOON: u64 = 1_659_312_000;
const ROLES: [&str; 3] = ["reader", "worker", "boss"];
const PATTERNS: [&str; 9] = [
    "ecs:*:*",
    "ecs:servers:*",
    "ecs:servers:get",
    "ecs:*:get*",
    "ecs:servers:setMetadata",
    "ecs:*:st*p",
    "ecs:servers:list",
    "ecs:cloudServers:*",
    "vpc:*:*",
];
const REQUESTS: [(&str, &str, Option<&str>); 6] = [
    ("PUT", "/v2.1/a1/servers/s1/metadata", None),
    ("GET", "/v2.1/a1/servers/detail", None),
    (
        "POST",
        "/v2.1/a1/servers/s2/action",
        Some("{\"os-stop\": null}"),
    ),
    (
        "POST",
        "/v1/a1/cloudservers",
        Some("{\"server\": {\"publicip\": {\"eip\": {}}}}"),
    ),
    ("DELETE", "/v2.1/a1/servers/s1", None),
    ("GET", "/v2.1/a2/servers/s1/metadata", None),
];

/// A config's policies, and what a caller sends.
#[derive(Clone, Debug)]
struct World {
    /// One for each role.
    policies: Vec<Value>,
    claims: Map<String, Value>,
    request: (&'static str, &'static str, Option<&'static str>),
    now: u64,
    address: Option<std::net::IpAddr>,
}

impl World {
    fn config(&self) -> Config {
        let mut text = r#"
[listen]
address = "127.0.0.1:0"
[upstream]
url = "http://127.0.0.1:9"
[[issuer]]
name = "https://iam.example.com"
audiences = ["ecs"]
keys = "jwks.json"
[issuer.claims]
project = "/project_id"
actions = "/actions"
policies = "/policies"
roles = "/token/roles/*/name"
[issuer.claims.conditions]
"g:MFAAge" = "/auth_time"
"g:MFAPresent" = "/mfa"
"g:UserName" = "/name"
[issuer.roles]
"#
        .to_owned();
        for role in ROLES {
            writeln!(text, "{role} = \"of {role}\"").unwrap();
        }
        for (role, policy) in ROLES.iter().zip(&self.policies) {
            writeln!(
                text,
                "[[policy]]\nname = \"of {role}\"\ndocument = '''{policy}'''"
            )
            .unwrap();
        }
        Config::parse("c", &text, Path::new("/")).unwrap()
    }

    fn explain(&self) -> Explanation {
        let config = self.config();
        let (method, path, body) = self.request;
        let asked = Asked {
            who: Who::Claims {
                claims: self.claims.clone(),
                issuer: None,
            },
            method: method.to_owned(),
            path: path.to_owned(),
            body: body.map(str::to_owned),
            address: self.address.into(),
            at: Some(self.now),
        };
        let basis = Basis::new(Some(&config)).unwrap();
        explain(&basis, None, &asked, Depth::Change).unwrap()
    }

    /// Changes what an operator would: documents, claims, the request.
    fn apply(&mut self, edit: &Edit) {
        match edit {
            Edit::Project { claim, project } => self.claim(claim, json!(project)),
            Edit::Drop { statements, .. } => {
                for dropped in statements {
                    let place = dropped.statement.strip_prefix("Statement[").unwrap();
                    let place: usize = place.strip_suffix(']').unwrap().parse().unwrap();
                    let document = match &dropped.policy {
                        PolicyName::Own(number) => &mut self.claims["policies"][number - 1],
                        PolicyName::Named(name) => {
                            let mut roles = ROLES.iter();
                            let at = roles.position(|role| *name == format!("of {role}"));
                            let at = at.unwrap();
                            &mut self.policies[at]
                        }
                    };
                    // In place of it, so that the others keep their places.
                    document["Statement"][place] =
                        json!({"Effect": "Allow", "Action": ["obs:bucket:none"]});
                }
            }
            Edit::Condition { example, .. } => match example {
                Example::Time(time) => self.now = parse_time(time).unwrap(),
                Example::Address(address) => self.address = Some(*address),
                Example::Authentication(claim) => self.claim(claim, json!(self.now)),
                Example::Claim { claim, value } => self.claim(claim, value.clone()),
            },
            Edit::Grant { actions, place } => {
                assert_eq!(*place, Place::ActionsClaim("/actions".to_owned()));
                let granted = self.claims["actions"].as_array_mut().unwrap();
                granted.extend(actions.iter().map(|action| json!(action)));
            }
            Edit::Role { role, .. } => {
                let roles = self.claims["token"]["roles"].as_array_mut().unwrap();
                roles.push(json!({"name": role}));
            }
            Edit::Domain { .. } | Edit::AccessRule | Edit::Policy { .. } => {
                panic!("not in this world: {edit:?}")
            }
        }
    }

    fn claim(&mut self, claim: &str, value: Value) {
        let pointer: Pointer = claim.parse().unwrap();
        pointer.write(&mut self.claims, value);
    }
}

fn condition() -> impl Strategy<Value = Value> {
    let conditions = [
        json!({"IpAddress": {"g:SourceIp": ["10.0.0.0/8"]}}),
        json!({"NotIpAddress": {"g:SourceIp": ["10.0.0.0/8", "192.0.2.0/24"]}}),
        json!({"DateLessThan": {"g:CurrentTime": "2022-08-01T00:00:00Z"}}),
        json!({"DateGreaterThanEquals": {"g:CurrentTime": "2022-08-01T00:00:01Z"}}),
        json!({"NumberLessThan": {"g:MFAAge": "300"}}),
        json!({"Bool": {"g:MFAPresent": "true"}}),
        json!({"StringEquals": {"g:UserName": ["alice", "bob"]}}),
        json!({"StringNotMatch": {"g:UserName": ["a*"]}}),
        json!({"Null": {"g:UserName": "true"}}),
    ];
    select(conditions.to_vec())
}

fn document() -> impl Strategy<Value = Value> {
    let statement = (
        prop::bool::weighted(0.3),
        vec(select(&PATTERNS[..]), 1..3),
        prop::option::weighted(0.4, condition()),
        prop::option::weighted(0.3, select(&["s1", "s2", "*"][..])),
    );
    let statement = statement.prop_map(|(denies, patterns, condition, instance)| {
        let effect = if denies { "Deny" } else { "Allow" };
        let mut statement = json!({"Effect": effect, "Action": patterns});
        if let Some(condition) = condition {
            statement["Condition"] = condition;
        }
        if let Some(instance) = instance {
            statement["Resource"] = json!([format!("ecs:*:*:instance:{instance}")]);
        }
        statement
    });
    vec(statement, 1..4).prop_map(|all| json!({"Version": "1.1", "Statement": all}))
}

fn world() -> impl Strategy<Value = World> {
    (
        vec(document(), ROLES.len()),
        vec(select(&ROLES[..]), 0..3),
        vec(select(&PATTERNS[..]), 0..2),
        vec(document(), 0..2),
        select(&REQUESTS[..]),
        select(&[NOON - 1, NOON, NOON + 1][..]),
        prop::option::of(select(&["10.1.2.3", "192.0.2.7", "198.51.100.1"][..])),
        prop::option::of(select(&["alice", "carol"][..])),
    )
        .prop_map(
            |(policies, roles, actions, own, request, now, address, name)| {
                let roles = roles.iter().map(|role| json!({"name": role}));
                let claims = json!({
                    "sub": "u", "project_id": "a1", "actions": actions, "policies": own,
                    "token": {"roles": roles.collect::<Vec<_>>()}, "auth_time": NOON - 600,
                });
                let mut claims = claims.as_object().unwrap().clone();
                claims.extend(name.map(|name| ("name".to_owned(), json!(name))));
                World {
                    policies,
                    claims,
                    request,
                    now,
                    address: address.map(|text| text.parse().unwrap()),
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_advised_change_permits_the_request(world in world()) {
        let explanation = world.explain();
        let Some(change) = explanation.change else {
            prop_assert_eq!(explanation.decision, Decision::Allow);
            return Ok(());
        };
        prop_assert_eq!(explanation.status, Some(403));
        prop_assert!(!change.ways.is_empty(), "{}", change.says);
        prop_assert!(change.ways.is_sorted_by_key(|way| way.adds));
        for Way { edits, .. } in &change.ways {
            let mut changed = world.clone();
            for edit in edits {
                changed.apply(edit);
            }
            let found = changed.explain();
            prop_assert_eq!(found.decision, Decision::Allow, "{:?}\n{:#?}", edits, found.steps);
        }
    }
}

fn of_reader(policies: [Value; 3], request: usize) -> World {
    let claims =
        json!({"project_id": "a1", "actions": [], "token": {"roles": [{"name": "reader"}]}});
    World {
        policies: policies
            .into_iter()
            .map(|statements| json!({"Version": "1.1", "Statement": statements}))
            .collect(),
        claims: claims.as_object().unwrap().clone(),
        request: REQUESTS[request],
        now: NOON,
        address: None,
    }
}

fn advice(world: &World) -> Vec<String> {
    let change = world.explain().change.unwrap();
    let ways = change.ways.iter().map(ToString::to_string);
    ways.collect()
}

#[test]
fn the_smallest_comes_first() {
    let nothing = json!([{"Effect": "Allow", "Action": ["obs:bucket:none"]}]);
    let office = json!({"IpAddress": {"g:SourceIp": ["10.0.0.0/8"]}});
    let conditional =
        json!([{"Effect": "Allow", "Action": ["ecs:servers:list"], "Condition": office}]);
    let all = json!([{"Effect": "Allow", "Action": ["ecs:*:*"]}]);
    let some = json!([{"Effect": "Allow", "Action": ["ecs:servers:list", "ecs:servers:get"]}]);
    assert_eq!(
        advice(&of_reader([conditional, all.clone(), some.clone()], 1)),
        [
            "send it from another address, such as 10.0.0.0 (g:SourceIp IpAddress 10.0.0.0/8, of the role `reader`, `of reader` Statement[0])",
            "use a token whose claim `/actions` grants ecs:servers:list, too",
            "use a token with the role `boss` (which may use 2 actions more)",
        ]
    );
    let deny = json!([
        {"Effect": "Allow", "Action": ["ecs:*:*"]},
        {"Effect": "Deny", "Action": ["ecs:*:st*p"], "Condition": {"DateLessThan": {"g:CurrentTime": "2022-08-02T00:00:00Z"}}},
    ]);
    assert_eq!(
        advice(&of_reader([deny, nothing.clone(), nothing.clone()], 2)),
        [
            "send it at another time, such as 2022-08-02T00:00:00Z (g:CurrentTime DateLessThan 2022-08-02T00:00:00Z, of the role `reader`, `of reader` Statement[1])",
            "drop `of reader` Statement[1], which denies ecs:servers:stop whatever grants it",
        ]
    );
    // A role whose own policy denies it is no help.
    let denying = json!([
        {"Effect": "Allow", "Action": ["ecs:*:*"]}, {"Effect": "Deny", "Action": ["ecs:*:list"]},
    ]);
    assert_eq!(
        advice(&of_reader([nothing.clone(), denying, nothing], 1)),
        ["use a token whose claim `/actions` grants ecs:servers:list, too"]
    );
    let mut other = of_reader([all.clone(), some, all], 5);
    assert_eq!(
        advice(&other),
        ["use a token whose claim `/project_id` names `a2`, or a path of the token's project"]
    );
    other.claims["project_id"] = json!(["a1", "a2"]);
    assert_eq!(other.explain().decision, Decision::Allow);
}
