//! A method and a request target: what is accepted has one reading, which is the one that is judged,
//! and is sent as it was judged.

#![no_main]

use std::sync::LazyLock;

use actiongate::router::{RequestPath, Router, Unroutable};
use actiongate::table::{ActionTable, Route, Segment, Source, is_version_root};
use hyper::{Method, Uri};
use libfuzzer_sys::fuzz_target;
use oracle::nova::{self, Reading, Server};

static ROUTER: LazyLock<Router> = LazyLock::new(|| {
    let table = ActionTable::load(&Source::builtin()).expect("the built-in table");
    Router::new(table).expect("the built-in routes")
});

fuzz_target!(|line: &[u8]| {
    let Some(space) = line.iter().position(|byte| *byte == b' ') else {
        return;
    };
    let (method, target) = (&line[..space], &line[space + 1..]);
    let (Ok(method), Ok(uri)) = (Method::from_bytes(method), Uri::try_from(target)) else {
        return;
    };
    // As a server reads it, and as `explain` does.
    if let Ok(path) = RequestPath::parse(&uri) {
        let end = target
            .iter()
            .position(|byte| *byte == b'#')
            .unwrap_or(target.len());
        check(&method, &path, nova::origin_form(&target[..end]));
    }
    if let Ok(Ok(path)) = std::str::from_utf8(target).map(str::parse::<RequestPath>) {
        check(&method, &path, target);
    }
});

fn check(method: &Method, path: &RequestPath, target: &[u8]) {
    let sent = path.path_and_query().as_str();
    let is_whole = sent.as_bytes() == target;
    // RFC 9112 §3.2.1: the path that an absolute form leaves out is sent as `/`.
    let has_root =
        !target.starts_with(b"/") && sent.strip_prefix('/').map(str::as_bytes) == Some(target);
    assert!(is_whole || has_root, "{sent:?} is not what was asked for");
    let reading = reading(sent);
    assert_eq!(path.path(), sent.split('?').next().unwrap_or_default());
    let expected = resolve(method, &reading.segments);
    let found = ROUTER.resolve(method, path);
    match found.and_then(|candidates| candidates.target(None)) {
        Ok(target) => {
            let route = expected.expect("a path that the upstream reads as no route");
            assert_eq!(target.route.template, route.template, "{sent:?}");
            assert_eq!(target.route.method, route.method, "{sent:?}");
            for (segment, read) in route.template.segments().iter().zip(&reading.segments) {
                if let Segment::Parameter(name) = segment {
                    let judged = target.parameter(name).expect("a parameter");
                    assert_eq!(&nova::decode(judged.as_bytes()), read, "{sent:?}");
                }
            }
        }
        Err(Unroutable::NotFound) => assert!(expected.is_none(), "{sent:?} is not found"),
        Err(Unroutable::Body(_)) => assert!(expected.is_some(), "{sent:?} is found"),
        Err(_) => {}
    }
}

/// The one reading of what is sent upstream.
fn reading(sent: &str) -> Reading {
    let uwsgi = nova::read(sent.as_bytes(), Server::Uwsgi);
    let eventlet = nova::read(sent.as_bytes(), Server::Eventlet);
    assert_eq!(uwsgi, eventlet, "{sent:?} has two readings");
    let reading = uwsgi.expect("a target that the upstream cannot read");
    assert_eq!(reading.method, None, "{sent:?} changes the method");
    let path = sent.split('?').next().unwrap_or_default();
    // What was matched: segment by segment, each decoded by itself.
    let judged = path[1..]
        .split('/')
        .map(|segment| nova::decode(segment.as_bytes()));
    assert_eq!(
        reading.segments,
        judged.collect::<Vec<_>>(),
        "{sent:?} has two readings"
    );
    let is_root = path == "/" || is_version_root(path);
    for segment in reading.segments.iter().filter(|_| !is_root) {
        let is_odd = |byte: &u8| byte.is_ascii_control() || b"/\\%;".contains(byte);
        let is_dots = matches!(segment.as_slice(), b"" | b"." | b"..");
        // A `;` may stand there encoded, where no server cuts at it.
        let odd = segment
            .iter()
            .find(|byte| is_odd(byte) && (**byte != b';' || path.contains(';')));
        assert!(!is_dots && odd.is_none(), "{sent:?} has an odd segment");
    }
    reading
}

/// The route that the segments lead to, tried one by one: literals win, from left to right.
fn resolve(method: &Method, segments: &[Vec<u8>]) -> Option<&'static Route> {
    let segments = match segments {
        // `/` has none.
        [only] if only.is_empty() => &[],
        all => all,
    };
    let operations = ROUTER.table().operations().iter();
    let routes = operations.flat_map(|operation| &operation.routes);
    let matching = routes.filter(|route| {
        let template = route.template.segments();
        let fits = |(segment, read): (&Segment, &Vec<u8>)| match segment {
            Segment::Literal(literal) => literal.as_bytes() == read,
            Segment::Parameter(_) => !read.is_empty(),
        };
        route.method == method
            && template.len() == segments.len()
            && template.iter().zip(segments).all(fits)
    });
    matching.min_by_key(|route| {
        let segments = route.template.segments().iter();
        let order = segments.map(|segment| matches!(segment, Segment::Parameter(_)));
        order.collect::<Vec<bool>>()
    })
}
