//! `explain`: what the gateway would do with a request, step by step.

use serde_json::{Value, json};

use super::issuer::{CONFIG, ED25519, claims, claims_but, issuer, make_key, sign, sign_with};
use super::{Folder, Ran};

const METADATA: &str = "/v2.1/a1/servers/s1/metadata";

fn explain(folder: &Folder, token: &str, method: &str, path: &str) -> Ran {
    let arguments = [
        "explain",
        "--config",
        "actiongate.toml",
        "--token",
        "-",
        method,
        path,
    ];
    folder.actiongate_reading(&format!("{token}\n"), &arguments)
}

/// The labels at the start of the lines, in their order; evidence goes on without one.
fn steps(ran: &Ran) -> Vec<&str> {
    let lines = ran.out.lines().filter(|line| !line.starts_with(' '));
    lines
        .map(|line| line.split("  ").next().unwrap().trim())
        .collect()
}

/// A denial: at which step, with which status and reason, and what the advice says.
#[track_caller]
fn assert_denied(ran: Ran, step: &str, status: u16, reason: &str, advice: &[&str]) -> Ran {
    let ran = ran.ended(3);
    let steps = steps(&ran);
    assert_eq!(
        steps[steps.len() - 3..],
        [step, "decision", "to change"],
        "{}",
        ran.out
    );
    let decision = ran.line("decision");
    assert!(
        decision.starts_with(&format!("DENY: {status} ")),
        "{decision}"
    );
    assert!(
        decision.ends_with(&format!("reason `{reason}`")),
        "{decision}"
    );
    for part in advice {
        let found = ran.line("to change");
        assert!(found.contains(part), "no {part:?} in {found:?}");
    }
    ran
}

#[test]
fn an_allowed_request_shows_each_step() {
    let folder = issuer(ED25519);
    let token = sign(
        &folder,
        &claims(&["ecs:servers:setMetadata", "ecs:servers:get"]),
    );
    let ran = explain(&folder, &token, "PUT", METADATA).ended(0);
    assert_eq!(ran.err, "");
    assert_eq!(
        steps(&ran),
        [
            "request",
            "path",
            "token",
            "claim",
            "claim",
            "claim",
            "projects",
            "granted",
            "route",
            "operation",
            "required",
            "action",
            "action",
            "missing",
            "decision"
        ]
    );
    assert_eq!(ran.line("request"), format!("PUT {METADATA}"));
    assert!(ran.line("token").contains("alice"), "{}", ran.out);
    assert!(ran.line("token").contains("https://iam.example.com"));
    assert_eq!(ran.line("projects"), "a1");
    assert_eq!(
        ran.line("required"),
        "ecs:servers:setMetadata, ecs:servers:get"
    );
    assert_eq!(ran.line("missing"), "(none)");
    let route = ran.line("route");
    let template = "PUT /v2.1/{project_id}/servers/{server_id}/metadata";
    assert!(route.starts_with(template), "{route}");
    assert!(ran.line("decision").starts_with("ALLOW"), "{}", ran.out);
}

#[test]
fn a_token_can_be_in_a_file() {
    let folder = issuer(ED25519);
    folder.write(
        "alice.token",
        &format!("{}\n", sign(&folder, &claims(&["ecs:*:*"]))),
    );
    let arguments = [
        "explain",
        "--config",
        "actiongate.toml",
        "--token",
        "alice.token",
        "GET",
        METADATA,
    ];
    folder.actiongate(&arguments).ended(0);
}

#[test]
fn a_path_with_another_spelling_is_denied() {
    let folder = issuer(ED25519);
    let token = sign(&folder, &claims(&["*:*:*"]));
    let cases = [
        ("/v2.1/a1/servers/s1/metadata/", "path_invalid"),
        ("/v2.1//a1/servers/s1/metadata", "path_invalid"),
        ("/v2.1/a1/servers/s1/x/../metadata", "path_invalid"),
        ("/v2.1/a1/servers/s1/%6Detadata", "path_invalid"),
        ("/v2.1/a1/servers/s1%2Fmetadata", "path_invalid"),
        ("v2.1/a1/servers/s1/metadata", "path_invalid"),
        (
            "/v2.1/a1/servers/s1/metadata?_method=PUT",
            "method_override",
        ),
    ];
    for (path, reason) in cases {
        let ran = explain(&folder, &token, "GET", path);
        assert_denied(ran, "path", 400, reason, &[]);
    }
    let ran = explain(&folder, &token, "GET", "/v2.1/a1/servers/s1/metadata/");
    let ran = assert_denied(ran, "path", 400, "path_invalid", &["plain spelling"]);
    assert!(ran.line("path").contains("ends with `/`"), "{}", ran.out);
}

#[test]
fn a_token_that_does_not_verify_is_denied() {
    let folder = issuer(ED25519);
    make_key(&folder, ED25519, "other.pem");
    let good = claims(&["*:*:*"]);
    let signed_but = |claim, value| sign(&folder, &claims_but(claim, value));
    let cases = [
        ("token_malformed", "garbage".to_owned()),
        ("token_expired", signed_but("exp", json!(1000))),
        (
            "token_not_yet_valid",
            signed_but("nbf", json!(4_000_000_000_u64)),
        ),
        ("token_audience", signed_but("aud", json!(["evs"]))),
        (
            "token_issuer",
            signed_but("iss", json!("https://other.example")),
        ),
        ("token_claim", signed_but("aud", Value::Null)),
        ("claims_invalid", signed_but("project_id", json!(7))),
        (
            "token_signature",
            sign_with(&folder, "other.pem", "k1", &good),
        ),
        ("token_key", sign_with(&folder, "other.pem", "k2", &good)),
    ];
    for (reason, token) in cases {
        let ran = explain(&folder, &token, "GET", METADATA);
        let ran = assert_denied(ran, "token", 401, reason, &["token"]);
        // Nothing of an unknown caller is shown as if it counted.
        assert!(!ran.out.contains("granted"), "{}", ran.out);
    }
}

#[test]
fn a_route_or_method_that_the_table_does_not_list_is_denied() {
    let folder = issuer(ED25519);
    let token = sign(&folder, &claims(&["*:*:*"]));
    let advice = ["`actiongate routes`", "[table] files"];
    let ran = explain(&folder, &token, "GET", "/v2.1/a1/consoles");
    let ran = assert_denied(ran, "route", 404, "route_unknown", &advice);
    assert!(ran.line("route").contains("No operation"), "{}", ran.out);
    for method in ["DELETE", "get", "HEAD"] {
        let ran = explain(&folder, &token, method, METADATA);
        let ran = assert_denied(ran, "route", 405, "method_not_allowed", &advice);
        assert!(ran.line("route").contains("GET, POST, PUT"), "{}", ran.out);
    }
}

#[test]
fn a_path_of_another_project_is_denied() {
    let folder = issuer(ED25519);
    let token = sign(&folder, &claims(&["*:*:*"]));
    let ran = explain(&folder, &token, "GET", "/v2.1/p2/servers/s1/metadata");
    let advice = ["`/project_id`", "`p2`", "path of the token's project"];
    let ran = assert_denied(ran, "project", 403, "project_mismatch", &advice);
    assert_eq!(ran.line("projects"), "a1");
}

#[test]
fn a_missing_action_is_named() {
    let folder = issuer(ED25519);
    let token = sign(&folder, &claims(&["ecs:servers:*Metadata"]));
    let ran = explain(&folder, &token, "PUT", METADATA);
    let advice = ["`/actions`", "grants ecs:servers:get"];
    let ran = assert_denied(ran, "missing", 403, "action_missing", &advice);
    assert_eq!(
        ran.line("missing"),
        "Policy doesn't allow ecs:servers:get to be performed."
    );

    let none = sign(&folder, &claims(&[]));
    let ran = explain(&folder, &none, "PUT", METADATA);
    let advice = ["ecs:servers:setMetadata", "ecs:servers:get"];
    let ran = assert_denied(ran, "missing", 403, "action_missing", &advice);
    assert_eq!(ran.line("granted"), "(none)");
}

#[test]
fn a_project_that_nova_would_not_read_as_one_is_denied() {
    let folder = issuer(ED25519);
    let mut claims = claims(&["*:*:*"]);
    claims["project_id"] = "os-keypairs".into();
    let token = sign(&folder, &claims);
    let ran = explain(&folder, &token, "GET", "/v2.1/os-keypairs/flavors");
    let advice = ["use a project whose id Nova can have given"];
    assert_denied(ran, "project", 400, "project_form", &advice);
}

#[test]
fn a_public_route_needs_no_token() {
    let folder = issuer(ED25519);
    let ran = explain(&folder, "", "GET", "/v2.1").ended(0);
    assert!(ran.line("access").starts_with("public"), "{}", ran.out);
    assert!(ran.line("decision").starts_with("ALLOW"), "{}", ran.out);
}

#[test]
fn what_cannot_be_explained_is_a_failure() {
    let folder = issuer(ED25519);
    folder.write("a.token", "a.b.c");
    let with = |config, token, method| {
        folder.actiongate(&[
            "explain", "--config", config, "--token", token, method, METADATA,
        ])
    };
    with("none.toml", "a.token", "GET").failed_with(&["none.toml", "No such file"]);
    with("actiongate.toml", "none.token", "GET").failed_with(&["cannot read `none.token`"]);
    with("actiongate.toml", "a.token", "G T").failed_with(&["`G T` is not a method"]);
    std::fs::remove_file(folder.path("jwks.json")).unwrap();
    with("actiongate.toml", "a.token", "GET")
        .failed_with(&["jwks.json", "https://iam.example.com"]);
}

/// There is no connection to ask: what the gateway would ask of one is said instead.
#[test]
fn a_bound_token_is_said_to_be_bound() {
    let folder = issuer(ED25519);
    let hash = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
    let of = |cnf: Value| sign(&folder, &claims_but("cnf", cnf));
    let bound = of(json!({"x5t#S256": hash}));
    let expected = format!(
        "to the client certificate with x5t#S256 {hash}: refused on a connection without it"
    );
    let ran = explain(&folder, &bound, "GET", METADATA).ended(0);
    assert_eq!(ran.line("bound"), expected);
    let show = ["token", "show", "--config", "actiongate.toml", &bound];
    assert_eq!(folder.actiongate(&show).ended(0).line("bound"), expected);
    let other = of(json!({"jkt": hash}));
    let ran = explain(&folder, &other, "GET", METADATA);
    assert_denied(ran, "token", 401, "token_confirmation", &[]);
    let show = ["token", "show", "--config", "actiongate.toml", &other];
    let ran = folder.actiongate(&show).ended(3);
    assert!(
        ran.line("token").contains("`token_confirmation`"),
        "{}",
        ran.out
    );
}

#[test]
fn a_url_is_held_against_the_hosts() {
    let folder = issuer(ED25519);
    let config = CONFIG.replacen("[listen]", "[listen]\nhosts = [\"api.test\"]", 1);
    assert_ne!(config, CONFIG);
    folder.write("actiongate.toml", &config);
    let token = sign(&folder, &claims(&["*:*:*"]));
    let url = |host: &str| format!("https://{host}{METADATA}");
    let ran = explain(&folder, &token, "GET", &url("API.test:443")).ended(0);
    assert_eq!(ran.line("host"), "good: API.test:443 is served");
    let cases = [
        ("other.test", 421, "host_unknown"),
        ("u@api.test", 400, "host_invalid"),
        ("", 400, "host_invalid"),
    ];
    for (host, status, reason) in cases {
        let ran = explain(&folder, &token, "GET", &url(host));
        assert_denied(ran, "host", status, reason, &["[listen] hosts"]);
    }
    let ran = explain(&folder, &token, "GET", "http://api.test").ended(0);
    assert!(ran.line("route").starts_with("GET / "), "{}", ran.out);
    let ran = explain(&folder, &token, "GET", METADATA).ended(0);
    assert!(!steps(&ran).contains(&"host"), "{}", ran.out);
}

#[test]
fn a_parameter_of_another_kind_is_denied() {
    let folder = issuer(ED25519);
    let token = sign(&folder, &claims(&["*:*:*"]));
    let path = "/v2.1/a1/servers/0F3A9C1E-5B7D-4E21-9A6F-C0D1E2F3A4B5/metadata";
    let ran = explain(&folder, &token, "GET", path);
    let ran = assert_denied(ran, "route", 400, "path_invalid", &["as the API spells it"]);
    assert!(ran.line("route").contains("lower case"), "{}", ran.out);
}

#[test]
fn what_an_operation_allows_is_shown() {
    let folder = issuer(ED25519);
    folder.write(
        "own.toml",
        "[[operation]]\npermission = \"Console\"\nroutes = [\"GET /console\", \"GET /console/{console_id}\"]\naccess = \"public\"\nmax_body = \"1KiB\"\nupgrade = true\n",
    );
    let config = format!("{CONFIG}[table]\nfiles = [\"own.toml\"]\n");
    folder.write("actiongate.toml", &config);
    let ran = explain(&folder, "", "GET", "/console").ended(0);
    assert_eq!(ran.line("body"), "at most 1024 bytes");
    assert_eq!(ran.line("upgrade"), "the upstream may switch protocols");
    // As the gateway does, which asks nobody for a token here.
    let ran = explain(&folder, "", "GET", "/console/a~b");
    assert_denied(ran, "route", 400, "path_invalid", &["as the API spells it"]);
}
