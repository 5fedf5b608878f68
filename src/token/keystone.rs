//! What Keystone puts into its JWS tokens (`keystone/token/providers/jws`): who somebody is and where, never
//! what is granted there.

use serde_json::{Map, Value};

use super::claims::{string, type_of};
use super::{Algorithm, KeyFeed, TokenError};
use crate::tls::CertificateHash;

/// A Keystone whose tokens are verified without asking it.
#[derive(Debug)]
pub struct KeystoneJws {
    /// Its public keys.
    pub keys: KeyFeed,
    /// The only algorithm that it signs with.
    pub algorithm: Algorithm,
    /// The kinds of delegated tokens that are accepted.
    pub delegated: Vec<Delegation>,
}

/// Why a token may act for somebody else, or for less than its user may.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Delegation {
    /// A trust's trustee acts for the trustor.
    Trust,
    /// A program has some of its user's roles, and perhaps access rules.
    ApplicationCredential,
    /// A consumer of OAuth 1.0a acts for a user.
    OAuth1,
}

impl Delegation {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Trust, Self::ApplicationCredential, Self::OAuth1];

    /// The one that the config calls `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What the config calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trust => "trust",
            Self::ApplicationCredential => "application_credential",
            Self::OAuth1 => "oauth1",
        }
    }

    fn claim(self) -> &'static str {
        match self {
            Self::Trust => "openstack_trust_id",
            Self::ApplicationCredential => "openstack_app_cred_id",
            Self::OAuth1 => "openstack_access_token_id",
        }
    }
}

/// The claim that every token of Keystone has, and no other.
pub const METHODS: &str = "openstack_methods";

/// The claims that say where the token may act; it has one of them at most.
const SCOPES: [&str; 3] = [
    "openstack_project_id",
    "openstack_domain_id",
    "openstack_system",
];

/// Checks what [`super::verify`] does not check of every token: it has no issuer and no audience. The
/// answer is the certificate that it is bound to.
///
/// # Errors
///
/// A claim of another type than Keystone gives it; a delegation that is not accepted.
pub fn check_claims(
    claims: &Map<String, Value>,
    delegated: &[Delegation],
) -> Result<Option<CertificateHash>, TokenError> {
    if string(claims, "sub")?.is_empty() {
        return Err(invalid("sub", "empty", "the user's id"));
    }
    if !claims.contains_key("iat") {
        return Err(invalid("iat", "missing", "the time it was issued"));
    }
    for claim in [METHODS, "openstack_audit_ids"] {
        let expected = "an array of strings";
        match claims.get(claim) {
            Some(Value::Array(items)) if items.iter().all(Value::is_string) => {}
            Some(Value::Array(_)) => {
                return Err(invalid(claim, "an array of other values", expected));
            }
            other => return Err(invalid(claim, other.map_or("missing", type_of), expected)),
        }
    }
    let mut scopes = SCOPES
        .into_iter()
        .filter(|claim| claims.contains_key(*claim));
    if let Some(scope) = scopes.next() {
        if string(claims, scope)?.is_empty() {
            return Err(invalid(scope, "empty", "what the token is for"));
        }
        if let Some(second) = scopes.next() {
            return Err(invalid(second, "a second scope", "one scope at most"));
        }
    }
    for kind in Delegation::ALL {
        if claims.contains_key(kind.claim()) && !delegated.contains(&kind) {
            return Err(TokenError::Delegated(kind.name()));
        }
    }
    if !claims.contains_key("openstack_thumbprint") {
        return Ok(None);
    }
    let text = string(claims, "openstack_thumbprint")?;
    let hash = CertificateHash::from_base64(text.trim_end_matches('='));
    hash.map(Some)
        .ok_or(TokenError::Confirmation("no SHA-256 in base64url"))
}

fn invalid(claim: &'static str, found: &'static str, expected: &'static str) -> TokenError {
    TokenError::Claim {
        claim,
        found,
        expected,
    }
}

#[cfg(test)]
mod tests;
