//! `check`: what it notes in tables that can be used.

use super::Folder;
use super::issuer::{CONFIG, ED25519, issuer};

/// A literal beside the built-in metadata routes, and one beside its own.
const OWN: &str = r#"[[operation]]
permission = "Purging"
routes = [
    "PUT /v2.1/{project_id}/servers/{server_id}/metadata/purge",
]
actions = ["ecs:servers:purge"]

[[operation]]
permission = "Console"
routes = ["GET /v2.1/{project_id}/consoles/{console_id}", "GET /v2.1/{project_id}/consoles/new"]
actions = ["ecs:consoles:get"]
"#;

fn with_own() -> Folder {
    let folder = issuer(ED25519);
    folder.write("own.toml", OWN);
    let config = format!("{CONFIG}[table]\nfiles = [\"own.toml\"]\n");
    folder.write("actiongate.toml", &config);
    folder
}

#[test]
fn templates_that_match_one_path_are_noted_with_both_places() {
    let folder = with_own();
    let check = ["check", "--config", "actiongate.toml"];
    let ran = folder.actiongate(&check).ended(0);
    let lines: Vec<&str> = ran.out.lines().collect();
    let purge = "/v2.1/{project_id}/servers/{server_id}/metadata/purge";
    let key = "/v2.1/{project_id}/servers/{server_id}/metadata/{key}";
    let hidden = |method: &str| {
        format!(
            "own.toml:4: note: `{method} {purge}` is refused: `{purge}` hides it from `{key}` (ecs/metadata_management (built in):"
        )
    };
    let readings = format!(
        "own.toml:4: note: `PUT {purge}` is read as `{purge}` and could be `{key}` (ecs/metadata_management (built in):"
    );
    for expected in [hidden("GET"), hidden("DELETE"), readings] {
        let told = lines.iter().filter(|line| line.starts_with(&expected));
        assert_eq!(told.count(), 1, "no {expected:?} in {}", ran.out);
    }
    assert_eq!(
        lines.len(),
        4,
        "one operation has no two readings: {}",
        ran.out
    );
    assert!(lines[3].starts_with("actiongate.toml: good"), "{}", ran.out);
    let strict = [check.as_slice(), &["--strict"]].concat();
    assert_eq!(folder.actiongate(&strict).ended(1).out, ran.out);
}

#[test]
fn nothing_to_note_is_nothing_to_fail_for() {
    let folder = issuer(ED25519);
    let check = ["check", "--config", "actiongate.toml", "--strict"];
    let ran = folder.actiongate(&check).ended(0);
    assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
}

/// Roles only, one of them with a policy of the vendor's.
fn with_roles(roles: &str) -> Folder {
    let folder = with_own();
    let config = folder.read("actiongate.toml");
    let (before, after) = config.split_once("[table]").unwrap();
    let (before, _) = before.split_once("actions =").unwrap();
    let own = r#"{"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["ecs:servers:purge"]}]}"#;
    let config = format!(
        "{before}roles = \"/roles\"\n[issuer.roles]\n{roles}\n[table]{after}[[policy]]\nname = \"purge\"\ndocument = '{own}'\n"
    );
    folder.write("actiongate.toml", &config);
    folder.write(
        "own.toml",
        &OWN.replace("ecs:consoles:get", "spice:consoles:get"),
    );
    folder
}

#[test]
fn what_no_role_grants_is_noted() {
    let check = ["check", "--config", "actiongate.toml"];
    let only = r#"reader = "ECS ReadOnlyAccess""#;
    let ran = with_roles(only).actiongate(&check).ended(0);
    for expected in [
        "own.toml:1: note: no role can ever grant `ecs:servers:purge`, which `Purging` demands: none of [issuer.roles] has a policy that allows it (actiongate.toml:",
        "own.toml:8: note: no role can ever grant `spice:consoles:get`, which `Console` demands: ",
        "own.toml:8: note: no built-in policy reaches `Console`, which demands `spice:consoles:get`: a role needs a [[policy]] of yours beside them (actiongate.toml:",
    ] {
        let told = ran.out.lines().filter(|line| line.starts_with(expected));
        assert_eq!(told.count(), 1, "no {expected:?} in {}", ran.out);
    }
    assert!(!ran.out.contains("`ecs:servers:get`"), "{}", ran.out);
    let all = [check.as_slice(), &["--all"]].concat();
    let all = with_roles(only).actiongate(&all).ended(0).out;
    let builtin = "note: no role can ever grant `ecs:servers:setMetadata`";
    assert!(all.contains(builtin) && !ran.out.contains(builtin), "{all}");

    let both = r#"reader = ["ECS FullAccess", "purge"]"#;
    let ran = with_roles(both).actiongate(&check).ended(0);
    assert!(!ran.out.contains("`ecs:servers:purge`"), "{}", ran.out);
    assert!(ran.out.contains("`spice:consoles:get`"), "{}", ran.out);

    let denied =
        r#"{"Version": "1.1", "Statement": [{"Effect": "Deny", "Action": ["ecs:*:purge"]}]}"#;
    let folder = with_roles(r#"reader = ["ECS FullAccess", "never"]"#);
    let config = folder.read("actiongate.toml");
    let never = format!("{config}[[policy]]\nname = \"never\"\ndocument = '{denied}'\n");
    folder.write("actiongate.toml", &never);
    let ran = folder.actiongate(&check).ended(0);
    let purge = "own.toml:1: note: no role can ever grant `ecs:servers:purge`";
    assert!(ran.out.contains(purge), "{}", ran.out);

    let own = r#"reader = "purge""#;
    let ran = with_roles(own).actiongate(&check).ended(0);
    assert!(!ran.out.contains("built-in policy"), "{}", ran.out);
}
