//! A caller, and where its grants and denials come from: claim by claim, policy by policy.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::basis::{Basis, Kind, Reader};
use super::explanation::{PolicyName, Step};
use crate::gateway::{Reading, Rejection};
use crate::grant::{CompiledPolicy, FoundRoles, Pattern, Policy, Principal};
use crate::json::{self, Pointer};
use crate::table::ActionTable;

/// More actions than these are counted only: what matters of them follows.
const MAX_TOLD: usize = 12;

/// A caller and the claims that say what it may do.
#[derive(Clone)]
pub struct Holder<'a> {
    pub principal: Principal,
    pub reading: &'a Reading,
    pub kind: Kind,
    pub claims: Map<String, Value>,
    /// What the claims grant by name.
    pub patterns: Vec<Pattern>,
    /// In the order in which they are judged.
    pub held: Vec<Held<'a>>,
    table: &'a ActionTable,
}

/// A policy of the caller, and how to name it.
#[derive(Clone)]
pub struct Held<'a> {
    pub name: PolicyName,
    /// Of those of the caller that have it.
    pub roles: Vec<String>,
    pub compiled: Cow<'a, CompiledPolicy>,
    pub source: Cow<'a, Policy>,
}

impl<'a> Holder<'a> {
    /// Reads `claims` as the gateway does.
    ///
    /// # Errors
    ///
    /// [`Rejection::Claims`].
    pub fn new(
        basis: &'a Basis<'_>,
        reader: &'a Reader,
        claims: Map<String, Value>,
    ) -> Result<Self, Rejection> {
        let (reading, table) = (&reader.reading, basis.table());
        let (mapping, roles) = (&reading.mapping, &reading.roles);
        let principal = Principal::new(reader.index, &claims, mapping, roles, table)?;
        mapping.told(&claims)?;
        let names = mapping.roles(&claims)?;
        let mut held = Vec::new();
        for (index, policy) in mapping.policies(&claims)?.into_iter().enumerate() {
            // Compiled already, or there would be no principal.
            if let Ok(compiled) = CompiledPolicy::new(&policy, table, &mapping.keys) {
                held.push(Held {
                    name: PolicyName::Own(index + 1),
                    roles: Vec::new(),
                    compiled: Cow::Owned(compiled),
                    source: Cow::Owned(policy),
                });
            }
        }
        for policy in roles.find(&names).policies {
            let having = roles.iter().filter(|(name, policies)| {
                let is_it = |known: &Arc<_>| std::ptr::eq(Arc::as_ptr(known), policy);
                names.iter().any(|own| own == name) && policies.iter().any(is_it)
            });
            let having = having.filter(|_| reader.kind == Kind::Roles);
            let having = having.map(|(name, _)| name.to_owned()).collect();
            held.extend(basis.policy(&policy.name).map(|source| Held {
                name: PolicyName::Named(policy.name.clone()),
                roles: having,
                compiled: Cow::Borrowed(&policy.compiled),
                source: Cow::Borrowed(&source.policy),
            }));
        }
        Ok(Self {
            principal,
            reading,
            kind: reader.kind,
            patterns: mapping.patterns(&claims)?,
            held,
            claims,
            table,
        })
    }

    /// Each claim that was read, with what it says.
    pub fn claim_steps(&self) -> Vec<Step> {
        let mapping = &self.reading.mapping;
        let mut uses: Vec<(&Pointer, Vec<String>)> = Vec::new();
        let mut add = |pointer: &'a Pointer, what: &str| match uses
            .iter_mut()
            .find(|(known, _)| *known == pointer)
        {
            Some((_, known)) => known.push(what.to_owned()),
            None => uses.push((pointer, vec![what.to_owned()])),
        };
        add(&mapping.subject, "the subject");
        add(&mapping.project, "the project");
        let roles = match self.kind {
            Kind::Roles => &mapping.roles,
            Kind::Policies => &None,
        };
        for (pointer, what) in [
            (&mapping.keys.domain, "the domain"),
            (roles, "the roles"),
            (&mapping.actions, "the actions"),
            (&mapping.policies, "the policies"),
        ] {
            if let Some(pointer) = pointer {
                add(pointer, what);
            }
        }
        if let Some(rules) = &mapping.access_rules {
            add(&rules.pointer, "the access rules");
        }
        for (key, pointer) in mapping.keys.fed() {
            add(pointer, key);
        }
        let steps = uses.into_iter().map(|(pointer, uses)| {
            let value = pointer.find(&self.claims);
            let text = match &value {
                Some(value) => format!("= {}", json::shown(value)),
                None => "is absent".to_owned(),
            };
            let says = format!("{pointer} {text}: {}", uses.join(", "));
            let evidence = json!({
                "claim": pointer.to_string(),
                "value": value,
                "says": uses,
            });
            Step::noted("claim", says).with(evidence)
        });
        steps.collect()
    }

    /// Where it may act, its roles and its policies.
    pub fn steps(&self) -> anyhow::Result<Vec<Step>> {
        let mut steps = Vec::new();
        let principal = &self.principal;
        let projects = match principal.enters_all_projects {
            true => "every project, as a token of a domain".to_owned(),
            false => escaped_or_none(&principal.projects),
        };
        let evidence = json!({
            "projects": principal.projects,
            "every": principal.enters_all_projects,
        });
        steps.push(Step::noted("projects", projects).with(evidence));
        if let Some(domain) = &principal.domain {
            steps.push(Step::noted("domain", domain.escape_debug().to_string()));
        }
        let mapping = &self.reading.mapping;
        let found = self.roles()?;
        if mapping.roles.is_some() && self.kind == Kind::Roles {
            let is_known = |name: &&String| {
                let mut known = self.reading.roles.iter();
                known.any(|(known, _)| known == name.as_str())
            };
            let names = mapping.roles(&self.claims)?;
            let known: Vec<String> = names.iter().filter(is_known).map(quoted).collect();
            let evidence = json!({"roles": names, "unknown": found.unknown.names()});
            steps.push(Step::noted("roles", or_none(&known)).with(evidence));
            let unknown = &found.unknown;
            let names: Vec<String> = unknown.names().iter().map(quoted).collect();
            let more = match unknown.count() - names.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            if !names.is_empty() {
                let says = format!(
                    "{}{more}: not in [issuer.roles], they grant nothing",
                    names.join(", ")
                );
                steps.push(Step::noted("unknown roles", says));
            }
        }
        if mapping.roles.is_some() || mapping.policies.is_some() {
            let mut names: Vec<&PolicyName> = self.held.iter().map(|held| &held.name).collect();
            names.sort_by_key(|name| matches!(name, PolicyName::Own(_)));
            let evidence = json!({"policies": names});
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            steps.push(Step::noted("policies", or_none(&names)).with(evidence));
        }
        Ok(steps)
    }

    /// What is granted to every request.
    pub fn granted_step(&self) -> Step {
        let grants = &self.principal.grants;
        let granted = self.table.names(grants.granted());
        let granted: Vec<String> = granted.map(ToString::to_string).collect();
        let more = match grants.asks_request() {
            true => ", and what policies make depend on the request",
            false => "",
        };
        let told = match granted.len() {
            0..=MAX_TOLD => or_none(&granted),
            count => format!(
                "{count} of the table's {} actions",
                self.table.actions().count()
            ),
        };
        Step::noted("granted", format!("{told}{more}")).with(json!({"actions": granted}))
    }

    fn roles(&self) -> anyhow::Result<FoundRoles<'a>> {
        let names = self.reading.mapping.roles(&self.claims)?;
        Ok(self.reading.roles.find(&names))
    }
}

/// Names of roles and policies hold spaces; and they come from tokens: a terminal must not take one
/// for a command.
pub fn quoted(name: &impl std::fmt::Display) -> String {
    format!("`{}`", name.to_string().escape_debug())
}

pub fn or_none(names: &[String]) -> String {
    match names {
        [] => "(none)".to_owned(),
        names => names.join(", "),
    }
}

fn escaped_or_none(names: &[String]) -> String {
    let escaped = names.iter().map(|name| name.escape_debug().to_string());
    or_none(&escaped.collect::<Vec<_>>())
}
