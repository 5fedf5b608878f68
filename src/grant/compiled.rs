//! Policies held against the table: their actions as bits, once for all tokens they apply to.

use std::sync::Arc;

use super::key::{ConditionKeys, Key};
use super::policy::{Condition, Datum, Effect, Policy, Statement, Urn, stands_for};
use crate::table::{ActionName, ActionSet, ActionTable};

/// A policy whose actions are bits over one table.
///
/// What depends on the token or the request is left to [`Grants::add`](super::Grants::add).
#[derive(Clone, Debug)]
pub struct CompiledPolicy {
    pub(super) statements: Vec<Arc<CompiledStatement>>,
}

#[derive(Clone, Debug)]
pub(super) struct CompiledStatement {
    /// Its place in the policy.
    pub index: usize,
    /// As in `Statement[0]`.
    pub place: String,
    pub effect: Effect,
    /// Never empty.
    pub actions: ActionSet,
    pub conditions: Vec<Condition>,
    /// None if it is about every resource.
    pub instances: Option<Vec<Urn>>,
}

/// Why a policy, though well-formed, says something that the gateway cannot judge.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotUnderstood {
    /// A condition on a key of which nothing is known.
    #[error("`{place}` has a condition on `{key}`, which no claim feeds")]
    Key {
        /// The statement.
        place: String,
        /// The key.
        key: String,
    },
    /// A claim that is of another type than an operator compares.
    #[error("`{place}` has a condition on `{key}`, and the claim that feeds it is not {expected}")]
    Claim {
        /// The statement.
        place: String,
        /// The key.
        key: String,
        /// What the claim must be.
        expected: &'static str,
    },
    /// A part of a resource that there is nothing to compare with.
    #[error("`{place}` is about `{resource}`, and the gateway knows no {part}")]
    Part {
        /// The statement.
        place: String,
        /// The resource.
        resource: String,
        /// Which part of it.
        part: &'static str,
    },
    /// A Deny of the service's actions on what is no instance.
    #[error("`{place}` denies actions on `{resource}`, which is not an instance")]
    Resource {
        /// The statement.
        place: String,
        /// The resource.
        resource: String,
    },
}

impl CompiledPolicy {
    /// Holds `policy` against `table`.
    ///
    /// A statement that stands for no action of the table is left out, whatever its conditions: it
    /// is about other services.
    ///
    /// # Errors
    ///
    /// Conditions and resources that cannot be judged with `keys`.
    pub fn new(
        policy: &Policy,
        table: &ActionTable,
        keys: &ConditionKeys,
    ) -> Result<Self, NotUnderstood> {
        let mut statements = Vec::new();
        for (index, statement) in policy.statements.iter().enumerate() {
            statements.extend(compile(statement, index, table, keys)?.map(Arc::new));
        }
        Ok(Self { statements })
    }

    /// The actions that some statement allows, whatever it asks.
    pub fn allowed(&self) -> ActionSet {
        self.union(|statement| statement.effect == Effect::Allow)
    }

    /// The actions that some statement denies to everyone at any time.
    pub fn always_denied(&self) -> ActionSet {
        self.union(|statement| statement.effect == Effect::Deny && !statement.asks())
    }

    fn union(&self, wanted: impl Fn(&CompiledStatement) -> bool) -> ActionSet {
        let mut actions = ActionSet::default();
        for statement in self.statements.iter().filter(|statement| wanted(statement)) {
            actions.union_with(&statement.actions);
        }
        actions
    }
}

impl CompiledStatement {
    /// Whether it depends on the caller or the request.
    pub fn asks(&self) -> bool {
        !self.conditions.is_empty() || self.instances.is_some()
    }
}

fn compile(
    statement: &Statement,
    index: usize,
    table: &ActionTable,
    keys: &ConditionKeys,
) -> Result<Option<CompiledStatement>, NotUnderstood> {
    let place = format!("Statement[{index}]");
    let mut named = ActionSet::default();
    for pattern in &statement.patterns {
        named.union_with(&pattern.select(table));
    }
    if statement.excludes && statement.effect == Effect::Allow {
        leave_out_superseded(&mut named, table);
    }
    let actions = table.actions().filter(|(id, action)| {
        named.contains(*id) != statement.excludes && statement.suits_service(action)
    });
    let actions: ActionSet = actions.map(|(id, _)| id).collect();
    if actions.is_empty() {
        return Ok(None);
    }
    let conditions = statement.conditions.iter();
    let conditions = conditions.filter(|condition| condition.key != Key::ServiceName);
    if let Some(condition) = conditions
        .clone()
        .find(|condition| !keys.feeds(&condition.key))
    {
        return Err(NotUnderstood::Key {
            place,
            key: condition.key.to_string(),
        });
    }
    let instances = match &statement.resources {
        None => None,
        Some(urns) => {
            let services: Vec<&str> = table.names(&actions).map(service).collect();
            Some(instances(urns, statement.effect, &services, keys, &place)?)
        }
    };
    Ok(Some(CompiledStatement {
        index,
        place,
        effect: statement.effect,
        actions,
        conditions: conditions.cloned().collect(),
        instances,
    }))
}

/// Who leaves out an action by the newer name of an operation means that operation: what it demands
/// is left out, too.
fn leave_out_superseded(named: &mut ActionSet, table: &ActionTable) {
    for operation in table.operations() {
        let mut newer = operation.refused_by.iter();
        if newer.any(|action| named.contains(*action)) {
            let older = operation.actions.iter();
            for action in older.filter_map(|action| table.action(action)) {
                named.insert(action);
            }
        }
    }
}

impl Statement {
    /// Whether its conditions on `g:ServiceName` hold for `action`.
    fn suits_service(&self, action: &ActionName) -> bool {
        let service = [Datum::Text(service(action))];
        let mut conditions = self.conditions.iter();
        conditions.all(|condition| {
            condition.key != Key::ServiceName || condition.holds(self.effect, Some(&service))
        })
    }
}

fn service(action: &ActionName) -> &str {
    action.parts().next().unwrap_or_default()
}

/// Those of `urns` that may be of an instance in our region.
///
/// Others match nothing. A Deny that is, or may be, on one of the service's other resources is
/// refused, since a request may well be about that.
fn instances(
    urns: &[Urn],
    effect: Effect,
    services: &[&str],
    keys: &ConditionKeys,
    place: &str,
) -> Result<Vec<Urn>, NotUnderstood> {
    let mut instances = Vec::new();
    for urn in urns {
        let mut services = services.iter();
        if effect == Effect::Deny
            && !urn.is_no_other()
            && services.any(|own| stands_for(&urn.service, own))
        {
            return Err(NotUnderstood::Resource {
                place: place.to_owned(),
                resource: urn.to_string(),
            });
        }
        if !urn.is_instance() {
            continue;
        }
        if is_part(&urn.region, keys.region.as_deref()).ok_or_else(|| NotUnderstood::Part {
            place: place.to_owned(),
            resource: urn.to_string(),
            part: "region",
        })? {
            instances.push(urn.clone());
        }
    }
    Ok(instances)
}

/// Whether a part of a URN stands for what is known of ours; nothing if that cannot be told.
pub(super) fn is_part(pattern: &str, known: Option<&str>) -> Option<bool> {
    match pattern {
        "*" => Some(true),
        _ => known.map(|known| stands_for(pattern, known)),
    }
}

#[cfg(test)]
pub mod tests;
