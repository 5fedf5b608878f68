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

fn demands(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (router(old), router(new));
    let found = Comparison::new([&old, &new]).demands();
    let found = found.iter().map(|(route, change)| {
        format!(
            "{route} {} {} {}",
            change.told.join("; "),
            change.widens,
            change.narrows
        )
    });
    found.collect()
}

const LIST: &str = "[[operation]]
permission = \"list\"
routes = [\"GET /v1/{project_id}/servers\"]
actions = [\"ecs:servers:list\"]
";

#[test]
fn an_operation_that_is_new_is_demanded_of_tokens_with_their_own_grants() {
    let delete = "[[operation]]
permission = \"delete\"
routes = [\"DELETE /v1/{project_id}/servers\"]
actions = [\"ecs:servers:delete\", \"ecs:servers:get\"]
";
    let both = format!("{LIST}{delete}");
    let route = "DELETE /v1/{project_id}/servers";
    let asked = "the actions: ecs:servers:delete, ecs:servers:get";
    assert_eq!(
        demands(LIST, &both),
        [format!("{route} is listed now, for {asked} true false")]
    );
    assert_eq!(
        demands(&both, LIST),
        [format!("{route} was listed, for {asked} false true")]
    );
}

#[test]
fn what_a_parameter_may_hold_and_whether_it_is_a_server_is_demanded() {
    let show = |name: &str, resource: &str| {
        format!(
            "[[operation]]\npermission = \"show\"\nroutes = [\"GET /v1/{{project_id}}/servers/{{{name}}}\"]\nactions = [\"ecs:servers:get\"]\n{resource}"
        )
    };
    let route = "GET /v1/{project_id}/servers/{server_id}";
    let renamed = |new: &str| demands(&show("server_id", ""), &show(new, ""));
    // Policies may deny the server of a path, whatever the operation is about.
    assert_eq!(
        renamed("machine_id"),
        [format!(
            "{route} the path's server: parameter 2 -> (none) true false"
        )]
    );
    let own = show("machine_id", "resource = \"{machine_id}\"");
    assert_eq!(
        demands(&show("server_id", "resource = \"{server_id}\""), &own),
        [""; 0]
    );
    let text = show("server", "resource = \"{server}\"");
    let kinds = "parameters: identifier, identifier -> identifier, text";
    assert_eq!(
        demands(&own, &text),
        [format!(
            "GET /v1/{{project_id}}/servers/{{machine_id}} {kinds} true false"
        )]
    );
    assert_eq!(
        demands(&text, &own),
        [
            "GET /v1/{project_id}/servers/{server} parameters: identifier, text -> identifier, identifier false true"
        ]
    );
}

#[test]
fn routes_of_one_shape_are_told_apart_by_their_methods() {
    let table = |post: &str| {
        format!(
            "[[operation]]\npermission = \"a\"\nroutes = [\"GET /{{project_id}}/{{a_id}}\", \"POST {post}\"]\nactions = [\"ecs:servers:get\"]\n"
        )
    };
    let found = demands(
        &table("/{project_id}/{a_id}"),
        &table("/{a_id}/{project_id}"),
    );
    assert_eq!(
        found,
        ["POST /{project_id}/{a_id} the token's project: parameter 1 -> parameter 2 true true"]
    );
}

#[test]
fn what_is_demanded_of_some_bodies_only_is_less_than_of_all() {
    let table = |more: &str| {
        format!(
            "[[operation]]\npermission = \"a\"\nroutes = [\"POST /v1/{{project_id}}/servers\"]\nactions = [\"ecs:servers:create\"]\n{more}"
        )
    };
    let when = |pointer: &str, action: &str| {
        format!("[[operation.conditional]]\nwhen = \"{pointer}\"\nactions = [\"{action}\"]\n")
    };
    let directions = |old: &str, new: &str| {
        let (old, new) = (router(&table(old)), router(&table(new)));
        let found = Comparison::new([&old, &new]).demands();
        found
            .iter()
            .map(|(_, change)| (change.widens, change.narrows))
            .collect::<Vec<_>>()
    };
    // A denial of what is demanded at /eip is no denial of what is demanded at /port.
    let eip = when("/eip", "vpc:ports:create");
    let both = format!("{eip}{}", when("/port", "ecs:servers:get"));
    let crossed = format!(
        "{}{}",
        when("/eip", "ecs:servers:get"),
        when("/port", "vpc:ports:create")
    );
    assert_eq!(directions(&both, &crossed), [(true, true)]);
    let successor = "successors = [\"vpc:ports:create\"]\n";
    assert_eq!(directions(successor, &eip), [(true, true)]);
    // What a server finds there in another spelling was refused.
    let same = when("/eip", "ecs:servers:create");
    let all = format!("{same}{}", when("/port", "ecs:servers:create"));
    assert_eq!(directions(&all, &same), [(true, false)]);
    // A bound of its own may be more than the listener's.
    assert_eq!(directions("max_body = \"5GiB\"\n", ""), [(true, true)]);
    assert_eq!(directions("", "max_body = \"5GiB\"\n"), [(true, true)]);
}
