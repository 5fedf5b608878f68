//! Why an action is granted or denied: every statement about it, and what each of its conditions says
//! of the request.
//!
//! For what commands tell. It asks the functions that [`Grants::verdict`](super::Grants::verdict) asks.

use serde::Serialize;

use super::super::key::{CallerValues, ConditionKeys, Key};
use super::super::policy::{
    Condition, Effect, Moment, Policy, Statement, Wanted, Witness, moment_text, read_moment,
};
use super::{Address, Caller, CompiledPolicy, CompiledStatement, NotUnderstood, Request};
use crate::json;
use crate::table::{ActionId, ActionTable};

/// A statement about an action, and whether it applies to a request.
#[derive(Clone, Debug, Serialize)]
pub struct StatementEvidence {
    /// As in `Statement[0]`.
    pub statement: String,
    /// What it does where it applies.
    pub effect: &'static str,
    /// The pattern that stands for the action; none where the statement is about all but some.
    pub pattern: Option<String>,
    /// All must hold.
    pub conditions: Vec<ConditionEvidence>,
    /// The instances it is about; none where it is about every resource.
    pub resource: Option<ResourceEvidence>,
    /// Whether the statement applies.
    pub applies: bool,
}

/// What a condition says of a request.
#[derive(Clone, Debug, Serialize)]
pub struct ConditionEvidence {
    /// As in `g:SourceIp IpAddress 10.0.0.0/8`.
    pub condition: String,
    /// What it is held against, and where that is from.
    pub input: String,
    /// Whether it holds.
    pub holds: bool,
    /// What it is about.
    #[serde(skip)]
    pub key: String,
    /// What would make the statement permit more: an Allow apply, or a Deny not.
    #[serde(skip)]
    pub witness: Option<Witness>,
}

/// What a statement's resources say of a request.
#[derive(Clone, Debug, Serialize)]
pub struct ResourceEvidence {
    /// Those of the caller's region.
    pub instances: Vec<String>,
    /// Whether the request is about them.
    pub holds: bool,
}

impl StatementEvidence {
    /// Whether it denies.
    pub fn denies(&self) -> bool {
        self.effect == word(Effect::Deny)
    }
}

fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "allow",
        Effect::Deny => "deny",
    }
}

/// What the statements of policies are held against.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Whose actions the policies are about.
    pub table: &'a ActionTable,
    /// Which claims feed conditions.
    pub keys: &'a ConditionKeys,
    /// What the caller's say.
    pub values: &'a CallerValues<'a>,
    /// The request.
    pub request: &'a Request<'a>,
}

impl CompiledPolicy {
    /// The statements that are about `action`; `source` is what was compiled.
    ///
    /// # Errors
    ///
    /// As [`Grants::add`](super::Grants::add).
    pub fn evidence(
        &self,
        source: &Policy,
        action: ActionId,
        inputs: Inputs<'_>,
    ) -> Result<Vec<StatementEvidence>, NotUnderstood> {
        let about = self.statements.iter();
        let about = about.filter(|statement| statement.actions.contains(action));
        let evidence = about.map(|statement| {
            let written = source.statements.get(statement.index);
            let pattern = written.and_then(|written| pattern(written, action, inputs.table));
            Caller::evidence(statement, pattern, inputs)
        });
        evidence.collect()
    }

    /// The places of its statements; of those about other services alone there are none.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        let statements = self.statements.iter();
        statements.map(|statement| statement.place.as_str())
    }

    /// The same without the statements at `places`.
    #[must_use]
    pub fn without(&self, places: &[impl AsRef<str>]) -> Self {
        let is_dropped = |place: &str| places.iter().any(|dropped| dropped.as_ref() == place);
        let statements = self.statements.iter();
        let kept = statements.filter(|statement| !is_dropped(&statement.place));
        Self {
            statements: kept.cloned().collect(),
        }
    }
}

fn pattern(written: &Statement, action: ActionId, table: &ActionTable) -> Option<String> {
    let mut patterns = written.patterns.iter().filter(|_| !written.excludes);
    let found = patterns.find(|pattern| pattern.select(table).contains(action));
    found.map(ToString::to_string)
}

impl Caller {
    fn evidence(
        statement: &CompiledStatement,
        pattern: Option<String>,
        inputs: Inputs<'_>,
    ) -> Result<StatementEvidence, NotUnderstood> {
        let mut caller = Self {
            domain: inputs.values.domain().map(Box::from),
            authenticated: None,
        };
        let is_fulfilled = caller.fulfills(statement, inputs.values)?;
        let applies = is_fulfilled
            && (!caller.leaves_open(statement) || caller.meets(statement, inputs.request));
        let mut conditions = Vec::new();
        for condition in &statement.conditions {
            let holds = caller.admits(statement, condition, inputs.values)?
                && caller.holds(statement.effect, condition, inputs.request);
            conditions.push(ConditionEvidence {
                condition: condition.to_string().escape_debug().to_string(),
                input: input(condition, inputs),
                holds,
                key: condition.key.to_string(),
                witness: condition.witness(match statement.effect {
                    Effect::Allow => Wanted::Holds,
                    Effect::Deny => Wanted::Fails,
                }),
            });
        }
        let has_instance = caller.has_instance(statement)?;
        let resource = statement.instances.as_ref().map(|urns| ResourceEvidence {
            instances: urns.iter().map(ToString::to_string).collect(),
            holds: has_instance && caller.is_about(statement, &inputs.request.instances),
        });
        Ok(StatementEvidence {
            statement: statement.place.clone(),
            effect: word(statement.effect),
            pattern,
            conditions,
            resource,
            applies,
        })
    }
}

/// What a condition is held against, in words that a terminal takes for text.
fn input(condition: &Condition, inputs: Inputs<'_>) -> String {
    let Inputs {
        keys,
        values,
        request,
        ..
    } = inputs;
    let key = &condition.key;
    let now = Moment::from_secs(request.now);
    match key {
        Key::CurrentTime => return format!("the request's {}", moment_text(now)),
        Key::SourceIp => {
            return match request.address {
                Address::Known(address) => format!("the request's {}", address.to_canonical()),
                Address::Absent => "the request has none".to_owned(),
                Address::Unclear => "the request's is disputed".to_owned(),
            };
        }
        Key::ServiceName | Key::MfaAge | Key::Claim(_) => {}
    }
    let pointer = keys.pointer(key).unwrap_or_default();
    let pointer = pointer.escape_debug();
    let Some(value) = values.find(key) else {
        return format!("the claim {pointer} is absent");
    };
    let text = format!("the claim {pointer} = {}", json::shown(value));
    match (key, read_moment(value)) {
        (Key::MfaAge, Ok(moment)) => {
            let age = now.saturating_sub(moment).as_secs();
            format!("{text}, {age} seconds ago")
        }
        _ => text,
    }
}
