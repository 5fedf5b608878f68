//! The whole built-in table: what the gateway answers, each product is answered.

use actiongate::table::{ActionTable, Route, Segment, Source};

use super::section;
use crate::support::{Call, Client, PROJECT, Setup, Upstream, token};

/// The method and a path of each route that is told by these alone.
fn routes() -> Vec<(String, String)> {
    let table = ActionTable::load(&Source::builtin()).unwrap();
    let operations = table.operations().iter();
    let operations = operations.filter(|operation| !operation.reads_body());
    let routes = operations.flat_map(|operation| operation.routes.iter().map(line));
    routes.collect()
}

fn line(route: &Route) -> (String, String) {
    let segments = route.template.segments().iter();
    let segments = segments.map(|segment| match segment {
        Segment::Literal(text) => format!("/{text}"),
        Segment::Parameter(name) if name == "project_id" => format!("/{PROJECT}"),
        Segment::Parameter(_) => "/0f3a9c1e-5b7d-4e21-9a6f-c0d1e2f3a4b5".to_owned(),
    });
    let path: String = segments.collect();
    (
        route.method.to_string(),
        format!("/{}", path.trim_start_matches('/')),
    )
}

#[test]
fn every_route_is_decided_as_the_gateway_decides() {
    let upstream = Upstream::start();
    let products = ["traefik", "caddy", "nginx", "envoy-http"];
    let sections: String = products
        .iter()
        .map(|product| section(product, ""))
        .collect();
    let gateway = Setup::new(&upstream).more(&sections).start();
    let mut own = gateway.connect();
    let mut askers = [0, 1, 2, 3].map(|index| Client::connect(gateway.authorizer_address(index)));
    let tokens = [
        token(&["ecs:servers:*", "ecs:cloudServers:list*"]),
        token(&[]),
    ];
    let mut outcomes = [0, 0];
    for (method, path) in routes() {
        for token in &tokens {
            let answer = own.call(&Call::new(&method, path.clone()).bearer(token));
            let is_permitted = answer.status == 200;
            outcomes[usize::from(is_permitted)] += 1;
            for (asker, product) in askers.iter_mut().zip(products) {
                let call = match product {
                    "envoy-http" => Call::new(&method, path.clone()),
                    "nginx" => Call::get("/")
                        .header(format!("X-Original-Method: {method}"))
                        .header(format!("X-Original-URI: {path}")),
                    _ => Call::get("/")
                        .header(format!("X-Forwarded-Method: {method}"))
                        .header(format!("X-Forwarded-Uri: {path}"))
                        .header("X-Forwarded-Host: api.test"),
                };
                let told = asker.call(&call.bearer(token));
                let line = format!("{product}: {method} {path}");
                assert_eq!(told.reason(), answer.reason(), "{line}");
                assert_eq!(told.status == 200, is_permitted, "{line} {told:?}");
            }
        }
    }
    // Both happen, and often.
    assert!(outcomes.iter().all(|count| *count > 30), "{outcomes:?}");
}
