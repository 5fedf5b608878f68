//! Who is calling: from the request's credential to verified claims.
//!
//! The `jsonwebtoken` crate checks signatures and nothing else; every other rule is here, because
//! a check that a library skips silently is a door (RFC 8725 lists them). Never decides what the
//! claims grant; that is [`crate::grant`].

mod claims;
mod credential;
mod family;
mod fetch;
mod issued;
mod issuer;
mod jws;
mod keys;
mod keystone;
mod source;
mod template;
#[cfg(test)]
pub(crate) mod testing;
mod validator;

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use crate::tls::CertificateHash;

pub use claims::{unverified_claims, verify};
pub use credential::credential;
pub use family::{FamilySource, JwtFamily, KeyFamily, Settings as FamilySettings};
pub use fetch::{Fetched, Wanted, Wire, connect, fetch, read_file_within};
pub use issued::Issued;
pub use issuer::{Issuer, JwtIssuer, Kind, Online, Takes};
pub use jws::signed_payload;
pub use keys::{Algorithm, InvalidKeySet, KeySet, SkippedKey};
pub use keystone::{Delegation, KeystoneJws};
pub use source::{
    FetchError, InvalidLocation, KeyFeed, KeyHealth, KeySource, KeyState, Location, SeenKeys,
    Settings as KeySettings, names_a_server,
};
pub use template::{InvalidTemplate, Template};
pub use validator::{
    AskError, AskSettings, ClientCredential, IntrospectionSettings, KeystoneSettings, Secret,
    SecretError, Service as ValidatorService, ServiceCredential, Validated, Validator,
    ValidatorSettings,
};

/// A credential as the client sent it; its `Debug` shows the length only.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Token<'a>(&'a str);

impl<'a> Token<'a> {
    /// Any text; [`verify`] finds out whether it is a token.
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Every byte of it.
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({} bytes)", self.0.len())
    }
}

/// Seconds since 1970, the clock of all that is good for a time.
pub fn unix_time() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// The bounds of every token, whoever issued it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Longer tokens are refused before anything in them is read, in bytes.
    pub max_size: usize,
    /// How much a worker remembers of verified tokens, in bytes of their text.
    pub cache: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_size: 16 * 1024,
            cache: 8 * 1024 * 1024,
        }
    }
}

/// What is known of a token without asking anybody.
#[derive(Debug)]
pub enum Recognized {
    /// Everything.
    Verified(Verified),
    /// Its issuer has to be asked; nothing speaks against it so far.
    Unasked {
        /// The issuer's place in the list given to [`verify`].
        issuer: usize,
    },
    /// Its issuer is one of a family, and its keys are not here.
    Unfetched {
        /// The family's place in the list given to [`verify`].
        issuer: usize,
        /// What the token calls its issuer.
        name: String,
    },
}

/// What a token says, after every check.
#[derive(Debug)]
pub struct Verified {
    /// The issuer's place in the list given to [`verify`].
    pub issuer: usize,
    /// All claims.
    pub claims: Map<String, Value>,
    /// When it ends, in seconds since 1970; `u64::MAX` where nobody says.
    pub expires: u64,
    /// How long it may be taken for good without verifying it again.
    pub standing: Standing,
    /// The client certificate it is bound to (RFC 8705 §3): nobody else may use it.
    pub certificate: Option<CertificateHash>,
}

/// What a verification rests on.
#[derive(Clone, Debug)]
pub enum Standing {
    /// As long as the issuer's keys do not change.
    Keys(SeenKeys),
    /// Until this time, in seconds since 1970.
    Until(u64),
}

impl Standing {
    /// Whether it still stands at the time `now`, in seconds since 1970.
    pub fn holds(&self, now: u64) -> bool {
        match self {
            Self::Keys(seen) => seen.are_current(),
            Self::Until(end) => now < *end,
        }
    }
}

/// Verifies `token` with all that may be needed: fresh keys, once, and an answer of its issuer.
/// `clock` tells seconds since 1970.
///
/// # Errors
///
/// The first check that fails.
pub async fn authenticate(
    issuers: &[Issuer],
    settings: Settings,
    token: Token<'_>,
    clock: fn() -> u64,
) -> Result<Verified, TokenError> {
    let recognized = match verify(issuers, settings, token, clock()) {
        Err(TokenError::UnknownKey { issuer, kid }) => {
            let keys = issuers.get(issuer);
            let keys = keys.and_then(|issuer| issuer.keys_for(token));
            let is_refreshed = match keys {
                Some(keys) => keys.refresh().await,
                None => false,
            };
            if !is_refreshed {
                return Err(TokenError::UnknownKey { issuer, kid });
            }
            verify(issuers, settings, token, clock())
        }
        Ok(Recognized::Unfetched { issuer, name }) => {
            if let Some(Kind::Family(family)) = issuers.get(issuer).map(|issuer| &issuer.kind) {
                family.fetch(&name).await?;
            }
            verify(issuers, settings, token, clock())
        }
        recognized => recognized,
    };
    let issuer = match recognized? {
        Recognized::Verified(verified) => return Ok(verified),
        Recognized::Unasked { issuer } => issuer,
        // Gone as soon as it came.
        Recognized::Unfetched { .. } => return Err(TokenError::KeysUnavailable),
    };
    let Some(Kind::Online(online)) = issuers.get(issuer).map(|issuer| &issuer.kind) else {
        return Err(TokenError::KeysUnavailable);
    };
    let validated = online.validator.validate(token).await?;
    if clock() >= validated.expires {
        return Err(TokenError::Expired);
    }
    Ok(Verified {
        issuer,
        claims: validated.claims,
        expires: validated.expires,
        standing: Standing::Until(validated.reuse_until),
        certificate: validated.certificate,
    })
}

/// Why nobody is known to be calling.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenError {
    /// No credential at all.
    #[error("no token was sent, expected `Authorization: Bearer …` or `X-Auth-Token`")]
    Missing,
    /// An `Authorization` header of another scheme.
    #[error("the `Authorization` header is not of the form `Bearer TOKEN`")]
    Scheme,
    /// More than one credential.
    #[error(
        "more than one token was sent, expected exactly one `Authorization` or `X-Auth-Token` header"
    )]
    Ambiguous,
    /// Longer than [`Settings::max_size`].
    #[error("the token is longer than {0} bytes")]
    TooLarge(usize),
    /// Not a compact JWS (RFC 7515 §7.1) of JSON objects.
    #[error("the token is not a signed JWT: {0}")]
    Malformed(String),
    /// A header parameter we would have to understand (RFC 7515 §4.1.11).
    #[error("the token's header has `crit`, and no extension is understood here")]
    Critical,
    /// `none`, a shared-secret algorithm or one that is not known.
    #[error("the token's algorithm `{0}` is not accepted")]
    Algorithm(String),
    /// Nobody here accepts this issuer's tokens.
    #[error("the token's issuer `{0}` is not configured")]
    UnknownIssuer(String),
    /// The issuer has no such key, as far as we know.
    #[error("the token's key {} is not one of its issuer's keys", key_name(.kid.as_deref()))]
    UnknownKey {
        /// The issuer's place in the list.
        issuer: usize,
        /// As the header names it.
        kid: Option<String>,
    },
    /// The header disagrees with the key.
    #[error("the token says `{header}`, but its key is for {key}")]
    AlgorithmMismatch {
        /// What the header says.
        header: Algorithm,
        /// What the key is for.
        key: Algorithm,
    },
    /// The signature does not match.
    #[error("the token's signature is not valid")]
    Signature,
    /// A claim is missing or has another type than RFC 7519 gives it.
    #[error("the token's claim `{claim}` is {found}, expected {expected}")]
    Claim {
        /// Its name.
        claim: &'static str,
        /// What it is instead.
        found: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// Past `exp`.
    #[error("the token has expired")]
    Expired,
    /// Before `nbf` or `iat`.
    #[error("the token is not valid yet (`{0}` is in the future)")]
    NotYetValid(&'static str),
    /// For somebody else.
    #[error("the token is not for this service: its `aud` names none of {0}")]
    Audience(String),
    /// Bound to its holder by something that is not checked here: to let it pass would unbind it.
    #[error(
        "the token's claim `cnf` is {0}, expected an object of `x5t#S256` alone, a certificate's SHA-256 in base64url"
    )]
    Confirmation(&'static str),
    /// Bound to another certificate than the connection's.
    #[error(
        "the token is bound to a client certificate, and this connection has not shown that one"
    )]
    Certificate,
    /// What it may do is less than its user may, and only Keystone knows how much.
    #[error(
        "the token is of the kind `{0}`: what was delegated is not in it, and an issuer of the kind `keystone-jws` does not ask"
    )]
    Delegated(&'static str),
    /// Its issuer was asked, and knows no such token, or no longer.
    #[error("the token is not known to its issuer, or not any more")]
    NotActive,
    /// It is on the list of revoked tokens.
    #[error("the token has been revoked")]
    Revoked,
    /// We cannot tell, because that list is not here.
    #[error("whether the token has been revoked is not known now")]
    RevocationUnavailable,
    /// We cannot tell, because the issuer does not answer as it should.
    #[error("the issuer of the token cannot be asked about it: {0}")]
    IssuerUnavailable(String),
    /// We cannot tell, because the issuer's keys are not here.
    #[error("the keys of the token's issuer are not available")]
    KeysUnavailable,
}

fn key_name(kid: Option<&str>) -> String {
    kid.map_or_else(|| "(no `kid`)".to_owned(), |kid| format!("`{kid}`"))
}
