//! What issuers need while the gateway runs: keys kept fresh, and somebody who asks.

use crate::app::StartError;
use crate::config::KeystoneKeys;
use crate::revocation;
use crate::token::{
    Delegation, FamilySettings, FamilySource, FetchError, KeyFamily, KeyFeed, KeySettings,
    KeySource, KeystoneJws, Location, Validator, ValidatorService, ValidatorSettings, unix_time,
};

/// What issuers need while the gateway runs, and keep over a reload that does not touch them.
#[derive(Clone, Debug, Default)]
pub struct Supplies {
    keys: Vec<IssuerKeys>,
    validators: Vec<IssuerValidator>,
    revocation: Option<(revocation::Settings, revocation::Feed)>,
}

/// The keys of one issuer, or of a family of them, which somebody keeps fresh.
#[derive(Clone, Debug)]
enum IssuerKeys {
    One {
        issuer: String,
        settings: KeySettings,
        feed: KeyFeed,
    },
    Family {
        settings: FamilySettings,
        family: KeyFamily,
    },
}

/// Asks one issuer, with what is known of its tokens.
#[derive(Clone, Debug)]
struct IssuerValidator {
    issuer: String,
    settings: ValidatorSettings,
    validator: Validator,
}

/// What one issuer after another needs.
pub struct Supply<'a> {
    before: &'a Supplies,
    /// For those whose keys nobody fetches yet.
    pub sources: Vec<KeySource>,
    /// For families for which nobody fetches yet.
    pub families: Vec<FamilySource>,
    /// For those whom nobody asks yet.
    pub services: Vec<ValidatorService>,
    /// For the list of revoked tokens, if nobody looks for it yet.
    pub revocation: Option<revocation::Source>,
    /// For all.
    pub supplies: Supplies,
}

impl<'a> Supply<'a> {
    /// Nothing yet; `before` is what an earlier config has.
    pub fn new(before: &'a Supplies) -> Self {
        Self {
            before,
            sources: Vec::new(),
            families: Vec::new(),
            services: Vec::new(),
            revocation: None,
            supplies: Supplies::default(),
        }
    }

    /// Shows the keys of `issuer`: those of before, where they come from the same URL.
    pub fn feed(&mut self, issuer: &str, settings: &KeySettings) -> Result<KeyFeed, StartError> {
        // A file is read again: what is in it counts from now on, or the reload fails.
        let is_kept = matches!(settings.location, Location::Url(_));
        let kept = self.before.keys.iter().find_map(|known| match known {
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
        self.supplies.keys.push(IssuerKeys::One {
            issuer: issuer.to_owned(),
            settings: settings.clone(),
            feed: feed.clone(),
        });
        Ok(feed)
    }

    /// Verifies the JWS tokens of a Keystone.
    pub fn keystone(
        &mut self,
        issuer: &str,
        keys: &KeystoneKeys,
        delegated: &[Delegation],
    ) -> Result<KeystoneJws, StartError> {
        Ok(KeystoneJws {
            keys: self.feed(issuer, &keys.keys)?,
            algorithm: keys.algorithm,
            delegated: delegated.to_vec(),
        })
    }

    /// Shows the keys of a family: those of before, where nothing about them has changed.
    pub fn family(&mut self, settings: &FamilySettings) -> Result<KeyFamily, StartError> {
        let kept = self.before.keys.iter().find_map(|known| match known {
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
        self.supplies.keys.push(IssuerKeys::Family {
            settings: settings.clone(),
            family: family.clone(),
        });
        Ok(family)
    }

    /// Shows the list of revoked tokens: the one of before, where nothing about it has changed.
    pub fn revocation(
        &mut self,
        settings: &revocation::Settings,
    ) -> Result<revocation::Feed, StartError> {
        // As with keys, a file is read again.
        let kept = self.before.revocation.as_ref();
        let kept = kept.filter(|(known, _)| known == settings && !settings.location.is_file());
        let feed = match kept {
            Some((_, feed)) => feed.clone(),
            None => {
                let source = revocation::Source::new(settings.clone());
                let (source, feed) = source.map_err(|source| StartError::Revocation {
                    location: settings.location.to_string(),
                    source: Box::new(source),
                })?;
                self.revocation = Some(source);
                feed
            }
        };
        self.supplies.revocation = Some((settings.clone(), feed.clone()));
        Ok(feed)
    }

    /// Asks `issuer`: as before, where it is asked in the same way.
    pub fn validator(
        &mut self,
        issuer: &str,
        settings: ValidatorSettings,
    ) -> Result<Validator, StartError> {
        let is_kept =
            |known: &&IssuerValidator| known.issuer == issuer && known.settings == settings;
        let validator = match self.before.validators.iter().find(is_kept) {
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

fn unusable(issuer: String, location: &Location, source: FetchError) -> StartError {
    StartError::Keys {
        issuer,
        location: location.to_string(),
        source,
    }
}
