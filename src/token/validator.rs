//! Asking the issuer about a token: workers hand their questions to the control thread.

use hyper::header::HeaderValue;
use serde_json::{Map, Value};

use super::{Token, TokenError};
use crate::tls::CertificateHash;

/// Asks one issuer; cheap to clone, safe on every worker.
#[derive(Clone, Debug)]
pub struct Validator {}

/// What an issuer says of one of its tokens.
#[derive(Clone, Debug)]
pub struct Validated {
    /// The answer, whole.
    pub claims: Map<String, Value>,
    /// When the token ends, in seconds since 1970.
    pub expires: u64,
    /// How long the answer may be used again, in seconds since 1970.
    pub reuse_until: u64,
    /// The client certificate the token is bound to.
    pub certificate: Option<CertificateHash>,
}

impl Validator {
    /// The gateway's own token, for services that take it beside a caller's.
    pub fn service_token(&self) -> Option<HeaderValue> {
        None
    }

    /// Asks the issuer, unless it has just answered.
    ///
    /// # Errors
    ///
    /// [`TokenError::NotActive`], or [`TokenError::IssuerUnavailable`].
    #[expect(clippy::unused_async, reason = "asks nobody yet")]
    pub async fn validate(&self, _token: Token<'_>) -> Result<Validated, TokenError> {
        Err(TokenError::IssuerUnavailable("nobody asks yet".to_owned()))
    }
}
