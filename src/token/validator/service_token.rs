//! The gateway's own token of a Keystone: had by its credential, renewed before it ends and whenever
//! Keystone no longer takes it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::connection::{Answer, Call};
use super::endpoints::Endpoints;
use super::error::AskError;
use super::keystone::{ServiceCredential, parse_answer};
use super::outage::Outage;
use super::secret::Secret;

const X_SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");
/// No token is renewed sooner, however short its life.
const LEAST_LIFE: Duration = Duration::from_millis(100);

/// What is known of it; sensitive, so that its `Debug` shows nothing.
#[derive(Debug, Default)]
pub struct ServiceToken {
    value: Option<HeaderValue>,
    ends: Option<SystemTime>,
    /// Counts the tokens there have been.
    generation: u64,
    /// Counts the attempts to have one.
    attempts: u64,
    in_flight: bool,
    /// Why the last attempt failed, if it did.
    failure: Option<&'static str>,
    /// When somebody may ask for an attempt again.
    resting_until: Option<Instant>,
}

impl ServiceToken {
    /// Unless it has ended.
    pub fn value(&self) -> Option<HeaderValue> {
        let ends = self.ends?;
        let is_good = SystemTime::now() < ends;
        self.value.clone().filter(|_| is_good)
    }

    fn missing(&self) -> AskError {
        match self.failure {
            Some(summary) => AskError::NoToken(summary),
            // It was renewed a moment ago, and is refused all the same.
            None => AskError::Refused,
        }
    }
}

/// Has and renews it.
#[derive(Debug)]
pub struct Keeper {
    endpoints: Arc<Endpoints>,
    credential: ServiceCredential,
    outage: Arc<Outage>,
    pause: Duration,
    state: watch::Sender<ServiceToken>,
    requests: mpsc::Receiver<()>,
}

/// Shows it to those who ask about tokens.
#[derive(Debug)]
pub struct Feed {
    state: watch::Receiver<ServiceToken>,
    requests: mpsc::Sender<()>,
}

impl Keeper {
    /// After a failure, and after a renewal that was asked for, there is no other for `pause`.
    pub fn new(
        endpoints: Arc<Endpoints>,
        credential: ServiceCredential,
        outage: Arc<Outage>,
        pause: Duration,
    ) -> (Self, Feed) {
        let (state, feed_state) = watch::channel(ServiceToken::default());
        let (sender, requests) = mpsc::channel(1);
        let keeper = Self {
            endpoints,
            credential,
            outage,
            pause,
            state,
            requests,
        };
        let feed = Feed {
            state: feed_state,
            requests: sender,
        };
        (keeper, feed)
    }

    /// For whoever only wants to see it.
    pub fn watch(&self) -> watch::Receiver<ServiceToken> {
        self.state.subscribe()
    }

    /// Keeps it until the feed is gone.
    pub async fn run(mut self) {
        let mut next = Instant::now();
        loop {
            let is_asked_for = tokio::select! {
                () = tokio::time::sleep_until(next) => false,
                request = self.requests.recv() => match request {
                    Some(()) if self.is_resting() => continue,
                    Some(()) => true,
                    None => return,
                },
            };
            next = Instant::now() + self.renew(is_asked_for).await;
        }
    }

    fn is_resting(&self) -> bool {
        let until = self.state.borrow().resting_until;
        until.is_some_and(|until| Instant::now() < until)
    }

    /// Says how long to wait for the next time.
    async fn renew(&self, is_asked_for: bool) -> Duration {
        self.state.send_modify(|state| state.in_flight = true);
        let authenticated = self.authenticate().await;
        match &authenticated {
            Ok(_) => self.outage.end(),
            Err(AskError::Resting) => {}
            Err(error) => self.outage.begin(error),
        }
        let rest = (is_asked_for || authenticated.is_err()).then(|| Instant::now() + self.pause);
        let wait = match &authenticated {
            Ok((_, ends)) => {
                let life = ends.duration_since(SystemTime::now()).unwrap_or_default();
                // Early enough for another attempt or two.
                life.mul_f64(0.8).max(LEAST_LIFE)
            }
            Err(_) => self.pause,
        };
        self.state.send_modify(|state| {
            state.in_flight = false;
            state.attempts += 1;
            state.resting_until = rest;
            state.failure = authenticated.as_ref().err().map(AskError::summary);
            if let Ok((value, ends)) = authenticated {
                state.value = Some(value);
                state.ends = Some(ends);
                state.generation += 1;
            }
        });
        wait
    }

    async fn authenticate(&self) -> Result<(HeaderValue, SystemTime), AskError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let call = Call {
            method: Method::POST,
            path: "/auth/tokens?nocatalog",
            headers,
            body: self.credential.request()?.into(),
        };
        let read = |answer: Answer| read(&answer);
        self.endpoints.exchange(&call, read).await
    }
}

fn read(answer: &Answer) -> Result<(HeaderValue, SystemTime), AskError> {
    match answer.status {
        StatusCode::CREATED | StatusCode::OK => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(AskError::Refused),
        status => return Err(AskError::Status(status)),
    }
    let (_, ends) = parse_answer(&answer.body)?;
    if ends <= SystemTime::now() {
        // Not to fetch one after another.
        let text = "the token it gives has ended already, do the clocks agree?";
        return Err(AskError::Unreadable(text.to_owned()));
    }
    let value = answer.headers.get(X_SUBJECT_TOKEN);
    let mut value = value
        .filter(|value| !value.is_empty())
        .cloned()
        .ok_or_else(|| AskError::Unreadable("it has no `X-Subject-Token`".to_owned()))?;
    value.set_sensitive(true);
    Ok((value, ends))
}

impl Feed {
    /// The token, and which it is; waits for one where there is none.
    pub async fn current(&self) -> Result<(HeaderValue, u64), AskError> {
        let found = {
            let state = self.state.borrow();
            state.value().map(|value| (value, state.generation))
        };
        match found {
            Some(found) => Ok(found),
            None => self.renewed(None).await,
        }
    }

    /// A token other than that of this generation.
    pub async fn renewed(&self, seen: Option<u64>) -> Result<(HeaderValue, u64), AskError> {
        let newer = |state: &ServiceToken| {
            let is_newer = seen.is_none_or(|seen| state.generation > seen);
            let value = state.value().filter(|_| is_newer);
            value.map(|value| (value, state.generation))
        };
        let mut changes = self.state.clone();
        let attempts = {
            let state = changes.borrow_and_update();
            if let Some(found) = newer(&state) {
                return Ok(found);
            }
            let is_resting = state
                .resting_until
                .is_some_and(|until| Instant::now() < until);
            if is_resting && !state.in_flight {
                return Err(state.missing());
            }
            state.attempts
        };
        // Full means that somebody else has asked already.
        let _ = self.requests.try_send(());
        match changes.wait_for(|state| state.attempts > attempts).await {
            Ok(state) => newer(&state).ok_or_else(|| state.missing()),
            Err(_) => Err(AskError::Refused),
        }
    }
}

/// Ready when the first attempt has come to an end.
pub async fn first_attempt(mut state: watch::Receiver<ServiceToken>) {
    let _ = state.wait_for(|state| state.attempts > 0).await;
}

impl ServiceCredential {
    /// The body of `POST /v3/auth/tokens`, with the secret as it is now.
    fn request(&self) -> Result<String, AskError> {
        let auth = match self {
            Self::Password {
                username,
                user_domain,
                project,
                project_domain,
                file,
            } => {
                let password = Secret::read(file)?;
                let user = json!({"name": username, "domain": {"name": user_domain},
                    "password": password.reveal()});
                json!({"identity": {"methods": ["password"], "password": {"user": user}},
                    "scope": {"project": {"name": project, "domain": {"name": project_domain}}}})
            }
            Self::ApplicationCredential { id, file } => {
                let secret = Secret::read(file)?;
                json!({"identity": {"methods": ["application_credential"],
                    "application_credential": {"id": id, "secret": secret.reveal()}}})
            }
        };
        Ok(json!({ "auth": auth }).to_string())
    }
}
