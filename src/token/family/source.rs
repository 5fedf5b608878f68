//! Fetches the keys of a family's issuers, one issuer after the other, on the control thread.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::{Absence, KeyFamily, MAX_AWAITED, Members};
use crate::telemetry::chain;
use crate::tls;
use crate::token::{FetchError, KeyFeed, KeySettings, KeySource, Location, Template};

/// After an issuer that has no keys: so many of them a second can be asked for at most.
const PAUSE: Duration = Duration::from_millis(50);

/// How the keys of a family are had.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// The names of its issuers.
    pub name: Template,
    /// The URL of each one's keys.
    pub location: Template,
    /// The rest; their location is that URL as it is written.
    pub keys: KeySettings,
}

/// Fetches the keys of a family's issuers.
#[derive(Debug)]
pub struct FamilySource {
    settings: Settings,
    tls: Option<tls::Client>,
    members: Arc<watch::Sender<Members>>,
    requests: mpsc::Receiver<Box<str>>,
}

impl FamilySource {
    /// Prepares to fetch; no key is there yet.
    ///
    /// # Errors
    ///
    /// Certificates that cannot be read.
    pub fn new(settings: Settings) -> Result<(Self, KeyFamily), FetchError> {
        let tls = KeySource::tls(&settings.keys)?;
        let members = Arc::new(watch::Sender::default());
        let (sender, requests) = mpsc::channel(MAX_AWAITED);
        let family = KeyFamily {
            members: Arc::clone(&members),
            requests: sender,
        };
        let source = Self {
            settings,
            tls,
            members,
            requests,
        };
        Ok((source, family))
    }

    /// Fetches what is asked for until nobody can ask any more. Once an issuer's keys are here, they
    /// are kept fresh as any other's.
    pub async fn maintain(mut self) {
        while let Some(value) = self.requests.recv().await {
            match self.fetch(&value).await {
                Ok(keys) => self
                    .members
                    .send_modify(|members| members.admit(value, keys)),
                Err(absence) => {
                    let until = Instant::now() + self.settings.keys.cooldown;
                    self.members
                        .send_modify(|members| members.refuse(value, absence, until));
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn fetch(&self, value: &str) -> Result<KeyFeed, Absence> {
        let issuer = self.settings.name.fill(value);
        let location = self.settings.location.fill(value).parse::<Location>();
        let settings = KeySettings {
            location: location.map_err(|_| Absence::Unavailable)?,
            ..self.settings.keys.clone()
        };
        let (mut source, keys) = KeySource::over(self.tls.clone(), &issuer, settings);
        match source.refresh().await {
            Ok(()) => {
                source.log_keys();
                tokio::spawn(source.maintain());
                Ok(keys)
            }
            // Whoever has the keys of all says that there is no such issuer. A token that names it is
            // wrong for good, and not for now.
            Err(FetchError::Status(StatusCode::NOT_FOUND)) => {
                debug!(issuer, "there is no issuer {issuer}");
                Err(Absence::Unknown)
            }
            Err(error) => {
                let (cause, location) = (chain(&error), source.location());
                warn!(
                    issuer,
                    "no keys of {issuer}, its tokens get 503: {location} cannot be had: {cause}"
                );
                Err(Absence::Unavailable)
            }
        }
    }
}
