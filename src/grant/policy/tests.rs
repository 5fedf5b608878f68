use serde_json::json;

use super::*;

fn refusal(document: &Value) -> String {
    match Policy::parse(document) {
        Ok(_) => format!("{document} is accepted"),
        Err(error) => error.to_string(),
    }
}

/// A policy of Version 1.1 with one statement of these members, besides an Effect and an Action.
fn with(members: &Value) -> Value {
    in_version("1.1", members)
}

fn in_version(version: &str, members: &Value) -> Value {
    let mut statement = json!({"Effect": "Allow", "Action": ["ecs:*:*"]});
    for (name, value) in members.as_object().unwrap() {
        statement[name] = value.clone();
    }
    json!({"Version": version, "Statement": [statement]})
}

#[test]
fn reads_both_versions() {
    let plain = Policy::parse(&with(&json!({}))).unwrap();
    let [statement] = plain.statements.as_slice() else {
        panic!("{plain:?}");
    };
    assert_eq!(statement.effect, Effect::Allow);
    assert!(!statement.excludes);
    assert_eq!(statement.resources, None);
    assert!(statement.conditions.is_empty());

    let document = json!({"Version": "5.0", "Statement": [
        {"Sid": "one", "Effect": "Deny", "NotAction": ["ECS:*:get?"],
         "Resource": ["ecs:*:*:instance:a", "obs:*:*:bucket:b"],
         "Condition": {"Bool": {"g:MFAPresent": ["true"]},
                       "StringEquals": {"g:UserId": "u", "g:UserName": ["n"]}}},
        {"Effect": "Allow", "Action": ["ecs:*:*"], "Resource": ["ecs:*:*:instance:a", "*"]},
    ]});
    let policy = Policy::parse(&document).unwrap();
    let [deny, allow] = policy.statements.as_slice() else {
        panic!("{policy:?}");
    };
    assert_eq!((deny.effect, deny.excludes), (Effect::Deny, true));
    assert_eq!(deny.resources.as_ref().map(Vec::len), Some(2));
    assert_eq!(deny.conditions.len(), 3);
    assert_eq!((allow.effect, &allow.resources), (Effect::Allow, &None));
}

#[test]
fn refuses_other_documents() {
    let statement = json!({"Effect": "Allow", "Action": ["ecs:*:*"]});
    let cases = [
        (
            json!([]),
            "expected an object at `document`, found an empty array",
        ),
        (json!("x"), "expected an object at `document`, found `x`"),
        (
            json!({}),
            "expected `1.1` or `5.0` at `Version`, found nothing",
        ),
        (
            json!({"Version": "1.0", "Statement": [statement]}),
            "expected `1.1` or `5.0` at `Version`, found `1.0`",
        ),
        (
            json!({"Version": 5.0, "Statement": [statement]}),
            "expected `1.1` or `5.0` at `Version`, found `5.0`",
        ),
        (
            json!({"Version": "1.1"}),
            "expected an array of statements that is not empty at `Statement`, found nothing",
        ),
        (
            json!({"Version": "1.1", "Statement": []}),
            "expected an array of statements that is not empty at `Statement`, found an empty array",
        ),
        (
            json!({"Version": "1.1", "Statement": statement}),
            "expected an array of statements that is not empty at `Statement`, found an object",
        ),
        (
            json!({"Version": "1.1", "Statement": [statement], "Depends": []}),
            "expected no member but `Version` and `Statement` at `Depends`, found one",
        ),
        (
            json!({"Version": "1.1", "Statement": [statement, null]}),
            "expected an object at `Statement[1]`, found null",
        ),
        (
            json!({"Version": "1.1", "Statement": [statement, {"Action": ["ecs:*:*"]}]}),
            "expected `Allow` or `Deny` at `Statement[1].Effect`, found nothing",
        ),
        (
            json!({"Version": "1.1", "Statement": [{"Effect": "Allow"}]}),
            "expected an array of strings that is not empty at `Statement[0].Action`, found nothing",
        ),
    ];
    for (document, expected) in cases {
        assert_eq!(refusal(&document), expected);
    }
}

#[test]
fn refuses_other_statements() {
    let strings = "an array of strings that is not empty";
    let cases = [
        (
            json!({"Effect": "allow"}),
            "expected `Allow` or `Deny` at `.Effect`, found `allow`",
        ),
        (
            json!({"Effect": ["Deny"]}),
            "expected `Allow` or `Deny` at `.Effect`, found an array",
        ),
        (
            json!({"Sid": "x"}),
            "expected no member but `Effect`, `Action`, `Resource` and `Condition` at `.Sid`, found one",
        ),
        (
            json!({"NotAction": ["ecs:*:*"]}),
            "expected no member but `Effect`, `Action`, `Resource` and `Condition` at `.NotAction`, found one",
        ),
        (
            json!({"Action": []}),
            &format!("expected {strings} at `.Action`, found an empty array"),
        ),
        (
            json!({"Action": "ecs:*:*"}),
            &format!("expected {strings} at `.Action`, found `ecs:*:*`"),
        ),
        (
            json!({"Action": ["ecs:*:*", 1]}),
            "expected a string at `.Action[1]`, found `1`",
        ),
        (
            json!({"Resource": []}),
            &format!("expected {strings} at `.Resource`, found an empty array"),
        ),
        (
            json!({"Resource": "*"}),
            &format!("expected {strings} at `.Resource`, found `*`"),
        ),
        (
            json!({"Resource": ["*", "ecs:*:*:instance:a?"]}),
            "expected `*` or a resource as in `ecs:*:*:instance:*` at `.Resource[1]`, found `ecs:*:*:instance:a?`",
        ),
        (
            json!({"Condition": {}}),
            "expected an object with an operator at `.Condition`, found an empty object",
        ),
        (
            json!({"Condition": []}),
            "expected an object with an operator at `.Condition`, found an empty array",
        ),
    ];
    for (members, expected) in cases {
        let expected = expected.replace("`.", "`Statement[0].");
        assert_eq!(refusal(&with(&members)), expected);
    }
    let cases = [
        (
            json!({"NotAction": ["ecs:*:*"]}),
            "expected `Action` or `NotAction` at `Statement[0]`, found both",
        ),
        (
            json!({"Sid": 1}),
            "expected a string at `Statement[0].Sid`, found `1`",
        ),
        (
            json!({"Principal": {}}),
            "expected no member but `Sid`, `Effect`, `Action`, `NotAction`, `Resource` and `Condition` at `Statement[0].Principal`, found one",
        ),
    ];
    for (members, expected) in cases {
        assert_eq!(refusal(&in_version("5.0", &members)), expected);
    }
}

/// A Deny of `${g:UserName}`, read letter by letter, would deny nobody.
#[test]
fn refuses_variables() {
    let text = "${g:UserName}";
    for version in ["1.1", "5.0"] {
        let condition = json!({"Condition": {"StringMatch": {"g:UserId": ["a$b", text]}}});
        assert_eq!(
            refusal(&in_version(version, &condition)),
            "expected a string without variables at `Statement[0].Condition.StringMatch.g:UserId[1]`, found `${g:UserName}`"
        );
        for urn in [
            "${g:UserName}:*:*:instance:a",
            "ecs:*:*:instance:${g:UserName}",
        ] {
            let resource = json!({"Resource": [urn]});
            let expected = format!(
                "expected `*` or a resource as in `ecs:*:*:instance:*` at `Statement[0].Resource[0]`, found `{urn}`"
            );
            assert_eq!(refusal(&in_version(version, &resource)), expected);
        }
    }
}

#[test]
fn refuses_other_actions() {
    let (policy, identity) = (
        "an action as in `ecs:servers:get*`, its service in lower case",
        "an action as in `ecs:servers:get*`",
    );
    let cases = [
        ("1.1", " obs:bucket:CreateBucket", Some(policy)),
        ("1.1", "ecs:servers:get ecs:servers:list", Some(policy)),
        ("1.1", "ecs:servers:get,ecs:servers:list", Some(policy)),
        ("1.1", "ECS:servers:get", Some(policy)),
        ("1.1", "ecs:servers:ge?", Some(policy)),
        ("1.1", "*", Some(policy)),
        ("1.1", "ecs:*", Some(policy)),
        ("1.1", "", Some(policy)),
        ("1.1", "*:*:*", None),
        ("1.1", "ecs:SERVERS:GET*", None),
        ("5.0", "ECS:servers:ge?", None),
        ("5.0", "*", Some(identity)),
        ("5.0", "ecs:servers:", Some(identity)),
        ("5.0", "ecs:servers:get ", Some(identity)),
    ];
    for (version, text, expected) in cases {
        let document = in_version(version, &json!({"Action": ["ecs:servers:get", text]}));
        let error = Policy::parse(&document)
            .map_err(|error| error.to_string())
            .err();
        let expected = expected.map(|expected| {
            format!("expected {expected} at `Statement[0].Action[1]`, found `{text}`")
        });
        assert_eq!(error, expected, "{version} {text}");
    }
    let document = json!({"Version": "5.0", "Statement": [{"Effect": "Deny", "NotAction": ["x"]}]});
    assert_eq!(
        refusal(&document),
        "expected an action as in `ecs:servers:get*` at `Statement[0].NotAction[0]`, found `x`"
    );
}
