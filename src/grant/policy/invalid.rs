//! Why a document is not a policy, and where.

use std::fmt;

use serde_json::Value;

/// What was expected somewhere in a policy document, and what was found.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected {expected} at `{place}`, found {found}")]
pub struct InvalidPolicy {
    place: String,
    expected: &'static str,
    found: String,
}

impl InvalidPolicy {
    /// Another value than expected.
    pub fn new(expected: &'static str, found: &Value) -> Self {
        Self::described(expected, describe(found))
    }

    /// Another text than expected.
    pub fn text(expected: &'static str, found: &str) -> Self {
        Self::described(expected, format!("`{found}`"))
    }

    /// Something else than expected.
    pub fn described(expected: &'static str, found: String) -> Self {
        Self {
            place: String::new(),
            expected,
            found,
        }
    }

    /// The same, seen from an object that has its value as a member.
    #[must_use]
    pub fn within(self, member: &str) -> Self {
        self.prefixed(format_args!("{member}"))
    }

    /// The same, seen from an array that has its value as an item.
    #[must_use]
    pub fn within_item(self, index: usize) -> Self {
        self.prefixed(format_args!("[{index}]"))
    }

    fn prefixed(self, segment: fmt::Arguments<'_>) -> Self {
        let dot = match self.place.as_str() {
            "" => "",
            place if place.starts_with('[') => "",
            _ => ".",
        };
        Self {
            place: format!("{segment}{dot}{}", self.place),
            ..self
        }
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        Value::String(text) => format!("`{text}`"),
        Value::Array(items) if items.is_empty() => "an empty array".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(members) if members.is_empty() => "an empty object".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
