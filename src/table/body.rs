//! What an operation asks of a request's body: which one it is for, and what it demands besides.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::{ActionId, ActionName};
use crate::json::Pointer;

/// The longest body that is read, in bytes; Nova's own bodies of this kind are far shorter.
pub const MAX_JSON_BODY: usize = 64 * 1024;

/// The most strings that an [`ItemPointer`] finds; the vendor's batches are smaller.
const MAX_ITEMS: usize = 1024;

/// Which JSON bodies lead to an operation.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum BodySelector {
    /// Those whose only member has this name.
    Key(String),
    /// Those whose top-level member has one of these values.
    Value {
        /// The member's name.
        member: String,
        /// At least one.
        values: Vec<String>,
    },
}

impl fmt::Display for BodySelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(f, "{{\"{key}\"}}"),
            Self::Value { member, values } => {
                write!(f, "{{\"{member}\": \"{}\"}}", values.join("\"|\""))
            }
        }
    }
}

/// Actions that are demanded besides where the body holds something.
#[derive(Clone, Debug)]
pub struct Conditional {
    /// Where in the body; whatever is there counts, `null` too.
    pub when: Pointer,
    /// All of them are required then.
    pub actions: Vec<ActionName>,
    /// The same as bits.
    pub required: Vec<ActionId>,
}

/// What names the instances that an operation is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Resource {
    /// A parameter of the path.
    Parameter(String),
    /// Strings in the body.
    Body(ItemPointer),
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(name) => write!(f, "{{{name}}}"),
            Self::Body(pointer) => pointer.fmt(f),
        }
    }
}

/// A JSON pointer (RFC 6901) whose `*` stands for every item of an array.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ItemPointer {
    text: String,
    names: Vec<String>,
}

/// A text that is no [`ItemPointer`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("it is no JSON pointer (RFC 6901) such as `/servers/*/id`")]
pub struct InvalidItemPointer;

impl ItemPointer {
    /// The names on the way, `*` among them.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The strings it points to; `None` where the body has another shape, not one or too many: each
    /// may have to be held against each resource of a policy.
    pub fn find<'a>(&self, body: &'a Map<String, Value>) -> Option<Vec<&'a str>> {
        let (first, rest) = self.names.split_first()?;
        let mut values = vec![body.get(first)?];
        for name in rest {
            let mut inner = Vec::new();
            for value in values {
                match value {
                    Value::Array(items) if name == "*" => inner.extend(items),
                    Value::Object(members) => inner.push(members.get(name)?),
                    _ => return None,
                }
            }
            values = inner;
        }
        let strings: Option<Vec<&str>> = values.into_iter().map(Value::as_str).collect();
        strings.filter(|strings| (1..=MAX_ITEMS).contains(&strings.len()))
    }
}

impl FromStr for ItemPointer {
    type Err = InvalidItemPointer;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<Pointer>().map_err(|_| InvalidItemPointer)?;
        let names = text.split('/').skip(1);
        let names = names.map(|name| name.replace("~1", "/").replace("~0", "~"));
        Ok(Self {
            text: text.to_owned(),
            names: names.collect(),
        })
    }
}

impl fmt::Display for ItemPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn finds_every_item_or_nothing() {
        let body = json!({
            "a": {"servers": [{"id": "x"}, {"id": "y"}]}, "id": "z", "empty": [],
            "short": [{"id": "x"}, {}], "mixed": [{"id": "x"}, {"id": 1}], "*": {"id": "star"},
            "many": vec!["x"; MAX_ITEMS + 1],
        });
        let cases: [(&str, Option<&[&str]>); 10] = [
            ("/a/servers/*/id", Some(&["x", "y"])),
            ("/id", Some(&["z"])),
            ("/*/id", Some(&["star"])),
            ("/empty/*/id", None),
            ("/short/*/id", None),
            ("/mixed/*/id", None),
            ("/a/servers/0/id", None),
            ("/a/*/id", None),
            ("/b", None),
            ("/many/*", None),
        ];
        for (text, expected) in cases {
            let pointer: ItemPointer = text.parse().unwrap();
            let found = pointer.find(body.as_object().unwrap());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
        assert_eq!("a".parse::<ItemPointer>(), Err(InvalidItemPointer));
    }
}
