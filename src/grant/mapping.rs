//! Which claims of an issuer's tokens say what, and what they say.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::access_rule::AccessRuleClaim;
use super::compiled::NotUnderstood;
use super::identity::{IdentityClaims, IdentityMapping};
use super::key::ConditionKeys;
use super::pattern::{InvalidPattern, Pattern};
use super::policy::{InvalidPolicy, Policy};
use crate::json::{self, End, KeptPath, Others, Pointer};

/// Which claims of an issuer's tokens say what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClaimMapping {
    /// An array of grants, or one string with spaces between them as in `scope` (RFC 8693 §4.2).
    pub actions: Option<Pointer>,
    /// One policy document, or an array of them.
    pub policies: Option<Pointer>,
    /// The name of one role, which may hold spaces, or an array of names.
    pub roles: Option<Pointer>,
    /// One project, or an array of them.
    pub project: Pointer,
    /// The caller's name for the audit.
    pub subject: Pointer,
    /// The claims that policies are held against, the domain among them.
    pub keys: ConditionKeys,
    /// Whether a token with a domain and without a project enters every project.
    pub domain_enters_projects: bool,
    /// The only requests that may be made with the token.
    pub access_rules: Option<AccessRuleClaim>,
    /// Who the caller is, where the upstream is told all of it.
    pub identity: Option<IdentityMapping>,
}

/// Where a token may act.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Scope {
    /// The projects it names.
    pub projects: Vec<String>,
    /// The domain it is for, where it is for no projects.
    pub domain: Option<String>,
    /// Whether it may act in every project.
    pub enters_all_projects: bool,
}

/// Why verified claims cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidClaim {
    /// A claim of another type than its mapping allows.
    #[error("the claim at `{pointer}` is not {expected}")]
    Type {
        /// Where the claim is.
        pointer: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A grant that is not an action or a pattern of one.
    #[error(
        "the claim at `{pointer}` grants `{text}`, which is not a pattern `service:resource:verb`"
    )]
    Grant {
        /// Where the claim is.
        pointer: String,
        /// The grant.
        text: String,
        /// What is wrong with it.
        source: InvalidPattern,
    },
    /// A policy document that is not understood.
    #[error("the claim at `{pointer}` is not a policy that is understood: {reason}")]
    Policy {
        /// Where the document is.
        pointer: String,
        /// What is wrong with it, and where.
        reason: InvalidPolicy,
    },
    /// A policy of the token that asks for something nobody knows.
    #[error("the claim at `{pointer}` holds a policy that cannot be judged: {reason}")]
    Condition {
        /// Where the claim is.
        pointer: String,
        /// What nobody knows.
        reason: NotUnderstood,
    },
    /// A policy of a role that cannot be held against this token's claims.
    #[error("the policy `{policy}` of the token's roles cannot be judged: {reason}")]
    RolePolicy {
        /// The policy's name.
        policy: String,
        /// Which claim is of no use.
        reason: NotUnderstood,
    },
}

impl ClaimMapping {
    /// Claims that say where somebody may act and who it is, and grant nothing yet.
    pub fn new(project: Pointer, subject: Pointer) -> Self {
        Self {
            actions: None,
            policies: None,
            roles: None,
            project,
            keys: ConditionKeys::new(subject.clone()),
            subject,
            domain_enters_projects: false,
            access_rules: None,
            identity: None,
        }
    }

    /// What the token is granted by name.
    ///
    /// # Errors
    ///
    /// A claim of another type, a grant that is no pattern.
    pub fn patterns(&self, claims: &Map<String, Value>) -> Result<Vec<Pattern>, InvalidClaim> {
        let Some((pointer, value)) = find(self.actions.as_ref(), claims) else {
            return Ok(Vec::new());
        };
        let texts = match &*value {
            Value::String(text) => text.split(' ').filter(|word| !word.is_empty()).collect(),
            other => {
                let expected = "an array of strings or a string with spaces";
                strings(other).ok_or_else(|| wrong_type(pointer, expected))?
            }
        };
        let parse = |text: &str| {
            text.parse().map_err(|source| InvalidClaim::Grant {
                pointer: pointer.to_string(),
                text: text.to_owned(),
                source,
            })
        };
        texts.into_iter().map(parse).collect()
    }

    /// The policies that the token brings along.
    ///
    /// # Errors
    ///
    /// A document that is not understood; a string that holds one is none.
    pub fn policies(&self, claims: &Map<String, Value>) -> Result<Vec<Policy>, InvalidClaim> {
        let Some((pointer, value)) = find(self.policies.as_ref(), claims) else {
            return Ok(Vec::new());
        };
        let parse = |document: &Value, pointer: String| {
            let policy = Policy::parse(document);
            policy.map_err(|reason| InvalidClaim::Policy { pointer, reason })
        };
        match &*value {
            Value::Object(_) => Ok(vec![parse(&value, pointer.to_string())?]),
            Value::Array(items) => {
                let items = items.iter().enumerate();
                items
                    .map(|(index, item)| parse(item, format!("{pointer}/{index}")))
                    .collect()
            }
            _ => Err(wrong_type(
                pointer,
                "a policy document or an array of policy documents",
            )),
        }
    }

    /// The names of the token's roles.
    ///
    /// # Errors
    ///
    /// A claim of another type.
    pub fn roles(&self, claims: &Map<String, Value>) -> Result<Vec<String>, InvalidClaim> {
        read_roles(self.roles.as_ref(), claims)
    }

    /// Where the token may act.
    ///
    /// A token that names both projects and a domain is one of projects; so is one whose projects
    /// are an empty array, which may act nowhere.
    ///
    /// # Errors
    ///
    /// A claim of another type.
    pub fn scope(&self, claims: &Map<String, Value>) -> Result<Scope, InvalidClaim> {
        let domain = match find(self.keys.domain.as_ref(), claims) {
            None => None,
            // What is empty names none, and must not enter every project.
            Some((pointer, domain)) => match domain.as_str() {
                Some(domain) if !domain.is_empty() => Some(domain.to_owned()),
                _ => return Err(wrong_type(pointer, "a string that is not empty")),
            },
        };
        let Some(project) = self.project.find(claims) else {
            return Ok(Scope {
                projects: Vec::new(),
                enters_all_projects: self.domain_enters_projects && domain.is_some(),
                domain,
            });
        };
        let projects = one_or_more(&project)
            .ok_or_else(|| wrong_type(&self.project, "a string or an array of strings"))?;
        Ok(Scope {
            projects,
            ..Scope::default()
        })
    }

    /// Who the caller is, if the upstream is told.
    ///
    /// As in [`ClaimMapping::scope`], a token that names projects, were it none of them, is for nothing else.
    ///
    /// # Errors
    ///
    /// A claim of another type.
    pub fn told(
        &self,
        claims: &Map<String, Value>,
    ) -> Result<Option<IdentityClaims>, InvalidClaim> {
        let Some(identity) = &self.identity else {
            return Ok(None);
        };
        let read = identity.read(claims)?;
        Ok(Some(match self.project.find(claims) {
            None => read,
            Some(_) => IdentityClaims {
                domain_id: None,
                domain_name: None,
                is_system: false,
                ..read
            },
        }))
    }

    /// Of `claims` what a decision may rest on, and no more.
    pub fn kept(&self, claims: &Map<String, Value>) -> Map<String, Value> {
        let paths = self.pointers().map(|pointer| KeptPath {
            names: pointer.names(),
            end: End::Whole,
        });
        json::keep(claims, &paths.collect::<Vec<_>>(), Others::Gone)
    }

    /// Every claim that a decision may rest on.
    pub fn pointers(&self) -> impl Iterator<Item = &Pointer> {
        let bounds = self.access_rules.as_ref().map(|rules| &rules.pointer);
        let grants = [&self.actions, &self.policies, &self.roles];
        let grants = grants.into_iter().flatten();
        let always = [&self.project, &self.subject];
        always
            .into_iter()
            .chain(grants)
            .chain(bounds)
            .chain(self.keys.pointers())
    }

    /// The caller's name.
    ///
    /// # Errors
    ///
    /// A claim of another type.
    pub fn subject(&self, claims: &Map<String, Value>) -> Result<Option<String>, InvalidClaim> {
        read_text(Some(&self.subject), claims)
    }
}

/// The names of roles at `pointer`; none where there is nothing.
pub fn read_roles(
    pointer: Option<&Pointer>,
    claims: &Map<String, Value>,
) -> Result<Vec<String>, InvalidClaim> {
    let Some((pointer, value)) = find(pointer, claims) else {
        return Ok(Vec::new());
    };
    let expected = "the name of a role or an array of names";
    one_or_more(&value).ok_or_else(|| wrong_type(pointer, expected))
}

/// The text at `pointer`, if there is anything.
pub fn read_text(
    pointer: Option<&Pointer>,
    claims: &Map<String, Value>,
) -> Result<Option<String>, InvalidClaim> {
    match find(pointer, claims) {
        None => Ok(None),
        Some((pointer, value)) => match value.as_str() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(wrong_type(pointer, "a string")),
        },
    }
}

/// What is at `pointer`, if it says where and there is anything.
pub fn find<'p, 'c>(
    pointer: Option<&'p Pointer>,
    claims: &'c Map<String, Value>,
) -> Option<(&'p Pointer, Cow<'c, Value>)> {
    let pointer = pointer?;
    Some((pointer, pointer.find(claims)?))
}

fn one_or_more(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        other => Some(strings(other)?.into_iter().map(str::to_owned).collect()),
    }
}

fn strings(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

pub fn wrong_type(pointer: &Pointer, expected: &'static str) -> InvalidClaim {
    InvalidClaim::Type {
        pointer: pointer.to_string(),
        expected,
    }
}
