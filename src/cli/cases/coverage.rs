//! What cases touch: operations of the table, and statements of the policies in use.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crate::cli::can::list::routes_of;
use crate::cli::explain::{Basis, Explanation, PolicyName};
use crate::grant::system_policies;
use crate::table::Operation;

/// What there is to touch, and whether some case did.
pub struct Coverage<'a> {
    operations: Vec<(&'a Operation, bool)>,
    /// A policy and a statement's place.
    statements: Vec<(PolicyName, String, bool)>,
}

impl<'a> Coverage<'a> {
    /// Every operation, and every statement of the policies that a role has or that the config brings along;
    /// not those that are about other services alone. Without a config, those of the vendor's.
    pub fn new(basis: &'a Basis<'_>) -> Self {
        let system: BTreeSet<&str> = system_policies().map(|(name, _)| name).collect();
        let roles = basis
            .issuers
            .iter()
            .flat_map(|issuer| issuer.reading.roles.iter());
        let of_roles = roles.flat_map(|(_, policies)| policies.iter().map(|policy| &*policy.name));
        let of_roles: HashSet<&str> = of_roles.collect();
        let is_in_use = |name: &str| {
            basis.config.is_none() || !system.contains(name) || of_roles.contains(name)
        };
        let policies = basis.policies.iter().map(Arc::as_ref);
        let policies = policies.filter(|policy| is_in_use(&policy.name));
        let statements = policies.flat_map(|policy| {
            let places = basis.places(&policy.name).into_iter();
            places.map(|place| (PolicyName::Named(policy.name.clone()), place, false))
        });
        let operations = basis.table().operations().iter();
        Self {
            operations: operations.map(|operation| (operation, false)).collect(),
            statements: statements.collect(),
        }
    }

    /// A statement is touched where it decided an action.
    pub fn touch(&mut self, explanation: &Explanation) {
        let operation = explanation.operation;
        if let Some((_, is_touched)) = operation.and_then(|place| self.operations.get_mut(place)) {
            *is_touched = true;
        }
        for action in &explanation.actions {
            let deciding = action.statements.iter().filter(|held| {
                held.evidence.applies
                    && match action.verdict {
                        "denied" => held.evidence.denies(),
                        "allowed" => !held.evidence.denies(),
                        _ => false,
                    }
            });
            for held in deciding {
                let statement = &held.evidence.statement;
                for (policy, place, is_touched) in &mut self.statements {
                    *is_touched |= *policy == held.policy && place == statement;
                }
            }
        }
    }

    pub fn is_whole(&self) -> bool {
        self.untouched_operations().is_empty() && self.untouched_statements().is_empty()
    }

    /// How many there are: operations, and statements.
    pub fn counts(&self) -> (usize, usize) {
        (self.operations.len(), self.statements.len())
    }

    /// Each as its label and its first route.
    pub fn untouched_operations(&self) -> Vec<String> {
        let untouched = self.operations.iter().filter(|(_, is_touched)| !is_touched);
        let told = untouched.map(|(operation, _)| {
            let routes = routes_of(operation);
            let route = routes.first().map_or("", String::as_str);
            format!("{} ({route})", operation.permission)
        });
        told.collect()
    }

    pub fn untouched_statements(&self) -> Vec<String> {
        let untouched = self
            .statements
            .iter()
            .filter(|(.., is_touched)| !is_touched);
        untouched
            .map(|(policy, place, _)| format!("{policy} {place}"))
            .collect()
    }
}
