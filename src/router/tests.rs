use proptest::prelude::*;

use super::*;
use crate::table::Source;

fn table(routes: &[&str]) -> ActionTable {
    let operation = |route: &&str| {
        let project = match route.contains("{project_id}") {
            true => "",
            false => "project = 'none'\n",
        };
        format!(
            "[[operation]]\npermission = '{route}'\nroutes = ['{route}']\naccess = 'authenticated'\n{project}"
        )
    };
    let text = routes.iter().map(operation).collect::<Vec<_>>().concat();
    let name = "test".to_owned();
    ActionTable::load(&[Source { name, text }]).unwrap()
}

fn resolve(router: &Router, method: &Method, path: &str) -> Result<String, Unroutable> {
    let path = path.parse().unwrap();
    router
        .resolve(method, &path)
        .and_then(|candidates| candidates.target(None))
        .map(|target| target.operation.permission.to_string())
}

const ROUTES: [&str; 7] = [
    "GET /v2/{project_id}/servers/detail",
    "GET /v2/{project_id}/servers/{server_id}",
    "GET /v2/{project_id}/servers/{server_id}/metadata",
    "GET /v2.1/{project_id}/servers/{server_id}/metadata",
    "DELETE /v2/{project_id}/servers/{id}",
    "PUT /v2/{project_id}/servers/{server_id}/metadata/{key}",
    "GET /",
];

#[test]
fn finds_the_operation() {
    let router = Router::new(table(&ROUTES)).unwrap();
    let found = |route: &str| Ok(route.to_owned());
    let cases = [
        (Method::GET, "/v2/p/servers/detail", found(ROUTES[0])),
        (Method::GET, "/v2/p/servers/s", found(ROUTES[1])),
        (Method::GET, "/v2/p/servers/s?x=1", found(ROUTES[1])),
        (
            Method::GET,
            "/v2/p/servers/detail/metadata",
            found(ROUTES[2]),
        ),
        (Method::GET, "/v2/p/servers/detailed", found(ROUTES[1])),
        (Method::GET, "/v2.1/p/servers/s/metadata", found(ROUTES[3])),
        (Method::DELETE, "/v2/p/servers/s", found(ROUTES[4])),
        // The upstream would not take it for a server called `detail`.
        (
            Method::DELETE,
            "/v2/p/servers/detail",
            Err(Unroutable::MethodNotAllowed(vec![Method::GET])),
        ),
        (
            Method::PUT,
            "/v2/p/servers/s/metadata/a%20b",
            found(ROUTES[5]),
        ),
        (Method::GET, "/", found(ROUTES[6])),
        (Method::GET, "/v2/p/Servers/s", Err(Unroutable::NotFound)),
        (Method::GET, "/v2/p/servers", Err(Unroutable::NotFound)),
        (Method::GET, "/v2.1/p/servers/s", Err(Unroutable::NotFound)),
        (
            Method::HEAD,
            "/v2/p/servers/s",
            Err(Unroutable::MethodNotAllowed(vec![
                Method::DELETE,
                Method::GET,
            ])),
        ),
        (
            Method::POST,
            "/v2/p/servers/s/metadata/k",
            Err(Unroutable::MethodNotAllowed(vec![Method::PUT])),
        ),
    ];
    for (method, path, expected) in cases {
        assert_eq!(resolve(&router, &method, path), expected, "{method} {path}");
    }
}

#[test]
fn holds_parameters_against_their_kinds() {
    let router = Router::new(table(&ROUTES)).unwrap();
    let identifier = |name: &str, value: &str| {
        Err(Unroutable::Parameter(InvalidParameter::Identifier {
            name: name.to_owned(),
            value: value.to_owned(),
        }))
    };
    let upper = "0F3A9C1E-5B7D-4E21-9A6F-C0D1E2F3A4B5";
    let found = |route: &str| Ok(route.to_owned());
    let server = |id: &str| format!("/v2/p/servers/{id}");
    let key = |key: &str| format!("/v2/p/servers/s/metadata/{key}");
    let cases = [
        (Method::GET, server(&upper.to_lowercase()), found(ROUTES[1])),
        (
            Method::GET,
            server(upper),
            Err(Unroutable::Parameter(InvalidParameter::UpperCaseUuid {
                name: "server_id".to_owned(),
                value: upper.to_owned(),
            })),
        ),
        (
            Method::GET,
            server("a%20b"),
            identifier("server_id", "a%20b"),
        ),
        (
            Method::GET,
            "/v2/p:q/servers/s".to_owned(),
            identifier("project_id", "p:q"),
        ),
        (
            Method::GET,
            server(&"s".repeat(256)),
            Err(Unroutable::Parameter(InvalidParameter::Length {
                name: "server_id".to_owned(),
            })),
        ),
        (Method::PUT, key(upper), found(ROUTES[5])),
        (Method::PUT, key(&"k".repeat(255)), found(ROUTES[5])),
        (
            Method::PUT,
            key(&"k".repeat(256)),
            Err(Unroutable::Parameter(InvalidParameter::Length {
                name: "key".to_owned(),
            })),
        ),
        // What no operation has is told first.
        (
            Method::POST,
            server("a%20b"),
            Err(Unroutable::MethodNotAllowed(vec![
                Method::DELETE,
                Method::GET,
            ])),
        ),
    ];
    for (method, path, expected) in cases {
        assert_eq!(
            resolve(&router, &method, &path),
            expected,
            "{method} {path}"
        );
    }
}

#[test]
fn knows_the_parameters() {
    let router = Router::new(table(&ROUTES)).unwrap();
    let path = "/v2/p-1/servers/s/metadata/a%20b".parse().unwrap();
    let target = router
        .resolve(&Method::PUT, &path)
        .unwrap()
        .target(None)
        .unwrap();
    assert_eq!(target.project(), Some("p-1"));
    assert_eq!(target.parameter("key"), Some("a%20b"), "as it is spelled");
    let root = "/".parse().unwrap();
    assert_eq!(
        router
            .resolve(&Method::GET, &root)
            .unwrap()
            .target(None)
            .unwrap()
            .project(),
        None
    );
}

proptest! {
    #[test]
    fn the_order_of_the_routes_does_not_matter(order in Just(ROUTES.to_vec()).prop_shuffle(), path in "/(v2|v2\\.1)/p/servers/(detail|s)(/metadata(/k)?)?") {
        let sorted = Router::new(table(&ROUTES)).unwrap();
        let shuffled = Router::new(table(&order)).unwrap();
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            prop_assert_eq!(resolve(&sorted, &method, &path), resolve(&shuffled, &method, &path));
        }
    }
}
