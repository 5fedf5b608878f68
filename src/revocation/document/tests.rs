use serde_json::json;

use super::*;
use crate::revocation::Asked;

const NOW: u64 = 1000;

fn list(entries: &str) -> Result<Revocations, RevocationError> {
    let text = format!("{{\"version\":1,\"revoked\":[{entries}]}}");
    parse(text.as_bytes(), NOW).map(|parsed| parsed.list)
}

fn token<'a>(ids: &'a [Box<str>], subject: &'a str, issued: Option<u64>) -> Asked<'a> {
    Asked {
        issuer: "i",
        subject: Some(subject),
        ids,
        issued,
    }
}

#[test]
fn each_kind_of_entry_revokes_what_it_names_and_nothing_else() {
    let id = ["t".into()];
    let cases = [
        (r#"{"issuer":"i","jti":"t"}"#, true),
        (r#"{"issuer":"i","jti":"u"}"#, false),
        (r#"{"issuer":"j","jti":"t"}"#, false),
        (r#"{"issuer":"i","subject":"s"}"#, true),
        (r#"{"issuer":"i","subject":"t"}"#, false),
        (r#"{"issuer":"j","subject":"s"}"#, false),
        (r#"{"issuer":"i","subject":"s","issued_before":51}"#, true),
        (r#"{"issuer":"i","subject":"s","issued_before":50}"#, false),
        (r#"{"issuer":"i","issued_before":51}"#, true),
        (r#"{"issuer":"i","issued_before":50}"#, false),
        (r#"{"issuer":"i"}"#, true),
        (r#"{"issuer":"j"}"#, false),
        // What may be forgotten is.
        (r#"{"issuer":"i","jti":"t","until":1001}"#, true),
        (r#"{"issuer":"i","jti":"t","until":1000}"#, false),
    ];
    for (entry, expected) in cases {
        let list = list(entry).unwrap();
        assert_eq!(list.revoke(token(&id, "s", Some(50))), expected, "{entry}");
    }
    // Nobody knows when it was issued.
    let list = list(r#"{"issuer":"i","issued_before":1}"#).unwrap();
    assert!(list.revoke(token(&[], "s", None)));
}

#[test]
fn the_later_time_and_the_wider_entry_win() {
    let before = |time: u64| json!({"issuer":"i","subject":"s","issued_before":time}).to_string();
    let ever = r#"{"issuer":"i","subject":"s"}"#.to_owned();
    for (first, second, expected) in [
        (before(10), before(60), true),
        (before(60), before(10), true),
        (before(10), before(20), false),
        (before(10), ever.clone(), true),
        (ever, before(10), true),
    ] {
        let list = list(&format!("{first},{second}")).unwrap();
        assert_eq!(list.revoke(token(&[], "s", Some(50))), expected);
    }
}

#[test]
fn one_bad_entry_spoils_the_list() {
    for (entry, expected) in [
        (r#"["i","t"]"#, "it is not an object"),
        (
            r#"{"issuer":"i","jtii":"t"}"#,
            "unknown field `jtii`, expected one of `issuer`, `jti`, `subject`, `issued_before`, `until` at line 1 column 20",
        ),
        (
            r#"{"jti":"t"}"#,
            "missing field `issuer` at line 1 column 11",
        ),
        (
            r#"{"issuer":"i","jti":null}"#,
            "invalid type: null, expected a string at line 1 column 24",
        ),
        (
            r#"{"issuer":"i","issued_before":null}"#,
            "invalid type: null, expected u64 at line 1 column 34",
        ),
        (
            r#"{"issuer":"i","issued_before":1.5}"#,
            "invalid type: floating point `1.5`, expected u64 at line 1 column 33",
        ),
        (
            r#"{"issuer":"i","issuer":"j"}"#,
            "duplicate field `issuer` at line 1 column 22",
        ),
        (r#"{"issuer":""}"#, "its `issuer` is empty"),
        (r#"{"issuer":"i","jti":""}"#, "its `jti` is empty"),
        (r#"{"issuer":"i","subject":""}"#, "its `subject` is empty"),
        (
            r#"{"issuer":"i","jti":"t","subject":"s"}"#,
            "it has `jti` and `subject`, expected one of them",
        ),
        (
            r#"{"issuer":"i","jti":"t","issued_before":1}"#,
            "it has `jti` and `issued_before`, expected one of them",
        ),
    ] {
        let error = list(&format!(r#"{{"issuer":"good"}},{entry}"#)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("entry 1 of the list cannot be used: {expected}")
        );
        let members = [r#"{"version":1}"#, entry].map(str::to_owned);
        let error = parse_members(members, NOW).unwrap_err();
        assert!(error.to_string().ends_with(expected), "{error}");
    }
}

#[test]
fn only_a_list_of_this_version_is_one() {
    for (text, expected) in [
        ("", "it is not an object"),
        ("[1,2,[]]", "it is not an object"),
        (r#"{"revoked":[]}"#, "missing field `version`"),
        (r#"{"version":1}"#, "missing field `revoked`"),
        (
            r#"{"version":2,"revoked":[]}"#,
            "its `version` is 2, expected 1",
        ),
        (
            r#"{"version":1,"revoked":[],"more":1}"#,
            "unknown field `more`",
        ),
        (r#"{"version":1,"revoked":[]} x"#, "trailing characters"),
        (
            r#"{"version":1,"revoked":[],"issued_at":null}"#,
            "invalid type: null",
        ),
    ] {
        let error = parse(text.as_bytes(), NOW).unwrap_err().to_string();
        assert!(
            error.starts_with("it is not a list of revoked tokens: ") && error.contains(expected),
            "{text}: {error}"
        );
    }
    let name = format!(r#"{{"{}":1}}"#, "n".repeat(1000));
    let error = parse(name.as_bytes(), NOW).unwrap_err().to_string();
    assert!(error.len() < 300, "{error}");
}

#[test]
fn there_are_only_so_many_entries() {
    let entries = |count: usize| vec![r#"{"issuer":"i"}"#; count].join(",");
    assert_eq!(list(&entries(MAX_ENTRIES)).unwrap().entries(), MAX_ENTRIES);
    let error = list(&entries(MAX_ENTRIES + 1)).unwrap_err();
    assert_eq!(error.to_string(), "the list has more than 1000000 entries");
}

#[test]
fn a_set_without_its_version_was_emptied() {
    let members = |members: &[&str]| {
        let members: Vec<String> = members.iter().map(|member| (*member).to_owned()).collect();
        parse_members(members, NOW)
    };
    let entry = r#"{"issuer":"i","jti":"t"}"#;
    for emptied in [&[][..], &[entry]] {
        let error = members(emptied).unwrap_err();
        assert!(
            error.to_string().starts_with("the set has no member"),
            "{error}"
        );
    }
    assert_eq!(members(&[entry, r#"{"version":1}"#]).unwrap().entries(), 1);
    assert!(members(&[r#"{"version":1}"#, r#"{"version":2}"#]).is_err());
}
