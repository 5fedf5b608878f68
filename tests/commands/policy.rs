//! What `explain`, `token show` and `check` say of roles and policies.

use serde_json::{Value, json};

use super::issuer::{CONFIG, ED25519, claims, issuer, sign};
use super::{Folder, Ran};

const ROLES: &str = r#"policies = "/policies"
roles = "/roles"
domain = "/domain_id"
[issuer.roles]
auditor = "ECS ReadOnlyAccess"
"an operator" = ["ECS CommonOperations", "no reboots"]
[[policy]]
name = "no reboots"
document = '''{"Version": "1.1", "Statement": [{"Effect": "Deny", "Action": ["ecs:*:reboot"]}]}'''
"#;
const ACTION: &str = "/v1/a1/cloudservers/action";

fn folder() -> Folder {
    let folder = issuer(ED25519);
    folder.write("actiongate.toml", &format!("{CONFIG}{ROLES}"));
    folder
}

fn with(members: &[(&str, Value)]) -> Value {
    let mut claims = claims(&[]);
    for (name, value) in members {
        claims[name] = value.clone();
    }
    claims
}

fn explain(folder: &Folder, claims: &Value, more: &[&str]) -> Ran {
    let token = sign(folder, claims);
    let mut arguments = vec!["explain", "--config", "actiongate.toml", "--token", "-"];
    arguments.extend(more);
    folder.actiongate_reading(&token, &arguments)
}

#[test]
fn roles_and_their_policies_are_named() {
    let folder = folder();
    let roles = json!(["an operator", "offline_access", "auditor"]);
    let get = ["GET", "/v2.1/a1/servers/detail"];
    let ran = explain(&folder, &with(&[("roles", roles)]), &get).ended(0);
    assert_eq!(ran.line("roles"), "`an operator`, `auditor`");
    assert_eq!(
        ran.line("unknown roles"),
        "`offline_access`: not in [issuer.roles], they grant nothing"
    );
    assert_eq!(
        ran.line("policies"),
        "`ECS CommonOperations`, `no reboots`, `ECS ReadOnlyAccess`"
    );
    assert!(!ran.out.contains("address"), "{}", ran.out);
    let ran = explain(&folder, &with(&[]), &get).ended(3);
    assert_eq!(ran.line("roles"), "(none)");
    assert_eq!(ran.line("policies"), "(none)");
    // Of both roles that allow it, the one with less besides.
    let advice = "use a token whose claim `/actions` grants ecs:servers:list, too; or use a token with the role `auditor` (which may use 40 actions more)";
    assert_eq!(ran.line("to change"), advice);
}

#[test]
fn a_denial_says_which_policy_it_comes_from() {
    let folder = folder();
    let body = "{\"reboot\":{\"type\":\"SOFT\",\"servers\":[{\"id\":\"s1\"}]}}";
    let post = ["POST", ACTION, "--body", body];
    let deny =
        json!({"Version": "5.0", "Statement": [{"Effect": "Deny", "Action": ["ecs:*:re*"]}]});
    let claims = with(&[
        ("roles", json!("an operator")),
        ("policies", json!([deny])),
        ("actions", json!(["ecs:*:*"])),
    ]);
    let ran = explain(&folder, &claims, &post).ended(3);
    assert_eq!(ran.line("body"), "good: a JSON object with `reboot`");
    assert_eq!(ran.line("operation"), "Restarting ECSs in a batch");
    assert_eq!(
        ran.line("decision"),
        "DENY: 403 Forbidden, reason `action_denied`"
    );
    assert_eq!(
        ran.line("to change"),
        "drop the token's own policy 1 Statement[0] and `no reboots` Statement[0], which deny ecs:cloudServers:reboot whatever grants it"
    );
}

#[test]
fn a_body_can_be_in_a_file_and_must_be_there() {
    let folder = folder();
    let claims = with(&[("roles", json!("an operator"))]);
    folder.write("body.json", "{\"os-start\": {\"servers\": []}}\n");
    let ran = explain(&folder, &claims, &["POST", ACTION, "--body", "@body.json"]).ended(0);
    assert_eq!(ran.line("operation"), "Starting ECSs in a batch");
    let cases: [(&[&str], &str, &str); 4] = [
        (&[], "body", "body_invalid"),
        (&["--body", "{\"a\":1,\"a\":2}"], "body", "body_invalid"),
        (&["--body", "{\"evacuate\":{}}"], "route", "body_unlisted"),
        (
            &["--body", "{\"os-start\":{},\"x\":0}"],
            "route",
            "body_members",
        ),
    ];
    for (more, step, reason) in cases {
        let ran = explain(&folder, &claims, &[&["POST", ACTION], more].concat()).ended(3);
        assert!(
            ran.line("decision").ends_with(&format!("`{reason}`")),
            "{}",
            ran.out
        );
        assert!(!ran.line(step).is_empty(), "{}", ran.out);
    }
    let get = ["GET", "/v2.1/a1/servers/detail", "--body", "{}"];
    let ran = explain(&folder, &claims, &get).ended(0);
    assert!(ran.line("body").starts_with("not read"), "{}", ran.out);
}

#[test]
fn what_hangs_on_the_body_is_shown() {
    let folder = folder();
    let create = |body| ["POST", "/v1/a1/cloudservers", "--body", body];
    let claims = with(&[("actions", json!(["ecs:*:*"]))]);
    let ran = explain(&folder, &claims, &create("{\"server\":{}}")).ended(0);
    assert!(
        ran.out.contains(
            "condition     `/server/publicip/eip` is not in the body: not vpc:publicIps:create\n"
        ),
        "{}",
        ran.out
    );
    let body = "{\"server\":{\"publicip\":{\"eip\":{}}}}";
    let ran = explain(&folder, &claims, &create(body)).ended(3);
    assert!(
        ran.out.contains(
            "condition     `/server/publicip/eip` is in the body: vpc:publicIps:create, too\n"
        ),
        "{}",
        ran.out
    );
    assert!(
        ran.line("missing").contains("vpc:publicIps:create"),
        "{}",
        ran.out
    );
}

#[test]
fn what_policies_ask_of_a_request_is_shown() {
    let folder = folder();
    let office = json!({"IpAddress": {"g:SourceIp": ["10.0.0.0/8"]}});
    let statements = json!([
        {"Effect": "Allow", "Action": ["ecs:cloudServers:start"], "Resource": ["ecs:*:*:instance:s1"]},
        {"Effect": "Allow", "Action": ["ecs:servers:list"], "Condition": office},
    ]);
    let policy = json!({"Version": "1.1", "Statement": statements});
    let claims = with(&[("policies", policy)]);
    let start = |id| format!("{{\"os-start\":{{\"servers\":[{{\"id\":\"{id}\"}}]}}}}");
    let ran = explain(&folder, &claims, &["POST", ACTION, "--body", &start("s1")]).ended(0);
    assert_eq!(ran.line("policies"), "the token's own policy 1");
    assert_eq!(
        ran.line("granted"),
        "(none), and what policies make depend on the request"
    );
    assert_eq!(
        ran.line("instances"),
        "s1; grants for single instances count"
    );
    let body = start("s2");
    explain(&folder, &claims, &["POST", ACTION, "--body", &body]).ended(3);
    let list = ["GET", "/v2.1/a1/servers/detail", "--address"];
    let ran = explain(&folder, &claims, &[&list[..], &["10.1.2.3"]].concat()).ended(0);
    assert_eq!(ran.line("address"), "10.1.2.3");
    explain(&folder, &claims, &[&list[..], &["11.1.2.3"]].concat()).ended(3);
    let ran = explain(&folder, &claims, &list[..2]).ended(3);
    assert!(ran.line("address").contains("--address"), "{}", ran.out);
}

#[test]
fn show_tells_what_depends_on_the_request() {
    let folder = folder();
    let one =
        json!({"Effect": "Allow", "Action": ["ecs:*:*"], "Resource": ["ecs:*:*:instance:s1"]});
    let policy = json!({"Version": "1.1", "Statement": [one]});
    let claims = with(&[
        ("policies", policy),
        ("actions", json!(["ecs:cloudServers:createServers"])),
        ("roles", json!("nobody")),
    ]);
    let token = sign(&folder, &claims);
    let shown = folder.actiongate(&["token", "show", "--config", "actiongate.toml", &token]);
    let shown = shown.ended(0);
    assert_eq!(shown.line("roles"), "(none)");
    assert!(
        shown.line("unknown roles").starts_with("`nobody`: "),
        "{}",
        shown.out
    );
    assert_eq!(shown.line("policies"), "the token's own policy 1");
    for row in [
        "  some Starting ECSs in a batch (ecs:cloudServers:start: depends on the request)\n",
        "  some Creating ECSs (pay-per-use) (vpc:publicIps:create, vpc:publicIps:update: depends on the request)\n",
        "  no   Querying ECS Metadata (Native OpenStack API) (missing ecs:servers:listMetadata)\n",
    ] {
        assert!(shown.out.contains(row), "{row}{}", shown.out);
    }
    let counts = shown.line("operations");
    assert!(counts.ends_with(" more by some requests"), "{counts}");
}

#[test]
fn show_tells_what_is_denied() {
    let folder = folder();
    let statement = json!({"Effect": "Deny", "Action": ["ecs:*:listServer*"]});
    let policy = json!({"Version": "1.1", "Statement": [statement]});
    let actions = ("actions", json!(["ecs:*:*"]));
    let roles = ("roles", json!("an operator"));
    let token = sign(&folder, &with(&[("policies", policy), actions, roles]));
    let shown = folder.actiongate(&["token", "show", "--config", "actiongate.toml", &token]);
    let shown = shown.ended(0);
    for row in [
        "  no   Restarting ECSs in a batch (denied ecs:cloudServers:reboot)\n",
        // By its newer name.
        "  no   Querying ECS groups (denied ecs:cloudServers:listServerGroups)\n",
        "  yes  Starting ECSs in a batch\n",
    ] {
        assert!(shown.out.contains(row), "{row}{}", shown.out);
    }
}

#[test]
fn a_token_of_a_domain_is_said_to_be_one() {
    let folder = folder();
    let entering = ROLES.replace(
        "roles = \"/roles\"",
        "roles = \"/roles\"\ndomain_enters_projects = true",
    );
    folder.write("actiongate.toml", &format!("{CONFIG}{entering}"));
    let mut claims = with(&[("domain_id", json!("d1")), ("roles", json!("auditor"))]);
    claims.as_object_mut().unwrap().remove("project_id");
    let ran = explain(&folder, &claims, &["GET", "/v2.1/a7/servers/detail"]).ended(0);
    assert_eq!(
        ran.line("projects"),
        "every project, as a token of a domain"
    );
    assert_eq!(ran.line("domain"), "d1");
}

#[test]
fn enforced_dependencies_are_shown_and_demanded() {
    let folder = folder();
    let config = format!("{CONFIG}{ROLES}[table]\nenforce_dependencies = true\n");
    folder.write("actiongate.toml", &config);
    let detach = ["DELETE", "/v2.1/a1/servers/s1/os-volume_attachments/v1"];
    let claims = with(&[("actions", json!(["ecs:*:*"]))]);
    let ran = explain(&folder, &claims, &detach).ended(3);
    assert!(
        ran.line("dependencies").ends_with(", enforced"),
        "{}",
        ran.out
    );
    assert!(ran.line("missing").contains("evs:volumes:"), "{}", ran.out);
    let claims = with(&[("actions", json!(["*:*:*"]))]);
    explain(&folder, &claims, &detach).ended(0);
}

#[test]
fn check_names_what_nobody_feeds() {
    let folder = folder();
    folder
        .actiongate(&["check", "--config", "actiongate.toml"])
        .ended(0);
    let condition = "\"Condition\": {\"Bool\": {\"g:MFAPresent\": [\"true\"]}}";
    let broken = ROLES.replace("\"Action\"", &format!("{condition}, \"Action\""));
    folder.write("actiongate.toml", &format!("{CONFIG}{broken}"));
    let ran = folder
        .actiongate(&["check", "--config", "actiongate.toml"])
        .ended(1);
    let expected = "actiongate.toml:20: the role `an operator` has the policy `no reboots`, which cannot be judged: `Statement[0]` has a condition on `g:MFAPresent`, which no claim feeds";
    assert_eq!(ran.out.lines().next(), Some(expected), "{}", ran.out);
    folder.write("a.token", "x");
    let run = [
        "explain",
        "--config",
        "actiongate.toml",
        "--token",
        "a.token",
        "GET",
        "/",
    ];
    folder
        .actiongate(&run)
        .failed_with(&["the roles cannot be used", expected]);
}
