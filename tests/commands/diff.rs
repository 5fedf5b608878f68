//! `diff`: what a change of the config lets somebody do, and what it takes away.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::issuer::{CONFIG, ED25519, issuer};
use super::{Folder, Ran};

const ROLES: &str = r#"roles = "/roles"
domain = "/domain_id"
[issuer.roles]
operator = "operators"
auditor = "ECS ReadOnlyAccess"
[[policy]]
name = "operators"
document = '''{"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["ecs:servers:get", "ecs:servers:setMetadata", "ecs:servers:st*"]}]}'''
"#;

/// A folder with the config as it is and as it would be.
fn folder(change: impl Fn(&str) -> String) -> Folder {
    let folder = issuer(ED25519);
    let old = format!("{CONFIG}{ROLES}");
    folder.write("old.toml", &old);
    folder.write("new.toml", &change(&old));
    folder
}

fn replaced(from: &'static str, to: &'static str) -> Folder {
    folder(|old| {
        assert!(old.contains(from), "{from}");
        old.replace(from, to)
    })
}

fn diff(folder: &Folder, more: &[&str]) -> Ran {
    folder.actiongate(&[&["diff", "old.toml", "new.toml"], more].concat())
}

fn report(folder: &Folder) -> Value {
    serde_json::from_str(&diff(folder, &["--format", "json"]).out).unwrap()
}

#[test]
fn two_equal_configs_have_no_difference() {
    let folder = folder(|old| format!("# a comment\n{old}"));
    let ran = diff(&folder, &["--forbid-widening"]).ended(0);
    let expected = "no difference: every request of every token is decided alike\n";
    assert_eq!(ran.out, expected);
}

/// The vendor's two policies, held against the list that is written row by row from the documents.
#[test]
fn full_access_is_more_than_common_operations_by_the_golden_list() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/system_policies.txt");
    let golden = fs::read_to_string(golden).unwrap();
    let rows = golden.lines().filter(|line| !line.starts_with('#'));
    let lost = rows.filter(|row| row.starts_with("F-"));
    // The list has the body's key after the path, flips have it as JSON.
    let lost: BTreeSet<String> = lost
        .map(|row| row.split_at(10).1.replace(['{', '}', '"'], ""))
        .collect();
    assert!(lost.len() > 80, "{}", lost.len());
    let policies = ["ECS FullAccess", "ECS CommonOperations"];
    let arguments = ["diff", "--policies", "--format", "json"];
    let ran = |policies: [&str; 2]| {
        let out = Folder::new()
            .actiongate(&[&arguments[..], &policies].concat())
            .ended(1)
            .out;
        serde_json::from_str::<Value>(&out).unwrap()
    };
    let routes = |report: &Value, direction: &str| -> BTreeSet<String> {
        let gains = report[direction].as_array().unwrap();
        let operations = gains
            .iter()
            .flat_map(|gain| gain["operations"].as_array().unwrap());
        let routes = operations.flat_map(|row| {
            assert_eq!(row["contexts"], json!([]), "{row}");
            row["routes"].as_array().unwrap()
        });
        let plain = |route: &Value| {
            let route = route.as_str().unwrap().replace(['{', '}', '"'], "");
            // The list does not tell values of a member apart.
            route.split(" action: ").next().unwrap().to_owned()
        };
        routes.map(plain).collect()
    };
    let report = ran(policies);
    assert_eq!(routes(&report, "narrows"), lost);
    assert_eq!(routes(&report, "widens"), BTreeSet::new());
    let [full, common] = policies;
    let report = ran([common, full]);
    assert_eq!(routes(&report, "widens"), lost);
    assert_eq!(routes(&report, "narrows"), BTreeSet::new());
}

#[test]
fn one_word_that_widens_is_found_and_named() {
    let folder = replaced("ecs:servers:st*", "ecs:servers:*");
    let ran = diff(&folder, &["--forbid-widening"]).ended(3);
    let expected = "    Deleting an ECS (native OpenStack API)\n      DELETE /v2/{project_id}/servers/{server_id}\n      DELETE /v2.1/{project_id}/servers/{server_id}\n";
    assert!(
        ran.out.starts_with(
            "WIDENS: may be done now\n  the role `operator` of https://iam.example.com: "
        ),
        "{}",
        ran.out
    );
    assert!(ran.out.contains(expected), "{}", ran.out);
    assert!(!ran.out.contains("auditor"), "{}", ran.out);
    assert!(!ran.out.contains("NARROWS"), "{}", ran.out);
    diff(&folder, &[]).ended(1);
    // The other way round nothing widens.
    let ran = folder
        .actiongate(&["diff", "new.toml", "old.toml", "--forbid-widening"])
        .ended(1);
    assert!(
        ran.out.starts_with("NARROWS: may be done no more\n"),
        "{}",
        ran.out
    );
}

#[test]
fn a_condition_is_told_by_classes_of_contexts() {
    let folder = replaced(
        "\"Effect\": \"Allow\", ",
        "\"Effect\": \"Allow\", \"Condition\": {\"IpAddress\": {\"g:SourceIp\": [\"10.0.0.0/8\"]}}, ",
    );
    let report = report(&folder);
    let row = &report["narrows"][0]["operations"][0];
    let elsewhere = json!([
        ["from elsewhere, such as 0.0.0.0"],
        ["from elsewhere, such as ::"],
        ["without a client's address"],
        ["with a disputed client's address"],
    ]);
    assert_eq!(row["contexts"], elsewhere);
    assert_eq!(report["widens"], json!([]));
    let text = diff(&folder, &[]).ended(1).out;
    assert!(
        text.contains("\n        from elsewhere, such as 0.0.0.0\n"),
        "{text}"
    );
    let markdown = diff(&folder, &["--format", "markdown"]).ended(1).out;
    let expected = "| narrows | the role `operator` of https://iam.example.com |";
    assert!(markdown.contains(expected), "{markdown}");
}

/// What no operation alone shows matters to those who have another role besides.
#[test]
fn what_counts_together_with_another_role_is_told() {
    let folder = replaced(
        "\"ecs:servers:get\", ",
        "\"ecs:servers:get\", \"ecs:cloudServers:showServerBlockDevice\", ",
    );
    let out = diff(&folder, &["--forbid-widening"]).ended(3).out;
    let expected = "TOGETHER: with another role of the same token\n  the role `operator` of https://iam.example.com widens by ecs:cloudServers:showServerBlockDevice\n";
    assert!(out.contains(expected), "{out}");
    let folder = replaced(
        "\"Statement\": [",
        "\"Statement\": [{\"Effect\": \"Deny\", \"Action\": [\"ecs:servers:delete\"]}, ",
    );
    let out = diff(&folder, &["--forbid-widening"]).ended(1).out;
    let expected =
        "  the role `operator` of https://iam.example.com narrows by ecs:servers:delete\n";
    assert!(out.contains(expected), "{out}");
}

#[test]
fn a_table_that_demands_less_widens_for_every_token() {
    let folder = folder(|old| format!("{old}[table]\nfiles = [\"own.toml\"]\n"));
    let own = "[[operation]]\npermission = \"Updating ECS Metadata (Native OpenStack API)\"\nroutes = [\n    \"POST /v2.1/{project_id}/servers/{server_id}/metadata\",\n    \"POST /v2/{project_id}/servers/{server_id}/metadata\",\n]\nactions = [\"ecs:servers:get\"]\nresource = \"{server_id}\"\n";
    folder.write("own.toml", own);
    let ran = diff(&folder, &["--forbid-widening"]).ended(3);
    let expected = "DEMANDS: of every token, also of one that brings its own grants\n  widens";
    assert!(ran.out.contains(expected), "{}", ran.out);
    let changed = "demands: ecs:servers:setmetadata -> ecs:servers:get";
    assert!(ran.out.contains(changed), "{}", ran.out);
}

#[test]
fn issuers_and_settings_are_compared() {
    for (from, to, code, expected) in [
        (
            "name = \"https://iam.example.com\"",
            "name = \"https://other.example\"",
            3,
            "  narrows https://iam.example.com is no issuer any more\n  widens https://other.example is an issuer now\n",
        ),
        (
            "audiences = [\"ecs\"]",
            "audiences = [\"ecs\", \"nova\"]",
            3,
            "  widens https://iam.example.com: the audience `nova` is accepted now\n",
        ),
        (
            "audiences = [\"ecs\"]",
            "audiences = [\"ecs\"]\nleeway = \"10s\"",
            1,
            "  narrows https://iam.example.com: leeway 30s -> 10s\n",
        ),
        (
            "audiences = [\"ecs\"]",
            "audiences = [\"ecs\"]\nmode = \"report\"",
            3,
            "  widens https://iam.example.com: refusals of its tokens are only reported now\n",
        ),
        (
            "[[policy]]",
            "[table]\nreport = [\"Querying AZs\"]\n[[policy]]",
            3,
            "  widens Querying AZs: refusals are only reported now\n",
        ),
        (
            "roles = \"/roles\"",
            "roles = \"/groups\"",
            3,
            "  widens and narrows https://iam.example.com: other claims say who may do what\n",
        ),
        (
            "[[policy]]",
            "[revocation]\nfile = \"revoked.json\"\n[[policy]]",
            1,
            "  narrows revoked tokens are refused now\n",
        ),
        (
            "[[policy]]",
            "[[authorizer]]\naddress = \"127.0.0.1:9191\"\nfor = \"nginx\"\ntrusted = \"127.0.0.1\"\n[[policy]]",
            3,
            "  widens other proxies ask for decisions in another way\n",
        ),
        (
            "[upstream]\n",
            "max_body = \"2GiB\"\n[upstream]\n",
            3,
            "  widens longest body: 16777216 -> 2147483648 bytes\n",
        ),
        (
            "[upstream]\n",
            "[listen.tls]\ncertificates = [{ chain = \"c.pem\", key = \"k.pem\" }]\nclient_certificates = \"optional\"\nclient_ca = \"ca.pem\"\n[upstream]\n",
            3,
            "  widens and narrows clients show other certificates, or none, to which tokens may be bound\n",
        ),
        (
            "[upstream]\n",
            "[upstream]\nprofile = \"generic\"\n",
            3,
            "  widens what a Nova would read differently is refused no more\n",
        ),
        (
            "[upstream]\n",
            "[upstream]\ncredential = \"strip\"\n",
            3,
            "  widens and narrows the upstream is told in another way who is calling, or not where that cannot be told\n",
        ),
    ] {
        let out = diff(&replaced(from, to), &["--forbid-widening"])
            .ended(code)
            .out;
        assert!(out.contains(expected), "{to}\n{out}");
    }
}

/// Where refusals are only reported, routes matter, and the label they have is not all.
#[test]
fn a_route_that_joins_an_operation_whose_refusals_are_reported_widens() {
    let folder = folder(str::to_owned);
    let operation = |label: &str, route: &str| {
        format!(
            "[[operation]]\npermission = \"{label}\"\nroutes = [\"{route}\"]\nactions = [\"ecs:servers:list\"]\n"
        )
    };
    let (first, second) = ("GET /v1/{project_id}/a", "GET /v1/{project_id}/b");
    let both = format!("{first}\", \"{second}");
    folder.write(
        "apart.toml",
        &(operation("A", first) + &operation("B", second)),
    );
    folder.write("joined.toml", &operation("B", &both));
    for (config, table) in [("old.toml", "apart"), ("new.toml", "joined")] {
        let text = format!(
            "{CONFIG}{ROLES}[table]\nbuiltin = \"none\"\nfiles = [\"{table}.toml\"]\nreport = [\"B\"]\n"
        );
        folder.write(config, &text);
    }
    let out = diff(&folder, &["--forbid-widening"]).ended(3).out;
    let expected = "  widens B: refusals at GET /v1/{}/a are only reported now\n";
    assert!(out.contains(expected), "{out}");
}

/// The two configs may be in folders whose names are in their URLs.
#[test]
fn keys_at_two_urls_are_two_however_the_folders_are_called() {
    let folder = folder(str::to_owned);
    let old = folder.read("old.toml");
    for name in ["prod", "next"] {
        fs::create_dir(folder.path(name)).unwrap();
        let keys = format!("keys = \"https://idp.example/{name}/jwks.json\"");
        let text = old.replace("keys = \"jwks.json\"", &keys);
        folder.write(&format!("{name}/config.toml"), &text);
    }
    let arguments = ["diff", "prod/config.toml", "next/config.toml"];
    let out = folder.actiongate(&arguments).ended(1).out;
    assert!(
        out.contains("its tokens are verified with other keys"),
        "{out}"
    );
    // The same file by the same name is another one in another folder.
    for (name, text) in [("prod", "{}"), ("next", "{\"ids\": []}")] {
        folder.write(&format!("{name}/revoked.json"), text);
        let revoking = format!("{old}[revocation]\nfile = \"revoked.json\"\n");
        folder.write(&format!("{name}/config.toml"), &revoking);
        folder.write(&format!("{name}/jwks.json"), &folder.read("jwks.json"));
    }
    let out = folder.actiongate(&arguments).ended(1).out;
    let expected = "SETTINGS: of whole tokens and requests\n  widens and narrows the list of revoked tokens is another one\n";
    assert!(out.starts_with(expected), "{out}");
}

/// Who denies by a name that the table has no more denies nothing.
#[test]
fn names_that_the_table_lost_widen_for_tokens_with_policies() {
    let folder = folder(|old| {
        old.replace(
            "roles = \"/roles\"",
            "roles = \"/roles\"\npolicies = \"/policies\"",
        )
    });
    folder.write("own.toml", "[[operation]]\npermission = \"extra\"\nroutes = [\"GET /v9/{project_id}/extra\"]\nactions = [\"ecs:extra:use\"]\n");
    let new = folder.read("new.toml");
    folder.write(
        "old.toml",
        &format!("{new}[table]\nfiles = [\"own.toml\"]\n"),
    );
    let out = diff(&folder, &["--forbid-widening"]).ended(3).out;
    let expected = "  widens https://iam.example.com: policies of its tokens that deny or leave out ecs:extra:use say less now\n";
    assert!(out.contains(expected), "{out}");
}

/// The second issuer has the claim that they ask for.
#[test]
fn policies_are_compared_with_the_keys_of_an_issuer_that_feeds_them() {
    let second = "[[issuer]]\nname = \"https://second.example\"\naudiences = [\"ecs\"]\nkeys = \"jwks.json\"\n[issuer.claims]\nproject = \"/p\"\nactions = \"/a\"\n[issuer.claims.conditions]\n\"x:Team\" = \"/team\"\n";
    let folder = folder(|old| format!("{old}{second}"));
    let document = |team: &str| {
        let condition = format!("{{\"StringEquals\": {{\"x:Team\": [\"{team}\"]}}}}");
        format!(
            "{{\"Version\": \"1.1\", \"Statement\": [{{\"Effect\": \"Allow\", \"Action\": [\"ecs:servers:delete\"], \"Condition\": {condition}}}]}}"
        )
    };
    folder.write("a.json", &document("red"));
    folder.write("b.json", &document("blue"));
    let arguments = ["diff", "--policies", "a.json", "b.json"];
    let ran = folder
        .actiongate(&[&arguments[..], &["--config", "new.toml"]].concat())
        .ended(1);
    assert!(
        ran.out.contains("        claim /team such as \"blue\"\n"),
        "{}",
        ran.out
    );
    let ran = folder.actiongate(&arguments).ended(2);
    assert!(
        ran.err
            .contains("`Statement[0]` has a condition on `x:Team`, which no claim feeds"),
        "{}",
        ran.err
    );
}

#[test]
fn a_config_that_cannot_be_used_is_said_to_be() {
    let folder = replaced(
        "auditor = \"ECS ReadOnlyAccess\"",
        "auditor = \"ECS ReadOnly\"",
    );
    let ran = diff(&folder, &[]).ended(2);
    assert!(
        ran.err.contains("did you mean `ECS ReadOnlyAccess`?"),
        "{}",
        ran.err
    );
    let arguments = [
        "diff",
        "--policies",
        "ECS FulAccess",
        "ECS CommonOperations",
    ];
    let ran = folder.actiongate(&arguments).ended(2);
    assert!(
        ran.err
            .contains("there is no policy `ECS FulAccess`; did you mean `ECS FullAccess`?"),
        "{}",
        ran.err
    );
}
