//! What a caller may do: from verified claims to a [`Principal`].
//!
//! Pure. Patterns are held against the table once, when the token is first seen; deciding is then a
//! comparison of bits. What cannot be parsed refuses the token.

mod compiled;
mod grants;
mod key;
mod pattern;
mod policy;
mod wildcard;

use serde_json::{Map, Value};

pub use compiled::{CompiledPolicy, NotUnderstood};
pub use grants::{Grants, Instances, Request, Verdict};
pub use key::{CallerValues, ConditionKeys, InvalidKey};
pub use pattern::{InvalidPattern, Pattern};
pub use policy::{InvalidPolicy, Policy};

use crate::json::Pointer;
use crate::table::ActionTable;

/// Which claims of an issuer's tokens say what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClaimMapping {
    /// An array of grants, or one string with spaces between them as in `scope` (RFC 8693 §4.2).
    pub actions: Pointer,
    /// One project, or an array of them.
    pub project: Pointer,
    /// The caller's name for the audit.
    pub subject: Pointer,
}

/// A known caller and what its token grants.
#[derive(Debug)]
pub struct Principal {
    /// The issuer's place among the configured ones.
    pub issuer: usize,
    /// The caller's name, if its token has one.
    pub subject: Option<String>,
    /// The projects it may act in.
    pub projects: Vec<String>,
    /// The domain it may act in.
    pub domain: Option<String>,
    /// Whether it may act in every project, as a token for a whole domain may be allowed to.
    pub enters_all_projects: bool,
    /// The table's actions it may use.
    pub grants: Grants,
    /// Roles of the token that the config maps to nothing.
    pub unknown_roles: Vec<String>,
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
}

impl Principal {
    /// Reads `claims` as `mapping` says and holds the grants against `table`.
    ///
    /// A claim that is absent grants nothing.
    ///
    /// # Errors
    ///
    /// A claim that is there and cannot be read.
    pub fn new(
        issuer: usize,
        claims: &Map<String, Value>,
        mapping: &ClaimMapping,
        table: &ActionTable,
    ) -> Result<Self, InvalidClaim> {
        let mut grants = Grants::default();
        for pattern in patterns(claims, &mapping.actions)? {
            grant(&pattern, table, &mut grants);
        }
        Ok(Self {
            issuer,
            subject: subject(claims, &mapping.subject)?,
            projects: projects(claims, &mapping.project)?,
            domain: None,
            enters_all_projects: false,
            grants,
            unknown_roles: Vec::new(),
        })
    }
}

/// The patterns that the claim at `pointer` grants.
///
/// # Errors
///
/// As [`Principal::new`].
pub fn patterns(
    claims: &Map<String, Value>,
    pointer: &Pointer,
) -> Result<Vec<Pattern>, InvalidClaim> {
    let invalid = || InvalidClaim::Type {
        pointer: pointer.to_string(),
        expected: "an array of strings or a string with spaces",
    };
    let texts: Vec<&str> = match pointer.find(claims) {
        None => Vec::new(),
        Some(Value::String(text)) => text.split(' ').filter(|word| !word.is_empty()).collect(),
        Some(Value::Array(items)) => {
            let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            texts.ok_or_else(invalid)?
        }
        Some(_) => return Err(invalid()),
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

fn grant(pattern: &Pattern, table: &ActionTable, grants: &mut Grants) {
    for (id, action) in table.actions() {
        if pattern.names(action, table) {
            grants.allow(id);
        }
    }
}

fn projects(claims: &Map<String, Value>, pointer: &Pointer) -> Result<Vec<String>, InvalidClaim> {
    let invalid = || InvalidClaim::Type {
        pointer: pointer.to_string(),
        expected: "a string or an array of strings",
    };
    match pointer.find(claims) {
        None => Ok(Vec::new()),
        Some(Value::String(project)) => Ok(vec![project.clone()]),
        Some(Value::Array(items)) => {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
            texts.collect::<Option<_>>().ok_or_else(invalid)
        }
        Some(_) => Err(invalid()),
    }
}

fn subject(claims: &Map<String, Value>, pointer: &Pointer) -> Result<Option<String>, InvalidClaim> {
    match pointer.find(claims) {
        None => Ok(None),
        Some(Value::String(subject)) => Ok(Some(subject.clone())),
        Some(_) => Err(InvalidClaim::Type {
            pointer: pointer.to_string(),
            expected: "a string",
        }),
    }
}

#[cfg(test)]
mod tests;
