//! What is said of an issuer, and how its tokens are verified.

use crate::decision::Mode;
use crate::grant::{ClaimMapping, Role};
use crate::token;

/// One `[[issuer]]`.
#[derive(Clone, Debug)]
pub struct IssuerConfig {
    /// The `iss` of its tokens, or what logs and the audit call it.
    pub name: String,
    /// Clock differences, in seconds.
    pub leeway: u64,
    /// How its tokens are verified.
    pub kind: IssuerKind,
    /// Which of its claims say what.
    pub claims: ClaimMapping,
    /// What its roles may do.
    pub roles: Vec<Role>,
    /// What becomes of what its tokens do not grant.
    pub mode: Mode,
}

/// How an issuer's tokens are verified, as the config says it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IssuerKind {
    /// By the signature of a JWT.
    Jwt {
        /// The accepted `aud`; at least one.
        audiences: Vec<String>,
        /// Where its keys are.
        keys: token::KeySettings,
    },
    /// By the signature of a Keystone.
    KeystoneJws {
        /// Where its public keys are, and the algorithm they are for.
        keys: KeystoneKeys,
        /// The kinds of delegated tokens that are accepted.
        delegated: Vec<token::Delegation>,
    },
    /// By asking a Keystone about each token.
    Keystone {
        /// What its JWS tokens are held against before it is asked about them.
        keys: Option<KeystoneKeys>,
        /// Whom to ask, and how.
        settings: token::KeystoneSettings,
        /// What access rules of application credentials call the service behind the gateway.
        service_type: String,
    },
    /// By asking an authorization server about each token.
    Introspection {
        /// Whom to ask, and how.
        settings: token::IntrospectionSettings,
        /// Whether it is asked about tokens that tell nothing by themselves.
        opaque: bool,
    },
    /// Likewise, of as many issuers as the parameter in the name has values.
    Family {
        /// The accepted `aud` of each; at least one.
        audiences: Vec<token::Template>,
        /// Where their keys are.
        keys: token::FamilySettings,
    },
}

/// The public keys of a Keystone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeystoneKeys {
    /// Where they are.
    pub keys: token::KeySettings,
    /// What they are for.
    pub algorithm: token::Algorithm,
}

impl IssuerKind {
    /// Where its keys are, if it has any.
    pub fn keys(&self) -> Option<&token::KeySettings> {
        match self {
            Self::Jwt { keys, .. } => Some(keys),
            Self::Family { keys, .. } => Some(&keys.keys),
            Self::KeystoneJws { keys, .. } => Some(&keys.keys),
            Self::Keystone { keys, .. } => keys.as_ref().map(|keys| &keys.keys),
            Self::Introspection { .. } => None,
        }
    }

    /// Whom to ask about its tokens, if it is asked.
    pub fn validator(&self) -> Option<token::ValidatorSettings> {
        match self {
            Self::Jwt { .. } | Self::Family { .. } | Self::KeystoneJws { .. } => None,
            Self::Keystone { settings, .. } => {
                Some(token::ValidatorSettings::Keystone(settings.clone()))
            }
            Self::Introspection { settings, .. } => {
                Some(token::ValidatorSettings::Introspection(settings.clone()))
            }
        }
    }

    /// Whether the gateway has a token of its own from it.
    pub fn has_service_token(&self) -> bool {
        match self {
            Self::Keystone { .. } => true,
            Self::Jwt { .. }
            | Self::Family { .. }
            | Self::KeystoneJws { .. }
            | Self::Introspection { .. } => false,
        }
    }
}
