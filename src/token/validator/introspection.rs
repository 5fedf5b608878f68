//! An authorization server that is asked about tokens (RFC 7662).

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, StatusCode, Uri};
use serde_json::{Map, Value};

use super::connection::{Answer, Call};
use super::endpoints::Endpoints;
use super::error::AskError;
use super::secret::Secret;
use super::service::Judged;
use super::{AskSettings, Validated, load_tls};
use crate::json::parse_object;
use crate::token::TokenError;
use crate::token::claims::{check_audience, confirmation, string, time};

/// Which server, and how it is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IntrospectionSettings {
    /// The introspection endpoint, several where several answer; at least one.
    pub endpoints: Vec<Uri>,
    /// Who asks.
    pub client: ClientCredential,
    /// A token's `aud` must name one of these; any token will do where there are none.
    pub audiences: Vec<String>,
    /// How far its clock may differ from ours, in seconds.
    pub leeway: u64,
    /// What every asked issuer has.
    pub ask: AskSettings,
}

/// Who the gateway is to an authorization server; the secret is read from its file each time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ClientCredential {
    /// A client with a secret (RFC 6749 §2.3.1).
    Secret {
        /// The client's id.
        id: String,
        /// Holds the secret.
        file: PathBuf,
    },
    /// A bearer token (RFC 6750).
    Bearer {
        /// Holds the token.
        file: PathBuf,
    },
}

impl ClientCredential {
    /// Where the secret is.
    pub fn file(&self) -> &PathBuf {
        match self {
            Self::Secret { file, .. } | Self::Bearer { file } => file,
        }
    }

    fn authorization(&self) -> Result<HeaderValue, AskError> {
        let secret = Secret::read(self.file())?;
        let text = match self {
            Self::Secret { id, .. } => {
                let pair = format!("{}:{}", encoded(id), encoded(secret.reveal()));
                format!("Basic {}", STANDARD.encode(pair))
            }
            Self::Bearer { .. } => format!("Bearer {}", secret.reveal()),
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| AskError::Refused)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// Asks it.
#[derive(Debug)]
pub struct Introspection {
    issuer: String,
    endpoints: Endpoints,
    client: ClientCredential,
    audiences: Vec<String>,
    leeway: u64,
    cache: Duration,
    clock: fn() -> u64,
}

impl Introspection {
    pub fn new(
        issuer: &str,
        settings: &IntrospectionSettings,
        clock: fn() -> u64,
    ) -> Result<Self, AskError> {
        let (uris, ask) = (&settings.endpoints, &settings.ask);
        // To find a mistake at the start; each use reads it again.
        settings.client.authorization()?;
        Ok(Self {
            issuer: issuer.to_owned(),
            endpoints: Endpoints::new(uris, load_tls(uris, ask)?.as_ref(), ask.timeout),
            client: settings.client.clone(),
            audiences: settings.audiences.clone(),
            leeway: settings.leeway,
            cache: ask.cache,
            clock,
        })
    }

    /// What the server says of `token`, and the size of its answer.
    pub async fn ask(&self, token: &str) -> Result<(Judged, usize), AskError> {
        let mut headers = HeaderMap::new();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form);
        headers.insert(AUTHORIZATION, self.client.authorization()?);
        let body = format!("token={}&token_type_hint=access_token", encoded(token));
        let call = Call {
            method: Method::POST,
            path: "",
            headers,
            body: body.into(),
        };
        let asked = (self.clock)();
        let claims = self.endpoints.exchange(&call, read).await;
        let (claims, size) = claims?;
        Ok((claims.and_then(|claims| self.judge(claims, asked)), size))
    }

    fn judge(&self, claims: Map<String, Value>, asked: u64) -> Judged {
        if claims.contains_key("iss") {
            let issuer = string(&claims, "iss")?;
            if issuer != self.issuer {
                return Err(TokenError::UnknownIssuer(issuer.to_owned()));
            }
        }
        for claim in ["nbf", "iat"] {
            let latest = asked.saturating_add(self.leeway);
            if time(&claims, claim)?.is_some_and(|start| start > latest) {
                return Err(TokenError::NotYetValid(claim));
            }
        }
        let again = asked.saturating_add(self.cache.as_secs());
        // The server need not say when a token ends: it is asked again as about any other.
        let expires = time(&claims, "exp")?.unwrap_or(u64::MAX);
        if expires <= asked {
            return Err(TokenError::Expired);
        }
        if !self.audiences.is_empty() {
            check_audience(&claims, &self.audiences)?;
        }
        let certificate = confirmation(&claims)?;
        Ok(Validated {
            claims,
            expires,
            reuse_until: expires.min(again),
            certificate,
        })
    }
}

type Active = (Result<Map<String, Value>, TokenError>, usize);

fn read(Answer { status, body, .. }: Answer) -> Result<Active, AskError> {
    match status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED => return Err(AskError::Refused),
        StatusCode::FORBIDDEN => return Err(AskError::Forbidden),
        status => return Err(AskError::Status(status)),
    }
    let (claims, size) = (parse(&body)?, body.len());
    match claims.get("active") {
        Some(Value::Bool(true)) => Ok((Ok(claims), size)),
        Some(Value::Bool(false)) => Ok((Err(TokenError::NotActive), size)),
        _ => Err(AskError::Unreadable(
            "its `active` is neither true nor false".to_owned(),
        )),
    }
}

fn parse(body: &Bytes) -> Result<Map<String, Value>, AskError> {
    parse_object(body).map_err(|error| AskError::Unreadable(error.to_string()))
}

/// As forms have it (RFC 6749 appendix B).
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            _ => {
                const HEX: [char; 16] = [
                    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
                ];
                encoded.push('%');
                let digits = [byte >> 4, byte & 15];
                encoded.extend(
                    digits
                        .iter()
                        .filter_map(|digit| HEX.get(usize::from(*digit))),
                );
            }
        }
    }
    encoded
}
