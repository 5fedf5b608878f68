//! Why an issuer could not be asked: all of it for the log, little of it for clients.

use std::time::Duration;

use hyper::StatusCode;

use super::secret::SecretError;
use crate::token::{FetchError, TokenError};

/// The most bytes of an answer.
pub const MAX_ANSWER: usize = 256 * 1024;

/// Never holds a token or a secret.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says what its message says")]
pub enum AskError {
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Connect(#[from] FetchError),
    #[error("the exchange failed")]
    Http(#[from] hyper::Error),
    #[error("the answer broke off")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("no complete answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    #[error("the answer is larger than {MAX_ANSWER} bytes")]
    TooLarge,
    #[error("the answer is {0} (redirects are not followed)")]
    Status(StatusCode),
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    #[error("it refuses the gateway's own credential")]
    Refused,
    #[error("it does not let the gateway ask about tokens of others")]
    Forbidden,
    #[error("it has not given the gateway a token of its own: {0}")]
    NoToken(&'static str),
    #[error("it has failed several times in a row and is left alone for a while")]
    Resting,
    #[error("too many tokens wait for an answer")]
    Busy,
    #[error("asking panicked")]
    Panic,
}

impl AskError {
    /// What a client may know: not where the issuer is, nor what it said.
    pub fn for_client(&self) -> TokenError {
        TokenError::IssuerUnavailable(self.summary().to_owned())
    }

    /// As [`AskError::for_client`].
    pub fn summary(&self) -> &'static str {
        match self {
            Self::Connect(_) | Self::Http(_) | Self::Broken(_) => "it cannot be reached",
            Self::Timeout(_) => "it does not answer in time",
            Self::TooLarge | Self::Status(_) | Self::Unreadable(_) => {
                "it does not answer as it should"
            }
            Self::Secret(_) | Self::Refused | Self::Forbidden => "it does not let the gateway ask",
            Self::NoToken(summary) => summary,
            Self::Resting => "it has not answered of late",
            Self::Busy => "too many tokens wait for an answer",
            Self::Panic => "the gateway has failed at it",
        }
    }

    /// Whether the server was not there at all: it may be spared for a while. What it did with one token
    /// says nothing about the next, and a client must not be able to have it spared by a token that it fails
    /// over: one that is larger than its buffer, say, at which uWSGI closes the connection and a balancer in
    /// front of it says 502.
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Timeout(_))
    }
}
