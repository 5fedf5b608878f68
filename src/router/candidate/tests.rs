use serde_json::json;

use super::super::Router;
use super::*;
use crate::table::{ActionTable, Source};

const TEXT: &str = "
[[operation]]
permission = 'start'
routes = ['POST /action']
project = 'none'
access = 'authenticated'
body_key = 'os-start'
max_body = '1KiB'

[[operation]]
permission = 'stop'
routes = ['POST /action']
project = 'none'
access = 'authenticated'
body_key = 'os-stop'
max_body = '2KiB'

[[operation]]
permission = 'tag'
routes = ['POST /tags']
project = 'none'
access = 'authenticated'
body_value = { action = ['create', 'delete'] }

[[operation]]
permission = 'count'
routes = ['POST /tags']
project = 'none'
access = 'authenticated'
body_value = { action = 'count' }

[[operation]]
permission = 'create'
routes = ['POST /servers']
project = 'none'
actions = ['a:b:create']
conditional = [{ when = '/server/eip', actions = ['a:b:eip'] }]

[[operation]]
permission = 'rename'
routes = ['PUT /servers']
project = 'none'
actions = ['a:b:rename']
resource = '/servers/*/id'

[[operation]]
permission = 'list'
routes = ['GET /servers']
project = 'none'
access = 'public'
";

fn router() -> Router {
    let (name, text) = ("test".to_owned(), TEXT.to_owned());
    Router::new(ActionTable::load(&[Source { name, text }]).unwrap()).unwrap()
}

/// What `see` makes of the target of a request.
fn look<T>(
    method: &Method,
    path: &str,
    body: Option<&Value>,
    see: impl FnOnce(&Target<'_>) -> T,
) -> Result<T, Unroutable> {
    let (router, path) = (router(), path.parse().unwrap());
    let candidates = router.resolve(method, &path).unwrap();
    let body = body.map(|body| JsonBody::parse(body.to_string().as_bytes()).unwrap());
    candidates.target(body).map(|target| see(&target))
}

#[test]
fn the_body_selects_the_operation() {
    let text = |text: &str| text.to_owned();
    let no_value = || UnlistedBody::NoValue(text("action"));
    let cases = [
        ("/action", Some(json!({"os-start": null})), Ok("start")),
        ("/action", Some(json!({"os-stop": {}})), Ok("stop")),
        (
            "/action",
            Some(json!({"os-start": 1, "os-stop": 1})),
            Err(UnlistedBody::Members(2)),
        ),
        ("/action", Some(json!({})), Err(UnlistedBody::Members(0))),
        (
            "/action",
            Some(json!({"OS-START": 1})),
            Err(UnlistedBody::Key(text("OS-START"))),
        ),
        ("/action", None, Err(UnlistedBody::Absent)),
        ("/tags", Some(json!({"action": "create"})), Ok("tag")),
        (
            "/tags",
            Some(json!({"tags": [], "action": "delete"})),
            Ok("tag"),
        ),
        ("/tags", Some(json!({"action": "count"})), Ok("count")),
        (
            "/tags",
            Some(json!({"action": "drop"})),
            Err(UnlistedBody::Value {
                member: text("action"),
                value: text("drop"),
            }),
        ),
        ("/tags", Some(json!({"action": ["count"]})), Err(no_value())),
        ("/tags", Some(json!({"tags": []})), Err(no_value())),
        (
            "/tags",
            Some(json!({"action": "count", "_action": "create"})),
            Err(UnlistedBody::Alike(text("_action"))),
        ),
        ("/tags", None, Err(UnlistedBody::Absent)),
        ("/servers", Some(json!({"server": {}})), Ok("create")),
    ];
    for (path, body, expected) in cases {
        let seen = look(&Method::POST, path, body.as_ref(), |target| {
            target.operation.permission.to_string()
        });
        let expected = expected.map(str::to_owned).map_err(Unroutable::Body);
        assert_eq!(seen, expected, "{path} {body:?}");
    }
}

#[test]
fn the_body_demands_more() {
    for (body, expected) in [
        (json!({"server": {}}), 1),
        (json!({"server": {"eip": 1}}), 2),
        (json!({"server": {"eip": null}}), 2),
        (json!({"eip": 1}), 1),
    ] {
        let seen = look(&Method::POST, "/servers", Some(&body), |target| {
            target.required().count()
        });
        assert_eq!(seen, Ok(expected), "{body}");
    }
}

#[test]
fn the_body_names_the_instances() {
    let body = json!({"servers": [{"id": "a"}, {"id": "b"}]});
    let see = |target: &Target<'_>| {
        let instances = target.instances();
        let ids: Vec<String> = instances.ids.into_iter().map(str::to_owned).collect();
        (ids, instances.is_instance_level)
    };
    let seen = look(&Method::PUT, "/servers", Some(&body), see).unwrap();
    assert_eq!(seen, (vec!["a".to_owned(), "b".to_owned()], true));
    let seen = look(&Method::PUT, "/servers", Some(&json!({"servers": 1})), see).unwrap();
    // One that every denial is about, and no grant for single ones.
    assert_eq!(seen, (vec![String::new()], true));
    let body = json!({"servers": [{"id": "a", "Id": "b"}]});
    let seen = look(&Method::PUT, "/servers", Some(&body), see);
    let alike = UnlistedBody::Alike("Id".to_owned());
    assert_eq!(seen, Err(Unroutable::Body(alike)));
}

#[test]
fn the_largest_bound_holds_until_the_operation_is_known() {
    let router = router();
    for (method, path, listener, reads, most, template) in [
        (Method::POST, "/action", 1 << 20, true, 2048, "/action"),
        (Method::POST, "/action", 100, true, 2048, "/action"),
        (Method::POST, "/tags", 1 << 20, true, 65536, "/tags"),
        (Method::POST, "/tags", 100, true, 100, "/tags"),
        (Method::PUT, "/servers", 1 << 20, true, 65536, "/servers"),
        (Method::GET, "/servers", 100, false, 100, "/servers"),
    ] {
        let parsed = path.parse().unwrap();
        let candidates = router.resolve(&method, &parsed).unwrap();
        assert_eq!(candidates.reads_body(), reads, "{method} {path}");
        assert_eq!(candidates.max_body(listener), most, "{method} {path}");
        assert_eq!(candidates.template().unwrap().as_str(), template);
        assert_eq!(candidates.is_public(), method == Method::GET);
    }
}

#[test]
fn the_paths_server_is_an_instance_whatever_the_table_names() {
    let row = |path: &str, resource: &str| {
        let routes = format!("routes = ['PUT /{{project_id}}/{path}']");
        format!("[[operation]]\npermission = '{path}'\n{routes}\nactions = ['a:b:c']\n{resource}\n")
    };
    let rows = [
        row("plain/{server_id}", ""),
        row("own/{server_id}", "resource = '{server_id}'"),
        row("other/{server_id}/{volume_id}", "resource = '{volume_id}'"),
        row("body/{server_id}", "resource = '/id'"),
    ];
    let name = "own".to_owned();
    let text = rows.concat();
    let router = Router::new(ActionTable::load(&[Source { name, text }]).unwrap()).unwrap();
    let body = || JsonBody::parse(b"{\"id\":\"b\"}").unwrap();
    let cases: [(&str, Option<JsonBody>, &[&str], bool); 4] = [
        ("/p/plain/s", None, &["s"], false),
        ("/p/own/s", None, &["s"], true),
        ("/p/other/s/v", None, &["v", "s"], true),
        ("/p/body/s", Some(body()), &["b", "s"], true),
    ];
    for (path, body, ids, is_instance_level) in cases {
        let request: RequestPath = path.parse().unwrap();
        let candidates = router.resolve(&Method::PUT, &request).unwrap();
        let target = candidates.target(body).unwrap();
        let found = target.instances();
        let found = (found.ids.as_slice(), found.is_instance_level);
        assert_eq!(found, (ids, is_instance_level), "{path}");
    }
}
