//! How long one whole decision takes with a caller that is known: the path is read, routed and held
//! against the grants. `cargo bench --bench decision`
//!
//! Tables of 14, 237 and 100 000 routes; the same fourteen requests in each, and requests spread
//! over all of its routes.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark that cannot go on has failed"
)]

use std::hint::black_box;

use actiongate::decision::{Circumstances, authorize};
use actiongate::grant::{Address, ClaimMapping, Principal, Roles};
use actiongate::router::{JsonBody, RequestPath, Router};
use actiongate::table::{ActionTable, BodySelector, Operation, Route, Segment, Source};
use criterion::{Criterion, criterion_group, criterion_main};
use hyper::Method;
use serde_json::json;

const PROJECT: &str = "0a1b2c3d4e5f40718293a4b5c6d7e8f9";
const SERVER: &str = "0f3a9c1e-5b7d-4e21-9a6f-c0d1e2f3a4b5";
/// Requests spread over a table's routes.
const SPREAD: usize = 4096;

struct Request {
    method: Method,
    path: String,
    body: Option<JsonBody>,
}

fn metadata() -> Vec<Source> {
    let mut sources = Source::builtin();
    sources.retain(|source| source.name.contains("metadata_management"));
    sources
}

/// The built-in table and operations of services that there are not, `routes` in all.
fn large(routes: usize) -> Vec<Source> {
    let mut sources = Source::builtin();
    let builtin = ActionTable::load(&sources).unwrap();
    let known: usize = builtin
        .operations()
        .iter()
        .map(|row| row.routes.len())
        .sum();
    let row = |at: usize| {
        let (service, kind, item) = (at / 1000, at / 10 % 100, at % 10);
        format!(
            "[[operation]]\npermission = \"{at}\"\n\
             routes = [\"GET /service{service}/v1/{{project_id}}/kind{kind}/{{thing_id}}/item{item}\"]\n\
             actions = [\"service{service}:kind{kind}:get{item}\"]\n"
        )
    };
    sources.push(Source {
        name: "large".to_owned(),
        text: (0..routes - known).map(row).collect(),
    });
    sources
}

fn request(operation: &Operation, route: &Route) -> Request {
    let segments = route.template.segments().iter();
    let segments = segments.map(|segment| match segment {
        Segment::Literal(text) => format!("/{text}"),
        Segment::Parameter(name) if name == "project_id" => format!("/{PROJECT}"),
        Segment::Parameter(_) => format!("/{SERVER}"),
    });
    let body = match &operation.selector {
        Some(BodySelector::Key(key)) => json!({key: null}),
        Some(BodySelector::Value { member, values }) => json!({member: values.first()}),
        None => json!({}),
    };
    Request {
        method: route.method.clone(),
        path: match segments.collect::<String>() {
            path if path.is_empty() => "/".to_owned(),
            path => path,
        },
        body: operation
            .reads_body()
            .then(|| JsonBody::parse(body.to_string().as_bytes()).unwrap()),
    }
}

fn requests(table: &ActionTable, most: usize) -> Vec<Request> {
    let all = table.operations().iter().flat_map(|operation| {
        let routes = operation.routes.iter();
        routes.map(move |route| request(operation, route))
    });
    let mut all: Vec<Request> = all.filter(|request| request.body.is_none()).collect();
    let step = (all.len() / most).max(1);
    let mut at = 0;
    all.retain(|_| {
        at += 1;
        at % step == 0
    });
    all
}

fn principal(table: &ActionTable) -> Principal {
    let pointer = |text: &str| text.parse().unwrap();
    let mapping = ClaimMapping {
        actions: Some(pointer("/actions")),
        ..ClaimMapping::new(pointer("/project_id"), pointer("/sub"))
    };
    let claims = json!({"actions": ["*:*:*"], "project_id": PROJECT});
    let claims = claims.as_object().unwrap();
    Principal::new(0, claims, &mapping, &Roles::default(), table).unwrap()
}

fn decide(router: &Router, principal: &Principal, request: &Request) -> bool {
    let path: RequestPath = request.path.parse().unwrap();
    let candidates = router.resolve(&request.method, &path).unwrap();
    let target = candidates.target(request.body.clone()).unwrap();
    let circumstances = Circumstances {
        now: 0,
        address: Address::Absent,
    };
    authorize(principal, &target, circumstances).is_ok()
}

fn decision(criterion: &mut Criterion) {
    let own = requests(&ActionTable::load(&metadata()).unwrap(), usize::MAX);
    for (routes, sources) in [
        (14, metadata()),
        (237, Source::builtin()),
        (100_000, large(100_000)),
    ] {
        let router = Router::new(ActionTable::load(&sources).unwrap()).unwrap();
        let principal = principal(router.table());
        let spread = requests(router.table(), SPREAD);
        for (name, requests) in [("the same 14 requests", &own), ("spread", &spread)] {
            for request in requests {
                assert!(decide(&router, &principal, request), "{}", request.path);
            }
            criterion.bench_function(&format!("{name}/{routes}"), |bencher| {
                let mut requests = requests.iter().cycle();
                bencher.iter(|| {
                    let request = requests.next().unwrap();
                    black_box(decide(&router, &principal, black_box(request)))
                });
            });
        }
    }
}

criterion_group!(benches, decision);
criterion_main!(benches);
