//! Who may issue tokens, and which of them a token is held against.

use super::{KeyFeed, TokenError, Validator};

/// Who may issue tokens, and how they are verified.
#[derive(Debug)]
pub struct Issuer {
    /// Of a [`Kind::Jwt`] the `iss` claim of its tokens, compared byte by byte (RFC 7519 §4.1.1); of
    /// the others what logs and the audit call it.
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
    /// By asking the issuer.
    Online(Online),
}

/// An issuer of JWTs.
#[derive(Debug)]
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
}

/// Which tokens an issuer is asked about.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Takes {
    /// Those that tell nothing by themselves.
    pub opaque: bool,
    /// JWTs whose `iss` is its name.
    pub named: bool,
}

impl Issuer {
    /// Where fresh keys may come from.
    pub fn keys(&self) -> Option<&KeyFeed> {
        match &self.kind {
            Kind::Jwt(jwt) => Some(&jwt.keys),
            Kind::Online(_) => None,
        }
    }
}

/// Finds whose JWT it is by what the token says itself, which nobody has verified yet. Never by trying
/// one issuer's keys after another's.
pub fn find_jwt<'a>(
    issuers: &'a [Issuer],
    name: &str,
) -> Result<(usize, &'a Issuer, &'a JwtIssuer), TokenError> {
    let mut all = issuers.iter().enumerate();
    let found = all.find_map(|(index, issuer)| match &issuer.kind {
        Kind::Jwt(jwt) if issuer.name == name => Some((index, issuer, jwt)),
        _ => None,
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
