//! What covers a use: the statements that allow an action, and those that deny it nevertheless.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::LeftOut;
use crate::grant::compiled::CompiledStatement;
use crate::grant::pattern::Dialect;
use crate::grant::policy::{Urn, write_conditions};

/// What a statement asks for, as Version 1.1 writes it; every resource and no condition where it asks for
/// nothing.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Clause {
    resource: Option<Vec<String>>,
    /// JSON.
    condition: Option<String>,
}

/// What allows an action, and what denies it nevertheless.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Cover {
    /// One of them is enough; never empty.
    pub allows: BTreeSet<Clause>,
    pub denies: BTreeSet<Clause>,
}

impl Clause {
    /// What `statement` asks for.
    pub fn new(statement: &CompiledStatement) -> Result<Self, LeftOut> {
        let urns = statement
            .instances
            .as_ref()
            .map(|urns| urns.iter().map(Urn::to_string));
        let resource: Option<Vec<String>> = urns.map(Iterator::collect);
        let is_writable = |text: &String| Urn::parse(text, Dialect::Policy).is_some();
        if !resource.iter().flatten().all(is_writable) {
            return Err(LeftOut::Unwritable);
        }
        let condition = match statement.conditions.as_slice() {
            [] => None,
            conditions => {
                let written = write_conditions(conditions).ok_or(LeftOut::Unwritable)?;
                Some(written.to_string())
            }
        };
        Ok(Self {
            resource,
            condition,
        })
    }

    /// The statement for these actions that asks for it.
    pub fn statement(&self, effect: &str, actions: &[String]) -> Value {
        let mut members = Map::new();
        members.insert("Effect".to_owned(), json!(effect));
        members.insert("Action".to_owned(), json!(actions));
        if let Some(resource) = &self.resource {
            members.insert("Resource".to_owned(), json!(resource));
        }
        let condition = self.condition.as_ref();
        if let Some(condition) = condition.and_then(|text| serde_json::from_str(text).ok()) {
            members.insert("Condition".to_owned(), condition);
        }
        Value::Object(members)
    }
}

impl Cover {
    /// By a grant that asks for nothing.
    pub fn always() -> Self {
        Self {
            allows: BTreeSet::from([Clause::default()]),
            denies: BTreeSet::new(),
        }
    }

    /// Whether what asks for one of `clauses` is allowed, too.
    pub fn allows_all(&self, clauses: &BTreeSet<Clause>) -> bool {
        self.allows.contains(&Clause::default()) || clauses.is_subset(&self.allows)
    }

    /// Adds what allows and denies in `other`.
    pub fn extend(&mut self, other: &Self) {
        self.allows.extend(other.allows.iter().cloned());
        self.denies.extend(other.denies.iter().cloned());
        if self.allows.contains(&Clause::default()) {
            self.allows = BTreeSet::from([Clause::default()]);
        }
    }

    /// Whether it permits every request.
    pub fn is_always(&self) -> bool {
        self.denies.is_empty() && self.allows.contains(&Clause::default())
    }
}

/// What permits all requests that any of them permits, and no other one.
pub fn choose(covers: &BTreeSet<Cover>) -> Option<Cover> {
    if let Some(always) = covers.iter().find(|cover| cover.is_always()) {
        return Some(always.clone());
    }
    let mut covers = covers.iter();
    let mut chosen = covers.next()?.clone();
    for cover in covers {
        if cover.denies != chosen.denies {
            return None;
        }
        chosen.allows.extend(cover.allows.iter().cloned());
    }
    Some(chosen)
}
