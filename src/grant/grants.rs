//! What a token grants: bits over the table's actions, and the few statements that depend on the
//! request.

mod evidence;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use evidence::{ConditionEvidence, Inputs, ResourceEvidence, StatementEvidence};

use super::compiled::{CompiledPolicy, CompiledStatement, NotUnderstood, is_part};
use super::key::{CallerValues, Key};
use super::policy::{
    Condition, Datum, Decimal, Effect, Moment, is_plain_id, read_moment, stands_for,
};
use crate::table::{ActionId, ActionSet};

/// How far ahead of our clock a caller can have proved who it is. What is beyond, as a time in
/// milliseconds, would be fresh forever: it fulfills a condition of a Deny only.
const MAX_AHEAD: Duration = Duration::from_mins(5);

/// The actions that a caller may use.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// Never one that is denied.
    granted: ActionSet,
    denied: ActionSet,
    /// Statements that depend on the request, shared with every other token they apply to.
    residual: Vec<Arc<CompiledStatement>>,
    caller: Caller,
}

/// What the residual statements are held against besides the request.
#[derive(Clone, Debug, Default)]
struct Caller {
    domain: Option<Box<str>>,
    /// When it proved who it is, for `g:MFAAge`.
    authenticated: Option<Moment>,
}

/// What of a request a policy may ask for, besides its action.
#[derive(Debug)]
pub struct Request<'a> {
    /// Seconds since 1970.
    pub now: u64,
    /// The client's address.
    pub address: Address,
    /// What it is about.
    pub instances: Instances<'a>,
}

/// The client's address, as far as it is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Address {
    /// This one.
    Known(IpAddr),
    /// It has none, as over a Unix socket.
    Absent,
    /// A client of a trusted proxy, whose headers dispute which: a condition on it holds for no
    /// Allow and for each Deny, or a client could choose by a header of its own.
    Unclear,
}

impl From<Option<IpAddr>> for Address {
    fn from(address: Option<IpAddr>) -> Self {
        address.map_or(Self::Absent, Self::Known)
    }
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

/// What is known of requests that have not been made yet.
pub trait Reaching {
    /// Which requests may use an action; `is_instance_level` says whether a grant for single instances
    /// counts.
    fn reach(&self, action: ActionId, is_instance_level: bool) -> Reach;

    /// Which requests are denied an action, whatever grants it.
    fn denial_reach(&self, action: ActionId) -> Reach;
}

/// What policies grant, whoever has them: of what they ask about a caller nothing is known, so this
/// decides no request.
#[derive(Clone, Debug)]
pub struct RoleGrants(Grants);

impl Grants {
    /// Grants these actions to every request, unless something denies them.
    pub fn new(granted: ActionSet) -> Self {
        Self {
            granted,
            ..Self::default()
        }
    }

    /// Adds what `policy` allows and denies to the token with `values`, for every policy the same.
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
        self.caller.domain = values.domain().map(Box::from);
        for statement in &policy.statements {
            if !self.caller.fulfills(statement, values)? {
                continue;
            }
            if self.caller.leaves_open(statement) {
                self.residual.push(Arc::clone(statement));
                continue;
            }
            self.apply(statement);
        }
        Ok(())
    }

    fn apply(&mut self, statement: &CompiledStatement) {
        let actions = &statement.actions;
        match statement.effect {
            Effect::Allow => self.granted.union_with(&actions.difference(&self.denied)),
            Effect::Deny => {
                self.denied.union_with(actions);
                self.granted = self.granted.difference(actions);
            }
        }
    }

    /// What is granted to every request, whatever its circumstances, unless these deny it.
    pub fn granted(&self) -> &ActionSet {
        &self.granted
    }

    /// Whether there are grants or denials that depend on the request.
    pub fn asks_request(&self) -> bool {
        !self.residual.is_empty()
    }

    fn residual_for(
        &self,
        effect: Effect,
        action: ActionId,
    ) -> impl Iterator<Item = &CompiledStatement> {
        let residual = self.residual.iter().map(Arc::as_ref);
        residual.filter(move |statement| {
            statement.effect == effect && statement.actions.contains(action)
        })
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
            let is_asked = statement.actions.contains(action)
                && (statement.effect == Effect::Deny || !granted);
            if is_asked && self.caller.meets(statement, request) {
                match statement.effect {
                    Effect::Deny => return Verdict::Denied,
                    Effect::Allow => granted = true,
                }
            }
        }
        match granted {
            true => Verdict::Allowed,
            false => Verdict::NotGranted,
        }
    }
}

impl Reaching for Grants {
    fn reach(&self, action: ActionId, is_instance_level: bool) -> Reach {
        let mut residual = self.residual_for(Effect::Allow, action);
        let can_be_granted = self.granted.contains(action)
            || residual.any(|statement| is_instance_level || statement.instances.is_none());
        match self.denial_reach(action) {
            Reach::No if self.granted.contains(action) => Reach::Every,
            Reach::No | Reach::Some if can_be_granted => Reach::Some,
            _ => Reach::No,
        }
    }

    fn denial_reach(&self, action: ActionId) -> Reach {
        match self.denied.contains(action) {
            true => Reach::Every,
            false if self.residual_for(Effect::Deny, action).next().is_some() => Reach::Some,
            false => Reach::No,
        }
    }
}

impl RoleGrants {
    /// For whoever has all of `policies`.
    pub fn new<'a>(policies: impl IntoIterator<Item = &'a CompiledPolicy>) -> Self {
        let mut grants = Grants::default();
        for statement in policies.into_iter().flat_map(|policy| &policy.statements) {
            match statement.asks() {
                true => grants.residual.push(Arc::clone(statement)),
                false => grants.apply(statement),
            }
        }
        Self(grants)
    }
}

impl Reaching for RoleGrants {
    fn reach(&self, action: ActionId, is_instance_level: bool) -> Reach {
        self.0.reach(action, is_instance_level)
    }

    fn denial_reach(&self, action: ActionId) -> Reach {
        self.0.denial_reach(action)
    }
}

impl Caller {
    /// Whether `statement` can apply to the token with `values`, as far as that is known before any
    /// request.
    fn fulfills(
        &mut self,
        statement: &CompiledStatement,
        values: &CallerValues<'_>,
    ) -> Result<bool, NotUnderstood> {
        let mut fulfills = true;
        // No early end: what cannot be judged refuses the token whatever else there is.
        for condition in &statement.conditions {
            fulfills &= self.admits(statement, condition, values)?;
        }
        Ok(self.has_instance(statement)? && fulfills)
    }

    /// Whether any instance that the statement is about can be of the caller's domain.
    fn has_instance(&self, statement: &CompiledStatement) -> Result<bool, NotUnderstood> {
        let mut has_instance = statement.instances.is_none();
        for urn in statement.instances.iter().flatten() {
            let is_ours = is_part(&urn.domain, self.domain.as_deref());
            has_instance |= is_ours.ok_or_else(|| NotUnderstood::Part {
                place: statement.place.clone(),
                resource: urn.to_string(),
                part: "domain",
            })?;
        }
        Ok(has_instance)
    }

    /// Whether one condition of a statement can hold for the token with `values`.
    fn admits(
        &mut self,
        statement: &CompiledStatement,
        condition: &Condition,
        values: &CallerValues<'_>,
    ) -> Result<bool, NotUnderstood> {
        let value = values.find(&condition.key);
        let unreadable = |expected| NotUnderstood::Claim {
            place: statement.place.clone(),
            key: condition.key.to_string(),
            expected,
        };
        match (&condition.key, value) {
            (Key::CurrentTime | Key::SourceIp, _) => Ok(true),
            (Key::MfaAge, Some(value)) => {
                self.authenticated = Some(read_moment(value).map_err(unreadable)?);
                Ok(true)
            }
            (Key::MfaAge | Key::ServiceName | Key::Claim(_), value) => condition
                .holds_for_claim(statement.effect, value)
                .map_err(unreadable),
        }
    }

    /// Whether a statement that is fulfilled still depends on the request.
    fn leaves_open(&self, statement: &CompiledStatement) -> bool {
        let mut conditions = statement.conditions.iter();
        statement.instances.is_some()
            || conditions.any(|condition| match condition.key {
                Key::CurrentTime | Key::SourceIp => true,
                Key::MfaAge => self.authenticated.is_some(),
                Key::ServiceName | Key::Claim(_) => false,
            })
    }

    /// Whether a statement that was left open applies to the request, its action aside.
    fn meets(&self, statement: &CompiledStatement, request: &Request<'_>) -> bool {
        let mut conditions = statement.conditions.iter();
        conditions.all(|condition| self.holds(statement.effect, condition, request))
            && self.is_about(statement, &request.instances)
    }

    /// Whether a condition that the token admits holds for the request.
    fn holds(&self, effect: Effect, condition: &Condition, request: &Request<'_>) -> bool {
        let now = Moment::from_secs(request.now);
        let datum = match condition.key {
            Key::CurrentTime => Some(Datum::Moment(now)),
            Key::SourceIp => match request.address {
                // An IPv4 caller of an IPv6 socket is known by its IPv4 address.
                Address::Known(own) => Some(Datum::Address(own.to_canonical())),
                Address::Absent => None,
                Address::Unclear => return effect == Effect::Deny,
            },
            Key::MfaAge => match self.authenticated {
                Some(moment) if moment > now.saturating_add(MAX_AHEAD) => {
                    return effect == Effect::Deny;
                }
                authenticated => authenticated.map(|moment| {
                    let age = now.saturating_sub(moment);
                    Datum::Number(Decimal::from(age.as_secs()))
                }),
            },
            // Fulfilled, or the statement would not have been left open.
            Key::ServiceName | Key::Claim(_) => return true,
        };
        condition.holds(effect, datum.as_ref().map(std::slice::from_ref))
    }

    /// An Allow must be about every instance; for a Deny one is enough, also where the vendor
    /// authorizes no single instances.
    fn is_about(&self, statement: &CompiledStatement, instances: &Instances<'_>) -> bool {
        let Some(urns) = &statement.instances else {
            return true;
        };
        let is_meant = |id: &str| {
            let domain = self.domain.as_deref();
            let mut urns = urns.iter();
            urns.any(|urn| is_part(&urn.domain, domain) == Some(true) && stands_for(&urn.id, id))
        };
        let mut ids = instances.ids.iter();
        match statement.effect {
            Effect::Allow => {
                instances.is_instance_level
                    && ids.len() > 0
                    && ids.all(|id| is_plain_id(id) && is_meant(id))
            }
            // Every instance is also one that the request does not name, as where it makes one.
            Effect::Deny if instances.ids.is_empty() => is_meant(""),
            Effect::Deny => ids.any(|id| !is_plain_id(id) || is_meant(id)),
        }
    }
}

#[cfg(test)]
mod tests;
