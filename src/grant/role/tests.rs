use serde_json::json;

use super::*;
use crate::table::Source;

fn named(name: &str, document: &Value) -> Arc<NamedPolicy> {
    let policy = NamedPolicy::read(name.to_owned(), document.to_string().as_bytes());
    Arc::new(policy.unwrap())
}

fn reading() -> Arc<NamedPolicy> {
    let statement = json!({"Effect": "Allow", "Action": ["ecs:*:get*"]});
    named(
        "reading",
        &json!({"Version": "1.1", "Statement": [statement]}),
    )
}

/// Allows everything to callers of one name.
fn for_alice() -> Arc<NamedPolicy> {
    let condition = json!({"StringEquals": {"g:UserName": ["alice"]}});
    let statement = json!({"Effect": "Allow", "Action": ["ecs:*:*"], "Condition": condition});
    named(
        "for alice",
        &json!({"Version": "1.1", "Statement": [statement]}),
    )
}

fn role(name: &str, line: usize, policies: &[&Arc<NamedPolicy>]) -> Role {
    Role {
        name: name.to_owned(),
        line,
        policies: policies.iter().copied().cloned().collect(),
    }
}

fn keys() -> ConditionKeys {
    ConditionKeys::new("/sub".parse().unwrap())
}

fn table() -> ActionTable {
    ActionTable::load(&Source::builtin()).unwrap()
}

#[test]
fn reads_documents_strictly() {
    let cases = [
        (
            "{",
            "it is not one JSON object with distinct members: EOF while parsing an object at line 1 column 1",
        ),
        (
            "{\"Version\":\"1.1\",\n\"Version\":\"1.1\"}",
            "it is not one JSON object with distinct members: the member `Version` is repeated at line 2 column 9",
        ),
        (
            "{\"Version\":\"1.0\",\"Statement\":[{}]}",
            "expected `1.1` or `5.0` at `Version`, found `1.0`",
        ),
    ];
    for (text, expected) in cases {
        let error = NamedPolicy::read("a".to_owned(), text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
    }
}

#[test]
fn roles_lead_to_policies_each_once() {
    let (table, keys) = (table(), keys());
    let reading = reading();
    let other = named(
        "other",
        &json!({"Version": "1.1", "Statement": [{"Effect": "Deny", "Action": ["ecs:servers:get"]}]}),
    );
    let roles = [
        role("auditor", 1, &[&reading]),
        role("an operator", 2, &[&other, &reading]),
    ];
    let (roles, errors) = Compiler::new(&table).compile(&roles, &keys);
    assert_eq!(errors, []);
    let cases: [(&[&str], &[&str], &[&str]); 6] = [
        (&[], &[], &[]),
        (&["auditor"], &["reading"], &[]),
        (
            &["auditor", "an operator", "auditor"],
            &["reading", "other"],
            &[],
        ),
        (&["an operator"], &["other", "reading"], &[]),
        (&["an", "operator", "", "an"], &[], &["an", "operator", ""]),
        (&["Auditor", "auditor"], &["reading"], &["Auditor"]),
    ];
    for (names, policies, unknown) in cases {
        let found = roles.find(names);
        let found_policies: Vec<&str> = found.policies.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(found_policies, policies, "{names:?}");
        assert_eq!(found.unknown.names(), unknown, "{names:?}");
        assert_eq!(found.unknown.count(), unknown.len(), "{names:?}");
    }
}

#[test]
fn unknown_names_are_kept_within_bounds() {
    let names: Vec<String> = (0..100).map(|number| format!("{number:0300}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let unknown = Roles::default().find(&names).unknown;
    assert_eq!((unknown.names().len(), unknown.count()), (16, 100));
    assert!(unknown.names().iter().all(|name| name.len() == 128));
}

#[test]
fn what_nobody_feeds_is_named_with_its_role() {
    let (table, poor) = (table(), keys());
    let mut rich = keys();
    rich.feed("g:UserName", "/name".parse().unwrap()).unwrap();
    let (reading, for_alice) = (reading(), for_alice());
    let roles = [role("a", 7, &[&reading, &for_alice])];
    let mut compiler = Compiler::new(&table);
    assert_eq!(compiler.compile(&roles, &rich).1, []);
    let errors = compiler.compile(&roles, &poor).1;
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "the role `a` has the policy `for alice`, which cannot be judged: `Statement[0]` has a condition on `g:UserName`, which no claim feeds"
        ]
    );
    assert_eq!(errors[0].line, 7);
}

#[test]
fn issuers_with_the_same_keys_share_what_is_compiled() {
    let (table, keys, reading) = (table(), keys(), reading());
    let other = ConditionKeys::new("/user".parse().unwrap());
    let mut compiler = Compiler::new(&table);
    let mut compile = |keys| {
        let (roles, _) = compiler.compile(&[role("a", 1, &[&reading])], keys);
        let (_, policies) = roles.iter().next().unwrap();
        Arc::clone(&policies[0])
    };
    let same = keys.clone();
    let [first, second, third] = [compile(&keys), compile(&same), compile(&other)];
    assert!(Arc::ptr_eq(&first, &second));
    assert!(!Arc::ptr_eq(&first, &third));
}
