//! The classes of one claim's values.

use serde_json::{Value, json};

use super::text::{Alphabet, Fold, TextPattern, texts};
use super::{ClaimTests, Class, Sample, Undecided, network, ordered};
use crate::grant::policy::{Test, TextRelation, stands_for};

/// More different sets of a claim's values than these are not looked at.
const MAX_SETS: usize = 4096;

/// For each test whether some value passes, and whether all do.
type Ways = Vec<(bool, bool)>;

/// The classes of values of the claim at `pointer`, its absence among them.
pub fn classes(pointer: &str, asked: &ClaimTests<'_>) -> Result<Vec<Class>, Undecided> {
    let class = |told: String, value| Class {
        told,
        sample: Sample::Claim(pointer.to_owned(), value),
    };
    let mut classes = Vec::new();
    if asked.ages.is_empty() && !asked.is_age {
        let singles = singles(pointer, asked)?;
        let sets = match asked.is_text {
            true => Vec::new(),
            false => sets(&singles)?,
        };
        for (value, _) in &singles {
            classes.push(class(
                format!("claim {pointer} such as {value}"),
                Some(value.clone()),
            ));
        }
        for values in sets {
            let told = format!("claim {pointer} such as {values}");
            classes.push(class(told, Some(values)));
        }
        if !asked.is_text && !asked.tests.is_empty() {
            classes.push(class(
                format!("claim {pointer} an empty array"),
                Some(json!([])),
            ));
        }
    } else if asked.tests.is_empty() && asked.domains.is_empty() {
        classes.extend(ordered::ages(pointer, &asked.ages));
    } else {
        return Err(Undecided::Kinds(pointer.to_owned()));
    }
    classes.push(class(format!("no claim {pointer}"), None));
    let is_any_text = asked
        .tests
        .iter()
        .all(|test| matches!(test, Test::Text(..)));
    let unreadable = match asked.is_text {
        false => Some(json!({})),
        // No number, time, truth or address.
        true if asked.is_age || !is_any_text => Some(json!("x")),
        true => None,
    };
    if asked.may_be_unreadable && unreadable.is_some() {
        let told = format!("claim {pointer} not of the kind that a policy compares");
        classes.push(class(told, unreadable));
    }
    Ok(classes)
}

/// One value for each set of tests that a single value can pass.
fn singles(pointer: &str, asked: &ClaimTests<'_>) -> Result<Vec<(Value, Ways)>, Undecided> {
    let mut singles: Vec<(Value, Ways)> = Vec::new();
    for value in candidates(pointer, asked)? {
        let mut ways = Ways::new();
        for test in &asked.tests {
            let datum = test.read(&value);
            let holds = datum.is_ok_and(|datum| test.holds(&datum));
            ways.push((holds, holds));
        }
        for domain in &asked.domains {
            let holds = value.as_str().is_some_and(|text| stands_for(domain, text));
            ways.push((holds, holds));
        }
        if !singles.iter().any(|(_, known)| *known == ways) {
            singles.push((value, ways));
        }
    }
    Ok(singles)
}

fn candidates(pointer: &str, asked: &ClaimTests<'_>) -> Result<Vec<Value>, Undecided> {
    let tests = &asked.tests;
    let mut patterns: Vec<TextPattern> = Vec::new();
    for domain in &asked.domains {
        patterns.push(TextPattern::wildcard(domain, Fold::Ascii));
    }
    let (mut others, mut kinds) = (Vec::new(), Vec::new());
    for test in tests {
        kinds.push(std::mem::discriminant(*test));
        match test {
            Test::Text(relation, values) => {
                patterns.extend(values.iter().map(|value| pattern(*relation, value)));
            }
            Test::Number(..) => others = values(ordered::numbers(tests)),
            Test::Moment(..) => others = ordered::moments(tests),
            Test::Bool(_) => others = values(["true", "false"].map(str::to_owned)),
            Test::Address(_) => others = values(addresses(tests)),
        }
    }
    kinds.dedup();
    match (kinds.as_slice(), patterns.is_empty()) {
        ([], true) => Ok(vec![json!("x")]),
        ([] | [_], false) if others.is_empty() => {
            patterns.sort_unstable_by_key(|pattern| format!("{pattern:?}"));
            patterns.dedup();
            let alphabet = match asked.domains.is_empty() {
                true => Alphabet::All,
                // What is empty names no domain, and refuses the token.
                false => Alphabet::NotEmpty,
            };
            let found = texts(&patterns, alphabet)?;
            Ok(found.into_iter().map(Value::from).collect())
        }
        ([_], true) => Ok(others),
        _ => Err(Undecided::Kinds(pointer.to_owned())),
    }
}

fn values(texts: impl IntoIterator<Item = String>) -> Vec<Value> {
    texts.into_iter().map(Value::from).collect()
}

fn pattern(relation: TextRelation, value: &str) -> TextPattern {
    match relation {
        TextRelation::Equal => TextPattern::literal(value, Fold::Nothing),
        TextRelation::EqualIgnoringCase => TextPattern::literal(value, Fold::Lower),
        TextRelation::Match => TextPattern::wildcard(value, Fold::Nothing),
        TextRelation::StartWith => TextPattern::literal(value, Fold::Nothing).and_more(),
        TextRelation::EndWith => TextPattern::literal(value, Fold::Nothing).after_more(),
    }
}

fn addresses(tests: &[&Test]) -> Vec<String> {
    let networks = tests.iter().flat_map(|test| match test {
        Test::Address(networks) => networks.as_slice(),
        _ => &[],
    });
    let networks: Vec<_> = networks.copied().collect();
    let found = network::addresses(&networks).into_iter();
    found.map(|(_, address)| address.to_string()).collect()
}

/// An array for each further way in which several values can pass some, all or none of the tests.
fn sets(singles: &[(Value, Ways)]) -> Result<Vec<Value>, Undecided> {
    let mut found: Vec<(Vec<Value>, Ways)> = Vec::new();
    let single = |(value, ways): &(Value, Ways)| (vec![value.clone()], ways.clone());
    let mut waiting: Vec<(Vec<Value>, Ways)> = singles.iter().map(single).collect();
    while let Some((values, ways)) = waiting.pop() {
        for (value, own) in singles {
            let both = ways.iter().zip(own);
            let both: Ways = both
                .map(|((some, all), (own, _))| (*some || *own, *all && *own))
                .collect();
            let is_known = singles.iter().any(|(_, known)| *known == both)
                || found.iter().any(|(_, known)| *known == both);
            if is_known {
                continue;
            }
            let larger: Vec<Value> = values.iter().chain([value]).cloned().collect();
            found.push((larger.clone(), both.clone()));
            waiting.push((larger, both));
            if found.len() > MAX_SETS {
                return Err(Undecided::Contexts);
            }
        }
    }
    Ok(found
        .into_iter()
        .map(|(values, _)| Value::Array(values))
        .collect())
}
