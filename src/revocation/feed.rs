//! The last good list, as workers and whoever asks about it see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tracing::{info, warn};

use super::list::{Asked, Revocations};
use super::{RevocationError, Settings, WhenUnavailable};
use crate::telemetry::chain;
use crate::token::TokenError;

/// Shows the last good list; cheap to clone, safe on every worker.
#[derive(Clone, Debug)]
pub struct Feed {
    state: watch::Receiver<State>,
    generation: Arc<AtomicU64>,
    when_unavailable: WhenUnavailable,
    location: Arc<str>,
}

/// How the list is doing.
#[derive(Clone, Debug)]
pub struct Health {
    /// Where it comes from.
    pub location: Arc<str>,
    /// How many entries it has, if there is one.
    pub entries: Option<usize>,
    /// How long ago it was last seen where it comes from.
    pub age: Option<Duration>,
    /// How often it was looked for.
    pub attempts: u64,
    /// How often it was not to be had.
    pub failures: u64,
    /// Why not, the last time, if it was so.
    pub last_error: Option<Arc<str>>,
    /// Whether there is one that is not too old.
    pub is_available: bool,
    /// Whether requests are refused while it is not available.
    pub is_required: bool,
}

#[derive(Clone, Debug, Default)]
struct State {
    list: Option<Arc<Revocations>>,
    is_available: bool,
    seen: Option<Instant>,
    attempts: u64,
    failures: u64,
    last_error: Option<Arc<str>>,
}

impl Feed {
    /// Changes whenever the answer of [`Feed::check`] may; never zero. To be asked before it.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether the token may be used.
    ///
    /// # Errors
    ///
    /// [`TokenError::Revoked`], [`TokenError::RevocationUnavailable`].
    pub fn check(&self, asked: Asked<'_>) -> Result<(), TokenError> {
        let state = self.state.borrow();
        if state.list.as_ref().is_some_and(|list| list.revoke(asked)) {
            return Err(TokenError::Revoked);
        }
        match self.when_unavailable {
            WhenUnavailable::Refuse if !state.is_available => {
                Err(TokenError::RevocationUnavailable)
            }
            WhenUnavailable::Refuse | WhenUnavailable::Serve => Ok(()),
        }
    }

    /// How the list is doing.
    pub fn health(&self) -> Health {
        let state = self.state.borrow();
        Health {
            location: Arc::clone(&self.location),
            entries: state.list.as_ref().map(|list| list.entries()),
            age: state.seen.map(|seen| seen.elapsed()),
            attempts: state.attempts,
            failures: state.failures,
            last_error: state.last_error.clone(),
            is_available: state.is_available,
            is_required: self.when_unavailable == WhenUnavailable::Refuse,
        }
    }
}

/// Replaces the list of every feed.
#[derive(Debug)]
pub struct Publisher {
    state: watch::Sender<State>,
    generation: Arc<AtomicU64>,
    max_age: Option<Duration>,
    location: Arc<str>,
}

impl Publisher {
    /// There is no list yet.
    pub fn new(settings: &Settings) -> (Self, Feed) {
        let (state, receiver) = watch::channel(State::default());
        let generation = Arc::new(AtomicU64::new(1));
        let location: Arc<str> = settings.location.to_string().into();
        let feed = Feed {
            state: receiver,
            generation: Arc::clone(&generation),
            when_unavailable: settings.when_unavailable,
            location: Arc::clone(&location),
        };
        let publisher = Self {
            state,
            generation,
            max_age: settings.max_age,
            location,
        };
        (publisher, feed)
    }

    /// The list in use.
    pub fn current(&self) -> Option<Arc<Revocations>> {
        self.state.borrow().list.clone()
    }

    /// The list was seen just now; `list` is there if it is another than before.
    pub fn seen(&self, list: Option<Arc<Revocations>>) {
        let location = &self.location;
        if let Some(list) = &list {
            let entries = list.entries();
            info!(
                entries,
                "the list of revoked tokens is here from {location}: {entries} entries"
            );
        } else if self.state.borrow().last_error.is_some() {
            info!("the list of revoked tokens can be had again from {location}");
        }
        let mut before = None;
        self.state.send_modify(|state| {
            let is_new = list.is_some() || !state.is_available;
            if list.is_some() {
                before = std::mem::replace(&mut state.list, list);
            }
            state.is_available = state.list.is_some();
            state.seen = Some(Instant::now());
            state.attempts += 1;
            state.last_error = None;
            if is_new {
                self.generation.fetch_add(1, Ordering::Release);
            }
        });
        // Not while workers wait to look: a large one takes its time, and elsewhere.
        if before.is_some() {
            spawn_blocking(move || drop(before));
        }
    }

    /// The list could not be had: the last one stays. What is said in the log already is not said again.
    pub fn failed(&self, error: &RevocationError) {
        let cause = chain(error);
        let location = &self.location;
        let (is_known, has_list) = {
            let state = self.state.borrow();
            let is_known = state.last_error.as_deref() == Some(&cause);
            (is_known, state.list.is_some())
        };
        match has_list {
            _ if is_known => {}
            true => warn!(
                "the list of revoked tokens stays as it was, {location} cannot be had: {cause}"
            ),
            false => {
                warn!("there is no list of revoked tokens, {location} cannot be had: {cause}");
            }
        }
        self.state.send_modify(|state| {
            state.attempts += 1;
            state.failures += 1;
            state.last_error = Some(cause.into());
        });
    }

    /// Notices when the list gets too old; never ends.
    pub async fn watch_age(&self) {
        let Some(max_age) = self.max_age else {
            return std::future::pending().await;
        };
        loop {
            let seen = self.state.borrow().seen;
            let end = seen.unwrap_or_else(Instant::now) + max_age;
            if Instant::now() < end {
                tokio::time::sleep_until(end).await;
                continue;
            }
            let was_available = self.state.send_if_modified(|state| {
                let was_available = std::mem::take(&mut state.is_available);
                if was_available {
                    self.generation.fetch_add(1, Ordering::Release);
                }
                was_available
            });
            if was_available {
                warn!("the list of revoked tokens was last seen too long ago");
            }
            // Whatever is seen meanwhile is good for at least that long.
            tokio::time::sleep(max_age).await;
        }
    }

    /// Ends when every feed is gone.
    pub async fn closed(&self) {
        self.state.closed().await;
    }

    /// Ready when the list was looked for once, with or without success.
    pub fn first_attempt(&self) -> impl Future<Output = ()> + use<> {
        let mut state = self.state.subscribe();
        async move {
            let _ = state.wait_for(|state| state.attempts > 0).await;
        }
    }
}
