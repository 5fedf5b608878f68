//! The JSON Schema of the config: what keys there are, and what is so unless it is said.
//!
//! Written by hand; tests hold it to what the readers ask for.

use std::sync::LazyLock;

use serde_json::{Map, Value};

/// The schema (JSON Schema 2020-12), for editors and for `config schema`.
pub const SCHEMA: &str = include_str!("schema.json");

static ROOT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(SCHEMA).unwrap_or_default());

/// What a key may hold.
#[derive(Clone, Copy, Debug)]
pub struct Key(&'static Value);

/// How a key's value is written.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A table with known keys.
    Table,
    /// An array of tables like this one.
    Tables(Key),
    /// A table whose keys are the user's own names.
    Names,
    /// Several values, commas between them in a variable.
    List,
    /// One value, or several.
    OneOrMore,
    /// `true` or `false`, or a number.
    Bare,
    /// A text, or something that a variable cannot say.
    Text,
}

impl Key {
    /// The config as a whole.
    pub fn root() -> Self {
        Self(&ROOT)
    }

    /// The keys of a table by their names.
    pub fn keys(self) -> impl Iterator<Item = (&'static str, Self)> {
        let properties = self.own("properties").and_then(Value::as_object);
        let properties = properties.into_iter().flat_map(Map::iter);
        properties.map(|(name, value)| (name.as_str(), Self(value)))
    }

    /// How its value is written.
    pub fn shape(self) -> Shape {
        let ends = |name: &str| self.0.get("$ref").and_then(Value::as_str) == Some(name);
        if ends("#/$defs/one-or-more") {
            return Shape::OneOrMore;
        }
        match self.own("type").and_then(Value::as_str) {
            Some("object") if self.own("properties").is_some() => Shape::Table,
            Some("object") => Shape::Names,
            Some("array") => match self.own("items").map(Self) {
                Some(items) if matches!(items.shape(), Shape::Table) => Shape::Tables(items),
                _ => Shape::List,
            },
            Some("boolean" | "integer" | "number") => Shape::Bare,
            _ => Shape::Text,
        }
    }

    /// What it holds unless the config says otherwise, as JSON, which is TOML here, too.
    pub fn default(self) -> Option<&'static Value> {
        self.0.get("default")
    }

    /// Whether there are keys that its table cannot be without.
    pub fn requires_any(self) -> bool {
        ["required", "oneOf"]
            .iter()
            .any(|keyword| self.own(keyword).is_some())
    }

    /// The key beside which alone `key` means something.
    pub fn beside(self, key: &str) -> Option<&'static str> {
        self.own("dependentRequired")?.get(key)?.get(0)?.as_str()
    }

    /// Whether it is a key of issuers of this kind.
    pub fn is_of_kind(self, kind: &str) -> bool {
        let kinds = self.own("x-kinds").and_then(Value::as_array);
        kinds.is_none_or(|kinds| kinds.iter().any(|name| name == kind))
    }

    fn own(self, keyword: &str) -> Option<&'static Value> {
        let own = self.0.get(keyword);
        own.or_else(|| {
            let pointer = self.0.get("$ref")?.as_str()?.strip_prefix('#')?;
            ROOT.pointer(pointer)?.get(keyword)
        })
    }
}
