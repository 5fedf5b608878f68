//! Version documents: everybody may read them, and nothing beside them.

use crate::support::{Call, Refusing, token};

/// As the vendor's pages have it, for everybody.
const TABLE: &str = r#"
[[operation]]
permission = "any version"
routes = ["GET /{api_version}"]
access = "public"
"#;

#[test]
fn a_public_parameter_stands_for_versions_only() {
    let world = Refusing::with(|setup| setup.table(TABLE));
    for path in ["/v9", "/v2.25", "/v2.1", "/v2.1/"] {
        world.permits(&Call::get(path));
    }
    let versions: Vec<String> = world
        .upstream
        .requests()
        .into_iter()
        .map(|seen| seen.line)
        .collect();
    let expected = ["/v9", "/v2.25", "/v2.1", "/v2.1/"].map(|path| format!("GET {path} HTTP/1.1"));
    assert_eq!(versions, expected);
    let version = "Accept: application/json;version=\"2.1/x\"";
    for path in [
        "/servers",
        "/limits",
        "/v2.1.1",
        "/vv2",
        "/V2.1",
        "/0a1b2c3d4e5f",
    ] {
        for call in [
            Call::get(path),
            Call::get(path).header(version),
            Call::get(path).bearer(&token(&["*:*:*"])),
        ] {
            let answer = world.call(&call);
            let message = answer.refusal(400, "path_invalid", "badRequest");
            let value = &path[1..];
            let expected = format!(
                "The path's `api_version` is `{value}`, expected a version such as `v2.1`."
            );
            assert_eq!(message, expected);
        }
    }
    // No parameter stands for nothing, so a slash after it is of no template.
    let answer = world.call(&Call::get("/v9/"));
    answer.refusal(401, "token_missing", "error");
    let answer = world.call(&Call::get("/v9/").bearer(&token(&["*:*:*"])));
    answer.refusal(404, "route_unknown", "itemNotFound");
}

/// Nova would take the rest of the path, and the method, from elsewhere.
#[test]
fn a_version_document_is_asked_for_plainly() {
    let world = Refusing::start();
    let plain = Call::get("/v2.1/").header("Accept: application/json");
    world.permits(&plain);
    let chosen = Call::get("/").header("Accept: application/json;version=2.1/x");
    let message = world
        .call(&chosen)
        .refusal(400, "media_type_version", "badRequest");
    assert_eq!(
        message,
        "A parameter `version` of `Accept` or `Content-Type` can change the API behind the gateway, expected media types without it."
    );
    let message =
        world
            .call(&Call::get("/v2.1/servers/"))
            .refusal(400, "path_invalid", "badRequest");
    assert_eq!(message, "The path ends with `/`; leave the last `/` out.");
}
