//! The policy language read directly from the documents: slow, obvious, and sharing nothing with
//! the code under test.
//!
//! Everything is compared as text where that is possible at all.

use serde_json::Value;

use crate::grant::Verdict;

/// What a decision rests on, besides the documents and the action.
#[derive(Clone, Debug)]
pub struct World {
    /// The values of each key that is known; absent keys are not listed.
    pub keys: Vec<(&'static str, Vec<String>)>,
    pub region: &'static str,
    pub domain: &'static str,
    pub ids: Vec<&'static str>,
    pub is_instance_level: bool,
}

/// What `documents` say of an action known under `names`, the first its own, that operations demand
/// which have the `newer` names.
pub fn verdict(documents: &[Value], names: &[String], newer: &[String], world: &World) -> Verdict {
    let mut effects = Vec::new();
    for document in documents {
        for statement in document["Statement"].as_array().unwrap() {
            if applies(
                statement,
                document["Version"] == "5.0",
                (names, newer),
                world,
            ) {
                effects.push(statement["Effect"].as_str().unwrap());
            }
        }
    }
    if effects.contains(&"Deny") {
        Verdict::Denied
    } else if effects.contains(&"Allow") {
        Verdict::Allowed
    } else {
        Verdict::NotGranted
    }
}

fn applies(
    statement: &Value,
    is_identity: bool,
    (names, newer): (&[String], &[String]),
    world: &World,
) -> bool {
    let denies = statement["Effect"] == "Deny";
    let is_one_named = |member: &str, names: &[String]| {
        let mut pairs = strings(&statement[member])
            .into_iter()
            .flat_map(|pattern| names.iter().map(move |name| (pattern, name)));
        pairs.any(|(pattern, name)| is_action(pattern, name, is_identity))
    };
    let is_named = |member| is_one_named(member, names);
    let is_about_action = match statement.get("NotAction") {
        Some(_) => !is_named("NotAction") && (denies || !is_one_named("NotAction", newer)),
        None => is_named("Action"),
    };
    is_about_action
        && resources(statement, denies, world)
        && conditions(statement, denies, names, world)
}

fn is_action(pattern: &str, name: &str, is_identity: bool) -> bool {
    let (patterns, parts) = (pattern.split(':'), name.split(':'));
    patterns
        .zip(parts)
        .enumerate()
        .all(|(index, (pattern, part))| {
            if index == 0 && !is_identity {
                is_like(pattern, part)
            } else {
                is_like(&pattern.to_lowercase(), &part.to_lowercase())
            }
        })
}

fn resources(statement: &Value, denies: bool, world: &World) -> bool {
    let urns = strings(&statement["Resource"]);
    if urns.is_empty() || urns.contains(&"*") {
        return true;
    }
    let is_plain = |id: &str| {
        let mut letters = id.chars();
        letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_')
    };
    let is_meant = |id: &str| {
        let (region, domain) = (world.region, world.domain);
        let full = format!("ecs:{region}:{domain}:instance:{id}").to_lowercase();
        urns.iter().any(|urn| {
            let urn = urn.to_lowercase();
            urn.split(':')
                .zip(full.split(':'))
                .all(|(pattern, part)| is_like(pattern, part))
        })
    };
    let can_match = {
        // An instance that no id can rule out: whether the other parts are ours at all.
        urns.iter().any(|urn| {
            let urn = urn.to_lowercase();
            let parts: Vec<&str> = urn.split(':').collect();
            let known = ["ecs", world.region, world.domain, "instance"];
            parts
                .iter()
                .zip(known)
                .all(|(pattern, part)| is_like(pattern, part))
        })
    };
    if denies {
        let unnamed = [""];
        let ids = match world.ids.as_slice() {
            [] => unnamed.as_slice(),
            ids => ids,
        };
        let is_unnamed = |id: &str| id.is_empty() && world.ids.is_empty();
        let mut ids = ids.iter();
        can_match && ids.any(|id| (!is_plain(id) && !is_unnamed(id)) || is_meant(id))
    } else {
        world.is_instance_level
            && !world.ids.is_empty()
            && world.ids.iter().all(|id| is_plain(id) && is_meant(id))
    }
}

fn conditions(statement: &Value, denies: bool, names: &[String], world: &World) -> bool {
    let Some(operators) = statement.get("Condition") else {
        return true;
    };
    let service = names[0].split(':').next().unwrap().to_owned();
    operators
        .as_object()
        .unwrap()
        .iter()
        .all(|(operator, keys)| {
            keys.as_object().unwrap().iter().all(|(key, expected)| {
                let found = match key.as_str() {
                    "g:ServiceName" => Some(vec![service.clone()]),
                    _ => world
                        .keys
                        .iter()
                        .find(|(name, _)| name == key)
                        .map(|(_, found)| found.clone()),
                };
                element(operator, denies, found.as_deref(), &strings(expected))
            })
        })
}

fn element(operator: &str, denies: bool, found: Option<&[String]>, expected: &[&str]) -> bool {
    if operator == "Null" {
        return (expected == ["true"]) == found.is_none();
    }
    let is_optional = operator.ends_with("IfExists");
    if is_optional && found.is_none() {
        return true;
    }
    let is_all = operator.starts_with("ForAllValues:");
    let is_any = operator.starts_with("ForAnyValue:");
    let name = operator
        .split(':')
        .next_back()
        .unwrap()
        .replace("IfExists", "");
    let is_negated = name.contains("Not");
    let name = name.replace("Not", "");
    let found = found.unwrap_or_default();
    if found.is_empty() {
        return denies && (is_optional || is_all || (is_negated && !is_any));
    }
    let passing = found.iter().filter(|value| {
        let some = expected
            .iter()
            .any(|expected| compare(&name, value, expected));
        some != is_negated
    });
    let passing = passing.count();
    match is_any || (denies && !is_all) {
        true => passing > 0,
        false => passing == found.len(),
    }
}

fn compare(name: &str, value: &str, expected: &str) -> bool {
    // Small numbers and texts of equal length only, for which this is exact.
    let number = |text: &str| text.parse::<f64>().unwrap();
    match name {
        "StringEquals" | "Bool" => value == expected,
        "StringEqualsIgnoreCase" => value.to_lowercase() == expected.to_lowercase(),
        "StringMatch" => is_like(expected, value),
        "StringStartWith" => value.find(expected) == Some(0),
        "StringEndWith" => {
            let end = value.chars().rev().take(expected.chars().count());
            end.eq(expected.chars().rev())
        }
        "NumberEquals" => !(number(value) < number(expected) || number(value) > number(expected)),
        "NumberLessThan" => number(value) < number(expected),
        "NumberLessThanEquals" => number(value) <= number(expected),
        "NumberGreaterThan" => number(value) > number(expected),
        "NumberGreaterThanEquals" => number(value) >= number(expected),
        "DateLessThan" => value < expected,
        "DateLessThanEquals" => value <= expected,
        "DateGreaterThan" => value > expected,
        "DateGreaterThanEquals" => value >= expected,
        "IpAddress" => is_in(value, expected),
        other => panic!("{other}"),
    }
}

/// Whether an IPv4 address is in a network, bit by bit.
fn is_in(address: &str, network: &str) -> bool {
    let (base, length) = network.split_once('/').unwrap_or((network, "32"));
    let bits = |text: &str| {
        let octets = text.split('.').map(|octet| octet.parse::<u8>().unwrap());
        let bits: Vec<String> = octets.map(|octet| format!("{octet:08b}")).collect();
        bits.concat()
    };
    let length: usize = length.parse().unwrap();
    let (address, base) = (bits(address), bits(base));
    let prefix = address.chars().take(length);
    prefix.eq(base.chars().take(length))
}

/// Whether a pattern with `*` and `?` stands for a text.
fn is_like(pattern: &str, text: &str) -> bool {
    let (mut later, mut rest) = (pattern.chars(), text.chars());
    match later.next() {
        None => text.is_empty(),
        Some('*') => loop {
            if is_like(later.as_str(), rest.as_str()) {
                return true;
            }
            if rest.next().is_none() {
                return false;
            }
        },
        Some(first) => match rest.next() {
            Some(letter) => {
                (first == '?' || first == letter) && is_like(later.as_str(), rest.as_str())
            }
            None => false,
        },
    }
}

fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap()).collect(),
        _ => Vec::new(),
    }
}
