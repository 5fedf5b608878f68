//! JSON pointers (RFC 6901) into claims and bodies, with `*` for every item of an array.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

/// Where a claim is, such as `/project_id` or `/resource_access/ecs/roles`.
///
/// A `*` after the first name stands for every item of an array: `/token/roles/*/name` is the array
/// of the roles' names. No member called `*` can be pointed to there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pointer {
    text: String,
    /// The first member's name, unescaped.
    first: String,
    /// The rest until a `*`, as RFC 6901 writes it.
    rest: String,
    /// What is behind each `*`, until the next.
    items: Vec<String>,
}

/// A text that points to no claim.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a pointer starts with `/` and has `~` only in `~0` and `~1` (RFC 6901)")]
pub struct InvalidPointer;

impl Pointer {
    /// The value it points to: with `*` an array, of all that is found in the items.
    ///
    /// An item that lacks what is looked for, and whatever is no array where one has to be, is `null`
    /// there: who expects texts refuses it. To leave it out would be to skip what was not understood.
    pub fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<Cow<'a, Value>> {
        let found = claims.get(&self.first)?.pointer(&self.rest)?;
        if self.items.is_empty() {
            return Some(Cow::Borrowed(found));
        }
        let mut found = vec![Some(found)];
        for rest in &self.items {
            let mut inner = Vec::new();
            for value in found {
                match value.and_then(Value::as_array) {
                    Some(items) => inner.extend(items.iter().map(|item| item.pointer(rest))),
                    None => inner.push(None),
                }
            }
            found = inner;
        }
        let found = found.into_iter();
        let found = found.map(|value| value.cloned().unwrap_or_default());
        Some(Cow::Owned(found.collect()))
    }

    /// Puts `value` where [`Pointer::find`] finds it, in place of what was there: for claims that nobody
    /// has signed. A `*` takes an array, and makes an item of each of its values.
    pub fn write(&self, claims: &mut Map<String, Value>, value: Value) {
        let names: Vec<&str> = self.text.split('/').skip(2).collect();
        let place = claims.entry(self.first.clone()).or_insert(Value::Null);
        write(place, &names, value);
    }

    /// The names on the way, unescaped.
    pub fn names(&self) -> Vec<String> {
        let names = self.text.split('/').skip(1);
        names.map(unescape).collect()
    }
}

fn write(place: &mut Value, names: &[&str], value: Value) {
    let Some((name, names)) = names.split_first() else {
        *place = value;
        return;
    };
    if *name == "*" {
        let items = match value {
            Value::Array(items) => items,
            one => vec![one],
        };
        let items = items.into_iter().map(|value| {
            let mut item = Value::Null;
            write(&mut item, names, value);
            item
        });
        *place = items.collect();
        return;
    }
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    if let Value::Object(members) = place {
        let place = members.entry(unescape(name)).or_insert(Value::Null);
        write(place, names, value);
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
        let mut names = path.split('/');
        let first = names.next().unwrap_or_default();
        let (mut rest, mut items) = (String::new(), Vec::new());
        for name in names {
            match (name, items.last_mut()) {
                ("*", _) => items.push(String::new()),
                (name, last) => {
                    let part = last.unwrap_or(&mut rest);
                    part.push('/');
                    part.push_str(name);
                }
            }
        }
        Ok(Self {
            text: text.to_owned(),
            first: unescape(first),
            rest,
            items,
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
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_is_written_is_found() {
        let roles = json!(["a", "b"]);
        for (text, expected) in [
            ("/roles", json!({"x": 1, "roles": ["a", "b"]})),
            ("/x", json!({"x": ["a", "b"]})),
            ("/x/a~1b", json!({"x": {"a/b": ["a", "b"]}})),
            (
                "/token/roles/*/name",
                json!({"x": 1, "token": {"roles": [{"name": "a"}, {"name": "b"}]}}),
            ),
            ("/r/*", json!({"x": 1, "r": ["a", "b"]})),
        ] {
            let pointer: Pointer = text.parse().unwrap();
            let mut claims = json!({"x": 1}).as_object().unwrap().clone();
            pointer.write(&mut claims, roles.clone());
            assert_eq!(Value::Object(claims.clone()), expected, "{text}");
            assert_eq!(pointer.find(&claims).as_deref(), Some(&roles), "{text}");
        }
        let pointer: Pointer = "/a/*/p".parse().unwrap();
        let mut claims = Map::new();
        pointer.write(&mut claims, json!("p1"));
        assert_eq!(pointer.find(&claims).as_deref(), Some(&json!(["p1"])));
    }

    #[test]
    fn agrees_with_pointers_into_the_whole_document() {
        let claims = json!({"a": {"b": [1, {"c": 2}]}, "x/y": 3, "m~n": 4, "": 5, "n": null});
        let object = claims.as_object().unwrap();
        let texts = [
            "/a", "/a/b", "/a/b/1/c", "/a/b/2", "/x~1y", "/m~0n", "/", "/n", "/z", "/a/",
        ];
        for text in texts {
            let pointer: Pointer = text.parse().unwrap();
            let found = pointer.find(object);
            assert_eq!(found.as_deref(), claims.pointer(text), "{text:?}");
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
    fn a_star_is_every_item() {
        let claims = json!({
            "token": {"roles": [{"name": "a"}, {"name": "b", "id": 1}], "user": {"name": "u"}},
            "none": [], "nested": [[1, 2], [], [3]], "plain": ["x"], "mixed": [{"name": "a"}, "b"],
            "deep": [{"in": [{"n": 1}]}, {"in": {"n": 2}}, {}], "*": {"name": "star"}, "n": null,
        });
        let cases = [
            ("/token/roles/*/name", Some(json!(["a", "b"]))),
            // An item without the member is not left out.
            ("/token/roles/*/id", Some(json!([null, 1]))),
            ("/token/roles/*", claims.pointer("/token/roles").cloned()),
            ("/none/*/name", Some(json!([]))),
            ("/nested/*", claims.get("nested").cloned()),
            ("/nested/*/*", Some(json!([1, 2, 3]))),
            ("/nested/*/0", Some(json!([1, null, 3]))),
            ("/plain/*/name", Some(json!([null]))),
            ("/mixed/*/name", Some(json!(["a", null]))),
            ("/deep/*/in/*/n", Some(json!([1, null, null]))),
            // No array.
            ("/token/user/*/name", Some(json!([null]))),
            ("/token/user/name/*", Some(json!([null]))),
            ("/n/*", Some(json!([null]))),
            // Not there.
            ("/token/groups/*/name", None),
            ("/gone/*", None),
            // The claims are no array: this is a name.
            ("/*/name", Some(json!("star"))),
        ];
        for (text, expected) in cases {
            let pointer: Pointer = text.parse().unwrap();
            let found = pointer.find(claims.as_object().unwrap());
            assert_eq!(found.map(Cow::into_owned), expected, "{text}");
        }
    }

    /// One name after the other, `null` where something is not as it should be behind a `*`.
    fn naive(value: &Value, names: &[String], is_inside: bool) -> Option<Vec<Value>> {
        let Some((name, rest)) = names.split_first() else {
            return Some(vec![value.clone()]);
        };
        let missing = || is_inside.then(|| vec![Value::Null]);
        match (name.as_str(), value) {
            ("*", Value::Array(items)) => {
                let found = items.iter().filter_map(|item| naive(item, rest, true));
                Some(found.flatten().collect())
            }
            ("*", _) => Some(vec![Value::Null]),
            (name, Value::Object(members)) => match members.get(name) {
                Some(member) => naive(member, rest, is_inside),
                None => missing(),
            },
            (name, Value::Array(items)) => {
                let index = ["0", "1", "2"].iter().position(|index| *index == name);
                match index.and_then(|index| items.get(index)) {
                    Some(item) => naive(item, rest, is_inside),
                    None => missing(),
                }
            }
            _ => missing(),
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(json!("x")), Just(json!(1)), Just(Value::Null)];
        leaf.prop_recursive(4, 24, 3, |inner| {
            let name = prop_oneof![Just("a"), Just("b"), Just("0")];
            let members = prop::collection::vec((name, inner.clone()), 0..3);
            prop_oneof![
                prop::collection::vec(inner, 0..3).prop_map(Value::Array),
                members.prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn agrees_with_a_naive_reading(
            value in value(),
            names in prop::collection::vec(prop_oneof![Just("*"), Just("a"), Just("b"), Just("0")], 0..4),
        ) {
            let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            let text = ["/c".to_owned()].iter().chain(&names).cloned().collect::<Vec<_>>().join("/");
            let pointer: Pointer = text.parse().unwrap();
            let claims = json!({ "c": value });
            let found = pointer.find(claims.as_object().unwrap());
            let mut expected = naive(&claims["c"], &names, false);
            if names.iter().all(|name| name != "*") {
                let only = expected.and_then(|mut values| values.pop());
                prop_assert_eq!(found.map(Cow::into_owned), only);
            } else {
                let all = expected.take().map(Value::Array);
                prop_assert_eq!(found.map(Cow::into_owned), all);
            }
        }
    }

    #[test]
    fn refuses_other_texts() {
        for text in ["", "a", "a/b", "/a~", "/a~2", "#/a"] {
            assert_eq!(text.parse::<Pointer>(), Err(InvalidPointer), "{text:?}");
        }
    }
}
