//! An issuer's keys, kept fresh: a [`KeySource`] fetches on the control thread, each [`KeyFeed`]
//! shows workers what is there.
//!
//! The last good set stays when a fetch fails, for a stated time; but a folder that can be read and holds
//! no key any more says that none counts. Callers cannot cause more than one fetch at a time, nor one
//! sooner than the cooldown after the last.

mod location;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tracing::{info, warn};

pub use location::{InvalidLocation, Location, names_a_server};

pub use super::fetch::FetchError;
use super::fetch::{self, read_file, read_folder};
use super::keys::KeySet;
use crate::telemetry::chain;
use crate::tls;

/// Longer than a fetch may take: how long a request waits for one that another request asked for.
pub const PATIENCE: Duration = Duration::from_secs(6);

/// How many skipped keys the log names.
const MAX_WARNINGS: usize = 10;

/// How one issuer's keys are had.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Where they are.
    pub location: Location,
    /// PEM certificates to trust instead of the system's; read again for each fetch.
    pub ca: Option<PathBuf>,
    /// How often they are looked at again.
    pub refresh: Duration,
    /// The least time between two fetches that requests cause, and after a failure.
    pub cooldown: Duration,
    /// How long the last good set serves while no fetch succeeds.
    pub max_age: Duration,
}

impl Settings {
    /// The defaults for keys at `location`.
    pub fn new(location: Location) -> Self {
        Self {
            location,
            ca: None,
            refresh: Duration::from_mins(5),
            cooldown: Duration::from_secs(10),
            max_age: Duration::from_hours(24),
        }
    }
}

/// What is known of an issuer's keys.
#[derive(Clone, Debug, Default)]
pub struct KeyState {
    keys: Option<Arc<KeySet>>,
    attempts: u64,
    started: Option<Instant>,
    in_flight: bool,
    failures: u64,
    last_error: Option<Arc<str>>,
    seen: Option<Instant>,
}

/// How an issuer's keys are doing.
#[derive(Clone, Debug, Default)]
pub struct KeyHealth {
    /// Those that verify now.
    pub keys: Option<Arc<KeySet>>,
    /// How long ago they were last seen where they come from.
    pub age: Option<Duration>,
    /// How often they were looked for.
    pub attempts: u64,
    /// How often they were not to be had.
    pub failures: u64,
    /// Why not, the last time, if it was so.
    pub last_error: Option<Arc<str>>,
}

/// Shows the keys of one issuer; cheap to clone, safe on every worker.
#[derive(Clone, Debug)]
pub struct KeyFeed {
    state: watch::Receiver<KeyState>,
    requests: mpsc::Sender<()>,
    version: Arc<AtomicU64>,
    cooldown: Duration,
}

impl KeyFeed {
    /// The keys, and which they are.
    pub fn current(&self) -> Option<(Arc<KeySet>, SeenKeys)> {
        // Before the keys are read: at worst they are newer than what they are called.
        let seen = SeenKeys {
            current: Arc::clone(&self.version),
            version: self.version(),
        };
        let keys = self.state.borrow().keys.clone()?;
        Some((keys, seen))
    }

    /// How they are doing.
    pub fn health(&self) -> KeyHealth {
        let state = self.state.borrow();
        KeyHealth {
            keys: state.keys.clone(),
            age: state.seen.map(|seen| seen.elapsed()),
            attempts: state.attempts,
            failures: state.failures,
            last_error: state.last_error.clone(),
        }
    }

    /// Changes whenever the keys do.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Asks for a fetch, if one is due or under way, and waits for it. Says whether there was one.
    pub async fn refresh(&self) -> bool {
        let mut state = self.state.clone();
        let seen = {
            let state = state.borrow_and_update();
            let cooling = state
                .started
                .is_some_and(|started| started.elapsed() < self.cooldown);
            if !state.in_flight && cooling {
                return false;
            }
            state.attempts
        };
        // Full means that somebody else has asked already.
        let _ = self.requests.try_send(());
        let done = state.wait_for(|state| state.attempts > seen);
        matches!(tokio::time::timeout(PATIENCE, done).await, Ok(Ok(_)))
    }
}

/// The keys that something was verified with; once they have changed it is to be verified again.
#[derive(Clone, Debug)]
pub struct SeenKeys {
    current: Arc<AtomicU64>,
    version: u64,
}

impl SeenKeys {
    /// Whether they are still the issuer's.
    pub fn are_current(&self) -> bool {
        self.current.load(Ordering::Acquire) == self.version
    }

    /// Which they are, as [`KeyFeed::version`] counts.
    pub fn version(&self) -> u64 {
        self.version
    }
}

/// Fetches the keys of one issuer.
#[derive(Debug)]
pub struct KeySource {
    issuer: String,
    settings: Settings,
    tls: Option<tls::Client>,
    state: watch::Sender<KeyState>,
    requests: mpsc::Receiver<()>,
    version: Arc<AtomicU64>,
    /// The text of the current set and when it was last seen there.
    current: Option<(Bytes, Instant)>,
}

impl KeySource {
    /// Prepares to fetch; no key is there yet.
    ///
    /// # Errors
    ///
    /// Certificates that cannot be read.
    pub fn new(issuer: &str, settings: Settings) -> Result<(Self, KeyFeed), FetchError> {
        Ok(Self::over(Self::tls(&settings)?, issuer, settings))
    }

    /// What its fetches need of TLS.
    ///
    /// # Errors
    ///
    /// Certificates that cannot be read.
    pub fn tls(settings: &Settings) -> Result<Option<tls::Client>, FetchError> {
        let is_https =
            matches!(&settings.location, Location::Url(uri) if uri.scheme_str() == Some("https"));
        let tls = is_https.then(|| tls::Client::trusting(settings.ca.as_deref(), &[]));
        Ok(tls.transpose()?)
    }

    /// Prepares to fetch with what [`KeySource::tls`] gave.
    pub fn over(tls: Option<tls::Client>, issuer: &str, settings: Settings) -> (Self, KeyFeed) {
        let (state, feed_state) = watch::channel(KeyState::default());
        let (sender, requests) = mpsc::channel(1);
        let version = Arc::new(AtomicU64::new(0));
        let feed = KeyFeed {
            state: feed_state,
            requests: sender,
            version: Arc::clone(&version),
            cooldown: settings.cooldown,
        };
        let source = Self {
            issuer: issuer.to_owned(),
            settings,
            tls,
            state,
            requests,
            version,
            current: None,
        };
        (source, feed)
    }

    /// Whose keys they are.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where the keys come from.
    pub fn location(&self) -> &Location {
        &self.settings.location
    }

    /// Fetches once.
    ///
    /// # Errors
    ///
    /// Why the keys could not be had; the last good set stays until it is too old, or gone from its folder.
    pub async fn refresh(&mut self) -> Result<(), FetchError> {
        self.state.send_modify(|state| {
            state.in_flight = true;
            state.started = Some(Instant::now());
        });
        let fetched = self.fetch().await;
        let keys = match &fetched {
            Ok((text, keys)) => {
                let is_new = self.current.as_ref().is_none_or(|(known, _)| known != text);
                self.current = Some((text.clone(), Instant::now()));
                is_new.then(|| Some(Arc::clone(keys)))
            }
            Err(error) => {
                let is_gone = self.settings.location.is_emptied(error);
                let counts_no_more = |(_, seen): &(Bytes, Instant)| {
                    is_gone || seen.elapsed() > self.settings.max_age
                };
                self.current
                    .take_if(|current| counts_no_more(current))
                    .map(|_| None)
            }
        };
        self.state.send_modify(|state| {
            state.in_flight = false;
            state.attempts += 1;
            state.seen = self.current.as_ref().map(|(_, seen)| *seen);
            state.failures += u64::from(fetched.is_err());
            state.last_error = fetched.as_ref().err().map(|error| chain(error).into());
            if let Some(keys) = keys {
                state.keys = keys;
                self.version.fetch_add(1, Ordering::Release);
            }
        });
        fetched.map(|_| ())
    }

    /// Ready when the first fetch has come to an end, good or bad.
    pub fn first_fetch(&self) -> impl Future<Output = ()> + use<> {
        let mut state = self.state.subscribe();
        async move {
            let _ = state.wait_for(|state| state.attempts > 0).await;
        }
    }

    /// Keeps the keys fresh until every feed is gone; from then on nothing rests on them.
    pub async fn maintain(mut self) {
        let wait = match self.current {
            Some(_) => self.settings.refresh,
            None => self.refresh_and_log().await,
        };
        let mut next = Instant::now() + wait;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                request = self.requests.recv() => {
                    if request.is_none() {
                        self.version.fetch_add(1, Ordering::Release);
                        return;
                    }
                    // Asked for while the last fetch was under way: that one was the answer.
                    let started = self.state.borrow().started;
                    if started.is_some_and(|started| started.elapsed() < self.settings.cooldown) {
                        continue;
                    }
                }
            }
            next = Instant::now() + self.refresh_and_log().await;
        }
    }

    /// Fetches once and says in the log what came of it; the answer is when to look again.
    pub async fn refresh_and_log(&mut self) -> Duration {
        let before = self.version.load(Ordering::Acquire);
        let issuer = self.issuer.clone();
        match self.refresh().await {
            Ok(()) => {
                if self.version.load(Ordering::Acquire) != before {
                    self.log_keys();
                }
                self.settings.refresh
            }
            Err(error) => {
                let cause = chain(&error);
                let location = &self.settings.location;
                if self.current.is_some() {
                    warn!(
                        issuer,
                        "the keys of {issuer} stay as they were, {location} cannot be had: {cause}"
                    );
                } else {
                    warn!(
                        issuer,
                        "no keys of {issuer}, its tokens get 503: {location} cannot be had: {cause}"
                    );
                }
                self.settings.cooldown.min(self.settings.refresh)
            }
        }
    }

    /// Says in the log what the set holds, and what of it is skipped.
    pub fn log_keys(&self) {
        let state = self.state.borrow();
        let Some(keys) = &state.keys else { return };
        let (usable, skipped) = (keys.keys().len(), keys.skipped().len());
        let issuer = &self.issuer;
        info!(
            issuer,
            usable, skipped, "the keys of {issuer} are here: {usable} usable, {skipped} skipped"
        );
        for key in keys.skipped().iter().take(MAX_WARNINGS) {
            let kid = key.kid.as_deref().unwrap_or("(no kid)");
            warn!(
                issuer,
                kid, "key {} of {issuer} is skipped: {}", key.index, key.reason
            );
        }
    }

    async fn fetch(&self) -> Result<(Bytes, Arc<KeySet>), FetchError> {
        let text = match &self.settings.location {
            Location::File(path) => read_file(path)?,
            Location::Url(uri) => {
                if let (Some(tls), true) = (&self.tls, self.settings.ca.is_some()) {
                    tls.reload()?;
                }
                fetch::get(uri, self.tls.as_ref()).await?
            }
            Location::Pem(path, algorithm) => {
                let files = read_folder(path)?;
                let keys = KeySet::from_pem(&files, *algorithm)?;
                // Which files there are and what is in each tells whether anything has changed: the same
                // bytes in other files are other keys.
                let mut texts = Vec::new();
                for (name, text) in &files {
                    texts.extend_from_slice(format!("{name:?} {}\n", text.len()).as_bytes());
                    texts.extend_from_slice(text);
                }
                return Ok((texts.into(), Arc::new(keys)));
            }
        };
        let keys = KeySet::parse(&text)?;
        Ok((text, Arc::new(keys)))
    }
}

#[cfg(test)]
mod tests;
