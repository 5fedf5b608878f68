use serde_json::{Value, json};

use super::*;
use crate::grant::{ConditionKeys, Policy};
use crate::table::{ActionTable, Source};

const TABLE: &str = "[[operation]]\npermission = 'x'\nroutes = ['GET /v1/{project_id}/x']\n\
                     actions = ['ecs:a:get', 'ecs:a:set']\n";

/// 2022-08-01T00:00:00Z.
const NOON: u64 = 1_659_312_000;

fn table() -> ActionTable {
    let source = Source {
        name: "own".to_owned(),
        text: TABLE.to_owned(),
    };
    ActionTable::load(&[source]).unwrap()
}

fn id(action: &str) -> ActionId {
    table().action(&action.parse().unwrap()).unwrap()
}

fn add(grants: &mut Grants, statements: &Value, claims: &Value) -> Result<(), String> {
    let mut keys = ConditionKeys::new("/sub".parse().unwrap());
    keys.feed("g:MFAAge", "/auth_time".parse().unwrap())
        .unwrap();
    keys.feed("g:MFAPresent", "/mfa".parse().unwrap()).unwrap();
    keys.domain = Some("/domain".parse().unwrap());
    let document = json!({"Version": "1.1", "Statement": statements});
    let policy = Policy::parse(&document).unwrap();
    let compiled = CompiledPolicy::new(&policy, &table(), &keys).unwrap();
    let values = keys.read(claims.as_object().unwrap());
    grants
        .add(&compiled, &values)
        .map_err(|error| error.to_string())
}

fn read(statements: &Value, claims: &Value) -> Grants {
    let mut grants = Grants::default();
    add(&mut grants, statements, claims).unwrap();
    grants
}

/// `ecs:a:*` allowed or denied, with more members.
fn statement(effect: &str, members: &Value) -> Value {
    let mut statement = json!({"Effect": effect, "Action": ["ecs:a:*"]});
    for (name, value) in members.as_object().unwrap() {
        statement[name] = value.clone();
    }
    statement
}

fn at(now: u64, address: Option<&str>) -> Request<'static> {
    Request {
        now,
        address: address.map(|text| text.parse().unwrap()).into(),
        instances: Instances::default(),
    }
}

#[test]
fn a_deny_wins_in_any_order() {
    let (allow, deny) = (
        json!({"Effect": "Allow", "Action": ["ecs:a:*"]}),
        json!({"Effect": "Deny", "Action": ["ecs:a:set"]}),
    );
    let mut orders = vec![
        read(&json!([allow, deny]), &json!({})),
        read(&json!([deny, allow]), &json!({})),
    ];
    let named = [id("ecs:a:get"), id("ecs:a:set")];
    let mut grants = Grants::new(named.into_iter().collect());
    add(&mut grants, &json!([deny]), &json!({})).unwrap();
    orders.push(grants);
    for grants in orders {
        assert!(!grants.asks_request());
        assert_eq!(grants.granted().len(), 1);
        let request = at(0, None);
        assert_eq!(grants.verdict(id("ecs:a:get"), &request), Verdict::Allowed);
        assert_eq!(grants.verdict(id("ecs:a:set"), &request), Verdict::Denied);
    }
    let none = Grants::default();
    assert_eq!(
        none.verdict(id("ecs:a:get"), &at(0, None)),
        Verdict::NotGranted
    );
}

#[test]
fn time_and_address_are_asked_of_each_request() {
    let office = json!({"Condition": {
        "IpAddress": {"g:SourceIp": ["10.0.0.0/8"]},
        "DateLessThan": {"g:CurrentTime": ["2022-08-01T00:00:00Z"]},
    }});
    let outside = json!({"Condition": {"NotIpAddress": {"g:SourceIp": ["10.0.0.0/8"]}}});
    let unless_known = json!({"Condition": {"IpAddressIfExists": {"g:SourceIp": ["10.0.0.0/8"]}}});
    let all = json!([statement("Allow", &json!({})), statement("Deny", &outside)]);
    let cases = [
        (
            json!([statement("Allow", &office)]),
            NOON - 1,
            Some("10.1.1.1"),
            Verdict::Allowed,
        ),
        (
            json!([statement("Allow", &office)]),
            NOON - 1,
            Some("::ffff:10.1.1.1"),
            Verdict::Allowed,
        ),
        (
            json!([statement("Allow", &office)]),
            NOON,
            Some("10.1.1.1"),
            Verdict::NotGranted,
        ),
        (
            json!([statement("Allow", &office)]),
            NOON - 1,
            Some("11.1.1.1"),
            Verdict::NotGranted,
        ),
        (
            json!([statement("Allow", &office)]),
            NOON - 1,
            None,
            Verdict::NotGranted,
        ),
        (
            json!([statement("Allow", &outside)]),
            NOON,
            None,
            Verdict::NotGranted,
        ),
        (
            json!([statement("Allow", &unless_known)]),
            NOON,
            None,
            Verdict::Allowed,
        ),
        (all.clone(), NOON, Some("10.1.1.1"), Verdict::Allowed),
        (all.clone(), NOON, Some("2001:db8::1"), Verdict::Denied),
        (all, NOON, None, Verdict::Denied),
    ];
    for (statements, now, address, expected) in cases {
        let grants = read(&statements, &json!({}));
        assert!(grants.asks_request());
        let found = grants.verdict(id("ecs:a:get"), &at(now, address));
        assert_eq!(found, expected, "{statements} {now} {address:?}");
    }
}

#[test]
fn an_age_grows_while_the_token_is_in_use() {
    let fresh = json!({"Condition": {
        "Bool": {"g:MFAPresent": ["true"]},
        "NumberLessThan": {"g:MFAAge": ["60"]},
    }});
    let stale = json!({"Condition": {"NumberGreaterThanEquals": {"g:MFAAge": ["60"]}}});
    let allow = json!([statement("Allow", &fresh)]);
    let deny = json!([statement("Allow", &json!({})), statement("Deny", &stale)]);
    let text = "2022-08-01T00:00:00Z";
    let cases = [
        (
            &allow,
            json!({"auth_time": NOON, "mfa": true}),
            NOON + 59,
            Verdict::Allowed,
        ),
        (
            &allow,
            json!({"auth_time": NOON, "mfa": true}),
            NOON + 60,
            Verdict::NotGranted,
        ),
        (
            &allow,
            json!({"auth_time": text, "mfa": "true"}),
            NOON + 59,
            Verdict::Allowed,
        ),
        (
            &allow,
            json!({"auth_time": NOON, "mfa": true}),
            NOON - 5,
            Verdict::Allowed,
        ),
        (
            &allow,
            json!({"auth_time": NOON, "mfa": false}),
            NOON,
            Verdict::NotGranted,
        ),
        (
            &allow,
            json!({"auth_time": NOON}),
            NOON,
            Verdict::NotGranted,
        ),
        (&allow, json!({"mfa": true}), NOON, Verdict::NotGranted),
        // Clocks differ by no more; what is further ahead is no time, perhaps milliseconds.
        (
            &allow,
            json!({"auth_time": NOON + 300, "mfa": true}),
            NOON,
            Verdict::Allowed,
        ),
        (
            &allow,
            json!({"auth_time": NOON + 301, "mfa": true}),
            NOON,
            Verdict::NotGranted,
        ),
        (
            &deny,
            json!({"auth_time": NOON * 1000}),
            NOON,
            Verdict::Denied,
        ),
        (
            &deny,
            json!({"auth_time": NOON}),
            NOON + 59,
            Verdict::Allowed,
        ),
        (
            &deny,
            json!({"auth_time": NOON}),
            NOON + 60,
            Verdict::Denied,
        ),
        (&deny, json!({"auth_time": null}), NOON, Verdict::Allowed),
    ];
    for (statements, claims, now, expected) in cases {
        let grants = read(statements, &claims);
        let found = grants.verdict(id("ecs:a:get"), &at(now, None));
        assert_eq!(found, expected, "{claims} {now}");
    }
}

#[test]
fn instances_are_held_against_resources() {
    let (both, one) = (
        json!(["ecs:*:*:instance:a*", "ECS:*:d:instance:B"]),
        json!(["ecs:*:*:instance:a"]),
    );
    let (foreign, none) = (json!(["ecs:*:e:instance:*"]), json!(["obs:*:*:bucket:a"]));
    let all = json!(["ecs:*:d:instance:*"]);
    let star = json!(["obs:*:*:bucket:a", "*"]);
    let long = "a".repeat(256);
    let (yes, no) = (Verdict::Allowed, Verdict::NotGranted);
    let allow: [(&Value, &[&str], bool, Verdict); 13] = [
        (&both, &["a1", "b"], true, yes),
        (&both, &["A1"], true, yes),
        (&both, &["a1", "c"], true, no),
        (&both, &["a1", "b"], false, no),
        (&both, &[], true, no),
        (&both, &["aé"], true, no),
        (&both, &["a%31"], true, no),
        (&both, &[&long], true, no),
        (&one, &["a"], true, yes),
        (&one, &["a1"], true, no),
        (&foreign, &["a"], true, no),
        (&none, &["a"], true, no),
        (&star, &[], false, yes),
    ];
    let (denied, free) = (Verdict::Denied, Verdict::Allowed);
    let deny: [(&Value, &[&str], bool, Verdict); 16] = [
        (&both, &["c", "b"], true, denied),
        (&both, &["A1"], false, denied),
        (&both, &["c"], true, free),
        (&both, &[], true, free),
        (&all, &[], false, denied),
        (&all, &["c"], true, denied),
        (&foreign, &[], false, free),
        (&one, &["a"], false, denied),
        (&one, &["a1"], true, free),
        (&one, &["á"], true, denied),
        (&one, &["%61"], false, denied),
        (&one, &[""], true, denied),
        (&one, &[&long], true, denied),
        (&foreign, &["a"], true, free),
        (&none, &["a"], true, free),
        (&star, &[], false, denied),
    ];
    let everything = statement("Allow", &json!({}));
    for (effect, cases) in [("Allow", allow.as_slice()), ("Deny", &deny)] {
        for (resource, ids, is_instance_level, expected) in cases {
            let own = statement(effect, &json!({"Resource": resource}));
            let statements = match effect {
                "Allow" => json!([own]),
                _ => json!([everything, own]),
            };
            let grants = read(&statements, &json!({"domain": "d"}));
            let request = Request {
                instances: Instances {
                    ids: ids.to_vec(),
                    is_instance_level: *is_instance_level,
                },
                ..at(0, None)
            };
            let found = grants.verdict(id("ecs:a:get"), &request);
            assert_eq!(
                found, *expected,
                "{effect} {resource} {ids:?} {is_instance_level}"
            );
        }
    }
}

#[test]
fn a_claim_that_cannot_be_compared_refuses_the_token() {
    let moment = "seconds since 1970 or a string as in `2022-08-01T00:00:00Z`";
    let cases = [
        (
            json!({"StringEquals": {"g:UserId": ["a"]}}),
            "g:UserId",
            "a string",
        ),
        (
            json!({"StringNotEquals": {"g:UserId": ["a"]}}),
            "g:UserId",
            "a string",
        ),
        (
            json!({"NumberLessThanIfExists": {"g:MFAAge": ["60"]}}),
            "g:MFAAge",
            moment,
        ),
        (
            json!({"Bool": {"g:MFAPresent": ["true"]}}),
            "g:MFAPresent",
            "`true` or `false`, as such or as a string",
        ),
    ];
    let claims = json!({"sub": 1, "auth_time": "x", "mfa": "x"});
    for (mut condition, key, expected) in cases {
        // A condition that does not hold beside it is no reason to look away.
        condition["Null"]["g:UserId"] = json!(["true"]);
        for effect in ["Allow", "Deny"] {
            let statements = json!([
                statement("Allow", &json!({})),
                statement(effect, &json!({"Condition": condition})),
            ]);
            let found = add(&mut Grants::default(), &statements, &claims);
            let expected = format!(
                "`Statement[1]` has a condition on `{key}`, and the claim that feeds it is not {expected}"
            );
            assert_eq!(found, Err(expected));
        }
    }
}
