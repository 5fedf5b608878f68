//! Conditions as a policy writes them.

use serde_json::{Map, Value, json};

use super::condition::{Check, Condition, Quantifier};
use super::operator::Test;

/// The member `Condition`; none where two of them would have one place.
pub fn write(conditions: &[Condition]) -> Option<Value> {
    let mut operators = Map::new();
    for condition in conditions {
        let (operator, values) = condition.check.written();
        let keys = operators.entry(operator).or_insert_with(|| json!({}));
        let keys = keys.as_object_mut()?;
        if keys
            .insert(condition.key.name().to_owned(), json!(values))
            .is_some()
        {
            return None;
        }
    }
    Some(Value::Object(operators))
}

/// As in `ForAnyValue:StringNotEqualsIfExists`.
pub fn operator_name(
    test: &Test,
    is_negated: bool,
    quantifier: Quantifier,
    if_exists: bool,
) -> String {
    let quantifier = match quantifier {
        Quantifier::One => "",
        Quantifier::All => "ForAllValues:",
        Quantifier::Any => "ForAnyValue:",
    };
    let name = test.operator().name(is_negated);
    let if_exists = if if_exists { "IfExists" } else { "" };
    format!("{quantifier}{name}{if_exists}")
}

impl Check {
    fn written(&self) -> (String, Vec<String>) {
        match self {
            Self::Null { expects_absent } => ("Null".to_owned(), vec![expects_absent.to_string()]),
            Self::Values {
                test,
                is_negated,
                quantifier,
                if_exists,
            } => {
                let name = operator_name(test, *is_negated, *quantifier, *if_exists);
                let values = match test {
                    // Not as people are shown them.
                    Test::Text(_, values) => values.clone(),
                    _ => test.values(),
                };
                (name, values)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::policy::condition::parse;
    use crate::grant::policy::value::Decimal;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for text in [
            r#"{"Null": {"g:UserName": "true"}}"#,
            r#"{"StringEquals": {"g:UserName": ["a", "${"]}}"#,
            r#"{"StringEquals": {"g:UserName": ["a", "b"], "g:UserId": "c"}, "StringNotEqualsIgnoreCase": {"g:UserName": "B"}}"#,
            r#"{"ForAllValues:StringNotMatchIfExists": {"x:y": ["a*"]}, "ForAnyValue:StringStartWith": {"x:y": ""}}"#,
            r#"{"StringNotEndWith": {"x:y": "z"}, "Bool": {"x:b": ["true", "false"]}}"#,
            r#"{"NumberEquals": {"x:y": ["-1.5", "0", "20.000000000000000001"]}, "NumberNotEquals": {"x:y": "7"}}"#,
            r#"{"NumberLessThan": {"x:a": "1"}, "NumberLessThanEquals": {"x:a": "1"}, "NumberGreaterThan": {"x:a": "1"}, "NumberGreaterThanEquals": {"g:mfaage": "300"}}"#,
            r#"{"DateLessThan": {"g:CurrentTime": "2022-08-01T00:00:00.25Z"}, "DateGreaterThanEquals": {"g:currenttime": ["2022-08-01T00:00:00Z"]}}"#,
            r#"{"IpAddress": {"g:SourceIp": ["10.0.0.0/8", "::1"]}, "NotIpAddress": {"g:SourceIp": "10.1.2.3"}}"#,
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            let Ok(conditions) = parse(&value) else {
                assert!(text.contains("${"), "{text}");
                continue;
            };
            let written = write(&conditions).unwrap();
            let again = parse(&written).unwrap_or_else(|error| panic!("{error} in {written}"));
            assert_eq!(again, conditions, "{written}");
        }
        let twice = r#"{"IpAddress": {"g:SourceIp": "::1", "G:sourceip": "::2"}}"#;
        let conditions = parse(&serde_json::from_str(twice).unwrap()).unwrap();
        assert_eq!(write(&conditions), None);
    }

    proptest! {
        #[test]
        fn decimals_are_written_as_they_are_read(number in any::<i64>(), places in 0..18_usize) {
            let digits = format!("{:0>width$}", number.unsigned_abs(), width = places + 1);
            let (whole, fraction) = digits.split_at(digits.len() - places);
            let sign = if number < 0 { "-" } else { "" };
            let point = if places > 0 { "." } else { "" };
            let decimal = Decimal::parse(&format!("{sign}{whole}{point}{fraction}")).unwrap();
            prop_assert_eq!(Decimal::parse(&decimal.to_string()), Some(decimal));
        }
    }
}
