//! The order of checks that makes a text a known caller, without asking anybody.

use serde_json::{Map, Value};

use super::issuer::{find_jwt, find_keystone, find_named, find_opaque};
use super::jws::Jws;
use super::keystone::{self, METHODS};
use super::{
    Delegation, Issuer, KeyFeed, Kind, Recognized, SeenKeys, Settings, Standing, Token, TokenError,
    Verified,
};
use crate::tls::CertificateHash;

/// Verifies `token` at the time `now`, in seconds since 1970.
///
/// # Errors
///
/// The first check that fails. [`TokenError::UnknownKey`] may pass once the issuer's keys have been
/// refreshed; nothing else does.
pub fn verify(
    issuers: &[Issuer],
    settings: Settings,
    token: Token<'_>,
    now: u64,
) -> Result<Recognized, TokenError> {
    if token.as_str().len() > settings.max_size {
        return Err(TokenError::TooLarge(settings.max_size));
    }
    if let Some(issuer) = find_opaque(issuers)
        && !Jws::is_form_of(token)
    {
        return Ok(Recognized::Unasked { issuer });
    }
    let jws = Jws::parse(token)?;
    if !jws.claims.contains_key("iss")
        && jws.claims.contains_key(METHODS)
        && let Some((index, issuer)) = find_keystone(issuers)
    {
        return verify_keystone(jws, (index, issuer), now);
    }
    let name = string(&jws.claims, "iss")?;
    if let Some(issuer) = find_named(issuers, name) {
        return Ok(Recognized::Unasked { issuer });
    }
    let (index, issuer, jwt) = find_jwt(issuers, name)?;
    let Some(jwt) = jwt else {
        return Ok(Recognized::Unfetched {
            issuer: index,
            name: name.to_owned(),
        });
    };
    let seen = check_signature(&jws, index, &jwt.keys)?;
    let expires = check_times(&jws.claims, issuer.leeway, now)?;
    check_audience(&jws.claims, &jwt.audiences)?;
    let certificate = confirmation(&jws.claims)?;
    Ok(Recognized::Verified(Verified {
        issuer: index,
        claims: jws.claims,
        expires,
        standing: Standing::Keys(seen),
        certificate,
    }))
}

/// A token in Keystone's form. Where Keystone is asked, one that it cannot have made is refused before.
fn verify_keystone(
    mut jws: Jws<'_>,
    (index, issuer): (usize, &Issuer),
    now: u64,
) -> Result<Recognized, TokenError> {
    let (keys, delegated) = match &issuer.kind {
        Kind::KeystoneJws(keystone) => (Some(keystone), keystone.delegated.as_slice()),
        Kind::Online(online) => (online.keystone.as_ref(), Delegation::ALL.as_slice()),
        Kind::Jwt(_) | Kind::Family(_) => (None, [].as_slice()),
    };
    let unasked = Recognized::Unasked { issuer: index };
    let Some(keystone) = keys else {
        return Ok(unasked);
    };
    if jws.algorithm != keystone.algorithm {
        return Err(TokenError::AlgorithmMismatch {
            header: jws.algorithm,
            key: keystone.algorithm,
        });
    }
    // Keystone names no key.
    jws.kid = None;
    let seen = check_signature(&jws, index, &keystone.keys)?;
    let expires = check_times(&jws.claims, issuer.leeway, now)?;
    let certificate = keystone::check_claims(&jws.claims, delegated)?;
    if matches!(issuer.kind, Kind::Online(_)) {
        return Ok(unasked);
    }
    Ok(Recognized::Verified(Verified {
        issuer: index,
        claims: jws.claims,
        expires,
        standing: Standing::Keys(seen),
        certificate,
    }))
}

/// The claims of a token that nobody has verified: for showing them, never for deciding.
///
/// # Errors
///
/// A text that is not a token of an accepted algorithm.
pub fn unverified_claims(token: Token<'_>) -> Result<Map<String, Value>, TokenError> {
    Ok(Jws::parse(token)?.claims)
}

/// The keys that verified the signature.
fn check_signature(jws: &Jws<'_>, index: usize, feed: &KeyFeed) -> Result<SeenKeys, TokenError> {
    let (keys, seen) = feed.current().ok_or(TokenError::KeysUnavailable)?;
    let kid = jws.kid.as_deref();
    let mut candidates = keys.candidates(kid, jws.algorithm).peekable();
    let has_candidate = candidates.peek().is_some();
    if candidates.any(|key| jws.is_signed_by(key)) {
        return Ok(seen);
    }
    let named = kid.and_then(|_| keys.named(kid).next());
    Err(match named {
        Some(_) if has_candidate => TokenError::Signature,
        Some(key) => TokenError::AlgorithmMismatch {
            header: jws.algorithm,
            key: key.algorithm,
        },
        // Perhaps a newer key's: a token without `kid` does not tell.
        None => TokenError::UnknownKey {
            issuer: index,
            kid: jws.kid.clone(),
        },
    })
}

/// The `exp` claim in whole seconds, after `exp`, `nbf` and `iat` are checked (RFC 7519 §4.1.4–6).
fn check_times(claims: &Map<String, Value>, leeway: u64, now: u64) -> Result<u64, TokenError> {
    let missing = TokenError::Claim {
        claim: "exp",
        found: "missing",
        expected: "the time it expires",
    };
    let expires = time(claims, "exp")?.ok_or(missing)?;
    if now >= expires.saturating_add(leeway) {
        return Err(TokenError::Expired);
    }
    for claim in ["nbf", "iat"] {
        if time(claims, claim)?.is_some_and(|start| start > now.saturating_add(leeway)) {
            return Err(TokenError::NotYetValid(claim));
        }
    }
    Ok(expires)
}

pub fn check_audience(claims: &Map<String, Value>, accepted: &[String]) -> Result<(), TokenError> {
    let expected = "a string or an array of strings";
    let claim = |found| TokenError::Claim {
        claim: "aud",
        found,
        expected,
    };
    let is_accepted = |audience: &str| accepted.iter().any(|accepted| accepted == audience);
    let is_for_us = match claims.get("aud") {
        None => return Err(claim("missing")),
        Some(Value::String(audience)) => is_accepted(audience),
        Some(Value::Array(audiences)) => {
            let texts: Option<Vec<&str>> = audiences.iter().map(Value::as_str).collect();
            let texts = texts.ok_or_else(|| claim("an array of other values"))?;
            texts.into_iter().any(is_accepted)
        }
        Some(other) => return Err(claim(type_of(other))),
    };
    if is_for_us {
        return Ok(());
    }
    let names: Vec<String> = accepted.iter().map(|name| format!("`{name}`")).collect();
    Err(TokenError::Audience(names.join(", ")))
}

/// The certificate that whoever sends the token has to have (RFC 8705 §3.1). A token that is bound in
/// another way as well, or in one that is not known, is nobody's: RFC 7800 §3.1 leaves it to us.
pub fn confirmation(claims: &Map<String, Value>) -> Result<Option<CertificateHash>, TokenError> {
    let Some(value) = claims.get("cnf") else {
        return Ok(None);
    };
    let Value::Object(members) = value else {
        return Err(TokenError::Confirmation(type_of(value)));
    };
    let hash = members.get("x5t#S256").filter(|_| members.len() == 1);
    let hash = hash.ok_or(TokenError::Confirmation("of another kind"))?;
    let hash = hash.as_str().and_then(CertificateHash::from_base64);
    let hash = hash.ok_or(TokenError::Confirmation("no SHA-256 in base64url"))?;
    Ok(Some(hash))
}

pub fn string<'a>(
    claims: &'a Map<String, Value>,
    claim: &'static str,
) -> Result<&'a str, TokenError> {
    match claims.get(claim) {
        Some(Value::String(text)) => Ok(text),
        other => Err(TokenError::Claim {
            claim,
            found: other.map_or("missing", type_of),
            expected: "a string",
        }),
    }
}

/// A `NumericDate` (RFC 7519 §2), fractions cut off.
pub fn time(claims: &Map<String, Value>, claim: &'static str) -> Result<Option<u64>, TokenError> {
    let Some(value) = claims.get(claim) else {
        return Ok(None);
    };
    let invalid = |found| TokenError::Claim {
        claim,
        found,
        expected: "a number of seconds since 1970",
    };
    let seconds = value.as_f64().ok_or_else(|| invalid(type_of(value)))?;
    if seconds < 0.0 {
        return Err(invalid("negative"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and the cast saturates"
    )]
    Ok(Some(seconds as u64))
}

pub fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
