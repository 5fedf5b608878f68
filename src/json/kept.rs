//! The part of a document that some pointers lead to, and no more of it.

use serde_json::{Map, Value};

/// What is kept where a path ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// All that is there.
    Whole,
    /// A text; of anything else that it is none.
    Text,
    /// That something is there.
    Presence,
}

/// What becomes of the members beside a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Others {
    /// They are left out.
    Gone,
    /// Their names stay, each with `null`, which then means that nobody looked; what was looked at and is
    /// neither a text nor a container is `false`.
    Named,
}

/// A way into a document, name by name; `*` is every item of an array.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeptPath {
    /// The names, unescaped.
    pub names: Vec<String>,
    /// What is kept at its end.
    pub end: End,
}

/// Keeps what `paths` lead to, where it was: a pointer of the same names finds the same.
pub fn keep(
    members: &Map<String, Value>,
    paths: &[KeptPath],
    others: Others,
) -> Map<String, Value> {
    let paths = paths.iter().map(|path| (path.names.as_slice(), path.end));
    keep_members(members, &paths.collect::<Vec<_>>(), others)
}

/// Whether what was kept with [`Others::Named`] tells all that a path's end asks for.
pub fn tells(kept: &Map<String, Value>, path: &KeptPath) -> bool {
    let Some((first, rest)) = path.names.split_first() else {
        return true;
    };
    let mut found = vec![kept.get(first)];
    for name in rest {
        let mut inner = Vec::new();
        for value in found.into_iter().flatten() {
            match value {
                Value::Null => return false,
                Value::Object(members) => inner.push(members.get(name)),
                Value::Array(items) => {
                    let items = items.iter().enumerate();
                    let meant = items.filter(|(index, _)| is_item(name, *index));
                    inner.extend(meant.map(|(_, item)| Some(item)));
                }
                _ => {}
            }
        }
        found = inner;
    }
    let mut found = found.into_iter().flatten();
    path.end == End::Presence || found.all(|value| !value.is_null())
}

type Tail<'a> = (&'a [String], End);

fn keep_members(
    members: &Map<String, Value>,
    paths: &[Tail<'_>],
    others: Others,
) -> Map<String, Value> {
    let kept = members.iter().filter_map(|(name, value)| {
        let tails = tails(paths, |first| first == name);
        match (tails.is_empty(), others) {
            (true, Others::Gone) => None,
            (true, Others::Named) => Some((name.clone(), Value::Null)),
            (false, _) => Some((name.clone(), keep_value(value, &tails, others))),
        }
    });
    kept.collect()
}

fn keep_value(value: &Value, paths: &[Tail<'_>], others: Others) -> Value {
    let ends_with = |end| {
        paths
            .iter()
            .any(|(names, own)| names.is_empty() && *own == end)
    };
    let goes_on = paths.iter().any(|(names, _)| !names.is_empty());
    match value {
        _ if ends_with(End::Whole) => value.clone(),
        Value::Object(members) if goes_on => Value::Object(keep_members(members, paths, others)),
        Value::Array(items) if goes_on => {
            let items = items.iter().enumerate().map(|(index, item)| {
                let tails = tails(paths, |name| is_item(name, index));
                match tails.is_empty() {
                    // The others stay where they are.
                    true => Value::Null,
                    false => keep_value(item, &tails, others),
                }
            });
            Value::Array(items.collect())
        }
        Value::String(_) if ends_with(End::Text) => value.clone(),
        _ if others == Others::Named && (goes_on || ends_with(End::Text)) => Value::Bool(false),
        _ => Value::Null,
    }
}

fn tails<'a>(paths: &[Tail<'a>], is_next: impl Fn(&str) -> bool) -> Vec<Tail<'a>> {
    let tails = paths.iter().filter_map(|(names, end)| {
        let (first, rest) = names.split_first()?;
        is_next(first).then_some((rest, *end))
    });
    tails.collect()
}

/// As RFC 6901 §4 writes an index.
fn is_item(name: &str, index: usize) -> bool {
    name == "*" || name == index.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Pointer;
    use proptest::prelude::*;
    use serde_json::json;

    fn path(text: &str, end: End) -> KeptPath {
        let names = text.parse::<Pointer>().unwrap().names();
        KeptPath { names, end }
    }

    #[test]
    fn what_no_path_leads_to_is_gone_or_named() {
        let body = json!({
            "server": {"name": "secret", "networks": [{"uuid": "n", "tag": "secret"}, "secret"], "id": "i", "flag": 1},
            "other": {"secret": 1}, "id": ["secret"],
        });
        let body = body.as_object().unwrap();
        let paths = [
            path("/server/networks/*/uuid", End::Presence),
            path("/server/id", End::Text),
            path("/server/flag/more", End::Presence),
            path("/id", End::Text),
        ];
        let named = json!({
            "server": {"name": null, "networks": [{"uuid": null, "tag": null}, false], "id": "i", "flag": false},
            "other": null, "id": false,
        });
        assert_eq!(Value::Object(keep(body, &paths, Others::Named)), named);
        let whole = [
            path("/server/networks/*/uuid", End::Whole),
            path("/gone", End::Whole),
        ];
        let gone = json!({"server": {"networks": [{"uuid": "n"}, null]}});
        assert_eq!(Value::Object(keep(body, &whole, Others::Gone)), gone);
    }

    #[test]
    fn what_was_not_looked_at_is_not_told() {
        let kept =
            json!({"a": {"b": null, "c": "text", "d": false}, "e": null, "f": [{"g": "x"}, null]});
        let kept = kept.as_object().unwrap();
        for (text, end, expected) in [
            ("/a/b", End::Presence, true),
            ("/a/b", End::Text, false),
            ("/a/b/c", End::Presence, false),
            ("/a/c", End::Text, true),
            ("/a/c/x", End::Presence, true),
            ("/a/d", End::Text, true),
            ("/a/x/y", End::Presence, true),
            ("/e", End::Presence, true),
            ("/e/x", End::Presence, false),
            ("/x", End::Text, true),
            ("/f/0/g", End::Text, true),
            ("/f/1/g", End::Presence, false),
            ("/f/*/g", End::Presence, false),
        ] {
            assert_eq!(tells(kept, &path(text, end)), expected, "{text} {end:?}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(json!("x")), Just(json!(1)), Just(Value::Null)];
        leaf.prop_recursive(4, 24, 3, |inner| {
            let name = prop_oneof![Just("a"), Just("b"), Just("0"), Just("*")];
            let members = prop::collection::vec((name, inner.clone()), 0..3);
            prop_oneof![
                prop::collection::vec(inner, 0..3).prop_map(Value::Array),
                members.prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    fn pointers() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec("(/(a|b|0|\\*)){1,4}", 0..4)
    }

    proptest! {
        #[test]
        fn a_pointer_finds_the_same_in_what_is_kept(a in value(), b in value(), pointers in pointers()) {
            let claims = json!({"a": a, "b": b});
            let claims = claims.as_object().unwrap();
            let paths: Vec<KeptPath> = pointers.iter().map(|text| path(text, End::Whole)).collect();
            let kept = keep(claims, &paths, Others::Gone);
            for text in &pointers {
                let pointer: Pointer = text.parse().unwrap();
                prop_assert_eq!(pointer.find(&kept), pointer.find(claims), "{}", text);
            }
            prop_assert_eq!(keep(&kept, &paths, Others::Gone), kept.clone());
        }

        #[test]
        fn what_tells_of_a_member_tells_the_truth(a in value(), kept in pointers(), asked in pointers()) {
            let body = json!({"a": a});
            let body = body.as_object().unwrap();
            let paths: Vec<KeptPath> = kept.iter().map(|text| path(text, End::Presence)).collect();
            let kept = keep(body, &paths, Others::Named);
            for text in &asked {
                if tells(&kept, &path(text, End::Presence)) {
                    let pointer: Pointer = text.parse().unwrap();
                    prop_assert_eq!(pointer.find(&kept).is_some(), pointer.find(body).is_some(), "{}", text);
                }
            }
        }
    }
}
