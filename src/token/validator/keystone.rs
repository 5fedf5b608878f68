//! A Keystone that is asked about tokens: `GET /v3/auth/tokens` with a token of our own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode, Uri};
use serde_json::{Map, Value};

use super::connection::{Answer, Call};
use super::endpoints::Endpoints;
use super::error::AskError;
use super::outage::Outage;
use super::secret::Secret;
use super::service::Judged;
use super::service_token::{Feed, Keeper};
use super::{AskSettings, Validated, load_tls};
use crate::json::parse_object;
use crate::tls::CertificateHash;
use crate::token::TokenError;

const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
const X_SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");
/// Without it Keystone does not know an application credential's token that has access rules; with it
/// we say that we hold requests against them.
const ACCESS_RULES: HeaderName = HeaderName::from_static("openstack-identity-access-rules");

/// Which Keystone, and how it is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeystoneSettings {
    /// Its URLs up to `/v3`, the preferred first; at least one.
    pub auth_urls: Vec<Uri>,
    /// What the gateway has its own token by.
    pub credential: ServiceCredential,
    /// What every asked issuer has.
    pub ask: AskSettings,
}

/// What the gateway has its own token by; the secret is read from its file each time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ServiceCredential {
    /// A user of a project, both by name.
    Password {
        /// The user's name.
        username: String,
        /// The name of the user's domain.
        user_domain: String,
        /// The project's name.
        project: String,
        /// The name of the project's domain.
        project_domain: String,
        /// Holds the password.
        file: PathBuf,
    },
    /// An application credential, whose project and roles it has.
    ApplicationCredential {
        /// Its id.
        id: String,
        /// Holds the secret.
        file: PathBuf,
    },
}

impl ServiceCredential {
    /// Where the secret is.
    pub fn file(&self) -> &PathBuf {
        match self {
            Self::Password { file, .. } | Self::ApplicationCredential { file, .. } => file,
        }
    }
}

/// Asks it.
#[derive(Debug)]
pub struct Keystone {
    endpoints: Arc<Endpoints>,
    own: Feed,
    cache: Duration,
    clock: fn() -> u64,
}

/// What became of one request.
enum Reply {
    Judged(Box<Judged>, usize),
    /// 401: our own token is not good any more.
    OwnToken,
}

impl Keystone {
    /// And the keeper of the token that it asks with.
    pub fn new(
        settings: &KeystoneSettings,
        outage: Arc<Outage>,
        clock: fn() -> u64,
    ) -> Result<(Self, Keeper), AskError> {
        let (uris, ask) = (&settings.auth_urls, &settings.ask);
        // Read to find a mistake at the start; each use reads it again.
        Secret::read(settings.credential.file())?;
        let endpoints = Endpoints::new(uris, load_tls(uris, ask)?.as_ref(), ask.timeout);
        let endpoints = Arc::new(endpoints);
        let credential = settings.credential.clone();
        let (keeper, own) = Keeper::new(Arc::clone(&endpoints), credential, outage, ask.timeout);
        let keystone = Self {
            endpoints,
            own,
            cache: ask.cache,
            clock,
        };
        Ok((keystone, keeper))
    }

    /// What Keystone says of `token`, and the size of its answer.
    pub async fn ask(&self, token: &str) -> Result<(Judged, usize), AskError> {
        let (own, generation) = self.own.current().await?;
        if let Reply::Judged(judged, size) = self.ask_with(token, own).await? {
            return Ok((*judged, size));
        }
        let (own, _) = self.own.renewed(Some(generation)).await?;
        match self.ask_with(token, own).await? {
            Reply::Judged(judged, size) => Ok((*judged, size)),
            Reply::OwnToken => Err(AskError::Refused),
        }
    }

    async fn ask_with(&self, token: &str, own: HeaderValue) -> Result<Reply, AskError> {
        let subject = HeaderValue::from_str(token);
        let mut subject =
            subject.map_err(|_| AskError::Unreadable("the token is no header".to_owned()))?;
        subject.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert(X_AUTH_TOKEN, own);
        headers.insert(X_SUBJECT_TOKEN, subject.clone());
        headers.insert(ACCESS_RULES, HeaderValue::from_static("1.0"));
        let call = Call {
            method: Method::GET,
            path: "/auth/tokens?nocatalog",
            headers,
            body: Bytes::new(),
        };
        let asked = (self.clock)();
        let read = |answer: Answer| self.read(&answer, &subject, asked);
        self.endpoints.exchange(&call, read).await
    }

    fn read(&self, answer: &Answer, subject: &HeaderValue, asked: u64) -> Result<Reply, AskError> {
        let size = answer.body.len();
        match answer.status {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => return Ok(Reply::OwnToken),
            StatusCode::FORBIDDEN => return Err(AskError::Forbidden),
            StatusCode::NOT_FOUND => {
                check_is_keystones(&answer.body)?;
                return Ok(Reply::Judged(Box::new(Err(TokenError::NotActive)), size));
            }
            status => return Err(AskError::Status(status)),
        }
        // A cache on the way that does not look at headers would give us somebody else's.
        if answer.headers.get(X_SUBJECT_TOKEN) != Some(subject) {
            let text = "its `X-Subject-Token` is not the token that was asked about";
            return Err(AskError::Unreadable(text.to_owned()));
        }
        let (claims, ends) = parse_answer(&answer.body)?;
        let judged = self.judge(claims, ends, asked);
        Ok(Reply::Judged(Box::new(judged), size))
    }

    fn judge(&self, claims: Map<String, Value>, ends: SystemTime, asked: u64) -> Judged {
        let expires = ends.duration_since(UNIX_EPOCH);
        let expires = expires.map_or(0, |expires| expires.as_secs());
        if expires <= asked {
            return Err(TokenError::Expired);
        }
        let certificate = certificate(&claims)?;
        Ok(Validated {
            claims,
            expires,
            reuse_until: expires.min(asked.saturating_add(self.cache.as_secs())),
            certificate,
        })
    }
}

/// The answer as claims, and when its token ends.
pub fn parse_answer(body: &[u8]) -> Result<(Map<String, Value>, SystemTime), AskError> {
    let unreadable = |what: &str| AskError::Unreadable(what.to_owned());
    let claims = parse_object(body).map_err(|error| unreadable(&error.to_string()))?;
    let token = claims.get("token").and_then(Value::as_object);
    let token = token.ok_or_else(|| unreadable("it has no object `token`"))?;
    let ends = token.get("expires_at").and_then(Value::as_str);
    // ISO 8601 as RFC 3339 has it, in UTC.
    let ends = ends.and_then(|text| humantime::parse_rfc3339(text).ok());
    let ends = ends.ok_or_else(|| unreadable("its `token.expires_at` is not a time in UTC"))?;
    Ok((claims, ends))
}

/// A 404 may come from whatever else answers under the URL: that says nothing about the token.
fn check_is_keystones(body: &[u8]) -> Result<(), AskError> {
    let claims = parse_object(body).ok();
    let code = claims.as_ref().and_then(|claims| claims.get("error"));
    match code
        .and_then(|error| error.get("code"))
        .and_then(Value::as_u64)
    {
        Some(404) => Ok(()),
        _ => Err(AskError::Unreadable(
            "a 404 that is not Keystone's".to_owned(),
        )),
    }
}

/// The client certificate that a token of OAuth 2.0 over mutual TLS is bound to. Keystone writes it
/// with padding.
fn certificate(claims: &Map<String, Value>) -> Result<Option<CertificateHash>, TokenError> {
    let bound = claims
        .get("token")
        .and_then(|token| token.get("oauth2_credential"));
    let Some(bound) = bound else { return Ok(None) };
    let hash = bound.get("x5t#S256").and_then(Value::as_str);
    let hash = hash.map(|text| text.strip_suffix('=').unwrap_or(text));
    let hash = hash.and_then(CertificateHash::from_base64);
    hash.map(Some)
        .ok_or(TokenError::Confirmation("of another kind"))
}
