//! `check`: a config and everything it names, every problem at once.

use super::Folder;
use super::issuer::{CONFIG, ED25519, issuer};

/// The problems that `check` of `actiongate.toml` prints; the count it prints has to agree.
#[track_caller]
fn problems(folder: &Folder) -> Vec<String> {
    let ran = folder
        .actiongate(&["check", "--config", "actiongate.toml"])
        .ended(1);
    assert_eq!(ran.err, "");
    let mut lines: Vec<String> = ran.out.lines().map(str::to_owned).collect();
    let summary = lines.pop().unwrap();
    let count = summary
        .strip_prefix("actiongate.toml: ")
        .and_then(|rest| rest.split(' ').next()?.parse().ok());
    assert_eq!(count, Some(lines.len()), "{}", ran.out);
    lines
}

/// One problem for each pair: where it is, and what its message says.
#[track_caller]
fn assert_problems(found: &[String], expected: &[(&str, &[&str])]) {
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (place, parts) in expected {
        let is_told = found
            .iter()
            .any(|line| line.starts_with(place) && parts.iter().all(|part| line.contains(part)));
        assert!(is_told, "no {parts:?} at {place:?} in {found:#?}");
    }
}

fn with_table(own: &str) -> Folder {
    let folder = issuer(ED25519);
    folder.write("own.toml", own);
    let config = format!("{CONFIG}[table]\nfiles = [\"own.toml\"]\n");
    folder.write("actiongate.toml", &config);
    folder
}

#[test]
fn a_good_config_is_said_to_be_good() {
    let ran = issuer(ED25519)
        .actiongate(&["check", "--config", "actiongate.toml"])
        .ended(0);
    assert_eq!(ran.err, "");
    assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
    for part in ["actiongate.toml: good", "161 operations", "239 routes"] {
        assert!(ran.out.contains(part), "no {part:?} in {}", ran.out);
    }
}

/// Five mistakes of five kinds: an unknown key, a number out of range, a URL of another scheme, a
/// duration without a known unit, a pointer that is none.
pub const FIVE_MISTAKES: &str = r#"[listen]
address = "127.0.0.1:0"
workres = 2

[upstream]
url = "ftp://127.0.0.1:8774"
connect_timeout = "5 parsecs"
idle_connections = 0

[[issuer]]
name = "https://iam.example.com"
audiences = ["ecs"]
keys = "jwks.json"

[issuer.claims]
project = "project_id"
actions = "/actions"
"#;

pub const FIVE_PROBLEMS: [(&str, &[&str]); 5] = [
    (
        "actiongate.toml:3: ",
        &["`listen.workres`", "did you mean `workers`?"],
    ),
    (
        "actiongate.toml:6: ",
        &["`upstream.url`", "ftp://127.0.0.1:8774", "expected a URL"],
    ),
    (
        "actiongate.toml:7: ",
        &[
            "`upstream.connect_timeout`",
            "5 parsecs",
            "expected a duration such as \"5s\"",
        ],
    ),
    (
        "actiongate.toml:8: ",
        &[
            "`upstream.idle_connections`",
            "expected a whole number from 1 to ",
        ],
    ),
    (
        "actiongate.toml:16: ",
        &[
            "`issuer.claims.project`",
            "`project_id`",
            "expected a JSON pointer such as \"/project_id\"",
        ],
    ),
];

#[test]
fn five_mistakes_are_five_errors() {
    let folder = issuer(ED25519);
    folder.write("actiongate.toml", FIVE_MISTAKES);
    assert_problems(&problems(&folder), &FIVE_PROBLEMS);
}

#[test]
fn what_is_missing_is_named() {
    let folder = Folder::new();
    folder.write("actiongate.toml", "[[issuer]]\nname = \"a\"\n");
    let expected: [(&str, &[&str]); 5] = [
        ("actiongate.toml:1: ", &["`listen` is missing", "expected"]),
        (
            "actiongate.toml:1: ",
            &["`upstream` is missing", "expected"],
        ),
        (
            "actiongate.toml:1: ",
            &["`issuer.audiences` is missing", "[\"ecs\"]"],
        ),
        (
            "actiongate.toml:1: ",
            &["`issuer.keys` is missing", "JWKS file"],
        ),
        (
            "actiongate.toml:1: ",
            &[
                "`issuer.claims` is missing",
                "`project` and one of `actions`",
            ],
        ),
    ];
    assert_problems(&problems(&folder), &expected);
}

#[test]
fn equal_routes_name_both_places() {
    // Another name of a parameter is the same route.
    let folder = with_table(
        r#"[[operation]]
permission = "Mine"
routes = ["GET /v2.1/{project_id}/servers/{id}/metadata"]
actions = ["ecs:servers:get"]
"#,
    );
    let parts = [
        "`GET /v2.1/{project_id}/servers/{id}/metadata`",
        "ecs/metadata_management (built in):8",
    ];
    assert_problems(&problems(&folder), &[("own.toml:3: ", &parts)]);
}

#[test]
fn equal_routes_of_two_files_name_both_files() {
    let row = "[[operation]]\npermission = \"P\"\nactions = [\"a:b:c\"]\nroutes = [\"GET /x\"]\nproject = \"none\"\n";
    let folder = issuer(ED25519);
    folder.write("one.toml", row);
    folder.write(
        "two.toml",
        &format!("# Other.\n{}", row.replace("\"P\"", "\"Q\"")),
    );
    let config = format!("{CONFIG}[table]\nfiles = [\"one.toml\", \"two.toml\"]\n");
    folder.write("actiongate.toml", &config);
    assert_problems(
        &problems(&folder),
        &[("two.toml:5: ", &["`GET /x`", "one.toml:4"])],
    );
}

#[test]
fn problems_of_a_table_are_all_told_in_their_order() {
    let folder = with_table(
        r#"[[operation]]
permission = "Mine"
routes = [
    "GET /v2.1/{project_id}/servers/{id}/metadata",
    "GET v2.1",
    "get /v2.1/{project_id}/x",
]
actions = ["ecs:servers"]

[[operation]]
permission = "Nothing demanded"
routes = ["GET /v9"]
project = "none"
"#,
    );
    let expected: [(&str, &[&str]); 5] = [
        (
            "own.toml:4: ",
            &["already defined at ecs/metadata_management (built in):8"],
        ),
        ("own.toml:5: ", &["`GET v2.1`", "a path starts with `/`"]),
        ("own.toml:6: ", &["`get` is not a method in upper case"]),
        ("own.toml:8: ", &["`ecs:servers`", "expected three parts"]),
        ("own.toml:10: ", &["`operation.actions` is missing"]),
    ];
    let found = problems(&folder);
    assert_problems(&found, &expected);
    let places = expected.map(|(place, _)| place);
    let mut in_order = found.iter().zip(places);
    assert!(
        in_order.all(|(line, place)| line.starts_with(place)),
        "{found:#?}"
    );
}

#[test]
fn key_sets_that_cannot_be_used_say_why() {
    let folder = issuer(ED25519);
    let cases: [(&str, &[&str]); 6] = [
        ("{", &["is not a usable key set"]),
        ("[]", &["expected an object"]),
        ("{\"keys\": 1}", &["no array `keys`"]),
        ("{\"keys\": []}", &["0 keys"]),
        (
            "{\"keys\": [{\"kty\": \"oct\", \"k\": \"c2VjcmV0\"}]}",
            &["holds a secret"],
        ),
        ("{\"keys\": [], \"keys\": []}", &["distinct members"]),
    ];
    for (text, parts) in cases {
        folder.write("jwks.json", text);
        let parts = [&["https://iam.example.com"], parts].concat();
        assert_problems(&problems(&folder), &[("jwks.json: ", &parts)]);
    }
}

#[test]
fn files_that_are_not_there_are_named() {
    let folder = issuer(ED25519);
    std::fs::remove_file(folder.path("jwks.json")).unwrap();
    assert_problems(
        &problems(&folder),
        &[("jwks.json: ", &["https://iam.example.com", "No such file"])],
    );
    let config = format!("{CONFIG}[table]\nfiles = [\"own.toml\"]\n");
    folder.write("actiongate.toml", &config);
    let table: (&str, &[&str]) = (
        "actiongate.toml:16: ",
        &["the table file `own.toml` cannot be read", "No such file"],
    );
    let found = problems(&folder);
    assert!(
        found.iter().any(|line| line.starts_with(table.0)),
        "{found:?}"
    );
    std::fs::remove_file(folder.path("actiongate.toml")).unwrap();
    assert_problems(
        &problems(&folder),
        &[("actiongate.toml: ", &["cannot be read", "No such file"])],
    );
}

#[test]
fn config_table_and_keys_are_checked_at_once() {
    let folder = with_table(
        "[[operation]]\npermission = \"P\"\nroutes = [\"GET /x\"]\nproject = \"none\"\n",
    );
    let config = folder.read("actiongate.toml");
    folder.write(
        "actiongate.toml",
        &config.replace("url =", "idle_conections = 1\nurl ="),
    );
    folder.write("jwks.json", "{}");
    let expected: [(&str, &[&str]); 3] = [
        ("actiongate.toml:5: ", &["did you mean `idle_connections`?"]),
        ("own.toml:1: ", &["`operation.actions` is missing"]),
        ("jwks.json: ", &["no array `keys`"]),
    ];
    assert_problems(&problems(&folder), &expected);
}

#[test]
fn two_issuers_of_one_name_are_refused() {
    let folder = issuer(ED25519);
    let (_, second) = CONFIG.split_once("[[issuer]]").unwrap();
    folder.write("actiongate.toml", &format!("{CONFIG}\n[[issuer]]{second}"));
    let found = problems(&folder);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("https://iam.example.com"), "{found:?}");
    assert!(
        found[0].starts_with("actiongate.toml:1"),
        "no place: {found:?}"
    );
}

#[test]
fn a_misspelled_required_key_is_one_problem() {
    let folder = issuer(ED25519);
    folder.write("actiongate.toml", &CONFIG.replace("address", "adress"));
    assert_problems(
        &problems(&folder),
        &[("actiongate.toml:2: ", &["did you mean `address`?"])],
    );
}

/// What `check` calls good, `run` starts with.
#[test]
fn an_audit_file_that_cannot_be_written_is_a_problem() {
    let folder = issuer(ED25519);
    let config = format!("{CONFIG}[audit]\nfile = \"none/audit.jsonl\"\n");
    folder.write("actiongate.toml", &config);
    folder
        .actiongate(&["run", "--config", "actiongate.toml"])
        .failed_with(&["none/audit.jsonl", "No such file"]);
    let found = problems(&folder);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("none/audit.jsonl"), "{found:?}");
}

#[test]
fn files_of_tls_that_cannot_be_used_are_found() {
    let folder = issuer(ED25519);
    folder.write("empty.pem", "");
    let tls = "[listen.tls]\ncertificates = [{ chain = 'empty.pem', key = 'key.pem' }]\n\
         [upstream.tls]\nca = 'missing.pem'\n";
    let config = CONFIG.replace("http://127", "https://127");
    folder.write("actiongate.toml", &format!("{config}{tls}"));
    let expected: [(&str, &[&str]); 2] = [
        (
            "[listen.tls] ",
            &["there is no certificate in `empty.pem`, expected PEM"],
        ),
        (
            "[upstream.tls] ",
            &["cannot read `missing.pem`: No such file"],
        ),
    ];
    assert_problems(&problems(&folder), &expected);
}
