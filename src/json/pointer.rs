//! JSON pointers (RFC 6901) into claims and bodies.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

/// Where a claim is, such as `/project_id` or `/resource_access/ecs/roles`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pointer {
    text: String,
    /// The first member's name, unescaped.
    first: String,
    /// The rest, as RFC 6901 writes it.
    rest: String,
}

/// A text that points to no claim.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a pointer starts with `/` and has `~` only in `~0` and `~1` (RFC 6901)")]
pub struct InvalidPointer;

impl Pointer {
    /// The value it points to.
    pub fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        claims.get(&self.first)?.pointer(&self.rest)
    }

    /// The names on the way, unescaped.
    pub fn names(&self) -> Vec<String> {
        let names = self.text.split('/').skip(1);
        names.map(unescape).collect()
    }
}

fn unescape(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

impl FromStr for Pointer {
    type Err = InvalidPointer;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = text.strip_prefix('/').ok_or(InvalidPointer)?;
        if path.replace("~0", "").replace("~1", "").contains('~') {
            return Err(InvalidPointer);
        }
        let (first, rest) = match path.split_once('/') {
            Some((first, rest)) => (first, format!("/{rest}")),
            None => (path, String::new()),
        };
        Ok(Self {
            text: text.to_owned(),
            first: unescape(first),
            rest,
        })
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn agrees_with_pointers_into_the_whole_document() {
        let claims = json!({"a": {"b": [1, {"c": 2}]}, "x/y": 3, "m~n": 4, "": 5, "n": null});
        let object = claims.as_object().unwrap();
        let texts = [
            "/a", "/a/b", "/a/b/1/c", "/a/b/2", "/x~1y", "/m~0n", "/", "/n", "/z", "/a/",
        ];
        for text in texts {
            let pointer: Pointer = text.parse().unwrap();
            assert_eq!(pointer.find(object), claims.pointer(text), "{text:?}");
            assert_eq!(pointer.to_string(), text);
            let names = pointer.names();
            let names = names.iter().try_fold(&claims, |value, name| match value {
                serde_json::Value::Array(items) => items.get(name.parse::<usize>().ok()?),
                value => value.get(name),
            });
            assert_eq!(names, claims.pointer(text), "{text:?}");
        }
    }

    #[test]
    fn refuses_other_texts() {
        for text in ["", "a", "a/b", "/a~", "/a~2", "#/a"] {
            assert_eq!(text.parse::<Pointer>(), Err(InvalidPointer), "{text:?}");
        }
    }
}
