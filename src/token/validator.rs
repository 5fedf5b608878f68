//! Asking the issuer about a token: workers hand their questions to the control thread, where one
//! [`Service`] for each such issuer asks and remembers. No worker speaks HTTP to an issuer.

mod answers;
mod connection;
mod endpoints;
mod error;
mod introspection;
mod keystone;
mod outage;
mod secret;
mod service;
mod service_token;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use hyper::header::HeaderValue;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot, watch};

pub use error::AskError;
pub use introspection::{ClientCredential, IntrospectionSettings};
pub use keystone::{KeystoneSettings, ServiceCredential};
pub use secret::{Secret, SecretError};
pub use service::Service;

use service_token::ServiceToken;

use super::{FetchError, Token, TokenError};
use crate::tls::{self, CertificateHash};

/// What is the same for every issuer that is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AskSettings {
    /// PEM certificates to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// How long an answer may be used again.
    pub cache: Duration,
    /// How long it is remembered that a token was refused.
    pub refusal_cache: Duration,
    /// How long one answer may take.
    pub timeout: Duration,
}

impl Default for AskSettings {
    fn default() -> Self {
        Self {
            ca: None,
            cache: Duration::from_mins(1),
            refusal_cache: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
        }
    }
}

impl AskSettings {
    /// The longest that anybody waits for an answer: until one server has not answered in time and
    /// another one has.
    pub fn patience(&self) -> Duration {
        self.timeout.saturating_mul(2)
    }
}

/// Whom to ask, and how.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ValidatorSettings {
    /// A Keystone.
    Keystone(KeystoneSettings),
    /// An authorization server (RFC 7662).
    Introspection(IntrospectionSettings),
}

impl ValidatorSettings {
    /// What is the same for all.
    pub fn ask(&self) -> &AskSettings {
        match self {
            Self::Keystone(settings) => &settings.ask,
            Self::Introspection(settings) => &settings.ask,
        }
    }
}

/// Asks one issuer; cheap to clone, safe on every worker.
#[derive(Clone, Debug)]
pub struct Validator {
    questions: mpsc::Sender<Question>,
    patience: Duration,
    service_token: Option<watch::Receiver<ServiceToken>>,
}

/// What an issuer says of one of its tokens.
#[derive(Clone, Debug)]
pub struct Validated {
    /// The answer, whole.
    pub claims: Map<String, Value>,
    /// When the token ends, in seconds since 1970; `u64::MAX` where the issuer does not say.
    pub expires: u64,
    /// How long the answer may be used again, in seconds since 1970.
    pub reuse_until: u64,
    /// The client certificate the token is bound to.
    pub certificate: Option<CertificateHash>,
}

/// What an issuer says, for everybody who has asked.
type Verdict = Result<Arc<Validated>, TokenError>;

/// A worker's question.
#[derive(Debug)]
struct Question {
    subject: Subject,
    reply: oneshot::Sender<Verdict>,
}

/// A token that is asked about; its `Debug` shows nothing of it.
struct Subject(Box<str>);

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject")
    }
}

impl Validator {
    /// Asks the issuer, unless it has just answered.
    ///
    /// # Errors
    ///
    /// [`TokenError::NotActive`] and what else makes the answer one of a bad token;
    /// [`TokenError::IssuerUnavailable`].
    pub async fn validate(&self, token: Token<'_>) -> Result<Validated, TokenError> {
        let text = token.as_str();
        // It becomes a header of ours: no other spelling of it, and nothing besides it.
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Malformed(
                "it has other than visible ASCII characters".to_owned(),
            ));
        }
        let (reply, verdict) = oneshot::channel();
        let subject = Subject(text.into());
        let question = Question { subject, reply };
        let asked = self.questions.try_send(question);
        asked.map_err(|_| AskError::Busy.for_client())?;
        let verdict = tokio::time::timeout(self.patience, verdict).await;
        match verdict {
            Ok(Ok(verdict)) => verdict.map(Arc::unwrap_or_clone),
            Ok(Err(_)) => Err(AskError::Busy.for_client()),
            Err(_) => Err(AskError::Timeout(self.patience).for_client()),
        }
    }

    /// The gateway's own token of this issuer, if it has one now.
    pub fn service_token(&self) -> Option<HeaderValue> {
        self.service_token.as_ref()?.borrow().value()
    }
}

/// TLS towards these servers, where any of them needs it.
fn load_tls(uris: &[Uri], settings: &AskSettings) -> Result<Option<tls::Client>, AskError> {
    let is_needed = uris.iter().any(|uri| uri.scheme_str() == Some("https"));
    let tls = is_needed.then(|| tls::Client::trusting(settings.ca.as_deref(), &[]));
    Ok(tls.transpose().map_err(FetchError::from)?)
}
