//! `can`: what somebody may do, and who may do something.

use serde_json::Value;

use super::Folder;
use super::demo::Demo;

const METADATA: &str = "PUT /v2.1/{project_id}/servers/{server_id}/metadata";
const LABEL: &str = "Configuring ECS Metadata (Native OpenStack API)";

fn can(demo: &Demo, more: &[&str]) -> super::Ran {
    let config = ["can", "--config", "d/actiongate.toml"];
    demo.folder.actiongate(&[&config[..], more].concat())
}

fn json(demo: &Demo, more: &[&str]) -> Value {
    let out = can(demo, &[more, &["--format", "json"]].concat())
        .ended(0)
        .out;
    serde_json::from_str(&out).unwrap()
}

/// The only row of an operation.
fn row<'a>(listed: &'a Value, permission: &str) -> &'a Value {
    let rows = listed[0]["operations"].as_array().unwrap();
    let mut rows = rows.iter().filter(|row| row["permission"] == permission);
    let row = rows.next().unwrap_or_else(|| panic!("no {permission}"));
    assert_eq!(rows.next(), None);
    row
}

#[test]
fn a_token_reaches_what_its_requests_may() {
    let demo = Demo::start();
    let token = ["--token", "d/metadata-only.token"];
    let listed = json(&demo, &[&token[..], &["--all"]].concat());
    let refused = row(&listed, LABEL);
    assert_eq!(refused["reach"], "no");
    assert_eq!(
        refused["because"],
        serde_json::json!([{"action": "ecs:servers:get", "how": "missing"}])
    );
    let allowed = row(&listed, "Updating ECS Metadata (Native OpenStack API)");
    assert_eq!(
        (&allowed["reach"], &allowed["because"]),
        (&"yes".into(), &serde_json::json!([]))
    );
    let listed = json(&demo, &token);
    let rows = listed[0]["operations"].as_array().unwrap();
    assert!(rows.iter().all(|row| row["reach"] != "no"), "{listed:#}");
    let text = can(&demo, &token).ended(0).out;
    let title = format!("`metadata-only` reaches {} of 161 operations\n", rows.len());
    assert!(text.starts_with(&title), "{text}");
}

#[test]
fn a_role_with_a_denial_reaches_some_requests() {
    let demo = Demo::start();
    let listed = json(&demo, &["--role", "helpdesk"]);
    let stop = row(&listed, "Stopping an ECS (native OpenStack API)");
    assert_eq!(stop["reach"], "some");
    assert_eq!(stop["because"][0]["how"], "depends");
    let text = can(&demo, &["--role", "auditor", "--all"]).ended(0).out;
    assert!(
        text.contains("no   Stopping an ECS (native OpenStack API) (missing ecs:servers:stop)\n"),
        "{text}"
    );
    let markdown = can(&demo, &["--role", "auditor", "--format", "markdown"])
        .ended(0)
        .out;
    assert!(markdown.contains("| Querying AZs | yes |\n"), "{markdown}");
}

#[test]
fn an_operation_is_reached_by_roles_and_policies() {
    let demo = Demo::start();
    let concrete = METADATA
        .replace("{project_id}", "p")
        .replace("{server_id}", "s");
    for spelled in [METADATA, concrete.as_str(), LABEL] {
        let listed = json(&demo, &["--operation", spelled, "--all"]);
        assert_eq!(listed.as_array().unwrap().len(), 1, "{listed:#}");
        let reach = |kind: &str| -> Vec<(String, String)> {
            let rows = listed[0][kind].as_array().unwrap().iter();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            rows.map(|row| (text(&row["name"]), text(&row["reach"])))
                .collect()
        };
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            let pairs = pairs.iter();
            pairs
                .map(|(name, reach)| ((*name).to_owned(), (*reach).to_owned()))
                .collect()
        };
        assert_eq!(
            reach("roles"),
            pairs(&[("auditor", "no"), ("helpdesk", "yes"), ("operator", "yes")])
        );
        assert_eq!(
            reach("policies"),
            pairs(&[
                ("ECS FullAccess", "yes"),
                ("ECS CommonOperations", "yes"),
                ("ECS ReadOnlyAccess", "no"),
                ("Server Administrator", "yes"),
                ("hands off production", "no"),
            ])
        );
    }
    let actions = can(&demo, &["--operation", "POST /v2.1/p/servers/s/action"])
        .ended(0)
        .out;
    assert!(actions.contains("{\"os-stop\"}"), "{actions}");
    assert!(actions.contains("{\"os-start\"}"), "{actions}");
}

#[test]
fn without_a_config_there_are_the_vendors_policies() {
    let folder = Folder::new();
    let text = folder
        .actiongate(&["can", "--operation", METADATA])
        .ended(0)
        .out;
    let expected = "  yes  the policy `ECS FullAccess`\n  yes  the policy `ECS CommonOperations`\n  yes  the policy `Server Administrator`\n";
    assert!(text.ends_with(expected), "{text}");
}

#[test]
fn what_is_not_known_is_named_with_the_nearest() {
    let demo = Demo::start();
    for (arguments, expected) in [
        (
            ["--role", "helpdek"],
            "there is no role `helpdek`; did you mean `helpdesk`?",
        ),
        (
            ["--policy", "ECS Full"],
            "there is no policy `ECS Full`; did you mean `ECS FullAccess`?",
        ),
        (
            ["--operation", "Querying AZ"],
            "there is no operation `Querying AZ`; did you mean `Querying AZs`?",
        ),
        (
            ["--operation", "GET /v9"],
            "no operation of the action table has this path",
        ),
        (["--operation", "GET /v2.1/../x"], "path"),
    ] {
        can(&demo, &arguments).failed_with(&[expected]);
    }
    let forged = demo.folder.read("d/operator.token");
    let (start, _) = forged.rsplit_once('.').unwrap();
    demo.folder.write("forged", &format!("{start}.AAAA"));
    let refused = can(&demo, &["--token", "forged"]).ended(3).out;
    assert!(refused.contains("Reason `token_signature`."), "{refused}");
}
