//! Differences that are easy to overlook: each is of one class of contexts, requests or tokens only.

use super::*;
use crate::grant::Holding;

fn statement(effect: &str, more: &Value) -> Value {
    let mut statement = json!({"Effect": effect, "Action": ["ecs:servers:get"]});
    if let (Value::Object(statement), Value::Object(more)) = (&mut statement, more) {
        statement.extend(more.clone());
    }
    statement
}

/// With something else that is granted, since a document has statements.
fn document(statements: &[Value]) -> Value {
    let other = json!({"Effect": "Allow", "Action": ["ecs:servers:list"]});
    let statements: Vec<&Value> = statements.iter().chain([&other]).collect();
    json!({"Version": "5.0", "Statement": statements})
}

fn keys() -> ConditionKeys {
    let mut keys = ConditionKeys::new("/sub".parse().unwrap());
    keys.feed("g:MFAAge", "/auth_time".parse().unwrap())
        .unwrap();
    keys.feed("g:Until", "/until".parse().unwrap()).unwrap();
    keys
}

/// What changes for a caller of the small table, as `Direction route`.
fn flips(old: &[Value], new: &[Value]) -> Vec<String> {
    let keys = keys();
    let (old, new) = (
        compile(&SMALL, &[document(old)], &keys),
        compile(&SMALL, &[document(new)], &keys),
    );
    let held = |policies| {
        Some(Holding {
            texts: vec!["/sub".to_owned()],
            ..holding(policies, &keys)
        })
    };
    let sides = [held(&old), held(&new)];
    let flips = Comparison::new([&SMALL, &SMALL]).flips(&sides).unwrap();
    let told = flips
        .iter()
        .map(|flip| format!("{:?} {}", flip.direction, flip.route));
    told.collect()
}

const SHOW: &str = "Widens GET /v1/{project_id}/servers/{server_id}";

#[test]
fn an_age_is_one_at_a_time_long_after_1970() {
    let allow = |age: &str| {
        statement(
            "Allow",
            &json!({"Condition": {
                "DateLessThan": {"g:CurrentTime": "2030-01-01T00:00:00Z"},
                "NumberLessThan": {"g:MFAAge": age},
            }}),
        )
    };
    assert_eq!(flips(&[allow("300")], &[allow("600")]), [SHOW]);
}

#[test]
fn a_subject_that_is_no_number_refuses_a_token_that_is_compared_as_one() {
    let allow = statement("Allow", &json!({}));
    let compared = statement(
        "Allow",
        &json!({"Condition": {"NumberLessThan": {"g:UserId": "10"}}}),
    );
    let found = flips(
        &[allow.clone(), compared.clone()],
        std::slice::from_ref(&allow),
    );
    assert!(found.contains(&SHOW.to_owned()), "{found:?}");
    assert_eq!(
        flips(&[allow.clone(), compared.clone()], &[compared, allow]),
        [""; 0]
    );
}

#[test]
fn times_end_with_the_year_9999_as_policies_write_it() {
    let allow = |condition: &Value| statement("Allow", &json!({"Condition": condition}));
    let last = "9999-12-31T23:59:59Z";
    let found = flips(
        &[],
        &[allow(
            &json!({"DateLessThanEquals": {"g:CurrentTime": last}}),
        )],
    );
    assert_eq!(found, [SHOW]);
    let last = "9999-12-31T23:59:59.999999999Z";
    let found = flips(
        &[],
        &[allow(&json!({"DateGreaterThan": {"g:Until": last}}))],
    );
    assert!(found.contains(&SHOW.to_owned()), "{found:?}");
}

#[test]
fn an_id_that_is_a_route_in_another_case_only_is_an_id() {
    let allow = statement("Allow", &json!({"Resource": ["ecs:*:*:instance:detail"]}));
    assert_eq!(flips(&[], &[allow]), [SHOW]);
}
