//! What of a table nobody can reach.

use std::collections::HashSet;

use crate::config::Config;
use crate::grant::{Compiler, ConditionKeys, NamedPolicy, Role, Roles, system_policies};
use crate::table::{ActionSet, ActionTable, Operation, Place};

/// The first operation that demands each action which no role can ever grant, and why; nothing
/// where tokens may carry grants of their own.
pub fn ungranted<'a>(
    table: &'a ActionTable,
    config: &Config,
    roles: &[Roles],
) -> Vec<(&'a Place, String)> {
    let mut mappings = config.issuers.iter().map(|issuer| &issuer.claims);
    if mappings.any(|mapping| mapping.actions.is_some() || mapping.policies.is_some()) {
        return Vec::new();
    }
    let Some(first) = config
        .issuers
        .iter()
        .flat_map(|issuer| &issuer.roles)
        .next()
    else {
        return Vec::new();
    };
    let allowed = allowed(roles);
    let mut told = HashSet::new();
    let mut notes = Vec::new();
    for operation in table.operations() {
        let conditional = operation.conditional.iter();
        let conditional = conditional.flat_map(|conditional| &conditional.required);
        for action in operation.required.iter().chain(conditional) {
            let Some(name) = table.name(*action) else {
                continue;
            };
            if !allowed.contains(*action) && told.insert(action) {
                let (permission, place) = (&operation.permission, place(config, first));
                notes.push((
                    &operation.place,
                    format!("no role can ever grant `{name}`, which `{permission}` demands: none of [issuer.roles] has a policy that allows it ({place})"),
                ));
            }
        }
    }
    notes
}

/// Each operation that none of the vendor's system policies reaches, where a role has one of them.
pub fn beyond_system_policies<'a>(
    table: &'a ActionTable,
    config: &Config,
) -> Vec<(&'a Place, String)> {
    let mut roles = config.issuers.iter().flat_map(|issuer| &issuer.roles);
    let is_system = |name: &str| system_policies().any(|(known, _)| known == name);
    let with_system = roles.find(|role| role.policies.iter().any(|policy| is_system(&policy.name)));
    let Some(with_system) = with_system else {
        return Vec::new();
    };
    let system = system(table);
    let reaches = |allowed: &ActionSet, operation: &Operation| {
        let mut required = operation.required.iter();
        required.all(|action| allowed.contains(*action))
    };
    let operations = table.operations().iter();
    let beyond = operations.filter(|operation| !system.iter().any(|set| reaches(set, operation)));
    let notes = beyond.map(|operation| {
        let names = operation.required.iter().filter_map(|action| table.name(*action));
        let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
        let message = format!(
            "no built-in policy reaches `{}`, which demands {}: a role needs a [[policy]] of yours beside them ({})",
            operation.permission,
            names.join(" and "),
            place(config, with_system)
        );
        (&operation.place, message)
    });
    notes.collect()
}

/// What each system policy allows.
fn system(table: &ActionTable) -> Vec<ActionSet> {
    let keys = ConditionKeys::default();
    let mut compiler = Compiler::new(table);
    let policies = system_policies();
    let policies = policies.filter_map(|(name, document)| {
        let policy = NamedPolicy::read(name.to_owned(), document.as_bytes()).ok()?;
        let role = Role {
            name: name.to_owned(),
            line: 0,
            policies: vec![policy.into()],
        };
        Some(allowed(&[compiler.compile(&[role], &keys).0]))
    });
    policies.collect()
}

/// What some role may be granted, whatever its policies ask.
fn allowed(roles: &[Roles]) -> ActionSet {
    let mut all = ActionSet::default();
    for (_, policies) in roles.iter().flat_map(Roles::iter) {
        let (mut allowed, mut denied) = (ActionSet::default(), ActionSet::default());
        for policy in policies {
            allowed.union_with(&policy.compiled.allowed());
            denied.union_with(&policy.compiled.always_denied());
        }
        all.union_with(&allowed.difference(&denied));
    }
    all
}

fn place(config: &Config, role: &Role) -> String {
    format!("{}:{}", config.name(), role.line)
}
