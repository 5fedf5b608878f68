//! From a config to the rules that decisions rest on, and the keys they need.

mod rehearsal;
mod supply;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime;

pub use supply::Supplies;

use supply::Supply;

use super::StartError;
use crate::config::{Config, IssuerKind};
use crate::document::{Problem, Problems, nearest};
use crate::gateway::{Reading, Rules};
use crate::grant::{Compiler, Roles};
use crate::revocation::{self, RevocationError};
use crate::router::Router;
use crate::table::{ActionTable, Source};
use crate::token::{
    FamilySource, FetchError, Issuer, JwtFamily, JwtIssuer, KeySource, Kind, Location, Online,
    Takes, ValidatorService, ValidatorSettings,
};

/// How long starting and reloading wait for keys that come from a URL.
const FIRST_FETCH: Duration = Duration::from_secs(2);

/// The rules of a config, and the sources that keep its issuers' keys.
pub struct Assembled {
    /// What decisions rest on.
    pub rules: Arc<Rules>,
    /// One for each issuer whose keys nobody fetches yet.
    pub sources: Vec<KeySource>,
    /// One for each family of issuers for which nobody fetches yet.
    pub families: Vec<FamilySource>,
    /// One for each issuer whom nobody asks yet.
    pub services: Vec<ValidatorService>,
    /// For the list of revoked tokens, if there is one that nobody looks for yet.
    pub revocation: Option<revocation::Source>,
    supplies: Supplies,
}

/// How far a table's demands go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Demands {
    /// The required actions.
    Actions,
    /// The dependencies, too.
    Dependencies,
}

impl From<&Config> for Demands {
    fn from(config: &Config) -> Self {
        match config.enforce_dependencies {
            true => Self::Dependencies,
            false => Self::Actions,
        }
    }
}

/// Loads and routes a table.
///
/// # Errors
///
/// [`StartError::Table`] and [`StartError::Routes`].
pub fn route(table: &[Source], demands: Demands) -> Result<Router, StartError> {
    let mut table = ActionTable::load(table).map_err(StartError::Table)?;
    if demands == Demands::Dependencies {
        table = table.enforcing_dependencies();
    }
    Ok(Router::new(table)?)
}

/// Holds every issuer's roles against the table.
///
/// # Errors
///
/// Every policy of a role that asks for something nobody knows, with the role's place.
pub fn compile_roles(config: &Config, table: &ActionTable) -> Result<Vec<Roles>, Problems> {
    let mut compiler = Compiler::new(table);
    let mut problems = Problems::default();
    let mut all = Vec::new();
    for issuer in &config.issuers {
        let (roles, errors) = compiler.compile(&issuer.roles, &issuer.claims.keys);
        all.push(roles);
        problems.0.extend(errors.into_iter().map(|error| Problem {
            file: config.name(),
            line: error.line,
            message: error.to_string(),
        }));
    }
    match problems.0.is_empty() {
        true => Ok(all),
        false => Err(problems),
    }
}

/// The places of the operations whose refusals are reported only.
fn reported(config: &Config, table: &ActionTable) -> Result<Vec<usize>, Problems> {
    let (mut places, mut problems) = (Vec::new(), Problems::default());
    for label in &config.report {
        let labels = || {
            table
                .operations()
                .iter()
                .map(|operation| &*operation.permission)
        };
        match labels().position(|known| known == label.value) {
            Some(place) => places.push(place),
            None => {
                let nearest =
                    nearest(&label.value, labels(), f64::NEG_INFINITY).unwrap_or_default();
                problems.0.push(Problem {
                    file: config.name(),
                    line: label.line,
                    message: format!(
                        "`table.report` names `{}`, which is no operation of the table; did you mean `{nearest}`?",
                        label.value
                    ),
                });
            }
        }
    }
    match problems.0.is_empty() {
        true => Ok(places),
        false => Err(problems),
    }
}

/// Builds the rules; no key is fetched yet.
///
/// # Errors
///
/// A table that cannot be loaded, roles that cannot be judged, certificates that cannot be read.
pub fn assemble(config: &Config) -> Result<Assembled, StartError> {
    assemble_beside(config, &Supplies::default())
}

/// As [`assemble`]; issuers whose keys come from the same URL as before keep the keys they have, and
/// those that are asked as before what is known of their tokens.
pub fn assemble_beside(config: &Config, before: &Supplies) -> Result<Assembled, StartError> {
    let router = route(&config.table, config.into())?;
    let compiled = compile_roles(config, router.table()).map_err(StartError::Roles)?;
    let mut issuers: Vec<(Issuer, Reading)> = Vec::new();
    let mut supply = Supply::new(before);
    for (issuer, roles) in config.issuers.iter().zip(compiled) {
        let kind = match &issuer.kind {
            IssuerKind::Jwt {
                audiences,
                keys: settings,
            } => Kind::Jwt(JwtIssuer {
                audiences: audiences.clone(),
                keys: supply.feed(&issuer.name, settings)?,
            }),
            IssuerKind::Family {
                audiences,
                keys: settings,
            } => Kind::Family(JwtFamily {
                name: settings.name.clone(),
                audiences: audiences.clone(),
                keys: supply.family(settings)?,
            }),
            IssuerKind::KeystoneJws { keys, delegated } => {
                Kind::KeystoneJws(supply.keystone(&issuer.name, keys, delegated)?)
            }
            IssuerKind::Keystone { settings, keys, .. } => Kind::Online(Online {
                validator: supply
                    .validator(&issuer.name, ValidatorSettings::Keystone(settings.clone()))?,
                takes: Takes {
                    opaque: true,
                    named: false,
                    keystone: true,
                },
                keystone: match keys {
                    Some(keys) => Some(supply.keystone(&issuer.name, keys, &[])?),
                    None => None,
                },
            }),
            IssuerKind::Introspection { settings, opaque } => Kind::Online(Online {
                validator: supply.validator(
                    &issuer.name,
                    ValidatorSettings::Introspection(settings.clone()),
                )?,
                takes: Takes {
                    opaque: *opaque,
                    named: true,
                    keystone: false,
                },
                keystone: None,
            }),
        };
        let reading = Reading {
            mapping: issuer.claims.clone(),
            roles,
            mode: issuer.mode,
        };
        let issuer = Issuer {
            name: issuer.name.clone(),
            leeway: issuer.leeway,
            kind,
        };
        issuers.push((issuer, reading));
    }
    let reported = reported(config, router.table()).map_err(StartError::Table)?;
    let mut rules = Rules::new(router, issuers, config.token).with_evidence(config.audit.evidence);
    if !reported.is_empty() {
        rules = rules.reporting(&reported);
    }
    if let Some(candidate) = &config.candidate
        && let Some(judge) = rehearsal::load(candidate)
    {
        rules = rules.with_candidate(judge);
    }
    if let Some(issuer) = &config.upstream.service_token {
        rules = rules.with_service_token(issuer);
    }
    if let Some(settings) = &config.revocation {
        rules = rules.with_revocation(supply.revocation(settings)?);
    }
    let rules = Arc::new(rules);
    Ok(Assembled {
        rules,
        sources: supply.sources,
        families: supply.families,
        services: supply.services,
        revocation: supply.revocation,
        supplies: supply.supplies,
    })
}

impl Assembled {
    /// Fetches what keys are not there yet and sees that all are kept fresh, and that issuers are
    /// asked. Keys that a URL does not give yet are no error, nor is an issuer that is away.
    ///
    /// # Errors
    ///
    /// A file that cannot be read.
    pub async fn supply(self) -> Result<(Arc<Rules>, Supplies), StartError> {
        for family in self.families {
            tokio::spawn(family.maintain());
        }
        let mut first_fetches = Vec::new();
        let mut first_attempts = Vec::new();
        let mut first_list = None;
        for mut source in self.sources {
            match source.location() {
                // A file is there or it is a mistake; a server may come up later.
                Location::File(_) | Location::Pem(..) => {
                    let fetched = source.refresh().await;
                    fetched.map_err(|error| StartError::Keys {
                        issuer: source.issuer().to_owned(),
                        location: source.location().to_string(),
                        source: error,
                    })?;
                    source.log_keys();
                }
                Location::Url(_) => first_fetches.push(source.first_fetch()),
            }
            tokio::spawn(source.maintain());
        }
        if let Some(mut source) = self.revocation {
            match source.location().is_file() {
                true => {
                    let location = source.location().to_string();
                    let found = source.refresh().await;
                    found.map_err(|source| StartError::Revocation {
                        location,
                        source: Box::new(source),
                    })?;
                }
                false => first_list = Some(source.first_attempt()),
            }
            tokio::spawn(source.maintain());
        }
        for service in self.services {
            first_attempts.push(service.first_attempt());
            tokio::spawn(service.run());
        }
        // So that the first requests find keys; but one issuer that hangs must not keep all waiting.
        let first_fetches = async {
            for fetch in first_fetches {
                fetch.await;
            }
            for attempt in first_attempts {
                attempt.await;
            }
            if let Some(list) = first_list {
                list.await;
            }
        };
        let _ = tokio::time::timeout(FIRST_FETCH, first_fetches).await;
        Ok((self.rules, self.supplies))
    }
}

/// Looks once for the list of revoked tokens, for commands that work without a server.
///
/// # Errors
///
/// Why it cannot be had.
pub fn look_once(source: &mut revocation::Source) -> Result<(), RevocationError> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(FetchError::Runtime)?;
    runtime.block_on(source.refresh())
}

/// Fetches one issuer's keys, for commands that work without a server.
///
/// # Errors
///
/// Why they cannot be had.
pub fn fetch_once(source: &mut KeySource) -> Result<(), FetchError> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime
        .map_err(FetchError::Runtime)?
        .block_on(source.refresh())
}
