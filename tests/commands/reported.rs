//! `replay` of roll-outs: what is only reported is let through.

use serde_json::json;

use super::recorded::{Asked, record, token, write};
use super::replay::{STOP, json_of, old, recorded, replay};

#[test]
fn what_is_only_reported_is_let_through() {
    let folder = recorded();
    let label = "Starting an ECS (native OpenStack API)";
    let table = format!("[table]\nreport = [\"{label}\"]\n");
    write(&folder, "lenient", &format!("{}{table}", old()));
    // What was refused would pass, and be marked.
    let ran = replay(
        &folder,
        "old.jsonl",
        &["--config", "lenient.toml", "--format", "json"],
    )
    .ended(1);
    let changes = json_of(&ran)["changes"].clone();
    assert_eq!(changes.as_array().unwrap().len(), 1, "{changes:#}");
    assert_eq!(
        (&changes[0]["change"], &changes[0]["operation"]),
        (&json!("widening"), &json!(label))
    );
    // The other way about: what the roll-out will refuse.
    let eve = token(&folder, "eve", &json!({"roles": ["auditor"]}));
    let start = Asked::new("POST", STOP, "{\"os-start\": null}", &eve);
    let line = record(&folder, "lenient", &[start]).remove(0);
    assert_eq!(
        (&line["decision"], &line["reported"]["reason"]),
        (&json!("permit"), &json!("action_missing"))
    );
    replay(&folder, "lenient.jsonl", &["--config", "lenient.toml"]).ended(0);
    let ran = replay(
        &folder,
        "lenient.jsonl",
        &["--config", "old.toml", "--format", "json"],
    )
    .ended(1);
    let changes = json_of(&ran)["changes"].clone();
    assert_eq!(
        (&changes[0]["change"], &changes[0]["refusal"]["reason"]),
        (&json!("narrowing"), &json!("action_missing"))
    );
    // An issuer's word for all of its tokens.
    let config = folder
        .read("old.toml")
        .replace("[issuer.claims]\n", "mode = \"report\"\n[issuer.claims]\n");
    folder.write("issuer.toml", &config);
    replay(&folder, "lenient.jsonl", &["--config", "issuer.toml"]).ended(0);
}

/// A caller that nobody asked for is not one without a token.
#[test]
fn who_sent_what_was_open_to_everybody_is_not_known() {
    let folder = recorded();
    let version = Asked::new("GET", "/v2.1", "", "whatever");
    let line = record(&folder, "new", &[version]).remove(0);
    assert_eq!(
        (&line["decision"], &line["issuer"]),
        (&json!("permit"), &json!(null))
    );
    replay(&folder, "new.jsonl", &["--config", "old.toml"]).ended(0);
    let permission = line["operation"].as_str().unwrap();
    let table = format!(
        "[[operation]]\npermission = \"{permission}\"\nroutes = [\"GET /v2.1\"]\nproject = \"none\"\naccess = \"authenticated\"\n"
    );
    folder.write("closed-table.toml", &table);
    write(
        &folder,
        "closed",
        &format!("{}[table]\nfiles = [\"closed-table.toml\"]\n", old()),
    );
    let ran = replay(&folder, "new.jsonl", &["--config", "closed.toml"]).ended(2);
    let expected =
        "not replayed  1: undecided: who sent it was not looked at, and the config does; for";
    assert!(ran.out.contains(expected), "{}", ran.out);
}
