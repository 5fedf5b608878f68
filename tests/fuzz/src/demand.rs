//! What a small table demands of a request, written once more.

use crate::json::{self, Json};
use crate::message::Message;
use crate::nova;

/// The tokens' project.
const PROJECT: &[u8] = b"p1";
/// Routes that bodies tell apart, beside those for metadata, which [`demand`] knows, too.
pub const TABLE: &str = r#"
[[operation]]
permission = "start"
routes = ["POST /v2.1/{project_id}/servers/{server_id}/action"]
body_key = "os-start"
actions = ["ecs:servers:start"]
[[operation]]
permission = "lock"
routes = ["POST /v2.1/{project_id}/servers/{server_id}/action"]
body_key = "lock"
actions = ["ecs:servers:lock"]
[[operation]]
permission = "batch"
routes = ["POST /v2.1/{project_id}/servers/{server_id}/tags/action"]
body_value = { action = ["create"] }
actions = ["ecs:servers:start"]
conditional = [{ when = "/tags", actions = ["ecs:servers:tag"] }]
max_body = "40B"
"#;

/// The table, written once more: which of the tokens' grants a request needs, if any permits it.
pub fn demand(request: &Message) -> Option<&'static str> {
    let path = request
        .target
        .split(|byte| *byte == b'?')
        .next()
        .unwrap_or_default();
    let segments: Vec<Vec<u8>> = path[1..]
        .split(|byte| *byte == b'/')
        .map(nova::decode)
        .collect();
    let segments: Vec<&[u8]> = segments.iter().map(Vec::as_slice).collect();
    match (request.method.as_slice(), &segments[..]) {
        (b"GET", [b"v2" | b"v2.1", PROJECT, b"servers", _, b"metadata"]) => Some("list"),
        (b"PUT" | b"POST", [b"v2" | b"v2.1", PROJECT, b"servers", _, b"metadata"])
        | (
            b"GET" | b"PUT" | b"DELETE",
            [b"v2" | b"v2.1", PROJECT, b"servers", _, b"metadata", _],
        )
        | (b"GET" | b"PUT", [b"v1", PROJECT, b"cloudservers", _, b"autorecovery"]) => Some("all"),
        (b"POST", [b"v2.1", PROJECT, b"servers", _, b"action"]) => match body(request) {
            Json::Object(members) => match &members[..] {
                [(name, _)] if name == "os-start" => Some("start"),
                [(name, _)] if name == "lock" => Some("all"),
                _ => None,
            },
            _ => None,
        },
        (b"POST", [b"v2.1", PROJECT, b"servers", _, b"tags", b"action"]) => {
            let body = body(request);
            let is_listed = request.body.len() <= 40 && body.member("action")?.text()? == "create";
            let demand = body.member("tags").map_or("start", |_| "all");
            is_listed.then_some(demand)
        }
        _ => None,
    }
}

/// A body that decides, which has one reading.
fn body(request: &Message) -> Json {
    let types: Vec<_> = request.values("content-type").collect();
    let [only] = types[..] else {
        panic!("not one media type: {}", shown(request));
    };
    let only = only.to_ascii_lowercase();
    let only: Vec<u8> = only
        .into_iter()
        .filter(|byte| !b" \t\"".contains(byte))
        .collect();
    let is_json =
        [&b"application/json"[..], b"application/json;charset=utf-8"].contains(&&only[..]);
    assert!(is_json, "another media type: {}", shown(request));
    let mut codings = request.values("content-encoding");
    assert!(codings.next().is_none(), "a coding: {}", shown(request));
    match json::read(&request.body) {
        Ok(body) => body,
        Err(error) => panic!("{error:?}: {}", shown(request)),
    }
}

/// The request on several lines.
pub fn shown(request: &Message) -> String {
    let mut text = Vec::new();
    for part in [&request.method[..], b" ", &request.target] {
        text.extend_from_slice(part);
    }
    for (name, value) in &request.headers {
        for part in [b"\n", name.as_bytes(), b": ", value] {
            text.extend_from_slice(part);
        }
    }
    format!("{}\n\n{}", text.escape_ascii(), request.body.escape_ascii())
}
