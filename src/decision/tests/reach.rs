//! What is listed before there is a request, held against requests.

use std::net::IpAddr;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::Value;

use super::*;
use crate::grant::{Reach, RoleGrants};
use crate::router::JsonBody;

const TABLE: &str = "
[[operation]]
permission = 'list'
routes = ['GET /{project_id}/list']
actions = ['ecs:y:list']
successors = ['ecs:y:listAll']
[[operation]]
permission = 'change'
routes = ['PUT /{project_id}/change/{server_id}']
actions = ['ecs:y:set', 'ecs:y:get']
resource = '{server_id}'
[[operation]]
permission = 'look'
routes = ['GET /{project_id}/look/{server_id}']
actions = ['ecs:y:get']
[[operation]]
permission = 'make'
routes = ['POST /{project_id}/make']
actions = ['ecs:y:set']
[[operation.conditional]]
when = '/more'
actions = ['ecs:y:get']
";

fn statement() -> impl Strategy<Value = Value> {
    let names = vec![
        "ecs:y:list",
        "ecs:y:listAll",
        "ecs:y:set",
        "ecs:y:get",
        "ecs:y:*",
        "ecs:*:*et",
    ];
    let conditions = vec![
        json!(null),
        json!(null),
        json!({"IpAddress": {"g:SourceIp": ["10.0.0.0/8"]}}),
        json!({"NotIpAddress": {"g:SourceIp": ["10.0.0.0/8"]}}),
        json!({"DateLessThan": {"g:CurrentTime": ["2020-01-01T00:00:00Z"]}}),
        json!({"StringEquals": {"g:UserName": ["alice"]}}),
        json!({"StringNotEquals": {"g:UserName": ["alice"]}}),
        json!({"StringEquals": {"g:ServiceName": ["ecs"]}}),
        json!({"StringEquals": {"g:ServiceName": ["z"]}}),
        json!({"NumberLessThan": {"g:MFAAge": ["600"]}}),
    ];
    let resources = vec![
        json!(null),
        json!(null),
        json!(["ecs:*:*:instance:s1"]),
        json!(["ecs:*:*:instance:*"]),
    ];
    (
        any::<bool>(),
        subsequence(names, 1..=2),
        prop::bool::weighted(0.2),
        select(conditions),
        select(resources),
    )
        .prop_map(|(allows, names, excludes, condition, resource)| {
            let mut statement = json!({"Effect": if allows { "Allow" } else { "Deny" }});
            statement[if excludes { "NotAction" } else { "Action" }] = json!(names);
            for (key, value) in [("Condition", condition), ("Resource", resource)] {
                if !value.is_null() {
                    statement[key] = value;
                }
            }
            statement
        })
}

/// When, from where and what.
fn requests() -> Vec<(u64, Address, (Method, &'static str), Option<&'static str>)> {
    let lines = [
        (Method::GET, "/p/list", None),
        (Method::PUT, "/p/change/s1", None),
        (Method::PUT, "/p/change/s2", None),
        (Method::GET, "/p/look/s1", None),
        (Method::GET, "/p/look/s2", None),
        (Method::POST, "/p/make", Some("{}")),
        (Method::POST, "/p/make", Some("{\"more\": 1}")),
    ];
    let mut requests = Vec::new();
    for now in [1_500_000_000, 1_600_000_000] {
        for address in [
            Address::Absent,
            Address::Unclear,
            Address::Known(IpAddr::from([10, 0, 0, 1])),
            Address::Known(IpAddr::from([11, 0, 0, 1])),
        ] {
            let lines = lines.iter().cloned();
            requests.extend(lines.map(|(method, path, body)| (now, address, (method, path), body)));
        }
    }
    requests
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn yes_is_every_request_and_no_is_none(statements in vec(statement(), 0..4)) {
        let source = Source { name: "own".to_owned(), text: TABLE.to_owned() };
        let router = Router::new(ActionTable::load(&[source]).unwrap()).unwrap();
        let mut keys = ConditionKeys::default();
        keys.feed("g:UserName", "/name".parse().unwrap()).unwrap();
        keys.feed("g:MFAAge", "/at".parse().unwrap()).unwrap();
        let compiled: Vec<CompiledPolicy> = statements
            .iter()
            .map(|statement| {
                let policy = json!({"Version": "5.0", "Statement": [statement]});
                CompiledPolicy::new(&Policy::parse(&policy).unwrap(), router.table(), &keys).unwrap()
            })
            .collect();
        let role = RoleGrants::new(&compiled);
        let callers = [json!({}), json!({"name": "alice", "at": 1_500_000_000}), json!({"name": "bob"})];
        for claims in &callers {
            let values = keys.read(claims.as_object().unwrap());
            let mut caller = principal(&router, &["p"], &[]);
            for policy in &compiled {
                caller.grants.add(policy, &values).unwrap();
            }
            for (now, address, (method, path), body) in requests() {
                let path: RequestPath = path.parse().unwrap();
                let body = body.map(|body| JsonBody::parse(body.as_bytes()).unwrap());
                let candidates = router.resolve(&method, &path).unwrap();
                let target = candidates.target(body).unwrap();
                let circumstances = Circumstances { now, address };
                let is_permitted = authorize(&caller, &target, circumstances).is_ok();
                for reach in [
                    OperationReach::new(target.operation, &role).reach,
                    OperationReach::new(target.operation, &caller.grants).reach,
                ] {
                    let expected = match reach {
                        Reach::Every => true,
                        Reach::No => false,
                        Reach::Some => is_permitted,
                    };
                    prop_assert_eq!(is_permitted, expected, "{:?} {}", claims, target.operation.permission);
                }
            }
        }
    }
}
