//! Why a list of revoked tokens cannot be had.

use std::time::Duration;

use crate::token::{FetchError, SecretError, TokenError};

use super::{MAX_ENTRIES, MAX_SIZE};

/// Never holds a password.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says what its message says")]
pub enum RevocationError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("it is not a list of revoked tokens: {0}")]
    Document(String),
    #[error("entry {place} of the list cannot be used: {reason}")]
    Entry { place: usize, reason: String },
    #[error("the member `{member}` of the set cannot be used: {reason}")]
    Member { member: String, reason: String },
    #[error("the list has more than {MAX_ENTRIES} entries")]
    TooMany,
    #[error("the list is larger than {MAX_SIZE} bytes")]
    TooLarge,
    #[error(
        "the set has no member `{{\"version\":1}}`: it has been emptied, or never was there; add it with SADD"
    )]
    NoVersion,
    #[error("it is not signed by a key of {0}")]
    Signature(String),
    #[error("it is not signed as it has to be")]
    Form(#[source] TokenError),
    #[error("a signed list says with `issued_at` when it was made")]
    NoTime,
    #[error("it was made at {found}, before the one in use, which was made at {known}")]
    Older { found: u64, known: u64 },
    #[error("Redis says no")]
    Redis(#[from] redis::RedisError),
    #[error("Redis has closed the connection")]
    Closed,
    #[error("Redis has not answered within {} s", .0.as_secs())]
    Timeout(Duration),
    #[error("reading the list panicked")]
    Panic,
}
