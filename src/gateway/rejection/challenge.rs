//! How a client could do better: the values of `WWW-Authenticate`.

use std::str::FromStr;

use hyper::header::HeaderValue;

use super::Rejection;
use crate::decision::Denial;
use crate::token::{Location, TokenError};

/// The longest `error_description`, in characters.
const MAX_DESCRIPTION: usize = 200;

/// `Keystone uri="…"`, as keystonemiddleware says where tokens are had.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeystoneChallenge(pub(super) HeaderValue);

/// Not the URI of a Keystone that a client could be told.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKeystoneUri {
    /// No URL, or one with a user's name and password.
    #[error("it is not an http or https URL of a host and, if any, a port from 1 to 65535")]
    Url,
    /// Would end the quotes around it, or the line.
    #[error("it has other than visible ASCII characters, `\"` or `\\`")]
    Character,
}

impl FromStr for KeystoneChallenge {
    type Err = InvalidKeystoneUri;

    fn from_str(uri: &str) -> Result<Self, Self::Err> {
        let is_quotable = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        if !uri.bytes().all(is_quotable) {
            return Err(InvalidKeystoneUri::Character);
        }
        if !matches!(uri.parse(), Ok(Location::Url(_))) {
            return Err(InvalidKeystoneUri::Url);
        }
        let value = HeaderValue::from_str(&format!("Keystone uri=\"{uri}\""));
        value.map(Self).map_err(|_| InvalidKeystoneUri::Character)
    }
}

impl Rejection {
    /// RFC 6750 §3: no error where no bearer token was offered.
    pub(super) fn bearer_challenge(&self) -> Option<String> {
        match self {
            Self::Unauthenticated(
                TokenError::KeysUnavailable
                | TokenError::IssuerUnavailable(_)
                | TokenError::RevocationUnavailable,
            )
            | Self::Path(_)
            | Self::Headers(_)
            | Self::Question(_)
            | Self::Unroutable(_)
            | Self::Body(_)
            | Self::Forward(_) => None,
            Self::Unauthenticated(TokenError::Missing | TokenError::Scheme) => {
                Some("Bearer realm=\"actiongate\"".to_owned())
            }
            Self::Unauthenticated(_) | Self::Claims(_) => Some(format!(
                "Bearer realm=\"actiongate\", error=\"invalid_token\", error_description=\"{}\"",
                quotable(&self.message())
            )),
            // No scope helps against a denial.
            Self::Forbidden {
                denial:
                    Denial::Project { .. }
                    | Denial::Domain { .. }
                    | Denial::AccessRule { .. }
                    | Denial::Denied { .. },
                ..
            } => Some(format!(
                "Bearer error=\"insufficient_scope\", error_description=\"{}\"",
                quotable(&self.message())
            )),
            Self::Forbidden {
                denial: Denial::Actions { .. },
                missing,
            } => Some(format!(
                "Bearer error=\"insufficient_scope\", scope=\"{}\"",
                missing.join(" ")
            )),
        }
    }
}

/// What may stand in an `error_description` (RFC 6750 §3): printable ASCII but `"` and `\`; not all
/// of what a client may have put into its token.
fn quotable(text: &str) -> String {
    let is_quotable =
        |character: char| matches!(character, ' '..='~') && !matches!(character, '"' | '\\');
    text.chars()
        .take(MAX_DESCRIPTION)
        .map(|character| {
            if is_quotable(character) {
                character
            } else {
                '?'
            }
        })
        .collect()
}
