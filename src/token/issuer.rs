//! Who may issue tokens, and which of them a token is held against.

use std::borrow::Cow;

use hyper::header::HeaderValue;
use serde_json::{Map, Value};

use super::{JwtFamily, KeyFeed, KeystoneJws, Token, TokenError, Validator, unverified_claims};

/// Who may issue tokens, and how they are verified.
#[derive(Debug)]
pub struct Issuer {
    /// Of a [`Kind::Jwt`] the `iss` claim of its tokens, compared byte by byte (RFC 7519 §4.1.1); of
    /// the others what logs and the audit call it, of a family with its parameter.
    pub name: String,
    /// How far its clock may differ from ours, in seconds.
    pub leeway: u64,
    /// How its tokens are verified.
    pub kind: Kind,
}

/// How tokens are verified.
#[derive(Debug)]
pub enum Kind {
    /// By the signature of a JWT that names its issuer and its audience (RFC 7519).
    Jwt(JwtIssuer),
    /// Likewise; each value of a parameter in its name makes another issuer.
    Family(JwtFamily),
    /// By the signature of a Keystone.
    KeystoneJws(KeystoneJws),
    /// By asking the issuer.
    Online(Online),
}

/// An issuer of JWTs.
#[derive(Clone, Debug)]
pub struct JwtIssuer {
    /// A token's `aud` must name one of these (RFC 7519 §4.1.3).
    pub audiences: Vec<String>,
    /// The keys that serve this issuer and no other.
    pub keys: KeyFeed,
}

/// An issuer that is asked about each token.
#[derive(Debug)]
pub struct Online {
    /// Asks it.
    pub validator: Validator,
    /// Which tokens are its own.
    pub takes: Takes,
    /// How JWS tokens of a Keystone are verified before it is asked about them, if they are.
    pub keystone: Option<KeystoneJws>,
}

/// Which tokens an issuer is asked about.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Takes {
    /// Those that tell nothing by themselves.
    pub opaque: bool,
    /// JWTs whose `iss` is its name.
    pub named: bool,
    /// Keystone's own JWS tokens, which name no issuer.
    pub keystone: bool,
}

impl Issuer {
    /// Where fresh keys for `token` may come from.
    pub fn keys_for(&self, token: Token<'_>) -> Option<KeyFeed> {
        match &self.kind {
            Kind::Jwt(jwt) => Some(jwt.keys.clone()),
            Kind::Family(family) => {
                let claims = unverified_claims(token).ok()?;
                Some(family.member(self.name_in(&claims))?.keys)
            }
            Kind::KeystoneJws(keystone) => Some(keystone.keys.clone()),
            Kind::Online(online) => Some(online.keystone.as_ref()?.keys.clone()),
        }
    }

    /// What the issuer of a token with these claims is called.
    pub fn name_in<'a>(&'a self, claims: &'a Map<String, Value>) -> &'a str {
        match &self.kind {
            Kind::Family(_) => claims.get("iss").and_then(Value::as_str),
            Kind::Jwt(_) | Kind::KeystoneJws(_) | Kind::Online(_) => None,
        }
        .unwrap_or(&self.name)
    }

    /// The gateway's own token of this issuer, where it has one now.
    pub fn service_token(&self) -> Option<HeaderValue> {
        match &self.kind {
            Kind::Jwt(_) | Kind::Family(_) | Kind::KeystoneJws(_) => None,
            Kind::Online(online) => online.validator.service_token(),
        }
    }
}

/// Finds whose JWT it is by what the token says itself, which nobody has verified yet. Never by trying
/// one issuer's keys after another's. An issuer of a family is not there before its keys are.
pub fn find_jwt<'a>(
    issuers: &'a [Issuer],
    name: &str,
) -> Result<(usize, &'a Issuer, Option<Cow<'a, JwtIssuer>>), TokenError> {
    let all = || issuers.iter().enumerate();
    let named = all().find_map(|(index, issuer)| match &issuer.kind {
        Kind::Jwt(jwt) if issuer.name == name => Some((index, issuer, Some(Cow::Borrowed(jwt)))),
        _ => None,
    });
    // An issuer that has a name of its own is none of a family.
    let found = named.or_else(|| {
        all().find_map(|(index, issuer)| match &issuer.kind {
            Kind::Family(family) if family.name.value_in(name).is_some() => {
                Some((index, issuer, family.member(name).map(Cow::Owned)))
            }
            _ => None,
        })
    });
    found.ok_or_else(|| TokenError::UnknownIssuer(name.to_owned()))
}

/// The issuer that is asked about a token that tells nothing by itself.
pub fn find_opaque(issuers: &[Issuer]) -> Option<usize> {
    let is_asked =
        |issuer: &Issuer| matches!(&issuer.kind, Kind::Online(online) if online.takes.opaque);
    issuers.iter().position(is_asked)
}

/// The issuer that is asked about JWTs that name it.
pub fn find_named(issuers: &[Issuer], name: &str) -> Option<usize> {
    let is_asked = |issuer: &Issuer| matches!(&issuer.kind, Kind::Online(online) if online.takes.named && issuer.name == name);
    issuers.iter().position(is_asked)
}

/// The Keystone whose form a token without an issuer has: the one that need not be asked, if there is one.
pub fn find_keystone(issuers: &[Issuer]) -> Option<(usize, &Issuer)> {
    let all = || issuers.iter().enumerate();
    all()
        .find(|(_, issuer)| matches!(issuer.kind, Kind::KeystoneJws(_)))
        .or_else(|| {
            all().find(
                |(_, issuer)| matches!(&issuer.kind, Kind::Online(online) if online.takes.keystone),
            )
        })
}
