//! What decisions rest on, without anybody's keys: a table, and how each issuer's claims are read.

use std::sync::Arc;

use anyhow::bail;

use super::Who;
use crate::app::{self, StartError};
use crate::cli::known;
use crate::config::{Config, IssuerKind};
use crate::decision::Mode;
use crate::document::nearest;
use crate::gateway::Reading;
use crate::grant::{ClaimMapping, Compiler, NamedPolicy, Role};
use crate::router::Router;
use crate::table::{ActionTable, Operation};

/// A table, and issuers with their roles.
pub struct Basis<'a> {
    pub config: Option<&'a Config>,
    pub router: Router,
    pub issuers: Vec<Reader>,
    /// For each set of condition keys, every policy as a role of its own name.
    by_policy: Vec<Reader>,
    pub policies: Vec<Arc<NamedPolicy>>,
}

/// How claims are read, and whose.
pub struct Reader {
    /// The issuer's name.
    pub name: String,
    /// Its place among the issuers.
    pub index: usize,
    pub kind: Kind,
    pub reading: Reading,
}

/// What the names are that a caller has by its claims.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Roles,
    /// Policies, each as a role that nobody has configured.
    Policies,
}

impl<'a> Basis<'a> {
    /// Of a config, or of the built-in table and policies.
    pub fn new(config: Option<&'a Config>) -> anyhow::Result<Self> {
        let router = known::router(config)?;
        let policies = known::policies(config)?;
        let mut issuers = Vec::new();
        if let Some(config) = config {
            let compiled = app::compile_roles(config, router.table());
            let compiled = compiled.map_err(StartError::Roles)?;
            for (index, (issuer, roles)) in config.issuers.iter().zip(compiled).enumerate() {
                let (mapping, mode) = (issuer.claims.clone(), issuer.mode);
                issuers.push(Reader {
                    name: issuer.name.clone(),
                    index,
                    kind: Kind::Roles,
                    reading: Reading {
                        mapping,
                        roles,
                        mode,
                    },
                });
            }
        }
        let by_policy = by_policy(router.table(), &issuers, &policies)?;
        Ok(Self {
            config,
            router,
            issuers,
            by_policy,
            policies,
        })
    }

    pub fn table(&self) -> &ActionTable {
        self.router.table()
    }

    /// The issuer called `name`, or the only one.
    pub fn issuer(&self, name: Option<&str>) -> anyhow::Result<&Reader> {
        let Some(name) = name else {
            return match self.issuers.as_slice() {
                [only] => Ok(only),
                [] => bail!("there is no issuer whose claims these could be: name a --config"),
                several => bail!(
                    "the config has {} issuers: name one of {}",
                    several.len(),
                    quoted(several)
                ),
            };
        };
        let families = self.config.iter().flat_map(|config| &config.issuers);
        let found = families.zip(&self.issuers).find(|(issuer, _)| {
            issuer.name == name
                || matches!(&issuer.kind, IssuerKind::Family { keys, .. } if keys.name.value_in(name).is_some())
        });
        match found {
            Some((_, reader)) => Ok(reader),
            None => bail!(unknown(
                "issuer",
                name,
                self.issuers.iter().map(|issuer| issuer.name.as_str())
            )),
        }
    }

    /// The issuer of tokens with these roles: the named one, or the only one that knows them all.
    pub fn issuer_of_roles(
        &self,
        roles: &[String],
        issuer: Option<&str>,
    ) -> anyhow::Result<&Reader> {
        let named = issuer.map(|name| self.issuer(Some(name))).transpose()?;
        let among = |reader: &&Reader| named.is_none_or(|named| named.index == reader.index);
        let readers: Vec<&Reader> = self.issuers.iter().filter(among).collect();
        for role in roles {
            if !readers.iter().any(|reader| reader.knows(role)) {
                let known = readers.iter().flat_map(|reader| reader.roles());
                bail!(unknown("role", role, known));
            }
        }
        let knows = |reader: &&Reader| roles.iter().all(|role| reader.knows(role));
        let knowing: Vec<&Reader> = readers.into_iter().filter(knows).collect();
        match knowing.as_slice() {
            [only] => Ok(only),
            [] => bail!("no issuer knows all of these roles"),
            several => bail!(
                "{} issuers know the role: name one of {}",
                several.len(),
                quoted(several.iter().copied())
            ),
        }
    }

    /// Who knows the policy called `name` as a role.
    pub fn holder_of_policy(&self, name: &str) -> anyhow::Result<&Reader> {
        match self.by_policy.iter().find(|reader| reader.knows(name)) {
            Some(reader) => Ok(reader),
            None if self.policy(name).is_some() => {
                bail!(
                    "the policy `{name}` has conditions that no claim of an issuer feeds, so nobody can have it"
                )
            }
            None => {
                let known = self.policies.iter().map(|policy| policy.name.as_str());
                bail!(unknown("policy", name, known))
            }
        }
    }

    /// What becomes of a request that is denied: one of the two that only reports is enough.
    pub fn mode(&self, reading: &Reading, operation: &Operation) -> Mode {
        let reported = self.config.iter().flat_map(|config| &config.report);
        let mut reported = reported.map(|label| label.value.as_str());
        match reported.any(|label| label == &*operation.permission) {
            true => Mode::Report,
            false => reading.mode,
        }
    }

    /// Whether there is such a caller, as far as that is known before a request.
    pub fn check(&self, who: &Who) -> anyhow::Result<()> {
        match who {
            Who::Token(_) => Ok(()),
            Who::Claims { issuer, .. } => self.issuer(issuer.as_deref()).map(|_| ()),
            Who::Roles { names, issuer, .. } => {
                self.issuer_of_roles(names, issuer.as_deref()).map(|_| ())
            }
            Who::Policy { name, .. } => self.holder_of_policy(name).map(|_| ()),
        }
    }

    /// The places of a policy's statements that are about the table's actions.
    pub fn places(&self, policy: &str) -> Vec<String> {
        let readers = self.by_policy.iter();
        let mut found = readers.flat_map(|reader| reader.reading.roles.find(&[policy]).policies);
        let places = found.next().map(|found| found.compiled.places());
        places.into_iter().flatten().map(str::to_owned).collect()
    }

    pub fn policy(&self, name: &str) -> Option<&NamedPolicy> {
        let mut policies = self.policies.iter().map(Arc::as_ref);
        policies.find(|policy| policy.name == name)
    }
}

impl Reader {
    fn knows(&self, role: &str) -> bool {
        self.roles().any(|known| known == role)
    }

    fn roles(&self) -> impl Iterator<Item = &str> {
        self.reading.roles.iter().map(|(name, _)| name)
    }
}

/// What the name may have been meant to be.
pub fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let name = name.escape_debug().to_string();
    match nearest(&name, known, f64::NEG_INFINITY) {
        Some(nearest) => format!("there is no {what} `{name}`; did you mean `{nearest}`?"),
        None => format!("there is no {what} `{name}`, nor any other"),
    }
}

fn quoted<'r>(readers: impl IntoIterator<Item = &'r Reader>) -> String {
    let names = readers
        .into_iter()
        .map(|reader| format!("`{}`", reader.name));
    names.collect::<Vec<_>>().join(", ")
}

fn by_policy(
    table: &ActionTable,
    issuers: &[Reader],
    policies: &[Arc<NamedPolicy>],
) -> anyhow::Result<Vec<Reader>> {
    let pointer = |text: &str| text.parse();
    let none = ClaimMapping::new(pointer("/project_id")?, pointer("/sub")?);
    let mut readers = Vec::new();
    let mappings = issuers.iter().map(|issuer| &issuer.reading.mapping);
    for (index, mapping) in mappings.chain([&none]).enumerate() {
        let mut mapping = mapping.clone();
        (mapping.actions, mapping.policies) = (None, None);
        mapping.roles = Some(match mapping.roles {
            Some(roles) => roles,
            None => pointer("/roles")?,
        });
        let all: Vec<Role> = policies
            .iter()
            .map(|policy| Role {
                name: policy.name.clone(),
                line: 0,
                policies: vec![Arc::clone(policy)],
            })
            .collect();
        let (_, errors) = Compiler::new(table).compile(&all, &mapping.keys);
        let is_good = |role: &Role| errors.iter().all(|error| error.role != role.name);
        let good: Vec<Role> = all.into_iter().filter(is_good).collect();
        let (roles, _) = Compiler::new(table).compile(&good, &mapping.keys);
        let issuer = issuers.get(index);
        readers.push(Reader {
            name: issuer.map_or_else(|| "nobody".to_owned(), |issuer| issuer.name.clone()),
            index,
            kind: Kind::Policies,
            reading: Reading {
                mapping,
                roles,
                mode: Mode::Enforce,
            },
        });
    }
    Ok(readers)
}
