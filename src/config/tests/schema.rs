//! The schema against the readers: neither knows a key, a kind or a default that the other does not.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use serde_json::Value;

use super::*;
use crate::config::schema::{Key, Shape};
use crate::config::show::show;

const KEYSTONE: &str = r#"
[[issuer]]
kind = "keystone"
name = "k"
auth_urls = ["http://k:5000/v3"]
keys = "jws-keys"
[issuer.service]
username = "u"
project = "service"
password_file = "p"
[issuer.claims]
[issuer.identity]
[issuer.roles]
reader = "ECS ReadOnlyAccess"
"#;
const APPLICATION: &str = r#"
[[issuer]]
kind = "keystone"
name = "k"
auth_urls = ["http://k:5000/v3"]
[issuer.service]
application_credential_id = "i"
application_credential_secret_file = "s"
[issuer.roles]
reader = "ECS ReadOnlyAccess"
"#;
const JWS: &str = r#"
[[issuer]]
kind = "keystone-jws"
name = "k"
keys = "jws-keys"
"#;
const INTROSPECTION: &str = r#"
[[issuer]]
kind = "introspection"
name = "i"
endpoints = ["http://iam/introspect"]
[issuer.client]
id = "gateway"
secret_file = "secret"
[issuer.claims]
project = "/p"
actions = "/a"
"#;
const MORE: &str = r#"
[tracing]
endpoint = "https://collector:4317"
ca = "ca.pem"
[tracing.headers]
authorization = "file"
[admin]
address = "127.0.0.1:1"
[admin.tls]
[[admin.tls.certificates]]
chain = "a.pem"
key = "/a.key"
[[authorizer]]
address = "127.0.0.1:2"
for = "authzen"
trusted = ["10.0.0.0/8", "unix"]
believe_claims = true
[authorizer.tls]
[[authorizer.tls.certificates]]
chain = "a.pem"
key = "/a.key"
[listen.tls]
[[listen.tls.certificates]]
chain = "a.pem"
key = "a.key"
[upstream.tls.certificate]
chain = "a.pem"
key = "a.key"
[rehearsal]
candidate = "next.toml"
"#;

const REVOCATIONS: [&str; 3] = [
    "file = \"/revoked.json\"\nsigned_by = \"/keys.json\"\nmax_age = \"1m\"\n",
    "url = \"https://i/revoked.json\"\nca = \"ca.pem\"\nrefresh = \"1s\"\n",
    "redis = \"rediss://r/0\"\nusername = \"u\"\npassword_file = \"p\"\nwhen_unavailable = \"serve\"\n",
];

/// With every table between them.
fn configs() -> Vec<String> {
    let (head, _) = MINIMAL.split_once("[[issuer]]").unwrap();
    let https = MINIMAL.replace("http://127", "https://127");
    let https = https.replace("[[issuer]]", "[[issuer]]\nkind = \"jwt\"");
    // Without what would have to be there.
    let full = FULL
        .replace(
            "file = \"no-deletes.json\"",
            "document = '{\"Version\": \"1.1\", \"Statement\": [{\"Effect\": \"Deny\", \"Action\": [\"ecs:*:delete\"]}]}'",
        )
        .replace("builtin = \"none\"\nfiles = [\"mine.toml\"]", "files = []");
    let secret = "id = \"gateway\"\nsecret_file = \"secret\"";
    let bearer = INTROSPECTION.replace(secret, "bearer_file = \"secret\"");
    let issuers = [KEYSTONE, APPLICATION, JWS, INTROSPECTION, bearer.as_str()];
    let issuers = issuers.map(|issuer| match issuer.contains("[issuer.identity]") {
        true => format!("{head}identity = \"keystonemiddleware\"\n{issuer}"),
        false => format!("{head}{issuer}"),
    });
    let whole = [MINIMAL.to_owned(), full, format!("{https}{MORE}")];
    let revocations = REVOCATIONS.map(|section| format!("{MINIMAL}[revocation]\n{section}"));
    let whole = whole.into_iter().chain(issuers);
    whole.chain(revocations).collect()
}

fn validator() -> Validator {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::draft202012::new(&schema).unwrap()
}

#[track_caller]
fn json(text: &str) -> Value {
    toml::from_str(text).unwrap()
}

#[test]
fn what_can_be_read_is_valid() {
    let validator = validator();
    for text in configs() {
        assert_eq!(read(&text).err(), None, "{text}");
        let errors: Vec<String> = validator
            .iter_errors(&json(&text))
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert_eq!(errors, [""; 0], "{text}");
    }
}

#[test]
fn what_has_an_unknown_key_or_type_is_not_valid() {
    let validator = validator();
    for (line, other) in [
        ("address", "adress"),
        ("actions = \"/actions\"", "actions = \"actions\""),
        ("audiences = [\"ecs\"]", "audiences = \"ecs\""),
        ("[upstream]", "[log]\nformat = \"loud\"\n[upstream]"),
        ("[upstream]", "[upstream]\nretry_budget = 101"),
        (
            "[upstream]",
            "[upstream]\nidentity = { subjects = \"X-User\" }",
        ),
        ("[upstream]", "[up]"),
    ] {
        let text = MINIMAL.replacen(line, other, 1);
        assert!(!validator.is_valid(&json(&text)), "{text}");
        assert!(read(&text).is_err(), "{text}");
    }
}

/// The tables of the schema by their paths; of issuers by their kinds.
fn tables() -> BTreeMap<String, BTreeSet<String>> {
    let mut tables = BTreeMap::new();
    let names = |key: Key, kind: &str| {
        let keys = key.keys().filter(|(_, key)| key.is_of_kind(kind));
        keys.map(|(name, _)| name.to_owned()).collect()
    };
    let mut rest = vec![(String::new(), Key::root())];
    while let Some((path, key)) = rest.pop() {
        if path == "issuer" {
            for kind in ["jwt", "keystone-jws", "keystone", "introspection"] {
                tables.insert(format!("issuer {kind}"), names(key, kind));
            }
        } else {
            tables.insert(path.clone(), names(key, ""));
        }
        for (name, key) in key.keys() {
            let path = format!("{path}.{name}").trim_start_matches('.').to_owned();
            match key.shape() {
                Shape::Table => rest.push((path, key)),
                Shape::Tables(item) => rest.push((path, item)),
                _ => {}
            }
        }
    }
    for choice in ["credential", "identity"] {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let pointer = format!("/properties/upstream/properties/{choice}/oneOf/1/properties");
        let properties = schema.pointer(&pointer).unwrap().as_object().unwrap();
        let names = properties.keys().cloned().collect();
        tables.insert(format!("upstream.{choice}"), names);
    }
    tables
}

/// The keys that the reader asks for in the table that begins behind `header` of `text`: it names
/// them where one is unknown.
fn asked(text: &str, header: &str) -> Option<(String, BTreeSet<String>)> {
    let text = text.replacen(header, &format!("{header}\nqqqqqqqqqqqq = 1\n"), 1);
    let problems = problems(&text);
    problems.iter().find_map(|problem| {
        let (before, after) =
            problem.split_once("qqqqqqqqqqqq` is not a known key; expected one of ")?;
        let (_, path) = before.split_once('`').unwrap();
        let names = after
            .split(", ")
            .map(|name| name.trim_matches('`').to_owned());
        Some((path.trim_end_matches('.').to_owned(), names.collect()))
    })
}

#[test]
fn each_table_has_the_keys_that_are_asked_for() {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for text in configs() {
        let inline = text
            .replace(
                "credential = { header = \"X-Auth-Token\", file = \"token\" }\n",
                "",
            )
            .replace(
                "[token]",
                "[upstream.credential]\nheader = \"X-Auth-Token\"\nfile = \"token\"\n[token]",
            );
        let kind = inline
            .lines()
            .find_map(|line| line.strip_prefix("kind = "))
            .map_or("jwt", |kind| kind.trim_matches('"'));
        let first = asked(&format!("#\n{inline}"), "#\n");
        let headers = inline.lines().filter(|line| line.starts_with('['));
        let rest = headers.filter_map(|header| asked(&inline, header));
        for (path, keys) in first.into_iter().chain(rest) {
            let path = match path.as_str() {
                "issuer" => format!("issuer {kind}"),
                _ => path,
            };
            found.entry(path).or_default().extend(keys);
        }
    }
    assert_eq!(found, tables());
}

/// Where things stand is another matter.
fn without_lines(config: &Config) -> Vec<String> {
    let text = format!("{config:#?}");
    let lines = text.lines().map(str::to_owned);
    lines
        .filter(|line| !line.trim().starts_with("line: "))
        .collect()
}

fn shown(text: &str) -> String {
    Document::new("a.toml", text).read(|root| show(root, "a.toml"))
}

#[test]
fn defaults_are_what_is_so_without_them() {
    for text in configs() {
        let shown = shown(&text);
        let again = read(&shown).unwrap_or_else(|problems| panic!("{problems:?}\n{shown}"));
        assert_eq!(
            without_lines(&again),
            without_lines(&read(&text).unwrap()),
            "{shown}"
        );
    }
}

#[test]
fn keys_of_a_kind_are_shown_however_it_is_written() {
    for text in configs() {
        let literal = text.lines().map(|line| match line.starts_with("kind = ") {
            true => line.replace('"', "'"),
            false => line.to_owned(),
        });
        let literal = literal.collect::<Vec<_>>().join("\n");
        let plain = |text: &str| shown(text).replace('\'', "\"");
        assert_eq!(plain(&literal), plain(&text));
    }
}

#[test]
fn shows_every_key_and_where_its_value_is_from() {
    let text = format!("{MINIMAL}[log]\nlevel = \"debug\"\n[token]\ncache = \"1MiB\"\n");
    let shown = shown(&text);
    let tail = shown.split_once("\n[log]\n").unwrap().1;
    let expected = "format = \"auto\"                               # default
level = \"debug\"                               # a.toml:13

[reload]
watch = true                                  # default

[table]
builtin = \"ecs\"                               # default
enforce_dependencies = false                  # default
# not set: files, region, report

[token]
cache = \"1MiB\"                                # a.toml:15
max_size = \"16KiB\"                            # default
# not set: www_authenticate_uri
";
    let (own, _) = tail.split_once("\n[upstream]\n").unwrap();
    assert_eq!(format!("{own}"), expected, "{shown}");
    assert!(
        shown.starts_with("# not set: admin, authorizer, policy, rehearsal, revocation, tracing\n"),
        "{shown}"
    );
}
