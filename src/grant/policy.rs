//! Policy documents: the vendor's language, Version 1.1 and 5.0.
//!
//! Everything in a document is understood or the document is refused: a condition or a statement
//! that is skipped might have been the one that denies.

mod condition;
mod invalid;
mod operator;
mod resource;
mod value;
mod written;

use serde_json::{Map, Value};

pub use invalid::InvalidPolicy;

pub(super) use condition::{Check, Condition};
pub use condition::{Wanted, Witness};
pub(super) use operator::{Datum, Test, TextRelation, read_moment};
pub(super) use resource::{Urn, is_plain_id, stands_for};
pub(super) use value::{Decimal, Moment, YEAR_10000, moment_text};
pub(super) use written::write as write_conditions;

use super::pattern::{Dialect, Pattern};

/// A policy document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Policy {
    pub(super) statements: Vec<Statement>,
}

/// Allows or denies actions, perhaps on some resources and under conditions only.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Statement {
    pub effect: Effect,
    /// Whether the patterns are those of `NotAction`.
    pub excludes: bool,
    pub patterns: Vec<Pattern>,
    /// None if it is about every resource.
    pub resources: Option<Vec<Urn>>,
    /// All must hold.
    pub conditions: Vec<Condition>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Effect {
    Allow,
    Deny,
}

impl Policy {
    /// Reads one document.
    ///
    /// # Errors
    ///
    /// The first thing in it that is not understood.
    pub fn parse(document: &Value) -> Result<Self, InvalidPolicy> {
        let members = object(document).map_err(|error| error.within("document"))?;
        only(
            members,
            &["Version", "Statement"],
            "no member but `Version` and `Statement`",
        )?;
        let version = "`1.1` or `5.0`";
        let dialect = match required(members, "Version", version)? {
            Value::String(text) if text == "1.1" => Dialect::Policy,
            Value::String(text) if text == "5.0" => Dialect::IdentityPolicy,
            other => return Err(InvalidPolicy::new(version, other).within("Version")),
        };
        let expected = "an array of statements that is not empty";
        let value = required(members, "Statement", expected)?;
        let items = value.as_array().filter(|items| !items.is_empty());
        let items = items.ok_or_else(|| InvalidPolicy::new(expected, value).within("Statement"))?;
        let statements = items.iter().enumerate().map(|(index, item)| {
            statement(item, dialect).map_err(|error| error.within_item(index).within("Statement"))
        });
        Ok(Self {
            statements: statements.collect::<Result<_, _>>()?,
        })
    }
}

fn statement(value: &Value, dialect: Dialect) -> Result<Statement, InvalidPolicy> {
    let members = object(value)?;
    match dialect {
        Dialect::Policy => only(
            members,
            &["Effect", "Action", "Resource", "Condition"],
            "no member but `Effect`, `Action`, `Resource` and `Condition`",
        )?,
        Dialect::IdentityPolicy => only(
            members,
            &[
                "Sid",
                "Effect",
                "Action",
                "NotAction",
                "Resource",
                "Condition",
            ],
            "no member but `Sid`, `Effect`, `Action`, `NotAction`, `Resource` and `Condition`",
        )?,
    }
    if let Some(sid) = members.get("Sid").filter(|sid| !sid.is_string()) {
        return Err(InvalidPolicy::new("a string", sid).within("Sid"));
    }
    let (name, excludes) = match (
        members.contains_key("Action"),
        members.contains_key("NotAction"),
    ) {
        (true, true) => {
            return Err(InvalidPolicy::described(
                "`Action` or `NotAction`",
                "both".to_owned(),
            ));
        }
        (false, true) => ("NotAction", true),
        _ => ("Action", false),
    };
    let strings = "an array of strings that is not empty";
    let actions = required(members, name, strings)?;
    let patterns = each(actions, strings, |text| pattern(text, dialect))
        .map_err(|error| error.within(name))?;
    let resources = match members.get("Resource") {
        None => None,
        Some(value) => resources(value, dialect).map_err(|error| error.within("Resource"))?,
    };
    let conditions = match members.get("Condition") {
        None => Vec::new(),
        Some(value) => condition::parse(value).map_err(|error| error.within("Condition"))?,
    };
    Ok(Statement {
        effect: effect(required(members, "Effect", EFFECT)?)?,
        excludes,
        patterns,
        resources,
        conditions,
    })
}

const EFFECT: &str = "`Allow` or `Deny`";

fn effect(value: &Value) -> Result<Effect, InvalidPolicy> {
    match value.as_str() {
        Some("Allow") => Ok(Effect::Allow),
        Some("Deny") => Ok(Effect::Deny),
        _ => Err(InvalidPolicy::new(EFFECT, value).within("Effect")),
    }
}

/// A service in upper case would match nothing in Version 1.1, which in a Deny is no small thing.
fn pattern(text: &str, dialect: Dialect) -> Result<Pattern, InvalidPolicy> {
    let has_upper = |pattern: &Pattern| pattern.service().bytes().any(|b| b.is_ascii_uppercase());
    match (Pattern::parse(text, dialect), dialect) {
        (Ok(pattern), Dialect::Policy) if !has_upper(&pattern) => Ok(pattern),
        (Ok(pattern), Dialect::IdentityPolicy) => Ok(pattern),
        (_, Dialect::Policy) => Err(InvalidPolicy::text(
            "an action as in `ecs:servers:get*`, its service in lower case",
            text,
        )),
        (_, Dialect::IdentityPolicy) => Err(InvalidPolicy::text(
            "an action as in `ecs:servers:get*`",
            text,
        )),
    }
}

fn resources(value: &Value, dialect: Dialect) -> Result<Option<Vec<Urn>>, InvalidPolicy> {
    let expected = "`*` or a resource as in `ecs:*:*:instance:*`";
    let urns = each(value, "an array of strings that is not empty", |text| {
        if text == "*" {
            return Ok(None);
        }
        let urn = Urn::parse(text, dialect).ok_or_else(|| InvalidPolicy::text(expected, text));
        urn.map(Some)
    })?;
    Ok(urns.into_iter().collect())
}

/// Parses every string of the array `value`.
fn each<T>(
    value: &Value,
    expected: &'static str,
    parse: impl Fn(&str) -> Result<T, InvalidPolicy>,
) -> Result<Vec<T>, InvalidPolicy> {
    let texts = texts(value, expected)?.into_iter().enumerate();
    let parsed = texts.map(|(index, text)| parse(text).map_err(|error| error.within_item(index)));
    parsed.collect()
}

/// The strings of the array `value`, which is not empty.
fn texts<'a>(value: &'a Value, expected: &'static str) -> Result<Vec<&'a str>, InvalidPolicy> {
    let items = value.as_array().filter(|items| !items.is_empty());
    let items = items.ok_or_else(|| InvalidPolicy::new(expected, value))?;
    let texts = items.iter().enumerate().map(|(index, item)| {
        let text = item.as_str();
        text.ok_or_else(|| InvalidPolicy::new("a string", item).within_item(index))
    });
    texts.collect()
}

fn object(value: &Value) -> Result<&Map<String, Value>, InvalidPolicy> {
    let members = value.as_object();
    members.ok_or_else(|| InvalidPolicy::new("an object", value))
}

fn required<'a>(
    members: &'a Map<String, Value>,
    name: &str,
    expected: &'static str,
) -> Result<&'a Value, InvalidPolicy> {
    let value = members.get(name);
    value.ok_or_else(|| InvalidPolicy::described(expected, "nothing".to_owned()).within(name))
}

fn only(
    members: &Map<String, Value>,
    known: &[&str],
    expected: &'static str,
) -> Result<(), InvalidPolicy> {
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(InvalidPolicy::described(expected, "one".to_owned()).within(name)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
