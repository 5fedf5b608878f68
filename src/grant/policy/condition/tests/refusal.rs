//! What is no condition, and what the error says.

use serde_json::json;

use super::parse;

#[test]
fn refuses_what_is_no_operator() {
    let names = [
        "StringLike",
        "stringEquals",
        "StringEqualsIfexists",
        "StringEqualsIfExistsIfExists",
        "IfExists",
        "",
        "NullIfExists",
        "ForAnyValue:Null",
        "ForAllValues:",
        "ForAnyValues:StringEquals",
        "ForAllValues:ForAnyValue:StringEquals",
        "forAnyValue:StringEquals",
        "DateEquals",
        "BoolNot",
        " StringEquals",
    ];
    for name in names {
        let expected = format!("expected an operator as in `StringEquals` at ``, found `{name}`");
        assert_eq!(parse(name, "x:k", &json!(["true"])), Err(expected));
    }
}

#[test]
fn refuses_other_values() {
    let list = "a string, or an array of strings that is not empty";
    let number = "a decimal number as in `-1.5`, 20 digits before and 18 after the point at most";
    let cases = [
        ("StringEquals", json!([]), list, "", "an empty array"),
        ("StringEquals", json!(1), list, "", "`1`"),
        ("StringEquals", json!(["a", 1]), "a string", "[1]", "`1`"),
        ("NumberEquals", json!(["1", "1e3"]), number, "[1]", "`1e3`"),
        ("NumberEquals", json!("x"), number, "", "`x`"),
        ("NumberEquals", json!([1]), "a string", "[0]", "`1`"),
        (
            "DateLessThan",
            json!(["2022-08-01"]),
            "a time as in `2022-08-01T00:00:00Z`",
            "[0]",
            "`2022-08-01`",
        ),
        ("Bool", json!(["yes"]), "`true` or `false`", "[0]", "`yes`"),
        ("Bool", json!([true]), "a string", "[0]", "`true`"),
        (
            "IpAddress",
            json!(["10.0.0.1/8"]),
            "an address or a network as in `10.0.0.0/8`",
            "[0]",
            "`10.0.0.1/8`",
        ),
        (
            "Null",
            json!(["true", "false"]),
            "one value, `true` or `false`",
            "",
            "an array",
        ),
        (
            "Null",
            json!("yes"),
            "one value, `true` or `false`",
            "",
            "`yes`",
        ),
    ];
    for (operator, values, expected, item, found) in cases {
        let expected = format!("expected {expected} at `{operator}.x:k{item}`, found {found}");
        assert_eq!(parse(operator, "x:k", &values), Err(expected));
    }
    for keys in [json!({}), json!([]), json!("a")] {
        let error = super::super::parse(&json!({"StringEquals": keys})).unwrap_err();
        let expected = "expected an object with a condition key at `StringEquals`, found ";
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}
