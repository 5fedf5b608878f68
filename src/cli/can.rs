//! `can`: which operations somebody reaches, and who reaches an operation.

pub mod list;
mod reachers;

use std::path::Path;

use anyhow::{Context as _, bail};

pub use list::escaped;

use super::{Format, Outcome, explain, known, say};
use crate::app::{self, Inspector};
use crate::config::Config;
use crate::grant::{CompiledPolicy, ConditionKeys, RoleGrants};
use crate::router::Router;
use crate::table::ActionTable;
use crate::token::Token;

/// Whose reach is listed, or of what.
#[derive(Debug)]
pub enum Who {
    /// Of a caller with this token.
    Token(String),
    /// Of whoever has this role.
    Role(String),
    /// Of whoever has this policy.
    Policy(String),
    /// Of all roles and policies, for this operation.
    Operation(String),
}

impl Who {
    /// The one of them that there is.
    pub fn new(
        token: Option<&Path>,
        role: Option<String>,
        policy: Option<String>,
        operation: Option<String>,
    ) -> anyhow::Result<Self> {
        match (token, role, policy, operation) {
            (Some(file), ..) => Ok(Self::Token(super::read_text(file)?.trim().to_owned())),
            (None, Some(role), ..) => Ok(Self::Role(role)),
            (None, None, Some(policy), _) => Ok(Self::Policy(policy)),
            (None, None, None, Some(operation)) => Ok(Self::Operation(operation)),
            (None, None, None, None) => bail!("expected --token, --role, --policy or --operation"),
        }
    }
}

/// How much is listed, and how.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// Also what is out of reach.
    pub all: bool,
    /// Text, JSON or Markdown.
    pub format: Format,
}

pub fn run(config: Option<&Path>, who: &Who, shown: Shown) -> anyhow::Result<Outcome> {
    let config = config.map(super::read_config).transpose()?;
    let offline = Offline::new(config.as_ref())?;
    match who {
        Who::Token(token) => {
            // Asked for beside it.
            let config = config.as_ref().context("--token needs --config")?;
            let inspector = Inspector::new(config)?;
            match inspector.inspect(Token::new(token)) {
                Ok(inspected) => {
                    let principal = &inspected.identity.principal;
                    if let Some(step) = explain::bound_step(&inspected.identity) {
                        step.print();
                    }
                    let subject = principal.subject.as_deref().unwrap_or("(no subject)");
                    let title = format!("`{}`", subject.escape_debug());
                    list::print(offline.table(), &[(title, &principal.grants)], shown)?;
                }
                Err(rejection) => {
                    let (message, reason) = (rejection.message(), rejection.reason());
                    say(format_args!("token refused: {message} Reason `{reason}`."));
                    return Ok(Outcome::Denied);
                }
            }
        }
        Who::Role(name) => {
            let roles = offline.roles()?;
            let known = roles.iter().filter(|role| role.name == *name);
            let found: Vec<(String, &RoleGrants)> =
                known.map(|role| (role.title(), &role.grants)).collect();
            if found.is_empty() {
                bail!(explain::unknown(
                    "role",
                    name,
                    roles.iter().map(|role| role.name.as_str())
                ));
            }
            list::print(offline.table(), &found, shown)?;
        }
        Who::Policy(name) => {
            let policies = offline.policies()?;
            let Some((_, grants)) = policies.iter().find(|(known, _)| known == name) else {
                bail!(explain::unknown(
                    "policy",
                    name,
                    policies.iter().map(|(name, _)| name.as_str())
                ));
            };
            list::print(
                offline.table(),
                &[(format!("the policy `{name}`"), grants)],
                shown,
            )?;
        }
        Who::Operation(text) => reachers::print(&offline, text, shown)?,
    }
    Ok(Outcome::Done)
}

/// A table with the roles and policies of a config, for which no key is needed.
struct Offline<'a> {
    config: Option<&'a Config>,
    router: Router,
}

/// A role of an issuer.
struct RoleReach {
    issuer: String,
    name: String,
    grants: RoleGrants,
}

impl RoleReach {
    fn title(&self) -> String {
        format!("the role `{}` of {}", self.name, self.issuer)
    }
}

impl<'a> Offline<'a> {
    fn new(config: Option<&'a Config>) -> anyhow::Result<Self> {
        Ok(Self {
            config,
            router: known::router(config)?,
        })
    }

    fn table(&self) -> &ActionTable {
        self.router.table()
    }

    fn roles(&self) -> anyhow::Result<Vec<RoleReach>> {
        let Some(config) = self.config else {
            return Ok(Vec::new());
        };
        let compiled = app::compile_roles(config, self.table())?;
        let mut roles = Vec::new();
        for (issuer, compiled) in config.issuers.iter().zip(&compiled) {
            roles.extend(compiled.iter().map(|(name, policies)| RoleReach {
                issuer: issuer.name.clone(),
                name: name.to_owned(),
                grants: RoleGrants::new(policies.iter().map(|policy| &policy.compiled)),
            }));
        }
        Ok(roles)
    }

    /// A policy that asks for what no claim feeds is nobody's; the first issuer with claims for it will do.
    fn policies(&self) -> anyhow::Result<Vec<(String, RoleGrants)>> {
        let none = ConditionKeys::default();
        let issuers = self.config.map_or(&[][..], |config| &config.issuers);
        let mut policies = Vec::new();
        for named in known::policies(self.config)? {
            let keys = issuers.iter().map(|issuer| &issuer.claims.keys);
            let mut compiled = keys
                .chain([&none])
                .map(|keys| CompiledPolicy::new(&named.policy, self.table(), keys));
            if let Some(policy) = compiled.find_map(Result::ok) {
                policies.push((named.name.clone(), RoleGrants::new([&policy])));
            }
        }
        Ok(policies)
    }
}
