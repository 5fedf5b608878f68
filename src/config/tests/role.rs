//! Claims that policies and roles come from, and the policies they name.

use std::fmt::Write as _;

use super::*;

pub const NO_DELETES: &str =
    r#"{"Version": "1.1", "Statement": [{"Effect": "Deny", "Action": ["ecs:*:delete*"]}]}"#;

/// Those of the full config.
pub fn claims() -> ClaimMapping {
    let mut claims = ClaimMapping {
        actions: Some(pointer("/a/b")),
        policies: Some(pointer("/own")),
        roles: Some(pointer("/realm_access/roles")),
        domain_enters_projects: true,
        ..ClaimMapping::new(pointer("/p"), pointer("/s"))
    };
    let keys = &mut claims.keys;
    keys.domain = Some(pointer("/d"));
    keys.region = Some("eu-de".to_owned());
    keys.feed("g:UserName", pointer("/name")).unwrap();
    keys.feed("g:MFAPresent", pointer("/amr_mfa")).unwrap();
    claims
}

/// Those of the full config.
pub fn roles() -> Vec<(String, Vec<String>)> {
    let operator: &[&str] = &["ECS CommonOperations", "no deletes"];
    let roles = [("operator", operator), ("an auditor", &["quiet hours"])];
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    roles
        .map(|(role, policies)| (role.to_owned(), owned(policies)))
        .to_vec()
}

/// What an issuer's roles stand for, by name.
pub fn map(issuer: &IssuerConfig) -> Vec<(String, Vec<String>)> {
    let roles = issuer.roles.iter().map(|role| {
        let policies = role.policies.iter().map(|policy| policy.name.clone());
        (role.name.clone(), policies.collect())
    });
    roles.collect()
}

/// The minimal config with roles of its tokens, mapped by these lines, and more.
fn with_roles(roles: &str, more: &str) -> String {
    let claims = with("actions = \"/actions\"", "roles = \"/roles\"");
    format!("{claims}[issuer.roles]\n{roles}\n{more}")
}

#[test]
fn the_system_policies_are_built_in() {
    let names = [
        "ECS FullAccess",
        "ECS CommonOperations",
        "ECS ReadOnlyAccess",
        "Server Administrator",
    ];
    let mut lines = String::new();
    for name in names {
        writeln!(lines, "\"{name}\" = \"{name}\"").unwrap();
    }
    let config = read(&with_roles(&lines, "")).unwrap();
    let expected = names.map(|name| (name.to_owned(), vec![name.to_owned()]));
    assert_eq!(map(&config.issuers[0]), expected);
}

#[test]
fn one_of_three_claims_suffices() {
    for claim in ["actions", "policies"] {
        let text = with("actions =", &format!("{claim} ="));
        assert!(read(&text).is_ok(), "{text}");
    }
    assert!(read(&with_roles("a = 'ECS FullAccess'", "")).is_ok());
    assert_eq!(
        problems(&with("actions = \"/actions\"\n", "")),
        [
            "a.toml:9: `issuer.claims.actions` is missing, expected a JSON pointer such as \"/actions\", or one in `policies` or `roles`"
        ]
    );
}

#[test]
fn mistakes_in_claims_are_named() {
    let cases = [
        (
            "policies = \"own\"",
            "a.toml:12: `issuer.claims.policies` is `own`, expected a JSON pointer such as \"/project_id\": a pointer starts with `/` and has `~` only in `~0` and `~1` (RFC 6901)",
        ),
        (
            "domain_enters_projects = true",
            "a.toml:9: `issuer.claims.domain` is missing, expected a JSON pointer such as \"/domain_id\" beside `domain_enters_projects`",
        ),
        (
            "domain_enters_projects = \"yes\"",
            "a.toml:12: `issuer.claims.domain_enters_projects` is of type string, expected true or false",
        ),
        (
            "roles = \"/roles\"",
            "a.toml:5: `issuer.roles` is missing, expected a table [issuer.roles] that maps roles to policies, as `claims.roles` alone grants nothing",
        ),
        (
            "[issuer.claims.conditions]\n\"g:UserName\" = \"name\"",
            "a.toml:13: `issuer.claims.conditions.g:UserName` is `name`, expected a JSON pointer such as \"/project_id\": a pointer starts with `/` and has `~` only in `~0` and `~1` (RFC 6901)",
        ),
        (
            "[issuer.claims.conditions]\n\"g:UserName\" = [\"/a\", \"/b\"]",
            "a.toml:13: `issuer.claims.conditions.g:UserName` has several values, expected a JSON pointer such as \"/project_id\"",
        ),
        (
            "[issuer.claims.conditions]\n\"g:SourceIp\" = \"/ip\"",
            "a.toml:13: `issuer.claims.conditions.g:SourceIp` cannot be fed by a claim: `g:SourceIp` is taken from the request",
        ),
        (
            "[issuer.roles]\na = \"ECS FullAccess\"",
            "a.toml:12: `issuer.roles` is not used, expected it only beside `roles` in [issuer.claims]",
        ),
    ];
    for (lines, expected) in cases {
        assert_eq!(
            problems(&format!("{MINIMAL}{lines}\n")),
            [expected],
            "{lines}"
        );
    }
}

#[test]
fn mistakes_in_roles_are_named() {
    let cases = [
        (
            "a = []",
            "a.toml:13: the role `a` has no policy, expected at least one",
        ),
        (
            "a = [\"ECS FullAccess\", \"ECS Commonoperations\"]",
            "a.toml:13: the role `a` has the policy `ECS Commonoperations`, which is not known; did you mean `ECS CommonOperations`?",
        ),
        (
            "a = 7",
            "a.toml:13: `issuer.roles.a` is 7, expected a string or an array of strings",
        ),
    ];
    for (line, expected) in cases {
        let found = problems(&with_roles(line, ""));
        assert_eq!(found.first().map(String::as_str), Some(expected), "{line}");
    }
}

#[test]
fn mistakes_in_policies_are_named() {
    let cases = [
        (
            "name = \"p\"",
            "a.toml:14: `policy.file` is missing, expected either a `file` or a `document`",
        ),
        (
            "name = \"p\"\nfile = \"x\"\ndocument = \"{}\"",
            "a.toml:17: `policy.document` stands beside a file, expected either a `file` or a `document`",
        ),
        (
            "document = '{\"Version\": \"1.1\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": [\"a:b:c\"]}]}'",
            "a.toml:14: `policy.name` is missing, expected the name that [issuer.roles] uses",
        ),
        (
            "name = \"\"\ndocument = '{}'",
            "a.toml:15: `policy.name` is ``, expected the name that [issuer.roles] uses: it is empty",
        ),
        (
            "name = \"ECS FullAccess\"\ndocument = '{}'",
            "a.toml:15: the policy `ECS FullAccess` is built in, expected another name",
        ),
        (
            "name = \"p\"\ndocument = '{\"Version\": \"1.0\"}'",
            "a.toml:15: the policy `p` here is not understood: expected `1.1` or `5.0` at `Version`, found `1.0`",
        ),
        (
            "name = \"p\"\ndocument = '{\"a\": 1, \"a\": 2}'",
            "a.toml:15: the policy `p` here is not understood: it is not one JSON object with distinct members: the member `a` is repeated at line 1 column 12",
        ),
        (
            "name = \"p\"\nfile = \"none.json\"",
            "a.toml:16: the policy file `none.json` cannot be read: No such file or directory (os error 2)",
        ),
    ];
    for (lines, expected) in cases {
        let more = format!("[[policy]]\n{lines}\n");
        let found = problems(&with_roles("a = \"ECS FullAccess\"", &more));
        assert_eq!(found, [expected], "{lines}");
    }
}

/// A role that uses it is not a second problem.
#[test]
fn a_broken_policy_is_one_problem() {
    let more = "[[policy]]\nname = 'p'\ndocument = '[]'\n";
    let found = problems(&with_roles("a = 'p'", more));
    assert_eq!(found.len(), 1, "{found:?}");
    let twice = "[[policy]]\nname = 'p'\ndocument = '''{\"Version\": \"1.1\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": [\"a:b:c\"]}]}'''\n".repeat(2);
    assert_eq!(
        problems(&with_roles("a = 'p'", &twice)),
        ["a.toml:18: the policy `p` is already defined at line 15, expected each name once"]
    );
}

#[test]
fn a_policy_may_be_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.json");
    let text = with_roles("a = 'own'", "[[policy]]\nname = 'own'\nfile = 'own.json'\n");
    let read = || Config::parse("a.toml", &text, folder.path());
    std::fs::write(&path, NO_DELETES).unwrap();
    let config = read().unwrap();
    assert!(config.files().contains(&path));
    std::fs::write(&path, "{\"Version\": \"1.1\",\n\"Statement\": {}}").unwrap();
    let found = read().map(|_| ()).unwrap_err().to_string();
    assert_eq!(
        found,
        "a.toml:15: the policy `own` of the file `own.json` is not understood: expected an array of statements that is not empty at `Statement`, found an empty object"
    );
    std::fs::write(&path, " ".repeat(300 * 1024)).unwrap();
    let found = read().map(|_| ()).unwrap_err().to_string();
    assert_eq!(
        found,
        "a.toml:16: the policy file `own.json` has more than 262144 bytes"
    );
}

#[test]
fn a_region_is_a_name() {
    let region = |text: &str| format!("{MINIMAL}[table]\nregion = \"{text}\"\n");
    let config = read(&region("eu-de")).unwrap();
    assert_eq!(
        config.issuers[0].claims.keys.region.as_deref(),
        Some("eu-de")
    );
    for text in ["", "*", "eu de", "eu:de"] {
        assert_eq!(
            problems(&region(text)),
            [format!(
                "a.toml:13: `table.region` is `{text}`, expected a name such as \"eu-de\": it holds something else than letters, digits, `-` and `_`"
            )]
        );
    }
}
