//! `replay`: what a recording gateway decided, decided again.

use std::collections::BTreeMap;
use std::fs;

use fastrand::Rng;
use serde_json::{Value, json};

use super::recorded::{
    Asked, POLICIES, ROLES, folder, lines, random_callers, random_requests, record, token, tokens,
    write,
};
use super::{Folder, Ran};

pub fn replay(folder: &Folder, audit: &str, more: &[&str]) -> Ran {
    folder.actiongate(&[&["replay", audit][..], more].concat())
}

pub fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error} in {ran:?}"))
}

pub fn old() -> String {
    format!("{ROLES}{POLICIES}")
}

/// Other roles, and a policy that asks for something else.
fn new() -> String {
    let roles = ROLES
        .replace("\"ECS ReadOnlyAccess\"", "\"ECS CommonOperations\"")
        .replace(
            "\"ECS CommonOperations\", \"hands off\"",
            "\"ECS ReadOnlyAccess\"",
        );
    format!(
        "{roles}{}",
        POLICIES.replace("\"ecs:servers:*\"", "\"ecs:servers:get*\"")
    )
}

/// Operation, subject, reason and what is missing.
type Group = (String, String, String, String);

fn group(line: &Value, refused: &Value) -> Group {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let missing = refused["missing"].to_string();
    (
        text(&line["operation"]),
        text(&line["subject"]),
        text(&refused["reason"]),
        missing,
    )
}

#[test]
fn the_recording_config_changes_nothing_and_another_what_its_gateway_does() {
    let folder = folder(&[("old", &old()), ("new", &new())]);
    let mut random = Rng::with_seed(8);
    let callers = tokens(&folder, &random_callers(&mut random));
    let requests = random_requests(&folder, &mut random, &callers, 600);
    let (before, after) = (
        record(&folder, "old", &requests),
        record(&folder, "new", &requests),
    );
    let judged = |line: &&Value| line["decision"] != "reject";
    let count = before.iter().filter(judged).count();
    assert!(count > 300, "{count}");
    for name in ["old", "new"] {
        let own = replay(
            &folder,
            &format!("{name}.jsonl"),
            &[
                "--config",
                &format!("{name}.toml"),
                "--format",
                "json",
                "--all",
            ],
        );
        let own = json_of(&own.ended(0));
        assert!(own["replayed"].as_u64().unwrap() > 300, "{own:#}");
        let changes = own["changes"].as_array().unwrap().iter();
        assert!(
            changes.clone().all(|row| row["change"] == "none"),
            "{own:#}"
        );
        let not = own["not_replayed"].as_array().unwrap();
        assert_eq!(not.len(), 1, "{own:#}");
        assert_eq!(not[0]["why"], "rejected, which stays so");
        // Also why they were refused.
        let mut expected: BTreeMap<Group, u64> = BTreeMap::new();
        for line in lines(&folder, name).iter().filter(judged) {
            let refused = match line["decision"] == "deny" {
                true => line,
                false => &json!({"missing": null}),
            };
            *expected.entry(group(line, refused)).or_default() += 1;
        }
        let found = changes.map(|row| {
            let refusal = match &row["refusal"] {
                Value::Null => json!({"missing": null}),
                refusal => refusal.clone(),
            };
            (group(row, &refusal), row["count"].as_u64().unwrap())
        });
        assert_eq!(found.collect::<BTreeMap<_, _>>(), expected);
    }
    let mut expected: BTreeMap<(&str, Group), u64> = BTreeMap::new();
    for (old, new) in before.iter().zip(&after) {
        let key = match (
            old["decision"].as_str().unwrap(),
            new["decision"].as_str().unwrap(),
        ) {
            ("permit", "deny" | "reject") => ("narrowing", group(old, new)),
            ("deny", "permit") => ("widening", group(old, old)),
            _ => continue,
        };
        *expected.entry(key).or_default() += 1;
    }
    let replayed = replay(
        &folder,
        "old.jsonl",
        &["--config", "new.toml", "--format", "json"],
    );
    let replayed = json_of(&replayed.ended(1));
    let rows = replayed["changes"].as_array().unwrap().iter();
    let found = rows.map(|row| {
        let change = row["change"].as_str().unwrap();
        (
            (change, group(row, &row["refusal"])),
            row["count"].as_u64().unwrap(),
        )
    });
    let found: BTreeMap<_, _> = found.collect();
    let kinds = |change: &str| found.keys().filter(|(own, _)| *own == change).count();
    assert!(
        kinds("widening") > 10 && kinds("narrowing") > 10,
        "{found:?}"
    );
    assert_eq!(found, expected);
}

pub const STOP: &str = "/v2.1/a1/servers/s1/action";

/// Three requests of one caller, of which the last was refused.
pub fn recorded() -> Folder {
    let folder = folder(&[("old", &old()), ("new", &new())]);
    let alice = token(&folder, "alice", &json!({"roles": ["helpdesk"]}));
    let eve = token(&folder, "eve\u{1b}[2J", &json!({"roles": ["auditor"]}));
    let start = "{\"os-start\": null}";
    let requests = [
        Asked::new("POST", STOP, start, &alice),
        Asked::new("POST", STOP, start, &alice),
        Asked::new("POST", STOP, start, &eve),
        Asked::new("GET", "/v2.1/a1/servers", "", "rubbish"),
    ];
    record(&folder, "old", &requests);
    folder
}

#[test]
fn what_would_change_is_told_by_operation_and_caller() {
    let folder = recorded();
    let lines = lines(&folder, "old");
    let ran = replay(&folder, "old.jsonl", &["--config", "new.toml"]).ended(1);
    let second = |index: usize| {
        let time = lines[index]["time"].as_str().unwrap();
        format!("{}Z", time.split('.').next().unwrap())
    };
    let id = |index: usize| lines[index]["request_id"].as_str().unwrap();
    let expected = format!(
        "replayed      3 requests, from {} to {}\n\
         widening      1 were refused and would be permitted\n  \
           Starting an ECS (native OpenStack API) by `eve\\u{{1b}}[2J` of https://iam.example.com\n    \
             action_missing: ecs:servers:start\n    \
             1 request at {}: {}\n\
         narrowing     2 were permitted and would be refused\n  \
           Starting an ECS (native OpenStack API) by `alice` of https://iam.example.com\n    \
             action_missing: ecs:servers:start\n    \
             2 requests from {} to {}, for example {}\n\
         not replayed  1: rejected, which stays so; for example {}\n",
        second(0),
        second(2),
        second(2),
        id(2),
        second(0),
        second(1),
        id(0),
        id(3),
    );
    assert_eq!(ran.out, expected);
    let markdown = replay(
        &folder,
        "old.jsonl",
        &["--config", "new.toml", "--format", "markdown"],
    );
    let markdown = markdown.ended(1).out;
    let row = "| widening | Starting an ECS (native OpenStack API) | `eve\\u{1b}[2J` of https://iam.example.com | action_missing: ecs:servers:start | 1 request at ";
    assert!(markdown.contains(row), "{markdown}");
    for (flag, code) in [
        ("--forbid-widening", 3),
        ("--forbid-narrowing", 3),
        ("--all", 1),
    ] {
        replay(&folder, "old.jsonl", &["--config", "new.toml", flag]).ended(code);
    }
    let same = [
        "--config",
        "old.toml",
        "--forbid-widening",
        "--forbid-narrowing",
    ];
    replay(&folder, "old.jsonl", &same).ended(0);
    // Of several files, and from standard input.
    fs::copy(folder.path("old.jsonl"), folder.path("old.jsonl.1")).unwrap();
    let several = ["replay", "old.jsonl.1", "-", "--config", "old.toml"];
    let ran = folder
        .actiongate_reading(&folder.read("old.jsonl"), &several)
        .ended(0);
    assert!(
        ran.out.starts_with("replayed      6 requests, from "),
        "{}",
        ran.out
    );
}

#[test]
fn the_time_and_the_address_are_those_of_the_record() {
    let folder = folder(&[("old", &old())]);
    let office = token(&folder, "alice", &json!({"roles": ["office"]}));
    let get = Asked::new("GET", "/v2.1/a1/servers/detail", "", &office);
    let line = record(&folder, "old", &[get]).remove(0);
    assert_eq!(line["decision"], "permit");
    for (member, value, expected) in [
        ("at", json!(4_000_000_000_u64), 0),
        ("at", json!(4_100_000_000_u64), 1),
        ("address", json!("127.9.9.9"), 0),
        ("address", json!("10.0.0.1"), 1),
        ("address", Value::Null, 1),
        ("address", json!("unclear"), 1),
    ] {
        let mut line = line.clone();
        line["evidence"][member] = value.clone();
        folder.write("changed.jsonl", &format!("{line}\n"));
        let ran = replay(&folder, "changed.jsonl", &["--config", "old.toml"]).ended(expected);
        let refusal = "action_missing: ecs:servers:list";
        assert_eq!(
            ran.out.contains(refusal),
            expected == 1,
            "{member} {value} {}",
            ran.out
        );
    }
}

#[test]
fn what_cannot_be_decided_is_counted_and_named() {
    let folder = recorded();
    let text = folder.read("old.jsonl");
    let first = text.lines().next().unwrap();
    let mut bare: Value = serde_json::from_str(first).unwrap();
    bare.as_object_mut().unwrap().remove("evidence");
    let mut long = bare.clone();
    long["evidence"] = json!({"absent": "too long: a path of 9000 bytes, expected at most 8192"});
    let mut gone = bare.clone();
    gone["decision"] = Value::Null;
    let event = "{\"version\":1,\"time\":\"x\",\"event\":\"dropped\",\"lines\":3}";
    let torn = first.get(..50).unwrap();
    let lines = [
        text.trim_end(),
        &bare.to_string(),
        &long.to_string(),
        &gone.to_string(),
        event,
        torn,
    ];
    folder.write("mixed.jsonl", &lines.join("\n"));
    let mixed = ["--config", "old.toml"];
    let ran = replay(&folder, "mixed.jsonl", &mixed).ended(0);
    for expected in [
        "not replayed  1: given up by the client before a decision; for example req-",
        "not replayed  1: not read; for example mixed.jsonl:9: no object of JSON: EOF while parsing",
        "not replayed  1: undecided: no evidence, which `[audit] evidence = true` keeps; for example req-",
        "not replayed  1: undecided: the evidence was too long to be kept; for example req-",
        "not replayed  1: where requests were lost; for example mixed.jsonl:8\n",
    ] {
        assert!(
            ran.out.contains(expected),
            "no {expected:?} in\n{}",
            ran.out
        );
    }
    let ran = replay(
        &folder,
        "mixed.jsonl",
        &[&mixed[..], &["--forbid-widening"]].concat(),
    )
    .ended(2);
    assert!(
        ran.err.contains("2 requests could not be decided again"),
        "{}",
        ran.err
    );
    folder.write("bare.jsonl", &format!("{bare}\n"));
    let ran = replay(&folder, "bare.jsonl", &mixed).ended(2);
    assert!(
        ran.err.contains("no request could be decided again"),
        "{}",
        ran.err
    );
    let ran = replay(&folder, "gone.jsonl", &mixed).ended(2);
    assert!(ran.err.contains("gone.jsonl: No such file"), "{}", ran.err);
}

/// A claim that nobody recorded is not one that the token lacked.
#[test]
fn what_the_config_reads_besides_is_not_known() {
    let folder = recorded();
    let config = folder.read("old.toml");
    let more = config.replace(
        "\"g:UserName\" = \"/name\"\n",
        "\"g:UserName\" = \"/email\"\n",
    );
    folder.write("more.toml", &more);
    let ran = replay(&folder, "old.jsonl", &["--config", "more.toml"]).ended(2);
    let expected = "not replayed  3: undecided: the claim at `/email` was not recorded, and the config reads it";
    assert!(ran.out.contains(expected), "{}", ran.out);
    // So with a body that the recording table had no question for.
    let table = "[[operation]]\npermission = \"Starting an ECS (native OpenStack API)\"\n\
         routes = [\"POST /v2.1/{project_id}/servers/{server_id}/action\"]\nbody_key = \"os-start\"\n\
         actions = [\"ecs:servers:start\"]\nconditional = [{ when = \"/os-start/force\", actions = [\"ecs:servers:stop\"] }]\n";
    folder.write("table.toml", table);
    write(
        &folder,
        "body",
        &format!("{}[table]\nfiles = [\"table.toml\"]\n", old()),
    );
    let ran = replay(&folder, "old.jsonl", &["--config", "body.toml"]).ended(2);
    let expected = "not replayed  3: undecided: what `Starting an ECS (native OpenStack API)` asks of the body was not recorded";
    assert!(ran.out.contains(expected), "{}", ran.out);
    // An issuer that the config lacks is no question.
    folder.write(
        "other.toml",
        &config.replace(
            "name = \"https://iam.example.com\"",
            "name = \"https://other\"",
        ),
    );
    let ran = replay(
        &folder,
        "old.jsonl",
        &["--config", "other.toml", "--format", "json"],
    )
    .ended(1);
    assert_eq!(
        json_of(&ran)["changes"][0]["refusal"]["reason"],
        "token_issuer"
    );
}
