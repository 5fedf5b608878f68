//! From a config to the rules that decisions rest on, and the keys they need.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime;

use super::StartError;
use crate::config::{Config, IssuerKind};
use crate::document::{Problem, Problems};
use crate::gateway::{Reading, Rules};
use crate::grant::{Compiler, Roles};
use crate::router::Router;
use crate::table::{ActionTable, Source};
use crate::token::{
    FamilySettings, FamilySource, FetchError, Issuer, JwtFamily, JwtIssuer, KeyFamily, KeyFeed,
    KeySettings, KeySource, Kind, Location,
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
    keys: Vec<IssuerKeys>,
}

/// The keys of one issuer, or of a family of them, which somebody keeps fresh.
#[derive(Clone, Debug)]
pub enum IssuerKeys {
    /// Of one.
    One {
        /// Whose.
        issuer: String,
        /// How they are had.
        settings: KeySettings,
        /// Shows them.
        feed: KeyFeed,
    },
    /// Of a family.
    Family {
        /// How they are had.
        settings: FamilySettings,
        /// Shows them.
        family: KeyFamily,
    },
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
    assemble_beside(config, &[])
}

/// As [`assemble`]; issuers whose keys come from the same URL as before keep the keys they have.
pub fn assemble_beside(config: &Config, before: &[IssuerKeys]) -> Result<Assembled, StartError> {
    let router = route(&config.table, config.into())?;
    let compiled = compile_roles(config, router.table()).map_err(StartError::Roles)?;
    let mut issuers: Vec<(Issuer, Reading)> = Vec::new();
    let mut supply = Supply {
        before,
        sources: Vec::new(),
        families: Vec::new(),
        keys: Vec::new(),
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
            IssuerKind::Family {
                audiences,
                keys: settings,
            } => Kind::Family(JwtFamily {
                name: settings.name.clone(),
                audiences: audiences.clone(),
                keys: supply.family(settings)?,
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
    let mut rules = Rules::new(router, issuers, config.token);
    if let Some(issuer) = &config.upstream.service_token {
        rules = rules.with_service_token(issuer);
    }
    let rules = Arc::new(rules);
    Ok(Assembled {
        rules,
        sources: supply.sources,
        families: supply.families,
        keys: supply.keys,
    })
}

/// Keys for one issuer after another.
struct Supply<'a> {
    before: &'a [IssuerKeys],
    sources: Vec<KeySource>,
    families: Vec<FamilySource>,
    keys: Vec<IssuerKeys>,
}

impl Supply<'_> {
    /// Shows the keys of `issuer`: those of before, where they come from the same URL.
    fn feed(&mut self, issuer: &str, settings: &KeySettings) -> Result<KeyFeed, StartError> {
        // A file is read again: what is in it counts from now on, or the reload fails.
        let is_kept = matches!(settings.location, Location::Url(_));
        let kept = self.before.iter().find_map(|known| match known {
            IssuerKeys::One {
                issuer: name,
                settings: known,
                feed,
            } if is_kept && name == issuer && known == settings => Some(feed.clone()),
            _ => None,
        });
        let feed = match kept {
            Some(feed) => feed,
            None => {
                let source = KeySource::new(issuer, settings.clone());
                let (source, feed) = source
                    .map_err(|source| unusable(issuer.to_owned(), &settings.location, source))?;
                self.sources.push(source);
                feed
            }
        };
        self.keys.push(IssuerKeys::One {
            issuer: issuer.to_owned(),
            settings: settings.clone(),
            feed: feed.clone(),
        });
        Ok(feed)
    }

    /// Shows the keys of a family: those of before, where nothing about them has changed.
    fn family(&mut self, settings: &FamilySettings) -> Result<KeyFamily, StartError> {
        let kept = self.before.iter().find_map(|known| match known {
            IssuerKeys::Family {
                settings: known,
                family,
            } if known == settings => Some(family.clone()),
            _ => None,
        });
        let family = match kept {
            Some(family) => family,
            None => {
                let source = FamilySource::new(settings.clone());
                let (source, family) = source.map_err(|source| {
                    unusable(settings.name.to_string(), &settings.keys.location, source)
                })?;
                self.families.push(source);
                family
            }
        };
        self.keys.push(IssuerKeys::Family {
            settings: settings.clone(),
            family: family.clone(),
        });
        Ok(family)
    }
}

fn unusable(issuer: String, location: &Location, source: FetchError) -> StartError {
    StartError::Keys {
        issuer,
        location: location.to_string(),
        source,
    }
}

impl Assembled {
    /// Fetches what keys are not there yet and sees that all are kept fresh. Keys that a URL does
    /// not give yet are no error.
    ///
    /// # Errors
    ///
    /// A file that cannot be read.
    pub async fn supply_keys(self) -> Result<(Arc<Rules>, Vec<IssuerKeys>), StartError> {
        for family in self.families {
            tokio::spawn(family.maintain());
        }
        let mut first_fetches = Vec::new();
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
        // So that the first requests find keys; but one issuer that hangs must not keep all waiting.
        let first_fetches = async {
            for fetch in first_fetches {
                fetch.await;
            }
        };
        let _ = tokio::time::timeout(FIRST_FETCH, first_fetches).await;
        Ok((self.rules, self.keys))
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
