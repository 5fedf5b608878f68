//! From a config to the rules that decisions rest on, and the keys they need.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime;

use super::StartError;
use crate::config::{Config, IssuerKind};
use crate::document::{Problem, Problems};
use crate::gateway::{Reading, Rules, unix_time};
use crate::grant::{Compiler, Roles};
use crate::router::Router;
use crate::table::{ActionTable, Source};
use crate::token::{
    FetchError, Issuer, JwtIssuer, KeyFeed, KeySettings, KeySource, Kind, Location, Online, Takes,
    Validator, ValidatorService, ValidatorSettings,
};

/// How long starting and reloading wait for keys that come from a URL.
const FIRST_FETCH: Duration = Duration::from_secs(2);

/// The rules of a config, and the sources that keep its issuers' keys.
pub struct Assembled {
    /// What decisions rest on.
    pub rules: Arc<Rules>,
    /// One for each issuer whose keys nobody fetches yet.
    pub sources: Vec<KeySource>,
    /// One for each issuer whom nobody asks yet.
    pub services: Vec<ValidatorService>,
    supplies: Supplies,
}

/// What issuers need while the gateway runs, and keep over a reload that does not touch them.
#[derive(Clone, Debug, Default)]
pub struct Supplies {
    keys: Vec<IssuerKeys>,
    validators: Vec<IssuerValidator>,
}

/// The keys of one issuer, which somebody keeps fresh.
#[derive(Clone, Debug)]
struct IssuerKeys {
    issuer: String,
    settings: KeySettings,
    feed: KeyFeed,
}

/// Asks one issuer, with what is known of its tokens.
#[derive(Clone, Debug)]
struct IssuerValidator {
    issuer: String,
    settings: ValidatorSettings,
    validator: Validator,
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
    let mut supply = Supply {
        before,
        sources: Vec::new(),
        services: Vec::new(),
        supplies: Supplies::default(),
    };
    for (issuer, roles) in config.issuers.iter().zip(compiled) {
        let kind = match &issuer.kind {
            IssuerKind::Jwt {
                audiences,
                keys: settings,
            } => Kind::Jwt(JwtIssuer {
                audiences: audiences.clone(),
                keys: supply.feed(&issuer.name, settings)?,
            }),
            IssuerKind::Keystone { settings, .. } => Kind::Online(Online {
                validator: supply
                    .validator(&issuer.name, ValidatorSettings::Keystone(settings.clone()))?,
                takes: Takes {
                    opaque: true,
                    named: false,
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
                },
            }),
        };
        let reading = Reading {
            mapping: issuer.claims.clone(),
            roles,
        };
        let issuer = Issuer {
            name: issuer.name.clone(),
            leeway: issuer.leeway,
            kind,
        };
        issuers.push((issuer, reading));
    }
    let rules = Arc::new(Rules::new(router, issuers, config.token));
    Ok(Assembled {
        rules,
        sources: supply.sources,
        services: supply.services,
        supplies: supply.supplies,
    })
}

/// What one issuer after another needs.
struct Supply<'a> {
    before: &'a Supplies,
    sources: Vec<KeySource>,
    services: Vec<ValidatorService>,
    supplies: Supplies,
}

impl Supply<'_> {
    /// Shows the keys of `issuer`: those of before, where they come from the same URL.
    fn feed(&mut self, issuer: &str, settings: &KeySettings) -> Result<KeyFeed, StartError> {
        let is_kept = |known: &&IssuerKeys| {
            known.issuer == issuer
                && known.settings == *settings
                // A file is read again: what is in it counts from now on, or the reload fails.
                && matches!(known.settings.location, Location::Url(_))
        };
        let feed = match self.before.keys.iter().find(is_kept) {
            Some(known) => known.feed.clone(),
            None => {
                let source = KeySource::new(issuer, settings.clone());
                let (source, feed) = source.map_err(|source| StartError::Keys {
                    issuer: issuer.to_owned(),
                    location: settings.location.to_string(),
                    source,
                })?;
                self.sources.push(source);
                feed
            }
        };
        self.supplies.keys.push(IssuerKeys {
            issuer: issuer.to_owned(),
            settings: settings.clone(),
            feed: feed.clone(),
        });
        Ok(feed)
    }

    /// Asks `issuer`: as before, where it is asked in the same way.
    fn validator(
        &mut self,
        issuer: &str,
        settings: ValidatorSettings,
    ) -> Result<Validator, StartError> {
        let is_kept =
            |known: &&IssuerValidator| known.issuer == issuer && known.settings == settings;
        let mut before = self.before.validators.iter();
        let validator = match before.find(is_kept) {
            Some(known) => known.validator.clone(),
            None => {
                let service = ValidatorService::new(issuer, &settings, unix_time);
                let (service, validator) = service.map_err(|source| StartError::Validator {
                    issuer: issuer.to_owned(),
                    source: Box::new(source),
                })?;
                self.services.push(service);
                validator
            }
        };
        self.supplies.validators.push(IssuerValidator {
            issuer: issuer.to_owned(),
            settings,
            validator: validator.clone(),
        });
        Ok(validator)
    }
}

impl Assembled {
    /// Fetches what keys are not there yet and sees that all are kept fresh, and that issuers are
    /// asked. Keys that a URL does not give yet are no error, nor is an issuer that is away.
    ///
    /// # Errors
    ///
    /// A file that cannot be read.
    pub async fn supply(self) -> Result<(Arc<Rules>, Supplies), StartError> {
        let mut first_fetches = Vec::new();
        let mut first_attempts = Vec::new();
        for mut source in self.sources {
            match source.location() {
                // A file is there or it is a mistake; a server may come up later.
                Location::File(_) => {
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
        };
        let _ = tokio::time::timeout(FIRST_FETCH, first_fetches).await;
        Ok((self.rules, self.supplies))
    }
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
