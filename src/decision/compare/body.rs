//! Finitely many bodies that stand for all that two tables can tell apart.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::json::Pointer;
use crate::table::{BodySelector, ItemPointer, Operation, Resource};

/// A member that no table asks for.
const OTHER: &str = "x-actiongate-other";

/// Bodies that lead to the same operations.
#[derive(Debug)]
pub struct BodyClass {
    /// What tells; none where the body does not matter.
    pub told: Option<String>,
    pub members: Map<String, Value>,
}

/// The classes of bodies that the selectors of `operations`, which have their requests in common, tell
/// apart.
pub fn classes(operations: &[&Operation]) -> Vec<BodyClass> {
    let mut selectors: Vec<&BodySelector> = operations
        .iter()
        .filter_map(|operation| operation.selector.as_ref())
        .collect();
    selectors.sort_unstable_by_key(ToString::to_string);
    selectors.dedup();
    let has_key = selectors
        .iter()
        .any(|selector| matches!(selector, BodySelector::Key(_)));
    let mut found: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let empty = || Value::Object(Map::new());
    for selector in selectors {
        match selector {
            BodySelector::Key(key) => {
                let members = Map::from_iter([(key.clone(), empty())]);
                found.insert(format!("{{\"{key}\"}}"), members);
            }
            BodySelector::Value { member, values } => {
                for value in values {
                    let told = format!("{{\"{member}\": \"{value}\"}}");
                    let mut members = Map::new();
                    members.insert(member.clone(), Value::from(value.as_str()));
                    found.insert(told.clone(), members.clone());
                    if has_key {
                        members.insert(OTHER.to_owned(), Value::Null);
                        found.insert(format!("{told} and more"), members);
                    }
                }
            }
        }
    }
    let named = found.into_iter().map(|(told, members)| BodyClass {
        told: Some(told),
        members,
    });
    let mut classes: Vec<BodyClass> = named.collect();
    // Whatever else there may be, and where no selector asks all there is.
    let other = Map::from_iter([(OTHER.to_owned(), Value::Null)]);
    classes.push(BodyClass {
        told: match classes.is_empty() {
            true => None,
            false => Some("any other".to_owned()),
        },
        members: other,
    });
    classes
}

/// Where `operations` demand more if there is something.
pub fn conditions<'a>(operations: &[&'a Operation]) -> Vec<&'a Pointer> {
    let conditional = operations
        .iter()
        .flat_map(|operation| &operation.conditional);
    let mut pointers: Vec<&Pointer> = conditional.map(|conditional| &conditional.when).collect();
    pointers.sort_unstable_by_key(ToString::to_string);
    pointers.dedup();
    pointers
}

/// Where `operations` find their instances in the body.
pub fn instances<'a>(operations: &[&'a Operation]) -> Vec<&'a ItemPointer> {
    let mut pointers: Vec<&ItemPointer> = operations
        .iter()
        .filter_map(|operation| match &operation.resource {
            Some(Resource::Body(pointer)) => Some(pointer),
            Some(Resource::Parameter(_)) | None => None,
        })
        .collect();
    pointers.sort_unstable_by_key(ToString::to_string);
    pointers.dedup();
    pointers
}

/// Puts an object where `pointer` leads, unless something is there.
pub fn put(members: &mut Map<String, Value>, pointer: &Pointer) {
    put_texts(members, &pointer.names(), &[]);
}

/// Puts `texts` where `names` lead, an item of the array at `*` for each; an object if there are none.
pub fn put_texts(members: &mut Map<String, Value>, names: &[String], texts: &[String]) {
    let Some((first, rest)) = names.split_first() else {
        return;
    };
    let value = members.entry(first.clone()).or_insert(Value::Null);
    put_value(value, rest, texts);
}

fn put_value(value: &mut Value, names: &[String], texts: &[String]) {
    match (names.split_first(), texts) {
        (None, [text, ..]) => *value = Value::from(text.as_str()),
        (None, []) if value.is_null() => *value = Value::Object(Map::new()),
        (None, []) => {}
        (Some((name, rest)), _) if name == "*" => {
            if !value.is_array() {
                *value = Value::Array(Vec::new());
            }
            let Value::Array(items) = value else { return };
            items.resize(items.len().max(texts.len()).max(1), Value::Null);
            for (at, item) in items.iter_mut().enumerate() {
                put_value(item, rest, texts.get(at..=at).unwrap_or_default());
            }
        }
        (Some(_), _) => {
            if !value.is_object() {
                *value = Value::Object(Map::new());
            }
            if let Value::Object(members) = value {
                put_texts(members, names, texts);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_put_is_found() {
        let mut members = Map::new();
        put(&mut members, &"/server/eip".parse().unwrap());
        put(&mut members, &"/server".parse().unwrap());
        let ids: ItemPointer = "/server/ids/*/id".parse().unwrap();
        put_texts(&mut members, ids.names(), &["a".to_owned(), "b".to_owned()]);
        let expected = json!({"server": {"eip": {}, "ids": [{"id": "a"}, {"id": "b"}]}});
        assert_eq!(Value::Object(members.clone()), expected);
        assert_eq!(ids.find(&members), Some(vec!["a", "b"]));
        let items: Pointer = "/nics/*/ip".parse().unwrap();
        put(&mut members, &items);
        assert_eq!(items.find(&members).unwrap().into_owned(), json!([{}]));
    }
}
