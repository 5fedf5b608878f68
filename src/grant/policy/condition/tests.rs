mod refusal;

use std::net::IpAddr;

use serde_json::json;

use super::super::value::parse_moment;
use super::*;

/// The only condition of `{operator: {key: values}}`.
fn parse(operator: &str, key: &str, values: &Value) -> Result<Condition, String> {
    let parsed = super::parse(&json!({operator: {key: values}}));
    let mut conditions = parsed.map_err(|error| error.to_string())?;
    Ok(conditions.remove(0))
}

fn claim(operator: &str, values: &Value) -> Condition {
    parse(operator, "x:k", values).unwrap()
}

/// Each operator, a policy's values and a claim's; and whether they pass, for one value is one value
/// whatever stands around the operator.
fn compare(cases: &[(&str, Value, Value, bool)]) {
    for (operator, values, value, expected) in cases {
        for (prefix, suffix) in [
            ("", ""),
            ("", "IfExists"),
            ("ForAllValues:", ""),
            ("ForAnyValue:", ""),
            ("ForAnyValue:", "IfExists"),
        ] {
            let name = format!("{prefix}{operator}{suffix}");
            for effect in [Effect::Allow, Effect::Deny] {
                let found = claim(&name, values).holds_for_claim(effect, Some(value));
                assert_eq!(found, Ok(*expected), "{name} {values} {value} {effect:?}");
            }
        }
    }
}

#[test]
fn texts_are_compared() {
    let cases = [
        ("StringEquals", json!(["a", "b"]), json!("b"), true),
        ("StringEquals", json!(["a"]), json!("A"), false),
        ("StringEquals", json!("a"), json!("a"), true),
        ("StringEquals", json!(["*"]), json!("a"), false),
        ("StringNotEquals", json!(["a", "b"]), json!("b"), false),
        ("StringNotEquals", json!(["a", "b"]), json!("c"), true),
        ("StringEqualsIgnoreCase", json!(["dÉv"]), json!("DéV"), true),
        ("StringEqualsIgnoreCase", json!(["dev"]), json!("de"), false),
        (
            "StringNotEqualsIgnoreCase",
            json!(["dev"]),
            json!("DEV"),
            false,
        ),
        (
            "StringNotEqualsIgnoreCase",
            json!(["dev"]),
            json!("ops"),
            true,
        ),
        ("StringMatch", json!(["d?v*"]), json!("dev-1"), true),
        ("StringMatch", json!(["d?v*"]), json!("Dev-1"), false),
        ("StringMatch", json!(["d?v"]), json!("dév"), true),
        ("StringNotMatch", json!(["d*", "o*"]), json!("ops"), false),
        ("StringNotMatch", json!(["d*", "o*"]), json!("x"), true),
        ("StringStartWith", json!(["de"]), json!("dev"), true),
        ("StringStartWith", json!(["ev"]), json!("dev"), false),
        ("StringStartWith", json!(["*"]), json!("dev"), false),
        ("StringNotStartWith", json!(["de"]), json!("dev"), false),
        ("StringNotStartWith", json!(["ev"]), json!("dev"), true),
        ("StringEndWith", json!(["ev"]), json!("dev"), true),
        ("StringEndWith", json!(["de"]), json!("dev"), false),
        ("StringNotEndWith", json!(["ev"]), json!("dev"), false),
        ("StringNotEndWith", json!(["de"]), json!("dev"), true),
    ];
    compare(&cases);
}

#[test]
fn numbers_are_compared() {
    let cases = [
        ("NumberEquals", json!(["1", "2.50"]), json!("2.5"), true),
        ("NumberEquals", json!(["1"]), json!(1), true),
        (
            "NumberEquals",
            json!(["9007199254740993"]),
            json!(9_007_199_254_740_992_u64),
            false,
        ),
        ("NumberNotEquals", json!(["1", "2"]), json!(2), false),
        ("NumberNotEquals", json!(["1", "2"]), json!(3), true),
        (
            "NumberLessThan",
            json!(["10"]),
            json!("9.999999999999999999"),
            true,
        ),
        ("NumberLessThan", json!(["10"]), json!(10), false),
        ("NumberLessThanEquals", json!(["10"]), json!(10), true),
        ("NumberLessThanEquals", json!(["10"]), json!(11), false),
        ("NumberGreaterThan", json!(["-1"]), json!(0), true),
        ("NumberGreaterThan", json!(["-1"]), json!(-1), false),
        ("NumberGreaterThanEquals", json!(["-1"]), json!(-1), true),
        ("NumberGreaterThanEquals", json!(["-1"]), json!(-2), false),
    ];
    compare(&cases);
}

#[test]
fn moments_truths_and_addresses_are_compared() {
    let cases = [
        (
            "DateLessThan",
            json!(["2022-08-01T00:00:00Z"]),
            json!("2022-07-31T23:59:59Z"),
            true,
        ),
        (
            "DateLessThan",
            json!(["2022-08-01T00:00:00Z"]),
            json!(1_659_312_000),
            false,
        ),
        (
            "DateLessThanEquals",
            json!(["2022-08-01T00:00:00Z"]),
            json!(1_659_312_000),
            true,
        ),
        (
            "DateLessThanEquals",
            json!(["2022-08-01T00:00:00Z"]),
            json!(1_659_312_001),
            false,
        ),
        (
            "DateGreaterThan",
            json!(["2022-08-01T00:00:00Z"]),
            json!(1_659_312_001),
            true,
        ),
        (
            "DateGreaterThan",
            json!(["2022-08-01T00:00:00Z"]),
            json!(1_659_312_000),
            false,
        ),
        (
            "DateGreaterThanEquals",
            json!(["2022-08-01T00:00:00Z"]),
            json!(1_659_312_000),
            true,
        ),
        (
            "DateGreaterThanEquals",
            json!(["2022-08-01T00:00:00Z"]),
            json!(0),
            false,
        ),
        ("Bool", json!(["true"]), json!(true), true),
        ("Bool", json!(["true"]), json!("false"), false),
        ("Bool", json!(["false"]), json!(false), true),
        (
            "IpAddress",
            json!(["10.0.0.0/8", "192.0.2.1"]),
            json!("192.0.2.1"),
            true,
        ),
        (
            "IpAddress",
            json!(["10.0.0.0/8"]),
            json!("::ffff:10.1.2.3"),
            true,
        ),
        ("IpAddress", json!(["10.0.0.0/8"]), json!("11.0.0.0"), false),
        (
            "IpAddress",
            json!(["2001:db8::/32"]),
            json!("2001:db8::1"),
            true,
        ),
        (
            "NotIpAddress",
            json!(["10.0.0.0/8"]),
            json!("10.0.0.1"),
            false,
        ),
        (
            "NotIpAddress",
            json!(["10.0.0.0/8"]),
            json!("2001:db8::1"),
            true,
        ),
    ];
    compare(&cases);
}

#[test]
fn what_is_missing_permits_less() {
    // The operator; then for an absent key in an Allow and a Deny, and for an empty array.
    let cases = [
        ("StringEquals", [false, false], [false, false]),
        ("StringNotEquals", [false, true], [false, true]),
        ("StringEqualsIfExists", [true, true], [false, true]),
        ("StringNotEqualsIfExists", [true, true], [false, true]),
        ("ForAllValues:StringEquals", [false, true], [false, true]),
        ("ForAllValues:StringNotEquals", [false, true], [false, true]),
        (
            "ForAllValues:StringEqualsIfExists",
            [true, true],
            [false, true],
        ),
        ("ForAnyValue:StringEquals", [false, false], [false, false]),
        (
            "ForAnyValue:StringNotEquals",
            [false, false],
            [false, false],
        ),
        (
            "ForAnyValue:StringEqualsIfExists",
            [true, true],
            [false, true],
        ),
        ("NumberLessThan", [false, false], [false, false]),
        ("DateGreaterThan", [false, false], [false, false]),
        ("NotIpAddress", [false, true], [false, true]),
    ];
    for (operator, absent, empty) in cases {
        let value = match operator {
            name if name.contains("Ip") => "10.0.0.0/8",
            name if name.contains("Date") => "2022-08-01T00:00:00Z",
            _ => "1",
        };
        let condition = claim(operator, &json!([value]));
        for (index, effect) in [Effect::Allow, Effect::Deny].into_iter().enumerate() {
            let found = condition.holds_for_claim(effect, None);
            assert_eq!(found, Ok(absent[index]), "{operator} {effect:?} absent");
            let found = condition.holds_for_claim(effect, Some(&json!([])));
            assert_eq!(found, Ok(empty[index]), "{operator} {effect:?} empty");
        }
    }
}

#[test]
fn several_values_are_for_quantifiers() {
    // The operator; then for the values a and b, b and c, c and d in an Allow and in a Deny.
    let cases = [
        ("StringEquals", [true, false, false], [true, true, false]),
        ("StringNotEquals", [false, false, true], [false, true, true]),
        (
            "ForAllValues:StringEquals",
            [true, false, false],
            [true, false, false],
        ),
        (
            "ForAllValues:StringNotEquals",
            [false, false, true],
            [false, false, true],
        ),
        (
            "ForAnyValue:StringEquals",
            [true, true, false],
            [true, true, false],
        ),
        (
            "ForAnyValue:StringNotEquals",
            [false, true, true],
            [false, true, true],
        ),
    ];
    let sets = [json!(["a", "b"]), json!(["b", "c"]), json!(["c", "d"])];
    for (operator, allow, deny) in cases {
        let condition = claim(operator, &json!(["a", "b"]));
        for (index, set) in sets.iter().enumerate() {
            let holds = |effect| condition.holds_for_claim(effect, Some(set));
            assert_eq!(holds(Effect::Allow), Ok(allow[index]), "{operator} {set}");
            assert_eq!(holds(Effect::Deny), Ok(deny[index]), "{operator} {set}");
        }
    }
}

#[test]
fn null_asks_whether_the_key_is_there() {
    for (expects_absent, value, expected) in [
        ("true", None, true),
        ("true", Some(json!({"any": "type"})), false),
        ("true", Some(json!([])), false),
        ("false", None, false),
        ("false", Some(json!(0)), true),
    ] {
        let condition = claim("Null", &json!([expects_absent]));
        for effect in [Effect::Allow, Effect::Deny] {
            let found = condition.holds_for_claim(effect, value.as_ref());
            assert_eq!(found, Ok(expected), "{expects_absent} {value:?}");
        }
    }
}

#[test]
fn a_claim_of_another_type_is_an_error() {
    let number = "an integer or a string with a decimal number";
    let moment = "seconds since 1970 or a string as in `2022-08-01T00:00:00Z`";
    let cases = [
        ("StringEquals", json!(["1"]), json!(1), "a string"),
        (
            "StringNotEquals",
            json!(["1"]),
            json!(["1", null]),
            "a string",
        ),
        ("StringMatch", json!(["1"]), json!({}), "a string"),
        ("NumberEquals", json!(["1"]), json!(1.5), number),
        ("NumberEquals", json!(["1"]), json!("x"), number),
        ("NumberEquals", json!(["1"]), json!(true), number),
        (
            "DateLessThan",
            json!(["2022-08-01T00:00:00Z"]),
            json!(-1),
            moment,
        ),
        (
            "DateLessThan",
            json!(["2022-08-01T00:00:00Z"]),
            json!("2022-08-01"),
            moment,
        ),
        (
            "Bool",
            json!(["true"]),
            json!("True"),
            "`true` or `false`, as such or as a string",
        ),
        (
            "Bool",
            json!(["true"]),
            json!(1),
            "`true` or `false`, as such or as a string",
        ),
        (
            "IpAddress",
            json!(["10.0.0.0/8"]),
            json!("10.0.0.0/8"),
            "a string with an address",
        ),
    ];
    for (operator, values, value, expected) in cases {
        let found = claim(operator, &values).holds_for_claim(Effect::Allow, Some(&value));
        assert_eq!(found, Err(expected), "{operator} {value}");
    }
}

#[test]
fn keys_of_the_request_have_one_kind() {
    let moment = Datum::Moment(parse_moment("2022-08-01T00:00:00Z").unwrap());
    let address = Datum::Address("10.1.2.3".parse::<IpAddr>().unwrap());
    let values = json!(["2022-08-01T00:00:01Z"]);
    let before = parse("DateLessThan", "g:CurrentTime", &values).unwrap();
    assert!(before.holds(Effect::Allow, Some(&[moment])));
    let network = parse("IpAddress", "g:SourceIp", &json!("10.0.0.0/8")).unwrap();
    assert!(network.holds(Effect::Allow, Some(&[address])));
    let cases = [
        ("StringEquals", "g:CurrentTime", "2022-08-01T00:00:00Z"),
        ("StringEquals", "g:SourceIp", "10.0.0.1"),
        ("IpAddress", "g:CurrentTime", "10.0.0.1"),
        ("Bool", "g:MFAAge", "true"),
        ("NumberEquals", "g:ServiceName", "1"),
    ];
    for (operator, key, value) in cases {
        let expected =
            format!("expected a key that the operator can compare at `{operator}`, found `{key}`");
        assert_eq!(parse(operator, key, &json!([value])), Err(expected));
    }
    for key in ["g:CurrentTime", "g:SourceIp", "g:MFAAge", "g:ServiceName"] {
        assert!(parse("Null", key, &json!(["false"])).is_ok(), "{key}");
    }
}
