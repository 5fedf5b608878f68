//! `test`: cases that pass and fail, what they touch, and the files that cannot be read.

use serde_json::{Value, json};

use super::issuer::{CONFIG, ED25519, issuer};
use super::{Folder, Ran};

const ROLES: &str = r#"roles = "/roles"
[issuer.claims.conditions]
"g:UserName" = "/name"
[issuer.roles]
auditor = "ECS ReadOnlyAccess"
"an operator" = ["ECS CommonOperations", "no reboots"]
dev = "of the team"
[[policy]]
name = "no reboots"
document = '''{"Version": "1.1", "Statement": [
  {"Effect": "Deny", "Action": ["ecs:*:reboot"]},
  {"Effect": "Deny", "Action": ["obs:*:*"]}]}'''
[[policy]]
name = "of the team"
document = '''{"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["ecs:*:*"], "Condition": {
  "StringMatch": {"g:UserName": ["dev-*"]}, "IpAddress": {"g:SourceIp": ["10.0.0.0/8"]},
  "DateLessThan": {"g:CurrentTime": ["2026-12-01T00:00:00Z"]}}}]}'''
"#;
const REBOOT: &str = r#"'POST /v2.1/a1/servers/s1/action {"reboot": {}}'"#;

pub fn folder() -> Folder {
    let folder = issuer(ED25519);
    folder.write("actiongate.toml", &format!("{CONFIG}{ROLES}"));
    std::fs::remove_file(folder.path("jwks.json")).unwrap();
    folder
}

fn test(folder: &Folder, cases: &str, more: &[&str]) -> Ran {
    folder.write("cases.toml", cases);
    let start = ["test", "cases.toml", "--config", "actiongate.toml"];
    folder.actiongate(&[&start[..], more].concat())
}

/// The last line.
fn summary(ran: &Ran) -> &str {
    ran.out.lines().last().unwrap()
}

#[test]
fn the_built_in_cases_pass_and_touch_everything() {
    let folder = Folder::new();
    for arguments in [
        &["test", "--require-coverage"][..],
        &["test", "--builtin", "--require-coverage", "--all"],
    ] {
        let ran = folder.actiongate(arguments).ended(0);
        assert_eq!(
            ran.out,
            "operations    161 of 161 touched\nstatements    4 of 4 touched\n651 passed, 0 failed\n"
        );
    }
    let folder = self::folder();
    let ran = folder.actiongate(&["test", "--config", "actiongate.toml"]);
    assert_eq!(summary(&ran.ended(0)), "651 passed, 0 failed");
}

#[test]
fn cases_are_pairs_of_requests_and_callers() {
    let folder = folder();
    let cases = format!(
        r#"
[[case]]
name = "who may set metadata"
allow = ["an operator", {{ roles = ["auditor", "an operator"] }}]
deny = ["auditor"]
request = ["PUT /v2.1/a1/servers/s1/metadata", "PUT /v2/a1/servers/s1/metadata"]
missing = ["ecs:servers:setMetadata"]
reason = "action_missing"

[[case]]
as = ["an operator", {{ policy = "no reboots" }}]
request = {REBOOT}
expect = "deny"
reason = "action_denied"

[[case]]
as = {{ role = "auditor", project = "a2" }}
request = "GET /v2.1/a1/servers/detail"
expect = "deny"
reason = "project_mismatch"

[[case]]
as = [{{ claims = {{ project_id = ["a1"], roles = "auditor" }} }}, {{ claims = {{ project_id = "a1", actions = ["ecs:servers:list"] }}, issuer = "https://iam.example.com" }}]
request = "GET /v2.1/a1/servers/detail"
expect = "allow"

[[case]]
as = {{ role = "dev", claims = {{ name = "dev-1" }} }}
request = "POST /v2.1/a1/servers/s1/action"
body = '{{"reboot": {{}}}}'
at = "2026-11-30T12:00:00Z"
address = "10.1.2.3"
expect = "allow"
"#
    );
    let ran = test(&folder, &cases, &[]).ended(0);
    assert_eq!(summary(&ran), "12 passed, 0 failed");
    // Each input of the last case counts.
    for (from, to) in [
        ("dev-1", "ops-1"),
        ("2026-11-30T12", "2026-12-30T12"),
        ("10.1.2.3", "192.0.2.1"),
        ("{\"reboot\": {}}'\nat", "{\"evacuate\": {}}'\nat"),
    ] {
        let broken = cases.replace(from, to);
        assert_ne!(broken, cases);
        let ran = test(&folder, &broken, &[]).ended(1);
        assert_eq!(summary(&ran), "11 passed, 1 failed", "{}", ran.out);
        assert!(
            ran.out.starts_with("cases.toml:29: failed: POST "),
            "{}",
            ran.out
        );
    }
}

#[test]
fn a_failure_says_what_was_expected_what_came_and_why() {
    let folder = folder();
    let cases = format!(
        r#"[[case]]
name = "operators reboot"
as = "an operator"
request = {REBOOT}
expect = "allow"
[[case]]
as = "auditor"
request = "PUT /v2.1/a1/servers/s1/metadata"
expect = "deny"
missing = ["ecs:servers:get", "ecs:servers:setMetadata"]
[[case]]
as = "auditor"
request = "PUT /v2.1/a1/servers/s1/metadata"
expect = "deny"
reason = "project_mismatch"
[[case]]
as = "auditor"
request = "GET /v2.1/a1/servers/s1/metadata"
expect = "deny"
"#
    );
    let ran = test(&folder, &cases, &[]).ended(1);
    let lines: Vec<&str> = ran.out.lines().collect();
    let expected = [
        "cases.toml:4: failed: operators reboot",
        "  request   POST /v2.1/a1/servers/s1/action as the role `an operator`",
        "  expected  allow",
        "  found     deny: 403, reason `action_denied`: Policy doesn't allow ecs:servers:reboot to be performed.",
        "  missing   ecs:servers:reboot",
        "  action    ecs:servers:reboot: denied",
        "            the role `an operator`, `ECS CommonOperations` Statement[0]: allows `ecs:*:reboot`",
        "            the role `an operator`, `no reboots` Statement[0]: denies `ecs:*:reboot`",
        "  to change drop `no reboots` Statement[0], which denies ecs:servers:reboot whatever grants it",
        "cases.toml:8: failed: PUT /v2.1/a1/servers/s1/metadata as the role `auditor`",
        "  expected  deny with missing ecs:servers:get, ecs:servers:setMetadata",
        "  found     deny: 403, reason `action_missing`: Policy doesn't allow ecs:servers:setMetadata to be performed.",
        "  missing   ecs:servers:setMetadata",
    ];
    assert_eq!(lines[..expected.len()], expected, "{}", ran.out);
    for part in [
        "cases.toml:13: failed: PUT",
        "  expected  deny with reason `project_mismatch`\n",
        "cases.toml:18: failed: GET",
        "  expected  deny\n  found     allow\n  action    ecs:servers:listMetadata: allowed\n",
    ] {
        assert!(ran.out.contains(part), "no {part:?} in\n{}", ran.out);
    }
    assert_eq!(summary(&ran), "0 passed, 4 failed");
}

#[test]
fn what_no_case_touches_is_told() {
    let folder = folder();
    let cases = |more: &str| {
        format!("[[case]]\nas = 'an operator'\nexpect = 'deny'\nrequest = {REBOOT}\n{more}")
    };
    let ran = test(&folder, &cases(""), &[]).ended(0);
    // The statement on another service is no one's to touch; the vendor's policies that no role has are not either.
    let expected = "statements    1 of 4 touched\n  \
        untouched   `ECS CommonOperations` Statement[0]\n  \
        untouched   `ECS ReadOnlyAccess` Statement[0]\n  \
        untouched   `of the team` Statement[0]\n1 passed, 0 failed\n";
    assert!(ran.out.ends_with(expected), "{}", ran.out);
    assert!(
        ran.out.starts_with("operations    1 of 161 touched\n"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("  and 155 more (--all)\n"), "{}", ran.out);
    assert!(
        ran.out
            .contains("  untouched   Querying AZs (GET /v1/{project_id}/availability-zones)\n"),
        "{}",
        ran.out
    );
    let all = test(&folder, &cases(""), &["--all"]).ended(0);
    assert_eq!(all.out.matches("  untouched   ").count(), 160 + 3);
    test(&folder, &cases(""), &["--require-coverage"]).ended(1);
    let report = ["--require-coverage", "--format", "junit"];
    let xml = test(&folder, &cases(""), &report).ended(1).out;
    for part in [
        "<testsuites name=\"actiongate test\" tests=\"3\" failures=\"2\">\n",
        "<testsuite name=\"coverage\" tests=\"2\" failures=\"2\">\n",
        "<testcase classname=\"coverage\" name=\"statements\">\n      <failure message=\"3 statements untouched\">`ECS CommonOperations` Statement[0]&#10;",
    ] {
        assert!(xml.contains(part), "no {part:?} in\n{xml}");
    }
    let more = "[[case]]\nexpect = 'allow'\nas = ['an operator', 'auditor']\nrequest = 'GET /v2.1/a1/servers/detail'\n\
        [[case]]\nexpect = 'deny'\nas = 'dev'\nrequest = 'GET /v2.1/a1/servers/detail'\n";
    let ran = test(&folder, &cases(more), &[]).ended(0);
    // One that did not apply decided nothing.
    assert!(
        ran.out
            .contains("statements    3 of 4 touched\n  untouched   `of the team` Statement[0]\n"),
        "{}",
        ran.out
    );
    let more = more.replace("expect = 'deny'\nas = 'dev'", "expect = 'allow'\naddress = '10.0.0.1'\nat = '2026-11-30T00:00:00Z'\nas = { role = 'dev', claims = { name = 'dev-' } }");
    let ran = test(&folder, &cases(&more), &["--builtin", "--require-coverage"]).ended(0);
    assert!(
        ran.out
            .contains("operations    161 of 161 touched\nstatements    4 of 4 touched\n"),
        "{}",
        ran.out
    );
}

#[test]
fn a_file_that_cannot_be_read_names_each_problem() {
    let folder = folder();
    let cases = r#"[[case]]
as = "auditr"
request = "GET /"
expect = "allow"
[[case]]
as = { role = "auditor", projekt = "a" }
request = ["GET", "G@T /", "GET /"]
expects = "allow"
[[case]]
as = { policy = "ECS Full" }
request = "GET /"
expect = "maybe"
[[case]]
allow = ["auditor"]
expect = "allow"
request = "GET /"
[[case]]
as = "auditor"
request = "GET /"
expect = "allow"
missing = ["ecs:servers:get"]
at = "yesterday"
[[case]]
as = { role = "auditor", policy = "no reboots" }
request = "GET /"
expect = "deny"
[[case]]
as = 7
expect = "deny"
"#;
    let ran = test(&folder, cases, &[]).ended(1);
    let expected = [
        "cases.toml:2: there is no role `auditr`; did you mean `auditor`?",
        "cases.toml:6: `case.as.projekt` is not a known key; did you mean `project`?",
        "cases.toml:7: `case.request` is `GET`, expected a request as in \"GET /v2.1/PROJECT/servers\", its body behind it if need be",
        "cases.toml:7: `case.request` is `G@T /`, expected a request as in \"GET /v2.1/PROJECT/servers\", its body behind it if need be",
        "cases.toml:8: `case.expects` is not a known key; did you mean `expect`?",
        "cases.toml:10: there is no policy `ECS Full`; did you mean `ECS FullAccess`?",
        "cases.toml:12: `case.expect` is `maybe`, expected \"allow\" or \"deny\": it is neither",
        "cases.toml:15: `case` has both, expected either `as` and `expect`, or `allow` and `deny` with callers",
        "cases.toml:21: `case.missing` and `case.reason` are of a denial, expected `expect = \"deny\"` or `deny`",
        "cases.toml:22: `case.at` is `yesterday`, expected a time as in \"2026-11-29T12:00:00Z\": ",
        "cases.toml:24: a caller is one of `role`, `roles` and `policy`, expected only one",
        "cases.toml:27: `case.request` is missing, expected a request as in \"GET /v2.1/PROJECT/servers\", or several",
        "cases.toml:28: `case.as` is 7, expected a role, or a table with `role`, `roles`, `policy` or `claims`",
    ];
    let lines: Vec<&str> = ran.err.lines().skip(1).collect();
    assert_eq!(lines.len(), expected.len(), "{}", ran.err);
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}\n{expected}");
    }
    test(&folder, "", &[])
        .failed_with(&["cases.toml:1: `case` is missing, expected one [[case]] at least"]);
    folder
        .actiongate(&["test", "none.toml"])
        .failed_with(&["none.toml: No such file"]);
}

/// Two cases, one of which fails; with what XML has to escape.
pub fn mixed(folder: &Folder, format: &str) -> Ran {
    let cases = r#"[[case]]
name = "a < b & \"c\" \u001b"
as = "auditor"
request = ["GET /v2.1/a1/servers/detail", "DELETE /v2.1/a1/servers/s1"]
expect = "allow"
"#;
    test(folder, cases, &["--format", format]).ended(1)
}

#[test]
fn reports_are_data() {
    let folder = folder();
    let found: Value = serde_json::from_str(&mixed(&folder, "json").out).unwrap();
    assert_eq!((&found["passed"], &found["failed"]), (&json!(1), &json!(1)));
    let case = &found["cases"][1];
    assert_eq!(
        (&case["outcome"], &case["line"], &case["file"]),
        (&json!("failed"), &json!(4), &json!("cases.toml"))
    );
    assert_eq!(case["missing"], json!(["ecs:servers:delete"]));
    assert_eq!(case["says"][0], "expected  allow");
    assert_eq!(found["operations"]["count"], 161);
    assert_eq!(
        found["operations"]["untouched"].as_array().unwrap().len(),
        159
    );
    let xml = mixed(&folder, "junit").out;
    for part in [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"actiongate test\" tests=\"2\" failures=\"1\">\n",
        "<testsuite name=\"cases.toml\" tests=\"2\" failures=\"1\">\n",
        "name=\"a &lt; b &amp; &quot;c&quot; \u{fffd}: GET /v2.1/a1/servers/detail as the role `auditor`\" file=\"cases.toml\" line=\"4\"/>\n",
        "<failure message=\"expected  allow\">expected  allow&#10;found     deny: 403, reason `action_missing`",
    ] {
        assert!(xml.contains(part), "no {part:?} in\n{xml}");
    }
}
