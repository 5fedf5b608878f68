//! A comparison against brute force: every request and many contexts, decided by an interpreter of the
//! documents that shares nothing with it.

mod overlooked;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::grant::Verdict;
use crate::grant::generator::{self, Circumstances};
use crate::grant::{CompiledPolicy, ConditionKeys, Policy, generated_keys, interpreter};
use crate::table::{ActionTable, Source};

/// Few actions, so that random policies often meet them.
const TABLE: &str = r#"
[[operation]]
permission = "create"
routes = ["POST /v1/{project_id}/servers"]
actions = ["ecs:servers:create", "vpc:ports:create"]
[[operation.conditional]]
when = "/server/eip"
actions = ["vpc:publicIps:create"]
[[operation]]
permission = "show"
routes = ["GET /v1/{project_id}/servers/{server_id}"]
actions = ["ecs:servers:get"]
resource = "{server_id}"
[[operation]]
permission = "list"
routes = ["GET /v1/{project_id}/servers/detail"]
actions = ["ecs:servers:list"]
[[operation]]
permission = "start"
routes = ["POST /v1/{project_id}/action"]
body_key = "start"
actions = ["ecs:servers:start"]
resource = "/start/servers/*/id"
[[operation]]
permission = "stop"
routes = ["POST /v1/{project_id}/action"]
body_key = "stop"
actions = ["ecs:servers:stop", "ecs:servers:get"]
[[operation]]
permission = "attach"
routes = ["POST /v1/{project_id}/servers/{server_id}/volumes"]
actions = ["ecs:servers:attach"]
"#;

static SMALL: LazyLock<Router> = LazyLock::new(|| router(TABLE));
static SMALL_NAMES: LazyLock<Vec<String>> = LazyLock::new(|| names(&SMALL));
static BUILTIN: LazyLock<Router> =
    LazyLock::new(|| Router::new(ActionTable::load(&Source::builtin()).unwrap()).unwrap());
static BUILTIN_NAMES: LazyLock<Vec<String>> = LazyLock::new(|| names(&BUILTIN));

fn router(text: &str) -> Router {
    let (name, text) = ("own".to_owned(), text.to_owned());
    Router::new(ActionTable::load(&[Source { name, text }]).unwrap()).unwrap()
}

fn names(router: &Router) -> Vec<String> {
    router
        .table()
        .actions()
        .map(|(_, action)| action.to_string())
        .collect()
}

fn compile(router: &Router, documents: &[Value], keys: &ConditionKeys) -> Vec<CompiledPolicy> {
    let parsed = documents
        .iter()
        .map(|document| Policy::parse(document).unwrap());
    parsed
        .map(|policy| CompiledPolicy::new(&policy, router.table(), keys).unwrap())
        .collect()
}

fn holding<'a>(policies: &'a [CompiledPolicy], keys: &'a ConditionKeys) -> Holding<'a> {
    Holding {
        policies: policies.iter().collect(),
        keys,
        texts: vec!["/domain".to_owned()],
    }
}

/// What the documents say of one request.
fn is_permitted(
    documents: &[Value],
    (required, newer): (&[&str], &[String]),
    claims: &Map<String, Value>,
    circumstances: &Circumstances,
) -> bool {
    let world = generator::world(claims, circumstances);
    required.iter().all(|action| {
        let known = [(*action).to_owned()];
        interpreter::verdict(documents, &known, newer, &world) == Verdict::Allowed
    })
}

/// Every request of the small table: its route as flips name it, what it demands, the ids it names, and
/// whether a grant may be for single ones.
fn requests() -> Vec<(&'static str, Vec<&'static str>, Vec<&'static str>, bool)> {
    let mut all = vec![
        (
            "POST /v1/{project_id}/servers",
            vec!["ecs:servers:create", "vpc:ports:create"],
            vec![],
            false,
        ),
        (
            "POST /v1/{project_id}/servers",
            vec![
                "ecs:servers:create",
                "vpc:ports:create",
                "vpc:publicIps:create",
            ],
            vec![],
            false,
        ),
        (
            "GET /v1/{project_id}/servers/detail",
            vec!["ecs:servers:list"],
            vec![],
            false,
        ),
        (
            "POST /v1/{project_id}/action {\"stop\"}",
            vec!["ecs:servers:stop", "ecs:servers:get"],
            vec![],
            false,
        ),
        (
            "POST /v1/{project_id}/action {\"start\"}",
            vec!["ecs:servers:start"],
            vec!["a1", "b2"],
            true,
        ),
    ];
    for id in ["a1", "A1", "b2", "c3"] {
        all.push((
            "GET /v1/{project_id}/servers/{server_id}",
            vec!["ecs:servers:get"],
            vec![id],
            true,
        ));
        all.push((
            "POST /v1/{project_id}/servers/{server_id}/volumes",
            vec!["ecs:servers:attach"],
            vec![id],
            false,
        ));
        all.push((
            "POST /v1/{project_id}/action {\"start\"}",
            vec!["ecs:servers:start"],
            vec![id],
            true,
        ));
    }
    all
}

fn rich() -> impl Strategy<Value = [Vec<Value>; 2]> {
    let document = || generator::document(&SMALL_NAMES, true);
    let same = vec(document(), 0..2);
    (same, document(), document())
        .prop_map(|(same, old, new)| [vec![old], vec![new]].map(|own| [same.clone(), own].concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_global_rejects: 4096, ..ProptestConfig::default() })]

    /// Whatever some caller may do on one side only, in some context, is among the flips.
    #[test]
    fn no_context_is_overlooked(
        [old, new] in rich(),
        worlds in vec((generator::claims(), generator::circumstances()), 48),
    ) {
        let keys = generated_keys();
        let read = |document: &Value| CompiledPolicy::new(&Policy::parse(document).unwrap(), SMALL.table(), &keys);
        prop_assume!(old.iter().chain(&new).all(|document| read(document).is_ok()));
        let (old_policies, new_policies) = (compile(&SMALL, &old, &keys), compile(&SMALL, &new, &keys));
        let sides = [&old_policies, &new_policies].map(|policies| Some(holding(policies, &keys)));
        let found = Comparison::new([&SMALL, &SMALL]).flips(&sides);
        prop_assume!(found.is_ok());
        let found: BTreeSet<(Direction, String)> =
            found.unwrap().into_iter().map(|flip| (flip.direction, flip.route)).collect();
        for (claims, circumstances) in worlds {
            for (route, required, ids, is_instance_level) in requests() {
                let circumstances = Circumstances { ids, is_instance_level, ..circumstances.clone() };
                let permits = |documents| is_permitted(documents, (&required, &[]), &claims, &circumstances);
                let direction = match (permits(&old), permits(&new)) {
                    (false, true) => Direction::Widens,
                    (true, false) => Direction::Narrows,
                    _ => continue,
                };
                prop_assert!(
                    found.contains(&(direction, route.to_owned())),
                    "{direction:?} {route} {claims:?} {circumstances:?}\nold {}\nnew {}",
                    json!(old), json!(new)
                );
            }
        }
    }

    /// Where no policy asks for anything, the flips are exactly what brute force over all operations finds.
    #[test]
    fn without_conditions_it_is_brute_force(
        old in vec(generator::document(&BUILTIN_NAMES, false), 1..3),
        new in vec(generator::document(&BUILTIN_NAMES, false), 1..3),
    ) {
        let keys = generated_keys();
        let (old_policies, new_policies) = (compile(&BUILTIN, &old, &keys), compile(&BUILTIN, &new, &keys));
        let sides = [&old_policies, &new_policies].map(|policies| Some(holding(policies, &keys)));
        let found = Comparison::new([&BUILTIN, &BUILTIN]).flips(&sides).unwrap();
        let found: BTreeSet<(Direction, String)> = found
            .iter()
            .filter(|flip| flip.contexts == [[""; 0]])
            .map(|flip| (flip.direction, flip.permission.to_string()))
            .collect();
        let world = interpreter::World {
            keys: Vec::new(), region: generator::REGION, domain: generator::DOMAIN, ids: vec!["a1"], is_instance_level: true,
        };
        let mut expected = BTreeSet::new();
        for operation in BUILTIN.table().operations() {
            let known_as = |action: &ActionName| -> Vec<String> {
                let aliases = BUILTIN.table().aliases(action).iter();
                [action].into_iter().chain(aliases).map(ToString::to_string).collect()
            };
            let permits = |documents: &[Value]| operation.actions.iter().all(|action| {
                let known = known_as(action);
                // An exclusion by a newer name is one of what each operation with that name demands.
                let others = BUILTIN.table().operations().iter().filter(|other| other.actions.contains(action));
                let others: Vec<String> = others.flat_map(|other| &other.successors).map(ToString::to_string).collect();
                interpreter::verdict(documents, &known, &others, &world) == Verdict::Allowed
            }) && operation.successors.iter().all(|action| {
                interpreter::verdict(documents, &known_as(action), &[], &world) != Verdict::Denied
            });
            let direction = match (permits(&old), permits(&new)) {
                (false, true) => Direction::Widens,
                (true, false) => Direction::Narrows,
                _ => continue,
            };
            // What a body may demand besides makes it depend on the request.
            if operation.conditional.is_empty() {
                expected.insert((direction, operation.permission.to_string()));
            }
        }
        let conditional: BTreeSet<&str> = BUILTIN.table().operations().iter()
            .filter(|operation| !operation.conditional.is_empty())
            .map(|operation| &*operation.permission)
            .collect();
        let found: BTreeSet<_> =
            found.into_iter().filter(|(_, permission)| !conditional.contains(permission.as_str())).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn the_classes_are_named() {
    let keys = generated_keys();
    let document = |network: &str, until: &str| {
        json!({"Version": "5.0", "Statement": [{
            "Effect": "Allow", "Action": ["ecs:servers:get"], "Resource": ["ecs:*:*:instance:a*"],
            "Condition": {"IpAddress": {"g:SourceIp": [network]}, "DateLessThan": {"g:CurrentTime": [until]}},
        }]})
    };
    let old = compile(
        &SMALL,
        &[document("10.1.0.0/16", "2030-01-01T00:00:00Z")],
        &keys,
    );
    let new = compile(
        &SMALL,
        &[document("10.0.0.0/8", "2029-01-01T00:00:00Z")],
        &keys,
    );
    let sides = [&old, &new].map(|policies| Some(holding(policies, &keys)));
    let flips = Comparison::new([&SMALL, &SMALL]).flips(&sides).unwrap();
    let told: Vec<String> = flips
        .iter()
        .flat_map(|flip| {
            flip.contexts.iter().map(move |context| {
                format!(
                    "{:?} {}: {}",
                    flip.direction,
                    flip.route,
                    context.join(", ")
                )
            })
        })
        .collect();
    assert_eq!(
        told,
        [
            "Widens GET /v1/{project_id}/servers/{server_id}: before 2029-01-01T00:00:00Z, from 10.0.0.0/8, for an instance such as \"a\"",
            "Narrows GET /v1/{project_id}/servers/{server_id}: from 2029-01-01T00:00:00Z until 2030-01-01T00:00:00Z, from 10.1.0.0/16, for an instance such as \"a\"",
        ]
    );
}

#[test]
fn a_change_of_the_table_is_a_change_of_demands() {
    let demands = |old: &str, new: &str| {
        let (old, new) = (router(old), router(new));
        let found = Comparison::new([&old, &new]).demands();
        let found = found.iter().map(|(route, change)| {
            format!(
                "{route} {} {} {}",
                change.told.join("; "),
                change.widens,
                change.narrows
            )
        });
        found.collect::<Vec<_>>()
    };
    assert_eq!(demands(TABLE, TABLE), [""; 0]);
    let fewer = TABLE.replace(
        "\"ecs:servers:stop\", \"ecs:servers:get\"",
        "\"ecs:servers:stop\"",
    );
    let route = "POST /v1/{project_id}/action {\"stop\"} demands:";
    assert_eq!(
        demands(TABLE, &fewer),
        [format!(
            "{route} ecs:servers:get, ecs:servers:stop -> ecs:servers:stop true false"
        )]
    );
    assert_eq!(
        demands(&fewer, TABLE),
        [format!(
            "{route} ecs:servers:stop -> ecs:servers:get, ecs:servers:stop false true"
        )]
    );
    let other = TABLE.replace(
        "\"ecs:servers:stop\", \"ecs:servers:get\"",
        "\"ecs:servers:halt\"",
    );
    assert_eq!(
        demands(TABLE, &other),
        [format!(
            "{route} ecs:servers:get, ecs:servers:stop -> ecs:servers:halt true true"
        )]
    );
    // Who is allowed or denied by the newer name alone is so now.
    let renamed = format!(
        "{other}\n[[alias]]\nalias = \"ecs:servers:stop\"\nactions = [\"ecs:servers:halt\"]\n"
    );
    assert_eq!(
        demands(
            &TABLE.replace(
                "\"ecs:servers:stop\", \"ecs:servers:get\"",
                "\"ecs:servers:stop\""
            ),
            &renamed
        ),
        [format!(
            "{route} ecs:servers:stop -> ecs:servers:halt or ecs:servers:stop true true"
        )]
    );
    let without_check = TABLE
        .replace(
            "routes = [\"GET /v1/{project_id}/servers/detail\"]",
            "routes = [\"GET /v1/{project_id}/servers/detail\"]\naccess = \"authenticated\"",
        )
        .replace("actions = [\"ecs:servers:list\"]\n", "");
    assert_eq!(
        demands(TABLE, &without_check),
        [
            "GET /v1/{project_id}/servers/detail access: the actions -> any token; demands: ecs:servers:list -> (none) true false"
        ]
    );
}
