//! `routes`: the action table in three forms.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Folder;
use super::issuer::CONFIG;

/// A row of the vendor's page: the permission, its actions, its routes.
type Row = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// The facts of the vendor's page "Metadata Management", row by row, as somebody read them.
pub const PAGE: [Row; 8] = [
    (
        "Querying ECS Metadata (Native OpenStack API)",
        &["ecs:servers:listMetadata"],
        &[
            "GET /v2/{project_id}/servers/{server_id}/metadata",
            "GET /v2.1/{project_id}/servers/{server_id}/metadata",
        ],
    ),
    (
        "Querying Metadata of an ECS Key (Native OpenStack API)",
        &["ecs:servers:getMetadata"],
        &[
            "GET /v2/{project_id}/servers/{server_id}/metadata/{key}",
            "GET /v2.1/{project_id}/servers/{server_id}/metadata/{key}",
        ],
    ),
    (
        "Deleting Specified ECS Metadata (Native OpenStack API)",
        &["ecs:servers:setMetadata"],
        &[
            "DELETE /v2/{project_id}/servers/{server_id}/metadata/{key}",
            "DELETE /v2.1/{project_id}/servers/{server_id}/metadata/{key}",
        ],
    ),
    (
        "Modifying the Key Value in Metadata of an ECS (Native OpenStack API)",
        &["ecs:servers:setMetadata"],
        &[
            "PUT /v2/{project_id}/servers/{server_id}/metadata/{key}",
            "PUT /v2.1/{project_id}/servers/{server_id}/metadata/{key}",
        ],
    ),
    (
        "Updating ECS Metadata (Native OpenStack API)",
        &["ecs:servers:setMetadata"],
        &[
            "POST /v2/{project_id}/servers/{server_id}/metadata",
            "POST /v2.1/{project_id}/servers/{server_id}/metadata",
        ],
    ),
    (
        "Configuring ECS Metadata (Native OpenStack API)",
        &["ecs:servers:setMetadata", "ecs:servers:get"],
        &[
            "PUT /v2/{project_id}/servers/{server_id}/metadata",
            "PUT /v2.1/{project_id}/servers/{server_id}/metadata",
        ],
    ),
    (
        "Managing Automatic Recovery of an ECS",
        &["ecs:cloudServers:setAutoRecovery"],
        &["PUT /v1/{project_id}/cloudservers/{server_id}/autorecovery"],
    ),
    (
        "Querying Automatic Recovery of an ECS",
        &["ecs:cloudServers:getAutoRecovery"],
        &["GET /v1/{project_id}/cloudservers/{server_id}/autorecovery"],
    ),
];

/// Adds an operation, and replaces one of the page that is then open to every caller.
const OWN_TABLE: &str = r#"[[operation]]
permission = "Listing | Servers"
routes = ["GET /v2.1/{project_id}/consoles"]
actions = ["ecs:servers:list", "ecs:servers:get"]
dependencies = ["vpc:ports:get"]
max_body = "64KiB"
upgrade = true

[[operation]]
permission = "Querying Automatic Recovery of an ECS"
routes = ["GET /v1/{project_id}/cloudservers/{server_id}/autorecovery"]
access = "authenticated"
"#;

fn with_own_table() -> Folder {
    let folder = Folder::new();
    folder.write("own.toml", OWN_TABLE);
    let config = format!("{CONFIG}[table]\nfiles = [\"own.toml\"]\n");
    folder.write("actiongate.toml", &config);
    folder
}

fn routes(folder: &Folder, arguments: &[&str]) -> String {
    let arguments = [&["routes"], arguments].concat();
    let ran = folder.actiongate(&arguments).ended(0);
    assert_eq!(ran.err, "");
    ran.out
}

fn operations(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

fn route(text: &str) -> Value {
    let (method, path) = text.split_once(' ').unwrap();
    json!({"method": method, "path": path, "body_key": null})
}

#[test]
fn json_is_the_page() {
    let found = operations(&routes(&Folder::new(), &["--format", "json"]));
    let row = |(permission, actions, routes): &Row| {
        let routes: Vec<Value> = routes.iter().map(|text| route(text)).collect();
        // Newer pages than this one name a dependency of the routes of a key.
        let has_dependency = permission.contains("Key") || actions == &["ecs:servers:setMetadata"];
        json!({
            "permission": permission,
            "actions": actions,
            "access": null,
            "dependencies": if has_dependency { vec!["ecs:servers:get"] } else { Vec::new() },
            "successors": [],
            "conditional": [],
            "body_value": null,
            "resource": null,
            "max_body": null,
            "upgrade": false,
            "routes": routes,
        })
    };
    let expected: Vec<Value> = PAGE.iter().map(row).collect();
    let of_page = |row: &&Value| PAGE.iter().any(|(name, ..)| row["permission"] == *name);
    let rows: Vec<Value> = found.iter().filter(of_page).cloned().collect();
    assert_eq!(rows, expected);
    let routes = found
        .iter()
        .map(|row| row["routes"].as_array().unwrap().len());
    assert_eq!((found.len(), routes.sum::<usize>()), (161, 239));
}

#[test]
fn json_shows_what_own_files_add_and_replace() {
    let folder = with_own_table();
    let arguments = ["--config", "actiongate.toml", "--format", "json"];
    let found = operations(&routes(&folder, &arguments));
    assert_eq!(found.len(), 162);
    let find = |name: &str| found.iter().find(|row| row["permission"] == name).unwrap();
    assert_eq!(
        find("Listing | Servers"),
        &json!({
            "permission": "Listing | Servers",
            "actions": ["ecs:servers:list", "ecs:servers:get"],
            "access": null,
            "dependencies": ["vpc:ports:get"],
            "successors": [],
            "conditional": [],
            "body_value": null,
            "resource": null,
            "max_body": 65536,
            "upgrade": true,
            "routes": [route("GET /v2.1/{project_id}/consoles")],
        })
    );
    assert_eq!(
        find("Querying Automatic Recovery of an ECS"),
        &json!({
            "permission": "Querying Automatic Recovery of an ECS",
            "actions": [],
            "access": "authenticated",
            "dependencies": [],
            "successors": [],
            "conditional": [],
            "body_value": null,
            "resource": null,
            "max_body": null,
            "upgrade": false,
            "routes": [route("GET /v1/{project_id}/cloudservers/{server_id}/autorecovery")],
        })
    );
}

#[test]
fn text_has_every_route_with_what_it_demands() {
    let text = routes(&Folder::new(), &[]);
    assert_eq!(
        text.lines().last(),
        Some("161 operations, 239 routes, 113 actions")
    );
    for (permission, actions, routes) in PAGE {
        let (_, after) = text
            .split_once(&format!("{permission}\n"))
            .unwrap_or_else(|| panic!("no {permission:?} in\n{text}"));
        for (line, route) in after.lines().zip(routes) {
            let words: Vec<&str> = line.split_whitespace().collect();
            assert_eq!(words[..2].join(" "), *route);
            assert_eq!(words[2..].join(" "), actions.join(", "));
        }
    }
    let own = routes(&with_own_table(), &["--config", "actiongate.toml"]);
    assert!(own.contains("(authenticated)"), "{own}");
    assert!(own.contains("ecs:servers:list, ecs:servers:get"), "{own}");
    assert!(
        own.ends_with("162 operations, 238 routes, 112 actions\n"),
        "{own}"
    );
}

#[test]
fn text_has_columns() {
    let text = routes(&Folder::new(), &[]);
    let rows = text.lines().filter(|line| line.starts_with("  "));
    let columns: BTreeSet<(Option<usize>, Option<usize>)> = rows
        .map(|line| (line.find('/'), line.find("  ecs:").or(line.find("  ("))))
        .collect();
    assert_eq!(
        columns.len(),
        1,
        "paths and actions stand at {columns:?} in\n{text}"
    );
}

#[test]
fn markdown_is_one_table() {
    let text = routes(&Folder::new(), &["--format", "markdown"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..2],
        ["| APIs | Permissions | Actions |", "| --- | --- | --- |"]
    );
    let rows = PAGE.iter().map(|(permission, actions, routes)| {
        let routes: Vec<String> = routes.iter().map(|route| format!("`{route}`")).collect();
        format!(
            "| {} | {permission} | {} |",
            routes.join("<br>"),
            actions.join(", ")
        )
    });
    for row in rows {
        assert_eq!(
            lines.iter().filter(|line| **line == row).count(),
            1,
            "{row}"
        );
    }
    assert_eq!(lines.len(), 163);

    let arguments = ["--config", "actiongate.toml", "--format", "markdown"];
    let own = routes(&with_own_table(), &arguments);
    assert!(own.contains(r"| Listing \| Servers |"), "{own}");
}

#[test]
fn what_hangs_on_the_body_is_shown() {
    let folder = Folder::new();
    let text = routes(&folder, &[]);
    let squeezed: Vec<String> = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let create = "POST /v1/{project_id}/cloudservers ecs:cloudServers:createServers; \
                  with /server/publicip/eip: vpc:publicIps:create; \
                  with /server/publicip/id: vpc:publicIps:update";
    let start =
        "POST /v2.1/{project_id}/servers/{server_id}/action {\"os-start\"} ecs:servers:start";
    let tags =
        "/v1/{project_id}/servers/{server_id}/tags/action {\"action\": \"create\"|\"delete\"}";
    let tag = format!("POST {tags} ecs:servers:setTags");
    for line in [create, start, &tag] {
        assert!(squeezed.contains(&line.to_owned()), "no {line} in\n{text}");
    }
    let markdown = routes(&folder, &["--format", "markdown"]);
    let cell = format!("| `POST {}` |", tags.replace('|', "\\|"));
    assert!(markdown.contains(&cell), "no {cell} in\n{markdown}");

    let found = operations(&routes(&folder, &["--format", "json"]));
    let of = |name: &str| found.iter().find(|row| row["permission"] == name).unwrap();
    let values = &of("Querying ECSs by tag")["body_value"];
    assert_eq!(values, &json!({"action": ["filter", "count"]}));
    let row = of("Starting ECSs in a batch");
    assert_eq!(row["resource"], "/os-start/servers/*/id");
    assert_eq!(row["routes"][0]["body_key"], "os-start");
    assert_eq!(of("Cold migrating an ECS")["resource"], "{server_id}");
    let eip = json!({"when": "/server/publicip/eip", "actions": ["vpc:publicIps:create"]});
    assert_eq!(of("Creating ECSs (pay-per-use)")["conditional"][0], eip);
}

#[test]
fn a_config_that_cannot_be_used_is_a_failure() {
    let folder = Folder::new();
    folder
        .actiongate(&["routes", "--config", "none.toml"])
        .failed_with(&["none.toml", "cannot be read"]);
    folder.write("own.toml", "[[operation]]\npermission = \"Nothing\"\n");
    let config = format!("{CONFIG}[table]\nfiles = [\"own.toml\"]\n");
    folder.write("actiongate.toml", &config);
    folder
        .actiongate(&["routes", "--config", "actiongate.toml"])
        .failed_with(&["own.toml:1: `operation.routes` is missing"]);
}
