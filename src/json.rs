//! JSON without the freedom that two readers could use differently: a repeated member is refused.

mod kept;
mod pointer;

use std::fmt;

pub use kept::{End, KeptPath, Others, keep, tells};
pub use pointer::{InvalidPointer, Pointer};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Value};

/// Why a text is not one JSON object.
#[derive(Debug, thiserror::Error)]
#[error("not one JSON object with distinct members")]
pub struct InvalidJson(#[from] serde_json::Error);

impl InvalidJson {
    /// What is wrong and where, for whoever sent it; see [`quoted`] for what it may repeat.
    pub fn detail(&self) -> impl fmt::Display {
        &self.0
    }
}

/// The most characters of a name or a text that a message repeats.
const MAX_QUOTED: usize = 64;
/// Characters of a value that are shown.
const MAX_SHOWN: usize = 160;

/// Arrays and objects inside each other that every reader takes; serde's own bound is beyond it.
pub const MAX_DEPTH: usize = 32;

/// Reads one object.
///
/// # Errors
///
/// Anything but one object (RFC 8259), a repeated member at any depth, a number out of range, a
/// lone surrogate, nesting beyond [`MAX_DEPTH`].
pub fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, InvalidJson> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { left: MAX_DEPTH }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(InvalidJson(serde_json::Error::custom("expected an object"))),
    }
}

/// What a message repeats of a text from somebody else's JSON: its beginning, on one line.
pub fn quoted(text: &str) -> String {
    let mut characters = text.chars();
    let beginning = characters.by_ref().take(MAX_QUOTED);
    let mut quoted: String = beginning.flat_map(char::escape_debug).collect();
    if characters.next().is_some() {
        quoted.push('…');
    }
    quoted
}

/// What is said of a value from somebody else's JSON: its beginning, as JSON that a terminal takes for text.
pub fn shown(value: &Value) -> String {
    let text = value.to_string();
    let mut characters = text.chars();
    let mut shown = String::new();
    for letter in characters.by_ref().take(MAX_SHOWN) {
        match letter {
            // JSON's own.
            '"' | '\\' | '\'' => shown.push(letter),
            other => shown.extend(other.escape_debug()),
        }
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

#[derive(Clone, Copy)]
struct Strict {
    /// How many more levels there may be.
    left: usize,
}

impl Strict {
    fn inner<E: Error>(self) -> Result<Self, E> {
        let left = self.left.checked_sub(1);
        left.map(|left| Self { left })
            .ok_or_else(|| E::custom(format_args!("it is nested deeper than {MAX_DEPTH} levels")))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            match object.entry(name) {
                Entry::Vacant(free) => free.insert(members.next_value_seed(inner)?),
                Entry::Occupied(known) => {
                    return Err(A::Error::custom(format_args!(
                        "the member `{}` is repeated",
                        quoted(known.key())
                    )));
                }
            };
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_text() {
        let value = serde_json::json!({"a": ["it's", "\u{9b}31m\u{202e}", "\u{1b}"]});
        let expected = r#"{"a":["it's","\u{9b}31m\u{202e}","\u001b"]}"#;
        assert_eq!(shown(&value), expected);
        let long = shown(&Value::String("a".repeat(200)));
        assert_eq!(long, format!("\"{}…", "a".repeat(MAX_SHOWN - 1)));
    }

    #[test]
    fn reads_what_serde_reads() {
        let text = r#"{"a":[1,-2,1.5,null,true,"x"],"b":{"c":{}}}"#;
        let expected: Map<String, Value> = serde_json::from_str(text).unwrap();
        assert_eq!(parse_object(text.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn nests_as_deep_as_every_reader_takes() {
        for (arrays, expected) in [(MAX_DEPTH - 1, true), (MAX_DEPTH, false), (200, false)] {
            for inside in ["", "1"] {
                let text = format!(
                    "{{\"a\":{}{inside}{}}}",
                    "[".repeat(arrays),
                    "]".repeat(arrays)
                );
                assert_eq!(parse_object(text.as_bytes()).is_ok(), expected, "{text}");
            }
        }
    }

    #[test]
    fn repeats_little_of_what_it_refuses() {
        let long = "n".repeat(MAX_QUOTED + 1);
        for (name, expected) in [
            ("a", "the member `a` is repeated at line 1 column 10"),
            ("\\n", "the member `\\n` is repeated at line 1 column 12"),
            (long.as_str(), "…` is repeated at line 1 column 138"),
        ] {
            let text = format!("{{\"{name}\":1,\"{name}\":1}}");
            let InvalidJson(error) = parse_object(text.as_bytes()).unwrap_err();
            let message = error.to_string();
            assert!(message.ends_with(expected), "{message}");
            assert!(message.len() < 140, "{message}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        let cases = [
            "",
            "1",
            "[]",
            "{",
            "{} {}",
            "{\"a\":NaN}",
            "{\"a\":1,}",
            "{\"a\":1,\"a\":1}",
            "{\"a\":1,\"\\u0061\":2}",
            "{\"b\":[{\"a\":1,\"a\":2}]}",
            "\u{feff}{}",
            "{\"a\":1e999}",
            "{\"a\":\"\\ud800\"}",
            "{\"\\udc00\":1}",
            "{\"a\":\"\u{1}\"}",
        ];
        for text in cases {
            assert!(parse_object(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(parse_object(b"{\"a\":\"\xff\"}").is_err());
    }
}
