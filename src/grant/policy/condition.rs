//! Conditions of a statement: an operator, a key and the values to compare with.

mod spelled;

use serde_json::Value;

pub use spelled::{Wanted, Witness};

use super::invalid::InvalidPolicy;
use super::operator::{Datum, Operator, Test};
use super::value::parse_bool;
use super::{Effect, texts};
use crate::grant::key::Key;

/// One operator held against one key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Condition {
    pub key: Key,
    pub check: Check,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Check {
    /// Whether the key is there at all.
    Null { expects_absent: bool },
    Values {
        test: Test,
        is_negated: bool,
        quantifier: Quantifier,
        if_exists: bool,
    },
}

/// How many of a key's values must pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Quantifier {
    /// The operator is for one value; if there are several, the reading that permits less.
    One,
    All,
    Any,
}

/// An operator as a policy writes it.
#[derive(Clone, Copy)]
enum Name {
    Null,
    Values {
        operator: Operator,
        is_negated: bool,
        quantifier: Quantifier,
        if_exists: bool,
    },
}

impl Name {
    fn parse(text: &str) -> Option<Self> {
        if text == "Null" {
            return Some(Self::Null);
        }
        let (quantifier, rest) = if let Some(rest) = text.strip_prefix("ForAllValues:") {
            (Quantifier::All, rest)
        } else if let Some(rest) = text.strip_prefix("ForAnyValue:") {
            (Quantifier::Any, rest)
        } else {
            (Quantifier::One, text)
        };
        let name = rest.strip_suffix("IfExists").unwrap_or(rest);
        let (operator, is_negated) = Operator::find(name)?;
        Some(Self::Values {
            operator,
            is_negated,
            quantifier,
            if_exists: name.len() < rest.len(),
        })
    }

    /// What a key of one kind only is compared with.
    fn suits(self, key: &Key) -> bool {
        match (self, key) {
            (Self::Null, _) | (_, Key::Claim(_)) => true,
            (Self::Values { operator, .. }, Key::CurrentTime) => {
                matches!(operator, Operator::Moment(_))
            }
            (Self::Values { operator, .. }, Key::SourceIp) => operator == Operator::Address,
            (Self::Values { operator, .. }, Key::MfaAge) => matches!(operator, Operator::Number(_)),
            (Self::Values { operator, .. }, Key::ServiceName) => {
                matches!(operator, Operator::Text(_))
            }
        }
    }
}

/// Reads the member `Condition`.
pub fn parse(value: &Value) -> Result<Vec<Condition>, InvalidPolicy> {
    let expected = "an object with an operator";
    let operators = value.as_object().filter(|members| !members.is_empty());
    let operators = operators.ok_or_else(|| InvalidPolicy::new(expected, value))?;
    let mut conditions = Vec::new();
    for (operator, keys) in operators {
        let name = Name::parse(operator)
            .ok_or_else(|| InvalidPolicy::text("an operator as in `StringEquals`", operator))?;
        let within = |error: InvalidPolicy| error.within(operator);
        let expected = "an object with a condition key";
        let keys = keys
            .as_object()
            .filter(|members| !members.is_empty())
            .ok_or_else(|| within(InvalidPolicy::new(expected, keys)))?;
        for (key, values) in keys {
            let condition = condition(name, key, values);
            conditions.push(condition.map_err(within)?);
        }
    }
    Ok(conditions)
}

fn condition(name: Name, key: &str, values: &Value) -> Result<Condition, InvalidPolicy> {
    let parsed = Key::new(key);
    if !name.suits(&parsed) {
        return Err(InvalidPolicy::text(
            "a key that the operator can compare",
            key,
        ));
    }
    let check = check(name, values).map_err(|error| error.within(key))?;
    Ok(Condition { key: parsed, check })
}

fn check(name: Name, values: &Value) -> Result<Check, InvalidPolicy> {
    let texts = match values {
        Value::String(text) => vec![text.as_str()],
        _ => texts(values, "a string, or an array of strings that is not empty")?,
    };
    match name {
        Name::Null => match texts.as_slice() {
            [text] => parse_bool(text).map(|expects_absent| Check::Null { expects_absent }),
            _ => None,
        }
        .ok_or_else(|| InvalidPolicy::new("one value, `true` or `false`", values)),
        Name::Values {
            operator,
            is_negated,
            quantifier,
            if_exists,
        } => {
            let test = operator.test(&texts).map_err(|index| {
                let found = texts.get(index).copied().unwrap_or_default();
                let error = InvalidPolicy::text(operator.expected(), found);
                match values {
                    Value::String(_) => error,
                    _ => error.within_item(index),
                }
            })?;
            Ok(Check::Values {
                test,
                is_negated,
                quantifier,
                if_exists,
            })
        }
    }
}

impl Condition {
    /// Whether it is fulfilled in a statement of `effect` where the key has `values`; none means that
    /// the key is absent.
    ///
    /// Where the vendor is silent, what permits less holds: a key without values fulfills neither a
    /// negated operator nor `ForAllValues` of an Allow, but does so of a Deny.
    pub fn holds(&self, effect: Effect, values: Option<&[Datum<'_>]>) -> bool {
        let (test, is_negated, quantifier, if_exists) = match &self.check {
            Check::Null { expects_absent } => return values.is_none() == *expects_absent,
            Check::Values {
                test,
                is_negated,
                quantifier,
                if_exists,
            } => (test, *is_negated, *quantifier, *if_exists),
        };
        let denies = effect == Effect::Deny;
        let passes = |datum: &Datum<'_>| test.holds(datum) != is_negated;
        match (values, quantifier) {
            (None, _) if if_exists => true,
            (Some([]), _) if if_exists => denies,
            (None | Some([]), Quantifier::Any) => false,
            (None | Some([]), Quantifier::All) => denies,
            (None | Some([]), Quantifier::One) => is_negated && denies,
            (Some(values), Quantifier::Any) => values.iter().any(passes),
            (Some(values), Quantifier::One) if denies => values.iter().any(passes),
            (Some(values), Quantifier::All | Quantifier::One) => values.iter().all(passes),
        }
    }

    /// Whether a claim's value, if there is any, fulfills it; or what the value must be.
    pub fn holds_for_claim(
        &self,
        effect: Effect,
        value: Option<&Value>,
    ) -> Result<bool, &'static str> {
        let Check::Values { test, .. } = &self.check else {
            let present: &[Datum<'_>] = &[];
            return Ok(self.holds(effect, value.map(|_| present)));
        };
        let data: Option<Vec<Datum<'_>>> = match value {
            None => None,
            Some(Value::Array(items)) => {
                let data: Result<_, _> = items.iter().map(|item| test.read(item)).collect();
                Some(data?)
            }
            Some(value) => Some(vec![test.read(value)?]),
        };
        Ok(self.holds(effect, data.as_deref()))
    }
}

#[cfg(test)]
mod tests;
