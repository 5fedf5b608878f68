//! What a token grants: bits over the table's actions, and the few statements that depend on the
//! request.

use std::net::IpAddr;

use super::compiled::{CompiledPolicy, CompiledStatement, NotUnderstood, is_part};
use super::key::{CallerValues, Key};
use super::policy::{
    Condition, Datum, Decimal, Effect, Moment, is_plain_id, read_moment, stands_for,
};
use crate::table::{ActionId, ActionSet};

/// The actions that a caller may use.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// Never one that is denied.
    granted: ActionSet,
    denied: ActionSet,
    residual: Vec<Residual>,
}

/// A statement that depends on the request.
#[derive(Clone, Debug)]
struct Residual {
    effect: Effect,
    actions: ActionSet,
    conditions: Vec<(Circumstance, Condition)>,
    /// Patterns of ids; none if it is about every resource.
    instances: Option<Vec<String>>,
}

/// What of a request a condition is about.
#[derive(Clone, Copy, Debug)]
enum Circumstance {
    Time,
    Address,
    /// How long ago it was.
    Since(Moment),
}

/// What of a request a policy may ask for, besides its action.
#[derive(Debug)]
pub struct Request<'a> {
    /// Seconds since 1970.
    pub now: u64,
    /// The client's address; none over a Unix socket.
    pub address: Option<IpAddr>,
    /// What it is about.
    pub instances: Instances<'a>,
}

/// The instances that a request is about.
#[derive(Debug, Default)]
pub struct Instances<'a> {
    /// Their ids, as the request spells them.
    pub ids: Vec<&'a str>,
    /// Whether a grant may be for single ones of them.
    pub is_instance_level: bool,
}

/// Whether an action may be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Something grants it, and nothing denies it.
    Allowed,
    /// Nothing grants it.
    NotGranted,
    /// Something denies it, whatever grants it.
    Denied,
}

/// How many of the requests that demand an action may use it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Reach {
    /// None.
    No,
    /// It depends on the request.
    Some,
    /// All.
    Every,
}

impl Grants {
    /// Grants an action, unless something denies it.
    pub fn allow(&mut self, action: ActionId) {
        if !self.denied.contains(action) {
            self.granted.insert(action);
        }
    }

    /// Adds what `policy` allows and denies to a token with `values`.
    ///
    /// # Errors
    ///
    /// Values that the policy's conditions cannot be held against. Whatever was granted until then
    /// must not be used.
    pub fn add(
        &mut self,
        policy: &CompiledPolicy,
        values: &CallerValues<'_>,
    ) -> Result<(), NotUnderstood> {
        for statement in &policy.statements {
            let Some(residual) = Residual::new(statement, values)? else {
                continue;
            };
            match residual.effect {
                _ if residual.asks_request() => self.residual.push(residual),
                Effect::Allow => {
                    let actions = residual.actions.difference(&self.denied);
                    self.granted.union_with(&actions);
                }
                Effect::Deny => {
                    self.denied.union_with(&residual.actions);
                    self.granted = self.granted.difference(&residual.actions);
                }
            }
        }
        Ok(())
    }

    /// What is granted to every request, whatever its circumstances, unless these deny it.
    pub fn granted(&self) -> &ActionSet {
        &self.granted
    }

    /// Whether there are grants or denials that depend on the request.
    pub fn asks_request(&self) -> bool {
        !self.residual.is_empty()
    }

    /// Which requests may use an action; `is_instance_level` says whether a grant for single instances
    /// counts.
    pub fn reach(&self, action: ActionId, is_instance_level: bool) -> Reach {
        let residual = |effect| {
            let mut residual = self.residual.iter();
            residual.any(|statement| {
                let can_apply =
                    effect == Effect::Deny || is_instance_level || statement.instances.is_none();
                statement.effect == effect && statement.actions.contains(action) && can_apply
            })
        };
        let is_granted = self.granted.contains(action);
        if is_granted && !residual(Effect::Deny) {
            return Reach::Every;
        }
        match is_granted || (!self.denied.contains(action) && residual(Effect::Allow)) {
            true => Reach::Some,
            false => Reach::No,
        }
    }

    /// Whether a request may use an action.
    pub fn verdict(&self, action: ActionId, request: &Request<'_>) -> Verdict {
        let mut granted = self.granted.contains(action);
        if granted && self.residual.is_empty() {
            return Verdict::Allowed;
        }
        if self.denied.contains(action) {
            return Verdict::Denied;
        }
        for statement in &self.residual {
            match statement.effect {
                Effect::Deny if statement.is_about(action, request) => return Verdict::Denied,
                Effect::Allow if !granted => granted = statement.is_about(action, request),
                Effect::Allow | Effect::Deny => {}
            }
        }
        match granted {
            true => Verdict::Allowed,
            false => Verdict::NotGranted,
        }
    }
}

impl Residual {
    /// What is left of `statement` for a token with `values`, if it can apply at all.
    fn new(
        statement: &CompiledStatement,
        values: &CallerValues<'_>,
    ) -> Result<Option<Self>, NotUnderstood> {
        let mut conditions = Vec::new();
        let mut applies = true;
        // No early end: a claim that cannot be read refuses the token whatever the others hold.
        for condition in &statement.conditions {
            match fold(condition, statement, values)? {
                Folded::Holds(holds) => applies &= holds,
                Folded::Asks(circumstance) => conditions.push((circumstance, condition.clone())),
            }
        }
        let instances = match &statement.instances {
            None => None,
            Some(urns) => {
                let mut ids = Vec::new();
                for urn in urns {
                    let is_ours = is_part(urn.domain(), values.domain());
                    if is_ours.ok_or_else(|| NotUnderstood::Part {
                        place: statement.place.clone(),
                        resource: urn.to_string(),
                        part: "domain",
                    })? {
                        ids.push(urn.id().to_owned());
                    }
                }
                applies &= !ids.is_empty();
                Some(ids)
            }
        };
        Ok(applies.then(|| Self {
            effect: statement.effect,
            actions: statement.actions.clone(),
            conditions,
            instances,
        }))
    }

    fn asks_request(&self) -> bool {
        !self.conditions.is_empty() || self.instances.is_some()
    }

    fn is_about(&self, action: ActionId, request: &Request<'_>) -> bool {
        let mut conditions = self.conditions.iter();
        self.actions.contains(action)
            && conditions.all(|(circumstance, condition)| {
                let datum = circumstance.of(request);
                condition.holds(self.effect, datum.as_ref().map(std::slice::from_ref))
            })
            && self.is_about_instances(&request.instances)
    }

    /// An Allow must be about every instance; for a Deny one is enough, also where the vendor
    /// authorizes no single instances.
    fn is_about_instances(
        &self,
        Instances {
            ids,
            is_instance_level,
        }: &Instances<'_>,
    ) -> bool {
        let Some(patterns) = &self.instances else {
            return true;
        };
        let matches = |id: &str| patterns.iter().any(|pattern| stands_for(pattern, id));
        let mut ids = ids.iter();
        match self.effect {
            Effect::Allow => {
                *is_instance_level && ids.len() > 0 && ids.all(|id| is_plain_id(id) && matches(id))
            }
            Effect::Deny => ids.any(|id| !is_plain_id(id) || matches(id)),
        }
    }
}

enum Folded {
    Holds(bool),
    Asks(Circumstance),
}

/// What is left of a condition when the token's values are known.
fn fold(
    condition: &Condition,
    statement: &CompiledStatement,
    values: &CallerValues<'_>,
) -> Result<Folded, NotUnderstood> {
    let value = values.find(&condition.key);
    let unreadable = |expected| NotUnderstood::Claim {
        place: statement.place.clone(),
        key: condition.key.to_string(),
        expected,
    };
    Ok(match &condition.key {
        Key::CurrentTime => Folded::Asks(Circumstance::Time),
        Key::SourceIp => Folded::Asks(Circumstance::Address),
        Key::MfaAge => match value {
            None => Folded::Holds(condition.holds(statement.effect, None)),
            Some(value) => {
                let expected = "seconds since 1970 or a string as in `2022-08-01T00:00:00Z`";
                let moment = read_moment(value).ok_or_else(|| unreadable(expected))?;
                Folded::Asks(Circumstance::Since(moment))
            }
        },
        Key::ServiceName | Key::Claim(_) => {
            let holds = condition.holds_for_claim(statement.effect, value);
            Folded::Holds(holds.map_err(unreadable)?)
        }
    })
}

impl Circumstance {
    fn of(self, request: &Request<'_>) -> Option<Datum<'static>> {
        let now = Moment::from_secs(request.now);
        match self {
            Self::Time => Some(Datum::Moment(now)),
            // An IPv4 caller of an IPv6 socket is known by its IPv4 address.
            Self::Address => request
                .address
                .map(|address| Datum::Address(address.to_canonical())),
            Self::Since(moment) => {
                let age = now.saturating_sub(moment);
                Some(Datum::Number(Decimal::from(age.as_secs())))
            }
        }
    }
}

#[cfg(test)]
mod tests;
