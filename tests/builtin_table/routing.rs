//! Routing by the built-in table, in whatever order its operations stand.

use std::sync::LazyLock;

use actiongate::router::{RequestPath, Router, Unroutable};
use actiongate::table::{ActionTable, BodySelector, Operation, PathTemplate, Source};
use hyper::Method;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::facts::{self, example};

static ROUTER: LazyLock<Router> = LazyLock::new(|| router(&Source::builtin()));

fn router(sources: &[Source]) -> Router {
    Router::new(ActionTable::load(sources).unwrap()).unwrap()
}

/// The operation that a request is for.
fn route(
    router: &Router,
    (method, path): (&str, &str),
    body: Option<&Map<String, Value>>,
) -> Result<String, Unroutable> {
    let method: Method = method.parse().unwrap();
    let path: RequestPath = path.parse().unwrap();
    let target = router.resolve(&method, &path)?.target(body)?;
    Ok(target.operation.permission.to_string())
}

/// Bodies that lead to the operation; one without a body where none is asked for.
fn bodies(operation: &Operation) -> Vec<Option<Map<String, Value>>> {
    let object = |member: &String, value: Value| Some(Map::from_iter([(member.clone(), value)]));
    match &operation.selector {
        Some(BodySelector::Key(key)) => vec![object(key, Value::Null)],
        Some(BodySelector::Value { member, values }) => {
            let values = values.iter();
            values.map(|value| object(member, json!(value))).collect()
        }
        None => vec![None],
    }
}

/// What the text of a table says of each operation.
fn operations() -> Vec<String> {
    const HEAD: &str = "\n[[operation]]\n";
    let sources = Source::builtin();
    let texts = sources
        .iter()
        .flat_map(|source| source.text.split(HEAD).skip(1));
    texts.map(|text| format!("{HEAD}{text}")).collect()
}

fn assert_routes_all(router: &Router) {
    for operation in ROUTER.table().operations() {
        for listed in &operation.routes {
            let path = example(&listed.template);
            for body in bodies(operation) {
                let found = route(router, (listed.method.as_str(), &path), body.as_ref());
                let expected = Ok(operation.permission.to_string());
                assert_eq!(found, expected, "{} {path} {body:?}", listed.method);
            }
        }
    }
}

#[test]
fn an_example_of_each_route_leads_to_its_operation() {
    assert_routes_all(&ROUTER);
    assert_eq!(operations().len(), ROUTER.table().operations().len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn the_order_of_the_operations_does_not_matter(order in Just(Vec::from_iter(0..operations().len())).prop_shuffle()) {
        let texts = operations();
        let texts: String = order.iter().map(|at| texts[*at].as_str()).collect();
        assert_routes_all(&router(&[Source { name: "shuffled".to_owned(), text: texts }]));
    }
}

#[test]
fn documented_routes_that_stay_unlisted_are_refused() {
    let unlisted = facts::without_actions().into_iter();
    let unlisted: Vec<_> = unlisted
        .filter(|(_, access)| *access == "unlisted")
        .collect();
    assert_eq!(unlisted.len(), 52);
    for ((method, path, body_key), _) in unlisted {
        let path = example(&PathTemplate::parse(&path).unwrap());
        let body = Map::from_iter([(body_key, Value::Null)]);
        let found = route(&ROUTER, (&method, &path), Some(&body));
        assert!(found.is_err(), "{method} {path} is {found:?}");
    }
}

/// Paths that two templates fit, and bodies beside those that the table lists.
#[test]
fn the_awkward_cases_are_settled() {
    let (key, no_key) = (json!({"os-start": {}}), json!({}));
    let (both, unlisted) = (
        json!({"os-start": 0, "os-stop": 0}),
        json!({"evacuate": {}}),
    );
    let (tag, no_tag) = (
        json!({"action": "create", "tags": []}),
        json!({"action": "Create"}),
    );
    let cloudservers = "/v1/p/cloudservers";
    let not_allowed = |methods: &[Method]| Err(Unroutable::MethodNotAllowed(methods.to_vec()));
    let for_body = |found: Option<&str>| Err(Unroutable::Body(found.map(str::to_owned)));
    let cases: [(&str, String, &Value, Result<&str, Unroutable>); 22] = [
        (
            "PUT",
            format!("{cloudservers}/os-reset-passwords"),
            &no_key,
            Ok("Resetting passwords of ECSs in a batch"),
        ),
        (
            "PUT",
            format!("{cloudservers}/server-name"),
            &no_key,
            Ok("Modifying ECS details in a batch"),
        ),
        (
            "PUT",
            format!("{cloudservers}/Server-Name"),
            &no_key,
            Ok("Modifying ECS details"),
        ),
        (
            "PUT",
            format!("{cloudservers}/detail"),
            &no_key,
            not_allowed(&[Method::GET]),
        ),
        (
            "GET",
            format!("{cloudservers}/detail"),
            &no_key,
            Ok("Querying details about ECSs"),
        ),
        (
            "POST",
            format!("{cloudservers}/detail/resize"),
            &no_key,
            Ok("Modifying ECS specifications (pay-per-use)"),
        ),
        (
            "GET",
            format!("{cloudservers}/os-server-groups/os-server-password"),
            &no_key,
            Ok("Querying details about an ECS group"),
        ),
        (
            "GET",
            format!("{cloudservers}/s/os-server-password"),
            &no_key,
            Ok("Obtaining the password of a Windows ECS"),
        ),
        (
            "GET",
            "/v2.1/p/servers/detail".to_owned(),
            &no_key,
            Ok("Querying details about ECSs (native OpenStack API)"),
        ),
        (
            "GET",
            "/v2.1/p/os-quota-sets/other/defaults".to_owned(),
            &no_key,
            Ok("Querying default quotas (native OpenStack API)"),
        ),
        (
            "GET",
            "/servers".to_owned(),
            &no_key,
            Err(Unroutable::NotFound),
        ),
        ("GET", "/v3".to_owned(), &no_key, Err(Unroutable::NotFound)),
        (
            "GET",
            "/v2.1/servers/s".to_owned(),
            &no_key,
            Err(Unroutable::NotFound),
        ),
        (
            "POST",
            "/v2.1/p/servers/s/action".to_owned(),
            &key,
            Ok("Starting an ECS (native OpenStack API)"),
        ),
        (
            "POST",
            "/v2.1/p/servers/s/action".to_owned(),
            &no_key,
            for_body(None),
        ),
        (
            "POST",
            "/v2.1/p/servers/s/action".to_owned(),
            &both,
            for_body(None),
        ),
        (
            "POST",
            "/v2.1/p/servers/s/action".to_owned(),
            &unlisted,
            for_body(Some("evacuate")),
        ),
        (
            "POST",
            format!("{cloudservers}/action"),
            &key,
            Ok("Starting ECSs in a batch"),
        ),
        (
            "POST",
            format!("{cloudservers}/action"),
            &unlisted,
            for_body(Some("evacuate")),
        ),
        (
            "POST",
            "/v1/p/servers/s/tags/action".to_owned(),
            &tag,
            Ok("Adding tags to an ECS in a batch / deleting tags from an ECS in a batch (servers)"),
        ),
        (
            "POST",
            "/v1/p/servers/s/tags/action".to_owned(),
            &no_tag,
            for_body(Some("Create")),
        ),
        (
            "POST",
            "/v1/p/servers/s/tags/action".to_owned(),
            &key,
            for_body(None),
        ),
    ];
    for (method, path, body, expected) in cases {
        let found = route(&ROUTER, (method, &path), body.as_object());
        assert_eq!(found, expected.map(str::to_owned), "{method} {path} {body}");
    }
}
