//! Routing by the built-in table, in whatever order its operations stand.

use std::sync::LazyLock;

use actiongate::router::{JsonBody, RequestPath, Router, Unroutable};
use actiongate::table::{ActionTable, BodySelector, Operation, PathTemplate, Source};
use hyper::Method;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::facts::{self, example};

static ROUTER: LazyLock<Router> = LazyLock::new(|| router(&Source::builtin()));

fn router(sources: &[Source]) -> Router {
    Router::new(ActionTable::load(sources).unwrap()).unwrap()
}

/// The operation that a request is for.
fn route(
    router: &Router,
    (method, path): (&str, &str),
    body: Option<&Value>,
) -> Result<String, Unroutable> {
    let method: Method = method.parse().unwrap();
    let path: RequestPath = path.parse().unwrap();
    let body = body.map(|body| JsonBody::parse(body.to_string().as_bytes()).unwrap());
    let target = router.resolve(&method, &path)?.target(body)?;
    Ok(target.operation.permission.to_string())
}

/// Bodies that lead to the operation; one without a body where none is asked for.
fn bodies(operation: &Operation) -> Vec<Option<Value>> {
    match &operation.selector {
        Some(BodySelector::Key(key)) => vec![Some(json!({key: null}))],
        Some(BodySelector::Value { member, values }) => {
            let values = values.iter();
            values.map(|value| Some(json!({member: value}))).collect()
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

fn places() -> Just<Vec<usize>> {
    Just((0..operations().len()).collect())
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
    fn the_order_of_the_operations_does_not_matter(order in places().prop_shuffle()) {
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
        let body = json!({body_key: null});
        let found = route(&ROUTER, (&method, &path), Some(&body));
        assert!(found.is_err(), "{method} {path} is {found:?}");
    }
}

/// What is expected of a request line.
type PathCase<'a> = (&'a str, &'a str, Result<&'a str, Unroutable>);

#[test]
fn of_two_templates_the_literal_one_wins() {
    let not_allowed = Err(Unroutable::MethodNotAllowed(vec![Method::GET]));
    let v1: [PathCase<'_>; 8] = [
        (
            "PUT",
            "os-reset-passwords",
            Ok("Resetting passwords of ECSs in a batch"),
        ),
        ("PUT", "server-name", Ok("Modifying ECS details in a batch")),
        ("PUT", "Server-Name", Ok("Modifying ECS details")),
        ("GET", "detail", Ok("Querying details about ECSs")),
        ("PUT", "detail", not_allowed),
        (
            "POST",
            "detail/resize",
            Ok("Modifying ECS specifications (pay-per-use)"),
        ),
        (
            "GET",
            "os-server-groups/tags",
            Ok("Querying details about an ECS group"),
        ),
        ("GET", "s/tags", Ok("Querying tags of an ECS")),
    ];
    for (method, rest, expected) in v1 {
        let path = format!("/v1/p/cloudservers/{rest}");
        let found = route(&ROUTER, (method, &path), Some(&json!({})));
        assert_eq!(found, expected.map(str::to_owned), "{method} {path}");
    }
    let others: [PathCase<'_>; 9] = [
        (
            "GET",
            "/v2.1/p/servers/detail",
            Ok("Querying details about ECSs (native OpenStack API)"),
        ),
        (
            "GET",
            "/v2.1/p/os-quota-sets/q/defaults",
            Ok("Querying default quotas (native OpenStack API)"),
        ),
        ("GET", "/v2.1", Ok("Querying a specified API version")),
        ("GET", "/v2.1/", Ok("Querying a specified API version")),
        ("GET", "/v2/", Ok("Querying a specified API version")),
        ("GET", "/v1/", Err(Unroutable::NotFound)),
        ("GET", "/v3", Err(Unroutable::NotFound)),
        ("GET", "/servers", Err(Unroutable::NotFound)),
        ("GET", "/v2.1/servers/s", Err(Unroutable::NotFound)),
    ];
    for (method, path, expected) in others {
        let found = route(&ROUTER, (method, path), None);
        assert_eq!(found, expected.map(str::to_owned), "{method} {path}");
    }
}

#[test]
fn a_body_that_no_row_lists_leads_nowhere() {
    let (native, batch) = ("/v2.1/p/servers/s/action", "/v1/p/cloudservers/action");
    let (group, tags) = (
        "/v1/p/cloudservers/os-server-groups/g/action",
        "/v1/p/servers/s/tags/action",
    );
    let start = json!({"os-start": null});
    let cases: [(&str, Value, Option<&str>); 12] = [
        (
            native,
            start.clone(),
            Some("Starting an ECS (native OpenStack API)"),
        ),
        (native, json!({"evacuate": {}}), None),
        (native, json!({"OS-START": null}), None),
        (native, json!({"os-start": null, "os-stop": null}), None),
        (native, json!({}), None),
        (batch, start.clone(), Some("Starting ECSs in a batch")),
        (batch, json!({"rebuild": {}}), None),
        (
            group,
            json!({"add_member": {}}),
            Some("Adding an ECS to an ECS group"),
        ),
        (group, start.clone(), None),
        (tags, json!({"action": "Create", "tags": []}), None),
        (tags, json!({"action": ["create"]}), None),
        (tags, start, None),
    ];
    for (path, body, expected) in cases {
        let found = match route(&ROUTER, ("POST", path), Some(&body)) {
            Err(Unroutable::Body(_)) => None,
            found => Some(found.unwrap()),
        };
        assert_eq!(found.as_deref(), expected, "{path} {body}");
    }
}

/// Nova takes these 41; only those of the vendor's pages lead anywhere.
#[test]
fn of_novas_server_actions_only_the_listed_lead_to_an_operation() {
    let keys = include_str!("../integration/body_key/nova_keys.txt").lines();
    let mut listed = Vec::new();
    for key in keys {
        let path = "/v2.1/p/servers/s/action";
        let found = route(&ROUTER, ("POST", path), Some(&json!({key: null})));
        match found {
            Ok(_) => listed.push(key),
            Err(Unroutable::Body(_)) => {}
            Err(other) => panic!("{key}: {other}"),
        }
    }
    let expected = [
        "addSecurityGroup",
        "createImage",
        "lock",
        "os-start",
        "os-stop",
        "reboot",
        "rebuild",
        "removeSecurityGroup",
        "resize",
        "unlock",
    ];
    assert_eq!(listed, expected);
}
