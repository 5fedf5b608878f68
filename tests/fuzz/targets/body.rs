//! Any bytes as a body that decides: it is taken if an independent reader takes it, for the operation,
//! the actions and the instances that this one finds.
//!
//! An input is a byte that chooses the path, then the body.

#![no_main]

use std::sync::LazyLock;

use actiongate::router::{JsonBody, RequestPath, Router, Unroutable};
use actiongate::table::{ActionTable, Source};
use hyper::Method;
use libfuzzer_sys::fuzz_target;
use oracle::json::{self, Json, Refusal};
use serde_json::Value;

/// What [`find`] says once more.
const TABLE: &str = r#"
[[operation]]
permission = "start"
routes = ["POST /key/{project_id}"]
body_key = "os-start"
actions = ["ecs:servers:start"]
[[operation]]
permission = "resize"
routes = ["POST /key/{project_id}"]
body_key = "resize"
actions = ["ecs:servers:resize"]
resource = "/resize/servers/*/id"
[[operation]]
permission = "change"
routes = ["POST /value/{project_id}"]
body_value = { action = ["create", "delete"] }
actions = ["ecs:tags:change"]
conditional = [{ when = "/tags", actions = ["ecs:tags:write"] }]
[[operation]]
permission = "list"
routes = ["POST /value/{project_id}"]
body_value = { action = ["filter"] }
actions = ["ecs:tags:list"]
[[operation]]
permission = "create"
routes = ["POST /servers/{project_id}"]
actions = ["ecs:servers:create"]
conditional = [
    { when = "/server/publicip/eip", actions = ["vpc:publicIps:create"] },
    { when = "/server/nics/0", actions = ["vpc:ports:create"] },
]
[[operation]]
permission = "stop"
routes = ["POST /stop/{project_id}"]
actions = ["ecs:servers:stop"]
resource = "/os-stop/servers/*/id"
"#;

const PATHS: [&str; 4] = ["/key/p", "/value/p", "/servers/p", "/stop/p"];

static ROUTER: LazyLock<Router> = LazyLock::new(|| {
    let source = Source {
        name: "table".to_owned(),
        text: TABLE.to_owned(),
    };
    let table = ActionTable::load(&[source]).expect("a table");
    Router::new(table).expect("routes")
});

/// What a request is found to be about.
#[derive(Debug, Eq, PartialEq)]
struct Found {
    operation: String,
    actions: Vec<String>,
    /// None if the operation is about no instances.
    instances: Option<Vec<String>>,
}

fuzz_target!(|input: &[u8]| {
    let Some((first, body)) = input.split_first() else {
        return;
    };
    let path = PATHS[usize::from(*first) % PATHS.len()];
    let (read, judged) = (json::read(body), judge(path, body));
    match read {
        Ok(object) => {
            let expected = find(path, &object);
            assert_eq!(judged, expected, "{path} {}", body.escape_ascii());
            let value = serde_json::from_slice(body).expect("JSON");
            assert!(is_same(&object, &value), "{}", body.escape_ascii());
        }
        Err(Refusal::Certain) => assert_eq!(judged, None, "{}", body.escape_ascii()),
        Err(Refusal::Number) => {}
    }
});

/// As the gateway does.
fn judge(path: &str, body: &[u8]) -> Option<Found> {
    let path: RequestPath = path.parse().expect("a path");
    let candidates = ROUTER.resolve(&Method::POST, &path).expect("a route");
    assert!(candidates.reads_body());
    let body = JsonBody::parse(body).ok()?;
    match candidates.target(Some(body)) {
        Ok(target) => {
            let table = ROUTER.table();
            let actions = target.required().filter_map(|id| table.name(id));
            let instances = target.instances();
            let ids = instances.ids.iter().map(|id| (*id).to_owned()).collect();
            Some(Found {
                operation: target.operation.permission.to_string(),
                actions: actions.map(ToString::to_string).collect(),
                instances: instances.is_instance_level.then_some(ids),
            })
        }
        Err(Unroutable::Body(error)) => {
            // Of the body it repeats little, though escaped.
            assert!(error.to_string().len() < 800, "{error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// The table, written once more.
fn find(path: &str, body: &Json) -> Option<Found> {
    let Json::Object(members) = body else {
        panic!("no object");
    };
    let is_clear = |names: &[&str]| !has_like(body, names);
    let (operation, actions, instances) = match path {
        "/key/p" => match &members[..] {
            [(name, _)] if name == "os-start" => ("start", vec!["ecs:servers:start"], None),
            [(name, _)] if name == "resize" && is_clear(&["resize", "servers", "*", "id"]) => {
                ("resize", vec!["ecs:servers:resize"], Some("resize"))
            }
            _ => return None,
        },
        "/value/p" => match body.member("action")?.text()? {
            "create" | "delete" if is_clear(&["action"]) && is_clear(&["tags"]) => {
                let mut actions = vec!["ecs:tags:change"];
                actions.extend(body.member("tags").map(|_| "ecs:tags:write"));
                ("change", actions, None)
            }
            "filter" if is_clear(&["action"]) => ("list", vec!["ecs:tags:list"], None),
            _ => return None,
        },
        "/servers/p" => {
            if !is_clear(&["server", "publicip", "eip"]) || !is_clear(&["server", "nics", "0"]) {
                return None;
            }
            let mut actions = vec!["ecs:servers:create"];
            let server = body.member("server");
            let address = server.and_then(|server| server.member("publicip")?.member("eip"));
            actions.extend(address.map(|_| "vpc:publicIps:create"));
            match server.and_then(|server| server.member("nics")) {
                Some(Json::Array(items)) if !items.is_empty() => actions.push("vpc:ports:create"),
                Some(nics) if nics.member("0").is_some() => actions.push("vpc:ports:create"),
                _ => {}
            }
            ("create", actions, None)
        }
        _ if is_clear(&["os-stop", "servers", "*", "id"]) => {
            ("stop", vec!["ecs:servers:stop"], Some("os-stop"))
        }
        _ => return None,
    };
    Some(Found {
        operation: operation.to_owned(),
        actions: actions.into_iter().map(str::to_owned).collect(),
        instances: instances.map(|name| servers(body.member(name))),
    })
}

/// The ids of the servers, or one that no grant names where any of them cannot be told.
fn servers(inside: Option<&Json>) -> Vec<String> {
    let ids = match inside.and_then(|inside| inside.member("servers")) {
        Some(Json::Array(items)) => items
            .iter()
            .map(|item| Some(item.member("id")?.text()?.to_owned()))
            .collect(),
        _ => None,
    };
    match ids {
        Some(ids) if !Vec::is_empty(&ids) => ids,
        _ => vec![String::new()],
    }
}

/// Whether a member on the way that `names` lead is called otherwise, and alike.
fn has_like(value: &Json, names: &[&str]) -> bool {
    let Some((expected, rest)) = names.split_first() else {
        return false;
    };
    match value {
        Json::Object(members) => members.iter().any(|(name, inner)| match name == expected {
            true => has_like(inner, rest),
            false => plain(name) == plain(expected),
        }),
        Json::Array(items) => items
            .iter()
            .any(|item| matches!(item, Json::Object(_) | Json::Array(_)) && has_like(item, rest)),
        _ => false,
    }
}

/// Up to a NUL, without `_` and `-`, in lower case as far as it can be an ASCII letter then.
fn plain(name: &str) -> String {
    let name = name.split('\0').next().unwrap_or_default();
    let mut plain = String::new();
    for letter in name.chars() {
        match letter {
            '_' | '-' => {}
            'ſ' => plain.push('s'),
            '\u{212a}' => plain.push('k'),
            'ı' => plain.push('i'),
            'ß' => plain.push_str("ss"),
            'ﬅ' | 'ﬆ' => plain.push_str("st"),
            'ﬀ' => plain.push_str("ff"),
            'ﬁ' => plain.push_str("fi"),
            'ﬂ' => plain.push_str("fl"),
            'ﬃ' => plain.push_str("ffi"),
            'ﬄ' => plain.push_str("ffl"),
            letter => plain.push(letter.to_ascii_lowercase()),
        }
    }
    plain
}

/// Whether another reader, who takes the last of equal names, sees the same.
fn is_same(own: &Json, other: &Value) -> bool {
    match (own, other) {
        (Json::Word(word), Value::Null) => word == "null",
        (Json::Word(word), Value::Bool(value)) => *word == value.to_string(),
        (Json::Word(word), Value::Number(_)) => word.ends_with(|end: char| end.is_ascii_digit()),
        (Json::Text(text), Value::String(other)) => text == other,
        (Json::Array(items), Value::Array(others)) => {
            items.len() == others.len()
                && items
                    .iter()
                    .zip(others)
                    .all(|(item, other)| is_same(item, other))
        }
        (Json::Object(members), Value::Object(others)) => {
            members.len() == others.len()
                && members.iter().all(|(name, value)| {
                    others.get(name).is_some_and(|other| is_same(value, other))
                })
        }
        _ => false,
    }
}
