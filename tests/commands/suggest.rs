//! `suggest`: a policy for what a gateway's callers used, which another gateway then enforces.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::{Value, json};

use super::recorded::{
    Asked, POLICIES, ROLES, folder, lines, name, random_callers, random_requests, record, token,
    tokens, write,
};
use super::{Folder, Ran};

const SERVER: &str = "/v2.1/a1/servers/s1";

fn suggest(folder: &Folder, more: &[&str]) -> Ran {
    folder.actiongate(&[&["suggest", "old.jsonl"][..], more].concat())
}

fn json_of(folder: &Folder, more: &[&str]) -> Value {
    let ran = suggest(
        folder,
        &[more, &["--min-days", "0", "--format", "json"]].concat(),
    );
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error} in {ran:?}"))
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect()
}

fn old() -> String {
    format!("{ROLES}{POLICIES}")
}

/// Whoever has nothing but the policy that was suggested is permitted what it was, and nothing else.
#[test]
fn with_the_suggested_policy_alone_all_is_decided_as_it_was() {
    let folder = folder(&[("old", &old())]);
    let mut random = Rng::with_seed(88);
    let callers = random_callers(&mut random);
    let before = tokens(&folder, &callers);
    let requests = random_requests(&folder, &mut random, &before, 700);
    let old = record(&folder, "old", &requests);
    for more in [&[][..], &["--wildcards"]] {
        let found = json_of(&folder, &[&["--config", "old.toml"], more].concat());
        let documents: BTreeMap<&str, &Value> = found["suggestions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|report| (report["subject"].as_str().unwrap(), report))
            .collect();
        assert!(documents.len() > 8, "{found:#}");
        let after: Vec<String> = (callers.iter().enumerate())
            .map(|(number, claims)| {
                let mut claims = claims.clone();
                for claim in ["roles", "actions", "policies"] {
                    claims.as_object_mut().unwrap().remove(claim);
                }
                let report = documents.get(name(number).as_str());
                if let Some(document) = report
                    .map(|report| &report["document"])
                    .filter(|own| !own.is_null())
                {
                    claims["policies"] = document.clone();
                }
                token(&folder, &name(number), &claims)
            })
            .collect();
        let swapped: Vec<Asked> = requests
            .iter()
            .map(|asked| {
                let number = before
                    .iter()
                    .position(|token| Some(token) == asked.token.as_ref());
                Asked {
                    token: number.map(|number| after[number].clone()),
                    ..asked.clone()
                }
            })
            .collect();
        write(
            &folder,
            "new",
            "[issuer.roles]\nauditor = \"ECS ReadOnlyAccess\"\n",
        );
        let _ = std::fs::remove_file(folder.path("new.jsonl"));
        let new = record(&folder, "new", &swapped);
        let mut permitted = 0;
        for (old, new) in old.iter().zip(&new) {
            let (was, is) = (&old["decision"], &new["decision"]);
            permitted += usize::from(was == "permit");
            let report = old["subject"]
                .as_str()
                .and_then(|subject| documents.get(subject));
            let left_out = report.map_or(&[][..], |report| report["left_out"].as_array().unwrap());
            let misses = |action: &str| left_out.iter().any(|own| own["action"] == action);
            if texts(&new["missing"]).into_iter().any(misses) {
                assert_eq!(
                    (was, is),
                    (&json!("permit"), &json!("deny")),
                    "{old}\n{new}"
                );
            } else {
                assert_eq!(was == "permit", is == "permit", "{old}\n{new}");
            }
        }
        assert!(permitted > 150, "{permitted}");
    }
}

/// Two callers with one role, another with a name of actions.
fn recorded() -> Folder {
    let folder = folder(&[("old", &old())]);
    let help = json!({"roles": ["helpdesk", "unknown"]});
    let (alice, bob) = (token(&folder, "alice", &help), token(&folder, "bob", &help));
    let carol = token(
        &folder,
        "carol",
        &json!({"actions": ["ecs:servers:*"], "roles": ["office"]}),
    );
    let action = format!("{SERVER}/action");
    let requests = [
        Asked::new("GET", SERVER, "", &alice),
        Asked::new("GET", SERVER, "", &alice),
        Asked::new("POST", &action, "{\"os-stop\": null}", &alice),
        Asked::new("POST", &action, "{\"os-start\": null}", &bob),
        Asked::new("DELETE", &SERVER.replace("s1", "s2"), "", &bob),
        Asked::new("GET", SERVER, "", &carol),
    ];
    let lines = record(&folder, "old", &requests);
    let permitted = lines.iter().filter(|line| line["decision"] == "permit");
    assert_eq!(permitted.count(), 5);
    folder
}

#[test]
fn a_subjects_policy_is_told_with_what_was_never_used() {
    let folder = recorded();
    let lines = lines(&folder, "old");
    let second = |index: usize| {
        let time = lines[index]["time"].as_str().unwrap();
        format!("{}Z", time.split('.').next().unwrap())
    };
    let arguments = [
        "--config",
        "old.toml",
        "--min-days",
        "0",
        "--subject",
        "alice",
    ];
    let out = suggest(&folder, &arguments).ended(0).out;
    let expected = format!(
        "`alice` of https://iam.example.com\n  \
           permitted   3 requests in 0 days, from {} to {}\n  \
           used        ecs:servers:get (2), ecs:servers:stop (1)\n  never used  ",
        second(0),
        second(2)
    );
    assert!(out.starts_with(&expected), "{out}");
    let policy = r#"  policy
{
  "Version": "1.1",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": [
        "ecs:servers:get",
        "ecs:servers:stop"
      ]
    },
    {
      "Effect": "Deny",
      "Action": [
        "ecs:servers:stop"
      ],
      "Resource": [
        "ecs:*:*:instance:s2"
      ]
    }
  ]
}
"#;
    assert!(out.ends_with(policy), "{out}");
    let found = json_of(&folder, &["--config", "old.toml", "--subject", "alice"]);
    let unused = texts(&found["suggestions"][0]["unused"]);
    assert!(unused.contains(&"ecs:servers:start"), "{unused:?}");
    assert!(!unused.contains(&"ecs:servers:stop"), "{unused:?}");
    // A grant that asks for nothing stands before one that does.
    let carol = json_of(&folder, &["--config", "old.toml", "--subject", "carol"]);
    let expected = json!([{"Effect": "Allow", "Action": ["ecs:servers:get"]}]);
    assert_eq!(carol["suggestions"][0]["document"]["Statement"], expected);
}

#[test]
fn a_role_has_what_all_who_had_it_used() {
    let folder = recorded();
    let found = json_of(&folder, &["--config", "old.toml", "--by", "role"]);
    let roles = found["suggestions"].as_array().unwrap();
    let names: Vec<&Value> = roles.iter().map(|role| &role["role"]).collect();
    assert_eq!(names, ["helpdesk", "office"]);
    let help = &roles[0];
    assert_eq!(
        (&help["requests"], &help["subject"]),
        (&json!(4), &Value::Null)
    );
    let used: Vec<&Value> = help["used"]
        .as_array()
        .unwrap()
        .iter()
        .map(|used| &used["action"])
        .collect();
    assert_eq!(used.len(), 3, "{used:?}");
    // What another grant gave is not the role's: here it asks for something.
    let office = json!([{"Effect": "Allow", "Action": ["ecs:servers:get"], "Condition": {
        "IpAddress": {"g:SourceIp": ["127.0.0.0/8"]},
        "DateLessThan": {"g:CurrentTime": ["2099-01-01T00:00:00Z"]},
    }}]);
    assert_eq!(roles[1]["document"]["Statement"], office);
    let ran = suggest(&folder, &["--by", "role"]).ended(2);
    assert!(ran.err.contains("--by role needs --config"), "{}", ran.err);
}

#[test]
fn too_few_days_suggest_nothing() {
    let folder = recorded();
    let ran = suggest(&folder, &["--config", "old.toml"]).ended(1);
    let expected = "  no policy   0 days of evidence, expected at least 30 (--min-days)\n";
    assert_eq!(ran.out.matches(expected).count(), 3, "{}", ran.out);
    assert!(!ran.out.contains("Version"), "{}", ran.out);
    // The same with its first line three days before.
    let text = folder.read("old.jsonl");
    let first = text.lines().next().unwrap();
    let mut line: Value = serde_json::from_str(first).unwrap();
    let time = humantime::parse_rfc3339(line["time"].as_str().unwrap()).unwrap();
    let earlier = time - std::time::Duration::from_hours(72);
    line["time"] = json!(humantime::format_rfc3339_micros(earlier).to_string());
    folder.write("old.jsonl", &format!("{line}\n{text}"));
    for (days, code) in [("3", 0), ("4", 1)] {
        suggest(&folder, &["--config", "old.toml", "--min-days", days]).ended(code);
    }
}

#[test]
fn what_nobody_proved_is_left_out_unless_it_is_asked_for() {
    let folder = recorded();
    let get = "  left out    ecs:servers:get: not known whether its grant asks for conditions\n";
    let days = ["--min-days", "0"];
    let ran = suggest(&folder, &days).ended(1);
    assert_eq!(ran.out.matches(get).count(), 2, "{}", ran.out);
    assert!(
        ran.out
            .contains("  no policy   no action can be suggested\n"),
        "{}",
        ran.out
    );
    assert!(
        ran.out
            .contains("  never used  not known: --config and evidence tell"),
        "{}",
        ran.out
    );
    let ran = suggest(&folder, &[&days[..], &["--unproven"]].concat()).ended(0);
    assert_eq!(
        ran.out.matches("\"Version\": \"1.1\"").count(),
        3,
        "{}",
        ran.out
    );
    // Likewise where the config is known and the evidence is not.
    let text = folder.read("old.jsonl");
    let bare = text.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line.as_object_mut().unwrap().remove("evidence");
        format!("{line}\n")
    });
    let bare: String = bare.collect();
    folder.write("old.jsonl", &format!("{bare}torn"));
    let ran = suggest(&folder, &[&days[..], &["--config", "old.toml"]].concat()).ended(1);
    assert_eq!(ran.out.matches(get).count(), 2, "{}", ran.out);
    let passed = "passed over   1: not permitted, so nothing was used; for example req-";
    assert!(ran.out.contains(passed), "{}", ran.out);
    assert!(
        ran.out
            .contains("passed over   1: not read; for example old.jsonl:7: no object"),
        "{}",
        ran.out
    );
    let by_role = ["--config", "old.toml", "--by", "role"];
    let ran = suggest(&folder, &[&days[..], &by_role].concat()).ended(1);
    assert!(
        ran.out
            .contains("passed over   5: of unknown roles: no evidence"),
        "{}",
        ran.out
    );
}

#[test]
fn what_the_config_does_not_grant_is_left_out() {
    let folder = recorded();
    write(
        &folder,
        "less",
        "[issuer.roles]\nhelpdesk = \"ECS ReadOnlyAccess\"\n",
    );
    let found = json_of(&folder, &["--config", "less.toml", "--subject", "alice"]);
    let alice = &found["suggestions"][0];
    let left_out = json!([{"action": "ecs:servers:stop", "why": "not granted by this config"}]);
    assert_eq!(alice["left_out"], left_out);
    let expected = json!([{"Effect": "Allow", "Action": ["ecs:servers:get"]}]);
    assert_eq!(alice["document"]["Statement"], expected);
}
