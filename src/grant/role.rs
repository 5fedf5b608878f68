//! Roles: names in tokens that the config maps to policies.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::compiled::{CompiledPolicy, NotUnderstood};
use super::key::ConditionKeys;
use super::policy::{InvalidPolicy, Policy};
use super::principal::UnknownRoles;
use crate::json;
use crate::table::ActionTable;

/// A policy and the name that roles know it by.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NamedPolicy {
    /// Unique in a config.
    pub name: String,
    /// What it says.
    pub policy: Policy,
}

/// Why a text is not a policy document.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidDocument {
    /// It is not strict JSON; why not.
    #[error("it is not one JSON object with distinct members: {0}")]
    Json(String),
    /// It says something that is not understood.
    #[error(transparent)]
    Policy(#[from] InvalidPolicy),
}

impl NamedPolicy {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// A text that is not wholly understood.
    pub fn read(name: String, document: &[u8]) -> Result<Self, InvalidDocument> {
        let members = json::parse_object(document).map_err(|error| {
            let cause = std::error::Error::source(&error);
            InvalidDocument::Json(cause.map_or_else(|| error.to_string(), ToString::to_string))
        })?;
        let policy = Policy::parse(&Value::Object(members))?;
        Ok(Self { name, policy })
    }
}

/// What the config lets a role of an issuer's tokens do.
#[derive(Clone, Debug)]
pub struct Role {
    /// As tokens spell it.
    pub name: String,
    /// Its line in the config.
    pub line: usize,
    /// At least one.
    pub policies: Vec<Arc<NamedPolicy>>,
}

/// A role's policy, held against the table.
#[derive(Debug)]
pub struct RolePolicy {
    /// As the config calls it.
    pub name: String,
    /// What it grants and denies.
    pub compiled: CompiledPolicy,
}

/// A role with a policy that cannot be judged.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the role `{role}` has the policy `{policy}`, which cannot be judged: {reason}")]
pub struct RoleError {
    /// The role's name.
    pub role: String,
    /// Its line in the config.
    pub line: usize,
    /// The policy's name.
    pub policy: String,
    /// Why not.
    pub reason: NotUnderstood,
}

/// Holds roles' policies against one table, each once for all issuers whose claims feed the same
/// condition keys.
#[derive(Debug)]
pub struct Compiler<'a> {
    table: &'a ActionTable,
    known: Vec<(Arc<NamedPolicy>, &'a ConditionKeys, Arc<RolePolicy>)>,
}

impl<'a> Compiler<'a> {
    /// For roles that are held against `table`.
    pub fn new(table: &'a ActionTable) -> Self {
        Self {
            table,
            known: Vec::new(),
        }
    }

    /// The roles of one issuer, whose claims feed `keys`.
    ///
    /// # Errors
    ///
    /// Each policy that asks for something nobody knows; those are left out of what is returned
    /// beside them.
    pub fn compile(&mut self, roles: &[Role], keys: &'a ConditionKeys) -> (Roles, Vec<RoleError>) {
        let (mut compiled, mut errors) = (Roles::default(), Vec::new());
        for role in roles {
            let mut policies = Vec::new();
            for named in &role.policies {
                match self.policy(named, keys) {
                    Ok(policy) => policies.push(policy),
                    Err(reason) => errors.push(RoleError {
                        role: role.name.clone(),
                        line: role.line,
                        policy: named.name.clone(),
                        reason,
                    }),
                }
            }
            compiled.roles.insert(role.name.clone(), policies);
        }
        (compiled, errors)
    }

    fn policy(
        &mut self,
        named: &Arc<NamedPolicy>,
        keys: &'a ConditionKeys,
    ) -> Result<Arc<RolePolicy>, NotUnderstood> {
        let is_same = |(known, its_keys, _): &&(_, &ConditionKeys, _)| {
            Arc::ptr_eq(known, named) && *its_keys == keys
        };
        if let Some((_, _, policy)) = self.known.iter().find(is_same) {
            return Ok(Arc::clone(policy));
        }
        let policy = Arc::new(RolePolicy {
            name: named.name.clone(),
            compiled: CompiledPolicy::new(&named.policy, self.table, keys)?,
        });
        self.known
            .push((Arc::clone(named), keys, Arc::clone(&policy)));
        Ok(policy)
    }
}

/// The roles of one issuer's tokens.
#[derive(Debug, Default)]
pub struct Roles {
    roles: BTreeMap<String, Vec<Arc<RolePolicy>>>,
}

/// What the role names of one token stand for.
#[derive(Debug, Default)]
pub struct FoundRoles<'a> {
    /// Each once, in the order of the roles.
    pub policies: Vec<&'a RolePolicy>,
    /// Names that stand for nothing.
    pub unknown: UnknownRoles,
}

impl Roles {
    /// The policies of the roles called `names`.
    pub fn find(&self, names: &[impl AsRef<str>]) -> FoundRoles<'_> {
        let mut found = FoundRoles::default();
        let (mut seen, mut unknown) = (HashSet::new(), HashSet::new());
        for name in names.iter().map(AsRef::as_ref) {
            match self.roles.get(name) {
                Some(policies) => {
                    let policies = policies.iter().map(Arc::as_ref);
                    let new = policies.filter(|policy| seen.insert(std::ptr::from_ref(*policy)));
                    found.policies.extend(new);
                }
                None if unknown.insert(name) => found.unknown.add(name),
                None => {}
            }
        }
        found
    }

    /// Every role with its policies, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Arc<RolePolicy>])> {
        let roles = self.roles.iter();
        roles.map(|(name, policies)| (name.as_str(), policies.as_slice()))
    }
}

#[cfg(test)]
mod tests;
