//! What is said of a request: as data, which is printed as text or as JSON.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use super::caller::quoted;
use super::change::Change;
use crate::cli::say;
use crate::gateway::Rejection;
use crate::grant::StatementEvidence;

/// A request, each step on its way with its evidence, and how it ends.
#[derive(Debug, Serialize)]
pub struct Explanation {
    pub request: Described,
    pub steps: Vec<Step>,
    pub decision: Decision,
    /// Of a denial.
    pub status: Option<u16>,
    /// Of a denial: the stable label.
    pub reason: Option<&'static str>,
    /// Of a denial: whether the gateway lets the request through all the same, and only reports it.
    pub is_reported_only: bool,
    /// Of a denial: what the client is told.
    pub message: Option<String>,
    /// The required actions that are not granted, or denied.
    pub missing: Vec<String>,
    /// Of a denial: what would permit the request.
    pub change: Option<Change>,
    /// The operation's place in the table, once the request is routed.
    #[serde(skip)]
    pub operation: Option<usize>,
    /// Each action that was decided upon.
    #[serde(skip)]
    pub actions: Vec<ActionEvidence>,
}

/// The request, as far as a decision may rest on it.
#[derive(Clone, Debug, Serialize)]
pub struct Described {
    pub method: String,
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    pub address: Option<std::net::IpAddr>,
    /// When it is made.
    pub time: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    Allow,
    Deny,
}

/// One step on a request's way.
#[derive(Debug, Serialize)]
pub struct Step {
    #[serde(rename = "step")]
    pub label: &'static str,
    pub outcome: StepOutcome,
    /// In words, for a terminal.
    pub says: String,
    /// More lines of them.
    #[serde(skip)]
    pub more: Vec<String>,
    /// The same as data.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub evidence: Value,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepOutcome {
    /// The request goes on.
    Passed,
    /// It ends here.
    Refused,
    /// Nothing hangs on it alone.
    Noted,
}

impl Step {
    pub fn passed(label: &'static str, says: impl Into<String>) -> Self {
        Self::new(label, StepOutcome::Passed, says.into())
    }

    pub fn noted(label: &'static str, says: impl Into<String>) -> Self {
        Self::new(label, StepOutcome::Noted, says.into())
    }

    fn new(label: &'static str, outcome: StepOutcome, says: String) -> Self {
        Self {
            label,
            outcome,
            says,
            more: Vec::new(),
            evidence: Value::Null,
        }
    }

    #[must_use]
    pub fn with(self, evidence: Value) -> Self {
        Self { evidence, ..self }
    }

    pub fn print(&self) {
        say(format_args!("{:<13} {}", self.label, self.says));
        for line in &self.more {
            say(format_args!("{:<13} {line}", ""));
        }
    }
}

/// What is said of an action that was decided upon.
#[derive(Clone, Debug, Serialize)]
pub struct ActionEvidence {
    pub action: String,
    /// `allowed`, `denied` or `missing`.
    pub verdict: &'static str,
    /// The claim and the pattern in it that grants it by name.
    pub granted_by: Option<ClaimGrant>,
    /// The statements that are about it.
    pub statements: Vec<HeldStatement>,
}

/// A pattern in a claim.
#[derive(Clone, Debug, Serialize)]
pub struct ClaimGrant {
    pub claim: String,
    pub pattern: String,
}

/// A policy that somebody has.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyName {
    /// One of the config's, or the vendor's.
    Named(String),
    /// One that the token brings along, counted from 1.
    Own(usize),
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(&quoted(name)),
            Self::Own(number) => write!(f, "the token's own policy {number}"),
        }
    }
}

/// A statement, and how the caller comes by it.
#[derive(Clone, Debug, Serialize)]
pub struct HeldStatement {
    /// The roles that have the policy; none where the caller has it by itself.
    pub roles: Vec<String>,
    pub policy: PolicyName,
    /// Its place among those that the caller has.
    #[serde(skip)]
    pub held: usize,
    #[serde(flatten)]
    pub evidence: StatementEvidence,
}

impl HeldStatement {
    /// `` the role `a`, `ECS ReadOnlyAccess` Statement[0] ``.
    pub fn place(&self) -> String {
        let (policy, statement) = (&self.policy, &self.evidence.statement);
        let roles: Vec<String> = self.roles.iter().map(quoted).collect();
        match roles.as_slice() {
            [] => format!("{policy} {statement}"),
            [role] => format!("the role {role}, {policy} {statement}"),
            roles => format!("the roles {}, {policy} {statement}", roles.join(" and ")),
        }
    }

    fn told(&self) -> String {
        let evidence = &self.evidence;
        let verb = match (evidence.denies(), evidence.applies) {
            (false, true) => "allows",
            (true, true) => "denies",
            (false, false) => "would allow",
            (true, false) => "would deny",
        };
        let what = match &evidence.pattern {
            Some(pattern) => format!("`{pattern}`"),
            None => "all but what it names".to_owned(),
        };
        let mut parts = vec![format!("{}: {verb} {what}", self.place())];
        for condition in &evidence.conditions {
            let holds = match condition.holds {
                true => "holds",
                false => "does not hold",
            };
            parts.push(format!(
                "{}, {}: {holds}",
                condition.condition, condition.input
            ));
        }
        if let Some(resource) = &evidence.resource {
            let holds = match resource.holds {
                true => "the request is about them",
                false => "the request is not about them",
            };
            let instances = match resource.instances.as_slice() {
                [] => "no instances here".to_owned(),
                urns => urns.join(" or "),
            };
            parts.push(format!("{instances}: {holds}"));
        }
        parts.join("; ")
    }
}

impl ActionEvidence {
    pub fn step(&self) -> Step {
        let mut says = Vec::new();
        if let Some(ClaimGrant { claim, pattern }) = &self.granted_by {
            says.push(format!("the claim {claim}: grants `{pattern}`"));
        }
        says.extend(self.statements.iter().map(HeldStatement::told));
        if says.is_empty() {
            says.push("nothing grants or denies it".to_owned());
        }
        let outcome = match self.verdict {
            "allowed" => StepOutcome::Passed,
            _ => StepOutcome::Refused,
        };
        Step {
            more: says,
            evidence: json!(self),
            ..Step::new(
                "action",
                outcome,
                format!("{}: {}", self.action, self.verdict),
            )
        }
    }
}

impl Explanation {
    pub fn begin(request: Described) -> Self {
        Self {
            request,
            steps: Vec::new(),
            decision: Decision::Deny,
            status: None,
            reason: None,
            is_reported_only: false,
            message: None,
            missing: Vec::new(),
            change: None,
            operation: None,
            actions: Vec::new(),
        }
    }

    /// Ends it with a permit.
    pub fn allow(&mut self) {
        self.decision = Decision::Allow;
    }

    /// Notes that a denial is not enforced.
    pub fn report(&mut self) {
        let says = "report: it is let through all the same, marked, until [[issuer]] `mode` and [table] `report` enforce it";
        self.steps.push(Step::noted("mode", says));
        self.is_reported_only = true;
    }

    /// Ends it at `step`.
    pub fn refuse(&mut self, step: &'static str, rejection: &Rejection) {
        let message = rejection.message();
        self.steps
            .push(Step::new(step, StepOutcome::Refused, message.clone()));
        self.decision = Decision::Deny;
        self.status = Some(rejection.status().as_u16());
        self.reason = Some(rejection.reason());
        self.message = Some(message);
        if let Rejection::Forbidden { missing, .. } = rejection {
            self.missing.clone_from(missing);
        }
    }

    pub fn print(&self) {
        let Described { method, path, .. } = &self.request;
        say(format_args!(
            "request       {method} {}",
            path.escape_debug()
        ));
        for step in &self.steps {
            step.print();
        }
        match (self.status, self.reason) {
            (Some(status), Some(reason)) => {
                let status = hyper::StatusCode::from_u16(status);
                let status = status.map_or_else(|_| String::new(), |status| status.to_string());
                say(format_args!(
                    "decision      DENY: {status}, reason `{reason}`"
                ));
            }
            _ => say("decision      ALLOW: the request is forwarded as it is"),
        }
        if let Some(change) = &self.change {
            say(format_args!("to change     {}", change.says));
        }
    }
}
