//! Where a verified caller's grants and denials come from, policy by policy.

use anyhow::{Context as _, anyhow};
use serde_json::{Map, Value};

use super::{or_none, say};
use crate::app::Inspected;
use crate::gateway::{Identity, Reading, Rules};
use crate::grant::{CompiledPolicy, FoundRoles, Grants, Request, Verdict};
use crate::table::{ActionId, ActionTable};

/// Roles that advice names; more are of no more help.
const MAX_ADVISED: usize = 4;

/// A verified caller and the claims that say what it may do.
pub struct Holder<'a> {
    pub identity: &'a Identity,
    pub reading: &'a Reading,
    table: &'a ActionTable,
    claims: &'a Map<String, Value>,
}

/// A policy of the caller, and how to name it.
struct Held<'a> {
    name: String,
    policy: std::borrow::Cow<'a, CompiledPolicy>,
}

impl<'a> Holder<'a> {
    pub fn new(rules: &'a Rules, inspected: &'a Inspected) -> anyhow::Result<Self> {
        let identity = &inspected.identity;
        let reading = rules.reading(identity.principal.issuer);
        Ok(Self {
            identity,
            reading: reading.context("the token's issuer is gone")?,
            table: rules.router().table(),
            claims: &inspected.claims,
        })
    }

    /// Where it may act, its roles and its policies.
    pub fn say(&self) -> anyhow::Result<()> {
        let principal = &self.identity.principal;
        let projects = match principal.enters_all_projects {
            true => "every project, as a token of a domain".to_owned(),
            false => or_none(&principal.projects),
        };
        say(format_args!("projects      {projects}"));
        if let Some(domain) = &principal.domain {
            say(format_args!("domain        {domain}"));
        }
        let mapping = &self.reading.mapping;
        let found = self.roles()?;
        if mapping.roles.is_some() {
            let is_known = |name: &&String| {
                let mut known = self.reading.roles.iter();
                known.any(|(known, _)| known == name.as_str())
            };
            let names = mapping.roles(self.claims)?;
            let known: Vec<String> = names.iter().filter(is_known).map(quoted).collect();
            say(format_args!("roles         {}", or_none(&known)));
            let unknown = &found.unknown;
            let names: Vec<String> = unknown.names().iter().map(quoted).collect();
            let more = match unknown.count() - names.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            if !names.is_empty() {
                say(format_args!(
                    "unknown roles {}{more}: not in [issuer.roles], they grant nothing",
                    names.join(", ")
                ));
            }
        }
        if mapping.roles.is_some() || mapping.policies.is_some() {
            let names: Vec<String> = self.held()?.into_iter().map(|held| held.name).collect();
            say(format_args!("policies      {}", or_none(&names)));
        }
        Ok(())
    }

    /// What its claims grant by name.
    pub fn patterns(&self) -> anyhow::Result<Vec<String>> {
        let patterns = self.reading.mapping.patterns(self.claims)?;
        Ok(patterns.iter().map(ToString::to_string).collect())
    }

    /// The policies that deny an action to a request.
    pub fn deniers(&self, action: ActionId, request: &Request<'_>) -> anyhow::Result<Vec<String>> {
        let mut names = Vec::new();
        for held in self.held()? {
            let grants = self.grants([&*held.policy])?;
            if grants.verdict(action, request) == Verdict::Denied {
                names.push(held.name);
            }
        }
        Ok(names)
    }

    /// The first of the config's roles that would allow every one of `actions` to a request.
    pub fn advisable_roles(&self, actions: &[ActionId], request: &Request<'_>) -> Vec<String> {
        let would = self.reading.roles.iter().filter(|(_, policies)| {
            let policies = policies.iter().map(|policy| &policy.compiled);
            self.grants(policies).is_ok_and(|grants| {
                let mut actions = actions.iter();
                actions.all(|action| grants.verdict(*action, request) == Verdict::Allowed)
            })
        });
        would
            .map(|(name, _)| quoted(&name))
            .take(MAX_ADVISED)
            .collect()
    }

    fn roles(&self) -> anyhow::Result<FoundRoles<'a>> {
        let names = self.reading.mapping.roles(self.claims)?;
        Ok(self.reading.roles.find(&names))
    }

    fn held(&self) -> anyhow::Result<Vec<Held<'a>>> {
        let mapping = &self.reading.mapping;
        let mut held = Vec::new();
        for policy in self.roles()?.policies {
            held.push(Held {
                name: quoted(&policy.name),
                policy: std::borrow::Cow::Borrowed(&policy.compiled),
            });
        }
        for (index, policy) in mapping.policies(self.claims)?.iter().enumerate() {
            let compiled = CompiledPolicy::new(policy, self.table, &mapping.keys)?;
            let number = index + 1;
            held.push(Held {
                name: format!("the token's own policy {number}"),
                policy: std::borrow::Cow::Owned(compiled),
            });
        }
        Ok(held)
    }

    fn grants<'p>(
        &self,
        policies: impl IntoIterator<Item = &'p CompiledPolicy>,
    ) -> anyhow::Result<Grants> {
        let values = self.reading.mapping.keys.read(self.claims);
        let mut grants = Grants::default();
        for policy in policies {
            let added = grants.add(policy, &values);
            added.map_err(|reason| anyhow!("a policy cannot be judged: {reason}"))?;
        }
        Ok(grants)
    }
}

/// Names of roles and policies hold spaces; and they come from tokens: a terminal must not take one
/// for a command.
fn quoted(name: &impl std::fmt::Display) -> String {
    format!("`{}`", name.to_string().escape_debug())
}
