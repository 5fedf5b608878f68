//! Values that may be of several types.

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::DeValue;

use super::{Located, Section};

/// A text, or the table that says more.
pub enum Entry<'a> {
    /// A text.
    Text(Located<String>),
    /// A table.
    Table(Section<'a>),
}

impl<'a> Section<'a> {
    /// The text or the table under `key`, or those of the array there; `expected` completes "expected …".
    pub fn entries(&self, key: &'static str, expected: &str) -> Vec<Entry<'a>> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let entry = |value: &'a Spanned<DeValue<'a>>| match value.get_ref() {
            DeValue::String(text) => Some(Entry::Text(Located {
                value: text.to_string(),
                line: self.line_of(value),
            })),
            DeValue::Table(table) => {
                Some(Entry::Table(self.child(key, self.line_of(value), table)))
            }
            _ => {
                self.unexpected(key, value, expected);
                None
            }
        };
        match value.get_ref() {
            DeValue::Array(items) => items.iter().filter_map(entry).collect(),
            _ => entry(value).into_iter().collect(),
        }
    }

    /// The table under `key` as JSON, whatever its keys; a date is a string.
    pub fn json(&self, key: &'static str) -> Option<Map<String, Value>> {
        let value = self.value(key)?;
        match json(value.get_ref()) {
            Some(Value::Object(members)) => Some(members),
            _ => {
                self.unexpected(key, value, "a table with what JSON can hold");
                None
            }
        }
    }
}

/// Nothing for a number that JSON does not have.
fn json(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(boolean) => Value::Bool(*boolean),
        DeValue::Datetime(moment) => Value::String(moment.to_string()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .ok()?
            .into(),
        DeValue::Float(float) => {
            let number: f64 = float.as_str().parse().ok()?;
            serde_json::Number::from_f64(number)?.into()
        }
        DeValue::Array(items) => {
            let items = items.iter().map(|item| json(item.get_ref()));
            Value::Array(items.collect::<Option<_>>()?)
        }
        DeValue::Table(table) => {
            let members = table.iter();
            let members = members
                .map(|(name, value)| Some((name.get_ref().to_string(), json(value.get_ref())?)));
            Value::Object(members.collect::<Option<_>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;
    use serde_json::json;

    #[test]
    fn one_or_several_texts_and_tables() {
        let document = Document::new("f", "a = ['x', { b = 'y' }, 1]\nc = { b = 'z' }\nd = 'w'");
        let read = |entries: Vec<Entry<'_>>| -> Vec<String> {
            let read = |entry| match entry {
                Entry::Text(text) => text.value,
                Entry::Table(table) => table.string("b").unwrap().value.to_uppercase(),
            };
            entries.into_iter().map(read).collect()
        };
        let all = document.read(|root| {
            ["a", "c", "d", "e"].map(|key| read(root.entries(key, "a name or a table")))
        });
        let expected: [&[&str]; 4] = [&["x", "Y"], &["Z"], &["w"], &[]];
        assert_eq!(all, expected);
        let problems = document.into_problems();
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems, ["f:1: `a` is 1, expected a name or a table"]);
    }

    #[test]
    fn tables_are_json() {
        let text = "a = { n = -1, h = 0x1F, f = 1.5, b = true, t = 2026-11-29T12:00:00Z, l = ['x', { y = 1 }] }\nb = { n = nan }";
        let document = Document::new("f", text);
        let expected = json!({
            "n": -1, "h": 31, "f": 1.5, "b": true, "t": "2026-11-29T12:00:00Z", "l": ["x", {"y": 1}],
        });
        let (good, bad) = document.read(|root| (root.json("a"), root.json("b")));
        assert_eq!(good.map(Value::Object), Some(expected));
        assert_eq!(bad, None);
        let problems = document.into_problems();
        assert_eq!(
            problems[0].to_string(),
            "f:2: `b` is of type table, expected a table with what JSON can hold"
        );
    }
}
