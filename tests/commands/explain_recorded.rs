//! `explain --request`: what became of a recorded request, from the audit alone.

use fastrand::Rng;
use serde_json::{Value, json};

use super::recorded::{
    Asked, POLICIES, ROLES, folder, random_callers, random_requests, record, token, tokens,
};
use super::{Folder, Ran};

fn explain(folder: &Folder, id: &str, audit: &[&str], more: &[&str]) -> Ran {
    let mut arguments = vec!["explain", "--request", id, "--config", "old.toml"];
    arguments.extend(audit.iter().flat_map(|file| ["--audit", *file]));
    arguments.extend(more);
    folder.actiongate(&arguments)
}

fn id(line: &Value) -> &str {
    line["request_id"].as_str().unwrap()
}

#[test]
fn a_recorded_request_is_explained_as_the_original_is() {
    let folder = folder(&[("old", &format!("{ROLES}{POLICIES}"))]);
    let mut random = Rng::with_seed(5);
    let callers = tokens(&folder, &random_callers(&mut random));
    let requests = random_requests(&folder, &mut random, &callers, 40);
    let lines = record(&folder, "old", &requests);
    let mut compared = 0;
    for (asked, line) in requests.iter().zip(&lines) {
        // Of nobody, or open to everybody.
        let Some(token) = &asked.token else { continue };
        if line["evidence"].get("claims").is_none() {
            continue;
        }
        let at = line["evidence"]["at"].as_u64();
        let at = at.map(|at| {
            humantime::format_rfc3339(std::time::UNIX_EPOCH + std::time::Duration::from_secs(at))
        });
        let at = at.map_or_else(
            || line["time"].to_string().replace('"', ""),
            |at| at.to_string(),
        );
        let config = [
            "explain", "--config", "old.toml", "--token", "-", "--format", "json",
        ];
        let request = [
            "--address",
            "127.0.0.1",
            "--at",
            &at,
            &asked.method,
            &asked.path,
        ];
        let mut original = [&config[..], &request[..]].concat();
        if line["evidence"].get("body").is_some() {
            original.extend(["--body", &asked.body]);
        }
        let original = folder.actiongate_reading(token, &original);
        let found = explain(&folder, id(line), &["old.jsonl"], &["--format", "json"]);
        assert_eq!(found.code, original.code, "{line}\n{found:?}");
        let (mut original, mut found): (Value, Value) = (
            serde_json::from_str(&original.out).unwrap(),
            serde_json::from_str(&found.out).unwrap_or_else(|error| panic!("{error}: {found:?}")),
        );
        let steps = found["steps"].as_array_mut().unwrap();
        let recorded = steps.remove(0);
        assert_eq!(recorded["step"], "recorded");
        assert_eq!(recorded["evidence"]["reason"], line["reason"]);
        for explanation in [&mut original, &mut found] {
            // Where its claims come from, and what of its body nobody looked at.
            let steps = explanation["steps"].as_array_mut().unwrap();
            steps.retain(|step| step["step"] != "token" && step["step"] != "body");
            explanation.as_object_mut().unwrap().remove("request");
        }
        assert_eq!(found, original, "{line}");
        if line["decision"] != "reject" {
            let (was, is) = (line["decision"] == "permit", found["decision"] == "allow");
            assert_eq!(was, is, "{line}");
            compared += 1;
        }
    }
    assert!(compared > 15, "{compared}");
}

fn recorded() -> (Folder, Vec<Value>) {
    let folder = folder(&[("old", &format!("{ROLES}{POLICIES}"))]);
    let alice = token(&folder, "alice", &json!({"roles": ["auditor"]}));
    let start = Asked::new(
        "POST",
        "/v2.1/a1/servers/s1/action",
        "{\"os-start\": null}",
        &alice,
    );
    let mut nobody = start.clone();
    nobody.token = None;
    let lines = record(&folder, "old", &[start, nobody]);
    (folder, lines)
}

#[test]
fn it_is_found_in_any_of_several_files() {
    let (folder, lines) = recorded();
    folder.write("empty.jsonl", "torn\n");
    let files = ["empty.jsonl", "old.jsonl"];
    let ran = explain(&folder, id(&lines[0]), &files, &[]).ended(3);
    let recorded = ran.line("recorded");
    let expected = format!("{} at ", id(&lines[0]));
    assert!(recorded.starts_with(&expected), "{recorded}");
    assert!(
        recorded.ends_with(" from 127.0.0.1: deny, reason `action_missing`"),
        "{recorded}"
    );
    assert_eq!(
        ran.line("operation"),
        "Starting an ECS (native OpenStack API)"
    );
    assert!(
        ran.line("decision").contains("`action_missing`"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("to change"), "{}", ran.out);
    let gone = explain(&folder, "req-0", &files, &[]);
    gone.failed_with(&["no line has the request id `req-0`; 1 lines cannot be read"]);
    let gone = explain(&folder, "req-0", &files[1..], &[]);
    gone.failed_with(&["no line has the request id `req-0`\n"]);
    let missing = folder.actiongate(&["explain", "--request", "req-0", "--config", "old.toml"]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.err.contains("--audit"), "{}", missing.err);
}

#[test]
fn without_evidence_it_is_what_the_line_says() {
    let (folder, lines) = recorded();
    let nobody = explain(&folder, id(&lines[1]), &["old.jsonl"], &[]).ended(3);
    assert!(
        nobody
            .line("recorded")
            .ends_with(": reject, reason `token_missing`")
    );
    assert!(nobody.out.contains("\nnot told "), "{}", nobody.out);
    let mut line = lines[0].clone();
    line.as_object_mut().unwrap().remove("evidence");
    folder.write("bare.jsonl", &format!("{line}\n"));
    let ran = explain(&folder, id(&line), &["bare.jsonl"], &[]).ended(3);
    for (label, expected) in [
        (
            "request",
            "POST /v2.1/{project_id}/servers/{server_id}/action",
        ),
        ("issuer", "https://iam.example.com"),
        ("subject", "`alice`"),
        ("project", "a1"),
        ("operation", "Starting an ECS (native OpenStack API)"),
        ("missing", "ecs:servers:start"),
        (
            "not told",
            "no evidence, which `[audit] evidence = true` keeps",
        ),
    ] {
        assert_eq!(ran.line(label), expected, "{}", ran.out);
    }
    let ran = explain(&folder, id(&line), &["bare.jsonl"], &["--format", "json"]).ended(3);
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(found["recorded"]["missing"], json!(["ecs:servers:start"]));
    assert_eq!(
        found["not_told"],
        "no evidence, which `[audit] evidence = true` keeps"
    );
}

/// A claim that nobody recorded is not one that the token lacked.
#[test]
fn what_was_not_recorded_is_said() {
    let (folder, lines) = recorded();
    let config = folder.read("old.toml").replace("\"/name\"", "\"/email\"");
    folder.write("old.toml", &config);
    let ran = explain(&folder, id(&lines[0]), &["old.jsonl"], &[]).ended(3);
    let expected = "the claim at `/email` was not recorded, and the config reads it: what follows takes it for absent";
    assert_eq!(ran.line("not told"), expected);
}
