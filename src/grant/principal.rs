//! A known caller and what it may do.

use serde_json::{Map, Value};

use super::access_rule::{AccessRuleClaim, AccessRules};
use super::compiled::{CompiledPolicy, NotUnderstood};
use super::grants::Grants;
use super::mapping::{ClaimMapping, InvalidClaim};
use super::role::Roles;
use crate::table::{ActionSet, ActionTable};

/// Names of roles that are kept, for the log; what stands for nothing is only counted beyond.
const MAX_UNKNOWN: usize = 16;
/// Characters of a role's name that are kept.
const MAX_NAME: usize = 128;

/// A known caller and what its token grants.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The issuer's place among the configured ones.
    pub issuer: usize,
    /// The caller's name, if its token has one.
    pub subject: Option<String>,
    /// The projects it may act in.
    pub projects: Vec<String>,
    /// The domain it may act in; none for a token of projects, whatever domain these are in.
    pub domain: Option<String>,
    /// Whether it may act in every project, as a token for a whole domain may be allowed to.
    pub enters_all_projects: bool,
    /// The table's actions it may use.
    pub grants: Grants,
    /// The only requests that it may make, whatever is granted; none where it is not bound so.
    pub access_rules: Option<Box<AccessRules>>,
    /// Roles of the token that the config maps to nothing.
    pub unknown_roles: UnknownRoles,
}

/// Roles that grant nothing, since the config does not map them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct UnknownRoles {
    names: Vec<String>,
    count: usize,
}

impl UnknownRoles {
    /// The first of them, cut where they are long.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Adds one that was not there yet.
    pub fn add(&mut self, name: &str) {
        self.count += 1;
        if self.names.len() < MAX_UNKNOWN {
            self.names.push(name.chars().take(MAX_NAME).collect());
        }
    }
}

impl Principal {
    /// Reads `claims` as `mapping` says and holds what they grant against `table`; `roles` are those
    /// of the same issuer, held against the same table.
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
        roles: &Roles,
        table: &ActionTable,
    ) -> Result<Self, InvalidClaim> {
        let mut named = ActionSet::default();
        for pattern in mapping.patterns(claims)? {
            named.union_with(&pattern.select(table));
        }
        let mut grants = Grants::new(named);
        let values = mapping.keys.read(claims);
        for policy in mapping.policies(claims)? {
            let added = CompiledPolicy::new(&policy, table, &mapping.keys)
                .and_then(|compiled| grants.add(&compiled, &values));
            added.map_err(|reason| own_policy(mapping, reason))?;
        }
        let found = roles.find(&mapping.roles(claims)?);
        for policy in found.policies {
            let added = grants.add(&policy.compiled, &values);
            added.map_err(|reason| InvalidClaim::RolePolicy {
                policy: policy.name.clone(),
                reason,
            })?;
        }
        let scope = mapping.scope(claims)?;
        let bounds = mapping.access_rules.as_ref();
        let bounds = bounds.map_or(Ok(None), |bounds| AccessRuleClaim::read(bounds, claims))?;
        Ok(Self {
            issuer,
            subject: mapping.subject(claims)?,
            projects: scope.projects,
            domain: scope.domain,
            enters_all_projects: scope.enters_all_projects,
            grants,
            access_rules: bounds.map(Box::new),
            unknown_roles: found.unknown,
        })
    }
}

fn own_policy(mapping: &ClaimMapping, reason: NotUnderstood) -> InvalidClaim {
    let pointer = mapping.policies.as_ref();
    InvalidClaim::Condition {
        pointer: pointer.map_or_else(String::new, ToString::to_string),
        reason,
    }
}

#[cfg(test)]
mod tests;
