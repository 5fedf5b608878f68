//! The rules of a config without a server, for commands that look at tokens.

use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::runtime::{Builder, Runtime};

use super::assembly::assemble;
use super::{StartError, fetch_once};
use crate::config::Config;
use crate::gateway::{Identity, Rejection, Rules};
use crate::revocation::RevocationError;
use crate::token::Token;

/// The rules with every issuer's keys, and whoever has to be asked about tokens.
pub struct Inspector {
    rules: Arc<Rules>,
    runtime: Runtime,
    list_error: Option<RevocationError>,
}

/// A verified token, as the gateway reads it.
pub struct Inspected {
    /// Whose it is and what it grants.
    pub identity: Identity,
    /// What it was read from.
    pub claims: Map<String, Value>,
}

impl Inspector {
    /// # Errors
    ///
    /// Rules that cannot be used, keys that cannot be had. Of the list of revoked tokens see
    /// [`Inspector::list_error`].
    pub fn new(config: &Config) -> Result<Self, StartError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(StartError::Thread)?;
        let mut assembled = assemble(config)?;
        for source in &mut assembled.sources {
            let (issuer, location) = (source.issuer().to_owned(), source.location().to_string());
            fetch_once(source).map_err(|source| StartError::Keys {
                issuer,
                location,
                source,
            })?;
        }
        for family in assembled.families {
            runtime.spawn(family.maintain());
        }
        for service in assembled.services {
            runtime.spawn(service.run());
        }
        let list = assembled.revocation;
        let list_error = list.and_then(|mut source| runtime.block_on(source.refresh()).err());
        Ok(Self {
            rules: assembled.rules,
            runtime,
            list_error,
        })
    }

    /// What decisions rest on.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Why the list of revoked tokens could not be had, if it could not.
    pub fn list_error(&self) -> Option<&RevocationError> {
        self.list_error.as_ref()
    }

    /// Verifies a token as the gateway does.
    ///
    /// # Errors
    ///
    /// As [`Rules::identify`].
    pub fn inspect(&self, token: Token<'_>) -> Result<Inspected, Rejection> {
        let verified = self.runtime.block_on(self.rules.verify(token))?;
        let claims = verified.claims.clone();
        let identity = self.rules.read(verified)?;
        self.rules.check_revocation(&identity)?;
        Ok(Inspected { identity, claims })
    }
}
