//! `explain`: callers that nobody verifies, the evidence of each step, and the same as data.

use serde_json::{Value, json};

use super::issuer::{CONFIG, ED25519, claims, issuer, sign};
use super::{Folder, Ran};

const ROLES: &str = r#"policies = "/policies"
roles = "/token/roles/*/name"
domain = "/domain_id"
[issuer.claims.conditions]
"g:MFAAge" = "/auth_time"
[issuer.roles]
auditor = "ECS ReadOnlyAccess"
"an operator" = ["ECS CommonOperations", "no reboots"]
office = "from the office"
[[policy]]
name = "no reboots"
document = '''{"Version": "1.1", "Statement": [{"Effect": "Deny", "Action": ["ecs:*:reboot"]}]}'''
[[policy]]
name = "from the office"
document = '''{"Version": "5.0", "Statement": [
  {"Effect": "Allow", "NotAction": ["ecs:servers:delete"], "Condition": {
    "IpAddress": {"g:SourceIp": ["10.0.0.0/8"]},
    "DateLessThan": {"g:CurrentTime": ["2026-12-01T00:00:00Z"]},
    "NumberLessThan": {"g:MFAAge": ["300"]}}}]}'''
"#;
const METADATA: [&str; 2] = ["PUT", "/v2.1/a1/servers/s1/metadata"];
const DETAIL: [&str; 2] = ["GET", "/v2.1/a1/servers/detail"];

fn folder() -> Folder {
    let folder = issuer(ED25519);
    folder.write("actiongate.toml", &format!("{CONFIG}{ROLES}"));
    // Nobody is verified, so nobody's keys are needed.
    std::fs::remove_file(folder.path("jwks.json")).unwrap();
    folder
}

fn explain(folder: &Folder, more: &[&str]) -> Ran {
    let start = ["explain", "--config", "actiongate.toml"];
    folder.actiongate(&[&start[..], more].concat())
}

fn data(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.out))
}

#[test]
fn a_role_is_in_the_paths_own_project() {
    let folder = folder();
    let ran = explain(&folder, &[&["--role", "auditor"], &DETAIL[..]].concat()).ended(0);
    assert_eq!(
        ran.line("token"),
        "none: a token of https://iam.example.com with `auditor`; nothing is verified"
    );
    assert_eq!(ran.line("projects"), "a1");
    for line in [
        "claim         /project_id = \"a1\": the project\n",
        "claim         /token/roles/*/name = [\"auditor\"]: the roles\n",
        "claim         /actions is absent: the actions\n",
        "action        ecs:servers:list: allowed\n              \
         the role `auditor`, `ECS ReadOnlyAccess` Statement[0]: allows `ecs:*:list*`\n",
    ] {
        assert!(ran.out.contains(line), "no {line:?} in\n{}", ran.out);
    }
    let other = ["--role", "auditor", "--project", "a2"];
    let ran = explain(&folder, &[&other[..], &DETAIL[..]].concat()).ended(3);
    assert!(ran.line("decision").ends_with("`project_mismatch`"));
    let both = ["--role", "auditor", "--role", "an operator"];
    let ran = explain(&folder, &[&both[..], &METADATA[..]].concat()).ended(0);
    assert!(
        ran.out.contains("the role `an operator`, `ECS CommonOperations` Statement[0]: allows `ecs:servers:setMetadata`\n"),
        "{}",
        ran.out
    );
}

#[test]
fn given_claims_are_not_verified() {
    let folder = folder();
    let text = claims(&["ecs:servers:*"]).to_string();
    folder.write("claims.json", &text);
    for given in [text.as_str(), "claims.json"] {
        let ran = explain(&folder, &[&["--claims", given], &METADATA[..]].concat()).ended(0);
        assert_eq!(
            ran.line("token"),
            "none: claims as given, read as those of https://iam.example.com; nothing is verified"
        );
        assert!(
            ran.out.contains("action        ecs:servers:get: allowed\n              the claim /actions: grants `ecs:servers:*`\n"),
            "{}",
            ran.out
        );
    }
    let wrong = json!({"project_id": 7}).to_string();
    let ran = explain(&folder, &[&["--claims", &wrong], &METADATA[..]].concat()).ended(3);
    assert!(
        ran.line("decision").ends_with("`claims_invalid`"),
        "{}",
        ran.out
    );
    let issuer = ["--claims", &text, "--issuer", "https://iam.example.org"];
    explain(&folder, &[&issuer[..], &METADATA[..]].concat()).failed_with(&[
        "there is no issuer `https://iam.example.org`; did you mean `https://iam.example.com`?",
    ]);
    explain(&folder, &[&["--claims", "{"], &METADATA[..]].concat())
        .failed_with(&["the claims cannot be read"]);
}

#[test]
fn conditions_show_what_they_are_held_against() {
    let folder = folder();
    let claims = json!({"project_id": "a1", "token": {"roles": [{"name": "office"}]}, "auth_time": 1_795_952_500});
    let claims = claims.to_string();
    let at = ["--claims", &claims, "--at", "2026-11-29T12:00:00Z"];
    let ran = explain(
        &folder,
        &[&at[..], &["--address", "10.1.2.3"], &DETAIL[..]].concat(),
    )
    .ended(3);
    let expected = "action        ecs:servers:list: missing\n              \
        the role `office`, `from the office` Statement[0]: would allow all but what it names; \
        g:CurrentTime DateLessThan 2026-12-01T00:00:00Z, the request's 2026-11-29T12:00:00Z: holds; \
        g:SourceIp IpAddress 10.0.0.0/8, the request's 10.1.2.3: holds; \
        g:MFAAge NumberLessThan 300, the claim /auth_time = 1795952500, 1100 seconds ago: does not hold\n";
    let mut lines: Vec<&str> = expected.split("; ").collect();
    lines.retain(|line| !ran.out.contains(line.trim_end()));
    assert_eq!(lines, [""; 0], "{}", ran.out);
    assert!(
        ran.line("to change").starts_with("authenticate again (g:MFAAge NumberLessThan 300, of the role `office`, `from the office` Statement[0]); or "),
        "{}",
        ran.out
    );
    let fresh = claims.replace("1795952500", "1795953500");
    let at = ["--claims", &fresh, "--at", "2026-11-29T12:00:00Z"];
    explain(
        &folder,
        &[&at[..], &["--address", "10.1.2.3"], &DETAIL[..]].concat(),
    )
    .ended(0);
    let ran = explain(&folder, &[&at[..], &DETAIL[..]].concat()).ended(3);
    assert!(
        ran.line("to change").contains("such as 10.0.0.0 "),
        "{}",
        ran.out
    );
}

#[test]
fn a_policy_needs_no_config() {
    let folder = Folder::new();
    let ask = |policy, request: [&str; 2]| {
        let arguments = [&["explain", "--policy", policy], &request[..]].concat();
        folder.actiongate(&arguments)
    };
    ask("ECS CommonOperations", METADATA).ended(0);
    let ran = ask("ECS ReadOnlyAccess", METADATA).ended(3);
    assert_eq!(
        ran.line("token"),
        "none: a caller whose one policy is `ECS ReadOnlyAccess`; nothing is verified"
    );
    assert!(
        ran.out.contains(
            "action        ecs:servers:get: allowed\n              `ECS ReadOnlyAccess` Statement[0]: allows `ecs:*:get*`\n"
        ),
        "{}",
        ran.out
    );
    assert_eq!(
        ran.line("to change"),
        "let the policy allow ecs:servers:setMetadata, too; or use the policy `ECS CommonOperations`, too (which may use 15 actions more)"
    );
    ask("ECS Full", METADATA)
        .failed_with(&["there is no policy `ECS Full`; did you mean `ECS FullAccess`?"]);
    let usage = folder.actiongate(&["explain", "GET", "/"]).ended(2);
    assert!(usage.err.contains("--policy"), "{}", usage.err);
    folder
        .actiongate(&["explain", "--role", "auditor", "GET", "/"])
        .ended(2);
}

#[test]
fn the_same_as_data() {
    let folder = folder();
    let json = ["--format", "json", "--role", "an operator"];
    let action = [
        "POST",
        "/v2.1/a1/servers/s1/action",
        "--body",
        "{\"reboot\":{}}",
    ];
    let found = data(&explain(&folder, &[&json[..], &action].concat()).ended(3));
    assert_eq!(found["request"]["method"], "POST");
    assert_eq!(found["request"]["body"], "{\"reboot\":{}}");
    assert_eq!(
        (&found["decision"], &found["status"], &found["reason"]),
        (&json!("deny"), &json!(403), &json!("action_denied"))
    );
    assert_eq!(found["missing"], json!(["ecs:servers:reboot"]));
    let step = |name: &str| {
        let steps = found["steps"].as_array().unwrap();
        let mut found = steps.iter().filter(|step| step["step"] == name);
        found.next().unwrap_or_else(|| panic!("no {name}"))
    };
    let route = &step("route")["evidence"];
    assert_eq!(route["file"], "ecs/ecs_status_management (built in)");
    assert!(route["line"].is_u64(), "{route}");
    assert_eq!(step("token")["evidence"]["is_verified"], false);
    assert_eq!(step("denied")["outcome"], "refused");
    let statements = &step("action")["evidence"]["statements"];
    assert_eq!(
        statements[1],
        json!({
            "roles": ["an operator"], "policy": {"named": "no reboots"}, "statement": "Statement[0]",
            "effect": "deny", "pattern": "ecs:*:reboot", "conditions": [], "resource": null,
            "applies": true,
        })
    );
    let way = &found["change"]["ways"][0];
    assert_eq!(
        way["edits"],
        json!([{
            "kind": "drop", "actions": ["ecs:servers:reboot"],
            "statements": [{"policy": {"named": "no reboots"}, "statement": "Statement[0]"}],
        }])
    );
    let found = data(&explain(&folder, &[&json[..], &DETAIL].concat()).ended(0));
    assert_eq!(
        (&found["decision"], &found["status"], &found["change"]),
        (&json!("allow"), &Value::Null, &Value::Null)
    );
    let found = data(&explain(&folder, &[&json[..], &["GET", "/v9"]].concat()).ended(3));
    assert_eq!(found["reason"], "route_unknown");
}

/// Of a roll-out the denial is explained, and that nobody is kept out by it yet.
#[test]
fn what_is_reported_only_is_said_to_be() {
    let folder = folder();
    let config = format!("{CONFIG}{ROLES}");
    let label = "Configuring ECS Metadata (Native OpenStack API)";
    for (reports, config) in [
        (false, config.clone()),
        (
            true,
            config.replace("audiences", "mode = \"report\"\naudiences"),
        ),
        (true, format!("{config}[table]\nreport = [\"{label}\"]\n")),
        (
            false,
            format!("{config}[table]\nreport = [\"Querying AZs\"]\n"),
        ),
    ] {
        folder.write("actiongate.toml", &config);
        let ran = explain(&folder, &[&["--role", "auditor"], &METADATA[..]].concat()).ended(3);
        let said = ran
            .out
            .contains("\nmode          report: it is let through all the same");
        assert_eq!(said, reports, "{config}\n{}", ran.out);
        let json = ["--format", "json", "--role", "auditor"];
        let found = data(&explain(&folder, &[&json[..], &METADATA].concat()).ended(3));
        assert_eq!(found["is_reported_only"], reports);
        let other = ["--role", "auditor", "--project", "a2"];
        let ran = explain(&folder, &[&other[..], &METADATA[..]].concat()).ended(3);
        assert!(!ran.out.contains("\nmode "), "{}", ran.out);
    }
}

/// A terminal takes what a token says for text, not for a command.
#[test]
fn what_claims_hold_is_escaped() {
    let folder = folder();
    let evil = "\u{1b}[2J\u{9b}31m\u{202e}";
    let claims = json!({
        "sub": evil, "project_id": ["a1", evil], "token": {"roles": [{"name": evil}]}, "actions": [],
        "auth_time": evil,
    });
    let ran = explain(
        &folder,
        &[&["--claims", &claims.to_string()], &METADATA[..]].concat(),
    );
    let ran = ran.ended(3);
    let is_odd = |letter: &char| (letter.is_control() && *letter != '\n') || *letter == '\u{202e}';
    assert_eq!(ran.out.chars().find(is_odd), None, "{:?}", ran.out);
    assert!(ran.out.contains("unknown roles `\\u{1b}[2J"), "{}", ran.out);
}

#[test]
fn roles_and_claims_are_of_one_issuer() {
    let folder = folder();
    let second = CONFIG.split_once("[[issuer]]").unwrap().1;
    let second = second.replace("iam.example.com", "other.example");
    let config = format!(
        "{CONFIG}{ROLES}[[issuer]]{second}roles = \"/groups\"\n[issuer.roles]\nauditor = \"ECS FullAccess\"\n"
    );
    folder.write("actiongate.toml", &config);
    explain(&folder, &[&["--role", "auditor"], &METADATA[..]].concat()).failed_with(&[
        "2 issuers know the role: name one of `https://iam.example.com`, `https://other.example`",
    ]);
    let of = |issuer| {
        let caller = ["--role", "auditor", "--issuer", issuer];
        explain(&folder, &[&caller[..], &METADATA[..]].concat())
    };
    of("https://iam.example.com").ended(3);
    of("https://other.example").ended(0);
    explain(&folder, &[&["--role", "office"], &METADATA[..]].concat()).ended(3);
    explain(&folder, &[&["--role", "ofice"], &METADATA[..]].concat())
        .failed_with(&["there is no role `ofice`; did you mean `office`?"]);
    explain(&folder, &[&["--claims", "{}"], &METADATA[..]].concat())
        .failed_with(&["the config has 2 issuers: name one of"]);
}

/// Both ways through the same functions: a made-up caller is decided upon as one with such a token.
#[test]
fn a_role_is_what_a_token_with_it_is() {
    let folder = issuer(ED25519);
    folder.write("actiongate.toml", &format!("{CONFIG}{ROLES}"));
    let decision = |ran: Ran| (ran.code, ran.line("decision").to_owned());
    for role in ["auditor", "an operator", "office"] {
        let mut claims = claims(&[]);
        claims["token"] = json!({"roles": [{"name": role}]});
        let token = sign(&folder, &claims);
        for request in [METADATA, DETAIL] {
            let start = ["explain", "--config", "actiongate.toml", "--token", "-"];
            let verified = folder.actiongate_reading(&token, &[&start[..], &request].concat());
            let made_up = explain(&folder, &[&["--role", role], &request[..]].concat());
            assert_eq!(decision(verified), decision(made_up), "{role} {request:?}");
        }
    }
}

/// What is refused before any action is looked at, and what helps there.
#[test]
fn scopes_and_access_rules_can_be_changed_too() {
    let folder = Folder::new();
    folder.write("password", "secret");
    folder.write(
        "own.toml",
        "[[operation]]\npermission = \"Domain\"\nroutes = [\"GET /v9/{domain_id}/all\"]\nactions = [\"ecs:servers:get\"]\nproject = \"none\"\ndomain = \"domain_id\"\n",
    );
    let (start, _) = CONFIG.split_once("[[issuer]]").unwrap();
    let config = format!(
        r#"{start}[table]
files = ["own.toml"]
[[issuer]]
kind = "keystone"
name = "keystone"
auth_urls = ["http://127.0.0.1:9/v3"]
[issuer.service]
username = "gateway"
project = "service"
password_file = "password"
[issuer.roles]
reader = "ECS ReadOnlyAccess"
"#
    );
    folder.write("actiongate.toml", &config);
    let token = |more: Value| {
        let mut token =
            json!({"user": {"id": "u"}, "project": {"id": "a1"}, "roles": [{"name": "reader"}]});
        token
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({"token": token}).to_string()
    };
    let explain_for = |claims: &str, request: &[&str]| {
        explain(&folder, &[&["--claims", claims], request].concat())
    };
    let rule =
        json!({"id": "r", "service": "compute", "method": "GET", "path": "/v2.1/a1/servers"});
    let bound = token(json!({"application_credential": {"access_rules": [rule]}}));
    explain_for(&bound, &["GET", "/v2.1/a1/servers"]).ended(0);
    let ran = explain_for(&bound, &DETAIL).ended(3);
    assert!(
        ran.line("decision").ends_with("`access_rule`"),
        "{}",
        ran.out
    );
    let rules = "use a token of an application credential whose access rules include it, or of one without any";
    assert_eq!(ran.line("to change"), rules);
    // One reason after the other: another project, the rules, the actions.
    let ran = explain_for(&bound, &["DELETE", "/v2.1/b1/servers/s1"]).ended(3);
    assert_eq!(
        ran.line("to change"),
        format!(
            "use a token whose claim `/token/project/id` names `b1`, or a path of the token's project, and {rules}, \
             and give a role of [issuer.roles] a policy that allows ecs:servers:delete"
        )
    );
    let ran = explain_for(&token(json!({})), &["GET", "/v9/d1/all"]).ended(3);
    assert_eq!(
        ran.line("to change"),
        "use a token whose claim `/token/domain/id` names `d1` and that has no claim `/token/project/id`"
    );
    // A role is in the path's own domain, as it is in the path's own project.
    explain(&folder, &["--role", "reader", "GET", "/v9/d1/all"]).ended(0);
    let project = ["--role", "reader", "--project", "a1", "GET", "/v9/d1/all"];
    explain(&folder, &project).ended(3);
}
