//! Tables, and requests for the routes in them.

use actiongate::decision::{Circumstances, Permit, authorize};
use actiongate::grant::{Address, Principal};
use actiongate::router::{RequestPath, Router};
use actiongate::table::{ActionTable, Route, Segment, Source};
use hyper::{Method, Uri};

/// The project of every request.
pub const PROJECT: &str = "0a1b2c3d4e5f40718293a4b5c6d7e8f9";
const SERVER: &str = "0f3a9c1e-5b7d-4e21-9a6f-c0d1e2f3a4b5";

/// One request, as the HTTP library hands it over.
pub struct Request {
    pub method: Method,
    pub uri: Uri,
}

/// The fourteen routes of metadata.
pub fn metadata() -> Vec<Source> {
    let mut sources = Source::builtin();
    sources.retain(|source| source.name.contains("metadata_management"));
    sources
}

/// A request for each of the table's routes that are told by path and method alone.
pub fn requests(table: &ActionTable) -> Vec<Request> {
    let operations = table.operations().iter();
    let operations = operations.filter(|operation| !operation.reads_body());
    let requests = operations.flat_map(|operation| operation.routes.iter().map(request));
    requests.collect()
}

fn request(route: &Route) -> Request {
    let segments = route.template.segments().iter();
    let segments = segments.map(|segment| match segment {
        Segment::Literal(text) => format!("/{text}"),
        Segment::Parameter(name) if name == "project_id" => format!("/{PROJECT}"),
        Segment::Parameter(_) => format!("/{SERVER}"),
    });
    let path = match segments.collect::<String>() {
        path if path.is_empty() => "/".to_owned(),
        path => path,
    };
    let uri: Uri = path.parse().unwrap();
    // Of a text that has one owner the first copy allocates; that of a connection has more.
    drop(uri.clone());
    Request {
        method: route.method.clone(),
        uri,
    }
}

/// The whole decision about a caller that is known.
pub fn decide(router: &Router, principal: &Principal, request: &Request) -> Permit {
    let path = RequestPath::parse(&request.uri).unwrap();
    let candidates = router.resolve(&request.method, &path).unwrap();
    let target = candidates.target(None).unwrap();
    authorize(principal, &target, CIRCUMSTANCES).unwrap()
}

/// Nobody's, at any time.
pub const CIRCUMSTANCES: Circumstances = Circumstances {
    now: 0,
    address: Address::Absent,
};
